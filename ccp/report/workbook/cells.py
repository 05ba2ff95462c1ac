"""How cells are written: each by its kind, text always as text. Nothing in a workbook is a formula or a link."""

from datetime import date, datetime, time
from math import isfinite
from typing import Any

import polars as pl
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from ccp.report.elements import Kind
from ccp.report.listing.fields import Field

LONGEST_TEXT = 32_767
"""The most UTF-16 units that a cell may hold."""
CUT = 16_000
"""Where a longer text is cut: so many signs fit, whatever they are."""
FIRST_YEAR = 1901
"""Excel has no days before 1900, and counts those of its first weeks wrongly: earlier ones are written as text."""
WHOLE = 2**53
"""Beyond it not every whole number is a float."""
NARROWEST, WIDEST = 8, 60
FIXED = {"date": 11, "flag": 8, "share": 10, "number": 14}
FILTER = 3
"""Room for the arrow of the filter, in signs."""
HEADING: dict[str, Any] = {"bold": True, "bg_color": "#E8ECF2", "bottom": 1, "num_format": "@"}


class _Exact(float):
    """A number that is written with as many digits as tell it from every other; xlsxwriter would write sixteen."""

    def __format__(self, spec: str) -> str:
        return repr(float(self)).removesuffix(".0")


class Look:
    """The formats of a workbook's cells, each made once."""

    def __init__(self, book: Workbook):
        self._book = book
        self._made: dict[str, Format] = {}
        self.heading = book.add_format(HEADING)
        self.title = book.add_format({"bold": True, "font_size": 12, "num_format": "@"})

    def of(self, kind: Kind, digits: int) -> Format:
        """The format of a kind of values; `digits` are those of the currency."""
        number = number_format(kind, digits)
        if number not in self._made:
            self._made[number] = self._book.add_format({"num_format": number})
        return self._made[number]


def number_format(kind: Kind, digits: int) -> str:
    """How Excel shows values of a kind."""
    if kind == "money":
        return "#,##0" + ("." + "0" * digits if digits else "")
    return {"share": "0.00%", "count": "#,##0", "date": "yyyy-mm-dd", "text": "@"}.get(kind, "General")


def put(sheet: Worksheet, row: int, column: int, value: Any, look: Format) -> None:
    """Write a cell; of nothing, none."""
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value, look)
    elif isinstance(value, int | float) and isfinite(value) and (isinstance(value, float) or abs(value) <= WHOLE):
        sheet.write_number(row, column, _Exact(value), look)
    elif isinstance(value, date) and not isinstance(value, datetime) and value.year >= FIRST_YEAR:
        sheet.write_datetime(row, column, datetime.combine(value, time()), look)
    else:
        _put_text(sheet, row, column, text_of(value), look)


def text_of(value: Any) -> str:
    """A value as text that a file can hold: no longer than a cell, half characters and non-characters written out."""
    text = str(value)
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        text = text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    if len(text) <= CUT or len(text.encode("utf-16-le")) <= 2 * LONGEST_TEXT:
        return text
    return f"{text[:CUT]} ... (cut, {len(text):,} signs)"


def _put_text(sheet: Worksheet, row: int, column: int, text: str, look: Format) -> None:
    """Write text as text. What looks like xlsxwriter's own mark-up goes in two pieces, or it would be taken for it."""
    if text.startswith("<r>") and text.endswith("</r>"):
        sheet.write_rich_string(row, column, text[:1], Format(), text[1:], look)
    else:
        sheet.write_string(row, column, text, look)


def put_heading(sheet: Worksheet, row: int, names: tuple[str, ...], look: Look) -> None:
    """Write the names of columns."""
    for column, name in enumerate(names):
        put(sheet, row, column, name, look.heading)


def put_frame(sheet: Worksheet, frame: pl.DataFrame, fields: tuple[Field, ...], digits: int, look: Look) -> None:
    """Write a table: its heading frozen and with filters, every column as wide as it must be."""
    put_heading(sheet, 0, tuple(field.name for field in fields), look)
    looks = [look.of(field.kind, digits) for field in fields]
    for row, values in enumerate(frame.iter_rows(), start=1):
        for column, value in enumerate(values):
            put(sheet, row, column, value, looks[column])
    finish(sheet, frame.height, [_width(frame[field.name], field, digits) for field in fields])


def finish(sheet: Worksheet, rows: int, widths: list[int]) -> None:
    """What every sheet with a heading has: it stays in sight and on every page, and filters; columns have widths."""
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, rows, len(widths) - 1)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _width(values: pl.Series, field: Field, digits: int) -> int:
    """The signs that a column's longest value takes; of numbers none is too wide to be shown."""
    longest = FIXED.get(field.kind) or _longest(values, field.kind, digits)
    return max(NARROWEST, min(WIDEST, max(longest + 1, len(field.name) + FILTER)))


def _longest(values: pl.Series, kind: Kind, digits: int) -> int:
    if kind in ("money", "count"):
        numbers = values.cast(pl.Float64)
        ends = [one for one in (numbers.min(), numbers.max()) if isinstance(one, float) and isfinite(one)]
        return max((len(f"{one:,.{digits if kind == 'money' else 0}f}") for one in ends), default=0)
    longest = values.cast(pl.String, strict=False).str.len_chars().max() if _plain(values) else WIDEST
    return longest if isinstance(longest, int) else 0


def _plain(values: pl.Series) -> bool:
    """Whether a column's values have a form as text."""
    return isinstance(values.dtype, pl.String | pl.Enum | pl.Categorical)
