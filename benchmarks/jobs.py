"""Books and cubes that are timed: random ones, of any size, in which every way of doing the job has the same to do."""

from dataclasses import dataclass, replace

import numpy as np

from ccp.book.portfolio import Portfolio
from ccp.book.roster import each_alone
from ccp.exposure.run import part_of
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.margin.measure import tail_weights
from ccp.rulebook.margin import MarginRules
from ccp.types import Vector

ACCOUNTS_A_POOL = 4
MEMBERS = 200
STRESS = 4.0
"""How much larger than a margin scenario a stress scenario is: some pools then lose more than their margin."""


@dataclass(frozen=True)
class Size:
    """A book and its scenarios."""

    name: str
    accounts: int
    positions: int
    instruments: int
    margin: int = 1_250
    stress: int = 100

    @property
    def scenarios(self) -> int:
        """All of them."""
        return self.margin + self.stress


TINY = Size("tiny", 40, 400, 30, 130, 10)
"""For one look at correctness, in plain Python as well."""
SMALL = Size("small", 2_000, 100_000, 500)
CHECKED = Size("checked", 5_000, 500_000, 1_000)
"""What CI times: some tenths of a second for the usual libraries."""
MEDIUM = Size("medium", 100_000, 10_000_000, 2_000)


@dataclass(frozen=True)
class Job:
    """A book and the loss on one unit of every instrument: margin scenarios first, then stress."""

    size: Size
    portfolio: Portfolio
    unit_loss: np.ndarray
    tail_weight: Vector

    @property
    def work(self) -> int:
        """Positions times scenarios: the multiply-adds that the job is made of."""
        return self.size.positions * self.size.scenarios

    @property
    def margin_loss(self) -> np.ndarray:
        """The scenarios of margin."""
        return self.unit_loss[:, : self.size.margin]

    @property
    def stress_loss(self) -> np.ndarray:
        """The scenarios of stress."""
        return self.unit_loss[:, self.size.margin :]


def make_job(size: Size, seed: int = 1) -> Job:
    """Whole quantities and normal losses; accounts of different sizes, some to a client pool, some pools to a member.

    Margin is expected shortfall at 99 %. The number of positions is met about, and the job's size has the one that is.
    """
    random = np.random.default_rng(seed)
    positions = _positions(random, size)
    loss = random.normal(0, 100, (size.instruments, size.scenarios))
    loss[:, size.margin :] *= STRESS
    rules = MarginRules(
        measure="expected_shortfall", confidence=0.99, lookback_days=size.margin, liquidation_days=2, quantile="ceil"
    )
    met = replace(size, positions=positions.quantity.size)
    return Job(met, _portfolio(met, positions), loss, tail_weights(rules, size.margin))


def part_of_job(job: Job, accounts: int) -> Job:
    """The first accounts of a job, for ways that take too long for all of them."""
    few = min(accounts, job.size.accounts)
    positions = part_of(job.portfolio.positions, 0, few)
    size = replace(job.size, accounts=few, positions=positions.quantity.size)
    return replace(job, size=size, portfolio=_portfolio(size, positions))


def _positions(random: np.random.Generator, size: Size) -> PositionArrays:
    """An account's instruments are distinct and in order: a draw of so many numbers, sorted and then spread out."""
    weight = random.lognormal(0, 1, size.accounts)
    counts = np.maximum(np.rint(weight * size.positions / weight.sum()), 1).astype(np.int64)
    counts = np.minimum(counts, size.instruments)
    offset = np.concatenate([[0], np.cumsum(counts)])
    account = np.repeat(np.arange(size.accounts), counts)
    drawn = random.integers(0, np.repeat(size.instruments - counts + 1, counts))
    in_order = np.sort(account * size.instruments + drawn) - account * size.instruments
    instrument = (in_order + np.arange(offset[-1]) - offset[account]).astype(np.int32)
    quantity = random.integers(-500, 501, instrument.size).astype(np.float64)
    return _fixed(PositionArrays(offset, instrument, quantity))


def _fixed(positions: PositionArrays) -> PositionArrays:
    """Read-only, as a book's are: kernels are compiled for that."""
    for array in positions:
        array.flags.writeable = False
    return positions


def _portfolio(size: Size, positions: PositionArrays) -> Portfolio:
    pools = -(-size.accounts // ACCOUNTS_A_POOL)
    members = min(MEMBERS, pools)
    return Portfolio(
        _names(size.instruments),
        _names(size.accounts),
        _names(pools),
        each_alone(_names(members)),
        np.arange(size.accounts) // ACCOUNTS_A_POOL,
        np.arange(pools) * members // pools,
        np.zeros(pools, dtype=bool),
        [],
        np.full(size.accounts, -1),
        positions,
    )


def _names(count: int) -> list[str]:
    return [f"{number:09d}" for number in range(count)]
