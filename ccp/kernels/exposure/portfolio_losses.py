"""Portfolio times cube: the losses of every account, their margin tail, and the stress losses in cents."""

from typing import NamedTuple

import numpy as np

from ccp.kernels.engine.numba_door import kernel, parallel_kernel, prange
from ccp.kernels.exposure.row_sum import ROW_BYTES
from ccp.kernels.exposure.sweep import sum_column, sum_positions
from ccp.kernels.exposure.tail import keep_largest, weighted_sum, weighted_tail
from ccp.types import Cents, Index, Vector

TILE = ROW_BYTES // 8
"""Scenarios in a tile, known when the kernels are compiled: 5,000 instruments x 256 bytes are 1.3 MB, which a
second-level cache of 2 MB holds."""


class ScenarioWeights(NamedTuple):
    """Scenarios that weigh differently, oldest first, and how much weight lies in the tail.

    `weight` is in whole numbers. Value at risk: the loss at which the weight of the largest losses reaches `stop`.
    Expected shortfall: the mean of the largest losses that weigh `mass`.
    """

    weight: Index
    stop: int
    mass: float
    shortfall: bool


@parallel_kernel
def sum_accounts(tile, positions, accounts, value):
    """Fill `value` (account x column) with the tile's first columns summed over each of some accounts' positions."""
    for place in prange(accounts.shape[0]):
        sums = np.empty(TILE)
        sum_positions(tile, positions, accounts[place], sums)
        value[place] = sums[: value.shape[1]]


@parallel_kernel
def sum_accounts_once(unit, positions, accounts, value: Vector):
    """Fill `value` (account) with the sum over each of some accounts' positions; `unit` by instrument."""
    for place in prange(accounts.shape[0]):
        value[place] = sum_column(unit, positions, accounts[place])


@kernel
def in_minor(amount, minor):
    """An amount in whole minor units, nearest, ties to even."""
    return np.int64(np.rint(amount * minor))


@parallel_kernel
def tail_margin(tiles, positions, accounts: Index, chunk, scenarios, tail_weight: Vector, minor, margin: Cents):
    """Fill `margin` (account), in minor units: the weighted tail of an account's losses, floored at zero.

    `tiles` is the cube of close-out losses of one unit, tile x instrument x TILE, of which the first `scenarios`
    columns count. `tail_weight` holds the weight of the largest, second largest, ... loss. Of all accounts those in
    `accounts` are done; `chunk` bounds those that one thread takes at a time: places `chunk[c]` to `chunk[c + 1]`
    of them. Of an account's losses only its largest are kept.
    """
    kept = tail_weight.shape[0]
    for c in prange(chunk.shape[0] - 1):
        first, last = chunk[c], chunk[c + 1]
        loss, passing = np.empty(TILE), np.empty(TILE)
        top = np.full((last - first, kept), -np.inf)
        for t in range(tiles.shape[0]):
            count = min(TILE, scenarios - t * TILE)
            for place in range(first, last):
                sum_positions(tiles[t], positions, accounts[place], loss)
                keep_largest(loss[:count], top[place - first], passing)
        for place in range(first, last):
            tail = weighted_sum(top[place - first], tail_weight)
            margin[accounts[place]] = in_minor(max(tail, 0.0), minor)


@parallel_kernel
def weighted_margin(tiles, positions, chunk, weights, minor, margin: Cents):
    """As `tail_margin` of all accounts, for scenarios that weigh differently (`ScenarioWeights`)."""
    scenarios = weights.weight.shape[0]
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
            margin[account] = in_minor(max(tail, 0.0), minor)


@parallel_kernel
def parametric_margin(tiles, positions, chunk, weight: Vector, factor, minor, margin: Cents):
    """As `weighted_margin`: `factor` times the root of the losses' weighted mean square; `weight` sums to one."""
    scenarios = weight.shape[0]
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
            margin[account] = in_minor(max(factor, 0.0) * np.sqrt(square[account - first]), minor)


@parallel_kernel
def account_losses(tiles, positions, chunk, minor, loss: Cents):
    """Fill `loss` (account x scenario), in minor units, for the accounts from `chunk[0]` on."""
    start, scenarios = chunk[0], loss.shape[1]
    for c in prange(chunk.shape[0] - 1):
        sums = np.empty(TILE)
        for t in range(tiles.shape[0]):
            for account in range(chunk[c], chunk[c + 1]):
                sum_positions(tiles[t], positions, account, sums)
                row = loss[account - start]
                for s in range(min(TILE, scenarios - t * TILE)):
                    row[t * TILE + s] = in_minor(sums[s], minor)
