"""Every word of a rulebook's `margin` and `close_out` parts against a recomputation by plain loops and fractions.

The recomputations are written from docs/reference/margin-models.md: losses from the prices themselves, by position.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import integrate, stats
from support import reference
from support.small_books import book, loss, market

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.errors import InputError, Problem
from ccp.frames import Factors
from ccp.margin.add_ons import ADD_ONS
from ccp.margin.measure import parametric_factor
from ccp.margin.requirement import Requirement, margin_requirement
from ccp.market.case import open_case
from ccp.market.history import Market
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.margin import AddOns, MarginRules
from ccp.rulebook.rulebook import Rulebook

HOUSES = {"a": ("A", "a", "house"), "b": ("B", "b", "house"), "c": ("C", "c", "client"), "e": ("C", "e", "client")}
POSITIONS = [
    ("a", "X", 1000.0),
    ("a", "Y", -900.0),
    ("b", "X", -377.5),
    ("c", "FX", 3.0),
    ("c", "X", -20.0),
    ("c", "Y", 41.0),
]
LOOKBACK = 100
MEASURES = ["value_at_risk", "expected_shortfall"]
CONVENTIONS = ["ceil", "floor_plus_one"]

# --- the recomputation ------------------------------------------------------------------------------------------------


def rules_of(margin: dict[str, Any] | None = None, **parts: Any) -> Rulebook:
    """Rules of one gap of 20 %, with changes in `margin` and other parts as they stand in a file."""
    document = {
        "name": "test",
        "currency": "USD",
        "margin": {"confidence": 0.97, "lookback_days": LOOKBACK, "liquidation_days": 2} | (margin or {}),
        "stress": {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.2]}]},
        "tiers": ["defaulter_margin", "defaulter_fund", "survivors_fund"],
    }
    return Rulebook.model_validate(document | parts)


def required(
    margin: dict[str, Any], prices: Market | None = None, the_book: Book | None = None, buffer: Fraction | None = None
) -> Requirement:
    case = open_case(the_book or book(POSITIONS, HOUSES), prices or market(), rules_of(margin))
    return margin_requirement(case, buffer)


def by_account(cents: Any) -> dict[str, int]:
    """Amounts by name: pools are in order of member and pool, and each has one account here."""
    return dict(zip(("a", "b", "c", "e", "DEALER"), map(int, cents), strict=True))


def held_by(account: str) -> dict[str, float]:
    if account != "DEALER":
        return {instrument: quantity for name, instrument, quantity in POSITIONS if name == account}
    sums = {name: -math.fsum(q for _, held, q in POSITIONS if held == name) for name in ("X", "Y", "FX")}
    return {name: quantity for name, quantity in sums.items() if quantity}


Moves = dict[str, list[float]]


def windows(prices: Market, count: int, days: int = 2, end: int | None = None) -> Moves:
    """Each factor's `count` returns over `days` rows whose ends are the latest rows up to `end` (by default all)."""
    found: Moves = {}
    for name in prices.factor_ids:
        path = prices.levels[name].to_list()[: end or None]
        found[name] = [path[row] / path[row - days] - 1 for row in range(len(path) - count, len(path))]
    return found


def losses_of(held: dict[str, float], moves: Moves, prices: Market) -> list[float]:
    """What an account loses in every scenario: X and Y at 100 and 50 dollars, FX ten times X in euro."""
    rate = prices.level("EUR/USD")
    result = []
    for x, y, euro in zip(moves["X"], moves["Y"], moves["EUR/USD"], strict=True):
        gain = held.get("X", 0.0) * 100 * x + held.get("Y", 0.0) * 50 * y
        result.append(-(gain + held.get("FX", 0.0) * 10 * 100 * x * rate * (1 + euro)))
    return result


def plain_tail(losses: list[float], confidence: str, measure: str, convention: str = "ceil") -> Fraction:
    """Order statistic, or Acerbi and Tasche's mean, of losses that all weigh the same: arithmetic.md, section 5."""
    count, share = len(losses), Fraction(confidence)
    point = count * share
    rank = math.ceil(point) if convention == "ceil" else math.floor(point) + 1
    rank = min(rank, count)
    ordered = sorted(map(Fraction, losses))
    if measure == "value_at_risk":
        return ordered[rank - 1]
    beyond = ordered[rank:]
    return (sum(beyond) + (count * (1 - share) - len(beyond)) * ordered[rank - 1]) / (count * (1 - share))


def cents(amount: Fraction | float) -> int:
    """Not below zero, rounded to cents, half to even."""
    return max(round(Fraction(amount) * 100), 0)


Tail = Callable[[list[float]], Fraction | float]


def expected(moves: Moves, prices: Market, tail: Tail) -> dict[str, int]:
    return {name: cents(tail(losses_of(held_by(name), moves, prices))) for name in (*HOUSES, "DEALER")}


def plain(moves: Moves, prices: Market, measure: str = "expected_shortfall") -> dict[str, int]:
    return expected(moves, prices, lambda losses: plain_tail(losses, "0.97", measure))


# --- models -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("measure", MEASURES)
def test_historical_is_the_plain_tail(measure: str, convention: str) -> None:
    prices = market()
    found = required({"measure": measure, "quantile": convention}, prices)
    tail = lambda losses: plain_tail(losses, "0.97", measure, convention)  # noqa: E731
    assert by_account(found.account_margin) == expected(windows(prices, LOOKBACK), prices, tail)
    assert by_account(found.account_margin)["e"] == 0
    assert found.add_ons == {}


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("decay", ["0.5", "0.94", "0.99"])
def test_weighted_is_a_sorted_loop_over_weights_by_age(decay: str, measure: str, convention: str) -> None:
    """With a decay of one half, scenarios older than 39 days weigh nothing, whatever their losses."""
    prices = market()
    found = required(
        {"model": "weighted", "weighting": {"decay": float(decay)}, "measure": measure, "quantile": convention}, prices
    )

    def tail(losses: list[float]) -> Fraction:
        weights = [math.floor(Fraction(decay) ** age * 10**12) for age in reversed(range(LOOKBACK))]
        mass, so_far, total = sum(weights) * Fraction(3, 100), 0, Fraction(0)
        for one, weight in sorted(zip(map(Fraction, losses), weights, strict=True), reverse=True):
            total += min(weight, mass - so_far) * one if so_far < mass else 0
            so_far += weight
            reached = so_far > mass if convention == "ceil" else so_far >= mass
            if measure == "value_at_risk" and reached:
                return one
        return total / mass

    assert by_account(found.account_margin) == expected(windows(prices, LOOKBACK), prices, tail)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("measure", MEASURES)
def test_weighting_without_decay_is_historical(measure: str, convention: str) -> None:
    rules = {"measure": measure, "quantile": convention}
    weighted = required(rules | {"model": "weighted", "weighting": {"decay": 1.0}})
    assert weighted.account_margin.tolist() == required(rules).account_margin.tolist()


def test_weighting_forgets_an_old_crash_and_equal_weights_do_not() -> None:
    after: dict[str, int] = {}
    prices = market()
    crash = prices.levels["X"].to_numpy().copy()
    crash[: len(crash) - 90] *= 2  # X halves 90 rows ago
    crashed = replace(prices, levels=prices.levels.with_columns(pl.Series("X", crash)))
    for model, changed in (("historical", True), ("weighted", False)):
        rules = {"model": model, "measure": "value_at_risk", "confidence": 0.99}
        rules |= {"weighting": {"decay": 0.9}} if model == "weighted" else {}
        before, after = (by_account(required(rules, one).account_margin) for one in (prices, crashed))
        assert (before["a"] != after["a"]) is changed
    assert after["a"] > 0


@pytest.mark.parametrize("distribution", ["normal", "student"])
@pytest.mark.parametrize("confidence", [0.9, 0.975, 0.99, 0.999])
@pytest.mark.parametrize("degrees", [2.5, 4.0, 30.0])
def test_parametric_factors_equal_scipys_and_integrals_of_the_tail(
    distribution: str, confidence: float, degrees: float
) -> None:
    scale = 1.0 if distribution == "normal" else math.sqrt((degrees - 2) / degrees)
    law = stats.norm() if distribution == "normal" else stats.t(degrees)
    point = law.ppf(confidence)
    beyond, _ = integrate.quad(lambda x: x * law.pdf(x), point, math.inf, epsabs=1e-13, epsrel=1e-12)
    fitted = {"distribution": distribution, "degrees": degrees}
    factors = {}
    for measure in MEASURES:
        document = rules_of({"model": "parametric", "measure": measure, "confidence": confidence, "parametric": fitted})
        factors[measure] = parametric_factor(document.margin)
    assert factors["value_at_risk"] == pytest.approx(point * scale, rel=1e-9)
    assert factors["expected_shortfall"] == pytest.approx(beyond * scale / (1 - confidence), rel=1e-6)


def test_parametric_factors_that_are_in_every_book() -> None:
    """The normal quantile at 99 % is 2.3263, its shortfall 2.6652; Student's with 4 degrees 3.7469 times root 1/2."""
    for distribution, measure, expected_factor in (
        ("normal", "value_at_risk", 2.3263),
        ("normal", "expected_shortfall", 2.6652),
        ("student", "value_at_risk", 3.7469 * math.sqrt(0.5)),
    ):
        document = {"model": "parametric", "measure": measure, "confidence": 0.99}
        rules = rules_of(document | {"parametric": {"distribution": distribution, "degrees": 4.0}}).margin
        assert parametric_factor(rules) == pytest.approx(expected_factor, abs=5e-5)


@pytest.mark.parametrize("decay", [None, 0.94])
@pytest.mark.parametrize("measure", MEASURES)
def test_parametric_is_the_root_mean_square_times_a_factor(decay: float | None, measure: str) -> None:
    prices = market()
    fitted = {"distribution": "student", "degrees": 5.0} | ({} if decay is None else {"decay": decay})
    found = required({"model": "parametric", "parametric": fitted, "measure": measure}, prices)
    law = stats.t(5)
    point = law.ppf(0.97)
    factor = point if measure == "value_at_risk" else law.expect(lambda x: x, lb=point) / 0.03
    weights = [(decay or 1.0) ** age for age in reversed(range(LOOKBACK))]

    def tail(losses: list[float]) -> float:
        square = math.fsum(w * one * one for w, one in zip(weights, losses, strict=True)) / math.fsum(weights)
        return float(factor) * math.sqrt(3 / 5) * math.sqrt(square)

    assert by_account(found.account_margin) == expected(windows(prices, LOOKBACK), prices, tail)


def test_parametric_margin_is_never_negative() -> None:
    found = required({"model": "parametric", "measure": "value_at_risk", "confidence": 0.4})
    assert min(found.account_margin) == 0


@pytest.mark.parametrize("scaling", ["full", "mid"])
def test_filtered_scales_every_factors_returns_by_its_own_volatility(scaling: str) -> None:
    """Volatility by the recursion from the first 75 returns on; each return scaled from its first day to now."""
    prices, decay = market(days=300), 0.9
    found = required(
        {"model": "filtered", "filter": {"decay": decay, "scaling": scaling, "floor": 0.8, "cap": 1.3}}, prices
    )
    moves = windows(prices, LOOKBACK)
    scales = []
    for name, plain_moves in moves.items():
        path = prices.levels[name].to_list()
        daily = [after / before - 1 for before, after in pairwise(path)]
        variance = [math.fsum(one * one for one in daily[:75]) / 75]
        for one in daily:
            variance.append(decay * variance[-1] + (1 - decay) * one * one)
        for place in range(LOOKBACK):
            begin = len(path) - LOOKBACK + place - 2  # row t - h; its first one-row return is number t - h
            ratio = math.sqrt(variance[-1] / variance[begin])
            scale = min(max(ratio if scaling == "full" else (ratio + 1) / 2, 0.8), 1.3)
            plain_moves[place] *= scale
            scales.append(scale)
    assert {min(scales), max(scales)} <= {0.8, 1.3} or scaling == "mid"
    assert by_account(found.account_margin) == plain(moves, prices)


# --- tools against procyclicality -------------------------------------------------------------------------------------


def days_of(prices: Market, first: int, last: int) -> dict[str, date]:
    return {"from": prices.dates[first], "to": prices.dates[last]}


def blend_by_hand(share: Fraction, model: dict[str, int], stressed: dict[str, int]) -> dict[str, int]:
    return {name: round((1 - share) * model[name] + share * stressed[name]) for name in model}


@pytest.mark.parametrize("weight", [0.25, 0.3333, 0.5])
@pytest.mark.parametrize("measure", MEASURES)
def test_a_blend_is_a_share_of_either_margin(weight: float, measure: str) -> None:
    """A period of 25 rows, 10 to 34, holds 23 windows of two rows."""
    prices = market()
    found = required(
        {"measure": measure, "stress_period": {"weight": weight, **days_of(prices, 10, 34)}}, prices
    ).account_margin
    model = plain(windows(prices, LOOKBACK), prices, measure)
    stressed = plain(windows(prices, 23, end=35), prices, measure)
    assert by_account(found) == blend_by_hand(Fraction(str(weight)), model, stressed)
    assert model != stressed


def test_a_blend_takes_the_plain_tail_of_the_period_whatever_the_model() -> None:
    prices = market()
    period = {"stress_period": {"weight": 0.25, **days_of(prices, 10, 34)}}
    stressed = plain(windows(prices, 23, end=35), prices)
    for model in ({"model": "weighted", "weighting": {"decay": 0.9}}, {"model": "parametric"}):
        alone = by_account(required(model, prices).account_margin)
        assert by_account(required(model | period, prices).account_margin) == blend_by_hand(
            Fraction(1, 4), alone, stressed
        )


def test_a_period_that_is_not_over_yet_counts_nothing_and_one_without_days_is_refused() -> None:
    prices = market()
    later = {"stress_period": {"from": prices.dates[10], "to": prices.dates[-1] + timedelta(days=1)}}
    assert by_account(required(later, prices).account_margin) == plain(windows(prices, LOOKBACK), prices)
    too_long = {"stress_period": {"days": len(prices.dates) + 1}}
    assert by_account(required(too_long, prices).account_margin) == plain(windows(prices, LOOKBACK), prices)
    never = {"stress_period": {"from": date(1990, 1, 1), "to": date(1991, 1, 1)}}
    with pytest.raises(InputError, match="stress_period"):
        required(never, prices)


def test_without_days_named_the_wildest_run_known_is_the_period() -> None:
    """Rows 40 to 59 of X move five times as far as all others."""
    calm = market()
    path = calm.levels["X"].to_numpy()
    steps = path[1:] / path[:-1] - 1
    steps[40:59] *= 5  # return number i ends on row i + 1: the run from row 40 to 59 holds returns 40 to 58
    wild = path[0] * np.cumprod(np.concatenate([[1.0], 1 + steps]))
    prices = replace(calm, levels=calm.levels.with_columns(pl.Series("X", wild)))
    found = required({"stress_period": {"weight": 0.25, "days": 20}}, prices)
    named = required({"stress_period": {"weight": 0.25, **days_of(prices, 40, 59)}}, prices)
    assert by_account(found.account_margin) == by_account(named.account_margin)
    stressed = plain(windows(prices, 18, end=60), prices)
    model = plain(windows(prices, LOOKBACK), prices)
    assert by_account(found.account_margin) == blend_by_hand(Fraction(1, 4), model, stressed)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_sample_is_one_weighted_tail_of_model_and_period(measure: str, convention: str) -> None:
    """100 scenarios of 0.75 / 100 each, and 23 of 0.25 / 23."""
    prices = market()
    rules = {"measure": measure, "quantile": convention}
    found = required(rules | {"stress_period": {"reading": "sample", **days_of(prices, 10, 34)}}, prices)
    model, period = windows(prices, LOOKBACK), windows(prices, 23, end=35)
    moves = {name: model[name] + period[name] for name in model}
    weights = [Fraction(3, 400)] * 100 + [Fraction(1, 92)] * 23

    def tail(losses: list[float]) -> Fraction:
        mass, so_far, total = Fraction(3, 100), Fraction(0), Fraction(0)
        for one, weight in sorted(zip(map(Fraction, losses), weights, strict=True), reverse=True):
            total += min(weight, max(mass - so_far, Fraction(0))) * one
            so_far += weight
            reached = so_far > mass if convention == "ceil" else so_far >= mass
            if measure == "value_at_risk" and reached:
                return one
        return total / mass

    assert by_account(found.account_margin) == expected(moves, prices, tail)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("weight", [0.25, 0.5, 0.9])
def test_a_sample_whose_period_repeats_the_model_changes_nothing(measure: str, weight: float) -> None:
    """The period is the look-back itself: its 102 latest rows hold the model's 100 windows of two rows."""
    prices = market()
    period = {"reading": "sample", "weight": weight, **days_of(prices, -102, -1)}
    found = required({"measure": measure, "stress_period": period}, prices)
    assert by_account(found.account_margin) == by_account(required({"measure": measure}, prices).account_margin)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("reading", ["blend", "sample"])
def test_a_period_of_the_whole_weight_is_all_that_counts(reading: str, measure: str) -> None:
    prices = market()
    period = {"reading": reading, "weight": 1.0, **days_of(prices, 10, 34)}
    found = required({"measure": measure, "stress_period": period}, prices)
    assert by_account(found.account_margin) == plain(windows(prices, 23, end=35), prices, measure)


def test_a_sample_weight_of_many_digits_is_as_good_as_any() -> None:
    """A third, as written in sixteen digits, is a third to the cent."""
    prices = market()
    margins = []
    for weight in (0.3333333, 0.3333333333333333):
        period = {"reading": "sample", "weight": weight, **days_of(prices, 10, 34)}
        margins.append(required({"stress_period": period}, prices).account_margin)
    assert np.abs(margins[0] - margins[1]).max() <= 1


def with_gap(prices: Market, name: str, row: int) -> Market:
    """The market with one value missing."""
    values: list[float | None] = prices.levels[name].to_list()
    values[row] = None
    return replace(prices, levels=prices.levels.with_columns(pl.Series(name, values)))


def test_periods_of_two_lengths_end_together_even_where_a_value_is_missing() -> None:
    """Rows 20 to 60 without row 45: windows of 5 rows that miss it end on rows 25 to 44 and 51 to 60."""
    prices = market(days=200)
    holed = with_gap(prices, "Y", 45)
    rules = {
        "liquidation": [{"days": 5, "instrument": "Y"}],
        "stress_period": {"weight": 0.5, **days_of(holed, 20, 60)},
    }
    found = required(rules, holed)
    ends = [*range(25, 45), *range(51, 61)]
    path = {name: prices.levels[name].to_list() for name in prices.factor_ids}

    def over(name: str, rows: range | list[int], days: int) -> list[float]:
        return [path[name][row] / path[name][row - days] - 1 for row in rows]

    days = {"X": 2, "Y": 5, "EUR/USD": 2}
    latest = list(range(200 - LOOKBACK, 200))
    model = plain({name: over(name, latest, days[name]) for name in days}, prices)
    stressed = plain({name: over(name, ends, days[name]) for name in days}, prices)
    assert by_account(found.account_margin) == blend_by_hand(Fraction(1, 2), model, stressed)


def test_no_window_of_a_period_reaches_out_of_it() -> None:
    """Rows 10 to 34 with five-day windows for Y: the ends are rows 15 to 34 for both lengths, 20 of them."""
    prices = market()
    rules = {
        "liquidation": [{"days": 5, "instrument": "Y"}],
        "stress_period": {"weight": 0.5, **days_of(prices, 10, 34)},
    }
    found = required(rules, prices)
    model = plain(moves_over(prices, {"Y": 5}), prices)
    days = {"X": 2, "Y": 5, "EUR/USD": 2}
    stressed = plain({name: windows(prices, 20, days[name], end=35)[name] for name in days}, prices)
    assert by_account(found.account_margin) == blend_by_hand(Fraction(1, 2), model, stressed)


@pytest.mark.parametrize("share", ["0.333333", "0.3333333333333333"])
@pytest.mark.parametrize("word", ["buffer", "stress_period"])
def test_shares_of_many_digits_of_large_margins_are_exact(word: str, share: str) -> None:
    """Margins of tens of billions times a share of six digits or more: beyond 64 bits on the way, not at the end."""
    prices = market()
    part = {"share": float(share)} if word == "buffer" else {"weight": float(share), **days_of(prices, 10, 34)}
    huge = book([("a", "X", 1e10)], HOUSES)
    model = int(required({}, prices, huge).account_margin[0])
    assert model > 10**12
    found = int(required({word: part}, prices, huge).account_margin[0])
    if word == "buffer":
        assert found == round((1 + Fraction(share)) * model)
    else:
        alone = required({"stress_period": part | {"weight": 1.0}}, prices, huge)
        assert found == round((1 - Fraction(share)) * model + Fraction(share) * int(alone.account_margin[0]))


def test_a_floor_is_the_plain_margin_of_a_longer_look_back_and_never_lowers() -> None:
    """Twice as wild until 150 rows ago: the long look-back sees it, the short one does not."""
    calm = market(days=400)
    columns = []
    for name in calm.factor_ids:
        path = calm.levels[name].to_numpy()
        steps = path[1:] / path[:-1] - 1
        steps[:250] *= 3 if name == "X" else 0.2  # X was wilder, Y calmer
        columns.append(pl.Series(name, path[0] * np.cumprod(np.concatenate([[1.0], 1 + steps]))))
    prices = replace(calm, levels=calm.levels.with_columns(columns))
    short = by_account(required({}, prices).account_margin)
    for days in (150, 300, 398, 399, 5000):
        floored = by_account(required({"floor": {"lookback_days": days}}, prices).account_margin)
        long = plain(windows(prices, min(days, 398)), prices)
        assert floored == {name: max(short[name], long[name]) for name in short}
    assert long["b"] > short["b"]  # X alone
    assert any(long[name] < short[name] for name in short)


def test_a_floor_is_unweighted_whatever_the_model() -> None:
    prices = market(days=300)
    model = {"model": "weighted", "weighting": {"decay": 0.8}}
    alone = by_account(required(model, prices).account_margin)
    long = plain(windows(prices, 250), prices)
    found = by_account(required(model | {"floor": {"lookback_days": 250}}, prices).account_margin)
    assert found == {name: max(alone[name], long[name]) for name in alone}
    assert found != alone


def test_a_floor_looks_back_no_further_than_the_last_missing_value() -> None:
    """Row 99 of 300 has no price of Y: 200 rows after it hold 198 windows of two rows."""
    prices = market(days=300)
    floored = required({"floor": {"lookback_days": 2500}}, with_gap(prices, "Y", 99))
    short, long = plain(windows(prices, LOOKBACK), prices), plain(windows(prices, 198), prices)
    assert by_account(floored.account_margin) == {name: max(short[name], long[name]) for name in short}


def test_a_buffer_of_a_quarter_is_a_quarter_more() -> None:
    bare = required({})
    assert 2 in {int(margin) % 4 for margin in bare.account_margin}  # at least one half of a cent to be rounded
    for buffer, share in ((None, Fraction(1, 4)), (Fraction(1, 10), Fraction(1, 10)), (Fraction(0), Fraction(0))):
        found = required({"buffer": {"share": 0.25}}, buffer=buffer)
        assert found.account_margin.tolist() == [round(int(one) * (1 + share)) for one in bare.account_margin]
        assert found.before_buffer.tolist() == bare.account_margin.tolist()


# --- offset limit -----------------------------------------------------------------------------------------------------


def tiny_market(classes: Mapping[str, str | None], **paths: list[float]) -> Market:
    """A few rows of weekdays."""
    count = len(next(iter(paths.values())))
    dates = [date(2024, 1, 1) + timedelta(days=n) for n in range(count)]
    factors = pl.DataFrame(
        {
            "factor_id": list(paths),
            "change": "relative",
            "asset_class": [classes[name] for name in paths],
            "sector": pl.Series([None] * len(paths), dtype=pl.String),
        }
    ).cast({"change": Factors.create_empty().schema["change"]})  # type: ignore[arg-type]
    return Market(pl.DataFrame({"date": dates, **paths}), factors, {})


STEADY = [1.0, 1.0, 1.0]
ONE_OF_EACH = [("a", "X", 1.0), ("a", "Y", 2.0)]


def limited(the_market: Market, share: float, by: str, positions: list[tuple[str, str, float]]) -> int:
    """Margin of account `a` for the worst of two one-day scenarios, in cents."""
    rules = {"lookback_days": 2, "liquidation_days": 1, "measure": "value_at_risk", "confidence": 0.99}
    limit = {"offset_limit": {"share": share, "by": by}}
    found = required(rules | limit, the_market, book(positions, HOUSES))
    return by_account(found.account_margin)["a"]


# 1 X is worth 100 and 2 Y are: X loses 60 and 0 in the two scenarios, Y either -20 and 40, or 30 and 40
HEDGED = {"X": [100.0, 40.0, 40.0], "Y": [50.0, 60.0, 36.0]}
ALIKE = {"X": [100.0, 40.0, 40.0], "Y": [100.0, 70.0, 42.0]}
APART = {"X": "equity", "Y": "commodity", "EUR/USD": "currency"}


@pytest.mark.parametrize(
    ("paths", "share", "expected_margin"),
    [
        (HEDGED, 0.8, 52),  # 40 together, 100 apart: 40 + a fifth of 60
        (ALIKE, 0.8, 92),  # 90 together, 100 apart: 90 + a fifth of 10
        (HEDGED, 1.0, 40),
        (HEDGED, 0.0, 100),
    ],
)
@pytest.mark.parametrize("by", ["asset_class", "factor", "instrument"])
def test_only_a_share_of_what_offsets_save_counts(paths: Any, share: float, expected_margin: int, by: str) -> None:
    prices = tiny_market(APART, **paths, **{"EUR/USD": STEADY})
    assert limited(prices, share, by, ONE_OF_EACH) == expected_margin * 100


def test_offsets_inside_a_product_are_not_limited() -> None:
    """X against a tenth of the future on X, which is ten times X in euro: one product by factor, two by instrument."""
    prices = tiny_market(APART, **HEDGED, **{"EUR/USD": STEADY})
    against = [("a", "X", 1.0), ("a", "FX", -0.1)]
    assert limited(prices, 0.8, "factor", against) == 0
    assert limited(prices, 0.8, "asset_class", against) == 0
    assert limited(prices, 0.8, "instrument", against) == 12_00  # 60 and 0 apart, 0 together
    for classes in ({"X": "equity", "Y": "equity"}, {"X": None, "Y": None}):
        alike = tiny_market(APART | classes, **HEDGED, **{"EUR/USD": STEADY})
        assert limited(alike, 0.8, "asset_class", ONE_OF_EACH) == 40_00
        assert limited(alike, 0.8, "factor", ONE_OF_EACH) == 52_00
    half_named = tiny_market(APART | {"X": None}, **HEDGED, **{"EUR/USD": STEADY})
    assert limited(half_named, 0.8, "asset_class", ONE_OF_EACH) == 52_00  # no class is a class


@pytest.mark.parametrize("share", ["0.8", "0.333"])
def test_the_offset_limit_takes_every_part_through_model_and_stress_period(share: str) -> None:
    """Each part's margin is a blend of its own; then the buffer."""
    prices = market()
    period = {"weight": 0.25, **days_of(prices, 10, 34)}
    rules = {"stress_period": period, "offset_limit": {"share": float(share), "by": "instrument"}}
    found = by_account(required(rules, prices).account_margin)
    model, stressed = windows(prices, LOOKBACK), windows(prices, 23, end=35)

    def blended_margin(held: dict[str, float]) -> int:
        both = [
            cents(plain_tail(losses_of(held, one, prices), "0.97", "expected_shortfall")) for one in (model, stressed)
        ]
        return round(Fraction(3, 4) * both[0] + Fraction(1, 4) * both[1])

    for account in HOUSES:
        held = held_by(account)
        whole = blended_margin(held)
        parts = sum(blended_margin({name: quantity}) for name, quantity in held.items())
        assert found[account] == round(whole + (1 - Fraction(share)) * max(parts - whole, 0))
    assert found["a"] > blended_margin(held_by("a"))
    buffered = by_account(required(rules | {"buffer": {"share": 0.25}}, prices).account_margin)
    assert buffered == {name: round(Fraction(5, 4) * margin) for name, margin in found.items()}


def test_floor_and_buffer_follow_the_offset_limit() -> None:
    """52 is below a floor of 60 and above one of 40; the buffer comes last."""
    prices = tiny_market(
        APART, X=[100.0, 30.0, *HEDGED["X"]], Y=[50.0, 50.0, *HEDGED["Y"]], **{"EUR/USD": STEADY + [1.0] * 2}
    )
    rules = {"lookback_days": 2, "liquidation_days": 1, "measure": "value_at_risk", "confidence": 0.99}
    rules |= {"offset_limit": {"share": 0.8, "by": "factor"}, "buffer": {"share": 0.25}}
    the_book = book(ONE_OF_EACH, HOUSES)
    for lookback, margin in ((2, 52), (3, 52), (4, 70)):  # the first return of X is -70 %, the second a rise
        found = required(rules | {"floor": {"lookback_days": lookback}}, prices, the_book)
        assert by_account(found.before_buffer)["a"] == margin * 100
        assert by_account(found.account_margin)["a"] == margin * 125


# --- liquidation periods ----------------------------------------------------------------------------------------------


def moves_over(prices: Market, days: dict[str, int]) -> Moves:
    return {name: windows(prices, LOOKBACK, days.get(name, 2))[name] for name in prices.factor_ids}


def test_each_product_moves_over_its_own_days_and_nothing_is_scaled_by_a_square_root() -> None:
    """Y takes five days: its direct five-day returns, with X's two-day returns to the same days."""
    prices = market()
    found = by_account(required({"liquidation": [{"days": 5, "instrument": "Y"}]}, prices).account_margin)
    assert found == plain(moves_over(prices, {"Y": 5}), prices)
    two = moves_over(prices, {})
    scaled = plain(two | {"Y": [one * math.sqrt(5 / 2) for one in two["Y"]]}, prices)
    assert all(abs(found[name] - scaled[name]) > 100 for name in ("a", "c"))


@pytest.mark.parametrize(
    ("entries", "days"),
    [
        ([{"days": 5, "kind": "spot"}], {"X": 5, "Y": 5, "FX": 2}),
        ([{"days": 5, "kind": "future"}], {"X": 2, "Y": 2, "FX": 5}),
        ([{"days": 3, "asset_class": "equity"}], {"X": 3, "Y": 3, "FX": 3}),
        ([{"days": 3, "asset_class": "bonds"}], {"X": 2, "Y": 2, "FX": 2}),
        ([{"days": 7, "instrument": "*X"}], {"X": 7, "Y": 2, "FX": 7}),
        ([{"days": 7, "instrument": "*X", "kind": "spot"}], {"X": 7, "Y": 2, "FX": 2}),
        ([{"days": 1, "instrument": "X"}, {"days": 4, "kind": "spot"}], {"X": 1, "Y": 4, "FX": 2}),
        ([{"days": 4, "kind": "spot"}, {"days": 1, "instrument": "X"}], {"X": 4, "Y": 4, "FX": 2}),
        ([{"days": 7, "instrument": "[X]"}, {"days": 7, "instrument": "?"}], {"X": 2, "Y": 2, "FX": 2}),
    ],
)
def test_the_first_entry_that_matches_in_all_it_states_counts(entries: Any, days: dict[str, int]) -> None:
    prices = market()
    found = required({"liquidation": entries}, prices)
    instruments = sorted(days)
    assert found.periods.tolist() == [days[name] for name in instruments]
    # each instrument alone, in the account of a client: the euro moves over the days of the future
    for name in instruments:
        alone = required({"liquidation": entries}, prices, book([("a", name, 7.0)], HOUSES))
        over = dict.fromkeys(prices.factor_ids, days[name])
        losses = losses_of({name: 7.0}, moves_over(prices, over), prices)
        assert by_account(alone.account_margin)["a"] == cents(plain_tail(losses, "0.97", "expected_shortfall"))


EXPIRY = 80
STRIKE, VOLATILITY = 98.0, 0.3


def option_book(prices: Market, quantity: float, style: str) -> tuple[Book, float]:
    """One option on X held by `a`, priced by the model on the market's last day, and that price."""
    forward = prices.level("X")
    price = reference.black_forward_value(forward, STRIKE, VOLATILITY * math.sqrt(EXPIRY / 365), True)
    base = book([("a", "X", 0.5)], HOUSES)
    option = {
        "instrument_id": "C", "kind": "option", "factor_id": "X", "currency": "USD", "multiplier": 10.0,
        "price": price, "expiry": prices.dates[-1] + timedelta(days=EXPIRY), "strike": STRIKE, "right": "call",
        "implied_volatility": VOLATILITY, "style": style,
    }  # fmt: skip
    columns = ["instrument_id", "kind", "factor_id", "currency", "multiplier", "price"]
    held = [("a", "C", quantity), ("b", "C", -quantity)]
    tables = {
        "members": base.members,
        "accounts": base.accounts,
        "positions": pl.DataFrame(held, schema=["account_id", "instrument_id", "quantity"], orient="row"),
        "instruments": pl.concat(
            [base.instruments.select(columns).with_columns(pl.col("kind").cast(pl.String)), pl.DataFrame([option])],
            how="diagonal",
        ),
    }
    return book_from_frames(tables), price


@pytest.mark.parametrize("quantity", [30.0, -30.0])
@pytest.mark.parametrize("style", ["variation", "premium"])
def test_an_option_is_revalued_after_its_own_days_on_direct_returns(quantity: float, style: str) -> None:
    """Five weekdays pass for an option of five days, two for one of two; neither move nor loss is scaled."""
    prices = market()
    the_book, price = option_book(prices, quantity, style)
    found = {}
    for days in (2, 5):
        after = prices.dates[-1]
        for _ in range(days):
            after += timedelta(days=1)
            while after.weekday() > 4:
                after += timedelta(days=1)
        years = (EXPIRY - (after - prices.dates[-1]).days) / 365
        losses = []
        for move in windows(prices, LOOKBACK, days)["X"]:
            forward = prices.level("X") * (1 + move)
            value = reference.black_forward_value(forward, STRIKE, VOLATILITY * math.sqrt(years), True)
            change = max(price + value - price, 0.0) - price
            losses.append(-quantity * 10 * (change + (price if style == "premium" else 0.0)))
        entries = [{"days": 5, "kind": "option"}] if days == 5 else []
        found[days] = by_account(required({"liquidation": entries}, prices, the_book).account_margin)["a"]
        assert found[days] == pytest.approx(cents(plain_tail(losses, "0.97", "expected_shortfall")), abs=1)
    if quantity < 0 or style == "variation":  # what has been paid for is worth more than any loss
        assert abs(found[5] - found[2] * math.sqrt(5 / 2)) > 100
    else:
        assert found == {2: 0, 5: 0}


def test_what_has_been_paid_for_an_option_is_no_part_of_its_daily_risk() -> None:
    """The same option, its value exchanged daily or paid once: the same change from day to day."""
    prices = market()
    risks = [required({}, prices, option_book(prices, 30.0, style)[0]).daily_risk for style in ("variation", "premium")]
    assert risks[0] == pytest.approx(risks[1], rel=1e-12)
    assert risks[0].all()


# --- add-ons and the cost of closing out ------------------------------------------------------------------------------


def with_terms(the_book: Book, **columns: list[Any]) -> Book:
    """The book with columns of its instruments set, in order FX, X, Y."""
    table = the_book.instruments.sort("instrument_id")
    schema = table.schema
    series = [pl.Series(name, values, dtype=schema[name]) for name, values in columns.items()]
    return replace(the_book, instruments=table.with_columns(series))


def daily_risks(prices: Market, days: int = 2) -> dict[str, float]:
    """Root mean square of the loss of one unit over the scenarios, over the root of the days."""
    moves = windows(prices, LOOKBACK, days)
    found = {}
    for name in ("X", "Y", "FX"):
        losses = losses_of({name: 1.0}, moves, prices)
        found[name] = math.sqrt(math.fsum(one * one for one in losses) / len(losses) / days)
    return found


def test_the_bid_ask_add_on_is_half_the_spread_of_every_position() -> None:
    prices = market()
    the_book = with_terms(book(POSITIONS, HOUSES), half_spread=[0.05, 0.013, None])
    bare, found = required({}, prices, the_book), required({"add_ons": {"bid_ask": True}}, prices, the_book)
    unit = {"FX": 0.05 * 10 * prices.level("EUR/USD"), "X": 0.013, "Y": 0.0}
    for account in (*HOUSES, "DEALER"):
        spread = cents(math.fsum(abs(q) * unit[name] for name, q in held_by(account).items()))
        assert by_account(found.add_ons["bid_ask"])[account] == spread
        assert by_account(found.account_margin)[account] == by_account(bare.account_margin)[account] + spread
    assert set(found.add_ons) == {"bid_ask"}


def test_the_concentration_add_on_grows_with_the_root_of_the_days_it_takes() -> None:
    """Volumes of 100 X and 4,000 Y a day, none known of FX; a fifth of it may be sold a day."""
    prices = market()
    the_book = with_terms(book(POSITIONS, HOUSES), average_daily_volume=[None, 100.0, 4000.0])
    rules = {"add_ons": {"concentration": {"participation": 0.2, "quantile": 2.5}}}
    found = by_account(required(rules, prices, the_book).add_ons["concentration"])
    risk = daily_risks(prices)
    # a: X takes 1,000 / 20 = 50 days, Y 900 / 800, within two; b: 377.5 / 20 = 18.875; c: 20 X a day, 41 Y
    assert found["a"] == cents(1000 * risk["X"] * (math.sqrt(50) - math.sqrt(2)) * 2.5)
    assert found["b"] == cents(377.5 * risk["X"] * (math.sqrt(18.875) - math.sqrt(2)) * 2.5)
    assert (found["c"], found["e"]) == (0, 0)
    for quantity, expected_cost in ((40.0, 0.0), (41.0, 41 * risk["X"] * (math.sqrt(2.05) - math.sqrt(2)) * 2.5)):
        one = with_terms(book([("a", "X", quantity)], HOUSES), average_daily_volume=[None, 100.0, 4000.0])
        assert by_account(required(rules, prices, one).add_ons["concentration"])["a"] == cents(expected_cost)


def test_the_concentration_add_on_counts_from_the_products_own_days() -> None:
    prices = market()
    the_book = with_terms(book(POSITIONS, HOUSES), average_daily_volume=[None, 100.0, 4000.0])
    rules = {"liquidation": [{"days": 5, "instrument": "X"}], "add_ons": {"concentration": {}}}
    found = by_account(required(rules, prices, the_book).add_ons["concentration"])
    assert found["a"] == cents(1000 * daily_risks(prices, 5)["X"] * (math.sqrt(40) - math.sqrt(5)) * 2.33)


def test_the_wrong_way_add_on_is_a_share_of_what_own_paper_loses_at_its_issuers_default() -> None:
    """C's group issued Y and FX, B's X. Long and short, in and out of the group, and a group of another name."""
    prices = market()
    groups = {"A": "G1", "B": "G1", "C": "G2"}
    the_book = with_terms(book(POSITIONS, HOUSES, groups), issuer_id=["G2", "G1", "C"])
    found = by_account(required({"add_ons": {"wrong_way": 0.4}}, prices, the_book).add_ons["wrong_way"])
    assert found["a"] == 0.4 * 1000 * 100 * 100  # X of the affiliate counts, the short Y does not
    assert found["b"] == 0  # short
    assert found["c"] == cents(0.4 * 3 * 10 * 100 * prices.level("EUR/USD"))  # FX; Y is of a member, not of the group
    assert (found["e"], found["DEALER"]) == (0, 0)


def test_the_wrong_way_add_on_nets_what_an_account_holds_of_its_own_paper() -> None:
    """The example of docs/reference/margin-models.md. A has issued X, at 50, and Y, at -50; both are worth nothing at
    its default. Long 10 of X loses 500, short 4 gains 200 and pays nothing. Of Y it is the short account that loses,
    4 x 50, and the long one gains. In one account they net, in two they do not."""
    apart = [("l", "X", 10.0), ("s", "X", -4.0)]
    assert own_paper_charge(apart) == {"l": 50_000, "s": 0, "DEALER": 0}
    below_zero = [("l", "Y", 10.0), ("s", "Y", -4.0)]
    assert own_paper_charge(below_zero) == {"l": 0, "s": 20_000, "DEALER": 0}
    assert own_paper_charge(apart + below_zero) == {"l": 0, "s": 0, "DEALER": 0}
    netted = [("l", "X", 10.0), ("l", "Y", 3.0), ("s", "X", -2.0), ("s", "Y", -7.0)]
    assert own_paper_charge(netted) == {"l": 35_000, "s": 25_000, "DEALER": 0}


def own_paper_charge(positions: list[tuple[str, str, float]]) -> dict[str, int]:
    """The whole of the wrong-way add-on of A's two accounts and the dealer, in cents."""
    prices, houses = market(), {"l": ("A", "l", "house"), "s": ("A", "s", "house")}
    levels = prices.levels.with_columns(Y=-50.0 + (pl.int_range(pl.len()) % 3))
    absolute = pl.when(pl.col("factor_id") == "Y").then(pl.lit("absolute")).otherwise(pl.col("change"))
    factors = prices.factors.with_columns(absolute.cast(prices.factors.schema["change"]).alias("change"))
    the_book = with_terms(book(positions, houses), issuer_id=["A", "A", "A"], price=[50.0, 50.0, -50.0])
    rules = {"add_ons": {"wrong_way": 1.0}}
    amounts = required(rules, replace(prices, levels=levels, factors=factors), the_book).add_ons["wrong_way"]
    return dict(zip(("l", "s", "DEALER"), map(int, amounts), strict=True))


def test_add_ons_come_after_the_buffer_and_are_all_added() -> None:
    prices = market()
    the_book = with_terms(
        book(POSITIONS, HOUSES),
        half_spread=[0.05, 0.013, 0.02],
        average_daily_volume=[1.0, 100.0, 400.0],
        issuer_id=["C", "A", "C"],
    )
    add_ons = {"bid_ask": True, "wrong_way": 0.5, "concentration": {}}
    bare = required({}, prices, the_book)
    found = required({"add_ons": add_ons, "buffer": {"share": 0.25}}, prices, the_book)
    assert set(found.add_ons) == set(add_ons) == set(AddOns.model_fields)
    for account, before in enumerate(bare.account_margin):
        extra = sum(int(amounts[account]) for amounts in found.add_ons.values())
        assert found.account_margin[account] == round(Fraction(5, 4) * int(before)) + extra
    assert all(amounts.any() for amounts in found.add_ons.values())


def test_an_add_on_that_nobody_computes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rulebooks could ask for it, and nothing would be added."""
    monkeypatch.delitem(ADD_ONS, "bid_ask")
    with pytest.raises(ValueError, match="those that are computed differ: bid_ask"):
        required({}, market(), book(POSITIONS, HOUSES))


LIQUID = {"average_daily_volume": [50.0, 2000.0, 4000.0], "half_spread": [0.02, 0.01, 0.03]}
SCALE = [("a", "X", 1000.0), ("b", "X", 500.0), ("b", "Y", -300.0)]
DOWN = "market down 20%"


def gaps(positions: list[tuple[str, str, float]], close_out: dict[str, Any], **terms: list[Any]) -> "ccp.Sizing":
    the_book = with_terms(book(positions, HOUSES), **(terms or LIQUID))
    return ccp.size(the_book, rules_of(close_out=close_out), market())


def test_selling_gradually_costs_what_the_formula_says() -> None:
    """1,000 X at 2,000 a day, a quarter of it sold: two days, a quarter of the day's volume each."""
    close_out = {"method": "gradual", "impact": 0.5}
    instant, gradual = gaps(SCALE, {"method": "instant"}), gaps(SCALE, close_out)
    risk = daily_risks(market())
    for group, cost in (
        ("A", 1000 * (0.01 + 0.5 * risk["X"] * math.sqrt(0.25))),
        ("B", 500 * (0.01 + 0.5 * risk["X"] * math.sqrt(0.125)) + 300 * (0.03 + 0.5 * risk["Y"] * math.sqrt(0.0375))),
    ):
        assert loss(gradual, DOWN, group) - loss(instant, DOWN, group) == pytest.approx(cost, abs=0.0101)
    slower = gaps(SCALE, close_out | {"participation": 0.05})  # X takes ten days, a twentieth a day, and eight too long
    cost = 1000 * (0.01 + risk["X"] * (0.5 * math.sqrt(0.05) + math.sqrt(10) - math.sqrt(2)))
    assert loss(slower, DOWN, "A") - loss(instant, DOWN, "A") == pytest.approx(cost, abs=0.0101)
    hurried = gaps(SCALE, close_out | {"participation": 0.05, "longest_days": 5})
    cost = 1000 * (0.01 + risk["X"] * (0.5 * math.sqrt(0.1) + math.sqrt(5) - math.sqrt(2)))
    assert loss(hurried, DOWN, "A") - loss(instant, DOWN, "A") == pytest.approx(cost, abs=0.0101)


def test_the_cost_is_the_same_in_every_scenario_and_in_the_events_story() -> None:
    instant, gradual = gaps(SCALE, {"method": "instant"}), gaps(SCALE, {"method": "gradual"})
    both = instant.tables["losses"].join(gradual.tables["losses"], on=["scenario_id", "group_id"])
    hit = both.filter((pl.col("loss_over_margin") > 0) & (pl.col("loss_over_margin_right") > 0))
    differences = hit.with_columns(cost=pl.col("loss_over_margin_right") - pl.col("loss_over_margin"))
    assert hit.height >= 3
    for rows in differences.partition_by("group_id"):
        assert rows["cost"].max() - rows["cost"].min() < 0.0051  # type: ignore[operator]
        assert rows["cost"].min() > 0  # type: ignore[operator]
    story = gradual.worst_event
    assert story["adds_up"]
    by_group = [loss(gradual, story["scenario_id"], group) for group in story["defaulters"]]
    more = gradual.coverage["sold_together"]["more_over_margin"]
    assert sum(by_group) + more == pytest.approx(gradual.coverage["cover_2"]["amount"])


TWICE = [(account, name, 2 * quantity) for account, name, quantity in SCALE]


@pytest.mark.parametrize("group", ["A", "B"])
def test_a_book_twice_as_large_loses_twice_as_much_if_sold_at_once(group: str) -> None:
    once, double = (loss(gaps(one, {"method": "instant"}), DOWN, group) for one in (SCALE, TWICE))
    assert double == pytest.approx(2 * once, abs=0.031)
    assert once > 0


@pytest.mark.parametrize("group", ["A", "B"])
@pytest.mark.parametrize(
    "limits", [{"participation": 1.0}, {"participation": 0.05, "longest_days": 3}, {"participation": 0.05}]
)
def test_a_book_twice_as_large_loses_more_than_twice_as_much_in_as_many_days_or_in_more(
    limits: dict[str, Any], group: str
) -> None:
    """Loss over margin: the market's part doubles, and margin with it; the cost of selling more than doubles."""
    once, double = (loss(gaps(one, {"method": "gradual"} | limits), DOWN, group) for one in (SCALE, TWICE))
    assert double > 2 * once + 1


@pytest.mark.parametrize("group", ["A", "B"])
@pytest.mark.parametrize("participation", [0.25, 0.05, 0.013])
def test_a_book_twice_as_large_never_loses_less_than_twice_as_much(participation: float, group: str) -> None:
    """Where selling takes longer, the part sold a day is no smaller, so the cost of a unit is no lower."""
    close_out = {"method": "gradual", "participation": participation, "longest_days": 1000}
    once, double = (loss(gaps(one, close_out), DOWN, group) for one in (SCALE, TWICE))
    assert double >= 2 * once - 0.031


def test_without_volumes_there_is_no_impact_and_cost_is_in_proportion() -> None:
    """1,000 X at a half-spread of one cent cost 10."""
    spread_only = {"half_spread": [0.02, 0.01, 0.03]}
    once, double = (loss(gaps(one, {"method": "gradual"}, **spread_only), DOWN, "A") for one in (SCALE, TWICE))
    assert double == pytest.approx(2 * once, abs=0.031)
    assert once - loss(gaps(SCALE, {"method": "instant"}), DOWN, "A") == pytest.approx(10, abs=0.011)


# --- words that do not fit --------------------------------------------------------------------------------------------

SHORT = """\
name: T
currency: USD
margin:
  confidence: 0.99
  lookback_days: 500
  liquidation_days: 2
tiers:
  - defaulter_margin
"""


def refused(margin: str, folder: Path) -> list[Problem]:
    """What is said of more words in the margin part; they stand from line 7 on."""
    path = folder / "rules.yaml"
    path.write_text(SHORT.replace("tiers:", f"{margin}\ntiers:"), encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_rulebook(path)
    assert all(problem.source == str(path) for problem in error.value.problems)
    assert all(problem.line is not None for problem in error.value.problems)
    return error.value.problems


@pytest.mark.parametrize(
    ("written", "field", "words"),
    [
        ("  filter: {decay: 0.9}", "margin", "filter was expected with model: filtered only, the model is historical"),
        (
            "  model: filtered\n  weighting: {decay: 0.9}",
            "margin",
            "weighting was expected with model: weighted only, the model is filtered",
        ),
        (
            "  model: weighted\n  parametric: {degrees: 5}",
            "margin",
            "parametric was expected with model: parametric only, the model is weighted",
        ),
        (
            "  model: weighted\n  stress_period: {reading: sample}",
            "margin",
            "stress_period with reading: sample was expected with model: historical only",
        ),
        ("  stress_period: {from: 2020-01-01}", "margin.stress_period", "from and to were expected together"),
        ("  stress_period: {to: 2020-01-01}", "margin.stress_period", "from and to were expected together"),
        (
            "  stress_period: {from: 2020-03-01, to: 2020-03-01}",
            "margin.stress_period",
            "from before to was expected",
        ),
        (
            "  liquidation: [{days: 5}]",
            "margin.liquidation.0",
            "kind, asset_class or instrument was expected beside days",
        ),
        ("  liquidation: [{kind: option}]", "margin.liquidation.0.days", "required"),
        ("  liquidation: [{days: 0, kind: option}]", "margin.liquidation.0.days", "at least 1"),
        ("  liquidation: [{days: 5, kind: bond}]", "margin.liquidation.0.kind", "'spot', 'future' or 'option'"),
        ("  model: garch", "margin.model", "'historical', 'filtered', 'weighted' or 'parametric'"),
        ("  model: weighted\n  weighting: {decay: 1.1}", "margin.weighting.decay", "1 was expected"),
        ("  model: parametric\n  parametric: {degrees: 2}", "margin.parametric.degrees", "more than 2"),
        ("  model: filtered\n  filter: {cap: 0.5}", "margin.filter.cap", "at least 1"),
        ("  offset_limit: {share: 1.1}", "margin.offset_limit.share", "at most 1"),
        ("  offset_limit: {by: sector}", "margin.offset_limit.by", "'asset_class', 'factor' or 'instrument'"),
        ("  buffer: {share: 0}", "margin.buffer.share", "more than 0"),
        ("  stress_period: {weight: 1.1}", "margin.stress_period.weight", "1 was expected"),
        ("  add_ons: {wrong_way: 1.5}", "margin.add_ons.wrong_way", "at most 1"),
        ("  add_ons: {concentration: {participation: 0}}", "margin.add_ons.concentration.participation", "more than 0"),
    ],
)
def test_words_that_do_not_fit_are_refused(written: str, field: str, words: str, tmp_path: Path) -> None:
    (problem,) = refused(written, tmp_path)
    assert problem.field == field
    assert words in problem.expected


def test_words_that_fit_are_taken(tmp_path: Path) -> None:
    """Everything at once, from a file."""
    path = tmp_path / "rules.yaml"
    words = """\
  model: filtered
  filter: {decay: 0.94, scaling: mid, floor: 0.5, cap: 3}
  liquidation:
    - {days: 5, kind: option}
    - {days: 1, asset_class: equity, instrument: "X*"}
  stress_period: {weight: 0.3, from: 2020-01-02, to: 2020-12-31}
  floor: {lookback_days: 1000}
  offset_limit: {}
  buffer: {}
  add_ons: {bid_ask: true, wrong_way: 1, concentration: {}}
"""
    path.write_text(SHORT.replace("tiers:", f"{words}tiers:"), encoding="utf-8")
    rules: MarginRules = load_rulebook(path).margin
    assert rules.stress_period is not None
    assert (rules.stress_period.from_, rules.stress_period.to) == (date(2020, 1, 2), date(2020, 12, 31))
    assert [entry.days for entry in rules.liquidation] == [5, 1]
    assert rules.longest_days == 5
    assert rules.offset_limit is not None
    assert (rules.offset_limit.share, rules.offset_limit.by) == (0.8, "asset_class")
    assert rules.buffer is not None
    assert rules.buffer.share == 0.25
    assert rules.history_rows == 500 + 5 + 75
