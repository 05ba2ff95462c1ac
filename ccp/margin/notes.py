"""Notes on margin: look-backs and periods that the history cuts short, tails of too few scenarios, rules that what the
book states does not feed."""

from collections.abc import Iterator
from datetime import timedelta
from math import ceil

import numpy as np
import polars as pl

from ccp.margin.measure import age_weights
from ccp.margin.requirement import floor_windows, known_period, model_scenarios
from ccp.market.case import Case
from ccp.market.notes import LONGEST_CLOSURE, complete, first_complete, weekdays
from ccp.money import exact
from ccp.notes.note import Note, named, note
from ccp.pricing.horizon import deciding_rules, liquidation_periods
from ccp.rulebook.margin import StressPeriod
from ccp.scenarios.notes import capped_notes
from ccp.scenarios.stress_period import period_scenarios


def margin_notes(case: Case) -> list[Note]:
    """Notes on the margin of a case on its date."""
    parts = (_confidence_notes, floor_notes, stress_period_notes, _scaled_notes, liquidation_notes, class_notes)
    return [one for part in parts for one in part(case)] + add_on_notes(case)


def few_scenarios(count: int, confidence: float, place: str, what: str) -> Iterator[Note]:
    """Where the tail beyond the confidence is less than one of so many scenarios that weigh alike."""
    tail = 1 - exact(confidence)
    if count * tail < 1:
        yield note("few_scenarios", place, count, ceil(1 / tail), what=what, confidence=f"{confidence:.6g}")


def _confidence_notes(case: Case) -> Iterator[Note]:
    """Of the model's own scenarios; where they weigh differently, whether the lightest outweighs the tail."""
    rules = case.rulebook.margin
    if rules.model == "parametric":
        return
    if rules.model == "weighted":
        weight = age_weights(rules.weighting.decay, rules.lookback_days)
        if int(weight.min()) <= int(weight.sum()) * (1 - exact(rules.confidence)):
            return
    yield from few_scenarios(rules.lookback_days, rules.confidence, "margin.confidence", "margin")


def floor_notes(case: Case) -> Iterator[Note]:
    """Whether the history holds the look-back of the floor."""
    rules = case.rulebook.margin
    if rules.floor is None:
        return
    count, asked, place = floor_windows(case), rules.floor.lookback_days, "margin.floor.lookback_days"
    if count < asked:
        yield note("short_floor", place, count, asked, why=_why_short(case, asked))
    yield from few_scenarios(count, rules.confidence, place, "the floor")


def _why_short(case: Case, asked: int) -> str:
    levels = case.market.levels
    rows = levels.tail(asked + int(liquidation_periods(case).max()))
    gaps = np.flatnonzero(~complete(case.market, case.factor_ids)[-rows.height :])
    if not gaps.size:
        return f"the market has {levels.height} rows"
    last = rows.row(int(gaps[-1]), named=True)
    lacking = named([name for name in case.factor_ids if last[name] is None], 1)
    return f"{lacking} has no value on {last['date']}"


def stress_period_notes(case: Case) -> Iterator[Note]:
    """Whether the stress period is known, and whole."""
    rules = case.rulebook.margin.stress_period
    if rules is None:
        return
    period, longest = known_period(case, rules), int(liquidation_periods(case).max())
    place = "margin.stress_period"
    if period is None:
        have, needed, why = _why_unknown(case, rules)
        yield note("unknown_stress_period", place, have, needed, why=why, day=case.date)
        return
    windows = period_scenarios(case.market, case.factor_ids, period, longest, longest).count
    rows = period[1] - period[0] + 1
    before = _days_before(case, rules)
    whole = max(rows + before - longest, 1)
    if windows < whole:
        yield note("short_stress_period", place, windows, whole, why=_why_fewer(case, before))
    if rules.reading == "blend" and windows:
        yield from few_scenarios(windows, case.rulebook.margin.confidence, place, "the stress period")


def _why_unknown(case: Case, rules: StressPeriod) -> tuple[int, int, str]:
    """Rows there, rows needed, and why."""
    if rules.from_ is not None and rules.to is not None:
        first = rules.from_ - timedelta(days=1)
        known = weekdays(first, max(min(rules.to, case.date), first))
        return known, weekdays(first, rules.to), f"it ends on {rules.to}"
    there = case.market.levels.height - first_complete(case.market, case.factor_ids)
    return there, rules.days, f"{there} rows follow the first with a value of every factor"


def _days_before(case: Case, rules: StressPeriod) -> int:
    """Weekdays of a dated period before the market begins."""
    begins = case.market.dates[0]
    if rules.from_ is None or begins - rules.from_ <= LONGEST_CLOSURE:
        return 0
    return weekdays(rules.from_, begins)


def _why_fewer(case: Case, before: int) -> str:
    if before:
        return f"the market begins on {case.market.dates[0]}"
    return "others lack a value of some factor and are left out"


def _scaled_notes(case: Case) -> list[Note]:
    """Whether returns that were scaled up were cut."""
    rules = case.rulebook.margin
    if rules.model != "filtered":
        return []
    return capped_notes(model_scenarios(case, rules, rules.longest_days), "margin", "margin.filter")


def liquidation_notes(case: Case) -> Iterator[Note]:
    """Liquidation periods that no instrument has."""
    decided = deciding_rules(case)
    for place, rule in enumerate(case.rulebook.margin.liquidation):
        if place not in decided:
            said = ", ".join(f"{name} {value}" for name, value in rule.model_dump(exclude_none=True).items())
            yield note(
                "idle_rule", f"margin.liquidation.{place}", 0, len(decided), what=f"the liquidation period ({said})"
            )


def class_notes(case: Case) -> Iterator[Note]:
    """Whether a limit on offsets by asset class has classes to go by."""
    limit = case.rulebook.margin.offset_limit
    if limit is not None and limit.by == "asset_class":
        yield from unclassed(case, "margin.offset_limit.by")


def unclassed(case: Case, place: str) -> Iterator[Note]:
    """Instruments whose factor states no asset class."""
    table = case.book.ordered_instruments
    classes = case.market.kinds("asset_class", table["factor_id"].to_list())
    names = [name for name, stated in zip(table["instrument_id"], classes, strict=True) if stated is None]
    if names:
        yield note("no_class", place, len(names), table.height, names=named(names))


def add_on_notes(case: Case) -> list[Note]:
    """Whether the book states what add-ons go by."""
    rules, found = case.rulebook.margin.add_ons, list[Note]()
    if rules.concentration is not None:
        found += unstated(case, "average_daily_volume", "margin.add_ons.concentration")
    if rules.bid_ask:
        found += unstated(case, "half_spread", "margin.add_ons.bid_ask")
    if rules.wrong_way is not None and case.book.instruments["issuer_id"].is_null().all():
        count, what = case.book.instruments.height, "wrong-way risk (no instrument states an issuer_id)"
        found.append(note("idle_rule", "margin.add_ons.wrong_way", 0, count, what=what))
    return found


UNSTATED = {"average_daily_volume": "no_volume", "half_spread": "no_spread"}
"""The kind of note, by the column that instruments do not state."""


def unstated(case: Case, column: str, place: str) -> list[Note]:
    """Instruments that do not state what a cost goes by: it is nothing for them."""
    table = case.book.ordered_instruments
    names = table.filter(pl.col(column).is_null() | (pl.col(column) == 0))["instrument_id"].to_list()
    return [note(UNSTATED[column], place, len(names), table.height, names=named(names))] if names else []
