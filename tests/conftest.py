"""Settings and books that several test files share."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.modes import PLAIN
from support.ray_workers import TESTS_TOO, WORKERS, needs_ray

import ccp
from ccp.book.synthetic import BookSize
from ccp.cluster.executor import Executor, open_executor

# OpenMP reads this when the first kernel starts threads. Small books have kernels of microseconds, between which its
# threads would spin and take the processor from the other test process. As many threads do the same work.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

settings.register_profile(
    "ccp",
    deadline=None,
    derandomize=True,
    max_examples=40 if PLAIN else 100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("ccp")


@pytest.fixture(scope="session")
def small_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic book small enough for the plain run."""
    return ccp.synthesize(tmp_path_factory.mktemp("books") / "small", BookSize(8, 50, 500, 60), seed=3)


@pytest.fixture(scope="session")
def finished(small_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a finished run of every command, by the command's name; `base` is a run with its base."""
    folder = tmp_path_factory.mktemp("finished")
    ccp.size(small_book).write(folder / "size")
    ccp.size(small_book, base=True).write(folder / "base")
    ccp.what_if(folder / "base", ccp.Changes(rules={"fund.buffer": 0.3})).sizing.write(folder / "whatif")
    ccp.default(small_book, "textbook/full-waterfall", contagion=True).write(folder / "default")
    span = ccp.RunRequest(date(2022, 12, 1), date(2022, 12, 9), defaults=(("M001", date(2022, 12, 6)),))
    ccp.simulate(small_book, folder / "simulate", span)
    ccp.backtest(small_book, span.first, span.last, models=["rulebook", "floor"]).write(folder / "backtest")
    ccp.compare(["published/eurex", "published/cme-base"]).write(folder / "compare")
    return folder


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Executor]:
    """Ray on this machine, started once for all tests that need it: a process is connected with one Ray at a time."""
    needs_ray()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", TESTS_TOO)  # the workers look for tasks of tests
        with open_executor("local", WORKERS) as executor:
            yield executor
