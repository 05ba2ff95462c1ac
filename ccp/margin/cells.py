"""Sums of what accounts hold together, by unit and instrument: of a part of the book, and parts put together."""

from typing import NamedTuple

import numpy as np

from ccp.kernels.exposure.held_together import AMOUNTS, LONG, MOST_LOTS, PART_BITS, PARTS, SHORT, add_up_sides
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.types import Flags, Index, Vector


class HeldCells(NamedTuple):
    """Sums so far: `key` rises, the unit times the number of instruments, plus the instrument; `amounts` as in the
    kernel."""

    key: Index
    amounts: Index

    def quantities(self) -> tuple[Vector, Vector]:
        """What is held long and short, no less than zero."""
        long, short = (self.amounts[:, side] + self.amounts[:, side + 1] / PARTS for side in (LONG, SHORT))
        return long, short


NO_CELLS = HeldCells(np.empty(0, dtype=np.int64), np.empty((0, AMOUNTS), dtype=np.int64))
"""Of no accounts."""


def cells_of(positions: PositionArrays, unit: Index, counted: Flags) -> HeldCells:
    """Sums by unit (account; -1 is left out) and instrument, of those that are counted."""
    accounts = np.argsort(unit, kind="stable")[np.count_nonzero(unit < 0) :]
    units, counts = np.unique(unit[accounts], return_counts=True)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    held = np.concatenate([[0], np.cumsum(np.diff(positions.offset)[accounts])])
    room = np.concatenate([[0], np.cumsum(np.minimum(np.diff(held[bounds]), counted.size))])
    first, found = room[:-1].copy(), np.zeros(len(units), dtype=np.int64)
    instrument, amounts = np.empty(room[-1], dtype=np.int32), np.zeros((room[-1], AMOUNTS), dtype=np.int64)
    add_up_sides(positions, accounts, bounds, first, counted, instrument, amounts, found)
    used = np.repeat(first - np.cumsum(found) + found, found) + np.arange(found.sum())
    key = np.repeat(units, found) * counted.size + instrument[used]
    order = np.argsort(key)
    return HeldCells(key[order], amounts[used[order]])


def merged(one: HeldCells, other: HeldCells) -> HeldCells:
    """The sums of two parts, added up."""
    key = np.concatenate([one.key, other.key])
    order = np.argsort(key, kind="stable")
    key, amounts = key[order], np.concatenate([one.amounts, other.amounts])[order]
    again = np.flatnonzero(key[1:] == key[:-1]) + 1  # no key stands in either twice
    amounts[again - 1] = _added(amounts[again - 1], amounts[again])
    stays = np.ones(len(key), dtype=bool)
    stays[again] = False
    return HeldCells(key[stays], amounts[stays])


def _added(one: Index, other: Index) -> Index:
    parts = one[:, 1::2] + other[:, 1::2]
    lots = one[:, ::2] + other[:, ::2] + (parts >> PART_BITS)
    total = np.empty_like(one)
    total[:, ::2], total[:, 1::2] = np.minimum(lots, MOST_LOTS), parts & ((1 << PART_BITS) - 1)
    return total
