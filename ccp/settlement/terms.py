"""What a run of the daily cycle knows before its first day."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl

from ccp.book.portfolio import Portfolio
from ccp.market.case import Case
from ccp.money import minor_units, to_minor
from ccp.rulebook.rulebook import Rulebook
from ccp.settlement.trades import RunTrades
from ccp.types import Cents, Index

ENDLESS = np.iinfo(np.int64).max
"""What a member that states no capital or no liquidity has."""


@dataclass(frozen=True)
class RunTerms:
    """A book on its first day, the path of prices it will meet, its trades, and who is to default by name.

    `case` is the book on the first day; its market ends there. `path` holds every day, also later ones: only a
    day's settlement may look at its own row. `rows` are the rows of the run's days in it. `named` maps a day's number
    to groups. `constant_expiry`: instruments do not age.
    """

    case: Case
    path: pl.DataFrame
    rows: Index
    trades: RunTrades
    named: dict[int, tuple[int, ...]]
    constant_expiry: bool

    @property
    def rulebook(self) -> Rulebook:
        """The rules of the run."""
        return self.case.rulebook

    @property
    def portfolio(self) -> Portfolio:
        """The accounts, pools, members and groups, and the positions of the first day."""
        return self.case.portfolio

    @property
    def days(self) -> int:
        """How many days the run has."""
        return len(self.rows)

    @cached_property
    def dates(self) -> list[date]:
        """The days of the run."""
        return self.path["date"].gather(self.rows).to_list()

    @cached_property
    def digits(self) -> int:
        """Decimal digits of the currency."""
        return self.rulebook.currency_digits

    @cached_property
    def minor(self) -> int:
        """Minor units in a unit of the currency."""
        return minor_units(self.digits)

    @cached_property
    def account_group(self) -> Index:
        """The group of each account."""
        return self.portfolio.member_group[self.portfolio.account_member]

    @cached_property
    def pool_group(self) -> Index:
        """The group of each pool."""
        return self.portfolio.member_group[self.portfolio.pool_member]

    @cached_property
    def account_ids(self) -> pl.Series:
        """The accounts' ids."""
        return pl.Series(self.portfolio.accounts, dtype=pl.String)

    @cached_property
    def pool_ids(self) -> pl.Series:
        """The pools' ids."""
        return pl.Series(self.portfolio.pools, dtype=pl.String)

    @cached_property
    def account_pool_ids(self) -> pl.Series:
        """The pool id of each account."""
        return self.pool_ids.gather(self.portfolio.account_pool)

    @cached_property
    def pool_member_ids(self) -> pl.Series:
        """The member id of each pool."""
        return pl.Series(self.portfolio.members, dtype=pl.String).gather(self.portfolio.pool_member)

    def by_pool(self, account_amounts: Cents) -> Cents:
        """Amounts by account as sums by pool."""
        return _sums(account_amounts, self.portfolio.account_pool, len(self.portfolio.pools))

    def by_member(self, pool_amounts: Cents, of_house: bool | None = None) -> Cents:
        """Amounts by pool as sums by member: of all pools, of house pools, or of client pools."""
        counted = pool_amounts
        if of_house is not None:
            counted = np.where(self.portfolio.pool_house == of_house, pool_amounts, 0)
        return _sums(counted, self.portfolio.pool_member, len(self.portfolio.members))

    @cached_property
    def liquidity(self) -> Cents:
        """The most each member can pay in one day."""
        return self.member_amounts("liquidity")

    def member_amounts(self, field: str) -> Cents:
        """A column of the members table in minor units; `ENDLESS` where nothing is stated."""
        values = self.case.book.member_column(field)
        stated = to_minor(values.fill_null(0.0).to_numpy(), self.digits)
        return np.where(values.is_null().to_numpy(), ENDLESS, stated)


def _sums(amounts: Cents, places: Index, count: int) -> Cents:
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, places, amounts)
    return sums
