"""Timings by pytest-benchmark: pytest benchmarks --benchmark-enable [--medium].

Every kernel is called once before it is timed, so that compilation is not in the figures.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ccp
from benchmarks.jobs import Job, ours, usual
from ccp.book.synthetic import BookSize
from ccp.market.case import open_case
from ccp.market.history import read_market
from ccp.pricing.horizon import price_cube
from ccp.rulebook.load import load_rulebook
from ccp.scenarios.scenario_set import joined
from ccp.scenarios.stress_set import stress_scenarios
from ccp.sizing.size import Sized, size_fund
from ccp.stress.measure import measure


def few_rounds(benchmark: Any, function: Any, *arguments: Any) -> Any:
    function(*arguments)
    return benchmark.pedantic(function, args=arguments, rounds=3, iterations=1)


@pytest.mark.benchmark(group="exposure and margin")
def test_exposure_ours(benchmark: Any, job: Job) -> None:
    found = few_rounds(benchmark, ours, job)
    assert found.account_margin.all()


@pytest.mark.benchmark(group="exposure and margin")
def test_exposure_usual_libraries(benchmark: Any, job: Job) -> None:
    margin, _ = few_rounds(benchmark, usual, job)
    mine = ours(job).account_margin
    assert np.abs(mine - margin * 100).max() <= 1  # the same answer, to the rounding of a cent


SMALL_BOOK = BookSize(members=40, accounts=2_000, positions=100_000, instruments=500)
MEDIUM_BOOK = BookSize(members=200, accounts=100_000, positions=10_000_000, instruments=2_000)


@pytest.fixture(scope="module", params=[SMALL_BOOK, MEDIUM_BOOK], ids=["small", "medium"])
def book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic book on disk."""
    if request.param is MEDIUM_BOOK and not request.config.getoption("--medium"):
        pytest.skip("needs --medium")
    return ccp.synthesize(tmp_path_factory.mktemp("book") / "book", request.param)


@pytest.fixture(scope="module")
def sized(book: Path) -> Sized:
    """The book sized once: what the cube and the waterfall start from."""
    rules = load_rulebook("textbook/cover-two")
    case = open_case(book, read_market(), rules)
    return size_fund(measure(case, stress_scenarios(rules, case.market, case.factor_ids)))


@pytest.mark.benchmark(group="cube")
def test_cube(benchmark: Any, sized: Sized) -> None:
    """500 or 2,000 instruments, most of them options, in 472 stress scenarios."""
    case, stress = sized.measured.case, sized.measured.scenarios
    cube = few_rounds(benchmark, price_cube, case, joined([stress]))
    assert np.isfinite(cube.change).all()


@pytest.mark.benchmark(group="waterfall")
def test_waterfall(benchmark: Any, sized: Sized) -> None:
    """The worst pair's waterfall over 40 or 200 members, in every scenario."""

    def every_scenario() -> int:
        count = sized.measured.scenarios.count
        return sum(sized.outcome(place, sized.largest_groups(place)).loss for place in range(count))

    assert few_rounds(benchmark, every_scenario) > 0


@pytest.mark.benchmark(group="end to end")
def test_demo(benchmark: Any) -> None:
    """From files to every result table, on the embedded example."""
    sizing = few_rounds(benchmark, ccp.size, ccp.example_book())
    assert sizing.coverage["fund"]["required"] > 0


@pytest.mark.benchmark(group="end to end")
def test_from_files(benchmark: Any, book: Path) -> None:
    """From Parquet to every result table."""
    sizing = few_rounds(benchmark, ccp.size, book)
    assert sizing.coverage["fund"]["required"] > 0
