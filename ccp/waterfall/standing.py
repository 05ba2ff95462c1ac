"""What carries over from one default to the next: docs/waterfall.md, section 5. Changes return a new standing."""

from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from ccp.kernels.plan_arrays import ENDLESS
from ccp.money import exact, scaled_down
from ccp.rulebook.rulebook import Rulebook
from ccp.types import Cents, Flags, Index
from ccp.waterfall.event import Outcome
from ccp.waterfall.plan import Plan, call_fractions, lump_sizes, make_plan, with_lumps

FUND_TIERS = ("defaulter_fund", "survivors_fund")


@dataclass(frozen=True)
class Standing:
    """Resources between defaults, in cents: contributions there and required, by member; what is left of every lump and
    what it is when whole; what was called in the period (assessment tier x member) and refilled in it (member).

    Days are whole numbers: the period runs to the day before `period_end` (None: no period runs); `refill_on` and
    `restore_on` are when contributions are refilled and capital is restored. `resigned` members leave when no period
    runs;
    `away` ones defaulted or left.
    """

    rulebook: Rulebook
    members: list[str]
    groups: list[str]
    member_group: Index
    contributions: Cents
    required: Cents
    left: Cents
    full: Cents
    called: Cents
    refilled: Cents
    resigned: Flags
    away: Flags
    period_end: int | None = None
    refill_on: int | None = None
    restore_on: int | None = None

    @property
    def plan(self) -> Plan:
        """The tiers against what is there."""
        plan = make_plan(
            self.rulebook,
            self.members,
            self.groups,
            self.member_group,
            self.contributions,
            self.required,
            self.called,
            self.away,
        )
        return with_lumps(plan, self.left)


def first_standing(
    rulebook: Rulebook,
    members: list[str],
    groups: list[str],
    member_group: Index,
    contributions: Cents,
    required: Cents | None = None,
) -> Standing:
    """Everything whole: nothing used, nothing called."""
    plan = make_plan(rulebook, members, groups, member_group, contributions, required)
    none, nobody = np.zeros(len(members), dtype=np.int64), np.zeros(len(members), dtype=bool)
    calls = np.zeros((len(plan.calls), len(members)), dtype=np.int64)
    sizes = lump_sizes(plan)
    return Standing(
        rulebook,
        members,
        groups,
        member_group,
        plan.contributions,
        plan.required,
        sizes,
        sizes.copy(),
        calls,
        none,
        nobody,
        nobody.copy(),
    )


def after_event(standing: Standing, outcome: Outcome) -> Standing:
    """What an event leaves: it took from contributions, lumps and calls, and its groups are away."""
    contributions, left, called = standing.contributions.copy(), standing.left.copy(), standing.called.copy()
    lump, call, fractions = 0, 0, call_fractions(standing.rulebook)
    for draw in outcome.draws:
        if draw.tier in FUND_TIERS:
            for member, amount in draw.paid.items():
                if member is not None:
                    contributions[member] -= amount
        elif draw.lump:
            left[lump] -= draw.amount
            lump += 1
        elif draw.tier == "assessments":
            for member, amount in draw.paid.items():
                if member is not None and amount:
                    called[call, member] += ceil(amount / fractions[call])
            call += 1
    away = standing.away | np.isin(standing.member_group, outcome.event.defaulters)
    return replace(standing, contributions=contributions, left=left, called=called, away=away)


def after_default(standing: Standing, outcome: Outcome, day: int) -> Standing:
    """As `after_event`, and the periods of cooling off, replenishment and restoration run from the day."""
    rules, found = standing.rulebook.default_management, after_event(standing, outcome)
    running = standing.period_end is not None
    if rules.cooling_off_days is None:
        end = ENDLESS
    elif running and not rules.extended_by_defaults:
        end = standing.period_end
    else:
        end = day + rules.cooling_off_days
    restore = found.restore_on
    if outcome.drawn("ccp_capital"):
        restore = day + standing.rulebook.fund.capital_restoration_days
    refill = day + standing.rulebook.fund.replenishment_days
    return replace(found, period_end=end, refill_on=refill, restore_on=restore)


def on_day(standing: Standing, day: int) -> Standing:
    """The standing on a later day, before anything happens on it: what has run out, been restored and refilled."""
    if standing.period_end is not None and day >= standing.period_end:
        standing = replace(
            standing,
            period_end=None,
            called=np.zeros_like(standing.called),
            refilled=np.zeros_like(standing.refilled),
        )
    if standing.restore_on is not None and day >= standing.restore_on:
        own = np.array([tier.word == "ccp_capital" for tier in standing.plan.lumps], dtype=bool)
        standing = replace(standing, left=np.where(own, standing.full, standing.left), restore_on=None)
    if standing.refill_on is not None and day >= standing.refill_on:
        standing = _refilled(standing)
    return _without_resigned(standing)


def resign(standing: Standing, members: list[int]) -> Standing:
    """Members resign: at once where no period runs, else at its end."""
    resigned = standing.resigned.copy()
    resigned[members] = True
    return _without_resigned(replace(standing, resigned=resigned))


def _refilled(standing: Standing) -> Standing:
    """Members bring what is missing of their contributions, within the period's limit."""
    missing = np.where(standing.away, 0, np.maximum(standing.required - standing.contributions, 0))
    multiple = standing.rulebook.default_management.replenishment_multiple
    if multiple is not None:
        allowed = scaled_down(standing.required, exact(multiple)) - standing.refilled
        missing = np.minimum(missing, np.maximum(allowed, 0))
    return replace(
        standing,
        contributions=standing.contributions + missing,
        refilled=standing.refilled + missing,
        refill_on=None,
    )


def _without_resigned(standing: Standing) -> Standing:
    if standing.period_end is not None or not standing.resigned.any():
        return standing
    away = standing.away | standing.resigned
    nobody = np.zeros_like(standing.resigned)
    return replace(standing, away=away, resigned=nobody, contributions=np.where(away, 0, standing.contributions))
