"""The mistakes an expert looks for in the daily cycle, each with a test that would catch it. Amounts are worked out by
hand: in the books of `small_cycles` margin is 5 % of a position's value, contributions are 1,000 a member, and the
clearing house's own capital is 300, unless a test says otherwise."""

from __future__ import annotations

import math
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from support.small_cycles import CAPITAL, CONTRIBUTION, LOOKBACK, RULES, Run, Small, X, changed, plain, walk

from ccp.backtesting.exceptions import back_test

ONE = {"a": ("A", "a", "house")}
GRADUAL = changed(RULES, close_out={"method": "gradual"})


def called(
    run: Run, member: str, kinds: tuple[str, ...] = ("margin call", "fund call", "supplementary call")
) -> list[date]:
    """The days on which a member, or its clients, paid a call."""
    mine = pl.col("from_account").is_in([f"house:{member}", f"clients:{member}"])
    return run.ledger.filter(mine & pl.col("movement").is_in(kinds))["date"].unique().sort().to_list()


# --- 4: variation already settled -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "loss", "tiers"),
    [
        (91.0, 400.0, {"defaulter_margin": 400.0}),  # within the 475 of margin
        (90.0, 500.0, {"defaulter_margin": 475.0, "defaulter_fund": 25.0}),
    ],
)
def test_trap_04_variation_already_settled_is_not_lost_again(
    last: float, loss: float, tiers: dict[str, float], tmp_path: Path
) -> None:
    """100 X fall from 100 to 95 over three days, and 500 are paid; in default only what was not exchanged is lost."""
    small = plain([100.0, 98.0, 96.0, 95.0, last, last])
    run = small.run(tmp_path / "run", defaults=[("A", 4)])
    paid = [run.moved(date=small.day(day), movement="variation", from_account="house:A") for day in range(6)]
    assert paid == [0.0, 200.0, 200.0, 100.0, 0.0, 0.0]
    assert run.events["loss"].to_list() == [loss]
    assert run.tiers(1) == tiers
    left = run.moved(movement="estate", to_account="house:A")
    assert left == round(475.0 - tiers["defaulter_margin"] + CONTRIBUTION - tiers.get("defaulter_fund", 0.0), 2)


def test_trap_04_a_gradual_close_out_goes_on_from_the_price_of_the_default(tmp_path: Path) -> None:
    """No variation on the day of default, then two days of -1 and -1 on what is left: 100 and half of it."""
    x = X | {"average_daily_volume": 200.0}
    rules = changed(RULES, close_out={"method": "gradual", "participation": 0.25, "impact": 0.0})
    small = plain([100.0, 98.0, 96.0, 96.0, 95.0, 94.0, 90.0], instruments=(x,), rules=rules)
    run = small.run(tmp_path / "run", defaults=[("A", 3)])
    assert run.events["loss"].to_list() == [100.0 + 50.0]
    assert run.events["settled_date"].to_list() == [small.day(5)]


# --- 10: excess collateral --------------------------------------------------------------------------------------------


def test_trap_10_excess_collateral_counts_only_where_the_rulebook_says_so(tmp_path: Path) -> None:
    """A holds 8,000 against a requirement of 5,000, and so does the dealer; 1,000 X lose 20,000 in the stress."""
    line = {"asset_id": "CASH", "market_value": 8_000.0, "haircut": 0.0}
    cash = tuple(line | {"pool_id": pool} for pool in ("a", "DEALER"))
    positions = [("a", "X", 1_000.0)]
    found = {}
    for returned in (False, True):
        for way in ("required", "held", "minimum"):
            rules = changed(RULES, stress={"resources": way}, settlement={"excess_returned": returned})
            small = Small({"X": [100.0, 100.0]}, positions, ONE, rules=rules, collateral=cash)
            run = small.run(tmp_path / f"{way} {returned}")
            row = run.row("pools", small.day(1), pool_id="a")
            found[way, returned] = (row["margin"], row["held"], run.row("days", small.day(1))["cover_1"])
    assert found["required", False] == (5_000.0, 8_000.0, 15_000.0)
    assert found["held", False] == (5_000.0, 8_000.0, 12_000.0)
    assert found["minimum", False] == (5_000.0, 8_000.0, 15_000.0)
    assert {found[way, True] for way in ("required", "held", "minimum")} == {(5_000.0, 5_000.0, 15_000.0)}


# --- 11: the shock's own margin call ----------------------------------------------------------------------------------


def test_trap_11_margin_called_on_the_day_of_the_shock_does_not_help(tmp_path: Path) -> None:
    """A fall of 20 % takes the requirement from 500 to 1,600: the defaulter has brought only what it did before."""
    members = {"A": {"liquidity": 1_000.0}}
    small = plain([100.0, 100.0, 80.0, 80.0], members=members)
    run = small.run(tmp_path / "run")
    assert run.events["defaulters"].to_list() == ["A"]
    assert run.row("pools", small.day(2), pool_id="a")["margin"] == 1_600.0
    assert run.row("pools", small.day(2), pool_id="a")["held_before"] == 500.0
    assert run.tiers(1) == {
        "defaulter_margin": 500.0, "defaulter_fund": CONTRIBUTION, "ccp_capital": CAPITAL,
        "survivors_fund": 2_000.0 - 500.0 - CONTRIBUTION - CAPITAL,
    }  # fmt: skip
    assert run.moved(movement="margin call", to_account="margin:a") == 0.0
    # B, who can pay, is called for the difference and pays it: 50 * 80 * 20 % less the 250 it had there
    assert run.moved(date=small.day(2), movement="margin call", to_account="margin:b") == 800.0 - 250.0
    assert run.moved(date=small.day(2), movement="variation", from_account="house:B") == 1_000.0


def test_trap_11_margin_held_is_that_of_the_last_successful_call(tmp_path: Path) -> None:
    """The price rises first, and so does margin: 106 X at 5 % is what is there when A fails."""
    small = plain([100.0, 103.0, 106.0, 80.0], members={"A": {"liquidity": 1_000.0}})
    run = small.run(tmp_path / "run")
    assert run.tiers(1)["defaulter_margin"] == 530.0
    assert run.events["loss"].to_list() == [2_600.0]


# --- 15: haircut or scenario, never both ------------------------------------------------------------------------------

SECURITIES = (
    {
        "pool_id": "a",
        "asset_id": "PAPER",
        "market_value": 400.0,
        "haircut": 0.25,
        "factor_id": "PAPER",
        "issuer_id": "Z",
    },
    {"pool_id": "a", "asset_id": "CASH", "market_value": 200.0, "haircut": 0.0, "factor_id": None, "issuer_id": None},
    {"pool_id": "a", "asset_id": "OWN", "market_value": 900.0, "haircut": 0.0, "factor_id": "PAPER", "issuer_id": "A"},
)


def test_trap_15_in_close_out_securities_fetch_their_market_value_and_own_paper_nothing(tmp_path: Path) -> None:
    """500 are required and held: 200 cash and 400 of bonds after a quarter. Sold, the bonds bring 400, or 380 later."""
    levels = {"X": [100.0, 100.0, 80.0], "PAPER": [50.0, 50.0, 47.5]}
    small = Small(levels, [("a", "X", 100.0)], ONE, collateral=SECURITIES, swing={"X": 0.05})
    run = small.run(tmp_path / "run", defaults=[("A", 2)])
    row = run.row("pools", small.day(1), pool_id="a")
    assert (row["held"], row["not_counted"]) == (500.0, 900.0)
    assert run.moved(movement="sale of collateral", to_account="margin:a") == 380.0
    assert run.tiers(1)["defaulter_margin"] == 580.0
    assert run.events["loss"].to_list() == [2_000.0]


@pytest.mark.parametrize("stress", ["haircut", "scenario"])
def test_one_issuer_counts_alike_in_one_line_and_in_two_on_every_day(stress: str, tmp_path: Path) -> None:
    """500 are required, and 550 on the second day, of which half counts of Z's 800 of bonds; cash makes up the rest."""
    bond = {"pool_id": "a", "haircut": 0.0, "factor_id": "PAPER", "issuer_id": "Z"}
    cash = SECURITIES[1] | {"market_value": 100.0}
    rules = changed(RULES, collateral={"stress": stress, "issuer_limit": 0.5}, stress={"resources": "held"})
    levels = {"X": [100.0, 100.0, 110.0], "PAPER": [50.0, 50.0, 50.0]}
    days = []
    for place, parts in enumerate(((800.0,), (300.0, 500.0))):
        lines = tuple(bond | {"asset_id": f"PAPER{n}", "market_value": value} for n, value in enumerate(parts))
        small = Small(levels, [("a", "X", 100.0)], ONE, rules=rules, collateral=(*lines, cash), swing={"X": 0.05})
        run = small.run(tmp_path / f"run{place}")
        days.append([run.row("pools", small.day(n), pool_id="a") for n in (1, 2)] + [run.row("days", small.day(2))])
    assert days[0] == days[1]
    assert [row["held"] for row in days[0][:2]] == [500.0, 550.0]
    assert [row["not_counted"] for row in days[0][:2]] == [550.0, 525.0]


@pytest.mark.parametrize(("stress", "counted"), [("haircut", 500.0), ("scenario", 200.0 + 400.0 * 0.7)])
def test_trap_15_in_stress_collateral_is_cut_or_moved_and_never_both(
    stress: str, counted: float, tmp_path: Path
) -> None:
    """Bonds of 400: 300 after haircut, or 280 after a fall of 30 %; never 210."""
    path = tmp_path / "both.csv"
    path.write_text("scenario_id,factor_id,kind,shock\nboth,X,relative,-0.2\nboth,PAPER,relative,-0.3\n")
    rules = changed(RULES, collateral={"stress": stress}, stress={"resources": "held"})
    levels = {"X": [100.0, 100.0], "PAPER": [50.0, 50.0]}
    small = Small(levels, [("a", "X", 100.0)], ONE, rules=rules, collateral=SECURITIES, swing={"X": 0.05})
    run = small.run(tmp_path / "run", scenarios=path)
    assert run.row("days", small.day(1))["cover_1"] == 2_000.0 - counted


# --- 16: the clearing house's own capital -----------------------------------------------------------------------------


SMALL_CONTRIBUTIONS: dict[str, dict[str, Any]] = {
    "A": {"fund_contribution": 100.0},
    "B": {"fund_contribution": 100.0},
    "DEALER": {"fund_contribution": 5_000.0},
}


def two_defaults(second: int, restoration: int, out: Path) -> Run:
    """A fails on day 1 and B on a later day, when X falls from 100 to 80 and from 80 to 48.

    A: 100 X lose 2,000 against a margin of 500. B: 50 X lose 1,600 against 50 * 80 * 20 %, called after the first fall.
    """
    levels = [100.0, *[80.0] * (second - 1), 48.0, 48.0]
    rules = changed(RULES, fund={"capital_restoration_days": restoration})
    small = plain(levels, members=SMALL_CONTRIBUTIONS, rules=rules)
    return small.run(out, defaults=[("A", 1), ("B", second)])


def test_trap_16_own_capital_pays_before_the_survivors_and_is_not_there_twice(tmp_path: Path) -> None:
    run = two_defaults(second=3, restoration=3, out=tmp_path / "run")
    assert run.tiers(1) == {
        "defaulter_margin": 500.0, "defaulter_fund": 100.0, "ccp_capital": CAPITAL, "survivors_fund": 1_100.0,
    }  # fmt: skip
    assert run.payers(1, "survivors_fund") == {"B": 21.57, "DEALER": 1_078.43}  # 1,100 by 100 to 5,000
    assert run.events["loss"].to_list() == [2_000.0, 1_600.0]
    assert run.tiers(2) == {
        "defaulter_margin": 800.0, "defaulter_fund": 100.0 - 21.57, "survivors_fund": 800.0 - 100.0 + 21.57,
    }  # fmt: skip


def test_trap_16_own_capital_is_restored_on_its_day_and_not_before(tmp_path: Path) -> None:
    early = two_defaults(second=4, restoration=4, out=tmp_path / "early")
    late = two_defaults(second=5, restoration=4, out=tmp_path / "late")
    small = plain([100.0] * 8)
    assert "ccp_capital" not in early.tiers(2)
    assert late.tiers(2)["ccp_capital"] == CAPITAL
    assert late.moved(date=small.day(5), movement="capital paid in", from_account="owners") == CAPITAL
    assert late.moved(movement="capital paid in") == CAPITAL
    assert late.row("days", small.day(4))["ccp_capital"] == 0.0


def test_trap_16_what_the_first_default_left_of_it_is_there_for_the_second(tmp_path: Path) -> None:
    """A leaves 2,000 - 500 - 1,300 = 200 to the capital of 300, B the 100 that are left."""
    members: dict[str, dict[str, Any]] = {"A": {"fund_contribution": 1_300.0}, "B": {"fund_contribution": 100.0}}
    small = plain([100.0, 80.0, 80.0, 48.0, 48.0], members=members)
    run = small.run(tmp_path / "run", defaults=[("A", 1), ("B", 3)])
    assert (run.tiers(1)["ccp_capital"], "survivors_fund" in run.tiers(1)) == (200.0, False)
    assert (run.tiers(2)["ccp_capital"], run.tiers(2)["survivors_fund"]) == (100.0, 1_600.0 - 800.0 - 100.0 - 100.0)


def test_trap_16_own_capital_is_not_taken_out_while_a_default_is_being_closed_out(tmp_path: Path) -> None:
    """Ten per cent of 3,000, and A's 1,000 count until A is settled: the owners take nothing out before."""
    x = X | {"average_daily_volume": 50.0}
    tiers = ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"share_of_fund": 0.1}}, "survivors_fund"]
    rules = changed(
        RULES,
        close_out={"method": "gradual", "participation": 0.25, "impact": 0.0},
        fund={"schedule": "daily"},
        tiers=tiers,
    )
    small = plain([100.0] * 12, rules=rules, instruments=(x,))
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.events["settled_date"].to_list() == [small.day(9)]
    for day in range(9):
        assert run.row("days", small.day(day))["ccp_capital"] == 300.0


# --- 18: calls on members ---------------------------------------------------------------------------------------------


def test_trap_18_nobody_in_default_is_called_or_paid(tmp_path: Path) -> None:
    small = plain([100.0, 101.0, 99.0, 80.0, 70.0, 75.0, 60.0, 80.0, 80.0, 81.0], rules=GRADUAL)
    run = small.run(tmp_path / "run", defaults=[("A", 3)])
    assert called(run, "A") == [small.day(1)]
    assert max(called(run, "B")) > small.day(3)
    assert (
        run.moved(date=small.day(3), to_account="house:A") == run.moved(date=small.day(3), from_account="house:A") == 0
    )
    after = run.ledger.filter(pl.col("date") > small.day(3))
    assert set(after.filter(to_account="house:A")["movement"]) <= {"estate"}
    assert after.filter(from_account="house:A").is_empty()


def test_trap_18_contributions_are_refilled_after_the_replenishment_days_of_the_latest_settlement(
    tmp_path: Path,
) -> None:
    """Defaults on days 1 and 3, refilled four days after the second: on day 7, and not on day 5."""
    rules = changed(RULES, fund={"replenishment_days": 4})
    levels = [100.0, 80.0, 80.0, 48.0, *[48.0] * 6]
    small = plain(levels, members=SMALL_CONTRIBUTIONS, rules=rules)
    run = small.run(tmp_path / "run", defaults=[("A", 1), ("B", 3)])
    assert called(run, "DEALER", ("fund call",)) == [small.day(7)]
    drawn = run.payers(1, "survivors_fund")["DEALER"] + run.payers(2, "survivors_fund")["DEALER"]
    assert run.moved(date=small.day(7), movement="fund call", to_account="fund:DEALER") == pytest.approx(drawn)
    assert run.row("members", small.day(6), member_id="DEALER")["contribution"] == pytest.approx(5_000.0 - drawn)
    assert run.row("members", small.day(7), member_id="DEALER")["contribution"] == 5_000.0
    once = small.run(tmp_path / "once", defaults=[("A", 1)])
    assert called(once, "DEALER", ("fund call",)) == called(once, "B", ("fund call",)) == [small.day(5)]


def test_trap_18_nothing_is_refilled_while_a_default_is_being_closed_out(tmp_path: Path) -> None:
    """100 X in eight parts: settled on day 9; no fund call before, though a resizing asks for more on day 2."""
    x = X | {"average_daily_volume": 50.0}
    fund = {"notice_days": 1, "schedule": "daily", "replenishment_days": 0, "floor": 9_000.0}
    rules = changed(RULES, close_out={"method": "gradual", "participation": 0.25, "impact": 0.0}, fund=fund)
    small = plain([100.0] * 12, rules=rules, instruments=(x,))
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.events["settled_date"].to_list() == [small.day(9)]
    assert called(run, "B", ("fund call",)) == [small.day(9)]


# --- 21: options, and overlapping returns -----------------------------------------------------------------------------


def black_call(forward: float, strike: float, volatility: float, years: float) -> float:
    deviation = volatility * math.sqrt(years)
    high = math.log(forward / strike) / deviation + deviation / 2

    def normal(x: float) -> float:
        return (1 + math.erf(x / math.sqrt(2))) / 2

    return forward * normal(high) - strike * normal(high - deviation)


def test_trap_21_options_are_revalued_in_full_and_not_by_their_slope(tmp_path: Path) -> None:
    """1,000 calls sold at the money, a month to go: a rise of 10 % costs half as much again as the slope says."""
    expiry = plain().day(0) + timedelta(days=30)
    price = black_call(100.0, 100.0, 0.2, 30 / 365)
    call = X | {"instrument_id": "C", "kind": "option", "price": price, "strike": 100.0, "right": "call"}
    call |= {"implied_volatility": 0.2, "style": "variation", "expiry": expiry}
    small = Small({"X": [100.0, 100.0]}, [("a", "C", -1_000.0)], ONE, instruments=(call,), swing=0.1)
    run = small.run(tmp_path / "run")
    one_day = black_call(110.0, 100.0, 0.2, 29 / 365) - price
    slope = (black_call(100.01, 100.0, 0.2, 30 / 365) - price) / 0.01 * 10.0
    found = run.row("accounts", small.day(0), account_id="a")["margin"]
    assert found == pytest.approx(1_000.0 * one_day, abs=0.0051)
    assert found > 1_400.0 * slope
    # a day nearer to expiry at the same price, the writer is paid what time has taken off
    decay = price - black_call(100.0, 100.0, 0.2, 29 / 365)
    received = run.row("accounts", small.day(1), account_id="a")["variation"]
    assert received == pytest.approx(1_000.0 * decay, abs=0.0051)


def test_trap_21_p_values_of_overlapping_returns_are_said_not_to_hold() -> None:
    """One bad day breaches the margin of two neighbouring two-day windows, and is one exception in truth."""
    daily = np.zeros(81, dtype=np.int64)
    daily[40] = 500
    two_days = daily[:-1] + daily[1:]
    found = back_test(two_days, np.full(80, 300, dtype=np.int64), Fraction(99, 100), horizon=2)
    assert not found.p_values_hold
    assert (found.all_windows.exceptions, found.non_overlapping.exceptions) == (2, 1)
    assert back_test(daily, np.full(81, 300, dtype=np.int64), Fraction(99, 100), horizon=1).p_values_hold


# --- 22: no look-ahead ------------------------------------------------------------------------------------------------


def long_known() -> Small:
    """Options on a modelled volatility, a future in euro, a stress period, a look-back, the worst windows known."""
    levels = {"X": walk(8, 16, 100.0, 0.02), "EUR/USD": walk(9, 16, 1.1, 0.005)}
    option = X | {"instrument_id": "C", "kind": "option", "price": 6.0, "strike": 100.0, "right": "call"}
    option |= {"volatility_id": "X.VOL", "style": "premium", "expiry": plain().day(0) + timedelta(days=90)}
    future = X | {"instrument_id": "F", "kind": "future", "currency": "EUR", "average_daily_volume": 90.0}
    positions = [("a", "X", 100.0), ("a", "C", -20.0), ("b", "F", 60.0), ("b", "C", 10.0), ("d", "F", -80.0)]
    accounts = ONE | {"b": ("B", "b", "house"), "d": ("D", "d", "client")}
    fund = {"schedule": "weekly", "look_back": {"days": 4}, "notice_days": 1}
    rules = changed(
        GRADUAL,
        margin={"buffer": {"share": 0.25}, "model": "weighted", "measure": "expected_shortfall", "lookback_days": 20}
        | {"stress_period": {"weight": 0.25, "days": 12}},
        stress={"historical": {"worst": 3}},
        fund=fund | {"supplementary_margin": {"group_share": 0.2}},
    )
    return Small(levels, positions, accounts, rules=rules, instruments=(X, option, future), history=275)


def crashing(small: Small, known: int) -> Small:
    """The same up to a day, and 40 % lower from the next."""
    fallen = {name: levels[: known + 1] + [0.6 * level for level in levels[known + 1 :]] for name, levels in
              small.levels.items()}  # fmt: skip
    return small.but(levels=fallen)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return long_known().run(tmp_path_factory.mktemp("calm") / "run", defaults=[("B", 3)])


@pytest.mark.parametrize("known", [0, 6, 14])
def test_trap_22_nothing_known_later_changes_a_day(known: int, calm: Run, tmp_path: Path) -> None:
    other = crashing(long_known(), known).run(tmp_path / "run", defaults=[("B", 3)])
    until = pl.col("date") <= long_known().day(known)
    for table in ("days", "ledger", "accounts", "pools", "members"):
        assert getattr(calm, table).filter(until).equals(getattr(other, table).filter(until)), table
    assert not calm.accounts.filter(~until).equals(other.accounts.filter(~until))


def test_trap_22_the_days_of_a_run_do_not_depend_on_how_long_it_goes_on(calm: Run, tmp_path: Path) -> None:
    """The default is closed out before the shorter run ends, which would close out what is left."""
    small = long_known()
    assert calm.events["settled_date"].to_list()[0] <= small.day(8)
    short = small.run(tmp_path / "short", defaults=[("B", 3)], last=9)
    for table in ("days", "ledger", "accounts", "pools", "members"):
        found = getattr(calm, table).filter(pl.col("date") <= small.day(9))
        assert found.equals(getattr(short, table)), table


# --- 23: clients of a defaulter ---------------------------------------------------------------------------------------


def test_trap_23_clients_are_closed_out_with_the_house_and_keep_their_gains(tmp_path: Path) -> None:
    """The house loses 2,000; one client gains 600 and gets it with its margin; the other loses 400 of its own."""
    accounts = {
        "a": ("A", "a", "house"), "s": ("A", "s", "client"), "l": ("A", "l", "client"), "o": ("B", "o", "house"),
    }  # fmt: skip
    positions = [("a", "X", 100.0), ("s", "X", -30.0), ("l", "X", 20.0), ("o", "X", -90.0)]
    small = Small({"X": [100.0, 100.0, 80.0, 60.0, 60.0]}, positions, accounts)
    run = small.run(tmp_path / "run", defaults=[("A", 2)])
    assert run.events["loss"].to_list() == [2_000.0 + 400.0]
    # margins 500, 150 and 100; the clients' own pays for them alone, the winner's for nobody
    assert run.tiers(1)["defaulter_margin"] == 500.0 + 100.0
    left = run.ledger.filter(movement="estate", to_account="clients:A")
    assert dict(left.select("from_account", "amount").iter_rows()) == {"margin:s": 150.0 + 600.0}
    assert run.moved(movement="gain of the pool", to_account="margin:s") == 600.0
    assert run.moved(movement="estate", to_account="house:A") == 0.0
    # nobody is ported: the clients' accounts have no margin and no money moves for them any more
    for name in ("s", "l"):
        assert run.row("accounts", small.day(3), account_id=name)["margin"] == 0.0
    later = run.ledger.filter(pl.col("date") > small.day(2))
    assert not {"clients:A", "margin:s", "margin:l"} & {*later["from_account"], *later["to_account"]}
    assert run.moved(date=small.day(3), movement="variation", from_account="transferees") == (100 - 30 + 20) * 20.0


def test_trap_23_pools_in_default_are_not_counted_as_breaches(tmp_path: Path) -> None:
    """After the default was settled the price falls again. That is the transferees' loss and beyond nobody's margin."""
    small = plain([100.0, 100.0, 97.0, 94.0], positions=[("a", "X", 100.0)])
    run = small.run(tmp_path / "run", defaults=[("A", 2)])
    assert run.row("members", small.day(2), member_id="A")["in_default"]
    assert run.row("days", small.day(3))["breaches"] == 0.0


def test_trap_23_same_day_gains_of_one_client_do_not_pay_for_another(tmp_path: Path) -> None:
    """Two clients with opposite positions in one pool: the pool nets. In two pools: it does not."""
    found = {}
    for pools in (("s", "l"), ("both", "both")):
        accounts = {"s": ("A", pools[0], "client"), "l": ("A", pools[1], "client")}
        small = Small({"X": [100.0, 80.0, 80.0]}, [("s", "X", -50.0), ("l", "X", 50.0)], accounts)
        run = small.run(tmp_path / pools[0], defaults=[("A", 1)])
        found[pools[0]] = (run.events["loss"][0], run.tiers(1))
    assert found["s"] == (1_000.0, {"defaulter_margin": 250.0, "defaulter_fund": 750.0})
    assert found["both"] == (0.0, {})


# --- 24: large positions ----------------------------------------------------------------------------------------------


def beyond_margin(size: float, method: str, out: Path, volume: float = 400.0) -> tuple[float, float]:
    """Loss, and loss over margin, of a default in 100 X times a size. The price falls by 20 and stays there."""
    x = X | {"average_daily_volume": volume, "half_spread": 0.1}
    rules = changed(RULES, close_out={"method": method, "participation": 1.0, "impact": 1.0})
    small = plain([100.0, 100.0, 80.0, 80.0, 79.0, 78.0, 77.0], rules=rules, instruments=(x,))
    small = small.but(positions=[("a", "X", 100.0 * size)], accounts=ONE)
    run = small.run(out, defaults=[("A", 2)])
    return run.events["loss"][0], run.events["loss"][0] - run.tiers(1)["defaulter_margin"]


def test_trap_24_twice_the_book_costs_more_than_twice_as_much_to_close_out(tmp_path: Path) -> None:
    """In one part, at half a spread and an impact of the daily risk times the root of the share of a day's volume.

    The daily risk of one X at 80: over the 60 scenarios, changes of 5, -5, 100 / 99.75 - 1, -20 % and else nothing.
    """
    returns = [0.05, -0.05, 100 / 99.75 - 1, -0.2]
    risk = 80.0 * math.sqrt(sum(each**2 for each in returns) / LOOKBACK)
    losses = {}
    for size in (1, 2):
        losses[size] = beyond_margin(size, "gradual", tmp_path / str(size))
        cost = 100 * size * (0.1 + risk * math.sqrt(100 * size / 400))
        assert losses[size][0] == pytest.approx(2_000 * size + cost, abs=0.0051)
    assert losses[2][1] > 2.01 * losses[1][1]


def test_trap_24_what_takes_longer_to_sell_meets_the_fall_that_follows(tmp_path: Path) -> None:
    """100 a day: 100 X are sold at 80; of 400 X there are 300 left for 79, 200 for 78 and 100 for 77."""
    small = beyond_margin(1, "gradual", tmp_path / "small", volume=100.0)
    large = beyond_margin(4, "gradual", tmp_path / "large", volume=100.0)
    assert large[0] - 4 * small[0] == pytest.approx(300 + 200 + 100, abs=0.01)


def test_trap_24_an_instant_close_out_of_twice_the_book_costs_exactly_twice_as_much(tmp_path: Path) -> None:
    one, two = (beyond_margin(size, "instant", tmp_path / str(size)) for size in (1, 2))
    assert one == (2_000.0, 1_500.0)
    assert two == (4_000.0, 3_000.0)


# --- 25: currency -----------------------------------------------------------------------------------------------------


def in_euro(rates: list[float], levels: list[float] | None = None, **changes: Any) -> Small:
    """A long 10 futures on X in euro, ten a point, with 800 euro at a haircut of 10 % in its pool."""
    future = X | {"kind": "future", "instrument_id": "F", "currency": "EUR", "multiplier": 10.0}
    euro = ({"pool_id": "a", "asset_id": "EURO", "market_value": 800.0, "haircut": 0.1, "currency": "EUR"},)
    found = {"X": levels or [100.0] * len(rates), "EUR/USD": rates}
    return Small(found, [("a", "F", 10.0)], ONE, instruments=(future,), collateral=euro, swing={"X": 0.05}).but(
        **changes
    )


def test_trap_25_an_exchange_rate_moves_positions_and_collateral_alike(tmp_path: Path) -> None:
    """At an unchanged price in euro nothing is exchanged; margin and collateral are worth 10 % less in dollars."""
    small = in_euro([1.25, 1.25, 1.125])
    run = small.run(tmp_path / "run")
    rows = [run.row("pools", small.day(day), pool_id="a") for day in range(3)]
    assert [row["variation"] for row in rows] == [0.0, 0.0, 0.0]
    assert [row["margin"] for row in rows] == [625.0, 625.0, 562.5]
    assert [row["held_before"] for row in rows] == [900.0, 900.0, 810.0]


def test_trap_25_variation_is_converted_at_the_rate_of_its_day(tmp_path: Path) -> None:
    small = in_euro([1.25, 1.2, 1.1], [100.0, 98.0, 99.0])
    run = small.run(tmp_path / "run")
    found = [run.row("pools", small.day(day), pool_id="a")["variation"] for day in range(3)]
    assert found == [0.0, -240.0, 110.0]


def test_trap_25_a_scenario_moves_both_and_so_does_a_default(tmp_path: Path) -> None:
    """X falls by 20 % and the euro by 10 %: 2,000 euro lost at 1.125, against 800 euro at 1.125, no haircut."""
    path = tmp_path / "both.csv"
    path.write_text("scenario_id,factor_id,kind,shock\nboth,X,relative,-0.2\nboth,EUR/USD,relative,-0.1\n")
    rules = changed(RULES, collateral={"stress": "scenario"}, stress={"resources": "held"})
    small = in_euro([1.25, 1.25, 1.125], [100.0, 100.0, 80.0], rules=rules)
    run = small.run(tmp_path / "run", scenarios=path, defaults=[("A", 2)])
    expected = 2_000.0 * 1.125 - 800.0 * 1.125
    assert run.row("days", small.day(1))["cover_1"] == expected
    # and when just that happens, it is the default's loss over margin
    assert run.events["loss"].to_list() == [2_000.0 * 1.125]
    assert run.tiers(1)["defaulter_margin"] == 800.0 * 1.125


# --- 29: contagion ----------------------------------------------------------------------------------------------------


def chain(out: Path, b_has: float, c_has: float, replenishment: int = 0) -> Run:
    """X falls from 100 to 70. A's default takes 300 from each of four survivors, who must bring it back at once.

    A: 100 X lose 3,000, less margin 500, contribution 1,000 and the clearing house's 300. B: 50 X lose 1,500.
    """
    accounts = {"a": ("A", "a", "house"), "b": ("B", "b", "house"), "c": ("C", "c", "house"), "d": ("D", "d", "house")}
    members = {"B": {"capital": b_has}, "C": {"capital": c_has}}
    rules = changed(RULES, fund={"replenishment_days": replenishment})
    positions = [("a", "X", 100.0), ("b", "X", 50.0)]
    small = Small({"X": [100.0, 70.0, 70.0, 70.0]}, positions, accounts, members, rules)
    return small.run(out, defaults=[("A", 1)])


def test_trap_29_a_survivor_that_cannot_refill_the_fund_is_the_next_default(tmp_path: Path) -> None:
    """B has 1,700: enough for its own 1,500, and not for 300 more. That costs the others again, and C is next."""
    run = chain(tmp_path / "run", b_has=1_700.0, c_has=480.0)
    assert run.events["defaulters"].to_list() == ["A", "B", "C"]
    assert run.events["default_date"].n_unique() == 1
    assert run.row("days", plain().day(1))["defaults"] == "A+B+C"
    assert run.payers(1, "survivors_fund") == {"B": 300.0, "C": 300.0, "D": 300.0, "DEALER": 300.0}
    # B: 1,500 less margin 250 and the 700 left of its contribution; nothing is left of the clearing house's capital
    assert run.tiers(2) == {"defaulter_margin": 250.0, "defaulter_fund": 700.0, "survivors_fund": 550.0}
    paid = run.payers(2, "survivors_fund")
    assert set(paid) == {"C", "D", "DEALER"}
    assert max(paid.values()) - min(paid.values()) < 0.011
    # C has no position and loses nothing, but it cannot bring 300 + 183.33; what is left of its contribution is its own
    assert run.tiers(3) == {}
    assert run.moved(movement="estate", from_account="fund:C") == pytest.approx(700.0 - paid["C"])


def test_trap_29_with_more_capital_it_is_not(tmp_path: Path) -> None:
    assert chain(tmp_path / "b", b_has=1_900.0, c_has=300.0).events["defaulters"].to_list() == ["A"]
    assert chain(tmp_path / "c", b_has=1_700.0, c_has=483.34).events["defaulters"].to_list() == ["A", "B"]
    assert chain(tmp_path / "edge", b_has=1_800.0, c_has=300.0).events["defaulters"].to_list() == ["A"]


def test_trap_29_when_everybody_has_failed_the_days_go_on_without_calls(tmp_path: Path) -> None:
    """With a fund that has a floor and is resized every day, and nobody left to pay it in."""
    rules = changed(RULES, fund={"schedule": "daily", "floor": 5_000.0, "notice_days": 1, "replenishment_days": 0})
    small = plain([100.0, 100.0, 98.0, 97.0, 96.0, 97.0], rules=rules)
    run = small.run(tmp_path / "run", defaults=[("A", 2), ("B", 2), ("DEALER", 3)])
    assert run.events["defaulters"].to_list() == ["A+B", "DEALER"]
    last = run.row("days", small.day(5))
    assert (last["margin"], last["held"], last["fund"], last["called"], last["uncovered"]) == (0, 0, 0, 0, 0)
    assert set(run.ledger.filter(pl.col("date") > small.day(3))["movement"]) <= {"variation"}


def test_trap_29_contagion_comes_when_the_call_comes(tmp_path: Path) -> None:
    """With two days to refill the fund, B fails two days later."""
    run = chain(tmp_path / "run", b_has=1_700.0, c_has=5_000.0, replenishment=2)
    small = plain([100.0] * 4)
    assert run.events.select("defaulters", "default_date").rows() == [("A", small.day(1)), ("B", small.day(3))]
    assert run.events["loss"].to_list()[1] == 0.0  # its 1,500 were paid on the day


# --- Hong Kong, October 1987 ------------------------------------------------------------------------------------------


def hong_kong() -> Small:
    """A fall of 4 % on each of seven days; A is long 100 at 100 and can find 700 a day.

    The market closed after Monday 19 October 1987 and opened again on Monday 26 October.
    """
    levels = [100.0 * 0.96**day for day in range(8)]
    members: dict[str, dict[str, Any]] = {"A": {"liquidity": 700.0, "capital": 50_000.0, "fund_contribution": 500.0}}
    accounts = ONE | {"b": ("B", "b", "house")}
    positions = [("a", "X", 100.0), ("b", "X", -60.0)]
    return Small({"X": [*levels, levels[-1]]}, positions, accounts, members, first=date(1987, 10, 16))


def test_a_closure_of_four_days_breaks_a_liquidation_period_of_one(tmp_path: Path) -> None:
    small = hong_kong()
    assert [str(small.day(day)) for day in (1, 6)] == ["1987-10-19", "1987-10-26"]
    daily = small.run(tmp_path / "daily")
    closed = small.run(tmp_path / "closed", closed=((small.day(2), small.day(5)),))
    # called every day, no loss is beyond the margin held, and nobody fails
    assert daily.days["breaches"].sum() == 0
    assert daily.events.is_empty()
    for day in range(1, 8):
        row = daily.row("pools", small.day(day), pool_id="a")
        assert row["variation"] == pytest.approx(-100 * 4 * 0.96 ** (day - 1), abs=0.006)
        assert row["held_before"] == pytest.approx(100 * 5 * 0.96 ** (day - 1), abs=0.006)
    # after the closure the loss of five days comes at once, and there is one day's margin for it: 480
    assert closed.days["date"].to_list() == [small.day(day) for day in (0, 1, 6, 7, 8)]
    loss = round(9_600 * (1 - 0.96**5), 2)
    assert closed.events.select("defaulters", "default_date", "loss").rows() == [("A", small.day(6), loss)]
    assert closed.tiers(1) == {
        "defaulter_margin": 480.0, "defaulter_fund": 500.0, "ccp_capital": CAPITAL,
        "survivors_fund": round(loss - 480.0 - 500.0 - CAPITAL, 2),
    }  # fmt: skip
    assert (closed.row("days", small.day(6))["breaches"], closed.row("days", small.day(6))["fund"]) == (
        1.0, pytest.approx(2_000.0 - closed.tiers(1)["survivors_fund"]),
    )  # fmt: skip
