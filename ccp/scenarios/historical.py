"""Scenarios that happened: the latest returns for margin, and the moves over a window that is known."""

from dataclasses import replace

import numpy as np

from ccp.market.history import Market
from ccp.market.returns import overlapping_returns
from ccp.scenarios.scenario_set import Label, ScenarioSet, over_one_period
from ccp.types import Flags, ScenarioByFactor, Vector

STEADY = 1e-12
"""A factor whose returns deviate by no more than this share of what they are rounded to moves alike every day."""


def is_relative(market: Market, factor_ids: list[str]) -> Flags:
    """Per factor whether it moves by ratios."""
    return np.array([change != "absolute" for change in market.kinds("change", factor_ids)], dtype=bool)


def split_moves(returns: ScenarioByFactor, relative: Flags) -> tuple[ScenarioByFactor, ScenarioByFactor]:
    """Returns as the relative and the absolute moves of a scenario set, each 0 where the factor moves the other way."""
    return np.where(relative, returns, 0.0), np.where(relative, 0.0, returns)


def margin_scenarios(market: Market, factor_ids: list[str], lookback: int, days: int) -> ScenarioSet:
    """The latest `lookback` overlapping returns over `days`, oldest first.

    The market must hold values of every factor on the latest `lookback + days` days (checked by
    `ccp.market.needs`). Overlapping returns are autocorrelated.
    """
    relative = is_relative(market, factor_ids)
    latest = market.latest_rows(lookback + days)
    returns = overlapping_returns(latest.matrix(factor_ids), days, relative)
    ends = latest.dates[days:]
    labels = [Label(f"margin {end}", "historical", f"{days}-day return to {end}", "market history") for end in ends]
    return over_one_period(factor_ids, labels, split_moves(returns, relative), days)


def window_scenario(market: Market, factor_ids: list[str], label: Label) -> ScenarioSet:
    """The moves of some factors over the window of a label; a factor without a value at either end stays."""
    ends = [market.dates.index(day) for day in label.window or ()]
    relative = is_relative(market, factor_ids)
    moves = np.nan_to_num(overlapping_returns(market.matrix(factor_ids)[ends], 1, relative))
    return over_one_period(factor_ids, [replace(label, multiple=1.0)], split_moves(moves, relative))


def rounding_of(levels: ScenarioByFactor, relative: Flags) -> Vector:
    """Per factor the size of return that is rounding only: `STEADY`, times the largest level if it moves absolutely."""
    return STEADY * np.where(relative, 1.0, np.nanmax(np.abs(levels), axis=0))


def standard_deviations(returns: ScenarioByFactor) -> Vector:
    """Per factor, of the returns that it has; 0 where it has none."""
    if np.isfinite(returns).all():
        return returns.std(axis=0)
    columns = ((column[np.isfinite(column)]) for column in returns.T)
    return np.array([column.std() if column.size else 0.0 for column in columns])


def squared_severity(returns: ScenarioByFactor, units: Vector, rounding: Vector, classes: list[str | None]) -> Vector:
    """Per row the mean over asset classes of the mean over their factors of the squared return, in the factor's unit.

    A factor whose unit is no more than rounding counts 0, and volatilities are left out unless there is nothing else.
    Of a row, factors without a return are left out, and so are classes of which none has one.
    """
    known = np.isfinite(returns)
    scaled = np.divide(returns, units, out=np.zeros_like(returns), where=known & (units > rounding)) ** 2
    named = np.array([name or "" for name in classes])
    by_class = [named == name for name in sorted(set(named)) if name != "volatility"]
    pairs = [_mean(scaled[:, some], known[:, some], 1) for some in by_class or [named == named]]
    means, there = (np.stack(kind) for kind in zip(*pairs, strict=True))
    return _mean(means, there, 0)[0]


def _mean(values: np.ndarray, known: Flags, axis: int) -> tuple[Vector, Flags]:
    """The mean of what is known (0 where nothing is; what is not known is 0), and whether anything is."""
    count = known.sum(axis=axis)
    return values.sum(axis=axis) / np.maximum(count, 1), count > 0
