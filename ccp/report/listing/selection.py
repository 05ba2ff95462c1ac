"""Which rows of a table are asked for: conditions on columns, an order, columns. Read by hand; nothing is evaluated."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from ccp.errors import InputError, refuse_argument
from ccp.report.listing.fields import Field

FORM = re.compile(r"\s*([^<>=!~]*?)\s*(==|!=|<=|>=|=|<|>|~)\s*(.*?)\s*", re.DOTALL)
SIGNS = "= != < <= > >= ~"
WORDS = {"true": True, "yes": True, "false": False, "no": False}
ORDERED: dict[str, Callable[[pl.Expr, Any], pl.Expr]] = {
    "<": pl.Expr.lt,
    "<=": pl.Expr.le,
    ">": pl.Expr.gt,
    ">=": pl.Expr.ge,
}


@dataclass(frozen=True)
class Asked:
    """What is asked of a table. `rows` is the most to show, None all; `totals` whether sums of money are wanted."""

    where: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    columns: str | None = None
    rows: int | None = None
    totals: bool = False


def narrowed(frame: pl.LazyFrame, fields: Sequence[Field], where: Sequence[str]) -> pl.LazyFrame:
    """The rows that meet every condition, each `COLUMN OP VALUE`. Raises InputError."""
    return frame.filter(*(_condition(text, fields) for text in where)) if where else frame


def ordered(frame: pl.LazyFrame, fields: Sequence[Field], order: Sequence[str]) -> pl.LazyFrame:
    """The rows by some columns, the first counts most; `-COLUMN` falls. Ties stay in the file's order.

    Cells without a value come last. Raises InputError.
    """
    if not order:
        return frame
    falls = [name.startswith("-") for name in order]
    names = [_field("order", name.removeprefix("-"), fields).name for name in order]
    return frame.sort(names, descending=falls, nulls_last=True, maintain_order=True)


def chosen(fields: Sequence[Field], columns: str | None) -> tuple[Field, ...]:
    """The columns asked for, separated by commas, in that order; all of them where none are. Raises InputError."""
    if columns is None:
        return tuple(fields)
    names = dict.fromkeys(name.strip() for name in columns.split(","))
    return tuple(_field("columns", name, fields) for name in names)


def sort_names(order: Sequence[str]) -> set[str]:
    """The columns that an order is by."""
    return {name.removeprefix("-") for name in order}


def _condition(text: str, fields: Sequence[Field]) -> pl.Expr:
    found = FORM.fullmatch(text)
    if not found or not found[1]:
        expected = f"COLUMN OP VALUE was expected, such as 'margin > 1000000'; OP is one of {SIGNS}"
        raise refuse_argument("where", expected, value=text)
    field, sign, value = _field("where", found[1], fields), found[2].replace("==", "="), _unquoted(found[3])
    if sign == "~":
        return _contains(text, field, value)
    if sign in ORDERED:
        return ORDERED[sign](pl.col(field.name), _limit(text, field, value))
    same = _nothing(field) if value == "" else _content(field).eq_missing(_value(text, field, value))
    return same if sign == "=" else ~same


def _field(parameter: str, name: str, fields: Sequence[Field]) -> Field:
    found = next((field for field in fields if field.name == name), None)
    if found is None:
        known = ", ".join(field.name for field in fields)
        raise refuse_argument(parameter, f"no such column; there are {known}", value=name)
    return found


def _unquoted(value: str) -> str:
    """A value without the quotes around it, which keep blanks and signs."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def _content(field: Field) -> pl.Expr:
    """The column; listed words as plain text."""
    return pl.col(field.name).cast(pl.String) if field.kind == "text" else pl.col(field.name)


def _nothing(field: Field) -> pl.Expr:
    empty = pl.col(field.name).is_null()
    return empty | (_content(field) == "") if field.kind == "text" else empty


def _contains(text: str, field: Field, value: str) -> pl.Expr:
    """Whether the text is part of the cell, in capitals or not; of a date, of YYYY-MM-DD."""
    if field.kind not in ("text", "date"):
        raise refuse_argument(
            "where", f"~ asks for text inside text or a date; {field.name} is {_kind(field)}", value=text
        )
    content = pl.col(field.name).cast(pl.String).str.to_lowercase()
    return content.str.contains(value.lower(), literal=True)


def _limit(text: str, field: Field, value: str) -> Any:
    if field.kind in ("text", "flag"):
        raise refuse_argument(
            "where", f"{field.name} is {_kind(field)}, which is compared by = and != only", value=text
        )
    return _value(text, field, value)


def _kind(field: Field) -> str:
    return {"text": "text", "flag": "true or false", "date": "a date"}.get(field.kind, "a number")


def _value(text: str, field: Field, value: str) -> Any:
    """What a column is compared with, in the column's own kind."""
    if field.kind == "text":
        return value
    if field.kind == "flag":
        if value.lower() not in WORDS:
            raise _unfit(text, field, "true or false")
        return WORDS[value.lower()]
    if field.kind == "date":
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise _unfit(text, field, "a date, YYYY-MM-DD,") from None
    return _number(text, field, value)


def _number(text: str, field: Field, value: str) -> float:
    """A number as it is printed: thousands may stand apart, and `5%` is 0.05."""
    try:
        found = Decimal(value.removesuffix("%").strip().replace(",", ""))
    except InvalidOperation:
        raise _unfit(text, field, "a number") from None
    if not found.is_finite():
        raise _unfit(text, field, "a finite number")
    return float(found / 100 if value.endswith("%") else found)


def _unfit(text: str, field: Field, expected: str) -> InputError:
    return refuse_argument("where", f"{expected} was expected after {field.name}", value=text)
