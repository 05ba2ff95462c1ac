"""What is timed and what is only looked at once: benchmarks are switched off in the normal run, and sizes are tiny."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ccp
from benchmarks.jobs import SMALL, TINY, Job, make_job
from ccp.book.synthetic import BookSize

TIMED_BOOK = BookSize(members=40, accounts=2_000, positions=100_000, instruments=500)
TINY_BOOK = BookSize(members=4, accounts=12, positions=240, instruments=80)


@pytest.fixture(scope="session")
def timed(pytestconfig: pytest.Config) -> bool:
    """Whether benchmarks are switched on."""
    return pytestconfig.getoption("benchmark_enable") or not pytestconfig.getoption("benchmark_disable")


@pytest.fixture(scope="session")
def job(timed: bool) -> Job:
    """A random book and cube."""
    return make_job(SMALL if timed else TINY)


@pytest.fixture(scope="session")
def book(timed: bool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic book on disk."""
    return ccp.synthesize(tmp_path_factory.mktemp("book") / "book", TIMED_BOOK if timed else TINY_BOOK)


@pytest.fixture
def rounds(benchmark: Any) -> Callable[..., Any]:
    """A call, timed a few times after one that compiles; switched off, it is made once."""
    return lambda call: benchmark.pedantic(call, rounds=5, warmup_rounds=1)
