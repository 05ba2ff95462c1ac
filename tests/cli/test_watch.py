"""`ccp watch`: what it prints, and the exit status that a scheduler acts on."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from support import small_books as small
from support.watched_books import VOLUMES, back_tested, book, rules_of
from typer.testing import CliRunner, Result

import ccp
from ccp.cli.main import app
from ccp.report.indicators.judged import LABELS


def stated(**thresholds: tuple[float, float]) -> dict[str, Any]:
    """Thresholds of all that a sized fund knows, each far away unless it is stated here."""
    far = {
        "fund_over_cover_2": (0, 0),
        "two_largest_of_fund": (1, 1),
        "five_largest_of_margin": (1, 1),
        "days_to_liquidate": (1000, 1000),
    }
    return {
        key: {"amber": amber, "red": red, "action_amber": f"watch {key}", "action_red": f"act on {key}"}
        for key, (amber, red) in (far | thresholds).items()
    }


def run_of(folder: Path, **thresholds: tuple[float, float]) -> Path:
    """A sized run whose rulebook states thresholds."""
    rules = rules_of(indicators=stated(**thresholds))
    return ccp.size(book(VOLUMES | {"X": 1e9, "Y": 1e9, "FX": 1e9}), rules, small.market()).write(folder)


def watch(*arguments: str | Path, width: int = 200) -> Result:
    settings = {"COLUMNS": str(width), "NO_COLOR": "1"}
    return CliRunner(env=settings).invoke(app, ["watch", *map(str, arguments)])


# --- exit status ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thresholds", "status", "worst"),
    [
        ({}, 0, "green"),
        ({"two_largest_of_fund": (0, 1)}, 3, "AMBER"),
        ({"two_largest_of_fund": (0, 0)}, 4, "RED"),
        ({"two_largest_of_fund": (0, 1), "fund_over_cover_2": (999, 999)}, 4, "RED"),
    ],
)
@pytest.mark.parametrize("how", [(), ("--json",), ("--quiet",)])
def test_the_exit_status_is_that_of_the_worst_colour(
    tmp_path: Path, thresholds: dict[str, Any], status: int, worst: str, how: tuple[str, ...]
) -> None:
    found = watch(run_of(tmp_path / "run", **thresholds), *how)
    assert found.exit_code == status
    if how == ("--quiet",):
        assert found.output == ""
    elif how == ("--json",):
        assert json.loads(found.stdout)["worst"] == worst.lower()
    else:
        assert f"Worst: {worst} (" in found.stdout
    assert found.stderr == ""


def test_what_is_not_known_is_no_alarm(tmp_path: Path) -> None:
    """But it is never green: the exit status says that nothing known is amber, the table what is not known."""
    run = back_tested(tmp_path, ["historical-var"])
    found = watch(run.name)
    assert found.exit_code == 0
    assert f"Worst: not known ({len(LABELS)} not known)" in found.stdout
    assert "green" not in found.stdout


def test_the_help_states_the_exit_statuses() -> None:
    for arguments in (["--help"], ["watch", "--help"]):
        text = " ".join(CliRunner(env={"COLUMNS": "100"}).invoke(app, arguments).output.split())
        assert re.search(r"3 .*amber.* 4 ", text), arguments
    assert "Example: ccp watch my-run" in text


# --- what is printed --------------------------------------------------------------------------------------------------


def test_the_table_has_colour_as_a_word_value_thresholds_action_and_source(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", two_largest_of_fund=(0.25, 1), days_to_liquidate=(0, 0))
    text = watch(run).stdout
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert any(
        re.fullmatch(r"AMBER Two largest groups' share of the fund, \S+ \d\d\.\d\d% amber above 25%", line)
        for line in lines
    )
    assert "To do: watch two_largest_of_fund" in lines
    assert any(line.startswith("RED Days to liquidate") for line in lines)
    assert "To do: act on days_to_liquidate" in lines
    assert "contributions.parquet: group_id, posted" in lines
    assert "watch fund_over_cover_2" not in text
    assert "Not known: one day's sizing does not say; ccp simulate does red above 1%*" in lines
    assert "* Thresholds of this program, not a rule of the service: its rulebook states none." in lines


def test_of_several_runs_the_table_says_which_it_is_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_of(tmp_path / "calm")
    run_of(tmp_path / "wild", two_largest_of_fund=(0, 0))
    monkeypatch.chdir(tmp_path)
    text = watch("calm", "wild").stdout
    assert "wild/contributions.parquet: group_id, posted" in text
    assert "calm/coverage.json: fund.posted, cover_2.amount" in text
    assert watch("calm", "wild").exit_code == watch("wild", "calm").exit_code == 4


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_table_fits_the_terminal(tmp_path: Path, width: int) -> None:
    text = watch(run_of(tmp_path / "run", two_largest_of_fund=(0, 0)), width=width).stdout
    assert max(map(len, text.splitlines())) <= width
    assert "two_largest_of_fund" in re.sub(r"\s", "", text)


def test_json_has_everything_and_is_one_document(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", two_largest_of_fund=(0, 0))
    document = json.loads(watch(run, "--json").stdout)
    assert document["counts"] == {"red": 1, "amber": 0, "green": 3, "unknown": 5}
    by_key = {one["key"]: one for one in document["indicators"]}
    assert list(by_key) == list(LABELS)
    two = by_key["two_largest_of_fund"]
    assert two["action"] == "act on two_largest_of_fund"
    assert (two["amber"], two["red"], two["low_is_bad"], two["stated"], two["run"]) == (0, 0, False, True, str(run))
    assert two["sources"] == [{"file": "contributions.parquet", "columns": ["group_id", "posted"]}]
    assert (by_key["unpaid_margin"]["value"], by_key["unpaid_margin"]["colour"]) == (None, "unknown")


def test_nothing_of_the_run_is_changed(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    before = {path: path.read_bytes() for path in run.iterdir()}
    watch(run)
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def test_a_what_if_is_watched_as_a_sized_fund(tmp_path: Path) -> None:
    sizing = ccp.size(book(VOLUMES), rules_of(indicators=stated()), small.market(), base=True)
    run = sizing.write(tmp_path / "run")
    rules = {"indicators.two_largest_of_fund.red": 0.0, "indicators.two_largest_of_fund.amber": 0.0}
    changed = ccp.what_if(run, ccp.Changes.model_validate({"rules": rules})).sizing.write(tmp_path / "changed")
    assert [watch(run).exit_code, watch(changed).exit_code] == [0, 4]


# --- bad input --------------------------------------------------------------------------------------------------------


def one_line(*arguments: str | Path) -> str:
    found = watch(*arguments)
    assert found.exit_code == 2
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    return line


def test_directories_that_are_no_runs_are_one_clear_line(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    assert "no such directory" in one_line(tmp_path / "none")
    assert "there is no manifest.json in it" in one_line(tmp_path)
    assert "a run's directory was expected" in one_line(run, run / "coverage.json")
    older = shutil.copytree(run, tmp_path / "older")
    manifest = json.loads((older / "manifest.json").read_text())
    (older / "manifest.json").write_text(json.dumps(manifest | {"form": 1}))
    assert "an older form" in one_line(older)
    event = shutil.copytree(run, tmp_path / "event")
    (event / "manifest.json").write_text(json.dumps(manifest | {"made_by": "ccp default"}))
    assert "a run of ccp size or ccp whatif or ccp simulate or ccp backtest was expected" in one_line(event)


def test_a_figure_that_the_run_does_not_state_is_not_known(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", days_to_liquidate=(0, 0))
    assert watch(run).exit_code == 4
    coverage = json.loads((run / "coverage.json").read_text())
    kept = {name: part for name, part in coverage.items() if name not in ("liquidation", "margin_held")}
    (run / "coverage.json").write_text(json.dumps(kept))
    found = watch(run)
    assert found.exit_code == 0
    assert found.stdout.count("this run does not state it: size the book again") == 2


def test_missing_and_damaged_files_are_one_clear_line(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    (run / "contributions.parquet").write_bytes(b"PAR1 no more")
    assert "contributions.parquet: cannot be read as parquet" in one_line(run)
    (run / "contributions.parquet").unlink()
    assert "contributions.parquet: missing" in one_line(run)


def test_a_scheduler_gets_problems_as_json(tmp_path: Path) -> None:
    found = watch(tmp_path / "none", "--json")
    assert found.exit_code == 2
    assert "no such directory" in json.loads(found.stdout)["problems"][0]["expected"]


def test_without_a_run_it_says_how_to_call_it() -> None:
    assert watch().exit_code == 2
