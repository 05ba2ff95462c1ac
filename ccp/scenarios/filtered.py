"""Filtered historical simulation: past returns scaled from the volatility of their day to that of tomorrow.

Barone-Adesi, Giannopoulos and Vosper, Journal of Futures Markets 19 (1999); Hull and White, Journal of Risk 1 (1998);
damped scaling: Gurrola-Perez and Murphy, Bank of England Working Paper 525 (2015). The smoothing is that of
RiskMetrics (J.P. Morgan, RiskMetrics Technical Document, 1996).
"""

from dataclasses import replace
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

from ccp.market.history import Market
from ccp.market.returns import overlapping_returns
from ccp.rulebook.margin import FILTER_BURN_IN
from ccp.scenarios.historical import is_relative, margin_scenarios
from ccp.scenarios.scenario_set import ScenarioSet, capped
from ccp.types import Index, ScenarioByFactor, Vector

Scaling: TypeAlias = Literal["full", "mid"]

BURN_IN = FILTER_BURN_IN
"""The mean square of this many returns starts the variance; none is given within them, so no scenario may hold them."""


def ewma_variances(returns: ScenarioByFactor, decay: float) -> ScenarioByFactor:
    """Variance expected for each one-row return from the returns before it, and for tomorrow's.

    Day x factor in, one row more out, in squared units of the returns: row t belongs to the return of row t and
    knows earlier ones only; the last row is tomorrow's.

        s2_{t+1} = decay * s2_t + (1 - decay) * r_t^2

    Of each factor the last unbroken run of returns up to the end counts. It starts from the mean square of the run's
    first `BURN_IN` returns; before the run and in those rows the result is NaN, since it would know them too early.
    """
    days, factors = returns.shape
    variances = np.full((days + 1, factors), np.nan)
    begins = _run_begins(returns)
    starts = _first_mean_squares(returns, begins)
    news = np.ascontiguousarray((1 - decay) * returns**2)
    for first, last in pairwise([*np.unique(begins).tolist(), days]):
        new = begins == first
        variances[first, new] = starts[new]
        for day in range(first, last):  # factors that have not begun stay NaN
            np.multiply(variances[day], decay, out=variances[day + 1])
            variances[day + 1] += news[day]
    variances[np.arange(days + 1)[:, None] < begins + BURN_IN] = np.nan
    return variances


def _run_begins(returns: ScenarioByFactor) -> Index:
    """Per factor the first row of the last run of returns without a gap; one past the end where the last is missing."""
    days = returns.shape[0]
    missing = ~np.isfinite(returns)
    latest = days - np.argmax(missing[::-1], axis=0) if days else np.zeros(returns.shape[1], dtype=np.int64)
    return np.where(missing.any(axis=0), latest, 0)


def _first_mean_squares(returns: ScenarioByFactor, begins: Index) -> Vector:
    """Per factor the mean square of `BURN_IN` returns from where its run begins; NaN where the run is shorter."""
    days, factors = returns.shape
    means = np.full(factors, np.nan)
    long = np.flatnonzero(begins + BURN_IN <= days)
    rows = begins[long] + np.arange(BURN_IN)[:, None]
    means[long] = (returns[rows, long] ** 2).mean(axis=0)
    return means


def scaling_factors(
    then: ScenarioByFactor, now: Vector, scaling: Scaling, floor: float, cap: float
) -> ScenarioByFactor:
    """What to multiply past returns by: window x factor from the variances when the windows began, and tomorrow's.

    `then` is the variance expected for the first one-row return of each window, so for a window from row t - h to t
    that of row t - h + 1. With the ratio z of volatilities (not variances), now over then, and 1 where then is 0, it
    is z (`full`) or halfway between z and 1 (`mid`), and in either case kept between `floor` and `cap`. NaN where
    `then` is.
    """
    before, after = np.sqrt(then), np.sqrt(now)
    ratio = np.divide(after, before, out=np.ones_like(before), where=before != 0)
    return np.clip(ratio if scaling == "full" else (ratio + 1) / 2, floor, cap)


def filtered_scenarios(
    market: Market,
    factor_ids: list[str],
    lookback: int,
    days: int,
    decay: float,
    scaling: Scaling,
    floor: float,
    cap: float,
) -> ScenarioSet:
    """The latest `lookback` overlapping returns over `days`, oldest first, scaled to the volatility of tomorrow.

    The market must hold values of every factor on the latest `lookback + days + BURN_IN` rows (checked by
    `ccp.market.needs`; where it does not, moves are NaN). Each factor is scaled by itself. Nothing is scaled by the
    square root of time: windows of any length are multiplied by the ratio of one-row volatilities. Relative falls
    are kept at -0.99, and a scenario in which one was says so.
    """
    plain = margin_scenarios(market, factor_ids, lookback, days)
    returns = overlapping_returns(market.matrix(factor_ids), 1, is_relative(market, factor_ids))
    variances = ewma_variances(returns, decay)  # as many rows as the market: that of the return FROM each row
    scale = scaling_factors(variances[-days - plain.count : -days], variances[-1], scaling, floor, cap)
    labels = [
        replace(label, kind="filtered", description=f"{label.description}, scaled by volatility")
        for label in plain.labels
    ]
    return capped(replace(plain, labels=labels, relative=plain.relative * scale, absolute=plain.absolute * scale))
