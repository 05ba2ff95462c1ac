"""What somebody would change about a book, and the book as it would be."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field, model_validator

from ccp.book.book import Book
from ccp.documents import Frozen
from ccp.errors import LARGEST_AMOUNT, NAME, InputError, Problem

Factor = Annotated[float, Field(ge=-1_000, le=1_000, allow_inf_nan=False)]


class Trade(Frozen):
    """A quantity added to what an account holds of an instrument; its counterparty is a trade of its own."""

    account_id: str
    instrument_id: str
    quantity: float = Field(allow_inf_nan=False)


class _Holder(Frozen):
    account_id: str | None = None
    member_id: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "_Holder":
        if (self.account_id is None) == (self.member_id is None):
            raise ValueError("account_id or member_id was expected, one of them")
        return self


class Scale(_Holder):
    """All positions of an account, or of all accounts of a member, times a factor."""

    by: Factor


class Remove(_Holder):
    """An account that goes, or a member with all its accounts, its collateral and its contribution."""


class NewAccount(Frozen):
    """An account that comes, empty: its positions are trades."""

    account_id: str = Field(min_length=1)
    member_id: str
    pool_id: str | None = None
    kind: Literal["house", "client"]


class NewMember(Frozen):
    """A member that comes."""

    member_id: str = Field(min_length=1, pattern=NAME)
    group_id: str | None = Field(default=None, pattern=NAME)
    fund_contribution: float | None = Field(default=None, ge=0, le=LARGEST_AMOUNT)
    capital: float | None = Field(default=None, ge=0, le=LARGEST_AMOUNT)


class Changes(Frozen):
    """What is changed, in this order: members and accounts come, members and accounts go, positions are scaled, trades
    are added. `rules` are values of the rulebook by their path, such as `fund.cover`."""

    add_members: tuple[NewMember, ...] = ()
    add_accounts: tuple[NewAccount, ...] = ()
    remove: tuple[Remove, ...] = ()
    scale: tuple[Scale, ...] = ()
    trades: tuple[Trade, ...] = ()
    rules: dict[str, Any] = Field(default_factory=dict)

    def with_more(self, other: "Changes") -> "Changes":
        """These and others, in one."""
        lists = ("add_members", "add_accounts", "remove", "scale", "trades")
        joined: dict[str, Any] = {name: (*getattr(self, name), *getattr(other, name)) for name in lists}
        return self.model_copy(update=joined | {"rules": self.rules | other.rules})


@dataclass(frozen=True)
class ChangedBook:
    """A book after changes: `book` without positions, and all positions of the accounts in `changed`, new ones too."""

    book: Book
    changed: list[str]
    positions: pl.DataFrame


def apply_changes(
    book: Book, changes: Changes, source: str, positions_of: Callable[[list[str]], pl.DataFrame]
) -> ChangedBook:
    """The book after the changes. `positions_of` gives the positions of some accounts before. Raises InputError."""
    _check_known(book, changes, source)
    gone_members = {one.member_id for one in changes.remove if one.member_id is not None}
    gone_accounts = [one.account_id for one in changes.remove if one.account_id is not None]
    members = _with_rows(book.members, changes.add_members).filter(~pl.col("member_id").is_in(gone_members))
    accounts = _with_rows(book.accounts, changes.add_accounts)
    gone = pl.col("account_id").is_in(gone_accounts) | pl.col("member_id").is_in(gone_members)
    accounts = accounts.filter(~gone)
    members = members.with_columns(pl.coalesce("group_id", "member_id").alias("group_id"))
    accounts = accounts.with_columns(pl.coalesce("pool_id", "account_id").alias("pool_id"))
    collateral = book.collateral
    if collateral is not None:
        collateral = collateral.filter(pl.col("pool_id").is_in(accounts["pool_id"].unique().implode()))
    left = replace(book, members=members, accounts=accounts, collateral=collateral)
    positions, changed = _changed_positions(left, changes, positions_of)
    return ChangedBook(left, changed, positions)


def _with_rows(table: pl.DataFrame, rows: tuple[Frozen, ...]) -> pl.DataFrame:
    if not rows:
        return table
    stated = [{name: row.model_dump().get(name) for name in table.columns} for row in rows]
    return pl.concat([table, pl.DataFrame(stated, schema=table.schema)])


def _changed_positions(
    book: Book, changes: Changes, positions_of: Callable[[list[str]], pl.DataFrame]
) -> tuple[pl.DataFrame, list[str]]:
    """The new positions of accounts that are scaled, trade or are new; an account of its own each, none of zero."""
    of_member = dict(book.accounts.group_by("member_id").agg("account_id").iter_rows()) if changes.scale else {}
    factor: dict[str, float] = {}
    for one in changes.scale:
        for name in of_member.get(one.member_id, []) if one.account_id is None else [one.account_id]:
            factor[name] = factor.get(name, 1.0) * one.by
    new = [one.account_id for one in changes.add_accounts]
    changed = list(dict.fromkeys([*factor, *(one.account_id for one in changes.trades), *new]))
    held = {
        (account, instrument): quantity * factor.get(account, 1.0)
        for account, instrument, quantity in positions_of(
            [name for name in changed if name not in set(new)]
        ).iter_rows()
    }
    for trade in changes.trades:
        key = trade.account_id, trade.instrument_id
        held[key] = held.get(key, 0.0) + trade.quantity
    rows = [(*key, quantity) for key, quantity in held.items() if quantity != 0]
    return pl.DataFrame(rows, schema=book.positions.schema, orient="row"), changed


def _check_known(book: Book, changes: Changes, source: str) -> None:
    """Everything that is changed must be there, everything new must not. Raises InputError."""
    accounts, members = set(book.accounts["account_id"]), set(book.members["member_id"])
    instruments = set(book.instruments["instrument_id"])
    new_members = {one.member_id for one in changes.add_members}
    new_accounts = {one.account_id for one in changes.add_accounts}
    gone = {one.member_id for one in changes.remove} | {one.account_id for one in changes.remove}
    owner = dict(book.accounts.select("account_id", "member_id").iter_rows())
    owner |= {one.account_id: one.member_id for one in changes.add_accounts}
    problems = []

    def expect(part: str, place: int, field: str, value: str | None, known: set[str], present: bool = True) -> None:
        removed = value in gone or (field == "account_id" and owner.get(str(value)) in gone)
        said = ""
        if value is not None and (value in known) != present:
            said = f"no such {field} in the book" if present else f"a new {field} was expected, the book has this one"
        elif value is not None and removed and part != "remove":
            said = "this is removed by the same changes"
        if said:
            problems.append(Problem(source, said, f"{part}.{place}.{field}", value))

    for place, one in enumerate(changes.add_members):
        expect("add_members", place, "member_id", one.member_id, members, False)
    for place, one in enumerate(changes.add_accounts):
        expect("add_accounts", place, "account_id", one.account_id, accounts, False)
        expect("add_accounts", place, "member_id", one.member_id, members | new_members)
    for part, holders in (("remove", changes.remove), ("scale", changes.scale)):
        for place, one in enumerate(holders):
            expect(part, place, "account_id", one.account_id, accounts)
            expect(part, place, "member_id", one.member_id, members)
    for place, one in enumerate(changes.trades):
        expect("trades", place, "account_id", one.account_id, accounts | new_accounts)
        expect("trades", place, "instrument_id", one.instrument_id, instruments)
    if problems:
        raise InputError(problems)
