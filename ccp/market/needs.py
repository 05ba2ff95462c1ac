"""Which factors a book needs of a market, and whether the market has them."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from ccp.book.book import Book
from ccp.book.check import LOW, is_a
from ccp.errors import Problem
from ccp.market.history import Market
from ccp.market.levels import level_problems
from ccp.market.volatility import modelled_from
from ccp.products import LIMITS, PRODUCTS, factor_columns

BY_FACTOR = "as its factor"
"""What `ccp.products` says of a price that may pass zero only where the factor may."""
NOT_PRICES = ("rate", "volatility")
"""Asset classes of factors that no security's value is in proportion to."""


def currency_factor(currency: str, service: str) -> str:
    """The factor that converts a currency into the service's: `EUR/USD`."""
    return f"{currency}/{service}"


@dataclass(frozen=True)
class Use:
    """Where a book first names a factor: table, column and row from 1."""

    table: str
    field: str
    row: int


def factor_uses(book: Book, service: str) -> dict[str, Use]:
    """Every factor that moves the book - prices, volatilities, currencies - and where it is first named."""
    columns = [("instruments", book.instruments[name]) for name in ("currency", *factor_columns())]
    if book.collateral is not None:
        columns[1:1] = [("collateral", book.collateral[name]) for name in ("currency", "factor_id")]
    uses: dict[str, Use] = {}
    for table, values in columns:
        for place in values.arg_unique().to_list():
            name = values[place]
            if name is None or (values.name == "currency" and name == service):
                continue
            factor_id = currency_factor(name, service) if values.name == "currency" else name
            uses.setdefault(factor_id, Use(table, values.name, place + 1))
    return uses


def needed_factors(book: Book, service: str) -> list[str]:
    """Every factor that moves the book: prices, volatilities, currencies. Sorted."""
    return sorted(factor_uses(book, service))


def followed_factors(book: Book) -> list[str]:
    """The factors that securities held as collateral follow."""
    return (
        []
        if book.collateral is None
        else book.collateral["factor_id"].drop_nulls().unique(maintain_order=True).to_list()
    )


def find_market_problems(book: Book, market: Market, service: str, history_days: int) -> list[Problem]:
    """What the market lacks for this book: factors, today's values, history, positive levels; expired options.

    `history_days` is how many of the latest rows must hold a value of every factor.
    """
    uses = factor_uses(book, service)
    today = market.dates[-1]
    levels = level_problems(market, sorted(uses), starts=dict.fromkeys(followed_factors(book), today))
    problems = list(levels.values()) + [
        Problem(source_of(book, use.table), expected, use.field, factor_id, use.row)
        for factor_id, use in sorted(uses.items())
        if factor_id not in levels
        and modelled_from(market, factor_id) not in levels
        and (expected := _lacking(factor_id, market, history_days)) is not None
    ]
    source = source_of(book, "instruments")
    expired = (book.instruments["expiry"] <= today).fill_null(False).arg_true().to_list()
    expected = f"a day after the run's date {today} was expected; the instrument has expired"
    for row in expired:
        problems.append(Problem(source, expected, "expiry", str(book.instruments["expiry"][row]), row + 1))
    problems += _not_prices(book, market) + _other_units(book, market, source)
    return problems + _negative_prices(book, market, source)


def source_of(book: Book, table: str) -> str:
    """The name of a table's file, or of the table where there is none."""
    return book.files[table].name if table in book.files else table


def _lacking(factor_id: str, market: Market, history_days: int) -> str | None:
    """What was expected of a factor's history, or None when it serves."""
    if factor_id not in market.factor_ids:
        return "the market has no history of this factor" + _why_lacking(factor_id, market)
    recent = market.levels[factor_id].tail(history_days)
    if recent[-1] is None:
        return f"the market has no value of this factor on {market.levels['date'][-1]}"
    have = recent.len() - recent.null_count()
    if have < history_days:
        empty = market.levels["date"].tail(history_days).filter(recent.is_null())
        gap = f", none on {empty[-1]}" if len(empty) else ""
        return f"a value on each of the latest {history_days} days was expected, the market has {have}{gap}"
    return None


def _why_lacking(factor_id: str, market: Market) -> str:
    inverse = "/".join(reversed(factor_id.split("/")))
    if inverse != factor_id and inverse in market.factor_ids:
        return f"; it has {inverse}, the other way round"
    return ""


def low_prices(market: Market) -> Iterator[tuple[str, pl.Expr]]:
    """What a price must be, in words, and whether one is lower, of rows with `kind`, `factor_id` and `price`."""
    for product in PRODUCTS.values():
        if product.price is not None:
            low = _passes_zero(market) if product.price == BY_FACTOR else LOW[product.price]
            yield LIMITS[product.price], is_a(product) & low


def _passes_zero(market: Market) -> pl.Expr:
    """A price that moves as its factor does may pass zero only if the factor moves by differences."""
    change = dict(zip(market.factors["factor_id"], market.factors["change"].cast(pl.String), strict=True))
    moves = pl.col("factor_id").replace_strict(change, default=None, return_dtype=pl.String)
    return (pl.col("price") <= 0) & (moves == "relative")


def _not_prices(book: Book, market: Market) -> list[Problem]:
    """Factors that securities are said to follow and that are no prices: a bond falls when its yield rises."""
    names = [name for name in followed_factors(book) if name in market.factor_ids]
    classes = dict(zip(names, market.kinds("asset_class", names), strict=True))
    expected = "the factor of a price was expected, which the security's value is in proportion to; this one is a"
    return [
        Problem(source_of(book, "collateral"), f"{expected} {classes[name]}", "factor_id", name, _first_row(book, name))
        for name in names
        if classes[name] in NOT_PRICES
    ]


def _first_row(book: Book, factor_id: str) -> int:
    """The first row of the collateral table, from 1, that names a factor."""
    assert book.collateral is not None
    return int((book.collateral["factor_id"] == factor_id).arg_true()[0]) + 1


def _other_units(book: Book, market: Market, source: str) -> list[Problem]:
    """Volatility factors that move by differences, beside a volatility in units of the price: of no common unit."""
    change = dict(zip(market.factors["factor_id"], market.factors["change"], strict=True))
    wrong = book.instruments.with_row_index("row", offset=1).filter(
        pl.col("normal_volatility").is_not_null()
        & (pl.col("volatility_id").replace_strict(change, default=None, return_dtype=pl.String) == "absolute")
    )
    expected = "a factor that moves by ratios was expected beside normal_volatility, which is in units of the price"
    return [
        Problem(source, expected, "volatility_id", row["volatility_id"], row["row"])
        for row in wrong.select("row", "volatility_id").iter_rows(named=True)
    ]


def _negative_prices(book: Book, market: Market, source: str) -> list[Problem]:
    """Prices that the book alone does not refuse, and its market does."""
    bound = [is_a(product) for product in PRODUCTS.values() if product.price == BY_FACTOR]
    wrong = book.instruments.with_row_index("row", offset=1).filter(pl.any_horizontal(bound) & _passes_zero(market))
    return [
        Problem(source, LIMITS[BY_FACTOR], "price", row["price"], row["row"])
        for row in wrong.select("row", "price").iter_rows(named=True)
    ]
