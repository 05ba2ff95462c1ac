"""Windows of the history as stress scenarios.

A window is the day that it begins on. Over each liquidation period it has a leg of its own: from that day, so many days
on, or to the run's date where that comes first. Nothing after the run's date is looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from ccp.market.history import Market, chain_of
from ccp.market.returns import window_returns
from ccp.scenarios.crises import crisis_of
from ccp.scenarios.historical import (
    is_relative,
    rounding_of,
    split_moves,
    squared_severity,
    standard_deviations,
)
from ccp.scenarios.scenario_set import Label, ScenarioSet
from ccp.types import Flags, Index, ScenarioByFactor, Vector

CALLED = "history"
"""What the name of a window begins with."""


@dataclass(frozen=True)
class HistoryWindows:
    """All windows of the history, in order of time: every day but the last begins one.

    `count` is how many there are. By period in days, rising: `moves`, window x factor, and `severity` by window, in
    standard deviations.
    """

    count: int
    moves: dict[int, ScenarioByFactor]
    severity: dict[int, Vector]

    @property
    def longest(self) -> int:
        """The longest of the periods."""
        return max(self.moves)

    def finished(self, days: int) -> Flags:
        """Which windows have a leg of so many days that is over by the run's date."""
        return np.arange(self.count) + days <= self.count


def history_windows(market: Market, factor_ids: list[str], periods: tuple[int, ...]) -> HistoryWindows:
    """All windows of the history over some periods (rising).

    A factor without a value at an end of a leg moves as its proxy does over it, and where that has none it stays.

    A window's severity over a period is the root mean square over asset classes of its moves, each in units of the
    factor's own standard deviation over the windows that are finished. It looks at the factors that the book needs and
    not at its positions, and a jump of currencies counts as one of stocks does.
    """
    relative, levels = is_relative(market, factor_ids), market.matrix(factor_ids)
    every = {days: returns_of(market, factor_ids, days) for days in periods}
    rounding, classes = rounding_of(levels, relative), market.kinds("asset_class", factor_ids)
    severity = {days: _severity(returns, days, rounding, classes) for days, returns in every.items()}
    return HistoryWindows(len(levels) - 1, {days: np.nan_to_num(returns) for days, returns in every.items()}, severity)


def returns_of(market: Market, factor_ids: list[str], days: int) -> ScenarioByFactor:
    """Returns of all windows over so many days, window x factor; those of proxies where a factor has none of its own.
    NaN where no proxy has one either."""
    own = _own_returns(market, factor_ids, days)
    found = own.copy()
    for place, _, moves in _stand_ins(market, factor_ids, own, days):
        found[:, place] = np.where(np.isnan(moves), found[:, place], moves)
    return found


def proxied(market: Market, factor_ids: list[str], days: int) -> dict[tuple[str, str], Flags]:
    """By factor and proxy the windows of so many days in which the one moves as the other; those of none left out."""
    own = _own_returns(market, factor_ids, days)
    some = ((factor_ids[place], proxy, moves) for place, proxy, moves in _stand_ins(market, factor_ids, own, days))
    return {(name, proxy): ~np.isnan(moves) for name, proxy, moves in some if not np.isnan(moves).all()}


def _stand_ins(
    market: Market, factor_ids: list[str], own: ScenarioByFactor, days: int
) -> Iterator[tuple[int, str, Vector]]:
    """The proxies of factors that lack returns of their own, the nearest first: the place of the factor, the proxy, and
    its returns in windows that have none yet (NaN in all others)."""
    proxies = dict(zip(market.factor_ids, market.kinds("proxy", market.factor_ids), strict=True))
    for place in np.flatnonzero(np.isnan(own).any(axis=0)).tolist():
        left = np.isnan(own[:, place])
        for proxy in chain_of(factor_ids[place], proxies):
            moves = np.where(left, _own_returns(market, [proxy], days)[:, 0], np.nan)
            left = left & np.isnan(moves)
            yield place, proxy, moves


def _own_returns(market: Market, factor_ids: list[str], days: int) -> ScenarioByFactor:
    return window_returns(market.matrix(factor_ids), days, is_relative(market, factor_ids))


def _severity(returns: ScenarioByFactor, days: int, rounding: Vector, classes: list[str | None]) -> Vector:
    """In units of the standard deviations of finished returns; of all there are, where the history is shorter than the
    period."""
    finished = returns[: max(len(returns) - days + 1, 0)]
    units = standard_deviations(finished if len(finished) else returns)
    return np.sqrt(squared_severity(returns, units, rounding, classes))


def scenarios_of(windows: HistoryWindows, chosen: Index, market: Market, factor_ids: list[str]) -> ScenarioSet:
    """Some of the windows, by their places, in that order, as scenarios over every period."""
    relative, dates = is_relative(market, factor_ids), market.dates
    moves = [split_moves(returns[chosen], relative) for returns in windows.moves.values()]
    by_ratio, by_difference = (np.stack(kind) for kind in zip(*moves, strict=True))
    labels = [_label(windows, place, dates) for place in chosen.tolist()]
    return ScenarioSet(factor_ids, labels, by_ratio, by_difference, tuple(windows.moves))


def _label(windows: HistoryWindows, place: int, dates: list[date]) -> Label:
    """A window is called by the last day of its longest leg. Those that are unfinished all end on one day, so that they
    are called by their first as well."""
    days, last = windows.longest, min(place + windows.longest, windows.count)
    start, end, severity = dates[place], dates[last], float(windows.severity[days][place])
    identity, done = f"{CALLED} {end}", last - place
    description = f"{start} to {end} ({crisis_of(end)}); severity {severity:.1f} standard deviations"
    if done < days:
        identity, description = f"{identity} from {start}", f"{description}; unfinished, {done} of {days} days"
    return Label(identity, "historical", description, f"market history, {start} to {end}", window=(start, end))
