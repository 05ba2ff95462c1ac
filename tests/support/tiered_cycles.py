"""Small cycles under rulebooks with every tier; contributions are 1,000 a member unless a test says otherwise."""

from __future__ import annotations

from typing import Any

from support.small_cycles import RULES, Small, changed, plain

EVERYTHING: list[Any] = [
    "defaulter_margin",
    "defaulter_fund",
    {"ccp_capital": {"amount": 100}},
    {"insurance": {"amount": 75}},
    {"pari_passu": ["survivors_fund", {"ccp_capital": {"amount": 200}}]},
    {"assessments": {"multiple": 0.5, "period_multiple": 0.8}},
    {"gains_haircut": {"share": 0.1}},
    {"ccp_equity": {"amount": 150}},
    {"parent_guarantee": {"amount": 120}},
]
CALLS: list[Any] = ["defaulter_margin", "defaulter_fund", {"assessments": {"multiple": 0.5, "period_multiple": 0.8}}]
SMALL_FUND: dict[str, dict[str, Any]] = {name: {"fund_contribution": 100.0} for name in "ABC"}


def everything(levels: list[float], **fund: Any) -> Small:
    """A long 100 and B long 50 of X under rules with every tier a book can fill."""
    return plain(levels, rules=changed(RULES, fund=fund, tiers=EVERYTHING))


def three(levels: list[float], *, tiers: list[Any], members: dict[str, dict[str, Any]], c: float = 0.0, **rules: Any
          ) -> Small:  # fmt: skip
    """A long 100 and B long 50 of X, C with `c` of it, under tiers."""
    positions = [("a", "X", 100.0), ("b", "X", 50.0)] + ([("c", "X", c)] if c else [])
    accounts = {name: (name.upper(), name, "house") for name in "abc"}
    return Small({"X": levels}, positions, accounts, members, changed(RULES, tiers=tiers, **rules))
