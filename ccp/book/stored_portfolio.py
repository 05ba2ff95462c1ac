"""A portfolio whose positions are in a file, and how it is cut into parts."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ccp.book.portfolio import Part, Portfolio
from ccp.book.stored import StoredPart, StoredPositions
from ccp.types import Index

NO_BOUND = 2**62


@dataclass(frozen=True)
class StoredPortfolio(Portfolio):
    """A portfolio whose positions are in a file; `positions` is empty.

    Pools are read so many at a time that they weigh no more than `most` together, or `portion` once the book has been
    measured (None: no bound), where one does not weigh more alone. A pool weighs as much as its positions and accounts,
    and what `pool_weight` says of it.
    """

    store: StoredPositions
    most: int | None = None
    portion: int | None = None
    pool_weight: Index | None = None

    @property
    def whole(self) -> Part:
        """All of it, read into memory."""
        return self.part(np.arange(len(self.pools)))

    @property
    def weights(self) -> Index:
        """What every pool weighs."""
        accounts = np.bincount(self.account_pool, minlength=len(self.pools))
        held = np.bincount(self.account_pool, self.store.held, minlength=len(self.pools))
        weights = accounts + held.astype(np.int64)
        return weights if self.pool_weight is None else weights + self.pool_weight

    def part(self, pools: Index) -> Part:
        """Some pools, in order of their places."""
        return self.stored(pools).load()

    def parts(self, most_positions: int | None = None) -> list[StoredPart]:
        """The whole book in order, cut by `most`, or by this where it is less."""
        pools = np.arange(len(self.pools))
        ends = np.append(self.account_pool, len(pools))[self.store.edges]
        cuts = _cuts(self.weights, _least(most_positions, self.most), ends)
        return [self.stored(pools[first:last]) for first, last in pairwise(cuts)]

    def portions(self, pools: Index) -> list[Index]:
        """Some pools, so many at a time as may be in memory."""
        cuts = _cuts(self.weights[pools], _least(self.portion, self.most), np.empty(0, dtype=np.int64))
        return [pools[first:last] for first, last in pairwise(cuts)]

    def stored(self, pools: Index) -> StoredPart:
        """Some pools, in order of their places, to be read."""
        accounts = self._accounts(pools)
        return StoredPart(
            self.store.file,
            self.store.runs_of(accounts),
            accounts,
            self.store.held[accounts],
            np.searchsorted(pools, self.account_pool[accounts]),
            self.pool_member[pools],
            self.pool_house[pools],
            self.member_group,
            self.account_client[accounts],
        )

    def _accounts(self, pools: Index) -> Index:
        """The accounts of some pools, without a look at all the others."""
        first, last = (np.searchsorted(self.account_pool, pools, side) for side in ("left", "right"))
        before = np.cumsum(last - first) - (last - first)
        return np.repeat(first - before, last - first) + np.arange(int((last - first).sum()))


def _least(*bounds: int | None) -> int:
    return min((one for one in bounds if one is not None), default=NO_BOUND)


def _cuts(weights: Index, most: int, ends: Index) -> list[int]:
    """Where to cut, so that no piece weighs more than `most` unless it is one pool: at one of `ends` where it can be,
    the bounds of what stands together in the file."""
    before, cuts = np.concatenate([[0], np.cumsum(weights)]), [0]
    while cuts[-1] < len(weights):
        last = int(np.searchsorted(before, before[cuts[-1]] + most, "right")) - 1
        fitting = ends[(ends > cuts[-1]) & (ends <= last)]
        cuts.append(int(fitting[-1]) if fitting.size else max(last, cuts[-1] + 1))
    return cuts


def range_edges(account_pool: Index, count: int) -> Index:
    """Bounds of about `count` ranges of accounts, about equally many in each, none of which cuts a pool in two."""
    accounts = len(account_pool)
    starts = np.flatnonzero(np.diff(account_pool, prepend=-1))
    wanted = np.linspace(0, accounts, count + 1).astype(np.int64)[1:-1]
    inner = starts[np.minimum(np.searchsorted(starts, wanted), len(starts) - 1)]
    return np.unique(np.concatenate([[0], inner, [accounts]]))
