"""The rule of a tier in words, as `trace` prints it."""

from collections.abc import Callable
from typing import Any

from ccp.money import exact


def rule_in_words(part: Any) -> str:
    """What a tier's rule says, with its numbers."""
    return RULES[part.tier](part)


def _percent(share: float) -> str:
    return f"{float(exact(share) * 100):.6g}%"


def _amount(value: float) -> str:
    return f"{value:,.2f}".removesuffix(".00")


def _size(part: Any, whose: str) -> str:
    if part.amount is not None:
        return f"{whose}, {_amount(part.amount)}"
    if getattr(part, "share_of_fund", None) is not None:
        return f"{whose}, {_percent(part.share_of_fund)} of the fund"
    return f"{whose}, {_percent(part.share_of_regulatory_capital)} of its regulatory capital"


def _survivors(part: Any) -> str:
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


def _assessments(part: Any) -> str:
    words = f"survivors are called for up to {part.multiple:g}x their required contribution"
    words += " for each default" if part.per == "default" else " for the event"
    if part.period_multiple is not None:
        words += f", {part.period_multiple:g}x in a period"
    if part.collected < 1:
        words += f", {_percent(part.collected)} of it paid"
    return words if part.cap is None else f"{words}, together at most {_amount(part.cap)}"


def _gains(part: Any) -> str:
    words = f"gains since the default are cut by up to {_percent(part.share)}"
    if part.days is not None:
        words += f", those of {part.days} days"
    if part.cap is not None:
        words += f", together at most {_amount(part.cap)}"
    caps = [] if part.member_cap is None else [_amount(part.member_cap)]
    caps += [] if part.member_cap_multiple is None else [f"{part.member_cap_multiple:g}x the contribution"]
    return words if not caps else f"{words}, each member's by at most {' or '.join(caps)}"


RULES: dict[str, Callable[[Any], str]] = {
    "defaulter_margin": lambda part: "the margin of the defaulters' own pools, client pools for themselves only",
    "defaulter_fund": lambda part: "the defaulting groups' own contributions",
    "ccp_capital": lambda part: _size(part, "skin in the game"),
    "insurance": lambda part: _size(part, "an insurer"),
    "survivors_fund": _survivors,
    "assessments": _assessments,
    "gains_haircut": _gains,
    "tear_up": lambda part: {
        "partial": "contracts matched with the defaulters' books end, claims on them are cut",
        "full": "all contracts end, all claims are cut",
    }[part.scope],
    "voluntary": lambda part: "what members offer",
    "ccp_equity": lambda part: _size(part, "the clearing house's equity"),
    "parent_guarantee": lambda part: _size(part, "the clearing house's parent"),
    "payout_haircut": lambda part: f"payouts are cut by up to {_percent(part.share)}",
    "uncovered": lambda part: "what no tier paid",
}
