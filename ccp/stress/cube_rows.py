"""What the rows of the stress cube are, and on which of them an account's positions stand.

Where each instrument moves over its own period a row is an instrument. Where all that an account holds moves over the
longest period of anything in the account (`stress.horizon: longest`), a row is an instrument over a period: all
instruments over the shortest period that there is, then over the next, and so on.
"""

from dataclasses import dataclass

import numpy as np

from ccp.book.portfolio import fixed
from ccp.exposure.run import BLOCK_ACCOUNTS, part_of
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.rulebook.stress import StressRules
from ccp.types import Index, Vector


@dataclass(frozen=True)
class CubeRows:
    """`own` is the place of each instrument's own period among those there are; None where a row is an instrument.

    `periods` is how many blocks of rows there are.
    """

    own: Index | None = None
    periods: int = 1

    def held(self, positions: PositionArrays) -> PositionArrays:
        """Positions by row in place of instrument, in the same order. What an account holds none of does not count."""
        if self.own is None:
            return positions
        rows = np.empty_like(positions.instrument)
        accounts = len(positions.offset) - 1
        for first in range(0, accounts, BLOCK_ACCOUNTS):  # a block at a time: the book may fill the memory there is
            part = part_of(positions, first, min(first + BLOCK_ACCOUNTS, accounts))
            begin = int(positions.offset[first])
            rows[begin : begin + len(part.instrument)] = part.instrument + _longest(part, self.own) * len(self.own)
        return PositionArrays(positions.offset, fixed(rows), positions.quantity)

    def own_places(self, instruments: int) -> Index:
        """Of every instrument the row on which it stands over its own period."""
        return np.arange(instruments) + (0 if self.own is None else self.own * instruments)

    def spread(self, by_instrument: np.ndarray) -> np.ndarray:
        """What is known by instrument, by row."""
        return by_instrument if self.own is None else np.tile(by_instrument, self.periods)

    def folded(self, by_row: Vector) -> Vector:
        """Amounts by row, added up by instrument."""
        return by_row if self.own is None else by_row.reshape(self.periods, -1).sum(axis=0)


def _longest(positions: PositionArrays, own: Index) -> Index:
    """By entry, the place of the longest period of anything in its account."""
    account = np.repeat(np.arange(len(positions.offset) - 1), np.diff(positions.offset))
    longest = np.zeros(len(positions.offset) - 1, dtype=np.int64)
    some = positions.quantity != 0
    np.maximum.at(longest, account[some], own[positions.instrument[some]])
    return longest[account]


def cube_rows(rules: StressRules, periods: Index) -> CubeRows:
    """The rows of a cube of instruments with such liquidation periods."""
    if rules.horizon == "own":
        return CubeRows()
    distinct, own = np.unique(periods, return_inverse=True)
    return CubeRows(own.astype(np.int64), len(distinct))
