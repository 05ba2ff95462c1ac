"""Positions kept beside a finished run, and the portfolio that is left when some accounts have changed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccp.book.portfolio import Part, Portfolio, fixed
from ccp.kernels.sweep import PositionArrays
from ccp.types import Index

NAMES = ("offset", "instrument", "quantity")


def keep_positions(portfolio: Portfolio, folder: Path, most_positions: int = 1_000_000) -> None:
    """Write a portfolio's positions as three arrays, in its order; part by part, where they are on disk."""
    counts, written = [], 0
    with (folder / "instrument").open("wb") as instrument, (folder / "quantity").open("wb") as quantity:
        for note in portfolio.parts(most_positions):
            positions = note.load().positions
            positions.instrument.astype("<i4").tofile(instrument)
            positions.quantity.astype("<f8").tofile(quantity)
            counts.append(positions.offset[1:] + written)
            written += int(positions.offset[-1])
    np.concatenate([[0], *counts]).astype("<i8").tofile(folder / "offset")


def kept_positions(folder: Path) -> PositionArrays:
    """The arrays as they were written, read from the file as they are needed."""
    offset = np.fromfile(folder / "offset", "<i8")
    held = [
        np.asarray(np.memmap(folder / name, kind, "r")) if offset[-1] else np.empty(0, kind)
        for name, kind in (("instrument", "<i4"), ("quantity", "<f8"))
    ]
    return PositionArrays(*(fixed(array) for array in (offset, *held)))


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

    def part(self, pools: Index) -> Part:
        """Some pools, in order of their places."""
        accounts = self.accounts_in(pools)
        before, places = self.origin[accounts], np.cumsum(self.origin < 0) - 1
        own = before < 0
        start = np.where(own, self.changed.offset[np.where(own, places[accounts], 0)], self.positions.offset[before])
        end = np.where(
            own, self.changed.offset[np.where(own, places[accounts] + 1, 0)], self.positions.offset[before + 1]
        )
        counts = end - start
        offset = np.concatenate([[0], np.cumsum(counts)])
        entries = np.repeat(start - offset[:-1], counts) + np.arange(offset[-1])
        own_entries = np.repeat(own, counts)
        instrument, quantity = np.empty(len(entries), dtype=np.int32), np.empty(len(entries))
        for mine, arrays in ((own_entries, self.changed), (~own_entries, self.positions)):
            instrument[mine], quantity[mine] = arrays.instrument[entries[mine]], arrays.quantity[entries[mine]]
        return self.part_with(PositionArrays(fixed(offset), fixed(instrument), fixed(quantity)), pools, accounts)
