"""Gaps of prices that move by differences, by hand: near zero, below it, and oil in a book of long futures."""

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.rye import DAYS, PRICES, rye_book, rye_market, rye_rules

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.market.history import Market, read_market
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.stress import Ladder
from ccp.rulebook.with_rules import with_rules
from ccp.scenarios.hypothetical import ladder_scenarios
from ccp.scenarios.shares import share_moves


def market_of(levels: dict[str, list[float | None]], change: str = "absolute", kind: str = "commodity") -> Market:
    size = len(next(iter(levels.values())))
    days = [date(2022, 1, 3) + timedelta(days=number) for number in range(size)]
    columns = {name: pl.Series(values, dtype=pl.Float64) for name, values in levels.items()}
    factors = pl.DataFrame({"factor_id": list(levels), "change": change, "asset_class": kind, "sector": None})
    return Market(pl.DataFrame({"date": days} | columns), factors, {})


def fall_of(levels: list[float | None], floor: float = 0.5) -> float:
    """What a fall of 40 % adds to the last level."""
    relative, absolute = share_moves(np.array([[-0.4]]), market_of({"OIL": levels}), ["OIL"], floor)
    assert relative.tolist() == [[0.0]]
    return absolute[0, 0]


def test_a_share_is_of_the_level() -> None:
    assert fall_of([60.0, 50.0, 45.0]) == pytest.approx(-0.4 * 45)


def test_a_price_below_zero_falls_further() -> None:
    """-37.63 without its sign is more than half of the usual 20; a fall of 40 % goes to -52.68."""
    assert fall_of([20.0, 20.0, -37.63]) == pytest.approx(-0.4 * 37.63)


def test_near_zero_the_share_is_of_half_the_usual_level() -> None:
    """Of 50, 40, 30, 20 and -1 the median size is 30; half of it is 15, and 40 % of that 6."""
    assert fall_of([50.0, 40.0, 30.0, 20.0, -1.0]) == pytest.approx(-6.0)
    assert fall_of([50.0, 40.0, 20.0, 0.0]) == pytest.approx(-0.4 * 0.5 * 30)  # of an even number the two in the middle
    assert fall_of([50.0, 40.0, 30.0, 20.0, -1.0], floor=1.0) == pytest.approx(-12.0)
    assert fall_of([50.0, 40.0, 30.0, 20.0, -1.0], floor=0.0) == pytest.approx(-0.4)


def test_the_usual_level_is_of_250_days_with_a_value() -> None:
    """249 days at 10, and one of no value, before today's 1: the 100 of before count no more."""
    assert fall_of([100.0] * 300 + [10.0] * 100 + [None] + [10.0] * 149 + [1.0]) == pytest.approx(-0.4 * 5)


def test_a_price_that_moves_by_ratios_and_an_exchange_rate_fall_by_the_share_itself() -> None:
    relative = share_moves(
        np.array([[-0.4, 1.6]]), market_of({"A": [2.0, 3.0], "B": [2.0, 3.0]}, "relative"), ["B"], 0.5
    )
    assert [moves.tolist() for moves in relative] == [[[-0.4, 1.6]], [[0.0, 0.0]]]
    rate = share_moves(np.array([[-0.4]]), market_of({"EUR/USD": [1.1, 1.2]}, kind="currency"), ["EUR/USD"], 0.5)
    assert [moves.tolist() for moves in rate] == [[[-0.4]], [[0.0]]]


def test_a_volatility_that_moves_by_differences_rises_by_the_share_of_its_own_level() -> None:
    """A fall of 20 % raises volatility by 80 %: from 0.5 by 0.4."""
    levels: dict[str, list[float | None]] = {"X": [10.0, 10.0], "X.VOL": [0.5, 0.5]}
    found = ladder_scenarios(Ladder(ladder="sector_gaps", sizes=(0.2,)), market_of(levels), ["X.VOL"])
    assert found.count == 0  # nothing states a sector
    found = ladder_scenarios(Ladder(ladder="market_gaps", sizes=(0.2,)), market_of(levels), ["X", "X.VOL"])
    assert found.ids == ["market down 20%", "market up 20%"]
    assert found.longest.absolute[0, 0] == pytest.approx(-2.0)


# --- oil ------------------------------------------------------------------------------------------------------------

LOTS, BARRELS = 10_000, 1_000


def oil_book(price: float) -> Book:
    """A is long 10,000 lots of a thousand barrels, B short."""
    tables = {
        "members": pl.DataFrame({"member_id": ["A", "B"]}),
        "accounts": pl.DataFrame({"account_id": ["A", "B"], "member_id": ["A", "B"], "kind": "house"}),
        "instruments": pl.DataFrame(
            {"instrument_id": ["CL"], "kind": "future", "factor_id": "WTI", "currency": "USD", "multiplier": BARRELS}
            | {"price": price}
        ).cast({"multiplier": pl.Float64}),
        "positions": pl.DataFrame({"account_id": ["A", "B"], "instrument_id": "CL", "quantity": [LOTS, -LOTS]}).cast(
            {"quantity": pl.Float64}
        ),
    }
    return book_from_frames(tables)


def oil_market() -> Market:
    """The shipped oil on the days that have a price of it, declared to move by differences."""
    market = read_market()
    absolute = pl.lit("absolute").cast(market.factors["change"].dtype)
    change = pl.when(pl.col("factor_id") == "WTI").then(absolute).otherwise(pl.col("change"))
    return Market(
        market.levels.select("date", "WTI").drop_nulls(),
        market.factors.with_columns(change.alias("change")),
        market.files,
    )


def oil_rules() -> Rulebook:
    margin = {"measure": "value_at_risk", "confidence": 0.99, "lookback_days": 250, "liquidation_days": 1}
    stress = {"historical": None, "hypothetical": ["market_gaps", "sector_gaps"]}
    return with_rules(rye_rules(), [("currency", "USD"), ("margin", margin), ("stress", stress)])


def test_oil_that_moves_by_differences_is_gapped_by_the_share_of_its_level() -> None:
    """On 2018-12-28 oil is at 45.15 dollars; the margin is the third largest of the 250 falls of one day, by hand.

    The 248th of 250 sorted losses is value at risk at 99 %. A loses 40 % of 45.15 a barrel, less that margin.
    """
    market, day = oil_market(), date(2018, 12, 28)
    levels = market.until(day).levels["WTI"].tail(251).to_list()
    falls = sorted((before - after for before, after in pairwise(levels)), reverse=True)
    assert levels[-1] == 45.15
    sizing = ccp.size(oil_book(45.15), oil_rules(), market, day=day)
    losses = {
        (row["scenario_id"], row["group_id"]): row["loss_over_margin"] for row in sizing.tables["losses"].to_dicts()
    }
    expected = LOTS * BARRELS * (0.4 * 45.15 - falls[2])
    assert expected > 100_000_000
    assert losses["market down 40%", "A"] == losses["sector energy down 40%", "A"] == pytest.approx(expected, abs=0.01)
    assert losses["market up 40%", "A"] == 0
    assert sizing.coverage["fund"]["required"] >= expected


def test_an_event_a_gap_and_a_changed_run_move_it_alike(tmp_path: Path) -> None:
    """Ten units of rye: the event takes 40 % off 44, 17.60; the gap 40 % of the 42.50 of the day before, 17."""
    rules = with_rules(rye_rules(), [("stress.historical", None)])
    book, market = rye_book(), rye_market([*PRICES[:-1], 44.0], "absolute")
    event = ccp.default(book, rules, "market down 40%", ["North"], market=market)
    assert event.trace["loss"] == pytest.approx(176.0)
    request = ccp.RunRequest(DAYS[13], DAYS[15], gaps=((DAYS[14], "market down 40%"),))
    days = ccp.simulate(book, tmp_path / "out", request, rules, market).days
    assert days["variation"].to_list() == pytest.approx([0.0, 10 * (17.0 - 0.5), 10 * 1.0])
    run = ccp.size(book, rules, market, base=True).write(tmp_path / "sized")
    rule = tmp_path / "rule.yaml"
    rule.write_text("rules: {stress.multiples: [1, 2]}\n")
    sized = ccp.what_if(run, rule).sizing
    twice = sized.tables["losses"].filter(scenario_id="market down 40%@2x", group_id="North")["loss_over_margin"].item()
    once = sized.tables["losses"].filter(scenario_id="market down 40%", group_id="North")["loss_over_margin"].item()
    assert twice - once == pytest.approx(176.0)
