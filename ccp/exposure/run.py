"""Passes over the book: the margin of every account, and every member's stress shortfalls."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from ccp.book.portfolio import Part
from ccp.exposure.tiles import screen_arrays, tiled
from ccp.kernels.engine.numba_door import COMPILED, read_only, use_threads
from ccp.kernels.exposure.pools import PoolArrays, Shortfalls, fold_accounts
from ccp.kernels.exposure.portfolio_losses import (
    TILE,
    ScenarioWeights,
    account_losses,
    parametric_margin,
    sum_accounts,
    sum_accounts_once,
    tail_margin,
    weighted_margin,
)
from ccp.kernels.exposure.screen import LANES, MOST_KEPT, ScreenArrays, screened_margin
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.kernels.exposure.windows import WindowPools, WindowSums, fold_windows
from ccp.types import Cents, Index, InstrumentByScenario, Vector

BLOCK_ACCOUNTS = 16_384
"""Accounts between two folds: bounds the block's stress losses in memory."""
CHUNK_ACCOUNTS = 2_048
CHUNK_POSITIONS = 131_072
"""What one thread takes at a time, at most: much work for each tile that is brought into cache."""
CHUNKS_A_THREAD = 4
"""At least so many chunks for each thread, where there are positions for them, so that threads end together. Not many
more: every chunk reads the columns of the cube again, to add up what the screen has left."""
FEWEST_POSITIONS = 4_096

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Blocks:
    """How the work is cut. The result does not depend on it."""

    accounts: int = BLOCK_ACCOUNTS
    chunk_accounts: int = CHUNK_ACCOUNTS


@dataclass(frozen=True)
class RankWeights:
    """The weight of an account's largest loss, second largest, ...: what scenarios of equal weight come to."""

    weight: Vector


@dataclass(frozen=True)
class RootMeanSquare:
    """`factor` times the root of the mean square of the losses; `weight` by scenario, in all 1."""

    weight: Vector
    factor: float


Tail: TypeAlias = RankWeights | ScenarioWeights | RootMeanSquare
"""How an account's losses become its margin."""


@dataclass(frozen=True)
class MarginCube:
    """The loss on one long unit of every instrument in every margin scenario, cut for the kernels, once for a run.

    `unit_loss` is instrument x scenario; `tail` says how an account's losses become its margin.
    """

    unit_loss: InstrumentByScenario
    tail: Tail

    def cut(self) -> "MarginCube":
        """The same, cut now and not when it is first used: for a cube that many workers share."""
        if self.screen is None:
            self.tiles  # noqa: B018 - kept from now on
        return self

    @cached_property
    def tiles(self) -> np.ndarray:
        """In double precision."""
        return tiled(self.unit_loss)

    @cached_property
    def screen(self) -> ScreenArrays | None:
        """For the screen in single precision, where it serves: for the few largest of many losses. Not in plain
        Python, which gains nothing from it."""
        tail, scenarios = self.tail, self.unit_loss.shape[1]
        if not (COMPILED and isinstance(tail, RankWeights) and len(tail.weight) <= MOST_KEPT and scenarios >= LANES):
            return None
        return screen_arrays(self.unit_loss)


def run_margin(
    positions: PositionArrays,
    cube: MarginCube,
    minor: float,
    blocks: Blocks | None = None,
    progress: Progress | None = None,
) -> Cents:
    """The margin of every account, in minor units (`minor` of them make one unit of money).

    `progress` is called with accounts done and all.
    """
    blocks, accounts = blocks or Blocks(), len(positions.offset) - 1
    margin = np.zeros(accounts, dtype=np.int64)
    for first in range(0, accounts, blocks.accounts):
        last = min(first + blocks.accounts, accounts)
        part = part_of(positions, first, last)
        chunk = chunks(part.offset, 0, last - first, blocks.chunk_accounts)
        _block_margin(cube, part, chunk, minor, margin[first:last])
        if progress is not None:
            progress(last, accounts)
    return margin


def _block_margin(cube: MarginCube, positions: PositionArrays, chunk: Index, minor: float, margin: Cents) -> None:
    """Fill `margin` for the accounts of one block, counted from 0."""
    tail = cube.tail
    if isinstance(tail, RootMeanSquare):
        parametric_margin(cube.tiles, positions, chunk, tail.weight, tail.factor, minor, margin)
    elif isinstance(tail, ScenarioWeights):
        weighted_margin(cube.tiles, positions, chunk, tail, minor, margin)
    elif cube.screen is None:
        _rank_margin(cube, tail, positions, np.arange(len(margin)), chunk, minor, margin)
    else:
        undecided = np.zeros(len(margin), dtype=bool)
        screened_margin(cube.screen, positions, chunk, tail.weight, minor, margin, undecided)
        accounts = np.flatnonzero(undecided)
        if accounts.size:
            _rank_margin(cube, tail, positions, accounts, _even_chunks(accounts.size), minor, margin)


def _rank_margin(
    cube: MarginCube,
    tail: RankWeights,
    positions: PositionArrays,
    accounts: Index,
    chunk: Index,
    minor: float,
    margin: Cents,
) -> None:
    scenarios = cube.unit_loss.shape[1]
    tail_margin(cube.tiles, positions, accounts, chunk, scenarios, tail.weight, minor, margin)


def part_of(positions: PositionArrays, first: int, last: int) -> PositionArrays:
    """The positions of the accounts from `first` to before `last`, counted from 0; nothing large is copied."""
    begin, end = int(positions.offset[first]), int(positions.offset[last])
    offset = positions.offset[first : last + 1] - begin
    offset.flags.writeable = False
    return PositionArrays(offset, positions.instrument[begin:end], positions.quantity[begin:end])


def _fewest_chunks() -> int:
    return CHUNKS_A_THREAD * use_threads(None)


def _even_chunks(accounts: int) -> Index:
    return np.unique(np.linspace(0, accounts, _fewest_chunks() + 1).astype(np.int64))


def run_stress(
    part: Part,
    unit_loss: InstrumentByScenario,
    pool_cost: Cents | None,
    counted: dict[str, Cents],
    minor: float,
    blocks: Blocks | None = None,
) -> dict[str, Shortfalls]:
    """Members' stress shortfalls, for each way of counting a pool's margin.

    `unit_loss` (instrument x scenario) is the loss on one long unit; `pool_cost` is added to every loss of a
    pool (its cost of being sold). `counted` is pool x scenario, or pool x 1 where scenarios do not move it.
    """
    blocks = blocks or Blocks()
    tiles, scenarios, accounts = tiled(unit_loss), unit_loss.shape[1], len(part.account_pool)
    cost = np.zeros(len(part.pool_member), dtype=np.int64) if pool_cost is None else pool_cost
    folds = {way: _Fold.empty(part, cost, held, scenarios) for way, held in counted.items()}
    stress = np.zeros((min(blocks.accounts, accounts), scenarios), dtype=np.int64)
    for first in range(0, accounts, blocks.accounts):
        last = min(first + blocks.accounts, accounts)
        losses = stress[: last - first]
        chunk = chunks(part.positions.offset, first, last, blocks.chunk_accounts)
        account_losses(tiles, part.positions, chunk, minor, losses)
        for fold in folds.values():
            fold_accounts(first, losses, fold.pools, fold.pool_loss, fold.shortfalls)
    return {way: fold.shortfalls for way, fold in folds.items()}


def run_windows(
    part: Part,
    unit_loss: InstrumentByScenario,
    pool_cost: Cents | None,
    counted: dict[str, Cents],
    minor: float,
    blocks: Blocks | None = None,
) -> dict[str, WindowSums]:
    """Members' sums in windows, for each way of counting a pool's margin; arguments as `run_stress` has them.

    Memory is that of the sums, of the cube, and of what counts: no account's losses are kept.
    """
    blocks, ways, windows = blocks or Blocks(), list(counted), unit_loss.shape[1]
    cost = np.zeros(len(part.pool_member), dtype=np.int64) if pool_cost is None else pool_cost
    held = (part.account_pool, part.pool_member, part.pool_house, cost)
    pools = read_only(WindowPools(*held, np.stack([counted[way] for way in ways])))
    shape = (len(ways), len(part.member_group), windows)
    sums = WindowSums(np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64))
    tiles, pool_loss = tiled(unit_loss), np.zeros(windows, dtype=np.int64)
    accounts = len(part.account_pool)
    for first in range(0, accounts, blocks.accounts):
        last = min(first + blocks.accounts, accounts)
        fold_windows(tiles, part.positions, first, last, minor, pools, pool_loss, sums)
    return {way: WindowSums(*(one[place] for one in sums)) for place, way in enumerate(ways)}


def chunks(offset: Index, first: int, last: int, most_accounts: int) -> Index:
    """Bounds of the chunks between two accounts: about equal in positions, so that threads end together."""
    positions = int(offset[last] - offset[first])
    step = min(max(-(-positions // _fewest_chunks()), FEWEST_POSITIONS), CHUNK_POSITIONS)
    by_positions = np.searchsorted(offset, np.arange(offset[first], offset[last], step))
    by_accounts = np.arange(first, last, most_accounts)
    bounds = np.unique(np.concatenate([by_positions, by_accounts, [first, last]]))
    return bounds[(bounds >= first) & (bounds <= last)].astype(np.int64)


@dataclass(frozen=True)
class _Fold:
    pools: PoolArrays
    pool_loss: Cents
    shortfalls: Shortfalls

    @classmethod
    def empty(cls, part: Part, cost: Cents, counted: Cents, scenarios: int) -> "_Fold":
        zeros = [np.zeros((len(part.member_group), scenarios), dtype=np.int64) for _ in Shortfalls._fields]
        pools = PoolArrays(part.account_pool, part.pool_member, part.pool_house, cost, counted)
        return cls(pools, np.zeros(scenarios, dtype=np.int64), Shortfalls(*zeros))


def account_values(positions: PositionArrays, unit_values: InstrumentByScenario, accounts: Index) -> Vector:
    """What some accounts' positions are worth (account x column), given the value of one unit of each instrument.

    The same sums, in the same order, as in a pass over the whole book.
    """
    values = np.empty((len(accounts), unit_values.shape[1]))
    if unit_values.shape[1] == 1:
        once = np.empty(len(accounts))
        sum_accounts_once(np.ascontiguousarray(unit_values[:, 0]), positions, accounts, once)
        return once[:, None]
    tiles = tiled(unit_values)
    for number in range(tiles.shape[0]):
        part = np.empty((len(accounts), min(TILE, values.shape[1] - number * TILE)))
        sum_accounts(tiles[number], positions, accounts, part)
        values[:, number * TILE : number * TILE + part.shape[1]] = part
    return values
