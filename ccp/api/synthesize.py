"""Writing a synthetic book."""

from pathlib import Path

from ccp.book.synthetic import BookSize, synthetic_parts
from ccp.errors import refuse_argument
from ccp.exposure.run import Progress
from ccp.market.history import latest_levels, read_market
from ccp.market.volatility import SUFFIX, with_modelled_volatility
from ccp.runs.commands import COMMANDS
from ccp.runs.manifest import synthetic_manifest
from ccp.runs.write import check_free, write_run

KIND = COMMANDS["synth"]


def synthesize(
    out: Path | str,
    book_size: BookSize | None = None,
    seed: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a synthetic book on the shipped market: invented, and the same for the same seed and size.

    Positions are written while they are made, so that a book may be larger than memory. `progress` is called with
    accounts done and all.
    """
    wanted = book_size or BookSize()
    if wanted.accounts < wanted.members:
        raise refuse_argument(
            "accounts", f"at least one account a member was expected ({wanted.members})", value=wanted.accounts
        )
    check_free(Path(out), KIND.command, overwrite)
    market = read_market()
    volatilities = [f"{name}{SUFFIX}" for name in market.factor_ids]
    levels = latest_levels(with_modelled_volatility(market, volatilities))
    tables = synthetic_parts(wanted, seed, levels, market.dates[-1], progress)
    stated = synthetic_manifest(wanted.__dict__, seed, market.dates[-1].isoformat())
    return write_run(Path(out), KIND.command, tables, {"manifest": stated}, overwrite)
