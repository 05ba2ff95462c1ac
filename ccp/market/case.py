"""A book met with its market under a rulebook: read, checked together, and ready to be priced."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from ccp.book.book import Book, book_of, book_tables, find_book_problems
from ccp.book.check import Findings
from ccp.errors import Problem
from ccp.frames import book_schemas
from ccp.market.history import Market
from ccp.market.needs import find_market_problems, needed_factors
from ccp.market.too_large import find_too_large
from ccp.market.volatility import with_modelled_volatility
from ccp.rulebook.rulebook import Rulebook
from ccp.tables import raise_problems

if TYPE_CHECKING:
    from ccp.book.portfolio import Portfolio
    from ccp.book.stored import StoredPositions
    from ccp.book.stored_portfolio import StoredPortfolio


@dataclass(frozen=True)
class Case:
    """Everything a run starts from. The market ends on the run's date: nothing later is known to it.

    `prepared` is the book's portfolio where it is known already.
    """

    book: Book
    market: Market
    rulebook: Rulebook
    factor_ids: list[str]
    prepared: "Portfolio | None" = None

    @property
    def date(self) -> date:
        """The day the book is priced on."""
        return self.market.levels["date"][-1]

    @cached_property
    def portfolio(self) -> "Portfolio":
        """The book sorted and indexed."""
        if self.prepared is not None:
            return self.prepared
        from ccp.book.portfolio import build_portfolio  # loads numba: not for a book that is only checked

        return build_portfolio(self.book)


def open_case(book: Path | str | Book, market: Market, rulebook: Rulebook, day: date | None = None) -> Case:
    """Read a book and check it against its market; problems of both are reported together.

    `day` is the run's date, by default the last day of the market. Raises InputError.
    """
    known = market.until(day)
    read = book if isinstance(book, Book) else _read(Path(book), known, rulebook)
    return _met(read, known, rulebook, None)


def open_stored_case(
    directory: Path | str,
    market: Market,
    rulebook: Rulebook,
    day: date | None,
    store: "Callable[[Path, Portfolio, Findings], StoredPositions]",
) -> Case:
    """As `open_case`, with positions that are never all in memory.

    `store` puts away the positions of a file, for a book without them, and adds what is wrong to the findings.
    """
    from ccp.book.portfolio import build_portfolio
    from ccp.book.stored_portfolio import StoredPortfolio

    known = market.until(day)
    book = _read(Path(directory), known, rulebook, ("positions",))
    tree, findings = build_portfolio(book), Findings()
    stored = store(book.files["positions"], tree, findings)
    if findings.total:
        _raise_all(book, findings, known, rulebook)
    return _met(book, known, rulebook, StoredPortfolio(**tree.__dict__, store=stored))


def _read(directory: Path, market: Market, rulebook: Rulebook, unread: tuple[str, ...] = ()) -> Book:
    """The book's tables, checked; those in `unread` stay empty."""
    tables, files = book_tables(directory, unread)
    sources = {name: path.name for name, path in files.items()}
    typed, findings = find_book_problems(tables, sources, rulebook.book.matched, unread)
    if findings.total and "instruments" in typed:
        empty = {name: schema.create_empty() for name, schema in book_schemas().items() if name != "collateral"}
        _raise_all(book_of(empty | typed, files), findings, market, rulebook)
    raise_problems(findings.problems, findings.total)
    return book_of(typed, files)


def _met(book: Book, market: Market, rulebook: Rulebook, portfolio: "StoredPortfolio | None") -> Case:
    """A book met with its market. Raises InputError."""
    factor_ids = needed_factors(book, rulebook.currency)
    known = with_modelled_volatility(market, factor_ids)
    held = None
    if portfolio is not None:
        held = pl.DataFrame({"instrument_id": portfolio.instruments, "quantity": portfolio.store.gross})
    problems = _market_problems(book, known, rulebook)
    problems = problems or find_too_large(book, known, rulebook.currency, rulebook.currency_digits, held)
    raise_problems(problems, len(problems))
    return Case(book, known, rulebook, factor_ids, portfolio)


def _market_problems(book: Book, market: Market, rulebook: Rulebook) -> list[Problem]:
    return find_market_problems(book, market, rulebook.currency, rulebook.margin.history_rows)


def _raise_all(book: Book, findings: Findings, market: Market, rulebook: Rulebook) -> None:
    """Add what the market has to say about the instruments, then raise."""
    with_volatility = with_modelled_volatility(market, needed_factors(book, rulebook.currency))
    problems = _market_problems(book, with_volatility, rulebook)
    findings.add([problem for problem in problems if not findings.told(problem)])
    raise_problems(findings.problems, findings.total)
