"""What is held against each pool's requirement, after haircut, at today's prices."""

import numpy as np
import polars as pl

from ccp.book.book import Book
from ccp.book.portfolio import Portfolio
from ccp.market.history import Market
from ccp.market.needs import currency_factor
from ccp.money import to_minor
from ccp.types import Cents


def margin_held(book: Book, portfolio: Portfolio, market: Market, service: str, digits: int) -> Cents | None:
    """Post-haircut value by pool in minor units, or None when the book has no collateral table.

    Haircuts apply and scenarios do not move collateral: never both on the same asset. Values in another
    currency are converted at today's rate. A pool without collateral holds nothing.
    """
    if book.collateral is None:
        return None
    rates = {
        currency: 1.0 if currency == service else market.level(currency_factor(currency, service))
        for currency in book.collateral["currency"].fill_null(service).unique()
    }
    counted = book.collateral.sort("pool_id", "asset_id").select(
        "pool_id",
        (
            pl.col("market_value")
            * (1.0 - pl.col("haircut"))
            * pl.col("currency").fill_null(service).replace_strict(rates, return_dtype=pl.Float64)
        ).alias("value"),
    )
    cents = to_minor(counted["value"].to_numpy(), digits)
    places = counted["pool_id"].cast(pl.Enum(pl.Series(portfolio.pools))).to_physical().to_numpy()
    held = np.zeros(len(portfolio.pools), dtype=np.int64)
    np.add.at(held, places, cents)
    return held
