"""Positions kept in a file and not in memory: written once in rough order, read part by part.

A file of positions may be in any order. It is read batch by batch; each batch is written apart by ranges of accounts
(`StoredPositions.ranges`), so that later the positions of some pools can be read without the others.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ccp.book.portfolio import Part, Portfolio, fixed
from ccp.errors import CcpError, refuse
from ccp.kernels.sweep import PositionArrays
from ccp.types import Flags, Index

RECORD = np.dtype([("account", "<i4"), ("instrument", "<i4"), ("quantity", "<f8")])
"""A position: places among the book's accounts and instruments, and the quantity."""


RANGES = 4_096
"""Ranges of accounts that positions are written apart by: parts are made of whole ones."""


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

    `runs` (run x 2) are the records to read: the first, and how many. `accounts` are the part's accounts as places
    among all, rising; the rest is as in `Part`. The records of a run may hold other accounts too.
    """

    file: Path
    runs: Index
    accounts: Index
    account_pool: Index
    pool_member: Index
    pool_house: Flags
    member_group: Index

    def load(self) -> Part:
        """Read the positions and bring them in order. Raises RepeatedPositionError, or InputError without the file."""
        records, account = self._records()
        offset = np.zeros(len(self.accounts) + 1, dtype=np.int64)
        key = (account << 32) | records["instrument"]
        if len(key) and not (key[1:] > key[:-1]).all():
            order = np.argsort(key, kind="stable")
            records, key = records[order], key[order]
            self._check_once(key)
        np.cumsum(np.bincount(key >> 32, minlength=len(self.accounts)), out=offset[1:])
        instrument, quantity = records["instrument"].copy(), records["quantity"].copy()
        positions = PositionArrays(*(fixed(array) for array in (offset, instrument, quantity)))
        return Part(positions, self.account_pool, self.pool_member, self.pool_house, self.member_group)

    def _records(self) -> tuple[np.ndarray, Index]:
        """The part's records as they stand in the file, and each one's place among the part's accounts."""
        try:
            parts = [
                np.fromfile(self.file, RECORD, count, offset=first * RECORD.itemsize)
                for first, count in self.runs.tolist()
            ]
        except OSError as error:
            raise refuse(str(self.file), f"cannot be read here: {error.strerror}; shared storage is needed") from None
        if [len(part) for part in parts] != self.runs[:, 1].tolist():
            raise refuse(str(self.file), "is shorter than it was written")
        records = np.concatenate([np.empty(0, RECORD), *parts])
        account, count = records["account"].astype(np.int64), len(self.accounts)
        if count and self.accounts[-1] - self.accounts[0] == count - 1:
            account -= self.accounts[0]
            wanted = (account >= 0) & (account < count)
        else:
            wanted = np.isin(account, self.accounts)
            account = np.searchsorted(self.accounts, account)
        return (records, account) if wanted.all() else (records[wanted], account[wanted])

    def _check_once(self, key: Index) -> None:
        again = np.flatnonzero(key[1:] == key[:-1])
        if again.size:
            found = int(key[again[0]])
            raise RepeatedPositionError(int(self.accounts[found >> 32]), found & 0xFFFFFFFF)


@dataclass(frozen=True)
class StoredPositions:
    """A file of records and where the accounts stand in it.

    `edges` bound the ranges of accounts (range x 1 more), at the starts of pools; `runs` has one row a run: its range,
    its first record and how many there are. `gross` is what is held of each instrument, long and short.
    """

    file: Path
    edges: Index
    runs: Index
    gross: np.ndarray

    @property
    def count(self) -> int:
        """How many positions there are."""
        return int(self.runs[:, 2].sum())

    def runs_of(self, first: int, last: int) -> Index:
        """The runs of some ranges, those that follow one another in the file as one."""
        runs = self.runs[(self.runs[:, 0] >= first) & (self.runs[:, 0] < last), 1:]
        runs = runs[np.argsort(runs[:, 0], kind="stable")]
        starts = np.flatnonzero(np.append(True, runs[1:, 0] != runs[:-1, 0] + runs[:-1, 1]))
        return np.column_stack([runs[starts, 0], np.add.reduceat(runs[:, 1], starts)]) if len(runs) else runs


@dataclass(frozen=True)
class StoredPortfolio(Portfolio):
    """A portfolio whose positions are in a file; `positions` is empty."""

    store: StoredPositions

    @property
    def whole(self) -> Part:
        """All of it, read into memory."""
        return self._stored(np.arange(len(self.pools)), 0, len(self.store.edges) - 1).load()

    def part(self, pools: Index) -> Part:
        """Some pools, in order of their places."""
        accounts = self.accounts_in(pools)
        if not len(accounts):
            return self.part_with(super().part(pools).positions, pools, accounts)
        first = int(np.searchsorted(self.store.edges, accounts[0], "right")) - 1
        last = int(np.searchsorted(self.store.edges, accounts[-1], "right"))
        return self._stored(pools, first, last).load()

    def parts(self, most_positions: int | None = None) -> list[StoredPart]:
        """The whole book as parts of at most so many positions each, where pools are not larger, in order."""
        store = self.store
        held = np.zeros(len(store.edges), dtype=np.int64)
        np.add.at(held, store.runs[:, 0] + 1, store.runs[:, 2])
        before, cuts = np.cumsum(held), [0]
        while cuts[-1] < len(before) - 1:
            room = before[cuts[-1]] + (most_positions or store.count)
            cuts.append(max(int(np.searchsorted(before, room, "right")) - 1, cuts[-1] + 1))
        pool_edges = np.append(self.account_pool, len(self.pools))[store.edges]
        return [
            self._stored(np.arange(pool_edges[first], pool_edges[last]), first, last) for first, last in pairwise(cuts)
        ]

    def _stored(self, pools: Index, first: int, last: int) -> StoredPart:
        """Some pools, all of them in some ranges of accounts."""
        accounts = self.accounts_in(pools)
        return StoredPart(
            self.store.file,
            self.store.runs_of(first, last),
            accounts,
            np.searchsorted(pools, self.account_pool[accounts]),
            self.pool_member[pools],
            self.pool_house[pools],
            self.member_group,
        )


def range_edges(account_pool: Index, count: int = RANGES) -> Index:
    """Bounds of about `count` ranges of accounts, about equally many in each, none of which cuts a pool in two."""
    accounts = len(account_pool)
    starts = np.flatnonzero(np.diff(account_pool, prepend=-1))
    wanted = np.linspace(0, accounts, count + 1).astype(np.int64)[1:-1]
    inner = starts[np.minimum(np.searchsorted(starts, wanted), len(starts) - 1)]
    return np.unique(np.concatenate([[0], inner, [accounts]]))
