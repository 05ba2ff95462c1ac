"""Is a book sound, and does the market know what it needs?"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ccp.api.inputs import DEFAULT_RULEBOOK, open_inputs
from ccp.book.book import Book
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
    return CheckReport(counts, case.date, case.factor_ids, list(case.market.modelled), case_notes(case))
