"""Shifts of rates by hand: parallel, steeper, flatter; units, tenors, rates that move by ratios, multiples."""

import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support.rye import rye_rules

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.errors import InputError
from ccp.market.history import Market, read_market
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.shocks import with_multiple
from ccp.rulebook.stress import RateShifts
from ccp.rulebook.with_rules import with_rules
from ccp.scenarios.rate_shifts import cut_rates, rate_scenarios, untwisted
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.stress_set import stress_scenarios

Kinds = dict[str, dict[str, Any]]
CURVE: Kinds = {
    "UST3M": {"tenor_years": 0.25},
    "UST10Y": {"tenor_years": 10.0},
    "EONIA": {},
    "EUR5": {"tenor_years": 5.0, "rate_unit": "decimal"},
    "BP": {"tenor_years": 2.0, "rate_unit": "basis_points"},
    "BUND": {"change": "relative", "tenor_years": 10.0},
    "ACME": {"change": "relative", "asset_class": "equity"},
}


def market_of(kinds: Kinds, level: float = 2.0, days: int = 40) -> Market:
    dates = [date(2022, 1, 3) + timedelta(days=number) for number in range(days)]
    rows = [
        {"change": "absolute", "asset_class": "rate", "tenor_years": None, "rate_unit": None} | row
        for row in kinds.values()
    ]
    factors = pl.DataFrame(rows, schema_overrides={"tenor_years": pl.Float64, "rate_unit": pl.String})
    factors = factors.with_columns(pl.Series("factor_id", list(kinds)), sector=None)
    return Market(pl.DataFrame({"date": dates} | {name: [level] * days for name in kinds}), factors, {})


def moves(found: ScenarioSet, scenario: str) -> dict[str, tuple[float, float]]:
    place = found.ids.index(scenario)
    both = zip(found.factor_ids, found.longest.relative[place], found.longest.absolute[place], strict=True)
    return {name: (float(one), float(other)) for name, one, other in both if one or other}


def test_a_parallel_shift_moves_every_rate_in_its_own_unit_and_nothing_else() -> None:
    """200 basis points are 2 in percent, 0.02 as a decimal; a rate of 2 % that moves by ratios doubles."""
    found = rate_scenarios(RateShifts(basis_points=(200,), shapes=("parallel",)), market_of(CURVE), list(CURVE))
    up = {"UST3M": (0.0, 2.0), "UST10Y": (0.0, 2.0), "EONIA": (0.0, 2.0), "EUR5": (0.0, 0.02), "BP": (0.0, 200.0)}
    assert found.ids == ["rates down 200bp", "rates up 200bp"]
    assert moves(found, "rates up 200bp") == {
        name: pytest.approx(move) for name, move in (up | {"BUND": (1.0, 0.0)}).items()
    }
    down = {name: pytest.approx((-one, -other)) for name, (one, other) in (up | {"BUND": (1.0, 0.0)}).items()}
    assert moves(found, "rates down 200bp") == down
    assert [(label.gap, label.shift, label.kind) for label in found.labels] == [(None, 200, "hypothetical")] * 2


def test_twists_move_the_short_and_the_long_end_apart() -> None:
    """With s = exp(-t/4): steeper -0.65 s + 0.9 (1 - s), flatter 0.8 s - 0.6 (1 - s), times 100 basis points."""
    found = rate_scenarios(RateShifts(basis_points=(100,)), market_of(CURVE), ["UST3M", "UST10Y", "EONIA"])
    assert found.ids == ["rates down 100bp", "rates up 100bp", "rates steeper 100bp", "rates flatter 100bp"]
    short, far = math.exp(-0.0625), math.exp(-2.5)
    assert moves(found, "rates steeper 100bp") == {
        "UST3M": pytest.approx((0.0, -0.65 * short + 0.9 * (1 - short))),
        "UST10Y": pytest.approx((0.0, -0.65 * far + 0.9 * (1 - far))),
    }
    assert moves(found, "rates flatter 100bp") == {
        "UST3M": pytest.approx((0.0, 0.8 * short - 0.6 * (1 - short))),
        "UST10Y": pytest.approx((0.0, 0.8 * far - 0.6 * (1 - far))),
    }
    steep, flat = moves(found, "rates steeper 100bp"), moves(found, "rates flatter 100bp")
    assert steep["UST3M"][1] < 0 < steep["UST10Y"][1]
    assert flat["UST10Y"][1] < 0 < flat["UST3M"][1]


def test_a_rate_without_tenor_stays_in_a_twist_and_it_is_said() -> None:
    market = market_of(CURVE)
    found = rate_scenarios(RateShifts(basis_points=(100,)), market, ["UST3M", "EONIA"])
    assert untwisted(market, ["UST3M", "EONIA", "ACME"]) == ["EONIA"]
    assert found.labels[2].description == "rates steeper 100bp, 1 without a known tenor not moved"
    assert found.labels[0].description == "rates down 100bp"


@pytest.mark.parametrize("tenors", [(None, None), (10.0, None), (10.0, 10.0)])
def test_a_curve_of_fewer_than_two_tenors_cannot_be_twisted(tenors: tuple[float | None, ...]) -> None:
    kinds: Kinds = {f"R{number}": {"tenor_years": tenor} for number, tenor in enumerate(tenors)}
    market = market_of(kinds)
    found = rate_scenarios(RateShifts(basis_points=(100,)), market, list(kinds))
    assert found.ids == ["rates down 100bp", "rates up 100bp"]
    assert untwisted(market, list(kinds)) == list(kinds)


def test_a_shift_of_a_rate_by_ratios_near_zero_is_cut_at_a_hundred_times_its_level() -> None:
    """1 percent in 0.02 is 50 times, 3 are 150; one that moves by differences is shifted as written."""
    kinds: Kinds = {"NEAR": {"change": "relative"}, "FREE": {"change": "absolute"}}
    market = market_of(kinds)
    market = replace(market, levels=market.levels.with_columns(NEAR=pl.lit(0.02), FREE=pl.lit(0.02)))
    shifts = RateShifts(basis_points=(100, 300), shapes=("parallel",))
    found = rate_scenarios(shifts, market, ["NEAR", "FREE"])
    assert moves(found, "rates up 100bp") == {"NEAR": pytest.approx((50, 0)), "FREE": pytest.approx((0, 1))}
    assert moves(found, "rates up 300bp") == {"NEAR": (100, 0), "FREE": pytest.approx((0, 3))}
    assert cut_rates(shifts, market, ["NEAR", "FREE"]) == ["NEAR"]
    assert cut_rates(RateShifts(basis_points=(100,)), market, ["NEAR", "FREE"]) == []


def test_a_book_without_rates_has_no_shifts() -> None:
    found = rate_scenarios(RateShifts(), market_of(CURVE), ["ACME"])
    assert (found.count, found.longest.relative.shape) == (0, (0, 1))


def test_tenors_of_rates_are_told_from_names_unless_they_are_stated(tmp_path: Path) -> None:
    names = ["UST10Y", "EUR.3M", "L_2W", "O1D", "R5Y", "ACME", "3MX", "WHEAT.3M"]
    rows = [f"{name},{'grain' if name == 'WHEAT.3M' else 'rate'}" for name in names if name != "R5Y"]
    (tmp_path / "prices.csv").write_text(f"date,{','.join(names)}\n2024-01-02,{','.join('1' * 8)}\n")
    table = "\n".join(["factor_id,asset_class,tenor_years,rate_unit", *(f"{row},," for row in rows)])
    (tmp_path / "factors.csv").write_text(f"{table}\nR5Y,rate,4.5,decimal\n")
    market = read_market(tmp_path)
    assert market.kinds("tenor_years", names) == [
        10.0,
        0.25,
        pytest.approx(14 / 365),
        pytest.approx(1 / 365),
        4.5,
        None,
        None,
        None,  # no rate
    ]
    assert market.kinds("rate_unit", names) == [None] * 4 + ["decimal", None, None, None]
    (tmp_path / "factors.csv").write_text("factor_id,asset_class,tenor_years,rate_unit\nR5Y,rate,-1,percentage\n")
    with pytest.raises(InputError) as error:
        read_market(tmp_path)
    assert [problem.field for problem in error.value.problems] == ["rate_unit", "tenor_years"]


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("rates", "rate"),
        ("Rate", "rate"),
        ("rate ", "rate"),
        (" R ATES", "rate"),
        ("Currencies", "currency"),
        ("currencys", "currency"),
        ("VOLATILITY", "volatility"),
        ("rate", None),
        ("interest rate", None),
        ("Equity", None),
    ],
)
def test_a_class_that_moves_in_its_own_way_is_spelt_as_it_is(tmp_path: Path, stated: str, meant: str | None) -> None:
    (tmp_path / "prices.csv").write_text("date,ACME,R5Y\n2024-01-02,1,1\n")
    (tmp_path / "factors.csv").write_text(f'factor_id,asset_class\nACME,equity\nR5Y,"{stated}"\n')
    if meant is None:
        assert read_market(tmp_path).kinds("asset_class", ["R5Y"]) == [stated]
        return
    with pytest.raises(InputError) as error:
        read_market(tmp_path)
    assert str(error.value) == f"factors.csv, row 2, column asset_class, value '{stated}': write {meant}"


@pytest.mark.parametrize("asset_class", ["equity", "volatility", "", "rate"])
def test_only_a_rate_states_a_tenor_or_a_unit(tmp_path: Path, asset_class: str) -> None:
    (tmp_path / "prices.csv").write_text("date,ACME\n2024-01-02,1\n")
    table = "factor_id,asset_class,tenor_years,rate_unit"
    (tmp_path / "factors.csv").write_text(f"{table}\nACME,{asset_class},5,percent\n")
    if asset_class == "rate":
        assert read_market(tmp_path).kinds("tenor_years", ["ACME"]) == [5.0]
        return
    with pytest.raises(InputError) as error:
        read_market(tmp_path)
    assert str(error.value).splitlines() == [
        "factors.csv, row 1, column tenor_years, value 5.0: only a factor of asset_class rate may state this",
        "factors.csv, row 1, column rate_unit, value 'percent': only a factor of asset_class rate may state this",
    ]


# --- in a rulebook ----------------------------------------------------------------------------------------------------


def rules_of(**stress: Any) -> Rulebook:
    of_rye: dict[str, Any] = {"historical": None, "hypothetical": []}
    return with_rules(rye_rules(), [(f"stress.{word}", rule) for word, rule in (of_rye | stress).items()])


def test_a_rulebook_with_ladders_of_gaps_shifts_rates_too() -> None:
    """By default; none without any ladder, and none where it says so."""
    market = market_of({"R": {}, "ACME": CURVE["ACME"]})
    names = ["ACME", "R"]
    default = [f"rates {way} {size}bp" for way in ("down", "up") for size in (50, 100, 200, 300)]
    gaps = [{"ladder": "market_gaps", "sizes": [0.2]}]
    first = ["market down 20%", "market up 20%"]
    assert stress_scenarios(rules_of(hypothetical=gaps), market, names).ids == first + default
    none = rules_of(hypothetical=gaps, rate_shifts={"shapes": []})
    assert stress_scenarios(none, market, names).ids == first
    alone = rules_of(rate_shifts={"basis_points": [25]})
    assert stress_scenarios(alone, market, names).ids == ["rates down 25bp", "rates up 25bp"]
    assert rules_of(historical={"worst": 1}).stress.shifts is None


def test_shifts_have_multiples_and_a_limit_of_what_is_plausible() -> None:
    shifts = {"basis_points": [50, 100], "shapes": ["parallel"], "multiples": [1, 2]}
    rules = rules_of(rate_shifts=shifts, plausible={"multiple": 3, "shift": 50})
    found = stress_scenarios(rules, market_of({"R": {}}), ["R"])
    assert found.ids[:4] == ["rates down 50bp", "rates down 50bp@2x", "rates down 100bp", "rates down 100bp@2x"]
    assert [label.sizes_fund for label in found.labels] == [True, True, False, False] * 2
    assert moves(found, "rates up 100bp@2x") == {"R": pytest.approx((0.0, 2.0))}
    assert with_multiple(rules, 4).stress.rate_shifts == RateShifts.model_validate(
        shifts | {"multiples": (1, 2, 4)}, strict=False
    )


def test_a_rate_that_moves_by_ratios_does_not_fall_to_zero() -> None:
    """300 basis points of 2 % are -150 %, and capped."""
    found = stress_scenarios(
        rules_of(rate_shifts={"basis_points": [300]}), market_of({"R": {"change": "relative"}}), ["R"]
    )
    assert moves(found, "rates down 300bp") == {"R": (-0.99, 0.0)}
    assert found.labels[0].description == "rates down 300bp; 1 factor capped at -99%"


def rates_book(price: float) -> Book:
    tables = {
        "members": pl.DataFrame({"member_id": ["A", "B"]}),
        "accounts": pl.DataFrame({"account_id": ["A", "B"], "member_id": ["A", "B"], "kind": "house"}),
        "instruments": pl.DataFrame(
            {"instrument_id": ["FR"], "kind": "future", "factor_id": "R", "currency": "EUR", "multiplier": [1.0]}
            | {"price": price}
        ),
        "positions": pl.DataFrame({"account_id": ["A", "B"], "instrument_id": "FR", "quantity": [100.0, -100.0]}),
    }
    return book_from_frames(tables)


def test_a_book_of_rates_has_a_fund() -> None:
    """Rates stand still for eight days, so margins are nothing; 300 basis points on a hundred units are 300."""
    sizing = ccp.size(rates_book(2.0), rules_of(hypothetical=["market_gaps"]), market_of({"R": {}}))
    assert sizing.coverage["margin"] == 0.0
    assert sizing.coverage["fund"]["required"] == 300.0
    assert sizing.coverage["cover_1"]["scenario_id"] == "rates down 300bp"


def test_a_shift_is_an_event_and_a_gap_like_any_other_scenario(tmp_path: Path) -> None:
    """A, long, loses the 300 of the event; laid on a day, the shift is exchanged on it and stays."""
    book, rules, market = rates_book(2.0), rules_of(hypothetical=["market_gaps"]), market_of({"R": {}})
    event = ccp.default(book, rules, "rates down 300bp", ["A"], market=market)
    assert event.trace["loss"] == 300.0
    first, gap, last = (market.dates[row] for row in (20, 21, 22))
    request = ccp.RunRequest(first, last, gaps=((gap, "rates down 300bp"),))
    run = ccp.simulate(book, tmp_path / "out", request, rules, market)
    assert run.days["variation"].to_list() == [0.0, 300.0, 0.0]
