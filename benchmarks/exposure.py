"""Margin of every account and stress losses of every member: ours, the usual libraries, and the limit.

    python -m benchmarks.exposure [--quick] [--rounds 3] [--json]

All ways run in turn in one process on the same book and the same cube, and all must give the same cents. Memory is
measured in processes of their own.
"""

import statistics
import subprocess
import sys

from benchmarks.jobs import CHECKED, MEDIUM, TINY, Size, make_job
from benchmarks.limit import tile_probe
from benchmarks.memory import peak_above
from benchmarks.passes import Times, limit_reads, limit_table, margin_passes, precision_table
from benchmarks.section import Asked, Row, Section, Table, parser_of, run_alone
from benchmarks.threads import thread_counts
from benchmarks.turns import in_turn, median_ratio
from benchmarks.ways import SCIPY, Way, check_same, on_one_thread, recorded, warm_up, ways_of

SIZES = {size.name: size for size in (CHECKED, MEDIUM)}
TEXT = """\
{accounts:,} accounts, {positions:,} positions, {instruments:,} instruments, {margin:,} margin and {stress:,} stress
scenarios. Margin is expected shortfall at 99 %, stress what every member's pools lose over their margin. Every way cuts
or builds what it needs of book and cube itself, and that is in its time; so are tails, sums over pools and rounding.
Margins agree to a cent and members' losses to the roundings of their accounts, or there would be no table. {rounds}
rounds, all ways in turn; seconds are medians, ratios the median and the least of the rounds' own. Ours runs on
{threads} threads unless it says so, scipy and numpy.partition on one, as they do; products of MKL and numpy's dense one
on as many as they take."""
WAYS_NOTE = "polars is given the first accounts only and compared by its time a position and scenario."
NO_MKL = "MKL: not installed (`pip install sparse_dot_mkl mkl`)."


def measure(asked: Asked) -> Section:
    """The medium book, or that of CI."""
    return measured(CHECKED if asked.quick else MEDIUM, asked.rounds, with_memory=not asked.quick)


def measured(size: Size, rounds: int, with_memory: bool, probed: float = 4e9) -> Section:
    """Everything, for one size. `probed` is how many bytes a thread reads in search of the limit."""
    job = make_job(size)
    ways, passes = ways_of(job), margin_passes(job)
    probes = {count: tile_probe(count, size.instruments, probed) for count in thread_counts()}
    reads = limit_reads(probes)
    warm_up()
    for warm in (*margin_passes(make_job(TINY)).values(), *reads.values()):
        warm()
    calls, answers = recorded(ways)
    seconds = in_turn(calls | passes | reads, rounds)
    check_same(ways, answers)
    facts = vars(job.size) | {"rounds": rounds, "threads": max(thread_counts())}
    tables = [
        ways_table(ways, seconds, size if with_memory else None),
        limit_table(job, probes, seconds),
        precision_table(job, seconds),
    ]
    return Section("benchmarks.exposure", "Exposure and margin", TEXT.format(**facts), tables)


def ways_table(ways: dict[str, Way], seconds: Times, size: Size | None) -> Table:
    """How all ways compare, each by the work of its own job; with their memory, if a size is given to measure it at."""
    each = {name: [spent / way.job.work for spent in seconds[name]] for name, way in ways.items()}
    rows: list[Row] = []
    for name, way in ways.items():
        whole = way.job is ways[SCIPY].job and not name.endswith(on_one_thread(""))
        rows.append(
            {
                "way": name,
                "seconds": statistics.median(seconds[name]),
                "billion multiply-adds a second": 1e-9 / statistics.median(each[name]),
                "times scipy": median_ratio(each[SCIPY], each[name]),
                "least": min(slow / fast for slow, fast in zip(each[SCIPY], each[name], strict=True)),
                "MiB above the book": memory_of(name, size) if size is not None and whole else None,
            }
        )
    note = WAYS_NOTE if any("MKL" in name for name in ways) else f"{NO_MKL} {WAYS_NOTE}"
    return Table("Ways", rows, note)


def memory_of(name: str, size: Size) -> float:
    """Memory that a way takes, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.exposure", "--memory-of", name, "--size", size.name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def own_memory(name: str, size: Size) -> float:
    """Memory that a way takes in this process, above book and cube; compiled and loaded before."""
    ways_of(make_job(TINY))[name].run()
    return peak_above(ways_of(make_job(size))[name].run)


def main() -> None:
    """As a command; `--memory-of` is the process that measures memory."""
    parser = parser_of(__doc__)
    parser.add_argument("--memory-of")
    parser.add_argument("--size", choices=list(SIZES), default=MEDIUM.name)
    asked = parser.parse_known_args()[0]
    if asked.memory_of is not None:
        print(own_memory(asked.memory_of, SIZES[asked.size]))
    else:
        run_alone(measure, __doc__)


if __name__ == "__main__":
    main()
