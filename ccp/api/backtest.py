"""Margin models against the past, from files to tables."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ccp.api.inputs import DEFAULT_RULEBOOK, input_files
from ccp.backtesting.history import run_history
from ccp.backtesting.models import margin_models
from ccp.backtesting.notes import back_test_notes
from ccp.backtesting.results import exceptions_table, margins_table, procyclicality_table
from ccp.backtesting.step import step_responses
from ccp.book.book import Book, read_book
from ccp.exposure.run import Progress
from ccp.market.case import open_case
from ccp.market.history import Market, read_market
from ccp.market.needs import needed_factors
from ccp.market.volatility import with_modelled_volatility
from ccp.notes.note import Note
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.commands import COMMANDS
from ccp.runs.manifest import manifest, with_notes
from ccp.runs.write import write_run

KIND = COMMANDS["backtest"]


@dataclass(frozen=True)
class BackTesting:
    """What `backtest` found: `backtest`, `procyclicality` and `margins` as tables, and what a reader must know beside
    them (`notes`)."""

    tables: dict[str, pl.DataFrame]
    manifest: dict[str, Any]
    notes: list[Note]

    def write(self, out: Path | str, overwrite: bool = False) -> Path:
        """Write the tables to a directory, whole or not at all."""
        return write_run(Path(out), KIND.command, self.tables, {"manifest": self.manifest}, overwrite)


def backtest(
    book: Path | str | Book,
    first: date,
    last: date,
    rulebook: str | Path | Rulebook = DEFAULT_RULEBOOK,
    models: list[str] | None = None,
    book_date: date | None = None,
    market: str | Path | Market | None = None,
    progress: Progress | None = None,
) -> BackTesting:
    """Margin one and the same book by several models on every day between two, and count what went beyond.

    `models` by name, None for all; `book_date` is the day the book's prices hold on, by default the market's last.
    Raises InputError.
    """
    rules = rulebook if isinstance(rulebook, Rulebook) else load_rulebook(rulebook)
    prices = market if isinstance(market, Market) else read_market(market)
    chosen = margin_models(rules.margin, models)
    tables = book if isinstance(book, Book) else read_book(book, rules.book.matched)
    whole = with_modelled_volatility(prices, needed_factors(tables, rules.currency))
    case = open_case(tables, whole.until(book_date, "book_date"), rules)
    history = run_history(case, whole, chosen, first, last, progress)
    found = {
        "backtest": exceptions_table(history),
        "procyclicality": procyclicality_table(history, step_responses(chosen, rules)),
        "margins": margins_table(history),
    }
    run = {
        "command": KIND.command,
        "from": str(history.dates[0]),
        "to": str(history.dates[-1]),
        "days": len(history.dates),
        "days_without": history.left_out,
        "book_date": str(case.date),
        "horizon": history.horizon,
        "models": {name: one.model_dump(mode="json", by_alias=True) for name, one in chosen.items()},
        "modelled_factors": list(whole.modelled),
    }
    notes = back_test_notes(history, whole, chosen, (first, last))
    stated = manifest(input_files(case, rulebook), rules, run)
    return BackTesting(found, with_notes(stated, notes), notes)
