"""The case that is left when a book has changed, and what is checked and said of it."""

from dataclasses import fields

import numpy as np
import polars as pl

from ccp.api.kept_base import Base
from ccp.book.changed_book import ChangedBook
from ccp.book.check import MATCH_TOLERANCE
from ccp.book.kept import ChangedPortfolio
from ccp.book.portfolio import Portfolio, build_portfolio, compressed
from ccp.market.case import Case
from ccp.market.needs import find_market_problems, needed_factors
from ccp.market.too_large import find_too_large
from ccp.notes.note import Note, note
from ccp.rulebook.rulebook import Rulebook
from ccp.stress.what_if import Touched
from ccp.tables import raise_problems
from ccp.types import Index, Vector


def positions_of(case: Case, places: Index) -> pl.DataFrame:
    """The positions of some accounts, by their places."""
    offset, instrument, quantity = case.portfolio.positions
    counts = offset[places + 1] - offset[places]
    entries = np.repeat(offset[places] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    names = pl.Series(case.portfolio.instruments, dtype=pl.String)
    return pl.DataFrame(
        {
            "account_id": case.book.accounts["account_id"].gather(np.repeat(places, counts)),
            "instrument_id": names.gather(instrument[entries]),
            "quantity": quantity[entries],
        },
        schema=case.book.positions.schema,
    )


def case_after(before: Case, changed: ChangedBook, rulebook: Rulebook) -> Case:
    """The changed book met with the market."""
    book, old = changed.book, before.portfolio
    same = book.members is before.book.members and book.accounts is before.book.accounts
    tree = old if same else build_portfolio(book, old.positions)
    own = book.accounts["account_id"].filter(pl.Series(changed.touched))
    held = compressed(changed.positions, own, pl.Series(tree.instruments, dtype=pl.String))
    parts = {field.name: getattr(tree, field.name) for field in fields(Portfolio)}
    origin = np.where(changed.touched, -1, changed.accounts)
    portfolio = ChangedPortfolio(**parts, origin=origin, changed=held)
    return Case(book, before.market, rulebook, needed_factors(book, rulebook.currency), portfolio)


def check_changed(base: Base, now: Case, touched: Touched, partly: bool) -> None:
    """What a full run checks beyond the tables: the market serves the rules, and no holding is too large to be counted.

    Raises InputError.
    """
    rules, instruments = now.rulebook, now.portfolio.instruments
    problems = [] if partly else find_market_problems(now.book, now.market, rules.currency, rules.margin.history_rows)
    if not problems:
        gross = np.maximum(base.found.gross + touched.gross(len(instruments)), 0.0)
        held = pl.DataFrame({"instrument_id": instruments, "quantity": gross})
        problems = find_too_large(now.book, now.market, rules.currency, rules.currency_digits, held)
    raise_problems(problems, len(problems))


def matching_notes(base: Base, now: Case, touched: Touched) -> list[Note]:
    """Whether quantities still sum to zero: what is not matched is said, and not refused."""
    if not now.rulebook.book.matched:
        return []
    count = len(now.portfolio.instruments)
    net = _net(base.case, count) + touched.net(count)
    gross = np.maximum(base.found.gross, base.found.gross + touched.gross(count))
    unmatched = int((np.abs(net) > MATCH_TOLERANCE * gross).sum())
    return [note("unmatched", "positions.quantity", unmatched, count)] if unmatched else []


def _net(before: Case, instruments: int) -> Vector:
    """What is held of each instrument before, net: nothing, where the rulebook has seen to it."""
    if before.rulebook.book.matched:
        return np.zeros(instruments)
    positions = before.portfolio.positions
    return np.bincount(positions.instrument, positions.quantity, minlength=instruments).astype(np.float64)
