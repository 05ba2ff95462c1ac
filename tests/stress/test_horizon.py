"""Each instrument moves over its own liquidation period in stress: small books, worked by hand.

The market stands still at 100 for 30 days, falls by 4 % on each of five days, and stands still again: there is no
margin, and a loss over margin is a loss. Five days together are a fall of 1 - 0.96^5, 18.46 %.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from support.small_books import market as random_market

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.frames import Factors
from ccp.market.case import Case, open_case
from ccp.market.history import Market
from ccp.pricing.horizon import case_scenarios, price_cube, stress_periods
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.scenario_set import ScenarioSet

WHOLE = 1 - 0.96**5
FALL = [*[100.0] * 30, *(100 * 0.96**day for day in range(1, 6)), *[100 * 0.96**5] * 30]
"""The market's prices; the last is what instruments stand at."""
BY_PRODUCT = {"liquidation_days": 1, "liquidation": [{"kind": "future", "days": 5}]}
TWINS = {"liquidation_days": 1, "liquidation": [{"instrument": "LONG", "days": 5}]}


def market_of(levels: dict[str, list[float]]) -> Market:
    days = len(next(iter(levels.values())))
    dates = [date(2024, 1, 1) + timedelta(days=number) for number in range(days)]
    classes = {"factor_id": list(levels), "change": "relative", "asset_class": "equity"}
    factors = pl.DataFrame(classes).cast({"change": Factors.create_empty().schema["change"]})  # type: ignore[arg-type]
    return Market(pl.DataFrame({"date": dates, **levels}), factors, {})


def book_of(
    held: Mapping[str, Mapping[str, float]],
    instruments: dict[str, tuple[str, str, str]] | None = None,
    collateral: list[dict[str, Any]] | None = None,
    price: float = FALL[-1],
    **members: Any,
) -> Book:
    """Accounts of a member each, by what they hold; what is unmatched is the dealer's, whose account holds one thing
    each. Instruments by (kind, factor, currency)."""
    instruments = instruments or {"SHORT": ("future", "X", "USD"), "LONG": ("future", "X", "USD")}
    books = {name: dict(mine) for name, mine in held.items()}
    for name in instruments:
        net = sum(mine.get(name, 0.0) for mine in books.values())
        books[f"DEALER {name}"] = {name: -net} if net else {}
    owner = {name: "DEALER" if name.startswith("DEALER") else name for name in books}
    names = sorted(set(owner.values()))
    tables = {
        "members": pl.DataFrame(
            {"member_id": names, **{key: [value[n] for n in names] for key, value in members.items()}}
        ),
        "accounts": pl.DataFrame(
            {"account_id": list(books), "member_id": [owner[n] for n in books], "pool_id": list(books), "kind": "house"}
        ),
        "positions": pl.DataFrame(
            [(name, each, float(quantity)) for name, mine in books.items() for each, quantity in mine.items()],
            schema=["account_id", "instrument_id", "quantity"],
            orient="row",
        ),
        "instruments": pl.DataFrame(
            [(name, *about, 1.0, price) for name, about in instruments.items()],
            schema=["instrument_id", "kind", "factor_id", "currency", "multiplier", "price"],
            orient="row",
        ),
    }
    if collateral is not None:
        tables["collateral"] = pl.DataFrame(collateral)
    return book_from_frames(tables)


def rules_of(margin: dict[str, Any], **parts: Any) -> Rulebook:
    document: dict[str, Any] = {
        "name": "horizons",
        "currency": "USD",
        "margin": {"measure": "value_at_risk", "confidence": 0.9, "lookback_days": 20, **margin},
        "stress": {"historical": {"worst": 1}},
        "fund": {"cover": 1},
        "tiers": ["defaulter_margin", "defaulter_fund", "survivors_fund", "uncovered"],
    }
    return Rulebook.model_validate(document | parts)


def loss(sizing: "ccp.Sizing", member: str) -> float:
    """The most that a member loses over margin in any scenario."""
    return float(sizing.tables["losses"].filter(group_id=member)["loss_over_margin"].max())  # type: ignore[arg-type]


def same_tables(one: "ccp.Sizing", other: "ccp.Sizing") -> None:
    for name, table in one.tables.items():
        assert table.equals(other.tables[name]), name


@pytest.mark.parametrize("horizon", ["own", "longest"])
def test_two_spellings_of_one_period_are_equal_in_every_table(horizon: str) -> None:
    """1,000 futures at 81.537...: the worst five days take 1 - 0.96^5 of them."""
    stress = {"historical": {"worst": 1}, "horizon": horizon}
    book, market = book_of({"A": {"LONG": 1000, "SHORT": 20}}), market_of({"X": FALL})
    plain, spelt = (
        ccp.size(book, rules_of(margin, stress=stress), market) for margin in ({"liquidation_days": 5}, BY_PRODUCT)
    )
    same_tables(plain, spelt)
    assert plain.coverage["fund"]["required"] == pytest.approx(1020 * FALL[-1] * WHOLE, abs=0.01)
    assert plain.tables["shocks"].select("days", "relative").rows() == [(5.0, pytest.approx(-WHOLE))]


@pytest.mark.parametrize("way", [1, -1])
def test_a_hedge_over_two_periods_is_none(way: int) -> None:
    """Prices fall, or rise, by as much. Worst is the day before: no move over one day, over five four days of the five,
    1 - 0.96^4 or 15.07 %. Over one period for all in the account there is no loss."""
    levels = [100 + way * (level - 100) for level in FALL]
    market, price, worst = market_of({"X": levels}), levels[-1], {"historical": {"worst": 50}}
    book = book_of({"A": {"SHORT": way * -100, "LONG": way * 100}}, price=price)
    own, longest = (
        ccp.size(book, rules_of(TWINS, stress=worst | {"horizon": word}), market) for word in ("own", "longest")
    )
    alike = ccp.size(book, rules_of({"liquidation_days": 1}, stress=worst), market)
    assert loss(own, "A") == pytest.approx(100 * price * (1 - 0.96**4), abs=0.01)
    assert loss(alike, "A") == loss(longest, "A") == 0


def test_the_longest_period_is_that_of_the_account() -> None:
    """Two accounts of one thing each move over their own period, and one that holds none of the five-day twin too."""
    market, worst = market_of({"X": FALL}), {"historical": {"worst": 50}, "horizon": "longest"}
    held = {"A": {"SHORT": 100}, "B": {"SHORT": 100, "LONG": 1}, "C": {"SHORT": 100, "LONG": 0}}
    found = ccp.size(book_of(held), rules_of(TWINS, stress=worst), market)
    assert loss(found, "A") == pytest.approx(100 * FALL[-1] * 0.04, abs=0.01)
    assert loss(found, "B") == pytest.approx(101 * FALL[-1] * WHOLE, abs=0.01)
    assert loss(found, "C") == loss(found, "A")


def test_a_fall_on_the_last_day_is_seen() -> None:
    """A one-day future beside a five-day one: 30 % on the last day, before which no five days begin."""
    levels = [*[100.0] * 20, 90.4, *[90.4] * 20, 90.4 * 0.7]  # 9.6 % before
    market = market_of({"X": levels})
    book = book_of({"A": {"SHORT": 100}, "B": {"LONG": 1}}, price=levels[-1])
    found = ccp.size(book, rules_of(TWINS), market)
    assert loss(found, "A") == pytest.approx(100 * levels[-1] * 0.3, abs=0.01)
    last, before = market.dates[-1], market.dates[-2]
    label = found.tables["scenarios"].filter(scenario_id=f"history {last} from {before}")
    assert label["description"].item().endswith("unfinished, 1 of 5 days")


def test_collateral_moves_over_its_own_days() -> None:
    """10,000 of X held against the loss on X: over one day it keeps 96 % of its value, over five 81.5 %."""
    line = {"pool_id": "A", "asset_id": "x", "market_value": 10_000.0, "haircut": 0.0, "factor_id": "X"}
    book = book_of({"A": {"LONG": 1000}}, collateral=[line])
    stress = {"historical": {"worst": 50}, "resources": "held"}
    market = market_of({"X": FALL})
    short, same = (
        ccp.size(
            book,
            rules_of({"liquidation_days": 5}, stress=stress, collateral={"stress": "scenario"} | own),
            market,
        )
        for own in ({"liquidation_days": 1}, {})
    )
    whole = 1000 * FALL[-1] * WHOLE
    begin = market.dates[29]  # the fall's first day after this: 4 % of collateral over one day, all of it over five
    worst = f"history {begin + timedelta(days=5)}"
    by_name = {
        name: sizing.tables["losses"].filter(scenario_id=worst, group_id="A")
        for name, sizing in (("1", short), ("5", same))
    }
    assert by_name["1"]["loss_over_margin"].item() == pytest.approx(whole - 9_600, abs=0.01)
    assert by_name["5"]["loss_over_margin"].item() == pytest.approx(whole - 10_000 * 0.96**5, abs=0.01)
    assert set(short.tables["shocks"]["days"].to_list()) == {1.0, 5.0}


def mixed_case(margin: dict[str, Any]) -> Case:
    """Two stocks and a future in euro, each over days of its own."""
    kinds = {"X": ("spot", "X", "USD"), "Y": ("spot", "Y", "USD"), "FX": ("future", "X", "EUR")}
    book = book_of({"A": {"X": 3, "Y": -2, "FX": 1}}, kinds, price=100.0)
    return open_case(book, random_market(), rules_of(margin, stress={"historical": {"worst": 4}}))


def from_the_same_day(scenarios: ScenarioSet, other: ScenarioSet) -> list[tuple[int, int]]:
    """Places of windows that begin on one day."""
    begins = {(label.window or (None,))[0]: place for place, label in enumerate(other.labels)}
    return [
        (place, begins[first])
        for place, label in enumerate(scenarios.labels)
        if (first := (label.window or (None,))[0]) in begins
    ]


def test_every_instrument_moves_as_in_a_run_of_its_own_period_alone() -> None:
    """Row by row of the cube, bit for bit, its exchange rate with it; and all windows of that run are there."""
    days = {"FX": 5, "X": 2, "Y": 3}
    entries = [{"instrument": name, "days": each} for name, each in days.items()]
    mixed = mixed_case({"liquidation_days": 1, "liquidation": entries})
    together = case_scenarios(mixed)
    assert stress_periods(mixed) == (2, 3, 5)
    cube = price_cube(mixed, together).change
    for row, each in enumerate(days.values()):  # in order of instrument
        single = mixed_case({"liquidation_days": each})
        alone = case_scenarios(single)
        pairs = from_the_same_day(alone, together)
        assert len(pairs) == alone.count
        there, here = np.array(pairs).T
        assert np.array_equal(price_cube(single, alone).change[row, there], cube[row, here])


@pytest.mark.parametrize("horizon", ["own", "longest"])
def test_positions_kept_on_disk_give_the_same(horizon: str, tmp_path: Path) -> None:
    held = {f"M{number}": {"SHORT": 10.0 * number, "LONG": -3.0 * number % 7} for number in range(1, 9)}
    book, market = book_of(held), market_of({"X": FALL})
    for name in ("members", "accounts", "instruments", "positions"):
        getattr(book, name).write_parquet(tmp_path / f"{name}.parquet")
    rules = rules_of(TWINS, stress={"historical": {"worst": 5}, "horizon": horizon})
    kept = ccp.size(tmp_path, rules, market, streaming=ccp.Streaming(memory=2**32))
    same_tables(ccp.size(book, rules, market), kept)


def test_what_follows_from_losses_follows_the_account_too() -> None:
    """Every account that holds the one-day future holds the five-day twin too, so that all moves over five days: gains,
    claims of pools, members' own losses and further rounds are those of a rulebook of five days."""
    held = {
        "A": {"SHORT": 900.0, "LONG": 1.0},
        "B": {"SHORT": -500.0, "LONG": -1.0},
        "C": {"SHORT": -400.0, "LONG": 3.0},
    }
    held["D"] = {"LONG": -3.0}
    book = book_of(held, capital=dict.fromkeys((*held, "DEALER"), 1000.0))
    tiers: list[Any] = ["defaulter_margin", "defaulter_fund", {"survivors_fund": {"order": "segments_first"}}]
    tiers += [{"gains_haircut": {"share": 0.3}}, {"tear_up": {"scope": "partial"}}, "uncovered"]
    rules = [
        rules_of(margin, stress=stress, fund={"size": 100, "cover": 1}, tiers=tiers)
        for margin, stress in (
            ({"liquidation_days": 5}, {"historical": {"worst": 1}}),
            (TWINS, {"historical": {"worst": 1}, "horizon": "longest"}),
        )
    ]
    name = ccp.size(book, rules[0], market_of({"X": FALL})).tables["scenarios"]["scenario_id"][0]
    five, mixed = (ccp.default(book, one, name, market=market_of({"X": FALL}), contagion=True) for one in rules)
    assert set(five.waterfall["tier"]) >= {"gains_haircut", "survivors_fund", "tear_up"}
    assert five.waterfall.equals(mixed.waterfall)
    assert five.trace == mixed.trace
