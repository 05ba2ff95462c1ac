"""What `ccp whatif` starts from, whole or not, and the command: what it prints, writes and refuses."""

import json
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from support import changed_books as books
from support import small_books as small
from support.changed_runs import ACCOUNTS, GROUPS, POSITIONS, RULES, changes, texts
from support.digests import digests
from typer.testing import CliRunner, Result

import ccp
from ccp.api.explore import explore_run
from ccp.api.kept_base import read_base
from ccp.book.synthetic import BookSize
from ccp.cli.main import app
from ccp.errors import InputError
from ccp.exposure.run import MarginCube, RankWeights
from ccp.runs.run import open_run
from ccp.stress.kept import keep, kept

SCALE = changes(scale=[{"account_id": "b", "by": 2.5}])
CASH = {"a": 100.0, "gross": 90.0, "b": 10.0, "DEALER": 1e6}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with collateral, contributions and scenarios from a file."""
    folder = tmp_path_factory.mktemp("made")
    book = small.book(POSITIONS, ACCOUNTS, GROUPS, {"A": 100.0, "B": 200.0, "D": 300.0, "DEALER": 400.0}, CASH)
    (folder / "our gaps.csv").write_text(
        "scenario_id,factor_id,kind,shock\nfall,X,relative,-0.4\nrise,*,relative,0.3\n"
    )
    sizing = ccp.size(book, books.rules_of(RULES), small.market(), folder / "our gaps.csv", base=True)
    (folder / "our gaps.csv").unlink()
    return sizing.write(folder / "run")


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of that run, elsewhere, to be spoilt."""
    return Path(shutil.copytree(made, tmp_path / "elsewhere" / "run"))


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_run_may_stand_anywhere_and_is_never_changed(made: Path, run: Path) -> None:
    before = digests(run)
    for path in run.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert texts(ccp.what_if(run, SCALE).sizing) == texts(ccp.what_if(made, SCALE).sizing)
    ccp.what_if(run, changes(rules={"margin.confidence": 0.9}))
    assert digests(run) == before == digests(made)
    for path in run.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_scenarios_from_a_file_are_kept_under_its_name(made: Path) -> None:
    found = ccp.what_if(made, SCALE).sizing
    assert found.tables["scenarios"]["scenario_id"].to_list() == ["fall", "rise"]
    assert found.tables["scenarios"]["provenance"].to_list() == ["file our gaps.csv"] * 2
    anew = ccp.what_if(made, SCALE, changes(rules={"margin.confidence": 0.9})).sizing
    assert anew.tables["scenarios"]["provenance"].to_list() == ["file our gaps.csv"] * 2


def test_only_what_is_asked_for_is_kept(tmp_path: Path) -> None:
    sizing = ccp.size(small.book(POSITIONS, ACCOUNTS), books.rules_of(RULES), small.market())
    run = sizing.write(tmp_path / "run")
    assert not (run / "base").exists()
    with pytest.raises(InputError, match="run: this run keeps nothing to start from; size the book again with `base`"):
        ccp.what_if(run, SCALE)


@pytest.mark.parametrize("memory", [None, 8 << 30])
def test_a_streamed_run_keeps_the_same(tmp_path: Path, memory: int | None) -> None:
    """To the last byte; the digests of inputs are the same, for both read files."""
    book = small.book(POSITIONS, ACCOUNTS, GROUPS, None, CASH)
    (tmp_path / "book").mkdir()
    for name in ("members", "accounts", "instruments", "positions", "collateral"):
        getattr(book, name).write_parquet(tmp_path / "book" / f"{name}.parquet")
    arguments: Any = (tmp_path / "book", books.rules_of(RULES), small.market())
    whole = ccp.size(*arguments, base=True).write(tmp_path / "whole")
    streamed = ccp.size(*arguments, base=True, streaming=ccp.Streaming(memory)).write(tmp_path / "streamed")
    assert digests(streamed) == digests(whole)
    assert texts(ccp.what_if(streamed, SCALE).sizing) == texts(ccp.what_if(whole, SCALE).sizing)


def test_nothing_is_pickled(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refused)
    assert read_base(made).found.account_margin.any()
    with pytest.raises(TypeError):
        keep(object(), made.parent / "no such kind")


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    """Writable or not, for kernels are compiled for either; writing changes no file."""
    free, fixed = np.arange(6.0).reshape(2, 3), np.array([True, False])
    fixed.flags.writeable = False
    value = {"a": [free, (fixed, None)], "cube": MarginCube(free.T, RankWeights(np.empty(0))), "x": 0.1 + 0.2}
    document = json.loads(json.dumps(keep(value, tmp_path / "arrays")))
    found = kept(document, tmp_path / "arrays")
    assert np.array_equal(found["a"][0], free)
    assert found["a"][0].flags.writeable
    assert isinstance(found["a"][1], tuple)
    assert not found["a"][1][0].flags.writeable
    assert np.array_equal(found["cube"].unit_loss, free.T)
    assert found["x"] == 0.1 + 0.2
    before = (tmp_path / "arrays").read_bytes()
    found["a"][0][:] = 7
    assert (tmp_path / "arrays").read_bytes() == before


# --- what is not whole ------------------------------------------------------------------------------------------------

KEPT = [
    *("accounts.parquet", "arrays", "base.json", "collateral.parquet", "factors.parquet", "instrument"),
    *("instruments.parquet", "levels.parquet", "members.parquet", "offset", "quantity", "rulebook.json"),
    "scenarios/our gaps.csv",
]
BESIDE = ["contributions.parquet", "coverage.json"]


def refused(run: Path) -> str:
    with pytest.raises(InputError) as error:
        ccp.what_if(run, SCALE)
    assert len(error.value.problems) == 1
    assert "\n" not in error.value.message
    return error.value.message


def test_every_file_that_is_kept_is_known(made: Path) -> None:
    assert sorted(digests(made / "base")) == KEPT
    assert set(BESIDE) <= set(digests(made))


@pytest.mark.parametrize("name", [*(f"base/{name}" for name in KEPT if name != "base.json"), *BESIDE])
@pytest.mark.parametrize("how", ["missing", "cut", "empty"])
def test_what_is_not_whole_is_refused(run: Path, name: str, how: str) -> None:
    path = run / name
    whole = path.read_bytes()
    path.unlink()
    if how != "missing":
        path.write_bytes(whole[:-7] if how == "cut" else b"")
    said = refused(run)
    assert said.startswith(f"{run / 'base'}: is not whole: ")
    assert said.endswith("; size the book again")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"form": 2}', '"form"', "\x00"])
def test_a_broken_statement_is_refused(run: Path, text: str) -> None:
    (run / "base" / "base.json").write_text(text)
    assert refused(run).startswith(f"{run / 'base'}: is not whole: ")


@pytest.mark.parametrize(("name", "value"), [("ccp", "9.9"), ("form", 1)])
def test_another_version_is_refused(run: Path, name: str, value: object) -> None:
    path = run / "base" / "base.json"
    stated = json.loads(path.read_text()) | {name: value}
    path.write_text(json.dumps(stated))
    assert refused(run) == f"{run}: was written by another version (ccp {stated['ccp']}); size the book again"


def test_a_run_of_an_older_form_is_refused_as_every_other_command_does(run: Path) -> None:
    """Its base may be readable, its other files are not what they were; `serve` reads the same base."""
    path = run / "manifest.json"
    stated = json.loads(path.read_text())
    path.write_text(json.dumps(stated | {"form": stated["form"] - 1}))
    with pytest.raises(InputError) as shown:
        open_run(run)
    assert "this run is in an older form" in str(shown.value)
    assert refused(run) == str(shown.value)
    with pytest.raises(InputError) as explored:
        explore_run(run)
    assert str(explored.value) == str(shown.value)


def test_what_measures_otherwise_here_is_refused(run: Path) -> None:
    """On another kind of processor, or after one bit has fallen over: sums would no longer fit."""
    document = json.loads((run / "base" / "base.json").read_text())["kept"]["dict"]
    at = document["found"]["PartFound"]["account_margin"]["array"]["at"]
    data = bytearray((run / "base" / "arrays").read_bytes())
    place = read_base(run).case.portfolio.accounts.index("b")
    data[at + 8 * place] ^= 1
    (run / "base" / "arrays").write_bytes(data)
    expected = "margins come out otherwise here than where this was written; size the book again"
    assert refused(run) == f"{run / 'base'}: {expected}"
    found = ccp.what_if(run, changes(rules={"margin.confidence": 0.9}))
    assert found.measured == found.accounts  # everything is measured anew


@pytest.mark.parametrize("path", ["nowhere", "file", "empty"])
def test_what_is_no_run_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    expected = "a directory that ccp size --base has written was expected"
    assert refused(tmp_path / path) == f"{tmp_path / path}: {expected}"


# --- the command ------------------------------------------------------------------------------------------------------


def call(*arguments: object) -> Result:
    result = CliRunner(env={"COLUMNS": "100"}).invoke(app, ["whatif", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


NO_ACCOUNT, NO_MEMBER = "the book has no such account_id", "the book has no such member_id"
GONE, THERE = "this is removed by the same changes", "a new one was expected, the book has this one"
PAIR, FINITE = "a name, an equals sign and a value were expected", "a finite number was expected"
UNKNOWN = "unknown key; remove it or correct its spelling"
OPTIONS = [
    ("", "--changes: a change was expected: --changes, --trade, --scale-..., --remove-... or --set"),
    ("--trade a,X", "--trade, value 'a,X': ACCOUNT,INSTRUMENT,QUANTITY was expected"),
    ("--trade a,X,much", "--trade, value 'a,X,much': a number was expected, not 'much'"),
    ("--trade a,X,inf", f"--trade, value inf: {FINITE}"),
    ("--trade a,X,nan", f"--trade, value nan: {FINITE}"),
    ("--trade z,X,1", f"--trade, value 'z': {NO_ACCOUNT}"),
    ("--trade a,Z,1", "--trade, value 'Z': the book has no such instrument_id"),
    ("--trade a,X,1 --remove-account a", f"--trade, value 'a': {GONE}"),
    ("--trade a,X,1 --remove-member A", f"--trade, value 'a': {GONE}"),
    ("--scale-account z=2", f"--scale-account, value 'z': {NO_ACCOUNT}"),
    ("--scale-account a", f"--scale-account, value 'a': {PAIR}"),
    ("--scale-account a=1001", "--scale-account, value 1001.0: at most 1000 was expected"),
    ("--scale-account a=nan", f"--scale-account, value nan: {FINITE}"),
    ("--scale-member Z=2", f"--scale-member, value 'Z': {NO_MEMBER}"),
    ("--scale-member A=2 --remove-member A", f"--scale-member, value 'A': {GONE}"),
    ("--scale-account a=2 --remove-member A", f"--scale-account, value 'a': {GONE}"),
    ("--remove-account z", f"--remove-account, value 'z': {NO_ACCOUNT}"),
    ("--remove-member a", f"--remove-member, value 'a': {NO_MEMBER}"),
    ("--set fund.cover", f"--set, value 'fund.cover': {PAIR}"),
    ("--set fund.cover=0", "--set, value 'fund.cover=0': at least 1 was expected"),
    ("--set fund.cover=two", "--set, value 'fund.cover=two': a whole number was expected"),
    ("--set fund.covr=2", f"--set, value 'fund.covr=2': {UNKNOWN}"),
    ("--set fund.cover.x=2", "--set, value 'fund.cover.x': no such place in the rulebook: fund.cover has no parts"),
    ("--set tiers.9.amount=2", "--set, value 'tiers.9.amount': a number below 4 was expected in place of '9'"),
    ("--set figures=[]", "--set, value 'figures': figures follow from the values that they stand for, and are not set"),
    ("--set fund.cover=[", "--set, value '[': a value as in a YAML file was expected"),
    (
        "--set currency=JPY",
        "instruments, row 3, column currency, value 'EUR/JPY': the market has no history of this factor",
    ),
    ("--changes no.yaml", "no.yaml: cannot be read: No such file or directory"),
]


@pytest.mark.parametrize(("options", "says"), OPTIONS, ids=[options for options, _ in OPTIONS])
def test_options_that_make_no_sense(made: Path, tmp_path: Path, options: str, says: str) -> None:
    found = call(made, *options.split(), "--out", tmp_path / "out")
    assert (found.exit_code, found.stdout, list(tmp_path.iterdir())) == (2, "", [])
    assert found.stderr.strip().removeprefix("error:").strip().splitlines()[0] == says


EITHER = "account_id or member_id was expected, one of them"
POOL = "was expected, as other accounts of the pool"
NEW_ACCOUNTS = """add_accounts:
- {account_id: n, member_id: N, kind: house}
- {account_id: n, member_id: B, kind: client}
- {account_id: g1, member_id: B, kind: client, pool_id: gross}
"""
TRADES = """trades:
- account_id: a
  instrument_id: Z
  quantity: 1
- {account_id: z, instrument_id: X, quantity: 1}
"""
TIERS = """rules:
  tiers:
  - defaulter_margin
  - ccp_capital: {amount: -5}
  - survivors_fund
"""
FILES: dict[str, list[str]] = {
    "": [": a mapping of keys to values was expected"],
    "{}": [": at least one change was expected"],
    "trades: []": [": at least one change was expected"],
    "trade: []": [f":1:1, field trade: {UNKNOWN}"],
    "scale:\n- {account_id: a, by: .inf}": [f":2:19, field scale.0.by, value inf: {FINITE}"],
    "scale:\n- {account_id: a, by: two}": [":2:19, field scale.0.by, value 'two': a number was expected"],
    "scale:\n- by: 2\n": [f":2:3, field scale.0: {EITHER}"],
    "remove:\n- {account_id: a, member_id: A}": [f":2:3, field remove.0: {EITHER}"],
    TRADES: [
        ":3:3, field trades.0.instrument_id, value 'Z': the book has no such instrument_id",
        f":5:4, field trades.1.account_id, value 'z': {NO_ACCOUNT}",
    ],
    "remove: [{account_id: a}]\ntrades: [{account_id: a, instrument_id: X, quantity: 1}]": [
        f":2:11, field trades.0.account_id, value 'a': {GONE}"
    ],
    "add_members: [{member_id: A, fund_contribution: 1}, {member_id: N}]": [
        f":1:16, field add_members.0.member_id, value 'A': {THERE}",
        ":1:53, field add_members.1.fund_contribution: a value was expected, since other members state theirs",
    ],
    NEW_ACCOUNTS: [
        f":2:19, field add_accounts.0.member_id, value 'N': {NO_MEMBER}",
        ":3:4, field add_accounts.1.account_id, value 'n': duplicate; it may stand only once",
        f":3:19, field add_accounts.1.member_id, value 'B': 'N' {POOL} n have it",
        f":3:33, field add_accounts.1.kind, value 'client': 'house' {POOL} n have it",
        f":4:4, field add_accounts.2.account_id, value 'g1': {THERE}",
        f":4:20, field add_accounts.2.member_id, value 'B': 'A' {POOL} gross have it",
    ],
    "add_accounts: [{account_id: n, member_id: A, kind: own}]": [
        ":1:46, field add_accounts.0.kind, value 'own': 'house' or 'client' was expected"
    ],
    "rules:\n  fund.cover: 0": [":2:3, field fund.cover, value 0: at least 1 was expected"],
    "rules:\n  fund: {buffer: 0.1,\n    covr: 3}": [f":3:5, field fund.covr, value 3: {UNKNOWN}"],
    "rules:\n  fund.floor: .nan": [f":2:3, field fund.floor, value nan: {FINITE}"],
    "rules:\n  a.b: 1": [":2:3, field a.b: no such place in the rulebook: a has no parts"],
    "rules: {regulatory_capital: 5}\nremove: [{member_id: Z}]": [
        f":2:11, field remove.0.member_id, value 'Z': {NO_MEMBER}"
    ],
    TIERS: [":4:19, field tiers.1.ccp_capital.amount, value -5: at least 0 was expected"],
    "rules:\n  tiers.2: {ccp_capital: {share_of_regulatory_capital: 0.1}}": [
        ":2:3, field tiers.2: share_of_regulatory_capital needs the rulebook's regulatory_capital"
    ],
    "rules:\n  fund.cover: 3\n  tiers.2.amount: 7": [
        ":3:3, field tiers.2.ccp_capital: one of amount, share_of_fund and share_of_regulatory_capital was expected, "
        "and one only"
    ],
    "remove: [{member_id: A}, {member_id: B}, {member_id: D}, {member_id: DEALER}]": [
        ": nothing would be left in the book's members"
    ],
    "scale: [{member_id: A, by: 0}, {member_id: B, by: 0}, {member_id: D, by: 0}, {member_id: DEALER, by: 0}]": [
        ": nothing would be left in the book's positions"
    ],
    "remove: [{account_id: a}, {account_id: g1}, {account_id: g2}, {account_id: b}, {account_id: DEALER}]": [
        ": nothing would be left in the book's collateral"
    ],
}


@pytest.mark.parametrize(("text", "says"), FILES.items(), ids=[text[:40] for text in FILES])
def test_files_that_make_no_sense(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: list[str]
) -> None:
    """Told with their line, wherever in the work they are found out."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "changes.yaml").write_text(text)
    found = call(made, "--changes", "changes.yaml", "--out", "out")
    assert (found.exit_code, found.stdout, [path.name for path in tmp_path.iterdir()]) == (2, "", ["changes.yaml"])
    lines = found.stderr.strip().removeprefix("error:").strip().splitlines()
    assert lines == [f"changes.yaml{one}" for one in says]
    as_json = json.loads(call(made, "--changes", "changes.yaml", "--json").stdout)
    assert [str(one.get("line", "")) for one in as_json["problems"]] == [re.split("[:, ]", one)[1] for one in says]


def test_the_command_says_before_and_after(made: Path, tmp_path: Path) -> None:
    found = call(made, "--scale-account", "b=2.5", "--set", "fund.cover=3", "--out", tmp_path / "out")
    assert found.exit_code == 0, found.output
    assert "test, 2024-06-28: 1 of 7 accounts were measured again" in found.stdout
    assert "Contributions that change" in found.stdout
    answer = json.loads(call(made, "--scale-account", "b=2.5", "--set", "fund.cover=3", "--json").stdout)
    expected = ccp.what_if(made, SCALE, changes(rules={"fund.cover": 3}))
    assert answer["before"] == json.loads((made / "coverage.json").read_text())
    assert answer["after"] == json.loads((tmp_path / "out" / "coverage.json").read_text()) == expected.coverage
    assert (answer["accounts_measured"], answer["accounts"]) == (1, 7)
    assert answer["contributions"] == expected.contributions.to_dicts()
    for name, table in expected.sizing.tables.items():
        assert pl.read_parquet(tmp_path / "out" / f"{name}.parquet").equals(table)


def test_what_is_written_may_be_overwritten_and_nothing_else(made: Path, run: Path, tmp_path: Path) -> None:
    out, scale = tmp_path / "out", ("--scale-account", "b=2.5")
    assert call(made, *scale, "--out", out).exit_code == 0
    assert "not empty" in call(made, *scale, "--out", out).stderr
    assert call(made, *scale, "--out", out, "--overwrite").exit_code == 0
    before = digests(run)
    refusal = call(run, *scale, "--out", run, "--overwrite")
    assert (refusal.exit_code, digests(run)) == (2, before)
    assert "only a directory that an earlier ccp whatif has written may be overwritten" in refusal.stderr
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["run"]["changes"] == {"scale": [{"account_id": "b", "by": 2.5}], "rules": {}}
    assert manifest["inputs"]["base/coverage"]["sha256"] == digests(made)["coverage.json"]
    assert "this run keeps nothing to start from" in refused(out)


def test_two_currencies_are_not_subtracted(made: Path) -> None:
    """Amounts before and after are shown side by side, and no change."""
    from ccp.report.terminal.what_if_page import what_if_tables

    found = ccp.what_if(made, SCALE)
    table = what_if_tables(found.before, found.coverage | {"currency": "EUR"}, found.contributions, 1, 7, 2)
    assert len(table.renderables) == 2  # type: ignore[attr-defined]


def test_the_documents_changes_can_be_made_to_the_documents_book(tmp_path: Path) -> None:
    """docs/learn/large-books.md: its book, its run, its changes."""
    text = (Path(__file__).parents[2] / "docs" / "learn" / "large-books.md").read_text(encoding="utf-8")
    assert "ccp synth my-book --members 20 --accounts 400 --positions 8000\nccp size my-book --base" in text
    (tmp_path / "changes.yaml").write_text(text.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    book = ccp.synthesize(tmp_path / "book", BookSize(members=20, accounts=400, positions=8_000))
    run = ccp.size(book, base=True).write(tmp_path / "run")
    found = ccp.what_if(run, tmp_path / "changes.yaml")
    assert "M901" in found.contributions["member_id"].to_list()
    assert found.coverage["cover"] == 3
