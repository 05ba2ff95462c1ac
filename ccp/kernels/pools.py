"""From accounts to pools to members: what a pool's own margin does not cover, scenario by scenario, in cents.

Everything here is whole numbers, so the sums are exact and their order does not matter.
"""

from typing import NamedTuple

from ccp.kernels.engine import kernel
from ccp.types import Cents, Flags, Index, MemberByScenario

REQUIRED, HELD, SMALLER = 0, 1, 2
"""What counts as a pool's margin: the requirement, the collateral held, or the smaller of the two."""


class PoolArrays(NamedTuple):
    """Per account its pool; per pool its member, whether it is a house pool, and the collateral held."""

    account_pool: Index
    member: Index
    house: Flags
    held: Cents


class Shortfalls(NamedTuple):
    """Member x scenario, in cents. `loss` is the sum of the pools' losses, gains not counted."""

    loss: MemberByScenario
    house_short: MemberByScenario
    house_surplus: MemberByScenario
    client_short: MemberByScenario


@kernel
def counted_margin(required, held, resources):
    """The margin that counts against a pool's loss."""
    if resources == REQUIRED:
        return required
    if resources == HELD:
        return held
    return min(required, held)


@kernel
def close_pool(pool, pools, pool_loss, margin, short):
    """Add one whole pool's result to its member, and clear the running loss for the next pool."""
    member = pools.member[pool]
    for s in range(pool_loss.shape[0]):
        loss = pool_loss[s]
        pool_loss[s] = 0
        short.loss[member, s] += max(loss, 0)
        if pools.house[pool]:
            short.house_short[member, s] += max(loss - margin, 0)
            short.house_surplus[member, s] += max(margin - loss, 0)
        else:
            short.client_short[member, s] += max(loss - margin, 0)


@kernel
def fold_accounts(first, margin, stress, pools, resources, pool_margin, pool_loss, short):
    """Fold a block of accounts, in order of pool, into `pool_margin` (pool) and `short` (member x scenario).

    `margin` and `stress` belong to the accounts from `first` on. A pool that does not end in this block stays
    in `pool_loss` (scenario) until the next block goes on with it.
    """
    accounts = pools.account_pool.shape[0]
    for place in range(margin.shape[0]):
        account = first + place
        pool = pools.account_pool[account]
        pool_margin[pool] += margin[place]
        for s in range(stress.shape[1]):
            pool_loss[s] += stress[place, s]
        if account + 1 == accounts or pools.account_pool[account + 1] != pool:
            counted = counted_margin(pool_margin[pool], pools.held[pool], resources)
            close_pool(pool, pools, pool_loss, counted, short)
