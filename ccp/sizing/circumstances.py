"""What an event of a book knows beyond losses: gains, matched contracts, product classes, as far as tiers ask for
them."""

from collections.abc import Callable
from dataclasses import replace

from ccp.kernels.waterfall.plan_arrays import HAIRCUTS, MATCHED, SEGMENTS_FIRST
from ccp.stress.claims import Sides, by_product_class, matched_claims, variation_and_contracts
from ccp.stress.measure import Measured
from ccp.waterfall.event import Circumstances, Claimants
from ccp.waterfall.plan import Plan


def asks_for_sides(plan: Plan) -> bool:
    """Whether tiers ask what members hold, long and short apart."""
    return bool((plan.arrays.source == MATCHED).any() or (plan.arrays.order == SEGMENTS_FIRST).any())


def circumstances(
    measured: Measured, plan: Plan, scenario: int, groups: tuple[int, ...], sides: Callable[[], Sides]
) -> Circumstances:
    """What the plan's tiers need to know of the default of some groups in a scenario, but for claims.

    `sides` gives what members hold, where it is needed: it is the same for all events of a book. A book says nothing of
    auctions, offers, or of who will not answer a call.
    """
    loss = weight = None
    if (plan.arrays.order == SEGMENTS_FIRST).any():
        loss, weight = by_product_class(measured, sides(), scenario, groups)
    return Circumstances(segment_loss=loss, segment_weight=weight)


def with_claims(
    known: Circumstances,
    measured: Measured,
    plan: Plan,
    scenario: int,
    groups: tuple[int, ...],
    sides: Callable[[], Sides],
) -> Circumstances:
    """The circumstances with the claims of all pools, where a tier may cut them. A close-out is one day of gains.

    Nobody pays a premium or exercises between the default and the close-out, so that variation is all that is owed.
    """
    sources, portfolio = set(plan.arrays.source.tolist()), measured.portfolio
    if not sources & set(HAIRCUTS):
        return known
    variation, contracts = variation_and_contracts(measured, scenario, groups)
    return replace(
        known,
        gains=variation[None, :] * ("variation" in measured.rules.counted_gains),
        contracts=contracts,
        matched=matched_claims(measured, sides(), scenario, groups) if MATCHED in sources else None,
        payouts=variation,
        claimants=Claimants(portfolio.pool_member, portfolio.pool_house),
    )
