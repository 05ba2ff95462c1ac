"""Days of the daily cycle: how long they take, where the time goes, and how they compare with polars and numpy.

    python -m benchmarks.cycle [--days 60] [--trades 4000] [--quick] [--json]

The other way computes the same for a day: settlement prices, variation margin by account, 500 two-day scenarios
repriced, expected shortfall by account, calls by pool, and on stress days losses over margin and cover-2. It writes
no ledger and checks nothing. It is slow, so it is timed on nine of the days, between our own days, in the same
process, and its answers are compared with ours. Its stress is timed on the same nine days and counted as often as
ours runs. The ratio is therefore one of median days; our days are run whole.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import ccp
from benchmarks.cycle_days import BY_HAND, DayTimes, compare_ways, run_days
from benchmarks.cycle_parts import parts_of_a_day
from benchmarks.cycle_setting import SMALL, YEAR, Setting
from benchmarks.cycle_trades import make_trades
from benchmarks.memory import highest, resident
from benchmarks.section import Asked, Row, Section, Table, parser_of, run_alone
from benchmarks.turns import in_turn
from ccp.book.synthetic import BookSize

DAYS, QUICK_DAYS, MONTH = 60, 10, 30
"""How many days are run; of a month, or of all where they are fewer, a profile is taken."""
TEXT = """\
{days} days of {accounts:,} accounts, {positions:,} positions, {instruments:,} instruments (options among them), 500
two-day margin scenarios a day and stress at every month's end: settlement, calls and a reconciled
ledger every day. The other way is polars and numpy with the fastest of the products below; it computes the same
figures, which are compared, and writes and checks nothing."""


def measure(asked: Asked) -> Section:
    """The book of 2 million positions, or a small one."""
    days = asked.more.get("days") or (QUICK_DAYS if asked.quick else DAYS)
    return measured(SMALL if asked.quick else YEAR, days, asked.rounds, asked.more.get("trades") or 0, not asked.quick)


def measured(size: BookSize, days: int, rounds: int, trades: int = 0, with_memory: bool = False) -> Section:
    """Everything, on a book made for it."""
    with tempfile.TemporaryDirectory(prefix="ccp-benchmark-") as name:
        folder = Path(name)
        book, out = ccp.synthesize(folder / "book", size), folder / "run"
        setting = Setting.read(book, days)
        setting.over(min(days, 2)).write(out)  # compilation is not in the figures
        found = compare_ways(setting, rounds)
        way = min((one for one in found if BY_HAND not in one), key=lambda one: found[one])
        tables = [ways_table(found), *day_tables(setting, way, out, f"{days} days")]
        if trades:
            busy = Setting.read(book, days, make_trades(setting, trades, folder / "trades.parquet"))
            tables += day_tables(busy, way, out, f"{days} days with {trades:,} trades each")
        if with_memory:
            tables.append(memory_table(book, days))
        text = TEXT.format(**vars(size) | {"positions": setting.book.positions.height, "days": days})
    return Section("benchmarks.cycle", "The daily cycle", text, tables)


def ways_table(seconds: dict[str, float]) -> Table:
    """The other ways' products and tails for the margins of one day."""
    rows: list[Row] = [{"way": name, "milliseconds": 1000 * spent} for name, spent in seconds.items()]
    return Table("Margins of all accounts for one day by the usual libraries", rows)


def day_tables(setting: Setting, way: str, out: Path, title: str) -> list[Table]:
    """The days in figures, and where they go."""
    times = run_days(setting, way)
    written = in_turn({"written": lambda: setting.write(out)}, 1)["written"][0]
    profiled = parts_of_a_day(setting, min(len(times.ours), MONTH), out)
    parts: list[Row] = [{"part": part, "milliseconds a day": value} for part, value in profiled.items()]
    return [
        Table(title, day_rows(times, written)),
        Table(f"{title}, written and under a profiler: milliseconds a day", parts),
    ]


def day_rows(times: DayTimes, written: float) -> list[Row]:
    """The days in figures."""
    rows = {
        "days, of which with stress": f"{len(times.ours)}, {sum(times.stressed)}",
        "seconds, not written": sum(times.ours),
        "seconds, opened and written": written,
        "milliseconds a day, median and range": spread(times.ours_of(False)),
        "milliseconds a day with stress": spread(times.ours_of(True)),
    }
    if times.usual:
        rows |= {
            f"polars and numpy ({times.way}), milliseconds a day": spread(times.usual),
            "polars and numpy, the stress of a day": spread(times.usual_stress),
            "times ours, days without stress": times.plain_ratio,
            "times ours, days with and without": times.ratio,
            "times ours, each way's fastest day": min(times.usual) / min(times.ours),
        }
    return [{"what": name, "measured": value} for name, value in rows.items()]


def spread(seconds: list[float]) -> str:
    """The median and the range, in milliseconds."""
    if not seconds:
        return "-"
    return f"{1e3 * statistics.median(seconds):.0f} ({1e3 * min(seconds):.0f} to {1e3 * max(seconds):.0f})"


# --- memory, in a process of its own ---


def memory_table(book: Path, days: int) -> Table:
    """Memory of a written run must not grow with its days."""
    rows: list[Row] = [memory_of(book, count) for count in (max(days // 5, 1), days)]
    return Table("Memory of a written run, MiB", rows)


def memory_of(book: Path, days: int) -> Row:
    """Of so many days."""
    command = [sys.executable, "-m", "benchmarks.cycle", "--memory-of", str(book), "--days", str(days)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def own_memory(book: Path, days: int) -> Row:
    """Highest resident memory of this process, at any time and at the ends of days, and how it stood before them."""
    setting, ends = Setting.read(book, days), []
    with tempfile.TemporaryDirectory(prefix="ccp-benchmark-") as out:
        before = resident()
        setting.write(Path(out) / "run", lambda done, all_days: ends.append(resident()))
    return {
        "days": days,
        "highest": highest(),
        "before the first day": before,
        "after it": ends[0],
        "after the highest day": max(ends),
    }


def main() -> None:
    """As a command; `--memory-of` is the process that measures memory."""
    parser = parser_of(__doc__)
    parser.add_argument("--days", type=int)
    parser.add_argument("--trades", type=int, default=0, help="also a run with so many trades a day")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_known_args()[0]
    if asked.memory_of is not None:
        print(json.dumps(own_memory(asked.memory_of, asked.days)))
    else:
        run_alone(measure, __doc__, parser)


if __name__ == "__main__":
    main()
