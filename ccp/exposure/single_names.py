"""A part of the book run through gaps of one factor at a time."""

import numpy as np

from ccp.book.portfolio import Part
from ccp.kernels.engine.numba_door import read_only
from ccp.kernels.exposure.single_names import NameArrays, fold_names
from ccp.kernels.exposure.windows import WindowPools, WindowSums
from ccp.types import Cents


def run_names(
    part: Part, arrays: NameArrays, pool_cost: Cents | None, counted: dict[str, Cents], minor: float
) -> dict[str, WindowSums]:
    """Members' sums in every candidate, for each way of counting a pool's margin.

    `pool_cost` is added to every loss of a pool; `counted` is pool x candidate, or pool x 1 where none moves it.
    """
    ways, pools = list(counted), len(part.pool_member)
    cost = np.zeros(pools, dtype=np.int64) if pool_cost is None else pool_cost
    held = (part.account_pool, part.pool_member, part.pool_house, cost)
    shape = (len(ways), len(part.member_group), len(arrays.name))
    sums = WindowSums(np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64))
    if len(part.account_pool):
        member = part.pool_member[part.account_pool]
        bounds = np.concatenate([[0], np.flatnonzero(np.diff(member)) + 1, [len(member)]]).astype(np.int64)
        both = read_only(WindowPools(*held, np.stack([counted[way] for way in ways])))
        fold_names(read_only(arrays), part.positions, bounds, minor, both, sums)
    return {way: WindowSums(*(one[place] for one in sums)) for place, way in enumerate(ways)}
