"""What commands do with notes: manifest, JSON, terminal, page, print, workbook, show and watch say the same ones."""

import json
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pypdf
import pytest
from support.modes import READS_FILES
from support.pages import read_page
from typer.testing import CliRunner

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.cli.main import app
from ccp.frames import Factors
from ccp.market.history import Market
from ccp.notes.kinds import KINDS
from ccp.notes.note import Note
from ccp.report.page.render import page
from ccp.report.terminal.noted import note_lines
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.commands import commands_with
from ccp.runs.run import open_run

FINISHED = commands_with(lambda row: row.pack and row.written)
WATCHED = commands_with(lambda row: row.indicators and row.written)
ROWS = 320


def weekdays(count: int) -> list[date]:
    days = (date(2023, 4, 10) + timedelta(days=number) for number in range(2 * count))
    return [day for day in days if day.weekday() < 5][:count]


def rates_market() -> Market:
    """320 days: a stock, and a rate in per cent that goes up and down by a basis point and moves by differences."""
    steps = pl.Series([1.0, -1.0] * (ROWS // 2))
    levels = {"date": weekdays(ROWS), "X": 100.0 * (1 + 0.01 * steps).cum_prod(), "R": 2.0 + 0.01 * steps.cum_sum()}
    kinds = {"factor_id": ["X", "R"], "change": ["relative", "absolute"], "asset_class": ["equity", "rate"]}
    factors = pl.DataFrame(kinds | {"sector": ["s", None]})
    return Market(pl.DataFrame(levels), factors.cast({"change": Factors.create_empty().schema["change"]}), {})  # type: ignore[arg-type]


def rates_book(stocks: float = 0.0) -> Book:
    """A hundred futures on the rate, and so many on the stock, between two members."""
    held = {"FR": 100.0, "SX": stocks}
    names = [name for name, quantity in held.items() if quantity]
    rows = [(account, name, sign * held[name]) for account, sign in (("A", 1.0), ("B", -1.0)) for name in names]
    return book_from_frames(
        {
            "members": pl.DataFrame({"member_id": ["A", "B", "C"]}),
            "accounts": pl.DataFrame({"account_id": ["A", "B", "C"], "member_id": ["A", "B", "C"], "kind": "house"}),
            "positions": pl.DataFrame(rows, schema=["account_id", "instrument_id", "quantity"], orient="row"),
            "instruments": pl.DataFrame(
                {
                    "instrument_id": ["FR", "SX"],
                    "kind": "future",
                    "factor_id": ["R", "X"],
                    "currency": "USD",
                    "multiplier": [1000.0, 1.0],
                    "price": [2.0, 100.0],
                }
            ),
        }
    )


def rates_document(**stress: Any) -> dict[str, Any]:
    """Value at risk over 250 days of a day, a floor of ten years, and ladders that are for other things than rates."""
    margin = {"measure": "value_at_risk", "confidence": 0.99, "lookback_days": 250, "liquidation_days": 1}
    return {
        "name": "rates",
        "currency": "USD",
        "margin": margin | {"floor": {"lookback_days": 2500}},
        "stress": {"hypothetical": ["market_gaps", "sector_gaps", "currency_gaps"], "rate_shifts": {"shapes": []}}
        | stress,
        "fund": {"cover": 1},
        "tiers": ["defaulter_margin", "defaulter_fund", "survivors_fund", "uncovered"],
    }


def rates_rules(**stress: Any) -> Rulebook:
    return Rulebook.model_validate(rates_document(**stress))


def said(notes: list[Note]) -> dict[tuple[str, str], tuple[float, float]]:
    return {(one.id, one.place): (one.have, one.of) for one in notes}


def test_a_book_of_rates_under_gaps_of_prices_is_not_silent() -> None:
    """No rung moves the rate: the fund is nothing, and all of the margin is of it. 320 rows hold 319 of 2,500 days."""
    found = ccp.size(rates_book(), rates_rules(), rates_market())
    assert found.coverage["fund"]["required"] == 0
    notes = said(found.notes)
    assert notes[("unmoved_factor", "R")] == (1, 1)
    assert notes[("short_floor", "margin.floor.lookback_days")] == (319, 2500)
    assert notes[("empty_ladder", "stress.hypothetical.2")] == (0, 12)
    assert {
        word: sum(one.id == word for one in found.notes) for word in KINDS if word in [one.id for one in found.notes]
    } == {"empty_ladder": 1, "unmoved_factor": 1, "short_floor": 1, "no_collateral": 1}


def test_the_share_of_a_factor_is_that_of_its_part_of_the_margin() -> None:
    """A hundred rate futures move by 100 * 1,000 * 0.01 = 1,000 a day, 3,000 stocks by 3,000 * 100 * 1 % = 3,000."""
    (found,) = (
        one for one in ccp.size(rates_book(3000.0), rates_rules(), rates_market()).notes if one.id == "unmoved_factor"
    )
    assert (found.place, found.have) == ("R", 0.25)


def test_a_rate_that_windows_of_the_history_move_has_no_note() -> None:
    found = ccp.size(rates_book(), rates_rules(historical={"worst": 3}), rates_market())
    assert "unmoved_factor" not in [one.id for one in found.notes]


def test_a_rate_that_moves_only_beyond_plausible_has_one() -> None:
    """The windows of the history are run at twice their size, beyond what sizes the fund."""
    rules = rates_rules(historical={"worst": 3, "multiples": [2]}, plausible={"multiple": 1})
    assert said(ccp.size(rates_book(), rules, rates_market()).notes)[("unmoved_factor", "R")] == (1, 1)


def test_days_of_a_simulation_are_one_note(tmp_path: Path) -> None:
    """Each of the five days has the same note on the rate; the floor is shortest on the first, with 316 - 1 windows."""
    days = weekdays(ROWS)
    run = ccp.simulate(
        rates_book(), tmp_path / "run", ccp.RunRequest(days[-5], days[-1]), rates_rules(), rates_market()
    )
    notes = said(run.notes)
    assert notes[("unmoved_factor", "R")] == (1, 1)
    assert notes[("short_floor", "margin.floor.lookback_days")] == (315, 2500)
    assert len(notes) == len(run.notes)
    assert open_run(tmp_path / "run").notes == run.notes


# --- everywhere the same ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The book of rates, its market and its rules as files."""
    folder = tmp_path_factory.mktemp("rates")
    book, market = rates_book(3000.0), rates_market()
    (folder / "book").mkdir()
    for name in ("members", "accounts", "positions", "instruments"):
        table: pl.DataFrame = getattr(book, name)
        table.select(pl.col(name) for name in table.columns if table[name].null_count() < table.height).write_parquet(
            folder / "book" / f"{name}.parquet"
        )
    (folder / "market").mkdir()
    market.levels.write_csv(folder / "market" / "prices.csv")
    market.factors.cast({"change": pl.String}).write_csv(folder / "market" / "factors.csv")
    (folder / "rules.yaml").write_text(json.dumps(rates_document()))
    return {
        name: str(folder / path) for name, path in (("book", "book"), ("market", "market"), ("rules", "rules.yaml"))
    }


def command(name: str, files: dict[str, str], out: Path) -> list[str]:
    """A call of a command on the book of rates, but for where it writes to."""
    case = ["--market", files["market"], "--rulebook", files["rules"]]
    days = weekdays(ROWS)
    calls = {
        "size": [files["book"], *case],
        "default": [files["book"], *case, "--contagion"],
        "simulate": [files["book"], *case, "--from", str(days[-3]), "--to", str(days[-1])],
        "backtest": [files["book"], *case, "--from", str(days[-8]), "--to", str(days[-1]), "--models", "rulebook"],
        "compare": ["--rulebook", files["rules"], "--rulebook", "published/eurex"],
        "whatif": [str(out.with_name("base")), "--set", "fund.cover=2"],
    }
    if name == "whatif":
        base = ["size", files["book"], *case, "--base", "--quiet", "--out", str(out.with_name("base"))]
        assert CliRunner().invoke(app, base).exit_code == 0
    return [name, *calls[name], "--out", str(out)]


@READS_FILES
@pytest.mark.parametrize("name", FINISHED)
def test_terminal_json_and_manifest_have_the_same_notes(name: str, files: dict[str, str], tmp_path: Path) -> None:
    told = CliRunner().invoke(app, command(name, files, tmp_path / "one"))
    assert told.exit_code == 0, told.output
    notes = open_run(tmp_path / "one").notes
    assert notes
    lines = [line for line in told.stderr.splitlines() if line.startswith("note: ")]
    assert lines == note_lines(notes)
    (tmp_path / "json").mkdir()
    stated = CliRunner().invoke(app, [*command(name, files, tmp_path / "json" / "other"), "--json"])
    assert json.loads(stated.stdout)["notes"] == [one.as_dict() for one in notes]
    kept = json.loads((tmp_path / "one" / "manifest.json").read_text())["notes"]
    assert kept == [one.as_dict() for one in notes]


@READS_FILES
def test_notes_are_the_same_under_a_bound_on_memory(files: dict[str, str]) -> None:
    inside = ccp.size(files["book"], files["rules"], files["market"])
    on_disk = ccp.size(files["book"], files["rules"], files["market"], streaming=ccp.Streaming(memory=2**31))
    assert ("unmoved_factor", "R") in said(inside.notes)
    assert on_disk.notes == inside.notes


@READS_FILES
@pytest.mark.parametrize("name", FINISHED)
def test_notes_stand_at_the_head_of_the_page_and_of_print(name: str, finished: Path) -> None:
    run = open_run(finished / name)
    packed = ccp.pack(run)
    assert packed.content.sections[0].key == "notes"
    assert any(f"{len(run.notes)} note" in line for line in packed.content.warnings)
    table = read_page(page(packed.content, False)).columns("notes")
    assert table["id"] == [one.id for one in run.notes]
    assert table["where"] == [one.place for one in run.notes]
    assert table["how much"] == [one.size for one in run.notes]
    assert table["note"] == [one.sentence for one in run.notes]


@READS_FILES
def test_notes_are_printed_on_the_first_pages(finished: Path, tmp_path: Path) -> None:
    ccp.pack(finished / "size").write_pdf(tmp_path / "pack.pdf")
    pages = pypdf.PdfReader(BytesIO((tmp_path / "pack.pdf").read_bytes())).pages[:2]
    printed = letters("".join(one.extract_text() for one in pages))
    for one in open_run(finished / "size").notes:
        assert letters(one.id) in printed
        assert letters(one.sentence) in printed


def letters(text: str) -> str:
    """Letters and digits alone: lines are broken anywhere in a narrow column."""
    return "".join(sign for sign in text if sign.isalnum())


@READS_FILES
def test_show_watch_and_report_say_them(finished: Path, tmp_path: Path) -> None:
    for name in FINISHED:
        notes = open_run(finished / name).notes
        listed = CliRunner(env={"COLUMNS": "2000"}).invoke(app, ["show", str(finished / name)]).stdout
        assert all(line in listed for line in note_lines(notes)), name
        stated = CliRunner().invoke(app, ["show", str(finished / name), "--json"]).stdout
        assert json.loads(stated)["notes"] == [one.as_dict() for one in notes]
    for name in WATCHED:
        notes = open_run(finished / name).notes
        listed = CliRunner(env={"COLUMNS": "2000"}).invoke(app, ["watch", str(finished / name)]).stdout
        assert all(line in listed for line in note_lines(notes)), name
        stated = CliRunner().invoke(app, ["watch", str(finished / name), "--json"]).stdout
        assert json.loads(stated)["notes"] == [one.as_dict() for one in notes]
    made = CliRunner().invoke(app, ["report", str(finished / "size"), "--out", str(tmp_path / "page.html")])
    assert made.exit_code == 0, made.output
    assert all(line in made.stderr for line in note_lines(open_run(finished / "size").notes))


@READS_FILES
def test_a_run_without_a_list_of_notes_is_no_run(tmp_path: Path) -> None:
    """Silence is not the same as nothing to say."""
    ccp.size(rates_book(), rates_rules(), rates_market()).write(tmp_path / "run")
    stated = json.loads((tmp_path / "run" / "manifest.json").read_text())
    del stated["notes"]
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(stated))
    with pytest.raises(ccp.InputError, match="its field notes is missing"):
        open_run(tmp_path / "run")


@READS_FILES
@pytest.mark.parametrize("notes", ["abc", [1], [{"id": "of another version", "place": "x", "sentence": "y"}], [{}]])
def test_notes_that_this_version_does_not_make_are_refused_in_one_line(notes: object, tmp_path: Path) -> None:
    ccp.size(rates_book(), rates_rules(), rates_market()).write(tmp_path / "run")
    place = tmp_path / "run" / "manifest.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"notes": notes}))
    with pytest.raises(ccp.InputError, match="notes of kinds that this version knows were expected"):
        open_run(tmp_path / "run")


def test_every_kind_stands_in_the_document() -> None:
    document = (Path(__file__).parents[2] / "docs" / "reference" / "notes.md").read_text()
    for row in KINDS.values():
        assert f"### {row.id}\n" in document
        assert row.raised[1:] in document
        assert row.counts[1:] in document
