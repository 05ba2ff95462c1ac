"""What a default would cost beyond margin, by member and by group, in every scenario."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ccp.book.roster import Roster
from ccp.kernels.exposure.pools import Shortfalls
from ccp.types import Cents, GroupByScenario, Index, MemberByScenario


class SetLosses(Protocol):
    """Losses over margin of SETS of groups that default together: the one source of events, cover and coverage test.

    Scenarios and groups are places. A set may lose more than its groups would one by one, for all its books are sold
    together. Cover and the coverage test choose groups by what each loses alone, and an event carries what the chosen
    set loses; where the two differ, whoever brings such losses has to choose by sets.
    """

    @property
    def group_over_margin(self) -> GroupByScenario:
        """What each group loses over margin when it defaults alone, in every scenario."""
        ...

    def of_members(self, scenario: int, groups: Sequence[int], before: Sequence[int] = ()) -> tuple[Cents, Cents]:
        """By member, the loss and what of it is over margin, of groups that default together after those `before`.

        Members of other groups are not to be read.
        """
        ...

    def of_groups(self, scenario: int, groups: Sequence[int] | Index) -> Cents:
        """What each of some groups loses over margin when they default together, in the order given."""
        ...


@dataclass(frozen=True)
class StressLosses:
    """In cents. `loss` and `over_margin` are member x scenario, `group_over_margin` is group x scenario.

    `loss` is the sum of a member's pools' losses (gains not counted); `over_margin` what is left of it after
    the margin that may pay for it. A set of groups loses what its groups lose one by one: no more for being sold
    together.
    """

    loss: MemberByScenario
    over_margin: MemberByScenario
    group_over_margin: GroupByScenario

    def of_members(self, scenario: int, groups: Sequence[int], before: Sequence[int] = ()) -> tuple[Cents, Cents]:
        """By member, the loss and what of it is over margin: the same whoever else defaults."""
        return self.loss[:, scenario], self.over_margin[:, scenario]

    def of_groups(self, scenario: int, groups: Sequence[int] | Index) -> Cents:
        """What each of some groups loses over margin."""
        return self.group_over_margin[groups, scenario]


def stress_losses(short: Shortfalls, house_surplus_covers_clients: bool, roster: Roster) -> StressLosses:
    """Loss over margin of members and groups.

        over_margin = max(house_short + client_short - phi * house_surplus, 0)

    phi is 1 when the rulebook lets a member's own surplus pay for its clients' shortfalls. A client pool
    never pays for the house or for another client pool, and a member never for its affiliate: the group is
    the sum of its members. Source: EMIR, Regulation (EU) 648/2012, Article 39 for the segregation of clients.
    """
    covered = short.house_surplus if house_surplus_covers_clients else np.zeros_like(short.house_surplus)
    over_margin = np.maximum(short.house_short + short.client_short - covered, 0)
    return StressLosses(short.loss, over_margin, roster.by_group(over_margin))
