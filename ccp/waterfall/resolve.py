"""A rulebook's parts as arrays: sizes in cents, what each member stands for, the most it may pay."""

from fractions import Fraction

import numpy as np

import ccp.kernels.waterfall.plan_arrays as codes
from ccp.kernels.waterfall.plan_arrays import ENDLESS, PlanArrays
from ccp.money import exact, minor_units, scaled_down
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_forms import LUMPS, Part
from ccp.rulebook.tiers import (
    Assessments,
    CcpCapital,
    CcpEquity,
    GainsHaircut,
    Insurance,
    ParentGuarantee,
    PayoutHaircut,
    SurvivorsFund,
    TearUp,
)
from ccp.types import Cents

ONE = Fraction(1)
ORDERS = {"pro_rata": codes.PRO_RATA, "segments_first": codes.SEGMENTS_FIRST, "auction": codes.AUCTION}
SOURCES = {
    "defaulter_margin": codes.OWN_MARGIN,
    "defaulter_fund": codes.OWN_FUND,
    **dict.fromkeys(LUMPS, codes.LUMP),
    "survivors_fund": codes.PLEDGED,
    "assessments": codes.CALLED,
    "gains_haircut": codes.GAINS,
    "payout_haircut": codes.PAYOUTS,
    "voluntary": codes.OFFERED,
    "uncovered": codes.REST,
}


def part_arrays(
    rulebook: Rulebook, parts: list[Part], contributions: Cents, basis: Cents, called: Cents | None
) -> PlanArrays:
    """The arrays of a rulebook's parts, places and groups not filled in. By member: contributions that are there, the
    basis of calls; `called` is assessment tier x member."""
    count, members = len(parts), len(contributions)
    each, most = np.zeros((count, members), dtype=np.int64), np.full((count, members), ENDLESS)
    size, of = np.full(count, ENDLESS), [_fraction(part) for part in parts]
    minor, before, calls = minor_units(rulebook.currency_digits), Fraction(0), 0
    for row, part in enumerate(parts):
        if part.tier in LUMPS:
            size[row] = _lump(rulebook, part, int(contributions.sum()), minor)
        if isinstance(part, SurvivorsFund):
            share = exact(part.share)
            each[row] = scaled_down(contributions, before + share) - scaled_down(contributions, before)
            before += share
        if isinstance(part, Assessments):
            each[row] = scaled_down(basis, exact(part.multiple))
            if part.period_multiple is not None:
                most[row] = scaled_down(basis, exact(part.period_multiple))
                most[row] = np.maximum(most[row] - (0 if called is None else called[calls]), 0)
            calls += 1
        if isinstance(part, Assessments | GainsHaircut) and part.cap is not None:
            size[row] = round(exact(part.cap) * minor)
        if isinstance(part, GainsHaircut):
            most[row] = _member_caps(part, basis, minor)
    return PlanArrays(
        source=np.array([_source(part) for part in parts], dtype=np.int64),
        place=np.zeros(count, dtype=np.int64),
        size=size,
        each=each,
        most=most,
        per_default=np.array([getattr(part, "per", "") == "default" for part in parts]),
        of=np.array([(share.numerator, share.denominator) for share in of], dtype=np.int64),
        order=np.array([ORDERS[getattr(part, "order", "pro_rata")] for part in parts], dtype=np.int64),
        contributions=contributions,
        member_group=np.zeros(members, dtype=np.int64),
        unused_shared=rulebook.fund.unused_contribution_shared,
    )


def _source(part: Part) -> int:
    if isinstance(part, TearUp):
        return codes.MATCHED if part.scope == "partial" else codes.ALL_CLAIMS
    return SOURCES[part.tier]


def _fraction(part: Part) -> Fraction:
    """What is taken of a call or of a claim."""
    if isinstance(part, Assessments):
        return exact(part.collected)
    return exact(part.share) if isinstance(part, GainsHaircut | PayoutHaircut) else ONE


def _member_caps(part: GainsHaircut, basis: Cents, minor: int) -> Cents:
    """The most each member's gains are cut by, in money."""
    if part.member_cap is None and part.member_cap_multiple is None:
        return np.full(len(basis), ENDLESS)
    fixed = round(exact(part.member_cap or 0.0) * minor)
    return np.maximum(fixed, scaled_down(basis, exact(part.member_cap_multiple or 0.0)))


def _lump(rulebook: Rulebook, part: Part, fund: int, minor: int) -> int:
    """The size of a tier that has one of its own."""
    assert isinstance(part, CcpCapital | Insurance | CcpEquity | ParentGuarantee)
    if part.amount is not None:
        return round(exact(part.amount) * minor)
    if isinstance(part, CcpCapital) and part.share_of_fund is not None:
        return round(fund * exact(part.share_of_fund))
    assert isinstance(part, CcpCapital | CcpEquity)
    share = exact(part.share_of_regulatory_capital or 0.0)
    return round(exact(rulebook.regulatory_capital or 0.0) * minor * share)
