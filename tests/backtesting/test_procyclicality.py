"""Measures of procyclicality against plain loops and series worked by hand."""

import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.procyclicality_by_hand import call_by_loop, deviation_by_loop, step_by_loop

from ccp.backtesting.procyclicality import (
    LargestCall,
    StepResponse,
    largest_call,
    log_change_deviation,
    peak_to_trough,
    procyclicality,
    step_response,
)

amounts = st.one_of(st.integers(0, 50), st.integers(0, 10**16))
series = st.lists(amounts, min_size=1, max_size=60)


def near(value: float | Fraction | None, relative: float = 1e-12, absolute: float = 0.0) -> object:
    """What a float is compared with; None is compared with None."""
    return None if value is None else pytest.approx(float(value), rel=relative, abs=absolute)


@given(series)
def test_procyclicality_equals_its_loops(margins: list[int]) -> None:
    found = procyclicality(np.array(margins))
    ordered = sorted(margins)
    assert found.peak_to_trough == (ordered[-1] / ordered[0] if ordered[0] else None)
    assert found.mean == round(statistics.mean(map(Fraction, margins)))
    assert found.deviation == near(deviation_by_loop(margins), 1e-9, 1e-12)
    assert list(found.calls) == [1, 5, 20]
    for days, call in found.calls.items():
        amount, share = call_by_loop(margins, days)
        assert call.amount == amount
        assert call.share == near(share)


def test_procyclicality_by_hand() -> None:
    # over one day the largest call in money is 60 -> 150, the largest share 10 -> 40
    found = procyclicality(np.array([20, 10, 40, 60, 150, 148, 2]))
    assert found.peak_to_trough == 75.0
    assert found.calls[1] == LargestCall(90, 3.0)
    # over five days 20 -> 148 and 10 -> 2 are all there is
    assert found.calls[5] == LargestCall(128, 6.4)
    assert found.calls[20] == LargestCall(None, None)
    # 430 / 7 = 61.43
    assert found.mean == 61


def test_mean_is_rounded_half_to_even() -> None:
    assert [procyclicality(np.array(margins)).mean for margins in ([2, 3], [3, 4], [1, 1, 2])] == [2, 4, 1]


def test_peak_over_trough_does_not_ask_which_came_first() -> None:
    assert peak_to_trough(np.array([300, 100])) == peak_to_trough(np.array([100, 300])) == 3.0


def test_deviation_of_doubling_and_halving() -> None:
    # changes +a, -a, +a with a = ln 2: mean a / 3, squares about it (4 + 16 + 4) / 9 a^2, over two
    found = log_change_deviation(np.array([100, 200, 100, 200]))
    assert found == pytest.approx(math.log(2) * math.sqrt(4 / 3), rel=1e-12)
    assert log_change_deviation(np.array([3, 9, 27, 81])) == pytest.approx(0.0, abs=1e-12)


def test_where_margin_only_falls_the_largest_call_is_a_return() -> None:
    assert largest_call(np.array([100, 80, 40]), 1) == LargestCall(-20, -0.2)


def test_nothing_before_has_no_share() -> None:
    assert largest_call(np.array([0, 0, 70]), 1) == LargestCall(70, None)
    assert largest_call(np.array([0, 50, 60]), 1) == LargestCall(50, 0.2)
    found = procyclicality(np.array([0, 50, 60]))
    assert (found.peak_to_trough, found.deviation) == (None, None)


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=40), st.integers(2, 1000))
def test_in_another_unit_only_amounts_change(margins: list[int], factor: int) -> None:
    base, scaled = procyclicality(np.array(margins)), procyclicality(np.array(margins) * factor)
    assert scaled.peak_to_trough == near(base.peak_to_trough)
    assert scaled.deviation == near(base.deviation, 1e-9, 1e-12)
    for days, call in base.calls.items():
        assert scaled.calls[days].amount == (None if call.amount is None else call.amount * factor)
        assert scaled.calls[days].share == near(call.share)


@given(st.lists(st.integers(1, 10**6), min_size=3, max_size=40))
def test_backwards_in_time_peak_trough_mean_and_deviation_are_the_same(margins: list[int]) -> None:
    forwards, backwards = procyclicality(np.array(margins)), procyclicality(np.array(margins[::-1]))
    assert (backwards.peak_to_trough, backwards.mean) == (forwards.peak_to_trough, forwards.mean)
    assert backwards.deviation == near(forwards.deviation, 1e-9, 1e-12)


SETTLES_AT_20000 = [11000, 12000, 13000, 14000, 15000, 16000, 17000, 18000, 18500, 18999, 19000] + [19500] * 9
"""From 10,000: after 1 day 10 % of the way, after 5 days 50 %, after 11 days 90 % to the cent, after 20 days 95 %."""


def test_step_by_hand() -> None:
    found = step_response(np.array([7000, 30000, 10000, *SETTLES_AT_20000, 22000, *[20000] * 20]), 3)
    assert found == StepResponse(10000, 20000, {1: 0.1, 5: 0.5, 20: 0.95}, 11, 1.1)


def test_a_step_taken_at_once() -> None:
    found = step_response(np.array([50] + [80] * 20), 1)
    assert found == StepResponse(50, 80, {1: 1.0, 5: 1.0, 20: 1.0}, 1, 1.0)


def test_a_step_that_overshoots_and_comes_back() -> None:
    found = step_response(np.array([100, 130, 140, 160, *[120] * 20]), 1)
    assert found == StepResponse(100, 120, {1: 1.5, 5: 1.0, 20: 1.0}, 1, float(Fraction(160, 120)))


@pytest.mark.parametrize("margins", [[100] * 30, [100] * 5 + [90] * 25])
def test_without_a_rise_nothing_is_reached(margins: list[int]) -> None:
    found = step_response(np.array(margins), 5)
    assert (found.reached, found.days_to_most) == ({1: None, 5: None, 20: None}, None)
    assert found.overshoot == 1.0


def test_margin_that_settles_at_nothing_has_no_overshoot() -> None:
    assert step_response(np.array([5, 9] + [0] * 20), 1).overshoot is None


def test_the_eventual_level_is_rounded_for_show_only() -> None:
    found = step_response(np.array([0] + [1] * 10 + [2] * 10), 1)
    # settles at 1.5: shown as 2, and the first day is two thirds of the way
    assert (found.eventual, found.reached[1], found.days_to_most) == (2, float(Fraction(2, 3)), 11)


@given(st.lists(amounts, min_size=21, max_size=70), st.data())
def test_step_equals_its_loop(margins: list[int], data: st.DataObject) -> None:
    step_day = data.draw(st.integers(1, len(margins) - 20))
    assert step_response(np.array(margins), step_day) == step_by_loop(margins, step_day)


@pytest.mark.parametrize(("days", "step_day"), [(21, 0), (21, 2), (20, 1), (60, -1), (60, 60)])
def test_a_step_too_near_an_end_is_refused(days: int, step_day: int) -> None:
    with pytest.raises(ValueError, match="20"):
        step_response(np.full(days, 100), step_day)


@pytest.mark.parametrize("margins", [[], [5, -1], [[1, 2]]])
def test_what_is_no_series_of_margins_is_refused(margins: list) -> None:
    with pytest.raises(ValueError, match="margins"):
        procyclicality(np.array(margins, dtype=np.int64))
    with pytest.raises(ValueError, match="margins"):
        step_response(np.array(margins, dtype=np.int64), 1)
