"""What a command's run is stands in one row: the table is complete, and a row is all that a new command takes."""

import importlib.util
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import dataframely as dy
import polars as pl
import pytest
from typer.testing import CliRunner, Result

import ccp
from ccp.cli.main import FIRST, LAST, made_app
from ccp.errors import InputError
from ccp.frames import column
from ccp.report.elements import Provenance, RunPart, Section
from ccp.report.indicators.reading import IndicatorValue
from ccp.rulebook.load import load_rulebook
from ccp.runs.commands import COMMANDS, commands_with
from ccp.runs.kind import Document, RunKind, referred
from ccp.runs.manifest import manifest, with_notes
from ccp.runs.run import Run
from ccp.runs.write import write_run

ROOT = Path(__file__).parents[2]


class Tallies(dy.Schema):
    """Result of a tally: how much each member has."""

    member_id = column("member_id", primary_key=True)
    amount = column("amount")


def tally_part(run: Run, before: Run | None) -> RunPart:
    return RunPart("of the test", ("The tally in words.",), "plain", (Section("tally", "What was tallied"),))


def tally_readings(run: Run) -> dict[str, IndicatorValue]:
    from ccp.report.indicators.judged import LABELS

    source = (Provenance("tallies.parquet", ("amount",)),)
    return {key: IndicatorValue(reason="a tally does not say", sources=source) for key in LABELS}


@dataclass(frozen=True)
class Tally:
    """What `tally` found."""

    tables: dict[str, pl.DataFrame]
    manifest: dict[str, Any]

    def write(self, out: Path, overwrite: bool = False) -> Path:
        documents = {"sums": {"whole": 3.0}, "manifest": self.manifest}
        return write_run(out, "tally", self.tables, documents, overwrite)


def tally() -> Tally:
    """Tally what members have."""
    frame = pl.DataFrame({"member_id": ["A", "B"], "amount": [1.0, 2.0]})
    stated = manifest({}, load_rulebook("textbook/cover-two"), {"command": "tally"})
    return Tally({"tallies": frame}, with_notes(stated, []))


def command(out: Path) -> None:
    """Tally on the command line."""
    tally().write(out)


FIGURES = {"whole": ("money", "all that members have")}
HERE = __name__
ROW = RunKind(
    command="tally",
    title="A tally",
    python=(f"{HERE}:Tally", f"{HERE}:tally"),
    tables={"tallies": f"{HERE}:Tallies"},
    documents={
        "sums": Document("The sums of the tally.", ("whole",), f"{HERE}:FIGURES"),
        "manifest": Document("What it was made from.", ("made_by",), in_workbook=False),
    },
    limits=("A tally tells nothing of tomorrow.",),
    pack=f"{HERE}:tally_part",
    indicators=f"{HERE}:tally_readings",
)


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> RunKind:
    """The new command: its row, and its file in `cli`."""
    module = ModuleType("ccp.cli.tally")
    module.__dict__["tally"] = command
    monkeypatch.setitem(sys.modules, "ccp.cli.tally", module)
    monkeypatch.setitem(COMMANDS, "tally", ROW)
    return ROW


@pytest.fixture
def run(row: RunKind, tmp_path: Path) -> Path:
    return call("tally", tmp_path / "run") and tmp_path / "run"


def call(*words: object, status: int = 0) -> Result:
    done = CliRunner(env={"COLUMNS": "160", "NO_COLOR": "1"}).invoke(made_app(), [str(word) for word in words])
    assert done.exit_code == status, done.output
    return done


def test_a_new_command_is_found_by_its_row(run: Path) -> None:
    assert ccp.tally.__doc__ == tally.__doc__  # type: ignore[attr-defined]
    assert "tally" in dir(ccp)
    assert "Tally on the command line." in call("--help").output
    assert {path.name for path in run.iterdir()} == {"tallies.parquet", "sums.json", "manifest.json"}
    assert json.loads((run / "manifest.json").read_text())["form"] == ROW.form


def test_its_run_is_shown(run: Path) -> None:
    listed = call("show", run).output
    assert "How much each member has." in listed
    assert "The sums of the tally." in listed
    assert json.loads(call("show", run, "tallies", "--json").stdout)["data"][1] == {"member_id": "B", "amount": 2.0}
    assert "all that members have" in call("show", run, "sums").output
    assert "a clearing member" in call("show", run, "tallies", "--describe").output


def test_its_run_is_watched_and_stands_on_pages_and_in_workbooks(run: Path, tmp_path: Path) -> None:
    from openpyxl import load_workbook

    assert "a tally does not say" in " ".join(call("watch", run).output.split())
    call("report", run, "--out", tmp_path / "page.html", "--xlsx", tmp_path / "run.xlsx")
    page = (tmp_path / "page.html").read_text()
    assert all(words in page for words in ("A tally", "The tally in words.", "What was tallied", ROW.limits[0]))
    book = load_workbook(tmp_path / "run.xlsx")
    assert book.sheetnames == ["About", "Figures", "tallies", "Columns"]
    assert "all that members have" in [cell.value for line in book["Figures"] for cell in line]
    assert ROW.limits[0] in [cell.value for line in book["About"] for cell in line]


def test_its_tables_stand_in_the_data_dictionary_and_its_help_among_the_commands(row: RunKind) -> None:
    place = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "tools" / "generate.py")
    assert place is not None
    assert place.loader is not None
    generate = importlib.util.module_from_spec(place)
    place.loader.exec_module(generate)
    assert "## ccp tally: a tally" in generate.data_dictionary()
    assert "Result of a tally: how much each member has." in generate.data_dictionary()
    assert f"from {HERE} import tally as tally" in generate.python_names()


def test_only_its_own_run_is_overwritten_and_others_are_refused(run: Path, finished: Path) -> None:
    tally().write(run, overwrite=True)
    with pytest.raises(InputError, match="only a directory that an earlier ccp tally has written"):
        tally().write(finished / "compare", overwrite=True)
    (run / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="only a directory that an earlier ccp tally has written"):
        tally().write(run, overwrite=True)
    assert "a run of ccp size or ccp whatif was expected, this is one of ccp tally" in " ".join(
        call("report", finished / "size", "--since", run, "--out", run.with_name("page.html"), status=2).output.split()
    )
    (run / "sums.json").unlink()
    refused = call("show", run, status=2).output
    assert "sums.json: missing; every run of ccp tally has it: run it again" in " ".join(refused.split())


def test_what_a_row_does_not_declare_is_not_written(row: RunKind, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ccp tally writes guesses"):
        write_run(tmp_path / "run", "tally", {"guesses": pl.DataFrame()}, {}, overwrite=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_every_fact(command: str) -> None:
    row = COMMANDS[command]
    assert row.title
    assert all(referred(place).__name__ == place.partition(":")[2] for place in row.python if "read_" not in place)
    assert all(schema.columns() for schema in row.schemas.values())
    assert set(row.daily) <= set(row.tables)
    assert "manifest" in row.documents
    assert bool(row.pack) == bool(row.limits)
    for place in (row.pack, row.indicators, *(one.figures for one in row.documents.values())):
        assert not place or referred(place)
    assert callable(getattr(__import__(f"ccp.cli.{command}", fromlist=[command]), command))


def test_every_file_of_the_command_line_that_has_a_command_is_registered() -> None:
    files = {path.stem for path in (ROOT / "ccp" / "cli").glob("*.py")}
    parts = {"__init__", "main", "session", "options", "pages", "change_options", "arguments"}
    assert files - parts == {*FIRST, *COMMANDS, *LAST}


@pytest.mark.parametrize("command", commands_with(lambda row: row.pack and row.written))
def test_a_finished_run_has_what_its_row_says_and_nothing_else(finished: Path, command: str) -> None:
    found = {path.name for path in (finished / command).iterdir()}
    row = COMMANDS[command]
    assert found == row.outputs - {"unfinished", *row.folders}
    opened = ccp.pack(finished / command).runs[0]
    assert set(opened.tables) == set(row.tables)
    for name, schema in row.schemas.items():
        assert set(opened.lazy(name).collect_schema().names()) == set(schema.columns())
    for name, document in row.documents.items():
        stated = json.loads((finished / command / f"{name}.json").read_text())
        assert all(field in stated for field in document.fields), name


def test_the_formats_name_every_file_and_form() -> None:
    """docs/reference/file-formats.md, "What a run writes": every file of a sized run, and the form of every command."""
    page = (ROOT / "docs" / "reference" / "file-formats.md").read_text(encoding="utf-8")
    page = page[page.index("## What a run writes") :]
    size = COMMANDS["size"]
    for file in (*(f"{name}.parquet" for name in size.tables), *(f"{name}.json" for name in size.documents)):
        assert f"| `{file}` |" in page, file
    said = re.search(r"`form` of what a run holds \((.*), of all others (\d+);", page)
    assert said is not None
    forms = {
        word: int(form)
        for names, form in re.findall(r"of ((?:`\w+`(?:, | and )?)+) (\d+)", said[1])
        for word in re.findall(r"\w+", names.replace(" and ", " "))
    }
    assert {name: row.form for name, row in COMMANDS.items()} == {
        name: forms.get(name, int(said[2])) for name in COMMANDS
    }
