"""A rulebook's tiers resolved against a fund: flat arrays, so that running them asks no questions.

Both engines read the same plan: the one that is exact to the cent (`ccp.waterfall.run`), and the kernel over many paths
(`ccp.kernels.waterfall.paths`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

import ccp.kernels.waterfall.plan_arrays as codes
from ccp.book.roster import Roster, Rostered
from ccp.kernels.waterfall.plan_arrays import PlanArrays
from ccp.money import exact
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_forms import all_parts, parts_of
from ccp.rulebook.tier_kind import TierKind
from ccp.rulebook.tier_table import UNCOVERED, kind_of, rule_in_words
from ccp.rulebook.tiers import Uncovered
from ccp.types import Cents, Flags
from ccp.waterfall.resolve import part_arrays


@dataclass(frozen=True)
class PlannedTier:
    """A tier, or a part of one that is used pari passu: its word, its place in the order (from 1), its rule in words.

    `row` is its row in the plan's arrays.
    """

    row: int
    word: str
    place: int
    name: str = ""
    rule: str = ""
    days: int | None = None

    @property
    def kind(self) -> TierKind:
        """What the tier is."""
        return kind_of(self.word)


@dataclass(frozen=True)
class Plan(Rostered):
    """Tiers in order and what stands behind each. `contributions` and `required` are by member of the roster.

    `contributions` are there now, `required` is what calls are multiples of; `away` are members that defaulted or left
    before: they neither default nor survive. `arrays` holds the same for the engines, a row a part; see
    `ccp.kernels.waterfall.plan_arrays.PlanArrays`.
    """

    tiers: tuple[PlannedTier, ...]
    roster: Roster
    contributions: Cents
    required: Cents
    away: Flags
    arrays: PlanArrays

    @property
    def own_fund_pays(self) -> bool:
        """Whether defaulters' contributions pay for them."""
        return bool((self.arrays.source == codes.OWN_FUND).any())

    def size_of(self, counts: Callable[[TierKind], bool]) -> int:
        """What is there in all tiers with a size of their own that count."""
        return sum(int(self.arrays.size[tier.row]) for tier in self.lumps if counts(tier.kind))

    @cached_property
    def capital(self) -> int:
        """the clearing house's skin in the game that counts as prefunded, in all its tiers."""
        own = [tier for tier in self.lumps if tier.kind.own_capital and self.is_prefunded(tier)]
        return sum(int(self.arrays.size[tier.row]) for tier in own)

    @cached_property
    def fund(self) -> int:
        """All contributions."""
        return int(self.contributions.sum())

    @property
    def unused_contribution_shared(self) -> bool:
        """Whether one defaulter's unused contribution pays for another."""
        return bool(self.arrays.unused_shared)

    @cached_property
    def group_contributions(self) -> Cents:
        """Contributions by group."""
        return self.roster.by_group(self.contributions)

    @cached_property
    def pledged(self) -> Cents:
        """What each member's contribution stands for when others default: all of it, a share, or nothing."""
        pledged = self.arrays.source == codes.PLEDGED
        return self.arrays.each[pledged].sum(axis=0)

    @cached_property
    def prefunded_lumps(self) -> int:
        """What the clearing house and its insurer have set aside. Equity, guarantees and calls are not prefunded, and
        neither is own money that is paid in beside calls only."""
        return sum(int(self.arrays.size[tier.row]) for tier in self.lumps if self.is_prefunded(tier))

    def is_prefunded(self, tier: PlannedTier) -> bool:
        """Whether a tier with a size of its own counts as prefunded."""
        beside_calls = {call.place for call in self.calls} - {
            one.place for one in self.tiers if self.arrays.source[one.row] == codes.PLEDGED
        }
        return tier.kind.sized and tier.kind.prefunded and tier.place not in beside_calls

    def prefunded(self, groups: Sequence[int]) -> int:
        """What stands ready for the default of some groups: lumps, their own contributions, what others' stand for."""
        inside = self.roster.inside(groups)
        own = int(self.contributions[inside].sum()) if self.own_fund_pays else 0
        return self.prefunded_lumps + own + int(self.pledged[~inside].sum())

    @cached_property
    def lumps(self) -> list[PlannedTier]:
        """The tiers with a size of their own, in order."""
        return [tier for tier in self.tiers if tier.kind.sized]

    @cached_property
    def calls(self) -> list[PlannedTier]:
        """The tiers that survivors are called for, in order."""
        return [tier for tier in self.tiers if tier.kind.called]


def with_lumps(plan: Plan, left: Cents | Sequence[int]) -> Plan:
    """The plan with what is left in each tier that has a size of its own, in order."""
    size = plan.arrays.size.copy()
    size[[tier.row for tier in plan.lumps]] = left
    return replace(plan, arrays=plan.arrays._replace(size=size))


def lump_sizes(plan: Plan) -> Cents:
    """What is in each tier with a size of its own, in order."""
    return plan.arrays.size[[tier.row for tier in plan.lumps]]


def make_plan(
    rulebook: Rulebook,
    roster: Roster,
    contributions: Cents,
    required: Cents | None = None,
    called: Cents | None = None,
    away: Flags | None = None,
) -> Plan:
    """Resolve a rulebook's tiers for the members and the fund that is in force. Amounts are by member of the roster.

    `required` is what calls are multiples of (default: `contributions`); `called` what has been called in the period,
    tier of calls x member (default: nothing); `away` members that defaulted or left before (default: none), whose
    contributions do not count.
    """
    gone = np.zeros(len(roster.members), dtype=bool) if away is None else away
    contributions = np.where(gone, 0, np.asarray(contributions, dtype=np.int64))
    basis = contributions if required is None else np.where(gone, 0, np.asarray(required, dtype=np.int64))
    written = [(place, part) for place, tier in enumerate(rulebook.tiers, start=1) for part in parts_of(tier)]
    if written[-1][1].word != UNCOVERED:
        written.append((len(rulebook.tiers) + 1, Uncovered()))
    arrays = part_arrays(rulebook, [part for _, part in written], contributions, basis, called)
    arrays = arrays._replace(
        place=np.array([place for place, _ in written], dtype=np.int64), member_group=roster.member_group
    )
    tiers = tuple(
        PlannedTier(row, part.word, place, part.name, rule_in_words(part), getattr(part, "days", None))
        for row, (place, part) in enumerate(written)
    )
    return Plan(tiers, roster, contributions, basis, gone, arrays)


def call_fractions(rulebook: Rulebook) -> list[Fraction]:
    """The share of a call that is paid, by tier of calls."""
    calls: list[Any] = [part for part in all_parts(rulebook.tiers) if kind_of(part.word).called]
    return [exact(part.collected) for part in calls]
