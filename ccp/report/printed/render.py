"""A pack as a PDF. The same pack gives the same bytes: nothing in it depends on when it is made."""

import json
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

from ccp.report.cells import written_rows
from ccp.report.charts.still import drawing
from ccp.report.elements import Exhibit, Pack, Section

MOST_ROWS, MOST_COLUMNS = 60, 14
"""Of longer and wider tables behind a chart so much is printed; the page and the workbook hold the whole."""


def printed(pack: Pack) -> bytes:
    """The pack on A4 pages."""
    with tempfile.TemporaryDirectory(prefix="ccp-") as name:
        folder = Path(name)
        template = (files("ccp.report.printed") / "pack.typ").read_text(encoding="utf-8")
        (folder / "main.typ").write_text(template, encoding="utf-8")
        stated = json.dumps(_stated(pack, folder), ensure_ascii=False)
        (folder / "pack.json").write_text(stated, encoding="utf-8")
        return typst.compile(str(folder / "main.typ"), root=name, format="pdf", timestamp=0)  # type: ignore[no-any-return]


def _stated(pack: Pack, folder: Path) -> dict[str, Any]:
    """The pack as plain data; its charts are drawn into the folder."""
    return {
        "title": pack.title,
        "subtitle": pack.subtitle,
        "currency": pack.currency,
        "tone": pack.tone,
        "verdict": pack.verdict,
        "warnings": pack.warnings,
        "sections": [_section(section, pack.digits, folder) for section in pack.sections],
    }


def _section(section: Section, digits: int, folder: Path) -> dict[str, Any]:
    return {
        "title": section.title,
        "paragraphs": section.paragraphs,
        "tiles": [vars(tile) | {"source": str(tile.source)} for tile in section.tiles],
        "figures": [_figure(figure, digits, folder) for figure in section.figures],
    }


def _figure(figure: Exhibit, digits: int, folder: Path) -> dict[str, Any]:
    drawn = None
    if figure.draw is not None:
        drawn = f"{figure.key}.svg"
        (folder / drawn).write_text(drawing(figure, False), encoding="utf-8")
    columns = figure.table.columns[:MOST_COLUMNS]
    rows = [row[: len(columns)] for row in written_rows(figure.table, digits)[:MOST_ROWS]]
    return {
        "title": figure.title,
        "reading": figure.reading,
        "drawing": drawn,
        "headings": [column.heading for column in columns],
        "kinds": [column.kind for column in columns],
        "rows": rows,
        "note": " ".join(part for part in (figure.table.note, _left_out(figure)) if part),
        "sources": [str(source) for source in figure.sources],
    }


def _left_out(figure: Exhibit) -> str:
    """What of a table is not printed."""
    rows, columns = figure.table.frame.height, len(figure.table.columns)
    if rows <= MOST_ROWS and columns <= MOST_COLUMNS:
        return ""
    shown = f"{min(rows, MOST_ROWS)} of {rows} rows and {min(columns, MOST_COLUMNS)} of {columns} columns"
    return f"Printed are {shown}; the page and the workbook have all."
