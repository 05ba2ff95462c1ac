"""Returns over several days, overlapping, as ratios or differences."""

import numpy as np

from ccp.types import Flags, ScenarioByFactor


def overlapping_returns(levels: ScenarioByFactor, days: int, relative: Flags) -> ScenarioByFactor:
    """Returns over `days` rows: row i is from day i to day i + days. Day x factor in, fewer rows out.

    `relative` says per factor whether the return is `v[t] / v[t - days] - 1` or `v[t] - v[t - days]`.
    NaN where either end has no value.
    """
    return _moves(levels[:-days], levels[days:], relative)


def window_returns(levels: ScenarioByFactor, days: int, relative: Flags) -> ScenarioByFactor:
    """Returns of windows: row t is from day t to day t + days, or to the last day where that comes first.

    Day x factor in, one row fewer out: every day but the last begins a window. Otherwise as `overlapping_returns`.
    """
    ends = np.minimum(np.arange(len(levels) - 1) + days, len(levels) - 1)
    return _moves(levels[:-1], levels[ends], relative)


def _moves(before: ScenarioByFactor, after: ScenarioByFactor, relative: Flags) -> ScenarioByFactor:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(relative, after / before - 1.0, after - before)
