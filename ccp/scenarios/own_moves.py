"""How far factors have moved by themselves, beside how far scenarios move them; in the units of their returns."""

import numpy as np

from ccp.market.history import Market
from ccp.market.levels import must_be_positive
from ccp.market.returns import overlapping_returns
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.types import Flags, Vector

STILL = 0.1
"""A move below this share of a factor's own standard deviation of a day counts as none: one day in twelve is as quiet,
so nobody means it as stress, and a rounding or a token shock of 0.0001 is not taken for one."""


def sizing_sizes(scenarios: ScenarioSet, market: Market) -> Vector:
    """By factor the largest move, up or down and over any period, of the scenarios that size the fund.

    As a ratio of a factor that moves by ratios, as a difference of others; what is stated the other way is converted at
    today's level.
    """
    names = scenarios.factor_ids
    sizing = np.array([label.sizes_fund for label in scenarios.labels], dtype=bool)
    relative, absolute = scenarios.relative[:, sizing], scenarios.absolute[:, sizing]
    level = np.array([market.level(name) for name in names])
    by_ratio = must_be_positive(market, names)
    ratio = relative + absolute / np.where(level == 0, 1.0, level)
    return np.abs(np.where(by_ratio, ratio, relative * level + absolute)).max(axis=(0, 1), initial=0.0)


def sizing_moves(scenarios: ScenarioSet, market: Market, rows: int) -> Flags:
    """By factor, whether a scenario that sizes the fund moves it by more than next to nothing.

    That is by `STILL` of the standard deviation of its own moves of a day over the latest `rows` levels, and at all.
    """
    moves = _own(market, scenarios.factor_ids, rows, 1)
    with np.errstate(invalid="ignore"):
        deviation = np.array(
            [float(np.std(one[np.isfinite(one)])) if np.isfinite(one).any() else 0.0 for one in moves.T]
        )
    size = sizing_sizes(scenarios, market)
    return (size > 0) & (size >= STILL * deviation)


def largest_own_moves(market: Market, factor_ids: list[str], rows: int, days: int) -> Vector:
    """By factor its largest move over so many days, up or down, within the latest `rows` levels; 0 of none."""
    return np.nan_to_num(np.abs(_own(market, factor_ids, rows, days))).max(axis=0, initial=0.0)


def _own(market: Market, factor_ids: list[str], rows: int, days: int) -> Vector:
    """Moves over so many days, day x factor."""
    levels = market.latest_rows(rows).matrix(factor_ids)
    return overlapping_returns(levels, days, must_be_positive(market, factor_ids))
