"""Margin against the losses of the liquidation period: worked by hand, and the same days as a back test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.small_cycles import RULES, Run, Small, X, changed, plain, walk, write_trades

import ccp
from ccp.report.indicators.judged import indicators
from ccp.runs.run import open_run

TWO_DAYS = changed(RULES, margin={"liquidation_days": 2})
LEVELS = [100.0, 100.0, 97.0, 94.0, 96.0]
ALONE = {"a": ("A", "a", "house")}
ONE_LONG = plain(LEVELS, rules=TWO_DAYS, positions=[("a", "X", 100.0)], accounts=ALONE)


def periods(run: Run, pool: str) -> list[tuple[float | None, float | None]]:
    """Loss over the period that ended on each day, and the margin before it."""
    rows = run.pools.filter(pool_id=pool).sort("date")
    return list(rows.select("period_loss", "period_margin").iter_rows())


def test_the_example_of_the_document(tmp_path: Path) -> None:
    """Periods of two days lose 300, 600 and 100. The worst fall over two days that is known on days 0 to 2 is that from
    105 to 100, a 21st: margin is 10,000/21 = 476.19 twice, then 9,700/21 = 461.90. The dealer gains what the long
    loses."""
    run = ONE_LONG.run(tmp_path / "run")
    assert periods(run, "a") == [(None, None), (None, None), (300.0, 476.19), (600.0, 476.19), (100.0, 461.9)]
    assert run.days["observations"].to_list() == [None, None, 2.0, 2.0, 2.0]
    assert run.days["exceptions"].to_list() == [None, None, 0.0, 1.0, 0.0]
    assert run.days["largest_exception"].to_list() == [None, None, 0.0, 123.81, 0.0]
    assert run.days["breaches"].to_list() == [0.0] * 5
    dealer = [loss for loss, _ in periods(run, "DEALER")]
    assert dealer == [None, None, -300.0, -600.0, -100.0]


def test_the_summary_and_the_indicators_say_which_days_have_no_figure(tmp_path: Path) -> None:
    ONE_LONG.run(tmp_path / "run")
    run = open_run(tmp_path / "run")
    found = {one.key: one for one in indicators([run])}
    assert run.document("summary")["exceptions"] == {
        "pools": 1.0, "observations": 6.0, "days": 1, "days_without": 2, "largest": 123.81
    }  # fmt: skip
    assert found["margin_coverage"].value == pytest.approx(1 - 1 / 6)
    assert "1 of 6 pool-days were exceptions" in found["margin_coverage"].note
    assert "of the last 2 days is not over" in found["margin_coverage"].note
    assert found["one_day_coverage"].value == 1.0


@pytest.mark.parametrize("length", [1, 2])
def test_a_run_in_which_no_period_ends_does_not_know(length: int, tmp_path: Path) -> None:
    ONE_LONG.run(tmp_path / "run", last=length - 1)
    found = {one.key: one for one in indicators([open_run(tmp_path / "run")])}["margin_coverage"]
    assert (found.value, found.colour) == (None, "unknown")
    assert "no liquidation period that began in the run is over" in found.reason


def test_trades_within_the_period_do_not_count_and_those_of_its_first_day_do(tmp_path: Path) -> None:
    """A buys 100 more on day 1 and sells all on day 2. From day 1 on 200 fall from 100 to 94, from day 2 on nothing."""
    trades = write_trades(
        tmp_path / "trades.csv",
        [(ONE_LONG.day(1), "a", "X", 100.0, 100.0), (ONE_LONG.day(2), "a", "X", -200.0, 97.0)],
    )
    run = ONE_LONG.run(tmp_path / "run", trades=trades)
    assert periods(run, "a")[2:] == [(300.0, 476.19), (1_200.0, 952.38), (None, None)]
    assert run.days["observations"].to_list()[2:] == [2.0, 2.0, 0.0]
    # the day begins with what the day before ended with: on days 3 and 4 nobody holds anything
    assert run.days["day_observations"].to_list() == [0.0, 2.0, 2.0, 0.0, 0.0]


def test_who_fails_within_the_period_counts_and_who_had_failed_before_does_not(tmp_path: Path) -> None:
    """A defaults on day 2: its periods from days 0 and 1 count, that from day 2 does not."""
    run = ONE_LONG.run(tmp_path / "run", defaults=[("A", 2)])
    assert periods(run, "a")[2:] == [(300.0, 476.19), (600.0, 476.19), (None, None)]
    assert run.days["observations"].to_list()[2:] == [2.0, 2.0, 1.0]


def test_each_instrument_loses_over_its_own_days(tmp_path: Path) -> None:
    """F has three days and X one: the period from day 0 is over on day 3. X, 100 of it, has lost nothing by day 1; F,
    10 of it in euro, 10 x (94 - 100) x 1.2 = 72 by day 3. That from day 1: X 300 by day 2, F 10 x 4 x 1.1 = 44."""
    future = {"instrument_id": "F", "kind": "future", "factor_id": "X", "currency": "EUR", "multiplier": 1.0}
    rules = changed(RULES, margin={"liquidation": [{"kind": "future", "days": 3}]})
    small = ONE_LONG.but(
        levels={"X": LEVELS, "EUR/USD": [1.0, 1.0, 1.0, 1.2, 1.1]},
        instruments=(X, future), positions=[("a", "X", 100.0), ("a", "F", 10.0)], rules=rules,
    )  # fmt: skip
    run = small.run(tmp_path / "run")
    losses = [loss for loss, _ in periods(run, "a")]
    assert losses == [None, None, None, 72.0, 344.0]


def test_an_option_that_expires_in_the_period_is_settled_at_its_last_price(tmp_path: Path) -> None:
    """A holds a premium-style put at 100 that expires on day 3 at 94: over the periods from days 1 and 2 it is worth 6,
    which the holder does not lose. From day 3 on it is gone."""
    put = X | {"instrument_id": "P", "kind": "option", "right": "put", "strike": 100.0, "style": "premium"}
    put |= {"price": 2.0, "implied_volatility": 0.2, "expiry": ONE_LONG.day(3)}
    small = ONE_LONG.but(
        levels={"X": [*LEVELS, 90.0]}, instruments=(X, put), positions=[("a", "P", 10.0)],
    )  # fmt: skip
    run = small.run(tmp_path / "run")
    assert [loss for loss, _ in periods(run, "a")][3:] == [-60.0, -60.0, None]


def test_a_simulation_counts_what_a_back_test_of_the_same_days_counts(tmp_path: Path) -> None:
    """One future, long and short, five days of margin at 90 %: a book whose contracts are worth the same in both."""
    days = 120
    rules = changed(RULES, margin={"liquidation_days": 5, "confidence": 0.9})
    levels = walk(5, days, 100.0, 0.015)
    future = X | {"kind": "future"}
    small = Small({"X": levels}, [("a", "X", 100.0)], ONE_LONG.accounts, rules=rules, instruments=(future,))
    run = small.run(tmp_path / "run")
    tested = ccp.backtest(
        small.book, small.day(0), small.day(days - 6), small.rulebook, ["rulebook"], small.day(0), small.market
    )
    of_pools = tested.tables["backtest"].filter(level="pool", id=pl.col("id"))
    counted = run.pools.filter(pl.col("period_loss").is_not_null())
    for pool in ("a", "DEALER"):
        row = of_pools.filter(id=pool).row(0, named=True)
        beyond = counted.filter(pl.col("period_loss") > pl.col("period_margin"), pool_id=pool)
        assert row["observations"] == counted.filter(pool_id=pool).height == days - 5
        assert row["exceptions"] == beyond.height > 5
    tested.write(tmp_path / "tested")
    ours, theirs = (values_of(tmp_path / name) for name in ("run", "tested"))
    assert ours["margin_coverage"] == theirs["margin_coverage"] < 0.95
    # one day's losses against five days of margin are the milder test
    assert ours["one_day_coverage"] > ours["margin_coverage"] + 0.03
    assert tested.manifest["run"]["days_without"] == 0


def test_pools_that_hold_nothing_are_no_observation_in_either_command(tmp_path: Path) -> None:
    """Twenty members with one empty account each change no coverage, and no pool of the back test."""
    days, found = 40, []
    rules = changed(RULES, margin={"liquidation_days": 2, "confidence": 0.9})
    future = X | {"kind": "future"}
    plain_book = ONE_LONG.but(levels={"X": walk(5, days, 100.0, 0.015)}, rules=rules, instruments=(future,))
    empty = {f"e{number}": (f"E{number}", f"e{number}", "house") for number in range(20)}
    for name, small in (("full", plain_book), ("empty", plain_book.but(accounts=plain_book.accounts | empty))):
        run = small.run(tmp_path / name)
        assert run.days["observations"].to_list() == [None] * 2 + [2.0] * (days - 2)
        assert run.days["day_observations"].to_list() == [0.0] + [2.0] * (days - 1)
        tested = ccp.backtest(
            small.book, small.day(0), small.day(days - 3), small.rulebook, ["rulebook"], small.day(0), small.market
        )
        tested.write(tmp_path / f"{name} tested")
        table = tested.tables["backtest"].filter(level="pool")
        ours, theirs = (values_of(tmp_path / folder) for folder in (name, f"{name} tested"))
        assert ours["margin_coverage"] == theirs["margin_coverage"] < 1
        found.append((ours["margin_coverage"], ours["one_day_coverage"], table.to_dicts()))
    assert found[0] == found[1]


def values_of(folder: Path) -> dict[str, float]:
    """The indicators of a run that have a value."""
    return {one.key: one.value for one in indicators([open_run(folder)]) if one.value is not None}


def test_a_back_test_says_which_days_have_no_figure(tmp_path: Path) -> None:
    found = ccp.backtest(
        ONE_LONG.book,
        ONE_LONG.day(0),
        ONE_LONG.day(4),
        ONE_LONG.rulebook,
        ["rulebook"],
        ONE_LONG.day(0),
        ONE_LONG.market,
    )
    assert (found.manifest["run"]["days"], found.manifest["run"]["days_without"]) == (3, 2)
    found.write(tmp_path / "run")
    shown = {one.key: one for one in indicators([open_run(tmp_path / "run")])}["margin_coverage"]
    assert shown.note.endswith("The liquidation period of the last 2 days is not over: no figure.")


def test_a_broken_off_run_goes_on_with_the_periods_that_are_not_over(tmp_path: Path) -> None:
    """The days after a state are those of an unbroken run, also where its periods began before."""
    from ccp.settlement.cycle import Cycle
    from ccp.settlement.state_file import read_state, state_bytes

    cycle = Cycle(ONE_LONG.terms())
    whole = list(cycle.run())
    (tmp_path / "state").write_bytes(state_bytes(whole[2].state))
    state = read_state(tmp_path / "state", cycle.first_state())
    for before, after in zip(whole[3:], cycle.run(state), strict=True):
        assert before.ended is not None
        assert after.ended is not None
        for name in ("loss", "margin", "counted"):
            assert np.array_equal(getattr(before.ended, name), getattr(after.ended, name))


def test_periods_of_many_blocks_are_those_of_one(tmp_path: Path) -> None:
    """70 days are two blocks of 64: losses of the second come from positions and trades of the first."""
    small = ONE_LONG.but(levels={"X": walk(3, 70, 100.0, 0.01)})
    days = [3, 62, 63, 64, 66]
    rows = [(small.day(day), "a", "X", 10.0 * (place + 1), 100.0) for place, day in enumerate(days)]
    run = small.run(tmp_path / "run", trades=write_trades(tmp_path / "trades.csv", rows))
    levels, held = small.levels["X"], 100.0
    expected = []
    for begin in range(68):
        held += 10.0 * (days.index(begin) + 1) if begin in days else 0.0
        expected.append(round(held * (levels[begin] - levels[begin + 2]), 2))
    found = [loss for loss, _ in periods(run, "a")][2:]
    assert found == pytest.approx(expected, abs=0.0051)
