"""Which sheets a workbook has: a sheet a table, of a longer one several; what is left out, and why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ccp.report.listing.fields import Field, digits_of
from ccp.report.listing.listed import Content, content_of
from ccp.runs.run import Run, collected

MOST_ROWS = 1_048_575
"""The rows that fit on a sheet below its heading; a longer table goes on on the next."""
MOST_DAILY_ROWS = 100_000
"""A table that is kept a file a day is left out when it has more rows than this."""
LONGEST_NAME = 31
NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
MADE = ("About", "Figures", "Columns")
"""The sheets that are not tables."""
TAKEN = ("History",)
"""Names that Excel keeps for itself."""


@dataclass(frozen=True)
class Sheet:
    """A table's rows from `start` on, as many as `rows`, on a sheet of its own. `file` says where they are from."""

    name: str
    file: str
    content: Content
    start: int
    rows: int
    digits: int

    @property
    def fields(self) -> tuple[Field, ...]:
        """The table's columns."""
        return self.content.fields

    def read(self) -> pl.DataFrame:
        """The sheet's rows. Raises InputError."""
        return collected(self.content.frame.slice(self.start, self.rows), self.content.place)


@dataclass(frozen=True)
class SheetPlan:
    """What the runs are called, all sheets of tables in order, and a line for every table that is left out."""

    names: tuple[str, ...]
    sheets: tuple[Sheet, ...]
    left_out: tuple[str, ...]


def planned(runs: Sequence[Run]) -> SheetPlan:
    """The sheets that the tables of some runs need. Raises InputError."""
    taken = {name.lower() for name in (*MADE, *TAKEN)}
    sheets: list[Sheet] = []
    left_out: list[str] = []
    names = run_names(runs)
    for place, (run, called) in enumerate(zip(runs, names, strict=True), start=1):
        for table in run.tables:
            content = content_of(run, table)
            file, rows = f"{called}{content.place.removeprefix(run.name)}", content.rows
            if table in run.kind.daily and rows > MOST_DAILY_ROWS:
                left_out.append(f"{file}: {rows:,} rows; of a daily table at most {MOST_DAILY_ROWS:,} are taken along")
            elif content.fields:
                named = f"{place} {table}" if len(runs) > 1 else table
                sheets += _sheets(named, file, run, content, rows, taken)
    return SheetPlan(names, tuple(sheets), tuple(left_out))


def run_names(runs: Sequence[Run]) -> tuple[str, ...]:
    """What runs are called: their directories without what these lie in, with a number where there are several."""
    names = [run.called for run in runs]
    return tuple(f"{place} {name}" for place, name in enumerate(names, start=1)) if len(runs) > 1 else tuple(names)


def _sheets(named: str, file: str, run: Run, content: Content, rows: int, taken: set[str]) -> list[Sheet]:
    """A sheet for every so many rows; one with its heading alone where there are none."""
    return [
        Sheet(sheet_name(named, taken), file, content, start, min(rows - start, MOST_ROWS), digits_of(run))
        for start in range(0, max(rows, 1), MOST_ROWS)
    ]


def sheet_name(wanted: str, taken: set[str]) -> str:
    """A name that Excel takes and that no other sheet has, capitals or not; it is added to those `taken`."""
    clean = NOT_IN_NAMES.sub("_", wanted)
    name, number = _short(clean, ""), 1
    while name.lower() in taken:
        number += 1
        name = _short(clean, f" ({number})")
    taken.add(name.lower())
    return name


def _short(name: str, tail: str) -> str:
    return (name[: LONGEST_NAME - len(tail)].strip("' ") or "table") + tail
