"""An account's positions added up over one tile of scenarios, several positions in one sweep."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ccp.kernels.engine import fused_kernel
from ccp.types import Index, Vector


class PositionArrays(NamedTuple):
    """Positions in compressed rows: account `a` holds entries `offset[a]` to `offset[a + 1]`.

    Within an account entries are in order of instrument, which fixes the order of every sum.
    """

    offset: Index
    instrument: np.ndarray
    quantity: Vector


def account_sum(width: int) -> Callable[..., None]:
    """The kernel that adds up an account's positions over tiles `width` scenarios wide.

    The width is known when the kernel is compiled. Numbers are of the tile's own precision.
    """

    @fused_kernel
    def add_eight(tile, instrument, quantity, entry, loss):
        """Add eight positions to `loss`, one after the other: the accumulator is read and written once for all."""
        row0, row1 = tile[instrument[entry]], tile[instrument[entry + 1]]
        row2, row3 = tile[instrument[entry + 2]], tile[instrument[entry + 3]]
        row4, row5 = tile[instrument[entry + 4]], tile[instrument[entry + 5]]
        row6, row7 = tile[instrument[entry + 6]], tile[instrument[entry + 7]]
        q0, q1, q2, q3 = quantity[entry], quantity[entry + 1], quantity[entry + 2], quantity[entry + 3]
        q4, q5, q6, q7 = quantity[entry + 4], quantity[entry + 5], quantity[entry + 6], quantity[entry + 7]
        for s in range(width):
            total = loss[s]
            total += q0 * row0[s]
            total += q1 * row1[s]
            total += q2 * row2[s]
            total += q3 * row3[s]
            total += q4 * row4[s]
            total += q5 * row5[s]
            total += q6 * row6[s]
            total += q7 * row7[s]
            loss[s] = total

    @fused_kernel
    def add_four(tile, instrument, quantity, entry, loss):
        """Add four positions to `loss`, one after the other."""
        row0, row1 = tile[instrument[entry]], tile[instrument[entry + 1]]
        row2, row3 = tile[instrument[entry + 2]], tile[instrument[entry + 3]]
        q0, q1, q2, q3 = quantity[entry], quantity[entry + 1], quantity[entry + 2], quantity[entry + 3]
        for s in range(width):
            total = loss[s]
            total += q0 * row0[s]
            total += q1 * row1[s]
            total += q2 * row2[s]
            total += q3 * row3[s]
            loss[s] = total

    @fused_kernel
    def sum_positions(tile, positions, account, loss):
        """Fill `loss` (scenarios of one tile) with the account's quantity-weighted sum of the tile's rows.

        `tile` is instrument x width. For each scenario the order of additions is that of the positions, however many
        positions are taken in one sweep, and each is one fused multiply-add.
        """
        instrument, quantity = positions.instrument, positions.quantity
        entry, end = positions.offset[account], positions.offset[account + 1]
        for s in range(width):
            loss[s] = 0.0
        while entry + 8 <= end:
            add_eight(tile, instrument, quantity, entry, loss)
            entry += 8
        if entry + 4 <= end:
            add_four(tile, instrument, quantity, entry, loss)
            entry += 4
        while entry < end:
            row, held = tile[instrument[entry]], quantity[entry]
            for s in range(width):
                loss[s] += held * row[s]
            entry += 1

    return sum_positions


@fused_kernel
def sum_column(unit, positions, account):
    """An account's quantity-weighted sum of `unit` (instrument): one column of `account_sum`, to the last bit."""
    return add_entries(unit, positions, positions.offset[account], positions.offset[account + 1], 0.0)


@fused_kernel
def add_entries(unit, positions, begin, end, total):
    """`total` and the sum over some entries, one after the other."""
    for entry in range(begin, end):
        total += positions.quantity[entry] * unit[positions.instrument[entry]]
    return total


@fused_kernel
def sum_four(unit, positions, accounts, total):
    """Fill `total` with `sum_column` of four accounts at once: their sums do not wait for each other."""
    b0, b1, b2, b3 = (
        positions.offset[accounts[0]],
        positions.offset[accounts[1]],
        positions.offset[accounts[2]],
        positions.offset[accounts[3]],
    )
    e0, e1, e2, e3 = (
        positions.offset[accounts[0] + 1],
        positions.offset[accounts[1] + 1],
        positions.offset[accounts[2] + 1],
        positions.offset[accounts[3] + 1],
    )
    count = min(min(e0 - b0, e1 - b1), min(e2 - b2, e3 - b3))
    i0, i1 = positions.instrument[b0 : b0 + count], positions.instrument[b1 : b1 + count]
    i2, i3 = positions.instrument[b2 : b2 + count], positions.instrument[b3 : b3 + count]
    q0, q1 = positions.quantity[b0 : b0 + count], positions.quantity[b1 : b1 + count]
    q2, q3 = positions.quantity[b2 : b2 + count], positions.quantity[b3 : b3 + count]
    t0, t1, t2, t3 = 0.0, 0.0, 0.0, 0.0
    for k in range(count):
        t0 += q0[k] * unit[i0[k]]
        t1 += q1[k] * unit[i1[k]]
        t2 += q2[k] * unit[i2[k]]
        t3 += q3[k] * unit[i3[k]]
    total[0] = add_entries(unit, positions, b0 + count, e0, t0)
    total[1] = add_entries(unit, positions, b1 + count, e1, t1)
    total[2] = add_entries(unit, positions, b2 + count, e2, t2)
    total[3] = add_entries(unit, positions, b3 + count, e3, t3)
