"""`ccp backtest`: margins, losses, exceptions and procyclicality recomputed by plain loops; the command.

The recomputations are written from docs/reference/arithmetic.md, margin-models.md and backtests.md: the book stands
every day at the prices, levels and distance to expiry of its own day; what a day brings is its own past (margin) and
future (loss).
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from ruamel.yaml import YAML
from support.procyclicality_by_hand import call_by_loop, deviation_by_loop, step_by_loop
from support.statistics_by_hand import at_most, chi2_one_beyond, chi2_two_beyond, independence_by_hand, kupiec_by_hand
from typer.testing import CliRunner

import ccp
from ccp.backtesting import step
from ccp.backtesting.history import BackTestHistory, run_history
from ccp.backtesting.models import margin_models
from ccp.backtesting.procyclicality import StepResponse, step_response
from ccp.backtesting.results import exceptions_table
from ccp.book.book import Book, book_from_frames
from ccp.cli.main import app
from ccp.errors import InputError
from ccp.frames import Factors
from ccp.kernels.engine.numba_door import use_threads
from ccp.market.case import open_case
from ccp.market.history import Market
from ccp.market.needs import needed_factors
from ccp.market.volatility import with_modelled_volatility
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.commands import COMMANDS

Row = dict[str, Any]
LOOKBACK = 40
TESTED = COMMANDS["backtest"]
OWN: Row = {
    "measure": "value_at_risk",
    "confidence": 0.9,
    "lookback_days": LOOKBACK,
    "liquidation_days": 2,
    "liquidation": [{"days": 1, "instrument": "FR"}, {"days": 3, "kind": "option"}],
    "model": "weighted",
    "weighting": {"decay": 0.95},
    "offset_limit": {"share": 0.5, "by": "instrument"},
    "quantile": "floor_plus_one",
}
"""The rulebook's own model: unlike any of the usual ones, and of its parts these take over five only."""
TAKEN_OVER = ("confidence", "lookback_days", "liquidation_days", "liquidation", "quantile")
SHORTFALL = {"measure": "expected_shortfall"}
MODELS: dict[str, Row] = {
    "historical-var": {"measure": "value_at_risk"},
    "historical-es": SHORTFALL,
    "filtered": SHORTFALL | {"model": "filtered", "filter": {"decay": 0.97, "scaling": "full"}},
    "filtered-mid": SHORTFALL | {"model": "filtered", "filter": {"decay": 0.97, "scaling": "mid"}},
    "weighted": SHORTFALL | {"model": "weighted", "weighting": {"decay": 0.99}},
    "parametric": SHORTFALL | {"model": "parametric", "parametric": {"decay": 0.97, "distribution": "normal"}},
    "stress-blend": SHORTFALL | {"stress_period": {"weight": 0.25, "reading": "blend", "days": 250}},
    "stress-sample": SHORTFALL | {"stress_period": {"weight": 0.25, "reading": "sample", "days": 250}},
    "floor": SHORTFALL | {"floor": {"lookback_days": 2500}},
    "buffer": SHORTFALL | {"buffer": {"share": 0.25}},
}
PERIODS = {"X": 2, "Y": 2, "FY": 2, "FR": 1, "CALL": 3, "PUT": 3, "LAST": 3}
HORIZON = 3


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Books of a few lines: starting threads would take longer than the work."""
    before = use_threads(None)
    use_threads(1)
    yield
    use_threads(before)


@pytest.fixture
def short_year(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to a step is not what is looked at: days enough to compute it, and no more."""
    monkeypatch.setattr(step, "AFTER_DAYS", 21)


# --- a market and books -----------------------------------------------------------------------------------------------


def weekdays(count: int) -> list[date]:
    start = date(2020, 1, 1)
    return [day for n in range(2 * count) if (day := start + timedelta(days=n)).weekday() < 5][:count]


def prices(days: int = 282, seed: int = 5, scale: np.ndarray | float = 1.0, modelled: bool = False) -> Market:
    """Two stocks, a rate that moves by differences, the euro, and (unless it is to be modelled) X's volatility."""
    random = np.random.default_rng(seed)
    levels: Row = {"date": weekdays(days)}
    walks = {"X": (90.0, 0.012), "Y": (60.0, 0.02), "EUR/USD": (1.2, 0.006), "X.VOL": (0.3, 0.03)}
    for name, (level, deviation) in walks.items():
        levels[name] = level * np.cumprod(1 + scale * random.normal(0, deviation, days))
    levels["R"] = 1.5 + np.cumsum(scale * random.normal(0, 0.04, days))
    if modelled:
        del levels["X.VOL"]
    kinds = {"X": ("equity", "s"), "Y": ("equity", "t"), "R": ("rate", None), "EUR/USD": ("currency", None)}
    names = [name for name in levels if name != "date"]
    table = {
        "factor_id": names,
        "change": ["absolute" if name == "R" else "relative" for name in names],
        "asset_class": [kinds.get(name, ("volatility", None))[0] for name in names],
        "sector": [kinds.get(name, ("volatility", None))[1] for name in names],
    }
    factors = pl.DataFrame(table).cast({"change": Factors.create_empty().schema["change"]})  # type: ignore[arg-type]
    return Market(pl.DataFrame(levels), factors, {})


def instruments(own: date) -> dict[str, Row]:
    """Of every kind. Prices are not the factors' levels, and not what a model says of options."""
    dollar, euro = {"currency": "USD", "multiplier": 1.0}, {"currency": "EUR", "multiplier": 10.0}
    option: Row = {"kind": "option"}
    call: Row = {"right": "call", "style": "premium", "volatility_id": "X.VOL", "factor_id": "X", "multiplier": 10.0}
    rows = {
        "X": dollar | {"kind": "spot", "factor_id": "X", "price": 100.0},
        "Y": dollar | {"kind": "spot", "factor_id": "Y", "price": 50.0},
        "FY": euro | {"kind": "future", "factor_id": "Y", "price": 51.5},
        "FR": euro | {"kind": "future", "factor_id": "R", "price": -0.75},
        "CALL": option | call | {"currency": "EUR", "price": 6.0, "strike": 95.0, "expiry": own + timedelta(90)},
        "PUT": option | euro | {"factor_id": "Y", "right": "put", "style": "variation", "price": 2.2, "strike": 52.0}
        | {"expiry": own + timedelta(40), "implied_volatility": 0.35, "forward": 51.0, "discount_rate": 0.03},
        "LAST": option | call | {"currency": "USD", "price": 1.4, "strike": 91.0, "expiry": own + timedelta(2)},
    }  # fmt: skip
    return {name: {"instrument_id": name} | row for name, row in rows.items()}


Holding = tuple[str, str, float]
Accounts = dict[str, tuple[str, str, str]]


def book(own: date, positions: list[Holding], accounts: Accounts) -> Book:
    """Positions as they are given; `Z` holds the other side of all of them."""
    net: dict[str, float] = {}
    for _, instrument, quantity in positions:
        net[instrument] = net.get(instrument, 0.0) + quantity
    every = [*positions, *(("Z", name, -quantity) for name, quantity in net.items() if quantity)]
    accounts = accounts | {"Z": ("Z", "Z", "house")}
    account_rows = [(name, *rest) for name, rest in accounts.items()]
    names = ["account_id", "member_id", "pool_id", "kind"]
    return book_from_frames(
        {
            "members": pl.DataFrame({"member_id": sorted({member for member, _, _ in accounts.values()})}),
            "accounts": pl.DataFrame(account_rows, schema=names, orient="row"),
            "positions": pl.DataFrame(every, schema=["account_id", "instrument_id", "quantity"], orient="row"),
            "instruments": pl.DataFrame(list(instruments(own).values()), infer_schema_length=None),
        }
    )


SINGLES: list[Holding] = [("X", "X", 700.0), ("Y", "Y", -900.5), ("FY", "FY", 31.0), ("FR", "FR", -800.0),
                          ("CALL", "CALL", -15.0), ("PUT", "PUT", -64.0), ("LAST", "LAST", 120.0)]  # fmt: skip
"""An account for each instrument, of the same name."""
MIXED: list[Holding] = [
    ("a1", "X", 800.0), ("a1", "CALL", -60.0), ("a2", "FY", -50.0), ("a2", "Y", 100.0), ("c1", "X", -900.0),
    ("c1", "PUT", 40.0), ("c2", "FR", 1500.0), ("c2", "Y", -300.0), ("b1", "FR", -2500.0), ("b1", "LAST", 80.0),
    ("d1", "Y", 1100.0), ("d1", "X", -200.0), ("d2", "FY", -90.0), ("d2", "PUT", -25.0),
]  # fmt: skip
MIXED_ACCOUNTS: Accounts = {
    "a1": ("A", "a1", "house"), "a2": ("A", "a2", "house"), "c1": ("A", "ac", "client"), "c2": ("A", "ac", "client"),
    "b1": ("B", "b", "house"), "d1": ("B", "bc1", "client"), "d2": ("B", "bc2", "client"), "e": ("B", "b", "house"),
}  # fmt: skip
"""Two house pools and a gross client pool; a house pool, one of whose accounts is empty, and two net client pools."""
AND_ONE_WITHOUT: Accounts = MIXED_ACCOUNTS | {"f": ("F", "f", "house")}
"""And a member with nothing at all."""
EMPTY = {("account", "e"), ("account", "f"), ("pool", "f"), ("member", "F")}
"""Who holds no position and is no observation."""


def singles(own: date) -> Book:
    return book(own, SINGLES, {name: (name, name, "house") for name, _, _ in SINGLES})


def mixed(own: date) -> Book:
    return book(own, MIXED, MIXED_ACCOUNTS)


def rules(margin: Row | None = None, stress: Row | None = None, digits: int = 2) -> Rulebook:
    document = {
        "name": "test",
        "currency": "USD",
        "currency_digits": digits,
        "margin": OWN if margin is None else margin,
        "stress": {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.2]}]} | (stress or {}),
        "tiers": ["defaulter_margin", "defaulter_fund", "survivors_fund"],
    }
    return Rulebook.model_validate(document)


def alone(**changes: Any) -> Row:
    """The plain words of a margin model, with changes."""
    kept = {name: OWN[name] for name in TAKEN_OVER if name != "liquidation"}
    return kept | changes


def past(
    the_book: Book, market: Market, first: date, last: date, own: date, models: list[str] | None, rulebook: Rulebook
) -> BackTestHistory:
    """Margins and losses by account, as `ccp.backtest` has them before they are added up."""
    whole = with_modelled_volatility(market, needed_factors(the_book, rulebook.currency))
    case = open_case(the_book, whole, rulebook, own)
    return run_history(case, whole, margin_models(rulebook.margin, models), first, last, None)


def by_account(history: BackTestHistory, amounts: np.ndarray) -> dict[str, list[int]]:
    """Amounts by day of every account, in minor units."""
    return {name: amounts[:, place].tolist() for place, name in enumerate(history.case.portfolio.accounts)}


# --- the recomputation ------------------------------------------------------------------------------------------------


def normal(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def black(forward: float, strike: float, volatility: float, years: float, right: str) -> float:
    """Black's formula, undiscounted; the intrinsic value where nothing is left to happen."""
    sign = 1 if right == "call" else -1
    deviation = volatility * math.sqrt(years)
    if deviation <= 0 or forward <= 0:
        return max(sign * (forward - strike), 0.0)
    upper = math.log(forward / strike) / deviation + deviation / 2
    lower = upper - deviation
    return sign * (forward * normal(sign * upper) - strike * normal(sign * lower))


def weekdays_later(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


@dataclass(frozen=True)
class Twin:
    """A book on its own day, priced unit by unit."""

    market: Market
    own: date

    def path(self, name: str) -> list[float]:
        return self.paths[name]

    @cached_property
    def paths(self) -> dict[str, list[float]]:
        return {name: self.market.levels[name].to_list() for name in self.market.factor_ids}

    def level(self, name: str) -> float:
        """Today's level, whatever day it is: the book's own day's."""
        return self.path(name)[_row(self.market, self.own)]

    def moved(self, value: float, name: str, start: int, end: int) -> float:
        """A value moved with a factor from one row of the market to another."""
        path = self.path(name)
        return value + path[end] - path[start] if name == "R" else value * path[end] / path[start]

    def unit_loss(self, row: Row, day: date, start: int, end: int) -> float:
        """Close-out loss of one unit in the window between two rows, on a day on which the book stands."""
        rate, factor = 1.0, row["factor_id"]
        then = rate
        if row["currency"] == "EUR":
            rate = self.level("EUR/USD")
            then = self.moved(rate, "EUR/USD", start, end)
        price, size = row["price"], row["multiplier"]
        after = self.moved(price, factor, start, end)
        if row["kind"] == "option":
            after = self.option_price(row, day, start, end)
        if row.get("style") == "premium":
            return -(size * (after * then - price * rate) + size * price * rate)
        return -size * (after - price) * then

    def option_price(self, row: Row, day: date, start: int, end: int) -> float:
        forward = row.get("forward") or self.level(row["factor_id"])
        moved = self.moved(forward, row["factor_id"], start, end)
        volatility = row.get("implied_volatility") or self.level(row["volatility_id"])
        shaken = volatility if "volatility_id" not in row else self.moved(volatility, row["volatility_id"], start, end)
        left, interest = (row["expiry"] - self.own).days, row.get("discount_rate", 0.0)
        passed = (weekdays_later(day, PERIODS[row["instrument_id"]]) - day).days
        now, later = left / 365, max(left - passed, 0) / 365
        before = black(forward, row["strike"], volatility, now, row["right"]) * math.exp(-interest * now)
        after = black(moved, row["strike"], shaken, later, row["right"]) * math.exp(-interest * later)
        return max(row["price"] + after - before, 0.0)

    def losses(self, holdings: dict[str, float], day: date, ends: list[int], periods: dict[str, int]) -> list[float]:
        """What holdings lose in windows that end on some rows of the market."""
        rows = instruments(self.own)
        return [
            math.fsum(
                quantity * self.unit_loss(rows[name], day, end - periods[name], end)
                for name, quantity in holdings.items()
            )
            for end in ends
        ]


def _row(market: Market, day: date) -> int:
    return market.dates.index(day)


def held(positions: list[Holding]) -> dict[str, dict[str, float]]:
    """What every account holds, `Z` included."""
    found: dict[str, dict[str, float]] = {"Z": {}}
    for account, instrument, quantity in positions:
        found.setdefault(account, {})[instrument] = quantity
        found["Z"][instrument] = found["Z"].get(instrument, 0.0) - quantity
    return found


def plain_tail(losses: list[float], confidence: Fraction, measure: str, convention: str) -> int:
    """Order statistic, or Acerbi and Tasche's mean, in cents and not below 0: arithmetic.md, section 5."""
    count, ordered = len(losses), sorted(map(Fraction, losses))
    rank = math.ceil(count * confidence) if convention == "ceil" else math.floor(count * confidence) + 1
    rank = min(rank, count)
    if measure == "value_at_risk":
        return max(round(ordered[rank - 1] * 100), 0)
    beyond, mass = ordered[rank:], count * (1 - confidence)
    return max(round((sum(beyond) + (mass - len(beyond)) * ordered[rank - 1]) / mass * 100), 0)


def near(found: list[int], expected: list[int]) -> None:
    """Equal to the cent, or next to it where two ways of adding floats round apart."""
    assert np.abs(np.array(found) - np.array(expected)).max() <= 1, (found, expected)


# --- margins ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def market() -> Market:
    """The market of most tests: more than the 250 days of a stress period, and some to go."""
    return prices()


@pytest.fixture(scope="module")
def span(market: Market) -> list[date]:
    """The days of most tests: a Thursday to the Friday of the week after next."""
    return market.dates[262:274]


@pytest.fixture(scope="module")
def every_model(market: Market, span: list[date]) -> BackTestHistory:
    """Every model over the span; the book's own day is in the midst of it."""
    return past(mixed(span[4]), market, span[0], span[-1], span[4], None, rules())


def margin_part(model: str) -> Row:
    if model == "rulebook":
        return OWN
    return {name: OWN[name] for name in TAKEN_OVER} | MODELS[model]


def sized(the_book: Book, market: Market, model: str, day: date) -> dict[str, int]:
    """Margin of every account in cents, by `ccp size` on a day."""
    table = ccp.size(the_book, rules(margin_part(model)), market=market, day=day).tables["margin"]
    return {name: round(100 * margin) for name, margin in zip(table["account_id"], table["margin"], strict=True)}


def test_all_models_are_tested_unless_some_are_named(every_model: BackTestHistory, span: list[date]) -> None:
    assert list(every_model.margins) == ["rulebook", *MODELS]
    assert every_model.dates == span
    totals = {name: tuple(margins.sum(axis=1)) for name, margins in every_model.margins.items()}
    assert len(set(totals.values())) == len(totals)  # all differ, or the tests below could not tell them apart


@pytest.mark.parametrize("model", [name for name in ("rulebook", *MODELS) if name != "buffer"])
def test_on_the_books_own_day_margin_is_that_of_a_run_of_size(
    every_model: BackTestHistory, market: Market, span: list[date], model: str
) -> None:
    expected = sized(mixed(span[4]), market, model, span[4])
    found = by_account(every_model, every_model.margins[model])
    assert {name: margins[4] for name, margins in found.items()} == expected
    assert expected["e"] == 0
    assert min(margin for name, margin in expected.items() if name != "e") > 0


def taken_to(market: Market, own: date, day: date) -> Market:
    """The past of a day, every factor moved as a whole so that it ends on the level of the book's own day."""
    there, here = market.levels.filter(date=own), market.levels.filter(date=day)
    shift = [pl.col(name) * (there[name][0] / here[name][0]) for name in market.factor_ids if name != "R"]
    shift.append(pl.col("R") + (there["R"][0] - here["R"][0]))
    return replace(market, levels=market.levels.filter(pl.col("date") <= day).with_columns(shift))


@pytest.mark.parametrize("place", [0, 9])
@pytest.mark.parametrize("model", ["rulebook", *MODELS])
def test_on_another_day_margin_is_that_of_the_book_taken_there(
    every_model: BackTestHistory, market: Market, span: list[date], model: str, place: int
) -> None:
    """The book built anew for the day: same prices, options as far from expiry, factors at the levels they are used to.

    The buffer is full on the first day of the span; how it is drawn is tested below.
    """
    if model == "buffer" and place:
        model = "historical-es"
    there = taken_to(market, span[4], span[place])
    expected = sized(mixed(span[place]), there, model, span[place])
    found = by_account(every_model, every_model.margins[model])
    near([found[name][place] for name in expected], list(expected.values()))


@pytest.mark.parametrize("convention", ["ceil", "floor_plus_one"])
def test_margin_is_the_plain_tail_of_the_returns_known_then(market: Market, span: list[date], convention: str) -> None:
    """Days before the book's own day and after it; ends of windows are the latest 40 rows, the day's own included."""
    own, twin = span[4], Twin(market, span[4])
    rulebook = rules(OWN | {"quantile": convention})
    models = {"historical-var": "value_at_risk", "historical-es": "expected_shortfall"}
    history = past(singles(own), market, span[0], span[7], own, list(models), rulebook)
    varied = 0
    for name, account_held in held(SINGLES).items():
        sample = []
        for day in span[:8]:
            ends = list(range(_row(market, day) - LOOKBACK + 1, _row(market, day) + 1))
            sample.append(twin.losses(account_held, day, ends, PERIODS))
        for model, measure in models.items():
            expected = [plain_tail(losses, Fraction(9, 10), measure, convention) for losses in sample]
            near(by_account(history, history.margins[model])[name], expected)
            assert min(expected) > 0 or name == "LAST"  # who holds what has been paid for owes nothing more
            varied += len(set(expected)) > 1
    assert varied >= 8


@pytest.mark.parametrize("modelled", [False, True])
def test_no_margin_knows_what_comes_later(modelled: bool) -> None:
    """Prices after a day are changed: no margin up to that day moves, nor does a loss that was over by then."""
    market = prices(days=390, modelled=modelled)  # a modelled volatility has no value before its 250th return
    days = market.dates[372:380]
    own, turn = days[0], 4
    row = _row(market, days[turn])
    place, each = pl.arange(pl.len()), pl.col(market.factor_ids)
    later = pl.when(place > row).then(each * 1.3 + place * 0.01).otherwise(each)
    changed = replace(market, levels=market.levels.with_columns(later.name.keep()))
    was, now = (past(mixed(own), one, days[0], days[-1], own, None, rules()) for one in (market, changed))
    for model in was.margins:
        assert now.margins[model][: turn + 1].tolist() == was.margins[model][: turn + 1].tolist(), model
        assert (now.margins[model][turn + 1 :] != was.margins[model][turn + 1 :]).any(), model
    over = turn - HORIZON + 1
    assert now.losses[:over].tolist() == was.losses[:over].tolist()
    assert (now.losses[turn] != was.losses[turn])[:-1].sum() >= len(MIXED_ACCOUNTS) - 1


def test_a_models_margins_do_not_depend_on_what_it_is_set_beside(every_model: BackTestHistory, market: Market) -> None:
    days = every_model.dates
    for model in ("floor", "buffer"):
        history = past(mixed(days[4]), market, days[0], days[-1], days[4], [model], rules())
        assert history.margins[model].tolist() == every_model.margins[model].tolist()
        assert history.losses.tolist() == every_model.losses.tolist()


def test_a_margin_does_not_depend_on_the_days_around_it(every_model: BackTestHistory, market: Market) -> None:
    """But for a buffer, every day stands by itself."""
    days = every_model.dates
    models = [name for name in every_model.margins if name != "buffer"]
    history = past(mixed(days[4]), market, days[6], days[6], days[4], models, rules())
    for model in models:
        assert history.margins[model].tolist() == every_model.margins[model][6:7].tolist(), model


# --- the buffer -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def through_a_storm() -> BackTestHistory:
    """Calm, a month three times as wild, calm again: margin rises by far more than a buffer, and comes down again."""
    scale = np.ones(260)
    scale[100:125] = 3.0
    market = prices(days=260, scale=scale)
    days = market.dates[90:200:2]
    own = days[10]
    rulebook = rules(alone(**SHORTFALL, buffer={"share": 0.1}))
    names = ["rulebook", "historical-es", "buffer"]
    return past(mixed(own), market, days[0], days[-1], own, names, rulebook)


def buffer_by_hand(totals: list[int], share: Fraction) -> list[Fraction]:
    """How much of the buffer is there each day: margin-models.md, the daily recursion in exact fractions."""
    index, carried, left = Fraction(1), 1 + share, []
    for day, total in enumerate(totals):
        if day:
            index *= Fraction(total, totals[day - 1])
            carried = min(max(carried, index), (1 + share) * index)
        left.append(Fraction(math.floor((carried / index - 1) * 10**6), 10**6))
    return left


@pytest.mark.parametrize(("model", "share"), [("buffer", Fraction(1, 4)), ("rulebook", Fraction(1, 10))])
def test_the_buffer_is_drawn_by_rises_and_refilled_by_falls(
    through_a_storm: BackTestHistory, model: str, share: Fraction
) -> None:
    before = by_account(through_a_storm, through_a_storm.margins["historical-es"])
    found = by_account(through_a_storm, through_a_storm.margins[model])
    totals = [sum(day) for day in zip(*before.values(), strict=True)]
    left = buffer_by_hand(totals, share)
    assert left[0] == share
    assert min(left) == 0
    drawn = left.index(min(left))
    assert share in left[drawn:]  # refilled, after it has been used up
    assert any(0 < one < share for one in left)
    for name in before:
        near(found[name], [round(margin * (1 + one)) for margin, one in zip(before[name], left, strict=True)])


@pytest.mark.parametrize(("model", "share"), [("buffer", 0.25), ("rulebook", 0.1)])
def test_a_buffer_takes_the_top_off_the_swing(through_a_storm: BackTestHistory, model: str, share: float) -> None:
    """What is charged moves only where margin pushes it: up when it is above, down when it is a buffer below.

    So it is at its lowest one full buffer above the lowest margin, and at its highest at the highest margin, or at the
    first day's with the full buffer: the swing is never wider than without a buffer, whatever the path.
    """
    plain = through_a_storm.margins["historical-es"].sum(axis=1).tolist()
    charged = through_a_storm.margins[model].sum(axis=1).tolist()
    swing, swing_without = max(charged) / min(charged), max(plain) / min(plain)
    assert swing <= swing_without
    assert swing == pytest.approx(max(max(plain), (1 + share) * plain[0]) / ((1 + share) * min(plain)), rel=1e-5)
    assert swing < 0.95 * swing_without
    for calls in (1, 5):
        without, _ = call_by_loop(plain, calls)
        assert (call_by_loop(charged, calls)[0] or 0) <= (without or 0) + 10


# --- losses -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def losses(market: Market, span: list[date]) -> dict[str, list[int]]:
    own = span[4]
    history = past(singles(own), market, span[0], span[-1], own, ["historical-var"], rules())
    assert history.horizon == HORIZON
    return by_account(history, history.losses)


@pytest.mark.parametrize("account", [*PERIODS, "Z"])
def test_losses_are_a_revaluation_over_the_period_that_begins_on_the_day(
    losses: dict[str, list[int]], market: Market, span: list[date], account: str
) -> None:
    twin, expected = Twin(market, span[4]), []
    for day in span:
        row = _row(market, day)
        parts = [
            twin.losses({name: quantity}, day, [row + PERIODS[name]], PERIODS)[0]
            for name, quantity in held(SINGLES)[account].items()
        ]
        expected.append(round(math.fsum(parts) * 100))
    near(losses[account], expected)
    assert len({loss > 0 for loss in expected}) == 2 or account in ("CALL", "LAST", "Z")


def test_a_premium_styles_value_counts_and_a_variation_styles_does_not(
    market: Market, span: list[date], losses: dict[str, list[int]]
) -> None:
    """On a day after which nothing moves, a premium-style option costs what it is worth then: less, by its decay."""
    own = span[4]
    each = pl.col(market.factor_ids)
    still = pl.when(pl.col("date") > own).then(each.get(_row(market, own))).otherwise(each)
    flat = replace(market, levels=market.levels.with_columns(still.name.keep()))
    history = past(singles(own), flat, own, own, own, ["historical-var"], rules())
    found = by_account(history, history.losses)
    assert [found[name] for name in ("X", "Y", "FY", "FR")] == [[0]] * 4
    euro = market.levels.filter(date=own)["EUR/USD"][0]
    worth = 100 * 15.0 * 10 * 6.0 * euro
    assert 0.8 * worth < found["CALL"][0] < worth  # short: it owes what the option is still worth
    assert -0.1 * 100 * 64 * 10 * 2.2 * euro < found["PUT"][0] < 0  # short: it gains the decay of three days, no more


@pytest.mark.parametrize("instrument", ["X", "FY", "FR", "PUT"])
def test_a_jump_is_lost_by_those_whose_liquidation_period_holds_it(
    market: Market, span: list[date], instrument: str
) -> None:
    """All levels stand still but for one jump between two days: it reaches back as far as the period is long."""
    own, place = span[4], _row(market, span[8])
    number, each = pl.arange(pl.len()), pl.col(market.factor_ids)
    still = each.get(255) * pl.when(number >= place).then(1.1).otherwise(1.0)
    levels = market.levels.with_columns(pl.when(number < 255).then(each).otherwise(still).name.keep())
    the_book = book(own, [("t", instrument, 10.0)], {"t": ("T", "t", "house")})
    jumps = replace(market, levels=levels)
    history = past(the_book, jumps, span[0], span[-1], own, ["historical-var"], rules())
    lost = by_account(history, history.losses)["t"]
    # a put's time runs on its other days, and over the weekend by two days more: that is no jump
    far = [day for day, loss in zip(span, lost, strict=True) if abs(loss) > max(map(abs, lost)) / 2]
    assert far == span[8 - PERIODS[instrument] : 8]


def test_days_whose_liquidation_period_is_not_over_are_left_out(market: Market) -> None:
    days = market.dates
    for first in (days[-6], days[-4]):
        history = past(mixed(days[-1]), market, first, days[-1], days[-1], ["historical-var"], rules())
        assert (history.dates[0], history.dates[-1]) == (first, days[-1 - HORIZON])
        assert history.losses.shape == history.margins["historical-var"].shape == (len(history.dates), 9)
    with pytest.raises(InputError, match="days of the market's history were expected"):
        past(mixed(days[-1]), market, days[-3], days[-1], days[-1], ["historical-var"], rules())


# --- exceptions -------------------------------------------------------------------------------------------------------

Sample = list[tuple[int, int]]
"""Loss and margin of every day, in minor units."""


def light_by_hand(exceptions: int, observations: int, probability: Fraction) -> str:
    share = at_most(exceptions, observations, probability) if exceptions else Fraction(0)
    if share >= Fraction(9999, 10000):
        return "red"
    return "yellow" if share >= Fraction(95, 100) else "green"


def check_sample(row: Row, prefix: str, sample: Sample, probability: Fraction, unit: int) -> None:
    hits = [loss > margin for loss, margin in sample]
    over = [loss - margin for loss, margin in sample if loss > margin]
    number, chain = kupiec_by_hand(sum(hits), len(hits), probability), independence_by_hand(hits)
    expected: Row = {
        "observations": len(sample),
        "exceptions": len(over),
        "kupiec_p": chi2_one_beyond(max(number, 0.0)),
        "independence_p": chi2_one_beyond(max(chain, 0.0)),
        "combined_p": chi2_two_beyond(max(number + chain, 0.0)),
        "light": light_by_hand(len(over), len(hits), probability),
    }
    if not prefix:
        expected |= {
            "coverage": 1 - len(over) / len(hits),
            "kupiec": number,
            "independence": chain,
            "largest_breach": max(over, default=0) / unit,
            "average_breach": round(Fraction(sum(over), max(len(over), 1))) / unit,
        }
    for name, value in expected.items():
        near_enough = value if isinstance(value, str) else pytest.approx(value, rel=1e-7, abs=1e-6)
        assert row[prefix + name] == near_enough, (row["model"], row["id"], prefix + name)


def samples(margins: dict[str, list[int]], lost: dict[str, list[int]], phi: int) -> dict[tuple[str, str], Sample]:
    """Every account, pool and member: docs/reference/arithmetic.md, section 6, day by day and pool by pool."""
    accounts = AND_ONE_WITHOUT | {"Z": ("Z", "Z", "house")}
    found: dict[tuple[str, str], Sample] = {}
    for account in accounts:
        found["account", account] = list(zip(lost[account], margins[account], strict=True))
    houses, clients = {}, {}
    for account, (member, pool, kind) in accounts.items():
        place = houses if kind == "house" else clients
        place.setdefault(member, {}).setdefault(pool, []).append(account)
    for pools in (*houses.values(), *clients.values()):
        for pool, inside in pools.items():
            days = zip(*(found["account", account] for account in inside), strict=True)
            found["pool", pool] = [(sum(loss for loss, _ in day), sum(held for _, held in day)) for day in days]
    for member in houses:
        over = []
        for day in range(len(lost["Z"])):
            house = [found["pool", pool][day] for pool in houses[member]]
            client = [found["pool", pool][day] for pool in clients.get(member, {})]
            left = sum(held - loss for loss, held in house)
            short = sum(max(loss - held, 0) for loss, held in client)
            over.append((max(-left, 0) + max(short - phi * max(left, 0), 0), 0))
        found["member", member] = over
    return found


@pytest.fixture(scope="module")
def wild() -> Market:
    """Two months three times as wild as before: margins of a long look-back do not keep up, and exceptions come."""
    scale = np.ones(200)
    scale[140:] = 3.0
    return prices(days=200, seed=8, scale=scale)


def wild_history(wild: Market, rulebook: Rulebook) -> BackTestHistory:
    days = wild.dates
    there = book(days[150], MIXED, AND_ONE_WITHOUT)
    return past(there, wild, days[141], days[180], days[150], ["historical-var", "filtered"], rulebook)


@pytest.mark.parametrize("digits", [2, 0])
@pytest.mark.parametrize("pays", [True, False])
def test_exceptions_of_accounts_pools_members_and_the_book(wild: Market, pays: bool, digits: int) -> None:
    history = wild_history(wild, rules(stress={"house_surplus_covers_clients": pays}, digits=digits))
    table = exceptions_table(history)
    TESTED.schemas["backtest"].validate(table)
    rows = {(row["model"], row["level"], row["id"]): row for row in table.to_dicts()}
    assert len(rows) == table.height
    assert list(rows) == sorted(rows)
    seen, unit = 0, 10**digits
    for model, by_day in history.margins.items():
        margins, lost = by_account(history, by_day), by_account(history, history.losses)
        every = samples(margins, lost, int(pays))
        assert every.keys() > EMPTY
        expected = {place: sample for place, sample in every.items() if place not in EMPTY}
        named = {(level, name) for one, level, name in rows if one == model}
        assert named == {*expected, ("book", "all accounts")}
        for (level, name), sample in expected.items():
            row = rows[model, level, name]
            check_sample(row, "", sample, Fraction(1, 10), unit)
            check_sample(row, "apart_", sample[::HORIZON], Fraction(1, 10), unit)
            assert row["p_values_hold"] is False
            seen += int(row["exceptions"])
        over = [loss - held for account in margins for loss, held in every["account", account] if loss > held]
        book_row = rows[model, "book", "all accounts"]
        assert book_row["exceptions"] == len(over) > 0
        positions = history.case.book.positions
        tried = positions.filter(pl.col("quantity") != 0)["account_id"].n_unique() * len(history.dates)
        assert book_row["observations"] == tried < 9 * len(history.dates)
        assert book_row["coverage"] == pytest.approx(1 - len(over) / tried)
        assert book_row["largest_breach"] == max(over) / unit
        assert book_row["average_breach"] == round(Fraction(sum(over), len(over))) / unit
        assert book_row["p_values_hold"] is False
        tests = ("kupiec", "kupiec_p", "independence", "independence_p", "combined_p", "light")
        assert {book_row[name] for name in (*tests, *(n for n in table.columns if n.startswith("apart_")))} == {None}
    assert seen > 100
    assert len(set(table["light"])) > 2


def test_house_surplus_pays_for_clients_where_the_rulebook_lets_it(wild: Market) -> None:
    found = {}
    for pays in (True, False):
        table = exceptions_table(wild_history(wild, rules(stress={"house_surplus_covers_clients": pays})))
        found[pays] = table.filter(level="member", model="historical-var").sort("id")
        apart = table.filter(pl.col("level") != "member")
        found[pays, "rest"] = apart
    assert found[True, "rest"].equals(found[False, "rest"])
    less, more = found[True]["exceptions"].to_list(), found[False]["exceptions"].to_list()
    assert less[:2] < more[:2]
    assert all(paid <= unpaid for paid, unpaid in zip(less, more, strict=True))
    assert less[2] == more[2]  # Z has no clients


def test_p_values_hold_where_windows_do_not_overlap(wild: Market) -> None:
    """With a day to close out, every window is apart from the next and both samples are the same."""
    table = exceptions_table(wild_history(wild, rules(alone(liquidation_days=1))))
    tests = table.filter(pl.col("level") != "book")
    assert tests["p_values_hold"].all()
    assert not table.filter(level="book")["p_values_hold"].any()
    names = ("observations", "exceptions", "kupiec_p", "independence_p", "combined_p", "light")
    for name in names:
        assert tests[f"apart_{name}"].to_list() == tests[name].to_list()
    assert not exceptions_table(wild_history(wild, rules(alone(liquidation_days=2))))["p_values_hold"].any()


def test_windows_apart_begin_on_the_first_day(wild: Market) -> None:
    """Ten days and a period of three: days 1, 4, 7 and 10."""
    days = wild.dates
    history = past(mixed(days[150]), wild, days[160], days[169], days[150], ["historical-var"], rules())
    assert set(exceptions_table(history).filter(pl.col("level") != "book")["apart_observations"]) == {4.0}


# --- procyclicality and the step --------------------------------------------------------------------------------------


def test_the_tables_of_a_run(every_model: BackTestHistory, market: Market, span: list[date], short_year: None) -> None:
    """Totals by day are those of the accounts, and what is said of their moves follows from them alone."""
    seen: list[tuple[int, int]] = []
    done = ccp.backtest(
        mixed(span[4]), span[0], span[-1], rules(), None, span[4], market, lambda *counts: seen.append(counts)
    )
    assert set(done.tables) == set(TESTED.tables)
    for name, schema in TESTED.schemas.items():
        schema.validate(done.tables[name])
    assert done.tables["backtest"].equals(exceptions_table(every_model))
    margins = done.tables["margins"]
    moves = {row["model"]: row for row in done.tables["procyclicality"].to_dicts()}
    assert set(moves) == set(margins["model"]) == {"rulebook", *MODELS}
    for model, row in moves.items():
        series = margins.filter(model=model)
        assert series["date"].to_list() == span
        totals = [round(100 * amount) for amount in series["margin"]]
        assert totals == every_model.margins[model].sum(axis=1).tolist()
        assert row["mean_margin"] == round(Fraction(sum(totals), len(totals))) / 100
        assert row["peak_to_trough"] == pytest.approx(max(totals) / min(totals), rel=1e-12)
        assert row["deviation"] == pytest.approx(deviation_by_loop(totals), rel=1e-9)
        for days in (1, 5, 20):
            amount, share = call_by_loop(totals, days)
            assert row[f"call_{days}"] == (None if amount is None else amount / 100)
            assert row[f"call_{days}_share"] == (None if share is None else pytest.approx(float(share), rel=1e-12))
        assert row["call_20"] is None
    assert seen == [(count, 11 * len(span)) for count in range(1, 11 * len(span) + 1)]
    run = done.manifest["run"]
    assert (run["from"], run["to"], run["book_date"]) == tuple(str(day) for day in (span[0], span[-1], span[4]))
    assert (run["days"], run["horizon"], run["modelled_factors"]) == (len(span), HORIZON, [])
    assert set(run["models"]) == set(moves)


def test_the_stepping_market_doubles_its_volatility_on_the_day() -> None:
    market = step.stepping_market(3000, 3000)
    path = market.levels["X"].to_list()
    changes = [math.log(after / before) for before, after in pairwise(path)]  # number i ends on row i + 1
    assert np.std(changes[:2999]) == pytest.approx(0.01, rel=0.05)
    assert np.std(changes[2999:]) == pytest.approx(0.02, rel=0.05)
    longer = step.stepping_market(3100, 3000).levels["X"].to_list()[100:]  # counted from the step, both ways
    assert [math.log(after / before) for before, after in pairwise(longer)] == pytest.approx(changes, abs=1e-12)


def steps(margin: Row, models: list[str] | None = None) -> dict[str, StepResponse]:
    rulebook = rules(margin)
    return step.step_responses(margin_models(rulebook.margin, models), rulebook)


def test_the_answer_to_a_step_is_that_of_a_long_and_a_short() -> None:
    """Value at risk by a loop over the invented returns: the history ends the day before the step."""
    lookback, days = 60, 2
    found = steps(alone(lookback_days=lookback, confidence=0.95), ["historical-var"])["historical-var"]
    before = lookback + days
    path = step.stepping_market(before, 250).levels["X"].to_list()
    totals = []
    for row in range(before - 1, before + 250):
        ends = range(row - lookback + 1, row + 1)
        gains = [step.UNITS * 100.0 * (path[end] / path[end - days] - 1) for end in ends]
        sides = [[-gain for gain in gains], gains]
        totals.append(sum(plain_tail(side, Fraction(95, 100), "value_at_risk", "floor_plus_one") for side in sides))
    assert len(totals) == 251
    expected = step_by_loop(totals, 1)
    assert abs(found.before - expected.before) <= 2
    assert abs(found.eventual - expected.eventual) <= 2
    assert found.reached == pytest.approx(expected.reached, abs=1e-6)
    assert found.days_to_most == expected.days_to_most
    assert found.overshoot == pytest.approx(expected.overshoot, rel=1e-8)
    assert found.eventual > 1.5 * found.before


def test_filtered_margin_answers_a_step_sooner_than_historical() -> None:
    """Scaled returns know the new volatility after weeks; unscaled ones have to wait until bad days have come in."""
    found = steps(alone(lookback_days=250, confidence=0.99), ["historical-es", "filtered", "filtered-mid"])
    historical, full, mid = (found[name] for name in ("historical-es", "filtered", "filtered-mid"))
    assert full.reached[20] is not None
    assert mid.reached[20] is not None
    assert historical.reached[20] is not None
    assert full.reached[20] > mid.reached[20] > historical.reached[20]
    assert full.days_to_most is not None
    assert mid.days_to_most is not None
    assert historical.days_to_most is not None
    assert full.days_to_most < mid.days_to_most < historical.days_to_most


def test_a_buffer_answers_a_step_by_the_recursion() -> None:
    """Before the step the buffer is full; each day's margin is that of the plain model with what is left of it."""
    found = steps(alone(**SHORTFALL), ["historical-es", "buffer"])
    before = LOOKBACK + 2
    path = step.stepping_market(before, 250).levels["X"].to_list()
    totals = []
    for row in range(before - 1, before + 250):
        gains = [step.UNITS * 100.0 * (path[end] / path[end - 2] - 1) for end in range(row - LOOKBACK + 1, row + 1)]
        sides = [[-gain for gain in gains], gains]
        totals.append(sum(plain_tail(s, Fraction(9, 10), "expected_shortfall", "floor_plus_one") for s in sides))
    left = buffer_by_hand(totals, Fraction(1, 4))
    charged = [round(total * (1 + share)) for total, share in zip(totals, left, strict=True)]
    for model, series in (("historical-es", totals), ("buffer", charged)):
        expected = step_response(np.array(series), 1)
        assert found[model].reached == pytest.approx(expected.reached, abs=1e-5)
        assert (found[model].days_to_most, found[model].overshoot) == (
            expected.days_to_most,
            pytest.approx(expected.overshoot, rel=1e-5),
        )
    assert found["buffer"].days_to_most != found["historical-es"].days_to_most


def test_the_answer_to_a_step_is_in_the_table_and_the_book_has_no_say_in_it(wild: Market) -> None:
    days, own = wild.dates, wild.dates[150]
    margin = alone(liquidation_days=1)
    found = []
    for the_book in (mixed(own), singles(own)):
        done = ccp.backtest(the_book, days[150], days[152], rules(margin), ["historical-var"], own, wild)
        found.append(done.tables["procyclicality"].select(pl.col("^step_.*$")).row(0, named=True))
    answer = steps(margin, ["historical-var"])["historical-var"]
    reached = {f"step_{number}": answer.reached[number] for number in (1, 5, 20)}
    assert found[0] == reached | {"step_days": answer.days_to_most, "step_overshoot": answer.overshoot}
    assert found[1] == found[0]


def test_a_dated_stress_period_answers_a_step_as_the_most_severe_days_do(short_year: None) -> None:
    """The invented history has no dates that a rulebook could mean."""
    dated = {"from": date(2008, 9, 1), "to": date(2009, 3, 31)}
    periods = (dated, {"days": 250}, {"days": 100})
    answers = [steps(alone(stress_period={"weight": 0.5, **period}), ["rulebook"]) for period in periods]
    assert answers[0] == answers[1]
    assert answers[1] != answers[2]


def test_a_models_answer_to_a_step_does_not_depend_on_what_it_is_set_beside() -> None:
    """step.py: `before` is the longest history of the models asked for. backtests.md: always the same returns."""
    beside = steps(alone(), ["historical-var", "filtered"])["historical-var"]
    assert beside == steps(alone(), ["historical-var"])["historical-var"]


# --- what is refused --------------------------------------------------------------------------------------------------


def test_the_name_of_the_function_stays_that_of_the_function() -> None:
    """Nothing that is imported on the way may put something else in its place."""
    assert callable(ccp.backtest)
    assert callable(ccp.backtest)


def test_the_first_day_that_is_refused_names_the_first_that_is_not(market: Market) -> None:
    """40 returns over at most 3 days need 43 rows, and the filter 75 more."""
    days, own = market.dates, market.dates[-1]
    for models, rows in ((["historical-var"], 43), (["historical-var", "filtered"], 118)):
        with pytest.raises(InputError, match=f"{days[rows - 1]} or later was expected"):
            past(mixed(own), market, days[rows - 2], days[rows + 2], own, models, rules())
        history = past(mixed(own), market, days[rows - 1], days[rows + 2], own, models, rules())
        assert history.dates == days[rows - 1 : rows + 3]


def test_a_market_shorter_than_any_day_of_a_model_is_refused() -> None:
    """The rulebook's own model has enough, so that the book is sound; the filter asks for more rows than there are."""
    short = prices(days=100)
    with pytest.raises(InputError):
        past(mixed(short.dates[-1]), short, short.dates[60], short.dates[70], short.dates[-1], ["filtered"], rules())


def test_no_model_at_all_is_refused(market: Market, span: list[date]) -> None:
    with pytest.raises(InputError, match="at least one model was expected"):
        ccp.backtest(mixed(span[4]), span[0], span[-1], rules(), [], span[4], market)


@pytest.mark.parametrize("factor", ["X", "X.VOL", "R", "EUR/USD"])
@pytest.mark.parametrize(("place", "said"), [(150, "none on"), (181, "in the days after"), (200, None), (103, None)])
def test_a_factor_without_a_value_where_one_is_needed(factor: str, place: int, said: str | None) -> None:
    """The span is days 165 to 180, so margins need rows from 123 on and losses those up to 183."""
    sound = prices(days=260)
    days = sound.dates
    value = pl.when(pl.col("date") == days[place]).then(None).otherwise(pl.col(factor))
    gap = replace(sound, levels=sound.levels.with_columns(value.alias(factor)))
    days_after = 1 if factor == "R" else 3
    last = days[181 - days_after] if place == 181 else days[180]
    call = (mixed(days[-1]), gap, days[165], last, days[-1], ["historical-var"], rules())
    if said is None:
        assert len(past(*call).dates) == 16
        return
    with pytest.raises(InputError, match=said) as refused:
        past(*call)
    assert str(days[place] if place == 150 else last) in refused.value.message


# --- the command ------------------------------------------------------------------------------------------------------


def call(*arguments: str | Path, width: int = 100) -> Any:
    return CliRunner(env={"COLUMNS": str(width), "NO_COLOR": "1"}).invoke(app, [str(part) for part in arguments])


@dataclass(frozen=True)
class Files:
    """A book, a market and a rulebook as files."""

    folder: Path
    market: Market

    def call(self, out: str = "run", width: int = 100, **options: Any) -> Any:
        days = self.market.dates
        stated = {"from": days[150], "to": days[160], "market": "market", "rulebook": "rules.yaml"}
        words: list[str] = []
        for name, value in (stated | {"models": "historical-var,buffer"} | options).items():
            if value is not None:
                words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        return call("backtest", "book", "--out", out, *words, width=width)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wild: Market, short_year: None) -> Files:
    folder = tmp_path / "files"
    (folder / "book").mkdir(parents=True)
    (folder / "market").mkdir()
    large = [(account, instrument, 10_000 * quantity) for account, instrument, quantity in MIXED]
    tables = book(wild.dates[-1], large, MIXED_ACCOUNTS)
    for name in ("members", "accounts", "positions", "instruments"):
        getattr(tables, name).write_parquet(folder / "book" / f"{name}.parquet")
    wild.levels.write_csv(folder / "market" / "prices.csv")
    wild.factors.write_csv(folder / "market" / "factors.csv")
    YAML().dump(rules().model_dump(mode="json", by_alias=True, exclude_unset=True), folder / "rules.yaml")
    monkeypatch.chdir(folder)
    return Files(folder, wild)


def test_the_command_has_help_with_an_example() -> None:
    found = call("backtest", "--help")
    assert found.exit_code == 0
    assert "Example: ccp backtest" in " ".join(found.output.split())


def test_files_are_written_in_their_schemas_and_are_what_the_function_finds(files: Files) -> None:
    found = files.call()
    assert found.exit_code == 0, found.output
    out = files.folder / "run"
    assert {path.name for path in out.iterdir()} == {f"{name}.parquet" for name in TESTED.tables} | {"manifest.json"}
    days = files.market.dates
    done = ccp.backtest("book", days[150], days[160], "rules.yaml", ["historical-var", "buffer"], None, "market")
    for name, schema in TESTED.schemas.items():
        table = schema.validate(pl.read_parquet(out / f"{name}.parquet"))
        assert table.equals(done.tables[name])
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest == json.loads(json.dumps(done.manifest, default=str))
    assert manifest["made_by"] == "ccp backtest"
    assert {"book/positions", "market/prices", "market/factors", "rulebook"} <= set(manifest["inputs"])
    assert list(manifest["run"]["models"]) == ["historical-var", "buffer"]
    assert (manifest["run"]["from"], manifest["run"]["book_date"]) == (str(days[150]), str(days[-1]))
    assert {path.name for path in files.folder.iterdir()} == {"book", "market", "rules.yaml", "run"}


def test_two_runs_have_the_same_bytes_whatever_the_threads(files: Files) -> None:
    assert files.call("one", threads=1, quiet=True).output == ""
    assert files.call("two", threads=2, models="buffer, historical-var").exit_code == 0
    use_threads(1)
    for path in (files.folder / "one").iterdir():
        assert path.read_bytes() == (files.folder / "two" / path.name).read_bytes(), path.name


def test_json_is_one_document_with_the_book_and_what_moved(files: Files) -> None:
    found = files.call(json=True, quiet=True)
    document = json.loads(found.stdout)
    table = pl.read_parquet(files.folder / "run" / "backtest.parquet")
    assert document["book"] == table.filter(level="book").to_dicts()
    moves = pl.read_parquet(files.folder / "run" / "procyclicality.parquet")
    assert document["procyclicality"] == moves.to_dicts()
    assert [row["model"] for row in document["procyclicality"]] == ["historical-var", "buffer"]


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_fits_the_terminal(files: Files, width: int) -> None:
    found = files.call(width=width, models=None)
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert max(len(line) for line in lines) <= width
    assert "…" not in found.stdout  # nothing was cut off to make it fit
    for part in (
        "Exceptions at a confidence of 0.9",
        "windows of 3 days overlap",
        "mean in USD m",
        "largest, USD m",
        "peak/trough",
    ):
        assert part in found.stdout
    for model in ("rulebook", *MODELS):
        assert sum(line.split()[:1] == [model] for line in lines) == 2  # a line of exceptions and one of moves


def test_the_summary_counts_what_the_table_holds(files: Files) -> None:
    found = files.call(models="historical-var")
    table = pl.read_parquet(files.folder / "run" / "backtest.parquet").filter(model="historical-var")
    whole = table.filter(level="book").row(0, named=True)
    pools = table.filter(level="pool").to_dicts()
    rejected = sum(pool["apart_kupiec_p"] < 0.05 for pool in pools)
    lights = [sum(pool["apart_light"] == light for pool in pools) for light in ("yellow", "red")]
    first, second = (line.split() for line in found.stdout.splitlines() if line.startswith("historical-var"))
    assert first == [
        "historical-var",
        f"{100 * whole['coverage']:.2f}%",
        str(int(whole["exceptions"])),
        f"{whole['largest_breach'] / 1e6:,.2f}",
        *map(str, (rejected, *lights)),
    ]
    assert f"of {len(pools)} pools" in found.stdout
    moves = pl.read_parquet(files.folder / "run" / "procyclicality.parquet").row(0, named=True)
    assert second[1:4] == [
        f"{moves['mean_margin'] / 1e6:,.2f}",
        f"{moves['peak_to_trough']:.2f}",
        f"{100 * moves['call_1_share']:.1f}%",
    ]


def test_a_run_of_one_day_periods_says_nothing_of_overlap(files: Files) -> None:
    document = rules(alone(liquidation_days=1)).model_dump(mode="json", by_alias=True, exclude_unset=True)
    YAML().dump(document, files.folder / "rules.yaml")
    found = files.call()
    assert found.exit_code == 0, found.output
    assert "overlap" not in found.stdout


REFUSED: list[tuple[Row, list[str]]] = [
    ({"models": "historical-var,best"}, ["--models", "best", "no such model", "filtered-mid", "stress-sample"]),
    ({"models": " , "}, ["--models", "at least one model was expected", "historical-var"]),
    ({"from": "2020-13-01"}, ["--from", "2020-13-01", "YYYY-MM-DD"]),
    ({"to": "soon"}, ["--to", "soon", "YYYY-MM-DD"]),
    ({"book_date": "yesterday"}, ["--book-date", "yesterday"]),
    ({"from": "2020-09-02", "to": "2020-09-01"}, ["--from", "2020-09-02", "not after 2020-09-01"]),
    ({"from": "2021-09-02", "to": "2021-09-10"}, ["days of the market's history were expected", "2020-01-01"]),
    ({"from": "2020-09-05", "to": "2020-09-06"}, ["days of the market's history were expected"]),  # a weekend
    ({"book_date": "2020-09-05"}, ["2020-09-05", "a day of the market's history was expected"]),
    ({"book_date": "2020-01-31"}, ["a value on each of the latest 43 days was expected"]),
    ({"from": "2020-02-10"}, ["the models need 43 days", "2020-02-28 or later was expected"]),
    ({"rulebook": "none.yaml"}, ["none.yaml"]),
    ({"market": "none"}, ["none"]),
    ({"threads": 0}, ["--threads"]),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_bad_input_is_one_message_and_nothing_is_written(files: Files, options: Row, said: list[str]) -> None:
    found = files.call(**options)
    assert found.exit_code == 2, found.output
    for part in said:
        assert part in " ".join(found.stderr.split()), found.stderr
    assert found.stdout == ""
    assert {path.name for path in files.folder.iterdir()} == {"book", "market", "rules.yaml"}


def test_bad_input_in_json(files: Files) -> None:
    found = files.call(json=True, quiet=True, models="best")
    assert found.exit_code == 2
    assert json.loads(found.stdout)["problems"][0]["value"] == "best"


def test_a_directory_in_use_is_left_alone(files: Files) -> None:
    (files.folder / "run").mkdir()
    (files.folder / "run" / "mine.txt").write_text("mine")
    for overwrite in (None, True):
        found = files.call(overwrite=overwrite)
        assert found.exit_code == 2, found.output
        assert [path.name for path in (files.folder / "run").iterdir()] == ["mine.txt"]
    assert files.call("rules.yaml").exit_code == 2
    assert (files.folder / "rules.yaml").is_file()
    found = files.call(market="none")  # said at once, before anything else is looked at
    assert "not empty" in found.stderr


def test_an_earlier_run_is_replaced_when_asked(files: Files) -> None:
    assert files.call(models="historical-var").exit_code == 0
    before = (files.folder / "run" / "manifest.json").read_bytes()
    found = files.call()
    assert found.exit_code == 2
    assert "not empty" in found.stderr
    assert (files.folder / "run" / "manifest.json").read_bytes() == before
    assert files.call(overwrite=True, models="best").exit_code == 2
    assert (files.folder / "run" / "manifest.json").read_bytes() == before
    assert files.call(overwrite=True).exit_code == 0
    assert set(pl.read_parquet(files.folder / "run" / "margins.parquet")["model"]) == {"historical-var", "buffer"}
    assert {path.name for path in files.folder.iterdir()} == {"book", "market", "rules.yaml", "run"}
