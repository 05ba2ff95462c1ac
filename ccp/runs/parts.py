"""Writing a table that arrives in parts, one after the other: no more than a few of them are held at a time."""

import errno
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Full, Queue
from typing import TypeAlias

import polars as pl
from polars.io.plugins import register_io_source

ROWS_A_GROUP = 2**18
"""Rows of a row group, the least that a reader can take at a time. The writer holds a few groups."""
PATIENCE = 0.1
"""Seconds between looks at a writer that takes no more: has it failed?"""

Line: TypeAlias = "Queue[list[pl.DataFrame]]"
"""Parts on their way, each in a list that it is taken out of, so that nobody keeps it. An empty list is the end."""


def write_parts(parts: Iterator[pl.DataFrame], path: Path) -> None:
    """Write a table of at least one part as one Parquet file, in order.

    Parts are made here, in the caller's thread, while polars writes earlier ones in another: signals are heard at once,
    and the memory that making one took is there for the next. If one cannot be made, the file is not whole.
    """
    line: Line = Queue(maxsize=1)

    def hand_over(*part: pl.DataFrame) -> bool:
        while not writing.done():
            with suppress(Full):
                line.put(list(part), timeout=PATIENCE)
                return True
        return False

    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(_write, line, path)
        try:
            all(map(hand_over, parts))  # not a loop, whose variable would keep a part while the next is made
        finally:
            hand_over()
        writing.result()


def _write(line: Line, path: Path) -> None:
    """Write what comes down the line, to its end."""
    first = line.get()
    if not first:
        raise ValueError("a table without a part has no columns")
    schema = first[0].schema

    def source(*asked: object) -> Iterator[pl.DataFrame]:
        part = first
        while part:
            yield part.pop()
            part = line.get()

    try:
        register_io_source(source, schema=schema).sink_parquet(path, row_group_size=ROWS_A_GROUP)
    except pl.exceptions.ComputeError as error:  # what polars makes of a full disk
        raise OSError(errno.EIO, str(error)) from None
