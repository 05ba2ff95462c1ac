"""Positions kept in a file and not in memory: written once in rough order, read part by part.

A file of positions may be in any order. It is read batch by batch; some batches at a time are written apart by ranges
of accounts (`StoredPositions`), so that later the positions of some pools can be read without the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccp.book.portfolio import Part, fixed
from ccp.errors import CcpError, refuse
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.types import Flags, Index

RECORD = np.dtype([("account", "<i4"), ("instrument", "<i4"), ("quantity", "<f8")])
"""A position: places among the book's accounts and instruments, and the quantity."""
INSTRUMENT_BITS = 32
"""A position's key is its account's place, and in the lowest bits its instrument's."""


class RepeatedPositionError(CcpError):
    """An account holds an instrument twice; both are places in the book's lists."""

    def __init__(self, account: int, instrument: int):
        super().__init__(f"account {account} holds instrument {instrument} twice")
        self.account, self.instrument = account, instrument

    def __reduce__(self) -> tuple[type, tuple[int, int]]:
        """So that it can travel between processes."""
        return type(self), (self.account, self.instrument)


@dataclass(frozen=True)
class StoredPart:
    """Some pools of a book whose positions stand in a file. The file must be there wherever `load` is called.

    `accounts` are the part's accounts as places among all, rising, `held` is how many positions each of them has.
    `runs` (run x 2) are the records to read, the first and how many: records of other accounts may stand among them.
    The rest is as in `Part`.
    """

    file: Path
    runs: Index
    accounts: Index
    held: Index
    account_pool: Index
    pool_member: Index
    pool_house: Flags
    member_group: Index
    account_client: Index

    def load(self) -> Part:
        """Read the positions and bring them in order. Raises RepeatedPositionError, or InputError without the file."""
        key, quantity = self._in_order()
        again = np.flatnonzero(key[1:] == key[:-1])
        if again.size:
            account, instrument = _apart(key[again[:1]])
            raise RepeatedPositionError(int(self.accounts[account[0]]), int(instrument[0]))
        offset = np.concatenate([[0], np.cumsum(self.held)])
        instrument = _apart(key)[1].astype(np.int32)
        positions = PositionArrays(*(fixed(array) for array in (offset, instrument, quantity)))
        tree = (self.account_pool, self.pool_member, self.pool_house, self.member_group, self.account_client)
        return Part(positions, *tree)

    def repeated(self) -> tuple[Index, Index, int]:
        """The accounts and the instruments that stand together more than once, and in how many positions."""
        key = self._in_order()[0]
        again, count = np.unique(key[1:][key[1:] == key[:-1]], return_counts=True)
        account, instrument = _apart(again)
        return self.accounts[account], instrument, int(count.sum()) + len(again)

    def _in_order(self) -> tuple[Index, np.ndarray]:
        """Keys, rising, and quantities; the account in a key is its place among the part's."""
        key, quantity = np.empty(self.held.sum(), dtype=np.int64), np.empty(self.held.sum())
        filled = 0
        for records in self._records():
            account, wanted = self._places(records["account"].astype(np.int64))
            if not wanted.all():
                records, account = records[wanted], account[wanted]
            here = slice(filled, filled + len(records))
            key[here], quantity[here] = (account << INSTRUMENT_BITS) | records["instrument"], records["quantity"]
            filled += len(records)
        if not (key[1:] > key[:-1]).all():
            order = np.argsort(key, kind="stable")
            key, quantity = key[order], quantity[order]
        return key, quantity

    def _records(self) -> Iterator[np.ndarray]:
        """The records as they stand in the file, run by run."""
        try:
            with self.file.open("rb", buffering=0) as file:
                for first, count in self.runs.tolist():
                    file.seek(first * RECORD.itemsize)
                    records = np.fromfile(file, RECORD, count)
                    if len(records) < count:
                        raise refuse(str(self.file), "is shorter than it was written")
                    yield records
        except OSError as error:
            raise refuse(str(self.file), f"cannot be read here: {error.strerror}; shared storage is needed") from None

    def _places(self, account: Index) -> tuple[Index, Flags]:
        """Each account's place among the part's, and whether it is one of them."""
        count = len(self.accounts)
        if count and self.accounts[-1] - self.accounts[0] == count - 1:
            account -= self.accounts[0]
            return account, (account >= 0) & (account < count)
        return np.searchsorted(self.accounts, account), np.isin(account, self.accounts)


@dataclass(frozen=True)
class StoredPositions:
    """A file of records and where the accounts stand in it.

    `edges` bound the ranges of accounts (range x 1 more), at the starts of pools. The file is made of groups of
    records, each in order of ranges: `starts` has the first record of each, `before` (group x range x 1 more) how many
    of its records stand before each range. `held` is how many positions each account has, `gross` what is held of each
    instrument, long and short.
    """

    file: Path
    edges: Index
    starts: Index
    before: np.ndarray
    held: Index
    gross: np.ndarray

    @property
    def count(self) -> int:
        """How many positions there are."""
        return int(self.held.sum())

    def runs_of(self, accounts: Index) -> Index:
        """The runs that hold the positions of some accounts (places, rising): of whole ranges, none twice."""
        ranges = np.unique(np.searchsorted(self.edges, accounts, "right") - 1)
        breaks = np.flatnonzero(np.diff(ranges) > 1) + 1
        stretches = [(one[0], one[-1] + 1) for one in np.split(ranges, breaks) if len(one)]
        runs = [np.empty((0, 2), dtype=np.int64)]
        for first, last in stretches:
            begin, end = (self.before[:, edge].astype(np.int64) for edge in (first, last))
            runs.append(np.column_stack([self.starts + begin, end - begin]))
        found = np.concatenate(runs)
        return found[found[:, 1] > 0]


def _apart(key: Index) -> tuple[Index, Index]:
    """A key's account and instrument."""
    return key >> INSTRUMENT_BITS, key & ((1 << INSTRUMENT_BITS) - 1)
