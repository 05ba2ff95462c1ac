"""`ccp demo`: the main job on the embedded example."""

from pathlib import Path
from typing import Annotated

import typer

from ccp.cli.options import DEFAULT_RULEBOOK, AsJson, Overwrite, Quiet, RulebookName, Threads, Verbose
from ccp.cli.session import session
from ccp.cli.size import run_size, show_size


def demo(
    rulebook: RulebookName = DEFAULT_RULEBOOK,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write the run to this directory.", metavar="DIR")
    ] = None,
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Size the fund of the embedded example: a synthetic book on real prices, 1999 to 2022.

    Example: ccp demo --rulebook textbook/capital-last
    """
    with session(as_json, quiet, verbose) as current:
        import ccp
        from ccp.api.size import KIND
        from ccp.runs.write import check_free

        if out is not None:
            check_free(out, KIND.command, overwrite)
        current.say("The members and positions are invented; the prices are real (see docs/reference/data).")
        result = run_size(current, ccp.example_book(), rulebook, None, None, None, threads)
        if out is not None:
            result.write(out, overwrite)
        show_size(current, result)
        if out is not None:
            current.say(f"Written to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
