"""What it costs to sell the books of groups together: the net quantity of all, shared to their pools by size."""

import math
from typing import NamedTuple

import numpy as np

from ccp.kernels.engine.numba_door import kernel, parallel_kernel, prange
from ccp.kernels.exposure.costs import sale_days, unit_sale_cost
from ccp.types import Index, Vector

WHOLE = 2.0**10
"""Steps of the first number of a quantity in a unit, and"""
REST = 2.0**40
"""steps of the second in one of the first."""


class PoolEntries(NamedTuple):
    """Pool `p` holds the entries `begin[p]` to `begin[p + 1]` of the positions, those of its accounts one after the
    other: an instrument may stand there more than once."""

    begin: Index
    instrument: np.ndarray
    quantity: Vector


class ExactSums(NamedTuple):
    """Sums of quantities, group x instrument, each as two whole numbers: the same in whatever order they are added.

    A quantity is `whole / WHOLE + rest / (WHOLE * REST)`, to 1e-15 of a unit. `net` is signed; `gross` adds up the
    sizes of the pools' net quantities.
    """

    net_whole: Index
    net_rest: Index
    gross_whole: Index
    gross_rest: Index


class GroupBooks(NamedTuple):
    """What groups hold of each instrument, group x instrument: net over all their pools, and the sizes of their pools'
    net quantities added up. `pools` is how many pools each group has."""

    net: Vector
    gross: Vector
    pools: Index


@kernel
def add_pool(pool, entries, net):
    """Add the entries of a pool to `net` (instrument)."""
    for entry in range(entries.begin[pool], entries.begin[pool + 1]):
        net[entries.instrument[entry]] += entries.quantity[entry]


@kernel
def add_exactly(quantity, whole, rest, row, instrument):
    """Add a quantity to a sum of two whole numbers."""
    first = np.rint(quantity * WHOLE)
    whole[row, instrument] += np.int64(first)
    rest[row, instrument] += np.int64(np.rint((quantity * WHOLE - first) * REST))


@parallel_kernel
def hold_by_group(entries, pools, begin, sums):
    """Fill `sums` with what each group's pools hold: those in `pools` from `begin[group]` on."""
    for group in prange(begin.shape[0] - 1):
        net = np.zeros(sums.net_whole.shape[1])
        for place in range(begin[group], begin[group + 1]):
            pool = pools[place]
            add_pool(pool, entries, net)
            for entry in range(entries.begin[pool], entries.begin[pool + 1]):
                instrument = entries.instrument[entry]
                quantity, net[instrument] = net[instrument], 0.0
                if quantity != 0.0:
                    add_exactly(quantity, sums.net_whole, sums.net_rest, group, instrument)
                    add_exactly(abs(quantity), sums.gross_whole, sums.gross_rest, group, instrument)


@kernel
def rate_of(net, gross, instrument, terms):
    """What each unit that pools hold bears of the sale of a net quantity: its cost over their sizes added up."""
    return abs(net) * unit_sale_cost(net, instrument, terms) / gross if gross > 0.0 else 0.0


@kernel
def joint_rates(groups, books, terms, rate: Vector):
    """Fill `rate` (instrument) with what each unit bears when some groups, in order, are sold together."""
    for instrument in range(rate.shape[0]):
        net, gross = 0.0, 0.0
        for place in range(groups.shape[0]):
            net += books.net[groups[place], instrument]
            gross += books.gross[groups[place], instrument]
        rate[instrument] = rate_of(net, gross, instrument, terms)


@parallel_kernel
def rates_alone(books, terms, rate: Vector):
    """Fill `rate` (group x instrument) with what each unit bears when its group is sold alone."""
    for group in prange(rate.shape[0]):
        for instrument in range(rate.shape[1]):
            rate[group, instrument] = rate_of(
                books.net[group, instrument], books.gross[group, instrument], instrument, terms
            )


@kernel
def few_pool_costs(entries, row, rate: Vector, first, last, cost: Vector):
    """`pool_costs` of the pools from `first` to before `last`, by one thread: what a search asks for often."""
    net = np.zeros(rate.shape[1])
    for pool in range(first, last):
        add_pool(pool, entries, net)
        total = 0.0
        for entry in range(entries.begin[pool], entries.begin[pool + 1]):
            instrument = entries.instrument[entry]
            total += abs(net[instrument]) * rate[row[pool], instrument]
            net[instrument] = 0.0
        cost[pool] = total


@parallel_kernel
def pool_costs(entries, row, rate: Vector, chunk, cost: Vector):
    """Fill `cost` (pool) with the sum of its net quantities' sizes times what a unit bears.

    `rate` is row x instrument, `row` each pool's row in it; a thread takes the pools of a `chunk` (bounds).
    """
    for part in prange(chunk.shape[0] - 1):
        few_pool_costs(entries, row, rate, chunk[part], chunk[part + 1], cost)


@kernel
def joint_excess(groups, books, alone, terms, excess: Vector):
    """Fill `excess` (place in `groups`) with how much more each of some groups, in order, bears in instruments of which
    a unit bears more when they are sold together than when each is sold alone. `alone` is group x instrument."""
    excess[:] = 0.0
    for instrument in range(alone.shape[1]):
        net, gross = 0.0, 0.0
        for place in range(groups.shape[0]):
            net += books.net[groups[place], instrument]
            gross += books.gross[groups[place], instrument]
        rate = rate_of(net, gross, instrument, terms)
        for place in range(groups.shape[0]):
            more = rate - alone[groups[place], instrument]
            excess[place] += books.gross[groups[place], instrument] * max(more, 0.0)


@kernel
def highest_unit_cost(quantity, instrument, terms):
    """The most that a unit costs when any quantity up to this is sold.

    Within one number of days the cost rises with the quantity, and at the ends of these steps it rises from one to the
    next; so it is that of the whole quantity, or that at the end of the step before its own.
    """
    days, own = sale_days(quantity, instrument, terms), terms.days[instrument]
    highest = unit_sale_cost(quantity, instrument, terms)
    if terms.volume[instrument] > 0.0 and days > own:
        growth = terms.holding * (math.sqrt(float(days - 1)) - math.sqrt(float(own)))
        pressure = terms.impact * math.sqrt(terms.participation)
        highest = max(highest, terms.spread[instrument] + terms.daily_risk[instrument] * (pressure + growth))
    return highest


@kernel
def highest_unit_costs(largest: Vector, terms, highest: Vector):
    """Fill `highest` (instrument) with the most that a unit costs when any quantity up to `largest` is sold."""
    for instrument in range(largest.shape[0]):
        highest[instrument] = highest_unit_cost(largest[instrument], instrument, terms)


@parallel_kernel
def most_excess(books, highest: Vector, alone, excess: Vector):
    """Fill `excess` (group) with the most that it bears more where a unit of each instrument costs at most `highest`
    (instrument)."""
    for group in prange(excess.shape[0]):
        total = 0.0
        for instrument in range(highest.shape[0]):
            more = highest[instrument] - alone[group, instrument]
            total += books.gross[group, instrument] * max(more, 0.0)
        excess[group] = total
