"""Selling the books of a set of groups together: what each pool bears, and the most that this can be.

A set is sold by its net quantity of each instrument. What that costs is shared to its pools in proportion to the sizes
of their own net quantities. It may be more than the groups would bear one by one (a day's volume is there once), or
less (opposite books net).
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ccp.book.portfolio import Part, Portfolio
from ccp.kernels.exposure.costs import SaleTerms
from ccp.kernels.exposure.joint_costs import GroupBooks, highest_unit_costs, joint_excess, joint_rates, most_excess
from ccp.money import minor_units
from ccp.stress.group_books import costs_of_pools
from ccp.stress.recent import Recent
from ccp.types import Cents, Index, Vector

MOST_POSITIONS = 2_000_000
"""Positions of groups that are looked at again and again, kept in memory."""
MOST_POOLS = 4_000_000
"""Of so many pools, counted again for every set, it is kept what they bear: of the sets looked at last."""
ROUNDING = 1e-9
"""By which share a bound in floating point is raised."""


@dataclass(frozen=True, eq=False)
class JointSale:
    """Who holds what, and what selling costs.

    `books` are what groups hold, and `alone` what each unit bears when its group is sold alone (group x instrument):
    None where selling costs nothing. `most_sets` is how many sets a search of the worst looks at in a scenario.
    """

    portfolio: Portfolio
    terms: SaleTerms
    books: GroupBooks | None
    alone: Vector | None
    digits: int
    most_sets: int
    _pools: dict[int, Index] = field(default_factory=dict)
    _parts: "OrderedDict[int, list[Part]]" = field(default_factory=OrderedDict)
    _costs: Recent[tuple[int, ...]] = field(default_factory=lambda: Recent(MOST_POOLS))
    _more: dict[tuple[int, ...], int] = field(default_factory=dict)
    _most: dict[int, Cents] = field(default_factory=dict)

    def pools_of(self, group: int) -> Index:
        """A group's pools, in order."""
        if group not in self._pools:
            self._pools[group] = self.portfolio.pools_of(self.portfolio.members_of(np.array([group])))
        return self._pools[group]

    def parts_of(self, group: int) -> Iterator[Part]:
        """A group's positions, some of its pools at a time, in order; small ones are kept."""
        if group not in self._parts:
            portions = self.portfolio.portions(self.pools_of(group))
            if len(portions) > 1:
                yield from (self.portfolio.part(some) for some in portions)
                return
            self._parts[group] = [self.portfolio.part(some) for some in portions]
            self._forget()
        self._parts.move_to_end(group)
        yield from self._parts[group]

    def _forget(self) -> None:
        """Let go of what was looked at longest ago."""
        sizes = [sum(len(part.positions.quantity) for part in parts) for parts in self._parts.values()]
        while len(sizes) > 1 and sum(sizes) > MOST_POSITIONS:
            self._parts.popitem(last=False)
            del sizes[0]

    def costs(self, groups: tuple[int, ...]) -> list[Cents]:
        """What each pool of some groups bears when they are sold together, group by group in the order given."""
        among = tuple(sorted(groups))
        if self.books is None:
            return [np.zeros(len(self.pools_of(group)), dtype=np.int64) for group in groups]
        costs = self._costs.of(among, lambda: self._together(among))
        return [costs[among.index(group)] for group in groups]

    def _together(self, among: tuple[int, ...]) -> list[Cents]:
        rate = np.empty((1, len(self.portfolio.instruments)))
        joint_rates(np.array(among), self.books, self.terms, rate[0])
        return [self._costs_of(group, rate) for group in among]

    def _costs_of(self, group: int, rate: Vector) -> Cents:
        parts = [
            costs_of_pools(part, rate, np.zeros(len(part.pool_member), dtype=np.int64), self.digits)
            for part in self.parts_of(group)
        ]
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])  # a group may have no account

    def more(self, groups: tuple[int, ...]) -> int:
        """The most that some groups lose more when they are sold together than one by one, in minor units.

        Loss over margin rises by no more than a pool's cost does, so it is what the pools bear more where a unit bears
        more, and a cent for the rounding of each of their costs.
        """
        among = tuple(sorted(groups))
        if self.books is None:
            return 0
        if among not in self._more:
            excess, places = np.empty(len(among)), np.array(among)
            joint_excess(places, self.books, self.alone, self.terms, excess)
            bears_more = np.where(excess > 0, self.books.pools[places], 0)
            self._more[among] = int((self._in_cents(excess) + bears_more).sum())
        return self._more[among]

    def most(self, count: int) -> Cents:
        """By group, the most that it loses more in any set of `count` groups, in minor units."""
        if self.books is None:
            return np.zeros(len(self.portfolio.groups), dtype=np.int64)
        if count not in self._most:
            excess = np.empty(len(self.books.net))
            most_excess(self.books, self._highest(count), self.alone, excess)
            self._most[count] = self._in_cents(excess) + self.books.pools
        return self._most[count]

    def most_costs(self, part: Part, count: int) -> Cents:
        """What each pool of a part bears at most in any set of at most `count` groups, in minor units."""
        rate = self._highest(count)[None] * (1 + ROUNDING)
        return costs_of_pools(part, rate, np.zeros(len(part.pool_member), dtype=np.int64), self.digits)

    def _highest(self, count: int) -> Vector:
        """The most that a unit of each instrument costs in any set of at most `count` groups."""
        highest = np.zeros(len(self.portfolio.instruments))
        if self.books is not None:
            highest_unit_costs(largest_net(self.books.net, count), self.terms, highest)
        return highest

    def _in_cents(self, excess: Vector) -> Cents:
        return np.ceil(excess * minor_units(self.digits) * (1 + ROUNDING)).astype(np.int64)


def largest_net(net: Vector, count: int) -> Vector:
    """By instrument, the most that any `count` groups can hold of it net: their largest longs, or their largest shorts,
    added up."""
    ordered = np.sort(net, axis=0)
    longs, shorts = np.maximum(ordered[::-1][:count], 0.0), np.maximum(-ordered[:count], 0.0)
    return np.maximum(longs.sum(axis=0), shorts.sum(axis=0)) * (1 + ROUNDING)
