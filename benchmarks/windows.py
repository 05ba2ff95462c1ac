"""Every window of the history against the ten worst by the market's average, as whole processes in turn.

    python -m benchmarks.windows [--rounds 3] [--quick] [--json]

The book is made by `ccp synth`; the prices are the shipped ones, so that every window since their first day is run.
"""

import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from ruamel.yaml import YAML

from benchmarks.processes import Ran, median, run_ccp
from benchmarks.scale import BOOK, QUICK, counted
from benchmarks.section import Asked, Row, Section, Table, run_alone
from benchmarks.turns import median_ratio
from ccp.rulebook.load import rulebook_path

WAYS: dict[str, Any] = {"`historical: {worst: 10}`": {"worst": 10}, "`historical: all`": "all"}
WORST, ALL = WAYS
TITLE = "Windows of the history"
TEXT = """\
`ccp size` as a whole process, from Parquet to result tables, under `textbook/cover-two`; nothing differs but which
windows are scenarios. Each way {rounds} times, in turn. With `all` the whole book is run in {windows:,} windows, and
those in which somebody loses most are kept as scenarios beside the others ([decision
34](../docs/decisions/0034-every-window-of-the-history.md))."""


def measure(asked: Asked) -> Section:
    """Both ways, in turn, after one run of each that is not counted."""
    size = QUICK if asked.quick else BOOK
    with tempfile.TemporaryDirectory(prefix="ccp-benchmark-") as name:
        folder = Path(name)
        run_ccp("synth", folder / "book", *(part for key in size for part in (f"--{key}", str(size[key]))))
        rules = {way: write_rules(folder, number, word) for number, (way, word) in enumerate(WAYS.items())}
        scenarios = {way: scenarios_of(folder, rules[way]) for way in WAYS}
        ran: dict[str, list[Ran]] = {way: [] for way in WAYS}
        for _ in range(asked.rounds):
            for way in WAYS:
                ran[way].append(sized(folder, rules[way]))
        windows = pl.scan_parquet(folder / "run" / "windows.parquet").select(pl.len()).collect().item()
        rows = [row(way, ran, scenarios[way], counted(folder / "book")) for way in WAYS]
    text = TEXT.format(rounds=asked.rounds, windows=windows)
    return Section("benchmarks.windows", TITLE, text, [Table("Windows", rows)])


def row(way: str, ran: dict[str, list[Ran]], scenarios: int, book: dict[str, Any]) -> Row:
    """A way: the ratio is the median of the rounds' own."""
    seconds = {name: [one.seconds for one in some] for name, some in ran.items()}
    ratio = median_ratio(seconds[way], seconds[WORST])
    return {"positions": book["positions"], "how": way, "scenarios": scenarios, **median(ran[way]), "times": ratio}


def sized(folder: Path, rules: Path) -> Ran:
    """The command."""
    return run_ccp("size", folder / "book", "--out", folder / "run", "-r", rules, "--overwrite")


def scenarios_of(folder: Path, rules: Path) -> int:
    """How many scenarios a way ends with, of a run that is not counted."""
    sized(folder, rules)
    return pl.scan_parquet(folder / "run" / "scenarios.parquet").select(pl.len()).collect().item()


def write_rules(folder: Path, number: int, word: Any) -> Path:
    """The textbook's rules with other words for its windows."""
    yaml, path = YAML(), folder / f"rules-{number}.yaml"
    rules = yaml.load(rulebook_path("textbook/cover-two"))
    rules["stress"]["historical"] = word
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(rules, file)
    return path


def main() -> None:
    """As a command."""
    run_alone(measure, __doc__)


if __name__ == "__main__":
    main()
