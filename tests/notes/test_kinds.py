"""Every kind of note: a small book that raises it, with its place and size worked out by hand, and a neighbour of that
book that does not. A kind without a case here fails the last test."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest
from support.changed_runs import changes
from support.small_books import book, market, rulebook

import ccp
from ccp.backtesting.history import run_history
from ccp.backtesting.notes import back_test_notes
from ccp.book.book import Book
from ccp.frames import Factors
from ccp.market.case import open_case
from ccp.market.history import Market
from ccp.notes.kinds import KINDS, ROWS
from ccp.notes.note import Note, first_of_each, note, notes_of, worst_of
from ccp.rulebook.rulebook import Rulebook
from ccp.settlement.notes import far_prices, run_notes
from ccp.settlement.opening import RunRequest, open_run
from ccp.sizing.cover import Cover
from ccp.sizing.notes import unproved_notes
from ccp.stress.measure import Measured
from ccp.stress.windows import LeftOpen

ACCOUNTS = {"a": ("A", "a", "house"), "b": ("B", "b", "house")}
HOLDING = [("a", "X", 1000.0), ("b", "Y", -500.0), ("b", "FX", 20.0)]
BOOK = book(HOLDING, ACCOUNTS)
"""Members A, B and DEALER; X, Y in dollars, FX a future on X in euro."""
MARKET = market()
"""130 weekdays, 2024-01-01 to 2024-06-28."""
DAYS = len(MARKET.dates)
GAPS: dict[str, Any] = {
    "hypothetical": [{"ladder": "market_gaps", "sizes": [0.2, 0.5]}, {"ladder": "currency_gaps", "sizes": [0.1]}]
}
"""Six scenarios that move every factor."""
TIERS = ["defaulter_margin", "defaulter_fund"]


def of_columns(which: Book, **columns: list[Any]) -> Book:
    """The book with columns of its instruments X, Y and FX changed."""
    table = which.instruments.with_columns(pl.Series(name, values) for name, values in columns.items())
    return replace(which, instruments=table)


def searched(most_sets: int) -> list[Note]:
    """Notes on cover-2 of three members who are long of one stock that sells slowly, and the dealer."""
    accounts = ACCOUNTS | {"c": ("C", "c", "house")}
    which = book([("a", "X", 5000.0), ("b", "X", 4000.0), ("c", "X", 3000.0)], accounts)
    stress = {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.5]}], "most_sets": most_sets}
    document = rulebook(stress=stress).model_dump(mode="json", by_alias=True)
    rules = Rulebook.model_validate(document | {"close_out": {"method": "gradual", "holding": 2.33}})
    notes = ccp.size(of_columns(which, average_daily_volume=[1000.0] * 3), rules, MARKET).notes
    return [one for one in notes if one.id != "not_proved" or one.sentence.startswith("cover-2 ")]


def left_out(most: int) -> list[Note]:
    """Notes on cover-2 of 100 cents, that may be as much as `most` in three of forty windows that were left out."""
    book_in_windows = SimpleNamespace(scenarios=SimpleNamespace(labels=[]), screened=SimpleNamespace(count=40))
    cover = Cover(100, 0, [0, 1], 100).raised(LeftOpen(most, 3))
    return list(unproved_notes({"cover-2": cover}, cast(Measured, book_in_windows), 2))


def of_members(**columns: list[Any]) -> Book:
    """The book with columns of its members A, B and DEALER changed."""
    return replace(BOOK, members=BOOK.members.with_columns(pl.Series(name, values) for name, values in columns.items()))


def without_euro() -> Book:
    """The book without its future in euro."""
    kept = pl.col("instrument_id") != "FX"
    return replace(BOOK, instruments=BOOK.instruments.filter(kept), positions=BOOK.positions.filter(kept))


def with_option(price: float, **stated: Any) -> Book:
    """The book with a call O on X, in dollars, struck at 50, that expires in three weeks."""
    row = {
        "instrument_id": "O",
        "kind": "option",
        "factor_id": "X",
        "currency": "USD",
        "multiplier": 1.0,
        "strike": 50.0,
    }
    row |= {"price": price, "right": "call", "style": "premium", "expiry": date(2024, 7, 19)}
    row |= {"forward": 100.0, "discount_rate": 0.0, **stated}
    added = pl.DataFrame([row]).cast({name: BOOK.instruments.schema[name] for name in row})  # type: ignore[arg-type]
    held = pl.DataFrame({"account_id": ["a", "b"], "instrument_id": ["O", "O"], "quantity": [1.0, -1.0]})
    tables = {
        name: pl.concat([table, more], how="diagonal")
        for name, table, more in (("instruments", BOOK.instruments, added), ("positions", BOOK.positions, held))
    }
    return replace(BOOK, **tables)


def lacking(rows: slice | list[int], name: str = "Y", whole: Market = MARKET) -> Market:
    """The market without values of a factor on some rows."""
    chosen = pl.Series(range(DAYS)).to_list()[rows] if isinstance(rows, slice) else rows
    gone = pl.Series([row in chosen for row in range(DAYS)])
    return replace(whole, levels=whole.levels.with_columns(pl.when(~gone).then(pl.col(name)).alias(name)))


def as_x(whole: Market) -> Market:
    """The market with X as the proxy of Y."""
    proxy = pl.when(pl.col("factor_id") == "Y").then(pl.lit("X"))
    return replace(whole, factors=whole.factors.with_columns(proxy=proxy))


def without_rows(first: int, last: int) -> Market:
    """The market without its rows from one to another, counted from 0, the last not included."""
    return replace(MARKET, levels=pl.concat([MARKET.levels[:first], MARKET.levels[last:]]))


def classed(*classes: str | None) -> Market:
    """The market with asset classes of X, Y and EUR/USD."""
    return replace(MARKET, factors=MARKET.factors.with_columns(pl.Series("asset_class", classes, dtype=pl.String)))


def curve(*tenors: float | None) -> Market:
    """The market with X and Y as rates of some tenors."""
    factors = classed("rate", "rate", None).factors
    return replace(MARKET, factors=factors.with_columns(tenor_years=pl.Series([*tenors, None], dtype=pl.Float64)))


def in_percent(rates: Market) -> Market:
    """The market whose rates say their unit."""
    return replace(rates, factors=rates.factors.with_columns(rate_unit=pl.Series(["percent", "percent", None])))


def fallen(tmp: Path, points: float, **volatility: float) -> list[Note]:
    """Notes on a book with an option on X, which moves by differences, in one scenario in which it falls."""
    changes = MARKET.factors.with_columns(
        change=pl.Series(["absolute", "relative", "relative"], dtype=MARKET.factors.schema["change"])
    )
    file = tmp / "shocks.csv"
    rows = ["scenario_id,factor_id,kind,shock", f"fall,X,absolute,{-points}", "fall,Y,relative,-0.1"]
    file.write_text("\n".join(rows) + "\n")
    book = with_option(50.0, **(volatility or {"implied_volatility": 0.01}))
    return sized(book, replace(MARKET, factors=changes), file)


def test_an_option_of_the_normal_model_has_a_volatility_below_zero_too(tmp_path: Path) -> None:
    assert "option_below_zero" not in {one.id for one in fallen(tmp_path, 150.0, normal_volatility=9.0)}
    assert "option_below_zero" in {one.id for one in fallen(tmp_path, 150.0, implied_volatility=0.2)}


def with_volatility(own: bool) -> Market:
    """400 days, and where it is the market's own a volatility of X."""
    longer = market(days=400)
    if not own:
        return longer
    row = pl.DataFrame(
        {"factor_id": ["X.VOL"], "change": ["relative"], "asset_class": ["volatility"], "sector": [None]}
    )
    row = row.cast({"change": Factors.create_empty().schema["change"], "sector": pl.String})  # type: ignore[arg-type]
    levels = longer.levels.with_columns(pl.Series("X.VOL", [0.2 + 0.001 * (n % 7) for n in range(400)]))
    return Market(levels, pl.concat([longer.factors, row]), {})


def alternating() -> Market:
    """X goes up and down by 1 % day by day, Y by 2 %: the root mean square of their returns."""
    steps = pl.Series([1.0, -1.0] * (DAYS // 2))
    paths = {
        name: level * (1 + size * steps).cum_prod() for name, level, size in (("X", 100.0, 0.01), ("Y", 50.0, 0.02))
    }
    return replace(MARKET, levels=MARKET.levels.with_columns(**paths))


def scaled(prices: Market, size: float) -> Market:
    """The market with X at another scale."""
    return replace(prices, levels=prices.levels.with_columns(pl.col("X") * size))


def by_differences(prices: Market) -> Market:
    """The market with X moving by differences."""
    kinds = pl.Series(["absolute", "relative", "relative"], dtype=prices.factors.schema["change"])
    return replace(prices, factors=prices.factors.with_columns(change=kinds))


def around_zero() -> Market:
    """As `alternating`, but X by differences between 10.5 and 0.5, where it is now."""
    levels = pl.Series([10.5, 0.5] * (DAYS // 2))
    return by_differences(replace(MARKET, levels=alternating().levels.with_columns(X=levels)))


WIDE: dict[str, Any] = {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.9], "level_floor": 3}]}
"""A gap of 0.9 of three times the usual level."""


def checked(which: Book = BOOK, prices: Market = MARKET, **rules: Any) -> list[Note]:
    return ccp.check(which, rulebook(**rules), prices).notes


def sized(which: Book = BOOK, prices: Market = MARKET, scenarios: Path | None = None, **rules: Any) -> list[Note]:
    return ccp.size(which, rulebook(**({"stress": GAPS} | rules)), prices, scenarios).notes


def run_of(
    last: date = date(2024, 6, 28), which: Book = BOOK, first: date = date(2024, 6, 10), **rules: Any
) -> list[Note]:
    """Notes on a run of days, as its first day knows it."""
    request = RunRequest(first, last)
    return run_notes(open_run(which, MARKET, rulebook(**rules), request), request)


def back_tested(last: date, confidence: float = 0.99) -> list[Note]:
    """Notes on a back test of the rulebook's own model from Monday 2024-06-17 on, over windows of two days."""
    rules = rulebook(margin={"lookback_days": 50, "confidence": confidence})
    case, models = open_case(BOOK, MARKET, rules), {"rulebook": rules.margin}
    first = date(2024, 6, 17)
    return back_test_notes(run_history(case, MARKET, models, first, last, None), MARKET, models, (first, last))


def simulated(out: Path, default: date) -> list[Note]:
    """Notes on a run in which B defaults, whose book takes five days to sell."""
    document = rulebook(margin={"liquidation_days": 5, "lookback_days": 50}).model_dump(mode="json", by_alias=True)
    rules = Rulebook.model_validate(document | {"close_out": {"method": "gradual"}})
    request = RunRequest(date(2024, 6, 17), date(2024, 6, 28), defaults=(("B", default),))
    return ccp.simulate(BOOK, out, request, rules, MARKET).notes


def what_if(out: Path, trades: list[tuple[str, float]]) -> list[Note]:
    """Notes on the book after trades in X, by account."""
    if not out.exists():
        ccp.size(BOOK, rulebook(stress=GAPS), MARKET, base=True).write(out)
    rows = [{"account_id": name, "instrument_id": "X", "quantity": quantity} for name, quantity in trades]
    return ccp.what_if(out, changes(trades=rows)).notes


def compared(fund: float | None) -> list[Note]:
    return ccp.compare([rulebook()], fund).notes


def figures(value: float) -> list[Note]:
    """A tranche of own capital of which no source was found."""
    document = rulebook(tiers=[*TIERS, {"ccp_capital": {"amount": value}}]).model_dump(mode="json", by_alias=True)
    figure = {"path": "tiers.2.amount", "value": value, "assumed": True, "reason": "no source was found"}
    return ccp.check(BOOK, Rulebook.model_validate(document | {"figures": [figure]}), MARKET).notes


def shocks(tmp: Path, **moved: float) -> Path:
    """A file with a scenario of its own for every factor, that moves it."""
    file = tmp / "shocks.csv"
    rows = [f"{name} alone,{name},relative,{size}" for name, size in moved.items()]
    file.write_text("\n".join(["scenario_id,factor_id,kind,shock", *rows]) + "\n")
    return file


def with_another() -> Market:
    """The market with a factor Z that no book needs."""
    row = pl.DataFrame({"factor_id": ["Z"], "change": ["relative"], "asset_class": ["equity"], "sector": ["s"]})
    row = row.cast({"change": Factors.create_empty().schema["change"]})  # type: ignore[arg-type]
    return Market(MARKET.levels.with_columns(Z=pl.lit(1.0)), pl.concat([MARKET.factors, row]), {})


def of_collateral(stress: str, tmp: Path) -> list[Note]:
    """A's pool holds 300 in a security that moves with Y, and 700 in cash; the scenarios move X alone."""
    lines = {"pool_id": ["a", "a"], "asset_id": ["bond", "cash"], "market_value": [300.0, 700.0], "haircut": [0.0, 0.0]}
    typed = book(HOLDING, ACCOUNTS, collateral={"a": 1.0}).collateral
    assert typed is not None
    table = pl.DataFrame(lines | {"factor_id": ["Y", None]})
    table = pl.concat([typed.clear(), table], how="diagonal_relaxed").cast(typed.schema)  # type: ignore[arg-type]
    document = rulebook().model_dump(mode="json", by_alias=True) | {"collateral": {"stress": stress}}
    rules = Rulebook.model_validate(document)
    return ccp.size(replace(BOOK, collateral=table), rules, MARKET, shocks(tmp, X=-0.2)).notes


def with_limits(**collateral: Any) -> list[Note]:
    """A's pool holds 600 in bonds of A's own group and 400 in cash; haircuts are nothing."""
    typed = book(HOLDING, ACCOUNTS, collateral={"a": 1.0}).collateral
    assert typed is not None
    lines = {"pool_id": ["a", "a"], "asset_id": ["bond", "cash"], "market_value": [600.0, 400.0], "haircut": [0.0, 0.0]}
    table = pl.DataFrame(lines | {"factor_id": ["Y", None], "issuer_id": [collateral.pop("issuer"), None]})
    table = pl.concat([typed.clear(), table], how="diagonal_relaxed").cast(typed.schema)  # type: ignore[arg-type]
    document = rulebook().model_dump(mode="json", by_alias=True) | {"collateral": collateral}
    return ccp.check(replace(BOOK, collateral=table), Rulebook.model_validate(document), MARKET).notes


@dataclass(frozen=True)
class Case:
    """A kind's note by hand: its place, what there is of how much; who raises it, and the neighbour that does not.
    Both get a folder of their own."""

    id: str
    place: str
    have: float
    of: float
    raising: Callable[[Path], list[Note]]
    quiet: Callable[[Path], list[Note]]


OF = "offset_limit"
PERIOD = "stress_period"
CASES = (
    # 11 weekdays taken out of the look-back of 52 rows, which then spans 63 weekdays; five make a hole of 8 or 10 days
    Case(
        "missing_days",
        "market",
        11,
        63,
        lambda _: checked(prices=without_rows(105, 116), margin={"lookback_days": 50}),
        lambda _: checked(prices=without_rows(105, 110), margin={"lookback_days": 50}),
    ),
    Case(
        "modelled_volatility",
        "market",
        1,
        1,
        lambda _: checked(with_option(50.0, volatility_id="X.VOL", expiry=date(2026, 1, 1)), with_volatility(False)),
        lambda _: checked(with_option(50.0, volatility_id="X.VOL", expiry=date(2026, 1, 1)), with_volatility(True)),
    ),
    # far in the money and nearly certain: the call is worth its forward less its strike, 100 - 50
    Case(
        "option_price",
        "instruments.price",
        1,
        1,
        lambda _: checked(with_option(45.0, implied_volatility=0.01)),
        lambda _: checked(with_option(50.0, implied_volatility=0.01)),
    ),
    Case(
        "unnamed_factor",
        "instruments.volatility_id",
        1,
        1,
        lambda _: checked(with_option(50.0, implied_volatility=0.01, expiry=date(2026, 1, 1)), with_volatility(True)),
        lambda _: checked(with_option(50.0, volatility_id="X.VOL", expiry=date(2026, 1, 1)), with_volatility(True)),
    ),
    Case(
        "far_prices",
        "instruments.price",
        2,
        2,
        lambda _: list(far_prices(open_case(of_columns(BOOK, price=[1.0, 1.0, 100.0]), MARKET, rulebook()))),
        lambda _: list(far_prices(open_case(BOOK, MARKET, rulebook()))),
    ),
    # 100 scenarios at 99.5 %: the tail is half a scenario, 200 would make it one; at 99 % it is one
    Case(
        "few_scenarios",
        "margin.confidence",
        100,
        200,
        lambda _: checked(margin={"confidence": 0.995}),
        lambda _: checked(margin={"confidence": 0.99}),
    ),
    # 130 rows hold 128 windows of two days
    Case(
        "short_floor",
        "margin.floor.lookback_days",
        128,
        2500,
        lambda _: checked(margin={"floor": {"lookback_days": 2500}}),
        lambda _: checked(margin={"floor": {"lookback_days": 128}}),
    ),
    # Monday 17 June to Friday 12 July are 20 weekdays, of which the first ten are known on 28 June
    Case(
        "unknown_stress_period",
        "margin.stress_period",
        10,
        20,
        lambda _: checked(margin={PERIOD: {"from": date(2024, 6, 17), "to": date(2024, 7, 12)}}),
        lambda _: checked(margin={PERIOD: {"from": date(2024, 6, 17), "to": date(2024, 6, 28)}}),
    ),
    # 25 rows of January and 20 weekdays of December before the market begins: 45 - 2 windows, of which 25 - 2 are there
    Case(
        "short_stress_period",
        "margin.stress_period",
        23,
        43,
        lambda _: checked(margin={PERIOD: {"from": date(2023, 12, 4), "to": date(2024, 2, 2)}}),
        lambda _: checked(margin={PERIOD: {"from": date(2024, 1, 1), "to": date(2024, 2, 2)}}),
    ),
    # of the six gaps, each once and three times, a fall of 50 % three times over is 150 %
    Case(
        "capped_moves",
        "stress",
        1,
        12,
        lambda _: sized(stress=GAPS | {"multiples": [1, 3]}),
        lambda _: sized(stress=GAPS | {"multiples": [1, 1.9]}),
    ),
    Case(
        "no_class",
        "margin.offset_limit.by",
        1,
        3,
        lambda _: checked(prices=classed("equity", None, "currency"), margin={OF: {"by": "asset_class"}}),
        lambda _: checked(prices=classed("equity", None, "currency"), margin={OF: {"by": "factor"}}),
    ),
    Case(
        "idle_rule",
        "margin.liquidation.1",
        0,
        3,
        lambda _: checked(margin={"liquidation": [{"kind": "future", "days": 3}, {"instrument": "F*", "days": 5}]}),
        lambda _: checked(margin={"liquidation": [{"kind": "future", "days": 3}, {"instrument": "X", "days": 5}]}),
    ),
    Case(
        "no_volume",
        "margin.add_ons.concentration",
        2,
        3,
        lambda _: checked(
            of_columns(BOOK, average_daily_volume=[1e6, None, None]), margin={"add_ons": {"concentration": {}}}
        ),
        lambda _: checked(
            of_columns(BOOK, average_daily_volume=[1e6, 1e6, 1e6]), margin={"add_ons": {"concentration": {}}}
        ),
    ),
    Case(
        "no_spread",
        "margin.add_ons.bid_ask",
        1,
        3,
        lambda _: checked(of_columns(BOOK, half_spread=[0.1, None, 0.2]), margin={"add_ons": {"bid_ask": True}}),
        lambda _: checked(of_columns(BOOK, half_spread=[0.1, None, 0.2])),
    ),
    Case(
        "no_collateral",
        "stress.resources",
        0,
        3,
        lambda _: sized(),
        lambda _: sized(stress=GAPS | {"resources": "required"}),
    ),
    Case(
        "collateral_cut",
        "collateral",
        0.6,
        1,
        lambda _: with_limits(issuer="A"),
        lambda _: with_limits(issuer="Z"),
    ),
    # 600 of 1,000 are bonds
    Case(
        "no_issuer",
        "collateral.issuer_id",
        0.6,
        1,
        lambda _: with_limits(issuer=None),
        lambda _: with_limits(issuer="Z"),
    ),
    Case(
        "unused_limit",
        "collateral.issuer_limit",
        1,
        2,
        lambda _: with_limits(issuer="Z", issuer_limit={"Z": 1.0, "Q": 0.5}),
        lambda _: with_limits(issuer="Z", issuer_limit={"Z": 1.0}),
    ),
    # 130 rows hold 129 windows of a day, none of which overlap
    Case(
        "few_windows",
        "stress.historical.worst",
        129,
        130,
        lambda _: sized(margin={"liquidation_days": 1}, stress={"historical": {"worst": 130}}),
        lambda _: sized(margin={"liquidation_days": 1}, stress={"historical": {"worst": 129}}),
    ),
    # Y begins on the eleventh day: ten of 129 windows of a day begin without it. Of the margin a third is of Y:
    # 2,000 of X held long and short, at 100, by 1 %: 2,000; 1,000 of Y at 50 by 2 %: 1,000
    Case(
        "incomplete_history",
        "stress.historical",
        0.333333,
        1,
        lambda _: sized(
            without_euro(),
            lacking(slice(0, 10), whole=alternating()),
            margin={"liquidation_days": 1},
            stress={"historical": {"worst": 5}},
        ),
        lambda _: sized(prices=lacking(slice(0, 10)), margin={"liquidation_days": 1}),
    ),
    # likewise, and Y moves as X in these ten windows
    Case(
        "proxied_history",
        "factors.proxy",
        0.333333,
        1,
        lambda _: sized(
            without_euro(),
            as_x(lacking(slice(0, 10), whole=alternating())),
            margin={"liquidation_days": 1},
            stress={"historical": {"worst": 5}},
        ),
        lambda _: sized(
            without_euro(),
            lacking(slice(0, 10), whole=alternating()),
            margin={"liquidation_days": 1},
            stress={"historical": {"worst": 5}},
        ),
    ),
    Case("empty_ladder", "stress.hypothetical.1", 0, 2, lambda _: sized(without_euro()), lambda _: sized()),
    # X and Y are rates, and only one has a tenor: no curve can be told to be steeper, and both stay
    Case(
        "untwisted_rate",
        "stress.rate_shifts",
        2,
        2,
        lambda _: sized(prices=curve(2.0, None)),
        lambda _: sized(prices=curve(2.0, 10.0)),
    ),
    Case(
        "rate_unit",
        "factors.rate_unit",
        2,
        2,
        lambda _: sized(prices=curve(2.0, 10.0)),
        lambda _: sized(prices=in_percent(curve(2.0, 10.0))),
    ),
    # X is at 0.001 percent: the largest shift, 300 basis points, is 3,000 times that
    Case(
        "capped_shifts",
        "stress.rate_shifts",
        1,
        2,
        lambda _: sized(prices=scaled(curve(2.0, 10.0), 1e-5)),
        lambda _: sized(prices=curve(2.0, 10.0)),
    ),
    Case(
        "short_usual_level",
        "stress.hypothetical.level_floor",
        130,
        250,
        lambda _: sized(prices=by_differences(MARKET)),
        lambda _: sized(prices=by_differences(market(days=260))),
    ),
    Case(
        "still_scenario",
        "shocks.csv",
        1,
        2,
        lambda tmp: sized(prices=with_another(), scenarios=shocks(tmp, X=-0.2, Z=-0.2)),
        lambda tmp: sized(prices=with_another(), scenarios=shocks(tmp, X=-0.2, Y=-0.2)),
    ),
    # X: 2,000 held long and short, at 100, by 1 %: 2,000. Y: 1,000 at 50 by 2 %: 1,000. A third is of Y
    Case(
        "unmoved_factor",
        "Y",
        0.333333,
        1,
        lambda tmp: sized(without_euro(), alternating(), shocks(tmp, X=-0.2), margin={"liquidation_days": 1}),
        lambda tmp: sized(without_euro(), alternating(), shocks(tmp, X=-0.2, Y=0.1), margin={"liquidation_days": 1}),
    ),
    # X goes up and down by 10 a day and is at 0.5; a gap is half of half of the median, 5.5, and that is 1.375.
    # 2,000 held by 10: 20,000; Y as above: 1,000
    Case(
        "gap_below_own_move",
        "X",
        0.952381,
        1,
        lambda _: sized(without_euro(), around_zero(), margin={"liquidation_days": 1}),
        lambda _: sized(without_euro(), around_zero(), margin={"liquidation_days": 1}, stress=WIDE),
    ),
    Case(
        "unmoved_collateral",
        "Y",
        0.3,
        1,
        lambda tmp: of_collateral("scenario", tmp),
        lambda tmp: of_collateral("haircut", tmp),
    ),
    # X, at 100, falls by 150 or by 50
    Case(
        "option_below_zero",
        "instruments.strike",
        1,
        1,
        lambda tmp: fallen(tmp, 150.0),
        lambda tmp: fallen(tmp, 50.0),
    ),
    Case("few_groups", "fund.cover", 3, 4, lambda _: checked(fund={"cover": 3}), lambda _: checked(fund={"cover": 2})),
    Case(
        "needs_days",
        "fund.look_back.days",
        1,
        60,
        lambda _: checked(fund={"look_back": {"days": 60}}),
        lambda _: checked(fund={"look_back": {"days": 1}}),
    ),
    # up 50 %: the dealer and A are looked at, and may not be worst; down 50 %: A and B lose more than any others can
    Case("not_proved", "stress.most_sets", 1, 2, lambda _: searched(1), lambda _: searched(20_000)),
    Case("windows_not_proved", "stress.historical", 3, 40, lambda _: left_out(130), lambda _: left_out(90)),
    # weekly from Monday 10 June: resized on days 0, 4 and 9 (the market does not see the last week end)
    Case(
        "short_look_back",
        "fund.look_back.days",
        1,
        8,
        lambda _: run_of(fund={"schedule": "weekly", "look_back": {"days": 8}}),
        lambda _: run_of(fund={"schedule": "weekly"}),
    ),
    Case(
        "not_known",
        "tiers.2.order",
        0,
        3,
        lambda _: checked(tiers=[*TIERS, {"survivors_fund": {"order": "auction"}}]),
        lambda _: checked(tiers=[*TIERS, "survivors_fund"]),
    ),
    Case("size_not_found", "tiers", 1, 1, lambda _: figures(0.0), lambda _: figures(5.0)),
    Case("fund_not_published", "test: fund.published_size", 0, 1, lambda _: compared(None), lambda _: compared(1e6)),
    Case(
        "no_capital",
        "members.capital",
        2,
        3,
        lambda _: ccp.default(of_members(capital=[5e6, None, None]), rulebook(), market=MARKET, contagion=True).notes,
        lambda _: ccp.default(of_members(capital=[5e6, 5e6, 5e6]), rulebook(), market=MARKET, contagion=True).notes,
    ),
    Case(
        "no_liquidity",
        "members.liquidity",
        1,
        3,
        lambda _: run_of(which=of_members(liquidity=[1e6, None, 1e6])),
        lambda _: run_of(which=of_members(liquidity=[1e6, 1e6, 1e6])),
    ),
    Case(
        "unmatched",
        "positions.quantity",
        1,
        3,
        lambda tmp: what_if(tmp / "run", [("a", 10.0)]),
        lambda tmp: what_if(tmp / "run", [("a", 10.0), ("b", -10.0)]),
    ),
    # asked for 10 June to 8 July, 29 days; the market ends on 28 June, after 19
    Case("short_span", "market", 19, 29, lambda _: run_of(date(2024, 7, 8)), lambda _: run_of(date(2024, 6, 27))),
    Case(
        "expiring",
        "instruments.expiry",
        1,
        3,
        lambda _: run_of(which=of_columns(BOOK, expiry=[None, None, date(2024, 6, 28)])),
        lambda _: run_of(which=of_columns(BOOK, expiry=[None, None, date(2024, 7, 1)])),
    ),
    # five equal parts on the five days after Thursday 27 June: the run has one of them
    Case(
        "cut_close_out",
        "close_out.method",
        1,
        5,
        lambda tmp: simulated(tmp / "run", date(2024, 6, 27)),
        lambda tmp: simulated(tmp / "other", date(2024, 6, 20)),
    ),
    # ten weekdays, of which the last two have no window of two days; four of the eight windows do not overlap
    Case(
        "untested_days",
        "last",
        8,
        10,
        lambda _: back_tested(date(2024, 6, 28)),
        lambda _: back_tested(date(2024, 6, 26)),
    ),
    Case(
        "few_observations",
        "margin.confidence",
        4,
        100,
        lambda _: back_tested(date(2024, 6, 28)),
        lambda _: back_tested(date(2024, 6, 28), confidence=0.75),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_kind_is_raised_with_its_place_and_size_and_not_by_its_neighbour(case: Case, tmp_path: Path) -> None:
    (found,) = (one for one in case.raising(tmp_path) if one.id == case.id)
    assert (found.place, found.have, found.of) == (case.place, case.have, case.of)
    assert found.kind is KINDS[case.id]
    assert 0 < found.shortness <= 1
    assert found.sentence
    assert not re.search(r"[{}]", found.sentence)
    assert case.id not in [one.id for one in case.quiet(tmp_path)]


@pytest.mark.parametrize(("shock", "counts"), [(0.0001, False), (0.0019, False), (0.0021, True), (-0.0021, True)])
def test_a_token_shock_moves_nothing(tmp_path: Path, shock: float, counts: bool) -> None:
    """Y goes up and down by 2 % a day; a tenth of its standard deviation is 0.2 %."""
    notes = sized(without_euro(), alternating(), shocks(tmp_path, X=-0.2, Y=shock), margin={"liquidation_days": 1})
    assert ("unmoved_factor" not in [one.id for one in notes]) == counts


def test_every_kind_has_a_case() -> None:
    assert [case.id for case in CASES] == list(KINDS) == [row.id for row in ROWS]


def test_what_else_the_history_cuts_short() -> None:
    """A missing value of Y on row 99 leaves 30 rows after it, which hold 28 windows of two days."""
    rules = {"lookback_days": 20, "floor": {"lookback_days": 100}, PERIOD: {"days": 100}}
    found = {one.id: one for one in checked(prices=lacking([99]), margin=rules)}
    assert (found["short_floor"].have, found["short_floor"].of) == (28, 100)
    assert found["short_floor"].sentence.endswith(f"Y has no value on {MARKET.dates[99]}")
    # of the most severe 100 rows, three windows of two days begin or end on the row, or step over it
    assert (found["short_stress_period"].have, found["short_stress_period"].of) == (95, 98)
    unknown = {one.id: one for one in checked(margin={PERIOD: {"days": 131}})}["unknown_stress_period"]
    assert (unknown.place, unknown.have, unknown.of) == ("margin.stress_period", 130, 131)


def test_other_rules_that_nobody_feeds() -> None:
    """The same kinds at other words of a rulebook."""
    places = {
        (one.id, one.place)
        for one in checked(
            margin={"add_ons": {"wrong_way": 1.0}, "lookback_days": 100},
            fund={"largest_fall": 0.1, "supplementary_margin": {"group_share": 0.5}},
            tiers=[
                *TIERS,
                {"survivors_fund": {"order": "segments_first"}},
                {"gains_haircut": {"days": 5}},
                "voluntary",
            ],
        )
    }
    assert ("idle_rule", "margin.add_ons.wrong_way") in places
    assert {
        ("needs_days", word) for word in ("fund.largest_fall", "fund.supplementary_margin", "tiers.3.days")
    } <= places
    assert ("not_known", "tiers.4") in places
    assert ("not_known", "tiers.2.order") not in places
    unclassed = checked(
        prices=classed("equity", None, None), tiers=[*TIERS, {"survivors_fund": {"order": "segments_first"}}]
    )
    assert [(one.place, one.have) for one in unclassed if one.id == "no_class"] == [("tiers.2.order", 1)]
    by_days = run_of(tiers=[*TIERS, {"survivors_fund": {"order": "segments_first"}}, {"gains_haircut": {"days": 5}}])
    assert [one.place for one in by_days if one.id in ("not_known", "needs_days")] == ["tiers.2.order"]


def test_a_percentile_of_the_look_back_that_is_its_maximum() -> None:
    """Sixty days at 99 %: the tail is 0.6 of a day. The run of 15 days has 15 stress days at most, all daily."""
    rules = {"schedule": "daily", "look_back": {"days": 60, "aggregate": "percentile", "percentile": 0.99}}
    (found,) = (one for one in run_of(fund=rules) if one.id == "few_scenarios" and one.place.startswith("fund"))
    assert (found.place, found.have, found.of) == ("fund.look_back.percentile", 15, 100)
    half = rules | {"look_back": {"days": 10, "aggregate": "percentile", "percentile": 0.9}}
    assert not [one for one in run_of(fund=half) if one.place == "fund.look_back.percentile"]


def test_closing_out_and_fire_sales_without_volumes() -> None:
    document = rulebook().model_dump(mode="json", by_alias=True)
    gradual = Rulebook.model_validate(document | {"close_out": {"method": "gradual"}})
    found = ccp.default(BOOK, gradual, market=MARKET, contagion=True, fire_sale=True).notes
    places = {(one.id, one.place, one.have) for one in found}
    volumes = {("no_volume", place, 3) for place in ("close_out.method", "default_management.fire_sale")}
    assert volumes | {("no_spread", "close_out.method", 3)} <= places
    plain = ccp.default(BOOK, gradual, market=MARKET, contagion=True).notes
    assert "default_management.fire_sale" not in [one.place for one in plain]
    assert "no_capital" not in [one.id for one in ccp.default(BOOK, rulebook(), market=MARKET).notes]


@pytest.mark.parametrize(("decay", "few"), [(0.9, False), (1.0, True)])
def test_older_scenarios_that_weigh_less_make_a_tail_of_fifty(decay: float, few: bool) -> None:
    """At 99 % of fifty: alike, the tail is half of one. With 0.9 the weights are 9.95 in all, and the tail of 0.0995
    is more than the lightest, 0.9 to the power of 49 or 0.0057."""
    rules = {"lookback_days": 50, "model": "weighted", "weighting": {"decay": decay}}
    assert ("few_scenarios" in [one.id for one in checked(margin=rules)]) is few


def test_returns_scaled_below_nothing_are_cut() -> None:
    """Filtered: X moved by a thousandth a day, then fell by 30 %, and moves by 30 % a day since: the first fall is
    scaled up ten times, as far as the filter's cap lets it."""
    size = pl.Series([0.001] * 99 + [0.3] * 31) * pl.Series([1.0, -1.0] * 65)
    prices = replace(MARKET, levels=MARKET.levels.with_columns(X=100.0 * (1 + size).cum_prod()))
    rules = {"model": "filtered", "lookback_days": 50, "liquidation_days": 1, "filter": {"decay": 0.9}}
    (found,) = (one for one in checked(prices=prices, margin=rules) if one.id == "capped_moves")
    assert (found.place, found.of) == ("margin.filter", 50)
    assert 1 <= found.have < 50
    assert "capped_moves" not in [one.id for one in checked(margin=rules)]


def test_of_a_note_that_days_repeat_the_worst_is_kept() -> None:
    """Of a share that is missing the largest, of a count that is there the smallest; places are apart."""
    one, more = note("unmoved_factor", "R", 0.2, 1), note("unmoved_factor", "R", 0.5, 1)
    other = note("unmoved_factor", "S", 0.1, 1)
    few, fewer = (note("few_windows", "stress.historical.worst", have, 10) for have in (8, 5))
    assert worst_of([one, few, other, more, fewer, one]) == [more, fewer, other]
    assert notes_of([one.as_dict() for one in (more, few)]) == [more, few]


def test_of_many_notes_of_a_kind_the_first_are_printed_and_the_rest_counted() -> None:
    many: list[Note] = [note("unmoved_factor", f"R{n}", n / 100, 1) for n in range(1, 9)]
    shown, more = first_of_each([note("few_windows", "stress.historical.worst", 1, 2), *many], 5)
    assert [one.place for one in shown] == ["stress.historical.worst", "R4", "R5", "R6", "R7", "R8"]
    assert more == 3


def test_a_size_in_words() -> None:
    assert note("few_windows", "a", 1319, 2500).size == "1,319 of 2,500 windows"
    assert note("unmoved_factor", "a", 1 / 3, 1).size == "33.33 % of the margin"
    assert str(note("few_windows", "a", 1, 2)).endswith(" [few_windows, a: 1 of 2 windows]")


def test_a_proxy_is_named_with_the_first_day_of_what_it_stands_in_for() -> None:
    prices = as_x(lacking(slice(0, 10), whole=alternating()))
    found = sized(without_euro(), prices, margin={"liquidation_days": 1}, stress={"historical": {"worst": 5}})
    (told,) = (one for one in found if one.id == "proxied_history")
    began = MARKET.levels["date"][10]
    assert "10 of 129 windows of the history move factors as their proxies" in told.sentence
    assert told.sentence.endswith(f"depends on them: Y as X (own values from {began}, 33.33 %)")
    assert "incomplete_history" not in [one.id for one in found]
