"""Where the stress period lies and what its scenarios are, against hand arithmetic and plain loops."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp.errors import InputError
from ccp.market.history import Market, read_market
from ccp.scenarios.stress_period import find_period, period_between, period_scenarios

FIRST = date(2022, 1, 3)
Column = Sequence[float | None]
Kinds = Mapping[str, tuple[str, str | None]]  # change, asset class


def market_of(levels: Mapping[str, Column], kinds: Kinds | None = None, days: list[date] | None = None) -> Market:
    size = len(next(iter(levels.values())))
    columns = {name: pl.Series(values, dtype=pl.Float64) for name, values in levels.items()}
    stated = [(kinds or {}).get(name, ("relative", "equity")) for name in levels]
    factors = pl.DataFrame(
        {
            "factor_id": list(levels),
            "change": [change for change, _ in stated],
            "asset_class": pl.Series([name for _, name in stated], dtype=pl.String),
        }
    )
    days = days or [FIRST + timedelta(days=number) for number in range(size)]
    return Market(pl.DataFrame({"date": days} | columns), factors, {})


RANDOM_KINDS: Kinds = {
    "E1": ("relative", "equity"),
    "E2": ("relative", "equity"),
    "N": ("relative", None),
    "R": ("absolute", "rate"),
    "E1.VOL": ("relative", "volatility"),
    "STILL": ("relative", "currency"),
}


def random_market(seed: int, rows: int, missing: float) -> Market:
    random = np.random.default_rng(seed)
    levels: dict[str, Column] = {}
    for name, (change, _) in RANDOM_KINDS.items():
        steps = random.standard_t(3, rows) * random.uniform(0.001, 0.03)
        walk = np.cumsum(steps) if change == "absolute" else 50 * np.exp(np.cumsum(steps))
        values = [1.0] * rows if name == "STILL" else walk.tolist()
        levels[name] = [None if random.random() < missing else level for level in values]
    begin = int(random.integers(0, 6))
    levels["E2"] = [None if row < begin else level for row, level in enumerate(levels["E2"])]
    return market_of(levels, RANDOM_KINDS)


@pytest.fixture(scope="module")
def shipped() -> Market:
    return read_market()


# --- finding it -------------------------------------------------------------------------------------------------------


def average_severities_by_loop(market: Market, rows: int) -> dict[int, float]:
    """Of every period of `rows` rows by its first row; docs/reference/margin-models.md and arithmetic.md, section 3."""
    levels = {name: market.levels[name].to_list() for name in market.factor_ids}
    change = dict(zip(market.factor_ids, market.kinds("change", market.factor_ids), strict=True))
    classes = dict(zip(market.factor_ids, market.kinds("asset_class", market.factor_ids), strict=True))
    returns: dict[int, dict[str, float]] = {}  # by the row the return ends on
    for end in range(1, len(market.dates)):
        ends = {name: (column[end - 1], column[end]) for name, column in levels.items()}
        if all(before is not None and after is not None for before, after in ends.values()):
            returns[end] = {
                name: after - before if change[name] == "absolute" else after / before - 1
                for name, (before, after) in ends.items()
            }
    if not returns:
        return {}
    square = {name: statistics.fmean(one[name] ** 2 for one in returns.values()) for name in levels}
    severity = {}
    for end, one in returns.items():
        by_class: dict[str, list[float]] = {}
        for name in levels:
            if classes[name] != "volatility":
                score = one[name] ** 2 / square[name] if square[name] > 0 else 0.0
                by_class.setdefault(classes[name] or "", []).append(score)
        severity[end] = statistics.fmean(statistics.fmean(scores) for scores in by_class.values())
    begin = min(returns) - 1
    return {
        first: statistics.fmean(severity.get(end, 0.0) for end in range(first + 1, first + rows))
        for first in range(begin, len(market.dates) - rows + 1)
    }


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(2, 30), st.integers(2, 40), st.sampled_from([0.0, 0.01, 0.05, 0.4]))
def test_the_period_equals_a_loop(seed: int, rows: int, size: int, missing: float) -> None:
    market = random_market(seed, size, missing)
    found = find_period(market, market.factor_ids, rows)
    averages = average_severities_by_loop(market, rows)
    if not averages:
        assert found is None
        return
    assert found is not None
    first, last = found
    assert last - first + 1 == rows
    greatest = max(averages.values())
    assert first == min(start for start, average in averages.items() if average >= greatest * (1 - 1e-9))


JUMP = [100.0, 100.0, 100.0, 110.0, 110.0, 110.0]  # the only move is the return from row 2 to row 3


@pytest.mark.parametrize(
    ("rows", "expected"), [(2, (2, 3)), (3, (1, 3)), (4, (0, 3)), (5, (0, 4)), (6, (0, 5)), (7, None)]
)
def test_a_period_holds_the_returns_that_begin_and_end_inside(rows: int, expected: tuple[int, int] | None) -> None:
    """Of the periods that hold the jump the earliest; a period of 3 rows that begins on the jump's end does not."""
    assert find_period(market_of({"X": JUMP}), ["X"], rows) == expected
    assert find_period(market_of({"X": [-5.0, *JUMP[1:]]}, {"X": ("absolute", None)}), ["X"], 2) == (0, 1)


@pytest.mark.parametrize("rows", [3, 5, 41])
def test_equal_periods_go_by_date_whatever_the_rounding(rows: int) -> None:
    """Up by a third and back again, 500 times over: every period of an even number of returns is as severe."""
    market = market_of({"X": [3.0, 4.0] * 500, "Y": [0.1, 0.7] * 500}, {"Y": ("absolute", "rate")})
    assert find_period(market, ["X", "Y"], rows) == (0, rows - 1)
    later = market_of({"X": [3.0] * 7 + [3.0, 4.0] * 500})
    assert find_period(later, ["X"], rows) == (7, 7 + rows - 1)


def test_a_worse_period_later_wins() -> None:
    levels = [3.0, 4.0] * 100 + [3.0, 4.0000001] * 3 + [3.0, 4.0] * 100
    assert find_period(market_of({"X": levels}), ["X"], 6) == (200, 205)


def test_volatility_has_no_part_in_it() -> None:
    levels = {"X": JUMP, "X.VOL": [0.2, 0.9, 0.2, 0.2, 0.2, 0.2]}
    market = market_of(levels, {"X.VOL": ("relative", "volatility")})
    assert find_period(market, ["X", "X.VOL"], 2) == (2, 3)
    assert find_period(market, ["X.VOL"], 2) == (0, 1)  # unless there is nothing else


def test_a_class_of_one_counts_as_much_as_a_class_of_many() -> None:
    """A jump of the only currency against one, larger in its own unit, of one stock in ten."""
    noise = 100 * np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.001, (60, 11)), axis=0))
    noise[20:, 0] *= 1.05
    noise[40:, 1] *= 1.09
    levels = {f"S{number}": noise[:, number].tolist() for number in range(1, 11)} | {"EUR/USD": noise[:, 0].tolist()}
    market = market_of(levels, {"EUR/USD": ("relative", "currency")})
    assert find_period(market, sorted(levels), 2) == (19, 20)
    assert find_period(market_of(levels), sorted(levels), 2) == (39, 40)  # all of one class


@pytest.mark.parametrize("change", ["relative", "absolute"])
def test_units_are_mean_squares_about_zero(change: str) -> None:
    """A factor that rises alike every day, but for a little: its moves are no news, however steady they are."""
    random = np.random.default_rng(5)
    steps = 0.01 + random.normal(0, 1e-4, 200)
    rising = 100 * np.exp(np.cumsum(steps)) if change == "relative" else 100 + np.cumsum(steps)
    stock = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 200)))
    stock[120:] *= 0.8
    levels = {"CASH": rising.tolist(), "X": stock.tolist()}
    assert find_period(market_of(levels, {"CASH": (change, "equity")}), ["CASH", "X"], 2) == (119, 120)


@pytest.mark.parametrize("change", ["relative", "absolute"])
def test_a_factor_that_moves_by_rounding_only_counts_nothing(change: str) -> None:
    wobble = [1e6 * (1 + 1e-15 * (row >= 2)) for row in range(60)]
    assert len(set(wobble)) == 2
    levels = {"PEG": wobble, "X": [100.0] * 50 + [101.0] * 10}
    assert find_period(market_of(levels, {"PEG": (change, "rate")}), ["PEG", "X"], 2) == (49, 50)


def test_history_begins_with_the_first_complete_return() -> None:
    young = [None, None, None, *JUMP]
    market = market_of({"X": [50.0, 90.0, 40.0, *JUMP], "Y": young})
    assert find_period(market, ["X", "Y"], 6) == (3, 8)
    assert find_period(market, ["X", "Y"], 7) is None
    assert find_period(market, ["X"], 2) == (2, 3)  # from 40 to 100
    assert find_period(market_of({"X": [None, 1.0, None]}), ["X"], 2) is None
    assert find_period(market_of({"X": [1.0]}), ["X"], 2) is None


def test_a_gap_counts_nothing() -> None:
    """The jump is seen over no single row, since the row before it has no value: the small move is what is left."""
    levels = [100.0, 101.0, 101.0, 101.0, None, 150.0, 150.0, 150.0]
    assert find_period(market_of({"X": levels}), ["X"], 2) == (0, 1)
    assert find_period(market_of({"X": levels}), ["X"], 8) == (0, 7)


def test_the_unit_of_a_factor_does_not_matter(shipped: Market) -> None:
    factors = ["AAPL", "EUR/USD", "JPM"]
    scaled = shipped.levels.with_columns(pl.col("AAPL") * 1000, pl.col("EUR/USD") * 0.01)
    assert find_period(Market(scaled, shipped.factors, {}), factors, 100) == find_period(shipped, factors, 100)


def test_the_worst_year_of_the_shipped_market_and_what_was_known_of_it(shipped: Market) -> None:
    factors = sorted(name for name in shipped.factor_ids if name != "WTI")
    found = find_period(shipped, factors, 250)
    assert found is not None
    assert shipped.dates[found[0]] < date(2008, 9, 15) < date(2008, 12, 31) < shipped.dates[found[1]]
    day = date(2008, 6, 30)
    early = find_period(shipped.until(day), factors, 250)
    assert early is not None
    assert shipped.dates[early[1]] <= day
    rows = shipped.dates.index(day) + 1
    by_hand = Market(shipped.levels.head(rows), shipped.factors, {})
    assert find_period(by_hand, factors, 250) == early
    future = shipped.levels.tail(-rows).with_columns(pl.col(factors) * 7)
    other = Market(pl.concat([by_hand.levels, future]), shipped.factors, {})
    assert find_period(other.until(day), factors, 250) == early
    assert find_period(other, factors, 250) != early  # the jump by a factor of seven would be seen


# --- a period that is stated ------------------------------------------------------------------------------------------

WEEK = [date(2022, 1, day) for day in (3, 4, 5, 6, 7, 10, 11)]  # Monday to Friday, and two days of the next week


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2022, 1, 4), date(2022, 1, 6), (1, 3)),
        (date(2022, 1, 8), date(2022, 1, 10), (5, 5)),  # from a Saturday
        (date(2022, 1, 5), date(2022, 1, 9), (2, 4)),  # to a Sunday, known since Monday has come
        (date(2021, 1, 1), date(2022, 1, 4), (0, 1)),  # the part that the market has
        (date(2022, 1, 7), date(2022, 1, 11), (4, 6)),  # known on its last day
        (date(2022, 1, 7), date(2022, 1, 12), None),
        (date(2023, 1, 7), date(2023, 1, 12), None),
    ],
)
def test_rows_of_a_stated_period(first: date, last: date, expected: tuple[int, int] | None) -> None:
    assert period_between(market_of({"X": [1.0] * 7}, days=WEEK), first, last) == expected


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2008, 9, 1), date(2009, 3, 31)),
        (date(2022, 1, 8), date(2022, 1, 9)),
        (date(2022, 1, 6), date(2022, 1, 4)),
    ],
)
def test_a_period_without_a_day_of_the_market_is_refused(first: date, last: date) -> None:
    with pytest.raises(InputError, match="2022-01-03 to 2022-01-11"):
        period_between(market_of({"X": [1.0] * 7}, days=WEEK), first, last)


# --- its scenarios ----------------------------------------------------------------------------------------------------


def test_scenarios_of_a_period_by_hand() -> None:
    levels = {"X": [100.0, 110.0, 121.0, 96.8, 100.0, 125.0], "Y": [1.0, 2.0, 4.0, 7.0, 11.0, 16.0]}
    market = market_of(levels, {"Y": ("absolute", "rate")})
    found = period_scenarios(market, ["Y", "X"], (1, 4), 2)
    assert found.factor_ids == ["Y", "X"]
    # rows 1 to 3 and 2 to 4: four rows hold two windows of two rows
    assert found.relative.tolist() == [pytest.approx([0.0, 96.8 / 110 - 1]), pytest.approx([0.0, 100 / 121 - 1])]
    assert found.absolute.tolist() == [[5.0, 0.0], [7.0, 0.0]]
    assert found.ids == ["period 2022-01-06", "period 2022-01-07"]
    longest = period_scenarios(market, ["Y", "X"], (1, 4), 1, longest=2)
    assert longest.ids == found.ids
    assert longest.absolute.tolist() == [[3.0, 0.0], [4.0, 0.0]]  # rows 2 to 3 and 3 to 4


@pytest.mark.parametrize("days", [1, 2, 5, 6, 7])
def test_a_period_of_n_rows_holds_n_less_h_windows(days: int) -> None:
    found = period_scenarios(market_of({"X": JUMP}), ["X"], (0, 5), days)
    assert found.count == max(6 - days, 0)
    assert found.relative.shape == found.absolute.shape == (found.count, 1)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(0, 20), st.integers(0, 20), st.integers(1, 6), st.integers(0, 3))
def test_scenarios_of_a_period_equal_a_loop(seed: int, first: int, length: int, days: int, more: int) -> None:
    market = random_market(seed, 40, 0.02)
    last, longest = min(first + length, 39), days + more
    found = period_scenarios(market, market.factor_ids, (first, last), days, longest)
    levels = {name: market.levels[name].to_list() for name in market.factor_ids}
    expected: list[list[float]] = []
    ends = []
    for end in range(first + longest, last + 1):
        window = range(end - longest, end + 1)
        if any(column[row] is None for column in levels.values() for row in window):
            continue
        ends.append(end)
        expected.append(
            [
                column[end] - column[end - days] if name == "R" else column[end] / column[end - days] - 1
                for name, column in levels.items()
            ]
        )
    assert found.ids == [f"period {market.dates[end]}" for end in ends]
    absolute = np.array([name == "R" for name in market.factor_ids])
    moves = np.array(expected).reshape(-1, len(levels))
    np.testing.assert_allclose(found.relative, np.where(absolute, 0.0, moves), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.absolute, np.where(absolute, moves, 0.0), rtol=1e-12, atol=1e-15)
    assert found.ids == period_scenarios(market, market.factor_ids, (first, last), longest).ids


def test_ids_are_not_those_of_margin_scenarios(shipped: Market) -> None:
    """Both may stand in one sample, and a period may reach into the latest rows."""
    rows = period_between(shipped, date(2008, 9, 1), date(2009, 3, 31))
    assert rows is not None
    found = period_scenarios(shipped, ["AAPL", "JPM"], rows, 2)
    assert len(set(found.ids)) == found.count == rows[1] - rows[0] + 1 - 2
    assert not any(name.startswith("margin") for name in found.ids)
    assert math.isclose(found.relative[0, 0], shipped.levels["AAPL"][rows[0] + 2] / shipped.levels["AAPL"][rows[0]] - 1)
