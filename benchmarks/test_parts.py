"""Parts of a run, and whole runs in this process, timed one by one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ccp
from benchmarks import COMPILED
from ccp.market.case import open_case
from ccp.market.history import read_market
from ccp.pricing.horizon import price_cube
from ccp.rulebook.load import load_rulebook
from ccp.scenarios.scenario_set import joined
from ccp.scenarios.stress_set import stress_scenarios
from ccp.sizing.size import Sized, size_fund
from ccp.stress.measure import measure


@pytest.fixture(scope="module")
def sized(book: Path) -> Sized:
    """The book sized once: what the cube and the waterfall start from."""
    rules = load_rulebook("textbook/cover-two")
    case = open_case(book, read_market(), rules)
    return size_fund(measure(case, stress_scenarios(rules, case.market, case.factor_ids)))


@pytest.mark.benchmark(group="parts")
def test_cube(rounds: Callable[..., Any], sized: Sized) -> None:
    """The instruments, most of them options, in all stress scenarios."""
    case, stress = sized.measured.case, sized.measured.scenarios
    cube = rounds(lambda: price_cube(case, joined([stress])))
    assert np.isfinite(cube.change).all()


@pytest.mark.benchmark(group="parts")
def test_waterfall_of_the_worst_pair_in_every_scenario(rounds: Callable[..., Any], sized: Sized) -> None:
    def every_scenario() -> int:
        count = sized.measured.scenarios.count
        return sum(sized.outcome(place, sized.largest_groups(place)).loss for place in range(count))

    assert rounds(every_scenario) > 0


@pytest.mark.benchmark(group="end to end")
@pytest.mark.skipif(not COMPILED, reason="minutes in plain Python")
def test_demo(rounds: Callable[..., Any]) -> None:
    """From files to every result table, on the embedded example."""
    assert rounds(lambda: ccp.size(ccp.example_book())).coverage["fund"]["required"] > 0


@pytest.mark.benchmark(group="end to end")
def test_from_files(rounds: Callable[..., Any], book: Path) -> None:
    """From Parquet to every result table."""
    assert rounds(lambda: ccp.size(book)).coverage["fund"]["required"] > 0
