"""The terms of every instrument as arrays, sorted by instrument id, with its factors' places in the scenario set."""

from dataclasses import dataclass, fields, replace

import numpy as np
import polars as pl

from ccp.book.order import in_order
from ccp.market.history import Market
from ccp.market.needs import currency_factor
from ccp.products import PRODUCTS, SETTLEMENTS
from ccp.types import Flags, Index, Vector

NONE = -1
"""Place of a factor that an instrument does not have."""


@dataclass(frozen=True)
class Terms:
    """Per instrument. `factors` and `currency_factor` are places among the factor ids, or NONE.

    `kinds` are the products' words, `factors` (instrument x most factors of any) the factors that the product's row
    names, in its order; `levels` are the levels of all factors today, by place. `table` is the instruments table, for
    what only one product states.

    `exchange` is today's rate into the service currency. `forward`, `volatility`, `strike` and the years are
    meaningful for options only; `normal` are those priced by the normal model, with a volatility in units of the price.
    Years are actual days over 365; `years_after` counts from the end of the liquidation period. `premium`: value is
    paid for once and still belongs to the holder.
    """

    instrument_ids: list[str]
    table: pl.DataFrame
    levels: Vector
    kinds: np.ndarray
    premium: Flags
    call: Flags
    normal: Flags
    price: Vector
    multiplier: Vector
    exchange: Vector
    strike: Vector
    forward: Vector
    volatility: Vector
    discount_rate: Vector
    years: Vector
    years_after: Vector
    factors: Index
    currency_factor: Index

    @property
    def factor(self) -> Index:
        """The first factor of each instrument: the one that its asset class goes by."""
        return self.factors[:, 0]

    @property
    def volatility_factor(self) -> Index:
        """The second factor of each instrument: an option's volatility."""
        return self.factors[:, 1]

    @property
    def premium_value(self) -> Vector:
        """What one long unit is worth today and has been paid for, in the service currency; zero where value is
        exchanged daily."""
        return np.where(self.premium, self.multiplier * self.price * self.exchange, 0.0)

    def rows(self, places: Index) -> "Terms":
        """The terms of some of the instruments."""
        if np.array_equal(places, np.arange(len(self.instrument_ids))):
            return self
        names = [self.instrument_ids[place] for place in places]
        arrays = {field.name: getattr(self, field.name)[places] for field in fields(self)[3:]}
        return replace(self, instrument_ids=names, table=self.table[places], **arrays)


def instrument_terms(
    instruments: pl.DataFrame, market: Market, factor_ids: list[str], service: str, liquidation_days: Index | int
) -> Terms:
    """Look up everything a pricer needs. The market must hold what the book needs (checked before).

    `liquidation_days` are each instrument's, in order of instrument id, or one for all.

    An option's forward is its `forward` column, or else its factor's level today: the underlying is the factor
    itself, without carry. Its volatility is `normal_volatility` or `implied_volatility`, or else the level of its
    volatility factor.
    """
    table = in_order(instruments, "instruments")
    levels = {factor_id: market.level(factor_id) for factor_id in factor_ids}
    pairs = [None if currency == service else currency_factor(currency, service) for currency in table["currency"]]
    today = market.levels["date"][-1]
    after = np.busday_offset(np.datetime64(today, "D"), liquidation_days, roll="forward")
    factors = table["factor_id"].to_list()
    volatilities = table["volatility_id"].to_list()
    named_level = np.array([levels[name] if name else np.nan for name in volatilities])
    stated = table.select(pl.coalesce("normal_volatility", "implied_volatility"))["normal_volatility"].to_numpy()
    return Terms(
        instrument_ids=table["instrument_id"].to_list(),
        table=table,
        levels=np.array(list(levels.values())),
        kinds=table["kind"].cast(pl.String).to_numpy(),
        premium=_standing(table),
        call=_is(table, "right", "call"),
        normal=table["normal_volatility"].is_not_null().to_numpy(),
        price=table["price"].to_numpy(),
        multiplier=table["multiplier"].to_numpy(),
        exchange=np.array([1.0 if pair is None else levels[pair] for pair in pairs]),
        strike=table["strike"].to_numpy(),
        forward=table["forward"].fill_null(pl.Series([levels[name] for name in factors])).to_numpy(),
        volatility=np.where(np.isnan(stated), named_level, stated),
        discount_rate=table["discount_rate"].to_numpy(),
        years=years_left(table["expiry"], np.datetime64(today, "D")),
        years_after=years_left(table["expiry"], after),
        factors=_factors(table, factor_ids),
        currency_factor=_places(pairs, factor_ids),
    )


def _standing(table: pl.DataFrame) -> Flags:
    """Which instruments are settled in a way that leaves their value standing."""
    found = np.zeros(table.height, dtype=np.bool_)
    for product in PRODUCTS.values():
        of_product = _is(table, "kind", product.word)
        for word in product.settled:
            chosen = of_product if len(product.settled) == 1 else of_product & _is(table, "style", word)
            found |= chosen & SETTLEMENTS[word].paid_once
    return found


def _factors(table: pl.DataFrame, factor_ids: list[str]) -> Index:
    """The places of every instrument's factors, in the order of its product's row."""
    places = np.full((table.height, max(len(product.factors) for product in PRODUCTS.values())), NONE, dtype=np.int64)
    for product in PRODUCTS.values():
        mine = np.flatnonzero(_is(table, "kind", product.word))
        for number, name in enumerate(product.factors):
            places[mine, number] = _places(table[name].gather(mine).to_list(), factor_ids)
    return places


def _is(table: pl.DataFrame, field: str, word: str) -> Flags:
    return (table[field].cast(pl.String) == word).fill_null(False).to_numpy()


def years_left(expiry: pl.Series, day: np.datetime64 | np.ndarray) -> Vector:
    """Years from a day (or each instrument's own) to expiry, not below 0; NaN without expiry."""
    days = (expiry.cast(pl.Date).to_numpy().astype("datetime64[D]") - day) / np.timedelta64(1, "D")
    return np.maximum(days, 0.0) / 365.0


def _places(names: list[str | None], among: list[str]) -> Index:
    place = {name: number for number, name in enumerate(among)}
    return np.array([NONE if name is None else place[name] for name in names], dtype=np.int64)
