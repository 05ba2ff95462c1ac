"""Paths and events: numpy's way and ours agree, and what is timed is what is claimed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.waterfall_ways import in_blocks, make_job, one_event, ours, usual


@pytest.mark.benchmark(group="waterfall")
def test_paths(rounds: Callable[..., Any]) -> None:
    job = make_job(3_000)
    found = rounds(lambda: ours(job))
    assert np.array_equal(usual(job), in_blocks(job))
    difference = np.abs(found - usual(job))
    assert difference.max() <= 1
    assert difference[:, [0, 1, 2, 5, 6, 7, 8]].max() == 0
    assert (found.sum(axis=1) == np.rint(job.loss * 100 * job.in_default).sum(axis=1)).all()
    assert all((found[:, tier] > 0).any() for tier in range(found.shape[1]))


@pytest.mark.benchmark(group="waterfall")
def test_one_event(rounds: Callable[..., Any]) -> None:
    outcome = rounds(one_event(1_000))
    assert sum(draw.amount for draw in outcome.draws) == outcome.loss
    assert sum(bool(draw.amount) for draw in outcome.draws) >= 6
