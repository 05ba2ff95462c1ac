"""Compilation apart: a whole process that sizes a tiny book, with nothing compiled before it and with everything.

    python -m benchmarks.start [--rounds 3] [--json]

Every start is a process of its own.
"""

import tempfile
from pathlib import Path

import ccp
from benchmarks.processes import BYTE_CODE, Ran, in_python, median, run_ccp
from benchmarks.section import Asked, Row, Section, Table, run_alone
from ccp.book.synthetic import BookSize

TINY = BookSize(members=4, accounts=12, positions=240, instruments=80)
TEXT = """\
`ccp size` of 240 positions as a whole process: first with empty directories for compiled code (`CCP_CACHE_DIR`) and for
Python's byte code, then with what it left there. Nothing else in these tables has compilation in its time."""

HELP, IMPORT = "`ccp --help`", "`import ccp` in Python"


def measure(asked: Asked) -> Section:
    """One cold start and some warm ones."""
    with tempfile.TemporaryDirectory(prefix="ccp-benchmark-") as name:
        folder = Path(name)
        book = ccp.synthesize(folder / "book", TINY)
        cold = size(folder, book)
        kept = sorted((folder / "cache").rglob("*-*"))
        assert kept, "nothing was compiled: the start was not a cold one"
        warm = [size(folder, book) for _ in range(asked.rounds)]
        run_ccp("rulebook", "check", "textbook/cover-two")  # leaves Python's byte code
        run_ccp("--help")
        bare = [run_ccp("rulebook", "check", "textbook/cover-two") for _ in range(asked.rounds)]
    rows: list[Row] = [
        {"start": "cold", "seconds": cold.seconds, "MiB at its highest": cold.peak},
        {"start": f"warm, median of {asked.rounds}", **median(warm)},
        {"start": "`ccp rulebook check`, which needs nothing compiled", **median(bare)},
        {"start": HELP, **median([run_ccp("--help") for _ in range(asked.rounds)])},
        {"start": IMPORT, "seconds": imported()},
    ]
    return Section("benchmarks.start", "Start and compilation", TEXT, [Table("Whole processes", rows)])


def imported() -> float:
    """Seconds that `import ccp` takes in a Python that has just started, after one that has kept its byte code."""
    code = "import time; start = time.perf_counter(); import ccp; print(time.perf_counter() - start)"
    return [float(in_python(code)) for _ in range(2)][-1]


def size(folder: Path, book: Path) -> Ran:
    """A start with its own place for compiled code and for temporary files, where some might be kept, too."""
    (folder / "temporary").mkdir(exist_ok=True)
    names = {"CCP_CACHE_DIR": "cache", "TMPDIR": "temporary", BYTE_CODE: "byte code"}
    places = {setting: str(folder / name) for setting, name in names.items()}
    return run_ccp("size", book, "--out", folder / "run", "--overwrite", **places)


if __name__ == "__main__":
    run_alone(measure, __doc__)
