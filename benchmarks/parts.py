"""The tests of this package by pytest-benchmark, small sizes: what each part takes alone.

    python -m benchmarks.parts [--json]
    python -m pytest benchmarks --benchmark-enable         the same with pytest's own table

In the project's normal test run they are switched off: each is run once, on a tiny size, for its answer.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.section import Asked, Row, Section, Table, run_alone

HERE = Path(__file__).parent
TEXT = """\
Each test of this package alone, by pytest-benchmark, on small books (2,000 accounts, 100,000 positions, 500
instruments), medians after one call that compiles. Not in turn, so not for ratios."""


def measure(asked: Asked) -> Section:
    """Run the tests with timing switched on."""
    with tempfile.TemporaryDirectory(prefix="ccp-benchmark-") as name:
        found = Path(name) / "found.json"
        command = [sys.executable, "-m", "pytest", str(HERE), "--benchmark-enable", "--benchmark-only", "-q", "-n", "0"]
        subprocess.run(
            [*command, f"--benchmark-json={found}", "-p", "no:cacheprovider"],
            check=True,
            stdout=sys.stderr,
            cwd=HERE.parent,
        )
        document = json.loads(found.read_text())
    rows = [row_of(one) for one in sorted(document["benchmarks"], key=lambda one: (one["group"] or "", one["name"]))]
    return Section("benchmarks.parts", "Parts", TEXT, [Table("By pytest-benchmark", rows)])


def row_of(found: dict[str, Any]) -> Row:
    """One test."""
    stats = found["stats"]
    return {
        "group": found["group"],
        "test": found["name"],
        "milliseconds (median)": 1000 * stats["median"],
        "least": 1000 * stats["min"],
        "rounds": stats["rounds"],
    }


if __name__ == "__main__":
    run_alone(measure, __doc__)
