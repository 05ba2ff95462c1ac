"""An account's positions added up: over one tile of scenarios, or over one scenario."""

from typing import NamedTuple

import numpy as np

from ccp.kernels.engine.numba_door import fused_kernel, kernel
from ccp.kernels.exposure.row_sum import sum_rows
from ccp.types import Index, Vector


class PositionArrays(NamedTuple):
    """Positions in compressed rows: account `a` holds entries `offset[a]` to `offset[a + 1]`.

    Within an account entries are in order of instrument, which fixes the order of every sum.
    """

    offset: Index
    instrument: np.ndarray
    quantity: Vector


@kernel
def sum_positions(tile, positions, account, loss):
    """Fill `loss` (scenarios of one tile) with the account's quantity-weighted sum of the tile's rows.

    `tile` is instrument x scenario, ROW_BYTES a row, of the same precision as `loss`. For each scenario the order of
    additions is that of the positions, and each is one fused multiply-add.
    """
    begin, end = positions.offset[account], positions.offset[account + 1]
    sum_rows(tile, positions.instrument, positions.quantity, begin, end, loss)


@fused_kernel
def sum_column(unit, positions, account):
    """An account's quantity-weighted sum of `unit` (instrument): one column of `sum_positions`, to the last bit."""
    return add_entries(unit, positions, positions.offset[account], positions.offset[account + 1], 0.0)


@fused_kernel
def add_entries(unit, positions, begin, end, total):
    """`total` and the sum over some entries, one after the other. Instruments are told to be no less than zero."""
    for entry in range(begin, end):
        total += positions.quantity[entry] * unit[np.uint32(positions.instrument[entry])]
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
        t0 += q0[k] * unit[np.uint32(i0[k])]
        t1 += q1[k] * unit[np.uint32(i1[k])]
        t2 += q2[k] * unit[np.uint32(i2[k])]
        t3 += q3[k] * unit[np.uint32(i3[k])]
    total[0] = add_entries(unit, positions, b0 + count, e0, t0)
    total[1] = add_entries(unit, positions, b1 + count, e1, t1)
    total[2] = add_entries(unit, positions, b2 + count, e2, t2)
    total[3] = add_entries(unit, positions, b3 + count, e3, t3)
