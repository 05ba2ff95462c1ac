"""Portfolio times cube: the losses of every account, their margin tail, and the stress losses in cents."""

from typing import NamedTuple

import numpy as np

from ccp.kernels.engine import fused_kernel, kernel, parallel_kernel, prange
from ccp.kernels.tail import keep_largest, weighted_sum
from ccp.types import Cents, Index, Vector

TILE = 64
"""Scenarios in a tile, known when the kernels are compiled: 2,000 instruments x 64 x 8 bytes are 1 MB, half of the
second-level cache. Measured best of 32, 64, 96 and 128."""


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


@fused_kernel
def add_eight(tile, instrument, quantity, entry, loss):
    """Add eight positions to `loss`, one after the other: the accumulator is read and written once for all."""
    row0, row1 = tile[instrument[entry]], tile[instrument[entry + 1]]
    row2, row3 = tile[instrument[entry + 2]], tile[instrument[entry + 3]]
    row4, row5 = tile[instrument[entry + 4]], tile[instrument[entry + 5]]
    row6, row7 = tile[instrument[entry + 6]], tile[instrument[entry + 7]]
    q0, q1, q2, q3 = quantity[entry], quantity[entry + 1], quantity[entry + 2], quantity[entry + 3]
    q4, q5, q6, q7 = quantity[entry + 4], quantity[entry + 5], quantity[entry + 6], quantity[entry + 7]
    for s in range(TILE):
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
    for s in range(TILE):
        total = loss[s]
        total += q0 * row0[s]
        total += q1 * row1[s]
        total += q2 * row2[s]
        total += q3 * row3[s]
        loss[s] = total


@fused_kernel
def sum_positions(tile, positions, account, loss):
    """Fill `loss` (scenarios of one tile) with the account's quantity-weighted sum of the tile's rows.

    `tile` is instrument x TILE. For each scenario the order of additions is that of the positions, however many
    positions are taken in one sweep, and each is one fused multiply-add.
    """
    instrument, quantity = positions.instrument, positions.quantity
    entry, end = positions.offset[account], positions.offset[account + 1]
    for s in range(TILE):
        loss[s] = 0.0
    while entry + 8 <= end:
        add_eight(tile, instrument, quantity, entry, loss)
        entry += 8
    if entry + 4 <= end:
        add_four(tile, instrument, quantity, entry, loss)
        entry += 4
    while entry < end:
        row, quantity_held = tile[instrument[entry]], quantity[entry]
        for s in range(TILE):
            loss[s] += quantity_held * row[s]
        entry += 1


@parallel_kernel
def sum_accounts(tile, positions, accounts, value: Vector):
    """Fill `value` with the first column of the tile summed over each of some accounts' positions."""
    for place in prange(accounts.shape[0]):
        sums = np.empty(TILE)
        sum_positions(tile, positions, accounts[place], sums)
        value[place] = sums[0]


@kernel
def take_columns(loss, begin, columns, top, passing, stress):
    """Hand one tile's losses of an account on: margin scenarios to `top`, stress scenarios to `stress` in cents.

    `begin` is the number of the tile's first column, `passing` is scratch.
    """
    of_margin = min(max(columns.margin - begin, 0), TILE)
    if of_margin > 0:
        keep_largest(loss[:of_margin], top, passing)
    last = min(TILE, columns.margin + columns.stress - begin)
    for s in range(of_margin, last):
        stress[begin + s - columns.margin] = np.int64(np.rint(loss[s] * columns.minor))


@parallel_kernel
def margin_and_stress(tiles, positions, chunk, columns, margin: Cents, stress: Cents):
    """Fill `margin` (account) and `stress` (account x stress scenario), both in minor units.

    `tiles` is the cube of close-out losses of one unit, tile x instrument x TILE.
    `chunk` bounds the accounts that one thread takes at a time: accounts `chunk[c]` to `chunk[c + 1]`,
    counted from `chunk[0]`, which is where `margin[0]` and `stress[0]` stand. Margin is the weighted tail
    of the margin columns, floored at zero; of an account's losses only its largest are ever kept.
    """
    start, kept = chunk[0], columns.tail_weight.shape[0]
    for c in prange(chunk.shape[0] - 1):
        first, last = chunk[c], chunk[c + 1]
        loss, passing = np.empty(TILE), np.empty(TILE)
        top = np.full((last - first, kept), -np.inf)
        for t in range(tiles.shape[0]):
            tile = tiles[t]
            for account in range(first, last):
                sum_positions(tile, positions, account, loss)
                take_columns(loss, t * TILE, columns, top[account - first], passing, stress[account - start])
        for account in range(first, last):
            tail = weighted_sum(top[account - first], columns.tail_weight) if columns.margin > 0 else 0.0
            margin[account - start] = np.int64(np.rint(max(tail, 0.0) * columns.minor))
