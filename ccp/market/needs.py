"""Which factors a book needs of a market, and whether the market has them."""

import numpy as np
import polars as pl

from ccp.book.book import Book
from ccp.errors import Problem
from ccp.market.history import Market


def currency_factor(currency: str, service: str) -> str:
    """The factor that converts a currency into the service's: `EUR/USD`."""
    return f"{currency}/{service}"


def needed_factors(book: Book, service: str) -> list[str]:
    """Every factor that moves the book: prices, volatilities, currencies. Sorted."""
    instruments = book.instruments
    named = pl.concat([instruments["factor_id"].drop_nulls(), instruments["volatility_id"].drop_nulls()])
    currencies = instruments["currency"].drop_nulls()
    if book.collateral is not None:
        currencies = pl.concat([currencies, book.collateral["currency"].drop_nulls()])
    pairs = [currency_factor(currency, service) for currency in currencies.unique() if currency != service]
    return sorted({*named, *pairs})


def find_market_problems(book: Book, market: Market, service: str, history_days: int) -> list[Problem]:
    """What the market lacks for this book: factors, today's values, history, positive levels; expired options.

    `history_days` is how many of the latest rows must hold a value of every factor.
    """
    source = book.files["instruments"].name if "instruments" in book.files else "instruments"
    problems = [
        problem
        for factor_id in needed_factors(book, service)
        if (problem := _factor_problem(factor_id, source, market, history_days)) is not None
    ]
    today = market.levels["date"][-1]
    expired = (book.instruments["expiry"] <= today).fill_null(False).arg_true().to_list()
    expected = f"a day after the run's date {today} was expected; the instrument has expired"
    for row in expired:
        problems.append(Problem(source, expected, "expiry", str(book.instruments["expiry"][row]), row + 1))
    return problems + _negative_futures(book, market, source)


def _factor_problem(factor_id: str, source: str, market: Market, history_days: int) -> Problem | None:
    if factor_id not in market.factor_ids:
        return Problem(source, "the market has no history of this factor", "factor", factor_id)
    recent = market.levels[factor_id].tail(history_days)
    if recent[-1] is None:
        today = market.levels["date"][-1]
        return Problem(source, f"the market has no value of this factor on {today}", "factor", factor_id)
    have = recent.len() - recent.null_count()
    if have < history_days:
        expected = f"a value on each of the latest {history_days} days was expected, the market has {have}"
        return Problem(source, expected, "factor", factor_id)
    relative = market.kinds("change", [factor_id])[0] == "relative"
    lowest = market.levels[factor_id].min()
    if relative and isinstance(lowest, float) and lowest <= 0:
        day = market.levels["date"][int(np.argmin(market.matrix([factor_id])[:, 0]))]
        expected = f"levels of a relative factor must be positive; on {day} it is {lowest:g}"
        return Problem(source, expected, "factor", factor_id)
    return None


def _negative_futures(book: Book, market: Market, source: str) -> list[Problem]:
    """A future's price may pass zero only if its factor moves by differences."""
    change = dict(zip(market.factors["factor_id"], market.factors["change"], strict=True))
    wrong = book.instruments.with_row_index("row", offset=1).filter(
        (pl.col("kind") == "future")
        & (pl.col("price") <= 0)
        & (pl.col("factor_id").replace_strict(change, default=None, return_dtype=pl.String) == "relative")
    )
    expected = "more than 0 was expected, since its factor moves by ratios"
    return [
        Problem(source, expected, "price", row["price"], row["row"])
        for row in wrong.select("row", "price").iter_rows(named=True)
    ]
