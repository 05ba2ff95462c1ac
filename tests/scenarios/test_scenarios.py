"""Margin scenarios, worst windows, ladders, files, multiples and caps, against hand arithmetic and plain loops."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ccp.errors import InputError
from ccp.market.history import Market, read_market
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.stress import GAP_SIZES, HistoricalStress, Ladder, LadderName, Plausible, RateShifts, StressRules
from ccp.scenarios.files import read_scenarios
from ccp.scenarios.historical import margin_scenarios
from ccp.scenarios.hypothetical import ladder_scenarios
from ccp.scenarios.scenario_set import (
    EVERY,
    Label,
    ScenarioSet,
    capped,
    joined,
    multiplied,
    over_one_period,
    over_periods,
)
from ccp.scenarios.stress_set import stress_scenarios
from ccp.scenarios.worst_windows import kept_windows

Kinds = Mapping[str, tuple[str, str | None, str | None]]  # change, asset class, sector
Moves = dict[str, tuple[float, float]]  # relative and absolute move of the factors that move
FIRST = date(2022, 1, 3)


def market_of(levels: Mapping[str, Sequence[float | None]], kinds: Kinds | None = None) -> Market:
    size = len(next(iter(levels.values())))
    days = [FIRST + timedelta(days=number) for number in range(size)]
    columns = {name: pl.Series(values, dtype=pl.Float64) for name, values in levels.items()}
    stated = [(kinds or {}).get(name, ("relative", "equity", None)) for name in levels]
    factors = pl.DataFrame(
        {
            "factor_id": list(levels),
            "change": [change for change, _, _ in stated],
            "asset_class": pl.Series([name for _, name, _ in stated], dtype=pl.String),
            "sector": pl.Series([name for _, _, name in stated], dtype=pl.String),
        }
    )
    return Market(pl.DataFrame({"date": days} | columns), factors, {})


def rulebook_of(stress: StressRules, days: int = 1) -> Rulebook:
    document: dict[str, Any] = {
        "name": "T",
        "currency": "USD",
        "margin": {"confidence": 0.9, "lookback_days": 2, "liquidation_days": days},
        "tiers": ["defaulter_margin"],
    }
    return Rulebook.model_validate(document).model_copy(update={"stress": stress})


def moves_of(scenarios: ScenarioSet, place: int) -> Moves:
    """What moves in one scenario, and how."""
    both = zip(scenarios.factor_ids, scenarios.longest.relative[place], scenarios.longest.absolute[place], strict=True)
    return {name: (float(one), float(other)) for name, one, other in both if one != 0 or other != 0}


def same_set(found: ScenarioSet, expected: ScenarioSet) -> bool:
    return (
        found.factor_ids == expected.factor_ids
        and found.labels == expected.labels
        and np.array_equal(found.longest.relative, expected.longest.relative)
        and np.array_equal(found.longest.absolute, expected.longest.absolute)
    )


# --- margin scenarios -------------------------------------------------------------------------------------------------

TINY = {"X": [100.0, 110.0, 121.0, 96.8, 100.0, 125.0], "Y": [1.0, 2.0, 4.0, 7.0, 11.0, 16.0]}
TINY_KINDS: Kinds = {"Y": ("absolute", "rate", None)}


def test_margin_scenarios_are_the_latest_overlapping_returns() -> None:
    found = margin_scenarios(market_of(TINY, TINY_KINDS), ["Y", "X"], 3, 2)
    assert found.factor_ids == ["Y", "X"]
    # rows 1 to 3, 2 to 4, 3 to 5; X by ratios, Y by differences
    relative = [[0.0, 96.8 / 110 - 1], [0.0, 100 / 121 - 1], [0.0, 125 / 96.8 - 1]]
    absolute = [[7.0 - 2.0, 0.0], [11.0 - 4.0, 0.0], [16.0 - 7.0, 0.0]]
    assert found.longest.relative.tolist() == [pytest.approx(row, rel=1e-14) for row in relative]
    assert found.longest.absolute.tolist() == [pytest.approx(row, rel=1e-14) for row in absolute]
    assert found.ids == ["margin 2022-01-06", "margin 2022-01-07", "margin 2022-01-08"]
    assert {label.kind for label in found.labels} == {"historical"}


@pytest.mark.parametrize(("lookback", "days"), [(1, 1), (5, 1), (4, 2), (1, 5), (2, 3)])
def test_margin_scenarios_count_back_from_the_last_day(lookback: int, days: int) -> None:
    levels = TINY["X"]
    found = margin_scenarios(market_of(TINY, TINY_KINDS), ["X"], lookback, days)
    expected = [levels[end] / levels[end - days] - 1 for end in range(6 - lookback, 6)]
    assert found.longest.relative[:, 0].tolist() == pytest.approx(expected, rel=1e-14)


def test_margin_scenarios_need_nothing_older() -> None:
    market = market_of({"X": [None, *TINY["X"]]})
    found = margin_scenarios(market, ["X"], 4, 2)
    assert np.isfinite(found.longest.relative).all()
    alone = margin_scenarios(market_of({"X": TINY["X"]}), ["X"], 4, 2)
    assert np.array_equal(found.longest.relative, alone.longest.relative)


# --- worst windows ----------------------------------------------------------------------------------------------------


def worst_windows(market: Market, factors: list[str], worst: int, periods: tuple[int, ...]) -> ScenarioSet:
    return kept_windows(HistoricalStress(worst=worst), market, factors, periods)


def windows_by_loop(
    market: Market, factors: list[str], worst: int, periods: tuple[int, ...]
) -> list[tuple[int, float]]:
    """First rows of the worst windows and their severity over the longest period, from docs/reference/arithmetic.md
    section 3."""
    last = len(market.dates) - 1
    starts = list(range(last))
    chosen: set[int] = set()
    severity: dict[int, float] = {}
    for days in periods:
        severity = severities_by_loop(market, factors, starts, days)
        found: list[int] = []
        for start in sorted(starts, key=lambda start: (-severity[start], start)):
            if start + days <= last and all(abs(start - other) >= days for other in found):
                found.append(start)
        found = found[:worst]
        bar = severity[found[-1]] if len(found) == worst else 0.0
        chosen |= {*found, *(start for start in starts if start + days > last and severity[start] >= bar)}
    return sorted(((start, severity[start]) for start in chosen), key=lambda one: (-one[1], one[0]))


def severities_by_loop(market: Market, factors: list[str], starts: list[int], days: int) -> dict[int, float]:
    levels = {name: market.levels[name].to_list() for name in factors}
    change = dict(zip(factors, market.kinds("change", factors), strict=True))
    classes = dict(zip(factors, market.kinds("asset_class", factors), strict=True))
    returns: dict[int, dict[str, float]] = {}
    for start in starts:
        ends = {name: (levels[name][start], levels[name][min(start + days, len(market.dates) - 1)]) for name in factors}
        returns[start] = {
            name: after - before if change[name] == "absolute" else after / before - 1
            for name, (before, after) in ends.items()
            if before is not None and after is not None
        }
    over = [window for start, window in returns.items() if start + days < len(market.dates)]
    known = {name: [window[name] for window in over if name in window] for name in factors}
    deviation = {name: statistics.pstdev(values) if values else 0.0 for name, values in known.items()}
    severity: dict[int, float] = {}
    for start, window in returns.items():
        by_class: dict[str, list[float]] = {}
        for name in window:
            if classes[name] != "volatility":
                score = (window[name] / deviation[name]) ** 2 if deviation[name] > 0 else 0.0
                by_class.setdefault(classes[name] or "", []).append(score)
        means = [statistics.fmean(scores) for scores in by_class.values()]
        severity[start] = math.sqrt(statistics.fmean(means)) if means else 0.0
    return severity


def window_start(market: Market, label: Label) -> int:
    """The row a window starts on, as its provenance states it."""
    match = re.fullmatch(r"market history, (\S+) to (\S+)", label.provenance)
    assert match is not None
    unfinished = "; unfinished, " in label.description
    assert label.scenario_id == f"history {match[2]}" + (f" from {match[1]}" if unfinished else "")
    return market.dates.index(date.fromisoformat(match[1]))


def stated_severity(label: Label) -> float:
    match = re.search(r"severity ([\d.]+) standard deviations", label.description)
    assert match is not None
    return float(match[1])


RANDOM_KINDS: Kinds = {
    "E1": ("relative", "equity", "energy"),
    "E2": ("relative", "equity", None),
    "F": ("relative", "currency", None),
    "N": ("relative", None, None),
    "R": ("absolute", "rate", None),
    "E1.VOL": ("relative", "volatility", None),
    "STILL": ("relative", "currency", None),
}


def random_market(seed: int, days: int = 45, missing: float = 0.02) -> Market:
    random = np.random.default_rng(seed)
    levels: dict[str, list[float | None]] = {}
    for name, (change, _, _) in RANDOM_KINDS.items():
        if name == "STILL":
            continue
        steps = random.standard_t(3, days) * random.uniform(0.001, 0.03)
        walk = np.cumsum(steps) if change == "absolute" else 50 * np.exp(np.cumsum(steps))
        levels[name] = [None if random.random() < missing else float(level) for level in walk]
    levels["STILL"] = [1.0] * days
    return market_of(levels, RANDOM_KINDS)


PERIODS = st.sets(st.integers(1, 6), min_size=1, max_size=3).map(lambda days: tuple(sorted(days)))


@given(st.integers(0, 2**32), PERIODS, st.integers(1, 12))
def test_worst_windows_equal_a_loop(seed: int, periods: tuple[int, ...], worst: int) -> None:
    market = random_market(seed, missing=0.01)
    factors = sorted(market.factor_ids)
    found = worst_windows(market, factors, worst, periods)
    expected = windows_by_loop(market, factors, worst, periods)
    starts = [window_start(market, label) for label in found.labels]
    assert starts == [start for start, _ in expected]
    assert len(set(found.ids)) == len(starts)
    stated = [stated_severity(label) for label in found.labels]
    assert stated == sorted(stated, reverse=True)
    assert stated == pytest.approx([severity for _, severity in expected], rel=0, abs=0.05 + 1e-9)  # one decimal
    levels = {name: market.levels[name].to_list() for name in factors}
    for place, start in enumerate(starts):
        for days in periods:
            moves = found.over(days)
            for column, name in enumerate(factors):
                before, after = levels[name][start], levels[name][min(start + days, len(market.dates) - 1)]
                move = 0.0 if None in (before, after) else after - before if name == "R" else after / before - 1
                expected_move = (0.0, move) if name == "R" else (move, 0.0)
                found_move = (moves.relative[place, column], moves.absolute[place, column])
                assert found_move == pytest.approx(expected_move, rel=1e-12, abs=1e-15)


@given(st.integers(0, 2**32), PERIODS, st.integers(1, 6))
def test_other_periods_take_no_window_from_one_and_leave_its_moves_alone(
    seed: int, periods: tuple[int, ...], worst: int
) -> None:
    """Of every window that a period has alone, bit for bit the moves that it has there."""
    market = random_market(seed, missing=0.0)
    factors = sorted(market.factor_ids)
    together = worst_windows(market, factors, worst, periods)
    begin = [window_start(market, label) for label in together.labels]
    for days in periods:
        alone = worst_windows(market, factors, worst, (days,))
        places = [begin.index(window_start(market, label)) for label in alone.labels]
        assert np.array_equal(together.over(days).relative[places], alone.over(days).relative)
        assert np.array_equal(together.over(days).absolute[places], alone.over(days).absolute)


def test_windows_that_the_last_day_cuts_short_come_beside_the_finished_ones_and_say_so() -> None:
    """Steady but for a rise of 25 % in four days and a fall of 30 % on the last: no five days hold the fall alone."""
    wave = [100.0 * 1.01 ** (day % 2) for day in range(40)]  # the market's first day is 3 January
    levels = [*wave, 106.0, 112.0, 118.0, 125.0, 87.5]
    market = market_of({"X": levels})
    found = worst_windows(market, ["X"], 1, (5,))
    assert [(window_start(market, label), label.description.partition("; unf")[2]) for label in found.labels] == [
        (43, "inished, 1 of 5 days"),  # -30 %
        (42, "inished, 2 of 5 days"),  # 87.5 / 118 - 1, -25.8 %
        (38, ""),  # 125 / 100 - 1, the worst of five whole days
    ]
    assert found.ids == [
        "history 2022-02-16 from 2022-02-15",
        "history 2022-02-16 from 2022-02-14",
        "history 2022-02-15",
    ]
    assert found.over(5).relative[:, 0].tolist() == [87.5 / 125 - 1, 87.5 / 118 - 1, 125 / 100 - 1]


def test_equally_bad_windows_go_by_date() -> None:
    levels = [100.0, 100.0, 110.0, 100.0, 100.0, 110.0, 100.0]  # up 10 % twice, down a little less twice
    found = worst_windows(market_of({"X": levels}), ["X"], 4, (1,))
    assert [window_start(market_of({"X": levels}), label) for label in found.labels] == [1, 4, 2, 5]


def test_a_factor_without_a_value_moves_as_its_proxy_does_or_stays() -> None:
    """Y begins on the fourth day. Its proxy Z moves in its place, and that one's proxy X where Z has a hole."""
    levels = {
        "X": [100.0, 110.0, 99.0, 99.0, 99.0],
        "Y": [None, None, None, 50.0, 60.0],
        "Z": [10.0, None, 20.0, 30.0, 30.0],
    }
    market = market_of(levels)
    with_proxies = replace(market, factors=market.factors.with_columns(proxy=pl.Series([None, "Z", "X"])))
    for prices, moves in (
        (with_proxies, [0.1, 99 / 110 - 1, 30 / 20 - 1, 60 / 50 - 1]),
        (market, [0.0, 0.0, 0.0, 60 / 50 - 1]),
    ):
        found = kept_windows(HistoricalStress(worst=9), prices, ["X", "Y", "Z"], (1,))
        by_start = {window_start(prices, label): place for place, label in enumerate(found.labels)}
        assert [found.over(1).relative[by_start[start], 1] for start in range(4)] == pytest.approx(moves)


def test_worst_of_each_factor_equals_a_loop() -> None:
    market = random_market(7, days=60)
    factors = sorted(market.factor_ids)
    found = kept_windows(HistoricalStress(worst_of_each_factor=2), market, factors, (1, 3))
    expected: set[int] = set()
    for days in (1, 3):
        for name in factors:
            levels = market.levels[name].to_list()
            moves = []
            for start in range(59):
                before, after = levels[start], levels[min(start + days, 59)]
                if before is None or after is None:
                    moves.append(0.0)
                else:
                    moves.append(after - before if name == "R" else after / before - 1)
            for way in (-1, 1):
                chosen: list[int] = []
                for start in sorted(range(59), key=lambda start: (-way * moves[start], start)):
                    if len(chosen) < 2 and way * moves[start] > 0 and all(abs(start - one) >= days for one in chosen):
                        chosen.append(start)
                expected |= set(chosen)
    assert {window_start(market, label) for label in found.labels} == expected


def test_volatility_has_no_part_in_severity() -> None:
    """X jumps on one day and its volatility factor on another: only the first counts."""
    levels = {"X": [100.0, 100.1, 100.0, 100.1, 120.0, 119.9], "X.VOL": [0.2, 0.9, 0.1, 0.2, 0.2, 0.2]}
    kinds: Kinds = {"X.VOL": ("relative", "volatility", None)}
    market = market_of(levels, kinds)
    found = worst_windows(market, ["X", "X.VOL"], 1, (1,))
    assert window_start(market, found.labels[0]) == 3
    assert moves_of(worst_windows(market, ["X", "X.VOL"], 9, (1,)), 0)["X"][0] == pytest.approx(
        120 / 100.1 - 1, rel=1e-12
    )
    with_jump = worst_windows(market, ["X", "X.VOL"], 5, (1,))
    assert with_jump.longest.relative[:, 1].any()  # but volatility does move in the scenarios


def test_a_class_of_one_counts_as_much_as_a_class_of_many() -> None:
    """Two jumps of about equal size in their own deviations: one of one currency, one of one stock in ten."""
    random = np.random.default_rng(4)
    noise = 100 * np.exp(np.cumsum(random.normal(0, 0.001, (60, 11)), axis=0))
    noise[20:, 0] *= 1.05
    noise[40:, 1] *= 1.05
    levels = {f"S{number}": noise[:, number].tolist() for number in range(1, 11)} | {"EUR/USD": noise[:, 0].tolist()}
    market = market_of(levels, {"EUR/USD": ("relative", "currency", None)})
    found = worst_windows(market, sorted(levels), 2, (1,))
    assert [window_start(market, label) for label in found.labels] == [19, 39]
    # the mean over ten stocks divides the stock's score by ten before the classes are averaged
    assert stated_severity(found.labels[0]) > 2 * stated_severity(found.labels[1])


@pytest.mark.parametrize("change", ["relative", "absolute"])
def test_a_factor_that_moves_alike_every_day_does_not_choose_the_windows(change: str) -> None:
    """An index of cash: its returns differ in the last binary digit only, and that digit says nothing of a crisis."""
    stock = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, 120)))
    stock[80:] *= 0.7
    cash = 100 * 1.0001 ** np.arange(120) if change == "relative" else 100 + 0.1 * np.arange(120)
    market = market_of({"CASH": cash.tolist(), "X": stock.tolist()}, {"CASH": (change, "rate", None)})
    found = worst_windows(market, ["CASH", "X"], 1, (1,))
    assert window_start(market, found.labels[0]) == 79
    assert stated_severity(found.labels[0]) < 100


@pytest.fixture(scope="module")
def shipped() -> Market:
    return read_market()


def test_worst_windows_of_the_shipped_market_are_the_known_crises(shipped: Market) -> None:
    factors = sorted(name for name in shipped.factor_ids if name not in ("WTI", "INDEX20"))
    found = worst_windows(shipped, factors, 20, (2,))
    starts = [window_start(shipped, label) for label in found.labels]
    assert all(abs(a - b) >= 2 for place, a in enumerate(starts) for b in starts[:place])
    ends = [shipped.dates[start + 2] for start in starts]
    assert sum(end.year in (2008, 2009, 2020) for end in ends) >= 12
    check_crises(
        found.labels,
        ends,
        [
            (date(2008, 9, 15), date(2008, 12, 31), "failure of Lehman Brothers and after"),
            (date(2016, 6, 24), date(2016, 6, 28), "British vote to leave the European Union"),
            (date(2020, 3, 9), date(2020, 3, 31), "pandemic of 2020"),
        ],
    )


def test_a_jump_of_one_major_currency_is_a_crisis_too(shipped: Market) -> None:
    """Among six currencies and not seventeen, the fall of the franc's floor is the worst window of all."""
    pairs = [f"{name}/USD" for name in ("EUR", "GBP", "JPY", "CHF", "AUD", "CAD")]
    found = worst_windows(shipped, sorted([*shipped.factor_ids[:20], *pairs]), 1, (2,))
    ends = [shipped.dates[window_start(shipped, label) + 2] for label in found.labels]
    check_crises(found.labels, ends, [(date(2015, 1, 15), date(2015, 1, 16), "end of the Swiss franc's floor")])


def check_crises(labels: list[Label], ends: list[date], crises: list[tuple[date, date, str]]) -> None:
    """Each crisis has a window that ends in it and bears its name."""
    for first, last, name in crises:
        inside = [label for label, end in zip(labels, ends, strict=True) if first <= end <= last]
        assert inside, name
        assert all(f"({name})" in label.description for label in inside)


def test_severities_of_the_shipped_market_by_another_road(shipped: Market) -> None:
    """Every window's severity with numpy, from levels; the worst 20 windows are the 20 worst that do not overlap."""
    stocks = list(shipped.factor_ids[:20])
    pairs = [name for name in shipped.factor_ids if "/" in name]
    squared = []
    for names in (stocks, pairs):
        levels = np.column_stack([shipped.levels[name].to_numpy() for name in names])
        returns = np.exp(np.log(levels[2:]) - np.log(levels[:-2])) - 1
        variance = (returns**2).mean(axis=0) - returns.mean(axis=0) ** 2
        squared.append((returns**2 / variance).mean(axis=1))
    severity = np.sqrt((squared[0] + squared[1]) / 2)
    expected: list[int] = []
    for row in np.argsort(-severity):
        if len(expected) < 20 and not {row - 1, row, row + 1} & set(expected):
            expected.append(int(row))
    found = worst_windows(shipped, sorted([*stocks, *pairs]), 20, (2,))
    assert [window_start(shipped, label) for label in found.labels] == expected
    stated = [stated_severity(label) for label in found.labels]
    assert stated == pytest.approx(severity[expected].tolist(), rel=0, abs=0.05 + 1e-9)


# --- ladders ----------------------------------------------------------------------------------------------------------

LADDER_KINDS: Kinds = {
    "ACME": ("relative", "equity", "technology"),
    "ACME.VOL": ("relative", "volatility", None),
    "BANK": ("relative", "equity", "financials"),
    "EUR/USD": ("relative", "currency", None),
    "EUR/USD.VOL": ("relative", "volatility", None),
    "OIL": ("relative", "commodity", "energy"),
    "OIL.VOL": ("absolute", "volatility", None),
    "PLAIN": ("relative", None, None),
    "RATE": ("relative", "rate", None),
    "SPREAD": ("absolute", "credit", "financials"),
}


def ladder_market() -> Market:
    return market_of({name: [1.0, 1.1] for name in LADDER_KINDS}, LADDER_KINDS)


def ladder_moves(ladder: Ladder) -> dict[str, dict[str, float]]:
    """How far each factor moves; `SPREAD` and `OIL.VOL` move by differences, all others by ratios."""
    found = ladder_scenarios(ladder, ladder_market(), list(LADDER_KINDS))
    differ = [name in ("OIL.VOL", "SPREAD") for name in LADDER_KINDS]
    assert not found.longest.absolute[:, np.invert(differ)].any()
    assert not found.longest.relative[:, differ].any()
    return {name: {k: sum(v) for k, v in moves_of(found, place).items()} for place, name in enumerate(found.ids)}


def test_market_gaps_move_prices_and_their_volatilities_and_nothing_else() -> None:
    """No currency, no rate; a factor without class does move, and one that moves by differences by the share of 1.1."""
    prices = ("ACME", "BANK", "OIL", "PLAIN")
    fall = dict.fromkeys(prices, -0.1) | {"SPREAD": -0.11, "ACME.VOL": 0.4, "OIL.VOL": 0.44}
    rise = dict.fromkeys(prices, 0.1) | {"SPREAD": 0.11, "ACME.VOL": 0.1, "OIL.VOL": 0.11}
    found = ladder_moves(Ladder(ladder="market_gaps", sizes=(0.1, 0.25)))
    assert list(found) == ["market down 10%", "market up 10%", "market down 25%", "market up 25%"]
    assert found["market down 10%"] == pytest.approx(fall)
    assert found["market up 10%"] == pytest.approx(rise)
    assert found["market down 25%"] == pytest.approx({name: 2.5 * move for name, move in fall.items()})
    assert found["market up 25%"] == pytest.approx({name: 2.5 * move for name, move in rise.items()})


def test_sector_gaps_move_one_sector_at_a_time() -> None:
    found = ladder_moves(Ladder(ladder="sector_gaps", sizes=(0.2,)))
    names = ["energy", "financials", "technology"]
    assert list(found) == [f"sector {name} {way} 20%" for name in names for way in ("down", "up")]
    assert found["sector energy down 20%"] == pytest.approx({"OIL": -0.2, "OIL.VOL": 0.88})
    assert found["sector financials up 20%"] == pytest.approx({"BANK": 0.2, "SPREAD": 0.22})
    assert found["sector technology down 20%"] == pytest.approx({"ACME": -0.2, "ACME.VOL": 0.8})
    assert found["sector technology up 20%"] == pytest.approx({"ACME": 0.2, "ACME.VOL": 0.2})


def test_sector_gaps_move_whatever_states_the_sector() -> None:
    kinds: Kinds = {
        "A": ("relative", "equity", "tech"),
        "A.VOL": ("relative", "volatility", None),
        "EUR/USD": ("relative", "currency", "tech"),
        "R": ("relative", "rate", "tech"),
        "S": ("absolute", "rate", "tech"),
    }
    market = market_of({name: [1.0, 1.1] for name in kinds}, kinds)
    found = ladder_scenarios(Ladder(ladder="sector_gaps", sizes=(0.2,)), market, list(kinds))
    fall = {name: move[0] for name, move in moves_of(found, 0).items()}
    assert fall == pytest.approx({"A": -0.2, "A.VOL": 0.8, "EUR/USD": -0.2, "R": -0.2})


def test_volatility_rises_in_a_fall_of_its_sector_even_if_it_states_the_sector() -> None:
    kinds: Kinds = {"A": ("relative", "equity", "tech"), "A.VOL": ("relative", "volatility", "tech")}
    market = market_of({name: [1.0, 1.1] for name in kinds}, kinds)
    found = ladder_scenarios(Ladder(ladder="sector_gaps", sizes=(0.2,)), market, list(kinds))
    assert {name: move[0] for name, move in moves_of(found, 0).items()} == pytest.approx({"A": -0.2, "A.VOL": 0.8})


def test_class_gaps_move_one_asset_class_at_a_time() -> None:
    """Prices without a class, which are gapped with the market, by themselves; a spread moves by the share of 1.1;
    currencies have a ladder of their own."""
    found = ladder_moves(Ladder(ladder="class_gaps", sizes=(0.2,)))
    names = ["unclassified", "class commodity", "class credit", "class equity", "class rate"]
    assert list(found) == [f"{name} {way} 20%" for name in names for way in ("down", "up")]
    assert found["class commodity down 20%"] == pytest.approx({"OIL": -0.2, "OIL.VOL": 0.88})
    assert found["class credit up 20%"] == pytest.approx({"SPREAD": 0.22})
    assert found["class equity down 20%"] == pytest.approx({"ACME": -0.2, "BANK": -0.2, "ACME.VOL": 0.8})
    assert found["class rate up 20%"] == pytest.approx({"RATE": 0.2})
    assert found["unclassified down 20%"] == pytest.approx({"PLAIN": -0.2})


def test_class_gaps_leave_out_rates_that_are_shifted() -> None:
    kinds: Kinds = {"A": ("relative", "equity", None), "S": ("absolute", "rate", None)}
    market = market_of({name: [1.0, 1.1] for name in kinds}, kinds)
    assert ladder_scenarios(Ladder(ladder="class_gaps", sizes=(0.2,)), market, list(kinds)).ids == [
        "class equity down 20%",
        "class equity up 20%",
    ]


BREAKS = [
    *("sector energy down, sector financials up", "sector energy down, sector technology up"),
    *("sector financials down, sector energy up", "sector financials down, sector technology up"),
    *("sector technology down, sector energy up", "sector technology down, sector financials up"),
    *("sector energy down, all other sectors up", "all other sectors down, sector energy up"),
    *("sector financials down, all other sectors up", "all other sectors down, sector financials up"),
    *("sector technology down, all other sectors up", "all other sectors down, sector technology up"),
]
"""Of three sectors: three times two pairs, and each against the others, either way."""


def test_sector_breaks_let_one_sector_fall_while_another_rises() -> None:
    found = ladder_moves(Ladder(ladder="sector_breaks", sizes=(0.2, 0.3)))
    assert list(found) == [f"{name} {size}" for name in BREAKS for size in ("20%", "30%")]
    energy, technology = {"OIL": -0.2, "OIL.VOL": 0.88}, {"ACME": 0.2, "ACME.VOL": 0.2}
    assert found["sector energy down, sector technology up 20%"] == pytest.approx(energy | technology)
    others = technology | {"BANK": 0.2, "SPREAD": 0.22}
    assert found["sector energy down, all other sectors up 20%"] == pytest.approx(energy | others)
    rises = {"OIL": 0.3, "OIL.VOL": 0.33}
    falls = {"ACME": -0.3, "ACME.VOL": 1.2, "BANK": -0.3, "SPREAD": -0.33}
    assert found["all other sectors down, sector energy up 30%"] == pytest.approx(rises | falls)


def test_a_break_is_run_where_the_book_needs_both_sides_of_it() -> None:
    """Of two sectors that are needed each is all others of the other; of one there is nothing to break."""
    ladder, market = Ladder(ladder="sector_breaks", sizes=(0.1,)), ladder_market()
    found = ladder_scenarios(ladder, market, ["ACME.VOL", "BANK", "PLAIN"])
    down, up = "sector financials", "sector technology"
    assert found.ids == [f"{down} down, {up} up 10%", f"{up} down, {down} up 10%"]
    assert moves_of(found, 0) == {"ACME.VOL": pytest.approx((0.1, 0.0)), "BANK": (-0.1, 0.0)}
    assert ladder_scenarios(ladder, market, ["ACME", "ACME.VOL", "PLAIN"]).count == 0


def test_a_break_says_what_falls_and_what_rises_and_is_judged_by_its_size() -> None:
    rules = StressRules(
        hypothetical=(Ladder(ladder="sector_breaks", sizes=(0.1, 0.2)),),
        rate_shifts=RateShifts(shapes=()),
        plausible=Plausible(gap=0.1),
    )
    found = stress_scenarios(rulebook_of(rules), ladder_market(), list(LADDER_KINDS))
    sizing = {label.scenario_id: label.sizes_fund for label in found.labels}
    assert sizing == {f"{name} {size}": size == "10%" for name in BREAKS for size in ("10%", "20%")}
    assert found.labels[3].description == (
        "sector energy down 20%, volatility +80%; sector technology up 20%, volatility +20%"
    )


def test_ladders_move_what_the_book_needs_of_what_the_market_gaps() -> None:
    """A volatility moves though the book does not hold its factor; a rung that moves nothing needed is left out."""
    market = ladder_market()
    needed = ["ACME.VOL", "BANK", "RATE"]
    gaps = ladder_scenarios(Ladder(ladder="market_gaps", sizes=(0.1,)), market, needed)
    assert moves_of(gaps, 0) == {"ACME.VOL": pytest.approx((0.4, 0.0)), "BANK": (-0.1, 0.0)}
    sectors = ladder_scenarios(Ladder(ladder="sector_gaps", sizes=(0.1,)), market, needed)
    names = [f"sector {name} {way} 10%" for name in ("financials", "technology") for way in ("down", "up")]
    assert sectors.ids == names  # nothing of the energy sector is needed
    assert moves_of(sectors, 2) == {"ACME.VOL": pytest.approx((0.4, 0.0))}
    assert ladder_scenarios(Ladder(ladder="currency_gaps", sizes=(0.1,)), market, needed).count == 0


def test_currency_gaps_move_every_currency_and_its_volatility() -> None:
    found = ladder_moves(Ladder(ladder="currency_gaps", sizes=(0.1,), volatility_per_fall=2, volatility_per_rise=-0.5))
    assert found["currencies down 10%"] == pytest.approx({"EUR/USD": -0.1, "EUR/USD.VOL": 0.2})
    assert found["currencies up 10%"] == pytest.approx({"EUR/USD": 0.1, "EUR/USD.VOL": -0.05})


def test_ladder_of_nothing_has_no_scenarios() -> None:
    market = market_of({"RATE": [1.0, 1.1]}, LADDER_KINDS)
    for name in ("market_gaps", "sector_gaps", "currency_gaps", "sector_breaks"):
        ladder = Ladder.model_validate({"ladder": name})
        found = ladder_scenarios(ladder, market, ["RATE"])
        assert found.count == 0
        assert found.longest.relative.shape == (0, 1)


@pytest.mark.parametrize("name", ["market_gaps", "currency_gaps"])
def test_every_size_comes_both_ways_with_its_gap_on_the_label(name: LadderName) -> None:
    found = ladder_scenarios(Ladder(ladder=name), ladder_market(), list(LADDER_KINDS))
    assert [label.gap for label in found.labels] == [size for size in GAP_SIZES for _ in range(2)]
    assert {label.kind for label in found.labels} == {"hypothetical"}
    moved = "ACME" if name == "market_gaps" else "EUR/USD"
    column = found.longest.relative[:, found.factor_ids.index(moved)]
    assert column.tolist() == [way * size for size in GAP_SIZES for way in (-1, 1)]


# --- multiples and caps -----------------------------------------------------------------------------------------------


def two_scenarios() -> ScenarioSet:
    labels = [Label("a", "file", "first", "here"), Label("b", "file", "second", "here", multiple=1.0)]
    moves = np.array([[-0.4, 0.1], [0.3, -0.2]]), np.array([[0.0, 2.0], [-1.0, 0.0]])
    return over_one_period(["X", "Y"], labels, moves)


def test_multiples_multiply_every_shock_and_name_themselves() -> None:
    found = multiplied(two_scenarios(), (1, 1.5, 2))
    assert found.ids == ["a", "a@1.5x", "a@2x", "b", "b@1.5x", "b@2x"]
    assert [label.multiple for label in found.labels] == [1, 1.5, 2] * 2
    for place, (base, times) in enumerate((base, times) for base in (0, 1) for times in (1, 1.5, 2)):
        for field in ("relative", "absolute"):
            expected = (times * getattr(two_scenarios().longest, field)[base]).tolist()
            assert getattr(found.longest, field)[place].tolist() == pytest.approx(expected, rel=1e-15)
    assert "times 2" in found.labels[2].description
    assert "times" not in found.labels[0].description


def test_multiples_keep_the_order_they_are_given_in() -> None:
    assert multiplied(two_scenarios(), (2, 1)).ids == ["a@2x", "a", "b@2x", "b"]
    assert same_set(multiplied(two_scenarios(), (1,)), two_scenarios())


def test_falls_beyond_99_percent_are_capped_and_say_so() -> None:
    relative = np.array([[-0.99, 5.0], [-1.2, 0.0], [-0.98, -3.0]])
    labels = [Label(name, "file", f"about {name}", "here") for name in "abc"]
    found = capped(over_one_period(["X", "Y"], labels, (relative, np.full((3, 2), -7.0))))
    assert found.longest.relative.tolist() == [[-0.99, 5.0], [-0.99, 0.0], [-0.98, -0.99]]
    assert (found.longest.absolute == -7.0).all()  # differences are not capped
    assert found.labels[0].description == "about a"
    for label in found.labels[1:]:
        assert "; 1 factor capped at -99%" in label.description


def test_multiples_come_before_the_cap() -> None:
    """-0.4 times 3 is -1.2 and capped; the cap first and the multiple after would give the same sign and no sense."""
    found = capped(multiplied(two_scenarios(), (1, 3)))
    assert found.longest.relative[:, 0].tolist() == pytest.approx([-0.4, -0.99, 0.3, 0.9], rel=1e-15)
    assert ["capped" in label.description for label in found.labels] == [False, True, False, False]


# --- several periods --------------------------------------------------------------------------------------------------


def over_one_and_five_days() -> ScenarioSet:
    """Two scenarios over one day and over five, every move of its own size."""
    labels = [Label("a", "file", "first", "here"), Label("b", "file", "second", "here")]
    one = np.array([[-0.1, 0.2], [0.3, -0.4]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    five = np.array([[-0.5, 0.6], [0.7, -0.8]]), np.array([[5.0, 6.0], [7.0, 8.0]])
    return over_periods(over_one_period(["X", "Y"], labels, moves, days) for moves, days in ((five, 5), (one, 1)))


def test_a_set_has_moves_over_each_of_its_periods() -> None:
    found = over_one_and_five_days()
    assert found.periods == (1, 5)
    assert found.over(1).relative.tolist() == [[-0.1, 0.2], [0.3, -0.4]]
    assert found.over(5).absolute.tolist() == found.longest.absolute.tolist() == [[5.0, 6.0], [7.0, 8.0]]
    with pytest.raises(ValueError, match="over 2 days"):
        found.over(2)


def test_a_hypothetical_move_is_the_same_over_every_period() -> None:
    found = two_scenarios()
    assert found.periods == (EVERY,)
    assert np.array_equal(found.over(1).relative, found.over(250).relative)
    both = joined([found, over_one_and_five_days()])
    assert both.periods == (1, 5)
    assert both.over(1).relative.tolist() == [[-0.4, 0.1], [0.3, -0.2], [-0.1, 0.2], [0.3, -0.4]]
    assert both.over(5).relative.tolist() == [[-0.4, 0.1], [0.3, -0.2], [-0.5, 0.6], [0.7, -0.8]]


def test_every_period_is_multiplied_chosen_and_capped() -> None:
    found = multiplied(over_one_and_five_days(), (1, 2))
    assert found.ids == ["a", "a@2x", "b", "b@2x"]
    assert found.over(1).absolute[:, 0].tolist() == [1, 2, 3, 6]
    assert found.over(5).absolute[:, 0].tolist() == [5, 10, 7, 14]
    chosen = found.only(np.array([3, 0]))
    assert (chosen.ids, chosen.over(5).absolute[:, 0].tolist()) == (["b@2x", "a"], [14, 5])
    below = capped(multiplied(over_one_and_five_days(), (3,)))
    assert below.over(1).relative == pytest.approx(np.array([[-0.3, 0.6], [0.9, -0.99]]))
    assert below.over(5).relative == pytest.approx(np.array([[-0.99, 1.8], [2.1, -0.99]]))
    assert all(label.description.endswith("1 factor capped at -99%") for label in below.labels)


def test_sets_that_do_not_fit_together_are_refused() -> None:
    still = np.zeros((1, 1)), np.zeros((1, 1))
    one, five = (over_one_period(["X"], [Label("a", "", "", "")], still, days) for days in (1, 5))
    with pytest.raises(ValueError, match="same periods"):
        joined([one, five])
    other = over_one_period(["X"], [Label("b", "", "", "")], still, 5)
    with pytest.raises(ValueError, match="same scenarios"):
        over_periods([one, other])
    with pytest.raises(ValueError, match="rising"):
        ScenarioSet(["X"], one.labels, np.zeros((2, 1, 1)), np.zeros((2, 1, 1)), (5, 1))


def test_joined_sets_keep_their_order() -> None:
    found = joined([two_scenarios(), multiplied(two_scenarios(), (2,))])
    assert found.ids == ["a", "b", "a@2x", "b@2x"]
    assert found.longest.relative[3].tolist() == [0.6, -0.4]


# --- files ------------------------------------------------------------------------------------------------------------

FACTORS = ["ACME", "ACME.VOL", "BANK", "EUR/USD", "GBP/USD"]
CSV_FILE = """\
scenario_id,factor_id,kind,shock,description,provenance,sizes_fund
crash,*,relative,-0.2,a crash,drawn up,
crash,*/USD,relative,0.05,,,
crash,*.VOL,absolute,0.3,,,
crash,ACME,relative,-0.5,,,
calm,GBP/USD,absolute,0.01,,,false
"""
YAML_FILE = """\
scenarios:
  - id: crash
    description: a crash
    provenance: drawn up
    shocks:
      "*": -0.2
      "*/USD": 0.05
      "*.VOL": {kind: absolute, shock: 0.3}
      ACME: -0.5
  - id: calm
    kind: absolute
    sizes_fund: false
    shocks: {GBP/USD: 0.01}
"""


def read_text(path: Path, text: str, known: list[str] | None = None) -> ScenarioSet:
    path.write_text(text)
    return read_scenarios(path, FACTORS, known or FACTORS)


def test_csv_parquet_and_yaml_say_the_same(tmp_path: Path) -> None:
    by_csv = read_text(tmp_path / "scenarios.csv", CSV_FILE)
    assert by_csv.ids == ["crash", "calm"]
    assert moves_of(by_csv, 0) == {
        "ACME": (-0.5, 0.0),
        "ACME.VOL": (0.0, 0.3),
        "BANK": (-0.2, 0.0),
        "EUR/USD": (0.05, 0.0),
        "GBP/USD": (0.05, 0.0),
    }
    assert moves_of(by_csv, 1) == {"GBP/USD": (0.0, 0.01)}
    crash, calm = by_csv.labels
    assert (crash.kind, crash.description, crash.provenance, crash.sizes_fund) == ("file", "a crash", "drawn up", True)
    assert (calm.description, calm.provenance, calm.sizes_fund) == ("calm", "file scenarios.csv", False)
    by_yaml = read_text(tmp_path / "scenarios.yaml", YAML_FILE)
    provenance = [label.provenance for label in by_yaml.labels]
    assert provenance == ["drawn up", "file scenarios.yaml"]
    assert [(x.scenario_id, x.description, x.sizes_fund) for x in by_yaml.labels] == [
        (x.scenario_id, x.description, x.sizes_fund) for x in by_csv.labels
    ]
    assert np.array_equal(by_yaml.longest.relative, by_csv.longest.relative)
    assert np.array_equal(by_yaml.longest.absolute, by_csv.longest.absolute)
    table = pl.read_csv(tmp_path / "scenarios.csv")
    table.write_parquet(tmp_path / "scenarios.parquet")
    by_parquet = read_scenarios(tmp_path / "scenarios.parquet", FACTORS, FACTORS)
    assert np.array_equal(by_parquet.longest.relative, by_csv.longest.relative)
    assert np.array_equal(by_parquet.longest.absolute, by_csv.longest.absolute)
    assert [label.sizes_fund for label in by_parquet.labels] == [True, False]


def test_exact_name_beats_a_later_pattern_and_a_later_pattern_an_earlier(tmp_path: Path) -> None:
    text = 'scenarios: [{id: a, shocks: {ACME: 0.1, "A*": 0.2, "*": 0.3, "*K": 0.4}}]'
    found = read_text(tmp_path / "s.yaml", text)
    assert {name: move for name, (move, _) in moves_of(found, 0).items()} == {
        "ACME": 0.1,
        "ACME.VOL": 0.3,  # "*" stands after "A*"
        "BANK": 0.4,
        "EUR/USD": 0.3,
        "GBP/USD": 0.3,
    }


@pytest.mark.parametrize("name", ["OIL[1]", "OIL[1-3]", "OIL?", "OIL.1", "OIL(1)+"])
def test_a_factor_named_exactly_is_found_whatever_its_name(name: str, tmp_path: Path) -> None:
    """Only `*` stands for something else."""
    path = tmp_path / "s.csv"
    path.write_text(f"scenario_id,factor_id,kind,shock\na,{name},relative,0.1\n")
    found = read_scenarios(path, [name, "OIL1"], [name, "OIL1"])
    assert moves_of(found, 0) == {name: (0.1, 0.0)}


def test_later_absolute_pattern_takes_the_place_of_a_relative_one(tmp_path: Path) -> None:
    text = "scenario_id,factor_id,kind,shock\na,*,relative,0.5\na,ACM*,absolute,7\n"
    found = read_text(tmp_path / "s.csv", text)
    assert moves_of(found, 0)["ACME"] == (0.0, 7.0)
    assert moves_of(found, 0)["BANK"] == (0.5, 0.0)


patterns = st.sampled_from(["*", "A*", "*A*", "*.VOL", "*/USD", "E*", "*E", "**", "ACME*", *FACTORS])


shock_lists = st.lists(
    st.tuples(patterns, st.sampled_from(["relative", "absolute"])), min_size=1, max_size=6, unique_by=lambda one: one[0]
)


@settings(max_examples=40)
@given(shocks=shock_lists)
def test_which_shock_counts_equals_a_plain_reading(
    shocks: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [(pattern, kind, 0.01 * (place + 1)) for place, (pattern, kind) in enumerate(shocks)]
    lines = [f"a,{pattern},{kind},{size}" for pattern, kind, size in rows]
    path = tmp_path_factory.mktemp("shocks") / "s.csv"
    found = read_text(path, "\n".join(["scenario_id,factor_id,kind,shock", *lines]))
    expected: Moves = {}
    for factor in FACTORS:
        best = None
        for row in rows:
            regular = ".*".join(re.escape(part) for part in row[0].split("*"))
            if re.fullmatch(regular, factor) and (best is None or best[0] != factor):
                best = row
        if best is not None:
            expected[factor] = (best[2], 0.0) if best[1] == "relative" else (0.0, best[2])
    assert moves_of(found, 0) == expected


def test_yaml_scenarios_have_their_own_multiples(tmp_path: Path) -> None:
    text = "scenarios: [{id: a, multiples: [1, 2.5], shocks: {ACME: -0.3}}, {id: b, shocks: {BANK: 0.1}}]"
    found = read_text(tmp_path / "s.yml", text)
    assert found.ids == ["a", "a@2.5x", "b"]
    assert found.longest.relative[:, 0].tolist() == pytest.approx([-0.3, -0.75, 0.0], rel=1e-15)


def test_ids_that_multiples_make_may_not_stand_twice(tmp_path: Path) -> None:
    text = "scenarios: [{id: a, multiples: [1, 2], shocks: {ACME: -0.3}}, {id: a@2x, shocks: {BANK: 0.1}}]"
    with pytest.raises(InputError) as error:
        read_text(tmp_path / "s.yaml", text)
    assert [problem.value for problem in error.value.problems] == ["a@2x"]


def test_a_pattern_must_match_something_the_market_has(tmp_path: Path) -> None:
    """A factor of the market that the book does not need may be named; one that nobody has may not."""
    text = "scenario_id,factor_id,kind,shock\na,ACME,relative,0.1\na,ELSE,relative,0.5\n"
    found = read_text(tmp_path / "s.csv", text, [*FACTORS, "ELSE"])
    assert moves_of(found, 0) == {"ACME": (0.1, 0.0)}
    with pytest.raises(InputError) as error:
        read_text(tmp_path / "s.csv", text)
    (problem,) = error.value.problems
    assert (problem.source, problem.row, problem.field, problem.value) == ("s.csv", 2, "factor_id", "ELSE")


HEADER = "scenario_id,factor_id,kind,shock\n"


@pytest.mark.parametrize(
    ("text", "field", "row"),
    [
        (HEADER + "a,ACME,relative,0.1\na,ACME,relative,0.2\n", "scenario_id, factor_id", 1),
        (HEADER + "a,BANK,relative,0.1\na,ACME,sideways,0.1\n", "kind", 2),
        (HEADER + "a,BANK,relative,0.1\na,ACME,relative,much\n", "shock", 2),
        ("scenario_id,factor_id,shock\na,ACME,0.1\n", "kind", None),
    ],
)
def test_mistakes_in_tables_are_located(text: str, field: str, row: int | None, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_text(tmp_path / "s.csv", text)
    first = error.value.problems[0]
    assert (first.source, first.field, first.row) == ("s.csv", field, row)


@pytest.mark.parametrize(
    ("text", "field", "line"),
    [
        ("scenarios:\n- id: a\n  shocks:\n    ACME: much\n", "scenarios.0.shocks.ACME", 4),
        ("scenarios:\n- id: a\n  shocks:\n    ACME: .inf\n", "scenarios.0.shocks.ACME", 4),
        ("scenarios:\n- id: a\n  shoks: {ACME: 0.1}\n", "scenarios.0.shoks", 3),
        ("scenarios:\n- {id: a, shocks: {ACME: 1}}\n- id: b\n  shocks: {}\n", "scenarios.1.shocks", 4),
        ("scenarios: []\n", "scenarios", 1),
        ("scenarios:\n- {id: a, shocks: {ACME: 1}}\n- {id: a, shocks: {ACME: 2}}\n", "scenarios.1.id", 3),
    ],
)
def test_mistakes_in_yaml_are_located(text: str, field: str, line: int, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_text(tmp_path / "s.yaml", text)
    assert (field, line) in {(problem.field, problem.line) for problem in error.value.problems}


# --- the stress set of a rulebook -------------------------------------------------------------------------------------


def small_stress(**more: Any) -> StressRules:
    ladders = (
        Ladder(ladder="currency_gaps", sizes=(0.1, 0.2)),
        Ladder(ladder="market_gaps", sizes=(0.2,), multiples=(1, 3)),
    )
    rules = StressRules(historical=HistoricalStress(worst=2), hypothetical=ladders, multiples=(1, 2))
    return rules.model_copy(update=more)


def stress_market() -> Market:
    levels = {"ACME": [100.0, 100.0, 90.0, 91.0, 91.0, 95.0], "EUR/USD": [1.0, 1.0, 1.01, 1.0, 1.0, 1.0]}
    return market_of(levels, LADDER_KINDS)


EXPECTED_IDS = [
    *["history 2022-01-05", "history 2022-01-05@2x", "history 2022-01-06", "history 2022-01-06@2x"],
    *["currencies down 10%", "currencies down 10%@2x", "currencies up 10%", "currencies up 10%@2x"],
    *["currencies down 20%", "currencies down 20%@2x", "currencies up 20%", "currencies up 20%@2x"],
    *["market down 20%", "market down 20%@3x", "market up 20%", "market up 20%@3x"],
]


def test_rulebook_scenarios_come_in_the_order_of_the_rulebook() -> None:
    """History worst first, then the ladders as they stand; after each scenario its multiples, a ladder's own first."""
    rules = rulebook_of(small_stress())
    found = stress_scenarios(rules, stress_market(), ["ACME", "EUR/USD"])
    assert found.ids == EXPECTED_IDS
    assert all(label.sizes_fund for label in found.labels)
    assert found.longest.relative[1, 0] == pytest.approx(-0.2, rel=1e-12)  # the window down 10 %, twice
    again = stress_scenarios(rules, stress_market(), ["ACME", "EUR/USD"])
    assert same_set(again, found)
    backwards = stress_scenarios(rules, stress_market(), ["EUR/USD", "ACME"])
    assert backwards.ids == found.ids
    assert np.array_equal(backwards.longest.relative[:, ::-1], found.longest.relative)


def test_scenarios_beyond_plausible_do_not_size_the_fund() -> None:
    rules = rulebook_of(small_stress(plausible=Plausible(multiple=1, gap=0.15)))
    found = stress_scenarios(rules, stress_market(), ["ACME", "EUR/USD"])
    sizing = [label.scenario_id for label in found.labels if label.sizes_fund]
    assert sizing == ["history 2022-01-05", "history 2022-01-06", "currencies down 10%", "currencies up 10%"]
    assert found.ids == EXPECTED_IDS  # the others are run all the same
    wider = rulebook_of(small_stress(plausible=Plausible(multiple=2, gap=0.2)))  # the limits themselves are inside
    found = stress_scenarios(wider, stress_market(), ["ACME", "EUR/USD"])
    assert [label.scenario_id for label in found.labels if not label.sizes_fund] == [
        "market down 20%@3x",
        "market up 20%@3x",
    ]


def test_a_large_gap_reached_by_a_multiple_is_judged_by_both() -> None:
    """A gap of 10 % twice is a multiple of 2, not a gap of 20 %: the label keeps the rung's own gap."""
    rules = rulebook_of(small_stress(plausible=Plausible(multiple=2, gap=0.1), historical=None))
    found = stress_scenarios(rules, stress_market(), ["ACME", "EUR/USD"])
    sizing = [label.scenario_id for label in found.labels if label.sizes_fund]
    assert sizing == ["currencies down 10%", "currencies down 10%@2x", "currencies up 10%", "currencies up 10%@2x"]


def test_history_may_have_its_own_multiples() -> None:
    historical = HistoricalStress(worst=1, multiples=(1, 4))
    rules = rulebook_of(small_stress(historical=historical, hypothetical=()))
    found = stress_scenarios(rules, stress_market(), ["ACME", "EUR/USD"])
    assert found.ids == ["history 2022-01-05", "history 2022-01-05@4x"]


def test_windows_are_as_long_as_the_liquidation_period() -> None:
    rules = rulebook_of(small_stress(hypothetical=(), historical=HistoricalStress(worst=1), multiples=(1,)), days=3)
    found = stress_scenarios(rules, stress_market(), ["ACME", "EUR/USD"])
    (start,) = [window_start(stress_market(), label) for label in found.labels]
    expected = windows_by_loop(stress_market(), ["ACME", "EUR/USD"], 1, (3,))
    assert start == expected[0][0]
    acme = stress_market().levels["ACME"].to_list()
    assert found.longest.relative[0, 0] == pytest.approx(acme[start + 3] / acme[start] - 1, rel=1e-12)


def test_rulebook_scenarios_are_capped() -> None:
    rules = rulebook_of(small_stress(multiples=(5,), historical=None))
    found = stress_scenarios(rules, stress_market(), ["ACME", "EUR/USD"])
    fall = found.ids.index("currencies down 20%@5x")
    assert found.longest.relative[fall].tolist() == [0.0, -0.99]
    assert "capped at -99%" in found.labels[fall].description
    assert found.longest.relative.min() == -0.99


def test_file_replaces_the_rulebooks_scenarios_and_is_capped_too(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("scenario_id,factor_id,kind,shock,sizes_fund\na,ACME,relative,-1,true\nb,ACME,relative,9,false\n")
    rules = rulebook_of(small_stress(plausible=Plausible()))
    found = stress_scenarios(rules, stress_market(), ["ACME", "EUR/USD"], path)
    assert found.ids == ["a", "b"]
    assert found.longest.relative[:, 0].tolist() == [-0.99, 9.0]
    assert "capped" in found.labels[0].description
    assert [label.sizes_fund for label in found.labels] == [True, False]


def test_multiples_of_a_file_are_its_own_and_judged_as_the_rulebooks_are(tmp_path: Path) -> None:
    """Its scenarios are not run at the rulebook's multiples; those beyond `plausible` do not size the fund."""
    path = tmp_path / "s.yaml"
    path.write_text("scenarios: [{id: a, multiples: [1, 2], shocks: {ACME: 0.1}}, {id: b, shocks: {ACME: 0.9}}]")
    rules = rulebook_of(small_stress(multiples=(1, 3), plausible=Plausible(multiple=1, gap=0.15)))
    found = stress_scenarios(rules, stress_market(), ["ACME", "EUR/USD"], path)
    assert [(label.scenario_id, label.sizes_fund) for label in found.labels] == [
        ("a", True),
        ("a@2x", False),
        ("b", True),
    ]


def test_rulebook_without_a_scenario_and_with_one_twice_is_refused() -> None:
    """Two sizes that read alike in a scenario's id would make it stand twice."""
    market = stress_market()
    with pytest.raises(InputError):
        stress_scenarios(rulebook_of(StressRules()), market, market.factor_ids)
    with pytest.raises(ValidationError, match=r"the ladder market_gaps has the size 12\.3457% twice"):
        StressRules(hypothetical=(Ladder(ladder="market_gaps", sizes=(0.12345671, 0.12345672)),))


def test_moves_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        over_one_period(["X"], [Label("a", "file", "", "")], (np.zeros((1, 2)), np.zeros((1, 1))))
