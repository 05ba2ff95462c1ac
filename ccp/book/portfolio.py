"""The book as the engine takes it: positions in compressed rows, accounts in order of member and pool."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import polars as pl

from ccp.book.book import Book
from ccp.book.order import distinct
from ccp.book.roster import Roster, Rostered
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.types import Flags, Index


@dataclass(frozen=True)
class Part:
    """Some pools of a book, whole, as arrays: what the engine measures at a time.

    Accounts and pools are counted from 0 within the part; members, groups and clients are all of the book's. An
    account's client is -1 where it names none.
    """

    positions: PositionArrays
    account_pool: Index
    pool_member: Index
    pool_house: Flags
    member_group: Index
    account_client: Index

    def load(self) -> "Part":
        """A part that is in memory is there."""
        return self

    @property
    def account_member(self) -> Index:
        """The member of each account."""
        return self.pool_member[self.account_pool]

    @property
    def account_group(self) -> Index:
        """The group of each account."""
        return self.member_group[self.account_member]


class Loadable(Protocol):
    """A part of a book, or a note of where it can be read. `pool_member` has the member of each of its pools."""

    @property
    def pool_member(self) -> Index:
        """The member of each pool."""
        ...

    def load(self) -> Part:
        """The part in memory."""
        ...


@dataclass(frozen=True)
class Portfolio(Rostered):
    """Positions by account, and the tree account -> pool -> member -> group.

    Every list of ids is sorted, so that no result depends on the order of rows in a file: members and groups as the
    roster has them, pools by (member, pool_id), accounts by (pool, account_id), instruments by instrument_id, and an
    account's positions by instrument. `account_pool` and `pool_member` are positions in those lists, and so is
    `account_client` in that of the clients that accounts name, -1 where one names none.
    """

    instruments: list[str]
    accounts: list[str]
    pools: list[str]
    roster: Roster
    account_pool: Index
    pool_member: Index
    pool_house: Flags
    clients: list[str]
    account_client: Index
    positions: PositionArrays

    @cached_property
    def account_member(self) -> Index:
        """The member of each account."""
        return self.pool_member[self.account_pool]

    @property
    def account_group(self) -> Index:
        """The group of each account."""
        return self.member_group[self.account_member]

    @cached_property
    def holding_accounts(self) -> Flags:
        """Which accounts hold a position."""
        offset, _, quantity = self.positions
        owner = np.repeat(np.arange(len(self.accounts)), np.diff(offset))
        return np.bincount(owner[quantity != 0], minlength=len(self.accounts)) > 0

    @cached_property
    def holding_pools(self) -> Flags:
        """Which pools have an account that holds a position."""
        return np.bincount(self.account_pool[self.holding_accounts], minlength=len(self.pools)) > 0

    @cached_property
    def holding_members(self) -> Flags:
        """Which members have a pool that holds a position."""
        return np.bincount(self.pool_member[self.holding_pools], minlength=len(self.members)) > 0

    @property
    def whole(self) -> Part:
        """All of it."""
        tree = (self.account_pool, self.pool_member, self.pool_house, self.member_group, self.account_client)
        return Part(self.positions, *tree)

    def parts(self, most_positions: int | None = None) -> "Sequence[Loadable]":
        """The book as parts to be measured one by one: in memory all of it is one."""
        return [self.whole]

    def portions(self, pools: Index) -> list[Index]:
        """Some pools, so many at a time as may be in memory: here all."""
        return [pools]

    def part(self, pools: Index) -> Part:
        """Some pools, in order of their places."""
        accounts = self.accounts_in(pools)
        counts = np.diff(self.positions.offset)[accounts]
        offset = np.concatenate([[0], np.cumsum(counts)])
        entries = np.repeat(self.positions.offset[accounts] - offset[:-1], counts) + np.arange(offset[-1])
        arrays = (offset, self.positions.instrument[entries], self.positions.quantity[entries])
        return self.part_with(PositionArrays(*(fixed(array) for array in arrays)), pools, accounts)

    def part_with(self, positions: PositionArrays, pools: Index, accounts: Index) -> Part:
        """A part of some pools, given its positions."""
        account_pool = np.searchsorted(pools, self.account_pool[accounts])
        tree = (account_pool, self.pool_member[pools], self.pool_house[pools], self.member_group)
        return Part(positions, *tree, self.account_client[accounts])

    def accounts_in(self, pools: Index) -> Index:
        """The accounts of some pools, in order."""
        return np.flatnonzero(np.isin(self.account_pool, pools))

    def pools_of(self, members: Index) -> Index:
        """The pools of some members, in order."""
        return np.flatnonzero(np.isin(self.pool_member, members))

    def members_of(self, groups: Index) -> Index:
        """The members of some groups, in order."""
        return self.roster.members_of(groups)


def build_portfolio(book: Book, positions: PositionArrays | None = None) -> Portfolio:
    """Sort and index a book. `positions`, where they are known already in that order, are taken as they are."""
    accounts = book.ordered_accounts
    pools = accounts.group_by("member_id", "pool_id", maintain_order=True).agg(pl.col("kind").first())
    instruments = book.instrument_column("instrument_id")
    clients, account_client = clients_of(accounts)
    return Portfolio(
        instruments=instruments.to_list(),
        accounts=accounts["account_id"].to_list(),
        pools=pools["pool_id"].to_list(),
        roster=book.roster,
        account_pool=_places(accounts["pool_id"], pools["pool_id"]),
        pool_member=_places(pools["member_id"], pl.Series(book.roster.members, dtype=pl.String)),
        pool_house=(pools["kind"].cast(pl.String) == "house").to_numpy().copy(),
        clients=clients,
        account_client=account_client,
        positions=positions or compressed(book.positions, accounts["account_id"], instruments),
    )


def clients_of(accounts: pl.DataFrame) -> tuple[list[str], Index]:
    """The clients that some accounts name, in order of id, and each account's place among them, or -1."""
    names = accounts["client_id"]
    clients = distinct(names)
    if not len(clients):
        return [], np.full(len(names), -1, dtype=np.int64)
    places = names.cast(pl.Enum(clients)).to_physical().cast(pl.Int64).fill_null(-1)
    return clients.to_list(), places.to_numpy().copy()


def _places(values: pl.Series, among: pl.Series) -> Index:
    """Where each value stands in a list without repeats."""
    return values.cast(pl.Enum(among)).to_physical().to_numpy().astype(np.int64)


def compressed(positions: pl.DataFrame, accounts: pl.Series, instruments: pl.Series) -> PositionArrays:
    """Positions in order of account and instrument, as offsets, instruments and quantities."""
    indexed = positions.select(
        pl.col("account_id").cast(pl.Enum(accounts)).to_physical().alias("account"),
        pl.col("instrument_id").cast(pl.Enum(instruments)).to_physical().cast(pl.Int32).alias("instrument"),
        "quantity",
    ).sort("account", "instrument")
    counts = np.bincount(indexed["account"].to_numpy(), minlength=len(accounts))
    offset = np.zeros(len(accounts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offset[1:])
    return PositionArrays(fixed(offset), fixed(indexed["instrument"].to_numpy()), fixed(indexed["quantity"].to_numpy()))


def fixed(array: np.ndarray) -> np.ndarray:
    """Read-only, always: numba would compile a kernel once more for arrays that may be written to."""
    array.flags.writeable = False
    return array
