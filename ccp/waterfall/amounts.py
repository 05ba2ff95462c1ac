"""The forms of what a tier has: of each, how its amounts are made of the rulebook, the fund and what has been called.

A tier names its form in its row (`ccp.rulebook.tier_table`); several tiers may be of one form. What a form gives is a
row of the plan's arrays, and the code in it says to both engines how it can be used: `ccp.waterfall.tiers.OFFERS` for
the one that is exact, `ccp.kernels.waterfall.capacities` for many paths.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

import ccp.kernels.waterfall.plan_arrays as codes
from ccp.money import exact, scaled_down
from ccp.rulebook import tier_kind as kinds
from ccp.rulebook.tier_forms import Part
from ccp.rulebook.tier_table import kind_of
from ccp.types import Cents

ONE = Fraction(1)
ORDERS = {"pro_rata": codes.PRO_RATA, "segments_first": codes.SEGMENTS_FIRST, "auction": codes.AUCTION}


@dataclass(frozen=True)
class Basis:
    """What a part's amounts are made of, in cents; by member contributions, what calls are multiples of (`required`),
    and what this part has called in the period. `ahead` are the parts written before; `minor`: minor units in a unit.
    """

    minor: int
    regulatory_capital: float | None
    contributions: Cents
    required: Cents
    called: Cents
    ahead: tuple[Any, ...]


@dataclass(frozen=True)
class Amounts:
    """A part's row of `PlanArrays` (`ccp.kernels.waterfall.plan_arrays`). None is what was not given: no limit (`size`,
    `most`), all of it (`of`); what its `source` needs must be given (`NEEDS` there)."""

    source: int
    size: int | None = None
    each: Cents | None = None
    most: Cents | None = None
    of: Fraction | None = None
    per_default: bool = False
    order: int = codes.PRO_RATA


def sized(part: Any, basis: Basis) -> Amounts:
    """An amount of its own: stated, or a share of the fund or of the clearing house's regulatory capital."""
    if part.amount is not None:
        return Amounts(codes.LUMP, size=round(exact(part.amount) * basis.minor))
    if getattr(part, "share_of_fund", None) is not None:
        return Amounts(codes.LUMP, size=round(int(basis.contributions.sum()) * _share_of_contributions(part)))
    capital = exact(basis.regulatory_capital or 0.0) * basis.minor
    return Amounts(codes.LUMP, size=round(capital * exact(part.share_of_regulatory_capital)))


def _share_of_contributions(part: Any) -> Fraction:
    """What a share of the fund comes to as a share of contributions: a tenth of the whole with itself is a ninth."""
    share = exact(part.share_of_fund)
    return share / (1 - share) if part.fund_includes_it else share


def pledged(part: Any, basis: Basis) -> Amounts:
    """A share of every contribution, behind the shares of the parts before, so that rounding loses nothing."""
    before = sum((exact(one.share) for one in basis.ahead if _is_pledged(one)), Fraction(0))
    upto = scaled_down(basis.contributions, before + exact(part.share))
    each = upto - scaled_down(basis.contributions, before)
    return Amounts(codes.PLEDGED, each=each, order=ORDERS[part.order])


def _is_pledged(part: Any) -> bool:
    return kind_of(part.word).form == kinds.PLEDGED


def called(part: Any, basis: Basis) -> Amounts:
    """A multiple of what is required, for each default or in all, as far as the period allows."""
    most = None
    if part.period_multiple is not None:
        most = np.maximum(scaled_down(basis.required, exact(part.period_multiple)) - basis.called, 0)
    return Amounts(
        codes.CALLED,
        size=_cap(part, basis),
        each=scaled_down(basis.required, exact(part.multiple)),
        most=most,
        of=exact(part.collected),
        per_default=part.per == "default",
    )


def gains(part: Any, basis: Basis) -> Amounts:
    """A share of gains, up to a cap for each member and one for all."""
    return Amounts(codes.GAINS, size=_cap(part, basis), most=_member_caps(part, basis), of=exact(part.share))


def _cap(part: Any, basis: Basis) -> int | None:
    """The most that all pay together."""
    return None if part.cap is None else round(exact(part.cap) * basis.minor)


def _member_caps(part: Any, basis: Basis) -> Cents | None:
    """The most each member's gains are cut by, in money."""
    if part.member_cap is None and part.member_cap_multiple is None:
        return None
    fixed = round(exact(part.member_cap or 0.0) * basis.minor)
    return np.maximum(fixed, scaled_down(basis.required, exact(part.member_cap_multiple or 0.0)))


def contracts(part: Any, basis: Basis) -> Amounts:
    """Claims on contracts: those opposite the defaulters' books, or all."""
    return Amounts(codes.MATCHED if part.scope == "partial" else codes.ALL_CLAIMS, of=ONE)


def payouts(part: Any, basis: Basis) -> Amounts:
    """A share of what would be paid out."""
    return Amounts(codes.PAYOUTS, of=exact(part.share))


def nothing_stated(source: int) -> Callable[[Any, Basis], Amounts]:
    """What the event alone knows: the rulebook says no more than that it stands here."""
    return lambda part, basis: Amounts(source)


FORMS: dict[str, Callable[[Any, Basis], Amounts]] = {
    kinds.OWN_MARGIN: nothing_stated(codes.OWN_MARGIN),
    kinds.OWN_FUND: nothing_stated(codes.OWN_FUND),
    kinds.SIZED: sized,
    kinds.PLEDGED: pledged,
    kinds.CALLED: called,
    kinds.GAINS: gains,
    kinds.CONTRACTS: contracts,
    kinds.PAYOUTS: payouts,
    kinds.OFFERED: nothing_stated(codes.OFFERED),
    kinds.REST: nothing_stated(codes.REST),
}
"""How the amounts of each form are made."""


def amounts_of(part: Part, basis: Basis) -> Amounts:
    """A part's amounts. Raises ValueError where its form is not known or was not given what it needs: a tier without
    amounts would pay nothing, and nobody would see it."""
    kind = kind_of(part.word)
    if kind.form not in FORMS:
        raise ValueError(f"the tier {part.word}: nothing says how amounts of the form {kind.form!r} are made")
    found = FORMS[kind.form](part, basis)
    if found.source not in codes.NEEDS:
        raise ValueError(f"the tier {part.word}: nothing says what amounts of source {found.source} need")
    missing = [name for name in codes.NEEDS[found.source] if getattr(found, name) is None]
    if missing:
        raise ValueError(f"the tier {part.word} needs amounts and was given none: {', '.join(missing)}")
    _check_halves(kind, found.source)
    return found


def _check_halves(kind: kinds.TierKind, source: int) -> None:
    """What the row says and what the engines do with its amounts must go together. Raises ValueError."""
    agree = {
        "cuts claims": (kind.cuts_claims, source in codes.HAIRCUTS),
        "has a size of its own": (kind.sized, source in codes.SIZED),
        "is called": (kind.called, source == codes.CALLED),
        "is what is left": (kind.payer == kinds.NOBODY.name, source == codes.REST),
    }
    for what, (said, done) in agree.items():
        if said != done:
            raise ValueError(f"the tier {kind.word}: its row says {said} of '{what}', its amounts {done}")
