"""The row groups of a Parquet file, as its footer states them: a reader holds one whole, as it stands in the file.

The footer is a structure in Thrift's compact protocol, of which only this much is read:
https://parquet.apache.org/docs/file-format/metadata/
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MAGIC = b"PAR1"
STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(13)
"""Thrift's types, by the numbers of the compact protocol."""
ROW_GROUPS, COLUMNS, ROWS, CHUNK, PLAIN, STORED = 4, 1, 3, 3, 6, 7
"""Numbers of the fields that are looked at."""


@dataclass(frozen=True)
class RowGroup:
    """How many rows a row group has, and its bytes: as it stands in the file, and decompressed."""

    rows: int
    stored: int
    plain: int


def row_groups(path: Path) -> list[RowGroup]:
    """The row groups in order, or none where the footer does not say: then the file is for its reader to judge."""
    with suppress(OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        with path.open("rb") as file:
            stated = _Compact(_footer(file)).structure()
        return [_row_group(one) for one in stated[ROW_GROUPS]]
    return []


def _footer(file: BinaryIO) -> bytes:
    """A file ends with the footer, its length in four bytes, and a word."""
    size = file.seek(0, 2)
    file.seek(max(size - 8, 0))
    end = file.read()
    length = int.from_bytes(end[:4], "little")
    if end[4:] != MAGIC or length > size - 8:
        raise ValueError("this is not the end of a Parquet file")
    file.seek(size - 8 - length)
    return file.read(length)


def _row_group(stated: dict[int, Any]) -> RowGroup:
    chunks = [column[CHUNK] for column in stated[COLUMNS]]
    return RowGroup(stated[ROWS], sum(one[STORED] for one in chunks), sum(one[PLAIN] for one in chunks))


class _Compact:
    """Values in the compact protocol, one after the other: structures as their fields by number."""

    def __init__(self, data: bytes):
        self._data, self._place = data, 0

    def structure(self) -> dict[int, Any]:
        """Fields up to the end of a structure."""
        fields, number = {}, 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._whole()
            kind = head & 15
            fields[number] = kind == TRUE if kind in (TRUE, FALSE) else self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (I16, I32, I64):
            return self._whole()
        if kind == STRUCT:
            return self.structure()
        if kind in (LIST, SET):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._natural()
            return [self._value(head & 15) for _ in range(count)]
        if kind == MAP:
            count = self._natural()
            kinds = self._byte() if count else 0
            return [(self._value(kinds >> 4), self._value(kinds & 15)) for _ in range(count)]
        return self._bytes({TRUE: 1, FALSE: 1, BYTE: 1, DOUBLE: 8}.get(kind) or self._length(kind))

    def _length(self, kind: int) -> int:
        if kind != BINARY:
            raise ValueError(f"there is no type {kind}")
        return self._natural()

    def _byte(self) -> int:
        self._place += 1
        return self._data[self._place - 1]

    def _bytes(self, count: int) -> bytes:
        self._place += count
        if self._place > len(self._data):
            raise ValueError("the footer ends within a value")
        return self._data[self._place - count : self._place]

    def _natural(self) -> int:
        """Seven bits a byte, the lowest first; the eighth says whether more follow."""
        value, shift = 0, 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _whole(self) -> int:
        """Signed numbers go 0, -1, 1, -2, ..."""
        value = self._natural()
        return value >> 1 ^ -(value & 1)
