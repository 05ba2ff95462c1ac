"""`ccp simulate` as it is called: what it writes, how it goes on after it was broken off, and what it refuses."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from ruamel.yaml import YAML
from support.modes import PLAIN
from support.small_cycles import (
    RICH_DEFAULTS,
    Run,
    Small,
    changed,
    files_of,
    plain,
    rich,
    rich_trades,
    write_trades,
)
from typer.testing import CliRunner, Result

import ccp
from ccp.cli.main import app
from ccp.runs.commands import COMMANDS
from ccp.settlement.opening import open_run

CYCLE = COMMANDS["simulate"]
WHOLE = ("days", "events", "waterfall")
RICH_NAMED = [f"{group}@{rich().day(day)}" for group, day in RICH_DEFAULTS]


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """A command handles SIGTERM in its own way; the test run gets its handler back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def call(arguments: list[str]) -> Result:
    """Run a command in this process. A traceback is a failure of the test."""
    result = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"}).invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(arguments: list[str]) -> str:
    """The one message of a call that is refused, on standard error alone."""
    result = call(arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.startswith("error:")
    return result.stderr.removeprefix("error:").strip()


def lines_of(arguments: list[str]) -> list[str]:
    return refused(arguments).splitlines()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """The plain run's files, in the current directory."""
    found = plain()
    found.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return found


@pytest.fixture(scope="module")
def rich_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rich run's files, and an unbroken run of them in `whole`."""
    folder = rich().write(tmp_path_factory.mktemp("rich"))
    rich_trades(folder / "trades.csv", rich())
    rich_run(folder, "whole")
    return folder


def rich_run(folder: Path, out: str, **more: Any) -> ccp.Simulation:
    small = rich()
    request = small.request(trades=folder / "trades.csv", defaults=RICH_DEFAULTS)
    return ccp.simulate(folder / "book", folder / out, request, folder / "rules.yaml", folder / "market", **more)


# --- what is written --------------------------------------------------------------------------------------------------


def test_every_table_is_written_in_its_schema_with_a_file_a_day(rich_folder: Path) -> None:
    out, small = rich_folder / "whole", rich()
    assert {path.name for path in out.iterdir()} == {
        *CYCLE.daily, *(f"{name}.parquet" for name in WHOLE), "summary.json", "manifest.json",
    }  # fmt: skip
    days = [f"{small.day(number)}.parquet" for number in range(small.length)]
    for name in CYCLE.daily:
        assert sorted(path.name for path in (out / name).iterdir()) == days
        for path in (out / name).iterdir():
            table = CYCLE.schemas[name].validate(pl.read_parquet(path))
            assert table["date"].unique().cast(pl.String).to_list() == [path.stem]
    for name in WHOLE:
        assert CYCLE.schemas[name].validate(pl.read_parquet(out / f"{name}.parquet")).height > 0
    assert Run(out).days["date"].to_list() == [small.day(number) for number in range(small.length)]


def test_the_manifest_says_what_the_run_was_made_from(rich_folder: Path) -> None:
    manifest = json.loads((rich_folder / "whole" / "manifest.json").read_text())
    files = {f"book/{name}": rich_folder / "book" / f"{name}.parquet" for name in rich().tables}
    files |= {f"market/{name}": rich_folder / "market" / f"{name}.csv" for name in ("prices", "factors")}
    files |= {"rulebook": rich_folder / "rules.yaml", "trades": rich_folder / "trades.csv"}
    stated = {role: one["sha256"] for role, one in manifest["inputs"].items()}
    assert stated == {role: hashlib.sha256(path.read_bytes()).hexdigest() for role, path in files.items()}
    assert manifest["made_by"] == "ccp simulate"
    assert manifest["rulebook"]["fund"]["notice_days"] == 2
    assert manifest["run"]["days"] == rich().length
    assert manifest["run"]["defaults"] == [["A", str(rich().day(6))]]


def test_the_summary_is_that_of_the_tables(rich_folder: Path) -> None:
    run = Run(rich_folder / "whole")
    summary = json.loads((run.out / "summary.json").read_text())
    worst = run.pools.group_by("date").agg(pl.col("margin").sum().round(2)).sort("margin", descending=True).row(0)
    assert (summary["margin"]["date"], summary["margin"]["largest"]) == (str(worst[0]), worst[1])
    owners = run.pools.select("pool_id", "member_id").unique()
    failed = run.members.filter("in_default").group_by("member_id").agg(pl.col("date").min().alias("failed"))
    paying = (
        run.accounts.join(owners, on="pool_id").join(failed, on="member_id", how="left")
        .filter(pl.col("failed").is_null() | (pl.col("date") <= pl.col("failed")))
    )  # fmt: skip
    variation = paying.group_by("date").agg(pl.col("variation").clip(upper_bound=0).sum().round(2))
    assert summary["variation"]["largest"] == -variation["variation"].min()  # type: ignore[operator]
    assert summary["largest_call"]["largest"] == run.pools["call"].max()
    assert (summary["from"], summary["to"], summary["days"]) == (str(rich().day(0)), str(rich().day(21)), 22)
    defaults = summary["defaults"]
    assert defaults["events"] == run.events.height == 2
    assert defaults["loss"] == pytest.approx(run.moved(movement="loss"), abs=0.005)
    assert defaults["uncovered"] == run.moved(movement="loss", from_account="nobody") > 0


def test_json_is_one_document_and_quiet_prints_nothing(small: Small) -> None:
    found = call(small.call("one", json=True, quiet=True))
    assert (found.exit_code, found.stderr) == (0, "")
    document = json.loads(found.stdout)
    assert document["summary"] == json.loads(Path("one/summary.json").read_text())
    assert document["events"] == []
    found = call(small.call("two", quiet=True))
    assert (found.exit_code, found.output) == (0, "")
    found = call(small.call("three"))
    assert "8 days under small" in found.stdout
    assert "Written to three" in found.stderr


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_fits_the_terminal(rich_folder: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(rich_folder)
    arguments = rich().call(f"wide{width}", trades="trades.csv", default=RICH_NAMED)
    found = CliRunner(env={"COLUMNS": str(width)}).invoke(app, arguments)
    assert found.exit_code == 0
    assert max(len(line) for line in found.stdout.splitlines()) <= width
    assert "losses were left uncovered" in " ".join(found.stdout.split())


def test_two_runs_give_the_same_bytes(rich_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From Python and from the command line, with one thread."""
    monkeypatch.chdir(rich_folder)
    assert call(rich().call("again", trades="trades.csv", default=RICH_NAMED, threads=1, quiet=True)).exit_code == 0
    assert files_of(rich_folder / "again") == files_of(rich_folder / "whole")


def test_the_order_of_rows_in_the_files_does_not_matter(rich_folder: Path, tmp_path: Path) -> None:
    rich().write(tmp_path)
    for path in (tmp_path / "book").iterdir():
        pl.read_parquet(path).reverse().write_parquet(path)
    trades = pl.read_csv(rich_folder / "trades.csv").reverse()
    trades.write_csv(tmp_path / "trades.csv")
    rich_run(tmp_path, "turned")
    whole, turned = files_of(rich_folder / "whole"), files_of(tmp_path / "turned")
    assert {name for name in whole if whole[name] != turned[name]} == {"manifest.json"}


def test_only_our_own_runs_are_written_over(small: Small) -> None:
    call(small.call("run", quiet=True))
    before = files_of(Path("run"))
    assert "not empty" in refused(small.call("run"))
    assert call(small.call("run", overwrite=True, quiet=True)).exit_code == 0
    assert files_of(Path("run")) == before
    Path("run/mine.txt").write_text("mine")
    assert "only a directory that an earlier ccp simulate has written" in refused(small.call("run", overwrite=True))
    assert files_of(Path("run")) == before | {"mine.txt": b"mine"}
    sized = call(["size", "book", "-m", "market", "-r", "rules.yaml", "-o", "sized", "-q", "--date", str(small.day(0))])
    assert sized.exit_code == 0
    assert "only a directory that an earlier ccp simulate has written" in refused(small.call("sized", overwrite=True))


def test_writing_over_leaves_nothing_of_a_longer_run(small: Small) -> None:
    call(small.call("run", quiet=True))
    call(small.call("run", last=2, overwrite=True, quiet=True))
    assert sorted(path.stem for path in Path("run/ledger").iterdir()) == [str(small.day(day)) for day in range(3)]


# --- going on after a break -------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What stops a run at a certain file, as a kill would: nothing is cleaned up."""


def stop_at(monkeypatch: pytest.MonkeyPatch, count: int, error: BaseException, after: bool = False) -> None:
    """Let the renaming of the `count`-th file (from 0) fail, or stop once it is done."""
    calls, real = iter(range(10**6)), os.replace

    def replace(source: Any, target: Any) -> None:
        number = next(calls)
        if number == count and not after:
            raise error
        real(source, target)
        if number == count:
            raise error

    monkeypatch.setattr(os, "replace", replace)


def kill_at(count: int, run: Callable[[], Any], after: bool = False) -> None:
    """Run something that is killed at a file."""
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, count, Killed(), after)
        with pytest.raises(Killed):
            run()


FILES_BEFORE, FILES_A_DAY = 2, 5
"""`request.json` and an empty `days.jsonl`; then a file of every day table, and the state."""


def file_of_day(day: int, number: int = 0) -> int:
    return FILES_BEFORE + FILES_A_DAY * day + number


@pytest.mark.parametrize(
    ("count", "after"),
    [(1, False), (file_of_day(0), False), (file_of_day(0, 4), True)]
    + [(file_of_day(8, number), False) for number in range(FILES_A_DAY)]
    + [(file_of_day(16, 4), True), (file_of_day(21, 4), True)]
    + [(file_of_day(22, number), after) for number, after in ((0, False), (2, True), (4, False), (4, True))],
)
def test_a_run_stopped_at_any_file_goes_on_to_the_same_bytes(
    count: int, after: bool, rich_folder: Path, tmp_path: Path
) -> None:
    """Before and between days, at every file of a day while an estate is open, on the last day and while finishing."""
    out = str(tmp_path / "run")
    kill_at(count, lambda: rich_run(rich_folder, out), after)
    rich_run(rich_folder, out, resume=True)
    assert files_of(tmp_path / "run") == files_of(rich_folder / "whole")


@pytest.fixture
def broken(rich_folder: Path, tmp_path: Path) -> Path:
    """A rich run broken off once nine days are whole, while A is being closed out."""
    kill_at(file_of_day(8, 4), lambda: rich_run(rich_folder, str(tmp_path / "run")), after=True)
    assert len(list((tmp_path / "run" / "ledger").iterdir())) == 9
    return tmp_path / "run"


def a_day_more(run: Path, day: str) -> None:
    for table in ("ledger", "accounts"):
        (run / table / f"{day}.parquet").write_bytes(b"PAR1 and then nothing")


def half_a_line(run: Path, day: str) -> None:
    with (run / "unfinished" / "days.jsonl").open("a") as lines:
        lines.write(f'{{"date": "{day}", "variation": 12')


def partial_files(run: Path, day: str) -> None:
    (run / "ledger" / f".{day}.parquet.partial").write_bytes(b"PAR1")
    (run / "unfinished" / ".state.npz.partial").write_bytes(b"PK")


def a_line_more(run: Path, day: str) -> None:
    with (run / "unfinished" / "days.jsonl").open("a") as lines:
        lines.write(f'{{"date": "{day}", "variation": 12.0}}\n')
    a_day_more(run, day)


@pytest.mark.parametrize("spoil", [a_day_more, half_a_line, partial_files, a_line_more], ids=lambda one: one.__name__)
def test_what_a_broken_day_has_left_is_forgotten(
    spoil: Callable[[Path, str], None], broken: Path, rich_folder: Path
) -> None:
    spoil(broken, str(rich().day(9)))
    rich_run(rich_folder, str(broken), resume=True)
    assert files_of(broken) == files_of(rich_folder / "whole")


def test_whole_days_are_not_computed_again(broken: Path, rich_folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (broken / "ledger").iterdir()}
    steps: list[tuple[int, int]] = []
    rich_run(rich_folder, str(broken), resume=True, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(day, 22) for day in range(10, 23)]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def no_lines(run: Path) -> None:
    (run / "unfinished" / "days.jsonl").write_text("")


def no_table(run: Path) -> None:
    (run / "ledger" / f"{rich().day(4)}.parquet").unlink()


def half_a_state(run: Path) -> None:
    state = run / "unfinished" / "state.npz"
    state.write_bytes(state.read_bytes()[:100])


def no_state_to_read(run: Path) -> None:
    (run / "unfinished" / "state.npz").write_bytes(b"")


@pytest.mark.parametrize("spoil", [no_lines, no_table, half_a_state, no_state_to_read], ids=lambda one: one.__name__)
def test_a_run_that_has_lost_whole_days_does_not_go_on_in_silence(
    spoil: Callable[[Path], None], broken: Path, rich_folder: Path
) -> None:
    """As a power cut may leave it, since nothing is forced to the disk: refused, or done again, but never short."""
    spoil(broken)
    with contextlib.suppress(ccp.InputError):
        rich_run(rich_folder, str(broken), resume=True)
        assert files_of(broken) == files_of(rich_folder / "whole")


def without_form(plain: dict[str, Any]) -> dict[str, Any]:
    """As an earlier version left it."""
    return {name: value for name, value in plain.items() if name != "form"}


def other_movements(plain: dict[str, Any]) -> dict[str, Any]:
    """As a version left it that knew other movements of the ledger."""
    return plain | {"form": [*plain["form"][:-1], "something else"]}


@pytest.mark.parametrize("changed", [without_form, other_movements], ids=lambda one: one.__name__)
def test_an_unfinished_run_of_another_version_is_refused_with_what_to_do(
    changed: Callable[[dict[str, Any]], dict[str, Any]], broken: Path, rich_folder: Path
) -> None:
    state = broken / "unfinished" / "state.npz"
    with np.load(state) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["plain"] = np.array(json.dumps(changed(json.loads(str(arrays["plain"])))))
    np.savez(state, **arrays)
    before = files_of(broken)
    with pytest.raises(ccp.InputError) as found:
        rich_run(rich_folder, str(broken), resume=True)
    expected = "the unfinished run here was begun by another version of ccp; start it anew with `overwrite`"
    assert str(found.value) == f"{broken}: {expected}"
    assert files_of(broken) == before


def test_a_run_killed_before_its_first_file_may_be_written_over(small: Small) -> None:
    kill_at(0, lambda: call(small.call("run", quiet=True)))
    assert call(small.call("run", overwrite=True, quiet=True)).exit_code == 0


SLOWLY = """
import os, time
replace = os.replace
def slow(*names):
    time.sleep(0.01)
    replace(*names)
os.replace = slow
from ccp.cli.main import main
main()
"""
"""The command with a short wait before every file, so that there is time to kill it."""


def kill_after(days: int, folder: Path, arguments: list[str], slowly: bool = True) -> None:
    """Start the command and kill it once some days more than now are there."""
    begin = ["-c", SLOWLY] if slowly else ["-m", "ccp"]
    ledger = folder / arguments[arguments.index("--out") + 1] / "ledger"
    wanted = days + len(list(ledger.glob("2*")))
    with subprocess.Popen([sys.executable, *begin, *arguments, "--quiet"], cwd=folder) as process:
        deadline = time.monotonic() + 120
        while len(list(ledger.glob("2*"))) < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
        assert process.wait(60) == -signal.SIGKILL
    found = {name: {path.stem for path in (ledger.parent / name).glob("2*")} for name in CYCLE.daily}
    union, common = set.union(*found.values()), set.intersection(*found.values())
    assert len(common) >= wanted - 1
    assert len(union - common) <= 1  # the day that was being written
    for name in CYCLE.daily:
        for path in (ledger.parent / name).glob("2*"):
            CYCLE.schemas[name].validate(pl.read_parquet(path))
    assert not (ledger.parent / "manifest.json").exists()


def test_a_killed_process_goes_on_to_the_same_bytes_even_when_killed_twice(rich_folder: Path) -> None:
    arguments = rich().call("killed", trades="trades.csv", default=RICH_NAMED)
    kill_after(4, rich_folder, arguments)
    kill_after(5, rich_folder, [*arguments, "--resume"])
    done = subprocess.run([sys.executable, "-m", "ccp", *arguments, "--resume", "-q"], cwd=rich_folder, check=False)
    assert done.returncode == 0
    assert files_of(rich_folder / "killed") == files_of(rich_folder / "whole")


EXAMPLE_RULES = {
    "name": "Example",
    "currency": "USD",
    "margin": {"confidence": 0.99, "lookback_days": 250, "liquidation_days": 2, "buffer": {"share": 0.25}},
    "close_out": {"method": "gradual"},
    "fund": {"cover": 2, "look_back": {"days": 10, "aggregate": "mean_of_groups"}}
    | {"schedule": "weekly", "supplementary_margin": {"group_share": 0.25}},
    "tiers": ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"share_of_fund": 0.1}}, "survivors_fund"],
}


@pytest.mark.skipif(PLAIN, reason="20,000 positions are for compiled kernels")
def test_the_example_through_september_2008_goes_on_after_a_kill(tmp_path: Path) -> None:
    YAML().dump(EXAMPLE_RULES, tmp_path / "rules.yaml")
    asked = ["--book-date", "2022-12-28", "--expiry", "constant", "--from", "2008-09-01", "--to", "2008-10-15"]
    asked += ["--default", "M001@2008-09-15", "-r", "rules.yaml"]
    arguments = ["simulate", str(ccp.example_book()), *asked]
    whole = subprocess.run([sys.executable, "-m", "ccp", *arguments, "--out", "whole", "-q"], cwd=tmp_path, check=False)
    assert whole.returncode == 0
    kill_after(11, tmp_path, [*arguments, "--out", "run"], slowly=False)  # 2 to 16 September: M001 is being sold
    assert (tmp_path / "run" / "ledger" / "2008-09-15.parquet").exists()
    done = subprocess.run(
        [sys.executable, "-m", "ccp", *arguments, "--out", "run", "--resume", "-q"], cwd=tmp_path, check=False
    )
    assert done.returncode == 0
    event = Run(tmp_path / "run").events.row(0, named=True)
    assert str(event["default_date"]) == "2008-09-15" < "2008-09-16" < str(event["settled_date"])
    assert files_of(tmp_path / "run") == files_of(tmp_path / "whole")


# --- what may not be resumed ------------------------------------------------------------------------------------------


@pytest.fixture
def stopped(small: Small, tmp_path: Path) -> Path:
    """A plain run with trades, from files in the current directory, broken off after three days."""
    write_trades(tmp_path / "trades.csv", [(small.day(2), "a", "X", 5.0, 99.0)])
    kill_at(file_of_day(2, 4), lambda: call(small.call("run", trades="trades.csv", quiet=True)), after=True)
    return tmp_path / "run"


def other_rules(small: Small) -> None:
    YAML().dump(changed(small.rules, fund={"cover": 1}), Path("rules.yaml"))


def other_positions(small: Small) -> None:
    small.but(positions=[("a", "X", 101.0), ("b", "X", 50.0)]).write(Path())


def other_prices(small: Small) -> None:
    small.but(levels={"X": [*small.levels["X"][:-1], 99.5]}).write(Path())


def other_trades(small: Small) -> None:
    write_trades(Path("trades.csv"), [(small.day(2), "a", "X", 6.0, 99.0)])


OTHER_INPUTS = {
    "rulebook": (other_rules, {}, "rulebook"),
    "book": (other_positions, {}, ""),
    "market": (other_prices, {}, ""),
    "trades": (other_trades, {}, ""),
    "days": (lambda small: None, {"last": 5}, "last"),
    "default": (lambda small: None, {"default": f"A@{plain().day(6)}"}, "defaults"),
    "closed": (lambda small: None, {"closed": str(plain().day(6))}, "closed"),
    "gap": (lambda small: None, {"gap": f"{plain().day(6)}:market down 20%"}, "gaps"),
    "expiry": (lambda small: None, {"expiry": "constant"}, "expiry"),
}


@pytest.mark.parametrize(("change", "options", "named"), OTHER_INPUTS.values(), ids=OTHER_INPUTS)
def test_a_run_does_not_go_on_with_other_inputs(
    change: Callable[[Small], None], options: dict[str, Any], named: str, small: Small, stopped: Path
) -> None:
    change(small)
    before = files_of(stopped)
    (line,) = lines_of(small.call("run", **({"trades": "trades.csv"} | options), resume=True))
    assert line.startswith("run: the unfinished run here was started with another ")
    assert named in line.partition("another ")[2]
    assert files_of(stopped) == before


@pytest.mark.parametrize(
    ("change", "named"),
    [(other_positions, "book/positions"), (other_prices, "market/prices"), (other_trades, "trades")],
)
def test_the_refusal_to_go_on_names_the_file_that_has_changed(
    change: Callable[[Small], None], named: str, small: Small, stopped: Path
) -> None:
    change(small)
    assert named in refused(small.call("run", trades="trades.csv", resume=True))


def test_a_run_without_its_trades_does_not_go_on(small: Small, stopped: Path) -> None:
    (line,) = lines_of(small.call("run", resume=True))
    assert line == "run: the unfinished run here was started with another trades"


def test_there_must_be_something_to_resume(small: Small) -> None:
    (line,) = lines_of(small.call("nothing", resume=True))
    assert line == "nothing: no unfinished run to resume was found here"
    assert not Path("nothing").exists()
    call(small.call("done", quiet=True))
    before = files_of(Path("done"))
    assert lines_of(small.call("done", resume=True)) == ["done: no unfinished run to resume was found here"]
    assert files_of(Path("done")) == before


def test_an_unfinished_run_is_not_begun_anew_by_mistake(small: Small, stopped: Path) -> None:
    before = files_of(stopped)
    (line,) = lines_of(small.call("run", trades="trades.csv"))
    assert line == "run: an unfinished run stands here: go on with --resume, or say --overwrite"
    assert files_of(stopped) == before


def test_an_unfinished_run_may_be_written_over(small: Small, stopped: Path) -> None:
    assert call(small.call("run", trades="trades.csv", overwrite=True, quiet=True)).exit_code == 0
    assert call(small.call("whole", trades="trades.csv", quiet=True)).exit_code == 0
    assert files_of(stopped) == files_of(Path("whole"))


def test_a_run_killed_while_it_finishes_may_be_written_over(small: Small, tmp_path: Path) -> None:
    kill_at(file_of_day(small.length, 1), lambda: call(small.call("run", quiet=True)))
    assert call(small.call("run", overwrite=True, quiet=True)).exit_code == 0


def test_a_run_of_books_in_memory_does_not_go_on_with_another_book(tmp_path: Path) -> None:
    kill_at(file_of_day(2, 4), lambda: plain().run(tmp_path / "run"), after=True)
    other = plain(positions=[("a", "X", 900.0)])
    with pytest.raises(ccp.InputError, match="another"):
        ccp.simulate(other.book, tmp_path / "run", other.request(), other.rulebook, other.market, resume=True)


# --- no prices, no room -----------------------------------------------------------------------------------------------


def without_a_value(day: str) -> None:
    """Take X's value of a day out of the prices."""
    path = Path("market/prices.csv")
    path.write_text("".join(f"{day},\n" if row.startswith(day) else row for row in path.open()))


def test_a_day_without_a_price_ends_the_run_and_keeps_the_days_before(small: Small) -> None:
    whole = Path("market/prices.csv").read_text()
    without_a_value(str(small.day(4)))
    expected = f"market, column factor_id, value 'X': a value on {small.day(4)} was expected"
    expected += "; 4 whole days before it are kept"
    assert lines_of(small.call("run")) == [expected]
    for name in CYCLE.daily:
        assert sorted(path.stem for path in Path("run", name).iterdir()) == [str(small.day(day)) for day in range(4)]
    assert not Path("run/manifest.json").exists()
    kept = files_of(Path("run"))
    assert lines_of(small.call("run", resume=True)) == [expected]  # with the same prices it ends there again
    Path("market/prices.csv").write_text(whole)
    (line,) = lines_of(small.call("run", resume=True))  # and other prices are another run
    assert line.startswith("run: the unfinished run here was started with another ")
    assert {name: content for name, content in files_of(Path("run")).items() if not name.startswith("unfin")} == {
        name: content for name, content in kept.items() if not name.startswith("unfin")
    }
    call(small.call("mended", quiet=True))
    mended = files_of(Path("mended"))
    assert {name: kept[name] for name in kept if "ledger" in name} == {
        name: mended[name] for name in kept if "ledger" in name
    }


def test_a_first_day_without_a_price_writes_nothing(small: Small) -> None:
    without_a_value(str(small.day(0)))
    assert str(small.day(0)) in refused(small.call("run"))
    assert not Path("run").exists()


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("number", range(FILES_A_DAY))
def test_a_full_disk_ends_the_run_with_one_line_and_it_goes_on_later(
    number: int, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(small.call("whole", quiet=True))
    with monkeypatch.context() as patch:
        stop_at(patch, file_of_day(2, number), FULL)
        (line,) = lines_of(small.call("run"))
    hint = "whole days are kept, --resume goes on after them"
    assert line == f"run: cannot be written: No space left on device; {hint}"
    for name in CYCLE.daily:
        assert {str(small.day(day)) for day in range(2)} <= {path.stem for path in Path("run", name).glob("2*")}
    assert call(small.call("run", resume=True, quiet=True)).exit_code == 0
    assert files_of(Path("run")) == files_of(Path("whole"))


def really_full(small: Small, name: str) -> str:
    """A run whose third day meets a file that leads to a device without room: what it says. It is resumed then."""

    def fill(done: int, total: int) -> None:
        if done == 2:
            Path("run", name.format(day=small.day(2))).symlink_to("/dev/full")

    def run(out: str, **more: Any) -> None:
        ccp.simulate("book", out, small.request(), "rules.yaml", "market", **more)

    with pytest.raises(ccp.InputError) as found:
        run("run", progress=fill)
    Path("run", name.format(day=small.day(2))).unlink(missing_ok=True)
    run("run", resume=True)
    run("whole")
    assert files_of(Path("run")) == files_of(Path("whole"))
    (line,) = found.value.message.splitlines()
    return line


PARTS = {"a day's table": "ledger/.{day}.parquet.partial", "the state": "unfinished/.state.npz.partial"}
needs_full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")


@needs_full_device
@pytest.mark.parametrize("name", PARTS.values(), ids=PARTS)
def test_a_disk_that_is_really_full(name: str, small: Small) -> None:
    line = really_full(small, name)
    assert line.startswith("run: cannot be written: ")
    assert "No space left on device" in line
    assert line.endswith("; whole days are kept, `resume` goes on after them")


def test_a_directory_that_cannot_be_made(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise FULL

    monkeypatch.setattr(Path, "mkdir", full)
    assert lines_of(small.call("run")) == ["run: cannot be written: No space left on device"]


# --- calls that are refused -------------------------------------------------------------------------------------------

SPAN = f"({plain().day(0)} to {plain().day(7)}, days with prices)"
SATURDAY = "2024-04-06"
A_DAY = "a day of the market's history was expected"
NO_VALUE = "market, column factor_id, value 'X': a value on"
WRONG_OPTIONS = {
    "closed without a date": ({"closed": "soon"}, "--closed, value 'soon': a date, YYYY-MM-DD, was expected"),
    "closed the wrong way round": ({"closed": "2024-04-05:2024-04-04"}, "--closed, value '2024-04-05:2024-04-04': "),
    "closed with a wrong end": ({"closed": "2024-04-05:x"}, "--closed, value 'x': a date, YYYY-MM-DD, was expected"),
    "gap without a scenario": ({"gap": "2024-04-05"}, "--gap, value '2024-04-05': DATE:SCENARIO was expected, "),
    "gap without a date": ({"gap": "market down 20%"}, "--gap, value 'market down 20%': DATE:SCENARIO was expected"),
    "gap with a wrong date": ({"gap": "5 April:market down 20%"}, "--gap, value '5 April': a date, YYYY-MM-DD"),
    "gap of an unknown scenario": ({"gap": "2024-04-05:moon falls"}, "--gap, value 'moon falls': no such scenario; "),
    "gap on a day without prices": ({"gap": f"{SATURDAY}:market down 20%"}, f"--gap, value '{SATURDAY}': a day of the"),
    "gap on the first day": ({"gap": "2024-04-03:market down 20%"}, "--gap, value '2024-04-03': a day of the run with"),
    "closed days that are none": ({"closed": "2040-01-01:2040-01-02"}, "--closed, value '2040-01-01:2040-01-02': days"),
    "gap before the run": ({"gap": "2024-04-02:market down 20%"}, "--gap, value '2024-04-02': a day of the run"),
    "gap after the run": ({"gap": "2025-04-02:market down 20%"}, "--gap, value '2025-04-02': a day of the run"),
    "default without a day": ({"default": "A"}, "--default, value 'A': GROUP@DATE was expected, for example "),
    "default without a group": ({"default": "@2024-04-05"}, "--default, value '@2024-04-05': GROUP@DATE was expected"),
    "default on no date": ({"default": "A@now"}, "--default, value 'now': a date, YYYY-MM-DD, was expected"),
    "default of nobody": ({"default": "Z@2024-04-05"}, "--default, value 'Z': no such group; the book's groups are A"),
    "default on a Saturday": ({"default": f"A@{SATURDAY}"}, f"--default, value '{SATURDAY}': a day of the run"),
    "default after the run": ({"default": "A@2025-04-02"}, f"--default, value '2025-04-02': a day of the run was {SPAN}"
                              .replace("was (", "was expected (")),
    "from after to": ({"from": "2024-05-05"}, "--from, value '2024-05-05': a day not after 2024-04-12 was expected"),
    "from is no date": ({"from": "first"}, "--from, value 'first': a date, YYYY-MM-DD, was expected"),
    "to is no date": ({"to": "2024-13-01"}, "--to, value '2024-13-01': a date, YYYY-MM-DD, was expected"),
    "no day with prices": ({"from": SATURDAY, "to": "2024-04-07"}, f"--from, value '{SATURDAY}': days of the market's"),
    "days before all prices": ({"from": "1990-01-01", "to": "1990-02-01"}, "--from, value '1990-01-01': days of the"),
    "all days closed": ({"closed": "2024-04-03:2024-04-12"}, "--from, value '2024-04-03': days of the market's"),
    "a wrong word for expiry": ({"expiry": "never"}, "--expiry, value 'never': dated or constant was expected"),
    "a book date without prices": ({"book_date": SATURDAY}, f"--book-date, value '{SATURDAY}': {A_DAY}"),
    "a book date that is none": ({"book_date": "x"}, "--book-date, value 'x': a date, YYYY-MM-DD, was expected"),
    "a book date after all prices": ({"book_date": "2030-01-01"}, f"--book-date, value '2030-01-01': {A_DAY}"),
    "no such trades": ({"trades": "none.csv"}, "none.csv: no such file"),
    "no such scenarios": ({"scenarios": "none.csv"}, "none.csv: "),
    "no such rulebook": ({"rulebook": "none.yaml"}, "none.yaml: "),
    "no such market": ({"market": "nowhere"}, "nowhere: "),
}  # fmt: skip


@pytest.mark.parametrize(("options", "message"), WRONG_OPTIONS.values(), ids=WRONG_OPTIONS)
def test_a_wrong_option_is_refused_with_one_line_and_nothing_is_written(
    options: dict[str, str], message: str, small: Small
) -> None:
    before = files_of(Path())
    (line,) = lines_of(small.call("run", **options))
    assert line.startswith(message)
    assert not Path("run").exists()
    result = call(small.call("run", **options, json=True))
    assert (result.exit_code, result.stderr) == (2, "")
    assert json.loads(result.stdout)["total"] == 1
    assert files_of(Path()) == before


def test_a_stress_period_without_prices_is_refused_and_leaves_nothing(small: Small) -> None:
    """It shows only when the first day is margined."""
    text = Path("rules.yaml").read_text()
    period = "stress_period: {weight: 0.25, from: 2010-01-04, to: 2010-02-01}"
    Path("rules.yaml").write_text(re.sub(r"(?m)^margin:\n(\s+)", rf"margin:\n\1{period}\n\1", text))
    (line,) = lines_of(small.call("run"))
    assert line.startswith("stress_period, value '2010-01-04 to 2010-02-01': ")
    assert not Path("run").exists()


def test_nobody_is_named_for_the_first_day_of_a_fund_that_is_not_there_yet(tmp_path: Path) -> None:
    book = ccp.read_book(ccp.example_book())
    without = replace(book, members=book.members.with_columns(fund_contribution=pl.lit(None, dtype=pl.Float64)))
    request = ccp.RunRequest(date(2022, 12, 28), date(2022, 12, 28), defaults=(("M001", date(2022, 12, 28)),))
    with pytest.raises(ccp.InputError, match="on the first the fund is not there yet"):
        ccp.simulate(without, tmp_path / "run", request)
    assert not (tmp_path / "run").exists()


def test_a_trade_in_an_expired_instrument_is_refused(tmp_path: Path) -> None:
    """Of the last day itself it is not: the instrument is settled then."""
    book = ccp.read_book(ccp.example_book())
    future = book.instruments.filter(pl.col("expiry").is_not_null()).sort("expiry").row(0, named=True)
    first, own = date(2008, 8, 29), date(2022, 12, 28)
    last_day = next(day for day in ccp.read_market().dates if day >= future["expiry"] + (first - own))
    after = next(day for day in ccp.read_market().dates if day > last_day)
    trades = tmp_path / "trades.csv"
    for day, refused_rows in ((last_day, 0), (after, 2)):
        rows = [
            f"{day},{account},{future['instrument_id']},{size},1" for account, size in (("M001-H", 5), ("M002-H", -5))
        ]
        trades.write_text("\n".join(["date,account_id,instrument_id,quantity,price", *rows]) + "\n")
        request = ccp.RunRequest(first, after, own, trades=trades)
        if refused_rows:
            with pytest.raises(ccp.InputError, match="a day on which the instrument is still there") as found:
                open_run(book, ccp.read_market(), ccp.read_rulebook("textbook/cover-two"), request)
            assert found.value.total == refused_rows
        else:
            open_run(book, ccp.read_market(), ccp.read_rulebook("textbook/cover-two"), request)


def test_an_event_says_why_and_what_was_not_paid(tmp_path: Path) -> None:
    """A is named; its house owes the day's fall of 100 X, and the fund and margin nothing more than that."""
    small = plain([100.0, 100.0, 97.0, 94.0], positions=[("a", "X", 100.0)])
    run = small.run(tmp_path / "run", defaults=[("A", 2)])
    assert run.events["cause"].to_list() == ["named"]
    owed = (
        100 * 3.0
        + run.row("pools", small.day(2), pool_id="a")["margin"]
        - run.row("pools", small.day(1), pool_id="a")["held"]
    )
    assert run.events["unpaid"].to_list() == [pytest.approx(owed)]


def test_closing_every_day_of_the_market_is_refused(small: Small) -> None:
    assert lines_of(small.call("run", closed="1900-01-01:2100-01-01"))[0].startswith("--closed: ")
    assert not Path("run").exists()


HEADER = "date,account_id,instrument_id,quantity,price\n"
SOUND = "2024-04-05,a,X,5,99\n2024-04-05,b,X,-5,99\n"
TRADES_PROBLEM = "trades.csv, row 1, column "
WRONG_TRADES = {
    "unknown account": (SOUND.replace(",a,", ",z,"), f"{TRADES_PROBLEM}account_id, value 'z': unknown; "),
    "unknown instrument": (SOUND.replace("X,5", "Q,5"), f"{TRADES_PROBLEM}instrument_id, value 'Q': unknown; "),
    "a day without prices": (SOUND.replace("04-05,a", "04-06,a"), f"{TRADES_PROBLEM}date, value '2024-04-06': a day"),
    "a day before the run": (SOUND.replace("04-05,a", "04-02,a"), f"{TRADES_PROBLEM}date, value '2024-04-02': a day"),
    "not a date": (SOUND.replace("2024-04-05,a", "today,a"), f"{TRADES_PROBLEM}date, value 'today': a date"),
    "no quantity": (SOUND.replace("X,5", "X,"), f"{TRADES_PROBLEM}quantity: a value is required"),
    "not a number": (SOUND.replace("X,5", "X,ten"), f"{TRADES_PROBLEM}quantity, value 'ten': a finite number"),
    "infinite": (SOUND.replace("X,5", "X,inf"), f"{TRADES_PROBLEM}quantity, value inf: a finite number was expected"),
    "quantities do not match": (SOUND.replace("X,5", "X,6"), "trades.csv, column instrument_id, value 'X': a day's"),
    "prices do not match": (SOUND.replace("5,99", "5,98", 1), "trades.csv, column instrument_id, value 'X': a day's"),
    "no rows": ("", "trades.csv: at least one row was expected, the table is empty"),
}


@pytest.mark.parametrize(("rows", "message"), WRONG_TRADES.values(), ids=WRONG_TRADES)
def test_wrong_trades_are_refused_with_one_line_and_nothing_is_written(rows: str, message: str, small: Small) -> None:
    Path("trades.csv").write_text(HEADER + rows)
    (line,) = lines_of(small.call("run", trades="trades.csv"))
    assert line.startswith(message)
    assert not Path("run").exists()


def test_trades_need_not_match_where_the_rulebook_says_so(small: Small) -> None:
    """The clearing house takes the other side: what it pays goes through the account `unmatched`."""
    Path("trades.csv").write_text(HEADER + "2024-04-05,a,X,5,99\n")
    YAML().dump(changed(small.rules, book={"matched": False}), Path("rules.yaml"))
    assert call(small.call("run", trades="trades.csv", quiet=True)).exit_code == 0
    run = Run(Path("run"))
    # five more from Friday's 99 on: 99, 98, 100, 102, 101, 100
    after = [run.row("accounts", small.day(day), account_id="a")["variation"] for day in range(2, 8)]
    assert after == [-200.0, -105.0, 210.0, 210.0, -105.0, -105.0]
    taken = run.moved(to_account="unmatched") - run.moved(from_account="unmatched")
    assert taken == -5.0 * (100 - 99)


# --- trades -----------------------------------------------------------------------------------------------------------


def with_trades(small: Small, out: str, *rows: tuple[int, str, float, float]) -> Run:
    """A run with trades (day, account, quantity, price) in X against the dealer."""
    path = write_trades(
        Path(f"{out}.csv"), [(small.day(day), who, "X", count, price) for day, who, count, price in rows]
    )
    return small.run(Path(out), trades=path)


def test_a_trade_at_the_settlement_price_changes_nothing_but_margin_on_its_day(small: Small) -> None:
    without, traded = small.run(Path("w")), with_trades(small, "t", (2, "a", 40.0, 99.0))
    for day in range(3):
        old, new = (run.row("accounts", small.day(day), account_id="a") for run in (without, traded))
        assert new["variation"] == old["variation"]
    assert new["margin"] == 140 * 99 * 0.05  # type: ignore[possibly-undefined]
    assert old["margin"] == 100 * 99 * 0.05  # type: ignore[possibly-undefined]
    later = traded.row("accounts", small.day(3), account_id="a")
    assert later["variation"] == 140 * (98 - 99)
    assert traded.moved(date=small.day(2), movement="margin call", to_account="margin:a") == 140 * 4.95 - 100 * 5.05


def test_a_trade_at_another_price_is_taken_to_settlement_at_once(small: Small) -> None:
    """Bought 40 at 97.5 on a day that settles at 99: 60 are received the same day, and the seller pays them."""
    traded = with_trades(small, "t", (2, "a", 40.0, 97.5))
    found = {name: traded.row("accounts", small.day(2), account_id=name)["variation"] for name in ("a", "b", "DEALER")}
    assert found == {"a": 100 * (99 - 101) + 60.0, "b": -100.0, "DEALER": 300.0 - 60.0}
    assert traded.row("accounts", small.day(3), account_id="a")["variation"] == -140.0


def test_a_trade_in_two_parts_changes_cents_at_most(small: Small) -> None:
    one = with_trades(small, "one", (2, "a", 41.7, 97.317))
    two = with_trades(small, "two", (2, "a", 20.3, 97.317), (2, "a", 21.4, 97.317))
    for column in ("variation", "margin"):
        difference = one.accounts[column] - two.accounts[column]
        assert difference.abs().max() < 0.0101  # type: ignore[operator]


def test_trades_to_zero_give_the_margin_back(small: Small) -> None:
    traded = with_trades(small, "t", (2, "a", -60.0, 99.0), (3, "a", -40.0, 98.0))
    rows = [traded.row("pools", small.day(day), pool_id="a") for day in range(5)]
    assert [row["margin"] for row in rows] == [500.0, 505.0, 198.0, 0.0, 0.0]
    assert [row["held"] for row in rows] == [500.0, 505.0, 198.0, 0.0, 0.0]
    assert [row["call"] for row in rows] == [0.0, 5.0, -307.0, -198.0, 0.0]
    assert traded.row("accounts", small.day(4), account_id="a")["variation"] == 0.0
    assert traded.row("pools", small.day(4), pool_id="DEALER")["margin"] == 50 * 100 * 0.05


def test_what_was_traded_through_zero_is_margined_on_the_other_side(small: Small) -> None:
    traded = with_trades(small, "t", (2, "a", -130.0, 99.0))
    assert traded.row("accounts", small.day(2), account_id="a")["margin"] == pytest.approx(30 * 99 * 0.05, abs=0.005)
    assert traded.row("accounts", small.day(4), account_id="a")["variation"] == -30 * 2.0


@pytest.mark.parametrize(("own", "said"), [(None, True), (date(2022, 12, 28), False)])
def test_a_book_of_other_prices_is_asked_for_its_day(own: date | None, said: bool, tmp_path: Path) -> None:
    """The example is of 2022: most of its stocks cost several times as much as in 2008."""
    day = date(2008, 9, 2)
    run = ccp.simulate(
        ccp.example_book(), tmp_path / "run", ccp.RunRequest(day, day, own, constant_expiry=own is not None)
    )
    assert any("on another day" in note.sentence for note in run.notes) is said
    assert ("far_prices" in [note.id for note in run.notes]) is said
