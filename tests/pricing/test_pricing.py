"""Prices: Black's formula against QuantLib and 160-digit arithmetic; full revaluation against QuantLib and by hand.

The market's date is Tuesday 27 December 2022 unless a test says otherwise, so two liquidation days end on Thursday 29.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, getcontext, localcontext
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import example, given
from hypothesis import strategies as st
from support import small_books as small

from ccp.book.book import Book, book_from_frames
from ccp.errors import InputError
from ccp.kernels.engine.numba_door import use_threads
from ccp.kernels.exposure.bachelier import fill_normal_values, normal_forward_value, normal_option_values
from ccp.kernels.exposure.black import black_forward_value, fill_values, option_values
from ccp.kernels.exposure.elementary import exponential, logarithm, scaled_tail
from ccp.kernels.exposure.revalue import BLOCK, Moves, TermArrays, unit_changes
from ccp.market.case import Case, open_case
from ccp.market.history import Market
from ccp.market.needs import find_market_problems, needed_factors
from ccp.pricing.horizon import price_cube
from ccp.pricing.quality import far_from_the_model
from ccp.pricing.revalue import Cube, revalue
from ccp.pricing.terms import Terms, instrument_terms
from ccp.rulebook.load import load_rulebook
from ccp.scenarios.scenario_set import FactorMoves, Label, ScenarioSet, over_one_period

Row = dict[str, Any]
Move = tuple[float, float]  # relative, absolute
TUESDAY = date(2022, 12, 27)
FORWARDS = [1e-6, 0.0075, 1.1, 100.0, 33_000.0, 1e9]
MONEYNESS = [0.01, 0.2, 0.5, 0.8, 0.95, 0.999, 1.0, 1.001, 1.05, 1.25, 2.0, 5.0, 100.0]
VOLATILITIES = [0.001, 0.01, 0.05, 0.2, 0.8, 2.0, 5.0]
YEARS = [1 / 365, 0.1, 1.0, 5.0, 30.0]


# --- Black's formula --------------------------------------------------------------------------------------------------


def quantlib_black(forward: float, strike: float, deviation: float, call: bool, discount: float = 1.0) -> float:
    right = ql.Option.Call if call else ql.Option.Put
    return float(ql.blackFormula(right, strike, forward, deviation, discount))


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize("forward", FORWARDS)
def test_black_equals_quantlib(forward: float, call: bool) -> None:
    """QuantLib's normal distribution has about 16 decimals and no more significant digits than that in the tail.

    So values small against the forward are compared to 5e-16 of forward plus strike only; what is right there to
    ten digits and more is settled by `test_black_far_from_the_money_equals_many_digits`.
    """
    for moneyness in MONEYNESS:
        for volatility in VOLATILITIES:
            for years in YEARS:
                strike, deviation = forward * moneyness, volatility * math.sqrt(years)
                found = black_forward_value(forward, strike, deviation, call)
                expected = quantlib_black(forward, strike, deviation, call)
                assert abs(found - expected) <= 1e-12 * expected + 5e-16 * (forward + strike), (strike, deviation)


@cache
def precise_pi() -> Decimal:
    """Machin: pi / 4 = 4 arctan(1/5) - arctan(1/239)."""

    def arctan_of_inverse(number: int) -> Decimal:
        power = total = 1 / Decimal(number)
        for odd in range(3, 500, 2):
            power /= -(number * number)
            total += power / odd
        return total

    return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))


def precise_normal(x: Decimal) -> Decimal:
    """The normal distribution function by the power series of erf."""
    z = x / Decimal(2).sqrt()
    power = total = z
    for n in range(1, 3000):
        power *= -z * z / n
        total += power / (2 * n + 1)
        if abs(power) < Decimal(10) ** -150 and n > z * z:
            break
    return (1 + 2 / precise_pi().sqrt() * total) / 2


def precise_tail(x: Decimal) -> Decimal:
    """The probability beyond x times exp(x^2 / 2), by the power series or, from 8, by Laplace's continued fraction."""
    if x < 8:
        return precise_normal(-x) * (x * x / 2).exp()
    fraction = x
    for n in range(400, 0, -1):
        fraction = x + n / fraction
    return 1 / (fraction * (2 * precise_pi()).sqrt())


def units_off(found: float, expected: Decimal) -> float:
    """Relative distance in units of 2^-53, what rounding once costs at most."""
    return float(abs(Decimal(found) / expected - 1) * 2**53) if expected else abs(found) * 2**53


def spread_out(low: float, high: float, count: int = 300) -> list[float]:
    return np.random.default_rng(1).uniform(low, high, count).tolist()


def test_elementary_functions_equal_many_digits() -> None:
    """Worst of thousands: 1.2, 1.3 and (unfused) 9.8 units; the last where both polynomials are long, far out."""
    with localcontext(getcontext()) as context:
        context.prec = 60
        for x in [*spread_out(0.6, 1.6), *np.exp(spread_out(-700, 700, 50)).tolist(), 1 + 1e-12, 1 - 1e-9, 1.0]:
            assert units_off(logarithm(x), Decimal(x).ln()) < 2, x
        for x in [*spread_out(-3, 3), *spread_out(-700, 700, 50), 0.0]:
            assert units_off(exponential(x), Decimal(x).exp()) < 2, x
        for x in [*spread_out(0, 7, 100), *spread_out(8, 150, 50), 0.0, 1e-9]:
            assert units_off(scaled_tail(x), precise_tail(Decimal(x))) < 12, x


def precise_black(forward: float, strike: float, deviation: float, call: bool) -> float:
    """Black's formula in 160 digits, of which the power series loses at most about 100."""
    with localcontext(getcontext()) as context:
        context.prec = 160
        f, k, spread = Decimal(forward), Decimal(strike), Decimal(deviation)
        d1 = (f / k).ln() / spread + spread / 2
        d2 = d1 - spread
        if call:
            return float(f * precise_normal(d1) - k * precise_normal(d2))
        return float(k * precise_normal(-d2) - f * precise_normal(-d1))


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize("moneyness", [0.2, 0.5, 0.8, 0.95, 1.0, 1.05, 1.25, 2.0, 5.0])
def test_black_far_from_the_money_equals_many_digits(moneyness: float, call: bool) -> None:
    """To 1e-11 of the value; of values below 1e-12 of the forward, to 1e-11 of 1e-12 of the forward."""
    compared = tiny = 0
    for forward in (0.0075, 100.0):
        for volatility in (0.01, 0.05, 0.2, 0.8, 2.0):
            for years in (1 / 365, 0.1, 1.0, 5.0):
                strike, deviation = forward * moneyness, volatility * math.sqrt(years)
                if abs(math.log(moneyness)) > 15 * deviation:  # the power series above would need more digits
                    continue
                found = black_forward_value(forward, strike, deviation, call)
                expected = precise_black(forward, strike, deviation, call)
                assert abs(found - expected) <= 1e-11 * max(expected, 1e-12 * forward), (strike, deviation)
                compared, tiny = compared + 1, tiny + (expected < 1e-12 * forward)
    assert compared >= 16
    assert tiny > 0 or 0.8 <= moneyness <= 1.25 or (moneyness > 1) != call  # the grid does reach deep out of the money


@pytest.mark.parametrize("deviation", [0.05, 0.3, 1.5])
@pytest.mark.parametrize("away", [-36.0, -25.0, -12.0, -8.5, 8.5, 12.0, 25.0, 36.0])
def test_black_keeps_its_digits_in_the_deepest_tails(deviation: float, away: float) -> None:
    """To 1e-11 of the value itself, down to some 1e-280 of the forward: a float's step in `away` is worth 1e-12."""
    forward, call = 100.0, away > 0
    strike = forward * math.exp(away * deviation)
    with localcontext(getcontext()) as context:
        context.prec = 60
        f, k, spread = Decimal(forward), Decimal(strike), Decimal(deviation)
        lower, higher = min(f, k), max(f, k)
        near, far = ((higher / lower).ln() / spread + sign * spread / 2 for sign in (-1, 1))
        weights = [(-x * x / 2).exp() for x in (near, far)]
        expected = lower * weights[0] * precise_tail(near) - higher * weights[1] * precise_tail(far)
    assert black_forward_value(forward, strike, deviation, call) == pytest.approx(float(expected), rel=1e-11, abs=0)


def test_values_next_to_the_strike_with_hardly_any_deviation_are_not_below_zero() -> None:
    """Where the two probabilities are the same to the rounding."""
    for steps in range(1, 200):
        forward = 100.0 * (1 - steps * 2.0**-53)
        for deviation in (1e-17, 3e-17, 1e-16, 3e-16, 1e-15):
            assert black_forward_value(forward, 100.0, deviation, True) >= 0.0


def test_black_whole_tail_goes_smoothly_to_zero() -> None:
    """Values beyond what any test above reaches stay finite, not negative beyond rounding, and small."""
    for strike in (1e3, 1e6, 1e200):
        value = black_forward_value(100.0, strike, 0.05, True)
        assert abs(value) < 1e-100


prices = st.floats(1e-3, 1e5)
anything = st.floats(allow_nan=False, allow_infinity=False, max_value=1e100, min_value=-1e100)


@given(anything, prices, anything, st.booleans())
@example(100.0, 100.0, 5e-324, True)
@example(100.0, 50.0, 5e-324, True)
@example(100.0, 50.0, 1e-140, False)
@example(100.0, 100.0, 1e100, False)
@example(1e-100, 1e5, 40.0, True)
@example(1e100, 1e-3, 40.0, False)
def test_no_value_is_below_the_intrinsic_value_or_zero_whatever_comes(
    forward: float, strike: float, deviation: float, call: bool
) -> None:
    value = black_forward_value(forward, strike, deviation, call)
    assert value >= max(forward - strike if call else strike - forward, 0.0)
    assert value <= max(forward if call else strike, 0.0) * (1 + 1e-15) + max(-forward, 0.0)


@pytest.mark.parametrize(("forward", "deviation"), [(math.nan, 0.2), (100.0, math.nan)])
def test_what_is_not_a_number_gives_no_price(forward: float, deviation: float) -> None:
    assert math.isnan(black_forward_value(forward, 100.0, deviation, True))


@given(prices, prices, st.floats(1e-6, 5))
def test_put_call_parity_and_bounds(forward: float, strike: float, deviation: float) -> None:
    call, put = (black_forward_value(forward, strike, deviation, right) for right in (True, False))
    rounding = 1e-15 * (forward + strike)
    assert call - put == pytest.approx(forward - strike, rel=0, abs=4 * rounding)
    assert max(forward - strike, 0.0) - rounding <= call <= forward + rounding
    assert max(strike - forward, 0.0) - rounding <= put <= strike + rounding


@given(prices, prices, st.floats(0.01, 3))
def test_value_rises_with_deviation(forward: float, strike: float, deviation: float) -> None:
    rounding = 1e-15 * (forward + strike)
    lower = black_forward_value(forward, strike, deviation, True)
    assert black_forward_value(forward, strike, deviation * 1.1, True) >= lower - rounding


@pytest.mark.parametrize(
    ("forward", "strike", "deviation", "call", "put"),
    [
        (110.0, 100.0, 0.0, 10.0, 0.0),
        (90.0, 100.0, 0.0, 0.0, 10.0),
        (100.0, 100.0, 0.0, 0.0, 0.0),
        (110.0, 100.0, -0.3, 10.0, 0.0),
        (0.0, 100.0, 0.2, 0.0, 100.0),
        (-0.0, 100.0, 0.2, 0.0, 100.0),
        (-37.0, 100.0, 0.2, 0.0, 137.0),
        (-37.0, 100.0, 0.0, 0.0, 137.0),
    ],
)
def test_intrinsic_value_without_deviation_or_without_a_positive_forward(
    forward: float, strike: float, deviation: float, call: float, put: float
) -> None:
    assert black_forward_value(forward, strike, deviation, True) == call
    assert black_forward_value(forward, strike, deviation, False) == put


def test_small_deviation_meets_the_intrinsic_value() -> None:
    """At the money with a small deviation v the value is forward * v / sqrt(2 pi), to first order."""
    assert black_forward_value(110.0, 100.0, 1e-9, True) == pytest.approx(10.0, rel=1e-14)
    assert black_forward_value(100.0, 100.0, 1e-6, True) == pytest.approx(1e-4 / math.sqrt(2 * math.pi), rel=1e-9)


def test_option_values_take_read_only_arrays_and_zero_or_negative_years() -> None:
    forward = np.array([[110.0, 90.0], [110.0, 90.0], [110.0, 90.0]])
    volatility = np.full((3, 2), 0.3)
    years, strike, call = np.array([0.0, -1.0, 0.25]), np.full(3, 100.0), np.array([True, False, True])
    for array in (forward, volatility, years, strike, call):
        array.flags.writeable = False
    value = np.full((3, 2), np.nan)
    option_values(forward, volatility, years, strike, call, value)
    assert value[0].tolist() == [10.0, 0.0]
    assert value[1].tolist() == [0.0, 10.0]
    for place, level in enumerate((110.0, 90.0)):
        assert value[2, place] == pytest.approx(quantlib_black(level, 100.0, 0.3 * 0.5, True), rel=1e-12)


def test_values_do_not_depend_on_how_they_are_asked_for() -> None:
    """To the bit: one by one, in rows of any length (vectors and what is left over) and option by option."""
    random, rows, columns = np.random.default_rng(4), 6, 43
    forward, volatility = random.uniform(1, 300, (rows, columns)), random.uniform(-0.1, 2, (rows, columns))
    years, strike = random.uniform(0, 2, rows), random.uniform(1, 300, rows)
    call = np.arange(rows) % 2 == 0
    value = np.empty((rows, columns))
    option_values(forward, volatility, years, strike, call, value)
    for i in range(rows):
        root = math.sqrt(years[i])
        alone = [
            black_forward_value(forward[i, s], strike[i], volatility[i, s] * root, call[i]) for s in range(columns)
        ]
        assert value[i].tolist() == alone
        for first in (0, 1, 7, 40):
            part, near = np.empty(columns - first), np.empty(columns - first)
            fill_values(forward[i, first:], volatility[i, first:], root, strike[i], call[i], near, part)
            assert part.tolist() == alone[first:]


# --- the normal model -------------------------------------------------------------------------------------------------


def quantlib_normal(forward: float, strike: float, deviation: float, call: bool) -> float:
    return float(ql.bachelierBlackFormula(ql.Option.Call if call else ql.Option.Put, strike, forward, deviation))


LEVELS = [-37.63, -1.0, -0.004, 0.0, 0.02, 3.5, 100.0, 33_000.0]
plain = st.floats(-1e6, 1e6)


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize("forward", LEVELS)
def test_the_normal_model_equals_quantlib(forward: float, call: bool) -> None:
    """Below zero as above it; what is small against deviation and distance is settled in digits further on."""
    for strike in LEVELS:
        for deviation in (1e-6, 0.01, 0.7, 6.0, 45.0, 9_000.0):
            found = normal_forward_value(forward, strike, deviation, call)
            expected = quantlib_normal(forward, strike, deviation, call)
            assert abs(found - expected) <= 2e-15 * (deviation + abs(forward) + abs(strike)), (strike, deviation)


@pytest.mark.parametrize(
    ("distance", "value"),
    [
        (0.0, 0.3989422804014327),  # 1 / sqrt(2 pi)
        (1.0, 0.08331547058768),  # tables of the unit normal loss integral
        (2.0, 0.00849070261682),
        (3.0, 0.00038215431708),
        (4.0, 7.14525834e-06),
    ],
)
def test_the_normal_model_equals_the_unit_normal_loss(distance: float, value: float) -> None:
    """In units of the deviation the option out of the money is worth n(d) - d N(-d), at any level."""
    for strike in (-50.0, 0.0, 120.0):
        for scale in (0.25, 8.0):
            call = normal_forward_value(strike - distance * scale, strike, scale, True)
            put = normal_forward_value(strike + distance * scale, strike, scale, False)
            assert call == pytest.approx(value * scale, rel=1e-8)
            assert put == call


@pytest.mark.parametrize("distance", [5.0, 10.0, 20.0, 36.0])
def test_the_normal_model_keeps_its_digits_in_the_tail(distance: float) -> None:
    """Mills: n(d) - d N(-d) = n(d) (1/d^2 - 3/d^4 + 15/d^6 - ...), between any two sums of the alternating series."""
    density = math.exp(-distance * distance / 2) / math.sqrt(2 * math.pi)
    terms, term = [], 1 / distance**2
    for power in range(1, 7):
        terms.append(term)
        term *= -(2 * power + 1) / distance**2
    low, high = sorted([math.fsum(terms), math.fsum(terms[:-1])])
    found = normal_forward_value(0.0, distance, 1.0, True)
    assert density * low * (1 - 1e-11) <= found <= density * high * (1 + 1e-11)


@given(plain, plain, st.floats(1e-6, 1e5))
def test_put_call_parity_of_the_normal_model(forward: float, strike: float, deviation: float) -> None:
    call, put = (normal_forward_value(forward, strike, deviation, right) for right in (True, False))
    rounding = 4e-16 * (abs(forward) + abs(strike) + deviation)
    assert call - put == pytest.approx(forward - strike, rel=0, abs=4 * rounding)
    assert call >= max(forward - strike, 0.0)
    assert put >= max(strike - forward, 0.0)


@given(plain, plain, st.floats(0.01, 1e4), st.floats(-1e3, 1e3))
def test_the_normal_model_knows_no_level(forward: float, strike: float, deviation: float, shift: float) -> None:
    """Forward and strike moved alike: the same value, which no lognormal model gives."""
    found = normal_forward_value(forward + shift, strike + shift, deviation, True)
    rounding = 1e-15 * (abs(forward) + abs(strike) + abs(shift) + deviation)
    assert found == pytest.approx(normal_forward_value(forward, strike, deviation, True), rel=0, abs=4 * rounding)


@pytest.mark.parametrize("deviation", [0.0, -0.3])
@pytest.mark.parametrize(("forward", "call", "put"), [(-37.0, 0.0, 27.0), (-10.0, 0.0, 0.0), (5.0, 15.0, 0.0)])
def test_without_deviation_the_normal_model_pays_the_intrinsic_value(
    forward: float, call: float, put: float, deviation: float
) -> None:
    assert normal_forward_value(forward, -10.0, deviation, True) == call
    assert normal_forward_value(forward, -10.0, deviation, False) == put


def test_normal_values_do_not_depend_on_how_they_are_asked_for() -> None:
    """To the bit: one by one, in rows of any length and option by option; years below zero are none."""
    random, rows, columns = np.random.default_rng(4), 6, 43
    forward, volatility = random.uniform(-90, 90, (rows, columns)), random.uniform(-1, 40, (rows, columns))
    years, strike = random.uniform(-0.2, 2, rows), random.uniform(-90, 90, rows)
    call = np.arange(rows) % 2 == 0
    value = np.empty((rows, columns))
    normal_option_values(forward, volatility, years, strike, call, value)
    for i in range(rows):
        root = math.sqrt(max(years[i], 0.0))
        alone = [
            normal_forward_value(forward[i, s], strike[i], volatility[i, s] * root, call[i]) for s in range(columns)
        ]
        assert value[i].tolist() == alone
        for first in (0, 1, 7, 40):
            part = np.empty(columns - first)
            fill_normal_values(forward[i, first:], volatility[i, first:], root, strike[i], call[i], part)
            assert part.tolist() == alone[first:]


@pytest.mark.parametrize(("forward", "deviation"), [(math.nan, 0.2), (100.0, math.nan)])
def test_what_is_not_a_number_gives_no_price_in_the_normal_model(forward: float, deviation: float) -> None:
    assert math.isnan(normal_forward_value(forward, 100.0, deviation, True))


# --- a book of instruments, a market of one day, scenarios by name ----------------------------------------------------


def market_of(levels: dict[str, float], day: date = TUESDAY) -> Market:
    frame = pl.DataFrame({"date": [day]} | {name: [level] for name, level in levels.items()})
    factors = pl.DataFrame({"factor_id": list(levels), "change": ["relative"] * len(levels)})
    return Market(frame, factors, {})


def book_of_rows(instruments: list[Row]) -> Book:
    names = {name: None for row in instruments for name in row}
    table = pl.DataFrame([dict.fromkeys(names) | row for row in instruments], infer_schema_length=None)
    tables = {
        "members": pl.DataFrame({"member_id": ["M"]}),
        "accounts": pl.DataFrame({"account_id": ["A"], "member_id": ["M"], "kind": ["house"]}),
        "instruments": table,
        "positions": pl.DataFrame(
            {"account_id": ["A"], "instrument_id": [instruments[0]["instrument_id"]], "quantity": [1.0]}
        ),
    }
    return book_from_frames(tables, matched=False)


def scenario_set(factor_ids: list[str], moves: list[dict[str, Move]]) -> FactorMoves:
    still = (0.0, 0.0)
    both = np.array([[move.get(name, still) for name in factor_ids] for move in moves]).reshape(len(moves), -1, 2)
    both.flags.writeable = False
    return FactorMoves(both[:, :, 0], both[:, :, 1])


def terms_of(instruments: list[Row], market: Market, days: int = 2) -> tuple[Terms, list[str]]:
    book = book_of_rows(instruments)
    factor_ids = needed_factors(book, "USD")
    return instrument_terms(book.instruments, market, factor_ids, "USD", days), factor_ids


def cube_of(instruments: list[Row], market: Market, moves: list[dict[str, Move]], days: int = 2) -> Cube:
    terms, factor_ids = terms_of(instruments, market, days)
    return revalue(terms, scenario_set(factor_ids, moves))


def linear(kind: str = "future", **more: Any) -> Row:
    row = {"instrument_id": "I", "kind": kind, "factor_id": "X", "currency": "USD", "multiplier": 50.0, "price": 102.0}
    return row | more


def option(**more: Any) -> Row:
    row: Row = {
        "instrument_id": "O",
        "kind": "option",
        "factor_id": "X",
        "currency": "USD",
        "multiplier": 100.0,
        "price": 5.0,
        "expiry": date(2023, 3, 17),
        "strike": 100.0,
        "right": "call",
        "implied_volatility": 0.25,
        "style": "variation",
    }
    return row | more


# --- spot and futures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["spot", "future"])
def test_one_long_unit_gains_when_its_price_rises(kind: str) -> None:
    cube = cube_of([linear(kind)], market_of({"X": 100.0}), [{"X": (0.1, 0.0)}, {"X": (-0.2, 0.0)}, {}])
    # the price in the book moves by the factor's shock: 102 * 0.1 * 50 and 102 * -0.2 * 50, whatever the factor's level
    assert cube.change[0].tolist() == pytest.approx([510.0, -1020.0, 0.0], rel=1e-14)
    assert cube.close_out_loss[0].tolist() == pytest.approx([-510.0, 1020.0, 0.0], rel=1e-14)
    assert cube.premium_value.tolist() == [0.0]


def test_absolute_shock_takes_a_price_through_zero() -> None:
    spread = linear(price=2.0, multiplier=1000.0)
    cube = cube_of([spread], market_of({"X": 1.5}), [{"X": (0.0, -39.63)}, {"X": (0.5, -4.0)}])
    # 2 - 39.63 = -37.63, a change of -39.63; and 2 * 1.5 - 4 = -1, a change of -3
    assert cube.change[0].tolist() == pytest.approx([-39_630.0, -3_000.0], rel=1e-14)


def test_negative_price_moves_by_differences() -> None:
    cube = cube_of([linear(price=-37.63, multiplier=1000.0)], market_of({"X": -37.63}), [{"X": (0.0, 47.64)}])
    assert cube.change[0].tolist() == pytest.approx([47_640.0], rel=1e-14)


# --- currencies -------------------------------------------------------------------------------------------------------


def test_variation_is_converted_at_the_rate_of_the_scenario_and_notional_is_not() -> None:
    euro = linear(currency="EUR", price=100.0, multiplier=10.0)
    market = market_of({"X": 100.0, "EUR/USD": 1.25})
    moves: list[dict[str, Move]] = [
        {"EUR/USD": (-0.2, 0.0)},
        {"X": (0.1, 0.0), "EUR/USD": (-0.2, 0.0)},
        {"X": (-0.1, 0.0), "EUR/USD": (0.2, 0.0)},
        {"X": (-0.1, 0.0), "EUR/USD": (0.0, 0.25)},
    ]
    cube = cube_of([euro], market, moves)
    # nothing gained in euros, nothing in dollars; 10 * 10 * 1.00; -10 * 10 * 1.50; -10 * 10 * 1.50
    assert cube.change[0, 0] == 0.0
    assert cube.change[0, 1:].tolist() == pytest.approx([100.0, -150.0, -150.0], rel=1e-14)


def test_premium_style_translates_its_whole_value_and_variation_style_only_its_change() -> None:
    """A call so deep in the money that the model gives intrinsic value, and book price 21 instead of the model's 20."""
    deep = {"currency": "EUR", "price": 21.0, "implied_volatility": 1e-4, "forward": 120.0}
    both = [option(instrument_id="P", style="premium", **deep), option(instrument_id="V", style="variation", **deep)]
    market = market_of({"X": 120.0, "EUR/USD": 1.25})
    moves: list[dict[str, Move]] = [{}, {"EUR/USD": (-0.2, 0.0)}, {"X": (-0.1, 0.0), "EUR/USD": (-0.2, 0.0)}]
    cube = cube_of(both, market, moves)
    assert cube.premium_value.tolist() == pytest.approx([2625.0, 0.0], rel=1e-14)  # 100 * 21 * 1.25
    # euros worth 1.00: 100 * (21 * 1 - 21 * 1.25) = -525; forward 108, price 9: 100 * (9 * 1 - 21 * 1.25) = -1725
    assert cube.change[0].tolist() == pytest.approx([0.0, -525.0, -1725.0], abs=1e-9)
    # price 9 instead of 21: 100 * -12 * 1.00
    assert cube.change[1].tolist() == pytest.approx([0.0, 0.0, -1200.0], abs=1e-9)
    # a long premium option in closing out pays its value then: 2625, 2100, 900; a short one owes it
    assert cube.close_out_loss[0].tolist() == pytest.approx([-2625.0, -2100.0, -900.0], rel=1e-12)
    assert cube.close_out_loss[1].tolist() == pytest.approx([0.0, 0.0, 1200.0], abs=1e-9)


# --- options: full revaluation ----------------------------------------------------------------------------------------


def quantlib_day(day: date) -> Any:
    return ql.Date(day.day, day.month, day.year)


def engine_value(row: Row, forward: float, volatility: float, day: Any) -> float:
    """The option's value on a day by QuantLib's engine: its dates, its curves, its own count of days."""
    expiry = quantlib_day(row["expiry"])
    right = ql.Option.Call if row["right"] == "call" else ql.Option.Put
    payoff = ql.PlainVanillaPayoff(right, row["strike"])
    rate = row.get("discount_rate") or 0.0
    if day >= expiry:
        return float(payoff(forward))
    if forward <= 0.0 or volatility <= 0.0:
        return float(payoff(forward)) * math.exp(-rate * (expiry - day) / 365)
    with ql.SavedSettings():
        ql.Settings.instance().evaluationDate = day
        flat = ql.YieldTermStructureHandle(ql.FlatForward(day, rate, ql.Actual365Fixed()))
        smile = ql.BlackConstantVol(day, ql.WeekendsOnly(), volatility, ql.Actual365Fixed())
        quote = ql.QuoteHandle(ql.SimpleQuote(forward))
        priced = ql.VanillaOption(payoff, ql.EuropeanExercise(expiry))
        process = ql.BlackProcess(quote, flat, ql.BlackVolTermStructureHandle(smile))
        priced.setPricingEngine(ql.AnalyticEuropeanEngine(process))
        return float(priced.NPV())


def expected_option(row: Row, market: Market, move: dict[str, Move], days: int) -> tuple[float, float, float]:
    """Change of one unit, standing value, and the size of the numbers that went into them."""
    still = (0.0, 0.0)
    today = market.levels["date"][-1]
    level, rate = market.level(row["factor_id"]), 1.0
    rate_then = rate
    if row["currency"] != "USD":
        rate = market.level(f"{row['currency']}/USD")
        relative, absolute = move.get(f"{row['currency']}/USD", still)
        rate_then = rate * (1 + relative) + absolute
    forward = row.get("forward") or level
    relative, absolute = move.get(row["factor_id"], still)
    forward_then = forward * (1 + relative) + absolute
    volatility = row.get("implied_volatility") or market.level(row["volatility_id"])
    relative, absolute = move.get(row.get("volatility_id") or "", still)
    volatility_then = max(volatility * (1 + relative) + absolute, 0.0)
    week = ql.WeekendsOnly()
    start = quantlib_day(today)
    end = week.advance(week.adjust(start, ql.Following), days, ql.Days)
    before = engine_value(row, forward, volatility, start)
    after = engine_value(row, forward_then, volatility_then, end)
    price_then = max(row["price"] + (after - before), 0.0)
    scale = row["multiplier"] * max(rate, rate_then) * (forward + abs(forward_then) + row["strike"] + row["price"])
    if row["style"] == "premium":
        standing = row["multiplier"] * row["price"] * rate
        return row["multiplier"] * price_then * rate_then - standing, standing, scale
    return row["multiplier"] * (price_then - row["price"]) * rate_then, 0.0, scale


def check_option(row: Row, market: Market, moves: list[dict[str, Move]], days: int = 2) -> np.ndarray:
    """The cube of one option equals QuantLib's to 1e-14 of forward, strike and price together. Returns its changes."""
    cube = cube_of([row], market, moves, days)
    for place, move in enumerate(moves):
        change, standing, scale = expected_option(row, market, move, days)
        assert cube.change[0, place] == pytest.approx(change, rel=0, abs=1e-14 * scale), (row, move)
        assert cube.premium_value[0] == pytest.approx(standing, rel=1e-15)
    return cube.change[0]


@st.composite
def option_cases(draw: st.DrawFn) -> tuple[Row, Market, list[dict[str, Move]], int]:
    """An option of any kind in a market of any weekday, and three joint shocks of price, volatility and currency."""
    today = date(2022, 12, 19) + timedelta(days=draw(st.integers(0, 13)))
    level = draw(st.sampled_from([0.0075, 1.1, 100.0, 4000.0])) * draw(st.floats(0.8, 1.25))
    row = option(
        currency=draw(st.sampled_from(["USD", "EUR"])),
        multiplier=draw(st.sampled_from([1.0, 50.0, 12_500_000.0])),
        expiry=today + timedelta(days=draw(st.integers(1, 400))),
        strike=level * draw(st.floats(0.5, 2.0)),
        price=level * draw(st.floats(0.0, 0.5)),
        right=draw(st.sampled_from(["call", "put"])),
        style=draw(st.sampled_from(["variation", "premium"])),
        discount_rate=draw(st.sampled_from([None, 0.0, 0.04, -0.005])),
        forward=draw(st.sampled_from([None, level * 1.02])),
        volatility_id=draw(st.sampled_from([None, "X.VOL"])),
    )
    if row["volatility_id"] and draw(st.booleans()):
        row["implied_volatility"] = None
    levels = {"X": level, "X.VOL": draw(st.floats(0.05, 1.0)), "EUR/USD": draw(st.floats(0.9, 1.4))}
    shock = st.floats(-0.99, 1.5)
    moves = [
        {"X": (draw(shock), 0.0), "X.VOL": (draw(st.floats(-0.99, 3.0)), 0.0), "EUR/USD": (draw(shock), 0.0)},
        {"X": (0.0, level * draw(st.floats(-1.5, 1.5))), "X.VOL": (0.0, draw(st.floats(-1.2, 2.0)))},
        {},
    ]
    return row, market_of(levels, today), moves, draw(st.integers(1, 8))


@given(option_cases())
def test_full_revaluation_equals_quantlib_engine(case: tuple[Row, Market, list[dict[str, Move]], int]) -> None:
    row, market, moves, days = case
    check_option(row, market, moves, days)


def test_revaluation_is_not_delta_gamma() -> None:
    """A put 20 % out of the money in a fall of 30 % with volatility up 120 %: no Taylor expansion comes near."""
    row = option(right="put", strike=80.0, volatility_id="X.VOL", implied_volatility=0.25, price=0.9)
    market = market_of({"X": 100.0, "X.VOL": 0.25})
    (change,) = check_option(row, market, [{"X": (-0.3, 0.0), "X.VOL": (1.2, 0.0)}])
    years = (row["expiry"] - TUESDAY).days / 365
    greeks = ql.BlackCalculator(ql.PlainVanillaPayoff(ql.Option.Put, 80.0), 100.0, 0.25 * math.sqrt(years))
    delta, gamma, vega = greeks.deltaForward(), greeks.gammaForward(), greeks.vega(years)
    delta_gamma = 100.0 * (-30.0 * delta + 0.5 * 900.0 * gamma)
    with_vega = delta_gamma + 100.0 * vega * 0.3
    assert change > 100.0 * (10.0 - greeks.value())  # the intrinsic value gained, and time value on top
    assert abs(delta_gamma - change) > 0.2 * change
    assert abs(with_vega - change) > 0.1 * change


def test_time_decay_alone_loses_what_two_weekdays_cost() -> None:
    """Friday's two liquidation days end on Tuesday: four days of time value, not two."""
    friday = date(2022, 12, 23)
    row = option(expiry=friday + timedelta(days=30), price=3.0)
    (change,) = check_option(row, market_of({"X": 100.0}, friday), [{}])
    spread = [0.25 * math.sqrt(days / 365) for days in (30, 26)]
    today, then = (quantlib_black(100.0, 100.0, each, True) for each in spread)
    assert change == pytest.approx(100.0 * (then - today), rel=1e-12)
    assert change < 0


@pytest.mark.parametrize(
    ("today", "days", "end"),
    [
        (date(2022, 12, 27), 2, date(2022, 12, 29)),  # Tuesday to Thursday
        (date(2022, 12, 29), 2, date(2023, 1, 2)),  # Thursday to Monday; holidays do not count
        (date(2022, 12, 30), 5, date(2023, 1, 6)),  # Friday to Friday
        (date(2022, 12, 24), 1, date(2022, 12, 27)),  # Saturday rolls to Monday, then one day
        (date(2022, 12, 25), 2, date(2022, 12, 28)),  # Sunday likewise
        (date(2022, 12, 27), 20, date(2023, 1, 24)),
    ],
)
def test_liquidation_period_ends_so_many_weekdays_later(today: date, days: int, end: date) -> None:
    expiry = date(2023, 6, 16)
    terms, _ = terms_of([option(expiry=expiry)], market_of({"X": 100.0}, today), days)
    assert terms.years[0] == (expiry - today).days / 365
    assert terms.years_after[0] == (expiry - end).days / 365


@pytest.mark.parametrize("right", ["call", "put"])
@pytest.mark.parametrize("expiry", [date(2022, 12, 28), date(2022, 12, 29)])
def test_option_that_expires_inside_the_liquidation_period_settles_at_intrinsic_value(right: str, expiry: date) -> None:
    today = quantlib_black(100.0, 100.0, 0.8 * math.sqrt((expiry - TUESDAY).days / 365), right == "call")
    row = option(right=right, expiry=expiry, volatility_id="X.VOL", implied_volatility=0.8, price=today)
    market = market_of({"X": 100.0, "X.VOL": 0.8})
    moves: list[dict[str, Move]] = [{"X": (0.1, 0.0), "X.VOL": (2.0, 0.0)}, {"X": (-0.1, 0.0), "X.VOL": (2.0, 0.0)}]
    changes = check_option(row, market, moves)
    settled = [10.0, 0.0] if right == "call" else [0.0, 10.0]
    assert changes.tolist() == pytest.approx([100.0 * (each - today) for each in settled], rel=1e-12)


def test_option_one_day_beyond_the_liquidation_period_still_has_time_value() -> None:
    row = option(expiry=date(2022, 12, 30), implied_volatility=0.8)
    (change,) = check_option(row, market_of({"X": 100.0}), [{}])
    today, then = (quantlib_black(100.0, 100.0, 0.8 * math.sqrt(days / 365), True) for days in (3, 1))
    assert change == pytest.approx(100.0 * (then - today), rel=1e-12)


def test_discount_rate_discounts_over_the_years_used() -> None:
    """Deep in the money with next to no volatility: 20 * exp(-r t), today over 80 days and then over 78."""
    row = option(forward=120.0, implied_volatility=1e-4, discount_rate=0.05, price=19.5)
    market = market_of({"X": 100.0})
    changes = check_option(row, market, [{}, {"X": (0.1, 0.0)}])
    assert (row["expiry"] - TUESDAY).days == 80
    today, then, higher = (value * math.exp(-0.05 * days / 365) for value, days in ((20.0, 80), (20.0, 78), (32.0, 78)))
    assert changes.tolist() == pytest.approx([100 * (then - today), 100 * (higher - today)], rel=1e-11)
    assert changes[0] > 0


def test_forward_column_beats_the_level_of_the_factor() -> None:
    market = market_of({"X": 100.0})
    moves: list[dict[str, Move]] = [{"X": (0.1, 0.0)}, {"X": (0.0, 5.0)}]
    stated = check_option(option(forward=104.0), market, moves)
    by_level = check_option(option(), market, moves)
    years = [80 / 365, 78 / 365]
    for changes, forward in ((stated, 104.0), (by_level, 100.0)):
        today = quantlib_black(forward, 100.0, 0.25 * math.sqrt(years[0]), True)
        moved = (forward * 1.1, forward + 5)
        then = [quantlib_black(level, 100.0, 0.25 * math.sqrt(years[1]), True) for level in moved]
        assert changes.tolist() == pytest.approx([100 * (value - today) for value in then], rel=1e-12)
    assert abs(stated - by_level).min() > 10.0


def test_volatility_comes_from_the_column_and_moves_with_its_factor() -> None:
    market = market_of({"X": 100.0, "X.VOL": 0.4})
    moves: list[dict[str, Move]] = [{"X.VOL": (0.5, 0.0)}, {"X.VOL": (0.0, 0.1)}, {"X.VOL": (0.0, -2.0)}]
    years = [80 / 365, 78 / 365]
    for stated, today, moved in (
        (0.25, 0.25, [0.375, 0.35, 0.0]),  # the column beats the factor's level, the factor moves it, never below 0
        (None, 0.4, [0.6, 0.5, 0.0]),
    ):
        before = quantlib_black(100.0, 100.0, today * math.sqrt(years[0]), True)
        row = option(implied_volatility=stated, volatility_id="X.VOL", price=before)
        changes = check_option(row, market, moves)
        after = [quantlib_black(100.0, 100.0, each * math.sqrt(years[1]), True) for each in moved]
        assert changes.tolist() == pytest.approx([100 * (each - before) for each in after], rel=1e-12)


def test_a_holder_never_loses_more_than_the_premium() -> None:
    """A price of 1 where the model says about 20: the model's fall is larger than the price, which ends at nothing."""
    row = option(forward=120.0, price=1.0, style="premium")
    (change,) = check_option(row, market_of({"X": 100.0}), [{"X": (-0.4, 0.0)}])
    assert change == -100.0  # one unit of the underlying times the multiplier of 100


def test_option_without_volatility_factor_keeps_its_volatility() -> None:
    """Beside another option that names the factor, so that the factor is in the scenarios and is the last of them."""
    still, moving = option(instrument_id="A"), option(instrument_id="B", volatility_id="X.VOL")
    cube = cube_of([still, moving], market_of({"X": 100.0, "X.VOL": 0.25}), [{}, {"X.VOL": (1.0, 0.0)}])
    assert cube.change[0, 1] == cube.change[0, 0]
    assert cube.change[1, 1] > cube.change[0, 0] + 100.0


def test_forward_through_zero_is_worth_its_intrinsic_value() -> None:
    changes = check_option(option(right="put", price=1.0), market_of({"X": 100.0}), [{"X": (0.0, -137.0)}])
    today = quantlib_black(100.0, 100.0, 0.25 * math.sqrt(80 / 365), False)
    assert changes[0] == pytest.approx(100 * (137.0 - today), rel=1e-12)


def oil(level: float, **more: Any) -> tuple[Row, Market]:
    """A put at 15 on oil that moves by differences, of 9 a year by the normal model, and its market."""
    row = option(factor_id="OIL", right="put", strike=15.0, price=1.5, implied_volatility=None, normal_volatility=9.0)
    frame = pl.DataFrame({"date": [TUESDAY], "OIL": [level], "NVOL": [40.0]})
    factors = pl.DataFrame({"factor_id": ["OIL", "NVOL"], "change": ["absolute", "relative"]})
    return row | more, Market(frame, factors, {})


@pytest.mark.parametrize("style", ["variation", "premium"])
def test_an_option_of_the_normal_model_is_worth_more_than_exercise_below_zero(style: str) -> None:
    """Oil falls from 20 to -37.63 and by 5, and a volatility of 9 rises by half: QuantLib's values, from 1.5 on."""
    row, market = oil(20.0, style=style, volatility_id="NVOL")
    falls: list[dict[str, Move]] = [{"OIL": (0.0, -57.63)}, {"OIL": (0.0, -5.0), "NVOL": (0.5, 0.0)}]
    cube = cube_of([row], market, falls)
    before = quantlib_normal(20.0, 15.0, 9.0 * math.sqrt(80 / 365), False)
    after = [
        quantlib_normal(-37.63, 15.0, 9.0 * math.sqrt(78 / 365), False),
        quantlib_normal(15.0, 15.0, 13.5 * math.sqrt(78 / 365), False),
    ]
    assert cube.change[0].tolist() == pytest.approx([100 * (value - before) for value in after], rel=1e-12)


def test_strike_and_forward_below_zero_are_the_normal_models_alone() -> None:
    row, market = oil(-2.0, strike=-5.0, forward=-2.5)
    cube = cube_of([row], market, [{"OIL": (0.0, 1.5)}])
    values = [
        quantlib_normal(level, -5.0, 9.0 * math.sqrt(days / 365), False) for level, days in ((-2.5, 80), (-1, 78))
    ]
    assert cube.change[0, 0] == pytest.approx(100 * (values[1] - values[0]), rel=1e-12)
    for column in ("strike", "forward"):
        lognormal = row | {"strike": 5.0, "forward": 2.5, column: -1.0, "normal_volatility": None}
        with pytest.raises(
            InputError, match=f"column {column}, value -1.0: more than 0 was expected without normal_vol"
        ):
            book_of_rows([lognormal | {"implied_volatility": 0.3}])


def test_an_option_states_one_volatility_in_units_that_are_those_of_its_factor() -> None:
    """Neither two volatilities, nor a factor whose differences are in units that nobody knows."""
    row, market = oil(20.0, volatility_id="NVOL")
    with pytest.raises(
        InputError, match=r"normal_volatility, value 9\.0: this or implied_volatility was expected, not"
    ):
        book_of_rows([row | {"implied_volatility": 0.3}])
    with pytest.raises(InputError, match="volatility_id: an option must state this, implied_volatility or normal_vol"):
        book_of_rows([row | {"volatility_id": None, "normal_volatility": None}])
    by_difference = market.factors.with_columns(change=pl.lit("absolute"))
    found = find_market_problems(book_of_rows([row]), Market(market.levels, by_difference, {}), "USD", 1)
    assert [str(problem) for problem in found] == [
        "instruments, row 1, column volatility_id, value 'NVOL': a factor that moves by ratios was expected beside "
        "normal_volatility, which is in units of the price"
    ]
    assert find_market_problems(book_of_rows([row]), market, "USD", 1) == []


def test_an_option_without_a_normal_volatility_is_priced_by_black_whatever_its_factor() -> None:
    """Oil that moves by differences, and a lognormal volatility: as it was before there was another model."""
    row, market = oil(20.0, normal_volatility=None, implied_volatility=0.4)
    cube = cube_of([row], market, [{"OIL": (0.0, -5.0)}])
    before, after = (
        quantlib_black(level, 15.0, 0.4 * math.sqrt(days / 365), False) for level, days in ((20.0, 80), (15.0, 78))
    )
    assert cube.change[0, 0] == pytest.approx(100 * (after - before), rel=1e-12)


# --- rows longer than a block -----------------------------------------------------------------------------------------


def random_terms(random: np.random.Generator, count: int, factors: int) -> TermArrays:
    """Instruments of all kinds, with and without factors."""
    option = random.random(count) < 0.7
    years = np.where(option, random.uniform(-0.3, 1, count), np.nan)
    normal = option & (np.arange(count) % 3 == 0)
    return TermArrays(
        option=option,
        premium=option & (random.random(count) < 0.5),
        call=random.random(count) < 0.5,
        normal=normal,
        price=random.uniform(0, 30, count),
        multiplier=random.choice([1.0, 100.0], count),
        exchange=random.uniform(0.5, 2, count),
        strike=np.where(option, random.uniform(50, 150, count), np.nan),
        forward=np.where(option, random.uniform(50, 150, count), np.nan),
        volatility=np.where(option, random.uniform(0.05, 0.8, count) * np.where(normal, 100, 1), np.nan),
        discount_rate=np.where(option, random.uniform(-0.01, 0.05, count), np.nan),
        years_after=years,
        model=random.uniform(0, 30, count),
        factor=random.integers(-1, factors, count),
        volatility_factor=random.integers(-1, factors, count),
        currency_factor=random.integers(-1, factors, count),
    )


def random_moves(random: np.random.Generator, factors: int, scenarios: int) -> Moves:
    """Relative and absolute moves, some of them such that a forward, a volatility or a rate falls below zero."""
    relative = random.uniform(-1.1, 1, (factors, scenarios))
    return Moves(relative, random.choice([0.0, 0.01, -0.3, -90.0], (factors, scenarios)))


def plain_change(terms: TermArrays, i: int, moves: Moves, s: int) -> tuple[float, float]:
    """The change of one unit by QuantLib and plain arithmetic, and the size of the numbers that went into it."""

    def moved(level: float, factor: int) -> float:
        return level if factor < 0 else level * (1 + moves.relative[factor, s]) + moves.absolute[factor, s]

    price, rate = terms.price[i], moved(terms.exchange[i], terms.currency_factor[i])
    if terms.option[i]:
        forward = moved(terms.forward[i], terms.factor[i])
        deviation = moved(terms.volatility[i], terms.volatility_factor[i]) * math.sqrt(max(terms.years_after[i], 0.0))
        value = max((forward - terms.strike[i]) * (1 if terms.call[i] else -1), 0.0)
        if terms.normal[i] and deviation > 0:
            value = quantlib_normal(forward, terms.strike[i], deviation, bool(terms.call[i]))
        elif not terms.normal[i] and forward > 0 and deviation > 0:
            value = quantlib_black(forward, terms.strike[i], deviation, bool(terms.call[i]))
        value *= math.exp(-terms.discount_rate[i] * terms.years_after[i])
        then, size = max(price + (value - terms.model[i]), 0.0), abs(forward) + terms.strike[i] + price
        size += deviation if terms.normal[i] else 0.0
    else:
        then = moved(price, terms.factor[i])
        size = abs(then) + price
    scale = terms.multiplier[i] * size * (terms.exchange[i] + abs(rate))
    if terms.premium[i]:
        return terms.multiplier[i] * (then * rate - price * terms.exchange[i]), scale
    return terms.multiplier[i] * (then - price) * rate, scale


def test_rows_longer_than_a_block_equal_quantlib_and_plain_arithmetic() -> None:
    random, scenarios = np.random.default_rng(7), 2 * BLOCK + 11
    terms, moves = random_terms(random, 12, 5), random_moves(random, 5, scenarios)
    change = np.full((12, scenarios), np.nan)
    unit_changes(terms, moves, change)
    for i in range(12):
        for s in range(scenarios):
            expected, scale = plain_change(terms, i, moves, s)
            assert change[i, s] == pytest.approx(expected, rel=0, abs=1e-14 * scale), (i, s)


def test_a_scenario_gives_the_same_to_the_bit_wherever_it_stands_and_on_any_threads() -> None:
    random, scenarios = np.random.default_rng(8), BLOCK + 20
    terms, moves = random_terms(random, 6, 5), random_moves(random, 5, scenarios)
    whole = np.empty((6, scenarios))
    unit_changes(terms, moves, whole)
    for first in (1, 9, BLOCK, scenarios - 1):
        later = Moves(*(np.ascontiguousarray(part[:, first:]) for part in moves))
        part = np.empty((6, scenarios - first))
        unit_changes(terms, later, part)
        assert np.array_equal(part, whole[:, first:])
    threads = use_threads(None)
    try:
        use_threads(1)
        alone = np.empty_like(whole)
        unit_changes(terms, moves, alone)
    finally:
        use_threads(threads)
    assert np.array_equal(alone, whole)


# --- the cube as a whole ----------------------------------------------------------------------------------------------


def mixed_rows() -> list[Row]:
    return [
        option(instrument_id="O-call", volatility_id="X.VOL", currency="EUR", style="premium"),
        linear("spot", instrument_id="S", price=100.0, factor_id="Y"),
        option(instrument_id="O-put", right="put", implied_volatility=0.3),
        linear(instrument_id="F", currency="EUR"),
    ]


def permutations_of(rows: list[Row]) -> Iterator[list[Row]]:
    yield rows[::-1]
    yield [rows[place] for place in (2, 0, 3, 1)]


def test_cube_is_in_order_of_instrument_id_whatever_the_order_of_rows() -> None:
    market = market_of({"X": 100.0, "X.VOL": 0.25, "Y": 40.0, "EUR/USD": 1.1, "Z": 1.0})
    moves: list[dict[str, Move]] = [
        {"X": (0.1, 0.0), "EUR/USD": (0.05, 0.0), "X.VOL": (0.3, 0.0), "Y": (-0.2, 0.0)},
        {"Y": (0.0, -3.0)},
    ]
    terms, _ = terms_of(mixed_rows(), market)
    assert terms.instrument_ids == ["F", "O-call", "O-put", "S"]
    base = cube_of(mixed_rows(), market, moves)
    for place, row in enumerate(sorted(mixed_rows(), key=lambda row: row["instrument_id"])):
        alone = cube_of([row], market, moves)  # no instrument depends on those beside it
        assert base.change[place].tolist() == alone.change[0].tolist()
        assert base.premium_value[place] == alone.premium_value[0]
    for rows in permutations_of(mixed_rows()):
        other = cube_of(rows, market, moves)
        assert np.array_equal(other.change, base.change)
        assert np.array_equal(other.premium_value, base.premium_value)


def test_a_shock_of_nothing_without_time_changes_nothing_and_every_value_is_finite() -> None:
    market = market_of({"X": 100.0, "X.VOL": 0.25, "Y": 40.0, "EUR/USD": 1.1})
    rows = [row for row in mixed_rows() if row["kind"] != "option"]
    assert not cube_of(rows, market, [{}]).change.any()
    hostile: list[dict[str, Move]] = [dict.fromkeys(market.factor_ids, (-0.99, 0.0)), {"X": (50.0, -1e6)}]
    assert np.isfinite(cube_of(mixed_rows(), market, hostile).change).all()


def test_options_priced_far_from_the_model_are_worth_a_note() -> None:
    """More than 1 % of the forward away: the model's value is about 4.67, so 5.6 is inside and 5.8 is not."""
    market = market_of({"X": 100.0})
    model = quantlib_black(100.0, 100.0, 0.25 * math.sqrt(80 / 365), True)
    assert 4.6 < model < 4.8
    rulebook = load_rulebook("textbook/cover-two")
    for price, expected in ((5.6, []), (5.8, ["O-far"]), (0.0, ["O-far"])):
        book = book_of_rows([option(instrument_id="O-near", price=model), option(instrument_id="O-far", price=price)])
        notes = far_from_the_model(Case(book, market, rulebook, needed_factors(book, "USD")))
        assert len(notes) == len(expected)
        assert all(name in note.sentence for name, note in zip(expected, notes, strict=True))


@pytest.mark.parametrize("level", [-5.0, 0.0])
def test_options_on_a_forward_that_is_not_positive_are_noted_too(level: float) -> None:
    """A call on a forward at or below zero is worth nothing to the model, and 900 to the book."""
    book = book_of_rows([option(price=900.0)])
    case = Case(book, market_of({"X": level}), load_rulebook("textbook/cover-two"), ["X"])
    assert len(far_from_the_model(case)) == 1


# --- periods ----------------------------------------------------------------------------------------------------------


def test_each_instrument_moves_over_its_own_period() -> None:
    """Its column is that of a run in which every instrument takes as long as it does, whatever the others take."""
    case = open_case(small.book([("a", "X", 1.0)], {"a": ("A", "A", "house")}), small.market(), small.rulebook())
    random = np.random.default_rng(5)
    shape = (3, 4, len(case.factor_ids))
    moves = random.uniform(-0.4, 0.4, shape), random.uniform(-1.0, 1.0, shape)
    labels = [Label(str(number), "file", "", "") for number in range(4)]
    mixed = ScenarioSet(case.factor_ids, labels, *moves, (1, 3, 7))
    periods = {"X": 1, "FX": 3, "Y": 7}
    rules = [{"instrument": name, "days": days} for name, days in periods.items()]
    cube = price_cube(with_margin(case, {"liquidation": rules}), mixed)
    for row, name in enumerate(case.portfolio.instruments):
        days = periods[name]
        alone = with_margin(case, {"liquidation_days": days})
        place = mixed.periods.index(days)
        own = over_one_period(case.factor_ids, labels, (moves[0][place], moves[1][place]), days)
        assert cube.change[row].tolist() == price_cube(alone, own).change[row].tolist(), name
        assert price_cube(alone, mixed).change.tolist() == price_cube(alone, own).change.tolist()
    with pytest.raises(ValueError, match="over 2 days"):
        price_cube(with_margin(case, {"liquidation_days": 2}), mixed)


def with_margin(case: Case, changes: dict[str, Any]) -> Case:
    stated = case.rulebook.model_dump(by_alias=True)["margin"] | changes
    margin = type(case.rulebook.margin).model_validate(stated)
    return replace(case, rulebook=case.rulebook.model_copy(update={"margin": margin}))
