"""Every window of the history over a book: from positions to members' sums in one go, in cents.

No account's and no pool's losses are kept: a thread goes through all accounts for the windows of a tile, and what it
adds up, whole numbers, nobody else touches. So the sums are exact, and no order of work changes them.
"""

from typing import NamedTuple

import numpy as np

from ccp.kernels.engine.numba_door import kernel, parallel_kernel, prange
from ccp.kernels.exposure.portfolio_losses import TILE, in_minor
from ccp.kernels.exposure.sweep import sum_positions
from ccp.types import Cents, Flags, Index


class WindowPools(NamedTuple):
    """As `PoolArrays`, but for `counted`, which has every way of counting margin: way x pool x window, or way x pool x
    1 where windows do not move it."""

    account_pool: Index
    member: Index
    house: Flags
    cost: Cents
    counted: Cents


class WindowSums(NamedTuple):
    """In cents, by member and window (in the kernel by way of counting margin first).

    `house_left` is the margin of a member's house pools less their losses, negative for a shortfall; `client_short` the
    sum of what its client pools lose over margin.
    """

    house_left: Cents
    client_short: Cents


@kernel
def close_window_pool(pool, pools, begin, count, pool_loss, sums):
    """Add one whole pool's result to its member by every way, and clear the running loss for the next pool."""
    member, moves = pools.member[pool], pools.counted.shape[2] > 1
    for way in range(pools.counted.shape[0]):
        for s in range(begin, begin + count):
            left = pools.counted[way, pool, s if moves else 0] - pool_loss[s] - pools.cost[pool]
            if pools.house[pool]:
                sums.house_left[way, member, s] += left
            else:
                sums.client_short[way, member, s] += max(-left, 0)
    for s in range(begin, begin + count):
        pool_loss[s] = 0


@parallel_kernel
def fold_windows(tiles, positions, first, last, minor, pools, pool_loss, sums):
    """Run the accounts from `first` to before `last`, in order of pool, through every window, into `sums`.

    `tiles` is the cube of close-out losses of one unit, as `account_losses` takes it. A pool that does not end among
    these accounts stays in `pool_loss` (window) until the next call goes on with it.
    """
    windows, accounts = pool_loss.shape[0], pools.account_pool.shape[0]
    for t in prange(tiles.shape[0]):
        begin = t * TILE
        count = min(TILE, windows - begin)
        loss = np.empty(TILE)
        for account in range(first, last):
            sum_positions(tiles[t], positions, account, loss)
            for s in range(count):
                pool_loss[begin + s] += in_minor(loss[s], minor)
            pool = pools.account_pool[account]
            if account + 1 == accounts or pools.account_pool[account + 1] != pool:
                close_window_pool(pool, pools, begin, count, pool_loss, sums)
