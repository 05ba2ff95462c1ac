"""Tables and the page: what is measured reaches them, and the page is never written by hand."""

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

import ccp
from benchmarks import check as checking
from benchmarks.growth import grown_by, measured, slope
from benchmarks.jobs import TINY
from benchmarks.limit import tile_probe
from benchmarks.machine import described
from benchmarks.processes import run_ccp
from benchmarks.report import HERE, README, read, render
from benchmarks.scale import MARGIN, STRESS, write_rules, write_scenarios
from benchmarks.section import Section, Table, cell
from ccp.kernels.exposure.row_sum import ROW_BYTES
from ccp.rulebook.load import load_rulebook

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory and the machine are read from /proc")


def test_the_page_is_made_from_the_results() -> None:
    assert (HERE / README).read_text(encoding="utf-8") == render(read())


def test_a_section_is_the_same_after_json() -> None:
    section = Section("benchmarks.x", "X", "What it is.", [Table("T", [{"a": 1, "b": None}], "Note.")])
    assert Section.from_json(asdict(section)) == section
    lines = section.markdown().splitlines()
    assert lines[0] == "## X"
    assert lines[-5:] == ["| a | b |", "| --- | --- |", "| 1 | - |", "", "Note."]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.012345, "0.0123"), (12.345, "12.3"), (1234.5, "1,234"), (1_000_000, "1,000,000"), ("x", "x")],
)
def test_numbers_have_three_digits(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_a_slope_is_the_power_that_time_grows_with() -> None:
    sizes = [1.0, 2.0, 4.0, 8.0]
    assert slope(sizes, [3 * size**1.5 for size in sizes]) == pytest.approx(1.5)


def test_only_what_shall_grow_grows() -> None:
    grown = grown_by(TINY, "accounts", 2)
    assert (grown.accounts, grown.positions, grown.instruments) == (80, 800, TINY.instruments)
    assert grown_by(TINY, "positions", 0.5).positions == 200
    assert grown_by(TINY, "scenarios", 2).scenarios == 2 * TINY.scenarios


def test_growth_has_a_row_a_size() -> None:
    slopes, instruments = measured(TINY, 1).tables
    assert [row["what grows"] for row in slopes.rows] == ["accounts", "positions", "scenarios"]
    assert all(row["sizes"].count(", ") == 3 for row in slopes.rows)
    assert len(instruments.rows) == 5


def test_the_probe_reads_all_of_its_buffers() -> None:
    probe = tile_probe(2, 3, read=10_000)
    probe.buffers[1] = 2.0
    assert probe.run().tolist() == [probe.buffers.shape[1] * probe.times, 2.0 * probe.buffers.shape[1] * probe.times]
    assert probe.bytes == 2 * 3 * ROW_BYTES * probe.times
    assert probe.times == 13
    assert not probe.buffers.ctypes.data % 64


@LINUX
def test_memory_that_is_given_back_is_seen() -> None:
    code = "import numpy as np; from benchmarks.memory import peak_above; print(peak_above(lambda: np.ones(2**23)))"
    own = [sys.executable, "-c", code]  # a process with no memory yet that it could use again
    assert 60 < float(subprocess.run(own, check=True, stdout=subprocess.PIPE, cwd=HERE.parent).stdout) < 90


@LINUX
def test_the_machine_names_no_host_and_no_path() -> None:
    text = " ".join(described().values())
    assert "/" not in text
    assert {"processor", "Python", "libraries"} <= described().keys()


@pytest.mark.parametrize(("floor", "status", "tries"), [(0.0, 0, 1), (1e9, 1, 2)])
def test_the_check_fails_below_the_floor(
    floor: float, status: int, tries: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checking, "CHECKED", TINY)
    assert checking.check(floor) == status
    assert capsys.readouterr().out.count("times as fast") == tries


@LINUX
def test_a_process_is_measured_and_must_end_well(tmp_path: Path) -> None:
    ran = run_ccp("rulebook", "check", "textbook/cover-two")
    assert ran.seconds > 0.05
    assert ran.peak > 10
    assert ran.read > 0.1
    with pytest.raises(SystemExit, match="ccp check failed with 2"):
        run_ccp("check", tmp_path / "nowhere")


def test_books_on_disk_have_the_scenarios_that_are_claimed(book: Path, tmp_path: Path) -> None:
    rules, scenarios = write_rules(tmp_path), write_scenarios(tmp_path)
    assert load_rulebook(rules).margin.lookback_days == MARGIN
    sizing = ccp.size(book, rules, scenarios=scenarios)
    assert sizing.tables["scenarios"].height == STRESS
    assert sizing.tables["scenarios"]["cover_2"].max() > 0  # type: ignore[operator]
