"""The stress period of Regulation (EU) 153/2013, Article 28(1)(b): where it lies, and its scenarios.

A period is a pair of rows of the market, the first and the last, both included. A period of N rows holds the levels of
N days, so N - 1 one-row returns, and N - h windows of h rows: nothing from before its first row is used.
"""

from datetime import date
from typing import TypeAlias

import numpy as np

from ccp.errors import refuse
from ccp.market.history import Market
from ccp.market.returns import overlapping_returns
from ccp.scenarios.historical import is_relative, rounding_of, split_moves, squared_severity
from ccp.scenarios.scenario_set import Label, ScenarioSet, over_one_period

Period: TypeAlias = tuple[int, int]
"""First and last row of the market, both included."""

ALIKE = 1e-9
"""Average severities that differ by no more than this share are equal: the rest is rounding."""


def find_period(market: Market, factor_ids: list[str], rows: int) -> Period | None:
    """The `rows` consecutive rows (2 or more) of the greatest average severity, the earlier if several are equal.

    The average is that of the squared severities of the `rows - 1` one-row returns that begin and end inside the
    period, each return in units of the factor's own root mean square over all complete returns up to the market's last
    row. A return that lacks a value of any factor counts 0. Returns None where fewer than `rows` rows follow the
    beginning of the first complete return, its own included.
    """
    relative = is_relative(market, factor_ids)
    levels = market.matrix(factor_ids)
    returns = overlapping_returns(levels, 1, relative)
    whole = np.flatnonzero(np.isfinite(returns).all(axis=1))
    if whole.size == 0 or levels.shape[0] - whole[0] < rows:
        return None
    begin = int(whole[0])
    known = returns[whole]
    units = np.sqrt((known**2).mean(axis=0))
    severity = np.zeros(returns.shape[0] - begin)
    classes = market.kinds("asset_class", factor_ids)
    severity[whole - begin] = squared_severity(known, units, rounding_of(levels, relative), classes)
    total = np.concatenate([[0.0], np.cumsum(severity)])
    sums = total[rows - 1 :] - total[: total.size - (rows - 1)]
    first = begin + int(np.argmax(sums >= sums.max() * (1 - ALIKE)))
    return first, first + rows - 1


def period_between(market: Market, first: date, last: date) -> Period | None:
    """The market's rows from one day to another, both included; None while the market does not reach `last`.

    A market without any day in between is refused: the period would silently count nothing.
    """
    days = market.levels["date"]
    if last > days[-1]:
        return None
    inside = days.is_between(first, last).arg_true()
    if inside.is_empty():
        span = f"{days[0]} to {days[-1]}"
        raise refuse(
            "stress_period", f"days of the market's history were expected ({span})", value=f"{first} to {last}"
        )
    return int(inside[0]), int(inside[-1])


def period_scenarios(
    market: Market, factor_ids: list[str], period: Period, days: int, longest: int | None = None
) -> ScenarioSet:
    """The overlapping returns over `days` rows that begin and end inside the period, oldest first, unscaled.

    Windows with a missing value of any factor on any of their rows are left out. Where instruments have liquidation
    periods of their own, `longest` (default: `days`) is the longest of them: then the ends are those of the windows of
    `longest` rows, and sets over fewer days have the same ends, scenario by scenario. There may be none.
    """
    longest = days if longest is None else longest
    first, last = period
    relative = is_relative(market, factor_ids)
    levels = market.matrix(factor_ids)[first : last + 1]
    ends = _ends(levels, longest)
    dates = market.levels["date"][first : last + 1]
    labels = [
        Label(
            f"period {dates[end]}", "historical", f"{days}-day return to {dates[end]}", "market history, stress period"
        )
        for end in ends.tolist()
    ]
    returns = overlapping_returns(levels, days, relative)[ends - days]
    return over_one_period(factor_ids, labels, split_moves(returns, relative), days)


def _ends(levels: np.ndarray, days: int) -> np.ndarray:
    """Rows of levels (day x factor) that end `days + 1` rows without a missing value."""
    gaps = np.concatenate([[0], np.cumsum(~np.isfinite(levels).all(axis=1))])
    return days + np.flatnonzero(gaps[days + 1 :] == gaps[: -(days + 1)])
