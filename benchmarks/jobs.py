"""The jobs that are timed: ours, and the same written with the usual libraries."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ccp.book.portfolio import Portfolio
from ccp.exposure.run import MarginCube, RankWeights, run_margin, run_stress
from ccp.kernels.pools import Shortfalls
from ccp.kernels.sweep import PositionArrays
from ccp.margin.measure import tail_weights
from ccp.rulebook.margin import MarginRules
from ccp.types import Cents, Vector

BLOCK = 4_096
"""Accounts that the usual libraries take at a time: a whole product would need gigabytes."""


@dataclass(frozen=True)
class Size:
    """A book and its scenarios."""

    name: str
    accounts: int
    positions: int
    instruments: int
    margin: int = 1_250
    stress: int = 100


SMALL = Size("small", 2_000, 100_000, 500)
MEDIUM = Size("medium", 100_000, 10_000_000, 2_000)


@dataclass(frozen=True)
class Job:
    """A random book and cube, as both ways of doing the job take them: margin scenarios first, then stress."""

    size: Size
    portfolio: Portfolio
    close_out_loss: np.ndarray
    tail_weight: Vector


@dataclass(frozen=True)
class Found:
    """Margin of every account and stress shortfalls of every member, in cents."""

    account_margin: Cents
    shortfalls: Shortfalls


def make_job(size: Size, seed: int = 1) -> Job:
    """Random whole quantities and normal losses; accounts of different sizes, four to a pool, 200 members."""
    random = np.random.default_rng(seed)
    weight = random.lognormal(0, 1, size.accounts)
    counts = np.maximum(np.rint(weight * size.positions / weight.sum()), 1).astype(np.int64)
    counts = np.minimum(counts, size.instruments)
    offset = np.concatenate([[0], np.cumsum(counts)])
    instrument = np.empty(offset[-1], dtype=np.int32)
    for account in range(size.accounts):
        held = random.choice(size.instruments, counts[account], replace=False, shuffle=False)
        instrument[offset[account] : offset[account + 1]] = np.sort(held)
    quantity = random.integers(-500, 501, instrument.size).astype(np.float64)
    for array in (offset, instrument, quantity):
        array.flags.writeable = False
    pools = -(-size.accounts // 4)
    members = min(200, pools)
    portfolio = Portfolio(
        [str(i) for i in range(size.instruments)],
        [str(i) for i in range(size.accounts)],
        [str(i) for i in range(pools)],
        [str(i) for i in range(members)],
        [str(i) for i in range(members)],
        np.arange(size.accounts) // 4,
        np.arange(pools) * members // pools,
        np.arange(pools) % 10 == 0,
        np.arange(members),
        PositionArrays(offset, instrument, quantity),
    )
    loss = random.normal(0, 100, (size.instruments, size.margin + size.stress))
    rules = MarginRules(
        measure="expected_shortfall", confidence=0.99, lookback_days=size.margin, liquidation_days=2, quantile="ceil"
    )
    return Job(size, portfolio, loss, tail_weights(rules, size.margin))


def ours(job: Job) -> Found:
    """Margin of every account, then stress shortfalls of every member against the margin of its pools."""
    scenarios, stress = job.close_out_loss[:, : job.size.margin], job.close_out_loss[:, job.size.margin :]
    margin = run_margin(job.portfolio.positions, MarginCube(scenarios, RankWeights(job.tail_weight)), 100.0)
    required = np.zeros((len(job.portfolio.pools), 1), dtype=np.int64)
    np.add.at(required[:, 0], job.portfolio.account_pool, margin)
    return Found(margin, run_stress(job.portfolio.whole, stress, None, {"required": required}, 100.0)["required"])


def usual(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """The same by scipy.sparse and numpy.partition, in blocks: margin by account, loss over margin by member.

    To keep it as short as a user would, every pool is treated as a client pool.
    """
    offset, instrument, quantity = job.portfolio.positions
    shape = (job.size.accounts, job.size.instruments)
    book = sparse.csr_matrix((quantity, instrument, offset), shape=shape)
    margin = np.empty(job.size.accounts)
    short = np.zeros((len(job.portfolio.members), job.size.stress))
    tail = len(job.tail_weight)
    for first in range(0, job.size.accounts, BLOCK):
        loss = book[first : first + BLOCK] @ job.close_out_loss
        scenarios, stress = loss[:, : job.size.margin], loss[:, job.size.margin :]
        largest = np.partition(scenarios, job.size.margin - tail, axis=1)[:, -tail:]
        largest.sort(axis=1)
        need = np.maximum(largest[:, ::-1] @ job.tail_weight, 0)
        margin[first : first + BLOCK] = need
        starts = np.arange(0, len(need), 4)
        over = np.add.reduceat(stress, starts) - np.add.reduceat(need, starts)[:, None]
        members = job.portfolio.pool_member[first // 4 : first // 4 + len(starts)]
        np.add.at(short, members, np.maximum(over, 0))
    return margin, short
