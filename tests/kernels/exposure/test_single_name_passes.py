"""Gaps of single names against a plain loop over accounts, pools and candidates, with many amounts on a half cent."""

import numpy as np
import pytest
from support import reference

from ccp.book.portfolio import Part
from ccp.exposure.single_names import run_names
from ccp.kernels.exposure import single_names as kernels
from ccp.kernels.exposure.single_names import NameArrays
from ccp.kernels.exposure.sweep import PositionArrays

NAMES, MOVES, ROWS, MEMBERS, POOLS, ACCOUNTS = 6, 3, 14, 4, 9, 20


def drawn(seed: int) -> tuple[Part, NameArrays, np.ndarray]:
    """A part, what it may lose, and the same as a column a candidate.

    Losses of a unit are in tenths of a cent and quantities whole, so that a sum in ten is exactly on a half cent, and
    which way it is rounded goes by the last bit.
    """
    rng = np.random.default_rng(seed)
    touches = [np.sort(rng.choice(NAMES, int(rng.integers(0, 4)), replace=False)) for _ in range(ROWS)]
    offset = np.concatenate([[0], np.cumsum([len(some) for some in touches])]).astype(np.int64)
    touching = np.concatenate(touches).astype(np.int64)
    unit = rng.integers(-9_000, 9_000, (ROWS, 1 + NAMES * MOVES)) / 1000.0  # every name has columns of its own
    first = 1 + np.arange(NAMES, dtype=np.int64) * MOVES
    candidate = np.full((NAMES, MOVES), -1, dtype=np.int64)
    pairs = [(name, move) for name in range(NAMES) for move in range(MOVES) if rng.random() < 0.8]
    for place, pair in enumerate(pairs):
        candidate[pair] = place
    columns = np.tile(unit[:, :1], (1, len(pairs)))
    for row, some in enumerate(touches):
        for place, (name, move) in enumerate(pairs):
            if name in some:
                columns[row, place] = unit[row, first[name] + move]
    name, move = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    arrays = NameArrays(unit[:, 0].copy(), unit, first, offset, touching, candidate, name, move)
    held = [np.sort(rng.choice(ROWS, int(rng.integers(0, 9)), replace=False)) for _ in range(ACCOUNTS)]
    quantity = [rng.integers(-3, 4, len(some)).astype(np.float64) for some in held]
    positions = PositionArrays(
        np.concatenate([[0], np.cumsum([len(some) for some in held])]).astype(np.int64),
        np.concatenate(held).astype(np.int32),
        np.concatenate(quantity),
    )
    for one in positions:
        one.flags.writeable = False
    account_pool = np.sort(np.concatenate([np.arange(POOLS), rng.integers(0, POOLS, ACCOUNTS - POOLS)]))
    pool_member = np.sort(rng.integers(0, MEMBERS, POOLS))
    part = Part(
        positions,
        account_pool,
        pool_member,
        rng.random(POOLS) < 0.5,
        np.arange(MEMBERS),
        np.full(ACCOUNTS, -1, dtype=np.int64),
    )
    return part, arrays, columns


@pytest.mark.parametrize("moves", [False, True], ids=["fixed margin", "margin that moves"])
@pytest.mark.parametrize("seed", range(30))
def test_one_pass_is_a_plain_loop(seed: int, moves: bool) -> None:
    part, arrays, columns = drawn(seed)
    rng, count = np.random.default_rng([seed, 1]), columns.shape[1]
    cost = rng.integers(0, 300, POOLS)
    counted = {way: rng.integers(0, 3_000, (POOLS, count if moves else 1)) for way in ("required", "held")}
    found = run_names(part, arrays, cost, counted, 100.0)
    cube = reference.account_losses(columns, *part.positions, 100.0)
    for way, margin in counted.items():
        left = np.zeros((MEMBERS, count), dtype=np.int64)
        short = np.zeros((MEMBERS, count), dtype=np.int64)
        for pool in range(POOLS):
            for place in range(count):
                loss = sum(cube[account][place] for account in range(ACCOUNTS) if part.account_pool[account] == pool)
                rest = int(margin[pool, place if moves else 0]) - loss - int(cost[pool])
                if part.pool_house[pool]:
                    left[part.pool_member[pool], place] += rest
                else:
                    short[part.pool_member[pool], place] += max(-rest, 0)
        assert found[way].house_left.tolist() == left.tolist()
        assert found[way].client_short.tolist() == short.tolist()


def test_a_sum_that_may_round_either_way_is_done_in_the_order_of_its_positions() -> None:
    """0.1 and 0.2 and -0.295 are half a cent, but for the last bit: added from the first on they come to a little more
    than that, and as the change from what nothing moves costs, -0.3, 0.305 more, to another sum."""
    part, arrays, _ = drawn(0)
    plain = 0.1 + 0.2 - 0.295
    assert plain != 0.005
    still, unit = np.array([0.1, 0.2, -0.6]), np.array([[0.1, 0.1], [0.2, 0.2], [-0.6, -0.295]])
    one = np.zeros(1, dtype=np.int64)
    arrays = NameArrays(still, unit, one + 1, np.array([0, 0, 0, 1]), one, np.zeros((1, 1), dtype=np.int64), one, one)
    positions = PositionArrays(np.array([0, 3]), np.arange(3, dtype=np.int32), np.ones(3))
    for array in positions:
        array.flags.writeable = False
    zero = np.zeros(1, dtype=np.int64)
    part = Part(positions, zero, zero, np.ones(1, dtype=bool), zero, zero - 1)
    found = run_names(part, arrays, None, {"required": np.zeros((1, 1), dtype=np.int64)}, 100.0)["required"]
    assert found.house_left.tolist() == [[-round(plain * 100)]]
    assert np.finfo(float).eps / 2 == kernels.ROUNDING
