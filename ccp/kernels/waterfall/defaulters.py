"""The defaulters of many paths: who they are, what they lose, and what their own margin and contributions pay of it."""

import numpy as np

from ccp.kernels.engine.numba_door import kernel
from ccp.kernels.waterfall.path_arrays import BYTE_KEY
from ccp.kernels.waterfall.plan_arrays import OWN_FUND


@kernel
def gather_defaulters(first, last, paths, desk):
    """Gather the groups that default on some paths: where each path's begin, which they are, and what they lose.

    Flags are looked at eight at a time, and most eights are empty. Losses are read in a loop of their own: they lie far
    apart, and the processor then waits for many at once.
    """
    groups, count, path = paths.loss.shape[1], 0, first
    words = last * groups // 8
    desk.begin[0] = 0
    for place in range(first * groups // 8, words):
        word = paths.flag_words[place]
        while word != 0:
            flag = place * 8 + desk.byte_of[(word & -word) % BYTE_KEY]
            word &= word - 1
            path = begin_paths(path, flag // groups, first, count, desk)
            desk.defaulter[count] = flag - path * groups
            count += 1
    for flag in range(words * 8, last * groups):
        if paths.flags[flag]:
            path = begin_paths(path, flag // groups, first, count, desk)
            desk.defaulter[count] = flag - path * groups
            count += 1
    begin_paths(path, last, first, count, desk)
    for path in range(first, last):
        for place in range(desk.begin[path - first], desk.begin[path - first + 1]):
            desk.lost[place] = paths.loss[path, desk.defaulter[place]]


@kernel
def begin_paths(path, reached, first, count, desk):
    """Note where the defaulters of the paths up to the one that is reached begin."""
    while path < reached:
        path += 1
        desk.begin[path - first] = count
    return path


@kernel
def defaulters_pay(first, last, parts, plan, paths, minor, group_fund, desk, draws):
    """What the defaulters' margin and contributions pay on some paths, and what is owed then."""
    fund_part = 1 if parts > 1 and plan.source[1] == OWN_FUND else -1
    for path in range(first, last):
        loss, margin, fund, rest, left = 0, 0, 0, 0, 0
        row = path if paths.margin.shape[0] > 1 else 0
        for place in range(desk.begin[path - first], desk.begin[path - first + 1]):
            group = desk.defaulter[place]
            lost = np.int64(np.rint(desk.lost[place] * minor))
            over = max(lost - np.int64(np.rint(paths.margin[row, group] * minor)), 0)
            own = min(over, group_fund[group])
            loss += lost
            margin += lost - over
            fund += own
            rest += over - own
            left += group_fund[group] - own
        if plan.unused_shared:
            fund += min(rest, left)
        draws[path, 0] = margin
        if fund_part > 0:
            draws[path, fund_part] = fund
            margin += fund
        desk.owed[path - first] = loss - margin
