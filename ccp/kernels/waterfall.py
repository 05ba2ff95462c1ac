"""The waterfall over many paths at once: losses and default flags in, draws by tier and members' bills out.

The rules are those of the plan, which the exact engine reads as well. Amounts are whole cents here too and tiers are
drawn in whole numbers; only shares are taken in floating point, so parts used pari passu and members' bills agree with
the exact engine to a cent or two. Arithmetic: docs/waterfall.md.
"""

from typing import NamedTuple

import numpy as np

from ccp.kernels.engine import kernel, parallel_kernel, prange
from ccp.kernels.plan_arrays import (
    AUCTION,
    CALLED,
    GAINS,
    HAIRCUTS,
    LUMP,
    OFFERED,
    OWN_FUND,
    PLEDGED,
    REST,
    SEGMENTS_FIRST,
)
from ccp.types import Cents, Flags, Index, Vector

CHUNK = 256
"""Paths whose defaulters are gathered at a time; a multiple of eight."""
SLICE = 16
"""Chunks that one thread runs with the same working arrays."""
TABLED = 4
"""Up to so many defaulting groups capacities are looked up, not added up anew."""


BYTE_KEY = 19
"""The first bits of the eight bytes of a word leave eight different remainders by this number."""


class PathArrays(NamedTuple):
    """What happens on the paths. `loss`, `margin` and `segment_loss` in units of the currency, the rest in cents.

    `loss` is path x group; `margin` likewise, or one row for all paths. `flags` says who is in default, path after
    path in one line, and `flag_words` is the same memory, eight flags a number. `claims` (path x member, or
    one row for all) is what haircuts may cut. `offered`, `unable` and `auction` are by member, as in an event.
    `segment_loss` is path x segment, or one row; `segment_weight` segment x member. No segments: no rows there.
    """

    loss: Vector
    margin: Vector
    flags: Flags
    flag_words: Index
    claims: Cents
    offered: Cents
    unable: Flags
    auction: Index
    segment_loss: Vector
    segment_weight: Vector


class Desk(NamedTuple):
    """One thread's working arrays. `byte_of`: see `byte_places`.

    Of a chunk of paths: where each path's defaulters begin, their groups and losses; what is owed by path, and which
    paths still owe; capacity by part and path; what haircuts took by path and member. Of one path, by member: the most
    each may pay, its weight, what it pays of a part, a sleeve.
    """

    byte_of: Index
    begin: Index
    defaulter: Index
    lost: Vector
    owed: Cents
    active: Index
    capacity: Cents
    cut: Cents
    limit: Cents
    weight: Vector
    paid: Cents
    sleeve: Cents


@kernel
def byte_places():
    """Which byte of a word a lone first bit stands in, by its remainder."""
    places, bit = np.zeros(BYTE_KEY, dtype=np.int64), 1
    for byte in range(8):
        places[bit % BYTE_KEY] = byte
        bit *= 256
    return places


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
    """The most a surviving member pays of a part."""
    source, limit = plan.source[part], 0
    if source == PLEDGED:
        limit = plan.each[part, member]
    elif source == CALLED and not paths.unable[member]:
        counted = defaults if plan.per_default[part] else 1
        limit = fraction_of(min(plan.each[part, member] * counted, plan.most[part, member]), plan.of[part])
    elif source == GAINS:
        limit = min(fraction_of(max(max(claim, 0) - cut, 0), plan.of[part]), plan.most[part, member])
    elif source == OFFERED:
        limit = paths.offered[member]
    elif source in HAIRCUTS:
        limit = fraction_of(max(max(claim, 0) - cut, 0), plan.of[part])
    return limit


@kernel
def is_tabled(part, plan, paths):
    """Whether what members may pay of a part is the same on every path, but for who defaults and how many do."""
    source = plan.source[part]
    ahead = 0
    for other in range(part):
        ahead += plan.source[other] in HAIRCUTS
    cut = source in HAIRCUTS and paths.claims.shape[0] == 1 and ahead == 0
    return source in (PLEDGED, CALLED, OFFERED) or cut


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
        elif tabled[part] and (end - begin <= TABLED or source != CALLED):
            row = min(end - begin, TABLED) - 1
            capacity = table[part, row, groups]
            for other in range(begin, end):
                capacity -= table[part, row, desk.defaulter[other]]
        else:
            capacity = fill_limits(first + place, place, part, end - begin, plan, paths, desk)
        desk.capacity[part, place] = min(capacity, size)


@kernel
def share_by_weight(amount, limit, weight, paid):
    """Add shares of an amount in proportion to weights, nobody beyond its limit; the last cents go to the first with
    room."""
    left = amount
    while left > 0:
        total, given = 0.0, 0
        for member in range(limit.shape[0]):
            if limit[member] > paid[member]:
                total += weight[member]
        if total <= 0.0:
            return
        for member in range(limit.shape[0]):
            if limit[member] > paid[member]:
                share = min(np.int64(left * (weight[member] / total)), limit[member] - paid[member], left - given)
                paid[member] += share
                given += share
        left -= given
        if left < limit.shape[0]:
            for member in range(limit.shape[0]):
                if left > 0 and limit[member] > paid[member] and weight[member] > 0:
                    paid[member] += 1
                    left -= 1


@kernel
def share_by_auction(amount, paths, desk):
    """Those who did not bid first, then those who lost, then those who won."""
    for rank in range(3):
        stand = 0
        for member in range(desk.limit.shape[0]):
            counts = paths.auction[member] == rank
            desk.weight[member] = desk.limit[member] if counts else 0
            desk.sleeve[member] = desk.limit[member] if counts else 0
            stand += desk.sleeve[member]
        part = min(amount, stand)
        share_by_weight(part, desk.sleeve, desk.weight, desk.paid)
        amount -= part


@kernel
def share_by_segments(path, amount, paths, desk):
    """Each segment's sleeves first; what is left by all in proportion to what is left of their limits."""
    row, segments = (path if paths.segment_loss.shape[0] > 1 else 0), paths.segment_loss.shape[1]
    whole, left = 0.0, amount
    for segment in range(segments):
        whole += paths.segment_loss[row, segment]
    for segment in range(segments):
        if whole > 0.0:
            part = min(np.int64(np.rint(amount * (paths.segment_loss[row, segment] / whole))), left)
            left -= share_in_segment(segment, part, paths, desk)
    for member in range(desk.limit.shape[0]):
        desk.weight[member] = desk.limit[member] - desk.paid[member]
    share_by_weight(left, desk.limit, desk.weight, desk.paid)


@kernel
def share_in_segment(segment, amount, paths, desk):
    """What a segment's sleeves pay of an amount. `sleeve` becomes what a member may have paid with this segment's in
    it."""
    stand = 0
    for member in range(desk.limit.shape[0]):
        weights = 0.0
        for one in range(paths.segment_weight.shape[0]):
            weights += paths.segment_weight[one, member]
        mine = 0.0 if weights == 0.0 else paths.segment_weight[segment, member] / weights
        size = min(np.int64(desk.limit[member] * mine), desk.limit[member] - desk.paid[member])
        desk.weight[member] = size
        desk.sleeve[member] = desk.paid[member] + size
        stand += size
    part = min(amount, stand)
    share_by_weight(part, desk.sleeve, desk.weight, desk.paid)
    return part


@kernel
def bill_members(path, place, part, defaults, amount, plan, paths, desk, bills):
    """Split what a part pays over the survivors; remember haircuts; add to the bills where they are asked for."""
    source = plan.source[part]
    fill_limits(path, place, part, defaults, plan, paths, desk)
    if plan.order[part] == AUCTION and source == PLEDGED:
        share_by_auction(amount, paths, desk)
    elif plan.order[part] == SEGMENTS_FIRST and source == PLEDGED and paths.segment_weight.shape[0] > 0:
        share_by_segments(path, amount, paths, desk)
    else:
        share_by_weight(amount, desk.limit, desk.weight, desk.paid)
    for member in range(desk.paid.shape[0]):
        if source in HAIRCUTS and desk.cut.shape[0] > 1:
            desk.cut[place, member] += desk.paid[member]
        if bills.shape[0] > 0:
            bills[path, member] += desk.paid[member]


@kernel
def share_parts(first, count, begin, end, desk, draws):
    """What each part of a tier pays, on the paths that still owe something: in proportion to capacities, whole
    cents."""
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
            if split[part] and plan.source[part] != LUMP and plan.source[part] != REST:
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
    because haircuts that follow must know what they took from whom.
    """
    members, parts, groups = plan.member_group.shape[0], plan.source.shape[0], group_fund.shape[0]
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
