"""benchmarks/README.md, made from benchmarks/results.json: no number in it is written by hand."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.check import FLOOR
from benchmarks.section import Row, Section, Table, table_lines
from benchmarks.ways import OURS, SCIPY

GOALS = {SCIPY: ", at least 10"}
HERE = Path(__file__).parent
RESULTS, README = "results.json", "README.md"
HEAD = """\
# Benchmarks

Made by `python -m benchmarks{options}` on {date}; do not edit. The numbers are in `{results}`, and
`python -m benchmarks --render` writes this page from them again. How the program comes to them, and what was tried, is
in [performance](../docs/performance.md). Every heading names the command that measures its part alone.

Seconds are this machine's. Ratios are of ways timed in turn in one process, so that a machine that is now faster and
now slower favours none of them; limits are measured in the same rounds. Nothing has compilation in its time but the
start. The normal test run looks at every benchmark once, for its answers, on tiny sizes; CI runs
`python -m benchmarks --check`, which fails if a small book takes less than {floor:g} times as long by scipy and numpy.
"""


def document_of(sections: list[Section], date: str, options: str) -> dict[str, Any]:
    """What is kept."""
    return {"date": date, "options": options, "sections": [asdict(section) for section in sections]}


def write(document: dict[str, Any], folder: Path) -> None:
    """Both files."""
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (folder / RESULTS).write_text(text, encoding="utf-8")
    (folder / README).write_text(render(document), encoding="utf-8")


def read(folder: Path = HERE) -> dict[str, Any]:
    """What was kept."""
    return json.loads((folder / RESULTS).read_text(encoding="utf-8"))


def render(document: dict[str, Any]) -> str:
    """The page."""
    sections = [Section.from_json(one) for one in document["sections"]]
    options = f" {document['options']}" if document["options"] else ""
    head = HEAD.format(options=options, date=document["date"], results=RESULTS, floor=FLOOR)
    short = "\n".join(["## In short", "", *table_lines(in_short(sections)), ""])
    return "\n".join([head, short, *(section.markdown() for section in sections)])


def in_short(sections: list[Section]) -> list[Row]:
    """What was asked for, beside what was found."""
    tables = {table.title: table for section in sections for table in section.tables}
    ways = tables["Ways"]
    others = [row["way"] for row in ways.rows if not row["way"].startswith(OURS)]
    found = {
        f"exposure and margin: times as fast as {other}{GOALS.get(other, '')}": times(ways, other) for other in others
    }
    for row in tables["Share of the limit"].rows:
        if row["what"].startswith("margin pass"):
            found[f"share of the limit, at least 60 %: {row['what']}, threads: {row['threads']}"] = row[
                "share of the limit"
            ]
    for row in tables["Slopes"].rows:
        found[f"growth with {row['what grows']}: a slope near 1"] = f"{row['slope']:.2f}"
    for row in tables["`ccp size`"].rows:
        found[f"seconds of `ccp size`: {row['positions']:,} positions, {row['how']}"] = f"{row['seconds']:.1f}"
    for row in tables["`ccp whatif`"].rows[1:]:
        found[f"seconds of `ccp whatif`: {row['change']}"] = f"{row['seconds']:.2f}"
    for row in tables["Whole processes"].rows:
        found[f"seconds of a start: {row['start']}"] = f"{row['seconds']:.1f}"
    return [{"asked": what, "found": value} for what, value in found.items()]


def times(ways: Table, other: str) -> str:
    """How many times longer another way takes than ours."""
    against = {row["way"]: row["times scipy"] for row in ways.rows}
    return f"{against[OURS] / against[other]:.1f}"
