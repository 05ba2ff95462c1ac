"""Notes on a back test: on every model on the first day, when it looks back on least, and on the days tested."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from math import ceil

from ccp.backtesting.history import BackTestHistory, case_on
from ccp.margin.notes import margin_notes
from ccp.market.history import Market
from ccp.market.notes import market_notes
from ccp.money import exact
from ccp.notes.note import Note, note
from ccp.pricing.quality import price_notes
from ccp.rulebook.margin import MarginRules


def back_test_notes(
    history: BackTestHistory, market: Market, models: dict[str, MarginRules], span: tuple[date, date]
) -> list[Note]:
    """Notes on a back test of some models over a span of days."""
    case = history.case
    rows = max(rules.history_rows for rules in models.values()) + len(history.dates) + history.horizon
    return [
        *market_notes(_looked_at(market, history), case.factor_ids, rows),
        *price_notes(case),
        *_model_notes(history, market, models),
        *_day_notes(history, market, span),
    ]


def _looked_at(market: Market, history: BackTestHistory) -> Market:
    """The market up to the end of the last window that is tested."""
    last = market.dates.index(history.dates[-1]) + history.horizon
    return market.first_rows(last + 1)


def _model_notes(history: BackTestHistory, market: Market, models: dict[str, MarginRules]) -> Iterator[Note]:
    """What each model lacks on the first day."""
    row = market.dates.index(history.dates[0])
    for name, rules in models.items():
        rulebook = history.rules.model_copy(update={"margin": rules})
        for one in margin_notes(replace(case_on(history.case, market, row), rulebook=rulebook)):
            yield replace(one, place=f"{one.place} (model {name})")


def _day_notes(history: BackTestHistory, market: Market, span: tuple[date, date]) -> Iterator[Note]:
    """Days that were asked for and are not tested, and whether enough are."""
    days, tested, horizon = market.levels["date"], len(history.dates), history.horizon
    asked = int(days.is_between(*span).sum())
    if tested < asked:
        yield note("untested_days", "last", tested, asked, missing=asked - tested, horizon=horizon)
    if span[0] < days[0] or span[1] > days[-1]:
        ran, wanted = f"{history.dates[0]} to {history.dates[-1]}", f"{span[0]} to {span[1]}"
        have = (history.dates[-1] - history.dates[0]).days + 1
        yield note("short_span", "market", have, (span[1] - span[0]).days + 1, ran=ran, asked=wanted)
    windows, tail = ceil(tested / horizon), 1 - exact(history.rules.margin.confidence)
    if windows * tail < 1:
        confidence = f"{history.rules.margin.confidence:.6g}"
        yield note("few_observations", "margin.confidence", windows, ceil(1 / tail), confidence=confidence)
