"""The fund over time: cover of the day, the size that a look-back gives, contributions, supplementary margin."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from ccp.money import exact, scaled_up, share_out
from ccp.rulebook.fund import FundRules, LookBack
from ccp.settlement.state import CycleState, DayCover
from ccp.settlement.terms import RunTerms
from ccp.sizing.cover import EMIR, Cover, cover_name, covers_of, emir_42_3, worst_cover
from ccp.sizing.coverage import IN_FORCE, LeftUncovered, or_known, worst_uncovered
from ccp.sizing.fund import contributions, fund_size
from ccp.sizing.size import contribution_weights, counted_scenarios
from ccp.stress.measure import Losses, Measured
from ccp.types import Cents, Flags
from ccp.waterfall.plan import Plan
from ccp.waterfall.replenishment import suspended, within_limit


@dataclass(frozen=True)
class StressDay:
    """What a stress day found, in minor units. `cover` is cover-N, `plan` what was there, `tested` what the coverage
    test's worst default leaves uncovered."""

    measured: Measured
    counted: Flags
    losses: Losses
    covers: dict[int, Cover]
    cover: Cover
    emir: Cover
    plan: Plan
    prefunded: int
    tested: LeftUncovered
    group_worst: Cents

    @property
    def figures(self) -> dict[str, Cover]:
        """Every figure over the scenarios, by name."""
        covers = {cover_name(number): one for number, one in self.covers.items()}
        return covers | {EMIR: self.emir, IN_FORCE: self.tested}

    @property
    def scenario_ids(self) -> list[str]:
        """The stress scenarios' ids, in order."""
        return self.measured.scenarios.ids


def stress_day(terms: RunTerms, state: CycleState, measured: Measured) -> StressDay:
    """Cover and coverage of a day, supplementary margin counted."""
    count, counted = terms.rulebook.fund.cover, counted_scenarios(measured)
    losses, margin = measured.losses, state.supplementary
    losses = losses.less(margin, terms.portfolio.roster) if margin.any() else losses
    found, left = covers_of(losses, count, counted), measured.left
    plan = state.standing.plan
    tested = or_known(worst_uncovered(plan, losses, count, counted), plan, losses, found[count])
    lost = int(losses.of_groups(tested.scenario, tested.groups).sum())
    found[count] = found[count].or_known(tested.scenario, tested.groups, lost)
    covers = {number: one.raised(left.get(cover_name(number))) for number, one in found.items()}
    worst = np.where(counted, losses.group_over_margin, 0).max(axis=1)
    prefunded = plan.prefunded(covers[count].groups)
    emir = emir_42_3(losses, counted).raised(left.get(EMIR))
    return StressDay(
        measured,
        counted,
        losses,
        covers,
        covers[count],
        emir,
        plan,
        prefunded,
        tested.raised(left.get(IN_FORCE)),
        worst,
    )


def aggregated_cover(rules: LookBack, cover: int, history: list[DayCover], active: Flags) -> int:
    """The cover that sizes the fund, from those of the look-back's stress days. Means are rounded up.

    `active` says which groups are not in default today: only their averages count.
    """
    amounts = sorted(entry.cover for entry in history)
    if rules.aggregate == "maximum":
        return amounts[-1]
    if rules.aggregate == "percentile":
        return amounts[ceil(len(amounts) * exact(rules.percentile)) - 1]
    if rules.aggregate == "mean":
        return ceil(Fraction(sum(amounts), len(amounts)))
    sums = np.where(active, np.sum([entry.group_worst for entry in history], axis=0), 0)
    means = [-(-total // len(history)) for total in sums.tolist()]
    return sum(sorted(means, reverse=True)[:cover])


def resized(terms: RunTerms, state: CycleState, found: StressDay) -> tuple[int, Cents]:
    """The fund's new size, and what every member is to contribute to it."""
    rules = terms.rulebook.fund
    active = np.flatnonzero(~state.standing.away)
    cover = aggregated_cover(rules.look_back, rules.cover, state.covers, state.event == 0)
    size = fund_size(rules, cover, found.emir.amount, len(active), terms.minor).required
    size = max(size, ceil(state.fund_size * (1 - exact(rules.largest_fall))))
    measured = replace_losses(found)
    weights = contribution_weights(measured, found.counted)
    minimum = scaled_up(terms.minor, exact(rules.minimum_contribution))
    required = np.zeros_like(state.standing.required)
    required[active] = contributions(size, [weights[member] for member in active], minimum)
    return size, required


def replace_losses(found: StressDay) -> Measured:
    """The day's measurements with supplementary margin counted."""
    return found.measured.with_losses(found.losses)


def fund_calls(state: CycleState, day: int) -> Cents:
    """What is called from members today, or returned: up to what is required by then.

    Nothing while an event is being closed out, and for the replenishment period after one is settled. In a cooling-off
    period at most the multiple of what is required that the rulebook allows.
    """
    standing = state.standing
    if suspended(standing, day) or state.estates:
        return np.zeros_like(standing.required)
    return np.where(standing.away, 0, within_limit(standing, standing.required - standing.contributions))


def supplementary_margin(terms: RunTerms, found: StressDay) -> Cents:
    """What members owe on the next day because their group's loss takes too much of what is prefunded.

    With losses over margin before any supplementary margin.
    """
    rules, portfolio = terms.rulebook.fund.supplementary_margin, terms.portfolio
    due = np.zeros(len(portfolio.members), dtype=np.int64)
    if rules is None:
        return due
    base = found.measured.losses
    pair = worst_cover(base, 2, found.counted)
    there = found.plan.prefunded(pair.groups)
    if rules.pair_share is not None and pair.amount <= exact(rules.pair_share) * there:
        return due
    allowed = exact(rules.group_share) * there
    worst = np.where(found.counted, base.group_over_margin, -1)
    for group in np.flatnonzero(worst.max(axis=1) > allowed):
        scenario = int(np.argmax(worst[group]))
        members = portfolio.roster.members_of([int(group)])
        excess = ceil(int(worst[group, scenario]) - allowed)
        due[members] = share_out(excess, base.over_margin[members, scenario].tolist())
    return due


def warned_groups(rules: FundRules, found: StressDay) -> list[int]:
    """Groups whose worst loss over margin takes more than the warning share of what is prefunded."""
    part = rules.supplementary_margin
    if part is None or part.warning_share is None:
        return []
    limit = exact(part.warning_share) * found.prefunded
    return [group for group, worst in enumerate(found.group_worst.tolist()) if worst > limit]
