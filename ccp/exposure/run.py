"""One pass over the book: the margin of every account, and every member's stress shortfalls."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ccp.book.portfolio import Portfolio
from ccp.exposure.tiles import tiled
from ccp.kernels.exposure import Columns, PositionArrays, margin_and_stress, sum_accounts
from ccp.kernels.pools import PoolArrays, Shortfalls, fold_accounts
from ccp.types import Cents, Index, InstrumentByScenario, Vector

BLOCK_ACCOUNTS = 16_384
"""Accounts between two folds: bounds the block's stress losses in memory."""
CHUNK_ACCOUNTS = 2_048
CHUNK_POSITIONS = 131_072
"""What one thread takes at a time, at most: much work for each tile that is brought into cache."""
CHUNKS_A_BLOCK = 16
"""At least so many chunks, where there are positions for them, so that threads end together."""
FEWEST_POSITIONS = 4_096

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Exposure:
    """Money in minor units: margin by account and by pool, and for each way of counting margin the shortfalls."""

    account_margin: Cents
    pool_margin: Cents
    shortfalls: dict[int, Shortfalls]


@dataclass(frozen=True)
class Blocks:
    """How the work is cut. The result does not depend on it."""

    accounts: int = BLOCK_ACCOUNTS
    chunk_accounts: int = CHUNK_ACCOUNTS


def run_exposure(
    portfolio: Portfolio,
    close_out_loss: InstrumentByScenario,
    columns: Columns,
    held: Cents,
    resources: tuple[int, ...],
    blocks: Blocks | None = None,
    progress: Progress | None = None,
) -> Exposure:
    """Margin and stress losses of the whole book.

    `close_out_loss` (instrument x scenario) holds the margin scenarios first, then the stress scenarios, as
    `columns` says. `held` is the collateral by pool; `resources` the ways of counting a pool's margin (see
    `ccp.kernels.pools`). `progress` is called with accounts done and accounts in all.
    """
    blocks = blocks or Blocks()
    tiles = tiled(close_out_loss)
    pools = PoolArrays(portfolio.account_pool, portfolio.pool_member, portfolio.pool_house, held)
    folds = {way: _Fold.empty(portfolio, columns.stress) for way in resources}
    accounts = len(portfolio.accounts)
    account_margin = np.zeros(accounts, dtype=np.int64)
    stress = np.zeros((min(blocks.accounts, accounts), columns.stress), dtype=np.int64)
    for first in range(0, accounts, blocks.accounts):
        last = min(first + blocks.accounts, accounts)
        margin, losses = account_margin[first:last], stress[: last - first]
        chunk = chunks(portfolio.positions.offset, first, last, blocks.chunk_accounts)
        margin_and_stress(tiles, portfolio.positions, chunk, columns, margin, losses)
        for way, fold in folds.items():
            fold_accounts(first, margin, losses, pools, way, fold.pool_margin, fold.pool_loss, fold.shortfalls)
        if progress is not None:
            progress(last, accounts)
    pool_margin = next(iter(folds.values())).pool_margin
    return Exposure(account_margin, pool_margin, {way: fold.shortfalls for way, fold in folds.items()})


def chunks(offset: Index, first: int, last: int, most_accounts: int) -> Index:
    """Bounds of the chunks between two accounts: about equal in positions, so that threads end together."""
    positions = int(offset[last] - offset[first])
    step = min(max(positions // CHUNKS_A_BLOCK, FEWEST_POSITIONS), CHUNK_POSITIONS)
    by_positions = np.searchsorted(offset, np.arange(offset[first], offset[last], step))
    by_accounts = np.arange(first, last, most_accounts)
    bounds = np.unique(np.concatenate([by_positions, by_accounts, [first, last]]))
    return bounds[(bounds >= first) & (bounds <= last)].astype(np.int64)


@dataclass(frozen=True)
class _Fold:
    pool_margin: Cents
    pool_loss: Cents
    shortfalls: Shortfalls

    @classmethod
    def empty(cls, portfolio: Portfolio, scenarios: int) -> "_Fold":
        shape = (len(portfolio.members), scenarios)
        zeros = [np.zeros(shape, dtype=np.int64) for _ in Shortfalls._fields]
        pool_margin = np.zeros(len(portfolio.pools), dtype=np.int64)
        return cls(pool_margin, np.zeros(scenarios, dtype=np.int64), Shortfalls(*zeros))


def account_values(positions: PositionArrays, unit_value: Vector, accounts: Index) -> Vector:
    """What some accounts' positions are worth, given the value of one unit of each instrument.

    The same sum, in the same order, as one column of the whole pass.
    """
    values = np.empty(len(accounts))
    sum_accounts(tiled(unit_value[:, None])[0], positions, accounts, values)
    return values
