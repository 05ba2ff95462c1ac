"""Windows of the history as stress scenarios.

A window is the day that it begins on. Over each liquidation period it has a leg of its own: from that day, so many days
on, or to the run's date where that comes first. Nothing after the run's date is looked at.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from ccp.market.history import Market
from ccp.market.returns import window_returns
from ccp.scenarios.crises import crisis_of
from ccp.scenarios.historical import is_relative, rounding_of, split_moves, squared_severity
from ccp.scenarios.scenario_set import Label, ScenarioSet
from ccp.types import Flags, Index, ScenarioByFactor, Vector


@dataclass(frozen=True)
class Windows:
    """Windows with a value of every factor at both ends of all their legs, in order of time.

    `first` are the rows of the market on which they begin, `last_row` is its last. By period in days, rising: `moves`,
    window x factor, and `severity` by window, in standard deviations.
    """

    first: Index
    last_row: int
    moves: dict[int, ScenarioByFactor]
    severity: dict[int, Vector]

    @property
    def longest(self) -> int:
        """The longest of the periods."""
        return max(self.moves)

    def finished(self, days: int) -> Flags:
        """Which windows have a leg of so many days that is over by the run's date."""
        return self.first + days <= self.last_row


def history_windows(market: Market, factor_ids: list[str], periods: tuple[int, ...]) -> Windows:
    """All windows of the history over some periods (rising), but for those that lack a value.

    A window's severity over a period is the root mean square over asset classes of its moves, each in units of the
    factor's own standard deviation over the windows that are finished. It looks at the factors that the book needs and
    not at its positions, and a jump of currencies counts as one of stocks does.
    """
    relative, levels = is_relative(market, factor_ids), market.matrix(factor_ids)
    every = {days: window_returns(levels, days, relative) for days in periods}
    first = np.flatnonzero(np.logical_and.reduce([np.isfinite(returns).all(axis=1) for returns in every.values()]))
    last_row, moves = len(levels) - 1, {days: returns[first] for days, returns in every.items()}
    rounding, classes = rounding_of(levels, relative), market.kinds("asset_class", factor_ids)
    units = {days: _units(returns, first + days <= last_row) for days, returns in moves.items()}
    squared = {days: squared_severity(moves[days], units[days], rounding, classes) for days in periods}
    return Windows(first, last_row, moves, {days: np.sqrt(square) for days, square in squared.items()})


def _units(returns: ScenarioByFactor, finished: Flags) -> Vector:
    """Standard deviations of finished returns; of all there are, where the history is shorter than the period."""
    return (returns[finished] if finished.any() else returns).std(axis=0)


def scenarios_of(windows: Windows, chosen: Index, market: Market, factor_ids: list[str]) -> ScenarioSet:
    """Some of the windows, by their places, in that order, as scenarios over every period."""
    relative, dates = is_relative(market, factor_ids), market.dates
    moves = [split_moves(returns[chosen], relative) for returns in windows.moves.values()]
    by_ratio, by_difference = (np.stack(kind) for kind in zip(*moves, strict=True))
    labels = [_label(windows, place, dates) for place in chosen.tolist()]
    return ScenarioSet(factor_ids, labels, by_ratio, by_difference, tuple(windows.moves))


def _label(windows: Windows, place: int, dates: list[date]) -> Label:
    """A window is called by the last day of its longest leg. Those that are unfinished all end on one day, so that they
    are called by their first as well."""
    days, first = windows.longest, int(windows.first[place])
    last = min(first + days, windows.last_row)
    start, end, severity = dates[first], dates[last], float(windows.severity[days][place])
    identity, done = f"history {end}", last - first
    description = f"{start} to {end} ({crisis_of(end)}); severity {severity:.1f} standard deviations"
    if done < days:
        identity, description = f"{identity} from {start}", f"{description}; unfinished, {done} of {days} days"
    return Label(identity, "historical", description, f"market history, {start} to {end}", window=(start, end))
