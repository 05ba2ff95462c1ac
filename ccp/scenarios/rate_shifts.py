"""Shifts of rates that have not happened: all of them alike, steeper and flatter, in basis points.

A rate that moves by a share of its level hardly moves where it is low, so rates are shifted and not gapped. The twists
are those of the Basel Committee on Banking Supervision, Interest rate risk in the banking book (April 2016), Annex 2,
with shocks of the short and of the long end of one size R. With s = exp(-t/4) at a tenor of t years:

    steeper: R * (-0.65 * s + 0.9 * (1 - s)),  flatter: R * (0.8 * s - 0.6 * (1 - s))
"""

from collections.abc import Iterator

import numpy as np

from ccp.market.classes import RATE
from ccp.market.history import Market
from ccp.market.levels import must_be_positive
from ccp.rulebook.stress import RateShifts
from ccp.scenarios.files import LARGEST_RELATIVE
from ccp.scenarios.scenario_set import Label, ScenarioSet, over_one_period
from ccp.types import Flags, ScenarioByFactor, Vector

BASIS_POINT = {"percent": 0.01, "decimal": 0.0001, "basis_points": 1.0}
"""A basis point in the units that a rate's levels are in."""
TWISTS = {"steeper": (-0.65, 0.9), "flatter": (0.8, -0.6)}
"""What a twist does to the short and to the long end, as shares of its size."""

PARALLEL = {"down": -1.0, "up": 1.0}
"""What the two parallel shifts do to every tenor, as shares of their size."""


def rate_scenarios(shifts: RateShifts, market: Market, factor_ids: list[str]) -> ScenarioSet:
    """One scenario a shape, size and (parallel) direction, over `factor_ids`: rates move, and nothing else.

    A rate that moves by ratios moves by the ratio that the shift is of its level today, `LARGEST_RELATIVE` at most:
    near zero it would be anything. A scenario that moves none of
    `factor_ids` is left out; a twist in which some rates stay (`untwisted`) says of how many.
    """
    rates = is_rate(market, factor_ids)
    stay = np.isin(factor_ids, untwisted(market, factor_ids))
    labels, moves = [], []
    for name, shape in _shapes(shifts, _tenors(market, factor_ids)):
        moved = rates & ~stay if name in TWISTS else rates
        for size in shifts.basis_points if moved.any() else ():
            labels.append(_label(name, size, int((rates & ~moved).sum())))
            moves.append(np.where(moved, shape * size, 0.0))
    points = np.array(moves).reshape(len(labels), len(factor_ids))
    return over_one_period(factor_ids, labels, _by_level(points, market, factor_ids))


def is_rate(market: Market, factor_ids: list[str]) -> Flags:
    """Which factors are rates: those of the asset class `rate`."""
    return np.array([name == RATE for name in market.kinds("asset_class", factor_ids)], dtype=bool)


def untwisted(market: Market, factor_ids: list[str]) -> list[str]:
    """Rates among the factors that no twist moves: of unknown tenor, or all where the market knows fewer than two."""
    rates = [name for name, rate in zip(factor_ids, is_rate(market, factor_ids), strict=True) if rate]
    every = [name for name, rate in zip(market.factor_ids, is_rate(market, market.factor_ids), strict=True) if rate]
    if len({tenor for tenor in market.kinds("tenor_years", every) if tenor is not None}) < 2:
        return rates
    return [name for name, tenor in zip(rates, market.kinds("tenor_years", rates), strict=True) if tenor is None]


def scenarios_of(shape: str) -> tuple[str, ...]:
    """The scenarios that a shape makes of every size."""
    return (shape,) if shape in TWISTS else tuple(PARALLEL)


def _tenors(market: Market, factor_ids: list[str]) -> Vector:
    return np.array([np.nan if tenor is None else tenor for tenor in market.kinds("tenor_years", factor_ids)])


def _shapes(shifts: RateShifts, tenors: Vector) -> Iterator[tuple[str, Vector]]:
    """What each scenario of a size does to every tenor, as a share of the size."""
    near = np.exp(-tenors / 4)
    for name in (name for shape in shifts.shapes for name in scenarios_of(shape)):
        if name in TWISTS:
            short, far = TWISTS[name]
            yield name, short * near + far * (1 - near)
        else:
            yield name, np.full(len(tenors), PARALLEL[name])


def _by_level(
    points: ScenarioByFactor, market: Market, factor_ids: list[str]
) -> tuple[ScenarioByFactor, ScenarioByFactor]:
    """Relative and absolute moves from basis points; what does not move has no unit and no level to be divided by."""
    by_ratio = must_be_positive(market, factor_ids) & points.any(axis=0)
    level = [market.level(name) if ratio else 1.0 for name, ratio in zip(factor_ids, by_ratio, strict=True)]
    shift = points * _units(market, factor_ids)
    ratios = np.minimum(shift / np.array(level), LARGEST_RELATIVE)
    return np.where(by_ratio, ratios, 0.0), np.where(by_ratio, 0.0, shift)


def _units(market: Market, factor_ids: list[str]) -> Vector:
    """A basis point in the units of each factor."""
    return np.array([BASIS_POINT[unit or "percent"] for unit in market.kinds("rate_unit", factor_ids)])


def cut_rates(shifts: RateShifts, market: Market, factor_ids: list[str]) -> list[str]:
    """Rates that move by ratios and are so near zero that a shift is more than `LARGEST_RELATIVE` times their level."""
    whole = rate_scenarios(shifts, market, factor_ids).longest.relative.max(axis=0, initial=0.0)
    return [name for name, most in zip(factor_ids, whole, strict=True) if most >= LARGEST_RELATIVE]


def _label(name: str, size: float, left: int) -> Label:
    identity = f"rates {name} {size:g}bp"
    rest = f", {left} without a known tenor not moved" if left else ""
    return Label(identity, "hypothetical", identity + rest, "shifts of rates in the rulebook", shift=size)
