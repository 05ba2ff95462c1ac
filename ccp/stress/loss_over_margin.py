"""What a default would cost beyond margin, by member and by group, in every scenario."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ccp.book.roster import Roster
from ccp.kernels.exposure.pools import Shortfalls
from ccp.types import Cents, GroupByScenario, Index, MemberByScenario


class GroupLosses(Protocol):
    """What each group loses over margin when it defaults alone, in every scenario."""

    @property
    def group_over_margin(self) -> GroupByScenario:
        """Group x scenario, in cents."""
        ...


class SetBounds(Protocol):
    """How much more sets of groups may lose over margin than their groups lose one by one, in cents.

    `most_sets` is how many sets a search of the worst looks at in a scenario before it gives up the proof.
    """

    @property
    def most_sets(self) -> int:
        """Sets that are looked at."""
        ...

    def more(self, groups: tuple[int, ...]) -> int:
        """The most that some groups together lose more, in any scenario; not less than nothing."""
        ...

    def most(self, count: int) -> Cents:
        """By group, the most that it loses more in any set of `count` groups."""
        ...


class SetLosses(GroupLosses, Protocol):
    """Losses over margin of SETS of groups that default together: the one source of events, cover and coverage test.

    Scenarios and groups are places. A set may lose more or less than its groups would one by one, for all its books are
    sold together: `ccp.sizing.worst_set` finds the worst.
    """

    @property
    def bounds(self) -> SetBounds | None:
        """How much more sets may lose; None where every set loses what its groups lose one by one."""
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

    @property
    def bounds(self) -> None:
        """No set loses more than its groups."""
        return None

    @property
    def selling(self) -> None:
        """Nothing is sold at a cost."""
        return None

    def less(self, supplementary: Cents, roster: Roster) -> "StressLosses":
        """Losses over margin less margin by member that pays for any loss of its member."""
        over = np.maximum(self.over_margin - supplementary[:, None], 0)
        return StressLosses(self.loss, over, roster.by_group(over))

    def of_members(self, scenario: int, groups: Sequence[int], before: Sequence[int] = ()) -> tuple[Cents, Cents]:
        """By member, the loss and what of it is over margin: the same whoever else defaults."""
        return self.loss[:, scenario], self.over_margin[:, scenario]

    def of_groups(self, scenario: int, groups: Sequence[int] | Index) -> Cents:
        """What each of some groups loses over margin."""
        return self.group_over_margin[groups, scenario]


def stress_losses(short: Shortfalls, house_surplus_covers_clients: bool, roster: Roster) -> StressLosses:
    """Loss over margin of members and groups: a member never pays for its affiliate, and the group is the sum of its
    members."""
    sums = (short.house_short, short.house_surplus, short.client_short)
    over_margin = over_margin_of(*sums, house_surplus_covers_clients)
    return StressLosses(short.loss, over_margin, roster.by_group(over_margin))


def over_margin_of(house_short: Cents, house_surplus: Cents, client_short: Cents, covers_clients: bool) -> Cents:
    """What members lose over margin, from the sums of their pools' shortfalls and surplus, in arrays of one shape.

        left        = house_surplus - house_short
        over_margin = max(-left, 0) + max(client_short - phi * max(left, 0), 0)

    All house pools of a member are its own money: the surplus of one pays for the shortfall of another, whatever the
    rulebook says. phi is 1 where it lets what is then left pay for clients' shortfalls. A client pool never pays for
    the house or for another client pool. Source: EMIR, Regulation (EU) 648/2012, Article 39, for the segregation of
    clients.
    """
    return over_margin_left(house_surplus - house_short, client_short, covers_clients)


def over_margin_left(left: Cents, client_short: Cents, covers_clients: bool) -> Cents:
    """The same from what is left of house pools' margin after their losses, in all."""
    lent = np.maximum(left, 0) if covers_clients else np.zeros_like(left)
    return np.maximum(-left, 0) + np.maximum(client_short - lent, 0)
