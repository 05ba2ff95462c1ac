"""The daily cycle under rulebooks with every tier: the ledger, what is called in a period, what comes back and when.

Amounts are worked out by hand. Margin is 5 % of a position's value until prices move further, 20 % after a fall
of 20 %, and so on; contributions are 1,000 a member unless a test says otherwise.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support.small_cycles import RULES, Run, Small, changed, files_of, plain
from support.tiered_cycles import CALLS, EVERYTHING, SMALL_FUND, everything, three

import ccp

INSIDE = ("margin", "supplementary", "fund", "capital", "insurance", "equity", "guarantee", "estate")


def cents(amount: float) -> int:
    found = round(amount * 100)
    assert abs(found - amount * 100) < 1e-6
    return found


def kind_of(account: str) -> str:
    return account.partition(":")[0]


def balances(run: Run, until: Any = None) -> Counter[str]:
    """Every account's balance in cents, from the ledger's rows alone."""
    found: Counter[str] = Counter()
    for row in run.ledger.to_dicts():
        if until is None or row["date"] <= until:
            found[row["from_account"]] -= cents(row["amount"])
            found[row["to_account"]] += cents(row["amount"])
    return found


def into_estate(run: Run, event: int) -> dict[tuple[str, str], float]:
    """What stood for an event's loss: by movement and account, in units."""
    words = ["loss", "assessment", "haircut"]
    rows = run.ledger.filter(pl.col("movement").is_in(words), to_account=f"estate:{event}")
    assert rows.select("movement", "from_account").is_unique().all()
    return {(row["movement"], row["from_account"]): row["amount"] for row in rows.to_dicts()}


def check_ledger(run: Run) -> None:
    """Everything that the files of a run say of the same money, set beside the ledger."""
    for day in run.days["date"].to_list():
        found = balances(run, day)
        assert sum(found.values()) == 0
        assert found["settlement"] == 0
        assert not {name: held for name, held in found.items() if kind_of(name) in INSIDE and held < 0}
        row = run.row("days", day)
        for column, kind in (("fund", "fund"), ("ccp_capital", "capital"), ("held", "margin")):
            assert cents(row[column]) == sum(held for name, held in found.items() if kind_of(name) == kind), (day, kind)
        for member in run.members.filter(date=day).to_dicts():
            assert cents(member["contribution"]) == found[f"fund:{member['member_id']}"]
    waterfall = run.table("waterfall")
    for event in run.events.to_dicts():
        number, paid = int(event["event"]), into_estate(run, int(event["event"]))
        assert cents(round(sum(paid.values()), 2)) == cents(event["loss"])
        assert cents(round(float(waterfall.filter(event=number)["amount"].sum()), 2)) == cents(event["loss"])
        assert balances(run)[f"estate:{number}"] == 0
        for movement, tiers in (("assessment", ["assessments"]), ("haircut", ["gains_haircut", "tear_up"])):
            rows = waterfall.filter(pl.col("tier").is_in(tiers), pl.col("amount") > 0, event=number)
            by_member = rows.group_by("member_id").agg(pl.col("amount").sum())
            found = {name.removeprefix("house:"): amount for (kind, name), amount in paid.items() if kind == movement}
            assert found == dict(by_member.iter_rows())


# --- every tier in one run --------------------------------------------------------------------------------------------


def test_every_tier_pays_out_of_an_account_of_its_own(tmp_path: Path) -> None:
    """X falls from 100 to 40: A loses 6,000, the dealer gains 9,000.

    500 margin, 1,000 own fund: 4,500 left. 100 capital, 75 insurance, 2,200 beside each other: 2,125. Half of 1,000
    from each of two: 1,125. A tenth of 9,000: 225. 150 equity, and 75 of the parent's 120.
    """
    run = everything([100.0, 40.0, 40.0]).run(tmp_path / "run", defaults=[("A", 1)])
    assert into_estate(run, 1) == {
        ("loss", "margin:a"): 500.0,
        ("loss", "fund:A"): 1_000.0,
        ("loss", "capital:3"): 100.0,
        ("loss", "insurance:4"): 75.0,
        ("loss", "fund:B"): 1_000.0,
        ("loss", "fund:DEALER"): 1_000.0,
        ("loss", "capital:5"): 200.0,
        ("assessment", "house:B"): 500.0,
        ("assessment", "house:DEALER"): 500.0,
        ("haircut", "house:DEALER"): 900.0,
        ("loss", "equity:8"): 150.0,
        ("loss", "guarantee:9"): 75.0,
    }
    assert run.events.select("loss", "uncovered").rows() == [(6_000.0, 0.0)]
    opening = {
        name: run.moved(movement="opening", to_account=name)
        for name in ("capital:3", "capital:5", "insurance:4", "equity:8", "guarantee:9")
    }
    assert opening == {
        "capital:3": 100.0,
        "capital:5": 200.0,
        "insurance:4": 75.0,
        "equity:8": 150.0,
        "guarantee:9": 120.0,
    }
    assert balances(run)["guarantee:9"] == 4_500
    check_ledger(run)


def test_what_is_beside_each_other_pays_in_proportion(tmp_path: Path) -> None:
    """To 75: 2,500 lost, 825 left behind margin, own fund, capital and insurance; 825/2,200 of 1,000, 1,000 and 200.

    Nothing is left for what stands behind, and nobody is called.
    """
    run = everything([100.0, 75.0, 75.0]).run(tmp_path / "run", defaults=[("A", 1)])
    assert into_estate(run, 1) == {
        ("loss", "margin:a"): 500.0,
        ("loss", "fund:A"): 1_000.0,
        ("loss", "capital:3"): 100.0,
        ("loss", "insurance:4"): 75.0,
        ("loss", "fund:B"): 375.0,
        ("loss", "fund:DEALER"): 375.0,
        ("loss", "capital:5"): 75.0,
    }
    check_ledger(run)


def test_the_days_capital_is_the_clearing_houses_own_and_nobody_elses(tmp_path: Path) -> None:
    """Insurance, equity and the guarantee stand in the ledger, but not in the column of own capital."""
    run = everything([100.0, 75.0, 75.0]).run(tmp_path / "run", defaults=[("A", 1)])
    assert run.days["ccp_capital"].to_list() == [300.0, 125.0, 125.0]


def test_what_nobody_pays_is_a_row_of_its_own(tmp_path: Path) -> None:
    """To 38: 200 more than at 40 is lost, and 300 more is gained: 30 of it cut, 45 the parent's, 125 nobody's."""
    run = everything([100.0, 38.0, 38.0]).run(tmp_path / "run", defaults=[("A", 1)])
    paid = into_estate(run, 1)
    assert paid["haircut", "house:DEALER"] == 930.0
    assert paid["loss", "guarantee:9"] == 120.0
    assert paid["loss", "nobody"] == run.events["uncovered"].item() == 200.0 - 30.0 - 45.0
    check_ledger(run)


def test_a_full_tear_up_cuts_what_was_gained_since_the_default(tmp_path: Path) -> None:
    """Nothing but margin, own fund and tear-up: of 2,000 lost 500 are left to the dealer, who gained 3,000."""
    rules = changed(RULES, tiers=["defaulter_margin", "defaulter_fund", {"tear_up": {"scope": "full"}}])
    run = plain([100.0, 80.0, 80.0], rules=rules).run(tmp_path / "run", defaults=[("A", 1)])
    assert run.payers(1, "tear_up") == {"DEALER": 500.0}
    assert run.moved(movement="haircut", from_account="house:DEALER", to_account="estate:1") == 500.0
    check_ledger(run)


def test_gains_of_all_days_of_a_close_out_count_and_of_the_first_only_where_the_rulebook_says_so(
    tmp_path: Path,
) -> None:
    """A (100 X) and B (50 X) hold against the dealer. A defaults when X falls by 10; sold in two halves, while it falls
    by 10 a day: 1,000 and 500 lost. The dealer gains 1,500 on each of the days, from the day of default on."""
    x = {"instrument_id": "X", "kind": "spot", "factor_id": "X", "currency": "USD", "multiplier": 1.0}
    volume = x | {"average_daily_volume": 200.0}
    found = {}
    for days in (None, 1, 2):
        cut = {"share": 0.1} | ({} if days is None else {"days": days})
        rules = changed(
            RULES,
            close_out={"method": "gradual", "participation": 0.25, "impact": 0.0},
            tiers=["defaulter_margin", {"gains_haircut": cut}],
        )
        small = plain([100.0, 90.0, 80.0, 70.0, 70.0], instruments=(volume,), rules=rules)
        run = small.run(tmp_path / f"{days}", defaults=[("A", 1)])
        assert run.events["settled_date"].to_list() == [small.day(3)]
        # the price of the day of default is not exchanged any more: 1,000, then 1,000 of 100 X and 500 of the half
        assert run.events["loss"].item() == 2_500.0
        found[days] = run.payers(1, "gains_haircut")
        check_ledger(run)
    assert found == {None: {"DEALER": 450.0}, 1: {"DEALER": 150.0}, 2: {"DEALER": 300.0}}


# --- called in a cooling-off period -----------------------------------------------------------------------------------


def defaults_in_a_row(third: int, cooling: int | None, extended: bool, out: Path) -> Run:
    """A, B and C default on days 1, 3 and `third`, when prices fall by so much that every tier is used up.

    Required are 100 of A, B and C each, 1,000 of the dealer; called are at most half of it, 0.8 of it in a period.
    """
    levels = [100.0, *[80.0] * 2, *[40.0] * (third - 3), 10.0, 10.0]
    management = {"extended_by_defaults": extended} | ({} if cooling is None else {"cooling_off_days": cooling})
    small = three(levels, tiers=CALLS, members=SMALL_FUND, c=100.0, default_management=management)
    run = small.run(out, defaults=[("A", 1), ("B", 3), ("C", third)])
    assert run.events["defaulters"].to_list() == ["A", "B", "C"]
    check_ledger(run)
    return run


def test_calls_accumulate_over_the_defaults_of_a_period(tmp_path: Path) -> None:
    """First 50, 50 and 500; then what is left of 80 and of 800; then nothing, for the period began anew on day 3."""
    run = defaults_in_a_row(6, 4, True, tmp_path / "run")
    assert run.payers(1, "assessments") == {"B": 50.0, "C": 50.0, "DEALER": 500.0}
    assert run.payers(2, "assessments") == {"C": 30.0, "DEALER": 300.0}
    assert run.payers(3, "assessments") == {}
    # A lost 2,000 of which 500 and 100 were its own; called were 600
    assert run.tiers(1)["uncovered"] == 2_000.0 - 500.0 - 100.0 - 600.0


@pytest.mark.parametrize(
    ("third", "cooling", "extended", "called"),
    [
        (6, 4, True, 0.0),  # the period that began anew on day 3 is over on day 7
        (7, 4, True, 500.0),
        (4, 4, False, 0.0),  # not begun anew it is over on day 5
        (5, 4, False, 500.0),
        (9, None, True, 0.0),  # without its length it is never over
    ],
)
def test_what_was_called_is_forgotten_when_the_period_is_over(
    third: int, cooling: int | None, extended: bool, called: float, tmp_path: Path
) -> None:
    run = defaults_in_a_row(third, cooling, extended, tmp_path / "run")
    assert run.payers(2, "assessments")["DEALER"] == 300.0
    assert run.payers(3, "assessments").get("DEALER", 0.0) == called


def test_of_a_call_that_is_paid_in_part_the_whole_counts_as_called(tmp_path: Path) -> None:
    """Four fifths of a call come in: 40, 40 and 400 of 50, 50 and 500; then of 30 and 300 four fifths."""
    part = {"assessments": {"multiple": 0.5, "period_multiple": 0.8, "collected": 0.8}}
    small = three([100.0, 80.0, 80.0, 40.0, 40.0], tiers=[*CALLS[:2], part], members=SMALL_FUND)
    run = small.run(tmp_path / "run", defaults=[("A", 1), ("B", 3)])
    assert run.payers(1, "assessments") == {"B": 40.0, "C": 40.0, "DEALER": 400.0}
    assert run.payers(2, "assessments") == {"C": 24.0, "DEALER": 240.0}
    check_ledger(run)


@pytest.mark.parametrize(("per", "called"), [("default", 80.0), ("event", 50.0)])
def test_two_groups_that_default_together_count_twice_unless_the_event_counts(
    per: str, called: float, tmp_path: Path
) -> None:
    """A and B on one day: twice half of 100 for C, but at most 0.8 of it."""
    part = {"assessments": {"multiple": 0.5, "period_multiple": 0.8, "per": per}}
    small = three([100.0, 60.0, 60.0], tiers=[*CALLS[:2], part], members=SMALL_FUND)
    run = small.run(tmp_path / "run", defaults=[("A", 1), ("B", 1)])
    assert run.events["defaulters"].to_list() == ["A+B"]
    assert run.payers(1, "assessments") == {"C": called, "DEALER": 10 * called}


def test_a_default_that_calls_nobody_leaves_the_calls_whole(tmp_path: Path) -> None:
    """A's margin and contribution are enough for its loss of 1,000; B's default then calls as if it were the first."""
    small = three([100.0, 90.0, 90.0, 45.0, 45.0], tiers=CALLS, members=SMALL_FUND | {"A": {}})
    run = small.run(tmp_path / "run", defaults=[("A", 1), ("B", 3)])
    assert run.tiers(1) == {"defaulter_margin": 500.0, "defaulter_fund": 500.0}
    assert run.payers(2, "assessments") == {"C": 50.0, "DEALER": 500.0}
    check_ledger(run)


# --- what comes back --------------------------------------------------------------------------------------------------


def test_own_capital_is_restored_and_insurance_equity_and_guarantee_are_not(tmp_path: Path) -> None:
    """A defaults on day 1 and takes everything, B on day 5. Both capital tiers are whole again on day 3.

    B: 50 X fall from 40 to 4 and lose 1,800; its margin is 60 % of 2,000.
    """
    levels = [100.0, 40.0, 40.0, 40.0, 40.0, 4.0, 4.0]
    run = everything(levels, capital_restoration_days=2, replenishment_days=20).run(
        tmp_path / "run", defaults=[("A", 1), ("B", 5)]
    )
    small = plain(levels)
    back = run.ledger.filter(movement="capital paid in")
    assert back.select("date", "from_account", "to_account", "amount").rows() == [
        (small.day(3), "owners", "capital:3", 100.0),
        (small.day(3), "owners", "capital:5", 200.0),
    ]
    assert run.days["ccp_capital"].to_list()[:5] == [300.0, 0.0, 0.0, 300.0, 300.0]
    # B's 1,000 are gone with A. Of 1,800 less 1,200 margin 300 are capital's, 300 called from the dealer: 800 - 500
    assert run.tiers(2) == {"defaulter_margin": 1_200.0, "ccp_capital": 300.0, "assessments": 300.0}
    # a fall to 0.40, and 180 more are owed: nothing is left of insurance, and haircuts stand before the parent
    deeper = everything([*levels[:5], 0.4, 0.4], capital_restoration_days=2, replenishment_days=20)
    again = deeper.run(tmp_path / "again", defaults=[("A", 1), ("B", 5)])
    # the dealer gained 150 * 39.60 on the day: a tenth of it is more than enough
    assert again.tiers(2)["gains_haircut"] == 180.0
    for name in ("insurance:4", "equity:8", "guarantee:9"):
        assert again.moved(to_account=name, movement="capital paid in") == 0.0
        assert balances(again)[name] == {"guarantee:9": 4_500}.get(name, 0)
    check_ledger(run)
    check_ledger(again)


def test_insurance_pays_once(tmp_path: Path) -> None:
    """Insurance of 300 takes 200 of A's default and the 100 that are left of B's; capital of 50 pays both times."""
    tiers = ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"amount": 50}}, {"insurance": {"amount": 300}}]
    rules = changed(RULES, tiers=tiers, fund={"capital_restoration_days": 1})
    members: dict[str, dict[str, Any]] = {"A": {"fund_contribution": 1_250.0}, "B": {"fund_contribution": 100.0}}
    small = plain([100.0, 80.0, 80.0, 48.0, 48.0], members=members, rules=rules)
    run = small.run(tmp_path / "run", defaults=[("A", 1), ("B", 3)])
    assert run.tiers(1) == {
        "defaulter_margin": 500.0,
        "defaulter_fund": 1_250.0,
        "ccp_capital": 50.0,
        "insurance": 200.0,
    }
    # B: 50 X lose 1,600; margin 20 % of 4,000
    assert run.tiers(2) == {
        "defaulter_margin": 800.0,
        "defaulter_fund": 100.0,
        "ccp_capital": 50.0,
        "insurance": 100.0,
        "uncovered": 550.0,
    }
    check_ledger(run)


def refills(run: Run, small: Small, member: str = "B") -> dict[int, float]:
    """Fund calls that a member paid, by day."""
    rows = run.ledger.filter(movement="fund call", to_account=f"fund:{member}")
    days = {small.day(number): number for number in range(small.length)}
    return {days[day]: amount for day, amount in rows.select("date", "amount").iter_rows()}


def used_once(replenishment_multiple: float | None, cooling: int | None) -> Small:
    """A's default takes 100 of B's contribution of 1,000 and 100 of the dealer's."""
    management: dict[str, Any] = {} if cooling is None else {"cooling_off_days": cooling}
    if replenishment_multiple is not None:
        management["replenishment_multiple"] = replenishment_multiple
    rules = changed(RULES, default_management=management, fund={"replenishment_days": 2})
    return plain([100.0, *[80.0] * 9], rules=rules)


@pytest.mark.parametrize(
    ("multiple", "cooling", "expected"),
    [
        (None, 5, {3: 100.0}),
        (0.1, 5, {3: 100.0}),
        (0.06, 5, {3: 60.0, 6: 40.0}),  # 60 of 1,000 in the period, the rest on the day it is over
        (0.0, 5, {6: 100.0}),
    ],
)
def test_within_a_period_contributions_are_refilled_up_to_a_multiple(
    multiple: float | None, cooling: int, expected: dict[int, float], tmp_path: Path
) -> None:
    small = used_once(multiple, cooling)
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.payers(1, "survivors_fund") == {"B": 100.0, "DEALER": 100.0}
    assert refills(run, small) == refills(run, small, "DEALER") == expected
    check_ledger(run)


def test_a_period_that_never_ends_limits_refills_for_ever(tmp_path: Path) -> None:
    """Without cooling_off_days the period is never over: docs/reference/waterfall.md, section 5."""
    small = used_once(0.06, None)
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert refills(run, small) == {3: 60.0}


def test_refills_of_two_defaults_in_a_period_count_together(tmp_path: Path) -> None:
    """A's default takes 100 of the dealer, refilled to 60 of 1,000 in the period; nothing is refilled after B's."""
    rules = changed(
        RULES,
        default_management={"cooling_off_days": 20, "replenishment_multiple": 0.06},
        fund={"replenishment_days": 1},
    )
    levels = [100.0, 80.0, 80.0, 80.0, 30.0, *[30.0] * 4]
    small = plain(levels, members={"B": {"fund_contribution": 1_000.0}}, rules=rules)
    run = small.run(tmp_path / "run", defaults=[("A", 1), ("B", 4)])
    # B: 50 X lose 2,500; margin 800; its own 1,000 less 100 and with 60 again: 960; no capital yet: 740 of the dealer
    assert run.tiers(2) == {"defaulter_margin": 800.0, "defaulter_fund": 960.0, "survivors_fund": 740.0}
    assert refills(run, small, "DEALER") == {2: 60.0}


# --- 29: calls that nobody can bear -----------------------------------------------------------------------------------


def called_beyond_its_capital(capital: float, c: float = 0.0) -> Small:
    """A's default calls 50 from C, whose capital is stated; C holds `c` of X."""
    members = SMALL_FUND | {"C": {"fund_contribution": 100.0, "capital": capital}}
    return three([100.0, 80.0, 80.0], tiers=CALLS, members=members, c=c)


def test_trap_29_a_member_that_cannot_bear_its_call_does_not_pay_and_defaults_the_same_day(tmp_path: Path) -> None:
    small = called_beyond_its_capital(49.99)
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.payers(1, "assessments") == {"B": 50.0, "DEALER": 500.0}
    assert run.events.select("defaulters", "default_date", "cause", "loss").rows() == [
        ("A", small.day(1), "named", 2_000.0),
        ("C", small.day(1), "capital", 0.0),
    ]
    assert run.row("members", small.day(1), member_id="C")["in_default"]
    assert run.moved(movement="assessment", from_account="house:C") == 0.0
    # nothing of its contribution was needed for its own default
    assert run.moved(movement="estate", from_account="fund:C", to_account="house:C") == 100.0
    check_ledger(run)


def test_trap_29_a_member_that_can_just_bear_its_call_pays_it_and_stays(tmp_path: Path) -> None:
    small = called_beyond_its_capital(50.0)
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.payers(1, "assessments") == {"B": 50.0, "C": 50.0, "DEALER": 500.0}
    assert run.events["defaulters"].to_list() == ["A"]
    assert run.row("members", small.day(1), member_id="C")["capital"] == 0.0
    check_ledger(run)


def test_trap_29_whoever_does_not_pay_its_call_is_in_default_even_if_it_gained_on_the_day(tmp_path: Path) -> None:
    """C is short of 3 X and gains 60 on the day of A's default; its capital of 40 does not reach for the call."""
    small = called_beyond_its_capital(40.0, c=-3.0)
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert "C" not in run.payers(1, "assessments")
    assert run.row("members", small.day(1), member_id="C")["in_default"]
    check_ledger(run)


def test_trap_29_those_that_can_pay_are_called_for_what_others_cannot(tmp_path: Path) -> None:
    """A's default leaves 400 to call: of B's 50, C's 50 and the dealer's 500. Without C, of 550."""
    members = SMALL_FUND | {"A": {"fund_contribution": 1_100.0}, "C": {"fund_contribution": 100.0, "capital": 20.0}}
    small = three([100.0, 80.0, 80.0], tiers=CALLS, members=members)
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    # 400 x 50/550 = 36.3636..., 400 x 500/550 = 363.6363...: the cent left over goes to the larger remainder
    assert run.payers(1, "assessments") == {"B": 36.36, "DEALER": 363.64}
    # C's call would have been 400 x 50/600 = 33.33 of its 20
    assert run.events["defaulters"].to_list() == ["A", "C"]
    check_ledger(run)


def test_calls_and_haircuts_use_up_capital(tmp_path: Path) -> None:
    """The dealer has 1,000: 500 are called. It gained 3,000 on the day of which a tenth is cut."""
    tiers = [*CALLS, {"gains_haircut": {"share": 0.1}}]
    members = SMALL_FUND | {"DEALER": {"fund_contribution": 1_000.0, "capital": 1_000.0}}
    small = three([100.0, 80.0, 80.0], tiers=tiers, members=members)
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.payers(1, "gains_haircut") == {"DEALER": 300.0}
    row = run.row("members", small.day(1), member_id="DEALER")
    assert row["capital"] == 1_000.0 - 500.0 - 300.0 + 3_000.0
    check_ledger(run)


def test_a_survivor_that_fails_on_a_later_day_has_paid_the_cut_and_only_that_days_gain_counts(tmp_path: Path) -> None:
    """X falls from 100 to 60: A, long 100, loses 4,000 less 500, and the others' gains are cut, C2's 2,000 and S's
    4,400 by 1,093.75 and 2,406.25. C, long 60 and short 50, has lost 400 net: of its 1,800 it has 306.25. Three days
    later X falls by 40 again. C's 400 are more than that: its estate has 2,400 to pay, and the 2,000 of that day."""
    accounts = {name: (name[0], name, "house") for name in ("A", "C1", "C2", "S")}
    held = [("A", "X", 100.0), ("C1", "X", 60.0), ("C2", "X", -50.0), ("S", "X", -110.0)]
    members = {name: {"fund_contribution": 0.0} for name in ("A", "C", "S", "DEALER")}
    members["C"]["capital"] = 1_800.0
    rules = changed(RULES, tiers=["defaulter_margin", "defaulter_fund", "gains_haircut"])
    future = {"instrument_id": "X", "kind": "future", "factor_id": "X", "currency": "USD", "multiplier": 1.0}
    small = Small({"X": [100.0, 60.0, 60.0, 60.0, 20.0]}, held, accounts, members, rules, (future,))
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    check_ledger(run)
    assert run.payers(1, "gains_haircut") == {"C": 1_093.75, "S": 2_406.25}
    assert run.row("members", small.day(3), member_id="C")["capital"] == 306.25
    assert run.tiers(2) == {"defaulter_margin": 2_400.0}
    assert run.moved(to_account="margin:C2", movement="gain of the pool") == 2_000.0
    assert run.ledger.filter(movement="haircut", from_account="house:C")["date"].to_list() == [small.day(1)]


def test_gains_that_one_default_cut_are_not_there_for_another_of_the_same_day(tmp_path: Path) -> None:
    """A and C hold 100 X, B 50: the dealer gains 5,000, and A's default cuts a tenth of it. C's capital bears its loss
    of 2,000 or its call of 50, not both: its default finds 4,500 of the same gains, and cuts a tenth of that."""
    tiers = [*CALLS[:2], {"assessments": {"multiple": 0.5, "period_multiple": 0.6}}, {"gains_haircut": {"share": 0.1}}]
    members = SMALL_FUND | {"C": {"fund_contribution": 100.0, "capital": 2_020.0}}
    small = three([100.0, 80.0, 80.0], tiers=tiers, members=members, c=100.0)
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.events["default_date"].to_list() == [small.day(1)] * 2
    # 2,000 less margin of 500, own 100 and calls of 600; then less margin, own, and calls of 110: a tenth is left
    assert [(run.tiers(event)["gains_haircut"], run.tiers(event)["uncovered"]) for event in (1, 2)] == [
        (500.0, 300.0),
        (450.0, 840.0),
    ]


# --- going on after a break -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", [1, 4, 6])
def test_a_run_with_calls_insurance_and_periods_goes_on_to_the_same_bytes(day: int, tmp_path: Path) -> None:
    """Broken off between the defaults: calls, refills, what is left of every size and the period are kept."""

    def stop(done: int, total: int) -> None:
        if done == day + 1:
            raise KeyboardInterrupt

    management = {"cooling_off_days": 7, "replenishment_multiple": 0.3}
    rules = changed(
        RULES,
        tiers=EVERYTHING,
        default_management=management,
        fund={"replenishment_days": 2, "capital_restoration_days": 3},
    )
    small = plain([100.0, 60.0, 60.0, 60.0, 60.0, 60.0, 10.0, *[10.0] * 5], rules=rules)
    request = small.request(defaults=[("A", 1), ("B", 6)])
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    ccp.simulate(small.book, whole, request, small.rulebook, small.market)
    with pytest.raises(KeyboardInterrupt):
        ccp.simulate(small.book, broken, request, small.rulebook, small.market, progress=stop)
    ccp.simulate(small.book, broken, request, small.rulebook, small.market, resume=True)
    assert files_of(broken) == files_of(whole)
    run = Run(whole)
    # 4,000 less 500 and 1,000, 100 and 75, and 2,200 beside each other: 125 are called
    assert run.payers(1, "assessments") == {"B": 62.5, "DEALER": 62.5}
    # B: 2,500 less margin of 1,200 and its refilled 300, capital of 100, the dealer's 300 beside capital of 200
    assert run.tiers(2) == {
        "defaulter_margin": 1_200.0,
        "defaulter_fund": 300.0,
        "ccp_capital": 300.0,
        "survivors_fund": 300.0,
        "assessments": 400.0,
    }
    assert refills(run, small, "DEALER") == {3: 300.0}
    check_ledger(run)
