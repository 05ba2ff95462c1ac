"""What a run starts from, and what it says of that."""

import hashlib
from datetime import date
from importlib.resources import files
from pathlib import Path

from ccp.book.book import Book
from ccp.frames import BOOK_TABLES
from ccp.market.case import Case, open_case
from ccp.market.history import Market, read_market
from ccp.rulebook.load import load_rulebook, rulebook_path
from ccp.rulebook.rulebook import Rulebook

DEFAULT_RULEBOOK = "textbook/cover-two"
read_rulebook = load_rulebook


def example_book() -> Path:
    """The directory of the synthetic book that is shipped with the package."""
    return Path(str(files("ccp.book") / "example"))


def open_inputs(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook,
    market: str | Path | Market | None,
    day: date | None,
) -> Case:
    """A book met with its market under a rulebook, each given as it is or by its path or name."""
    rules = rulebook if isinstance(rulebook, Rulebook) else load_rulebook(rulebook)
    prices = market if isinstance(market, Market) else read_market(market)
    return open_case(book, prices, rules, day)


def input_files(case: Case, rulebook: str | Path | Rulebook, **others: Path | None) -> dict[str, Path]:
    """Every file that a run reads, by role."""
    inputs = {f"book/{name}": path for name, path in case.book.files.items()}
    inputs |= {f"market/{name}": path for name, path in case.market.files.items()}
    if not isinstance(rulebook, Rulebook):
        inputs["rulebook"] = rulebook_path(rulebook)
    return inputs | {role: path for role, path in others.items() if path is not None}


def in_memory(case: Case) -> dict[str, str]:
    """Digests of a book and a market that were given as frames and not as files."""
    tables = {f"book/{name}": getattr(case.book, name) for name in BOOK_TABLES if name not in case.book.files}
    if not case.market.files:
        tables |= {"market/prices": case.market.levels, "market/factors": case.market.factors}
    given = {name: table for name, table in tables.items() if table is not None}
    return {
        name: hashlib.sha256(table.hash_rows(seed=0).to_numpy().tobytes()).hexdigest() for name, table in given.items()
    }
