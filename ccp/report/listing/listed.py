"""A table or a document of a run as it is asked for: some rows in some order, how many there are, totals."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ccp.errors import refuse, refuse_argument
from ccp.report.cells import written
from ccp.report.listing.fields import SEVERAL, Field, currency_of, digits_of, fields_of, key_of, meaning_of
from ccp.report.listing.figures import documents_of, figures_of
from ccp.report.listing.selection import Asked, chosen, narrowed, ordered
from ccp.runs.run import Run, collected

FIGURE_FIELDS = (
    Field("path", "text", "", "keys, and places in lists from 0, joined by dots"),
    Field("value", "text", "", "the figure"),
    Field("unit", "text", "", "what it is in"),
    Field("meaning", "text", "", "what it says"),
)
WRITTEN = "written"
"""A document's values as people read them; beside the columns that can be asked for."""


@dataclass(frozen=True)
class Listing:
    """What was asked for. `frame` holds the rows shown, `matching` of `whole` rows meet the conditions.

    `totals` are sums over all matching rows, by column; `place` is the file it came from.
    """

    place: str
    meaning: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    frame: pl.DataFrame
    matching: int
    whole: int
    totals: dict[str, float]
    currency: str
    digits: int


@dataclass(frozen=True)
class Content:
    """A table or document of a run: its columns and, read as far as is needed, its rows."""

    place: str
    meaning: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    frame: pl.LazyFrame
    is_document: bool

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return collected(self.frame.select(pl.len()), self.place).item()


def content_of(run: Run, name: str) -> Content:
    """A table or a document by its name, also with the end of its file's name. Raises InputError."""
    name = name.removesuffix(".parquet").removesuffix(".json")
    if name in run.tables:
        frame, place = run.lazy(name), table_place(run, name)
        fields = fields_of(run, name, collected(frame.head(0), place).schema)
        return Content(place, meaning_of(run, name), fields, tuple(key_of(run, name)), frame, False)
    if name not in documents_of(run):
        known = ", ".join([*run.tables, *documents_of(run)])
        raise refuse(run.name, f"no such table or document; this run has {known}", value=name)
    document = run.kind.documents.get(name)
    meaning = "A document that this program does not know." if document is None else document.meaning
    return Content(f"{run.name}/{name}.json", meaning, FIGURE_FIELDS, ("path",), _figures(run, name), True)


def table_place(run: Run, name: str) -> str:
    """Where a table stands; of one that is kept a file a day, all its files."""
    if run.folder is not None and (run.folder / name).is_dir():
        return f"{run.name}/{name}/*.parquet"
    return run.place(name)


def _figures(run: Run, name: str) -> pl.LazyFrame:
    """A document's figures as rows, values in full as text, and in `written` as people read them."""
    digits = digits_of(run)
    rows = [
        (field.name, _as_text(value), field.unit, field.meaning, written(value, field.shown, digits))
        for field, value in ((one.field, one.value) for one in figures_of(run, name))
    ]
    names = (*(field.name for field in FIGURE_FIELDS), WRITTEN)
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").lazy()


def _as_text(value: str | float | int | bool | None) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def asked_rows(content: Content, asked: Asked, exact: bool = True) -> tuple[tuple[Field, ...], pl.LazyFrame]:
    """The columns and, not yet read, the rows that are asked for; a document's values `exact` or as people read them.

    Raises InputError.
    """
    if content.is_document and (asked.order or asked.totals):
        raise refuse_argument(
            "order" if asked.order else "totals", "a table was expected; a document keeps its own order"
        )
    fields = chosen(content.fields, asked.columns)
    rows = ordered(narrowed(content.frame, content.fields, asked.where), content.fields, asked.order)
    rows = rows if asked.rows is None else rows.head(asked.rows)
    if content.is_document and not exact:
        rows = rows.with_columns(pl.col(WRITTEN).alias("value"))
    return fields, rows.select(field.name for field in fields)


def listing(run: Run, name: str, asked: Asked, exact: bool = False) -> Listing:
    """What is asked of a table or document. Only what is shown is held. Raises InputError."""
    content = content_of(run, name)
    fields, rows = asked_rows(content, asked, exact)
    matching = narrowed(content.frame, content.fields, asked.where)
    whole = content.rows
    return Listing(
        content.place,
        content.meaning,
        fields,
        content.key,
        collected(rows, content.place),
        collected(matching.select(pl.len()), content.place).item() if asked.where else whole,
        whole,
        _totals(matching, fields, run, content.place) if asked.totals else {},
        currency_of(run),
        digits_of(run),
    )


def _totals(rows: pl.LazyFrame, fields: Sequence[Field], run: Run, place: str) -> dict[str, float]:
    """Sums of the columns of money, exact: in whole minor units of 128 bits."""
    digits = digits_of(run)
    if currency_of(run) == SEVERAL:
        raise refuse_argument("totals", "amounts in one currency were expected; these are in each rulebook's own")
    names = [field.name for field in fields if field.kind == "money"]
    if not names:
        raise refuse_argument("totals", "at least one column of money was expected among those shown")
    sums = ((pl.col(name) * 10**digits).round().cast(pl.Int128).sum() for name in names)
    found = collected(rows.select(sums), place).row(0, named=True)
    return {name: int(value) / 10**digits for name, value in found.items()}
