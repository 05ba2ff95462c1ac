"""benchmarks/README.md, made from benchmarks/results.json: no number in it is written by hand."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.check import FLOOR
from benchmarks.passes import SCREENED
from benchmarks.section import Row, Section, Table, table_lines
from benchmarks.start import HELP, IMPORT
from benchmarks.ways import OURS, SCIPY, on_one_thread
from benchmarks.windows import WORST

GOALS = {SCIPY: ", at least 10"}
START_GOALS = {HELP: ", under 0.4", IMPORT: ", under 0.2"}
FEWER_BYTES = " (reads 4 bytes a multiply-add, counted as the limit's 8)"
HERE = Path(__file__).parent
RESULTS, README = "results.json", "README.md"
HEAD = """\
# Benchmarks

Made by `python -m benchmarks{options}` on {date}; do not edit. The numbers are in `{results}`, and
`python -m benchmarks --render` writes this page from them again. How the program comes to them, and what was tried, is
in [performance](../docs/explain/performance.md). Every heading names the command that measures its part alone.

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
    found = {**ratios(tables["Ways"]), **shares(tables["Share of the limit"])}
    for row in tables["Slopes"].rows:
        found[f"growth with {row['what grows']}: a slope near 1"] = f"{row['slope']:.2f}"
    for row in tables["Instruments"].rows[-2:]:
        asked = f"growth with instruments to {row['instruments']:,}, time a multiply-add: a slope near 0"
        found[asked] = f"{row['slope so far']:.2f}"
    for row in tables["`ccp size`"].rows:
        found[f"seconds of `ccp size`: {row['positions']:,} positions, {row['how']}"] = f"{row['seconds']:.1f}"
    for row in tables["Windows"].rows[1:]:
        asked = f"{row['how']} of {row['positions']:,} positions: times as long as {WORST}, at most 2"
        found[asked] = f"{row['times']:.2f}"
    for place, row in enumerate(tables["`ccp whatif`"].rows[1:]):
        found[f"seconds of `ccp whatif`{'' if place else ', under 1'}: {row['change']}"] = f"{row['seconds']:.2f}"
    for row in tables["Whole processes"].rows:
        found[f"seconds of a start{START_GOALS.get(row['start'], '')}: {row['start']}"] = f"{row['seconds']:.2f}"
    for row in tables["Revaluation"].rows[2:6]:
        found[f"options revalued: times as fast as {row['way']}"] = f"{row['times ours']:.1f}"
    return [{"asked": what, "found": value} for what, value in found.items()]


def ratios(ways: Table) -> dict[str, str]:
    """Ours on all threads against every other way, and on one against scipy."""
    rows = {row["way"]: row for row in ways.rows}
    found = {}
    for other in [name for name in rows if not name.startswith(OURS)]:
        worst = f" (least of the rounds {rows[OURS]['least']:.1f})" if other == SCIPY else ""
        asked = f"exposure and margin: times as fast as {other}{GOALS.get(other, '')}"
        found[asked] = f"{rows[OURS]['times scipy'] / rows[other]['times scipy']:.1f}{worst}"
        if other == SCIPY and on_one_thread(OURS) in rows:
            found[f"the same, ours on one thread as {SCIPY} is"] = f"{rows[on_one_thread(OURS)]['times scipy']:.1f}"
    return found


def shares(limit: Table) -> dict[str, str]:
    """Of the margin pass, on each number of threads."""
    return {
        f"share of the limit, at least 60 %: {row['what']}{FEWER_BYTES * (SCREENED in row['what'])}, "
        f"threads: {row['threads']}": row["share of the limit"]
        for row in limit.rows
        if row["what"].startswith("margin pass")
    }
