"""Modelled volatility against a loop written from arithmetic.md, section 1, and that it never looks ahead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ccp.market.history import Market, read_market
from ccp.market.volatility import modelled_volatility, with_modelled_volatility

BURN_IN = 250
RNG_SEEDS = st.integers(0, 2**32)


def volatility_by_loop(levels: Sequence[float]) -> list[float]:
    """Section 1, formula by formula. NaN in: a day without level; NaN out: no value."""
    result = [math.nan] * len(levels)
    squares: list[float] = []
    last = fast = math.nan
    for day, level in enumerate(levels):
        if math.isnan(level):
            continue
        if not math.isnan(last):
            square = math.log(level / last) ** 2
            squares.append(square)
            fast = 0.94 * square + 0.06 * square if len(squares) == 1 else 0.94 * fast + 0.06 * square
            slow = math.fsum(squares) / len(squares)
            expected = slow + (fast - slow) * (1 - 0.98**63) / (63 * (1 - 0.98))
            if len(squares) > BURN_IN:
                result[day] = max(math.sqrt(252 * expected), 0.01)
        last = level
    return result


def random_levels(seed: int, days: int = BURN_IN + 40, missing: float = 0.0) -> np.ndarray:
    """A random walk whose volatility changes as it goes."""
    random = np.random.default_rng(seed)
    scale = random.choice([0.0, 1e-4, 0.01, 0.05], days, p=[0.05, 0.15, 0.6, 0.2])
    levels = 100 * np.exp(np.cumsum(random.standard_t(4, days) * scale))
    levels[random.random(days) < missing] = np.nan
    return levels


@settings(max_examples=25)
@given(RNG_SEEDS, st.sampled_from([0.0, 0.02, 0.3]))
def test_volatility_equals_the_loop(seed: int, missing: float) -> None:
    levels = random_levels(seed, BURN_IN + 150, missing)
    expected = volatility_by_loop(levels.tolist())
    assert modelled_volatility(levels).tolist() == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_volatility_by_hand() -> None:
    """Moves of 1 % a day up and down: every variance is 0.01^2, so the volatility is 1 % times the root of 252."""
    levels = np.exp(0.01 * (np.arange(300) % 2))
    values = modelled_volatility(levels)
    assert values[-1] == pytest.approx(0.01 * math.sqrt(252), rel=1e-12)
    # the same, and then one move of 5 % more: weights 0.06 of the fast and 1/300 of the slow variance
    values = modelled_volatility(np.append(levels, levels[-1] * math.exp(0.05)))
    fast, slow = 0.94 * 1e-4 + 0.06 * 25e-4, (299 * 1e-4 + 25e-4) / 300
    pull = sum(0.98**k for k in range(63)) / 63  # the mean of the weights 1, 0.98, 0.98^2, ... over 63 days
    assert values[-1] == pytest.approx(math.sqrt(252 * (slow + (fast - slow) * pull)), rel=1e-12)


def test_first_value_comes_after_250_returns() -> None:
    levels = random_levels(1, BURN_IN + 2)
    assert np.isnan(modelled_volatility(levels[: BURN_IN + 1])).all()  # 251 levels make 250 returns
    values = modelled_volatility(levels)
    assert np.flatnonzero(np.isfinite(values)).tolist() == [BURN_IN + 1]
    for few in (0, 1, 2):
        assert np.isnan(modelled_volatility(levels[:few])).all()


def test_a_price_that_stands_still_has_the_floor() -> None:
    assert modelled_volatility(np.full(BURN_IN + 5, 7.3))[-4:].tolist() == [0.01] * 4


@settings(max_examples=20)
@given(RNG_SEEDS)
def test_days_without_a_level_are_passed_over(seed: int) -> None:
    levels = random_levels(seed)
    random = np.random.default_rng(seed)
    days = np.sort(random.choice(levels.size + 60, levels.size, replace=False))
    spread = np.full(levels.size + 60, np.nan)
    spread[days] = levels
    values = modelled_volatility(spread)
    assert np.array_equal(values[days], modelled_volatility(levels), equal_nan=True)
    assert np.isnan(np.delete(values, days)).all()


@settings(max_examples=25)
@given(RNG_SEEDS, st.integers(BURN_IN + 1, BURN_IN + 39), st.sampled_from([0.8, 1.01, 1.5]))
def test_value_of_a_day_uses_that_day_and_none_later(seed: int, day: int, factor: float) -> None:
    levels = random_levels(seed)
    base = modelled_volatility(levels)
    later = levels.copy()
    later[day + 1 :] *= np.random.default_rng(seed).uniform(0.5, 2, levels.size - day - 1)
    assert np.array_equal(modelled_volatility(later)[: day + 1], base[: day + 1], equal_nan=True)
    assert np.array_equal(modelled_volatility(levels[: day + 1]), base[: day + 1], equal_nan=True)
    today = levels.copy()
    today[day] *= factor
    changed = modelled_volatility(today)
    assert np.array_equal(changed[:day], base[:day], equal_nan=True)
    assert changed[day] != base[day]


def test_a_shock_shows_on_its_day_and_not_the_day_before() -> None:
    levels = np.exp(0.01 * (np.arange(300) % 2))
    levels[280:] *= 0.8
    values = modelled_volatility(levels)
    assert values[279] == pytest.approx(0.01 * math.sqrt(252), rel=1e-12)
    assert values[280] > 2 * values[279]
    assert (np.diff(values[280:]) < 0).all()  # and dies away


# --- in a market ------------------------------------------------------------------------------------------------------


def market_of(levels: dict[str, np.ndarray]) -> Market:
    size = next(iter(levels.values())).size
    days = [date(2020, 1, 1) + timedelta(days=number) for number in range(size)]
    columns = {name: pl.Series(values, nan_to_null=True) for name, values in levels.items()}
    factors = pl.DataFrame({"factor_id": list(levels), "change": "relative", "asset_class": "equity"})
    return Market(pl.DataFrame({"date": days} | columns), factors, {})


def test_missing_volatilities_are_modelled_and_the_markets_own_are_not_touched() -> None:
    own = np.linspace(0.2, 0.4, BURN_IN + 40)
    market = market_of(
        {"X": random_levels(1), "Y": random_levels(2, missing=0.05), "Y.VOL": own, "Z": random_levels(3)}
    )
    found = with_modelled_volatility(market, ["X", "X.VOL", "Y.VOL", "W.VOL", "EUR/USD"])
    assert found.factor_ids == ["X", "Y", "Y.VOL", "Z", "X.VOL"]
    assert found.modelled == ("X.VOL",)
    assert found.levels["Y.VOL"].to_list() == own.tolist()
    values = volatility_by_loop(market.levels["X"].to_list())
    assert found.matrix(["X.VOL"])[:, 0].tolist() == pytest.approx(values, rel=1e-12, nan_ok=True)
    assert found.levels["X.VOL"].null_count() == BURN_IN + 1
    assert found.kinds("asset_class", ["X.VOL"]) == ["volatility"]
    assert found.kinds("change", ["X.VOL"]) == ["relative"]
    assert_frame_equal(found.levels.select(market.levels.columns), market.levels)


def test_nothing_missing_leaves_the_market_as_it_is() -> None:
    market = market_of({"X": random_levels(1)})
    assert with_modelled_volatility(market, ["X", "Q.VOL"]) is market


@pytest.mark.parametrize("level", [0.0, -37.63])
def test_from_a_price_at_or_below_zero_on_there_is_no_modelled_volatility(level: float) -> None:
    levels = random_levels(1)
    expected = with_modelled_volatility(market_of({"X": levels}), ["X.VOL"]).levels["X.VOL"].to_list()
    levels[270] = level
    found = with_modelled_volatility(market_of({"X": levels}), ["X.VOL"]).levels["X.VOL"].to_list()
    assert found == expected[:270] + [None] * (len(levels) - 270)
    assert found[269] is not None


def test_market_as_of_a_day_has_the_volatility_the_whole_market_has_on_it() -> None:
    market = market_of({"X": random_levels(5, missing=0.1), "Y": random_levels(6)})
    names = ["X.VOL", "Y.VOL"]
    whole = with_modelled_volatility(market, names)
    for day in (market.dates[-1], market.dates[-20], market.dates[BURN_IN + 1], market.dates[100]):
        early = with_modelled_volatility(market.until(day), names)
        assert_frame_equal(early.levels, whole.until(day).levels, check_exact=True)


def test_shipped_market_turns_nervous_when_it_should() -> None:
    """Above 40 % after the failure of Lehman Brothers and in March 2020, below 20 % in the calm of 2017."""
    market = with_modelled_volatility(read_market(), ["INDEX20.VOL"])
    levels = market.levels["INDEX20"].to_list()
    expected = volatility_by_loop(levels[:400])
    assert market.matrix(["INDEX20.VOL"])[:400, 0].tolist() == pytest.approx(expected, rel=1e-12, nan_ok=True)
    for day, low, high in (
        (date(2008, 10, 15), 0.4, 1.0),
        (date(2020, 3, 17), 0.4, 1.0),
        (date(2017, 10, 2), 0.05, 0.2),
    ):
        assert low < market.until(day).level("INDEX20.VOL") < high
