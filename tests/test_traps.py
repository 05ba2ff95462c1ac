"""The mistakes an expert looks for first, each with a test that would catch it. Arithmetic traps that a worked example
catches stand in `tests/cases`; here are those that need a whole run."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from support.small_books import book, loss, market, rulebook

import ccp
from ccp.errors import InputError
from ccp.market.case import open_case
from ccp.pricing.revalue import revalue
from ccp.pricing.terms import instrument_terms
from ccp.scenarios.scenario_set import FactorMoves

HOUSES = {"a": ("A", "a", "house"), "b": ("B", "b", "house"), "c": ("C", "c", "house")}
LONGS = [("a", "X", 1000.0), ("b", "X", 500.0), ("c", "Y", 300.0)]


def size(the_book: Any, the_rulebook: Any = None, the_market: Any = None) -> "ccp.Sizing":
    return ccp.size(the_book, the_rulebook or rulebook(), the_market or market())


def test_loss_over_margin_and_not_loss_decides() -> None:
    """More margin held means less loss over margin, one for one, and cover-2 falls."""
    held = {"a": 3_000.0, "b": 1_000.0, "c": 500.0, "DEALER": 1e6}
    more = {pool: 2 * amount for pool, amount in held.items()}
    rules = rulebook(stress={"resources": "held"})
    before = size(book(LONGS, HOUSES, collateral=held), rules)
    after = size(book(LONGS, HOUSES, collateral=more), rules)
    # 1,000 X at 100 fall by 20 %: 20,000 lost
    assert loss(before, "market down 20%", "A") == 20_000 - 3_000
    assert loss(after, "market down 20%", "A") == 20_000 - 6_000
    # the same at 50 %, where cover-2 stands: 50,000 and 25,000 lost by A and B
    assert before.coverage["cover_2"]["amount"] == 75_000 - 4_000
    assert after.coverage["cover_2"]["amount"] == 75_000 - 8_000


def test_variation_margin_already_settled_is_not_lost_again() -> None:
    """A future bought at 50 and settled at 100 since loses from 100 on: without a shock nothing is lost or stands."""
    case = open_case(book(LONGS, HOUSES), market(), rulebook())
    terms = instrument_terms(case.book.instruments, case.market, case.factor_ids, "USD", 2)
    nothing = np.zeros((1, len(case.factor_ids)))
    cube = revalue(terms, FactorMoves(nothing, nothing))
    assert not cube.change.any()
    assert not cube.premium_value.any()


def test_survivors_fund_leaves_out_the_defaulters_contribution() -> None:
    sizing = size(book(LONGS, HOUSES, contributions={"A": 10.0, "B": 30.0, "C": 40.0, "DEALER": 20.0}))
    event = ccp.default(
        book(LONGS, HOUSES, contributions={"A": 10.0, "B": 30.0, "C": 40.0, "DEALER": 20.0}),
        rulebook(),
        scenario="market down 50%",
        defaulters=["A"],
        market=market(),
    )
    tiers = {tier["tier"]: tier for tier in event.trace["tiers"]}
    assert tiers["defaulter_fund"]["available"] == 10
    assert tiers["survivors_fund"]["available"] == 90
    assert sizing.coverage["fund"]["posted"] == 100


def test_affiliates_default_together() -> None:
    """Two members of 30 and 25 in one group beat one of 40."""
    positions = [("a", "X", 300.0), ("b", "X", 250.0), ("c", "X", 400.0)]
    nothing = {"a": 0.0, "b": 0.0, "c": 0.0, "DEALER": 0.0}
    rules = rulebook(stress={"resources": "held"})
    apart = size(book(positions, HOUSES, collateral=nothing), rules)
    together = size(book(positions, HOUSES, groups={"A": "G", "B": "G"}, collateral=nothing), rules)
    scenario = "market down 20%"
    assert loss(apart, scenario, "C") == 8_000
    cover = together.tables["scenarios"].filter(pl.col("scenario_id") == scenario)["cover_1"].item()
    assert cover == 11_000


def test_excess_collateral_counts_only_where_the_rulebook_says_so() -> None:
    held = {"a": 50_000.0, "b": 0.0, "c": 0.0, "DEALER": 0.0}
    found = {}
    for way in ("required", "held", "minimum"):
        sizing = size(book(LONGS, HOUSES, collateral=held), rulebook(stress={"resources": way}))
        found[way] = (loss(sizing, "market down 20%", "A"), loss(sizing, "market down 20%", "B"))
        reported = sizing.coverage["cover_n_by_margin_counted"]
        assert reported[way] == sizing.coverage["cover_2"]["amount"]
        assert set(reported) == {"required", "held", "minimum"}
    margin = {row["account_id"]: row["margin"] for row in sizing.tables["margin"].to_dicts()}
    assert found["held"] == (0, 10_000)
    assert found["required"] == (pytest.approx(20_000 - margin["a"]), pytest.approx(10_000 - margin["b"]))
    assert found["minimum"] == (found["required"][0], 10_000)


def test_margin_does_not_know_the_shock() -> None:
    """A crash on the day after the run's date, or in the stress set, leaves margin as it was."""
    whole = market(last_day_factor=0.3)
    before = whole.dates[-2]
    with_crash = ccp.size(book(LONGS, HOUSES), rulebook(), whole, day=before)
    without = ccp.size(book(LONGS, HOUSES), rulebook(), market().until(before))
    assert with_crash.tables["margin"].equals(without.tables["margin"])
    larger = rulebook(stress={"hypothetical": [{"ladder": "market_gaps", "sizes": [0.9]}]})
    assert size(book(LONGS, HOUSES), larger).tables["margin"].equals(size(book(LONGS, HOUSES)).tables["margin"])
    assert not size(book(LONGS, HOUSES), None, whole).tables["margin"].equals(with_crash.tables["margin"])


def test_a_long_position_gains_when_the_price_rises() -> None:
    sizing = size(book([("a", "X", 1000.0), ("b", "X", -1000.0)], HOUSES))
    assert loss(sizing, "market up 20%", "A") == 0
    assert loss(sizing, "market up 20%", "B") > 0
    assert loss(sizing, "market down 20%", "A") > 0
    assert loss(sizing, "market down 20%", "B") == 0


def test_every_event_adds_up_to_its_loss() -> None:
    the_book = book(LONGS, HOUSES, contributions={"A": 33.33, "B": 33.33, "C": 33.34, "DEALER": 0.01})
    sizing = size(the_book)
    events = sizing.tables["waterfall"].group_by("scenario_id", "defaulters").agg(pl.col("amount").sum())
    assert events.height >= 4
    for row in events.iter_rows(named=True):
        groups = row["defaulters"].split("+")
        event = ccp.default(the_book, rulebook(), row["scenario_id"], groups, market=market())
        assert event.trace["adds_up"]
        assert round(event.trace["loss"] * 100) == round(row["amount"] * 100)
        assert round(event.waterfall["amount"].sum() * 100) == round(row["amount"] * 100)


def test_the_clearing_houses_capital_pays_before_the_survivors_and_once() -> None:
    """Two groups default and leave 1,000 each: with 200 of their own paid, one tranche of capital, and not two."""
    held = {"a": 49_000.0, "b": 24_000.0, "c": 1e6, "DEALER": 1e6}
    contributions = {"A": 100.0, "B": 100.0, "C": 1_000.0, "DEALER": 1_000.0}
    the_book = book(LONGS, HOUSES, contributions=contributions, collateral=held)
    capital = {"ccp_capital": {"amount": 250}}
    held_counts = {"resources": "held"}
    first = rulebook(stress=held_counts, tiers=["defaulter_margin", "defaulter_fund", capital, "survivors_fund"])
    last = rulebook(stress=held_counts, tiers=["defaulter_margin", "defaulter_fund", "survivors_fund", capital])
    for rules, expected in ((first, (250, 1_550)), (last, (0, 1_800))):
        event = ccp.default(the_book, rules, "market down 50%", ["A", "B"], market=market())
        tiers = {tier["tier"]: tier["paid"] for tier in event.trace["tiers"]}
        assert (tiers["ccp_capital"], tiers["survivors_fund"]) == expected


def test_assessments_are_not_counted_as_prefunded() -> None:
    """Contributions, capital and insurance are prefunded; calls, haircuts, equity and guarantees never are, in the
    coverage ratio as in the coverage test."""
    the_book = book(LONGS, HOUSES, contributions={"A": 1.0, "B": 2.0, "C": 3.0, "DEALER": 4.0})
    prefunded = ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"amount": 1}}, "survivors_fund"]
    unfunded = [
        {"assessments": {"multiple": 5}},
        "gains_haircut",
        {"ccp_equity": {"amount": 1e9}},
        {"parent_guarantee": {"amount": 1e9}},
        {"tear_up": {"scope": "full"}},
    ]
    few = ccp.size(the_book, rulebook(tiers=prefunded), market())
    many = ccp.size(the_book, rulebook(tiers=prefunded + unfunded), market())
    assert few.coverage["prefunded"] == many.coverage["prefunded"] == 10 + 1
    assert few.coverage["coverage_test"] == many.coverage["coverage_test"]
    insured = ccp.size(the_book, rulebook(tiers=[*prefunded, {"insurance": {"amount": 7}}]), market())
    assert insured.coverage["prefunded"] == 18


def test_the_quantile_is_an_order_statistic_and_not_numpys() -> None:
    """250 losses at 99 %: the 248th smallest, where numpy interpolates to rank 247.51."""
    losses = np.arange(1.0, 251.0)
    assert np.quantile(losses, 0.99) == pytest.approx(247.51)
    rules = rulebook(margin={"measure": "value_at_risk", "lookback_days": 100, "liquidation_days": 1})
    prices = market()
    sizing = ccp.size(book([("a", "X", 1000.0)], HOUSES), rules, prices)
    path = prices.levels["X"].to_numpy()[-101:]
    ordered = np.sort(-(path[1:] / path[:-1] - 1) * 1000 * 100)
    assert sizing.tables["margin"].filter(account_id="a")["margin"].item() == pytest.approx(ordered[98], abs=0.005)


def test_a_fund_that_passes_cover_two_can_still_fail_without_its_largest_contributor() -> None:
    """The fund is much larger than cover-2, but most of it is paid in by a group that may default as well."""
    contributions = {"A": 1_000.0, "B": 1_000.0, "C": 80_000.0, "DEALER": 0.0}
    held = {"a": 20_000.0, "b": 10_000.0, "c": 7_500.0, "DEALER": 1e6}
    sizing = size(
        book(LONGS, HOUSES, contributions=contributions, collateral=held),
        rulebook(
            stress={"resources": "held", "hypothetical": [{"ladder": "market_gaps", "sizes": [0.5]}]},
            tiers=["defaulter_margin", "defaulter_fund", {"ccp_capital": {"amount": 500}}, "survivors_fund"],
        ),
    )
    # A loses 50,000 less 20,000 margin, B 25,000 less 10,000, C just its margin
    assert sizing.coverage["cover_2"]["amount"] == 45_000
    test = sizing.coverage["coverage_test"]["sizing_scenarios"]
    assert sizing.coverage["fund"]["posted"] == 82_000
    assert not test["passed"]
    assert test["uncovered"] == 30_000 - 1_000 - 500 - 1_000
    assert test["defaulters"] == ["C", "A"]
    assert test["survivors_fund"] == 1_000
    assert test["defaulters_share_of_fund"] == pytest.approx(81 / 82)


def test_stress_scenarios_say_where_they_come_from() -> None:
    sizing = size(book(LONGS, HOUSES), rulebook(stress={"historical": {"worst": 3}}))
    table = sizing.tables["scenarios"]
    assert table["provenance"].str.len_chars().min() > 0  # type: ignore[operator]
    history = table.filter(pl.col("kind") == "historical")["provenance"].to_list()
    assert len(history) == 3
    assert all("market history, 2024-" in text for text in history)


def test_a_run_without_any_plausible_scenario_is_refused() -> None:
    nothing = rulebook(stress={"plausible": {"gap": 0.01}})
    with pytest.raises(InputError, match="sizes the fund"):
        size(book(LONGS, HOUSES), nothing)


def test_a_euro_future_gains_in_euro_at_the_scenarios_rate(tmp_path: Path) -> None:
    """Ten a point, in euro: -20 points are -200 EUR a contract, and the euro falls by 5 % in the same scenario."""
    prices = market()
    held = {"a": 0.0, "b": 0.0, "c": 0.0, "DEALER": 0.0}
    path = tmp_path / "both.csv"
    path.write_text("scenario_id,factor_id,kind,shock\nboth,X,relative,-0.2\nboth,EUR/USD,relative,-0.05\n")
    the_book = book([("a", "FX", 7.0)], HOUSES, collateral=held)
    sizing = ccp.size(the_book, rulebook(stress={"resources": "held"}), prices, scenarios=path)
    expected = 7 * 10 * 20 * prices.level("EUR/USD") * 0.95
    assert loss(sizing, "both", "A") == pytest.approx(expected, abs=0.005)


def test_naming_a_cover_number_chooses_defaulters_and_leaves_the_fund_as_it_is() -> None:
    the_book = book(LONGS, HOUSES)
    funds = set()
    for cover in (1, 2, 3):
        event = ccp.default(the_book, rulebook(), "market down 50%", cover=cover, market=market())
        tiers = {tier["tier"]: tier["available"] for tier in event.trace["tiers"]}
        funds.add(round(tiers["defaulter_fund"] + tiers["survivors_fund"], 2))
        assert len(event.trace["defaulters"]) == cover
        assert event.manifest["rulebook"]["fund"]["cover"] == 2
    assert funds == {size(the_book).coverage["fund"]["required"]}


def test_a_price_that_differences_would_take_below_zero_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("scenario_id,factor_id,kind,shock\nall gone,X,absolute,-500\n")
    with pytest.raises(InputError, match="more than 0 was expected"):
        ccp.size(book(LONGS, HOUSES), rulebook(), market(), scenarios=path)


def test_own_money_that_is_paid_in_beside_calls_only_is_not_prefunded() -> None:
    the_book = book(LONGS, HOUSES, contributions={"A": 1.0, "B": 2.0, "C": 3.0, "DEALER": 4.0})
    beside = {"pari_passu": [{"assessments": {"multiple": 1}}, {"ccp_capital": {"amount": 300}}]}
    fund = {"pari_passu": ["survivors_fund", {"ccp_capital": {"amount": 7}}]}
    sizing = ccp.size(the_book, rulebook(tiers=["defaulter_margin", "defaulter_fund", fund, beside]), market())
    assert (sizing.coverage["prefunded"], sizing.coverage["ccp_capital"]) == (10 + 7, 7)
    together = {"pari_passu": ["survivors_fund", {"assessments": {"multiple": 1}}, {"ccp_capital": {"amount": 7}}]}
    sizing = ccp.size(the_book, rulebook(tiers=["defaulter_margin", "defaulter_fund", together]), market())
    assert sizing.coverage["prefunded"] == 10 + 7
