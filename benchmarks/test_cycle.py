"""The daily cycle, some days: not written, written, and the first day by the usual libraries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cycle_setting import Setting
from benchmarks.cycle_trades import make_trades
from benchmarks.cycle_usual import Usual
from benchmarks.cycle_usual_day import SPARSE, check_same, usual_day, ways
from ccp.scenarios.stress_set import stress_scenarios
from ccp.settlement.cycle import Cycle


@pytest.fixture(scope="module")
def days(timed: bool) -> int:
    """How many days."""
    return 20 if timed else 2


@pytest.mark.benchmark(group="daily cycle")
@pytest.mark.parametrize("trades", [0, 1_000])
def test_days(rounds: Callable[..., Any], book: Path, days: int, trades: int) -> None:
    setting = Setting.read(book, days)
    if trades:
        setting = Setting.read(book, days, make_trades(setting, trades, book / "trades.parquet"))
    terms = setting.open()
    assert rounds(lambda: sum(1 for _ in Cycle(terms).run())) == days


@pytest.mark.benchmark(group="daily cycle")
def test_days_written(rounds: Callable[..., Any], book: Path, days: int, tmp_path: Path) -> None:
    setting = Setting.read(book, days)
    rounds(lambda: setting.write(tmp_path / "run"))
    assert (tmp_path / "run" / "days.parquet").is_file()


@pytest.mark.benchmark(group="daily cycle, one day")
def test_day_by_the_usual_libraries(rounds: Callable[..., Any], book: Path, days: int) -> None:
    """With its stress: the same answers."""
    terms = Setting.read(book, days).open()
    usual, first = Usual(terms), next(iter(Cycle(terms).run()))
    losses = ways(usual)[SPARSE]
    stress = stress_scenarios(terms.rulebook, terms.case.market, terms.case.factor_ids)
    found = rounds(lambda: usual_day(usual, 0, first.held_before / 100, losses, stress))
    check_same(found, first, quiet_day=True)
