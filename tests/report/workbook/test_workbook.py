"""A workbook holds what the run's files hold, cell for cell and typed; nothing in it is a formula."""

import json
import re
import shutil
import sys
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from openpyxl.utils.escape import unescape
from openpyxl.workbook import Workbook
from support.modes import READS_FILES
from typer.testing import CliRunner

import ccp.report.workbook.plan as plan
from ccp.cli.main import app
from ccp.errors import InputError
from ccp.report.workbook.workbook import write_workbook
from ccp.runs.commands import COMMANDS, commands_with
from ccp.runs.run import Run, open_run

pytestmark = READS_FILES

FINISHED = commands_with(lambda row: row.pack and row.written)
HOSTILE = (
    "=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"https://x.example\")", "https://x.example", "mailto:a@x.example",
    "<r><t>not mine</t></r>", "<b>&amp;</b>", "_x0041_", "1e5", "TRUE", " blank ", "two\nlines", "\x07bell", "\ufffe",
    "a\tb", "数字 €", "𝔘", "'quoted", "\x00",
)  # fmt: skip
MANIFEST = {
    "made_by": "ccp size",
    "form": COMMANDS["size"].form,
    "notes": [],
    "program": {"ccp": "1"},
    "rulebook": {"name": "=cmd", "currency": "USD"},
}


def book_of(*runs: Path | Run, out: Path) -> Workbook:
    write_workbook([run if isinstance(run, Run) else open_run(run) for run in runs], out, overwrite=True)
    return openpyxl.load_workbook(out)


def rows_of(book: Workbook, name: str) -> list[list[Any]]:
    return [list(row) for row in book[name].iter_rows(values_only=True)]


def held(table: pl.DataFrame, **documents: Any) -> Run:
    """A run in memory with one table."""
    return Run("memory", "size", MANIFEST, held={"contributions": table}, stated=documents)


def as_read(value: Any) -> Any:
    """A value of a file as openpyxl gives it back."""
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    return None if value == "" else value


@pytest.mark.parametrize("command", FINISHED)
def test_every_table_of_every_command_is_there_cell_for_cell(finished: Path, command: str, tmp_path: Path) -> None:
    book, run = book_of(finished / command, out=tmp_path / "run.xlsx"), open_run(finished / command)
    assert book.sheetnames == ["About", "Figures", *run.tables, "Columns"]
    for name in run.tables:
        table = run.table(name)
        found = rows_of(book, name)
        assert found[0] == table.columns
        expected = [[as_read(value) for value in row] for row in table.iter_rows()]
        assert found[1:] == expected, name
        assert book[name].freeze_panes == "A2"
        assert book[name].auto_filter.ref == book[name].dimensions


def test_nothing_is_a_formula_a_link_or_a_macro(finished: Path, tmp_path: Path) -> None:
    book_of(*(finished / command for command in FINISHED), out=tmp_path / "all.xlsx")
    with zipfile.ZipFile(tmp_path / "all.xlsx") as parts:
        for name in parts.namelist():
            text = parts.read(name)
            assert not re.search(b"<f[> ]|hyperlink", text), name
            assert "vba" not in name.lower()


def test_cells_have_types_and_formats(finished: Path, tmp_path: Path) -> None:
    book = book_of(finished / "size", finished / "simulate", finished / "compare", out=tmp_path / "all.xlsx")

    def cell(sheet: str, column: str) -> Any:
        heads = [one.value for one in book[sheet][1]]
        return next(one for one in list(book[sheet].columns)[heads.index(column)][1:] if one.value is not None)

    looks = {
        ("1 contributions", "contribution"): ("n", "#,##0.00"),
        ("1 contributions", "member_id"): ("s", "@"),
        ("1 scenarios", "sizes_fund"): ("b", "General"),
        ("1 shocks", "relative"): ("n", "0.00%"),
        ("1 waterfall", "round"): ("n", "#,##0"),
        ("2 days", "date"): ("d", "yyyy-mm-dd"),
        ("2 days", "breaches"): ("n", "#,##0"),
        ("2 members", "in_default"): ("b", "General"),
        ("3 ladder", "loss_share"): ("n", "0.00%"),
        ("3 ladder", "amount"): ("n", "#,##0.00"),
    }
    for (sheet, column), look in looks.items():
        found = cell(sheet, column)
        assert (found.data_type if not found.is_date else "d", found.number_format) == look, (sheet, column)


def test_money_has_the_digits_of_its_currency(tmp_path: Path) -> None:
    table = pl.DataFrame({"contribution": [12345.0]})
    for digits, look in ((0, "#,##0"), (2, "#,##0.00"), (3, "#,##0.000")):
        rules = MANIFEST["rulebook"] | {"currency_digits": digits}
        run = Run("memory", "size", MANIFEST | {"rulebook": rules}, held={"contributions": table})
        assert book_of(run, out=tmp_path / "run.xlsx")["contributions"]["A2"].number_format == look


def test_columns_are_wide_enough_for_their_longest_number(tmp_path: Path) -> None:
    table = pl.DataFrame({"contribution": [1.0] * 2000 + [-99999999999999.99]})
    sheet = book_of(held(table), out=tmp_path / "run.xlsx")["contributions"]
    assert sheet.column_dimensions["A"].width >= len("-99,999,999,999,999.99")


def test_figures_are_those_of_the_documents(finished: Path, tmp_path: Path) -> None:
    book = book_of(finished / "size", out=tmp_path / "run.xlsx")
    coverage = json.loads((finished / "size" / "coverage.json").read_text())
    heads, *rows = rows_of(book, "Figures")
    found = {row[heads.index("path")]: row[heads.index("value")] for row in rows}
    assert found["fund.required"] == coverage["fund"]["required"]
    assert found["coverage_ratio"] == coverage["coverage_ratio"]
    assert found["date"] == datetime.fromisoformat(coverage["date"])
    assert found["coverage_test.sizing_scenarios.passed"] is coverage["coverage_test"]["sizing_scenarios"]["passed"]
    assert found["cover_2.groups.1"] == coverage["cover_2"]["groups"][1]
    formats = {row[heads.index("path")].value: row[heads.index("value")].number_format for row in book["Figures"].rows}
    assert formats["fund.required"] == "#,##0.00"
    assert formats["fund.buffer"] == "0.00%"


def test_about_says_what_it_is_of(finished: Path, tmp_path: Path) -> None:
    book = book_of(finished / "size", finished / "backtest", out=tmp_path / "run.xlsx")
    said = {str(value) for row in rows_of(book, "About") for value in row if value is not None}
    manifest = json.loads((finished / "size" / "manifest.json").read_text())
    words = " ".join(said)
    assert {one["sha256"] for one in manifest["inputs"].values()} <= set(re.findall("[0-9a-f]{64}", words))
    assert set(book.sheetnames) - {"About", "Figures", "Columns"} <= said
    assert manifest["rulebook"]["name"] in said
    assert "USD" in said
    assert manifest["program"]["ccp"] in words
    assert manifest["run"]["date"] in words
    assert set(manifest["conventions"].values()) <= said


def test_columns_say_unit_and_meaning_of_every_column(finished: Path, tmp_path: Path) -> None:
    book = book_of(finished / "simulate", out=tmp_path / "run.xlsx")
    heads, *rows = rows_of(book, "Columns")
    said = {(row[0], row[1]): row[2:] for row in rows}
    for name in open_run(finished / "simulate").tables:
        assert {column for table, column in said if table == name} == set(next(book[name].values))
    assert said["days", "fund"] == ["money", "USD", "contributions there at the end of the day"]
    assert heads[2:] == ["kind", "unit", "meaning"]


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    table = pl.DataFrame({"member_id": HOSTILE, "=1+1": HOSTILE})
    sheet = book_of(held(table, coverage={"=2": "=1"}), out=tmp_path / "run.xlsx")["contributions"]
    assert sheet["B1"].value == "=1+1"
    assert sheet["B1"].data_type == "s"
    for cell, text in zip(sheet["A"][1:], HOSTILE, strict=True):
        assert (cell.data_type, cell.number_format) == ("s", "@"), text
        assert unescape(cell.value) == text.replace("\ufffe", "\\ufffe"), text


def test_text_too_long_for_a_cell_is_cut_and_odd_numbers_are_text(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "member_id": ["a" * 40_000, "𝔘" * 16_000, "c"],
            "margin": [float("nan"), float("-inf"), 0.1 + 0.2],
            "count": [2**53, 2**53 + 1, -3],
            "day": [date(1900, 12, 31), date(1901, 1, 1), date(9999, 12, 31)],
        }
    )
    rows = rows_of(book_of(held(table), out=tmp_path / "run.xlsx"), "contributions")
    assert rows[1][0] == "a" * 16_000 + " ... (cut, 40,000 signs)"
    assert rows[2][0] == "𝔘" * 16_000
    assert [row[1] for row in rows[1:]] == ["nan", "-inf", 0.1 + 0.2]
    assert [row[2] for row in rows[1:]] == [2**53, str(2**53 + 1), -3]
    assert [row[3] for row in rows[1:]] == ["1900-12-31", datetime(1901, 1, 1), datetime(9999, 12, 31)]


def test_names_of_sheets_are_short_allowed_and_each_once() -> None:
    taken = {"about", "history"}
    wanted = ["About", "history", "a" * 40, "A" * 40, "b:[x]/y\\*?", "''", "", "c\x00d", " e' ", "\udcff"]
    names = [plan.sheet_name(name, taken) for name in wanted]
    assert len({name.lower() for name in names} | {"about", "history"}) == len(names) + 2
    for name in names:
        assert 0 < len(name) <= 31
        assert not re.search(r"[\[\]:*?/\\\x00]|^'|'$", name)


def test_a_table_too_long_for_a_sheet_goes_on_on_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MOST_ROWS", 4)
    table = pl.DataFrame({"member_id": [f"M{number}" for number in range(10)]})
    book = book_of(held(table), out=tmp_path / "run.xlsx")
    names = ["contributions", "contributions (2)", "contributions (3)"]
    assert book.sheetnames == ["About", "Figures", *names, "Columns"]
    assert [row[0] for name in names for row in rows_of(book, name)[1:]] == table["member_id"].to_list()
    assert any("Goes on: rows 9 to 10." in str(row[1]) for row in rows_of(book, "About"))


def test_daily_tables_that_are_too_long_are_left_out(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(finished / "simulate")
    lengths = {name: run.table(name).height for name in ("accounts", "ledger", "members", "pools")}
    monkeypatch.setattr(plan, "MOST_DAILY_ROWS", lengths["members"])
    assert lengths["members"] < lengths["ledger"]
    book = book_of(run, out=tmp_path / "run.xlsx")
    assert "members" in book.sheetnames
    assert "days" in book.sheetnames
    assert "ledger" not in book.sheetnames
    lines = [str(row[0]) for row in rows_of(book, "About")]
    assert any("ledger" in line and f"{lengths['ledger']:,} rows" in line for line in lines)


def test_the_same_runs_give_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    for name in ("one.xlsx", "two.xlsx"):
        write_workbook([open_run(finished / "size"), open_run(finished / "backtest")], tmp_path / name)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()


def test_empty_tables_and_runs_without_tables_are_written(tmp_path: Path) -> None:
    book = book_of(held(pl.DataFrame(schema={"member_id": pl.String})), out=tmp_path / "run.xlsx")
    assert rows_of(book, "contributions") == [["member_id"]]
    run = Run("replays", "replay", {**MANIFEST, "made_by": "ccp replay"}, stated={"replays": [{"title": "=x"}]})
    assert book_of(run, out=tmp_path / "replay.xlsx").sheetnames == ["About", "Figures", "Columns"]


def test_a_file_that_is_there_is_left_alone(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.xlsx"
    out.write_text("mine")
    with pytest.raises(InputError, match="there already"):
        write_workbook([open_run(finished / "compare")], out)
    with pytest.raises(InputError, match="beside the run"):
        write_workbook([open_run(finished / "compare")], finished / "compare" / "run.xlsx")
    assert out.read_text() == "mine"
    assert not (finished / "compare" / "run.xlsx").exists()


def test_a_damaged_table_leaves_nothing_behind(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "compare", tmp_path / "run")
    (tmp_path / "run" / "ladder.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match="cannot be read as parquet"):
        write_workbook([open_run(tmp_path / "run")], tmp_path / "run.xlsx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_without_the_library_one_line_says_what_to_install(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(finished / "compare")
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(InputError, match=re.escape("pip install 'ccp-waterfall[report]'")):
        write_workbook([run], tmp_path / "run.xlsx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", ["nothing", "no manifest", "older", "table gone"])
def test_what_is_no_whole_run_is_refused_in_a_line(finished: Path, what: str, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "run.xlsx"
    if what != "nothing":
        shutil.copytree(finished / "compare", run)
    if what == "no manifest":
        (run / "manifest.json").unlink()
    if what == "older":
        manifest = json.loads((run / "manifest.json").read_text())
        (run / "manifest.json").write_text(json.dumps(manifest | {"form": 1}))
    if what == "table gone":
        (run / "ladder.parquet").unlink()
    done = CliRunner().invoke(app, ["report", str(run), "--out", str(tmp_path / "run.html"), "--xlsx", str(out)])
    assert done.exit_code == 2, done.output
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")
    assert not out.exists()
