"""From accounts to pools to members: what a pool's own margin does not cover, scenario by scenario, in cents.

Everything here is whole numbers, so the sums are exact and their order does not matter.
"""

from typing import NamedTuple

from ccp.kernels.engine.numba_door import kernel, parallel_kernel, prange
from ccp.types import Cents, Flags, Index, MemberByScenario


class PoolArrays(NamedTuple):
    """Per account its pool; per pool its member, whether it is a house pool, what it costs to sell it, and what counts
    against its loss.

    `counted` is pool x scenario, or pool x 1 where no scenario moves it.
    """

    account_pool: Index
    member: Index
    house: Flags
    cost: Cents
    counted: Cents


class Shortfalls(NamedTuple):
    """Member x scenario, in cents. `loss` is the sum of the pools' losses, gains not counted."""

    loss: MemberByScenario
    house_short: MemberByScenario
    house_surplus: MemberByScenario
    client_short: MemberByScenario


SLICE = 64
"""Scenarios that one thread folds: it goes through all accounts for them, and shares no sum with another."""


@kernel
def close_pool(pool, pools, first, last, pool_loss, short):
    """Add one whole pool's result to its member, and clear the running loss for the next pool."""
    member = pools.member[pool]
    moves = pools.counted.shape[1] > 1
    for s in range(first, last):
        loss = pool_loss[s] + pools.cost[pool]
        margin = pools.counted[pool, s if moves else 0]
        pool_loss[s] = 0
        short.loss[member, s] += max(loss, 0)
        if pools.house[pool]:
            short.house_short[member, s] += max(loss - margin, 0)
            short.house_surplus[member, s] += max(margin - loss, 0)
        else:
            short.client_short[member, s] += max(loss - margin, 0)


@kernel
def fold_slice(first, stress, pools, begin, end, pool_loss, short):
    """Fold some scenarios of a block of accounts."""
    accounts = pools.account_pool.shape[0]
    for place in range(stress.shape[0]):
        account = first + place
        pool = pools.account_pool[account]
        for s in range(begin, end):
            pool_loss[s] += stress[place, s]
        if account + 1 == accounts or pools.account_pool[account + 1] != pool:
            close_pool(pool, pools, begin, end, pool_loss, short)


@parallel_kernel
def fold_accounts(first, stress, pools, pool_loss, short):
    """Fold a block of accounts' losses (account x scenario), in order of pool, into `short` (member x scenario).

    `stress` belongs to the accounts from `first` on. A pool that does not end in this block stays in `pool_loss`
    (scenario) until the next block goes on with it.
    """
    for part in prange((stress.shape[1] + SLICE - 1) // SLICE):
        begin = part * SLICE
        fold_slice(first, stress, pools, begin, min(begin + SLICE, stress.shape[1]), pool_loss, short)
