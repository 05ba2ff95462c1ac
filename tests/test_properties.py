"""What must hold whatever the numbers: conservation, monotony, order, scale, splitting."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.rulebooks import rulebook_of
from support.small_books import book, market, rulebook

import ccp
from ccp.book.roster import Roster
from ccp.errors import ConservationError
from ccp.money import blended, divided, share_out, times
from ccp.sizing.cover import emir_42_3, worst_cover, worst_sets
from ccp.sizing.coverage import coverage
from ccp.sizing.fund import contributions
from ccp.stress.loss_over_margin import StressLosses
from ccp.waterfall.event import Draw, Event, Outcome
from ccp.waterfall.invariants import check_outcome
from ccp.waterfall.plan import Plan, lump_sizes, make_plan, with_lumps
from ccp.waterfall.run import run_waterfall

CAPITAL_1, CAPITAL_2 = {"ccp_capital": {"amount": 1}}, {"ccp_capital": {"amount": 2}}
TIER_ORDERS: list[list[Any]] = [
    ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"amount": 7}}, "survivors_fund"],
    ["defaulter_margin", "defaulter_fund", "survivors_fund", {"ccp_capital": {"share_of_fund": 0.3}}],
    ["defaulter_margin", "defaulter_fund", CAPITAL_1, "survivors_fund", CAPITAL_2],
    ["defaulter_margin", "defaulter_fund"],
    ["defaulter_margin", {"ccp_capital": {"amount": 3}}],
]  # fmt: skip

cents = st.integers(0, 10**15)
small = st.integers(0, 2_000)


def alone(losses: np.ndarray) -> StressLosses:
    """Groups of one member each (group x scenario), none of which loses more for who else defaults."""
    return StressLosses(losses, losses, losses)


@st.composite
def events(draw: Any) -> tuple[Plan, Event]:
    """A plan over a few members in groups, and a default of some of the groups."""
    members = draw(st.integers(1, 7))
    raw = [draw(st.integers(0, members - 1)) for _ in range(members)]
    names = sorted(set(raw))
    member_group = np.array([names.index(group) for group in raw])
    amounts = st.lists(small, min_size=members, max_size=members)
    rules = rulebook_of(draw(st.sampled_from(TIER_ORDERS)), unused_contribution_shared=draw(st.booleans()))
    ids = [f"M{i}" for i in range(members)]
    groups = [f"G{i}" for i in range(len(names))]
    plan = make_plan(rules, Roster(ids, groups, member_group), np.array(draw(amounts), dtype=np.int64))
    defaulters = draw(st.sets(st.integers(0, len(groups) - 1), min_size=1))
    loss, margin = np.array(draw(amounts)), np.array(draw(amounts))
    return plan, Event(tuple(sorted(defaulters)), loss, np.maximum(loss - margin, 0), margin)


@given(events())
def test_every_cent_is_paid_once(case: tuple[Plan, Event]) -> None:
    plan, event = case
    outcome = run_waterfall(plan, event)
    in_default = {m for m, group in enumerate(plan.member_group) if group in event.defaulters}
    assert outcome.loss == sum(int(event.loss[member]) for member in in_default)
    assert sum(draw.amount for draw in outcome.draws) == outcome.loss
    for draw in outcome.draws:
        assert all(amount >= 0 for amount in draw.paid.values())
        payers = {payer for payer, amount in draw.paid.items() if amount and payer is not None}
        assert payers <= in_default if draw.tier.startswith("defaulter") else not payers & in_default
        for payer, amount in draw.paid.items():
            if payer is not None and draw.tier in ("defaulter_fund", "survivors_fund"):
                assert amount <= plan.contributions[payer]


@given(events(), st.integers(0, 6), st.integers(1, 500))
def test_a_larger_loss_never_lets_anybody_pay_less(case: tuple[Plan, Event], member: int, more: int) -> None:
    plan, event = case
    place = member % len(plan.members)
    loss = event.loss.copy()
    loss[place] += more
    larger = Event(event.defaulters, loss, np.maximum(loss - event.margin, 0), event.margin)
    before, after = run_waterfall(plan, event), run_waterfall(plan, larger)
    for one, other in zip(before.draws, after.draws, strict=True):
        assert other.amount >= one.amount
    assert after.uncovered >= before.uncovered


@given(events(), st.integers(2, 1000))
def test_scaling_all_money_scales_every_tier(case: tuple[Plan, Event], factor: int) -> None:
    plan, event = case
    lumps = lump_sizes(plan) * factor
    arrays = plan.arrays._replace(each=plan.arrays.each * factor)
    scaled = with_lumps(replace(plan, contributions=plan.contributions * factor, arrays=arrays), lumps)
    many = Event(event.defaulters, event.loss * factor, event.over_margin * factor, event.margin * factor)
    before, after = run_waterfall(plan, event), run_waterfall(scaled, many)
    assert [draw.amount * factor for draw in before.draws] == [draw.amount for draw in after.draws]


@given(events())
def test_coverage_by_the_closed_form_equals_enumeration_and_the_waterfall(case: tuple[Plan, Event]) -> None:
    """The worst set of every size, found by its formula, against every set run through the waterfall itself."""
    plan, event = case
    by_group = np.zeros((len(plan.groups), 1), dtype=np.int64)
    np.add.at(by_group[:, 0], plan.member_group, event.over_margin)
    for count in range(1, len(plan.groups) + 1):
        found = int(coverage(plan, alone(by_group), count).uncovered[0])
        worst = max(
            run_waterfall(plan, Event(chosen, event.loss, event.over_margin, event.margin)).uncovered
            for chosen in combinations(range(len(plan.groups)), count)
        )
        assert max(found, 0) == worst


matrices = st.integers(1, 6).flatmap(
    lambda groups: st.lists(st.lists(cents, min_size=groups, max_size=groups), min_size=1, max_size=5)
)


@given(matrices, st.integers(1, 4))
def test_cover_equals_enumeration(rows: list[list[int]], count: int) -> None:
    losses = np.array(rows, dtype=np.int64).T
    counted = np.ones(losses.shape[1], dtype=bool)
    take = min(count, losses.shape[0])
    by_hand = [max(sum(chosen) for chosen in combinations(row, take)) for row in rows]
    assert worst_sets(alone(losses), count).bound.tolist() == by_hand
    found = worst_cover(alone(losses), count, counted)
    assert found.amount == max(by_hand)
    assert sum(rows[found.scenario][group] for group in found.groups) == found.amount
    ordered = [[*sorted(row, reverse=True), 0, 0] for row in rows]
    assert emir_42_3(alone(losses), counted).amount == max(max(row[0], row[1] + row[2]) for row in ordered)


@given(st.lists(cents, min_size=1, max_size=12), st.integers(0, 10**17))
def test_shares_add_back_and_stay_within_a_cent(weights: list[int], amount: int) -> None:
    total = sum(weights)
    if total == 0:
        with pytest.raises(ValueError, match="no weight"):
            share_out(max(amount, 1), weights)
        return
    shares = share_out(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * total - amount * weight) < total
        assert share <= weight or amount > total


signed = st.lists(st.integers(-(10**17), 10**17) | st.sampled_from([0, 1, -1, 5, -15]), min_size=1, max_size=6)
shares_of_one = st.fractions(0, 1, max_denominator=10**6) | st.sampled_from([Fraction("0.25"), Fraction("0.8")])


@given(signed, st.integers(1, 10**9) | st.sampled_from([1, 2, 4, 10]))
def test_division_of_cents_rounds_to_the_nearest_and_ties_to_even(amounts: list[int], divisor: int) -> None:
    assert divided(np.array(amounts), divisor).tolist() == [round(Fraction(amount, divisor)) for amount in amounts]


@given(st.lists(st.integers(-(10**11), 10**11), min_size=1, max_size=6), shares_of_one, st.integers(-10, 10**11))
def test_shares_and_blends_of_cents_are_exact(amounts: list[int], share: Fraction, other: int) -> None:
    assert times(np.array(amounts), 1 + share).tolist() == [round(amount * (1 + share)) for amount in amounts]
    second = np.full(len(amounts), other)
    expected = [round((1 - share) * amount + share * other) for amount in amounts]
    assert blended(np.array(amounts), second, share).tolist() == expected


@given(signed, st.fractions(0, 10, max_denominator=10**6))
@example([10**17], Fraction(10**6 - 1, 10**6))
def test_cents_times_a_share_are_exact_even_where_64_bits_are_not_enough(amounts: list[int], share: Fraction) -> None:
    found = times(np.array(amounts), share)
    assert found.tolist() == [round(amount * share) for amount in amounts]
    assert found.dtype == np.int64


@given(signed, shares_of_one, st.integers(-(10**17), 10**17))
@example([1], Fraction(10**6 - 1, 10**6), 10**17)
def test_a_blend_of_large_cents_is_exact(first: list[int], share: Fraction, other: int) -> None:
    found = blended(np.array(first), np.full(len(first), other), share)
    assert found.tolist() == [round((1 - share) * amount + share * other) for amount in first]
    assert found.dtype == np.int64


@given(st.lists(cents, min_size=1, max_size=9), st.integers(0, 10**9), st.integers(0, 10**12))
def test_contributions_meet_the_minimum_and_add_up(weights: list[int], minimum: int, more: int) -> None:
    fund = minimum * len(weights) + more
    shares = contributions(fund, weights, minimum)
    assert sum(shares) == fund
    assert min(shares) >= minimum
    for one, share in zip(weights, shares, strict=True):
        for other, another in zip(weights, shares, strict=True):
            if one > other:
                assert share >= another


@pytest.mark.parametrize(
    ("draws", "message"),
    [
        ([("ccp_capital", 5, 5), ("uncovered", 4, 4)], "of a loss of 10"),
        ([("ccp_capital", 5, 6), ("uncovered", 4, 4)], "of 5"),
        ([("ccp_capital", 5, 4), ("uncovered", 6, 6)], "before a tier ahead"),
        ([("ccp_capital", 20, 11), ("uncovered", 0, -1)], "negative"),
    ],
)
def test_a_wrong_outcome_stops_the_run(draws: list[tuple[str, int, int]], message: str) -> None:
    event = Event((0,), np.array([10]), np.array([10]), np.array([0]))
    made = [Draw(tier, "", has, 10, {None: pays}, place) for place, (tier, has, pays) in enumerate(draws)]
    wrong = Outcome(event, 10, tuple(made))
    with pytest.raises(ConservationError, match=message):
        check_outcome(wrong)


POSITIONS = [
    ("a-h", "X", 400.0),
    ("a-c", "Y", -200.0),
    ("b-h", "X", -120.0),
    ("b-h", "FX", 6.0),
    ("c-1", "Y", 300.0),
    ("c-2", "X", 90.0),
]
ACCOUNTS = {
    "a-h": ("A", "a-h", "house"),
    "a-c": ("A", "a-c", "client"),
    "b-h": ("B", "b-h", "house"),
    "c-1": ("C", "c-gross", "client"),
    "c-2": ("C", "c-gross", "client"),
}


def test_order_of_rows_changes_nothing() -> None:
    rules, prices = rulebook(), market()
    base = ccp.size(book(POSITIONS, ACCOUNTS), rules, prices)
    turned = ccp.size(book(POSITIONS[::-1], dict(reversed(ACCOUNTS.items()))), rules, prices)
    for name, table in base.tables.items():
        assert table.equals(turned.tables[name]), name
    assert base.coverage == turned.coverage


@pytest.mark.parametrize("factor", [3.0, 1000.0])
def test_scaling_quantities_scales_margins_losses_and_the_fund(factor: float) -> None:
    rules, prices = rulebook(), market()
    base = ccp.size(book(POSITIONS, ACCOUNTS), rules, prices)
    scaled = ccp.size(book([(a, i, q * factor) for a, i, q in POSITIONS], ACCOUNTS), rules, prices)
    cent = 0.011 * factor
    for table, column in (("margin", "margin"), ("losses", "loss_over_margin"), ("contributions", "contribution")):
        difference = scaled.tables[table][column] - base.tables[table][column] * factor
        assert difference.abs().max() <= cent * 5, (table, column)  # type: ignore[operator]
    assert base.coverage["cover_2"]["groups"] == scaled.coverage["cover_2"]["groups"]


def test_splitting_a_member_in_proportion_inside_its_group_changes_nothing_for_the_group() -> None:
    """A becomes A1 and A2 with half of every position each, affiliates of one group."""
    rules, prices = rulebook(), market()
    others = [(a, i, q) for a, i, q in POSITIONS if not a.startswith("a-")]
    halves = [(f"{a}{half}", i, q / 2) for a, i, q in POSITIONS if a.startswith("a-") for half in (1, 2)]
    accounts = {name: place for name, place in ACCOUNTS.items() if not name.startswith("a-")}
    for half in (1, 2):
        for name in ("a-h", "a-c"):
            _, pool, kind = ACCOUNTS[name]
            accounts[f"{name}{half}"] = (f"A{half}", f"{pool}{half}", kind)
    base = ccp.size(book(POSITIONS, ACCOUNTS), rules, prices)
    split = ccp.size(book(others + halves, accounts, groups={"A1": "A", "A2": "A"}), rules, prices)
    joined = base.tables["losses"].join(split.tables["losses"], on=["scenario_id", "group_id"])
    assert joined.height == base.tables["losses"].height
    difference = (joined["loss_over_margin"] - joined["loss_over_margin_right"]).abs()
    assert difference.max() <= 0.045  # type: ignore[operator]
    assert joined["loss_over_margin"].sum() > 0
