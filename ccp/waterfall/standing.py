"""What carries over from one default to the next: docs/reference/waterfall.md, section 5.

Changes return a new standing. Replays, contagion, services and the daily cycle hold the same standing and walk over an
event's draws the same way; where they count differently is said in `ccp.waterfall.counting`. What comes back as days
pass: `replenishment`.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil

import numpy as np

from ccp.book.roster import Roster, Rostered
from ccp.kernels.waterfall.plan_arrays import ENDLESS
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_forms import all_parts
from ccp.rulebook.tier_table import kind_of
from ccp.types import Cents, Flags
from ccp.waterfall.counting import EACH_DEFAULT, Counting
from ccp.waterfall.event import Draw, Outcome
from ccp.waterfall.plan import Plan, call_fractions, lump_sizes, make_plan, with_lumps


@dataclass(frozen=True)
class DueBack:
    """What an event used and comes back on a day, in cents: of contributions by member, or of capital by lump."""

    day: int
    amounts: Cents


@dataclass(frozen=True)
class Standing(Rostered):
    """Resources between defaults, in cents: contributions there and required, by member; by lump (a tier with a size of
    its own) what it came to in full and what is left; what was called in the period (tier of calls x member) and
    refilled in it (member); what haircuts took of claims (`cut`, by claimant: `ccp.waterfall.event.Claimants`).

    Days are whole numbers: the period runs to the day before `period_end` (None: no period runs); `refills` are days
    with what was used of contributions and is refilled then, `restorations` days with the capital that is there again.
    `kept_back` by member is what the limit of the period kept from being refilled. `resigned` members leave
    when no period runs; `away` ones defaulted or left.
    """

    rulebook: Rulebook
    roster: Roster
    contributions: Cents
    required: Cents
    full: Cents
    left: Cents
    called: Cents
    refilled: Cents
    kept_back: Cents
    cut: Cents
    resigned: Flags
    away: Flags
    counting: Counting = EACH_DEFAULT
    period_end: int | None = None
    refills: tuple[DueBack, ...] = ()
    restorations: tuple[DueBack, ...] = ()

    @property
    def plan(self) -> Plan:
        """The tiers against what is there."""
        return self.plan_for()

    def plan_for(self, groups: tuple[int, ...] = ()) -> Plan:
        """The tiers against what is there for the default of some groups, also where these are away already."""
        return with_lumps(self._whole_plan(groups), self.left)

    @property
    def sizes_in_force(self) -> Cents:
        """What every lump would come to with the contributions that are there, used or not."""
        return lump_sizes(self._whole_plan())

    def _whole_plan(self, groups: tuple[int, ...] = ()) -> Plan:
        away = self.away & ~self.roster.inside(groups)
        return make_plan(self.rulebook, self.roster, self.contributions, self.required, self.called, away)

    @cached_property
    def own_capital(self) -> Flags:
        """Which lumps are the clearing house's capital, and so restored."""
        kinds = [kind_of(part.word) for part in all_parts(self.rulebook.tiers)]
        return np.array([kind.own_capital for kind in kinds if kind.sized], dtype=bool)


def first_standing(
    rulebook: Rulebook,
    roster: Roster,
    contributions: Cents,
    required: Cents | None = None,
    counting: Counting = EACH_DEFAULT,
    claimants: int | None = None,
) -> Standing:
    """Everything whole: nothing used, nothing called. `claimants` is how many claimants there are (default: one a
    member)."""
    plan, members = make_plan(rulebook, roster, contributions, required), roster.members
    none, nobody = np.zeros(len(members), dtype=np.int64), np.zeros(len(members), dtype=bool)
    return Standing(
        rulebook,
        roster,
        contributions=plan.contributions,
        required=plan.required,
        full=lump_sizes(plan),
        left=lump_sizes(plan),
        called=np.zeros((len(plan.calls), len(members)), dtype=np.int64),
        refilled=none,
        kept_back=none,
        cut=none if claimants is None else np.zeros(claimants, dtype=np.int64),
        resigned=nobody,
        away=nobody,
        counting=counting,
    )


def in_default(standing: Standing, groups: tuple[int, ...]) -> Standing:
    """The standing without the members of some groups: they neither survive nor default again."""
    return replace(standing, away=standing.away | standing.roster.inside(groups))


def without_contributions(standing: Standing, groups: tuple[int, ...]) -> Standing:
    """The standing when what some groups have left of their contributions was paid back: nothing more is theirs."""
    gone = standing.roster.inside(groups)
    contributions, required = (np.where(gone, 0, of) for of in (standing.contributions, standing.required))
    return replace(standing, contributions=contributions, required=required)


def after_event(standing: Standing, outcome: Outcome) -> Standing:
    """What an event leaves: it took from contributions, lumps, calls and gains, and its groups are away.

    The one walk over an event's draws. Tiers that take of none of these (margin, offers, what is uncovered) leave
    nothing to carry over.
    """
    contributions, cut = standing.contributions.copy(), standing.cut.copy()
    lumps, calls = list[int](), list[Cents]()
    fractions = call_fractions(standing.rulebook)
    for draw in outcome.draws:
        paid = paid_by_member(draw, len(standing.members))
        if draw.kind.from_contributions:
            contributions -= paid
        if draw.kind.sized:
            lumps.append(draw.amount)
        if draw.kind.called:
            fraction = fractions[len(calls)]
            whole = [ceil(amount / fraction) if amount else 0 for amount in paid.tolist()]
            calls.append(np.array(whole, dtype=np.int64))
    for claimant, taken in outcome.cut.items():
        cut[claimant] += taken
    left = standing.left - np.array(lumps, dtype=np.int64)
    called = standing.called + np.array(calls, dtype=np.int64).reshape(standing.called.shape)
    found = replace(standing, contributions=contributions, left=left, called=called, cut=cut)
    return in_default(found, outcome.event.defaulters)


def paid_by_member(draw: Draw, members: int) -> Cents:
    """What each member pays of a draw, in cents; nothing where others pay."""
    paid = np.zeros(members, dtype=np.int64)
    for member, amount in draw.paid.items():
        if member is not None:
            paid[member] = amount
    return paid


def after_default(standing: Standing, outcome: Outcome, day: int) -> Standing:
    """As `after_event`, and the periods of cooling off, replenishment and restoration run from the day."""
    found, fund = after_event(standing, outcome), standing.rulebook.fund
    taken = DueBack(day + fund.replenishment_days, standing.contributions - found.contributions)
    used = np.where(standing.own_capital, standing.left - found.left, 0)
    restored = DueBack(day + fund.capital_restoration_days, used)
    return replace(
        found,
        period_end=_end_of_period(standing, day),
        refills=_with_due(standing, standing.refills, taken),
        restorations=_with_due(standing, standing.restorations, restored) if used.any() else standing.restorations,
        cut=found.cut if standing.counting.gains_shared else np.zeros_like(found.cut),
    )


def _end_of_period(standing: Standing, day: int) -> int | None:
    """When the cooling-off period is over that a default on a day begins or extends; without a length never."""
    rules = standing.rulebook.default_management
    if rules.cooling_off_days is None:
        return ENDLESS
    if standing.period_end is not None and not rules.extended_by_defaults:
        return standing.period_end
    return day + rules.cooling_off_days


def _with_due(standing: Standing, before: tuple[DueBack, ...], now: DueBack) -> tuple[DueBack, ...]:
    """What is due back with an event's part: on a day of its own, or all of it together."""
    if not standing.counting.from_latest:
        return (*before, now)
    return (DueBack(now.day, sum((one.amounts for one in before), now.amounts)),)
