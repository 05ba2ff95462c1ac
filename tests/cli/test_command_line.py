"""The commands as a user calls them: help, output, exit status, files, start-up, interruption."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

import ccp
from ccp.book.synthetic import BookSize
from ccp.cli.main import app
from ccp.rulebook.load import shipped_directory
from ccp.runs.commands import COMMANDS as ROWS

COMMANDS = ["demo", "check", "size", "default", "synth", "warmup", "rulebook check", "rulebook schema", "rulebook list"]


def call(*arguments: str | Path, width: int = 100) -> Any:
    return CliRunner(env={"COLUMNS": str(width), "NO_COLOR": "1"}).invoke(app, [str(part) for part in arguments])


def subprocess_of(
    *arguments: str | Path, code: str | None = None, **settings: str
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "ccp", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | settings, check=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    found = call(*command.split(), "--help")
    assert found.exit_code == 0
    assert f"Example: ccp {command}" in " ".join(found.output.split())


def test_exit_statuses_are_documented_in_the_help() -> None:
    text = " ".join(call("--help").output.split())
    assert "Exit status: 0" in text
    assert "2 the input or the call is wrong" in text


def test_version_is_that_of_the_package() -> None:
    assert call("--version").output.strip() == f"ccp {ccp.__version__}"


@pytest.fixture(scope="module")
def run_directory(small_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    found = call("size", small_book, "--rulebook", "textbook/cover-two", "--out", out)
    assert found.exit_code == 0, found.output
    return out


def test_size_writes_tables_in_their_schemas_and_a_manifest(run_directory: Path, small_book: Path) -> None:
    for name, schema in ROWS["size"].schemas.items():
        schema.validate(pl.read_parquet(run_directory / f"{name}.parquet"))
    manifest = json.loads((run_directory / "manifest.json").read_text())
    assert manifest["rulebook"]["name"] == "Textbook, cover two"
    assert {"book/members", "book/positions", "market/prices", "rulebook"} <= set(manifest["inputs"])
    assert all(re.fullmatch("[0-9a-f]{64}", one["sha256"]) for one in manifest["inputs"].values())
    assert "expected shortfall" in manifest["conventions"]
    assert {path.name for path in run_directory.parent.iterdir()} == {"run"}


def test_the_figures_of_different_files_agree_to_the_cent(run_directory: Path) -> None:
    coverage = json.loads((run_directory / "coverage.json").read_text())
    event = json.loads((run_directory / "worst_event.json").read_text())
    tables = {name: pl.read_parquet(run_directory / f"{name}.parquet") for name in ROWS["size"].tables}
    cents = {name: (tables[name][column] * 100).round().cast(pl.Int64) for name, column in (
        ("margin", "margin"), ("contributions", "contribution"), ("losses", "loss_over_margin"))}  # fmt: skip
    assert cents["margin"].sum() == round(coverage["margin"] * 100)
    assert cents["contributions"].sum() == round(coverage["fund"]["required"] * 100)
    cover, scenario = coverage["cover_2"], coverage["cover_2"]["scenario_id"]
    losses = tables["losses"].filter(pl.col("scenario_id") == scenario).sort("loss_over_margin", descending=True)
    assert round(losses["loss_over_margin"].head(2).sum() * 100) == round(cover["amount"] * 100)
    over_margin = event["loss"] - next(t["paid"] for t in event["tiers"] if t["tier"] == "defaulter_margin")
    assert round(over_margin * 100) == round(cover["amount"] * 100)
    rows = tables["waterfall"].filter(
        (pl.col("scenario_id") == scenario) & (pl.col("defaulters") == "+".join(cover["groups"]))
    )
    assert round(rows["amount"].sum() * 100) == round(event["loss"] * 100)
    # gains stay their owners': the pools' losses add up to the event's
    assert round(sum(max(pool["loss"], 0) for pool in event["pools"]) * 100) == round(event["loss"] * 100)


def test_the_same_run_again_gives_the_same_bytes(run_directory: Path, small_book: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    found = call("size", small_book, "-r", "textbook/cover-two", "-o", again, "--threads", "1", "--quiet")
    assert found.exit_code == 0
    assert found.output == ""
    for path in run_directory.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_json_is_one_document_on_standard_output(small_book: Path, tmp_path: Path) -> None:
    found = call("size", small_book, "-o", tmp_path / "run", "--json", "--quiet")
    document = json.loads(found.stdout)
    assert document["coverage"]["cover_2"]["amount"] > 0
    assert document["worst_event"]["adds_up"] is True
    checked = json.loads(call("check", small_book, "--json", "--quiet").stdout)
    assert checked["counts"]["members"] == 8
    assert json.loads(call("rulebook", "check", "textbook/cover-one", "--json").stdout)["sound"] is True
    shipped = set(json.loads(call("rulebook", "list", "--json").stdout))
    books = {f"textbook/{name}" for name in ("capital-last", "cover-one", "cover-two", "daily-cycle", "full-waterfall")}
    assert {name for name in shipped if not name.startswith("published/")} == books


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_fits_the_terminal(small_book: Path, tmp_path: Path, width: int) -> None:
    found = call("size", small_book, "-o", tmp_path / "run", width=width)
    assert found.exit_code == 0
    assert max(len(line) for line in found.stdout.splitlines()) <= width
    for part in (
        "Default fund required",
        "Worst scenarios that size the fund",
        "Largest groups",
        "What the survivors pay",
    ):
        assert part in found.stdout


def test_default_tells_the_story_and_adds_up(small_book: Path, tmp_path: Path) -> None:
    found = call(
        "default", small_book, "--scenario", "market down 40%", "--defaulters", "M001,M003", "-o", tmp_path / "e"
    )
    assert found.exit_code == 0, found.output
    assert "it adds up" in found.stdout
    assert re.search(r"M001 +M001-H +house +-?[0-9,]+\.[0-9]{2} ", found.stdout)
    trace = json.loads((tmp_path / "e" / "trace.json").read_text())
    assert trace["defaulters"] == ["M001", "M003"]
    waterfall = pl.read_parquet(tmp_path / "e" / "waterfall.parquet")
    assert round(waterfall["amount"].sum() * 100) == round(trace["loss"] * 100)


def test_default_without_names_takes_the_worst_set(small_book: Path, tmp_path: Path) -> None:
    sized = ccp.size(small_book)
    call("default", small_book, "--cover", "2", "-o", tmp_path / "e")
    trace = json.loads((tmp_path / "e" / "trace.json").read_text())
    assert trace["defaulters"] == sized.coverage["cover_2"]["groups"]
    assert trace["scenario_id"] == sized.coverage["cover_2"]["scenario_id"]
    three = ccp.default(small_book, scenario="market down 40%", cover=3)
    assert len(three.trace["defaulters"]) == 3


def test_scenarios_from_a_file_replace_the_rulebooks(small_book: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("scenario_id,factor_id,kind,shock\nonly,*,relative,-0.1\n")
    found = call("size", small_book, "-s", path, "-o", tmp_path / "run")
    assert found.exit_code == 0, found.output
    assert pl.read_parquet(tmp_path / "run" / "scenarios.parquet")["scenario_id"].to_list() == ["only"]


def test_a_run_is_not_written_over_unless_asked(run_directory: Path, small_book: Path) -> None:
    before = (run_directory / "manifest.json").read_bytes()
    found = call("size", small_book, "-o", run_directory)
    assert found.exit_code == 2
    assert "not empty" in found.stderr
    assert (run_directory / "manifest.json").read_bytes() == before
    assert call("size", small_book, "-o", run_directory, "--overwrite").exit_code == 0


def test_importing_the_package_and_asking_for_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, ccp, ccp.cli.main\n"
        "heavy = ('polars', 'numba', 'numpy', 'pydantic', 'dataframely', 'ruamel')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert subprocess_of(code=code).stdout.strip() == "[]"


def test_a_bad_rulebook_is_refused_without_loading_numba_or_polars(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("name: x\n")
    code = (
        "import sys\nfrom ccp.rulebook.load import load_rulebook\n"
        f"try:\n    load_rulebook({str(path)!r})\n"
        "except Exception as error:\n    print(error.total, error.problems[0].line)\n"
        "print([name for name in ('polars', 'numba', 'dataframely') if name in sys.modules])"
    )
    assert subprocess_of(code=code).stdout.splitlines() == ["3 1", "[]"]


def test_checking_a_book_does_not_load_numba(small_book: Path) -> None:
    """A bad file must be refused at once: nothing is compiled or loaded for it."""
    code = (
        "import sys, ccp\n"
        f"try:\n    ccp.check({str(small_book / 'none')!r})\nexcept ccp.InputError:\n    pass\n"
        "print('numba' in sys.modules)"
    )
    assert subprocess_of(code=code).stdout.strip() == "False"


def test_names_with_marks_of_formatting_are_printed_as_they_are(tmp_path: Path) -> None:
    """Square brackets mean something to the library that draws the tables; in a name they are only brackets."""
    folder = ccp.synthesize(tmp_path / "book", BookSize(3, 12, 120, 20), seed=1)
    for name, columns in (("members", ["member_id"]), ("accounts", ["member_id"])):
        table = pl.read_parquet(folder / f"{name}.parquet")
        renamed = [pl.col(column).str.replace("M001", "[/x] :smile:", literal=True) for column in columns]
        table.with_columns(renamed).write_parquet(folder / f"{name}.parquet")
    found = call("size", folder, "-o", tmp_path / "run")
    assert found.exit_code == 0, found.output
    assert "[/x] :smile:" in found.stdout


def test_a_fund_short_of_its_requirement_says_so(small_book: Path, tmp_path: Path) -> None:
    folder = tmp_path / "book"
    shutil.copytree(small_book, folder)
    members = pl.read_parquet(folder / "members.parquet").with_columns(pl.lit(1_000.0).alias("fund_contribution"))
    members.write_parquet(folder / "members.parquet")
    found = call("size", folder, "-o", tmp_path / "run")
    assert "LESS than required" in found.stdout
    assert "No. With the fund that is posted" in " ".join(found.stdout.replace("│", " ").split())


def test_the_relative_path_of_the_run_one_stands_in_is_kept_whole(run_directory: Path, small_book: Path) -> None:
    before = {path.name: path.read_bytes() for path in run_directory.iterdir()}
    arguments = ["size", str(small_book), "-q", "--overwrite", "-o", f"../{run_directory.name}"]
    done = subprocess.run(
        [sys.executable, "-m", "ccp", *arguments], cwd=run_directory, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert {path.name: path.read_bytes() for path in run_directory.iterdir()} == before
    assert {path.name for path in run_directory.parent.iterdir()} == {run_directory.name}


def test_words_of_a_file_are_not_told_as_options(tmp_path: Path) -> None:
    """`overwrite` is an option of these commands, and so is nothing that a rulebook says."""
    rules = tmp_path / "rules.yaml"
    text = (shipped_directory() / "textbook" / "cover-two.yaml").read_text(encoding="utf-8")
    rules.write_text(text.replace("  historical: all\n", "  single_names: {sizes: []}\n"), encoding="utf-8")
    found = call("rulebook", "check", rules, width=300)
    assert found.exit_code == 2
    assert "`sizes` or `multiples_of_own_worst` were expected" in found.output
    assert "--sizes" not in found.output


def test_rulebook_show_prints_the_words_of_every_part() -> None:
    shown = call("rulebook", "show", "textbook/cover-two", width=400).output
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    for part, words in {
        "margin": ("measure: expected_shortfall", "confidence: 0.99", "quantile: ceil"),
        "stress": ("historical: {all: true}", "multiples: 1 and 1.5 and 2 and 3", "own_paper: {recovery: 0}"),
        "collateral": ("stress: scenario",),
        "fund": ("cover: 2", "floor: 10000000", "schedule: monthly"),
        "close_out": ("method: instant",),
    }.items():
        for word in words:
            assert word in lines[part], part
