"""The waterfall over many paths at once: losses and default flags in, draws by tier and members' bills out.

The rules are those of the plan, which the exact engine reads as well. Amounts are whole cents here too and tiers are
drawn in whole numbers; only shares are taken in floating point, so parts used pari passu and members' bills agree with
the exact engine to a few cents. Arithmetic: docs/reference/waterfall.md.
"""

import numpy as np

from ccp.kernels.engine.numba_door import kernel, parallel_kernel, prange
from ccp.kernels.waterfall.capacities import fill_capacities, is_tabled, is_unknown, tabled_capacities
from ccp.kernels.waterfall.defaulters import defaulters_pay, gather_defaulters
from ccp.kernels.waterfall.path_arrays import CHUNK, Desk, byte_places
from ccp.kernels.waterfall.plan_arrays import OWN_FUND, REST, SIZED
from ccp.kernels.waterfall.shares import bill_members

SLICE = 16
"""Chunks that one thread runs with the same working arrays."""


@kernel
def still_owing(count, desk):
    """Keep the paths that still owe something; how many they are."""
    kept = 0
    for one in range(count):
        place = desk.active[one]
        desk.active[kept] = place
        kept += desk.owed[place] > 0
    return kept


@kernel
def share_parts(first, count, begin, end, desk, draws):
    """What each part of a tier pays on the paths that still owe: whole cents, in proportion to capacities."""
    for one in range(count):
        place, total = desk.active[one], 0
        path = first + place
        for part in range(begin, end):
            total += desk.capacity[part, place]
        whole = min(desk.owed[place], total)
        left = whole
        for part in range(begin, end):
            share = left
            if end - begin > 1 and total > 0:
                share = np.int64(whole * (desk.capacity[part, place] / total))
            share = min(share, desk.capacity[part, place], left)
            draws[path, part] = share
            left -= share
        while left > 0:
            for part in range(begin, end):
                if left > 0 and draws[path, part] < desk.capacity[part, place]:
                    draws[path, part] += 1
                    left -= 1
        desk.owed[place] -= whole


@kernel
def run_chunk(first, last, plan, paths, minor, group_fund, tabled, table, split, desk, draws, bills):
    """Some paths down the tiers, tier by tier."""
    parts = plan.source.shape[0]
    gather_defaulters(first, last, paths, desk)
    defaulters_pay(first, last, parts, plan, paths, minor, group_fund, desk, draws)
    desk.cut[:] = 0
    begin = 2 if parts > 1 and plan.source[1] == OWN_FUND else 1
    for place in range(last - first):
        desk.active[place] = place
    count = still_owing(last - first, desk)
    while begin < parts and count > 0:
        end = begin + 1
        while end < parts and plan.place[end] == plan.place[begin]:
            end += 1
        for part in range(begin, end):
            fill_capacities(first, count, part, plan, paths, tabled, table, desk)
        share_parts(first, count, begin, end, desk, draws)
        for part in range(begin, end):
            if split[part] and plan.source[part] not in SIZED and plan.source[part] != REST:
                for one in range(count):
                    place = desk.active[one]
                    amount = draws[first + place, part]
                    if amount > 0:
                        defaults = desk.begin[place + 1] - desk.begin[place]
                        bill_members(first + place, place, part, defaults, amount, plan, paths, desk, bills)
        count = still_owing(count, desk)
        begin = end


@parallel_kernel
def run_paths(plan, paths, minor, group_fund, split, draws, bills):
    """Fill `draws` (path x part) and, where it has rows, `bills` (path x member), both in cents.

    `group_fund` is the contributions by group; `split` says of which parts members' shares are needed: for bills, or
    because haircuts that follow must know what they took from whom. Returns -1; or, with nothing drawn, the first part
    whose money has no branch in the kernel, which would otherwise pay nothing.
    """
    members, parts, groups = plan.member_group.shape[0], plan.source.shape[0], group_fund.shape[0]
    for part in range(2 if parts > 1 and plan.source[1] == OWN_FUND else 1, parts):
        if is_unknown(part, plan, paths):
            return part
    table = tabled_capacities(plan, paths, groups)
    tabled = np.zeros(parts, dtype=np.bool_)
    for part in range(parts):
        tabled[part] = is_tabled(part, plan, paths)
    for portion in prange((draws.shape[0] + CHUNK * SLICE - 1) // (CHUNK * SLICE)):
        desk = Desk(
            byte_places(),
            np.zeros(CHUNK + 1, dtype=np.int64),
            np.zeros(CHUNK * groups + 1, dtype=np.int64),
            np.zeros(CHUNK * groups + 1),
            np.zeros(CHUNK, dtype=np.int64),
            np.zeros(CHUNK, dtype=np.int64),
            np.zeros((parts, CHUNK), dtype=np.int64),
            np.zeros((CHUNK if split.any() else 1, members), dtype=np.int64),
            np.zeros(members, dtype=np.int64),
            np.zeros(members),
            np.zeros(members, dtype=np.int64),
            np.zeros(members, dtype=np.int64),
        )
        for chunk in range(SLICE):
            first = (portion * SLICE + chunk) * CHUNK
            last = min(first + CHUNK, draws.shape[0])
            if first < last:
                run_chunk(first, last, plan, paths, minor, group_fund, tabled, table, split, desk, draws, bills)
    return -1
