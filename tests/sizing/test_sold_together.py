"""A sized book whose groups are sold together, from files' rows to figures, stories and notes."""

from __future__ import annotations

import math
from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from support.small_books import book, market, rulebook

import ccp
from ccp.book.book import Book
from ccp.report.terminal.story import story_text
from ccp.report.terminal.summary import size_summary
from ccp.report.together import cover_sentence
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


def amount(sizing: ccp.Sizing, group: str, scenario: str = DOWN) -> float:
    row = (pl.col("scenario_id") == scenario) & (pl.col("group_id") == group)
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
    assert f"Selling their books together costs {sold['cost']:,.2f}" in story_text(event.trace, 2)
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
    assert "Selling its books costs" in text
    instant = ccp.size(traded(LONG), rulebook(), market())
    assert "cost" not in instant.worst_event["pools"][0]
    assert "Selling" not in story_text(instant.worst_event, 2)
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


def issued(positions: list[tuple[str, str, float]], **issuers: str) -> Book:
    """The book, with issuers of its instruments."""
    found = traded(positions)
    named = [issuers.get(name) for name in ("X", "Y", "FX")]
    return replace(found, instruments=found.instruments.with_columns(pl.Series("issuer_id", named, pl.String)))


def one_by_one(sizing: ccp.Sizing, groups: str, scenario: str = DOWN) -> float:
    return sum(amount(sizing, group, scenario) for group in groups)


def test_what_is_lost_together_is_for_the_sale_and_for_the_paper() -> None:
    """A holds 400 of its own X, B 1,000 of it and C some of nobody's: in a fall of 50% B loses 50 a unit alone and 100
    beside A, so 50,000 more for the paper. The sale is of 1,400 where it was of 400 and of 1,000."""
    held = issued([("a", "X", 400.0), ("b", "X", 1000.0), ("c", "Y", 10.0)], X="A")
    sized = ccp.size(held, rules(), market())
    event = ccp.default(held, rules(), DOWN, ["A", "B"], market=market())
    sold = event.trace["sold_together"]
    sale, paper = sold["for_sale"], sold["for_paper"]
    assert sale["more_over_margin"] == pytest.approx(cost(1400) - cost(400) - cost(1000), abs=0.03)
    assert sold["cost"] - sold["cost_alone"] == pytest.approx(sale["more_over_margin"], abs=0.001)
    assert paper["more_over_margin"] == pytest.approx(50_000, abs=0.001)
    over = sum(one["over_margin"] for one in event.trace["members"])
    cents = [round(part["more_over_margin"] * 100) for part in (sale, paper, sold)]
    assert cents[0] + cents[1] == cents[2] == round((over - one_by_one(sized, "AB")) * 100)
    assert paper["share_of_over_margin"] == pytest.approx(50_000 / over)
    assert paper["share_of_fund"] == pytest.approx(50_000 / sized.coverage["fund"]["required"])


@pytest.mark.parametrize("groups", ["AB", "AC", "BC", "ABC", "BA"])
@pytest.mark.parametrize("scenario", [DOWN, "market up 20%"])
def test_parts_add_up_to_the_whole_to_the_cent(groups: str, scenario: str) -> None:
    """Also where margin, which pays for gains and losses of one pool alone, swallows some of either part."""
    held = issued([("a", "Y", 70.0), ("a", "X", -30.0), ("b", "X", 900.0), ("c", "X", 333.0)], X="A", Y="B")
    sized = ccp.size(held, rules(), market())
    event = ccp.default(held, rules(), scenario, list(groups), market=market()).trace
    sold = event["sold_together"]
    parts = [round(part["more_over_margin"] * 100) for part in (sold["for_sale"], sold["for_paper"])]
    over = sum(one["over_margin"] for one in event["members"])
    assert (
        sum(parts) == round(sold["more_over_margin"] * 100) == round((over - one_by_one(sized, groups, scenario)) * 100)
    )


def test_cross_holdings_are_not_the_cost_of_selling() -> None:
    """A holds 100 of B's Y at 50, and B 100 of A's X at 100: together they lose all of both. Nothing that is sold is
    held by both, so that selling costs the same together."""
    held = issued([("a", "Y", 100.0), ("b", "X", 100.0)], X="A", Y="B")
    found = ccp.size(held, rules(stress={"hypothetical": [{"ladder": "market_gaps", "sizes": [0.2]}]}), market())
    sold, cover = found.coverage["sold_together"], found.coverage["cover_2"]
    assert set(cover["groups"]) == {"A", "B"}
    assert sold["for_sale"]["more_over_margin"] == 0
    assert sold["for_paper"]["more_over_margin"] == sold["more_over_margin"] > 0.7 * cover["amount"]
    assert sold["for_paper"]["share_of_cover"] == pytest.approx(sold["more_over_margin"] / cover["amount"])
    assert sold["for_paper"]["share_of_fund"] == pytest.approx(
        sold["more_over_margin"] / found.coverage["fund"]["required"]
    )
    story = story_text(found.worst_event, 2)
    assert "What they hold of one another's paper: " in story
    assert cover_sentence(found.coverage, 2).startswith(
        f"Of cover-2, more than its groups lose one by one: {sold['more_over_margin']:,.2f} for one another's paper"
    )
    shown = terminal(found)
    assert "of it, one another's paper" in shown


def test_paper_alone_is_said_where_selling_costs_nothing() -> None:
    held = issued([("a", "Y", 100.0), ("b", "X", 100.0)], X="A", Y="B")
    instant = ccp.default(held, rulebook(), DOWN, ["A", "B"], market=market())
    sold = instant.trace["sold_together"]
    assert (sold["cost"], sold["for_sale"]["more_over_margin"]) == (0, 0)
    assert sold["for_paper"]["more_over_margin"] == pytest.approx(100 * 25 + 100 * 50, abs=0.001)
    assert "Selling" not in story_text(instant.trace, 2)


def test_an_event_says_whose_paper_is_at_its_default() -> None:
    """Of a fall of 50%: A's own 40 X lose 100 a unit instead of 50, B's short 10 gain as much; Y is nobody's."""
    held = issued([("a", "X", 40.0), ("b", "X", -10.0), ("c", "Y", 500.0)], X="A")
    event = ccp.default(held, rules(stress={"own_paper": {"recovery": 0.0}}), DOWN, ["C", "A", "B"], market=market())
    told = [
        {"issuer": "A", "recovery": 0.0, "holder": name, "instruments": ["X"], "more_loss": more}
        for name, more in (("A", 2_000.0), ("B", -500.0))
    ]
    assert event.trace["paper_at_default"] == told
    said = "Paper of A is valued as at its default, at nothing: beyond the scenario A loses 2,000.00 on X and "
    assert f"{said}B gains 500.00 on X." in story_text(event.trace, 2)
    recovered = ccp.default(held, rules(stress={"own_paper": {"recovery": 0.4}}), DOWN, ["A"], market=market())
    (one,) = recovered.trace["paper_at_default"]
    assert (one["recovery"], one["more_loss"]) == (0.4, pytest.approx(40 * (60 - 50), abs=0.01))
    assert "at 40% of its price today" in story_text(recovered.trace, 2)
    without = ccp.default(held, rules(stress={"own_paper": "none"}), DOWN, ["A", "B"], market=market())
    assert "paper_at_default" not in without.trace
    others = ccp.default(held, rules(), DOWN, ["B", "C"], market=market())
    assert "paper_at_default" not in others.trace


def test_paper_of_two_issuers_adds_up_to_what_the_holder_loses_more() -> None:
    """To the cent, account by account: pools lose as much more as the trace says for all paper together."""
    held = issued([("a", "X", 3.3), ("a", "Y", 7.7), ("b", "X", 1.1), ("b", "Y", -2.2)], X="A", Y="B")
    event, plain = (
        ccp.default(held, rules(stress={"own_paper": one}), DOWN, ["A", "B"], market=market()).trace
        for one in ({"recovery": 0.13}, "none")
    )
    for name in "AB":
        more = sum(round(one["more_loss"] * 100) for one in event["paper_at_default"] if one["holder"] == name)
        lost, as_said = (
            round(next(pool["loss"] for pool in one["pools"] if pool["pool_id"] == name) * 100)
            for one in (event, plain)
        )
        assert more == lost - as_said
    assert len(event["paper_at_default"]) == 4


def terminal(found: ccp.Sizing) -> str:
    """What `ccp size` shows."""
    console = Console(width=140, record=True, file=StringIO())
    console.print(size_summary(found.coverage, found.tables, found.worst_event, 2, 140))
    return console.export_text()
