"""The page says what is in the run's files, to the cent; nothing in it is computed twice or comes from outside."""

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pypdf
import pytest
from support.modes import READS_FILES
from support.pages import Read, cents, read_page
from support.small_books import book, market, rulebook
from typer.testing import CliRunner

import ccp
from ccp.cli.main import app
from ccp.report.page.render import page
from ccp.runs.commands import commands_with
from ccp.runs.run import Run, open_run

pytestmark = READS_FILES
FINISHED = commands_with(lambda row: row.pack and row.written)


def of(*runs: Path | Run, live: bool = False, **more: Any) -> Read:
    return read_page(page(ccp.pack(*runs, **more).content, live))


def whole(value: float) -> int:
    return round(value * 100)


@pytest.fixture(scope="module")
def sized(finished: Path) -> Read:
    return of(finished / "size")


def document(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text())


def test_key_figures_are_those_of_the_file(sized: Read, finished: Path) -> None:
    coverage = document(finished / "size", "coverage")
    assert cents(sized.tiles["Default fund required"]) == whole(coverage["fund"]["required"])
    assert cents(sized.tiles["Stress loss over initial margin, cover-2"]) == whole(coverage["cover_2"]["amount"])
    assert cents(sized.tiles["Initial margin"]) == whole(coverage["margin"])
    test = coverage["coverage_test"]["sizing_scenarios"]
    assert cents(sized.tiles["Uncovered at worst"]) == whole(test["uncovered"])
    assert sized.tiles["Coverage ratio"] == f"{100 * coverage['coverage_ratio']:.1f}%"
    assert f"{coverage['fund']['required']:,.2f}" in sized.words


def test_every_figure_of_the_table_stands_in_its_field(sized: Read, finished: Path) -> None:
    coverage, table = document(finished / "size", "coverage"), sized.columns("all-figures")
    for path, amount in zip(table["field of coverage.json"], table["amount"], strict=True):
        value = coverage
        for step in path.split("."):
            value = value[step]
        assert amount == "–" if value is None else cents(amount) == whole(value), path
    assert len(table["amount"]) >= 13


def test_contributions_add_up_to_the_fund(sized: Read, finished: Path) -> None:
    table, found = sized.columns("contributions"), pl.read_parquet(finished / "size/contributions.parquet")
    shown = dict(zip(table["member"], map(cents, table["contribution required"]), strict=True))
    assert shown == {name: whole(amount) for name, amount in found.select("member_id", "contribution").iter_rows()}
    assert sum(shown.values()) == whole(document(finished / "size", "coverage")["fund"]["required"])


def test_waterfall_and_bills_are_those_of_the_worst_event(sized: Read, finished: Path) -> None:
    event, tiers = document(finished / "size", "worst_event"), sized.columns("worst-waterfall")
    assert [cents(paid) for paid in tiers["pays"]] == [whole(tier["paid"]) for tier in event["tiers"]]
    assert sum(cents(paid) for paid in tiers["pays"]) == whole(event["loss"])
    rows = pl.read_parquet(finished / "size/waterfall.parquet").filter(
        (pl.col("scenario_id") == event["scenario_id"])
        & (pl.col("defaulters") == "+".join(event["defaulters"]))
        & pl.col("stakeholder").str.starts_with("survivors")
        & (pl.col("amount") > 0)
    )
    expected = {name: whole(paid) for name, paid in rows.group_by("member_id").agg(pl.col("amount").sum()).iter_rows()}
    table = sized.columns("worst-bills") if expected else {"member": [], "pays in all": []}
    assert dict(zip(table["member"], map(cents, table["pays in all"]), strict=True)) == expected


def test_heat_map_and_largest_groups(sized: Read, finished: Path) -> None:
    losses = pl.read_parquet(finished / "size/losses.parquet")
    known = {(group, scenario): whole(loss) for scenario, group, loss in losses.iter_rows()}
    table = sized.columns("heat-map")
    groups = table.pop("group")
    assert groups
    for scenario, cells in table.items():
        for group, cell in zip(groups, cells, strict=True):
            assert cents(cell) == known[group, scenario]
    plausible = pl.read_parquet(finished / "size/scenarios.parquet").filter("sizes_fund")["scenario_id"].implode()
    worst = (
        losses.filter(pl.col("scenario_id").is_in(plausible)).group_by("group_id").agg(pl.col("loss_over_margin").max())
    )
    largest = sized.columns("largest-groups")
    ordered = sorted(worst.iter_rows(), key=lambda row: (-row[1], row[0]))[:10]
    assert largest["group"] == [group for group, _ in ordered]
    assert [cents(cell) for cell in largest["largest stress loss over initial margin"]] == [
        whole(loss) for _, loss in ordered
    ]


def test_scenarios_with_their_shocks(sized: Read, finished: Path) -> None:
    scenarios = pl.read_parquet(finished / "size/scenarios.parquet")
    table, known = sized.columns("scenarios"), {row["scenario_id"]: row for row in scenarios.to_dicts()}
    order = [cents(cell) for cell in table["cover-2"]]
    assert order == sorted(order, reverse=True)
    for place, name in enumerate(table["scenario"]):
        assert known[name]["sizes_fund"]
        assert cents(table["cover-1"][place]) == whole(known[name]["cover_1"])
        assert table["from"][place] == known[name]["provenance"]
    shocks = pl.read_parquet(finished / "size/shocks.parquet")
    columns = shocks.select("scenario_id", "factor_id", "relative")
    moves = {(scenario, factor): relative for scenario, factor, relative in columns.iter_rows()}
    table = sized.columns("shocks")
    factors = table.pop("factor")
    for scenario, cells in table.items():
        for factor, cell in zip(factors, cells, strict=True):
            assert cell == f"{100 * moves.get((scenario, factor), 0.0):.2f}%"


def test_days_of_a_simulation(finished: Path) -> None:
    found, days = of(finished / "simulate"), pl.read_parquet(finished / "simulate/days.parquet")
    table = found.columns("fund-over-time")
    assert table["day"] == [str(day) for day in days["date"]]
    for column, heading in (
        ("cover_1", "cover-1"),
        ("cover_2", "cover-2"),
        ("fund", "fund"),
        ("prefunded", "prefunded"),
    ):
        assert [cents(cell) for cell in table[heading]] == [whole(amount) for amount in days[column]]
    paid = pl.read_parquet(finished / "simulate/waterfall.parquet").group_by("tier_place").agg(pl.col("amount").sum())
    shown = [cents(cell) for cell in found.columns("defaults-paid")["pays"]]
    assert shown == [whole(amount) for _, amount in sorted(paid.iter_rows())]


def test_models_side_by_side(finished: Path) -> None:
    found, tests = of(finished / "backtest"), pl.read_parquet(finished / "backtest/backtest.parquet")
    table, known = found.columns("backtest"), {row["model"]: row for row in tests.filter(level="book").to_dicts()}
    assert set(table["model"]) == {"rulebook", "floor"}
    for place, model in enumerate(table["model"]):
        assert int(table["exceptions"][place].replace(",", "")) == known[model]["exceptions"]
        pools = tests.filter((pl.col("level") == "pool") & (pl.col("model") == model))
        for light in ("green", "yellow", "red"):
            assert int(table[light][place]) == (pools["apart_light"] == light).sum()
    assert set(found.columns("procyclicality")["model"]) == {"rulebook", "floor"}


def test_ladder_of_rulebooks(finished: Path) -> None:
    found, ladder = of(finished / "compare"), pl.read_parquet(finished / "compare/ladder.parquet")
    for place, name in enumerate(("published/eurex", "published/cme-base"), start=1):
        table, rows = found.columns(f"ladder-{place}"), ladder.filter(rulebook=name)
        for multiple in (0.5, 10.0):
            shown = [cents(cell) for cell in table[f"pays of {multiple:g} x fund"]]
            assert shown == [whole(amount) for amount in rows.filter(loss_multiple=multiple)["amount"]]


def test_replays_beside_what_was_reported(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["replay", "nasdaq-2018", "-q", "--report", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.output
    table = read_page((tmp_path / "page.html").read_text()).columns("replay-1-1-compared")
    assert table["reported"] == table["computed"]
    assert set(table["verdict"]) == {"agrees"}


def test_replays_count_defaults_tell_calls_and_say_first_what_was_set(tmp_path: Path) -> None:
    arguments = ["replay", "lme-nickel-2022", "krx-hanmag-2013", "bby-asx-2015", "-q"]
    done = CliRunner().invoke(app, [*arguments, "--report", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.output
    html = (tmp_path / "page.html").read_text()
    told, back = (read_page(html).columns(f"replay-{place}-1-compared") for place in (1, 2))
    assert (told["tier"][-1], told["computed"][-1]) == ("members in default", "12")
    assert back["tier"][-1] == "survivors' contributions, repaid"
    assert "2,600 on 2022-03-04, 7,000 on 2022-03-07, 19,700 on 2022-03-08" in html
    assert "BBY at ASX Clear, May 2015; by assumption the loss equals the margin" in html


def test_rounds_of_a_default_that_spreads(finished: Path) -> None:
    trace, found = document(finished / "default", "trace"), of(finished / "default")
    for one in trace["rounds"][1:]:
        shown = [cents(cell) for cell in found.columns(f"round-{one['round']}-waterfall")["pays"]]
        assert shown == [whole(tier["paid"]) for tier in one["tiers"]]
    assert [cents(cell) for cell in found.columns("event-waterfall")["pays"]] == [
        whole(t["paid"]) for t in trace["tiers"]
    ]


@pytest.mark.parametrize("command", FINISHED)
@pytest.mark.parametrize("live", [True, False])
def test_every_run_has_a_page_that_needs_nothing_else(command: str, live: bool, finished: Path) -> None:
    html = page(ccp.pack(finished / command).content, live)
    assert len(html.encode()) < 3 * 2**20
    assert read_page(html).scripts == (2 if live else 0)
    styles_and_marks = html if not live else re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)[^"']*|url\((?!["']?#)[^)]*\)|@import""", styles_and_marks)
    assert html == page(ccp.pack(finished / command).content, live)
    assert str(finished) not in html  # no way on this machine is anybody's business


@pytest.mark.parametrize("command", FINISHED)
def test_every_figure_says_where_it_comes_from(command: str, finished: Path) -> None:
    run = open_run(finished / command)
    for section in ccp.pack(run).content.sections:
        for figure in section.figures:
            assert figure.title
            assert figure.sources
            assert figure.table.columns
            for source in figure.sources:
                assert list((finished / command).glob(source.file)), source
        for tile in section.tiles:
            assert (finished / command / tile.source.file).exists()


@pytest.mark.parametrize("command", FINISHED)
def test_columns_named_as_sources_are_there(command: str, finished: Path) -> None:
    for section in ccp.pack(finished / command).content.sections:
        for source in (source for figure in section.figures for source in figure.sources):
            if source.file.endswith(".parquet"):
                file = sorted((finished / command).glob(source.file))[0]
                assert set(source.columns) <= set(pl.read_parquet_schema(file)), source


def test_a_pack_of_several_runs(finished: Path) -> None:
    runs = [finished / name for name in ("size", "simulate", "backtest", "default")]
    found = of(*runs)
    assert {"r1-heat-map", "r2-fund-over-time", "r3-backtest", "r4-event-waterfall"} <= set(found.charts)
    assert len(set(found.charts)) == len(found.charts)
    assert "different rulebooks" in found.words  # the default is under another one
    assert "different rulebooks" not in of(*runs[:3]).words


def test_contributions_since_an_earlier_run(finished: Path) -> None:
    table = of(finished / "whatif", since=finished / "size").columns("contributions")
    before = pl.read_parquet(finished / "size/contributions.parquet")
    known = {name: whole(amount) for name, amount in before.select("member_id", "contribution").iter_rows()}
    for place, name in enumerate(table["member"]):
        assert cents(table["required before"][place]) == known[name]
        change = cents(table["contribution required"][place]) - known[name]
        assert cents(table["change since"][place]) == change
    assert any(cents(cell) for cell in table["change since"])


def test_names_cannot_break_out_of_the_page() -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    accounts = {"A": (hostile, "A", "house"), "B": ("B", "B", "house")}
    found = ccp.size(book([("A", "X", 1000.0), ("B", "Y", 900.0)], accounts), rulebook(), market())
    stated = {"coverage": found.coverage, "worst_event": found.worst_event}
    stated["coverage_test_event"] = found.coverage_test_event
    run = Run("hostile", "size", found.manifest, None, found.tables, stated)
    for live in (True, False):
        html = page(ccp.pack(run).content, live)
        assert hostile not in html
        assert read_page(html).scripts == (2 if live else 0)
        assert read_page(html).images == 0
        assert hostile in read_page(html).columns("contributions")["member"]


def test_printed_copy_is_the_same_pack_and_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    packed = ccp.pack(finished / "size")
    packed.write_pdf(tmp_path / "one.pdf")
    packed.write_pdf(tmp_path / "other.pdf")
    content = (tmp_path / "one.pdf").read_bytes()
    assert content == (tmp_path / "other.pdf").read_bytes()
    text = "".join(sheet.extract_text() for sheet in pypdf.PdfReader(BytesIO(content)).pages)
    coverage = document(finished / "size", "coverage")
    for amount in (coverage["fund"]["required"], coverage["cover_2"]["amount"], coverage["margin"]):
        assert f"{amount:,.2f}" in text


def test_report_on_the_command_that_makes_the_run(small_book: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "run", tmp_path / "page.html"
    done = CliRunner().invoke(app, ["size", str(small_book), "--out", str(out), "--report", str(file), "-q"])
    assert done.exit_code == 0, done.output
    assert not (out / "page.html").exists()
    required = document(out, "coverage")["fund"]["required"]
    assert cents(read_page(file.read_text()).tiles["Default fund required"]) == whole(required)
    again = CliRunner().invoke(app, ["report", str(out), "--out", str(file), "-q"])
    assert again.exit_code == 2
    assert "--overwrite" in again.stderr
    assert CliRunner().invoke(app, ["report", str(out), "-q"]).exit_code == 0
    assert (tmp_path / "run.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "run", "run.html"]
    out.rename(tmp_path / "run.2024")
    assert CliRunner().invoke(app, ["report", str(tmp_path / "run.2024"), "-q"]).exit_code == 0
    assert (tmp_path / "run.2024.html").exists()


def refused(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["report", *map(str, arguments)])
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def copied(run: Path, to: Path) -> Path:
    to.mkdir()
    for path in run.iterdir():
        if path.is_file():
            (to / path.name).write_bytes(path.read_bytes())
    return to


def test_what_is_no_run_is_refused_in_one_line(finished: Path, small_book: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert "no such directory" in refused(tmp_path / "nothing", "--out", out)
    assert "no manifest.json" in refused(finished, "--out", out)
    assert "a run's directory was expected" in refused(small_book, "--out", out)
    assert "a run is named twice" in refused(finished / "size", finished / "size", "--out", out)
    assert "a run of ccp size or ccp whatif" in refused(
        finished / "size", "--since", finished / "compare", "--out", out
    )
    assert "is not a directory that may be written" in refused(finished / "size", "--out", tmp_path / "no/page.html")
    for option in ("--pdf", "--xlsx"):
        assert "another file than that of --out" in refused(finished / "size", "--out", out, option, out)
    assert "beside the run" in refused(finished / "size", "--out", finished / "size/page.html")
    assert not out.exists()


def test_damaged_and_older_runs_are_refused_in_one_line(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    older = copied(finished / "size", tmp_path / "older")
    stated = document(older, "manifest")
    (older / "manifest.json").write_text(json.dumps({name: value for name, value in stated.items() if name != "form"}))
    assert "older form (1, by ccp" in refused(older, "--out", out)
    missing = copied(finished / "size", tmp_path / "missing")
    (missing / "losses.parquet").unlink()
    assert "losses.parquet: missing" in refused(missing, "--out", out)
    damaged = copied(finished / "size", tmp_path / "damaged")
    (damaged / "losses.parquet").write_bytes(b"PAR1 is not enough")
    assert "losses.parquet: cannot be read as parquet" in refused(damaged, "--out", out)
    (damaged / "coverage.json").write_text("{")
    assert "cannot be read as JSON" in refused(damaged, "--out", out)
    (damaged / "coverage.json").write_text("{}")
    assert "coverage.json: its field rulebook is missing" in refused(damaged, "--out", out)
    unfinished = copied(finished / "simulate", tmp_path / "unfinished")
    (unfinished / "unfinished").mkdir()
    assert "--resume" in refused(unfinished, "--out", out)
    assert not out.exists()
