"""A day of the cycle by the usual libraries: variation, margins, calls, and on stress days losses over margin."""

import time
from dataclasses import dataclass

import numpy as np

from benchmarks.cycle_usual import Usual, tails_of
from benchmarks.other_ways import Losses, numpy_gathered, polars_join, scipy_sparse
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.settlement.cycle import DayResult

SPARSE = "scipy.sparse product"


def ways(usual: Usual) -> dict[str, Losses]:
    """Ways of multiplying the book with unit losses; the book is made dense once for all days."""
    positions, dense = usual.terms.portfolio.positions, usual.book.toarray()
    instruments = dense.shape[1]
    return {
        SPARSE: scipy_sparse(positions, instruments),
        "numpy, dense product": lambda unit_loss, first, last: dense[first:last] @ unit_loss,
        "numpy, rows gathered and add.reduceat": numpy_gathered(positions, instruments),
        "polars join and group_by": polars_join(positions, instruments),
    }


@dataclass(frozen=True)
class UsualDay:
    """What the other way found on a day, in units of the currency, and its seconds without and for the stress."""

    variation: np.ndarray
    margin: np.ndarray
    calls: np.ndarray
    cover: float
    seconds: float
    stress_seconds: float


def usual_day(usual: Usual, day: int, held: np.ndarray, losses: Losses, stress: ScenarioSet) -> UsualDay:
    """A day by the other way. What pools hold, yesterday's prices and the stress scenarios are given to it."""
    before = usual.prices(max(day - 1, 0))
    start = time.perf_counter()
    now = usual.prices(day)
    variation = usual.variation(now, before, day)
    margin = tails_of(usual.unit_loss(day, now, usual.returns(day)), len(variation), losses)
    required = np.bincount(usual.terms.portfolio.account_pool, margin)
    calls = np.round(required - held, 2)
    middle = time.perf_counter()
    over = usual.over_margin(usual.unit_loss(day, now, stress.longest.relative), margin, losses)
    cover = np.sort(over, axis=0)[-2:].sum(axis=0)[[label.sizes_fund for label in stress.labels]].max()
    return UsualDay(variation, margin, calls, float(cover), middle - start, time.perf_counter() - middle)


def check_same(usual: UsualDay, ours: DayResult, quiet_day: bool) -> None:
    """The two must agree: by account to a cent, by pool and in cover-2 to the sum of such roundings."""
    assert np.abs(usual.margin * 100 - ours.account_margin).max() <= 1
    assert np.abs(usual.calls * 100 - ours.calls).max() <= len(usual.margin)
    if quiet_day:  # with trades the day has flows that are not timed by the other way
        assert np.abs(usual.variation * 100 - ours.variation).max() <= 2
    if ours.stress is not None:
        assert abs(usual.cover * 100 - ours.stress.covers[2].amount) <= len(usual.margin)
