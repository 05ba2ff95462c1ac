"""The order of a book's tables, stated once: arrays by member, account, pool or instrument are in it.

Whatever needs a column of a book asks the book for it (`Book.member_column`, `Book.instrument_column`), and never sorts
by an id itself: a column that was not sorted would be a wrong number without an error.
"""

import polars as pl

ORDER = {
    "members": ("member_id",),
    "accounts": ("member_id", "pool_id", "account_id"),
    "instruments": ("instrument_id",),
    "collateral": ("pool_id", "asset_id"),
}
"""By table, the columns that its rows are in order of. Pools are in order of accounts."""


def in_order(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """Rows of one of the book's tables, or of one like it, in its order."""
    return table.sort(ORDER[name])


def distinct(ids: pl.Series) -> pl.Series:
    """Every id of a column that is stated, once, in order."""
    return ids.drop_nulls().unique().sort()
