"""The coverage test: whether what is prefunded suffices when the worst set of groups defaults."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ccp.sizing.cover import Cover, WorstSets, largest_losses, worst_over, worst_sets
from ccp.sizing.worst_set import Counts
from ccp.stress.loss_over_margin import GroupLosses, SetLosses
from ccp.types import Cents, Flags
from ccp.waterfall.plan import Plan

IN_FORCE, REQUIRED = "coverage test", "coverage test of the required fund"
"""What the test is called, with the contributions in force and with those that are required."""


@dataclass(frozen=True)
class Coverage:
    """The worst set of every scenario by what it takes (`sets`), and what is `prefunded` against it, in cents.

    By scenario: `uncovered` may be negative, which is headroom; `defaulters` are the groups of the set. `uncovered` is
    no less than what any set leaves, and more than the defaulters do where that is not `proved`.
    """

    sets: WorstSets
    prefunded: int

    @property
    def uncovered(self) -> Cents:
        """By scenario, what no set passes."""
        return self.sets.bound - self.prefunded

    @property
    def defaulters(self) -> list[tuple[int, ...]]:
        """By scenario, the set that was found."""
        return self.sets.groups

    @property
    def proved(self) -> Flags:
        """In which scenarios no set leaves more."""
        return self.sets.proved

    def over(self, counted: Flags) -> "LeftUncovered":
        """The worst of the scenarios that count; of equals, the first."""
        return left_uncovered(self.sets.cover(counted), self.prefunded)


class LeftUncovered(Cover):
    """What the worst of some scenarios leaves uncovered, in cents: negative is headroom. Else as `Cover`."""


def left_uncovered(worst: Cover, prefunded: int) -> LeftUncovered:
    """What is left of a set's burden by what is prefunded."""
    amount, found = worst.amount - prefunded, worst.found - prefunded
    return LeftUncovered(amount, worst.scenario, worst.groups, found, worst.open_scenarios, worst.open_windows)


def coverage(plan: Plan, losses: SetLosses, count: int) -> Coverage:
    """The worst set of at most `count` groups in each scenario, and what it leaves uncovered.

    A set D leaves `sum over D of max(loss_g - fund_g, 0) - capital - sum of fund_k over the others`, which is `sum over
    D of max(loss_g, fund_g) - (capital + whole fund)`. Where unused contributions are shared the sum over D of losses
    decides. Where the rulebook has no tier for a part, or for a share of the contributions only, that part is left out
    of the sums. Insurance counts as capital does; calls, haircuts, equity and guarantees never. Where sets lose what
    their groups lose one by one the worst is that of the largest `max(loss_g, fund_g)`. Proved against enumeration in
    tests.
    """
    return Coverage(worst_sets(losses, count, burden(plan)), prefunded(plan))


def worst_uncovered(plan: Plan, losses: SetLosses, count: int, counted: Flags) -> LeftUncovered:
    """As `coverage`, of the worst of the counted scenarios alone."""
    return left_uncovered(worst_over(losses, count, burden(plan), counted).cover, prefunded(plan))


def taken(plan: Plan, losses: SetLosses, scenario: int, groups: Sequence[int]) -> int:
    """What the default of a set takes in a scenario of what is prefunded, and would be without it."""
    return int(burden(plan).of(losses.of_groups(scenario, groups), np.array(groups, dtype=np.int64)).sum())


def or_known(found: LeftUncovered, plan: Plan, losses: SetLosses, *known: Cover) -> LeftUncovered:
    """The same, where sets that are worst of something else leave more uncovered."""
    for one in () if found.proved else known:
        left = taken(plan, losses, one.scenario, one.groups) - prefunded(plan)
        found = found.or_known(one.scenario, one.groups, left)
    return found


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
