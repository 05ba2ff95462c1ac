"""The trades of a run, and the positions that they lead to."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from ccp.book.portfolio import Portfolio
from ccp.kernels.exposure.sweep import PositionArrays
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
