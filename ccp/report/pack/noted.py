"""The notes of runs: at the head of a pack, before any figure."""

from collections.abc import Sequence

import polars as pl

from ccp.notes.note import Note
from ccp.report.elements import Exhibit, Provenance, Section, Table, TableColumn
from ccp.runs.run import Run

COLUMNS = (
    TableColumn("id", "id"),
    TableColumn("sentence", "note"),
    TableColumn("place", "where"),
    TableColumn("size", "how much"),
    TableColumn("run", "run"),
)


def notes_of_runs(runs: Sequence[Run]) -> dict[Note, str]:
    """The notes of runs, each with the first run that has it."""
    found: dict[Note, str] = {}
    for run in runs:
        for one in run.notes:
            found.setdefault(one, run.called)
    return found


def notes_section(runs: Sequence[Run]) -> Section | None:
    """Every note: what a rule asked for and did not get, and what else a reader must know; None where there is none."""
    found = notes_of_runs(runs)
    if not found:
        return None
    rows = [(one.id, one.sentence, one.place, one.size, run) for one, run in found.items()]
    frame = pl.DataFrame(rows, schema=[column.name for column in COLUMNS], orient="row")
    source = Provenance("manifest.json", ("notes",))
    words = ("What a rule asked for and did not get, and what else figures do not say of themselves.",)
    table = Exhibit("notes", "Notes", (source,), Table(frame, COLUMNS, stacked=True))
    return Section("notes", "Notes", words, figures=(table,))


def notes_counted(runs: Sequence[Run]) -> list[str]:
    """That there are notes, in a line."""
    count = len(notes_of_runs(runs))
    stand = "1 note stands" if count == 1 else f"{count} notes stand"
    return [f"{stand} below: what rules asked for and did not get."] if count else []
