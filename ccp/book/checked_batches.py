"""Batches of positions met with the book's accounts and instruments: what they are as records, and what is wrong."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import dataframely as dy
import numpy as np
import polars as pl

from ccp.book.check import HOLDERS, Findings, check_holders, check_matched
from ccp.book.stored import RECORD
from ccp.errors import SHOWN, Problem
from ccp.frames import Positions
from ccp.tables import check_table
from ccp.types import Index, Vector


def _without_key(schema: type[dy.Schema]) -> type[dy.Schema]:
    """The schema of single rows: those that stand twice may be batches apart, and are found otherwise."""
    columns: dict[str, Any] = {name: copy(kind) for name, kind in schema.columns().items()}
    for kind in columns.values():
        kind.primary_key = False
    return type(schema.__name__, (dy.Schema,), columns)


ROWS = _without_key(Positions)


class Places:
    """Where ids stand in a list without repeats.

    Categories of polars: an `Enum` would carry the whole list into every call, a second for a million ids.
    """

    def __init__(self, ids: pl.Series):
        self.ids = ids
        self._number()

    def _number(self) -> None:
        """Number the ids: categories count in order of appearance, and last as long as something made of them does."""
        self._kind = pl.Categorical(pl.Categories.random())
        self._known = self.ids.cast(self._kind)

    def of(self, ids: pl.Series) -> Index | None:
        """The place of each, or None when any of them is empty or unknown, or when there is none."""
        if ids.null_count() or ids.dtype.is_nested() or ids.dtype == pl.Binary:
            return None
        place = ids.cast(pl.String).cast(self._kind).to_physical()
        highest = place.max()
        if isinstance(highest, int) and highest < len(self.ids):
            return place.to_numpy()
        self._number()  # unknown ids would stay
        return None


class CheckedBatches:
    """Takes a table of positions batch by batch, in order, and keeps what is wrong as it would be found in the whole.

    `gross` is what is held of each instrument so far, long and short.
    """

    def __init__(self, source: str, accounts: list[str], instruments: list[str]):
        ids = {"accounts": accounts, "instruments": instruments}
        self._source = source
        self._places = {name: Places(pl.Series(known, dtype=pl.String)) for name, known in ids.items()}
        self._table, self._unknown = Findings(), {name: Findings() for name in ids}
        self._net, self.gross = np.zeros(len(instruments)), np.zeros(len(instruments))

    def records(self, batch: pl.DataFrame, begin: int) -> np.ndarray:
        """A batch as records, `begin` its first row's place in the table. Where it has problems, they are kept, and
        the records are of rows whose account and instrument are known."""
        records = self._records(batch)
        if records is None:
            typed = self._look_closer(batch, begin)
            records = self._records(typed)
            if records is None:
                return self._add_known(typed)
        self._add(records["instrument"], records["quantity"])
        return records

    def conclude(self, matched: bool, findings: Findings, repeated: Callable[[], Findings]) -> None:
        """Hand over all that was found: of the table alone, then between tables. `matched` as in a book's checks;
        `repeated` finds positions of which there is more than one, and is asked if anything is wrong."""
        between = Findings()
        for found in self._unknown.values():
            between.add(found.problems, found.total)
        if matched:
            table = {"instrument_id": self._places["instruments"].ids, "net": self._net, "gross": self.gross}
            check_matched(pl.DataFrame(table).filter(pl.col("gross").is_finite()), self._source, between)
        if self._table.total or between.total:
            again = repeated()
            own = sorted(self._table.problems + again.problems, key=lambda one: one.row or 0)
            findings.add(own[:SHOWN], self._table.total + again.total)
            findings.add(between.problems, between.total)

    def _records(self, batch: pl.DataFrame) -> np.ndarray | None:
        """A batch as records, or None when anything about it needs a closer look."""
        if set(batch.columns) != set(ROWS.columns()) or not batch.schema["quantity"].is_numeric():
            return None
        account = self._places["accounts"].of(batch["account_id"])
        instrument = self._places["instruments"].of(batch["instrument_id"])
        quantity = batch["quantity"].cast(pl.Float64, strict=False)
        if account is None or instrument is None or quantity.null_count() or not quantity.is_finite().all():
            return None
        records = np.empty(len(batch), dtype=RECORD)
        records["account"], records["instrument"], records["quantity"] = account, instrument, quantity.to_numpy()
        return records

    def _look_closer(self, batch: pl.DataFrame, begin: int) -> pl.DataFrame:
        """Keep everything that is wrong with a batch; its rows as the table has them."""
        typed, problems, total = check_table(batch, ROWS, self._source)
        told = {(one.field, one.expected) for one in self._table.problems if one.row is None}
        new = [one for one in problems if one.row is not None or (one.field, one.expected) not in told]
        _keep(self._table, _moved(new, begin), total - (len(problems) - len(new)))
        here = [one for one in self._table.problems if one.row is None or begin < one.row <= begin + len(batch)]
        for name, found in self._unknown.items():
            own = Findings()
            own.problems = _moved(here, -begin)
            check_holders(typed, {name: self._places[name].ids}, self._source, own)
            _keep(found, _moved(own.problems[len(here) :], begin), own.total)
        return typed

    def _add(self, instrument: Index, quantity: Vector) -> None:
        count = len(self.gross)
        self._net += np.bincount(instrument, quantity, minlength=count)
        self.gross += np.bincount(instrument, np.abs(quantity), minlength=count)

    def _add_known(self, typed: pl.DataFrame) -> np.ndarray:
        """Rows of a batch that has problems: sums of known instruments, and nothing of one with a quantity missing."""
        known = {name: self._places[name].ids.implode() for name in HOLDERS}
        rows = typed.with_columns(pl.col("quantity").fill_null(np.nan)).filter(
            pl.col("instrument_id").is_in(known["instruments"])
        )
        instrument, quantity = self._places["instruments"].of(rows["instrument_id"]), rows["quantity"].to_numpy()
        if instrument is not None:
            self._add(instrument, np.where(np.isfinite(quantity), quantity, np.nan))
        rows = rows.with_columns(quantity=0.0).filter(pl.col("account_id").is_in(known["accounts"]))
        records = self._records(rows)
        return np.empty(0, RECORD) if records is None else records


def _moved(problems: list[Problem], rows: int) -> list[Problem]:
    return [one if one.row is None else replace(one, row=one.row + rows) for one in problems]


def _keep(findings: Findings, problems: list[Problem], total: int) -> None:
    """Add problems, of which only the first are ever shown."""
    findings.add(problems[: max(SHOWN - len(findings.problems), 0)], total)
