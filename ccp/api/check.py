"""Is a book sound, and does the market know what it needs?"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from ccp.api.inputs import DEFAULT_RULEBOOK, open_inputs
from ccp.book.book import Book
from ccp.market.case import Case
from ccp.market.history import Market
from ccp.notes.note import Note
from ccp.rulebook.rulebook import Rulebook


@dataclass(frozen=True)
class CheckReport:
    """What `check` counted in a sound book, and what a reader must know of a run of it under the rulebook (`notes`), as
    far as that is known before anything is stressed."""

    counts: dict[str, int]
    date: date
    factors: list[str]
    modelled: list[str]
    notes: list[Note]


def check(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook = DEFAULT_RULEBOOK,
    market: str | Path | Market | None = None,
    day: date | None = None,
) -> CheckReport:
    """Read a book and check it against its market. Raises InputError with everything that is wrong."""
    case = open_inputs(book, rulebook, market, day)
    from ccp.api.noted import case_notes  # loads numba: only once the book is known to be sound

    tables = {name: getattr(case.book, name) for name in ("members", "accounts", "instruments", "positions")}
    counts = {name: table.height for name, table in tables.items()}
    if case.book.collateral is not None:
        counts["collateral"] = case.book.collateral.height
    notes = [*case_notes(case), *_collateral(case)]
    return CheckReport(counts, case.date, case.factor_ids, list(case.market.modelled), notes)


def _collateral(case: Case) -> list[Note]:
    """What of the collateral does not count; margins, which limits are shares of, are computed only where there are
    limits."""
    if case.book.collateral is None:
        return []
    from ccp.margin.collateral_counts import collateral_notes
    from ccp.margin.requirement import margin_requirement
    from ccp.stress.parts import pool_requirement

    required = np.zeros(len(case.portfolio.pools), dtype=np.int64)
    if case.rulebook.collateral.limits:
        required = pool_requirement(case.portfolio.whole, margin_requirement(case))
    return collateral_notes(case, required)
