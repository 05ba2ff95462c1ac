"""Which windows of the history were run over the book, and for what some are kept as scenarios."""

from typing import Any

import polars as pl

from ccp.report.elements import Exhibit, Provenance, Table, TableColumn
from ccp.runs.run import Run

COLUMNS = (TableColumn("reason", "kept for"), TableColumn("windows", "windows", "count"))
FIELDS = ("run.windows.count", "run.windows.why")


def windows_sentence(windows: pl.DataFrame) -> str:
    """How many windows were run, and how many are kept, from `windows.parquet`; nothing where there are none."""
    if windows.is_empty():
        return ""
    count, kept = windows["first_day"].n_unique(), windows.filter("kept")["first_day"].n_unique()
    span = f"from {windows['first_day'].min()} to {windows['last_day'].max()}"
    if windows["cover_1"].null_count() == windows.height:
        return f"The history has {count:,} windows {span}; {kept:,} of them were run over the book."
    return f"{count:,} windows of the history, {span}, were run over the book; {kept:,} are kept as scenarios."


def windows_exhibits(run: Run) -> tuple[Exhibit, ...]:
    """For what windows are kept, reason by reason; nothing where the book was not run in all of them."""
    stated: dict[str, Any] = run.manifest["run"].get("windows", {})
    if not stated.get("why"):
        return ()
    rows = sorted(stated["why"].items(), key=lambda pair: -pair[1])
    frame = pl.DataFrame(rows, schema=[column.name for column in COLUMNS], orient="row")
    note = (
        "Windows in which this is worst of all, or may be where books are sold together; one may be kept for several."
    )
    source = Provenance("manifest.json", FIELDS)
    return (Exhibit("windows", "Why windows of the history are kept", (source,), Table(frame, COLUMNS, note)),)
