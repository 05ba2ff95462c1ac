"""What a default would cost beyond margin, by member and by group, in every scenario."""

from dataclasses import dataclass

import numpy as np

from ccp.kernels.exposure.pools import Shortfalls
from ccp.types import GroupByScenario, Index, MemberByScenario


@dataclass(frozen=True)
class StressLosses:
    """In cents. `loss` and `over_margin` are member x scenario, `group_over_margin` is group x scenario.

    `loss` is the sum of a member's pools' losses (gains not counted); `over_margin` what is left of it after
    the margin that may pay for it.
    """

    loss: MemberByScenario
    over_margin: MemberByScenario
    group_over_margin: GroupByScenario


def stress_losses(short: Shortfalls, house_surplus_covers_clients: bool, member_group: Index) -> StressLosses:
    """Loss over margin of members and groups.

        over_margin = max(house_short + client_short - phi * house_surplus, 0)

    phi is 1 when the rulebook lets a member's own surplus pay for its clients' shortfalls. A client pool
    never pays for the house or for another client pool, and a member never for its affiliate: the group is
    the sum of its members. Source: EMIR, Regulation (EU) 648/2012, Article 39 for the segregation of clients.
    """
    covered = short.house_surplus if house_surplus_covers_clients else np.zeros_like(short.house_surplus)
    over_margin = np.maximum(short.house_short + short.client_short - covered, 0)
    return StressLosses(short.loss, over_margin, by_group(over_margin, member_group))


def by_group(over_margin: MemberByScenario, member_group: Index) -> GroupByScenario:
    """Members' losses over margin as sums by group."""
    sums = np.zeros((int(member_group.max()) + 1, over_margin.shape[1]), dtype=np.int64)
    np.add.at(sums, member_group, over_margin)
    return sums
