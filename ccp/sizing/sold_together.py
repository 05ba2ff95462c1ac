"""What a set of groups loses more over margin for defaulting together: derivation in docs/reference/arithmetic.md,
section 7."""

from dataclasses import dataclass

import numpy as np

from ccp.stress.joint_losses import JointLosses
from ccp.stress.measure import Losses
from ccp.types import Cents


@dataclass(frozen=True)
class SoldTogether:
    """What selling the books of a set costs in all its pools, and what it would if each group was sold alone, in cents;
    and how much more the set loses over margin: for the sale, and for what its groups hold of one another's paper
    (negative: less, for opposite books net)."""

    cost: int
    cost_alone: int
    for_sale: int
    for_paper: int

    @property
    def more(self) -> int:
        """How much more the groups lose over margin together than one by one."""
        return self.for_sale + self.for_paper


def sold_together(losses: Losses, scenario: int, groups: tuple[int, ...]) -> SoldTogether | None:
    """What a set loses more together, part by part; None where nothing is sold at a cost and nobody holds another's
    paper.

    The paper first, as if each group was still sold alone; what the sale of all together adds to that is the sale's.
    """
    if not isinstance(losses, JointLosses):
        return None
    together, alone = losses.sale.costs(groups), [losses.sale.costs((group,))[0] for group in groups]
    _, apart = losses.of_members(scenario, groups, cut=_by_pool(losses, groups, together, alone))
    sold_apart, whole = int(apart.sum()), int(losses.of_groups(scenario, groups).sum())
    one_by_one = int(losses.group_over_margin[list(groups), scenario].sum())
    cost, cost_alone = (sum(int(one.sum()) for one in some) for some in (together, alone))
    return SoldTogether(cost, cost_alone, whole - sold_apart, sold_apart - one_by_one)


def _by_pool(losses: JointLosses, groups: tuple[int, ...], together: list[Cents], alone: list[Cents]) -> Cents:
    """By pool of the book, how much more it bears where its group is sold alone."""
    more = np.zeros(len(losses.sale.portfolio.pool_member), dtype=np.int64)
    for group, joint, single in zip(groups, together, alone, strict=True):
        more[losses.sale.pools_of(group)] = single - joint
    return more
