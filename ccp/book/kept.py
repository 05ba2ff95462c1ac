"""Positions kept beside a finished run, and the portfolio that is left when some accounts have changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ccp.book.portfolio import Loadable, Part, Portfolio, fixed
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.types import Flags, Index

KINDS = {"offset": "<i8", "instrument": "<i4", "quantity": "<f8"}


def keep_positions(portfolio: Portfolio, folder: Path, most_positions: int = 1_000_000) -> None:
    """Write a portfolio's positions as three arrays, in its order; part by part, where they are on disk."""
    counts, written = [], 0
    with (folder / "instrument").open("wb") as instrument, (folder / "quantity").open("wb") as quantity:
        for note in portfolio.parts(most_positions):
            positions = note.load().positions
            positions.instrument.astype(KINDS["instrument"], copy=False).tofile(instrument)
            positions.quantity.astype(KINDS["quantity"], copy=False).tofile(quantity)
            counts.append(positions.offset[1:] + written)
            written += int(positions.offset[-1])
    np.concatenate([[0], *counts]).astype(KINDS["offset"]).tofile(folder / "offset")


def kept_positions(folder: Path) -> PositionArrays:
    """The arrays as they were written, read from the file as they are needed."""
    offset = np.fromfile(folder / "offset", KINDS["offset"])
    held = [
        np.asarray(np.memmap(folder / name, KINDS[name], "r")) if offset[-1] else np.empty(0, KINDS[name])
        for name in ("instrument", "quantity")
    ]
    return PositionArrays(*(fixed(array) for array in (offset, *held)))


@dataclass(frozen=True)
class _PoolRows:
    """A note of some pools of a portfolio."""

    portfolio: Portfolio
    pools: Index

    @property
    def pool_member(self) -> Index:
        return self.portfolio.pool_member[self.pools]

    def load(self) -> Part:
        return self.portfolio.part(self.pools)


@dataclass(frozen=True)
class ChangedPortfolio(Portfolio):
    """A portfolio after changes. `positions` are those before; `origin` says where an account stands among them.

    An account with origin -1 has changed; `changed` holds the positions of those, in their order.
    """

    origin: Index
    changed: PositionArrays

    @property
    def whole(self) -> Part:
        """All of it."""
        return self.part(np.arange(len(self.pools)))

    def parts(self, most_positions: int | None = None) -> Sequence[Loadable]:
        """The whole book as parts of at most so many positions each, where pools are not larger, in order."""
        held = np.bincount(self.account_pool, self._bounds(np.arange(len(self.accounts)))[1], len(self.pools))
        after, cuts = np.cumsum(held), [0]
        while cuts[-1] < len(self.pools):
            room = (after[cuts[-1] - 1] if cuts[-1] else 0) + (most_positions or np.inf)
            cuts.append(max(int(np.searchsorted(after, room, "right")), cuts[-1] + 1))
        return [_PoolRows(self, np.arange(first, last)) for first, last in pairwise(cuts)]

    def part(self, pools: Index) -> Part:
        """Some pools, in order of their places."""
        accounts = self.accounts_in(pools)
        start, counts, own = self._bounds(accounts)
        offset = np.concatenate([[0], np.cumsum(counts)])
        entries = np.repeat(start - offset[:-1], counts) + np.arange(offset[-1])
        own_entries = np.repeat(own, counts)
        instrument, quantity = np.empty(len(entries), dtype=np.int32), np.empty(len(entries))
        for mine, arrays in ((own_entries, self.changed), (~own_entries, self.positions)):
            instrument[mine], quantity[mine] = arrays.instrument[entries[mine]], arrays.quantity[entries[mine]]
        return self.part_with(PositionArrays(fixed(offset), fixed(instrument), fixed(quantity)), pools, accounts)

    def _bounds(self, accounts: Index) -> tuple[Index, Index, Flags]:
        """Where some accounts' positions begin, how many there are, and whether they are among the changed."""
        before, places = self.origin[accounts], np.cumsum(self.origin < 0) - 1
        own = before < 0
        start, end = (
            np.where(own, self.changed.offset[np.where(own, places[accounts] + step, 0)], self._offset(before, step))
            for step in (0, 1)
        )
        return start, end - start, own

    def _offset(self, before: Index, step: int) -> Index:
        return self.positions.offset[np.where(before < 0, 0, before + step)]
