"""How time grows with each size of the job, all others held: the slope of its logarithm on the size's.

    python -m benchmarks.growth [--quick] [--rounds 3] [--json]

Least times of some rounds, all sizes in turn in one process.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.jobs import Job, Size, make_job
from benchmarks.our_ways import ours
from benchmarks.section import Asked, Row, Section, Table, run_alone
from benchmarks.turns import in_turn
from ccp.exposure.tiles import screen_arrays, tiled

BASE = Size("base", 40_000, 4_000_000, 2_000)
QUICK = Size("quick", 4_000, 400_000, 1_000, 625, 50)
FACTORS = {
    "accounts": (0.25, 0.5, 1.0, 2.0),
    "positions": (0.5, 1.0, 2.0, 4.0),
    "scenarios": (0.25, 0.5, 1.0, 2.0),
    "instruments": (0.25, 0.5, 1.0, 2.5, 10.0),
}
TEXT = """\
The whole job of margin and stress on all threads, from {accounts:,} accounts, {positions:,} positions,
{instruments:,} instruments and {scenarios:,} scenarios on; least of {rounds} rounds, all sizes in turn. With
accounts grow positions, since each account keeps its own; with positions the accounts do not grow. What does not grow
is in the time as well and makes slopes less than 1: cutting the cube, starting threads, and, where only positions grow,
what an account costs whatever it holds (finding the threshold among its scenarios)."""
SLOPE_NOTE = "The slope is that of a line through the logarithms, by least squares: 1 is in proportion."
INSTRUMENTS_NOTE = """\
Instruments are not work: with more of them the same positions only lie further apart, and the slope of the time a
multiply-add should be near 0 as long as a tile stays in the second-level cache. Beyond, every multiply-add waits for a
slower one. Cutting the cube is in the time; it grows with the instruments."""


def measure(asked: Asked) -> Section:
    """All four sizes."""
    return measured(QUICK if asked.quick else BASE, asked.rounds)


def measured(base: Size, rounds: int) -> Section:
    """All four, from one size on."""
    grown = {name: [grown_by(base, name, factor) for factor in factors] for name, factors in FACTORS.items()}
    wider = grown.pop("instruments")
    facts = vars(base) | {"scenarios": base.scenarios, "rounds": rounds}
    tables = [slopes_table(grown, rounds), instruments_table(wider, rounds)]
    return Section("benchmarks.growth", "Growth", TEXT.format(**facts), tables)


def grown_by(size: Size, name: str, factor: float) -> Size:
    """A size with one of its numbers larger, and what grows with it."""
    together = {"accounts": ("accounts", "positions"), "scenarios": ("margin", "stress")}.get(name, (name,))
    return replace(size, **{field: int(getattr(size, field) * factor) for field in together})


def slopes_table(grown: dict[str, list[Size]], rounds: int) -> Table:
    """A row a size that grows."""
    rows: list[Row] = []
    for name, sizes in grown.items():
        jobs = [make_job(size) for size in sizes]
        counts = [float(getattr(job.size, name)) for job in jobs]
        spent = least(jobs, rounds)
        rows.append(
            {
                "what grows": name,
                "sizes": ", ".join(f"{count:,.0f}" for count in counts),
                "milliseconds": ", ".join(f"{1000 * seconds:.0f}" for seconds in spent),
                "slope": slope(counts, spent),
                "expected": 1,
            }
        )
    return Table("Slopes", rows, SLOPE_NOTE)


def instruments_table(sizes: list[Size], rounds: int) -> Table:
    """A row a number of instruments, with the slope from the smallest to it."""
    jobs = [make_job(size) for size in sizes]
    spent, cutting = least(jobs, rounds), least_cutting(jobs, rounds)
    counts = [float(size.instruments) for size in sizes]
    each = [seconds / job.work for seconds, job in zip(spent, jobs, strict=True)]
    rows: list[Row] = []
    for place, job in enumerate(jobs):
        rows.append(
            {
                "instruments": job.size.instruments,
                "a tile in double precision, KB": tiled(job.stress_loss)[0].nbytes / 1000,
                "milliseconds": 1000 * spent[place],
                "of them cutting the cube": 1000 * cutting[place],
                "billion multiply-adds a second": 1e-9 / each[place],
                "slope so far": slope(counts[: place + 1], each[: place + 1]) if place else None,
            }
        )
    return Table("Instruments", rows, INSTRUMENTS_NOTE)


def least(jobs: list[Job], rounds: int) -> list[float]:
    """The shortest time of every job: what is added to it comes from other programs."""
    ways = {str(place): partial(ours, job) for place, job in enumerate(jobs)}
    for way in ways.values():
        way()
    return [min(found) for found in in_turn(ways, rounds).values()]


def least_cutting(jobs: list[Job], rounds: int) -> list[float]:
    """The same of cutting the cube alone: for the screen, and of the stress scenarios."""
    ways = {str(place): partial(cut, job) for place, job in enumerate(jobs)}
    return [min(found) for found in in_turn(ways, rounds).values()]


def cut(job: Job) -> None:
    """Cut the cube for both passes."""
    screen_arrays(job.margin_loss)
    tiled(job.stress_loss)


def slope(sizes: list[float], seconds: list[float]) -> float:
    """Of the line through the logarithms that misses them least."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


if __name__ == "__main__":
    run_alone(measure, __doc__)
