"""The daily cycle from files to files."""

import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import polars as pl

from ccp.api.inputs import DEFAULT_RULEBOOK, in_memory, input_files
from ccp.book.book import Book
from ccp.errors import InputError
from ccp.exposure.run import Progress
from ccp.frames import types_of
from ccp.market.case import Case
from ccp.market.history import Market, read_market
from ccp.notes.note import Note, notes_of, worst_of
from ccp.pricing.horizon import case_scenarios
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.commands import COMMANDS
from ccp.runs.journal import Journal
from ccp.runs.manifest import manifest, with_notes
from ccp.runs.write import check_free
from ccp.scenarios.below_zero import refuse_below_zero
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.settlement.calendar import due_days
from ccp.settlement.cycle import Cycle, DayResult
from ccp.settlement.notes import day_notes, run_notes
from ccp.settlement.opening import RunRequest, open_run
from ccp.settlement.results import day_row, day_tables, event_rows, waterfall_rows
from ccp.settlement.state import CycleState
from ccp.settlement.state_file import OtherFormError, read_state, state_bytes
from ccp.settlement.terms import RunTerms

KIND = COMMANDS["simulate"]


class Simulation:
    """A finished run: `days`, `events` and `waterfall` as tables, `summary` in figures, where it is on disk, and what a
    reader must know beside the figures (`notes`): of several days the one on which a rule is met least."""

    def __init__(self, out: Path, tables: dict[str, pl.DataFrame], summary: dict[str, Any], notes: list[Note]):
        self.out, self.tables, self.summary, self.notes = out, tables, summary, notes

    @property
    def days(self) -> pl.DataFrame:
        """One row a day."""
        return self.tables["days"]


def simulate(
    book: Path | str | Book,
    out: Path | str,
    request: RunRequest,
    rulebook: str | Path | Rulebook = DEFAULT_RULEBOOK,
    market: str | Path | Market | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Simulation:
    """Run the daily cycle over the days asked for, and write it to `out` day by day.

    `resume` goes on with a run that was broken off there, and ends with the same bytes as an unbroken one.
    Raises InputError.
    """
    rules = rulebook if isinstance(rulebook, Rulebook) else load_rulebook(rulebook)
    prices = market if isinstance(market, Market) else read_market(market)
    terms = open_run(book, prices, rules, request)
    given = given_scenarios(request, terms)
    stated = _manifest(terms, rulebook, request)
    journal, cycle = Journal(Path(out), KIND.daily), Cycle(terms, given)
    state = _begin(journal, stated, cycle.first_state(), resume, overwrite)
    rows = journal.keep([day.isoformat() for day in terms.dates[: 0 if state is None else state.day + 1]])
    for result in _days(cycle, state, journal, rows):
        row = day_row(terms, result) | {
            "of_events": event_rows(terms, result.settled),
            "of_waterfall": waterfall_rows(terms, result.settled),
            "of_notes": [
                one.as_dict() for one in day_notes(terms, result, request.scenarios and request.scenarios.name)
            ],
        }
        day = terms.dates[result.day].isoformat()
        journal.write_day(day, day_tables(terms, result), row, state_bytes(result.state))
        rows.append(row)
        if progress is not None:
            progress(result.day + 1, terms.days)
    tables = _tables(rows)
    summary = summary_of(tables, rules)
    notes = worst_of([*run_notes(terms, request), *(one for row in rows for one in notes_of(row["of_notes"]))])
    journal.finish(tables, {"summary": summary, "manifest": with_notes(stated, notes)})
    return Simulation(Path(out), tables, summary, notes)


def _days(cycle: Cycle, state: CycleState | None, journal: Journal, rows: list[dict[str, Any]]) -> Iterator[DayResult]:
    """The days of a run. Wrong input that shows on the first day leaves nothing behind, later on the days so far."""
    try:
        yield from cycle.run(state)
    except InputError as error:
        if not rows:
            journal.abandon()
            raise
        (first, *others) = error.problems
        kept = replace(first, expected=f"{first.expected}; {len(rows)} whole days before it are kept")
        raise InputError([kept, *others], error.total) from None


def given_scenarios(request: RunRequest, terms: RunTerms) -> ScenarioSet | None:
    """The scenarios of a file, checked against the levels of every day on which they are run."""
    if request.scenarios is None:
        return None
    case, rules = terms.case, terms.rulebook
    found = case_scenarios(case, request.scenarios)
    run_on = sorted(due_days(terms, rules.settlement.stress) | due_days(terms, rules.fund.schedule))
    days = [terms.dates[day] for day in run_on]
    refuse_below_zero(found, replace(case.market, levels=terms.path), request.scenarios, days)
    return found


def _begin(
    journal: Journal, stated: dict[str, Any], first: CycleState, resume: bool, overwrite: bool
) -> CycleState | None:
    """Make the run's directory ready: to go on in it, or to begin. Returns the state to go on from."""
    if resume:
        found = journal.resume(stated)
        try:
            return None if found is None else read_state(found, first)
        except OtherFormError:
            raise journal.of_another_form() from None
        except (OSError, EOFError, ValueError, KeyError, BadZipFile):
            raise journal.damaged() from None
    check_free(Path(journal.shown), KIND.command, overwrite)
    if overwrite and journal.out.is_dir():
        shutil.rmtree(journal.out)
    journal.start(stated)
    return None


def _manifest(terms: RunTerms, rulebook: str | Path | Rulebook, request: RunRequest) -> dict[str, Any]:
    """What the run is made from; a run is only resumed with the same."""
    case: Case = terms.case
    inputs = input_files(case, rulebook, scenarios=request.scenarios, trades=request.trades)
    asked = {name: value for name, value in asdict(request).items() if name not in ("trades", "scenarios")}
    run = {"command": KIND.command, "modelled_factors": list(case.market.modelled), "days": terms.days, **_plain(asked)}
    if memory := in_memory(replace(case, market=replace(case.market, levels=terms.path))):
        run["in_memory"] = memory
    return manifest(inputs, case.rulebook, run)


def _plain(asked: dict[str, Any]) -> dict[str, Any]:
    """Dates as text, tuples as lists: what JSON gives back."""

    def plain(value: Any) -> Any:
        if isinstance(value, date):
            return value.isoformat()
        return [plain(entry) for entry in value] if isinstance(value, tuple) else value

    return {name: plain(value) for name, value in asked.items()}


def _tables(rows: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    """The tables of the whole run, from the rows of its days."""
    parts = {
        "days": [{name: value for name, value in row.items() if not name.startswith("of_")} for row in rows],
        "events": [event for row in rows for event in row["of_events"]],
        "waterfall": [line for row in rows for line in row["of_waterfall"]],
    }
    return {name: _table(name, lines) for name, lines in parts.items()}


def _table(name: str, lines: list[dict[str, Any]]) -> pl.DataFrame:
    schema = types_of(KIND.schemas[name])
    loose = {column: pl.String if kind == pl.Date else kind for column, kind in schema.items()}
    frame = pl.DataFrame(lines, schema=loose)
    return frame.with_columns(pl.col(column).str.to_date() for column, kind in schema.items() if kind == pl.Date)


def summary_of(tables: dict[str, pl.DataFrame], rulebook: Rulebook) -> dict[str, Any]:
    """The figures of a run: the worst of its days, and what its defaults came to."""
    days, events = tables["days"], tables["events"]
    stressed = days.filter(pl.col("cover_n").is_not_null())
    short, beyond = (stressed.filter(pl.col(name) > 0) for name in ("uncovered", "beyond_prefunded"))
    peak = stressed.sort("cover_n", "date", descending=[True, False]).row(0, named=True)
    return {
        "rulebook": rulebook.name,
        "currency": rulebook.currency,
        "from": str(days["date"][0]),
        "to": str(days["date"][-1]),
        "days": days.height,
        "cover": rulebook.fund.cover,
        "margin": {"first": days["margin"][0], "last": days["margin"][-1], **_range(days, "margin")},
        "variation": _range(days, "variation"),
        "largest_call": _range(days, "largest_call"),
        "called": _range(days, "called"),
        "exceptions": _exceptions(days),
        "breaches": {"days": days.filter(pl.col("breaches") > 0).height, "pools": days["breaches"].sum()},
        "cover_n": {
            "largest": peak["cover_n"],
            "date": str(peak["date"]),
            "scenario_id": peak["cover_scenario"],
            "groups": peak["groups"],
        },
        "fund": {**_range(days, "fund"), "last": days["fund"][-1]},
        "uncovered": {
            "stress_days": stressed.height,
            "days": short.height,
            "largest": short["uncovered"].max() or 0.0,
            "date": str(short.sort("uncovered", descending=True)["date"][0]) if short.height else None,
        },
        "beyond_prefunded": {
            "days": beyond.height,
            "largest": beyond["beyond_prefunded"].max() or 0.0,
            "date": str(beyond.sort("beyond_prefunded", descending=True)["date"][0]) if beyond.height else None,
        },
        "defaults": {
            "events": events.height,
            "loss": float(events["loss"].sum()),
            "uncovered": float(events["uncovered"].sum()),
        },
    }


def _exceptions(days: pl.DataFrame) -> dict[str, Any]:
    """How margin held over the liquidation periods that ended, and of how many last days none has."""
    ended = days.filter(pl.col("observations").is_not_null())
    return {
        "pools": ended["exceptions"].sum(),
        "observations": ended["observations"].sum(),
        "days": ended.filter(pl.col("exceptions") > 0).height,
        "days_without": days.height - ended.height,
        "largest": ended["largest_exception"].max() or 0.0,
    }


def _range(days: pl.DataFrame, column: str) -> dict[str, Any]:
    """The largest value of a column, and its day."""
    row = days.sort(column, "date", descending=[True, False]).row(0, named=True)
    return {"largest": row[column], "date": str(row["date"])}
