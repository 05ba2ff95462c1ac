"""Settlement prices: what every instrument is worth on each day of the run. Formulas: docs/reference/daily-cycle.md."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ccp.errors import refuse
from ccp.kernels.exposure.black import option_values
from ccp.market.case import Case
from ccp.pricing.option import model_values_today
from ccp.pricing.terms import NONE, Terms, instrument_terms
from ccp.settlement.terms import RunTerms
from ccp.types import Flags, Index, Vector


@dataclass(frozen=True)
class DayPrices:
    """Per instrument on one day: price, forward and volatility (options only), rate of its currency, multiplier."""

    price: Vector
    forward: Vector
    volatility: Vector
    exchange: Vector


class PricePath:
    """Prices of every instrument on every day of a run, by the levels of its own day and of the first."""

    def __init__(self, terms: RunTerms):
        case = terms.case
        self.run = terms
        self.table = case.book.instruments.sort("instrument_id")
        self.terms = instrument_terms(self.table, case.market, case.factor_ids, case.rulebook.currency, 1)
        self.absolute = np.array([change == "absolute" for change in case.market.kinds("change", case.factor_ids)])
        self.first = self._levels(0)
        self.options = np.flatnonzero(self.terms.option)
        self.first_model = np.zeros(0)
        if self.options.size:
            self.first_model = model_values_today(self.terms, self.options)
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
        """Prices of a day; those of an instrument that is gone mean nothing."""
        terms, levels = self.terms, self._levels(day)
        price = self._moved(terms.price, terms.factor, levels)
        forward = self._moved(terms.forward, terms.factor, levels)
        volatility = np.maximum(self._moved(terms.volatility, terms.volatility_factor, levels), 0.0)
        if self.options.size:
            price[self.options] = self._option_prices(day, forward, volatility)
        return DayPrices(price, forward, volatility, _rates(terms, levels))

    def _moved(self, start: Vector, factor: Index, levels: Vector) -> Vector:
        """Values of the first day moved with their factors, by ratio or difference; without factor they stay."""
        ratio = start * (levels[factor] / self.first[factor])
        difference = start + (levels[factor] - self.first[factor])
        return np.where(factor == NONE, start, np.where(self.absolute[factor], difference, ratio))

    def _option_prices(self, day: int, forward: Vector, volatility: Vector) -> Vector:
        rows = self.options
        terms = self.terms.rows(rows)
        years = terms.years
        left = np.ones(len(rows))
        if not self.run.constant_expiry:
            days = (self.expiry[rows] - np.datetime64(self.run.dates[day], "D")) / np.timedelta64(1, "D")
            years = np.maximum(days, 0.0) / 365.0
            left = years / terms.years
        value = np.empty((len(rows), 1))
        option_values(
            forward[rows].reshape(-1, 1), volatility[rows].reshape(-1, 1), years, terms.strike, terms.call, value
        )
        model = value[:, 0] * np.exp(-terms.discount_rate * years)
        moved = np.maximum(terms.price * left + (model - self.first_model * left), 0.0)
        sign = np.where(terms.call, 1.0, -1.0)
        intrinsic = np.maximum(sign * (forward[rows] - terms.strike), 0.0)
        return np.where(self.last_day[rows] <= day, intrinsic, moved)

    def collateral_values(self, day: int) -> Vector:
        """Market values of the lines of the collateral table, each in its own currency, as the table has them."""
        table = self.run.case.book.collateral
        if table is None:
            return np.zeros(0)
        place = {name: number for number, name in enumerate(self.run.case.factor_ids)}
        factor = np.array([NONE if name is None else place[name] for name in table["factor_id"]], dtype=np.int64)
        return np.maximum(self._moved(table["market_value"].to_numpy(), factor, self._levels(day)), 0.0)

    def case(self, day: int, prices: DayPrices) -> Case:
        """The case of a day: its prices, and the market as known on it. Positions are the caller's to add."""
        start = self.run.case
        columns = [pl.Series("price", prices.price)]
        if self.options.size:
            option = pl.Series(self.terms.option)
            for name, values in (("forward", prices.forward), ("implied_volatility", prices.volatility)):
                columns.append(pl.select(pl.when(option).then(pl.Series(values)).alias(name))[name])
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
