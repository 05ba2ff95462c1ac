"""The trades of a run: read and checked, and the positions that they lead to."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from ccp.book.book import Book
from ccp.book.check import MATCH_TOLERANCE, Findings
from ccp.book.portfolio import Portfolio
from ccp.errors import Problem, refuse
from ccp.frames import TradeRows
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.tables import check_table, raise_problems, read_raw
from ccp.types import Flags, Index, Vector


@dataclass(frozen=True)
class RunTrades:
    """Trades in order of day, account and instrument; places are those of the portfolio. `day` counts from 0."""

    day: Index
    account: Index
    instrument: Index
    quantity: Vector
    price: Vector

    def between(self, first: int, last: int) -> "RunTrades":
        """The trades from one day to another, both included."""
        begin, end = np.searchsorted(self.day, [first, last + 1])
        part = slice(int(begin), int(end))
        return RunTrades(
            self.day[part], self.account[part], self.instrument[part], self.quantity[part], self.price[part]
        )


_NOTHING = np.zeros(0, dtype=np.int64)
NO_TRADES = RunTrades(_NOTHING, _NOTHING, _NOTHING, np.zeros(0), np.zeros(0))


def read_trades(path: Path, book: Book, portfolio: Portfolio, dates: list[date], matched: bool) -> RunTrades:
    """Read a trades table and check it against the book and the run's days. Raises InputError."""
    if not path.exists():
        raise refuse(str(path), "no such file")
    frame, problems, total = check_table(read_raw(path), TradeRows, path.name)
    findings = Findings()
    findings.add(problems, total)
    _check(frame, book, dates, path.name, findings)
    raise_problems(findings.problems, findings.total)
    if matched:
        _check_matched(frame, path.name, findings)
        raise_problems(findings.problems, findings.total)
    return trade_arrays(frame, portfolio, dates)


def _check(frame: pl.DataFrame, book: Book, dates: list[date], source: str, findings: Findings) -> None:
    known = {
        "date": pl.Series(dates, dtype=pl.Date),
        "account_id": book.accounts["account_id"],
        "instrument_id": book.instruments["instrument_id"],
    }
    expected = {
        "date": f"a day of the run was expected ({dates[0]} to {dates[-1]}, days with prices)",
        "account_id": "unknown; the accounts table has no such account_id",
        "instrument_id": "unknown; the instruments table has no such instrument_id",
    }
    for field, values in known.items():
        wrong = frame[field].is_not_null() & ~frame[field].is_in(values.implode())
        findings.mask(source, frame[field], wrong, expected[field])
    ends = dict(zip(book.instruments["instrument_id"], book.instruments["expiry"], strict=True))
    expiry = frame["instrument_id"].replace_strict(ends, default=None, return_dtype=pl.Date)
    late = pl.Series(frame["date"].to_numpy() > _last_days(expiry, dates))
    findings.mask(source, frame["date"], late, "a day on which the instrument is still there was expected")


def _last_days(expiry: pl.Series, dates: list[date]) -> np.ndarray:
    """The day on which each instrument is settled for the last time: its expiry or the next open day; NaT for never."""
    days = np.array(dates, dtype="datetime64[D]")
    ends = expiry.cast(pl.Date).to_numpy().astype("datetime64[D]")
    place = np.searchsorted(days, ends)
    never = np.isnat(ends) | (place == len(days))
    return np.where(never, np.datetime64("NaT"), days[np.minimum(place, len(days) - 1)])


def _check_matched(frame: pl.DataFrame, source: str, findings: Findings) -> None:
    """On each day an instrument's quantities, and quantities times prices, must sum to zero."""
    value = pl.col("quantity") * pl.col("price")
    sums = frame.group_by("date", "instrument_id").agg(
        pl.col("quantity").sum().alias("net"),
        pl.col("quantity").abs().sum().alias("gross"),
        value.sum().alias("paid"),
        value.abs().sum().alias("turnover"),
    )
    wrong = (pl.col("net").abs() > MATCH_TOLERANCE * pl.col("gross")) | (
        pl.col("paid").abs() > MATCH_TOLERANCE * pl.col("turnover")
    )
    expected = "a day's quantities, and quantities times prices, must sum to 0 in every instrument (book.matched)"
    for row in sums.filter(wrong).sort("date", "instrument_id").iter_rows(named=True):
        found = f"{expected}; on {row['date']} they sum to {row['net']:g} and {row['paid']:g}"
        findings.add([Problem(source, found, "instrument_id", row["instrument_id"])])


def trade_arrays(frame: pl.DataFrame, portfolio: Portfolio, dates: list[date]) -> RunTrades:
    """A checked trades table as arrays."""
    places = frame.select(
        pl.col("date").replace_strict(dates, list(range(len(dates))), return_dtype=pl.Int64).alias("day"),
        pl.col("account_id").cast(pl.Enum(portfolio.accounts)).to_physical().cast(pl.Int64).alias("account"),
        pl.col("instrument_id").cast(pl.Enum(portfolio.instruments)).to_physical().cast(pl.Int64).alias("instrument"),
        "quantity",
        "price",
    ).sort("day", "account", "instrument", "price", "quantity")
    return RunTrades(*(places[name].to_numpy().copy() for name in places.columns))


def trades_as_positions(trades: RunTrades, accounts: int) -> PositionArrays:
    """Trades as positions in themselves: the first trade, the second, ..., in order of account."""
    order = np.argsort(trades.account, kind="stable")
    offset = np.searchsorted(trades.account[order], np.arange(accounts + 1)).astype(np.int64)
    arrays = PositionArrays(offset, order.astype(np.int32), trades.quantity[order])
    for array in arrays:
        array.flags.writeable = False
    return arrays


@dataclass(frozen=True)
class Holding:
    """Positions by key, `account * instruments + instrument`, rising; no position is zero."""

    key: Index
    quantity: Vector
    instruments: int

    @property
    def account(self) -> Index:
        """The account of each position."""
        return self.key // self.instruments

    @property
    def instrument(self) -> Index:
        """The instrument of each position."""
        return self.key % self.instruments

    def kept(self, keep: Flags) -> "Holding":
        """Some of the positions."""
        return Holding(self.key[keep], self.quantity[keep], self.instruments)

    def arrays(self, accounts: int) -> PositionArrays:
        """The positions in compressed rows, read-only."""
        offset = np.searchsorted(self.key, np.arange(accounts + 1, dtype=np.int64) * self.instruments)
        found = PositionArrays(
            offset.astype(np.int64), self.instrument.astype(np.int32), np.ascontiguousarray(self.quantity)
        )
        for array in found:
            array.flags.writeable = False
        return found


def opening_holding(portfolio: Portfolio) -> Holding:
    """The book's own positions."""
    offset, instrument, quantity = portfolio.positions
    account = np.repeat(np.arange(len(portfolio.accounts)), np.diff(offset))
    key = account * len(portfolio.instruments) + instrument
    keep = quantity != 0
    return Holding(key[keep], quantity[keep].copy(), len(portfolio.instruments))


def after_trades(holding: Holding, trades: RunTrades) -> Holding:
    """Positions after some trades. What comes to zero is gone."""
    if not len(trades.day):
        return holding
    traded, where = np.unique(trades.account * holding.instruments + trades.instrument, return_inverse=True)
    change = np.zeros(len(traded))
    np.add.at(change, where, trades.quantity)
    place = np.searchsorted(holding.key, traded)
    held = np.zeros(len(traded), dtype=bool)
    inside = place < len(holding.key)
    held[inside] = holding.key[place[inside]] == traded[inside]
    quantity = holding.quantity.copy()
    quantity[place[held]] += change[held]
    key = np.insert(holding.key, place[~held], traded[~held])
    quantity = np.insert(quantity, place[~held], change[~held])
    keep = quantity != 0
    return Holding(key[keep], quantity[keep], holding.instruments)
