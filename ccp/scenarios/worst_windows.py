"""The windows that a rulebook names: the worst for the market as a whole, and those worst for each factor alone."""

from collections.abc import Collection
from datetime import date

import numpy as np
import polars as pl

from ccp.market.history import Market
from ccp.rulebook.stress import HistoricalStress
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.windows import HistoryWindows, history_windows, scenarios_of
from ccp.types import Index, Vector


def kept_windows(
    rules: HistoricalStress,
    market: Market,
    factor_ids: list[str],
    periods: tuple[int, ...],
    kept: Collection[date] = (),
) -> ScenarioSet:
    """The windows that the rulebook names, and those that begin on the days `kept`, over some periods (rising); those
    worst over the longest of them first."""
    windows = history_windows(market, factor_ids, periods)
    places = [np.flatnonzero(pl.Series(market.dates[:-1]).is_in(list(kept)).to_numpy())]
    if rules.worst is not None:
        places.append(worst_windows(windows, rules.worst))
    if rules.worst_of_each_factor is not None:
        places.append(worst_of_each_factor(windows, rules.worst_of_each_factor))
    chosen, severity = np.unique(np.concatenate(places)), windows.severity[windows.longest]
    return scenarios_of(windows, chosen[np.lexsort((chosen, -severity[chosen]))], market, factor_ids)


def worst_windows(windows: HistoryWindows, worst: int) -> Index:
    """Places of the worst windows of the history, in order of time.

    Of each period the `worst` finished windows, no two of which overlap, and beside them every unfinished one that is
    as severe as the least of these (where there are fewer, every one). So an instrument meets every window that it
    would meet if there were no period but its own, and more.
    """
    return np.unique(np.concatenate([_worst_over(windows, days, worst) for days in windows.moves]))


def worst_of_each_factor(windows: HistoryWindows, worst: int) -> Index:
    """Places of the windows in which a factor falls furthest, and of those in which it rises furthest, `worst` of each
    factor, way and period, no two of which overlap; in order of time.

    A leg that the run's date cuts short counts as any other. A window in which the factor stays is none of its worst.
    """
    found = [
        apart(way * move, np.flatnonzero(way * move > 0), worst, days)
        for days, moves in windows.moves.items()
        for move in moves.T
        for way in (-1.0, 1.0)
    ]
    return np.unique(np.concatenate(found))


def _worst_over(windows: HistoryWindows, days: int, worst: int) -> Index:
    """Places of the worst windows over one period. What is unfinished takes no other's place: it can only add."""
    severity, finished = windows.severity[days], windows.finished(days)
    chosen = apart(severity, np.flatnonzero(finished), worst, days)
    least = severity[chosen].min() if len(chosen) == worst else 0.0
    return np.concatenate([chosen, np.flatnonzero(~finished & (severity >= least))])


def apart(amounts: Vector, among: Index, most: int, days: int) -> Index:
    """Places of the largest amounts, largest first and at most so many, no two of them less than so many days apart; of
    equals the earlier."""
    chosen: list[int] = []
    for place in among[np.lexsort((among, -amounts[among]))].tolist():
        if all(abs(place - other) >= days for other in chosen):
            chosen.append(place)
        if len(chosen) == most:
            break
    return np.array(chosen, dtype=np.int64)
