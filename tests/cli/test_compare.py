"""One ladder of losses through several rulebooks, and a rulebook printed with the sources of its numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML
from support.small_cycles import files_of
from typer.testing import CliRunner, Result

import ccp
from ccp.cli.main import app
from ccp.errors import InputError
from ccp.frames import LadderRows
from ccp.rulebook.load import shipped_directory, shipped_names

SMALL = """\
name: Small
currency: USD
margin: {confidence: 0.99, lookback_days: 100, liquidation_days: 1}
fund: {cover: 1}
tiers:
  - defaulter_margin
  - defaulter_fund
  - ccp_capital: {amount: 100}
  - survivors_fund
  - assessments: {multiple: 1}
  - gains_haircut: {share: 0.1}
"""
ELEVEN = ["--fund", "1100", "--members", "3"]
"""Three members with 600, 300 and 200: as 1, 1/2 and 1/3."""


def call(*arguments: str | Path, width: int = 120) -> Result:
    result = CliRunner(env={"COLUMNS": str(width), "NO_COLOR": "1"}).invoke(app, [str(part) for part in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def rung(found: ccp.Comparison, multiple: float) -> dict[str, float]:
    """What each tier pays of a loss; none that pays nothing."""
    rows = found.ladder.filter(pl.col("amount") > 0, loss_multiple=multiple)
    return dict(rows.select("tier", "amount").iter_rows())


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_rungs_by_hand(small: Path) -> None:
    """M001 defaults with 600. Of 2,200: 600, 100, 300 + 200, as much called, a tenth of the 2,200 that are gained."""
    found = ccp.compare([small], fund=1_100, members=3, rungs=(2, 0.5, 1))
    assert found.ladder["loss_multiple"].unique(maintain_order=True).to_list() == [0.5, 1.0, 2.0]
    assert rung(found, 0.5) == {"defaulter_fund": 550.0}
    assert rung(found, 1.0) == {"defaulter_fund": 600.0, "ccp_capital": 100.0, "survivors_fund": 400.0}
    assert rung(found, 2.0) == {
        "defaulter_fund": 600.0,
        "ccp_capital": 100.0,
        "survivors_fund": 500.0,
        "assessments": 500.0,
        "gains_haircut": 220.0,
        "uncovered": 280.0,
    }
    available = dict(found.ladder.filter(loss_multiple=2.0).select("tier", "available").iter_rows())
    assert available == {
        "defaulter_margin": 0.0,
        "defaulter_fund": 600.0,
        "ccp_capital": 100.0,
        "survivors_fund": 500.0,
        "assessments": 500.0,
        "gains_haircut": 220.0,
        "uncovered": None,
    }
    assert found.houses == [
        {
            "rulebook": str(small),
            "title": "Small",
            "currency": "USD",
            "fund": 1_100,
            "fund_from": "chosen for the comparison",
            "members": 3,
            "defaulters": ["M001"],
            "sizes_not_found": 0,
            "assumed_figures": 0,
            "figures": 0,
        }
    ]


def test_more_defaulters_than_the_rulebook_covers(small: Path) -> None:
    """M001 and M002: 900 of their own. M003's 200, twice called for 200, and a tenth of its gain of 2,200."""
    found = ccp.compare([small], fund=1_100, members=3, cover=2, rungs=(0.5, 2))
    assert found.houses[0]["defaulters"] == ["M001", "M002"]
    assert rung(found, 0.5) == {"defaulter_fund": 550.0}
    assert rung(found, 2.0) == {
        "defaulter_fund": 900.0,
        "ccp_capital": 100.0,
        "survivors_fund": 200.0,
        "assessments": 400.0,
        "gains_haircut": 220.0,
        "uncovered": 380.0,
    }


def test_the_table_shows_shares_of_the_loss(small: Path) -> None:
    """Of 2,200: 600, 100, 500, 500, 220 and 280."""
    lines = [line.split() for line in call("compare", "-r", small, *ELEVEN, "--ladder", "2").stdout.splitlines()]
    assert ["defaulter", "27.3%"] in lines
    assert ["clearing", "house", "4.5%"] in lines
    assert ["survivors,", "funded", "22.7%"] in lines
    assert ["survivors,", "unfunded", "22.7%"] in lines
    assert ["gainers", "10.0%"] in lines
    assert ["nobody", "12.7%"] in lines
    by_tier = call("compare", "-r", small, *ELEVEN, "--ladder", "0.5,2", "--tiers").stdout
    assert [re.split(r"\s{2,}", line.strip()) for line in by_tier.splitlines() if re.match(r"\d\. ", line)] == [
        ["1. defaulters' margin", "-", "-"],
        ["2. defaulters' contributions", "100.0%", "27.3%"],
        ["3. skin in the game", "-", "4.5%"],
        ["4. survivors' contributions", "-", "22.7%"],
        ["5. assessments", "-", "22.7%"],
        ["6. variation margin gains haircut", "-", "10.0%"],
        ["7. uncovered", "-", "12.7%"],
    ]


def test_a_share_that_is_more_than_nothing_never_shows_as_nothing(small: Path) -> None:
    """100 of a billion, and of 0.5 x 1,100 nothing."""
    lines = [line.split() for line in call("compare", "-r", small, "--ladder", "1").stdout.splitlines()]
    assert ["clearing", "house", "<0.1%"] in lines


# --- of all that are shipped ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def every() -> ccp.Comparison:
    return ccp.compare(shipped_names(), rungs=(0, 0.5, 1, 2, 5, 20))


def test_every_rung_is_paid_once_and_shares_add_up(every: ccp.Comparison) -> None:
    LadderRows.validate(every.ladder)
    assert every.ladder["rulebook"].unique(maintain_order=True).to_list() == shipped_names()
    for (_, multiple), rows in every.ladder.group_by("rulebook", "loss_multiple"):
        loss = rows["loss"].unique().item()
        assert sum(round(amount * 100) for amount in rows["amount"]) == round(loss * 100)
        assert rows["loss_share"].sum() == pytest.approx(1.0 if multiple else 0.0, abs=1e-9)
        assert rows["loss_share"].is_between(0, 1).all()


def test_a_larger_loss_takes_no_less_of_any_tier(every: ccp.Comparison) -> None:
    for (_, place, _, _), rows in every.ladder.group_by("rulebook", "tier_place", "tier", "name", maintain_order=True):
        amounts = rows.sort("loss_multiple").group_by("loss_multiple", maintain_order=True).agg(pl.col("amount").sum())
        assert (amounts["amount"].diff().drop_nulls() >= 0).all(), (rows["rulebook"][0], place)
        assert amounts["amount"][-1] >= amounts["amount"][0]


def test_nobody_pays_before_what_stands_ahead_is_used_up(every: ccp.Comparison) -> None:
    """The clearing house's margin apart: there is none. What is available ahead of a tier that pays is all paid."""
    for (name, multiple), rows in every.ladder.group_by("rulebook", "loss_multiple"):
        places = rows.group_by("tier_place", maintain_order=True).agg(pl.col("amount", "available").sum())
        paying = places.filter(pl.col("amount") > 0)["tier_place"].max()
        ahead = places.filter(pl.col("tier_place") < (paying or 0))
        assert (ahead["amount"] == ahead["available"]).all(), (name, multiple)


# --- the command ------------------------------------------------------------------------------------------------------


def test_json_is_one_document_with_every_row(small: Path) -> None:
    found = call("compare", "-r", small, *ELEVEN, "--ladder", "1,2", "--json", "--quiet")
    document = json.loads(found.stdout)
    assert [house["title"] for house in document["houses"]] == ["Small"]
    assert len(document["ladder"]) == 2 * 7
    paid = {row["tier"]: row["amount"] for row in document["ladder"] if row["loss_multiple"] == 2.0}
    assert (paid["gains_haircut"], paid["uncovered"]) == (220.0, 280.0)


def test_a_comparison_is_written_and_the_same_twice(small: Path, tmp_path: Path) -> None:
    arguments = ["compare", "-r", small, "-r", "published/eurex", *ELEVEN, "--ladder", "1,2"]
    for name in ("one", "two"):
        assert call(*arguments, "--out", tmp_path / name).exit_code == 0
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert {"ladder.parquet", "houses.json", "manifest.json"} <= set(files_of(tmp_path / "one"))
    table = LadderRows.validate(pl.read_parquet(tmp_path / "one" / "ladder.parquet"))
    assert table.filter(rulebook=str(small), loss_multiple=2.0, tier="gains_haircut")["amount"].to_list() == [220.0]
    refused = call(*arguments, "--out", tmp_path / "one")
    assert refused.exit_code == 2
    assert "not empty" in refused.stderr
    assert call(*arguments, "--out", tmp_path / "one", "--overwrite").exit_code == 0


@pytest.mark.parametrize("width", [80, 120])
def test_the_comparison_fits_the_terminal_and_says_what_is_assumed(width: int) -> None:
    found = call("compare", "-r", "published/eurex", "-r", "published/krx-2013", width=width)
    assert max(len(line) for line in found.stdout.splitlines()) <= width
    text = " ".join(found.stdout.split())
    for name in ("eurex", "krx-2013"):
        stated = figures(f"published/{name}")
        assert f"{sum(map(is_assumed, stated))} of {len(stated)} in published/{name}" in text


REFUSED = {
    "no number": (["--ladder", "1,x"], "--ladder, value '1,x': numbers separated by commas were expected"),
    "nothing": (["--ladder", ""], "--ladder, value '': numbers separated by commas were expected"),
    "an empty rung": (["--ladder", "1,,2"], "--ladder, value '1,,2': numbers separated by commas were expected"),
    "negative": (["--ladder", "1,-1"], "--ladder: multiples of the fund from 0 to 1000 were expected"),
    "too large": (["--ladder", "1000.5"], "--ladder: multiples of the fund from 0 to 1000 were expected"),
    "not a number": (["--ladder", "nan"], "--ladder: multiples of the fund from 0 to 1000 were expected"),
    "no fund": (["--fund", "0"], "--fund, value 0.0: more than 0 and at most 1e13 was expected"),
    "fund too large": (
        ["--fund", "1e14"],
        "--fund, value 100000000000000.0: more than 0 and at most 1e13 was expected",
    ),
    "fund not a number": (["--fund", "nan"], "--fund, value nan: more than 0 and at most 1e13 was expected"),
    "few members": (["--members", "2"], "--members, value 2: 3 to 1000 members were expected"),
    "many members": (["--members", "1001"], "--members, value 1001: 3 to 1000 members were expected"),
    "nobody defaults": (["--cover", "0"], "--cover, value 0: at least 1 and fewer than the 20 members was expected"),
    "all default": (["--cover", "20"], "--cover, value 20: at least 1 and fewer than the 20 members was expected"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_call_is_refused_with_one_line(options: list[str], message: str, small: Path) -> None:
    found = call("compare", "-r", small, *options, width=400)
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr == f"error: {message}\n"


def test_unknown_rulebooks_and_the_same_twice_are_refused(small: Path, tmp_path: Path) -> None:
    found = call("compare", "-r", small, "-r", "published/nowhere", "-o", tmp_path / "out", width=4000)
    assert found.exit_code == 2
    (line,) = found.stderr.splitlines()
    assert line.startswith("error: published/nowhere: neither a file nor a shipped rulebook; shipped are published/")
    assert not (tmp_path / "out").exists()
    twice = call("compare", "-r", small, "-r", small)
    assert (twice.exit_code, twice.stderr) == (2, "error: --rulebook: a rulebook is named twice\n")
    with pytest.raises(InputError, match="at least one rulebook"):
        ccp.compare([])


def test_a_rung_that_is_written_twice_counts_once(small: Path) -> None:
    found = call("compare", "-r", small, *ELEVEN, "--ladder", "0.5,0.5")
    assert found.exit_code == 0
    assert ["defaulter", "100.0%"] in [line.split() for line in found.stdout.splitlines()]


def test_a_rulebook_that_covers_all_members_is_refused_with_one_line(tmp_path: Path) -> None:
    """Five of three members cannot default."""
    path = tmp_path / "five.yaml"
    path.write_text(SMALL.replace("cover: 1", "cover: 5"))
    found = call("compare", "-r", path, "--members", "3")
    assert found.exit_code == 2
    assert len(found.stderr.splitlines()) == 1


def test_a_fund_of_a_cent_is_refused(small: Path) -> None:
    """One member's contribution is a cent, all others' nothing."""
    found = call("compare", "-r", small, "--fund", "0.01")
    assert found.exit_code == 2
    assert "a fund that gives each of 20 members a contribution was expected" in found.stderr.replace("\n", " ")


# --- ccp rulebook show ------------------------------------------------------------------------------------------------


def document(name: str) -> Any:
    return YAML(typ="safe").load((shipped_directory() / f"{name}.yaml").read_text(encoding="utf-8"))


def figures(name: str) -> list[dict[str, Any]]:
    """Every figure of a shipped file, from its text."""

    def within(data: Any) -> list[dict[str, Any]]:
        if isinstance(data, dict) and "value" in data:
            return [data]
        inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
        return [figure for entry in inner for figure in within(entry)]

    return within(document(name))


def is_assumed(figure: dict[str, Any]) -> bool:
    return bool(figure.get("assumed", False))


def words(name: str) -> list[str]:
    """The words of a shipped file's tiers, in order, parts one after the other."""
    found = []
    for tier in document(name)["tiers"]:
        parts = tier["pari_passu"] if isinstance(tier, dict) and "pari_passu" in tier else [tier]
        found += [part if isinstance(part, str) else next(iter(part)) for part in parts]
    return found


SHOWN = ["published/eurex", "published/ice-clear-credit", "published/krx-after-2014", "textbook/cover-two"]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", SHOWN)
def test_a_rulebook_is_shown_with_its_tiers_in_order_and_its_sources(name: str, width: int) -> None:
    found = call("rulebook", "show", name, width=width)
    assert found.exit_code == 0
    assert max(len(line) for line in found.stdout.splitlines()) <= width
    body = found.stdout.partition("Tiers, in order")[2].partition("Other figures")[0]
    shown = re.findall(r"^(?: ?\d{1,2}  (?:together: )?| {3,4}together: )([a-z_]+)\b", body, re.M)
    assert shown == words(name)
    flat = " ".join(found.stdout.split())
    for figure in figures(name):
        note = f"assumed: {figure['reason']}" if is_assumed(figure) else f"{figure['source']} ({figure['date']})"
        assert squeezed(note) in squeezed(flat), note


def squeezed(text: str) -> str:
    """Text without the blanks at which a terminal may break it."""
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", SHOWN)
def test_assumed_numbers_are_marked_and_counted(name: str, width: int) -> None:
    text = call("rulebook", "show", name, width=width).stdout
    stated = figures(name)
    if not stated:
        assert "*" not in text
        return
    assert f"* assumed: {sum(map(is_assumed, stated))} of {len(stated)} figures" in text
    notes = dict(re.findall(r"^\[(\d+)\] (.*)$", text, re.M))
    marks = re.findall(r"\[(\d+)(\*?)\]", text.partition("* assumed:")[0])
    assert {number for number, _ in marks} == set(notes)
    for number, star in marks:
        assert notes[number].startswith("assumed: ") == bool(star), number


def test_amounts_and_names_stand_in_the_table() -> None:
    text = call("rulebook", "show", "published/eurex", width=160).stdout
    rows = {tuple(line.split()[:2]): line for line in text.splitlines()}
    assert "143,000,000 [1]" in rows["3", "ccp_capital"]
    assert "Dedicated Amount (skin in the game)" in rows["3", "ccp_capital"]
    assert "57,000,000 [1]" in next(line for line in text.splitlines() if "Second skin in the game" in line)
    assert "[2*]" in text  # that the fund is used in the order of an auction is assumed
    assert "EUR" in text.splitlines()[0]


def test_a_rulebook_as_json() -> None:
    found = json.loads(call("rulebook", "show", "published/nasdaq-2018", "--json", "--quiet").stdout)
    assert [tier["tier"] for tier in found["tiers"]][2:4] == ["ccp_capital", "survivors_fund"]
    assert found["tiers"][2]["amount"] == 7_000_000
    (figure,) = [one for one in found["figures"] if one["path"] == "tiers.2.amount"]
    assert (figure["value"], figure["unit"], figure["assumed"]) == (7_000_000, "EUR", False)


def test_an_unknown_rulebook_is_refused() -> None:
    found = call("rulebook", "show", "published/nowhere", width=4000)
    assert found.exit_code == 2
    assert "published/nowhere: neither a file nor a shipped rulebook" in found.stderr


def test_a_loss_written_in_two_ways_is_one_rung() -> None:
    found = ccp.compare(["textbook/cover-two"], rungs=(2, 1, 2.0000001, 1.0))
    assert found.ladder["loss_multiple"].unique().sort().to_list() == [1.0, 2.0]
