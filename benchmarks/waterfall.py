"""One million paths of 100 groups through eight tiers, against vectorised numpy; and one event to the cent.

    python -m benchmarks.waterfall [--paths 1000000] [--rounds 3] [--quick] [--json]

All ways run in one process, turn by turn, on the same arrays, after compilation. The numpy ways compute the same whole
cents for the tiers of this one rulebook and know no other: one takes whole arrays, as one writes it first, the other
blocks of paths that suit the cache, the best we found. The answers are compared: equal to the cent but for the two
parts used pari passu, which may differ by one.
"""

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.section import Asked, Row, Section, Table, parser_of, run_alone
from benchmarks.turns import in_turn, median_ratio
from benchmarks.waterfall_ways import BLOCK, GROUPS, MEMBERS, Job, in_blocks, make_job, one_event, ours, usual
from ccp.types import Cents

PATHS, QUICK = 1_000_000, 50_000
OURS = "ours"
WAYS: dict[str, Callable[[Job], Cents]] = {
    OURS: ours,
    "numpy, whole arrays, as one writes it first": usual,
    f"numpy, in blocks of {BLOCK:,} paths": in_blocks,
}
TEXT = """\
{paths:,} simulated paths of {groups} groups through {tiers} tiers, one of them in two parts used pari passu; some two
defaults a path. numpy's ways know this one rulebook. All are whole cents, and equal to the cent but for the two parts
used pari passu: the largest difference is {difference} cent."""


def measure(asked: Asked) -> Section:
    """A million paths, or a few, and one event."""
    return measured(asked.more.get("paths") or (QUICK if asked.quick else PATHS), asked.rounds)


def measured(paths: int, rounds: int) -> Section:
    """Both, with so many paths."""
    job = make_job(paths)
    difference = int(np.abs(ours(job) - in_blocks(job)).max())
    one = one_event()
    whole: dict[str, Callable[[], Any]] = {name: partial(way, job) for name, way in WAYS.items()}
    one()
    for way in whole.values():
        way()
    seconds = in_turn(whole, rounds)
    rows: list[Row] = [
        {
            "way": name,
            "seconds": statistics.median(spent),
            "times ours": median_ratio(spent, seconds[OURS]),
            "least": min(slow / fast for slow, fast in zip(spent, seconds[OURS], strict=True)),
        }
        for name, spent in seconds.items()
    ]
    alone = statistics.median(in_turn({"event": one}, 10 * rounds)["event"])
    event: list[Row] = [{"members": MEMBERS, "milliseconds": 1000 * alone}]
    text = TEXT.format(paths=paths, groups=GROUPS, tiers=len(job.plan.tiers) - 1, difference=difference)
    tables = [Table("Paths", rows), Table("One event to the cent, all tiers used", event)]
    return Section("benchmarks.waterfall", "Paths down the waterfall", text, tables)


def main() -> None:
    """As a command."""
    parser = parser_of(__doc__)
    parser.add_argument("--paths", type=int)
    run_alone(measure, __doc__, parser)


if __name__ == "__main__":
    main()
