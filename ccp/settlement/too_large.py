"""Days on which what is held is worth more than can be counted in 64 bits of minor units."""

from collections.abc import Iterator

import numpy as np

from ccp.errors import Problem
from ccp.market.levels import WrongLevel, located
from ccp.market.needs import currency_factor
from ccp.market.too_large import LARGEST_HOLDING
from ccp.products import factor_columns
from ccp.settlement.prices import DayPrices, PricePath
from ccp.settlement.trades import Holding, RunTrades
from ccp.tables import raise_problems
from ccp.types import Vector


def refuse_too_large(path: PricePath, now: DayPrices, day: int, opening: Holding, trades: RunTrades) -> None:
    """Refuse a day's prices at which all holdings of an instrument, or a line of collateral, are worth too much.

    `opening` and `trades` are the positions at the start of a block of days and its trades up to this one, which are
    added up long and short. Raises InputError with the level of the day that does it, in the file of prices.
    """
    worth = np.abs(now.price) * path.multiplier * now.exchange * _gross(opening, trades)
    wrong = ~(worth <= LARGEST_HOLDING / path.run.minor) & path.alive(day - 1)
    problems = [_problem(path, day, int(place), float(worth[place])) for place in np.flatnonzero(wrong)]
    problems += [_problem_of_line(path, day, place, worth) for place, worth in _large_lines(path, day)]
    raise_problems(problems, len(problems))


def _gross(opening: Holding, trades: RunTrades) -> Vector:
    """What is held of every instrument, long and short together, at most."""
    held = np.zeros(opening.instruments)
    np.add.at(held, opening.instrument, np.abs(opening.quantity))
    np.add.at(held, trades.instrument, np.abs(trades.quantity))
    return held


def _large_lines(path: PricePath, day: int) -> Iterator[tuple[int, float]]:
    """The lines of collateral that are worth too much on a day, and what they are worth."""
    table, service = path.run.case.book.collateral, path.run.case.rulebook.currency
    if table is None:
        return
    levels = path.run.path.row(int(path.run.rows[day]), named=True)
    pairs = [currency_factor(name, service) for name in table["currency"].fill_null(service)]
    rates = np.array([levels.get(pair, 1.0) for pair in pairs])
    worth = path.collateral_values(day) * rates
    for place in np.flatnonzero(~(worth <= LARGEST_HOLDING / path.run.minor)):
        yield int(place), float(worth[place])


def _problem(path: PricePath, day: int, place: int, worth: float) -> Problem:
    row = path.table.row(place, named=True)
    names = [row[name] for name in factor_columns()]
    return _of_level(path, day, names, row["currency"], f"all holdings of {row['instrument_id']}", worth)


def _problem_of_line(path: PricePath, day: int, place: int, worth: float) -> Problem:
    table = path.run.case.book.collateral
    assert table is not None
    row = table.row(place, named=True)
    return _of_level(path, day, [row["factor_id"]], row["currency"], f"collateral {row['asset_id']}", worth)


def _of_level(
    path: PricePath, day: int, names: list[str | None], currency: str | None, what: str, worth: float
) -> Problem:
    """The problem at the level, among those that a thing's worth goes by, that has grown most since the first day."""
    run = path.run
    service = run.case.rulebook.currency
    pair = None if currency in (None, service) else currency_factor(str(currency), service)
    now, first = (run.path.row(int(run.rows[place]), named=True) for place in (day, 0))
    known = [name for name in (*names, pair) if name is not None and name in now]
    grown = max(known, key=lambda name: abs(now[name]) / max(abs(first[name]), 1e-300))
    expected = f"{what} may be worth {LARGEST_HOLDING / run.minor:g} {service} at most, by this level {worth:g}"
    return located(run.case.market, WrongLevel(grown, expected, run.dates[day], now[grown]))
