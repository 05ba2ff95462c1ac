"""What the rows of the stress cube are, and on which of them an account's positions stand.

Where each instrument moves over its own period a row is an instrument. Where all that an account holds moves over the
longest period of anything in the account (`stress.horizon: longest`), a row is an instrument over a period: all
instruments over the shortest period that there is, then over the next, and so on. After these rows, and in the same
order, stand the instruments that a group of the book has issued, at the default of that group.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ccp.book.portfolio import Part, fixed
from ccp.exposure.run import BLOCK_ACCOUNTS, part_of
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.pricing.issuers import NOBODY
from ccp.rulebook.stress import StressRules
from ccp.types import Flags, Index, InstrumentByScenario, Vector


@dataclass(frozen=True)
class CubeRows:
    """`own` is the place of each instrument's own period among those there are; None where a row is an instrument.

    `periods` is how many blocks of rows there are. `issuer` is the group that has issued each instrument, or NOBODY;
    None where there are no rows of instruments at their issuer's default.
    """

    own: Index | None = None
    periods: int = 1
    issuer: Index | None = None

    @cached_property
    def paper(self) -> Index:
        """The instruments that have rows at their issuer's default."""
        return np.flatnonzero(self._issuers != NOBODY)

    @property
    def ordinary(self) -> "CubeRows":
        """The rows without those at an issuer's default: they are the first."""
        return replace(self, issuer=None)

    @property
    def _issuers(self) -> Index:
        return np.empty(0, dtype=np.int64) if self.issuer is None else self.issuer

    def held(self, part: Part) -> PositionArrays:
        """Positions by row in place of instrument, in the same order. What an account holds none of does not count.

        What a group has issued stands in its own accounts at its default: that is when they are closed out.
        """
        positions, groups = part.positions, part.account_group
        if self.own is None and self.issuer is None:
            return positions
        rows = np.empty_like(positions.instrument)
        for first in range(0, len(groups), BLOCK_ACCOUNTS):  # a block at a time: the book may fill the memory there is
            last = min(first + BLOCK_ACCOUNTS, len(groups))
            some, begin = part_of(positions, first, last), int(positions.offset[first])
            rows[begin : begin + len(some.instrument)] = self._rows_of(some, groups[first:last])
        return PositionArrays(positions.offset, fixed(rows), positions.quantity)

    def own_places(self, instruments: int) -> Index:
        """Of every instrument the row on which it stands over its own period."""
        return np.arange(instruments) + (0 if self.own is None else self.own * instruments)

    def _rows_of(self, positions: PositionArrays, groups: Index) -> Index:
        """By entry, its row, of accounts of such groups."""
        instrument = positions.instrument
        block = np.zeros(1, dtype=np.int64) if self.own is None else _longest(positions, self.own)
        count = len(self._issuers if self.own is None else self.own)
        rows = instrument + block * count
        if self.issuer is None:
            return rows
        jumped = count * self.periods + block * len(self.paper) + np.searchsorted(self.paper, instrument)
        return np.where(self.issuer[instrument] == np.repeat(groups, np.diff(positions.offset)), jumped, rows)

    def when(self, by_row: InstrumentByScenario, defaulting: Flags) -> InstrumentByScenario:
        """What is known by row (row x column), by ordinary row as some groups default (`defaulting`, by group)."""
        if self.issuer is None:
            return by_row
        ordinary, jumped = self._apart(by_row)
        found, gone = ordinary.copy(), defaulting[self.issuer[self.paper]]
        found[:, self.paper[gone]] = jumped[:, gone]
        return found.reshape(found.shape[0] * found.shape[1], by_row.shape[1])

    def jumps(self, by_row: InstrumentByScenario) -> InstrumentByScenario:
        """How much more each instrument that has rows at its issuer's default loses in these: instrument x the rest of
        what is known by row (row x column)."""
        ordinary, jumped = self._apart(by_row)
        more = jumped - ordinary[:, self.paper]
        return np.concatenate(list(more), axis=1)

    def _apart(self, by_row: InstrumentByScenario) -> tuple[np.ndarray, np.ndarray]:
        """What is known by row, as block x instrument x column: of ordinary rows, and of those at a default."""
        counts, columns = (len(self._issuers), len(self.paper)), by_row.shape[1]
        parts = np.split(by_row, [counts[0] * self.periods])
        ordinary, jumped = (one.reshape(self.periods, count, columns) for one, count in zip(parts, counts, strict=True))
        return ordinary, jumped

    def spread(self, by_instrument: np.ndarray) -> np.ndarray:
        """What is known by instrument, by ordinary row."""
        return by_instrument if self.own is None else np.tile(by_instrument, self.periods)

    def folded(self, by_row: Vector) -> Vector:
        """Amounts by ordinary row, added up by instrument."""
        return by_row if self.own is None else by_row.reshape(self.periods, -1).sum(axis=0)

    def fallen(self, unit_loss: InstrumentByScenario, by_instrument: Vector) -> InstrumentByScenario:
        """Losses by row (row x column) where instruments have lost more; not so at their issuer's default."""
        ordinary = self.spread(by_instrument)
        none = np.zeros(len(unit_loss) - len(ordinary))
        return unit_loss + np.concatenate([ordinary, none])[:, None]

    def largest(self, by_row: Vector) -> Vector:
        """The largest of any row of each instrument."""
        if self.issuer is None:
            return by_row.reshape(self.periods, -1).max(axis=0)
        ordinary, jumped = (one.max(axis=(0, 2)) for one in self._apart(by_row[:, None]))
        ordinary[self.paper] = np.maximum(ordinary[self.paper], jumped)
        return ordinary


def _longest(positions: PositionArrays, own: Index) -> Index:
    """By entry, the place of the longest period of anything in its account."""
    account = np.repeat(np.arange(len(positions.offset) - 1), np.diff(positions.offset))
    longest = np.zeros(len(positions.offset) - 1, dtype=np.int64)
    some = positions.quantity != 0
    np.maximum.at(longest, account[some], own[positions.instrument[some]])
    return longest[account]


def cube_rows(rules: StressRules, periods: Index, issuer: Index | None) -> CubeRows:
    """The rows of a cube of instruments with such liquidation periods, and the groups that have issued some."""
    if rules.horizon == "own":
        return CubeRows(issuer=issuer)
    distinct, own = np.unique(periods, return_inverse=True)
    return CubeRows(own.astype(np.int64), len(distinct), issuer)
