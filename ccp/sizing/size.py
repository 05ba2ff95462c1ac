"""From stress losses to a sized fund: cover, contributions, coverage test, and the waterfall of every scenario."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from ccp.book.portfolio import Portfolio
from ccp.market.case import Case
from ccp.money import exact, minor_units, scaled_up, to_minor
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.sizing.circumstances import circumstances, with_claims
from ccp.sizing.cover import (
    EMIR,
    Cover,
    WorstSets,
    aside,
    cover_name,
    cover_numbers,
    covers_of,
    emir_42_3,
    worst_cover,
    worst_sets,
)
from ccp.sizing.coverage import IN_FORCE, REQUIRED, Coverage, LeftUncovered, coverage, or_known, taken, worst_uncovered
from ccp.sizing.fund import FundSize, contributions, fund_size
from ccp.sizing.sold_together import SoldTogether, sold_together
from ccp.sizing.worst_set import as_it_is, losing, worst_set
from ccp.stress.claims import Sides, sides_of
from ccp.stress.measure import Losses, Measured
from ccp.stress.parts import PartFound
from ccp.types import Cents, Flags
from ccp.waterfall.contagion import Books
from ccp.waterfall.event import Circumstances, Event, Outcome
from ccp.waterfall.plan import Plan, make_plan
from ccp.waterfall.run import run_waterfall


@dataclass(frozen=True)
class Sized:
    """The fund and everything it rests on. Money in cents; `weights` is what the fund was shared out by.

    `plan` is resolved against the fund in force: what is posted where the book says so, unless the rulebook fixes the
    fund's size, else what is required. `own_covers` and `own_coverage` are what their own searches found: see `covers`
    and `coverage`. `held` gives what members hold, where somebody keeps it.
    """

    measured: Measured
    counted: Flags
    own_covers: dict[int, Cover]
    emir: Cover
    fund: FundSize
    weights: list[int]
    required: list[int]
    posted: Cents | None
    plan: Plan
    own_coverage: Coverage
    held: Callable[[], Sides] | None = None

    @property
    def case(self) -> Case:
        """The book met with its market, under its rules."""
        return self.measured.case

    @property
    def rules(self) -> Rulebook:
        """The rules that the fund was sized under."""
        return self.measured.rules

    @property
    def digits(self) -> int:
        """Decimal digits of the currency."""
        return self.measured.digits

    @property
    def portfolio(self) -> Portfolio:
        """The book, sorted and indexed."""
        return self.measured.portfolio

    @property
    def scenarios(self) -> ScenarioSet:
        """The stress scenarios."""
        return self.measured.scenarios

    @property
    def found(self) -> PartFound:
        """Margins by account and by pool, and what else was found of the book."""
        return self.measured.found

    @property
    def losses(self) -> Losses:
        """What sets of groups lose over margin in the scenarios."""
        return self.measured.losses

    @property
    def cover_count(self) -> int:
        """How many groups default together in the rulebook's cover-N."""
        return self.rules.fund.cover

    @property
    def cover(self) -> Cover:
        """The rulebook's cover-N."""
        return self.covers[self.cover_count]

    @property
    def in_force(self) -> str:
        """Which contributions the plan holds: those `posted`, or those `required`."""
        return "required" if self.posted is None or self.rules.fund.size is not None else "posted"

    @cached_property
    def covers(self) -> dict[int, Cover]:
        """The cover of one, of two, and of as many groups as the rulebook covers, by that number, over the scenarios
        that size the fund. Where a search has ended early, with the worst of all sets that were looked at."""
        if not any(one.open_scenarios for one in self.own_covers.values()):
            return self.own_covers
        return {number: self.cover_over(self.counted, number) for number in self.own_covers}

    def cover_over(self, counted: Flags, number: int) -> Cover:
        """The cover of so many groups over some scenarios, those that size the fund among them."""
        return self.sets[number].cover(counted).raised(self.measured.left.get(cover_name(number)))

    @property
    def figures(self) -> dict[str, Cover]:
        """Every figure over the scenarios that size the fund, or test it, by name."""
        covers = {cover_name(number): one for number, one in self.covers.items()}
        tests = {IN_FORCE: self.tested} | ({REQUIRED: self.tested_if_required} if self.in_force == "posted" else {})
        own = self.rules.stress.resources
        others = {way: one for way, one in self.covers_by_resources.items() if way != own}
        ways = {aside(cover_name(self.cover_count), way): one for way, one in others.items()}
        return covers | {EMIR: self.emir} | tests | ways

    @cached_property
    def _own_sets(self) -> dict[int, WorstSets]:
        """By number of groups, the sets that the search of each found in every scenario."""
        return {number: worst_sets(self.losses, number) for number in cover_numbers(self.cover_count)}

    @cached_property
    def sets(self) -> dict[int, WorstSets]:
        """The worst sets of one, of two, and of as many groups as the rulebook covers in every scenario, by number."""
        return {number: one.or_known(self._others(number), self._lost) for number, one in self._own_sets.items()}

    def _others(self, number: int) -> list[WorstSets]:
        """Sets of no more groups that were found in search of something else."""
        fewer = [one for count, one in self._own_sets.items() if count < number]
        return [*fewer, self.own_coverage.sets] if number >= self.cover_count else fewer

    def _lost(self, scenario: int, groups: tuple[int, ...]) -> int:
        """What a set loses over margin."""
        return int(self.losses.of_groups(scenario, groups).sum())

    @cached_property
    def coverage(self) -> Coverage:
        """The coverage test in every scenario; where its search has ended early, with the worst of all sets that were
        looked at."""
        own = self.own_coverage
        if own.proved.all():
            return own
        known = [one for count, one in self._own_sets.items() if count <= self.cover_count]
        return replace(own, sets=own.sets.or_known(known, partial(taken, self.plan, self.losses)))

    def test_over(self, counted: Flags) -> LeftUncovered:
        """The coverage test over some scenarios, those that size the fund among them."""
        return self.coverage.over(counted).raised(self.measured.left.get(IN_FORCE))

    @cached_property
    def tested(self) -> LeftUncovered:
        """The coverage test over the scenarios that size the fund."""
        return self.test_over(self.counted)

    @cached_property
    def tested_if_required(self) -> LeftUncovered:
        """The same as if every member had paid in what is required of it."""
        plan = make_plan(self.rules, self.plan.roster, np.array(self.required, dtype=np.int64))
        found = worst_uncovered(plan, self.losses, self.cover_count, self.counted)
        return or_known(found, plan, self.losses, self.tested, self.cover).raised(self.measured.left.get(REQUIRED))

    @cached_property
    def covers_by_resources(self) -> dict[str, Cover]:
        """Cover-N by way of counting margin."""
        number, left, own = self.cover_count, self.measured.left, self.rules.stress.resources
        return {
            way: self.cover
            if way == own
            else worst_cover(losses, number, self.counted).raised(left.get(aside(cover_name(number), way)))
            for way, losses in self.measured.by_resources.items()
        }

    def largest_groups(self, scenario: int, count: int | None = None) -> tuple[int, ...]:
        """The set of at most `count` groups (default: the rulebook's number) that loses most over margin."""
        number = count or self.cover_count
        if number in self.sets:
            return self.sets[number].groups[scenario]
        return worst_set(self.losses, scenario, number, as_it_is(len(self.plan.groups))).groups

    def losing_groups(self, scenario: int) -> tuple[int, ...]:
        """The groups of cover-N that make its amount in a scenario."""
        return losing(self.losses, scenario, self.largest_groups(scenario))

    def worst_scenario(self, count: int | None = None) -> int:
        """The scenario among those that size the fund that is worst for `count` groups."""
        number = count or self.cover_count
        return (self.covers.get(number) or worst_cover(self.losses, number, self.counted)).scenario

    def event(self, scenario: int, groups: tuple[int, ...], before: tuple[int, ...] = ()) -> Event:
        """A default of a set of groups in one scenario, after those `before`: of what the set loses together."""
        return self.books(scenario, groups, before).event(groups, self.known(scenario, groups))

    def books(self, scenario: int, groups: tuple[int, ...], before: tuple[int, ...] = ()) -> Books:
        """What a set of groups loses in one scenario, and the margin that counts against it."""
        return Books(*self.losses.of_members(scenario, groups, before), self.measured.counted_by_member(scenario))

    def known(self, scenario: int, groups: tuple[int, ...]) -> Circumstances:
        """What is known of such a default beyond losses."""
        event = (self.measured, self.plan, scenario, groups, lambda: self.sides)
        return with_claims(circumstances(*event), *event)

    def sold(self, scenario: int, groups: tuple[int, ...]) -> SoldTogether | None:
        """What some groups lose more for defaulting together; None where there is nothing of the kind."""
        return sold_together(self.losses, scenario, groups)

    @cached_property
    def sides(self) -> Sides:
        """What every member holds."""
        return sides_of(self.portfolio, self.measured.model.rows) if self.held is None else self.held()

    def outcome(self, scenario: int, groups: tuple[int, ...]) -> Outcome:
        """Who pays when some groups default in one scenario."""
        return run_waterfall(self.plan, self.event(scenario, groups))

    def payments(self, scenario: int, groups: tuple[int, ...]) -> Outcome:
        """As `outcome`, but nobody's claims are looked for where the loss does not reach a tier that cuts them: such a
        tier then has nothing, and pays nothing. For many events, each of which would go through the book."""
        known = circumstances(self.measured, self.plan, scenario, groups, lambda: self.sides)
        found = run_waterfall(self.plan, self.books(scenario, groups).event(groups, known))
        reached = any(draw.kind.cuts_claims and draw.owed for draw in found.draws)
        return self.outcome(scenario, groups) if reached else found

    @property
    def worst_event(self) -> tuple[int, tuple[int, ...]]:
        """The scenario and groups of cover-N: of all sets that were looked at, the one that loses most."""
        return self.cover.scenario, tuple(self.cover.groups)

    @property
    def coverage_test_event(self) -> tuple[int, tuple[int, ...]]:
        """The scenario that sizes the fund, and the groups, that leave most uncovered with the fund in force."""
        return self.tested.scenario, tuple(self.tested.groups)


def size_fund(measured: Measured, held: Callable[[], Sides] | None = None) -> Sized:
    """Size the fund, share it out, and test what is prefunded against the worst default in every scenario.

    `held` gives what members hold, where somebody keeps it.
    """
    counted = counted_scenarios(measured)
    size = fund_needed(measured, counted)
    tested = coverage(size.plan, measured.losses, measured.rules.fund.cover)
    return Sized(measured, counted, *size, tested, held)


class FundNeeded(NamedTuple):
    """The fund that some losses ask for, as `Sized` has it, and the plan that is resolved against it."""

    covers: dict[int, Cover]
    emir: Cover
    fund: FundSize
    weights: list[int]
    required: list[int]
    posted: Cents | None
    plan: Plan


def fund_needed(measured: Measured, counted: Flags) -> FundNeeded:
    """Size the fund by the counted scenarios, and share it out."""
    rulebook, roster = measured.rules, measured.roster
    rules, minor = rulebook.fund, minor_units(rulebook.currency_digits)
    left, found = measured.left, covers_of(measured.losses, rules.cover, counted)
    covers = {number: one.raised(left.get(cover_name(number))) for number, one in found.items()}
    emir = emir_42_3(measured.losses, counted).raised(left.get(EMIR))
    fund = fund_size(rules, covers[rules.cover].amount, emir.amount, len(roster.members), minor)
    weights = contribution_weights(measured, counted)
    required = contributions(fund.required, weights, scaled_up(minor, exact(rules.minimum_contribution)))
    posted = posted_contributions(measured)
    basis = np.array(required, dtype=np.int64)
    in_force = basis if posted is None or rules.size is not None else posted
    plan = make_plan(rulebook, roster, in_force, basis)
    return FundNeeded(covers, emir, fund, weights, required, posted, plan)


def counted_scenarios(measured: Measured) -> Flags:
    """Which scenarios size the fund."""
    return np.array([label.sizes_fund for label in measured.scenarios.labels], dtype=bool)


def contribution_weights(measured: Measured, counted: Flags) -> list[int]:
    """What the fund is shared by: each member's margin, or its worst loss over margin among counted scenarios."""
    if measured.rules.fund.allocation == "stress_loss_share":
        return [int(loss) for loss in measured.losses.over_margin[:, counted].max(axis=1)]
    return [int(margin) for margin in measured.by_member(measured.found.pool_margin)]


def posted_contributions(measured: Measured) -> Cents | None:
    """What the members have paid in today, in order of member id, or None when the book does not say."""
    book = measured.case.book
    if not book.states_contributions:
        return None
    stated = book.member_column("fund_contribution").to_numpy()
    return to_minor(stated, measured.digits)
