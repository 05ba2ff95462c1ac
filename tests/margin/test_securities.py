"""A security that follows a factor is worth the same on a day as in a scenario with the day's move."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support.small_cycles import RULES, Small, changed

import ccp
from ccp.frames import Factors
from ccp.market.history import Market

ACCOUNTS = {"a": ("A", "a", "house")}
BOND = {"pool_id": "a", "asset_id": "BOND", "market_value": 412.37, "haircut": 0.0, "factor_id": "PAPER"}
HELD = changed(RULES, collateral={"stress": "scenario"}, stress={"resources": "held"})


def posted(before: float, after: float) -> Small:
    """A is long 100,000 X at 100 and posts one security, worth 412.37 when its factor is at `before`."""
    levels = {"X": [100.0, 100.0], "PAPER": [before, after]}
    swing = {"X": 0.05, "PAPER": 0.1}
    return Small(levels, [("a", "X", 1e5)], ACCOUNTS, rules=HELD, collateral=(BOND,), swing=swing)


def market_of(small: Small, change: str, asset_class: str = "equity") -> Market:
    """The market in which the security's factor moves by ratios or by differences."""
    stated = {"change": [change], "asset_class": [asset_class]}
    paper = pl.DataFrame({"factor_id": ["PAPER"], "sector": "s"} | stated).cast(
        {"change": Factors.create_empty().schema["change"]}  # type: ignore[arg-type]
    )
    others = small.factors.filter(pl.col("factor_id") != "PAPER")
    return Market(small.prices, pl.concat([others, paper.select(others.columns)]), {})


def sold_on_the_day(small: Small, market: Market, out: Path, day: int = 1) -> float:
    """What A's security fetches when A defaults on a day."""
    ccp.simulate(small.book, out, small.request(defaults=[("A", day)]), small.rulebook, market)
    sold = pl.read_parquet(sorted((out / "ledger").glob("*.parquet"))).filter(movement="sale of collateral")
    return float(sold["amount"].sum())


def counted_in_the_scenario(small: Small, market: Market, shock: dict[str, Any], folder: Path) -> float:
    """What it counts for as X falls by half: A's loss of 5,000,000, less what is beyond margin."""
    path = folder / "move.csv"
    rows = [{"factor_id": "X", "kind": "relative", "shock": -0.5}, {"factor_id": "PAPER"} | shock]
    pl.DataFrame(rows).with_columns(scenario_id=pl.lit("move")).write_csv(path)
    found = ccp.size(small.book, small.rulebook, market, scenarios=path, day=small.day(0))
    losses = found.tables["losses"].filter(scenario_id="move", group_id="A")
    return round(5_000_000.0 - losses["loss_over_margin"].item(), 2)


BOTH = [(50.0, 47.5), (50.0, 0.6), (0.05, 0.02), (0.05, 4.0)]
BY_DIFFERENCE = [*BOTH, (50.0, 0.004), (0.05, 40.0), (50.0, 0.0), (50.0, -37.63), (0.05, -0.05)]
MOVES = [("relative", *one) for one in BOTH] + [("absolute", *one) for one in BY_DIFFERENCE]


@pytest.mark.parametrize(("change", "before", "after"), MOVES)
def test_a_day_and_a_scenario_value_a_security_alike(change: str, before: float, after: float, tmp_path: Path) -> None:
    """412.37 at the level before; as many units at the level after, and nothing where that is zero or below."""
    small = posted(before, after)
    market = market_of(small, change)
    size = after - before if change == "absolute" else after / before - 1
    units = Fraction("412.37") / Fraction(str(before))
    expected = round(float(units * max(Fraction(str(after)), 0)), 2)
    assert counted_in_the_scenario(small, market, {"kind": change, "shock": size}, tmp_path) == expected
    assert sold_on_the_day(small, market, tmp_path / "run") == expected


def test_a_security_that_was_worth_nothing_is_worth_something_when_its_level_is_back(tmp_path: Path) -> None:
    """Nothing on the two days at zero and below, in no scenario of theirs; two fifths at two fifths of the level.

    A has 500,000 of cash on the days without the security, so a fall of 20 % costs 1,500,000 more than it holds; the
    dealer holds enough.
    """
    cash = {"pool_id": "DEALER", "asset_id": "CASH", "market_value": 2e6, "haircut": 0.0, "factor_id": None}
    small = replace(
        posted(50.0, -2.0),
        levels={"X": [100.0] * 4, "PAPER": [50.0, -2.0, 0.0, 20.0]},
        collateral=(BOND, cash),
        rules=changed(HELD, settlement={"excess_returned": False}),
    )
    market, days = market_of(small, "absolute"), Path("days.parquet")
    for last, sold in ((1, 0.0), (2, 0.0), (3, 164.95)):
        assert sold_on_the_day(small, market, tmp_path / str(last), last) == sold
    kept = small.request()
    ccp.simulate(small.book, tmp_path / "kept", kept, small.rulebook, market)
    cover = pl.read_parquet(tmp_path / "kept" / days).sort("date")["cover_1"].to_list()
    assert cover[1:3] == [1_500_000.0] * 2
    assert cover[3] < 1_500_000.0


@pytest.mark.parametrize("asset_class", ["rate", "volatility"])
def test_a_security_that_follows_no_price_is_refused(asset_class: str, tmp_path: Path) -> None:
    """A bond falls when its yield rises: a yield is not what its value is in proportion to."""
    small = posted(4.0, 4.1)
    first = {"pool_id": "a", "asset_id": "CASH", "market_value": 1.0, "haircut": 0.0, "factor_id": None}
    small = replace(small, collateral=(first, BOND))
    market = market_of(small, "absolute", asset_class)
    expected = f"collateral, row 2, column factor_id, value 'PAPER': the factor of a price .* is a {asset_class}"
    with pytest.raises(ccp.InputError, match=expected):
        ccp.check(small.book, small.rulebook, market)
    with pytest.raises(ccp.InputError, match=expected):
        ccp.simulate(small.book, tmp_path / "run", small.request(), small.rulebook, market)
