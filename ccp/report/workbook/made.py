"""The sheets Figures and Columns: the documents of runs as paths and values, and what every column means."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from xlsxwriter.worksheet import Worksheet

from ccp.report.listing.fields import digits_of
from ccp.report.listing.figures import DocumentFigure, documents_of, figures_of
from ccp.report.workbook.cells import Look, finish, put, put_heading
from ccp.report.workbook.plan import SheetPlan
from ccp.runs.run import Run

FIGURES = ("run", "document", "path", "value", "unit", "meaning")
FIGURE_WIDTHS = [24, 14, 50, 28, 20, 70]
COLUMNS = ("sheet", "column", "kind", "unit", "meaning")
COLUMN_WIDTHS = [24, 24, 10, 20, 90]


def put_figures(sheet: Worksheet, runs: Sequence[Run], plan: SheetPlan, look: Look) -> None:
    """Write every figure of the runs' documents, numbers as numbers and days as days.

    Not those that other sheets tell: the manifest (About) and events (the payments on `waterfall`).
    """
    put_heading(sheet, 0, FIGURES, look)
    row, text = 0, look.of("text", 0)
    for run, called in zip(runs, plan.names, strict=True):
        left_to_show = {name for name, one in run.kind.documents.items() if not one.in_workbook}
        for document in documents_of(run):
            for figure in [] if document in left_to_show else figures_of(run, document):
                row += 1
                words = (called, document, figure.field.name, None, figure.field.unit, figure.field.meaning)
                for column, value in enumerate(words):
                    put(sheet, row, column, value, text)
                put(sheet, row, FIGURES.index("value"), _value(figure), look.of(figure.field.kind, digits_of(run)))
    finish(sheet, row, FIGURE_WIDTHS)


def _value(figure: DocumentFigure) -> Any:
    """A figure; the text of a day as a day."""
    if figure.field.kind == "date" and isinstance(figure.value, str):
        try:
            return date.fromisoformat(figure.value)
        except ValueError:
            return figure.value
    return figure.value


def put_columns(sheet: Worksheet, plan: SheetPlan, look: Look) -> None:
    """Write what every column of every sheet is: its kind, unit and meaning."""
    put_heading(sheet, 0, COLUMNS, look)
    lines = [
        (one.name, field.name, field.kind, field.unit, field.meaning) for one in plan.sheets for field in one.fields
    ]
    for row, line in enumerate(lines, start=1):
        for column, value in enumerate(line):
            put(sheet, row, column, value, look.of("text", 0))
    finish(sheet, len(lines), COLUMN_WIDTHS)
