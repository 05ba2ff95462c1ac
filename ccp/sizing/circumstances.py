"""What an event of a book knows beyond losses: gains, matched contracts, product classes, as far as tiers ask for
them."""

from collections.abc import Callable

from ccp.kernels.waterfall.plan_arrays import HAIRCUTS, MATCHED, SEGMENTS_FIRST
from ccp.stress.claims import Sides, by_product_class, matched_claims
from ccp.stress.measure import Measured
from ccp.waterfall.event import Circumstances
from ccp.waterfall.plan import Plan


def circumstances(
    measured: Measured, plan: Plan, scenario: int, groups: tuple[int, ...], sides: Callable[[], Sides]
) -> Circumstances:
    """What the plan's tiers need to know of the default of some groups in a scenario.

    `sides` gives what members hold, where it is needed: it is the same for all events of a book. A close-out is one
    day of gains. A book says nothing of auctions, offers, or of who will not answer a call.
    """
    sources = set(plan.arrays.source.tolist())
    gains = measured.gains[:, scenario][None, :] if sources & set(HAIRCUTS) else None
    matched = matched_claims(measured, sides(), scenario, groups) if MATCHED in sources else None
    loss = weight = None
    if (plan.arrays.order == SEGMENTS_FIRST).any():
        loss, weight = by_product_class(measured, sides(), scenario, groups)
    return Circumstances(gains=gains, matched=matched, segment_loss=loss, segment_weight=weight)
