"""One issuer's paper in one line and in two counts for the same, in every command that looks at collateral."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support.small_books import market

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.rulebook.rulebook import Rulebook

SPOT = {"kind": "spot", "currency": "USD", "multiplier": 1.0}
LINE = {"haircut": 0.0, "factor_id": "Y", "issuer_id": "Z"}
IN_ONE, IN_TWO = (("a", "BOND", 3000.0),), (("b", "BOND1", 1500.0), ("b", "BOND2", 1500.0))


def book_with(*lines: tuple[str, str, float]) -> Book:
    """A and B are long ten lots each of X at 100, the dealer short of twenty; A and B post bonds of Z alone."""
    tables = {
        "members": pl.DataFrame({"member_id": ["A", "B", "DEALER"]}),
        "accounts": pl.DataFrame(
            [("a", "A", "house"), ("b", "B", "house"), ("d", "DEALER", "house")],
            schema=["account_id", "member_id", "kind"],
            orient="row",
        ),
        "positions": pl.DataFrame(
            {"account_id": ["a", "b", "d"], "instrument_id": "X", "quantity": [100.0, 100.0, -200.0]}
        ),
        "instruments": pl.DataFrame({"instrument_id": ["X"], "factor_id": "X", "price": 100.0} | SPOT),
    }
    rows = [{"pool_id": pool, "asset_id": asset, "market_value": value} | LINE for pool, asset, value in lines]
    cash = {"pool_id": "d", "asset_id": "CASH", "market_value": 1e6} | LINE | {"factor_id": None, "issuer_id": None}
    return book_from_frames(tables | {"collateral": pl.DataFrame([*rows, cash])})


def rules(**collateral: Any) -> Rulebook:
    return Rulebook.model_validate(
        {
            "name": "test",
            "currency": "USD",
            "margin": {"confidence": 0.99, "lookback_days": 100, "liquidation_days": 1, "measure": "value_at_risk"},
            "stress": {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.3]}], "resources": "held"},
            "fund": {"cover": 1},
            "collateral": {"asset_limit": 0.5} | collateral,
            "tiers": ["defaulter_margin", "defaulter_fund", "survivors_fund", "uncovered"],
        }
    )


def need(sizing: ccp.Sizing, account: str) -> int:
    return round(sizing.tables["margin"].filter(account_id=account)["margin"].item() * 100)


@pytest.mark.parametrize(("stress", "share"), [("haircut", 1.0), ("scenario", 0.7)])
def test_a_sized_fund_counts_one_issuer_alike_in_one_line_and_in_two(stress: str, share: float) -> None:
    """100 X at 100 lose 3,000 when all falls by 30 %; of Z's 3,000 half of the requirement counts, or 70 % of that."""
    sizing = ccp.size(book_with(*IN_ONE, *IN_TWO), rules(stress=stress), market())
    half = need(sizing, "a") // 2
    assert need(sizing, "a") == need(sizing, "b")
    assert 0 < half < 3_000_00
    losses = sizing.tables["losses"].filter(scenario_id="market down 30%")
    found = dict(zip(losses["group_id"], losses["loss_over_margin"], strict=True))
    assert found["A"] == found["B"] == pytest.approx(3_000 - share * half / 100, abs=0.011)
    held = sizing.coverage["margin_held"]
    assert held["held"] == pytest.approx(1e6 + 2 * half / 100, abs=0.011)
    assert held["not_counted"]["issuer"] == pytest.approx(6_000 - 2 * half / 100, abs=0.011)
    assert held["pools_short"] == 2


def test_the_table_says_which_line_is_cut_by_which_limit() -> None:
    """Z to half of the requirement, then its class to a tenth."""
    limits = {"asset_class_limit": {"equity": 0.1}}  # the market calls Y an equity
    sizing = ccp.size(book_with(*IN_ONE, *IN_TWO), rules(**limits), market())
    half, tenth = need(sizing, "a") // 2, need(sizing, "a") // 10
    table = sizing.tables["collateral"].with_columns((pl.selectors.float() * 100).round())
    rows = {row["asset_id"]: row for row in table.to_dicts()}
    names = ("market_value", "after_haircut", "cut_issuer", "cut_asset_class", "counted")
    expected = [3_000_00, 3_000_00, 3_000_00 - half, half - tenth, tenth]
    assert [rows["BOND"][name] for name in names] == expected
    for name in ("cut_issuer", "cut_asset_class", "counted"):
        assert rows["BOND1"][name] + rows["BOND2"][name] == rows["BOND"][name]
        assert abs(rows["BOND1"][name] - rows["BOND2"][name]) <= 1
    assert rows["CASH"]["counted"] == 1e8
    assert sum(rows["CASH"][name] for name in table.columns if name.startswith("cut_")) == 0
    (note,) = [one for one in sizing.notes if one.id == "collateral_cut"]
    assert f"{6_000 - 2 * half / 100:,.2f} beyond issuer_limit (3 lines)" in note.sentence
    assert note.as_dict() in sizing.manifest["notes"]


def test_a_book_without_collateral_has_an_empty_table() -> None:
    whole = book_with(*IN_ONE)
    tables = {name: getattr(whole, name) for name in ("members", "accounts", "instruments", "positions")}
    sizing = ccp.size(book_from_frames(tables), rules(), market())
    assert sizing.tables["collateral"].is_empty()
    assert sizing.coverage["margin_held"] is None


def test_a_limit_that_names_nothing_of_the_book_is_noted() -> None:
    limits = {"asset_class_limit": {"equitys": 0.1, "equity": 1.0}, "currency_limit": {"EUR": 0.1}}
    notes = [one.sentence for one in ccp.check(book_with(*IN_ONE), rules(**limits), market()).notes]
    assert "collateral.asset_class_limit names equitys: no collateral of the book is under that" in notes
    assert "collateral.currency_limit names EUR: no collateral of the book is under that" in notes


def test_check_tells_what_is_cut() -> None:
    whole = book_with(*IN_ONE, *IN_TWO)
    half = need(ccp.size(whole, rules(), market()), "a") // 2
    (note,) = [one for one in ccp.check(whole, rules(), market()).notes if one.id == "collateral_cut"]
    cut = f"{6_000 - 2 * half / 100:,.2f}"
    assert note.sentence == (
        f"USD {cut} of 1,006,000.00 of collateral after haircut do not count: {cut} beyond issuer_limit (3 lines)"
    )


def test_what_if_sets_a_limit_by_its_path(tmp_path: Path) -> None:
    """A sized run, and the same with Z at a tenth: as sizing under that rulebook, bit for bit."""
    whole = book_with(*IN_ONE, *IN_TWO)
    ccp.size(whole, rules(), market(), base=True).write(tmp_path / "run")
    changes = tmp_path / "changes.yaml"
    changes.write_text("rules: {collateral.asset_limit: null, collateral.issuer_limit: {Z: 0.1}}\n")
    found = ccp.what_if(tmp_path / "run", changes).sizing
    expected = ccp.size(whole, rules(asset_limit=None, issuer_limit={"Z": 0.1}), market())
    for name, table in expected.tables.items():
        assert found.tables[name].equals(table), name
    assert found.coverage == expected.coverage


def test_a_member_that_comes_makes_paper_of_its_name_its_groups(tmp_path: Path) -> None:
    """Z joins, in A's group: Z's bonds are own paper in A's pool, though A's accounts are as they were."""
    ccp.size(book_with(*IN_ONE, *IN_TWO), rules(), market(), base=True).write(tmp_path / "run")
    changes = tmp_path / "changes.yaml"
    come = {"add_members": "{member_id: Z, group_id: A}", "add_accounts": "{account_id: z, member_id: Z, kind: house}"}
    changes.write_text("".join(f"{word}: [{entry}]\n" for word, entry in come.items()))
    found = ccp.what_if(tmp_path / "run", changes).sizing
    rows = {row["asset_id"]: row for row in found.tables["collateral"].to_dicts()}
    assert (rows["BOND"]["counted"], rows["BOND"]["cut_own_paper"]) == (0.0, 3_000.0)
    assert rows["BOND1"]["cut_own_paper"] == 0.0
    losses = found.tables["losses"].filter(scenario_id="market down 30%", group_id="A")
    assert losses["loss_over_margin"].item() == 3_000.0


def test_collateral_whose_value_holds_at_a_level_of_zero_is_refused(tmp_path: Path) -> None:
    """Of nothing there is no proportion, so no number of units can be told; a level of zero on another day is sound."""
    whole, last = book_with(*IN_ONE), market()
    days = last.levels["date"]
    kind = last.factors.schema["change"]
    change = pl.when(pl.col("factor_id") == "Y").then(pl.lit("absolute")).otherwise(pl.col("change").cast(pl.String))
    factors = last.factors.with_columns(change.cast(kind).alias("change"))  # type: ignore[arg-type]
    for level in (0.0, -2.0):
        fallen = pl.when(pl.col("date") == days[-2]).then(pl.lit(level)).otherwise(pl.col("Y")).alias("Y")
        prices = replace(last, levels=last.levels.with_columns(fallen), factors=factors)
        first = ccp.RunRequest(days[-2], days[-1])
        own = ccp.RunRequest(days[-4], days[-3], book_date=days[-2])
        for call in (
            lambda prices=prices: ccp.check(whole, rules(), prices, day=days[-2]),
            lambda prices=prices: ccp.size(whole, rules(), prices, day=days[-2]),
            lambda prices=prices, asked=first: ccp.simulate(whole, tmp_path / "out", asked, rules(), prices),
            lambda prices=prices, asked=own: ccp.simulate(whole, tmp_path / "out", asked, rules(), prices),
        ):
            with pytest.raises(ccp.InputError, match="the level that the market value of collateral holds at must be"):
                call()
        assert not (tmp_path / "out").exists()
        found = ccp.size(whole, rules(), prices).tables["collateral"].filter(asset_id="BOND")
        assert found["counted"].item() > 0


@pytest.mark.parametrize(
    ("stated", "blank_class", "shares"),
    [(None, None, 1), ("bond", "bond", 1), ("bond", None, 1), (None, "bond", 1), ("bond", "equity", 2)],
)
def test_a_line_without_an_issuer_is_taken_for_its_neighbours(
    stated: str | None, blank_class: str | None, shares: int
) -> None:
    """A has bonds of Z, half of them without a name: half of the requirement counts, as if all of them named Z; whether
    both state a class or one. What states another class is somebody else's and has a half of its own."""
    whole = book_with(*IN_ONE, ("a", "OTHER", 3000.0))
    assert whole.collateral is not None
    blank = pl.when(pl.col("asset_id") == "OTHER").then(None)
    names = [blank.otherwise(pl.col(name)).alias(name) for name in ("issuer_id", "issuer_group_id")]
    kind = (
        pl.when(pl.col("asset_id") == "OTHER").then(pl.lit(blank_class)).otherwise(pl.lit(stated)).alias("asset_class")
    )
    found = ccp.size(replace(whole, collateral=whole.collateral.with_columns(*names, kind)), rules(), market())
    counted = found.tables["collateral"].filter(pl.col("asset_id") != "CASH")["counted"].sum()
    assert round(counted * 100) == min(shares * (need(found, "a") // 2), need(found, "a"))


def test_simulations_say_what_of_the_collateral_does_not_count(tmp_path: Path) -> None:
    prices = market()
    day = prices.levels["date"][-1]
    limits = rules(issuer_limit={"Z": 0.5, "Q": 0.1}, asset_limit=None)
    request = ccp.RunRequest(prices.levels["date"][-3], day)
    run = ccp.simulate(book_with(*IN_ONE, *IN_TWO), tmp_path / "run", request, limits, prices)
    assert {"collateral_cut", "unused_limit"} <= {one.id for one in run.notes}
    assert "collateral.issuer_limit names Q: no collateral of the book is under that" in [
        one.sentence for one in run.notes
    ]
