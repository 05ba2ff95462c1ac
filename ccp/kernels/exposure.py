"""Portfolio times cube: the losses of every account, their margin tail, and the stress losses in cents."""

from typing import NamedTuple

import numpy as np

from ccp.kernels.engine import kernel, parallel_kernel, prange
from ccp.kernels.tail import weighted_tail
from ccp.types import Cents, Index, Vector


class PositionArrays(NamedTuple):
    """Positions in compressed rows: account `a` holds entries `offset[a]` to `offset[a + 1]`.

    Within an account entries are in order of instrument, which fixes the order of every sum.
    """

    offset: Index
    instrument: np.ndarray
    quantity: Vector


class Columns(NamedTuple):
    """How the cube's columns are used: margin scenarios first, then stress scenarios, then padding.

    `tail_weight` holds the weight of the largest, second largest, ... margin loss. `minor` is the number
    of minor units in one unit of money.
    """

    margin: int
    stress: int
    tail_weight: Vector
    minor: float


@kernel
def sum_positions(tile, positions, account, loss):
    """Fill `loss` (scenarios of one tile) with the account's quantity-weighted sum of the tile's rows.

    Eight positions a sweep, so that the accumulator is read and written once for eight multiply-adds;
    for each scenario the order of additions is that of the positions, whatever the tile's width.
    """
    instrument, quantity = positions.instrument, positions.quantity
    entry, end = positions.offset[account], positions.offset[account + 1]
    width = loss.shape[0]
    for s in range(width):
        loss[s] = 0.0
    while entry + 8 <= end:
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
        entry += 8
    while entry < end:
        row, quantity_held = tile[instrument[entry]], quantity[entry]
        for s in range(width):
            loss[s] += quantity_held * row[s]
        entry += 1


@kernel
def sum_accounts(tile, positions, accounts, values):
    """Fill `values` (account x scenario of the tile) for some accounts, one after the other."""
    for place in range(accounts.shape[0]):
        sum_positions(tile, positions, accounts[place], values[place])


@parallel_kernel
def margin_and_stress(tiles, positions, chunk, columns, margin: Cents, stress: Cents):
    """Fill `margin` (account) and `stress` (account x stress scenario), both in minor units.

    `tiles` is the cube of close-out losses of one unit, tile x instrument x scenario within the tile.
    `chunk` bounds the accounts that one thread takes at a time: accounts `chunk[c]` to `chunk[c + 1]`,
    counted from `chunk[0]`, which is where `margin[0]` and `stress[0]` stand. Margin is the weighted tail
    of the margin columns, floored at zero.
    """
    count, width = tiles.shape[0], tiles.shape[2]
    start = chunk[0]
    for c in prange(chunk.shape[0] - 1):
        first, last = chunk[c], chunk[c + 1]
        loss = np.empty((last - first, count * width))
        for t in range(count):
            for account in range(first, last):
                sum_positions(tiles[t], positions, account, loss[account - first, t * width : (t + 1) * width])
        top = np.empty(columns.tail_weight.shape[0])
        for account in range(first, last):
            row = loss[account - first]
            tail = weighted_tail(row[: columns.margin], columns.tail_weight, top)
            margin[account - start] = np.int64(np.rint(max(tail, 0.0) * columns.minor))
            for s in range(columns.stress):
                stress[account - start, s] = np.int64(np.rint(row[columns.margin + s] * columns.minor))
