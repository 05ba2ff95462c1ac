"""One small function for each kind of money, all with one signature: plan, tier and state in; what it offers out.

An offer says what the tier has, what of it can be used now, and how an amount is split over its payers. Amounts are
Python integers, in cents: exact at any size. The arithmetic is docs/reference/waterfall.md, sections 2 to 4.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

import ccp.kernels.waterfall.plan_arrays as codes
from ccp.money import scaled_down, share_out, share_within
from ccp.types import Cents
from ccp.waterfall.event import Event
from ccp.waterfall.plan import Plan, PlannedTier
from ccp.waterfall.split import Split, split_by_auction, split_by_segments, split_pro_rata

Paid = dict[int | None, int]


class StillOwed:
    """What is still owed, by defaulting member until the others have to pay, and in all.

    `cut` is what haircuts took from each claimant so far.
    """

    def __init__(self, plan: Plan, event: Event):
        in_default = plan.roster.inside(event.defaulters) & ~plan.away
        self.event = event
        self.defaulting = np.flatnonzero(in_default).tolist()
        self.surviving = np.flatnonzero(~in_default & ~plan.away)
        self.owed_by = {member: int(event.loss[member]) for member in self.defaulting}
        self.owed = sum(self.owed_by.values())
        before, self.claimants = event.circumstances.cut, event.claimants
        self.cut = np.zeros(len(self.claimants.member), dtype=np.int64) if before is None else before.copy()


@dataclass(frozen=True)
class Offer:
    """What a tier has; what can be used of it; how an amount is split: payments, and whose were rounded up; of a
    haircut by claimant what is left of its claims."""

    available: int
    usable: int
    split: Callable[[int], tuple[Paid, frozenset[int]]]
    weights: dict[int, int] = field(default_factory=dict)
    claims: Cents | None = None


def defaulter_margin(plan: Plan, tier: PlannedTier, state: StillOwed) -> Offer:
    """Each defaulter's margin pays for its own pools, and is taken off `state.owed_by` at once.

    What a pool may pay for is settled in `ccp.stress`.

    The house pool's gain may pay for clients beside its margin, so more can be paid than margin alone holds.
    """
    event, paid = state.event, {}
    for member in state.defaulting:
        left = int(event.over_margin[member])
        paid[member] = state.owed_by[member] - left
        state.owed_by[member] = left
    margin, usable = sum(int(event.margin[member]) for member in state.defaulting), sum(paid.values())
    return Offer(max(margin, usable), usable, lambda amount: (paid, frozenset()))


def defaulter_fund(plan: Plan, tier: PlannedTier, state: StillOwed) -> Offer:
    """Each defaulting group's contributions pay for that group, and are taken off `state.owed_by` at once: a member's
    for itself, then for its affiliates.

    Where the rulebook shares unused contributions, what a group leaves over pays for the other groups too.
    """
    left = {member: int(plan.contributions[member]) for member in state.defaulting}
    available = sum(left.values())
    paid: Paid = dict.fromkeys(state.defaulting, 0)
    circles = [[member] for member in state.defaulting]
    circles += [
        [member for member in state.defaulting if plan.member_group[member] == group]
        for group in sorted(state.event.defaulters)
    ]
    if plan.unused_contribution_shared:
        circles.append(state.defaulting)
    for circle in circles:
        _pay_within(circle, state.owed_by, left, paid)
    return Offer(available, sum(paid.values()), lambda amount: (paid, frozenset()))


def _pay_within(circle: list[int], owed_by: dict[int, int], left: dict[int, int], paid: Paid) -> None:
    """Let a circle's contributions pay what it owes, each in proportion. Changes `owed_by`, `left`
    and `paid`."""
    amount = min(sum(owed_by[member] for member in circle), sum(left[member] for member in circle))
    if amount == 0:
        return
    givers = share_out(amount, [left[member] for member in circle])
    takers = share_out(amount, [owed_by[member] for member in circle])
    for member, given, taken in zip(circle, givers, takers, strict=True):
        left[member] -= given
        paid[member] += given
        owed_by[member] -= taken


def lump(plan: Plan, tier: PlannedTier, state: StillOwed) -> Offer:
    """An amount of its own: the clearing house's capital or equity, an insurer's or the parent's money."""
    size = int(plan.arrays.size[tier.row])
    return Offer(size, size, lambda amount: ({None: amount}, frozenset()))


def lump_per_defaulter(plan: Plan, tier: PlannedTier, state: StillOwed) -> Offer:
    """An amount for each member that defaults, up to a size in all: for example what the defaulters' parents owe."""
    size = min(int(plan.arrays.each[tier.row][state.defaulting].sum()), int(plan.arrays.size[tier.row]))
    return Offer(size, size, lambda amount: ({None: amount}, frozenset()))


def survivors_fund(plan: Plan, tier: PlannedTier, state: StillOwed) -> Offer:
    """The survivors pay out of their contributions, never more than those. Affiliates of a defaulter are in default
    with it, so they are no survivors."""
    stands, event = plan.arrays.each[tier.row][state.surviving], state.event.circumstances
    order = plan.arrays.order[tier.row]
    if order == codes.SEGMENTS_FIRST and event.segment_loss is not None and event.segment_weight is not None:
        weights = event.segment_weight[:, state.surviving]
        loss = np.maximum(event.segment_loss, 0).tolist()
        return _of_survivors(
            plan, tier, state, stands, split=lambda a, caps: split_by_segments(a, caps, loss, weights.tolist())
        )
    if order == codes.AUCTION and event.auction is not None:
        ranks = event.auction[state.surviving].tolist()
        return _of_survivors(plan, tier, state, stands, split=lambda a, caps: split_by_auction(a, caps, ranks))
    return _of_survivors(plan, tier, state, stands)


def assessments(plan: Plan, tier: PlannedTier, state: StillOwed) -> Offer:
    """Survivors are called for more; those that cannot pay are not counted on."""
    row, arrays = tier.row, plan.arrays
    defaults = len({int(plan.member_group[member]) for member in state.defaulting}) if arrays.per_default[row] else 1
    call = np.minimum(arrays.each[row] * defaults, arrays.most[row])
    if state.event.circumstances.unable is not None:
        call = np.where(state.event.circumstances.unable, 0, call)
    return _of_survivors(plan, tier, state, _part(plan, tier, call)[state.surviving])


def gains_haircut(plan: Plan, tier: PlannedTier, state: StillOwed) -> Offer:
    """What survivors' pools have gained since the default is cut. Losers have no gains and pay in full."""
    claims = _left_of_claims(plan, tier, state)
    gains = state.claimants.by_member(claims, len(plan.members))
    limits = np.minimum(_part(plan, tier, gains), plan.arrays.most[tier.row])
    offer = _of_survivors(plan, tier, state, limits[state.surviving], gains[state.surviving].tolist())
    return replace(offer, claims=claims)


def remaining_claims(plan: Plan, tier: PlannedTier, state: StillOwed) -> Offer:
    """Tear-up and payout haircut: survivors' claims, less what other haircuts took from them."""
    claims = _left_of_claims(plan, tier, state)
    left = state.claimants.by_member(claims, len(plan.members))
    return replace(_of_survivors(plan, tier, state, _part(plan, tier, left)[state.surviving]), claims=claims)


def voluntary(plan: Plan, tier: PlannedTier, state: StillOwed) -> Offer:
    """What survivors offer."""
    offered = state.event.circumstances.offered
    nothing = np.zeros(len(state.surviving), dtype=np.int64)
    return _of_survivors(plan, tier, state, nothing if offered is None else np.maximum(offered, 0)[state.surviving])


def uncovered(plan: Plan, tier: PlannedTier, state: StillOwed) -> Offer:
    """What is left when every tier has paid."""
    return Offer(state.owed, state.owed, lambda amount: ({None: amount}, frozenset()))


def _left_of_claims(plan: Plan, tier: PlannedTier, state: StillOwed) -> Cents:
    """Positive claims, each claimant's for itself, less what haircuts took of them."""
    return np.maximum(np.maximum(claims_of(plan, tier, state.event), 0) - state.cut, 0)


def claims_of(plan: Plan, tier: PlannedTier, event: Event) -> Cents:
    """The claims, by claimant, that a haircut or a tear-up may cut."""
    known, source = event.circumstances, plan.arrays.source[tier.row]
    if source == codes.MATCHED:
        claims = known.matched
    elif source == codes.PAYOUTS and known.payouts is not None:
        claims = known.payouts
    elif source == codes.ALL_CLAIMS and known.contracts is not None:
        claims = known.contracts
    else:
        claims = None if known.gains is None else known.gains[: tier.days].sum(axis=0)
    return np.zeros(len(event.claimants.member), dtype=np.int64) if claims is None else claims


def cut_of(offer: Offer, state: StillOwed, paid: Paid) -> dict[int, int]:
    """What each claimant pays of its member's part of a haircut, in proportion to what is left of its claims."""
    if offer.claims is None or not any(paid.values()):
        return {}
    having, cut = np.flatnonzero(offer.claims > 0), dict[int, int]()
    having = having[np.argsort(state.claimants.member[having], kind="stable")]
    members, firsts = np.unique(state.claimants.member[having], return_index=True)
    for member, some in zip(members.tolist(), np.split(having, firsts[1:]), strict=True):
        shares = share_out(paid.get(member, 0), offer.claims[some].tolist())
        cut |= {claimant: share for claimant, share in zip(some.tolist(), shares, strict=True) if share}
    return cut


def _part(plan: Plan, tier: PlannedTier, amounts: Cents) -> Cents:
    """The tier's fraction of amounts, rounded down."""
    numerator, denominator = plan.arrays.of[tier.row].tolist()
    return amounts if numerator == denominator else scaled_down(amounts, Fraction(numerator, denominator))


def _of_survivors(
    plan: Plan,
    tier: PlannedTier,
    state: StillOwed,
    capacities: Cents,
    weights: list[int] | None = None,
    split: Callable[[int, list[int]], Split] | None = None,
) -> Offer:
    """An offer of the survivors, up to their capacities; without a `split`, in proportion to weights (default:
    those)."""
    limits = capacities.tolist()
    by, members = limits if weights is None else weights, state.surviving.tolist()
    available = min(sum(limits), int(plan.arrays.size[tier.row]))

    def pay(amount: int) -> tuple[Paid, frozenset[int]]:
        if split is not None:
            shares, cents = split(amount, limits)
        elif weights is None:
            shares, cents = split_pro_rata(amount, limits)
        else:
            shares, cents = share_within(amount, by, limits)
        return dict(zip(members, shares, strict=True)), frozenset(members[cent] for cent in cents)

    return Offer(available, available, pay, dict(zip(members, by, strict=True)))


OFFERS: dict[int, Callable[[Plan, PlannedTier, StillOwed], Offer]] = {
    codes.OWN_MARGIN: defaulter_margin,
    codes.OWN_FUND: defaulter_fund,
    codes.LUMP: lump,
    codes.PER_DEFAULTER: lump_per_defaulter,
    codes.PLEDGED: survivors_fund,
    codes.CALLED: assessments,
    codes.GAINS: gains_haircut,
    codes.MATCHED: remaining_claims,
    codes.ALL_CLAIMS: remaining_claims,
    codes.PAYOUTS: remaining_claims,
    codes.OFFERED: voluntary,
    codes.REST: uncovered,
}
"""What a tier offers, by what its money is."""
