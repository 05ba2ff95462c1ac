"""A sized fund held ready for questions: another event, another fund, other capital. Only what changes is computed."""

from dataclasses import replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock

from ccp.api.base import FOLDER
from ccp.api.default import check_cover, group_places, scenario_place
from ccp.api.explored import View, view_of
from ccp.api.inputs import DEFAULT_RULEBOOK, open_inputs
from ccp.api.kept_base import read_base
from ccp.api.settings import Settings, changed_rules, named, with_shocks
from ccp.book.book import Book
from ccp.errors import refuse_argument
from ccp.exposure.run import Progress
from ccp.market.history import Market
from ccp.money import to_units
from ccp.pricing.horizon import case_scenarios
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.commands import commands_with
from ccp.runs.run import open_run
from ccp.scenarios.kept import NONE_KEPT
from ccp.scenarios.scenario_set import at_multiple, without_multiple
from ccp.scenarios.stress_set import screened_at
from ccp.sizing.size import Sized, size_fund
from ccp.sizing.windows import measured_case, named_window, with_windows
from ccp.stress.claims import Sides, sides_of
from ccp.stress.measure import Measured, measured_of
from ccp.stress.more_scenarios import measure_in

MOST_ANSWERS, MOST_MULTIPLES = 16, 6
"""Answers, and measurements at another multiple, that are kept: those used last."""


class Explorer:
    """Answers questions about a sized fund: those of `ccp size` and `ccp default` under the changed rulebook, to the
    cent. Several threads may ask.

    `base` is the fund as it was sized; `given`: whether the scenarios came out of a file, and have no multiples.
    """

    def __init__(self, measured: Measured, given: bool = False):
        self.given = given
        self.base = size_fund(measured, lambda: self._sides)
        self._one_at_a_time = Lock()
        self._answer = lru_cache(MOST_ANSWERS)(self._view)
        self._measured_at = lru_cache(MOST_MULTIPLES)(self._measure_at)

    @property
    def rulebook(self) -> Rulebook:
        """The run's own rules."""
        return self.base.rules

    @cached_property
    def run(self) -> View:
        """The run as it was: its own worst event under its own rules."""
        return self.view(Settings())

    def view(self, settings: Settings | None = None) -> View:
        """The answer under some settings. Raises InputError."""
        with self._one_at_a_time:
            return self._answer(settings or Settings())  # type: ignore[arg-type] - frozen models can be hashed

    def before(self, view: View) -> View:
        """The event of an answer under the run's own rules and with its own fund."""
        coverage = self.run.coverage
        with self._one_at_a_time:
            measured = _under(view.sized.measured, self.rulebook)
            sized = replace(self.base, measured=measured)
            return view_of(view.settings.event, sized, view.scenario, view.groups, coverage)

    def _view(self, settings: Settings) -> View:
        check_cover(settings.cover, settings.defaulters, len(self.base.plan.groups))
        held = self.base.plan.size_of(lambda kind: kind.own_capital)
        own = float(to_units(held, self.rulebook.currency_digits))
        rules = changed_rules(self.rulebook, settings, own)
        scenario = settings.scenario
        if settings.multiple is not None:
            scenario = at_multiple(self._unmultiplied(rules, settings), settings.multiple)
        measured = self._measured_at(settings.multiple)
        shocked = named(with_shocks(rules, settings.multiple), self.rulebook)
        by_name = NONE_KEPT if self.given or scenario is None else named_window(measured.case, scenario)
        sized = size_fund(with_windows(_under(measured, shocked), by_name), lambda: self._sides)
        return view_of(settings, sized, *self._event(sized, settings, scenario))

    def _event(self, sized: Sized, settings: Settings, scenario: str | None) -> tuple[int, tuple[int, ...]]:
        """The scenario and the groups that are asked for."""
        scenarios = sized.scenarios
        place = sized.worst_scenario(settings.cover) if scenario is None else scenario_place(scenarios, scenario)
        if settings.defaulters is not None:
            return place, group_places(sized.case, settings.defaulters)
        return place, sized.largest_groups(place, settings.cover)

    def _unmultiplied(self, rules: Rulebook, settings: Settings) -> str:
        """The scenario asked for as it is called without a multiple; of the worst, the one among the run's own."""
        if self.given:
            expected = "no multiple was expected: scenarios out of a file are run as they stand"
            raise refuse_argument("settings", expected, field="multiple", value=settings.multiple)
        scenarios = self.base.scenarios
        if settings.scenario is None:
            sized = size_fund(with_windows(_under(self.base.measured, rules)))
            return without_multiple(scenarios.labels[sized.worst_scenario(settings.cover)])
        names = {label.scenario_id: without_multiple(label) for label in scenarios.labels}
        return names.get(settings.scenario, settings.scenario)

    def _measure_at(self, multiple: float | None) -> Measured:
        """The book measured, at a further multiple of its scenarios where one is asked for."""
        rules, base = with_shocks(self.rulebook, multiple), self.base.measured
        if rules == self.rulebook:
            return base
        case = replace(base.case, rulebook=rules)
        if base.screened is None:
            return measure_in(base, case, case_scenarios(case))
        if screened_at(rules.stress) != screened_at(self.rulebook.stress):
            return measured_case(case)
        return measure_in(base, case, case_scenarios(case, kept=base.screened.kept))

    @cached_property
    def _sides(self) -> Sides:
        """What every member holds."""
        return sides_of(self.base.portfolio, self.base.measured.model.rows)


def _under(measured: Measured, rules: Rulebook) -> Measured:
    """What was measured, under rules that measure alike."""
    return replace(measured, case=replace(measured.case, rulebook=rules))


def explore_run(run: Path | str) -> Explorer:
    """A run of `ccp size --base`, held ready for questions. Raises InputError."""
    open_run(run, commands_with(lambda row: FOLDER in row.folders))
    base = read_base(run)
    return Explorer(with_windows(measured_of(base.case, base.model, [base.found])), base.scenarios is not None)


def explore_book(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook = DEFAULT_RULEBOOK,
    market: str | Path | Market | None = None,
    scenarios: Path | str | None = None,
    day: date | None = None,
    progress: Progress | None = None,
) -> Explorer:
    """A book sized in memory and held ready for questions. Arguments as `size` has them. Raises InputError."""
    file = None if scenarios is None else Path(scenarios)
    case = open_inputs(book, rulebook, market, day)
    case = replace(case, prepared=case.portfolio)
    return Explorer(measured_case(case, file, progress), file is not None)
