"""How many times faster than the usual libraries, and how much memory: both from one run, in turn.

    python -m benchmarks.ratio [--size small|medium] [--rounds 3]

The two are timed alternately in the same process, so that a machine that is now faster and now slower does not
favour either. Prints a table, or JSON with --json. Memory is the highest resident size during a run above that before
it, so above the book and the cube themselves.
"""

import argparse
import json
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.jobs import MEDIUM, SMALL, make_job, ours, usual
from ccp.kernels.engine import use_threads

MEBI = 2**20


def resident() -> float:
    """Resident memory of this process in MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MEBI


def timed(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds, MiB at the highest above the start, and the result."""
    before, highest, done = resident(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            highest[0] = max(highest[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    result = function()
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    return seconds, max(highest[0], resident()) - before, result


def main() -> None:
    """Time both ways in turn and print how they compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["small", "medium"], default="medium")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    job = make_job({"small": SMALL, "medium": MEDIUM}[options.size])
    threads = use_threads(None)
    ours(job)
    runs: dict[str, list[tuple[float, float]]] = {"ours": [], "ours, one thread": [], "scipy + numpy": []}
    for _ in range(options.rounds):
        seconds, memory, found = timed(lambda: ours(job))
        runs["ours"].append((seconds, memory))
        use_threads(1)
        seconds, memory, _ = timed(lambda: ours(job))
        runs["ours, one thread"].append((seconds, memory))
        use_threads(threads)
        seconds, memory, (margin, _) = timed(lambda: usual(job))
        runs["scipy + numpy"].append((seconds, memory))
        assert np.abs(found.account_margin - margin * 100).max() <= 1
    report(
        job.size.__dict__ | {"positions": job.portfolio.positions.quantity.size, "threads": threads}, runs, options.json
    )


def report(size: dict[str, Any], runs: dict[str, list[tuple[float, float]]], as_json: bool) -> None:
    """Print medians, and the ratio round by round."""
    work = size["positions"] * (size["margin"] + size["stress"])
    rows = []
    for name, found in runs.items():
        seconds = statistics.median(second for second, _ in found)
        ratios = [slow / own for (slow, _), (own, _) in zip(runs["scipy + numpy"], found, strict=True)]
        rows.append(
            {
                "way": name,
                "seconds": round(seconds, 3),
                "billion multiply-adds a second": round(work / seconds / 1e9, 2),
                "times scipy + numpy (median)": round(statistics.median(ratios), 2),
                "times scipy + numpy (least)": round(min(ratios), 2),
                "MiB above the book": round(max(memory for _, memory in found)),
            }
        )
    if as_json:
        print(json.dumps({"size": size, "runs": rows}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in size.items()))
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + " --- |" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")


if __name__ == "__main__":
    main()
