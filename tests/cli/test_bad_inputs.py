"""Bad input: one clear message, exit status 2, and nothing written. The cases are a table, `bad_inputs`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import bad_inputs as bad
from support.modes import NO_KERNEL
from typer.testing import CliRunner, Result

from ccp.cli.main import app
from ccp.errors import SHOWN, InputError, Problem

Contents = dict[str, bytes | None]


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """A command handles SIGTERM in its own way; the test run gets its handler back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sound files, in the current directory."""
    bad.write_sound(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> Contents:
    """Everything below a directory: files by content, directories as None."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def run(arguments: tuple[str, ...]) -> Result:
    """Run a command in this process. A traceback is a failure of the test."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def lines(message: str) -> list[str]:
    """The problems of a message on standard error, one a line."""
    assert message.startswith("error:")
    return message.removeprefix("error:").strip().splitlines()


def agree(found: list[str], says: tuple[str, ...]) -> bool:
    return len(found) == len(says) and all(
        line.startswith(expected[:-3]) if expected.endswith("...") else line == expected
        for line, expected in zip(found, says, strict=True)
    )


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


SOUND_CALLS = {
    "check": bad.CHECK,
    "size": bad.SIZE,
    "size with a table of scenarios": bad.SIZE_SHOCKS,
    "size with scenarios in YAML": bad.SIZE_YAML,
    "default": bad.DEFAULT,
    "rulebook check": bad.RULES_CHECK,
}


@pytest.mark.parametrize("arguments", SOUND_CALLS.values(), ids=SOUND_CALLS)
def test_the_files_are_sound_before_they_are_spoilt(arguments: tuple[str, ...], folder: Path) -> None:
    assert run(arguments).exit_code == 0


def test_every_case_has_its_own_name() -> None:
    names = [case.name for case in bad.CASES]
    assert len(names) == len(set(names)) >= 60


@NO_KERNEL
@pytest.mark.parametrize("case", bad.CASES, ids=lambda case: case.name)
def test_bad_input_is_refused_with_one_clear_message(case: bad.Case, folder: Path) -> None:
    case.change(folder)
    before = contents(folder)
    result = run(case.calls[0])
    assert (result.exit_code, result.stdout) == (2, "")
    assert agree(lines(result.stderr), case.says), result.stderr
    assert contents(folder) == before
    result = run((*case.calls[-1], "--json"))
    assert (result.exit_code, result.stderr) == (2, "")
    assert agree(lines_of_json(result.stdout), case.says), result.stdout
    assert contents(folder) == before


def lines_of_json(text: str) -> list[str]:
    """The problems of a JSON document, as the message would put them."""
    document = json.loads(text, parse_constant=refuse_constant)
    assert set(document) == {"problems", "total"}
    assert len(document["problems"]) == min(document["total"], SHOWN)
    for problem in document["problems"]:
        if problem.get("value") in ("nan", "inf"):
            problem["value"] = float(problem["value"])
    return InputError([Problem(**problem) for problem in document["problems"]], document["total"]).message.splitlines()


def test_json_says_how_many_problems_there_are_in_all(folder: Path) -> None:
    next(case for case in bad.CASES if case.name == "25 bad rows").change(folder)
    document = json.loads(run((*bad.CHECK, "--json")).stdout)
    assert (len(document["problems"]), document["total"]) == (SHOWN, 25)
    assert document["problems"][0] == {
        "source": "collateral.csv",
        "row": 1,
        "field": "market_value",
        "value": "x",
        "expected": "a finite number was expected",
    }


@pytest.mark.parametrize("arguments", bad.USAGE.values(), ids=bad.USAGE)
def test_a_wrong_call_is_refused(arguments: tuple[str, ...], folder: Path) -> None:
    before = contents(folder)
    result = run(arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert contents(folder) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_parent_that_may_not_be_written_to(folder: Path) -> None:
    (folder / "sub").mkdir(mode=0o555)
    result = run((*bad.SIZE[:-1], "sub/out"))
    assert (result.exit_code, lines(result.stderr)) == (2, ["sub/out: cannot be written: Permission denied"])
    assert list((folder / "sub").iterdir()) == []


def test_columns_may_stand_in_any_order(folder: Path) -> None:
    for name in (bad.MEMBERS, bad.ACCOUNTS, bad.POSITIONS, bad.COLLATERAL, bad.FACTORS):
        rows = [line.split(",")[::-1] for line in bad.TABLES[name].splitlines()]
        (folder / name).write_text("\n".join(",".join(row) for row in rows) + "\n")
    assert run(bad.CHECK).exit_code == 0


# --- the real command -------------------------------------------------------------------------------------------------

SLOW_WRITING = """
import time
import polars as pl
write = pl.DataFrame.write_parquet
def slow(self, path, *more, **options):
    write(self, path, *more, **options)
    print("writing", flush=True)
    time.sleep(60)
pl.DataFrame.write_parquet = slow
from ccp.cli.main import main
main()
"""
"""The command, but stopping for a minute after the first table, so that it can be killed half-way."""


def real(*arguments: str, folder: Path, **options: Any) -> "subprocess.Popen[str]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, *arguments], cwd=folder, text=True, **pipes, **options)


@NO_KERNEL
@pytest.mark.parametrize("name", ["ten for a quantity", "unknown key", "--out is not empty"])
def test_the_real_command_refuses_alike(name: str, folder: Path) -> None:
    case = next(case for case in bad.CASES if case.name == name)
    case.change(folder)
    before = contents(folder)
    with real("-m", "ccp", *case.calls[-1], folder=folder) as process:
        output, message = process.communicate(timeout=60)
    assert (process.returncode, output) == (2, "")
    assert agree(lines(message), case.says), message
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("number", "overwrite"),
    [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGINT, False), (signal.SIGKILL, True)],
    ids=["SIGTERM", "SIGTERM, --overwrite", "SIGINT", "SIGKILL, --overwrite"],
)
def test_a_run_killed_while_it_writes_leaves_no_half_result(
    number: signal.Signals, overwrite: bool, folder: Path
) -> None:
    if overwrite:
        bad.put("out/manifest.json", bad.OURS)(folder)
    before = contents(folder)
    more = ["--overwrite"] if overwrite else []
    with real("-c", SLOW_WRITING, *bad.SIZE, *more, folder=folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        assert [path.name for path in folder.glob(".out.partial-*")] != []
        process.send_signal(number)
        message = process.communicate(timeout=60)[1]
    assert process.returncode != 0
    assert "Traceback" not in message
    after = contents(folder)
    if number == signal.SIGKILL:  # nobody can clean up after this one; what is left is hidden, and no result
        after = {name: content for name, content in after.items() if not name.startswith(".out.partial-")}
    assert after == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_run_killed_while_it_works_leaves_nothing(number: signal.Signals, folder: Path) -> None:
    before = contents(folder)
    with real("-m", "ccp", *bad.SIZE, "-v", folder=folder) as process:
        assert process.stderr is not None
        assert "reading book" in process.stderr.readline()
        process.send_signal(number)
        message = process.communicate(timeout=60)[1]
    assert process.returncode in (128 + number, -number)
    assert "Traceback" not in message
    assert contents(folder) == before
