"""What survivors can pay on many paths: looked up where no path changes it, else added up member by member."""

import numpy as np

from ccp.kernels.engine.numba_door import kernel
from ccp.kernels.waterfall.path_arrays import TABLED
from ccp.kernels.waterfall.plan_arrays import CALLED, GAINS, HAIRCUTS, LUMP, OFFERED, PER_DEFAULTER, PLEDGED, REST

UNKNOWN = -1
"""The limit of a member in a part whose code has no branch here; no other limit is below zero."""


@kernel
def fraction_of(amount, of):
    """A fraction of an amount, rounded down; exact but for amounts whose product leaves 64 bits."""
    if of[0] == of[1]:
        return amount
    if amount < 2**62 // max(of[0], 1):
        return amount * of[0] // of[1]
    return np.int64(amount * (of[0] / of[1]))


@kernel
def member_limit(part, member, defaults, claim, cut, plan, paths):
    """The most a surviving member pays of a part; of an amount for each defaulter, that of this member."""
    source, limit = plan.source[part], 0
    if source in (PLEDGED, PER_DEFAULTER):
        limit = plan.each[part, member]
    elif source == CALLED:
        counted = 0 if paths.unable[member] else defaults if plan.per_default[part] else 1
        limit = fraction_of(min(plan.each[part, member] * counted, plan.most[part, member]), plan.of[part])
    elif source == GAINS:
        limit = min(fraction_of(max(max(claim, 0) - cut, 0), plan.of[part]), plan.most[part, member])
    elif source == OFFERED:
        limit = paths.offered[member]
    elif source in HAIRCUTS:
        limit = fraction_of(max(max(claim, 0) - cut, 0), plan.of[part])
    else:
        limit = UNKNOWN
    return limit


@kernel
def is_unknown(part, plan, paths):
    """Whether nothing here says what a part behind the defaulters' own money can pay."""
    source = plan.source[part]
    if source in (LUMP, REST, PER_DEFAULTER) or plan.member_group.shape[0] == 0:
        return False
    return member_limit(part, 0, 1, 0, 0, plan, paths) == UNKNOWN


@kernel
def is_tabled(part, plan, paths):
    """Whether what members may pay of a part is the same on every path, but for who defaults and how many do."""
    source = plan.source[part]
    ahead = 0
    for other in range(part):
        ahead += plan.source[other] in HAIRCUTS
    cut = source in HAIRCUTS and paths.claims.shape[0] == 1 and ahead == 0
    return source in (PLEDGED, CALLED, OFFERED, PER_DEFAULTER) or cut


@kernel
def tabled_capacities(plan, paths, groups):
    """What groups may pay, by part, number of defaults (from 1) and group; the last column is the sum."""
    table = np.zeros((plan.source.shape[0], TABLED, groups + 1), dtype=np.int64)
    for part in range(plan.source.shape[0]):
        if is_tabled(part, plan, paths):
            for count in range(TABLED):
                for member in range(plan.member_group.shape[0]):
                    limit = member_limit(part, member, count + 1, paths.claims[0, member], 0, plan, paths)
                    table[part, count, plan.member_group[member]] += limit
                    table[part, count, groups] += limit
    return table


@kernel
def fill_limits(path, place, part, defaults, plan, paths, desk):
    """Every survivor's limit and weight in a part; the sum of the limits."""
    row, total = (path if paths.claims.shape[0] > 1 else 0), 0
    base, cut = path * paths.loss.shape[1], place if desk.cut.shape[0] > 1 else 0
    for member in range(plan.member_group.shape[0]):
        claim = paths.claims[row, member]
        limit = 0
        if not paths.flags[base + plan.member_group[member]]:
            limit = member_limit(part, member, defaults, claim, desk.cut[cut, member], plan, paths)
        desk.limit[member] = limit
        gain = max(max(claim, 0) - desk.cut[cut, member], 0)
        desk.weight[member] = gain if plan.source[part] == GAINS else limit
        desk.paid[member] = 0
        total += limit
    return total


@kernel
def of_defaulters(part, begin, end, table, desk):
    """What a part has for the groups that default on a path."""
    total = 0
    for place in range(begin, end):
        total += table[part, 0, desk.defaulter[place]]
    return total


@kernel
def fill_capacities(first, count, part, plan, paths, tabled, table, desk):
    """What a part can pay on the paths that still owe something."""
    source, size, groups = plan.source[part], plan.size[part], table.shape[2] - 1
    for one in range(count):
        place = desk.active[one]
        begin, end = desk.begin[place], desk.begin[place + 1]
        if source == LUMP:
            capacity = size
        elif source == REST:
            capacity = desk.owed[place]
        elif source == PER_DEFAULTER:
            capacity = of_defaulters(part, begin, end, table, desk)
        elif tabled[part] and (end - begin <= TABLED or source != CALLED):
            row = min(end - begin, TABLED) - 1
            capacity = table[part, row, groups]
            for other in range(begin, end):
                capacity -= table[part, row, desk.defaulter[other]]
        else:
            capacity = fill_limits(first + place, place, part, end - begin, plan, paths, desk)
        desk.capacity[part, place] = min(capacity, size)
