"""Which levels may not be zero or below: one test for every command, on every day.

A ratio of levels means nothing once one of them is not positive, so a factor that moves by ratios stays above zero. An
exchange rate does however it moves, and so do prices that a volatility is modelled from. Of the factors that securities
held as collateral follow only the level that their market value starts from must: it says how many units are held.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType

import numpy as np
import polars as pl

from ccp.errors import Problem
from ccp.market.classes import EXCHANGE_RATE
from ccp.market.history import Market
from ccp.market.volatility import SUFFIX, modelled_from
from ccp.tables import raise_problems, read_raw
from ccp.types import Flags

VALUED = "the level that the market value of collateral holds at must be positive"


@dataclass(frozen=True)
class WrongLevel:
    """A level that a factor may not have, its day, and what was expected: the lowest, where it must be positive."""

    factor_id: str
    expected: str
    day: date
    level: float


def is_exchange_rate(factor_id: str) -> bool:
    """Whether a factor converts one currency into another: `EUR/USD`."""
    return re.fullmatch(EXCHANGE_RATE, factor_id) is not None


def must_be_positive(market: Market, factor_ids: list[str]) -> Flags:
    """Per factor whether its levels may not be zero or below."""
    changes = market.kinds("change", factor_ids)
    moving = zip(factor_ids, changes, strict=True)
    return np.array([change != "absolute" or is_exchange_rate(name) for name, change in moving], dtype=bool)


def not_positive(
    market: Market, factor_ids: list[str], last: date | None = None, starts: Mapping[str, date] = MappingProxyType({})
) -> list[WrongLevel]:
    """The factors, and those that their volatilities are modelled from, with a level that it may not have.

    `starts` are the factors that securities follow, each with the day whose level their market value starts from. Up to
    and including `last`, by default on all days of the market; factors that it does not hold are passed over.
    """
    known = market.levels if last is None else market.levels.filter(pl.col("date") <= last)
    expected = _expected(market, factor_ids)
    found = [_lowest(known, name, words) for name, words in expected.items()]
    for name in sorted(starts.keys() - expected.keys()):
        if name in market.factor_ids:
            found.append(_lowest(market.levels.filter(date=starts[name]), name, VALUED))
    return [one for one in found if one is not None]


def _lowest(levels: pl.DataFrame, factor_id: str, expected: str) -> WrongLevel | None:
    row = levels[factor_id].arg_min()
    if row is None or levels[factor_id][row] > 0:
        return None
    return WrongLevel(factor_id, expected, levels["date"][row], levels[factor_id][row])


def level_problems(
    market: Market, factor_ids: list[str], last: date | None = None, starts: Mapping[str, date] = MappingProxyType({})
) -> dict[str, Problem]:
    """What `not_positive` finds, by factor, each where it stands in the file of prices."""
    return {one.factor_id: located(market, one) for one in not_positive(market, factor_ids, last, starts)}


def check_levels(
    market: Market, factor_ids: list[str], last: date, starts: Mapping[str, date] = MappingProxyType({})
) -> None:
    """Raise InputError where a level up to and including `last` is zero or below and may not be."""
    problems = list(level_problems(market, factor_ids, last, starts).values())
    raise_problems(problems, len(problems))


def _expected(market: Market, factor_ids: list[str]) -> dict[str, str]:
    """What is expected of the levels of each factor of the market that must be positive, in order."""
    found: dict[str, str] = {}
    there = [name for name in factor_ids if name in market.factor_ids]
    positive = must_be_positive(market, there)
    for name, change, bound in zip(there, market.kinds("change", there), positive, strict=True):
        if bound:
            ratios = "levels of a relative factor must be positive"
            found[name] = "an exchange rate must be positive" if change == "absolute" else ratios
    for name in factor_ids:
        base = modelled_from(market, name)
        if base is not None:
            found.setdefault(base, f"levels that {base}{SUFFIX} is modelled from must be positive")
    return dict(sorted(found.items()))


def located(market: Market, found: WrongLevel) -> Problem:
    """The problem with the cell that the level stands in; of a market in memory there is no file to name."""
    path = market.files.get("prices")
    field, row = (found.factor_id, None) if path is None else _cell(path, found)
    subject = "it" if field == found.factor_id else found.factor_id
    expected = f"{found.expected}; on {found.day} {subject} is {found.level:g}"
    return Problem("market" if path is None else path.name, expected, field, found.level, row)


def _cell(path: Path, found: WrongLevel) -> tuple[str, int | None]:
    """The column and the row, from 1, of a level in a file of prices, long or wide. Read again: it is not kept."""
    raw = read_raw(path).with_row_index("of_row", offset=1)
    rows = raw.filter(pl.col("date").cast(pl.String).str.strip_chars().str.starts_with(str(found.day)))
    if found.factor_id in raw.columns:
        return found.factor_id, rows["of_row"].first()  # type: ignore[return-value] - polars says Any
    return "value", rows.filter(pl.col("factor_id").cast(pl.String) == found.factor_id)["of_row"].first()  # type: ignore[return-value]
