"""A sized book whose groups are sold together, from files' rows to figures, stories and notes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from support.small_books import book, market, rulebook

import ccp
from ccp.book.book import Book
from ccp.report.terminal.story import story_text
from ccp.rulebook.rulebook import Rulebook

DOWN = "market down 50%"
VOLUME = [1000.0, 1000.0, 4000.0]
ACCOUNTS = {name: (name.upper(), name.upper(), "house") for name in "abc"}
LONG = [("a", "X", 5000.0), ("b", "X", 4000.0), ("c", "X", 3000.0)]


def traded(positions: list[tuple[str, str, float]], accounts: dict[str, tuple[str, str, str]] = ACCOUNTS) -> Book:
    """The book, with volumes of its instruments X, Y and FX."""
    found = book(positions, accounts)
    return replace(found, instruments=found.instruments.with_columns(pl.Series("average_daily_volume", VOLUME)))


def rules(**parts: Any) -> Rulebook:
    close_out = {"method": "gradual", "participation": 0.25, "impact": 1.0, "holding": 2.33}
    document = rulebook(**{key: value for key, value in parts.items() if key != "close_out"})
    stated = document.model_dump(mode="json", by_alias=True) | {"close_out": close_out | parts.get("close_out", {})}
    return Rulebook.model_validate(stated)


def size(positions: list[tuple[str, str, float]], **parts: Any) -> ccp.Sizing:
    return ccp.size(traded(positions), rules(**parts), market())


def risk_of_x() -> float:
    """Root mean square of the two-day changes of X over the look-back of 100, over the root of two."""
    levels = market().levels["X"].to_numpy()
    returns = levels[2:] / levels[:-2] - 1
    return float(np.sqrt(np.mean((100.0 * returns[-100:]) ** 2) / 2))


def cost(quantity: float) -> float:
    """Of selling so many X in all: 250 a day, at a quarter of the volume; not in less than two days."""
    days = max(2, math.ceil(quantity / 250))
    pressure = math.sqrt(quantity / days / 1000)
    return quantity * risk_of_x() * (pressure + 2.33 * (math.sqrt(days) - math.sqrt(2)))


def amount(sizing: ccp.Sizing, group: str) -> float:
    row = (pl.col("scenario_id") == DOWN) & (pl.col("group_id") == group)
    return sizing.tables["losses"].filter(row)["loss_over_margin"].item()


def test_cover_is_that_of_what_two_groups_hold_together() -> None:
    found, instant = size(LONG), ccp.size(traded(LONG), rulebook(), market())
    alone = {group: amount(instant, group) + cost(quantity) for group, quantity in (("A", 5000), ("B", 4000))}
    for group, expected in alone.items():
        assert amount(found, group) == pytest.approx(expected, abs=0.02)
    together = sum(amount(instant, group) for group in "AB") + cost(9000)
    row = found.tables["scenarios"].filter(pl.col("scenario_id") == DOWN)
    assert row.select("groups", "proved").row(0) == ("A+B", True)
    assert row["cover_2"].item() == pytest.approx(together, abs=0.04)
    event = ccp.default(traded(LONG), rules(), DOWN, market=market())
    sold, over = event.trace["sold_together"], [one["over_margin"] for one in event.trace["members"]]
    assert event.trace["defaulters"] == ["A", "B"]
    assert over[0] == pytest.approx(amount(instant, "A") + cost(9000) * 5 / 9, abs=0.02)
    assert sum(over) == pytest.approx(row["cover_2"].item(), abs=0.001)
    assert sold["cost"] == pytest.approx(cost(9000), abs=0.02)
    assert sold["cost_alone"] == pytest.approx(cost(5000) + cost(4000), abs=0.02)
    assert sold["more_over_margin"] == pytest.approx(cost(9000) - cost(5000) - cost(4000), abs=0.04)


def test_a_part_of_cover_is_for_selling_together() -> None:
    """Of gaps up the dealer, short of 12,000, has most alone: whoever defaults with it is long, and nets."""
    found = size(LONG)
    one, two = (found.coverage[f"cover_{count}"] for count in (1, 2))
    assert (two["groups"], two["amount"]) == (["DEALER"], one["amount"])
    assert found.coverage["sold_together"]["more_over_margin"] == 0
    short = [(name, instrument, -quantity) for name, instrument, quantity in LONG]
    other = size(short, fund={"cover": 3}).coverage
    assert other["cover_3"]["proved"]
    assert other["fund"]["required"] == other["cover_3"]["amount"] == other["cover_3"]["found"]
    sold = other["sold_together"]
    assert sold["share_of_cover"] == pytest.approx(sold["more_over_margin"] / other["cover_3"]["amount"])


def test_a_book_in_twenty_accounts_costs_what_it_costs_in_one() -> None:
    many = {f"a{n:02}": ("A", f"a{n:02}", "house") for n in range(20)} | {"b": ACCOUNTS["b"]}
    whole = ccp.size(traded([("a", "X", 5000.0)]), rules(), market())
    split = ccp.size(traded([(f"a{n:02}", "X", 250.0) for n in range(20)], many), rules(), market())
    assert amount(split, "A") == pytest.approx(amount(whole, "A"), abs=0.2)


def test_opposite_books_cost_nothing_together() -> None:
    """A and B hold 5,000 and -5,000: alone each takes twenty days, and together there is nothing to sell."""
    found = ccp.size(traded([("a", "X", 5000.0), ("b", "X", -5000.0)]), rules(), market())
    event = ccp.default(
        traded([("a", "X", 5000.0), ("b", "X", -5000.0)]), rules(), DOWN, defaulters=["A", "B"], market=market()
    )
    assert event.trace["sold_together"]["cost"] == 0
    assert event.trace["sold_together"]["cost_alone"] == pytest.approx(2 * cost(5000), abs=0.03)
    assert [pool["cost"] for pool in event.trace["pools"]] == [0, 0]
    assert amount(found, "A") == pytest.approx(event.trace["members"][0]["over_margin"] + cost(5000), abs=0.02)


def test_a_trace_says_what_selling_costs() -> None:
    found = size(LONG)
    story = found.worst_event
    assert sum(pool["cost"] for pool in story["pools"]) == pytest.approx(story["sold_together"]["cost"], abs=0.001)
    assert story["sold_together"]["cost"] == found.coverage["sold_together"]["cost"]
    assert story["adds_up"]
    text = story_text(story, 2)
    assert "Selling their books together costs" in text
    instant = ccp.size(traded(LONG), rulebook(), market())
    assert "cost" not in instant.worst_event["pools"][0]
    assert "Selling their books together" not in story_text(instant.worst_event, 2)
    assert instant.coverage["sold_together"] is None


def test_a_fund_that_is_not_proved_takes_the_bound_and_says_so() -> None:
    exact, early = size(LONG), size(LONG, stress={"most_sets": 1})
    told = next(one for one in early.notes if one.id == "not_proved" and one.sentence.startswith("cover-2 "))
    cover, right = early.coverage["cover_2"], exact.coverage["cover_2"]
    assert not cover["proved"]
    assert cover["found"] <= right["amount"] < cover["amount"] == early.coverage["fund"]["required"]
    assert sum(cover["losses"]) == pytest.approx(cover["found"], abs=0.001)
    assert told.place == "stress.most_sets"
    assert f"between {cover['found']:,.2f} and {cover['amount']:,.2f}" in told.sentence
    assert not early.tables["scenarios"]["proved"].all()
    assert "not_proved" not in [one.id for one in exact.notes]
    assert exact.tables["scenarios"]["proved"].all()


def test_groups_that_fail_later_add_up_to_the_whole_set() -> None:
    """A ruins B and C, which have no capital: what the rounds lose over margin is what the set does together."""
    whole = traded(LONG)
    members = whole.members.with_columns(capital=pl.when(pl.col("member_id") == "DEALER").then(1e9).otherwise(0.0))
    small = replace(whole, members=members)
    event = ccp.default(small, rules(), DOWN, ["A"], market=market(), contagion=True)
    rounds = event.trace["rounds"]
    assert [one["defaulters"] for one in rounds] == [["A"], ["B", "C"]]
    over = [
        one["loss"] - next(tier["paid"] for tier in one["tiers"] if tier["tier"] == "defaulter_margin")
        for one in rounds
    ]
    every = ccp.default(small, rules(), DOWN, ["A", "B", "C"], market=market())
    expected = sum(one["over_margin"] for one in every.trace["members"])
    assert sum(over) == pytest.approx(expected, abs=0.001)
    first = ccp.default(small, rules(), DOWN, ["A"], market=market())
    assert over[0] == pytest.approx(sum(one["over_margin"] for one in first.trace["members"]), abs=0.001)
