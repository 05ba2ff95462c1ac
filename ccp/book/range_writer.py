"""Positions written apart by ranges of accounts."""

from pathlib import Path
from typing import Protocol

import numpy as np

from ccp.book.stored import StoredPositions
from ccp.types import Index, Vector

PIECE = 2**16
"""Records put in order and written at a time."""


class _Out(Protocol):
    def write(self, data: memoryview, /) -> int | None: ...


class RangeWriter:
    """Gathers records, so many at most, writes them in order of the ranges that `edges` bound, and gathers again."""

    def __init__(self, out: _Out, edges: Index, rows: int):
        self._out, self._edges, self._rows = out, edges, rows
        self._range = np.repeat(np.arange(len(edges) - 1, dtype=np.uint16), np.diff(edges))
        self._gathered: list[np.ndarray] = []
        self._count, self._written = 0, 0
        self._starts: list[int] = []
        self._before: list[np.ndarray] = []
        self._held = np.zeros(int(edges[-1]), dtype=np.int64)

    def add(self, records: np.ndarray) -> None:
        """Take records; they are written when there are enough."""
        if self._count and self._count + len(records) > self._rows:
            self._flush()
        self._gathered.append(records)
        self._count += len(records)

    def stored(self, file: Path, gross: Vector) -> StoredPositions:
        """Write what is left. All that was written, in `file`; `gross` as there."""
        if self._count:
            self._flush()
        starts = np.array(self._starts, dtype=np.int64)
        before = np.array(self._before, dtype=np.uint32).reshape(len(starts), len(self._edges))
        return StoredPositions(file, self._edges, starts, before, self._held, gross)

    def _flush(self) -> None:
        """Write what has been gathered, as one group."""
        records = np.concatenate(self._gathered)
        self._gathered = []
        place = self._range[records["account"]]
        order = np.argsort(place, kind="stable")  # by digits: numbers of 16 bits
        for begin in range(0, len(order), PIECE):
            self._write(records[order[begin : begin + PIECE]].data.cast("B"))
        counts = np.bincount(place, minlength=len(self._edges) - 1)
        self._starts.append(self._written)
        self._before.append(np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32))
        self._held += np.bincount(records["account"], minlength=len(self._held))
        self._written += self._count
        self._count = 0

    def _write(self, data: memoryview) -> None:
        while data:
            data = data[self._out.write(data) :]
