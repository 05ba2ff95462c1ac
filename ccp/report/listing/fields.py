"""What the columns of a run's tables are: kind, unit and meaning, from the schemas; and the money they are in."""

from dataclasses import dataclass
from typing import Any

import dataframely as dy
import polars as pl

from ccp.columns import MONEY, stated_column
from ccp.columns import Column as Stated
from ccp.report.elements import Kind, TableColumn
from ccp.runs.run import Run

SHARES = {
    "buffer_left", "call_1_share", "call_5_share", "call_20_share", "coverage", "default_probability", "haircut",
    "loss_share", "relative", "step_1", "step_5", "step_20", "touched_share",
}  # fmt: skip
"""Columns, as `ccp.columns` names them, that are shown in per cent."""
COUNTS = {
    "apart_exceptions", "apart_observations", "breaches", "day_observations", "event", "exceptions", "observations",
    "period_exceptions", "periods_ended", "replayed_default", "round", "step_days", "tier_place",
}  # fmt: skip
"""Columns that hold whole numbers."""


@dataclass(frozen=True)
class Field:
    """A column, or a figure of a document: what its values are, in which unit, and what they mean."""

    name: str
    kind: Kind
    unit: str
    meaning: str

    @property
    def shown(self) -> TableColumn:
        """The column as pages take it, under its own name."""
        return TableColumn(self.name, self.name, self.kind)


SEVERAL = "each rulebook's currency"


def currency_of(run: Run) -> str:
    """The currency of a run's amounts; of several rulebooks with a currency each, that in words."""
    found = list(dict.fromkeys(str(rules.get("currency", "")) for rules in _rulebooks(run)))
    return found[0] if len(found) == 1 else SEVERAL


def digits_of(run: Run) -> int:
    """The decimal digits of a run's amounts: the most that any of its rulebooks has."""
    return max((int(rules.get("currency_digits", 2)) for rules in _rulebooks(run)), default=2)


def _rulebooks(run: Run) -> list[dict[str, Any]]:
    stated = run.manifest.get("rulebook")
    return [stated] if isinstance(stated, dict) else run.manifest.get("rulebooks", [])


def meaning_of(run: Run, table: str) -> str:
    """What a table of a run holds, in a sentence."""
    schema = run.kind.schema(table)
    if schema is None:
        return f"Not a table that ccp {run.command} writes."
    text = " ".join((schema.__doc__ or "").split())
    text = text.partition(": ")[2] if text.startswith("Result") else text
    return text[:1].upper() + text[1:]


def key_of(run: Run, table: str) -> list[str]:
    """The columns that name a table's rows, where its schema says so."""
    schema = run.kind.schema(table)
    return [] if schema is None else schema.primary_key()


def fields_of(run: Run, table: str, schema: pl.Schema) -> tuple[Field, ...]:
    """The columns of a table as they stand in its file. One that the schema does not know has its kind and no more."""
    known = run.kind.schema(table)
    stated = {} if known is None else known.columns()
    currency = currency_of(run)
    return tuple(_field(name, dtype, _stated(stated.get(name)), currency) for name, dtype in schema.items())


def _stated(column: dy.Column | None) -> Stated | None:
    return None if column is None else stated_column(column)


def _field(name: str, dtype: pl.DataType, stated: Stated | None, currency: str) -> Field:
    kind = _kind(dtype, stated)
    if stated is None:
        return Field(name, kind, "", "")
    return Field(name, kind, unit_of(kind, currency, stated.unit), stated.meaning)


def _kind(dtype: pl.DataType, stated: Stated | None) -> Kind:
    """The kind of a column: what is stated of it, as far as its values in the file are numbers at all."""
    if dtype.is_temporal():
        return "date"
    if dtype == pl.Boolean:
        return "flag"
    if not dtype.is_numeric():
        return "text"
    if stated is not None and stated.unit == MONEY:
        return "money"
    if stated is not None and stated.name in SHARES:
        return "share"
    return "count" if dtype.is_integer() or (stated is not None and stated.name in COUNTS) else "number"


def unit_of(kind: Kind, currency: str, other: str = "") -> str:
    """The unit of values of a kind, in words."""
    return {"money": currency, "share": "share, 1 is 100 %"}.get(kind, other)
