"""Ways of doing the same job, timed in turn in one process: a machine that drifts favours none of them."""

import statistics
import time
from collections.abc import Callable
from typing import Any


def in_turn(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every way, round by round. Whoever calls has warmed up (compiled, read) what should not count."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """How many times `slow` takes longer than `fast`: the median of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(slow, fast, strict=True))
