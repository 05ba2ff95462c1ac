"""Gaps of one factor at a time over a book: one pass over what is held, from positions to members' sums, in cents.

A candidate is a name and a move. An account that holds nothing of a name loses what it loses where nothing moves, so
that an account is looked at once for the names that what it holds depends on, and for no other.
"""

from typing import NamedTuple

import numpy as np

from ccp.kernels.engine.numba_door import fused_kernel, kernel, parallel_kernel, prange
from ccp.kernels.exposure.portfolio_losses import in_minor
from ccp.kernels.exposure.sweep import sum_column
from ccp.types import Index, InstrumentByScenario, Vector

ROUNDING = 2.0**-53
"""What one operation on floating-point numbers may be off by, as a share of its result."""


class NameArrays(NamedTuple):
    """What one long unit loses, by row of the cube, and which names it depends on.

    `still` (row) is the loss where nothing moves; `unit` (row x column) that in further scenarios, of which those of a
    name begin at `first` (name), a column a move. Row r depends on the names `touching[offset[r]]` to before
    `touching[offset[r + 1]]`. `candidate` (name x move) is the place of a candidate among those that are run, -1 of
    none; `name` and `move` are theirs.
    """

    still: Vector
    unit: InstrumentByScenario
    first: Index
    offset: Index
    touching: Index
    candidate: Index
    name: Index
    move: Index


class NameChanges(NamedTuple):
    """What is added up of an account, by name and move: how much more than `still` it loses, and the size of all that
    was added. `pool` are the pool's cents more so far. `seen` and `in_pool` (name) say which names the account and the
    pool depend on, `names` and `pool_names` list them."""

    more: np.ndarray
    size: np.ndarray
    pool: np.ndarray
    seen: np.ndarray
    in_pool: np.ndarray
    names: Index
    pool_names: Index


@fused_kernel
def moved_sum(arrays, positions, account, name, column):
    """What an account loses in one candidate: the sum over its positions, in their order, as `sum_column` has it."""
    total = 0.0
    for entry in range(positions.offset[account], positions.offset[account + 1]):
        row = positions.instrument[entry]
        value = arrays.still[row]
        for place in range(arrays.offset[row], arrays.offset[row + 1]):
            if arrays.touching[place] == name:
                value = arrays.unit[row, column]
        total += positions.quantity[entry] * value
    return total


@kernel
def add_changes(arrays, positions, account, changes):
    """Add up what each name's moves change for an account. Returns the size of all that it loses where nothing moves,
    and how many names were seen."""
    whole, seen = 0.0, 0
    for entry in range(positions.offset[account], positions.offset[account + 1]):
        row, quantity = positions.instrument[entry], positions.quantity[entry]
        still = arrays.still[row]
        whole += abs(quantity * still)
        for place in range(arrays.offset[row], arrays.offset[row + 1]):
            name = arrays.touching[place]
            if not changes.seen[name]:
                changes.seen[name], changes.names[seen] = True, name
                changes.more[name], changes.size[name] = 0.0, 0.0
                seen += 1
            for move in range(changes.more.shape[1]):
                moved = arrays.unit[row, arrays.first[name] + move]
                changes.more[name, move] += quantity * (moved - still)
                changes.size[name, move] += abs(quantity) * (abs(moved) + abs(still))
    return whole, seen


@kernel
def fold_account(arrays, positions, account, minor, changes, pool_seen):
    """Add an account to the running changes of its pool. Returns its cents where nothing moves, and how many names the
    pool depends on so far.

    An amount is near a half cent where the most that two sums of the same terms can differ by decides how it is
    rounded: then the sum is done in the order of the positions. So every amount is that of a column of the cube.
    """
    whole, seen = add_changes(arrays, positions, account, changes)
    loss = sum_column(arrays.still, positions, account)
    entries = positions.offset[account + 1] - positions.offset[account]
    cents = in_minor(loss, minor)
    for number in range(seen):
        name = changes.names[number]
        changes.seen[name] = False
        if not changes.in_pool[name]:
            changes.in_pool[name], changes.pool_names[pool_seen] = True, name
            pool_seen += 1
        for move in range(changes.more.shape[1]):
            if arrays.candidate[name, move] >= 0:
                found = loss + changes.more[name, move]
                most = (4.0 * entries + 16.0) * ROUNDING * (whole + changes.size[name, move])
                moved = in_minor(found - most, minor)
                if moved != in_minor(found + most, minor):
                    moved = in_minor(moved_sum(arrays, positions, account, name, arrays.first[name] + move), minor)
                changes.pool[name, move] += moved - cents
    return cents, pool_seen


@kernel
def close_still(way, pool, loss, arrays, pools, changes, pool_seen, sums, rest):
    """Add a pool whose margin no candidate moves: `rest` (kind x way) has its member's sums where nothing moves."""
    member, left = pools.member[pool], pools.counted[way, pool, 0] - loss - pools.cost[pool]
    short = 0 if pools.house[pool] else max(-left, 0)
    rest[0, way] += left if pools.house[pool] else 0
    rest[1, way] += short
    for number in range(pool_seen):
        name = changes.pool_names[number]
        for move in range(changes.pool.shape[1]):
            place, more = arrays.candidate[name, move], changes.pool[name, move]
            if place >= 0 and pools.house[pool]:
                sums.house_left[way, member, place] -= more
            elif place >= 0:
                sums.client_short[way, member, place] += max(more - left, 0) - short


@kernel
def close_moved(way, pool, loss, arrays, pools, changes, sums):
    """Add a pool whose margin candidates move."""
    member = pools.member[pool]
    for place in range(arrays.name.shape[0]):
        more = changes.pool[arrays.name[place], arrays.move[place]]
        left = pools.counted[way, pool, place] - loss - more - pools.cost[pool]
        if pools.house[pool]:
            sums.house_left[way, member, place] += left
        else:
            sums.client_short[way, member, place] += max(-left, 0)


@kernel
def close_pool(pool, loss, arrays, pools, changes, pool_seen, sums, rest):
    """Add a whole pool to its member by every way, and clear its changes for the next."""
    for way in range(pools.counted.shape[0]):
        if pools.counted.shape[2] > 1:
            close_moved(way, pool, loss, arrays, pools, changes, sums)
        else:
            close_still(way, pool, loss, arrays, pools, changes, pool_seen, sums, rest)
    for number in range(pool_seen):
        name = changes.pool_names[number]
        changes.in_pool[name] = False
        changes.pool[name] = 0


@kernel
def fold_member(first, last, arrays, positions, minor, pools, changes, sums):
    """Add the accounts from `first` to before `last`, all those of a member."""
    rest = np.zeros((2, pools.counted.shape[0]), dtype=np.int64)
    loss, pool_seen = 0, 0
    for account in range(first, last):
        cents, pool_seen = fold_account(arrays, positions, account, minor, changes, pool_seen)
        loss += cents
        pool = pools.account_pool[account]
        if account + 1 == last or pools.account_pool[account + 1] != pool:
            close_pool(pool, loss, arrays, pools, changes, pool_seen, sums, rest)
            loss, pool_seen = 0, 0
    member = pools.member[pools.account_pool[first]]
    for way in range(rest.shape[1]):
        sums.house_left[way, member] += rest[0, way]
        sums.client_short[way, member] += rest[1, way]


@parallel_kernel
def fold_names(arrays, positions, bounds, minor, pools, sums):
    """Run a part's accounts, in order of pool, through all candidates, into `sums` (`WindowSums` by way).

    A thread takes a member at a time: its accounts are those from `bounds[b]` to before `bounds[b + 1]`, and what it
    adds up nobody else touches.
    """
    names, moves = arrays.candidate.shape
    for b in prange(bounds.shape[0] - 1):
        changes = NameChanges(
            np.zeros((names, moves)),
            np.zeros((names, moves)),
            np.zeros((names, moves), dtype=np.int64),
            np.zeros(names, dtype=np.bool_),
            np.zeros(names, dtype=np.bool_),
            np.zeros(names, dtype=np.int64),
            np.zeros(names, dtype=np.int64),
        )
        fold_member(bounds[b], bounds[b + 1], arrays, positions, minor, pools, changes, sums)
