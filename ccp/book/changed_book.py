"""The book as it would be after changes, and where everything in it stood before."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from ccp.book.book import Book
from ccp.book.change_problems import find_change_problems, gone
from ccp.book.changes import Changes
from ccp.book.order import in_order
from ccp.book.stated_changes import StatedChanges
from ccp.errors import refuse
from ccp.tables import raise_problems
from ccp.types import Flags, Index

KEY = ["account_id", "instrument_id"]


@dataclass(frozen=True)
class ChangedBook:
    """A book after changes. Its own positions are empty: `positions` are all those of the accounts in `touched`.

    `members` and `accounts` say where each of the book's members and accounts stood before, -1 for new ones; `touched`
    which accounts are new or hold something else.
    """

    book: Book
    members: Index
    accounts: Index
    touched: Flags
    positions: pl.DataFrame


def apply_changes(book: Book, stated: StatedChanges, positions_of: Callable[[Index], pl.DataFrame]) -> ChangedBook:
    """The book after the changes. Its members and accounts must be in the order of the portfolio, and stay so.

    `positions_of` gives the positions of some accounts, by their places before. Raises InputError.
    """
    problems = find_change_problems(book, stated)
    raise_problems(problems, len(problems))
    changes = stated.changes
    members, member_origin = _members_after(book, changes)
    accounts, account_origin = _accounts_after(book, changes)
    left = replace(book, members=members, accounts=accounts, collateral=_collateral_after(book, accounts))
    for name in ("members", "accounts", "collateral"):
        table = getattr(left, name)
        if table is not None and not table.height:
            raise refuse(stated.sources[-1].name, f"nothing would be left in the book's {name}")
    factors = _factors(accounts, changes)
    names = [*factors, *(one.account_id for one in (*changes.trades, *changes.add_accounts))]
    touched = accounts["account_id"].is_in(names).to_numpy()
    held = positions_of(account_origin[touched & (account_origin >= 0)])
    positions = _positions_after(held, factors, changes)
    if touched.all() and not positions.height:
        raise refuse(stated.sources[-1].name, "nothing would be left in the book's positions")
    return ChangedBook(left, member_origin, account_origin, touched, positions)


def _members_after(book: Book, changes: Changes) -> tuple[pl.DataFrame, Index]:
    _, members = gone(changes)
    new = [one.model_dump() | {"group_id": one.group_id or one.member_id} for one in changes.add_members]
    return _after(book.members, new, pl.col("member_id").is_in(members), bool(members), "members")


def _accounts_after(book: Book, changes: Changes) -> tuple[pl.DataFrame, Index]:
    accounts, members = gone(changes)
    new = [one.model_dump() | {"pool_id": one.pool} for one in changes.add_accounts]
    removed = pl.col("account_id").is_in(accounts) | pl.col("member_id").is_in(members)
    return _after(book.accounts, new, removed, bool(changes.remove), "accounts")


def _after(
    table: pl.DataFrame, new: list[dict[str, Any]], removed: pl.Expr, any_removed: bool, name: str
) -> tuple[pl.DataFrame, Index]:
    """A table of the book, in its order, with rows added and taken away, and where each row stood before, or -1."""
    if not new and not any_removed:
        return table, np.arange(table.height)
    stated = [{column: row.get(column) for column in table.columns} for row in new]
    rows = pl.DataFrame(stated, schema=table.schema).with_columns(before=pl.lit(-1, dtype=pl.Int64))
    placed = table.with_columns(before=pl.int_range(pl.len(), dtype=pl.Int64)).filter(~removed)
    after = in_order(pl.concat([placed, rows]), name)
    return after.drop("before"), after["before"].to_numpy()


def _collateral_after(book: Book, accounts: pl.DataFrame) -> pl.DataFrame | None:
    """What is held by pools that are still there."""
    if book.collateral is None or accounts is book.accounts:
        return book.collateral
    return book.collateral.filter(pl.col("pool_id").is_in(accounts["pool_id"].unique().implode()))


def _factors(accounts: pl.DataFrame, changes: Changes) -> dict[str, float]:
    """What each account's positions are multiplied by: several factors of one account multiply."""
    members = {one.member_id for one in changes.scale if one.member_id is not None}
    owned = accounts.filter(pl.col("member_id").is_in(members)).group_by("member_id").agg("account_id")
    of_member = dict(owned.iter_rows())
    factors: dict[str, float] = {}
    for one in changes.scale:
        for name in of_member.get(one.member_id, []) if one.account_id is None else [one.account_id]:
            factors[name] = factors.get(name, 1.0) * one.by
    return factors


def _positions_after(held: pl.DataFrame, factors: dict[str, float], changes: Changes) -> pl.DataFrame:
    """Positions after scaling and trades, none of zero."""
    by = pl.DataFrame(
        {"account_id": list(factors), "by": list(factors.values())}, {"account_id": pl.String, "by": float}
    )
    scaled = held.join(by, on="account_id", how="left", maintain_order="left").select(
        "account_id", "instrument_id", pl.col("quantity") * pl.col("by").fill_null(1.0)
    )
    pairs = [(one.account_id, one.instrument_id) for one in changes.trades]
    asked = pl.DataFrame(pairs, dict.fromkeys(KEY, pl.String), orient="row")
    traded = {(row[0], row[1]): row[2] for row in scaled.join(asked, on=KEY, how="semi").iter_rows()}
    for pair, one in zip(pairs, changes.trades, strict=True):  # one by one: the order of sums is part of the answer
        traded[pair] = traded.get(pair, 0.0) + one.quantity
    rows = pl.DataFrame([(*pair, sum_) for pair, sum_ in traded.items()], held.schema, orient="row")
    return pl.concat([scaled.join(asked, on=KEY, how="anti"), rows]).filter(pl.col("quantity") != 0)
