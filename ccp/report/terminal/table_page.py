"""What the terminal shows after `ccp show`: a run's tables and documents, or the rows of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.report.cells import RIGHT, written
from ccp.report.listing.fields import Field
from ccp.report.listing.figures import figures_of
from ccp.report.listing.listed import Content, Listing, content_of
from ccp.report.listing.selection import Asked, sort_names
from ccp.report.terminal.fitting import GAP, Cells, fitted, heading
from ccp.report.terminal.noted import note_lines
from ccp.report.words import exact_amount
from ccp.runs.run import Run

LONGEST = 160
"""Signs of a text that are shown; `--csv` and `--json` have it whole."""
RANKS = {"money": 1, "date": 1}
"""By kind, which columns stay longest where there is no room for all; those that name the row stay longer."""


@dataclass(frozen=True)
class Held:
    """A line of a run's contents: `columns` is None for a document."""

    name: str
    rows: int
    columns: int | None
    meaning: str


def contents(run: Run, tables: Sequence[str], documents: Sequence[str]) -> list[Held]:
    """What a run holds. Raises InputError."""
    found = []
    for name in tables:
        content = content_of(run, name)
        found.append(Held(name, content.rows, len(content.fields), content.meaning))
    return found + [_document(run, name) for name in documents]


def _document(run: Run, name: str) -> Held:
    return Held(name, len(figures_of(run, name)), None, content_of(run, name).meaning)


def contents_page(run: Run, held: Sequence[Held]) -> RenderableType:
    """The tables and documents of a run: how large each is, and what it holds."""
    table = Table(box=None, pad_edge=False)
    for name in ("name", "rows", "columns", "what it holds"):
        right = name in ("rows", "columns")
        table.add_column(name, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for one in held:
        columns = "document" if one.columns is None else str(one.columns)
        table.add_row(plain(one.name), f"{one.rows:,}", columns, one.meaning)
    foot = f"\nccp show {plain(run.name)} NAME prints one of them, --describe what its columns are."
    notes = [Text(line) for line in ("", *note_lines(run.notes))] if run.notes else []
    return Group(Text(f"{plain(run.name)}, by {run.manifest['made_by']}", style="bold"), table, *notes, Text(foot))


def columns_page(content: Content) -> RenderableType:
    """The columns of a table: kind, unit and meaning of each."""
    table = Table(box=None, pad_edge=False)
    for name in ("column", "kind", "unit", "meaning"):
        table.add_column(name, no_wrap=name == "kind", overflow="fold")
    for field in content.fields:
        table.add_row(plain(field.name), field.kind, field.unit or "-", field.meaning or "-")
    return Group(Text(content.meaning, style="bold"), table, Text(f"\nFrom {plain(content.place)}"))


def table_page(found: Listing, asked: Asked, width: int) -> RenderableType:
    """The rows asked for, as they fit into a terminal `width` wide, and what is left out."""
    kept = sort_names(asked.order) | ({field.name for field in found.fields} if asked.columns else set())
    columns = [_cells(found, field, place) for place, field in enumerate(found.fields)]
    view = fitted(columns, width, kept)
    unit = f" Money in {found.currency}." if any(field.kind == "money" for field in found.fields) else ""
    parts: list[RenderableType] = [Text(f"{found.meaning}{unit}", style="bold")]
    if view.alike:
        parts.append(Text(f"In every row: {'; '.join(f'{name} = {value}' for name, value in view.alike)}"))
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_footer=bool(found.totals))
    for one, room in view.columns:
        side = "right" if one.right else "left"
        table.add_column(Text(heading(one.name, room)), Text(one.foot), justify=side, width=room, overflow="fold")
    for row in zip(*(one.cells for one, _ in view.columns), strict=True):
        table.add_row(*map(Text, row))
    return Group(*parts, table, Text(f"\n{_foot(found, view.hidden, asked)}"))


def plain(text: str) -> str:
    """A text that a terminal shows as it is: whatever steers one is written out, and what is very long is cut."""
    shown = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text[:LONGEST])
    return shown if len(text) <= LONGEST else f"{shown}..."


def _cells(found: Listing, field: Field, place: int) -> Cells:
    rank = 2 if field.name in found.key or place == 0 else RANKS.get(field.kind, 0)
    cells = tuple(_written(value, field, found.digits) for value in found.frame[field.name].to_list())
    total = exact_amount(found.totals[field.name], found.digits) if field.name in found.totals else ""
    return Cells(field.name, field.kind in RIGHT, rank, cells, total or "sum" * (bool(found.totals) and place == 0))


def _written(value: Any, field: Field, digits: int) -> str:
    """A cell as on the page, but text that is safe for a terminal, and minus zero is zero."""
    if field.kind == "text" and value is not None:
        return plain(str(value))
    amount = value + 0.0 if field.kind == "money" and value is not None else value
    return written(amount, field.shown, digits)


def _foot(found: Listing, hidden: Sequence[str], asked: Asked) -> str:
    """How many rows are shown, of which file, and what is hidden."""
    shown = found.frame.height
    rows = f"{shown:,} of {found.matching:,} rows"
    if found.matching < found.whole:
        rows += f" that match, of {found.whole:,}"
    lines = [f"{rows}, from {plain(found.place)}" + (" (--all shows all)" if shown < found.matching else "")]
    if hidden:
        many = "1 column is" if len(hidden) == 1 else f"{len(hidden)} columns are"
        way = "name fewer of them" if asked.columns else "--columns NAME,NAME shows those named"
        lines.append(f"{many} hidden for want of room: {', '.join(hidden)} ({way}; --csv has all)")
    return "\n".join(lines)
