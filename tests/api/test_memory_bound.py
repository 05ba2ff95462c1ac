"""The peak of a process that sizes a book ten times as large as the memory it may take."""

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import ccp
from ccp.book.synthetic import BookSize
from ccp.kernels.engine.numba_door import COMPILED

BOUND = 720
"""In MiB. Python and its libraries alone take some 300, and the largest pool is measured whole."""
SIZE = BookSize(members=20, accounts=20_000, positions=20_000_000, instruments=2_000)
LONG = 270
"""Characters of an id. With short ones the book would need five times as many positions to be so large."""
MEASURED = """
import sys
from pathlib import Path
from ccp.cli.main import app
try:
    app(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
"""


@pytest.fixture(scope="module")
def large_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book whose positions, as a table in memory, take ten times the bound."""
    folder = tmp_path_factory.mktemp("large")
    short, book = ccp.synthesize(folder / "short", SIZE), folder / "book"
    book.mkdir()
    ids = [pl.col(name).str.pad_end(LONG, "-") for name in ("account_id", "instrument_id")]
    for table in ("members", "accounts", "instruments", "positions"):
        frame = pl.scan_parquet(short / f"{table}.parquet")
        frame = frame.with_columns(one for one in ids if one.meta.output_name() in frame.collect_schema().names())
        frame.sink_parquet(book / f"{table}.parquet", row_group_size=250_000)
    positions = pl.scan_parquet(book / "positions.parquet")
    a_row = positions.head(100_000).collect().estimated_size("mb") / 100_000
    assert positions.select(pl.len()).collect().item() * a_row > 10 * BOUND
    return book


@pytest.mark.skipif(not COMPILED, reason="hours in plain Python")
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_book_ten_times_the_bound_stays_inside_it(large_book: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["size", str(large_book), "--memory", f"{BOUND}MiB", "--out", str(out), "--quiet"]
    ran = subprocess.run([sys.executable, "-c", MEASURED, *command], stdout=subprocess.PIPE, check=True)
    assert 200 < int(ran.stdout) / 1024 <= BOUND
    in_memory = ccp.size(large_book.parent / "short").write(tmp_path / "in memory")  # under its short ids
    found = re.sub("-{20,}", "", (out / "coverage.json").read_text())
    assert found == (in_memory / "coverage.json").read_text()
