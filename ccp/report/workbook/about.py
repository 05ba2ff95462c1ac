"""The sheet About: what the workbook is of, how to read it, what is on its sheets and what is not."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from xlsxwriter.worksheet import Worksheet

from ccp.notes.note import Note
from ccp.report.listing.fields import currency_of
from ccp.report.pack.noted import notes_of_runs
from ccp.report.workbook.cells import CUT, Look, put, put_heading
from ccp.report.workbook.plan import SheetPlan
from ccp.runs.run import Run

WIDTHS = (34, 60, 18, 68)
READING = (
    "Values are those of the run's files in full; formats only round what is shown.",
    "Money is in the currency of the run, shares are in per cent, days are days; an empty cell: not known, or not so.",
    "The sheet Columns says what every column is, in which unit; Figures has the run's key figures by name.",
    "Nothing here is a formula, a link or a macro; text that begins like a formula is text.",
    f"Text too long for a cell is cut after {CUT:,} signs, and says so.",
)
Lines = Iterable[tuple[Any, ...]]


def put_about(sheet: Worksheet, runs: Sequence[Run], plan: SheetPlan, look: Look) -> None:
    """Write the sheet, section by section; one with nothing in it has no heading."""
    for column, width in enumerate(WIDTHS):
        sheet.set_column(column, column, width)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    row = 0
    for title, names, lines in _sections(runs, plan):
        found = list(lines)
        if found:
            row = _put_section(sheet, row, title, names, found, look) + 1


def _put_section(
    sheet: Worksheet, row: int, title: str, names: tuple[str, ...], lines: list[tuple[Any, ...]], look: Look
) -> int:
    put(sheet, row, 0, title, look.title)
    if names:
        row += 1
        put_heading(sheet, row, names, look)
    for line in lines:
        row += 1
        for column, value in enumerate(line):
            put(sheet, row, column, value, look.of("count" if isinstance(value, int) else "text", 0))
    return row + 1


def _sections(runs: Sequence[Run], plan: SheetPlan) -> Iterator[tuple[str, tuple[str, ...], Lines]]:
    """Every section: title, names of its columns, lines."""
    yield "What this is of", ("what", "value", "run"), chain.from_iterable(map(_facts, runs, plan.names))
    yield "How to read it", (), ((line,) for line in READING)
    sheets = ((one.name, one.content.meaning + _part(one.start, one.rows), one.rows, one.file) for one in plan.sheets)
    yield "Sheets", ("sheet", "what it holds", "rows", "from"), sheets
    yield "Left out: too long; ccp show prints it", (), ((line,) for line in plan.left_out)
    limits = dict.fromkeys(line for run in runs for line in run.kind.limits)
    yield "What no figure shows", (), ((line,) for line in limits)
    notes = notes_of_runs(runs).items()
    yield "Notes", ("note", "how much", "where", "id", "run"), ((*_note(one), run) for one, run in notes)
    conventions = {name: words for run in runs for name, words in run.manifest.get("conventions", {}).items()}
    yield "Conventions", ("convention", "as here"), conventions.items()
    yield "Inputs", ("input", "SHA-256", "file", "run"), chain.from_iterable(map(_inputs, runs, plan.names))
    yield "Made with", ("program or library", "version"), dict.fromkeys(chain.from_iterable(map(_programs, runs)))


def _facts(run: Run, called: str) -> Iterator[tuple[str, str, str]]:
    """What a run is: by whom, of which rules, of which day, in which money."""
    stated = run.manifest.get("run", {})
    rules = [run.manifest["rulebook"]] if "rulebook" in run.manifest else run.manifest.get("rulebooks", [])
    days = [stated[name] for name in ("date", "first", "from", "last", "to") if stated.get(name)]
    yield "made by", run.manifest["made_by"], called
    yield "version of the program", run.manifest["program"]["ccp"], called
    for one in rules:
        yield "rulebook", one["name"], called
    if days:
        yield "day" if len(days) == 1 else "days", " to ".join(days), called
    yield "currency", currency_of(run), called


def _part(start: int, rows: int) -> str:
    """Which rows of a table are on the sheet, where they are not all from the first on."""
    return f" Goes on: rows {start + 1:,} to {start + rows:,}." if start else ""


def _note(one: Note) -> tuple[str, ...]:
    return one.sentence, one.size, one.place, one.id


def _inputs(run: Run, called: str) -> Iterator[tuple[str, str, str, str]]:
    for role, one in run.manifest.get("inputs", {}).items():
        yield role, one["sha256"], one["file"], called


def _programs(run: Run) -> Iterator[tuple[str, str]]:
    yield from run.manifest["program"].items()
    yield from run.manifest.get("libraries", {}).items()
