"""What carries over from one default to the next: docs/reference/waterfall.md, section 5.

Changes return a new standing.
"""

from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from ccp.kernels.waterfall.plan_arrays import ENDLESS
from ccp.money import exact, scaled_down
from ccp.rulebook.rulebook import Rulebook
from ccp.types import Cents, Flags, Index
from ccp.waterfall.event import FUND_TIERS, Outcome
from ccp.waterfall.plan import Plan, call_fractions, lump_sizes, make_plan, with_lumps


@dataclass(frozen=True)
class Standing:
    """Resources between defaults, in cents: contributions there and required, by member; what is left of every lump;
    what was called in the period (assessment tier x member) and refilled in it (member).

    Days are whole numbers: the period runs to the day before `period_end` (None: no period runs); `refills` are days
    with what was used of contributions and is refilled then, `restorations` days with the capital that is there again.
    `kept_back` by member is what the limit of the period kept from being refilled. `resigned` members leave
    when no period runs; `away` ones defaulted or left.
    """

    rulebook: Rulebook
    members: list[str]
    groups: list[str]
    member_group: Index
    contributions: Cents
    required: Cents
    left: Cents
    called: Cents
    refilled: Cents
    kept_back: Cents
    resigned: Flags
    away: Flags
    period_end: int | None = None
    refills: tuple[tuple[int, Cents], ...] = ()
    restorations: tuple[tuple[int, Cents], ...] = ()

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
    return Standing(
        rulebook,
        members,
        groups,
        member_group,
        plan.contributions,
        plan.required,
        lump_sizes(plan),
        calls,
        none,
        none.copy(),
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
    fund = standing.rulebook.fund
    used = np.where(_own_capital(standing), standing.left - found.left, 0)
    restorations = found.restorations
    if used.any():
        restorations = (*restorations, (day + fund.capital_restoration_days, used))
    taken = standing.contributions - found.contributions
    refills = (*found.refills, (day + fund.replenishment_days, taken))
    return replace(found, period_end=end, refills=refills, restorations=restorations)


def _own_capital(standing: Standing) -> Flags:
    """Which lumps are the clearing house's capital, and so restored."""
    return np.array([tier.word == "ccp_capital" for tier in standing.plan.lumps], dtype=bool)


def on_day(standing: Standing, day: int) -> Standing:
    """The standing on a later day, before anything happens on it: what has run out, been restored and refilled since.

    Everything on its own day; on the same day the period ends first.
    """
    while (due := _next_due(standing)) is not None and due <= day:
        standing = _on_due_day(standing, due)
    return _without_resigned(standing)


def _next_due(standing: Standing) -> int | None:
    """The next day on which something is due."""
    days = [when for when, _ in (*standing.refills, *standing.restorations)]
    days += [] if standing.period_end is None else [standing.period_end]
    return min(days, default=None)


def _on_due_day(standing: Standing, day: int) -> Standing:
    if standing.period_end is not None and standing.period_end <= day:
        standing = _without_period(standing)
    left = standing.left
    for when, amount in standing.restorations:
        left = left + amount if when <= day else left
    later = tuple(one for one in standing.restorations if one[0] > day)
    due = any(when <= day for when, _ in standing.refills)
    pending = tuple(one for one in standing.refills if one[0] > day)
    standing = replace(standing, left=left, restorations=later, refills=pending)
    return _refilled(standing) if due else standing


def resign(standing: Standing, members: list[int]) -> Standing:
    """Members resign: at once where no period runs, else at its end."""
    resigned = standing.resigned.copy()
    resigned[members] = True
    return _without_resigned(replace(standing, resigned=resigned))


def _without_period(standing: Standing) -> Standing:
    """The period is over: what was called is forgotten, who resigned leaves, what the limit kept back is refilled."""
    none = np.zeros_like(standing.refilled)
    back = np.minimum(standing.kept_back, _missing(standing))
    over = replace(standing, period_end=None, called=np.zeros_like(standing.called), refilled=none, kept_back=none)
    return _without_resigned(replace(over, contributions=standing.contributions + back))


def _missing(standing: Standing) -> Cents:
    """What members lack of their contributions, but for what is to be refilled on later days."""
    later = sum((amount for _, amount in standing.refills), np.zeros_like(standing.contributions))
    return np.where(standing.away, 0, np.maximum(standing.required - standing.contributions - later, 0))


def _refilled(standing: Standing) -> Standing:
    """Members bring what is missing of their contributions, within the limit of the period that runs."""
    missing, multiple = _missing(standing), standing.rulebook.default_management.replenishment_multiple
    if standing.period_end is None:
        return replace(standing, contributions=standing.contributions + missing)
    given = missing
    if multiple is not None:
        allowed = scaled_down(standing.required, exact(multiple)) - standing.refilled
        given = np.minimum(missing, np.maximum(allowed, 0))
    return replace(
        standing,
        contributions=standing.contributions + given,
        refilled=standing.refilled + given,
        kept_back=missing - given,
    )


def _without_resigned(standing: Standing) -> Standing:
    if standing.period_end is not None or not standing.resigned.any():
        return standing
    away = standing.away | standing.resigned
    nobody = np.zeros_like(standing.resigned)
    return replace(standing, away=away, resigned=nobody, contributions=np.where(away, 0, standing.contributions))
