"""The worst windows of the history: of each liquidation period those that were hardest over it."""

import numpy as np

from ccp.scenarios.windows import Windows
from ccp.types import Index, Vector


def worst_windows(windows: Windows, worst: int) -> Index:
    """Places of the worst windows of the history, in order of time.

    Of each period the `worst` finished windows, no two of which overlap, and beside them every unfinished one that is
    as severe as the least of these (where there are fewer, every one). So an instrument meets every window that it
    would meet if there were no period but its own, and more.
    """
    return np.unique(np.concatenate([_worst_over(windows, days, worst) for days in windows.moves]))


def _worst_over(windows: Windows, days: int, worst: int) -> Index:
    """Places of the worst windows over one period. What is unfinished takes no other's place: it can only add."""
    severity, finished = windows.severity[days], windows.finished(days)
    apart = _apart(severity, np.flatnonzero(finished), worst, days)
    least = severity[apart].min() if len(apart) == worst else 0.0
    return np.concatenate([apart, np.flatnonzero(~finished & (severity >= least))])


def _apart(severity: Vector, among: Index, worst: int, days: int) -> Index:
    """Places of some windows, worst first and at most so many, no two of them overlapping."""
    chosen: list[int] = []
    for place in among[np.lexsort((among, -severity[among]))].tolist():
        if all(abs(place - other) >= days for other in chosen):
            chosen.append(place)
        if len(chosen) == worst:
            break
    return np.array(chosen, dtype=np.int64)
