"""Timings of the daily cycle by pytest-benchmark: pytest benchmarks/test_cycle.py --benchmark-enable [--medium]."""

from pathlib import Path
from typing import Any

import pytest

import ccp
from benchmarks.cycle import SMALL, YEAR, Setting, Usual, check_same, make_trades, usual_day, ways
from ccp.scenarios.stress_set import stress_scenarios
from ccp.settlement.cycle import Cycle

DAYS = 20


@pytest.fixture(scope="module", params=[SMALL, YEAR], ids=["small", "medium"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic book on disk."""
    if request.param is YEAR and not request.config.getoption("--medium"):
        pytest.skip("needs --medium")
    return ccp.synthesize(tmp_path_factory.mktemp("cycle") / "book", request.param)


def few_rounds(benchmark: Any, function: Any) -> Any:
    function()
    return benchmark.pedantic(function, rounds=3, iterations=1)


@pytest.mark.benchmark(group="daily cycle")
@pytest.mark.parametrize("trades", [0, 1_000])
def test_days(benchmark: Any, folder: Path, trades: int) -> None:
    """Twenty days, not written."""
    setting = Setting.read(folder, DAYS)
    if trades:
        path = make_trades(setting, trades, folder / "trades.parquet")
        setting = Setting.read(folder, DAYS, path)
    terms = setting.open()
    results = few_rounds(benchmark, lambda: sum(1 for _ in Cycle(terms).run()))
    assert results == DAYS


@pytest.mark.benchmark(group="daily cycle")
def test_days_written(benchmark: Any, folder: Path, tmp_path: Path) -> None:
    """Twenty days, opened and written."""
    setting = Setting.read(folder, DAYS)
    few_rounds(benchmark, lambda: setting.write(tmp_path / "run"))
    assert (tmp_path / "run" / "days.parquet").is_file()


@pytest.mark.benchmark(group="daily cycle, one day")
def test_day_usual_libraries(benchmark: Any, folder: Path) -> None:
    """The first day by polars, numpy and scipy.sparse, with its stress: the same answers."""
    terms = Setting.read(folder, DAYS).open()
    usual, first = Usual(terms), next(iter(Cycle(terms).run()))
    losses = ways(usual)["scipy.sparse product"]
    stress = stress_scenarios(terms.rulebook, terms.case.market, terms.case.factor_ids)
    found = few_rounds(benchmark, lambda: usual_day(usual, 0, first.held_before / 100, losses, stress))
    check_same(found, first, quiet_day=True)
