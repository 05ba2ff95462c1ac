"""Options in scenarios as they are timed: ours, the same by numpy and scipy, and Black's formula by QuantLib."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import QuantLib as ql  # noqa: N813
from scipy.special import ndtr

from ccp.kernels.exposure.black import option_values
from ccp.kernels.exposure.revalue import Moves, TermArrays, unit_changes

FACTORS = 200
BLOCK = 32
"""Options that numpy takes at a time in blocks: 340 KB an array of 1,350 scenarios, the best of 1 to 256."""
SAMPLE = 50_000
"""Prices for QuantLib."""


@dataclass(frozen=True)
class Job:
    """Options and what every factor does, as the kernel takes them."""

    terms: TermArrays
    moves: Moves
    shape: tuple[int, int]


def make_job(options: int, scenarios: int, seed: int = 1) -> Job:
    """Options on 200 underlyings with a volatility each, half of them in another currency; fat-tailed moves."""
    random = np.random.default_rng(seed)
    factor = np.sort(random.integers(0, FACTORS, options))
    forward = random.uniform(20, 400, FACTORS)[factor] * random.uniform(1, 1.05, options)
    strike = np.round(forward * random.uniform(0.7, 1.3, options))
    volatility, call = random.uniform(0.12, 0.6, options), random.random(options) < 0.5
    years, rate = random.choice([7, 14, 30, 60, 90, 180, 365, 730], options) / 365, np.full(options, 0.03)
    value = np.empty((options, 1))
    option_values(forward[:, None], volatility[:, None], years, strike, call, value)
    model, abroad = value[:, 0] * np.exp(-rate * years), random.random(options) < 0.5
    terms = TermArrays(
        option=np.ones(options, dtype=bool), premium=random.random(options) < 0.5, call=call,
        normal=np.zeros(options, dtype=bool),
        price=model * random.uniform(0.98, 1.02, options), multiplier=np.full(options, 100.0),
        exchange=np.where(abroad, 1.1, 1.0), strike=strike, forward=forward, volatility=volatility,
        discount_rate=rate, years_after=years - 2 / 365, model=model, factor=factor,
        volatility_factor=factor + FACTORS, currency_factor=np.where(abroad, 2 * FACTORS, -1),
    )  # fmt: skip
    relative = np.clip(random.standard_t(4, (2 * FACTORS + 1, scenarios)) * 0.02, -0.5, 0.5)
    return Job(terms, Moves(relative, np.zeros_like(relative)), (options, scenarios))


def ours(job: Job, change: np.ndarray) -> None:
    """The kernel."""
    unit_changes(job.terms, job.moves, change)


def usual(job: Job, change: np.ndarray, rows: slice = slice(None)) -> None:
    """The same by numpy and scipy, all options at a time or some."""
    terms = TermArrays._make(column[rows, None] for column in job.terms)

    def moved(level: np.ndarray, factor: np.ndarray) -> np.ndarray:
        return level * (1.0 + job.moves.relative[factor[:, 0]]) + job.moves.absolute[factor[:, 0]]

    forward = moved(terms.forward, terms.factor)
    spread = moved(terms.volatility, terms.volatility_factor)
    spread *= np.sqrt(terms.years_after)
    d1 = np.log(forward / terms.strike)
    d1 /= spread
    d1 += 0.5 * spread
    sign = np.where(terms.call, 1.0, -1.0)
    value = sign * (forward * ndtr(sign * d1) - terms.strike * ndtr(sign * (d1 - spread)))
    value *= np.exp(-terms.discount_rate * terms.years_after)
    price = np.maximum(terms.price + (value - terms.model), 0.0)
    rate = np.where(terms.currency_factor < 0, terms.exchange, moved(terms.exchange, terms.currency_factor))
    start = np.where(terms.premium, terms.price * terms.exchange, terms.price * rate)
    np.multiply(terms.multiplier, price * rate - start, out=change[rows])


def blocks(job: Job) -> list[slice]:
    """The options, some at a time."""
    return [slice(first, first + BLOCK) for first in range(0, job.shape[0], BLOCK)]


def in_blocks(job: Job, change: np.ndarray) -> None:
    """The same, block by block."""
    for rows in blocks(job):
        usual(job, change, rows)


def in_threads(job: Job, change: np.ndarray, threads: int) -> None:
    """The same, blocks spread over threads by hand."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda rows: usual(job, change, rows), blocks(job)))


@dataclass(frozen=True)
class Sample:
    """Some prices as QuantLib takes them, and what Black's formula is worth there by our kernel."""

    arguments: list[tuple[Any, float, float, float]]
    value: np.ndarray
    scale: np.ndarray


def make_sample(job: Job) -> Sample:
    """Prices spread over options and scenarios."""
    terms, random = job.terms, np.random.default_rng(2)
    option, scenario = random.integers(0, job.shape[0], SAMPLE), random.integers(0, job.shape[1], SAMPLE)
    forward = terms.forward[option] * (1.0 + job.moves.relative[terms.factor[option], scenario])
    volatility = terms.volatility[option] * (1.0 + job.moves.relative[terms.volatility_factor[option], scenario])
    strike, years, value = terms.strike[option], terms.years_after[option], np.empty((SAMPLE, 1))
    option_values(forward[:, None], volatility[:, None], years, strike, terms.call[option], value)
    right = [ql.Option.Call if call else ql.Option.Put for call in terms.call[option]]
    columns = (column.tolist() for column in (strike, forward, volatility * np.sqrt(years)))
    return Sample(list(zip(right, *columns, strict=True)), value[:, 0], strike + forward)


def by_quantlib(sample: Sample) -> list[float]:
    """Black's formula price by price."""
    return [ql.blackFormula(*arguments) for arguments in sample.arguments]
