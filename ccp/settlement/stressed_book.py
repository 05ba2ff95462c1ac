"""The book of a stress day: what each pool's margin counts for, and the scenarios that it is run in.

Every stress day looks at the history as it is known on it, window by window, where the rulebook asks for that.
"""

from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
import polars as pl

from ccp.book.book import Book
from ccp.margin.collateral import counted_margin, value_in_scenarios, within_limits
from ccp.margin.requirement import Requirement
from ccp.market.case import Case
from ccp.pricing.horizon import case_scenarios
from ccp.scenarios.kept import KeptScenarios
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.settlement.clearing import Clearing
from ccp.settlement.state import CycleState
from ccp.settlement.terms import RunTerms
from ccp.settlement.today import Today, after_haircut, portfolio_of
from ccp.sizing.coverage import IN_FORCE
from ccp.sizing.joint_windows import Everywhere, LossView, with_joint_worst
from ccp.sizing.windows import candidate_losses, objectives, of_classes, screened_by
from ccp.stress.measure import Measured, measure_stress
from ccp.stress.parts import COUNTED, MOVED
from ccp.stress.windows import Counting, Screened, window_model
from ccp.types import Cents, Index


@dataclass(frozen=True)
class StressedBook:
    """What is stressed on a day. `first` is the book in the scenarios that need no look at the windows, and run through
    those; `kept` what was measured last, by the windows that were kept."""

    case: Case
    requirement: Requirement
    counting: Counting
    first: Measured
    kept: dict[KeptScenarios, Measured] = field(default_factory=dict)

    def measured(self, terms: RunTerms, state: CycleState) -> Measured:
        """The book in the scenarios that count as things stand: the windows that are worst for the fund of now, with
        supplementary margin counted and without."""
        if not self.first.found.windows:
            return self.first
        assert self.first.windows is not None
        first, way = self.first, self.first.model.way
        everywhere = Everywhere(self.first.windows, first.model.rows, first.found.windows, self._counted)
        margin, plan, own = state.supplementary, state.standing.plan, candidate_losses(first)[way]

        def views(kept: Measured) -> list[LossView]:
            less = [(kept.losses.less(margin, kept.roster), own.less(margin, kept.roster))] if margin.any() else []
            return [everywhere.view(*both, way, {IN_FORCE: plan}) for both in [(kept.losses, own), *less]]

        measured, screened = with_joint_worst(self._screened(terms, state), self._run, views)
        return replace(measured, screened=screened)

    def _counted(self, scenarios: ScenarioSet, pools: Index) -> dict[str, Cents]:
        """What counts as margin of some pools in some scenarios, by way."""
        return {way: amounts[pools] for way, amounts in self.counting(scenarios).items()}

    def _run(self, kept: KeptScenarios) -> Measured:
        """The book in the windows and the single names that are kept."""
        if kept not in self.kept:
            stress = case_scenarios(self.case, kept=kept)
            self.kept[kept] = measure_stress(self.case, stress, self.requirement, self.counting)
        return self.kept[kept]

    def _screened(self, terms: RunTerms, state: CycleState) -> Screened:
        """The windows in which somebody loses most."""
        first, model, plan = self.first, self.first.windows, state.standing.plan
        assert model is not None
        own = candidate_losses(first)[first.model.way]
        margin = state.supplementary
        views = [own, own.less(margin, first.roster)] if margin.any() else [own]
        found = chain.from_iterable(objectives(first, view, [plan]) for view in views)
        return screened_by(first, model, own, chain(found, of_classes(first, model)))


def stressed_book(clearing: Clearing, state: CycleState, today: Today) -> StressedBook:
    """The book of today, without the accounts of groups in default."""
    case, requirement = today.case, today.requirement
    active = state.event[clearing.terms.account_group] == 0
    if not active.all():
        kept = portfolio_of(clearing, today.holding, active, today.day)
        gone = [name for name, event in zip(kept.groups, state.event.tolist(), strict=True) if event]
        case = replace(case, prepared=kept, book=_without_issuers(case.book, gone))
        requirement = replace(requirement, account_margin=np.where(active, requirement.account_margin, 0))
    counting, amounts = _counting(clearing, state, today, clearing.terms.by_pool(requirement.account_margin))
    windows = None if clearing.given else window_model(case)
    scenarios = clearing.given or case_scenarios(case)
    return StressedBook(
        case, requirement, counting, measure_stress(case, scenarios, requirement, counting, windows, amounts)
    )


def _without_issuers(book: Book, groups: list[str]) -> Book:
    """The book in which some groups have issued nothing: who is in default already does not default again."""
    issuer = pl.col("issuer_id")
    still = pl.when(issuer.is_in(groups)).then(None).otherwise(issuer).alias("issuer_id")
    return replace(book, instruments=book.instruments.with_columns(still))


def _counting(clearing: Clearing, state: CycleState, today: Today, required: Cents) -> tuple[Counting, int]:
    """What counts of pools' margin in some scenarios, `required` being that of pools that are not in default, and how
    many amounts that takes in one."""
    terms, lines, held = clearing.terms, today.lines, after_haircut(clearing, today, state)
    way, whole = terms.rulebook.stress.resources, terms.by_pool(today.requirement.account_margin)
    if lines is None or terms.rulebook.collateral.stress != "scenario":
        return lambda scenarios: {way: counted_margin(way, required, held, None)}, 0
    counts, cash = within_limits(lines, whole, terms.digits), state.cash[:, None].copy()

    def moved(scenarios: ScenarioSet) -> dict[str, Cents]:
        moves = scenarios.over(terms.rulebook.collateral_days)
        return {way: counted_margin(way, required, held, value_in_scenarios(counts, moves, terms.digits) + cash)}

    return moved, COUNTED * len(required) + MOVED * len(lines.pool)
