"""Every way of doing the exposure job, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.jobs import ACCOUNTS_A_POOL, TINY, Job, make_job, part_of_job
from benchmarks.mkl import find_mkl, mkl_sparse
from benchmarks.other_ways import answer, numpy_dense, polars_join, scipy_sparse
from benchmarks.our_ways import Answer, ours, without_screen
from benchmarks.threads import on_threads

OURS = "ours"
UNSCREENED = "ours without the screen"
SCIPY = "scipy.sparse, numpy.partition"
MKL = "MKL's sparse product, numpy.partition"
BY_HAND = "blocks on two threads by hand"
TOO_SLOW = 1_000
"""Accounts that the way by polars is given: a large book would take it minutes."""


@dataclass(frozen=True)
class Way:
    """A way, and the job it does: all of it, or a part where all would take too long."""

    run: Callable[[], Answer]
    job: Job


def on_one_thread(name: str) -> str:
    """What one of ours is called on one thread."""
    return f"{name}, one thread"


def ways_of(job: Job) -> dict[str, Way]:
    """All of them; those with MKL where it is installed."""
    few, mkl, double = part_of_job(job, TOO_SLOW), find_mkl(), partial(without_screen, job)
    runs = {
        OURS: partial(ours, job),
        on_one_thread(OURS): on_threads(1, partial(ours, job)),
        UNSCREENED: double,
        on_one_thread(UNSCREENED): on_threads(1, double),
        SCIPY: partial(answer, job, scipy_sparse),
        f"{SCIPY}, {BY_HAND}": partial(answer, job, scipy_sparse, by_hand=2),
        "numpy's dense product of blocks, numpy.partition": partial(answer, job, numpy_dense),
    }
    if mkl is not None:
        runs[MKL] = partial(answer, job, mkl_sparse(mkl))
        runs[f"{MKL}, {BY_HAND}"] = partial(answer, job, mkl_sparse(mkl), by_hand=2)
    found = {name: Way(run, job) for name, run in runs.items()}
    slow = Way(partial(answer, few, polars_join), few)
    return found | {f"polars join and group_by, {few.size.accounts:,} accounts": slow}


def check_same(ways: dict[str, Way], answers: dict[str, Answer]) -> None:
    """All must agree with ours: margins to a cent, a member's losses over margin to the roundings of its accounts."""
    expected = {id(way.job): ours(way.job) for way in ways.values()}
    for name, way in ways.items():
        known, found = expected[id(way.job)], answers[name]
        assert known.over_margin.any(), "no pool loses more than its margin: nothing is compared"
        assert np.abs(found.margin - known.margin).max() <= 1, name
        accounts = np.bincount(way.job.portfolio.pool_member) * ACCOUNTS_A_POOL  # each is rounded twice, by half a cent
        assert (np.abs(found.over_margin - known.over_margin).max(axis=1) <= accounts).all(), name


def warm_up() -> None:
    """Every way once, on a tiny job: compiled and loaded. Checked as well."""
    ways = ways_of(make_job(TINY))
    check_same(ways, {name: way.run() for name, way in ways.items()})


def recorded(ways: dict[str, Way]) -> tuple[dict[str, Callable[[], None]], dict[str, Answer]]:
    """Calls that keep their latest answer, and the answers, so that what is timed is what is compared."""
    answers: dict[str, Answer] = {}

    def call(name: str) -> None:
        answers[name] = ways[name].run()

    return {name: partial(call, name) for name in ways}, answers
