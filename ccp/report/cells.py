"""How a table's cells are written, the same on the page and in print."""

from typing import Any

from ccp.report.elements import Table, TableColumn
from ccp.report.words import exact_amount

NOT_KNOWN = "–"
RIGHT = ("money", "share", "number", "count")
"""Kinds of columns that stand to the right."""


def written(value: Any, column: TableColumn, digits: int) -> str:
    """One cell: money to the minor unit, shares in per cent, what is not known as a dash."""
    if value is None:
        return NOT_KNOWN
    if column.kind == "money":
        return exact_amount(value, digits)
    if column.kind == "share":
        return f"{value:.2%}"
    if column.kind == "count":
        return f"{int(value):,}"
    if column.kind == "number":
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.2f}"
    if column.kind == "flag":
        return "yes" if value else "no"
    return str(value)


def written_rows(table: Table, digits: int) -> list[list[str]]:
    """All rows of a table, as they are written."""
    names = [column.name for column in table.columns]
    return [
        [written(value, column, digits) for value, column in zip(row, table.columns, strict=True)]
        for row in table.frame.select(names).iter_rows()
    ]
