"""Markets: reading them from any shape of file, knowing nothing of later days, returns, needs, and the shipped one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ccp.book.book import Book, book_from_frames
from ccp.errors import InputError, Problem
from ccp.market.history import Market, latest_levels, read_market
from ccp.market.needs import find_market_problems, needed_factors
from ccp.market.returns import overlapping_returns

Row = dict[str, Any]
DAYS = [date(2022, 1, 3) + timedelta(days=number) for number in range(5)]
LEVELS: dict[str, list[float | None]] = {
    "ACME": [100.0, 101.5, None, 99.25, 0.1 + 0.2],
    "EUR/USD": [1.1, 1.2, 1.3, 1.05, 1.0],
    "ACME.VOL": [None, 0.2, 0.3, 0.25, 0.2],
    "RATE": [0.01, -0.02, 0.0, 0.015, 0.02],
}


def wide_table() -> pl.DataFrame:
    return pl.DataFrame({"date": DAYS} | LEVELS)


def long_table() -> pl.DataFrame:
    rows = [
        {"date": day, "factor_id": name, "value": value}
        for name, values in LEVELS.items()
        for day, value in zip(DAYS, values, strict=True)
        if value is not None
    ]
    return pl.DataFrame(rows)


def write(frame: pl.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    return path


def market_of(levels: Mapping[str, Sequence[float | None]], changes: dict[str, str] | None = None) -> Market:
    days = [date(2022, 1, 3) + timedelta(days=number) for number in range(len(next(iter(levels.values()))))]
    frame = pl.DataFrame(
        {"date": days} | {name: pl.Series(values, dtype=pl.Float64) for name, values in levels.items()}
    )
    change = [(changes or {}).get(name, "relative") for name in levels]
    return Market(frame, pl.DataFrame({"factor_id": list(levels), "change": change}), {})


def problems_of(error: pytest.ExceptionInfo[InputError]) -> list[Problem]:
    return error.value.problems


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("shape", ["long", "wide"])
def test_long_and_wide_in_csv_and_parquet_are_the_same_market(shape: str, ending: str, tmp_path: Path) -> None:
    table = long_table() if shape == "long" else wide_table()
    market = read_market(write(table, tmp_path / f"prices.{ending}"))
    assert_frame_equal(market.levels, wide_table(), check_exact=True)
    assert market.factor_ids == list(LEVELS)
    assert market.dates == DAYS
    assert market.files == {"prices": tmp_path / f"prices.{ending}"}
    assert market.kinds("change", list(LEVELS)) == ["relative"] * 4
    assert market.kinds("asset_class", list(LEVELS)) == [None, "currency", "volatility", None]
    assert market.modelled == ()


@pytest.mark.parametrize("shape", ["long", "wide"])
def test_order_of_rows_does_not_matter(shape: str, tmp_path: Path) -> None:
    table = long_table() if shape == "long" else wide_table()
    for seed in range(3):
        shuffled = table.sample(fraction=1.0, shuffle=True, seed=seed)
        levels = read_market(write(shuffled, tmp_path / "prices.csv")).levels
        assert_frame_equal(levels, wide_table(), check_exact=True, check_column_order=False)


def test_factors_table_beats_what_names_tell(tmp_path: Path) -> None:
    write(wide_table(), tmp_path / "prices.csv")
    stated = pl.DataFrame(
        {
            "factor_id": ["RATE", "ACME", "ACME.VOL", "UNUSED"],
            "change": ["absolute", None, "absolute", "relative"],
            "asset_class": ["rate", "equity", None, "equity"],
            "sector": [None, "energy", None, None],
        }
    )
    write(stated, tmp_path / "factors.parquet")
    market = read_market(tmp_path)
    assert set(market.files) == {"prices", "factors"}
    assert market.kinds("change", list(LEVELS)) == ["relative", "relative", "absolute", "absolute"]
    assert market.kinds("asset_class", list(LEVELS)) == ["equity", "currency", "volatility", "rate"]
    assert market.kinds("sector", list(LEVELS)) == ["energy", None, None, None]


@pytest.mark.parametrize(
    ("proxies", "row", "expected"),
    [
        ({"ACME": "NONE"}, 1, "a factor of the market was expected"),
        ({"ACME": "RATE"}, 1, "a factor that is relative, as ACME is, was expected"),
        ({"ACME": "EUR/USD", "EUR/USD": "ACME"}, 1, "a factor whose own proxies do not lead back was expected"),
        ({"EUR/USD": "EUR/USD"}, 2, "a factor whose own proxies do not lead back was expected"),
    ],
)
def test_proxies_that_cannot_stand_for_a_factor_are_refused(
    proxies: dict[str, str], row: int, expected: str, tmp_path: Path
) -> None:
    wide_table().write_csv(tmp_path / "prices.csv")
    changes = ["relative", "relative", "absolute"]
    names = ["ACME", "EUR/USD", "RATE"]
    factors = pl.DataFrame({"factor_id": names, "change": changes, "proxy": [proxies.get(name) for name in names]})
    factors.write_csv(tmp_path / "factors.csv")
    with pytest.raises(InputError) as raised:
        read_market(tmp_path)
    first = raised.value.problems[0]
    assert (first.source, first.field, first.row, first.expected) == ("factors.csv", "proxy", row, expected)


def test_levels_of_the_last_day_leave_out_what_has_none() -> None:
    market = market_of({"A": [1.0, 2.0], "B": [3.0, None]})
    assert latest_levels(market) == {"A": 2.0}
    assert market.level("A") == 2.0


@pytest.mark.parametrize(
    ("text", "field", "row", "value"),
    [
        ("date,A,B\n2022-01-03,1,2\n2022-01-04,1,x\n", "B", 2, "x"),
        ("date,A\n2022-01-03,1\n03/01/2022,1\n", "date", 2, "03/01/2022"),
        ("date,A\n2022-01-03,1\n2022-01-03,2\n", "date", 1, "2022-01-03"),
        ("date,A\n2022-01-03,inf\n", "A", 1, math.inf),
        ("date,factor_id,value\n2022-01-03,A,1\n2022-01-03,B,\n", "value", 2, None),
        ("date,factor_id,value\n2022-01-03,A,1\n2022-01-03,A,2\n", "date, factor_id", 1, "2022-01-03, A"),
    ],
)
def test_unusable_cells_are_located(text: str, field: str, row: int, value: object, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_market(path)
    first = problems_of(error)[0]
    assert (first.source, first.field, first.row, first.value) == ("prices.csv", field, row, value)


@pytest.mark.parametrize("text", ["A,B\n1,2\n", "date\n2022-01-03\n", "date,A\n"])
def test_tables_of_the_wrong_shape_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(text)
    with pytest.raises(InputError):
        read_market(path)


def test_missing_and_ambiguous_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_market(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"prices\.parquet or prices\.csv was expected"):
        read_market(tmp_path)
    write(wide_table(), tmp_path / "prices.csv")
    write(wide_table(), tmp_path / "prices.parquet")
    with pytest.raises(InputError, match="keep one"):
        read_market(tmp_path)


# --- a day, and nothing later -----------------------------------------------------------------------------------------


def test_until_forgets_every_later_day() -> None:
    market = market_of({"A": [1.0, 2.0, 3.0, 4.0], "B": [5.0, 6.0, None, 8.0]})
    days = market.dates
    known = market.until(days[2])
    assert known.dates == days[:3]
    assert known.level("A") == 3.0
    assert latest_levels(known) == {"A": 3.0}
    matrix = known.matrix(["B", "A"])
    assert matrix[:2].tolist() == [[5.0, 1.0], [6.0, 2.0]]
    assert np.isnan(matrix[2, 0])
    assert matrix[2, 1] == 3.0
    assert market.dates == days  # the market itself keeps them
    assert market.until(None) is market
    assert_frame_equal(market.until(days[-1]).levels, market.levels)


def test_until_wants_a_day_of_the_history_and_names_the_last_one_before() -> None:
    market = market_of({"A": [1.0, 2.0]})
    last = market.dates[-1]
    for day, words in ((last + timedelta(days=1), f"the last day before it is {last}"), (date(1999, 1, 1), "expected")):
        with pytest.raises(InputError, match=words) as error:
            market.until(day)
        assert problems_of(error)[0].value == str(day)


# --- returns ----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_overlapping_returns_equal_a_loop(seed: int, days: int) -> None:
    random = np.random.default_rng(seed)
    levels = random.uniform(0.5, 200, (14, 4))
    levels[:, 3] -= 100  # moves by differences and passes zero
    levels[random.random(levels.shape) < 0.1] = np.nan
    relative = np.array([True, True, False, False])
    found = overlapping_returns(levels, days, relative)
    assert found.shape == (14 - days, 4)
    for row in range(14 - days):
        for factor in range(4):
            before, after = float(levels[row, factor]), float(levels[row + days, factor])
            expected = (after - before) / before if relative[factor] else after - before
            assert found[row, factor] == pytest.approx(expected, rel=1e-12, abs=1e-15, nan_ok=True)


def test_returns_by_hand() -> None:
    levels = np.array([[100.0, 1.0], [80.0, 3.0], [110.0, -2.0]])
    one = overlapping_returns(levels, 1, np.array([True, False]))
    assert one.tolist() == [pytest.approx([-0.2, 2.0]), pytest.approx([0.375, -5.0])]
    assert overlapping_returns(levels, 2, np.array([True, False])).tolist() == [pytest.approx([0.1, -3.0])]


# --- what a book needs ------------------------------------------------------------------------------------------------


def needy_book(**more: Any) -> Book:
    future: Row = {
        "instrument_id": "F", "kind": "future", "factor_id": "A", "currency": "USD", "multiplier": 1.0, "price": 10.0,
        "expiry": None, "strike": None, "right": None, "volatility_id": None, "style": None,
    }  # fmt: skip
    option = future | {
        "instrument_id": "O", "kind": "option", "factor_id": "B", "currency": "EUR", "expiry": date(2023, 1, 1),
        "strike": 9.0, "right": "put", "volatility_id": "B.VOL", "style": "premium",
    }  # fmt: skip
    tables = {
        "members": pl.DataFrame({"member_id": ["M"]}),
        "accounts": pl.DataFrame({"account_id": ["X"], "member_id": ["M"], "kind": ["house"]}),
        "instruments": pl.DataFrame([future | more, option], infer_schema_length=None),
        "positions": pl.DataFrame({"account_id": ["X"], "instrument_id": ["F"], "quantity": [1.0]}),
        "collateral": pl.DataFrame(
            {"pool_id": ["X", "X"], "asset_id": ["bond", "cash"], "market_value": [5.0, 5.0], "haircut": [0.0, 0.1]}
            | {"currency": ["GBP", "USD"]}
        ),
    }
    return book_from_frames(tables, matched=False)


def rich_levels() -> dict[str, list[float | None]]:
    return {name: [1.0, 1.5, 2.0, 2.5] for name in ("A", "B", "B.VOL", "EUR/USD", "GBP/USD")}


def test_needed_factors_are_prices_volatilities_and_currencies_of_instruments_and_collateral() -> None:
    assert needed_factors(needy_book(), "USD") == ["A", "B", "B.VOL", "EUR/USD", "GBP/USD"]
    assert needed_factors(needy_book(), "EUR") == ["A", "B", "B.VOL", "GBP/EUR", "USD/EUR"]


def test_a_market_with_everything_is_enough() -> None:
    assert find_market_problems(needy_book(), market_of(rich_levels()), "USD", 4) == []


@pytest.mark.parametrize("factor", ["A", "B", "B.VOL", "EUR/USD", "GBP/USD"])
def test_a_factor_that_is_missing_or_short_is_named(factor: str) -> None:
    levels = rich_levels()
    del levels[factor]
    (missing,) = find_market_problems(needy_book(), market_of(levels), "USD", 4)
    assert (missing.value, missing.expected) == (factor, "the market has no history of this factor")
    today = rich_levels() | {factor: [1.0, 1.0, 1.0, None]}
    (no_value,) = find_market_problems(needy_book(), market_of(today), "USD", 4)
    assert no_value.value == factor
    assert "no value of this factor on 2022-01-06" in no_value.expected
    gap = market_of(rich_levels() | {factor: [1.0, None, 1.0, 1.0]})
    (short,) = find_market_problems(needy_book(), gap, "USD", 3)
    assert short.value == factor
    assert "latest 3 days was expected, the market has 2" in short.expected
    assert find_market_problems(needy_book(), gap, "USD", 2) == []  # what is older does not matter
    (long,) = find_market_problems(needy_book(), market_of(rich_levels()).until(date(2022, 1, 5)), "USD", 4)[:1]
    assert "the market has 3" in long.expected


def test_relative_factors_must_be_positive_and_absolute_ones_need_not() -> None:
    levels = rich_levels() | {"A": [1.0, -37.63, 2.0, 2.5]}
    (problem,) = find_market_problems(needy_book(), market_of(levels), "USD", 4)
    assert (problem.source, problem.field, problem.value) == ("market", "A", -37.63)
    assert problem.expected == "levels of a relative factor must be positive; on 2022-01-04 it is -37.63"
    assert find_market_problems(needy_book(), market_of(levels, {"A": "absolute"}), "USD", 4) == []


def test_price_below_zero_needs_an_absolute_factor() -> None:
    book = needy_book(price=-3.0)
    (problem,) = find_market_problems(book, market_of(rich_levels()), "USD", 4)
    assert (problem.field, problem.value, problem.row) == ("price", -3.0, 1)
    assert find_market_problems(book, market_of(rich_levels(), {"A": "absolute"}), "USD", 4) == []


@pytest.mark.parametrize(
    ("expiry", "fits"), [(date(2022, 1, 5), False), (date(2022, 1, 6), False), (date(2022, 1, 7), True)]
)
def test_an_instrument_must_expire_after_the_last_day(expiry: date, fits: bool) -> None:
    problems = find_market_problems(needy_book(expiry=expiry), market_of(rich_levels()), "USD", 4)
    assert [(each.field, each.value, each.row) for each in problems] == ([] if fits else [("expiry", str(expiry), 1)])


# --- the shipped market -----------------------------------------------------------------------------------------------

STOCKS = [
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO",
    "LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC", "UNH", "WMT", "XOM",
]  # fmt: skip
CURRENCIES = [
    "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK",
    "DKK", "SGD", "HKD", "KRW", "ZAR", "CZK", "HUF", "PLN",
]  # fmt: skip


@pytest.fixture(scope="module")
def shipped() -> Market:
    return read_market()


def test_shipped_market_holds_what_it_says(shipped: Market) -> None:
    pairs = [f"{name}/USD" for name in CURRENCIES]
    assert sorted(shipped.factor_ids) == sorted([*STOCKS, "INDEX20", "WTI", *pairs])
    assert shipped.kinds("asset_class", STOCKS) == ["equity"] * 20
    assert shipped.kinds("asset_class", pairs) == ["currency"] * len(pairs)
    assert shipped.kinds("asset_class", ["WTI"]) == ["commodity"]
    assert set(shipped.factors["change"]) == {"relative"}
    assert all(shipped.kinds("sector", STOCKS))
    assert shipped.factors["source"].null_count() == 0


def test_shipped_market_covers_the_crises_without_gaps(shipped: Market) -> None:
    dates = shipped.dates
    assert dates == sorted(set(dates))
    assert all(day.weekday() < 5 for day in dates)
    assert all(later - earlier <= timedelta(days=7) for earlier, later in pairwise(dates))
    counts = {
        month: sum((day.year, day.month) == month for day in dates) for month in [(2008, 9), (2008, 10), (2020, 3)]
    }
    assert counts == {(2008, 9): 21, (2008, 10): 23, (2020, 3): 22}  # every session of New York in those months
    assert (dates[0], dates[-1]) == (date(1999, 1, 4), date(2022, 12, 28))


def test_shipped_market_has_no_gaps_but_oil(shipped: Market) -> None:
    nulls = {name: count for name, count in shipped.levels.null_count().row(0, named=True).items() if count}
    assert set(nulls) == {"WTI"}
    lowest = shipped.levels.drop("date").min().row(0, named=True)
    assert all(value > 0 for value in lowest.values())
    assert np.isfinite(shipped.matrix([name for name in shipped.factor_ids if name != "WTI"])).all()


def test_index_is_the_plain_average_of_the_twenty_stocks(shipped: Market) -> None:
    columns = [shipped.levels[name].to_list() for name in STOCKS]
    index = shipped.levels["INDEX20"].to_list()
    level = 1000.0
    assert index[0] == level
    for day in range(1, len(index)):
        level *= 1 + fmean(column[day] / column[day - 1] - 1 for column in columns)
        assert index[day] == pytest.approx(level, rel=1e-12)


@pytest.mark.parametrize(
    ("day", "rate"),
    [(date(1999, 1, 4), 1.1789), (date(2000, 10, 26), 0.8252), (date(2008, 7, 15), 1.5990)],
)
def test_euro_is_what_the_central_bank_published(shipped: Market, day: date, rate: float) -> None:
    """The first reference rate, the lowest and the highest: known from the bank itself, not from the package."""
    known = shipped.until(day)
    assert known.level("EUR/USD") == rate
    euro = shipped.levels["EUR/USD"]
    if rate != 1.1789:
        assert rate in (euro.min(), euro.max())


def test_franc_rose_on_the_day_its_floor_fell(shipped: Market) -> None:
    """ECB reference rates of 14 and 15 January 2015: EUR/CHF 1.2010, then 1.0280; EUR/USD 1.1775, then 1.1708."""
    before, after = shipped.until(date(2015, 1, 14)), shipped.until(date(2015, 1, 15))
    for market, dollars, francs in ((before, 1.1775, 1.2010), (after, 1.1708, 1.0280)):
        assert market.level("EUR/USD") == dollars
        assert market.level("CHF/USD") == pytest.approx(dollars / francs, rel=1e-15)
