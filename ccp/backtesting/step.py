"""How each margin model answers when volatility doubles overnight: one stock, invented returns, the same for all."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from ccp.backtesting.history import margins_by_day
from ccp.backtesting.procyclicality import StepResponse, step_response
from ccp.book.book import Book, book_from_frames
from ccp.frames import Factors, types_of
from ccp.market.case import Case
from ccp.market.history import Market
from ccp.rulebook.margin import MarginRules
from ccp.rulebook.rulebook import Rulebook

SEED = 20_201
DAILY_VOLATILITY = 0.01
AFTER_DAYS = 250
"""Days after the step: what is reached is a share of the rise within this year."""
UNITS = 1_000_000.0


def step_responses(models: dict[str, MarginRules], rulebook: Rulebook) -> dict[str, StepResponse]:
    """The answer of every model to a step from 1 % to 2 % a day, by its total margin.

    A stress period given by dates does not exist in invented history; there the most severe days take its place.
    """
    return {name: _answer(_undated(rules), rulebook) for name, rules in models.items()}


def _answer(rules: MarginRules, rulebook: Rulebook) -> StepResponse:
    before = max(rules.history_rows, _long(rules))
    market = stepping_market(before, AFTER_DAYS)
    rows = np.arange(before - 1, before + AFTER_DAYS)
    changed = rulebook.model_copy(update={"margin": rules})
    case = Case(_book(rulebook.currency), market.first_rows(before), changed, ["X"])
    totals = [int(margin.sum()) for margin in margins_by_day(case, market, rules, rows)]
    return step_response(np.array(totals, dtype=np.int64), 1)


def stepping_market(before: int, after: int) -> Market:
    """One price, `before` days of calm and `after` days of twice the volatility.

    Returns are counted from the step, both ways: a longer calm goes further back and changes nothing else.
    """
    calm = np.random.default_rng([SEED, 0]).standard_normal(before)[::-1] * DAILY_VOLATILITY
    rough = np.random.default_rng([SEED, 1]).standard_normal(after) * 2 * DAILY_VOLATILITY
    path = np.exp(np.cumsum(np.concatenate([calm, rough])))
    path = 100.0 * path / path[before - 1]
    days = [date(1970, 1, 1) + timedelta(days=number) for number in range(before + after)]
    kinds = {"factor_id": ["X"], "change": ["relative"], "asset_class": ["equity"]}
    factors = pl.DataFrame(kinds).cast({"change": types_of(Factors)["change"]})
    return Market(pl.DataFrame({"date": days, "X": path}), factors, {})


def _undated(rules: MarginRules) -> MarginRules:
    if rules.stress_period is None or rules.stress_period.from_ is None:
        return rules
    period = rules.stress_period.model_copy(update={"from_": None, "to": None})
    return rules.model_copy(update={"stress_period": period})


def _long(rules: MarginRules) -> int:
    floor = rules.floor.lookback_days + rules.longest_days if rules.floor else 0
    return max(floor, rules.stress_period.days if rules.stress_period else 0)


def _book(currency: str) -> Book:
    """A long and a short of the one stock."""
    return book_from_frames(
        {
            "members": pl.DataFrame({"member_id": ["L", "S"]}),
            "accounts": pl.DataFrame({"account_id": ["L", "S"], "member_id": ["L", "S"], "kind": ["house", "house"]}),
            "positions": pl.DataFrame(
                {"account_id": ["L", "S"], "instrument_id": ["X", "X"], "quantity": [UNITS, -UNITS]}
            ),
            "instruments": pl.DataFrame(
                {
                    "instrument_id": ["X"],
                    "kind": ["spot"],
                    "factor_id": ["X"],
                    "currency": [currency],
                    "multiplier": [1.0],
                    "price": [100.0],
                }
            ),
        }
    )
