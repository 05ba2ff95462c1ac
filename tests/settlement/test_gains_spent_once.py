"""A gain is spent once in the daily cycle too: who is cut and fails that day leaves an estate without what was cut.

X is a future at 100 that falls to 60. Margin is 5 % of what a position is worth until then; there is no fund. Sums of
money are worked out by hand from docs/reference/daily-cycle.md, section 6.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.small_cycles import RULES, Run, Small, X, changed, files_of
from support.spreading_cycles import DEFAULTS, spreading

import ccp
from ccp.settlement.cycle import Cycle, DayResult
from ccp.settlement.ledger import KINDS

FUTURE = X | {"kind": "future"}
PARTIAL, FULL = {"tear_up": {"scope": "partial"}}, {"tear_up": {"scope": "full"}}
CUTS: list[Any] = ["gains_haircut", PARTIAL, FULL, "payout_haircut"]
TAKEN_OVER = "haircut taken over"
Pools = dict[str, tuple[str, str, float]]


def book(
    pools: Pools, capital: dict[str, float], *tiers: Any, levels: tuple[float, ...] = (100.0, 60.0, 60.0), **parts: Any
) -> Small:
    """Pools (member, kind, quantity of X), members' capital, and the tiers behind margin and own contributions."""
    rules = changed(RULES, tiers=["defaulter_margin", "defaulter_fund", *tiers], **parts)
    held = [(name, "X", quantity) for name, (_, _, quantity) in pools.items()]
    accounts = {name: (member, name, kind) for name, (member, kind, _) in pools.items()}
    members: dict[str, dict[str, Any]] = {member: {"fund_contribution": 0.0} for member, _, _ in pools.values()}
    for member, amount in capital.items():
        members[member]["capital"] = amount
    return Small(
        {"X": list(levels)}, held, accounts, members | {"DEALER": {"fund_contribution": 0.0}}, rules, (FUTURE,)
    )


def kept(run: Run, member: str) -> float:
    """What a member's house has kept of its variation."""
    house = f"house:{member}"
    return round(
        run.moved(movement="variation", to_account=house) - run.moved(movement="haircut", from_account=house), 2
    )


def taken_over(run: Run) -> list[tuple[str, str, float]]:
    rows = run.ledger.filter(movement=TAKEN_OVER)
    return rows.select("from_account", "to_account", "amount").rows()


TWO_POOLS: Pools = {"A": ("A", "house", 100.0), "C1": ("C", "house", 50.0), "C2": ("C", "house", -50.0)}


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_who_is_cut_and_fails_that_day_leaves_only_what_was_not_cut(cut: Any, tmp_path: Path) -> None:
    """A, long 100, loses 4,000 and has margin of 500. The other 3,500 are cut of C2's 2,000 and of S's 4,000, a third
    and two thirds: 1,166.67 and 2,333.33. C has 100 and has gained nothing in all: it fails.

    C1 has lost 2,000. C2 has 2,000 - 1,166.67 = 833.33 left of its gain, and both have margin of 250: 1,333.33. S pays
    the other 666.67, and keeps 1,000 of its 4,000: the margin of A and that of C. No other money was there.
    """
    run = book(TWO_POOLS | {"S": ("S", "house", -100.0)}, {"C": 100.0}, cut).run(tmp_path / "run", defaults=[("A", 1)])
    word = cut if isinstance(cut, str) else "tear_up"
    assert run.payers(1, word) == {"C": 1_166.67, "S": 2_333.33}
    assert run.payers(2, "defaulter_margin") == {"C": 1_333.33}
    assert run.payers(2, word) == {"S": 666.67}
    assert kept(run, "S") == 1_000.0
    assert run.events["loss"].to_list() == [4_000.0, 2_000.0]
    assert run.events["cause"].to_list() == ["named", "capital"]
    assert run.moved(movement="gain of the pool", to_account="margin:C2") == 833.33


def test_the_estate_bears_the_cut_and_not_the_house(tmp_path: Path) -> None:
    """The same: C's house has given 1,166.67 to the first estate and has it back from its own, which was paid the whole
    2,000. So what C has is 100, as it was before the day."""
    small = book(TWO_POOLS | {"S": ("S", "house", -100.0)}, {"C": 100.0}, "gains_haircut")
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert taken_over(run) == [("estate:2", "house:C", 1_166.67)]
    assert run.moved(movement="haircut", from_account="house:C", to_account="estate:1") == 1_166.67
    assert run.row("members", small.day(1), member_id="C")["capital"] == 100.0


def test_who_is_cut_twice_on_a_day_and_fails_lacks_both_cuts(tmp_path: Path) -> None:
    """A, C and D fail one after the other, as S and all have lost and gained 2,000 a pool, or 4,000.

    A: 4,000 less 500 are cut of C2, D2 and S: 875, 875 and 1,750. C had 100. D had 990 and has 115.
    C: C2 has 1,125 left, margin is 500, and 375 are cut of D2's 1,125 and S's 2,250: 125 and 250. D lacks 10.
    D: D2 has 1,000 left, margin is 500, and S is cut by 500. It keeps 1,500: three times 500 of margin.
    """
    pools = TWO_POOLS | {"D1": ("D", "house", 50.0), "D2": ("D", "house", -50.0), "S": ("S", "house", -100.0)}
    run = book(pools, {"C": 100.0, "D": 990.0}, "gains_haircut").run(tmp_path / "run", defaults=[("A", 1)])
    assert run.payers(1, "gains_haircut") == {"C": 875.0, "D": 875.0, "S": 1_750.0}
    assert run.tiers(2) == {"defaulter_margin": 1_625.0, "gains_haircut": 375.0}
    assert run.payers(2, "gains_haircut") == {"D": 125.0, "S": 250.0}
    assert run.tiers(3) == {"defaulter_margin": 1_500.0, "gains_haircut": 500.0}
    assert taken_over(run) == [("estate:2", "house:C", 875.0), ("estate:3", "house:D", 1_000.0)]
    assert kept(run, "S") == 1_500.0


def test_a_tear_up_behind_a_haircut_is_taken_over_with_it(tmp_path: Path) -> None:
    """A haircut of a quarter takes 500 and 1,000 of the 3,500; the other 2,000 are torn up of the 1,500 and 3,000 that
    are left: 666.67 and 1,333.33. That is 1,166.67 of C, as in one cut."""
    small = book(TWO_POOLS | {"S": ("S", "house", -100.0)}, {"C": 100.0}, {"gains_haircut": {"share": 0.25}}, FULL)
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.payers(1, "gains_haircut") == {"C": 500.0, "S": 1_000.0}
    assert run.payers(1, "tear_up") == {"C": 666.67, "S": 1_333.33}
    assert taken_over(run) == [("estate:2", "house:C", 1_166.67)]
    assert run.payers(2, "defaulter_margin") == {"C": 1_333.33}


OVER_DAYS = TWO_POOLS | {"K": ("C", "client", -40.0), "S": ("S", "house", -60.0)}
SOLD = {"method": "gradual", "participation": 0.25, "impact": 0.0}


def over_days(capital: float, *levels: float) -> Small:
    """A's 100 are sold in halves on days 2 and 3, C's pools on the day after its own default."""
    small = book(OVER_DAYS, {"C": capital}, "gains_haircut", levels=levels, close_out=SOLD)
    return small.but(instruments=(FUTURE | {"average_daily_volume": 200.0},))


def test_what_is_cut_of_gains_of_earlier_days_is_a_claim_on_the_estate(tmp_path: Path) -> None:
    """X falls to 60 on day 1, when A fails, and stays. On day 3 A's book is sold: 3,500 are cut of the gains since its
    default, C2's 2,000, its client K's 1,600 and S's 2,400: 1,166.67, 933.33 and 1,400. C's 100 do not bear the first.

    What was gained was paid out two days ago: C owes the cut, as its client does, and a member that fails pays nothing.
    So C2 has lost 1,166.67 and K 933.33. Margin at 60 is 40 % of a long position and 5 % of a short one: 1,200, 150 and
    120. C2 pays 150 and C1 the other 1,016.67, and 183.33 for K, which pays 120: 630 of 2,100 are not covered.
    """
    small = over_days(100.0, 100.0, 60.0, 60.0, 60.0, 60.0)
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.payers(1, "gains_haircut") == {"C": 2_100.0, "S": 1_400.0}
    assert sorted(taken_over(run)) == [("estate:2", "clients:C", 933.33), ("estate:2", "house:C", 1_166.67)]
    dates = run.events.select("default_date", "settled_date").row(1)
    assert dates == (small.day(3), small.day(4))
    assert run.events.select("defaulters", "loss", "uncovered").row(1) == ("C", 2_100.0, 630.0)
    paid = {name: run.moved(movement="loss", from_account=f"margin:{name}") for name in ("C1", "C2", "K")}
    assert paid == {"C1": 1_200.0, "C2": 150.0, "K": 120.0}


def test_a_run_broken_off_while_an_estate_bears_a_cut_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """After day 3: C's estate has taken over what was cut, and its book is sold on day 4."""

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    small = over_days(100.0, 100.0, 60.0, 60.0, 60.0, 60.0)
    request, whole, broken = small.request(defaults=[("A", 1)]), tmp_path / "whole", tmp_path / "broken"
    ccp.simulate(small.book, whole, request, small.rulebook, small.market)
    with pytest.raises(KeyboardInterrupt):
        ccp.simulate(small.book, broken, request, small.rulebook, small.market, progress=stop)
    ccp.simulate(small.book, broken, request, small.rulebook, small.market, resume=True)
    assert files_of(broken) == files_of(whole)


def test_who_was_cut_and_could_bear_it_has_paid_and_its_later_estate_lacks_nothing(tmp_path: Path) -> None:
    """The same, but C has 1,166.67 and can just bear the cut on day 3. On day 4 X falls to 40 and C is named: C1 loses
    1,000, C2 gains 1,000 and K 800, all of it."""
    small = over_days(1_166.67, 100.0, 60.0, 60.0, 60.0, 40.0, 40.0)
    run = small.run(tmp_path / "run", defaults=[("A", 1), ("C", 4)])
    assert run.row("members", small.day(3), member_id="C")["capital"] == 0.0
    assert taken_over(run) == []
    assert run.moved(movement="haircut", from_account="clients:C") == 933.33
    gains = {name: run.moved(movement="gain of the pool", to_account=f"margin:{name}") for name in ("C2", "K")}
    assert gains == {"C2": 1_000.0, "K": 800.0}


CALLED = {"assessments": {"multiple": 0.5}}


@pytest.mark.parametrize(("long", "fails"), [(0.0, False), (31.0, True)])
def test_a_cut_of_the_days_gain_leaves_a_member_able_to_pay_a_later_call(
    long: float, fails: bool, tmp_path: Path
) -> None:
    """D, short 50, has contributed 100 and has 150. A: 3,500 less calls of 50 on D and S; 850 each of C2's and D's
    2,000 are cut, 1,700 of S's 4,000. C fails: 2,000 less margin of 500 and 1,150; D and S are called for 50 again.

    D has 100 for it: the 850 are a part of the 2,000 that it is paid less of. Of the 250 that are left it pays a third.
    Where it is long 31 beside it, it is paid 760: the other 90 of its cut leave 10. It pays no call, and fails.
    """
    pools = TWO_POOLS | {"D": ("D", "house", -50.0), "S": ("S", "house", -100.0)}
    if long:
        pools |= {"DL": ("D", "house", long)}
    small = book(pools, {"C": 100.0, "D": 150.0}, CALLED, "gains_haircut")
    for name in ("D", "S"):
        small.members[name]["fund_contribution"] = 100.0
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.payers(1, "assessments") == {"D": 50.0, "S": 50.0}
    assert run.payers(1, "gains_haircut") == {"C": 850.0, "D": 850.0, "S": 1_700.0}
    assert run.payers(2, "assessments") == {"S": 50.0} | ({} if fails else {"D": 50.0})
    assert run.events["defaulters"].to_list() == ["A", "C"] + (["D"] if fails else [])
    if not fails:
        assert run.payers(2, "gains_haircut") == {"D": 83.33, "S": 166.67}
        capital = 150.0 - 2 * 50.0 - 850.0 - 83.33 + 2_000.0
        assert run.row("members", small.day(1), member_id="D")["capital"] == pytest.approx(capital, abs=0.001)


# --- any cycle -------------------------------------------------------------------------------------------------------


def test_of_any_cycle_losses_are_results_less_cuts_and_who_fails_pays_no_cut() -> None:
    """Of every event closed out at once: its loss is what its pools lost that day, and what was cut of them before. In
    every cycle: who fails has back what it was cut by that day, house and clients each; no pool is cut by more than it
    has gained since the first default, on the days on which it did; and what tiers pay is the loss."""
    bearing = beyond = 0
    for seed in range(200, 240):
        small = spreading(seed, [{"gains_haircut": {"share": 0.5}}, PARTIAL, "payout_haircut"])
        terms, owed, cut_in_all = small.terms(defaults=DEFAULTS), Counter[int](), Counter[int]()
        for day in Cycle(terms).run():
            of_day = dict(enumerate(terms.by_pool(day.variation).tolist()))
            if day.day >= DEFAULTS[0][1]:
                owed.update({pool: max(amount, 0) for pool, amount in of_day.items()})
            cut = Counter[int]()
            for one in day.settled:
                lost = one.estate.day == day.day and sum(
                    max(cut[pool] - of_day[pool], 0)
                    for pool, group in enumerate(terms.pool_group.tolist())
                    if group in one.estate.groups
                )
                assert not lost or lost == one.outcome.loss, seed
                assert sum(draw.amount for draw in one.outcome.draws) == one.outcome.loss, seed
                for draw in one.outcome.draws:
                    cut.update(draw.cut)
            cut_in_all.update(cut)
            failed = {pool: taken for pool, taken in cut.items() if day.state.event[terms.pool_group[pool]]}
            assert paid_and_had_back(day) == by_owner(day, failed), seed
            bearing += bool(failed)
            beyond += any(taken > max(of_day[pool], 0) for pool, taken in failed.items())
        assert all(taken <= owed[pool] for pool, taken in cut_in_all.items()), seed
    assert bearing >= 15, "too few cycles in which an estate bears a cut"
    assert beyond >= 3, "too few cuts of gains of earlier days"


def by_owner(day: DayResult, cut: dict[int, int]) -> dict[str, tuple[int, int]]:
    """What was cut of pools by the account behind them, twice: what it paid, and what it has back."""
    chart, sums = day.ledger.chart, Counter[str]()
    for pool, taken in cut.items():
        sums[chart.names[int(chart.owner(np.array(pool)))]] += taken
    return {owner: (taken, taken) for owner, taken in sums.items()}


def paid_and_had_back(day: DayResult) -> dict[str, tuple[int, int]]:
    """By account behind pools of members in default: what it paid of haircuts on the day, and what it has back."""
    chart = day.ledger.chart
    gone = {f"{kind}:{chart.portfolio.members[member]}" for member in np.flatnonzero(day.state.standing.away)
            for kind in ("house", "clients")}  # fmt: skip
    paid, back = Counter[str](), Counter[str]()
    for kind, source, target, amount in zip(*(part.tolist() for part in day.ledger.rows()), strict=True):
        if KINDS[kind] == "haircut":
            paid[chart.names[source]] += amount
        if KINDS[kind] == TAKEN_OVER:
            back[chart.names[target]] += amount
    return {name: (paid[name], back[name]) for name in sorted(gone | set(back)) if paid[name] or back[name]}
