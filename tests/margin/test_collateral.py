"""What collateral counts for: haircut or shock and never both, currencies, own paper, limits, and what meets a need."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_books import book, loss, market

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.margin.collateral import Holdings, counted_margin, holdings, value_after_haircut, value_in_scenarios
from ccp.market.case import Case, open_case
from ccp.market.history import Market
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.scenario_set import FactorMoves

HOUSES = {"a": ("A", "a", "house"), "b": ("B", "b", "house"), "c": ("C", "c", "client")}
LONGS = [("a", "X", 1000.0), ("b", "X", 500.0), ("c", "Y", 300.0)]
POOLS = ("a", "b", "c", "DEALER")
PLENTY = 1e9


def line(pool: str, asset: str, value: float, **more: Any) -> dict[str, Any]:
    """A line of the collateral table: cash in dollars unless more is said."""
    nothing = {
        "haircut": 0.0,
        **dict.fromkeys(("factor_id", "currency", "issuer_id", "issuer_group_id", "asset_class")),
    }
    return {"pool_id": pool, "asset_id": asset, "market_value": value} | nothing | more


LINE_SCHEMA = {
    "pool_id": pl.String, "asset_id": pl.String, "market_value": pl.Float64, "haircut": pl.Float64,
    "factor_id": pl.String, "currency": pl.String, "issuer_id": pl.String, "issuer_group_id": pl.String,
    "asset_class": pl.String,
}  # fmt: skip


def book_with(
    lines: list[dict[str, Any]],
    groups: dict[str, str] | None = None,
    positions: list[tuple[str, str, float]] = LONGS,
) -> Book:
    """The small book with these lines of collateral, checked as a file's would be."""
    base = book(positions, HOUSES, groups)
    tables = {name: getattr(base, name) for name in ("members", "accounts", "instruments", "positions")}
    return book_from_frames(tables | {"collateral": pl.DataFrame(lines, schema=LINE_SCHEMA)})


def rules_of(collateral: dict[str, Any] | None = None, resources: str = "held") -> Rulebook:
    return Rulebook.model_validate(
        {
            "name": "test",
            "currency": "USD",
            "margin": {"confidence": 0.99, "lookback_days": 100, "liquidation_days": 2},
            "stress": {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.3]}], "resources": resources},
            "collateral": collateral or {},
            "tiers": ["defaulter_margin", "defaulter_fund", "survivors_fund"],
        }
    )


def case_of(
    lines: list[dict[str, Any]],
    groups: dict[str, str] | None = None,
    prices: Market | None = None,
    **collateral: Any,
) -> Case:
    return open_case(book_with(lines, groups), prices or market(), rules_of(collateral))


def held_lines(case: Case) -> Holdings:
    found = holdings(case)
    assert found is not None
    return found


def after_haircut(case: Case, required: tuple[int, ...] = (0, 0, 0, 0)) -> dict[str, int]:
    """By pool, with what is required of each in cents."""
    values = value_after_haircut(held_lines(case), np.array(required), 2)
    return dict(zip(POOLS, map(int, values), strict=True))


def scenario(case: Case, relative: dict[str, float], absolute: dict[str, float] | None = None) -> FactorMoves:
    """One scenario over the case's factors."""
    return FactorMoves(
        *(np.array([[stated.get(name, 0.0) for name in case.factor_ids]]) for stated in (relative, absolute or {}))
    )


def in_scenario(case: Case, relative: dict[str, float], absolute: dict[str, float] | None = None) -> dict[str, int]:
    values = value_in_scenarios(held_lines(case), scenario(case, relative, absolute), 2)
    return dict(zip(POOLS, map(int, values[:, 0]), strict=True))


# --- value after haircut ----------------------------------------------------------------------------------------------


def test_lines_count_after_haircut_at_todays_rate_each_in_cents() -> None:
    """Three lines of a, each rounded by itself; b holds euro; c and the dealer nothing."""
    prices = market()
    case = case_of(
        [
            line("a", "1", 10.005, haircut=0.5),  # 5.0025: 5.00
            line("a", "2", 33.33, haircut=0.1),  # 29.997: 30.00
            line("a", "3", 1.0, haircut=1.0),
            line("b", "cash", 1000.0, currency="EUR", haircut=0.02),
        ],
        prices=prices,
    )
    euro = prices.level("EUR/USD")
    assert after_haircut(case) == {"a": 3500, "b": round(Fraction(1000 * euro * 0.98) * 100), "c": 0, "DEALER": 0}


def test_a_book_without_the_table_has_no_holdings() -> None:
    case = open_case(book(LONGS, HOUSES), market(), rules_of())
    assert holdings(case) is None
    with_none = case_of([line("a", "cash", 0.0)])
    assert after_haircut(with_none) == dict.fromkeys(POOLS, 0)


def test_paper_of_the_members_own_group_counts_nothing_and_that_of_others_does() -> None:
    """The group's own name, its member's, and that of a company which states that it belongs to it."""
    groups = {"A": "G1", "B": "G1", "C": "G2"}
    own = {"factor_id": "X", "haircut": 0.1}
    lines = [
        line("a", "affiliate's", 100.0, issuer_id="G1", **own),
        line("a", "the affiliate's own name", 10.0, issuer_id="B", **own),
        line("a", "a daughter's", 1.0, issuer_id="D", issuer_group_id="G1", **own),
        line("a", "another's", 10.0, issuer_id="E", issuer_group_id="G2", **own),
        line("b", "other's", 100.0, issuer_id="G2", **own),
        line("c", "own", 100.0, issuer_id="G2", **own),
        line("c", "nobody's beside its own", 1.0, **own),
        line("c", "nobody's", 1.0, **own | {"factor_id": "Y"}),
    ]
    case = case_of(lines, groups)
    assert after_haircut(case) == {"a": 9_00, "b": 90_00, "c": 90, "DEALER": 0}
    assert in_scenario(case, {"X": -0.2, "Y": -0.2}) == {"a": 8_00, "b": 80_00, "c": 80, "DEALER": 0}


# --- in a scenario ----------------------------------------------------------------------------------------------------


def test_a_scenario_moves_market_value_by_factor_and_currency_without_haircut() -> None:
    prices = market()
    euro = prices.level("EUR/USD")
    case = case_of(
        [
            line("a", "stock", 100.0, factor_id="X", haircut=0.2),
            line("a", "cash", 10.0, haircut=0.5),
            line("b", "cash", 200.0, currency="EUR", haircut=0.1),
            line("c", "stock", 300.0, currency="EUR", factor_id="Y", haircut=0.3),
        ],
        prices=prices,
    )
    found = in_scenario(case, {"X": -0.3, "Y": 0.1, "EUR/USD": -0.05})
    assert found["a"] == 70_00 + 10_00
    assert found["b"] == round(Fraction(200 * euro * 0.95) * 100)
    assert found["c"] == round(Fraction(300 * euro * 1.1 * 0.95) * 100)
    assert in_scenario(case, {})["a"] == 110_00


def test_a_shock_by_difference_moves_value_in_proportion_to_the_level() -> None:
    """X falls from its level by 20 points, the euro by 11 cents: the same as the shares that they are."""
    prices = market()
    case = case_of(
        [
            line("a", "stock", 1_000.0, factor_id="X"),
            line("b", "cash", 1_000.0, currency="EUR"),
            line("c", "own", 1_000.0, factor_id="X", issuer_id="C"),
        ],
        prices=prices,
    )
    shares = {"X": -20 / prices.level("X"), "EUR/USD": -0.11 / prices.level("EUR/USD")}
    by_difference = in_scenario(case, {}, {"X": -20.0, "EUR/USD": -0.11})
    assert by_difference == in_scenario(case, shares)
    assert in_scenario(case, {}, {"X": 20.0})["c"] == 0


# --- through a whole run ----------------------------------------------------------------------------------------------

DEALER = [line("DEALER", "cash", PLENTY), line("c", "cash", PLENTY)]


def size(lines: list[dict[str, Any]], collateral: dict[str, Any], resources: str = "held", **more: Any) -> "ccp.Sizing":
    """Loss over margin of A and B, with ample cash in the other pools."""
    return ccp.size(book_with([*lines, *DEALER]), rules_of(collateral, resources), market(), **more)


@pytest.mark.parametrize(("stress", "counted"), [("haircut", 80), ("scenario", 70)])
def test_either_the_haircut_or_the_shock_and_never_both(stress: str, counted: float) -> None:
    """A security of 100 with a haircut of 20 %, in a fall of 30 %. 1,000 X at 100 lose 30,000."""
    lines = [
        line("a", "stock", 100.0, factor_id="X", haircut=0.2),
        line("b", "stock", 100.0, haircut=0.2),
    ]
    sizing = size(lines, {"stress": stress})
    assert loss(sizing, "market down 30%", "A") == 30_000 - counted
    assert loss(sizing, "market down 30%", "B") == 15_000 - (80 if stress == "haircut" else 100)  # cash does not move


def test_a_rise_is_worth_as_much_to_collateral_as_to_the_position() -> None:
    """The dealer is short 1,500 X: up 30 %, 45,000 lost, and 1,000 of X in its pool becomes 1,300."""
    lines = [line("DEALER", "stock", 1000.0, factor_id="X", haircut=0.9), line("c", "cash", PLENTY)]
    sizing = ccp.size(book_with(lines), rules_of({"stress": "scenario"}), market())
    ys = 300 * 50 * 0.3
    assert loss(sizing, "market up 30%", "DEALER") == 45_000 + ys - 1300


@pytest.mark.parametrize("stress", ["haircut", "scenario"])
def test_an_exchange_rate_moves_collateral_and_loss_in_the_same_scenario(stress: str, tmp_path: Path) -> None:
    """7 futures lose 200 euro a piece at -20 %, at a euro that falls by 5 %; 1,000 euro of cash fall with it."""
    path = tmp_path / "both.csv"
    path.write_text("scenario_id,factor_id,kind,shock\nboth,X,relative,-0.2\nboth,EUR/USD,relative,-0.05\n")
    prices = market()
    euro = prices.level("EUR/USD")
    lines = [line("a", "cash", 1000.0, currency="EUR"), line("DEALER", "cash", PLENTY)]
    the_book = book_with(lines, positions=[("a", "FX", 7.0)])
    sizing = ccp.size(the_book, rules_of({"stress": stress}), prices, scenarios=path)
    kept = 1.0 if stress == "haircut" else 0.95
    expected = 1400 * euro * 0.95 - 1000 * euro * kept
    assert loss(sizing, "both", "A") == pytest.approx(expected, abs=0.011)


@pytest.mark.parametrize("stress", ["haircut", "scenario"])
def test_own_paper_does_not_help_its_group(stress: str) -> None:
    with_paper = size([line("a", "own", 5_000.0, issuer_id="A"), line("a", "cash", 1.0)], {"stress": stress})
    assert loss(with_paper, "market down 30%", "A") == 30_000 - 1
    of_another = size([line("a", "paper", 5_000.0, issuer_id="B"), line("a", "cash", 1.0)], {"stress": stress})
    assert loss(of_another, "market down 30%", "A") == 30_000 - 5_001


def test_the_limit_binds_after_haircut_and_in_a_scenario() -> None:
    """Half of A's requirement at most; in a scenario the market value of that part, at 70 %: the rest may be gone."""
    lines = [line("a", "stock", 5_000.0, factor_id="X"), line("a", "cash", 400.0)]
    for stress in ("haircut", "scenario"):
        sizing = size(lines, {"stress": stress, "asset_limit": 0.5})
        need = round(sizing.tables["margin"].filter(account_id="a")["margin"].item() * 100)
        assert 400_00 < need // 2 < 3_500_00
        counted = need // 2 + 400_00 if stress == "haircut" else math.floor(0.7 * (need // 2) + 0.5) + 400_00
        assert round(loss(sizing, "market down 30%", "A") * 100) == 30_000_00 - counted


def test_only_what_meets_the_requirement_counts_of_what_a_scenario_moves() -> None:
    """A pool with twice its requirement after a haircut of 20 %, in stock that falls by 30 %.

    `held`: 70 of every 100 that it is worth today; `minimum` and `required`: half of that.
    """
    bare = ccp.size(book_with(DEALER), rules_of(), market()).tables["margin"]
    need = {row["account_id"]: round(row["margin"] * 100) for row in bare.to_dicts()}
    worth = {"a": need["a"] / 40, "b": need["b"] / 160}  # dollars: after haircut twice the requirement, and half of it
    lines = [line(pool, "stock", worth[pool], factor_id="X", haircut=0.2) for pool in "ab"]
    found = {way: size(lines, {"stress": "scenario"}, way) for way in ("held", "minimum", "required")}
    for pool, group, gap in (("a", "A", 30_000_00), ("b", "B", 15_000_00)):
        value, moved = (round(worth[pool] * share * 100) for share in (0.8, 0.7))
        part = math.floor(Fraction(moved * need[pool], value))
        counted = {"held": moved, "minimum": part if value > need[pool] else moved, "required": part}
        for way, amount in counted.items():
            assert round(loss(found[way], "market down 30%", group) * 100) == gap - amount, (way, pool)
    for sizing in found.values():
        reported = sizing.coverage["cover_n_by_margin_counted"]
        assert reported == {way: other.coverage["cover_2"]["amount"] for way, other in found.items()}


def test_scenarios_in_which_nothing_moves_leave_market_value() -> None:
    """The worst event's story tells of the margin that counted in its own scenario."""
    lines = [line("a", "stock", 1000.0, factor_id="X", haircut=0.5), line("b", "cash", 10.0)]
    sizing = size(lines, {"stress": "scenario"})
    assert sizing.worst_event["scenario_id"] == "market down 30%"
    event = ccp.default(
        book_with([*lines, *DEALER]), rules_of({"stress": "scenario"}), "market up 30%", ["DEALER"], market=market()
    )
    assert event.trace["adds_up"]
    up = in_scenario(case_of(lines), {"X": 0.3, "Y": 0.3})
    assert (up["a"], up["b"]) == (1300_00, 10_00)


# --- what counts against stress losses --------------------------------------------------------------------------------

cents = st.integers(0, 10**13) | st.sampled_from([0, 1, 2])
pools = st.lists(st.tuples(cents, cents, cents, cents), min_size=1, max_size=6)


def counted(way: str, rows: list[tuple[int, int, int, int]], moves: bool) -> list[list[int]]:
    """Rows of requirement, value after haircut, and moved value in two scenarios."""
    required, held, first, second = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    found = counted_margin(way, required, held, np.stack([first, second], axis=1) if moves else None)
    return found.tolist()


@given(pools, st.sampled_from(["required", "held", "minimum"]))
def test_counted_margin_without_moves_is_one_amount_a_pool(rows: Any, way: str) -> None:
    expected = {"required": lambda need, held: need, "held": lambda need, held: held, "minimum": min}[way]
    assert counted(way, rows, False) == [[expected(need, held)] for need, held, _, _ in rows]


@given(pools, st.sampled_from(["required", "held", "minimum"]))
def test_counted_margin_with_moves_equals_fractions_rounded_down(rows: Any, way: str) -> None:
    rows = [row for row in rows if row[:2] != (0, 0)] or [(1, 1, 0, 1)]  # those in the test below
    expected = []
    for need, held, *moved in rows:
        if way == "held" or (way == "minimum" and held <= need):
            expected.append(moved)
        elif held == 0:
            expected.append([need, need])
        else:
            expected.append([math.floor(Fraction(value) * Fraction(need, held)) for value in moved])
    assert counted(way, rows, True) == expected


def test_where_nothing_counts_after_haircut_the_requirement_counts_though_it_is_nothing() -> None:
    """No requirement, and collateral with a haircut of 100 %: `required` counts the requirement, as cash."""
    assert counted("required", [(0, 0, 50, 9)], True) == [[0, 0]]


def test_counted_margin_by_hand() -> None:
    """100 required, 250 held after haircut, worth 300 and 77 in two scenarios: 120, and 30.8 rounded down."""
    row = [(100, 250, 300, 77)]
    assert counted("minimum", row, True) == [[120, 30]]
    assert counted("required", row, True) == [[120, 30]]
    assert counted("held", row, True) == [[300, 77]]
    # 50 after haircut do not meet 100: all of it counts, or (required) twice as much, as if the need were met
    assert counted("minimum", [(100, 50, 60, 41)], True) == [[60, 41]]
    assert counted("required", [(100, 50, 60, 41)], True) == [[120, 82]]
    # nothing held: the requirement as cash, or nothing
    assert counted("required", [(100, 0, 0, 9)], True) == [[100, 100]]
    assert counted("minimum", [(100, 0, 0, 9)], True) == [[0, 9]]


@pytest.mark.parametrize("way", ["required", "held", "minimum"])
def test_without_a_collateral_table_the_requirement_counts(way: str) -> None:
    assert counted_margin(way, np.array([3, 0]), None, None).tolist() == [[3], [0]]


@pytest.mark.parametrize("stress", ["haircut", "scenario"])
@pytest.mark.parametrize(("way", "share"), [("held", 0), ("minimum", 0), ("required", 1)])
def test_a_pool_without_lines_holds_nothing(stress: str, way: str, share: int) -> None:
    """Other pools have collateral, so this one's is known: none. Only `required` takes the requirement as met."""
    sizing = size([line("a", "cash", 1.0)], {"stress": stress}, way)
    need = sizing.tables["margin"].filter(account_id="b")["margin"].item()
    assert need > 0
    assert loss(sizing, "market down 30%", "B") == pytest.approx(15_000 - share * need, abs=1e-9)


def test_order_of_lines_changes_nothing() -> None:
    lines = [
        line("b", "2", 50.0, factor_id="Y", currency="EUR"),
        line("a", "1", 70.0, factor_id="X", haircut=0.3),
        line("b", "1", 90.0, issuer_id="B"),
        line("a", "0", 11.0),
    ]
    case, turned = (case_of(some, asset_limit=0.6, currency_limit=0.2) for some in (lines, lines[::-1]))
    needs = (80_00, 70_00, 0, 0)
    assert after_haircut(case, needs) == after_haircut(turned, needs)
    assert in_scenario(case, {"X": -0.1, "EUR/USD": 0.2}) == in_scenario(turned, {"X": -0.1, "EUR/USD": 0.2})


def test_lines_taken_out_leave_the_rest_as_it_was() -> None:
    lines = [line("a", "1", 70.0, factor_id="X", haircut=0.5), line("a", "2", 10.0), line("b", "1", 90.0)]
    case = case_of(lines, asset_limit=0.5)
    whole = held_lines(case)
    rest = whole.without(np.array([True, False, False]))
    nothing = np.zeros(4, dtype=np.int64)
    assert value_after_haircut(rest, nothing, 2).tolist() == [10_00, 90_00, 0, 0]
    assert value_in_scenarios(rest, scenario(case, {"X": -0.5}), 2)[:, 0].tolist() == [10_00, 90_00, 0, 0]
    everything = whole.without(np.ones(3, dtype=bool))
    assert value_after_haircut(everything, nothing, 2).tolist() == [0, 0, 0, 0]
