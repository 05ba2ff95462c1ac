"""The terms of every instrument as arrays, sorted by instrument id, with its factors' places in the scenario set."""

from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from ccp.book.order import in_order
from ccp.market.history import Market
from ccp.market.needs import currency_factor
from ccp.types import Flags, Index, Vector

NONE = -1
"""Place of a factor that an instrument does not have."""


@dataclass(frozen=True)
class Terms:
    """Per instrument. `factor`, `volatility_factor` and `currency_factor` are places among the factor ids, or NONE.

    `exchange` is today's rate into the service currency. `forward`, `volatility`, `strike` and the years are
    meaningful for options only. Years are actual days over 365; `years_after` counts from the end of the
    liquidation period.
    """

    instrument_ids: list[str]
    option: Flags
    premium: Flags
    call: Flags
    price: Vector
    multiplier: Vector
    exchange: Vector
    strike: Vector
    forward: Vector
    volatility: Vector
    discount_rate: Vector
    years: Vector
    years_after: Vector
    factor: Index
    volatility_factor: Index
    currency_factor: Index

    def rows(self, places: Index) -> "Terms":
        """The terms of some of the instruments."""
        names = [self.instrument_ids[place] for place in places]
        arrays = {field.name: getattr(self, field.name)[places] for field in fields(self)[1:]}
        return Terms(names, **arrays)


def instrument_terms(
    instruments: pl.DataFrame, market: Market, factor_ids: list[str], service: str, liquidation_days: Index | int
) -> Terms:
    """Look up everything a pricer needs. The market must hold what the book needs (checked before).

    `liquidation_days` are each instrument's, in order of instrument id, or one for all.

    An option's forward is its `forward` column, or else its factor's level today: the underlying is the factor
    itself, without carry. Its volatility is `implied_volatility`, or else the level of its volatility factor.
    """
    table = in_order(instruments, "instruments")
    levels = {factor_id: market.level(factor_id) for factor_id in factor_ids}
    pairs = [None if currency == service else currency_factor(currency, service) for currency in table["currency"]]
    today = market.levels["date"][-1]
    after = np.busday_offset(np.datetime64(today, "D"), liquidation_days, roll="forward")
    factors = table["factor_id"].to_list()
    volatilities = table["volatility_id"].to_list()
    named_level = np.array([levels[name] if name else np.nan for name in volatilities])
    stated = table["implied_volatility"].to_numpy()
    return Terms(
        instrument_ids=table["instrument_id"].to_list(),
        option=_is(table, "kind", "option"),
        premium=_is(table, "style", "premium"),
        call=_is(table, "right", "call"),
        price=table["price"].to_numpy(),
        multiplier=table["multiplier"].to_numpy(),
        exchange=np.array([1.0 if pair is None else levels[pair] for pair in pairs]),
        strike=table["strike"].to_numpy(),
        forward=table["forward"].fill_null(pl.Series([levels[name] for name in factors])).to_numpy(),
        volatility=np.where(np.isnan(stated), named_level, stated),
        discount_rate=table["discount_rate"].to_numpy(),
        years=_years(table["expiry"], np.datetime64(today, "D")),
        years_after=_years(table["expiry"], after),
        factor=_places(factors, factor_ids),
        volatility_factor=_places(volatilities, factor_ids),
        currency_factor=_places(pairs, factor_ids),
    )


def _is(table: pl.DataFrame, field: str, word: str) -> Flags:
    return (table[field].cast(pl.String) == word).fill_null(False).to_numpy()


def _years(expiry: pl.Series, day: np.datetime64 | np.ndarray) -> Vector:
    """Years from a day (or each instrument's own) to expiry, not below 0; NaN without expiry."""
    days = (expiry.cast(pl.Date).to_numpy().astype("datetime64[D]") - day) / np.timedelta64(1, "D")
    return np.maximum(days, 0.0) / 365.0


def _places(names: list[str | None], among: list[str]) -> Index:
    place = {name: number for number, name in enumerate(among)}
    return np.array([NONE if name is None else place[name] for name in names], dtype=np.int64)
