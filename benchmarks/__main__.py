"""Measure everything and write benchmarks/README.md and benchmarks/results.json: some minutes on a quiet machine.

    python -m benchmarks [--rounds 3] [--book DIR] [--out DIR]
    python -m benchmarks --quick          small sizes, printed and not written unless --out says where
    python -m benchmarks --check          only what CI looks at: a ratio, against a floor
    python -m benchmarks --render         write README.md from results.json again

Every benchmark runs in a process of its own, one after the other.
"""

import json
import subprocess
import sys
import time
from argparse import Namespace
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.check import check
from benchmarks.processes import run_ccp
from benchmarks.report import HERE, document_of, read, render, write
from benchmarks.section import Section, Table, parser_of

MODULES = ("machine", "exposure", "growth", "scale", "windows", "start", "options", "waterfall", "cycle", "parts")
OPTIONS_TEXT = """\
{options:,} options in {scenarios:,} scenarios revalued in full, on {threads} threads. QuantLib is called price by
price, for Black's formula alone. All ways agree. The kernel reaches {share:.0%} of the limit: of the speed of the least
that a price needs (one logarithm, one exponential, two tails of the normal distribution) on numbers in the first-level
cache."""


def main() -> int:
    """Returns the exit status."""
    parser = parser_of(__doc__)
    parser.add_argument("--book", type=Path, help="a book on disk, sized under a bound on memory beside the one made")
    parser.add_argument("--out", type=Path, help="where README.md and results.json are written")
    parser.add_argument("--check", action="store_true", help="fail if the ratio against scipy is below the floor")
    parser.add_argument("--render", action="store_true", help="write README.md anew, measure nothing")
    asked = parser.parse_args()
    if asked.check:
        return check()
    document = read() if asked.render else measured(asked)
    out = asked.out or (None if asked.quick else HERE)
    if out is None:
        print(render(document))
    else:
        out.mkdir(parents=True, exist_ok=True)
        write(document, out)
    return 0


def measured(asked: Namespace) -> dict[str, Any]:
    """Every benchmark, compiled before it starts."""
    run_ccp("warmup")
    options = ["--rounds", str(asked.rounds), *(["--quick"] if asked.quick else [])]
    sections = []
    for module in MODULES:
        start = time.monotonic()
        more = ["--book", str(asked.book)] if module == "scale" and asked.book is not None else []
        sections.append(section_of(module, [*options, *more]))
        print(f"{module}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    said = [f"--rounds {asked.rounds}", *(["--quick"] if asked.quick else []), *(["--book DIR"] if asked.book else [])]
    return document_of(sections, date.today().isoformat(), " ".join(said))


def section_of(module: str, options: list[str]) -> Section:
    """One benchmark in its own process."""
    if module == "options":
        quick = ["--options", "2000"] if "--quick" in options else []
        return options_section(run("options", [*(one for one in options if one != "--quick"), *quick]))
    return Section.from_json(run(module, options))


def run(module: str, options: list[str]) -> dict[str, Any]:
    """What a benchmark prints as JSON."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--json", *options]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def options_section(found: dict[str, Any]) -> Section:
    """The options' own words as a section."""
    text = OPTIONS_TEXT.format(**found["size"], share=found["share of the limit"])
    return Section("benchmarks.options", "Options", text, [Table("Revaluation", found["runs"])])


if __name__ == "__main__":
    sys.exit(main())
