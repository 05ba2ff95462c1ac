"""What accounts hold together, longs apart from shorts: exact sums of quantities, and looking one up.

A quantity is counted in two whole numbers: lots, and 2^-62 of a lot. Sums of whole numbers are the same in any order,
in any parts, on any machine. Nothing is lost of a quantity of 2^-10 lots or more, for its last bit is 2^-62 at least; a
smaller one is rounded to that.
"""

from typing import NamedTuple

import numpy as np

from ccp.kernels.engine.numba_door import kernel
from ccp.types import Flags, Index, Vector

PART_BITS = 62
PARTS = 2.0**PART_BITS
"""Parts of a lot that are counted."""
MOST_LOTS = 2**61
"""Sums of lots stop here, so that the next one fits 64 bits."""
LONG, SHORT, AMOUNTS = 0, 2, 4
"""Columns of lots, each with its parts beside it."""


class Together(NamedTuple):
    """What units (members, groups, clients, ...) hold together.

    `unit` is that of each account, -1 for none. A unit's cells are `offset[unit]` to `offset[unit + 1]`, in order of
    `instrument`; `long` and `short` are sums of quantities of one sign, no less than zero.
    """

    unit: Index
    offset: Index
    instrument: np.ndarray
    long: Vector
    short: Vector


@kernel
def size_together(together, account, instrument, quantity):
    """What the account's unit holds of an instrument on the side of `quantity`; 0 where no cell says."""
    unit = together.unit[account]
    if unit < 0:
        return 0.0
    low, end = together.offset[unit], together.offset[unit + 1]
    high = end
    while low < high:
        middle = (low + high) // 2
        if together.instrument[middle] < instrument:
            low = middle + 1
        else:
            high = middle
    if low == end or together.instrument[low] != instrument:
        return 0.0
    return together.long[low] if quantity > 0.0 else together.short[low]


@kernel
def add_size(amounts, cell, side, size):
    """Add a quantity's size to a cell's lots and parts."""
    size = min(size, float(MOST_LOTS))
    lots = np.floor(size)
    parts = amounts[cell, side + 1] + np.int64(np.rint((size - lots) * PARTS))
    lots_so_far = amounts[cell, side] + np.int64(lots) + (parts >> PART_BITS)
    amounts[cell, side] = min(lots_so_far, MOST_LOTS)
    amounts[cell, side + 1] = parts & ((1 << PART_BITS) - 1)


@kernel
def add_up_sides(positions, accounts: Index, bounds: Index, first: Index, counted: Flags, instrument, amounts, cells):
    """Add up what units hold of the instruments in `counted`, long and short apart.

    `accounts` are in order of unit, `bounds` (unit x 1 more) where a unit begins among them, `first` its first cell.
    Fills `instrument` and `amounts` (cell x AMOUNTS, of zeros) from there on, in no order, and `cells` (unit) with how
    many there are.
    """
    place = np.full(counted.size, -1, dtype=np.int64)
    for unit in range(first.size):
        free = first[unit]
        for account in accounts[bounds[unit] : bounds[unit + 1]]:
            for entry in range(positions.offset[account], positions.offset[account + 1]):
                one, quantity = positions.instrument[entry], positions.quantity[entry]
                if counted[one] and quantity != 0.0:
                    if place[one] < first[unit]:
                        place[one], instrument[free] = free, one
                        free += 1
                    add_size(amounts, place[one], LONG if quantity > 0.0 else SHORT, abs(quantity))
        cells[unit] = free - first[unit]
