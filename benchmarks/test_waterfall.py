"""The waterfall benchmark, small: numpy's way and ours agree, and what is timed is what is claimed."""

from typing import Any

import numpy as np

from benchmarks.waterfall import in_blocks, make_job, one_event, ours, usual


def test_paths(benchmark: Any) -> None:
    job = make_job(3_000)
    found = ours(job)
    assert np.array_equal(usual(job), in_blocks(job))
    difference = np.abs(found - usual(job))
    assert difference.max() <= 1
    assert difference[:, [0, 1, 2, 5, 6, 7, 8]].max() == 0
    assert (found.sum(axis=1) == np.rint(job.loss * 100 * job.in_default).sum(axis=1)).all()
    assert all((found[:, tier] > 0).any() for tier in range(found.shape[1]))
    benchmark(lambda: ours(job))


def test_one_event(benchmark: Any) -> None:
    event = one_event(1_000)
    outcome: Any = event()
    assert sum(draw.amount for draw in outcome.draws) == outcome.loss
    assert sum(bool(draw.amount) for draw in outcome.draws) >= 6
    benchmark(event)
