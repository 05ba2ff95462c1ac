"""Scenarios that have not happened: ladders of gaps, market-wide, by sector and by currency, both ways."""

import numpy as np

from ccp.market.history import Market
from ccp.rulebook.stress import Ladder
from ccp.scenarios.scenario_set import Label, ScenarioSet
from ccp.types import Flags

UNMOVED = ("currency", "volatility", "rate")
"""Asset classes that a market-wide gap of prices does not move by the gap itself."""


def ladder_scenarios(ladder: Ladder, market: Market, factor_ids: list[str]) -> ScenarioSet:
    """One scenario a gap, direction and (for sectors) sector.

    Prices named by the ladder move by the gap; volatilities of what moves rise by `volatility_per_fall` times a
    fall, or `volatility_per_rise` times a rise; nothing else moves. Factors that move by differences are not
    gapped: a share of a level means nothing for them.
    """
    relative = np.array([change != "absolute" for change in market.kinds("change", factor_ids)], dtype=bool)
    labels, moves = [], []
    for name, moved in _targets(ladder, market, factor_ids):
        moved = moved & relative
        if not moved.any():
            continue
        volatile = _volatilities_of(moved, factor_ids) & relative
        for size in ladder.sizes:
            for gap in (-size, size):
                per_unit = ladder.volatility_per_fall if gap < 0 else ladder.volatility_per_rise
                rise = per_unit * size
                labels.append(_label(name, gap, rise if volatile.any() else 0.0))
                moves.append(np.where(moved, gap, np.where(volatile, rise, 0.0)))
    shape = (len(labels), len(factor_ids))
    return ScenarioSet(factor_ids, labels, np.array(moves).reshape(shape), np.zeros(shape))


def _targets(ladder: Ladder, market: Market, factor_ids: list[str]) -> list[tuple[str, Flags]]:
    """What each rung of the ladder moves, by name."""
    classes = np.array([name or "" for name in market.kinds("asset_class", factor_ids)])
    if ladder.ladder == "market_gaps":
        return [("market", ~np.isin(classes, UNMOVED))]
    if ladder.ladder == "currency_gaps":
        return [("currencies", classes == "currency")]
    sectors = np.array([name or "" for name in market.kinds("sector", factor_ids)])
    return [(f"sector {name}", sectors == name) for name in sorted(set(sectors) - {""})]


def _volatilities_of(moved: Flags, factor_ids: list[str]) -> Flags:
    """The volatility factors `X.VOL` of the factors `X` that move."""
    names = {f"{factor_id}.VOL" for factor_id, hit in zip(factor_ids, moved, strict=True) if hit}
    return np.array([factor_id in names for factor_id in factor_ids], dtype=bool)


def _label(name: str, gap: float, rise: float) -> Label:
    way = "down" if gap < 0 else "up"
    volatility = f", volatility {rise:+.0%}" if rise else ""
    description = f"{name} {way} {abs(gap):.0%}{volatility}"
    identity = f"{name} {way} {abs(gap) * 100:g}%"
    return Label(identity, "hypothetical", description, "ladder of gaps in the rulebook", gap=abs(gap))
