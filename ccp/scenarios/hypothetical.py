"""Scenarios that have not happened: ladders of gaps, market-wide, by sector and by currency, both ways."""

import numpy as np
import polars as pl

from ccp.market.classes import MOVING, RATE
from ccp.market.history import Market
from ccp.market.volatility import SUFFIX
from ccp.rulebook.stress import Ladder, percent
from ccp.scenarios.scenario_set import Label, ScenarioSet, over_one_period
from ccp.scenarios.shares import share_moves
from ccp.types import Flags


def ladder_scenarios(ladder: Ladder, market: Market, factor_ids: list[str]) -> ScenarioSet:
    """One scenario a gap, direction and (for sectors) sector, over `factor_ids`.

    Prices named by the ladder move by the gap; volatilities `X.VOL` of every `X` that moves rise by
    `volatility_per_fall` times a fall, or `volatility_per_rise` times a rise, also where only `X.VOL` and not
    `X` is among `factor_ids`; nothing else moves. A factor that moves by differences moves by the share of its level
    (`ccp.scenarios.shares`). A rung that moves none of `factor_ids` is left out.
    """
    labels, shares = [], []
    for name, gapped in _targets(ladder, market):
        moved = np.array([factor_id in gapped for factor_id in factor_ids], dtype=bool)
        volatile = _volatilities_of(gapped, factor_ids)
        if not (moved | volatile).any():
            continue
        for size in ladder.sizes:
            for gap in (-size, size):
                per_unit = ladder.volatility_per_fall if gap < 0 else ladder.volatility_per_rise
                rise = per_unit * size
                labels.append(_label(name, gap, rise if volatile.any() else 0.0))
                shares.append(np.where(moved, gap, np.where(volatile, rise, 0.0)))
    whole = np.array(shares).reshape(len(labels), len(factor_ids))
    return over_one_period(factor_ids, labels, share_moves(whole, market, factor_ids, ladder.level_floor))


def _targets(ladder: Ladder, market: Market) -> list[tuple[str, set[str]]]:
    """What each rung of the ladder gaps, by name: factors of the whole market."""
    kinds = market.factors.with_columns(pl.col("asset_class").fill_null(""), pl.col("sector").fill_null(""))
    if ladder.ladder == "market_gaps":
        return [("market", set(kinds.filter(~pl.col("asset_class").is_in(list(MOVING)))["factor_id"]))]
    if ladder.ladder == "currency_gaps":
        return [("currencies", set(kinds.filter(asset_class="currency")["factor_id"]))]
    shifted = (pl.col("asset_class") == RATE) & (pl.col("change").cast(pl.String) == "absolute")
    priced = kinds.filter((pl.col("asset_class") != "volatility") & ~shifted)  # volatility rises when its sector falls
    sectors = sorted(set(priced["sector"]) - {""})
    return [(f"sector {name}", set(priced.filter(sector=name)["factor_id"])) for name in sectors]


def _volatilities_of(gapped: set[str], factor_ids: list[str]) -> Flags:
    """Which of the factors are a volatility `X.VOL` of a gapped `X`."""
    found = [name.endswith(SUFFIX) and name.removesuffix(SUFFIX) in gapped for name in factor_ids]
    return np.array(found, dtype=bool)


def _label(name: str, gap: float, rise: float) -> Label:
    way = "down" if gap < 0 else "up"
    volatility = f", volatility {rise * 100:+g}%" if rise else ""
    description = f"{name} {way} {percent(gap)}{volatility}"
    identity = f"{name} {way} {percent(gap)}"
    return Label(identity, "hypothetical", description, "ladder of gaps in the rulebook", gap=abs(gap))
