"""The rule of a tier in words, as `trace` prints it: a function for each, named by its row in `tier_table`."""

from typing import Any

from ccp.money import exact
from ccp.rulebook.tiers import VARIATION_ONLY


def _percent(share: float) -> str:
    return f"{float(exact(share) * 100):.6g}%"


def _amount(value: float) -> str:
    return f"{value:,.2f}".removesuffix(".00")


def _size(part: Any, whose: str) -> str:
    if part.amount is not None:
        return f"{whose}, {_amount(part.amount)}"
    if getattr(part, "share_of_fund", None) is not None:
        return f"{whose}, {_percent(part.share_of_fund)} of the fund{', itself included' * part.fund_includes_it}"
    return f"{whose}, {_percent(part.share_of_regulatory_capital)} of its regulatory capital"


def survivors_fund(part: Any) -> str:
    """Whose contributions, what part of each, and in which order."""
    how = {
        "pro_rata": "in proportion",
        "segments_first": "those of the loss's product class first",
        "auction": "those who did not bid first, winners last",
    }[part.order]
    whose = (
        "the other members' contributions"
        if part.share == 1
        else f"{_percent(part.share)} of the others' contributions"
    )
    return f"{whose}, {how}"


def assessments(part: Any) -> str:
    """How much may be called, for what, and in all."""
    words = f"survivors are called for up to {part.multiple:g}x their required contribution"
    words += " for each default" if part.per == "default" else " for the event"
    if part.period_multiple is not None:
        words += f", {part.period_multiple:g}x in a period"
    if part.collected < 1:
        words += f", {_percent(part.collected)} of it paid"
    return words if part.cap is None else f"{words}, together at most {_amount(part.cap)}"


def gains_haircut(part: Any) -> str:
    """How far gains are cut, and which."""
    words = f"gains since the default are cut by up to {_percent(part.share)}"
    if part.counts != VARIATION_ONLY:
        words += f", what counts is {', '.join(part.counts)}"
    if part.days is not None:
        words += f", those of {part.days} days"
    if part.cap is not None:
        words += f", together at most {_amount(part.cap)}"
    caps = [] if part.member_cap is None else [_amount(part.member_cap)]
    caps += [] if part.member_cap_multiple is None else [f"{part.member_cap_multiple:g}x the contribution"]
    return words if not caps else f"{words}, each member's by at most {' or '.join(caps)}"


def defaulter_margin(part: Any) -> str:
    """Whose margin."""
    return "the margin of the defaulters' own pools, client pools for themselves only"


def defaulter_fund(part: Any) -> str:
    """Whose contributions."""
    return "the defaulting groups' own contributions"


def ccp_capital(part: Any) -> str:
    """How large."""
    return _size(part, "skin in the game")


def insurance(part: Any) -> str:
    """How large."""
    return _size(part, "an insurer")


def tear_up(part: Any) -> str:
    """Which contracts."""
    return {
        "partial": "contracts matched with the defaulters' books end, claims on them are cut",
        "full": "all contracts end, all claims are cut",
    }[part.scope]


def voluntary(part: Any) -> str:
    """Who pays."""
    return "what members offer"


def ccp_equity(part: Any) -> str:
    """How large."""
    return _size(part, "the clearing house's equity")


def parent_guarantee(part: Any) -> str:
    """How large."""
    return _size(part, "the clearing house's parent")


def outside_support(part: Any) -> str:
    """How large."""
    return _size(part, "third-party support")


def payout_haircut(part: Any) -> str:
    """How far payouts are cut."""
    return f"payouts are cut by up to {_percent(part.share)}"


def uncovered(part: Any) -> str:
    """What is left."""
    return "what no tier paid"
