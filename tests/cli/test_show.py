"""`ccp show`: what it prints is what the run's files hold, in the order and under the conditions asked for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.cells import cell_len
from support.modes import READS_FILES
from typer.testing import CliRunner, Result

from ccp.cli.main import app
from ccp.columns import COLUMNS, stated_column
from ccp.report.listing.fields import COUNTS, SHARES, fields_of
from ccp.report.listing.figures import documents_of, figures_of
from ccp.report.listing.listed import asked_rows, content_of, listing
from ccp.report.listing.selection import Asked
from ccp.runs.commands import COMMANDS, commands_with, readable
from ccp.runs.run import Run, open_run

pytestmark = READS_FILES

FINISHED = commands_with(lambda row: row.pack and row.written)
MANIFEST = {
    "made_by": "ccp size",
    "form": COMMANDS["size"].form,
    "notes": [],
    "program": {"ccp": "1"},
    "rulebook": {"currency": "USD"},
}


def call(*arguments: str | Path, width: int = 120) -> Result:
    result = CliRunner(env={"COLUMNS": str(width), "NO_COLOR": "1"}).invoke(app, ["show", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def shown(*arguments: str | Path, width: int = 120) -> str:
    result = call(*arguments, width=width)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def refused(*arguments: str | Path) -> str:
    """The one line of a call that is refused; nothing else is printed."""
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").strip()


def data(*arguments: str | Path) -> list[dict[str, Any]]:
    return json.loads(shown(*arguments, "--all", "--json"))["data"]


def as_json(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return json.loads(json.dumps(frame.to_dicts(), default=str))


def held(**tables: pl.DataFrame) -> Run:
    """A run in memory."""
    return Run("memory", "size", MANIFEST, held=tables)


def as_text(table: pl.DataFrame) -> pl.DataFrame:
    """Text that is empty and text that is not there are the same in a CSV."""
    return table.with_columns(pl.col(pl.String).fill_null(""))


def each_table(finished: Path) -> Iterator[tuple[Path, Run, str]]:
    for command in FINISHED:
        run = open_run(finished / command)
        for name in run.tables:
            yield finished / command, run, name


@pytest.fixture
def run(finished: Path) -> Path:
    return finished / "size"


@pytest.fixture
def waterfall(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / "waterfall.parquet").with_columns(pl.col("chosen_by").cast(pl.String))


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A simulation of which a test may change files."""
    return shutil.copytree(finished / "simulate", tmp_path / "simulate")


# --- what there is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", FINISHED)
def test_without_a_table_everything_is_listed_with_rows_columns_and_meaning(finished: Path, command: str) -> None:
    run = open_run(finished / command)
    held = {one["name"]: one for one in json.loads(shown(finished / command, "--json"))["holds"]}
    files = {path.name.partition(".")[0] for path in (finished / command).iterdir()}
    assert set(held) == files
    for name in run.tables:
        table = run.table(name)
        assert (held[name]["rows"], held[name]["columns"]) == table.shape
        assert re.fullmatch(r"(?!Result)[A-Z].*\.", held[name]["meaning"])
    for name in set(held) - set(run.tables):
        assert held[name]["columns"] is None
        assert held[name]["rows"] == len(figures_of(run, name))
    words = " ".join(shown(finished / command, width=80).split())
    assert all(f"{name} {one['rows']:,} " in words for name, one in held.items())


def test_describe_says_what_every_column_is(finished: Path) -> None:
    for folder, run, name in each_table(finished):
        found = json.loads(shown(folder, name, "--describe", "--json"))["columns"]
        assert [one["name"] for one in found] == run.table(name).columns
        assert all(one["meaning"] and one["kind"] for one in found)
    text = " ".join(shown(finished / "size", "margin", "--describe", width=160).split())
    assert "margin money USD initial margin required; a whole number of cents" in text


def test_every_column_of_every_result_has_a_kind_that_fits_its_values() -> None:
    run = held()
    assert not (SHARES | COUNTS) - set(COLUMNS)
    for command in readable():
        for name, schema in COMMANDS[command].schemas.items():
            of = Run("memory", command, run.manifest)
            for field in fields_of(of, name, schema.create_empty().schema):
                stated = stated_column(schema.columns()[field.name])
                numeric = field.kind in ("money", "share", "count", "number")
                assert numeric == (stated.kind == "number"), (name, field)
                assert (field.unit == "USD") == (field.kind == "money")


def test_every_figure_of_a_document_that_people_read_has_a_meaning(finished: Path) -> None:
    seen = set()
    for command in FINISHED:
        run = open_run(finished / command)
        for name in set(documents_of(run)) - {"manifest"}:
            seen.add(name)
            unknown = [one.field.name for one in figures_of(run, name) if not one.field.meaning]
            assert not unknown, (name, unknown[:5])
            money = [one.value for one in figures_of(run, name) if one.field.kind == "money"]
            assert all(value is None or isinstance(value, float) for value in money), name
    assert seen == {"coverage", "worst_event", "coverage_test_event", "trace", "summary", "houses"}


# --- rows -------------------------------------------------------------------------------------------------------------


def test_csv_is_the_table_cell_for_cell(finished: Path, tmp_path: Path) -> None:
    for folder, run, name in each_table(finished):
        table = run.table(name)
        path = tmp_path / "table.csv"
        path.write_text(shown(folder, name, "--csv"))
        again = pl.read_csv(path, schema=dict(table.schema))
        assert again.columns == table.columns
        assert as_text(again).equals(as_text(table))


def test_a_table_is_printed_to_the_cent(run: Path) -> None:
    table = pl.read_parquet(run / "contributions.parquet")
    assert table["contribution"].sum() > 0
    lines = shown(run, "contributions").splitlines()
    assert lines[0] == "Who contributes what to the required fund. Money in USD."
    assert lines[1].split() == table.columns
    for line, row in zip(lines[2:], table.to_dicts(), strict=False):
        amounts = [f"{row[name]:,.2f}" for name in ("margin", "weight", "contribution")]
        assert line.split() == [row["member_id"], row["group_id"], *amounts, "–"]
    assert lines[-1] == f"{table.height} of {table.height} rows, from {run}/contributions.parquet"


def test_kinds_are_written_each_in_its_way() -> None:
    table = pl.DataFrame(
        {
            "scenario_id": ["a"],
            "multiple": [1.5],
            "sizes_fund": [True],
            "cover_1": [2.5],
            "other": [7],
            "day": [date(2020, 2, 3)],
        }
    )
    kinds = [one.kind for one in listing(held(scenarios=table), "scenarios", Asked()).fields]
    assert kinds == ["text", "number", "flag", "money", "count", "date"]


def test_shares_days_flags_and_what_is_missing(finished: Path) -> None:
    tests = pl.read_parquet(finished / "backtest" / "backtest.parquet").filter(level="book")
    line = shown(finished / "backtest", "backtest", "-w", "level = book", "-c", "model,coverage,p_values_hold,light")
    first = tests.row(0, named=True)
    assert f"{first['coverage']:.2%}" in line
    assert re.search(r" (yes|no) ", line)
    assert " –" in line.splitlines()[2]  # of the book there is no traffic light
    assert first["light"] is None
    days = shown(finished / "simulate", "days", "-c", "date,fund_required,breaches", "-n", "1")
    assert re.search(r"^2022-12-01 +[0-9,]+\.[0-9]{2} +0$", days, re.MULTILINE)


def test_minus_zero_and_currencies_without_cents() -> None:
    table = pl.DataFrame({"member_id": ["A"], "margin": [-0.0], "weight": [1234.0]})
    manifest = MANIFEST | {"rulebook": {"currency": "JPY", "currency_digits": 0}}
    run = Run("memory", "size", manifest, held={"contributions": table})
    page = printed(listing(run, "contributions", Asked()))
    assert page[0].endswith("Money in JPY.")
    assert page[2].split() == ["A", "0", "1,234"]


def printed(found: Any, width: int = 100, asked: Asked | None = None) -> list[str]:
    from rich.console import Console

    from ccp.report.terminal.table_page import table_page

    console = Console(width=width, highlight=False, markup=False, emoji=False, no_color=True)
    with console.capture() as captured:
        console.print(table_page(found, asked or Asked(), width))
    return captured.get().splitlines()


def test_forty_rows_unless_more_are_asked_for(run: Path) -> None:
    rows = pl.read_parquet(run / "losses.parquet").height
    assert rows > 40
    assert f"40 of {rows:,} rows, from {run}/losses.parquet (--all shows all)" in shown(run, "losses", width=200)
    assert f"7 of {rows:,} rows" in shown(run, "losses", "--rows", "7")
    assert f"{rows:,} of {rows:,} rows, from {run}/losses.parquet\n" in shown(run, "losses.parquet", "--all", width=200)
    assert json.loads(shown(run, "losses", "--json"))["rows"] == {"shown": 40, "matching": rows, "whole": rows}
    assert len(shown(run, "losses", "--csv").splitlines()) == rows + 1
    assert len(shown(run, "losses", "--csv", "-n", "3").splitlines()) == 4
    assert shown(run, "losses", "--quiet") == ""


@pytest.mark.parametrize("order", [["amount"], ["-amount"], ["member_id", "-amount"], ["-member_id", "tier_place"]])
def test_order(run: Path, waterfall: pl.DataFrame, order: list[str]) -> None:
    def key(row: dict[str, Any]) -> Callable[[str], Any]:
        return lambda name: row[name.removeprefix("-")]

    expected = waterfall.to_dicts()
    for name in reversed(order):  # the last first, each keeping the order of the one before
        there = [row for row in expected if key(row)(name) is not None]
        empty = [row for row in expected if key(row)(name) is None]
        there.sort(key=lambda row, name=name: key(row)(name), reverse=name.startswith("-"))
        if name.startswith("-"):  # Python turns ties round as well when it is asked to sort downwards
            there = [row for row in expected if key(row)(name) is not None]
            values = sorted({key(row)(name) for row in there}, reverse=True)
            there = [row for value in values for row in there if key(row)(name) == value]
        expected = there + empty
    arguments = [part for name in order for part in ("--sort", name)]
    assert data(run, "waterfall", *arguments) == expected
    first = json.loads(shown(run, "waterfall", *arguments, "--json", "-n", "25"))["data"]
    assert first == expected[:25]


CONDITIONS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "amount > 0": lambda row: row["amount"] > 0,
    "amount>=1,000,000.50": lambda row: row["amount"] >= 1_000_000.5,
    "amount<1e6": lambda row: row["amount"] < 1e6,
    "tier_place <= 2": lambda row: row["tier_place"] <= 2,
    "tier_place == 400%": lambda row: row["tier_place"] == 4,
    "tier = uncovered": lambda row: row["tier"] == "uncovered",
    "tier != 'uncovered'": lambda row: row["tier"] != "uncovered",
    "tier ~ FUND": lambda row: "fund" in row["tier"],
    "chosen_by=both": lambda row: row["chosen_by"] == "both",
    "member_id =": lambda row: row["member_id"] is None,
    "member_id != ": lambda row: row["member_id"] is not None,
    "member_id != M001": lambda row: row["member_id"] != "M001",
    'stakeholder = "survivors, funded"': lambda row: row["stakeholder"] == "survivors, funded",
    "scenario_id ~ down 15%": lambda row: "down 15%" in row["scenario_id"],
    "scenario_id ~ .": lambda row: "." in row["scenario_id"],
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_conditions(run: Path, waterfall: pl.DataFrame, text: str) -> None:
    expected = [row for row in waterfall.to_dicts() if CONDITIONS[text](row)]
    assert 0 < len(expected) < waterfall.height
    assert data(run, "waterfall", "--where", text) == expected


def test_several_conditions_must_all_hold(run: Path, waterfall: pl.DataFrame) -> None:
    expected = waterfall.filter(pl.col("amount") > 0, pl.col("tier") == "survivors_fund")
    assert data(run, "waterfall", "-w", "amount > 0", "-w", "tier = survivors_fund") == expected.to_dicts()
    foot = shown(run, "waterfall", "-w", "amount > 0", "-w", "tier = survivors_fund", "-n", "1", width=200)
    assert f"1 of {expected.height:,} rows that match, of {waterfall.height:,}, from" in foot


def test_conditions_on_days_and_flags(finished: Path) -> None:
    simulation = open_run(finished / "simulate")
    days, members = simulation.table("days"), simulation.table("members")
    after = as_json(days.filter(pl.col("date") >= date(2022, 12, 6)))
    assert data(finished / "simulate", "days", "-w", "date >= 2022-12-06") == after
    assert data(finished / "simulate", "days", "-w", "date ~ 12-06") == after[:1]
    failed = as_json(members.filter("in_default"))
    assert failed
    for word in ("true", "yes", "YES"):
        assert data(finished / "simulate", "members", "-w", f"in_default = {word}") == failed
    assert len(data(finished / "simulate", "members", "-w", "in_default != yes")) == members.height - len(failed)


def test_signs_inside_a_name_are_asked_for_in_quotes() -> None:
    names = ["a=b", "<", "", "'", "x ", None]
    run = held(contributions=pl.DataFrame({"member_id": names, "margin": [1.0] * 6}))

    def found(text: str) -> list[Any]:
        return listing(run, "contributions", Asked((text,))).frame["member_id"].to_list()

    assert found("member_id = a=b") == found("member_id=='a=b'") == ["a=b"]
    assert found("member_id = '<'") == ["<"]
    assert found("member_id = 'x '") == ["x "]
    assert found("member_id = '") == ["'"]
    assert found("member_id =") == ["", None]
    assert found("member_id !=") == ["a=b", "<", "'", "x "]


def test_columns_in_the_order_asked_for(run: Path) -> None:
    found = shown(run, "waterfall", "--columns", "amount, tier,amount", "--csv", "-n", "1")
    assert found.splitlines()[0] == "amount,tier"
    one = json.loads(shown(run, "waterfall", "-c", "tier", "-w", "amount > 0", "-s", "-amount", "--json", "-n", "1"))
    assert list(one["data"][0]) == ["tier"]


def test_sums_are_exact_and_over_all_rows_that_match(run: Path) -> None:
    losses = pl.read_parquet(run / "losses.parquet")["loss_over_margin"].to_list()
    cents = sum(round(value * 100) for value in losses)
    assert json.loads(shown(run, "losses", "--sum", "-n", "1", "--json"))["sums"] == {"loss_over_margin": cents / 100}
    assert re.search(rf"^sum +{cents / 100:,.2f}$", shown(run, "losses", "--sum", "-n", "1"), re.MULTILINE)
    many = held(losses=pl.DataFrame({"group_id": ["A"] * 3100, "loss_over_margin": [0.1] * 2000 + [9e13] * 1100}))
    assert listing(many, "losses", Asked(totals=True)).totals == {"loss_over_margin": 9.9e16 + 200}
    none = listing(many, "losses", Asked(("group_id = B",), totals=True))
    assert (none.totals, none.matching) == ({"loss_over_margin": 0.0}, 0)


# --- documents --------------------------------------------------------------------------------------------------------


def test_a_document_is_paths_and_values(run: Path) -> None:
    coverage = json.loads((run / "coverage.json").read_text())
    rows = {row["path"]: row for row in data(run, "coverage")}
    assert rows["cover_2.amount"]["value"] == str(coverage["cover_2"]["amount"])
    assert rows["cover_2.amount"]["unit"] == "USD"
    assert rows["cover_2.groups.1"]["value"] == coverage["cover_2"]["groups"][1]
    assert rows["fund.posted"]["value"] is None
    assert rows["coverage_test.all_scenarios.passed"]["value"] in ("true", "false")
    text = " ".join(shown(run, "coverage.json", "--all", width=200).split())
    assert f"cover_2.amount {coverage['cover_2']['amount']:,.2f} USD" in text
    assert f"coverage_ratio {coverage['coverage_ratio']:.2%} share" in text
    only = shown(run, "coverage", "-w", "path ~ cover_1.amount", "--csv").splitlines()
    assert [line.split(",")[0] for line in only] == ["path", "cover_1.amount", "all_scenarios.cover_1.amount"]
    assert f"\n{coverage['cover_1']['amount']:,.2f}" in shown(
        run, "coverage", "-c", "value", "-w", "path = cover_1.amount"
    )


def test_the_manifest_is_a_document_too(run: Path) -> None:
    rows = {row["path"]: row["value"] for row in data(run, "manifest")}
    manifest = json.loads((run / "manifest.json").read_text())
    assert rows["inputs.rulebook.sha256"] == manifest["inputs"]["rulebook"]["sha256"]
    assert rows["form"] == str(manifest["form"])


# --- the terminal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 80, 160])
def test_tables_fit_and_no_column_is_left_out_unsaid(finished: Path, width: int) -> None:
    for folder, run, name in each_table(finished):
        names = run.table(name).columns
        text = shown(folder, name, "-n", "5", width=width)
        assert max(map(cell_len, text.splitlines())) <= width, text
        words = "".join(text.split())
        assert all(one in words or _folded(one, text) for one in names), (name, text)
        if "hidden" in text:
            assert re.search(r"\d+ columns? (is|are)\s+hidden", text)
        text = shown(folder, name, "--columns", names[-1], width=width)
        assert "hidden" not in text


def _folded(name: str, text: str) -> bool:
    """Whether a heading stands on several lines, folded after underscores."""
    parts = [part for part in re.split("(?<=_)", name) if part]
    return all(any(part in line for line in text.splitlines()) for part in parts)


def test_columns_alike_are_said_once_and_columns_sorted_by_stay(run: Path) -> None:
    text = shown(run, "waterfall", "-w", "tier = survivors_fund", "-w", "amount > 0", "-s", "-amount", width=60)
    assert "tier = survivors_fund; " in " ".join(text.split())
    assert re.search(r" amount$", text, re.MULTILINE)
    assert "amount" not in text.partition("hidden")[2]
    assert "In every row" not in shown(run, "waterfall", "-n", "4", width=200)
    named = shown(run, "waterfall", "-c", "scenario_id,defaulters,chosen_by,stakeholder,amount", width=40)
    assert "name fewer of them" in " ".join(named.split())


def test_what_would_steer_a_terminal_is_written_out() -> None:
    names = [
        "\x1b[31mred",
        "two\nlines",
        "\u202eright to left",
        "[red]markup[/red]",
        "数字 €",
        "x" * 5_000,
        "\r",
        "\x9b2J",
    ]
    table = pl.DataFrame({"member_id": names, "margin": [1.0] * len(names)})
    lines = printed(listing(held(contributions=table), "contributions", Asked()))
    text = "\n".join(lines)
    assert all(sign.isprintable() for line in lines for sign in line)
    for part in (r"\x1b[31mred", r"two\nlines", r"\u202eright", "[red]markup[/red]", "数字 €", r"\x9b2J", "xxx..."):
        assert part in text
    assert len(lines) < 30
    assert max(map(cell_len, lines)) <= 100


# --- long tables ------------------------------------------------------------------------------------------------------


def test_a_table_kept_a_file_a_day_is_filtered_as_it_is_read(copied: Path) -> None:
    content = content_of(open_run(copied), "ledger")
    rows = asked_rows(content, Asked(("to_account = margin:X", "date = 2022-12-02"), rows=3))[1]
    plan = rows.explain()
    assert "FILTER" not in plan, plan
    assert "SELECTION" in plan, plan
    ledger = pl.read_parquet(copied / "ledger" / "*.parquet")
    assert content.rows == ledger.height
    found = data(copied, "ledger", "-w", "movement = variation", "-w", "date = 2022-12-02")
    assert found == as_json(ledger.filter(movement="variation", date=date(2022, 12, 2)))


def test_who_reads_the_csv_may_stop_in_the_middle(copied: Path) -> None:
    rows = pl.read_parquet(copied / "ledger" / "2022-12-09.parquet")
    pl.concat([rows] * (400_000 // rows.height)).write_parquet(copied / "ledger" / "2022-12-09.parquet")
    command = [sys.executable, "-m", "ccp", "show", str(copied), "ledger", "--csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == "date,from_account,to_account,movement,amount\n"
        running.stdout.close()
        assert running.stderr.read() == ""
    assert running.returncode == 0


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["nothing"],
            "value 'nothing': no such table or document; this run has collateral, contributions, losses, margin, ",
        ),
        (["../size/margin"], "value '../size/margin': no such table"),
        (["margin", "-w", "marjin > 1"], "--where, value 'marjin': no such column; there are account_id, pool_id, "),
        (["margin", "-w", "margin"], "--where, value 'margin': COLUMN OP VALUE was expected"),
        (["margin", "-w", "> 3"], "--where, value '> 3': COLUMN OP VALUE was expected"),
        (["margin", "-w", ""], "--where, value '': COLUMN OP VALUE was expected"),
        (["margin", "-w", "margin > x"], "--where, value 'margin > x': a number was expected after margin"),
        (["margin", "-w", "margin >"], "--where, value 'margin >': a number was expected after margin"),
        (["margin", "-w", "margin = nan"], "--where, value 'margin = nan': a finite number was expected after margin"),
        (["margin", "-w", "margin ! 3"], "--where, value 'margin ! 3': COLUMN OP VALUE was expected"),
        (["margin", "-w", "margin ~ 3"], "~ asks for text inside text or a date; margin is a number"),
        (["margin", "-w", "pool_id < b"], "pool_id is text, which is compared by = and != only"),
        (["scenarios", "-w", "sizes_fund = 1"], "true or false was expected after sizes_fund"),
        (["scenarios", "-w", "sizes_fund > no"], "sizes_fund is true or false, which is compared by = and != only"),
        (["margin", "-w", "__import__('os') = 1"], "--where, value \"__import__('os')\": no such column"),
        (["margin", "-w", "margin\n\x1b[31m = 1"], "no such column"),
        (["margin", "-s", "margins"], "--sort, value 'margins': no such column; there are account_id, "),
        (["margin", "-s", "--margin"], "--sort, value '-margin': no such column"),
        (["margin", "-c", "margin,"], "--columns, value '': no such column"),
        (["shocks", "--sum"], "--sum: at least one column of money was expected among those shown"),
        (["margin", "--sum", "--csv"], "--sum: sums were expected in the terminal or with --json"),
        (["margin", "--sum", "-c", "pool_id"], "--sum: at least one column of money"),
        (["coverage", "-s", "value"], "--sort: a table was expected; a document keeps its own order"),
        (["coverage", "--sum"], "--sum: a table was expected"),
        (["margin", "--all", "-n", "3"], "--all, value 3: either --all or --rows was expected, not both"),
        (["--where", "margin > 3"], "TABLE: the table or document that the options are for was expected"),
        (["--describe"], "TABLE: the table or document"),
    ],
)
def test_refusals_are_one_line(run: Path, arguments: list[str], expected: str) -> None:
    assert expected in refused(run, *arguments)


def test_a_day_that_is_none_and_amounts_in_several_currencies(finished: Path) -> None:
    wrong = refused(finished / "simulate", "days", "-w", "date > 2022-13-01")
    assert wrong.endswith("a date, YYYY-MM-DD, was expected after date")
    assert "--sum: amounts in one currency were expected" in refused(finished / "compare", "ladder", "--sum")
    assert "Money in each rulebook's currency" in shown(finished / "compare", "ladder", "-n", "1")


def test_json_and_csv_are_not_both_given(run: Path) -> None:
    result = call(run, "margin", "--json", "--csv")
    assert result.exit_code == 2
    assert "not both" in json.loads(result.stdout)["problems"][0]["expected"]


def test_what_is_no_finished_run_of_this_form_is_refused(run: Path, tmp_path: Path, small_book: Path) -> None:
    assert "no such directory" in refused(tmp_path / "nothing")
    assert "there is no manifest.json in it" in refused(tmp_path)
    assert "its manifest is not one of a run" in refused(small_book)
    old = shutil.copytree(run, tmp_path / "old")
    manifest = json.loads((old / "manifest.json").read_text())
    (old / "manifest.json").write_text(json.dumps({name: one for name, one in manifest.items() if name != "form"}))
    assert "this run is in an older form" in refused(old, "margin")
    (old / "manifest.json").write_text("{")
    assert "cannot be read as JSON" in refused(old, "margin")
    less = shutil.copytree(run, tmp_path / "less")
    (less / "losses.parquet").unlink()
    assert refused(less, "margin").startswith(f"{less}/losses.parquet: missing")


def test_damaged_files_are_one_line(run: Path, copied: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(run, tmp_path / "broken")
    (broken / "margin.parquet").write_bytes(b"PAR1 no more")
    (broken / "coverage.json").write_text("[")
    for arguments in (["margin"], ["margin", "--csv"], [], ["margin", "--describe"]):
        assert f"{broken}/margin.parquet: cannot be read as parquet" in refused(broken, *arguments)
    assert f"{broken}/coverage.json: cannot be read as JSON" in refused(broken, "coverage")
    day = copied / "ledger" / "2022-12-05.parquet"
    day.write_bytes(day.read_bytes()[:200])
    assert f"{copied}/ledger/*.parquet: cannot be read as parquet" in refused(copied, "ledger")


def test_a_table_with_other_columns_than_expected_is_shown_as_it_is(run: Path, tmp_path: Path) -> None:
    other = shutil.copytree(run, tmp_path / "other")
    pl.DataFrame({"margin": ["text"], "new": [1.5], "listed": [[1, 2]]}).write_parquet(other / "margin.parquet")
    pl.DataFrame({"a": [1]}).write_parquet(other / "strange.parquet")
    found = {one["name"]: one for one in json.loads(shown(other, "margin", "--describe", "--json"))["columns"]}
    assert [one["kind"] for one in found.values()] == ["text", "number", "text"]
    assert found["new"]["meaning"] == ""
    assert "text 1.5 [1, 2]" in " ".join(shown(other, "margin").split())
    assert "Not a table that ccp size writes." in shown(other, "strange")
    assert "no such column; there are margin, new" in refused(other, "margin", "-w", "account_id = x")
