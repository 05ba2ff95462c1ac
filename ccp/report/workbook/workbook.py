"""Finished runs as a workbook: what they are, their figures, a sheet a table. The same runs give the same bytes."""

import importlib.util
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from ccp.errors import refuse
from ccp.report.workbook.plan import SheetPlan, planned
from ccp.runs.run import Run
from ccp.runs.write import check_file_free, write_file

if TYPE_CHECKING:
    from xlsxwriter import Workbook

CREATED = datetime(2000, 1, 1, tzinfo=UTC)
"""Stated as the day of making, so that nothing in the file depends on it."""


def write_workbook(runs: Sequence[Run], out: Path, overwrite: bool = False) -> None:
    """Write the workbook of one or several runs, whole or not at all. Raises InputError."""
    check_file_free(out, overwrite)
    if importlib.util.find_spec("xlsxwriter") is None:
        expected = "the library for workbooks was expected to be installed: pip install 'ccp-waterfall[report]'"
        raise refuse(str(out), expected)
    write_file(out, _workbook(runs, planned(runs), out), overwrite)


def _workbook(runs: Sequence[Run], plan: SheetPlan, out: Path) -> bytes:
    """The workbook's bytes. Rows go to temporary files at once, so that a long table does not stay in memory."""
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import XlsxWriterException

    made = BytesIO()
    try:
        with tempfile.TemporaryDirectory(prefix="ccp-") as folder:
            book = Workbook(made, {
                "constant_memory": True, "tmpdir": folder, "strings_to_formulas": False, "strings_to_urls": False,
                "strings_to_numbers": False,
            })  # fmt: skip
            _fill(book, runs, plan)
            book.close()
    except (OSError, XlsxWriterException) as error:
        raise refuse(str(out), f"cannot be written: {error}") from None
    return made.getvalue()


def _fill(book: "Workbook", runs: Sequence[Run], plan: SheetPlan) -> None:
    from ccp.report.workbook.about import put_about
    from ccp.report.workbook.cells import Look, put_frame, text_of
    from ccp.report.workbook.made import put_columns, put_figures

    book.set_properties({"title": ", ".join(text_of(name) for name in plan.names), "created": CREATED})
    look = Look(book)
    put_about(book.add_worksheet("About"), runs, plan, look)
    put_figures(book.add_worksheet("Figures"), runs, plan, look)
    for one in plan.sheets:
        put_frame(book.add_worksheet(one.name), one.read(), one.fields, one.digits, look)
    put_columns(book.add_worksheet("Columns"), plan, look)
