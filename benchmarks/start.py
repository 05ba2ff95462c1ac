"""Compilation apart: a whole process that sizes a tiny book, with nothing compiled before it and with everything.

    python -m benchmarks.start [--rounds 3] [--json]

Every start is a process of its own.
"""

import statistics
import tempfile
from pathlib import Path

import ccp
from benchmarks.processes import Ran, run_ccp
from benchmarks.section import Asked, Row, Section, Table, run_alone
from ccp.book.synthetic import BookSize

TINY = BookSize(members=4, accounts=12, positions=240, instruments=80)
TEXT = """\
`ccp size` of 240 positions as a whole process: first with an empty directory for compiled code (`CCP_CACHE_DIR`), then
with the code that it left there. Nothing else in these tables has compilation in its time."""


def measure(asked: Asked) -> Section:
    """One cold start and some warm ones."""
    with tempfile.TemporaryDirectory(prefix="ccp-benchmark-") as name:
        folder = Path(name)
        book = ccp.synthesize(folder / "book", TINY)
        cold = size(folder, book)
        kept = sorted((folder / "cache").rglob("*-*"))
        assert kept, "nothing was compiled: the start was not a cold one"
        warm = [size(folder, book) for _ in range(asked.rounds)]
        bare = [run_ccp("rulebook", "check", "textbook/cover-two") for _ in range(asked.rounds)]
    rows: list[Row] = [
        {"start": "cold", "seconds": cold.seconds, "MiB at its highest": cold.peak},
        {"start": f"warm, median of {asked.rounds}", **median(warm)},
        {"start": "`ccp rulebook check`, which needs nothing compiled", **median(bare)},
    ]
    return Section("benchmarks.start", "Start and compilation", TEXT, [Table("Whole processes", rows)])


def size(folder: Path, book: Path) -> Ran:
    """A start with its own place for compiled code and for temporary files, where some might be kept, too."""
    (folder / "temporary").mkdir(exist_ok=True)
    places = {"CCP_CACHE_DIR": str(folder / "cache"), "TMPDIR": str(folder / "temporary")}
    return run_ccp("size", book, "--out", folder / "run", "--overwrite", **places)


def median(ran: list[Ran]) -> Row:
    """Of some processes."""
    return {
        "seconds": statistics.median(one.seconds for one in ran),
        "MiB at its highest": statistics.median(one.peak for one in ran),
    }


if __name__ == "__main__":
    run_alone(measure, __doc__)
