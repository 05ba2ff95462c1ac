"""Margin and stress of a random book: every way that is there, each timed alone; all give the same cents."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from benchmarks.exposure import measured
from benchmarks.jobs import TINY, Job, make_job, part_of_job
from benchmarks.our_ways import margins, single_margins
from benchmarks.ways import OURS, SCIPY, UNSCREENED, check_same, on_one_thread, recorded, ways_of


@pytest.mark.benchmark(group="exposure and margin")
@pytest.mark.parametrize("name", [OURS, on_one_thread(OURS), UNSCREENED, SCIPY])
def test_exposure(rounds: Callable[..., Any], job: Job, name: str) -> None:
    ways = ways_of(job)
    found, expected = rounds(ways[name].run), ways[OURS].run()
    assert np.abs(found.margin - expected.margin).max() <= 1
    assert expected.margin.all()


def test_a_way_that_gives_other_margins_is_found_out() -> None:
    ways = ways_of(make_job(TINY))
    calls, answers = recorded(ways)
    for call in calls.values():
        call()
    check_same(ways, answers)
    wrong = answers[SCIPY].margin.copy()
    wrong[7] += 2
    with pytest.raises(AssertionError, match=SCIPY):
        check_same(ways, answers | {SCIPY: replace(answers[SCIPY], margin=wrong)})
    short = answers[SCIPY].over_margin + 5
    with pytest.raises(AssertionError, match=SCIPY):
        check_same(ways, answers | {SCIPY: replace(answers[SCIPY], over_margin=short)})


def test_single_precision_is_near_and_not_equal() -> None:
    job = make_job(TINY)
    error = np.abs(single_margins(job) - margins(job))
    assert 0 < error.max() < 100


def test_an_accounts_instruments_are_distinct_and_in_order() -> None:
    offset, instrument, _ = make_job(TINY).portfolio.positions
    for begin, end in pairwise(offset):
        assert (np.diff(instrument[begin:end]) > 0).all()
    assert instrument.max() == TINY.instruments - 1


def test_a_part_of_a_job_has_the_same_margins() -> None:
    job = make_job(TINY)
    part = part_of_job(job, 8)
    assert margins(part).tolist() == margins(job)[:8].tolist()


def test_the_tables_have_a_row_a_way_and_shares_of_the_limit() -> None:
    ways, limit, precision = measured(TINY, 1, with_memory=False, probed=1e5).tables
    assert {OURS, UNSCREENED, SCIPY} <= {row["way"] for row in ways.rows}
    assert next(row["times scipy"] for row in ways.rows if row["way"] == SCIPY) == 1
    assert limit.rows[0]["share of the limit"] == "100%"
    assert [row["largest error, cents"] for row in precision.rows][:2] == [0, 0]
