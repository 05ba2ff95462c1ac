"""The trades of a run as a file has them: read, and checked against the book, its market and the run's days."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from ccp.book.book import Book
from ccp.book.check import MATCH_TOLERANCE, Findings
from ccp.errors import Problem, refuse
from ccp.frames import TradeRows
from ccp.market.case import Case
from ccp.market.needs import low_prices
from ccp.market.too_large import LARGEST_HOLDING, worth_of_units
from ccp.money import minor_units
from ccp.settlement.trades import RunTrades, trade_arrays
from ccp.tables import check_table, raise_problems, read_raw


def read_trades(path: Path, case: Case, dates: list[date]) -> RunTrades:
    """Read a trades table and check it against the book, its market and the run's days. Raises InputError."""
    if not path.exists():
        raise refuse(str(path), "no such file")
    frame, problems, total = check_table(read_raw(path), TradeRows, path.name)
    findings = Findings()
    findings.add(problems, total)
    _check(frame, case.book, dates, path.name, findings)
    _check_prices(frame, case, path.name, findings)
    raise_problems(findings.problems, findings.total)
    if case.rulebook.book.matched:
        _check_matched(frame, path.name, findings)
        raise_problems(findings.problems, findings.total)
    return trade_arrays(frame, case.portfolio, dates)


def _check(frame: pl.DataFrame, book: Book, dates: list[date], source: str, findings: Findings) -> None:
    known = {
        "date": pl.Series(dates, dtype=pl.Date),
        "account_id": book.accounts["account_id"],
        "instrument_id": book.instruments["instrument_id"],
    }
    expected = {
        "date": f"a day of the run was expected ({dates[0]} to {dates[-1]}, days with prices)",
        "account_id": "unknown; the accounts table has no such account_id",
        "instrument_id": "unknown; the instruments table has no such instrument_id",
    }
    for field, values in known.items():
        wrong = frame[field].is_not_null() & ~frame[field].is_in(values.implode())
        findings.mask(source, frame[field], wrong, expected[field])
    ends = dict(zip(book.instruments["instrument_id"], book.instruments["expiry"], strict=True))
    expiry = frame["instrument_id"].replace_strict(ends, default=None, return_dtype=pl.Date)
    late = pl.Series(frame["date"].to_numpy() > _last_days(expiry, dates))
    findings.mask(source, frame["date"], late, "a day on which the instrument is still there was expected")


def _check_prices(frame: pl.DataFrame, case: Case, source: str, findings: Findings) -> None:
    """A trade's price is held to what is asked of its instrument's own, and no trade is too large to be counted."""
    known = worth_of_units(case.book, case.market, case.rulebook.currency).rename({"highest": "known"})
    terms = case.book.instruments.select("instrument_id", "kind", "factor_id")
    traded = frame.join(terms.join(known, on="instrument_id"), on="instrument_id", how="left", maintain_order="left")
    for expected, low in low_prices(case.market):
        findings.rows(source, traded, low, "price", expected)
    limit = LARGEST_HOLDING / minor_units(case.rulebook.currency_digits)
    size = pl.col("quantity").abs() * pl.col("unit")
    expected = f"a trade may be worth {limit:g} {case.rulebook.currency} at most"
    findings.rows(source, traded, size * pl.col("known") > limit, "quantity", expected)
    fitting = size * pl.col("known") <= limit
    findings.rows(source, traded, fitting & (size * pl.col("price").abs() > limit), "price", expected)


def _last_days(expiry: pl.Series, dates: list[date]) -> np.ndarray:
    """The day on which each instrument is settled for the last time: its expiry or the next open day; NaT for never."""
    days = np.array(dates, dtype="datetime64[D]")
    ends = expiry.cast(pl.Date).to_numpy().astype("datetime64[D]")
    place = np.searchsorted(days, ends)
    never = np.isnat(ends) | (place == len(days))
    return np.where(never, np.datetime64("NaT"), days[np.minimum(place, len(days) - 1)])


def _check_matched(frame: pl.DataFrame, source: str, findings: Findings) -> None:
    """On each day an instrument's quantities, and quantities times prices, must sum to zero."""
    value = pl.col("quantity") * pl.col("price")
    sums = frame.group_by("date", "instrument_id").agg(
        pl.col("quantity").sum().alias("net"),
        pl.col("quantity").abs().sum().alias("gross"),
        value.sum().alias("paid"),
        value.abs().sum().alias("turnover"),
    )
    wrong = (pl.col("net").abs() > MATCH_TOLERANCE * pl.col("gross")) | (
        pl.col("paid").abs() > MATCH_TOLERANCE * pl.col("turnover")
    )
    expected = "a day's quantities, and quantities times prices, must sum to 0 in every instrument (book.matched)"
    for row in sums.filter(wrong).sort("date", "instrument_id").iter_rows(named=True):
        found = f"{expected}; on {row['date']} they sum to {row['net']:g} and {row['paid']:g}"
        findings.add([Problem(source, found, "instrument_id", row["instrument_id"])])
