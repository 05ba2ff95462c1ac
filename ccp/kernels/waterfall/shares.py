"""How an amount is split over the survivors of a path. Shares in floating point, sums in whole cents."""

import numpy as np

from ccp.kernels.engine.numba_door import kernel
from ccp.kernels.waterfall.capacities import fill_limits
from ccp.kernels.waterfall.plan_arrays import AUCTION, HAIRCUTS, PLEDGED, SEGMENTS_FIRST


@kernel
def share_by_weight(amount, limit, weight, paid):
    """Add shares of an amount by weight, nobody beyond its limit; the last cents go to the first with room."""
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
