"""Scenarios that happened: the latest returns for margin, the worst windows of the history for stress."""

from dataclasses import replace
from datetime import date

import numpy as np

from ccp.market.history import Market
from ccp.market.returns import overlapping_returns
from ccp.scenarios.scenario_set import Label, ScenarioSet, over_one_period
from ccp.types import Flags, ScenarioByFactor, Vector

CRISES = (
    (date(2000, 3, 10), date(2000, 12, 31), "end of the technology boom"),
    (date(2001, 9, 10), date(2001, 9, 30), "attacks of 11 September 2001"),
    (date(2002, 6, 1), date(2002, 10, 31), "accounting scandals of 2002"),
    (date(2008, 9, 1), date(2008, 12, 31), "failure of Lehman Brothers and after"),
    (date(2009, 1, 1), date(2009, 6, 30), "bank crisis of 2009"),
    (date(2010, 5, 1), date(2010, 7, 31), "flash crash and Greek debt"),
    (date(2011, 7, 25), date(2011, 12, 31), "euro debt crisis and US downgrade"),
    (date(2015, 1, 12), date(2015, 1, 23), "end of the Swiss franc's floor"),
    (date(2015, 8, 17), date(2015, 9, 4), "China's devaluation of 2015"),
    (date(2016, 6, 20), date(2016, 7, 8), "British vote to leave the European Union"),
    (date(2020, 2, 20), date(2020, 6, 30), "pandemic of 2020"),
    (date(2022, 2, 21), date(2022, 12, 31), "war in Ukraine and rise of interest rates"),
)
"""Names for spans of the calendar; a window that ends in one bears its name."""


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


def worst_windows(market: Market, factor_ids: list[str], worst: int, days: int) -> ScenarioSet:
    """The `worst` windows of `days` in the history, worst first, no two overlapping.

    A window's severity is the root mean square over asset classes of its moves, each move in units of the
    factor's own standard deviation over the history up to the run's date. It looks at the factors that the book
    needs and not at its positions, and a jump of currencies counts as one of stocks does. Windows in which any
    factor has no value are passed over: `ccp.scenarios.notes.incomplete_history` says how many.
    """
    relative = is_relative(market, factor_ids)
    levels = market.matrix(factor_ids)
    returns = overlapping_returns(levels, days, relative)
    whole = np.flatnonzero(np.isfinite(returns).all(axis=1))
    moves = returns[whole]
    classes = market.kinds("asset_class", factor_ids)
    severity = np.sqrt(squared_severity(moves, moves.std(axis=0), rounding_of(levels, relative), classes))
    chosen = _apart(whole, severity, worst, days)
    dates = market.dates
    labels = [_window_label(dates[row], dates[row + days], score) for row, score in chosen]
    rows = [row for row, _ in chosen]
    return over_one_period(factor_ids, labels, split_moves(returns[rows], relative))


def window_scenario(market: Market, factor_ids: list[str], label: Label) -> ScenarioSet:
    """The moves of some factors over the window of a label; a factor without a value at either end stays."""
    ends = [market.dates.index(day) for day in label.window or ()]
    relative = is_relative(market, factor_ids)
    moves = np.nan_to_num(overlapping_returns(market.matrix(factor_ids)[ends], 1, relative))
    return over_one_period(factor_ids, [replace(label, multiple=1.0)], split_moves(moves, relative))


def rounding_of(levels: ScenarioByFactor, relative: Flags) -> Vector:
    """Per factor the size of return that is rounding only: `STEADY`, times the largest level if it moves absolutely."""
    return STEADY * np.where(relative, 1.0, np.nanmax(np.abs(levels), axis=0))


def squared_severity(returns: ScenarioByFactor, units: Vector, rounding: Vector, classes: list[str | None]) -> Vector:
    """Per row the mean over asset classes of the mean over their factors of the squared return, in the factor's unit.

    A factor whose unit is no more than rounding counts 0, and volatilities are left out unless there is nothing else.
    """
    scaled = np.divide(returns, units, out=np.zeros_like(returns), where=units > rounding) ** 2
    named = np.array([name or "" for name in classes])
    by_class = [scaled[:, named == name].mean(axis=1) for name in sorted(set(named)) if name != "volatility"]
    return np.mean(by_class, axis=0) if by_class else scaled.mean(axis=1)


def _apart(rows: np.ndarray, severity: Vector, worst: int, days: int) -> list[tuple[int, float]]:
    chosen: list[tuple[int, float]] = []
    for place in np.lexsort((rows, -severity)):
        row = int(rows[place])
        if all(abs(row - other) >= days for other, _ in chosen):
            chosen.append((row, float(severity[place])))
        if len(chosen) == worst:
            break
    return chosen


def _window_label(start: date, end: date, severity: float) -> Label:
    name = next((name for first, last, name in CRISES if first <= end <= last), "no named crisis")
    description = f"{start} to {end} ({name}); severity {severity:.1f} standard deviations"
    provenance = f"market history, {start} to {end}"
    return Label(f"history {end}", "historical", description, provenance, window=(start, end))
