"""What a sized run knows is asked of it; events, cover and contagion ask one source what a SET of groups loses."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from support.small_books import book, market, rulebook

import ccp
from ccp.market.case import open_case
from ccp.scenarios.stress_set import stress_scenarios
from ccp.sizing.rounds import rounds_of
from ccp.sizing.size import Sized, size_fund
from ccp.stress.loss_over_margin import StressLosses
from ccp.stress.measure import Measured, measure
from ccp.types import Cents

SOURCES = Path(ccp.__file__).parent
HOLDERS = {"sized", "measured"}
MOST = 2
"""Attributes after a sized or measured book: `sized.plan.roster`, `measured.losses.loss`, and no further. Words of the
rulebook, which is a document, do not count: `sized.rules.fund.cover`."""


def chains(source: str) -> list[str]:
    """Attributes of attributes that begin at a sized or measured book and go on for more than `MOST`, calls aside."""
    tree = ast.parse(source)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        inner: ast.expr | None = node if isinstance(node, ast.Attribute) and id(node) not in called else None
        while isinstance(inner, ast.Attribute):
            names.insert(0, inner.attr)
            inner = inner.value
        names = [inner.id, *names] if isinstance(inner, ast.Name) else names
        first = next((place for place, name in enumerate(names) if name in HOLDERS), len(names))
        known = names[first + 1 : names.index("rules") if "rules" in names else None]
        if len(known) > MOST:
            found.append(".".join(names))
    return found


def test_a_chain_is_found() -> None:
    assert chains("x = sized.measured.case.rulebook.fund.cover")
    assert chains("x = self.base.measured.case.rulebook.name")
    assert not chains("x = sized.plan.roster + measured.rules.stress.resources")
    assert not chains("x = sized.case.date.isoformat()")


def test_what_a_sized_run_knows_is_asked_of_it() -> None:
    files = {path.relative_to(SOURCES).as_posix(): path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py")}
    assert {name: found for name, text in files.items() if (found := chains(text))} == {}


# --- losses of sets ---------------------------------------------------------------------------------------------------

POSITIONS = [("a", "X", 50.0), ("b", "X", 40.0), ("c", "Y", 20.0)]
ACCOUNTS = {name: (name.upper(), name.upper(), "house") for name in "abc"}
JOINT = 700


@dataclass(frozen=True)
class SoldTogether(StressLosses):
    """Losses of which every member has `JOINT` more for each further group that is sold with its own, or before it."""

    member_group: tuple[int, ...] = ()

    def of_members(self, scenario: int, groups: Sequence[int], before: Sequence[int] = ()) -> tuple[Cents, Cents]:
        more = JOINT * (len({*groups, *before}) - 1)
        inside = np.isin(self.member_group, groups)
        return tuple(np.where(inside, one[:, scenario] + more, 0) for one in (self.loss, self.over_margin))  # type: ignore[return-value]

    def of_groups(self, scenario: int, groups: Sequence[int] | np.ndarray) -> Cents:
        return self.group_over_margin[groups, scenario] + JOINT * (len(groups) - 1)


@pytest.fixture(scope="module")
def small() -> Measured:
    case = open_case(book(POSITIONS, ACCOUNTS), market(), rulebook())
    return measure(case, stress_scenarios(case.rulebook, case.market, case.factor_ids))


def sold_together(measured: Measured) -> Sized:
    losses = measured.losses
    joint = SoldTogether(
        losses.loss, losses.over_margin, losses.group_over_margin, tuple(measured.roster.member_group.tolist())
    )
    return size_fund(measured.with_losses(joint))


def test_an_event_carries_what_its_set_loses(small: Measured) -> None:
    plain, joint = size_fund(small), sold_together(small)
    scenario = plain.cover.scenario
    for groups in ((0,), (0, 1), (0, 1, 2)):
        loss = [int(one.event(scenario, groups).loss[list(groups)].sum()) for one in (plain, joint)]
        assert loss[1] - loss[0] == JOINT * (len(groups) - 1) * len(groups)
        assert joint.outcome(scenario, groups).loss == loss[1]
        over = joint.event(scenario, groups).over_margin[list(groups)]
        assert over.tolist() == joint.losses.of_groups(scenario, groups).tolist()


def test_losses_that_are_added_up_are_those_of_single_groups(small: Measured) -> None:
    losses, scenario = small.losses, 0
    for groups in ((0,), (1, 0), (2, 1, 0)):
        assert losses.of_groups(scenario, groups).tolist() == [
            int(losses.of_groups(scenario, (group,))[0]) for group in groups
        ]
        alone, after = losses.of_members(scenario, groups), losses.of_members(scenario, groups, (3,))
        assert all(np.array_equal(one, other) for one, other in zip(alone, after, strict=True))


def test_later_rounds_pay_what_their_set_loses_after_those_before(small: Measured) -> None:
    """The first group ruins the others, whose capital is nothing: their books are sold after its own."""
    members = small.case.book.members.with_columns(capital=0.0)
    measured = replace(small, case=replace(small.case, book=replace(small.case.book, members=members)))
    plain, joint = size_fund(measured), sold_together(measured)
    scenario, first = plain.cover.scenario, plain.cover.groups[:1]
    rounds = [rounds_of(one, scenario, tuple(first), fire_sale=False) for one in (plain, joint)]
    assert len(rounds[0]) == len(rounds[1]) > 1
    for number, (one, other) in enumerate(zip(*rounds, strict=True)):
        groups = one.outcome.event.defaulters
        assert groups == other.outcome.event.defaulters
        before = sum(len(earlier.outcome.event.defaulters) for earlier in rounds[0][:number])
        assert other.outcome.loss - one.outcome.loss == JOINT * (before + len(groups) - 1) * len(groups)
