"""Portfolio times cube: the losses of every account, their margin tail, and the stress losses in cents."""

from typing import NamedTuple

import numpy as np

from ccp.kernels.engine import fused_kernel, kernel, parallel_kernel, prange
from ccp.kernels.tail import keep_largest, weighted_sum, weighted_tail
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


class ScenarioWeights(NamedTuple):
    """Scenarios that weigh differently, oldest first, and how much weight lies in the tail.

    `weight` is in whole numbers. Value at risk: the loss at which the weight of the largest losses reaches `stop`.
    Expected shortfall: the mean of the largest losses that weigh `mass`.
    """

    weight: Index
    stop: int
    mass: float
    shortfall: bool


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
def sum_accounts(tile, positions, accounts, value):
    """Fill `value` (account x column) with the tile's first columns summed over each of some accounts' positions."""
    for place in prange(accounts.shape[0]):
        sums = np.empty(TILE)
        sum_positions(tile, positions, accounts[place], sums)
        value[place] = sums[: value.shape[1]]


@fused_kernel
def sum_unit_values(unit, positions, account):
    """An account's quantity-weighted sum of the value of one unit: one column of `sum_positions`, to the last bit."""
    total = 0.0
    for entry in range(positions.offset[account], positions.offset[account + 1]):
        total += positions.quantity[entry] * unit[positions.instrument[entry]]
    return total


@parallel_kernel
def sum_accounts_once(unit, positions, accounts, value: Vector):
    """Fill `value` (account) with the sum over each of some accounts' positions; `unit` by instrument."""
    for place in prange(accounts.shape[0]):
        value[place] = sum_unit_values(unit, positions, accounts[place])


@kernel
def in_minor(amount, minor):
    """An amount in whole minor units, nearest, ties to even."""
    return np.int64(np.rint(amount * minor))


@parallel_kernel
def tail_margin(tiles, positions, chunk, scenarios, tail_weight: Vector, minor, margin: Cents):
    """Fill `margin` (account), in minor units: the weighted tail of an account's losses, floored at zero.

    `tiles` is the cube of close-out losses of one unit, tile x instrument x TILE, of which the first `scenarios`
    columns count. `tail_weight` holds the weight of the largest, second largest, ... loss.
    `chunk` bounds the accounts that one thread takes at a time: accounts `chunk[c]` to `chunk[c + 1]`,
    counted from `chunk[0]`, which is where `margin[0]` stands. Of an account's losses only its largest are kept.
    """
    start, kept = chunk[0], tail_weight.shape[0]
    for c in prange(chunk.shape[0] - 1):
        first, last = chunk[c], chunk[c + 1]
        loss, passing = np.empty(TILE), np.empty(TILE)
        top = np.full((last - first, kept), -np.inf)
        for t in range(tiles.shape[0]):
            count = min(TILE, scenarios - t * TILE)
            for account in range(first, last):
                sum_positions(tiles[t], positions, account, loss)
                keep_largest(loss[:count], top[account - first], passing)
        for account in range(first, last):
            tail = weighted_sum(top[account - first], tail_weight)
            margin[account - start] = in_minor(max(tail, 0.0), minor)


@parallel_kernel
def weighted_margin(tiles, positions, chunk, weights, minor, margin: Cents):
    """As `tail_margin`, for scenarios that weigh differently (`ScenarioWeights`)."""
    start, scenarios = chunk[0], weights.weight.shape[0]
    for c in prange(chunk.shape[0] - 1):
        first, last = chunk[c], chunk[c + 1]
        loss, order = np.empty(TILE), np.empty(scenarios, dtype=np.int64)
        losses = np.empty((last - first, scenarios))
        for t in range(tiles.shape[0]):
            begin, end = t * TILE, min((t + 1) * TILE, scenarios)
            for account in range(first, last):
                sum_positions(tiles[t], positions, account, loss)
                losses[account - first, begin:end] = loss[: end - begin]
        for account in range(first, last):
            row = losses[account - first]
            tail = weighted_tail(row, weights.weight, order, weights.stop, weights.mass, weights.shortfall)
            margin[account - start] = in_minor(max(tail, 0.0), minor)


@parallel_kernel
def parametric_margin(tiles, positions, chunk, weight: Vector, factor, minor, margin: Cents):
    """As `tail_margin`: `factor` times the root of the losses' weighted mean square; `weight` sums to one."""
    start, scenarios = chunk[0], weight.shape[0]
    for c in prange(chunk.shape[0] - 1):
        first, last = chunk[c], chunk[c + 1]
        loss, square = np.empty(TILE), np.zeros(last - first)
        for t in range(tiles.shape[0]):
            for account in range(first, last):
                sum_positions(tiles[t], positions, account, loss)
                total = square[account - first]
                for s in range(min(TILE, scenarios - t * TILE)):
                    total += weight[t * TILE + s] * (loss[s] * loss[s])
                square[account - first] = total
        for account in range(first, last):
            margin[account - start] = in_minor(max(factor, 0.0) * np.sqrt(square[account - first]), minor)


@parallel_kernel
def account_losses(tiles, positions, chunk, minor, loss: Cents):
    """Fill `loss` (account x scenario), in minor units; tiles and chunk as in `tail_margin`."""
    start, scenarios = chunk[0], loss.shape[1]
    for c in prange(chunk.shape[0] - 1):
        sums = np.empty(TILE)
        for t in range(tiles.shape[0]):
            for account in range(chunk[c], chunk[c + 1]):
                sum_positions(tiles[t], positions, account, sums)
                row = loss[account - start]
                for s in range(min(TILE, scenarios - t * TILE)):
                    row[t * TILE + s] = in_minor(sums[s], minor)
