"""Our ways of doing the job: as it is done, without the screen, and what single precision alone would give."""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from benchmarks.jobs import Job
from ccp.exposure.run import CHUNK_ACCOUNTS, MarginCube, RankWeights, chunks, run_margin, run_stress
from ccp.exposure.tiles import screen_arrays
from ccp.kernels.engine.numba_door import prange
from ccp.kernels.exposure.portfolio_losses import in_minor
from ccp.kernels.exposure.screen import WIDTH
from ccp.kernels.exposure.sweep import sum_positions
from ccp.kernels.exposure.tail import keep_largest, weighted_sum
from ccp.types import Cents

CENTS = 100.0


@dataclass(frozen=True)
class Answer:
    """Margin by account, and loss over margin by member and stress scenario: in cents, whole ones if they are ours."""

    margin: np.ndarray
    over_margin: np.ndarray


class Unscreened(MarginCube):
    """The cube, margined in double precision throughout."""

    screen = None  # type: ignore[assignment]


def ours(job: Job, cube: type[MarginCube] = MarginCube) -> Answer:
    """As the engine does it."""
    return stressed(job, margins(job, cube))


def without_screen(job: Job) -> Answer:
    """The same in double precision throughout."""
    return ours(job, Unscreened)


def margins(job: Job, cube: type[MarginCube] = MarginCube) -> Cents:
    """The margin pass: cutting the cube, losses of every account, their tails."""
    return run_margin(job.portfolio.positions, cube(job.margin_loss, RankWeights(job.tail_weight)), CENTS)


def stressed(job: Job, margin: Cents) -> Answer:
    """The stress pass: what the members' pools lose over their margin."""
    portfolio = job.portfolio
    required = np.zeros((len(portfolio.pools), 1), dtype=np.int64)
    np.add.at(required[:, 0], portfolio.account_pool, margin)
    short = run_stress(portfolio.whole, job.stress_loss, None, {"required": required}, CENTS)["required"]
    return Answer(margin, short.client_short)


def single_margins(job: Job) -> Cents:
    """The margin pass in single precision alone, which the engine never does: the plain kernel, the screen's tiles."""
    positions = job.portfolio.positions
    accounts, margin = len(positions.offset) - 1, np.zeros(len(positions.offset) - 1, dtype=np.int64)
    singles = positions._replace(quantity=positions.quantity.astype(np.float32))
    chunk = chunks(positions.offset, 0, accounts, CHUNK_ACCOUNTS)
    tiles = screen_arrays(job.margin_loss).tiles
    _single_margin(tiles, singles, chunk, job.size.margin, job.tail_weight, margin)
    return margin


@numba.njit(parallel=True, error_model="numpy")
def _single_margin(tiles: Any, singles: Any, chunk: Any, scenarios: Any, tail_weight: Any, margin: Any) -> None:
    """As `ccp.kernels.exposure.portfolio_losses.tail_margin`. Not kept: the cache of compiled code knows the package's
    sources only."""
    for c in prange(chunk.shape[0] - 1):
        first, last = chunk[c], chunk[c + 1]
        loss, passing = np.empty(WIDTH, dtype=np.float32), np.empty(WIDTH, dtype=np.float32)
        top = np.full((last - first, tail_weight.shape[0]), -np.inf).astype(np.float32)
        for t in range(tiles.shape[0]):
            count = min(WIDTH, scenarios - t * WIDTH)
            for account in range(first, last):
                sum_positions(tiles[t], singles, account, loss)
                keep_largest(loss[:count], top[account - first], passing)
        for account in range(first, last):
            margin[account] = in_minor(max(weighted_sum(top[account - first], tail_weight), 0.0), CENTS)
