"""What groups hold, net of all their pools: what has to be sold when they default."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ccp.book.portfolio import Part, Portfolio
from ccp.errors import refuse
from ccp.exposure.run import chunks
from ccp.kernels.exposure.costs import SaleTerms
from ccp.kernels.exposure.joint_costs import (
    REST,
    WHOLE,
    ExactSums,
    GroupBooks,
    PoolEntries,
    few_pool_costs,
    hold_by_group,
    pool_costs,
    rates_alone,
)
from ccp.money import to_minor
from ccp.types import Cents, Index, Vector

LARGEST = 2.0**52
"""Units, of all instruments together, up to which sums of quantities are exact."""
FEW_ENTRIES = 20_000
"""Positions that one thread is done with sooner than several are started."""


@dataclass(frozen=True)
class HeldByGroups:
    """What the groups of a part hold: `groups` are their places, `sums` has a row for each. `size` is what is held in
    all, long and short."""

    groups: Index
    sums: ExactSums
    size: float


def pool_entries(part: Part) -> PoolEntries:
    """The positions of a part, pool by pool."""
    first = np.searchsorted(part.account_pool, np.arange(len(part.pool_member) + 1))
    return PoolEntries(part.positions.offset[first], part.positions.instrument, part.positions.quantity)


def held_by_groups(part: Part, instruments: int) -> HeldByGroups:
    """What the groups of a part's pools hold in it. Sums do not depend on how a book is cut into parts."""
    groups, place = np.unique(part.member_group[part.pool_member], return_inverse=True)
    pools = np.argsort(place, kind="stable")
    begin = np.searchsorted(place[pools], np.arange(len(groups) + 1))
    sums = nothing_held(len(groups), instruments)
    hold_by_group(pool_entries(part), pools, begin, sums)
    return HeldByGroups(groups, sums, float(np.abs(part.positions.quantity).sum()))


def nothing_held(groups: int, instruments: int) -> ExactSums:
    """Sums of nothing yet, to be filled."""
    return ExactSums(*(np.zeros((groups, instruments), dtype=np.int64) for _ in ExactSums._fields))


def group_books(portfolio: Portfolio, held: Iterable[HeldByGroups]) -> GroupBooks:
    """The books of all groups, from those of parts. Raises InputError where too much is held to be added up."""
    sums, size = nothing_held(len(portfolio.groups), len(portfolio.instruments)), 0.0
    for part in held:
        size += part.size
        if not size < LARGEST:
            raise refuse("positions", f"quantities below {LARGEST:.0e} in all were expected", field="quantity")
        for total, more in zip(sums, part.sums, strict=True):
            total[part.groups] += more
    net, gross = quantities(sums)
    counts = np.bincount(portfolio.member_group[portfolio.pool_member], minlength=len(portfolio.groups))
    return GroupBooks(net, gross, counts)


def quantities(sums: ExactSums) -> tuple[Vector, Vector]:
    """Net and gross quantities."""

    def units(whole: Index, rest: Index) -> Vector:
        return whole / WHOLE + rest / (WHOLE * REST)

    return units(sums.net_whole, sums.net_rest), units(sums.gross_whole, sums.gross_rest)


def books_in_memory(portfolio: Portfolio) -> GroupBooks:
    """The books of all groups of a portfolio that is in memory."""
    return group_books(portfolio, [held_by_groups(portfolio.whole, len(portfolio.instruments))])


def alone(books: GroupBooks, terms: SaleTerms) -> Vector:
    """What each unit bears when its group is sold alone: group x instrument."""
    rate = np.empty(books.net.shape)
    rates_alone(books, terms, rate)
    return rate


def costs_of_pools(part: Part, rate: Vector, row: Index, digits: int) -> Cents:
    """What each pool of a part bears of a sale, rounded to minor units: `rate` is row x instrument, `row` by pool."""
    cost, entries = np.empty(len(part.pool_member)), pool_entries(part)
    if len(entries.instrument) <= FEW_ENTRIES:
        few_pool_costs(entries, row, rate, 0, len(cost), cost)
        return to_minor(cost, digits)
    pool_costs(entries, row, rate, chunks(entries.begin, 0, len(cost), max(len(cost), 1)), cost)
    return to_minor(cost, digits)
