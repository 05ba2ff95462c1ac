"""Full revaluation of options in quantity, against numpy and scipy, QuantLib, and what the functions alone cost.

    python -m benchmarks.options [--options 20000] [--scenarios 1350] [--rounds 3] [--json]

All ways run in one process, turn by turn, on the same arrays, after compilation: forward, volatility and currency
move, the option is priced anew and converted. QuantLib offers Python nothing that takes arrays: it is called price by
price, on some of them, and for Black's formula alone. All ways must agree. The limit is the least that a price needs
(one logarithm, one exponential, two tails of the normal distribution) on numbers that stay in the first-level cache;
what writing as many results to memory takes is measured beside it.
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.option_jobs import (
    SAMPLE,
    Job,
    Sample,
    by_quantlib,
    in_blocks,
    in_threads,
    make_job,
    make_sample,
    ours,
    usual,
)
from benchmarks.turns import in_turn, median_ratio
from ccp.kernels.engine.numba_door import parallel_kernel, prange, use_threads
from ccp.kernels.exposure.elementary import exponential, logarithm, scaled_tail

QUANTLIB, LIMIT = "QuantLib, Black's formula alone", "the functions alone (the limit)"
CACHED = 1_024
"""Numbers for the functions alone: three arrays of as many stay in the first-level cache."""


@parallel_kernel
def functions_alone(x, rounds, last):
    """One logarithm, one exponential and two tails for every number, again and again, each in a loop of its own."""
    for i in prange(rounds):
        first, second = np.empty(x.size), np.empty(x.size)
        for s in range(x.size):
            first[s] = logarithm(x[s])
        for s in range(x.size):
            second[s] = exponential(first[s])
        for s in range(x.size):
            first[s] = scaled_tail(second[s])
        for s in range(x.size):
            second[s] = scaled_tail(first[s])
        last[i] = second[i % x.size]


@parallel_kernel
def library_alone(x, rounds, last):
    """The same by the mathematical library, one number at a time."""
    for i in prange(rounds):
        first, second = np.empty(x.size), np.empty(x.size)
        for s in range(x.size):
            first[s] = math.log(x[s])
        for s in range(x.size):
            second[s] = math.exp(first[s])
        for s in range(x.size):
            first[s] = math.erfc(second[s])
        for s in range(x.size):
            second[s] = math.erfc(first[s])
        last[i] = second[i % x.size]


@parallel_kernel
def written_alone(row, change):
    """As many numbers as there are prices, written and nothing else."""
    for i in prange(change.shape[0]):
        for s in range(change.shape[1]):
            change[i, s] = row[s]


def one_thread(way: Callable[[], Any], threads: int) -> None:
    """A way on one thread; then all of them again."""
    use_threads(1)
    way()
    use_threads(threads)


def limits(shape: tuple[int, int], change: np.ndarray) -> dict[str, Callable[[], Any]]:
    """What the parts of as many prices take on their own."""
    rounds = shape[0] * shape[1] // CACHED
    x, last = np.random.default_rng(3).uniform(0.2, 5.0, CACHED), np.empty(rounds)
    return {
        LIMIT: lambda: functions_alone(x, rounds, last),
        "the library's functions alone": lambda: library_alone(x, rounds, last),
        "writing alone": lambda: written_alone(np.zeros(shape[1]), change),
    }


def ways_of(job: Job, sample: Sample, threads: int) -> dict[str, Callable[[], Any]]:
    """Every way, run once, so compiled, and compared."""
    change, other = np.empty(job.shape), np.empty(job.shape)
    ways: dict[str, Callable[[], Any]] = {
        "ours": lambda: ours(job, change),
        "ours, one thread": lambda: one_thread(lambda: ours(job, change), threads),
        "numpy and scipy, whole arrays": lambda: usual(job, other),
        "numpy and scipy, in blocks": lambda: in_blocks(job, other),
        "numpy and scipy, in blocks on all threads": lambda: in_threads(job, other, threads),
    }
    scale = job.terms.multiplier * (job.terms.forward + job.terms.strike)
    for way in ways.values():
        other.fill(np.nan)
        way()
        assert np.isnan(other).all() or (np.abs(other - change).max(axis=1) <= 1e-13 * scale).all()
    assert (np.abs(np.array(by_quantlib(sample)) - sample.value) <= 1e-13 * sample.scale).all()
    ways[QUANTLIB] = lambda: by_quantlib(sample)
    for name, way in limits(job.shape, other).items():
        way()
        ways[name] = way
    return ways


def report(shape: tuple[int, int], threads: int, seconds: dict[str, list[float]], as_json: bool) -> None:
    """Print medians a price, the ratio round by round, and ours as a share of the limit."""
    count = {name: SAMPLE if name == QUANTLIB else shape[0] * shape[1] for name in seconds}
    each = {name: [spent / count[name] for spent in found] for name, found in seconds.items()}
    rows = []
    for name, found in each.items():
        price = statistics.median(found)
        row = {"way": name, "ns a price": round(price * 1e9, 2), "million prices a second": round(1e-6 / price, 1)}
        rows.append(row | {"times ours": round(median_ratio(found, each["ours"]), 2)})
    share = median_ratio(each[LIMIT], each["ours"])
    size = {"options": shape[0], "scenarios": shape[1], "threads": threads}
    if as_json:
        print(json.dumps({"size": size, "runs": rows, "share of the limit": round(share, 3)}, indent=2))
        return
    print(", ".join(f"{name} {value:,}" for name, value in size.items()) + f"; {share:.0%} of the limit")
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + " --- |" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")


def main() -> None:
    """Time all ways in turn and print how they compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--options", type=int, default=20_000)
    parser.add_argument("--scenarios", type=int, default=1_350)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    job, threads = make_job(asked.options, asked.scenarios), use_threads(None)
    seconds = in_turn(ways_of(job, make_sample(job), threads), asked.rounds)
    report(job.shape, threads, seconds, asked.json)


if __name__ == "__main__":
    main()
