"""Returns over several days, overlapping, as ratios or differences."""

import numpy as np

from ccp.types import Flags, ScenarioByFactor


def overlapping_returns(levels: ScenarioByFactor, days: int, relative: Flags) -> ScenarioByFactor:
    """Returns over `days` rows: row i is from day i to day i + days. Day x factor in, fewer rows out.

    `relative` says per factor whether the return is `v[t] / v[t - days] - 1` or `v[t] - v[t - days]`.
    NaN where either end has no value.
    """
    before, after = levels[:-days], levels[days:]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(relative, after / before - 1.0, after - before)
