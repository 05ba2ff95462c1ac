"""Positions larger than memory: read batch by batch into a `StoredPositions`, and checked on the way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from ccp.book.check import Findings, check_holders, check_matched
from ccp.book.stored import RECORD, StoredPositions
from ccp.errors import SHOWN, refuse
from ccp.frames import Positions
from ccp.tables import check_table

BATCH_ROWS = 2**21
"""Rows read at a time, at most; a row group of the file is the least that can be."""

Progress = Callable[[int, int], None]


@dataclass
class _Sums:
    """What is held of each instrument over all batches so far: net, and long and short together."""

    net: np.ndarray
    gross: np.ndarray

    def add(self, instrument: np.ndarray, quantity: np.ndarray) -> None:
        count = len(self.net)
        self.net += np.bincount(instrument, quantity, minlength=count)
        self.gross += np.bincount(instrument, np.abs(quantity), minlength=count)


class Places:
    """Where ids stand in a list without repeats.

    Categories of polars: an `Enum` would carry the whole list into every call, a second for a million ids.
    """

    def __init__(self, ids: pl.Series):
        self._kind = pl.Categorical(pl.Categories.random())
        self._known = ids.cast(self._kind)  # the categories last as long as this does, in order of appearance
        self._count = len(ids)

    def of(self, ids: pl.Series) -> np.ndarray | None:
        """The place of each, or None when any of them is empty or unknown."""
        if ids.null_count() or ids.dtype.is_nested() or ids.dtype == pl.Binary:
            return None
        place = ids.cast(pl.String).cast(self._kind).to_physical()
        highest = place.max()
        return place.to_numpy() if isinstance(highest, int) and highest < self._count else None


def store_positions(
    path: Path,
    accounts: pl.Series,
    instruments: pl.Series,
    edges: np.ndarray,
    file: Path,
    matched: bool,
    findings: Findings,
    batch_rows: int = BATCH_ROWS,
    progress: Progress | None = None,
) -> StoredPositions:
    """Read positions batch by batch into `file`, apart by ranges of accounts, and check them on the way.

    `accounts` and `instruments` are the book's ids in order, `edges` the bounds of the ranges. What is wrong goes to
    `findings`; that no account holds an instrument twice is found out when a part is loaded.
    """
    sums = _Sums(np.zeros(len(instruments)), np.zeros(len(instruments)))
    places = Places(accounts), Places(instruments)
    runs, written = [], 0
    with file.open("wb") as out:
        for begin, total, batch in _batches(path, batch_rows):
            records = _records(batch, *places)
            if records is None:
                _find_problems(batch, begin, path.name, accounts, instruments, findings)
            else:
                sums.add(records["instrument"], records["quantity"])
                place = np.searchsorted(edges, records["account"], "right") - 1
                order = np.argsort(place, kind="stable")
                out.write(records[order].tobytes())
                counts = np.bincount(place, minlength=len(edges) - 1)
                held = np.flatnonzero(counts)
                firsts = written + np.cumsum(counts)[held] - counts[held]
                runs.append(np.column_stack([held, firsts, counts[held]]))
                written += len(records)
            if progress is not None:
                progress(min(begin + batch_rows, total), total)
    if matched and not findings.total:
        table = {"instrument_id": instruments, "net": sums.net, "gross": sums.gross}
        check_matched(pl.DataFrame(table), path.name, findings)
    found = np.concatenate(runs) if runs else np.zeros((0, 3), dtype=np.int64)
    return StoredPositions(file, edges, found.astype(np.int64), sums.gross)


def _batches(path: Path, rows: int) -> Iterator[tuple[int, int, pl.DataFrame]]:
    """A Parquet table in order, batch by batch: the first row's place, how many rows there are, and the rows."""
    if path.suffix != ".parquet":
        raise refuse(
            str(path), "with a bound on memory positions are read from Parquet: positions.parquet was expected"
        )
    try:
        table = pl.scan_parquet(path)
        total = int(table.select(pl.len()).collect().item())
        if not total:
            raise refuse(path.name, "at least one row was expected, the table is empty")
        for begin in range(0, total, rows):
            yield begin, total, table.slice(begin, rows).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise refuse(str(path), f"cannot be read as parquet: {first_line}") from None


def _records(batch: pl.DataFrame, accounts: "Places", instruments: "Places") -> np.ndarray | None:
    """A batch as records, or None when anything about it needs a closer look."""
    if set(batch.columns) != set(Positions.columns()) or not batch.schema["quantity"].is_numeric():
        return None
    account, instrument = accounts.of(batch["account_id"]), instruments.of(batch["instrument_id"])
    quantity = batch["quantity"].cast(pl.Float64)
    if account is None or instrument is None or quantity.null_count() or not quantity.is_finite().all():
        return None
    records = np.empty(len(batch), dtype=RECORD)
    records["account"], records["instrument"], records["quantity"] = account, instrument, quantity.to_numpy()
    return records


def _find_problems(
    batch: pl.DataFrame, begin: int, source: str, accounts: pl.Series, instruments: pl.Series, findings: Findings
) -> None:
    """Everything that is wrong with the rows of a batch, by their place in the whole table."""
    own = Findings()
    typed, problems, total = check_table(batch, Positions, source)
    own.add(problems, total)
    check_holders(typed, {"accounts": accounts, "instruments": instruments}, source, own)
    moved = [one if one.row is None else replace(one, row=one.row + begin) for one in own.problems]
    known = {(one.field, one.expected) for one in findings.problems if one.row is None}
    new = [one for one in moved if one.row is not None or (one.field, one.expected) not in known]
    findings.add(new[: max(SHOWN - len(findings.problems), 0)], own.total - (len(moved) - len(new)))


def repeated_rows(path: Path, account_id: str, instrument_id: str) -> list[int]:
    """The rows, from 1, in which an account holds an instrument."""
    same = (pl.col("account_id").cast(pl.String) == account_id) & (
        pl.col("instrument_id").cast(pl.String) == instrument_id
    )
    table = pl.scan_parquet(path).with_row_index("row", offset=1).filter(same).select("row")
    return table.collect(engine="streaming")["row"].to_list()
