"""A book on disk under a bound on memory, as a process of its own.

    python -m benchmarks.scale [--positions 10000000 ...] [--memory 4GiB] [--book DIR] [--quick] [--json]

A book is made by `ccp synth` in a temporary directory: 10 million positions take some seconds, 100 million two minutes
and 250 MB. `--book` takes one more, which is there, and sizes it under several bounds. Margin is over 1,250 scenarios,
stress in exactly 100.
"""

import json
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from ruamel.yaml import YAML

from benchmarks.processes import Ran, median, run_ccp
from benchmarks.section import Asked, Row, Section, Table, parser_of, run_alone
from ccp.rulebook.load import rulebook_path

MARGIN, STRESS = 1_250, 100
BOOK = {"members": 200, "accounts": 100_000, "positions": 10_000_000, "instruments": 2_000}
QUICK = {"members": 20, "accounts": 2_000, "positions": 200_000, "instruments": 500}
MEMORY = "4GiB"
BOUNDS = ("4GiB", "2GiB", "1250MiB")
"""Under which the book that is there is sized; one of a million accounts needs some 1,200 MiB."""
CHANGED = 10
ON_RAY = "--cluster local --workers 2"
TEXT = """\
`ccp size` as a whole process, from Parquet to result tables. The rules are `textbook/cover-two` over {margin:,} margin
scenarios; stress is {stress:,} scenarios from a file. With a bound on memory, positions are read, checked, put apart on
disk by parts of whole pools, and read again part by part; the program itself counts, too. On Ray, two workers of one
thread each measure the parts; starting Ray and its workers is in the time, their memory is not in ours. Every row is
one run. A higher bound means fewer and larger parts, which do not stay in the processor's caches while they are put in
order.{given}"""
GIVEN = " The second book was made by `ccp synth` with {made}."
WHAT_IF = """\
Whole processes, the median of {rounds}, on the base that `ccp size --base` has left of the first book above."""
NOTE = """\
Read through system calls is what the process asked for, of the book, of its own parts on disk and of the program; from
disk is what the system's cache did not hold. Files that are mapped into memory are in neither, but for what had to come
from disk."""


def measure(asked: Asked) -> Section:
    """A book that is made for it and one that is there, if one is named."""
    wanted = QUICK if asked.quick else BOOK
    return measured(wanted | {name: asked.more[name] for name in BOOK if asked.more.get(name)}, asked)


def measured(size: dict[str, int], asked: Asked) -> Section:
    """The same for a size."""
    memory = asked.more.get("memory", MEMORY)
    with tempfile.TemporaryDirectory(prefix="ccp-benchmark-") as name:
        folder = Path(name)
        made = run_ccp("synth", folder / "book", *(part for key in size for part in (f"--{key}", str(size[key]))))
        on_ray: dict[str, list[str]] = {ON_RAY: [*ON_RAY.split()]} if find_spec("ray") else {}
        ways: dict[str, list[str]] = {"in memory": [], f"--memory {memory}": ["--memory", memory], **on_ray}
        rows = [size_row(folder / "book", folder, way, options) for way, options in ways.items()]
        if asked.book is not None:
            bounds = on_ray | {f"--memory {bound}": ["--memory", bound] for bound in BOUNDS}
            rows += [size_row(asked.book, folder, way, options) for way, options in bounds.items()]
        drawn = [synth_row(folder / "book", made)]
        changes = what_if_rows(folder, asked.rounds)
    tables = [
        Table("`ccp size`", rows, NOTE),
        Table("`ccp whatif`", changes, WHAT_IF.format(rounds=asked.rounds)),
        Table("`ccp synth`", drawn),
    ]
    text = TEXT.format(margin=MARGIN, stress=STRESS, given=how_made(asked.book))
    return Section("benchmarks.scale", "A book on disk", text, tables)


def how_made(book: Path | None) -> str:
    """What a synthetic book says of itself."""
    if book is None:
        return ""
    told = json.loads((book / "manifest.json").read_text(encoding="utf-8"))
    options = [f"`--{name} {value}`" for name, value in (told["size"] | {"seed": told["seed"]}).items()]
    return GIVEN.format(made=" ".join(options))


def size_row(book: Path, folder: Path, way: str, options: list[str]) -> Row:
    """Size a book, one way."""
    scratch = ["--scratch", str(folder)] if options else []
    out, ran = folder / "run", size_book(book, folder, *options, *scratch)
    assert pl.read_parquet(out / "scenarios.parquet").height == STRESS
    work = counted(book)["positions"] * (MARGIN + STRESS)
    return {
        **counted(book),
        "how": way,
        "seconds": ran.seconds,
        "billion positions x scenarios a second": 1e-9 * work / ran.seconds,
        "positions.parquet, MB": (book / "positions.parquet").stat().st_size / 1e6,
        "MB read through system calls": ran.read,
        "MB from disk": ran.from_disk,
        "MiB at its highest": ran.peak,
    }


def size_book(book: Path, folder: Path, *options: str) -> Ran:
    """The command."""
    rules, scenarios = write_rules(folder), write_scenarios(folder)
    return run_ccp("size", book, "--out", folder / "run", "-r", rules, "-s", scenarios, "--overwrite", *options)


def what_if_rows(folder: Path, rounds: int) -> list[Row]:
    """A row a change."""
    kept = size_book(folder / "book", folder, "--base")
    accounts = pl.read_parquet(folder / "book" / "accounts.parquet")["account_id"]
    places = np.linspace(0, len(accounts) - 1, CHANGED).astype(int)
    ten = [part for place in places for part in ("--scale-account", f"{accounts[int(place)]}=1.5")]
    changes = {
        f"{CHANGED} accounts of {len(accounts):,} scaled": ten,
        "the cover number": ["--set", "fund.cover=3"],
        "the confidence of margin: all accounts": ["--set", "margin.confidence=0.995"],
    }
    rows: list[Row] = [{"change": "none: `ccp size --base`", "seconds": kept.seconds, "MiB at its highest": kept.peak}]
    for change, options in changes.items():
        run_ccp("whatif", folder / "run", *options)
        ran = [run_ccp("whatif", folder / "run", *options) for _ in range(rounds)]
        rows.append({"change": change, **median(ran)})
    return rows


def synth_row(book: Path, ran: Ran) -> Row:
    """What making the book took."""
    return {**counted(book), "seconds": ran.seconds, "MiB at its highest": ran.peak}


def counted(book: Path) -> dict[str, Any]:
    """How many of everything."""
    names = ("accounts", "positions", "instruments")
    return {name: pl.scan_parquet(book / f"{name}.parquet").select(pl.len()).collect().item() for name in names}


def write_rules(folder: Path) -> Path:
    """The textbook's rules with another number of margin scenarios."""
    yaml, path = YAML(), folder / "rules.yaml"
    rules = yaml.load(rulebook_path("textbook/cover-two"))
    rules["margin"]["lookback_days"] = MARGIN
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(rules, file)
    return path


def write_scenarios(folder: Path) -> Path:
    """Gaps from 30 % down to 30 % up; the larger, the more volatility."""
    rows = []
    for number, gap in enumerate(np.linspace(-0.3, 0.3, STRESS)):
        for pattern, shock in (("*", gap), ("*/USD", gap / 5), ("*.VOL", 2 * abs(gap))):
            rows.append(
                {"scenario_id": f"gap {number}", "factor_id": pattern, "kind": "relative", "shock": float(shock)}
            )
    path = folder / "scenarios.csv"
    pl.DataFrame(rows).write_csv(path)
    return path


def main() -> None:
    """As a command."""
    parser = parser_of(__doc__)
    parser.add_argument("--book", type=Path)
    parser.add_argument("--memory", default=MEMORY)
    for name in BOOK:
        parser.add_argument(f"--{name}", type=int)
    run_alone(measure, __doc__, parser)


if __name__ == "__main__":
    main()
