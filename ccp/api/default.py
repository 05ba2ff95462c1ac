"""One default event, and who pays for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ccp.api.inputs import DEFAULT_RULEBOOK, open_inputs
from ccp.api.noted import contagion_notes, sized_notes
from ccp.api.run_manifest import run_manifest
from ccp.api.size import event_story
from ccp.book.book import Book
from ccp.errors import ArgumentProblem, InputError, refuse_argument
from ccp.exposure.run import Progress
from ccp.market.case import Case
from ccp.market.history import Market
from ccp.notes.note import Note
from ccp.pricing.horizon import case_scenarios
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.commands import COMMANDS
from ccp.runs.manifest import with_notes
from ccp.runs.write import write_run
from ccp.scenarios.kept import NONE_KEPT
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.sizing.rounds import rounds_of
from ccp.sizing.size import Sized, size_fund
from ccp.sizing.windows import measured_case, named_window
from ccp.waterfall.table import outcome_rows, waterfall_frame
from ccp.waterfall.trace import sums_of_rounds, trace_rounds

KIND = COMMANDS["default"]


@dataclass(frozen=True)
class DefaultEvent:
    """What `default` found: who paid what (`waterfall`), the story line by line (`trace`), and what a reader must know
    beside them (`notes`)."""

    waterfall: pl.DataFrame
    trace: dict[str, Any]
    manifest: dict[str, Any]
    notes: list[Note]

    def write(self, out: Path | str, overwrite: bool = False) -> Path:
        """Write the event to a directory, whole or not at all."""
        documents = {"trace": self.trace, "manifest": self.manifest}
        return write_run(Path(out), KIND.command, {"waterfall": self.waterfall}, documents, overwrite)


def default(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook = DEFAULT_RULEBOOK,
    scenario: str | None = None,
    defaulters: Sequence[str] | None = None,
    cover: int | None = None,
    market: str | Path | Market | None = None,
    scenarios: Path | str | None = None,
    day: date | None = None,
    progress: Progress | None = None,
    contagion: bool = False,
    fire_sale: bool | None = None,
) -> DefaultEvent:
    """Let some groups default in one scenario, and say who pays. The fund stays as the rulebook sizes it.

    With `contagion` members that cannot bear their bills default as well, round after round, and with `fire_sale`
    (default: as the rulebook says) selling their books moves the prices that all others are marked at.

    Without `defaulters` the `cover` groups (default: the rulebook's number) with the largest losses over margin in the
    scenario; without `scenario` the one that is worst for `cover` groups among those that size the fund.
    Raises InputError.
    """
    case = open_inputs(book, rulebook, market, day)
    check_cover(cover, defaulters, len(case.portfolio.groups))
    groups = None if defaulters is None else group_places(case, defaulters)
    file = None if scenarios is None else Path(scenarios)
    by_name = NONE_KEPT if scenario is None or file else named_window(case, scenario)
    if scenario is not None and not by_name:
        scenario_place(case_scenarios(case, file), scenario)
    sized = size_fund(measured_case(case, file, progress, by_name))
    stress = sized.scenarios
    place = None if scenario is None else scenario_place(stress, scenario)
    place = sized.worst_scenario(cover) if place is None else place
    chosen = groups or sized.largest_groups(place, cover)
    digits = case.rulebook.currency_digits
    chosen_by = "name" if groups else "largest losses"
    sells = _sells(sized, contagion, fire_sale)
    rounds = rounds_of(sized, place, chosen, sells) if contagion else []
    outcome = rounds[0].outcome if rounds else sized.outcome(place, chosen)
    story = event_story(sized, place, chosen, outcome)
    rows = outcome_rows(sized.plan, outcome, stress.ids[place], chosen_by, digits)
    for one in rounds[1:]:
        rows += outcome_rows(one.plan, one.outcome, stress.ids[place], "contagion", digits, one.number)
    if rounds:
        story |= {"rounds": trace_rounds(rounds, digits), "all_rounds": sums_of_rounds(rounds, digits)}
    notes = sized_notes(sized, file) + (contagion_notes(case, sells) if contagion else [])
    stated = with_notes(run_manifest(case, rulebook, file, sized.measured, KIND.command), notes)
    return DefaultEvent(waterfall_frame(rows), story, stated, notes)


def _sells(sized: Sized, contagion: bool, fire_sale: bool | None) -> bool:
    """Whether selling defaulters' books moves prices. Raises InputError."""
    if fire_sale and not contagion:
        raise refuse_argument("fire_sale", "a fire sale is part of contagion; `contagion` was expected beside it")
    return sized.rules.default_management.fire_sale if fire_sale is None else fire_sale


def check_cover(cover: int | None, defaulters: Sequence[str] | None, groups: int) -> None:
    """Refuse a number of defaulters beside their names, or more than there are groups. Raises InputError."""
    if cover is not None and defaulters is not None:
        raise refuse_argument("cover", "either defaulters or a cover number was expected, not both", value=cover)
    if cover is not None and cover < 1:
        raise refuse_argument("cover", "at least 1 was expected", value=cover)
    if cover is not None and cover > groups:
        raise refuse_argument("cover", f"at most {groups} was expected, as many as there are groups", value=cover)


def group_places(case: Case, names: Sequence[str]) -> tuple[int, ...]:
    """The groups of these names, by their places. Raises InputError."""
    known = {name: place for place, name in enumerate(case.portfolio.groups)}
    expected = f"no such group; the book's groups are {', '.join(case.portfolio.groups[:20])}"
    expected += ", ..." if len(known) > 20 else ""
    unknown = [ArgumentProblem("defaulters", expected, value=name) for name in names if name not in known]
    if unknown:
        raise InputError(unknown)
    if not names:
        raise refuse_argument("defaulters", "at least one group was expected")
    return tuple(dict.fromkeys(known[name] for name in names))


def scenario_place(stress: ScenarioSet, scenario_id: str) -> int:
    """The scenario of this id, by its place. Raises InputError."""
    if scenario_id not in stress.ids:
        shown = ", ".join(stress.ids[:12])
        expected = f"no such scenario; there are {stress.count}, for example {shown}"
        raise refuse_argument("scenario", expected, value=scenario_id)
    return stress.ids.index(scenario_id)
