"""Settlement prices: what every instrument is worth on each day of the run. Formulas: docs/reference/daily-cycle.md."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ccp.errors import refuse
from ccp.margin.securities import value_at
from ccp.market.case import Case
from ccp.pricing.market_state import DayMoves, MarketState
from ccp.pricing.pricers import moved_columns, unit_prices
from ccp.pricing.terms import NONE, Terms, instrument_terms, years_left
from ccp.settlement.terms import RunTerms
from ccp.types import Flags, Index, Vector


@dataclass(frozen=True)
class DayPrices:
    """Per instrument on one day: its price and the rate of its currency. `columns` are what else of the instruments
    table has moved, NaN where it has not."""

    price: Vector
    exchange: Vector
    columns: dict[str, Vector]


class PricePath:
    """Prices of every instrument on every day of a run, by the levels of its own day and of the first."""

    def __init__(self, terms: RunTerms):
        case = terms.case
        self.run = terms
        self.table = case.book.ordered_instruments
        self.terms = instrument_terms(self.table, case.market, case.factor_ids, case.rulebook.currency, 1)
        self.absolute = np.array([change == "absolute" for change in case.market.kinds("change", case.factor_ids)])
        self.first = self._levels(0)
        dates = np.array(terms.dates, dtype="datetime64[D]")
        self.expiry = self.table["expiry"].cast(pl.Date).to_numpy().astype("datetime64[D]")
        self.last_day = self._last_days(dates)
        self.multiplier = self.terms.multiplier
        self.premium = self.terms.premium

    def _levels(self, day: int) -> Vector:
        """The needed factors' levels on a day of the run. Raises InputError where one has none."""
        row = self.run.path.row(int(self.run.rows[day]), named=True)
        factor_ids = self.run.case.factor_ids
        missing = next((name for name in factor_ids if row[name] is None), None)
        if missing is not None:
            raise refuse("market", f"a value on {row['date']} was expected", field="factor_id", value=missing)
        return np.array([row[name] for name in factor_ids], dtype=np.float64)

    def _last_days(self, dates: np.ndarray) -> Index:
        """The day on which each instrument expires, a day after the run's last where it does not."""
        never = np.full(self.table.height, self.run.days, dtype=np.int64)
        if self.run.constant_expiry:
            return never
        stated = ~np.isnat(self.expiry)
        never[stated] = np.searchsorted(dates, self.expiry[stated])
        return never

    def alive(self, day: int) -> Flags:
        """Which instruments are still there at the end of a day."""
        return self.last_day > day

    def on(self, day: int) -> DayPrices:
        """Prices of a day, by each product's pricer; those of an instrument that is gone mean nothing."""
        levels = self._levels(day)
        state = self._state(day, levels)
        return DayPrices(unit_prices(self.terms, state), _rates(self.terms, levels), moved_columns(self.terms, state))

    def _state(self, day: int, levels: Vector) -> MarketState:
        """The market on a day: at expiry no time is left, and a price is what the pricer says of that."""
        years, moves = self.terms.years, DayMoves(self.first, levels, self.absolute)
        if self.run.constant_expiry:
            return MarketState(moves, years, np.ones(len(years)))
        left = years_left(self.table["expiry"], np.datetime64(self.run.dates[day], "D"))
        return MarketState(moves, left, np.where(np.isnan(years), 1.0, left / years))

    def collateral_values(self, day: int) -> Vector:
        """Market values of the lines of the collateral table, each in its own currency, as the table has them."""
        table = self.run.case.book.collateral
        if table is None:
            return np.zeros(0)
        place = {name: number for number, name in enumerate(self.run.case.factor_ids)}
        factor = np.array([NONE if name is None else place[name] for name in table["factor_id"]], dtype=np.int64)
        before, after = (np.where(factor == NONE, 1.0, levels[factor]) for levels in (self.first, self._levels(day)))
        return value_at(table["market_value"].to_numpy(), before, after)

    def case(self, day: int, prices: DayPrices) -> Case:
        """The case of a day: its prices, and the market as known on it. Positions are the caller's to add."""
        start = self.run.case
        columns = [pl.Series("price", prices.price)]
        for name, values in prices.columns.items():
            moved = pl.Series(name, values, nan_to_null=True)
            columns.append(moved.zip_with(moved.is_not_null(), self.table[name]))
        instruments = self.table.with_columns(columns)
        if self.run.constant_expiry:
            passed = self.run.dates[day] - self.run.dates[0]
            instruments = instruments.with_columns(pl.col("expiry") + passed)
        book = replace(start.book, instruments=instruments)
        if book.collateral is not None:
            values = pl.Series("market_value", self.collateral_values(day))
            book = replace(book, collateral=book.collateral.with_columns(values))
        levels = self.run.path.slice(0, int(self.run.rows[day]) + 1)
        return replace(start, book=book, market=replace(start.market, levels=levels))


def _rates(terms: Terms, levels: Vector) -> Vector:
    return np.where(terms.currency_factor == NONE, 1.0, levels[terms.currency_factor])
