"""Who is in a clearing service, and who defaults with whom: the order that every array by member or by group has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ccp.types import Flags, Index


@dataclass(frozen=True)
class Roster:
    """Members and their groups, each in order of id; `member_group` is each member's group as a place in `groups`.

    An array "by member" or "by group" anywhere is in this order. Raises ValueError where an order is another one.
    """

    members: list[str]
    groups: list[str]
    member_group: Index

    def __post_init__(self) -> None:
        if self.members != sorted(set(self.members)) or self.groups != sorted(set(self.groups)):
            raise ValueError("members and groups in order of id, each once, were expected")
        among = (self.member_group >= 0) & (self.member_group < len(self.groups))
        if len(self.member_group) != len(self.members) or not among.all():
            raise ValueError("a group for every member was expected")

    def inside(self, groups: Sequence[int] | Index) -> Flags:
        """Which members belong to some groups."""
        return np.isin(self.member_group, groups)

    def members_of(self, groups: Sequence[int] | Index) -> Index:
        """The members of some groups, in order, as places."""
        return np.flatnonzero(self.inside(groups))

    def group_names(self, groups: Iterable[int]) -> list[str]:
        """The ids of some groups."""
        return [self.groups[group] for group in groups]

    def member_groups(self) -> list[str]:
        """The id of each member's group."""
        return self.group_names(self.member_group)

    def by_group(self, amounts: Index) -> Index:
        """Amounts by member (or member x scenario) as sums by group."""
        sums = np.zeros((len(self.groups), *amounts.shape[1:]), dtype=np.int64)
        np.add.at(sums, self.member_group, amounts)
        return sums


class Rostered:
    """What is about the members of a roster, whose lists are its own too."""

    roster: Roster

    @property
    def members(self) -> list[str]:
        """Members, in order of id."""
        return self.roster.members

    @property
    def groups(self) -> list[str]:
        """Groups, in order of id."""
        return self.roster.groups

    @property
    def member_group(self) -> Index:
        """Each member's group, as a place in `groups`."""
        return self.roster.member_group


def roster_of(group_of: Mapping[str, str]) -> Roster:
    """The roster of members and the groups that they belong to, in whatever order they are given."""
    members, groups = sorted(group_of), sorted(set(group_of.values()))
    place = {group: number for number, group in enumerate(groups)}
    return Roster(members, groups, np.array([place[group_of[member]] for member in members], dtype=np.int64))


def each_alone(members: Iterable[str]) -> Roster:
    """The roster of members without affiliates: each is a group of its own."""
    return roster_of({member: member for member in members})
