"""What a ladder gaps, by name: factors of the whole market, whether a book needs them or not."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from ccp.market.classes import MOVING, RATE
from ccp.market.history import Market

UNCLASSIFIED = "unclassified"
"""What prices are called that state no asset class."""


@dataclass(frozen=True)
class Gapped:
    """Factors that are gapped at once, and what they are called together."""

    name: str
    factors: frozenset[str]


def one_way_targets(ladder: str, market: Market) -> list[Gapped]:
    """What each rung of a ladder gaps that moves all it names the same way, in order of names."""
    return ONE_WAY[ladder](market)


def _market(market: Market) -> list[Gapped]:
    return [_of("market", _kinds(market).filter(~pl.col("asset_class").is_in(list(MOVING))))]


def _currencies(market: Market) -> list[Gapped]:
    return [_of("currencies", _kinds(market).filter(asset_class="currency"))]


def _classes(market: Market) -> list[Gapped]:
    """Each class that is not gapped by a ladder of its own; prices without a class are gapped with the market, and so
    have a rung as well."""
    priced = gapped_prices(market).filter(pl.col("asset_class") != "currency")
    classes = sorted(set(priced["asset_class"]))
    return [_of(f"class {name}" if name else UNCLASSIFIED, priced.filter(asset_class=name)) for name in classes]


def sectors_of(market: Market) -> list[Gapped]:
    """Each sector, whatever the classes in it."""
    priced = gapped_prices(market)
    sectors = sorted(set(priced["sector"]) - {""})
    return [_of(f"sector {name}", priced.filter(sector=name)) for name in sectors]


def gapped_prices(market: Market) -> pl.DataFrame:
    """The market's factors that a gap moves by itself: no volatility, which rises when its price falls, and no rate
    that is shifted."""
    shifted = (pl.col("asset_class") == RATE) & (pl.col("change").cast(pl.String) == "absolute")
    return _kinds(market).filter((pl.col("asset_class") != "volatility") & ~shifted)


def _kinds(market: Market) -> pl.DataFrame:
    return market.factors.with_columns(pl.col("asset_class").fill_null(""), pl.col("sector").fill_null(""))


def _of(name: str, factors: pl.DataFrame) -> Gapped:
    return Gapped(name, frozenset(factors["factor_id"]))


ONE_WAY: dict[str, Callable[[Market], list[Gapped]]] = {
    "market_gaps": _market,
    "class_gaps": _classes,
    "sector_gaps": sectors_of,
    "currency_gaps": _currencies,
}
"""By the ladder's name."""
