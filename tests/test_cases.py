"""Worked examples: each file in `tests/cases` states its source, inputs and outputs; a new one needs no Python."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from support.rulebooks import rulebook_of

from ccp.book.roster import roster_of
from ccp.kernels.exposure.pools import PoolArrays, Shortfalls, fold_accounts
from ccp.kernels.exposure.tail import keep_largest, weighted_sum
from ccp.margin.measure import tail_weights
from ccp.money import share_out, to_minor
from ccp.rulebook.margin import MarginRules
from ccp.sizing.cover import emir_42_3, worst_cover
from ccp.sizing.coverage import coverage
from ccp.sizing.fund import contributions
from ccp.stress.loss_over_margin import StressLosses, stress_losses
from ccp.waterfall.event import Event
from ccp.waterfall.plan import Plan, make_plan
from ccp.waterfall.run import run_waterfall

CASES = Path(__file__).parent / "cases"


def cases(kind: str) -> list[Any]:
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        document = YAML(typ="safe").load(path.read_text())
        assert document["source"], path
        if document["kind"] == kind:
            for number, case in enumerate(document["cases"]):
                found.append(pytest.param(case, id=str(case.get("name", f"{path.stem} {number}"))))
    assert found, kind
    return found


def test_every_file_is_of_a_kind_that_is_run() -> None:
    kinds = {YAML(typ="safe").load(path.read_text())["kind"] for path in CASES.glob("*.yaml")}
    assert kinds == {"share_out", "tail", "waterfall", "cover", "loss_over_margin", "contributions", "coverage"}


@pytest.mark.parametrize("case", cases("share_out"))
def test_share_out(case: dict[str, Any]) -> None:
    assert share_out(case["amount"], case["weights"]) == case["shares"]
    assert sum(case["shares"]) == case["amount"]


@pytest.mark.parametrize("case", cases("tail"))
def test_tail(case: dict[str, Any]) -> None:
    losses = np.random.default_rng(1).permutation(np.arange(1.0, case["count"] + 1))
    for measure in ("value_at_risk", "expected_shortfall"):
        rules = MarginRules(
            measure=measure,
            confidence=case["confidence"],
            lookback_days=case["count"],
            liquidation_days=1,
            quantile=case["quantile"],
        )
        weights = tail_weights(rules, case["count"])
        top = np.full(weights.size, -np.inf)
        keep_largest(losses, top, np.empty(losses.size))
        found = weighted_sum(top, weights)
        assert found == pytest.approx(case[measure], rel=1e-13), measure


@pytest.mark.parametrize("case", cases("contributions"))
def test_contributions(case: dict[str, Any]) -> None:
    assert contributions(case["fund"], case["weights"], case["minimum"]) == case["shares"]


def alone(losses: np.ndarray) -> StressLosses:
    """Groups of one member each (group x scenario), none of which loses more for who else defaults."""
    return StressLosses(losses, losses, losses)


@pytest.mark.parametrize("case", cases("cover"))
def test_cover(case: dict[str, Any]) -> None:
    losses = np.array(case["losses"], dtype=np.int64).T
    counted = np.ones(losses.shape[1], dtype=bool)
    for name, found in (
        ("cover_1", worst_cover(alone(losses), 1, counted)),
        ("cover_2", worst_cover(alone(losses), 2, counted)),
        ("emir_42_3", emir_42_3(alone(losses), counted)),
    ):
        proved = {"found": case[name]["amount"], "open_scenarios": 0, "open_windows": 0}
        assert vars(found) == case[name] | proved, name


@pytest.mark.parametrize("case", cases("loss_over_margin"))
def test_loss_over_margin(case: dict[str, Any]) -> None:
    pools = case["pools"]
    members = sorted({pool[0] for pool in pools})
    affiliates = case.get("affiliates", {})
    groups = sorted({affiliates.get(member, member) for member in members})
    order = sorted(range(len(pools)), key=lambda place: pools[place][0])
    arrays = PoolArrays(
        np.arange(len(pools)),
        np.array([members.index(pools[place][0]) for place in order]),
        np.array([pools[place][1] == "house" for place in order]),
        np.zeros(len(pools), dtype=np.int64),
        np.array([[pools[place][3]] for place in order]),
    )
    stress = np.array([[pools[place][2]] for place in order])
    short = Shortfalls(*[np.zeros((len(members), 1), dtype=np.int64) for _ in Shortfalls._fields])
    fold_accounts(0, stress, arrays, np.zeros(1, dtype=np.int64), short)
    roster = roster_of({member: affiliates.get(member, member) for member in members})
    found = stress_losses(short, case["phi"], roster)
    assert dict(zip(members, found.over_margin[:, 0], strict=True)) == case["members"]
    assert dict(zip(groups, found.group_over_margin[:, 0], strict=True)) == case["groups"]


def plan_of(case: dict[str, Any], tiers: list[Any]) -> Plan:
    members = sorted(case["contributions"])
    affiliates = case.get("groups", {})
    return make_plan(
        rulebook_of(tiers, unused_contribution_shared=case.get("unused_contribution_shared", False)),
        roster_of({member: affiliates.get(member, member) for member in members}),
        to_minor(np.array([case["contributions"][member] for member in members]), 2),
    )


@pytest.mark.parametrize("case", cases("waterfall"))
def test_waterfall(case: dict[str, Any]) -> None:
    plan = plan_of(case, case["tiers"])
    stated = [case["defaulters"].get(member, {"loss": 0, "margin": 0}) for member in plan.members]
    loss = to_minor(np.array([one["loss"] for one in stated]), 2)
    margin = to_minor(np.array([one["margin"] for one in stated]), 2)
    affiliates = case.get("groups", {})
    groups = {plan.groups.index(affiliates.get(member, member)) for member in case["defaulters"]}
    outcome = run_waterfall(plan, Event(tuple(sorted(groups)), loss, np.maximum(loss - margin, 0), margin))
    assert [draw.amount for draw in outcome.draws] == [round(draw * 100) for draw in case["draws"]]
    survivors = next(draw for draw in outcome.draws if draw.tier == "survivors_fund")
    paid = {plan.members[payer]: amount for payer, amount in survivors.paid.items() if payer is not None and amount}
    assert paid == {member: round(amount * 100) for member, amount in case["survivors"].items()}


@pytest.mark.parametrize("case", cases("coverage"))
def test_coverage(case: dict[str, Any]) -> None:
    tiers = ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"amount": case["capital"]}}, "survivors_fund"]
    plan = plan_of(case, tiers)
    losses = np.array([[case["losses"][group] * 100] for group in plan.groups], dtype=np.int64)
    found = coverage(plan, alone(losses), case["cover"])
    assert found.uncovered[0] == case["uncovered"] * 100
    assert [plan.groups[group] for group in found.defaulters[0]] == case["defaulters"]
    fund = plan.group_contributions
    by_enumeration = max(
        sum(max(int(losses[g, 0]) - int(fund[g]), 0) for g in chosen)
        - plan.capital
        - sum(int(fund[k]) for k in range(len(plan.groups)) if k not in chosen)
        for chosen in combinations(range(len(plan.groups)), case["cover"])
    )
    assert by_enumeration == case["uncovered"] * 100
