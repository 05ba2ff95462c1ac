"""A rulebook's tiers resolved against a fund: sizes in cents, so that running them asks no questions."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ccp.money import exact, minor_units
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tiers import CcpCapital, Tier
from ccp.types import Cents, Index


@dataclass(frozen=True)
class PlannedTier:
    """A tier's word and, for the clearing house's capital, its size in cents."""

    word: str
    size: int = 0
    rule: str = ""


@dataclass(frozen=True)
class Plan:
    """Tiers in order, and the contributions that are in the fund. `contributions` and `member_group` are by member.

    Members are in order of id; groups likewise.
    """

    tiers: tuple[PlannedTier, ...]
    members: list[str]
    groups: list[str]
    member_group: Index
    contributions: Cents
    unused_contribution_shared: bool

    def has(self, word: str) -> bool:
        """Whether the rulebook names this tier."""
        return any(tier.word == word for tier in self.tiers)

    @cached_property
    def capital(self) -> int:
        """The clearing house's own capital in all its tiers."""
        return sum(tier.size for tier in self.tiers if tier.word == "ccp_capital")

    @cached_property
    def fund(self) -> int:
        """All contributions."""
        return int(self.contributions.sum())

    @cached_property
    def group_contributions(self) -> Cents:
        """Contributions by group."""
        sums = np.zeros(len(self.groups), dtype=np.int64)
        np.add.at(sums, self.member_group, self.contributions)
        return sums


def with_capital(plan: Plan, left: Cents) -> Plan:
    """The plan with what is left of the clearing house's capital in each of its tiers, in order."""
    sizes = iter(int(amount) for amount in left)
    tiers = tuple(replace(tier, size=next(sizes)) if tier.word == "ccp_capital" else tier for tier in plan.tiers)
    return replace(plan, tiers=tiers)


def capital_sizes(plan: Plan) -> Cents:
    """The size of each of the clearing house's capital tiers, in order."""
    return np.array([tier.size for tier in plan.tiers if tier.word == "ccp_capital"], dtype=np.int64)


def make_plan(
    rulebook: Rulebook, members: list[str], groups: list[str], member_group: Index, contributions: Cents
) -> Plan:
    """Resolve a rulebook's tiers for the members and the fund that is in force."""
    fund = int(contributions.sum())
    planned = [_planned(tier, fund, minor_units(rulebook.currency_digits)) for tier in rulebook.tiers]
    if planned[-1].word != "uncovered":
        planned.append(PlannedTier("uncovered", rule="what no tier paid"))
    shared = rulebook.fund.unused_contribution_shared
    return Plan(tuple(planned), members, groups, member_group, contributions, shared)


RULES = {
    "defaulter_margin": "the margin of the defaulters' own pools, client pools for themselves only",
    "defaulter_fund": "the defaulting groups' own contributions",
    "survivors_fund": "the other members' contributions, in proportion",
    "uncovered": "what no tier paid",
}


def _planned(tier: Tier, fund: int, minor: int) -> PlannedTier:
    if not isinstance(tier, CcpCapital):
        return PlannedTier(tier.tier, rule=RULES[tier.tier])
    if tier.amount is not None:
        return PlannedTier("ccp_capital", round(exact(tier.amount) * minor), "the clearing house's capital, fixed")
    share = exact(tier.share_of_fund or 0.0)
    rule = f"the clearing house's capital, {float(share):.4g} of the fund"
    return PlannedTier("ccp_capital", round(fund * share), rule)
