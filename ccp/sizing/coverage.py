"""The coverage test: whether what is prefunded suffices when the worst set of groups defaults."""

from dataclasses import dataclass, replace

import numpy as np

from ccp.sizing.cover import WorstSets, largest_losses, worst_over, worst_sets
from ccp.sizing.worst_set import Counts
from ccp.stress.loss_over_margin import GroupLosses, SetLosses
from ccp.types import Cents, Flags
from ccp.waterfall.plan import Plan

IN_FORCE, REQUIRED = "coverage test", "coverage test of the required fund"
"""What the test is called, with the contributions in force and with those that are required."""


@dataclass(frozen=True)
class Coverage:
    """Per scenario, in cents: `uncovered` may be negative, which is headroom; `defaulters` are the groups of the set.

    `uncovered` is no less than what any set leaves, and more than the defaulters do where that is not `proved`.
    """

    uncovered: Cents
    defaulters: list[tuple[int, ...]]
    proved: Flags

    def worst(self, counted: Flags) -> int:
        """The scenario that leaves most uncovered; of equals, the first."""
        lowest = np.iinfo(np.int64).min
        return int(np.argmax(np.where(counted, self.uncovered, lowest)))

    def raised(self, counted: Flags, left: int | None) -> "Coverage":
        """The same, where what may leave as much as `left` was not looked at (None: everything was): the worst of the
        counted scenarios stands for it."""
        worst = self.worst(counted)
        if left is None or left <= self.uncovered[worst]:
            return self
        here = np.arange(len(self.uncovered)) == worst
        return Coverage(np.where(here, left, self.uncovered), self.defaulters, self.proved & ~here)


@dataclass(frozen=True)
class LeftUncovered:
    """What the worst of some scenarios leaves uncovered, in cents: negative is headroom. As in `Coverage`."""

    scenario: int
    amount: int
    groups: list[int]
    proved: bool

    def raised(self, left: int | None) -> "LeftUncovered":
        """The same, where what may leave as much as `left` was not looked at (None: everything was)."""
        return self if left is None or left <= self.amount else replace(self, amount=left, proved=False)


def coverage(plan: Plan, losses: SetLosses, count: int) -> Coverage:
    """The worst set of at most `count` groups in each scenario, and what it leaves uncovered.

    A set D leaves `sum over D of max(loss_g - fund_g, 0) - capital - sum of fund_k over the others`, which is `sum over
    D of max(loss_g, fund_g) - (capital + whole fund)`. Where unused contributions are shared the sum over D of losses
    decides. Where the rulebook has no tier for a part, or for a share of the contributions only, that part is left out
    of the sums. Insurance counts as capital does; calls, haircuts, equity and guarantees never. Where sets lose what
    their groups lose one by one the worst is that of the largest `max(loss_g, fund_g)`. Proved against enumeration in
    tests.
    """
    found: WorstSets = worst_sets(losses, count, burden(plan))
    return Coverage(found.bound - prefunded(plan), found.groups, found.proved)


def worst_uncovered(plan: Plan, losses: SetLosses, count: int, counted: Flags) -> LeftUncovered:
    """As `coverage`, of the worst of the counted scenarios alone."""
    scenario, found = worst_over(losses, count, burden(plan), counted)
    return LeftUncovered(scenario, found.bound - prefunded(plan), list(found.groups), found.found == found.bound)


def uncovered_one_by_one(plan: Plan, losses: GroupLosses, count: int) -> Cents:
    """What the worst set of `count` groups leaves uncovered in each scenario, were each of its books sold alone."""
    return largest_losses(burden(plan).of(losses.group_over_margin), count).sum(axis=0) - prefunded(plan)


def burden(plan: Plan) -> Counts:
    """What a group's default takes: its loss beyond its own contribution, and what that stood for if others default."""
    fund = plan.group_contributions
    own = fund if plan.own_fund_pays else np.zeros_like(fund)
    return Counts(own, plan.roster.by_group(plan.pledged), not plan.unused_contribution_shared)


def prefunded(plan: Plan) -> int:
    """What stands ready if nobody of whom it stands defaults."""
    return plan.prefunded_lumps + int(plan.pledged.sum())
