"""Notes on a market: days that are not there, volatilities that are modelled."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl

from ccp.market.history import Market
from ccp.market.volatility import SUFFIX
from ccp.notes.note import Note, named, note
from ccp.types import Flags

LONGEST_CLOSURE = timedelta(days=10)
"""Two neighbouring days further apart than any exchange's holidays leave a hole between them."""


def market_notes(market: Market, factor_ids: list[str], rows: int) -> list[Note]:
    """Notes on a market whose latest `rows` days margin looks back on."""
    return [*missing_days(market.latest_rows(rows)), *modelled(market, factor_ids)]


def missing_days(market: Market) -> list[Note]:
    """Holes in the days of a market: the first by name, all of them by size."""
    days = market.levels["date"]
    holes = [(one, other) for one, other in pairwise(days) if other - one > LONGEST_CLOSURE]
    if not holes:
        return []
    missing = sum(weekdays(one, other) - 1 for one, other in holes)
    more = f", and {len(holes) - 1} more holes" if len(holes) > 1 else ""
    whole = weekdays(days[0], days[-1]) + 1
    return [note("missing_days", "market", missing, whole, first=holes[0][0], last=holes[0][1], more=more)]


def weekdays(first: date, last: date) -> int:
    """How many weekdays lie after one day, up to another and with it."""
    return int(np.busday_count(first + timedelta(days=1), last + timedelta(days=1)))


def modelled(market: Market, factor_ids: list[str]) -> list[Note]:
    """Volatilities that the market lacks."""
    if not market.modelled:
        return []
    named_by_the_book = [name for name in factor_ids if name.endswith(SUFFIX)]
    names = named(list(market.modelled))
    return [note("modelled_volatility", "market", len(market.modelled), len(named_by_the_book), names=names)]


def first_complete(market: Market, factor_ids: list[str]) -> int:
    """The first row with a value of every factor; one past the end where there is none."""
    whole = complete(market, factor_ids)
    return int(np.argmax(whole)) if whole.any() else len(whole)


def complete(market: Market, factor_ids: list[str]) -> Flags:
    """By row, whether every factor has a value."""
    return market.levels.select(pl.all_horizontal(pl.col(factor_ids).is_not_null()).alias("whole"))["whole"].to_numpy()
