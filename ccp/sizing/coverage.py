"""The coverage test: whether what is prefunded suffices when the worst set of groups defaults."""

from dataclasses import dataclass

import numpy as np

from ccp.sizing.cover import largest_losses, ranked_groups
from ccp.stress.loss_over_margin import GroupLosses
from ccp.types import Cents, Flags, GroupByScenario, Index
from ccp.waterfall.plan import Plan


@dataclass(frozen=True)
class Coverage:
    """Per scenario, in cents: `uncovered` may be negative, which is headroom; `defaulters` is rank x scenario."""

    uncovered: Cents
    defaulters: Index

    def worst(self, counted: Flags) -> int:
        """The scenario that leaves most uncovered; of equals, the first."""
        lowest = np.iinfo(np.int64).min
        return int(np.argmax(np.where(counted, self.uncovered, lowest)))


def coverage(plan: Plan, losses: GroupLosses, count: int) -> Coverage:
    """The worst set of `count` groups in each scenario, and what it leaves uncovered.

    A set D leaves `sum over D of max(loss_g - fund_g, 0) - capital - sum of fund_k over the others`, which is
    `sum over D of max(loss_g, fund_g) - (capital + whole fund)`: the worst set is that of the largest
    `max(loss_g, fund_g)`, without trying every set. Where unused contributions are shared the sum over D
    of losses decides. Where the rulebook has no tier for a part, or for a share of the contributions only, that part is
    left out of the sums. Insurance counts as capital does; calls, haircuts, equity and guarantees never. Proved
    against enumeration in tests.
    """
    defaulters = ranked_groups(burdens(plan, losses))[:count]
    return Coverage(uncovered_by_scenario(plan, losses, count), defaulters)


def uncovered_by_scenario(plan: Plan, losses: GroupLosses, count: int) -> Cents:
    """What the worst set of `count` groups leaves uncovered in each scenario; negative is headroom."""
    others = int(plan.roster.by_group(plan.pledged).sum())
    return largest_losses(burdens(plan, losses), count).sum(axis=0) - plan.prefunded_lumps - others


def burdens(plan: Plan, losses: GroupLosses) -> GroupByScenario:
    """What each group adds to what a set leaves uncovered."""
    fund = plan.group_contributions[:, None]
    own = fund if plan.own_fund_pays else np.zeros_like(fund)
    others = plan.roster.by_group(plan.pledged)[:, None]
    short = losses.group_over_margin - own
    return (short if plan.unused_contribution_shared else np.maximum(short, 0)) + others
