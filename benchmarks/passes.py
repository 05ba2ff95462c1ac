"""The margin pass alone: its share of the limit, and what it costs to be exact."""

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.jobs import Job
from benchmarks.limit import Probe
from benchmarks.our_ways import Unscreened, margins, single_margins
from benchmarks.section import Row, Table
from benchmarks.threads import on_threads, thread_counts
from benchmarks.turns import median_ratio
from benchmarks.ways import OURS, UNSCREENED, on_one_thread
from ccp.types import Cents

Times = dict[str, list[float]]
LIMIT_NOTE = """\
The limit: tiles of the cube, of the size that the kernel uses, are read from the second-level cache with nothing but
additions beside, in the same rounds. A multiply-add in double precision reads 8 bytes. One in single precision reads
only 4, so that the screened way could pass 100 %, were it not for the scenarios that it adds up in double again. Tails,
rounding and cutting the cube are in the time of the passes, and sums over pools in that of the whole job. Shares are
the median of the rounds' own, so that columns of medians need not divide to the last figure."""
PRECISION_NOTE = """\
The margin pass on all threads. Screened: single precision rules scenarios out, with a bound on its own error, and
double precision decides among the rest; the bits are those of double throughout. Single precision alone is here to
compare with; the engine does not offer it."""
DOUBLE, SCREENED, SINGLE = "double precision throughout", "screened", "single precision alone"
KINDS: dict[str, Callable[[Job], Cents]] = {
    DOUBLE: partial(margins, cube=Unscreened),
    SCREENED: margins,
    SINGLE: single_margins,
}


def margin_passes(job: Job) -> dict[str, Callable[[], Cents]]:
    """The margin pass in every precision, on one thread and on all."""
    counts = thread_counts()
    return {_name(kind, count): on_threads(count, partial(run, job)) for kind, run in KINDS.items() for count in counts}


def limit_reads(probes: dict[int, Probe]) -> dict[str, Callable[[], Any]]:
    """The reading of tiles, by threads."""
    return {_name("tiles read", count): on_threads(count, probe.run) for count, probe in probes.items()}


def _name(what: str, count: int) -> str:
    return f"{what} on {count}"


def limit_table(job: Job, probes: dict[int, Probe], seconds: Times) -> Table:
    """What share of the limit each pass reaches: the median of the rounds' own."""
    margin_work = job.work * job.size.margin // job.size.scenarios
    rows: list[Row] = []
    for count, probe in probes.items():
        alone = count == 1 and len(probes) > 1
        reading = seconds[_name("tiles read", count)]
        rows.append(_limit_row("the limit", count, probe.multiply_adds, reading, probe, reading))
        for what, name, work in (
            (f"margin pass, {DOUBLE}", _name(DOUBLE, count), margin_work),
            (f"margin pass, {SCREENED}", _name(SCREENED, count), margin_work),
            (f"the whole job, {DOUBLE}", on_one_thread(UNSCREENED) if alone else UNSCREENED, job.work),
            (f"the whole job, {SCREENED}", on_one_thread(OURS) if alone else OURS, job.work),
        ):
            rows.append(_limit_row(what, count, work, seconds[name], probe, reading))
    return Table("Share of the limit", rows, LIMIT_NOTE)


def _limit_row(what: str, count: int, work: float, spent: list[float], probe: Probe, reading: list[float]) -> Row:
    speed = work / statistics.median(spent)
    share = median_ratio(reading, spent) * work / probe.multiply_adds
    return {
        "what": what,
        "threads": count,
        "billion multiply-adds a second": 1e-9 * speed,
        "GB a second, if each reads 8 bytes": 8e-9 * speed,
        "share of the limit": f"{share:.0%}",
    }


def precision_table(job: Job, seconds: Times) -> Table:
    """Time and error of the margin pass in each precision."""
    most = thread_counts()[-1]
    exact, slowest = margins(job, Unscreened), seconds[_name(DOUBLE, most)]
    rows: list[Row] = []
    for kind, run in KINDS.items():
        error = np.abs(run(job) - exact)
        spent = seconds[_name(kind, most)]
        rows.append(
            {
                "margins": kind,
                "seconds": statistics.median(spent),
                "times double": median_ratio(slowest, spent),
                "accounts with another margin": f"{(error > 0).mean():.0%}",
                "largest error, cents": int(error.max()),
                "mean error, cents": float(error.mean()),
            }
        )
    return Table("Precision", rows, PRECISION_NOTE)
