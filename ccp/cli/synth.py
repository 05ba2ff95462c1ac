"""`ccp synth`: a synthetic book of any size."""

from pathlib import Path
from typing import Annotated

import typer

from ccp.cli.options import AsJson, Overwrite, Quiet, Verbose
from ccp.cli.session import session


def synth(
    directory: Annotated[Path, typer.Argument(help="Directory to write the book to.", metavar="DIR")],
    members: Annotated[int, typer.Option(min=1, help="Clearing members.")] = 40,
    accounts: Annotated[int, typer.Option(min=2, help="Accounts, house accounts included.")] = 1_000,
    positions: Annotated[int, typer.Option(min=2, help="Number of positions, within a few per cent.")] = 20_000,
    instruments: Annotated[int, typer.Option(min=1, help="Instruments, the most traded first.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="The same seed and size give the same book.")] = 1,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write a synthetic book on the shipped market: invented members and positions, matched in every instrument.

    Example: ccp synth big-book --members 100 --accounts 100000 --positions 10000000 --instruments 2000
    """
    with session(as_json, quiet, verbose) as current:
        import ccp
        from ccp.book.synthetic import BookSize

        size = BookSize(members, accounts, positions, instruments)
        current.detail(f"inventing {positions:,} positions")
        with current.progress("giving accounts their positions") as progress:
            written = ccp.synthesize(directory, size, seed, overwrite, progress)
        current.detail("written")
        files = sorted(path.name for path in written.iterdir())
        current.answer({"directory": str(written), "files": files, "seed": seed})
        current.say(f"Written to {written}: {', '.join(files)}. Everything in it is invented.")
