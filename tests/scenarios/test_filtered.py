"""Filtered historical simulation: the recursion against `arch` and loops, scaling by hand, no look-ahead."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp.market.history import Market, read_market
from ccp.scenarios.filtered import BURN_IN, Scaling, ewma_variances, filtered_scenarios, scaling_factors
from ccp.scenarios.historical import margin_scenarios
from ccp.scenarios.scenario_set import ScenarioSet

FIRST = date(2022, 1, 3)
KINDS = {"E": "relative", "F": "relative", "R": "absolute", "STILL": "relative"}
Column = Sequence[float | None]


def market_of(levels: dict[str, Column]) -> Market:
    size = len(next(iter(levels.values())))
    days = [FIRST + timedelta(days=number) for number in range(size)]
    columns = {name: pl.Series(values, dtype=pl.Float64) for name, values in levels.items()}
    factors = pl.DataFrame(
        {
            "factor_id": list(levels),
            "change": [KINDS.get(name, "relative") for name in levels],
            "asset_class": pl.Series(["equity"] * len(levels), dtype=pl.String),
        }
    )
    return Market(pl.DataFrame({"date": days} | columns), factors, {})


def random_market(seed: int, rows: int) -> Market:
    """Fat tails, values that begin late, gaps, and a factor that never moves."""
    random = np.random.default_rng(seed)
    levels: dict[str, Column] = {}
    for name, change in KINDS.items():
        steps = random.standard_t(3, rows) * random.uniform(0.001, 0.05)
        walk = np.cumsum(steps) if change == "absolute" else 50 * np.exp(np.cumsum(steps))
        values: list[float | None] = [5.0] * rows if name == "STILL" else walk.tolist()
        begin = int(random.integers(0, 12))
        values[:begin] = [None] * begin
        if random.random() < 0.4:
            values[int(random.integers(0, rows))] = None
        levels[name] = values
    return market_of(levels)


@pytest.fixture(scope="module")
def shipped() -> Market:
    return read_market()


def returns_by_loop(levels: Column, change: str) -> list[float]:
    """One-row returns; NaN where either end has no value."""
    found = []
    for before, after in pairwise(levels):
        if before is None or after is None:
            found.append(math.nan)
        else:
            found.append(after - before if change == "absolute" else after / before - 1)
    return found


def variances_by_loop(returns: list[float], decay: float) -> list[float]:
    """docs/reference/margin-models.md word by word, for one factor; one entry more than returns."""
    begin = 0
    for row, move in enumerate(returns):
        if math.isnan(move):
            begin = row + 1
    run = returns[begin:]
    if len(run) < 75:
        return [math.nan] * (len(returns) + 1)
    variances = [statistics.fmean(move * move for move in run[:75])]
    for move in run:
        variances.append(decay * variances[-1] + (1 - decay) * move * move)
    return [math.nan] * (begin + 75) + variances[75:]


# --- the recursion ----------------------------------------------------------------------------------------------------


def test_burn_in_is_that_of_the_document() -> None:
    assert BURN_IN == 75


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from([70, 75, 76, 77, 85, 90, 200]), st.floats(0.5, 0.999))
def test_variances_equal_a_loop(seed: int, rows: int, decay: float) -> None:
    market = random_market(seed, rows)
    columns = [returns_by_loop(market.levels[name].to_list(), KINDS[name]) for name in market.factor_ids]
    found = ewma_variances(np.array(columns).T, decay)
    assert found.shape == (rows, len(columns))
    for place, column in enumerate(columns):
        assert found[:, place].tolist() == pytest.approx(variances_by_loop(column, decay), rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("returns", [0, 1, 74, 75])
def test_a_run_shorter_than_the_burn_in_has_no_variance(returns: int) -> None:
    found = ewma_variances(np.full((returns, 2), 0.01), 0.97)
    known = np.isfinite(found)
    assert known.sum() == (2 if returns == 75 else 0)
    assert known[-1].all() == (returns == 75)  # the 76th day is the first with a variance: tomorrow


def test_a_gap_starts_the_factor_again_and_no_other() -> None:
    moves = np.random.default_rng(1).normal(0, 0.01, (300, 2))
    moves[:120, 0] *= 10
    whole = ewma_variances(moves, 0.97)
    gapped = moves.copy()
    gapped[119, 0] = np.nan
    found = ewma_variances(gapped, 0.97)
    assert np.array_equal(found[:, 1], whole[:, 1], equal_nan=True)
    assert np.isnan(found[: 120 + 75, 0]).all()
    assert np.array_equal(found[120:, 0], ewma_variances(moves[120:, :1], 0.97)[:, 0], equal_nan=True)
    assert found[195, 0] < whole[195, 0] / 2  # the wild days before the gap are forgotten


@pytest.mark.parametrize("decay", [0.94, 0.97, 0.99])
@pytest.mark.parametrize("name", ["AAPL", "JPM", "EUR/USD", "CHF/USD"])
def test_the_recursion_is_that_of_arch(name: str, decay: float, shipped: Market) -> None:
    """`arch.univariate.EWMAVariance` from the same start, on two decades of daily returns."""
    univariate = pytest.importorskip("arch.univariate")
    levels = shipped.levels[name].to_numpy()
    moves = levels[1:] / levels[:-1] - 1
    start = statistics.fmean((moves[:75] ** 2).tolist())
    padded = np.append(moves, 0.0)  # arch gives no forecast here; a variance does not know its own day's return
    bounds = np.tile([0.0, 1e9], (padded.size, 1))
    model = univariate.EWMAVariance(decay)
    expected = model.compute_variance(np.empty(0), padded, np.empty_like(padded), start, bounds)
    found = ewma_variances(moves[:, None], decay)[:, 0]
    assert found.size == expected.size > 5000
    assert np.isnan(found[:75]).all()
    np.testing.assert_allclose(found[75:], expected[75:], rtol=1e-12, atol=0)


@pytest.mark.parametrize(("decay", "half_life"), [(0.94, 11.2), (0.97, 22.8), (0.99, 69.0)])
def test_memory_fades_by_half_in_the_known_number_of_days(decay: float, half_life: float) -> None:
    """A single shock among still days. Half-lives as usually quoted, ln 0.5 / ln decay."""
    moves = np.zeros((400, 1))
    moves[100] = 0.1
    variance = ewma_variances(moves, decay)[:, 0]
    assert variance[100] == 0
    halvings = math.log2(variance[101] / variance[301])
    assert 200 / halvings == pytest.approx(half_life, abs=0.05)


@pytest.mark.parametrize("row", [0, 40, 74, 75, 76, 150, 199])
def test_a_return_changes_no_variance_up_to_its_own_day(row: int) -> None:
    moves = np.random.default_rng(2).normal(0, 0.01, (200, 3))
    changed = moves.copy()
    changed[row, 1] = 0.5
    before, after = ewma_variances(moves, 0.97), ewma_variances(changed, 0.97)
    assert np.array_equal(before[: row + 1], after[: row + 1], equal_nan=True)
    assert np.array_equal(before[:, [0, 2]], after[:, [0, 2]], equal_nan=True)
    later = slice(max(row + 1, 75), None)
    assert (after[later, 1] > before[later, 1]).all()  # it does count from the next day on


# --- scaling ----------------------------------------------------------------------------------------------------------

NO_FLOOR, NO_CAP = 0.0, math.inf


@pytest.mark.parametrize(
    ("scaling", "floor", "cap", "expected"),
    [
        # volatility now over volatility then: 1/2, 2/0.5 = 4, 1 since then is 0, 0/3 = 0
        ("full", NO_FLOOR, NO_CAP, [0.5, 4.0, 1.0, 0.0]),
        ("mid", NO_FLOOR, NO_CAP, [0.75, 2.5, 1.0, 0.5]),
        ("full", 0.6, 3.0, [0.6, 3.0, 1.0, 0.6]),
        ("mid", 0.6, 2.0, [0.75, 2.0, 1.0, 0.6]),  # halfway first, then kept between
        ("full", 1.0, 1.5, [1.0, 1.5, 1.0, 1.0]),
    ],
)
def test_factors_of_scaling_by_hand(scaling: Scaling, floor: float, cap: float, expected: list[float]) -> None:
    then = np.array([[4.0, 0.25, 0.0, 9.0], [1.0, 4.0, 7.0, np.nan]])
    now = np.array([1.0, 4.0, 7.0, 0.0])
    found = scaling_factors(then, now, scaling, floor, cap)
    assert found[0].tolist() == pytest.approx(expected, rel=1e-15)
    assert found[1, :3].tolist() == [1.0, 1.0, 1.0]
    assert math.isnan(found[1, 3])


def filtered_by_loop(
    market: Market, lookback: int, days: int, decay: float, scaling: str, floor: float, cap: float
) -> list[list[tuple[float, float]]]:
    """Scenario by scenario and factor by factor: the relative and the absolute move."""
    last = len(market.dates) - 1
    found = []
    for end in range(last - lookback + 1, last + 1):
        moves = []
        for name in market.factor_ids:
            levels = market.levels[name].to_list()
            variances = variances_by_loop(returns_by_loop(levels, KINDS[name]), decay)
            # the one-row return that ends on row u stands in row u - 1 of the returns: s_u is entry u - 1
            then, now = math.sqrt(variances[(end - days + 1) - 1]), math.sqrt(variances[(last + 1) - 1])
            ratio = 1.0 if then == 0 else now / then
            scale = min(max(ratio if scaling == "full" else (ratio + 1) / 2, floor), cap)
            if KINDS[name] == "absolute":
                moves.append((0.0, (levels[end] - levels[end - days]) * scale))
            else:
                moves.append((max((levels[end] / levels[end - days] - 1) * scale, -0.99), 0.0))
        found.append(moves)
    return found


@settings(max_examples=25)
@given(
    st.integers(0, 2**32),
    st.integers(1, 8),
    st.integers(1, 5),
    st.floats(0.8, 0.99),
    st.sampled_from(["full", "mid"]),
    st.sampled_from([(0.0, math.inf), (0.9, 1.2), (0.5, 30.0)]),
)
def test_filtered_scenarios_equal_a_loop(
    seed: int, lookback: int, days: int, decay: float, scaling: Scaling, limits: tuple[float, float]
) -> None:
    market = random_market(seed, 130)
    market = Market(market.levels.fill_null(strategy="forward").drop_nulls(), market.factors, {})
    factors = market.factor_ids
    found = filtered_scenarios(market, factors, lookback, days, decay, scaling, *limits)
    expected = np.array(filtered_by_loop(market, lookback, days, decay, scaling, *limits))
    np.testing.assert_allclose(found.relative, expected[:, :, 0], rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(found.absolute, expected[:, :, 1], rtol=1e-11, atol=1e-15)
    plain = margin_scenarios(market, factors, lookback, days)
    assert found.ids == plain.ids
    assert {label.kind for label in found.labels} == {"filtered"}
    backwards = filtered_scenarios(market, factors[::-1], lookback, days, decay, scaling, *limits)
    assert np.array_equal(backwards.relative[:, ::-1], found.relative)


def alternating(size: int, rows: int) -> list[float]:
    """Levels that go up and down by `size`, row by row: their variance is the same on all days."""
    return [size if row % 2 else 0.0 for row in range(rows)]


def test_where_volatility_is_steady_nothing_is_scaled() -> None:
    market = market_of({"R": alternating(3, 200)})
    found = filtered_scenarios(market, ["R"], 100, 1, 0.94, "full", NO_FLOOR, NO_CAP)
    assert found.absolute[:, 0].tolist() == pytest.approx([3.0, -3.0] * 50 if market.level("R") == 0 else [-3, 3] * 50)


def test_old_days_of_other_volatility_become_like_today() -> None:
    """150 rows of moves of 1, then 200 of moves of 4: by now the former count four times, halfway 2.5 times."""
    levels = [*alternating(1, 151), *alternating(4, 200)]
    market = market_of({"R": levels})
    full = filtered_scenarios(market, ["R"], 250, 1, 0.8, "full", NO_FLOOR, NO_CAP)
    assert np.abs(full.absolute[:40, 0]) == pytest.approx(4.0, rel=1e-6)
    mid = filtered_scenarios(market, ["R"], 250, 1, 0.8, "mid", NO_FLOOR, NO_CAP)
    assert np.abs(mid.absolute[:40, 0]) == pytest.approx(2.5, rel=1e-6)
    assert np.abs(mid.absolute[-40:, 0]) == pytest.approx(4.0, rel=1e-6)


def test_a_window_is_scaled_by_the_volatility_before_its_first_row() -> None:
    """One jump from a still past: whatever window holds it began when volatility was 0, and is not scaled."""
    levels = [10.0] * 120 + [11.0] * 4  # the jump ends on row 120
    market = market_of({"R": levels})
    for days in (1, 2, 3):
        found = filtered_scenarios(market, ["R"], 4, days, 0.97, "full", NO_FLOOR, NO_CAP)
        expected = [float(end - days < 120) for end in range(120, 124)]  # ends on rows 120 to 123
        assert found.absolute[:, 0].tolist() == expected


def test_falls_are_kept_at_ninety_nine_hundredths_and_say_so() -> None:
    calm = [100.0 + 0.01 * (row % 2) for row in range(100)]
    market = market_of({"E": [*calm, 40.0, 40.0], "R": [*calm, 40.0, 40.0]})
    found = filtered_scenarios(market, ["E", "R"], 3, 1, 0.94, "full", NO_FLOOR, 5.0)
    assert found.relative[1, 0] == -0.99
    assert found.absolute[1, 1] == pytest.approx(5 * (40 - 100.01), rel=1e-12)  # differences have no such limit
    assert ["capped" in label.description for label in found.labels] == [False, True, False]


# --- what is known when -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 2, 5])
def test_as_many_rows_as_stated_suffice_and_no_fewer(days: int) -> None:
    levels = (100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, 10 + days + 75)))).tolist()
    enough = filtered_scenarios(market_of({"E": [None, *levels]}), ["E"], 10, days, 0.97, "mid", 0.5, 2.0)
    assert np.isfinite(enough.relative).all()
    assert enough.count == 10
    fewer = filtered_scenarios(market_of({"E": [None, *levels[1:]]}), ["E"], 10, days, 0.97, "mid", 0.5, 2.0)
    assert np.isnan(fewer.relative[:, 0]).tolist() == [True] + [False] * 9


def same_moves(one: ScenarioSet, other: ScenarioSet) -> bool:
    same = np.array_equal(one.relative, other.relative) and np.array_equal(one.absolute, other.absolute)
    return same and one.labels == other.labels


@pytest.mark.parametrize("day", [date(2001, 9, 17), date(2008, 10, 10), date(2020, 3, 16)])
def test_nothing_after_the_day_is_known(day: date, shipped: Market) -> None:
    """The market as of a day, one cut by hand, and one whose future is another: the same scenarios."""
    factors = ["AAPL", "CHF/USD", "JPM"]

    def scenarios(market: Market) -> ScenarioSet:
        return filtered_scenarios(market, factors, 300, 2, 0.97, "full", 0.2, 5.0)

    known = scenarios(shipped.until(day))
    rows = shipped.dates.index(day) + 1
    by_hand = Market(shipped.levels.head(rows), shipped.factors, {})
    assert same_moves(scenarios(by_hand), known)
    future = shipped.levels.tail(-rows).with_columns(pl.col(factors) * 7)
    assert same_moves(scenarios(Market(pl.concat([by_hand.levels, future]), shipped.factors, {}).until(day)), known)
    assert known.labels[-1].scenario_id == f"margin {day}"
    before = scenarios(shipped.until(shipped.dates[rows - 2]))
    assert not np.array_equal(before.relative[1:], known.relative[:-1])  # the day's own return does count
