"""Positions larger than memory: read batch by batch into a `StoredPositions`, and checked on the way."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ccp.book.check import Findings
from ccp.book.checked_batches import CheckedBatches
from ccp.book.portfolio import Portfolio
from ccp.book.range_writer import RangeWriter
from ccp.book.row_groups import RowGroup, row_groups
from ccp.book.stored import StoredPositions
from ccp.book.stored_portfolio import StoredPortfolio, range_edges
from ccp.errors import SHOWN, Problem, refuse
from ccp.frames import Positions

READ_ROWS = 2**18
"""Rows read at a time: more are no faster."""
WRITE_ROWS = 2**22
"""Rows written apart together: the more, the fewer pieces a part is read from."""
RANGES = 4_096
"""Ranges of accounts that positions are written apart by."""
LISTED = 10_000
"""Repeated positions among which the first rows are looked for."""
KEY = Positions.primary_key()
SEARCHED_ROWS = 2**16
"""Rows read at a time when looking for them."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class BatchSizes:
    """How much is in memory while positions are read. The result does not depend on it."""

    read: int = READ_ROWS
    write: int = WRITE_ROWS
    ranges: int = RANGES


def store_positions(
    path: Path,
    tree: Portfolio,
    file: Path,
    matched: bool,
    findings: Findings,
    sizes: BatchSizes | None = None,
    progress: Progress | None = None,
) -> StoredPositions:
    """Read positions batch by batch into `file`, apart by ranges of accounts, and check them on the way.

    `tree` is the book without positions. What is wrong goes to `findings`, in the order of a book in memory. That an
    account holds an instrument twice is looked for only if anything else is wrong: else loading a part finds it.
    `progress` is called with rows done and all. Raises InputError for a file that cannot be read, OSError for one that
    cannot be written.
    """
    sizes = sizes or BatchSizes()
    checked = CheckedBatches(path.name, tree.accounts, tree.instruments)
    edges = range_edges(tree.account_pool, sizes.ranges)
    with file.open("wb", buffering=0) as out:
        writer = RangeWriter(out, edges, sizes.write)
        for begin, total, batch in read_batches(path, sizes.read):
            writer.add(checked.records(batch, begin))
            if progress is not None:
                progress(begin + len(batch), total)
        stored = writer.stored(file, checked.gross)
    portfolio = StoredPortfolio(**tree.__dict__, store=stored, most=sizes.write)
    checked.conclude(matched, findings, lambda: find_repeated(path, portfolio))
    return stored


def read_batches(path: Path, rows: int) -> Iterator[tuple[int, int, pl.DataFrame]]:
    """A Parquet table in order, batch by batch: the first row's place, how many rows there are, and the rows.

    An empty table is one batch.
    """
    if path.suffix != ".parquet":
        raise refuse(str(path), "positions.parquet was expected: positions that stay on disk are read from Parquet")
    try:
        table = pl.scan_parquet(path)
        total = int(table.select(pl.len()).collect().item())
        begin = 0
        for count in batch_rows(row_groups(path), total, rows):
            yield begin, total, table.slice(begin, count).collect()
            begin += count
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise refuse(str(path), f"cannot be read as parquet: {first_line}") from None


def batch_rows(groups: Sequence[RowGroup], total: int, most: int) -> Iterator[int]:
    """How many rows to read at a time: whole row groups where they are small, for each batch costs the groups it
    touches; the rows of a large one piece by piece."""
    counts = [group.rows for group in groups]
    pending = 0
    for count in counts if sum(counts) == total and total else [total]:
        if pending and pending + count > most:
            yield pending
            pending = 0
        pending += count
        while pending > most:
            yield most
            pending -= most
    if pending or not total:
        yield pending


def find_repeated(path: Path, portfolio: StoredPortfolio) -> Findings:
    """The positions of which there is more than one, as the check of a book in memory says it."""
    findings, keys = Findings(), list[tuple[int, int]]()
    for part in portfolio.parts():
        accounts, instruments, count = part.repeated()
        room = LISTED - len(keys)
        keys += zip(accounts[:room].tolist(), instruments[:room].tolist(), strict=True)
        findings.total += count
    if keys:
        names = [(portfolio.accounts[account], portfolio.instruments[instrument]) for account, instrument in keys]
        findings.problems = [
            Problem(path.name, "duplicate; it may stand only once", ", ".join(KEY), f"{account}, {instrument}", row)
            for row, account, instrument in _rows_of(path, pl.DataFrame(names, KEY, orient="row"))
        ]
    return findings


def _rows_of(path: Path, keys: pl.DataFrame) -> list[tuple[int, str, str]]:
    """The first rows of a table that have one of some keys: the row, from 1, and the key."""
    found: list[Any] = []
    for begin, _, batch in read_batches(path, SEARCHED_ROWS):
        rows = batch.select(pl.col(KEY).cast(pl.String)).with_row_index("row", begin + 1)
        found += rows.join(keys, on=KEY, how="semi", maintain_order="left").rows()
        if len(found) >= SHOWN:
            break
    return found[:SHOWN]
