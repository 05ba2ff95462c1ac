"""Figures that are not proved: the most that was found and the most that may be are kept apart, and so told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from support.small_books import book, market, rulebook

import ccp
from ccp.api.streamed import Streaming
from ccp.book.book import Book
from ccp.report.answer import enough
from ccp.report.indicators.reading import Money
from ccp.report.indicators.sized import fund_over_cover_2
from ccp.report.pack.sizing import answer_tiles, answer_words
from ccp.report.terminal.summary import size_summary
from ccp.rulebook.rulebook import Rulebook
from ccp.sizing.cover import Cover, WorstSets
from ccp.sizing.worst_set import losing
from ccp.stress.windows import LeftOpen

HELD = [
    *(("a", "X", 5000.0), ("b", "X", 4700.0), ("c", "X", 4500.0)),
    *(("d", "Y", 8330.0), ("e", "Y", 8160.0), ("f", "Y", 7650.0)),
    *((name, instrument, size) for name in "ghijklmno" for instrument, size in (("X", -1500.0), ("Y", -2550.0))),
]
ACCOUNTS = {name: (name.upper(), name.upper(), "house") for name in "abcdefghijklmno"}


def slow() -> Book:
    """A book that takes days to sell, where whose is the worst set is not plain from single losses."""
    found = book(HELD, ACCOUNTS)
    volumes = pl.Series("average_daily_volume", [1000.0, 1500.0, 4000.0])
    return replace(found, instruments=found.instruments.with_columns(volumes))


def rules(most_sets: int, **parts: Any) -> Rulebook:
    stated = rulebook(stress={"most_sets": most_sets, "hypothetical": [{"ladder": "market_gaps", "sizes": [0.2, 0.5]}]})
    document = stated.model_dump(mode="json", by_alias=True) | parts
    return Rulebook.model_validate(
        document | {"close_out": {"method": "gradual", "participation": 0.25, "impact": 1.0, "holding": 2.33}}
    )


@pytest.fixture(scope="module")
def exact() -> ccp.Sizing:
    return ccp.size(slow(), rules(20_000), market())


@pytest.fixture(scope="module", params=[1, 2])
def early(request: pytest.FixtureRequest) -> ccp.Sizing:
    found = ccp.size(slow(), rules(request.param), market())
    assert not found.coverage["cover_2"]["proved"]
    return found


def test_what_is_found_is_the_most_that_any_set_of_the_run_loses(early: ccp.Sizing, exact: ccp.Sizing) -> None:
    """Sets of the waterfall are those that were found in any search, in any scenario; each is valued on its own."""
    cover, right = early.coverage["cover_2"], exact.coverage["cover_2"]["amount"]
    sizing = early.tables["scenarios"].filter("sizes_fund")["scenario_id"].to_list()
    events = early.tables["waterfall"].filter(pl.col("scenario_id").is_in(sizing))
    beyond = events.filter(pl.col("tier") != "defaulter_margin")
    known = beyond.group_by("scenario_id", "defaulters").agg(pl.col("amount").sum())["amount"].max()
    assert known == pytest.approx(cover["found"], abs=0.001)
    assert cover["found"] <= right <= cover["amount"] == early.coverage["fund"]["required"]
    assert (early.worst_event["scenario_id"], early.worst_event["defaulters"]) == (
        cover["scenario_id"],
        cover["groups"],
    )
    assert sum(cover["losses"]) == pytest.approx(cover["found"], abs=0.001)
    assert cover["open_scenarios"] > 0 == cover["open_windows"]


def test_rows_that_are_not_proved_are_told_apart(early: ccp.Sizing, exact: ccp.Sizing) -> None:
    rows, right = early.tables["scenarios"], exact.tables["scenarios"]
    assert (rows["cover_2"] >= right["cover_2"]).all()
    same = rows["proved"]
    assert rows.filter(same)["cover_2"].to_list() == right.filter(same)["cover_2"].to_list()
    assert early.coverage["coverage_of_scenarios"]["not_proved"] == (~same).sum() > 0
    console = Console(width=200)
    with console.capture() as told:
        console.print(size_summary(early.coverage, early.tables, early.worst_event, 2, 200))
    marked = [line for line in told.get().splitlines() if line.endswith("%") or "(not proved)" in line]
    for scenario in rows.filter(~same)["scenario_id"]:
        assert any(line.strip().startswith(scenario) for line in marked)


def test_a_note_for_each_figure_that_is_open_and_for_no_other(early: ccp.Sizing, exact: ccp.Sizing) -> None:
    said = {one.sentence.split(" is not proved")[0]: one for one in early.notes if one.id == "not_proved"}
    of_covers = {"cover-1": "cover_1", "cover-2": "cover_2", "EMIR 42(3)": "emir_42_3"}
    for name, field in of_covers.items():
        cover = early.coverage[field]
        assert (name in said) == (not cover["proved"])
        if name in said:
            assert f"between {cover['found']:,.2f} and {cover['amount']:,.2f}" in said[name].sentence
            assert said[name].have == cover["open_scenarios"]
    test = early.coverage["coverage_test"]["sizing_scenarios"]
    assert ("coverage test" in said) == (not test["proved"])
    assert not [one for one in exact.notes if "proved" in one.id]


def test_headlines_and_cards_do_not_state_a_bound_as_a_loss(early: ccp.Sizing) -> None:
    coverage = early.coverage
    cover = coverage["cover_2"]
    between = f"not proved: between {cover['found']:,.2f} and {cover['amount']:,.2f}"
    words = answer_words(coverage, 2)
    assert between in words[1]
    assert f"lose {cover['found']:,.2f} in" in words[1]
    assert "set by cover-2 (not proved)" in words[0]
    tiles = {tile.label: tile.note for tile in answer_tiles(coverage, 2)}
    assert between in tiles["Stress loss over initial margin, cover-2"]
    assert between in tiles["Coverage ratio"]
    test = coverage["coverage_test"]["sizing_scenarios"]
    assert ("not proved: between" in tiles["Uncovered at worst"]) == (not test["proved"])
    assert ("not proved: between" in words[2]) == (not test["proved"])
    assert between.removeprefix("not proved: ").split(" and ")[1] in (
        fund_over_cover_2(coverage, Money("USD", 2)).note or ""
    )
    assert "not proved: between" in (fund_over_cover_2(coverage, Money("USD", 2)).note or "")


@pytest.mark.parametrize(
    ("amount", "found", "said"), [(-1, -5, "Yes"), (3, -2, "Not proved"), (3, 1, "No"), (3, 3, "No"), (-2, -2, "Yes")]
)
def test_enough(amount: int, found: int, said: str) -> None:
    test = {"passed": amount <= 0, "found_uncovered": max(found, 0), "proved": amount == found}
    assert enough(test) == said


def test_windows_left_out_raise_the_bound_and_leave_what_was_found() -> None:
    cover = Cover(100, 3, [1, 2], 100)
    raised = cover.raised(LeftOpen(130, 7))
    assert raised == replace(cover, amount=130, open_windows=7)
    assert not raised.proved
    assert cover.raised(None) == cover.raised(LeftOpen(90, 7)) == cover


def test_found_and_bound_of_scenarios_may_be_of_different_ones() -> None:
    """The largest bound is of scenario 1, the most that was found in scenario 0, whom scenario 2 cannot pass."""
    sets = WorstSets(np.array([50, 20, 40]), np.array([50, 90, 45]), [(0, 1), (2,), (1,)])
    assert sets.cover(np.ones(3, dtype=bool)) == Cover(90, 0, [0, 1], 50, 1)
    assert sets.cover(np.array([False, True, True])) == Cover(90, 2, [1], 40, 2)
    nothing = np.zeros(3, dtype=np.int64)
    known = sets.or_known([WorstSets(nothing, nothing, [(9,), (8,), (7,)])], lambda *_: 44)
    assert (known.found.tolist(), known.groups) == ([50, 44, 44], [(0, 1), (8,), (7,)])


class Lost:
    """What sets lose over margin, by set."""

    def __init__(self, lost: dict[tuple[int, ...], list[int]]):
        self.lost = lost

    def of_groups(self, scenario: int, groups: tuple[int, ...]) -> np.ndarray:
        return np.array(self.lost[tuple(groups)], dtype=np.int64)


def test_who_loses_nothing_and_makes_others_lose_more_is_named() -> None:
    """Group 0 loses nothing, and selling its book beside theirs costs group 1 nine more; group 2 changes nothing."""
    lost = {(1, 0, 2): [30, 0, 0], (1, 2): [21, 0], (1, 0): [30, 0], (1,): [21]}
    assert losing(Lost(lost), 0, (1, 0, 2)) == (1, 0)  # type: ignore[arg-type]
    assert losing(Lost({(1, 2): [0, 0], (1,): [0], (2,): [0]}), 0, (1, 2)) == ()  # type: ignore[arg-type]


# --- no scenario that sizes the fund is kept, and groups without an account ------------------------------------------

BEYOND = {
    "hypothetical": [{"ladder": "market_gaps", "sizes": [0.4]}],
    "multiples": [1],
    "plausible": {"multiple": 1, "gap": 0.15},
}


@pytest.mark.parametrize(
    ("stress", "kind"),
    [
        ({"historical": {"all": True}}, "history"),
        ({"historical": {"worst_of_each_group": 2}}, "history"),
        ({"single_names": {"multiples_of_own_worst": [1.0]}}, "alone"),
    ],
)
def test_a_flat_book_is_sized_in_the_first_window_or_name(stress: dict[str, Any], kind: str) -> None:
    found = ccp.size(book([("a", "X", 0.0), ("b", "X", 0.0)], ACCOUNTS), rulebook(stress=BEYOND | stress), market())
    assert found.coverage["fund"]["required"] == 0.0
    assert found.coverage["scenarios"]["sizing"] >= 1
    assert kind in found.coverage["cover_2"]["scenario_id"]


def test_a_group_without_an_account_sells_nothing(tmp_path: Path) -> None:
    """It has no pool to read; a book on disk reads nothing for it."""
    few = book([("a", "X", 5000.0), ("b", "X", 4000.0)], {name: ACCOUNTS[name] for name in "ab"})
    volumes = pl.Series("average_daily_volume", [1000.0, 1000.0, 4000.0])
    few = replace(few, instruments=few.instruments.with_columns(volumes))
    idle = few.members.head(1).with_columns(member_id=pl.lit("IDLE"), group_id=pl.lit("IDLE"))
    more = replace(few, members=pl.concat([few.members, idle]))
    for name in ("members", "accounts", "instruments", "positions"):
        table = getattr(more, name)
        table.select(one.name for one in table if one.null_count() < len(one)).write_parquet(
            tmp_path / f"{name}.parquet"
        )
    one, other = (ccp.size(each, rules(20_000), market()) for each in (few, more))
    on_disk = ccp.size(tmp_path, rules(20_000), market(), streaming=Streaming(memory=2**40))
    assert one.coverage["cover_2"] == other.coverage["cover_2"] == on_disk.coverage["cover_2"]
