"""Who is cut by a haircut on gains, from a book's event and in the daily cycle: pools that have been owed variation.

X falls from 100 to 60. Margin is 5 % of a position's value, nobody contributes to the fund, and the calls on BOND,
whose price does not move, are worth 30 from first to last: paid for once, and in a run of days exercised on the day of
the default. A (100 X) defaults: it loses 4,000 less margin of 500, so that 3,500 are to be cut.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support.small_cycles import FIRST, RULES, Run, Small, X, changed, plain

import ccp
from ccp.market.case import open_case
from ccp.scenarios.stress_set import stress_scenarios
from ccp.sizing import circumstances
from ccp.sizing.results import waterfall_table
from ccp.sizing.size import size_fund
from ccp.stress.measure import measure

DOWN = "market down 40%"
CALL = {
    "instrument_id": "CALL",
    "kind": "option",
    "factor_id": "BOND",
    "currency": "USD",
    "multiplier": 1.0,
    "price": 30.0,
    "strike": 20.0,
    "right": "call",
    "expiry": FIRST + timedelta(days=1),
    "implied_volatility": 0.01,
    "style": "premium",
}
ACCOUNTS = {
    "a": ("A", "a", "house"),
    "b": ("B", "b", "house"),
    "bc": ("B", "bc", "client"),
    "c": ("C", "c", "house"),
    "s": ("S", "s", "house"),
}
OPTIONS = [("c", "CALL", 200.0), ("s", "CALL", -200.0)]
WITH_CLIENT = [("a", "X", 100.0), ("b", "X", 100.0), ("bc", "X", -100.0), ("s", "X", -100.0), *OPTIONS]
CAPITAL = {"A": 10.0, "B": 1_000_000.0, "C": 1_000_000.0, "S": 1_000_000.0}


def small(tiers: list[Any], positions: list[tuple[str, str, float]], **rules: Any) -> Small:
    members = {name: {"fund_contribution": 0.0, "capital": amount} for name, amount in CAPITAL.items()}
    stress = {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.4]}]}
    written = changed(RULES, tiers=["defaulter_margin", *tiers], stress=stress, **rules)
    levels = {"X": [100.0, 60.0, 60.0], "BOND": [50.0] * 3}
    return Small(levels, positions, ACCOUNTS, members, written, (X, CALL), swing={"X": 0.05})


def on_one_day(found: Small) -> Small:
    """The book before X falls, with the calls still to run for a year."""
    levels = {name: of[:1] for name, of in found.levels.items()}
    return found.but(levels=levels, instruments=(X, CALL | {"expiry": FIRST + timedelta(days=365)}))


def cut_in_event(found: Small, tier: str) -> dict[str, float]:
    found = on_one_day(found)
    event = ccp.default(found.book, found.rulebook, DOWN, ["A"], market=found.market)
    rows = event.waterfall.filter(pl.col("tier") == tier, pl.col("amount") > 0)
    return dict(rows.select("member_id", "amount").iter_rows())


def cut_in_cycle(found: Small, tier: str, out: Path) -> tuple[dict[str, float], Run]:
    run = found.run(out)
    assert run.events["defaulters"].to_list() == ["A"]
    assert run.events["cause"].to_list() == ["capital"]
    return run.payers(1, tier), run


# --- from a book's event ----------------------------------------------------------------------------------------------


def test_who_holds_an_option_that_does_not_move_has_gained_nothing() -> None:
    """S has gained 4,000 of variation and is cut. C's 200 calls are worth 6,000, as they were before."""
    positions = [("a", "X", 100.0), ("s", "X", -100.0), *OPTIONS]
    assert cut_in_event(small(["gains_haircut"], positions), "gains_haircut") == {"S": 3_500.0}


def test_a_clients_gain_is_its_own() -> None:
    """B's house has lost 4,000 and its client gained 4,000: the client is cut as S is."""
    assert cut_in_event(small(["gains_haircut"], WITH_CLIENT), "gains_haircut") == {"B": 1_750.0, "S": 1_750.0}


def test_a_tear_up_ends_contracts_at_their_value_and_payouts_are_variation() -> None:
    """The calls are worth 6,000 to C, the futures 4,000 to B's client; S, with both, has lost 2,000 on its contracts.

    3,500 as 6,000:4,000. What is paid out in the scenario is variation, to B's client and to S.
    """
    torn = small([{"tear_up": {"scope": "full"}}], WITH_CLIENT)
    assert cut_in_event(torn, "tear_up") == {"C": 2_100.0, "B": 1_400.0}
    assert cut_in_event(small(["payout_haircut"], WITH_CLIENT), "payout_haircut") == {"B": 1_750.0, "S": 1_750.0}


def test_a_partial_tear_up_looks_at_each_pool() -> None:
    """A is long of 100 X. Opposite stand B's client and S, 100 each: half of both is matched, 2,000 each."""
    assert cut_in_event(small(["tear_up"], WITH_CLIENT), "tear_up") == {"B": 1_750.0, "S": 1_750.0}
    # of a member that is long and whose client is short, only the client stands opposite
    against = [("a", "X", 100.0), ("b", "X", 60.0), ("bc", "X", -60.0), ("s", "X", -100.0)]
    # of 160 opposite 100 are matched: 60 x 40 x 100/160 = 1,500 of the client's, 2,500 of S
    assert cut_in_event(small(["tear_up"], against), "tear_up") == {"B": 1_312.5, "S": 2_187.5}


def test_only_what_the_rulebook_counts_is_cut() -> None:
    """In a scenario nobody pays premiums or exercises: where only exercise counts nobody has gained."""
    assert cut_in_event(small([{"gains_haircut": {"counts": ["exercise"]}}], WITH_CLIENT), "gains_haircut") == {}
    everything = small([{"gains_haircut": {"counts": ["variation", "premium", "exercise"]}}], WITH_CLIENT)
    assert cut_in_event(everything, "gains_haircut") == {"B": 1_750.0, "S": 1_750.0}


def failing(found: Small, **capital: float) -> list[str]:
    """Who fails of the first round, and that B's client and S are cut alike."""
    members = {name: dict(row) for name, row in found.members.items()}
    for name, amount in capital.items():
        members[name]["capital"] = amount
    one = on_one_day(found.but(members=members))
    event = ccp.default(one.book, one.rulebook, DOWN, ["A"], market=one.market, contagion=True)
    return event.trace["rounds"][0]["fails_next"]


def test_a_cut_of_a_gain_is_no_loss_of_capital_and_a_clients_is_its_own() -> None:
    """B has nothing, and nothing of its own: its client is cut by 1,750 and B goes on. S has nothing either, but what
    is left of 4,000 when 1,750 were cut."""
    positions = [("a", "X", 100.0), ("bc", "X", -100.0), ("s", "X", -100.0), ("c", "X", 100.0)]
    assert failing(small(["gains_haircut"], positions), B=0.0, S=0.0) == []


def test_a_torn_up_contract_costs_capital_what_it_was_worth() -> None:
    """C's calls were worth 6,000 before and after: 2,100 of that are gone."""
    found = small([{"tear_up": {"scope": "full"}}], WITH_CLIENT)
    assert failing(found, C=2_100.0) == []
    assert failing(found, C=2_099.99) == ["C"]


def test_gains_are_looked_for_in_events_that_reach_the_tier_and_in_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two scenarios; only in the fall is anything left when insurance of 3,600 has paid."""
    looked: list[int] = []
    real = circumstances.variation_and_contracts

    def counted(measured: Any, scenario: int, groups: tuple[int, ...]) -> Any:
        looked.append(scenario)
        return real(measured, scenario, groups)

    monkeypatch.setattr(circumstances, "variation_and_contracts", counted)
    tiers = [{"insurance": {"amount": 3_600}}, "gains_haircut"]
    found = on_one_day(small(tiers, [("a", "X", 110.0), ("s", "X", -100.0)], fund={"cover": 1}))
    case = open_case(found.book, found.market, found.rulebook)
    sized = size_fund(measure(case, stress_scenarios(case.rulebook, case.market, case.factor_ids, None)))
    table = waterfall_table(sized)
    reached = table.filter(pl.col("tier") == "gains_haircut", pl.col("amount") > 0)["scenario_id"].unique().to_list()
    assert reached == [DOWN]
    assert looked == [sized.scenarios.ids.index(DOWN)]
    outcome = sized.outcome(sized.scenarios.ids.index(DOWN), sized.largest_groups(looked[0]))
    paid = sized.payments(looked[0], sized.largest_groups(looked[0]))
    assert [draw.paid for draw in outcome.draws] == [draw.paid for draw in paid.draws]


# --- in the daily cycle -----------------------------------------------------------------------------------------------


def test_exercise_is_no_gain_and_a_client_is_cut_for_itself(tmp_path: Path) -> None:
    """C is paid 6,000 for its calls, worth 6,000 the day before; S, who pays them, has gained 4,000 of variation."""
    found, run = cut_in_cycle(small(["gains_haircut"], WITH_CLIENT), "gains_haircut", tmp_path / "run")
    assert found == {"B": 1_750.0, "S": 1_750.0}
    rows = run.ledger.filter(movement="haircut").select("from_account", "to_account", "amount").rows()
    assert sorted(rows) == [("clients:B", "estate:1", 1_750.0), ("house:S", "estate:1", 1_750.0)]
    left = dict(run.members.filter(date=small([], []).day(1)).select("member_id", "capital").iter_rows())
    assert left["B"] == CAPITAL["B"] - 4_000.0
    assert left["S"] == CAPITAL["S"] + 4_000.0 - 6_000.0 - 1_750.0
    assert left["C"] == CAPITAL["C"] + 6_000.0


def test_in_the_cycle_the_rulebook_says_what_counts(tmp_path: Path) -> None:
    """With exercise C has gained 6,000 and B's client 4,000; S has paid more than it gained."""
    tiers = [{"gains_haircut": {"counts": ["variation", "exercise"]}}]
    found, _ = cut_in_cycle(small(tiers, WITH_CLIENT), "gains_haircut", tmp_path / "run")
    assert found == {"C": 2_100.0, "B": 1_400.0}


@pytest.mark.parametrize("tier", [{"tear_up": {"scope": "full"}}, "tear_up", "payout_haircut"])
def test_in_the_cycle_contracts_and_payouts_are_all_that_was_owed(tier: Any, tmp_path: Path) -> None:
    found, _ = cut_in_cycle(small([tier], WITH_CLIENT), tier if isinstance(tier, str) else "tear_up", tmp_path / "run")
    assert found == {"C": 2_100.0, "B": 1_400.0}


@pytest.mark.parametrize(("days", "paid", "left"), [(None, 90.0, 10.0), (1, 100.0, 0.0)])
def test_what_was_owed_is_added_up_and_then_floored(days: int | None, paid: float, left: float, tmp_path: Path) -> None:
    """A falls with X at 90 and is sold in halves at 94: 1,000 less 400 lost, 500 of it margin's. The dealer, short of
    150, gains 1,500 and pays 600 back: a tenth of 900, or of 1,500 where only the first day counts, may be cut."""
    rules = changed(
        RULES,
        close_out={"method": "gradual", "participation": 0.25, "impact": 0.0},
        tiers=["defaulter_margin", {"gains_haircut": {"share": 0.1} | ({} if days is None else {"days": days})}],
    )
    sold = X | {"average_daily_volume": 200.0}
    run = plain([100.0, 90.0, 94.0, 94.0, 94.0], instruments=(sold,), rules=rules).run(
        tmp_path / "run", defaults=[("A", 1)]
    )
    assert run.events["loss"].item() == 600.0
    assert run.tiers(1) == {"defaulter_margin": 500.0, "gains_haircut": paid} | ({"uncovered": left} if left else {})
