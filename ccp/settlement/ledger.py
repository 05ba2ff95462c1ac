"""Every movement of money: a row from one account to another, in whole minor units.

Accounts are numbers; `Chart` knows their names. `Ledger` gathers a day's rows and keeps every account's balance.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl

from ccp.book.portfolio import Portfolio
from ccp.frames import LedgerRows, types_of
from ccp.money import to_units
from ccp.rulebook.tier_kind import MOVEMENTS, NOBODY, TierKind
from ccp.types import Cents, Flags, Index

OUTSIDE = ("lender", "transferees", "owners", NOBODY.name, "unmatched", "opening")
"""Accounts of others: their balances may be negative."""
KINDS = (
    "opening",
    "variation",
    "premium",
    "exercise",
    "margin call",
    "margin return",
    "supplementary call",
    "supplementary return",
    "fund call",
    "fund return",
    "capital paid in",
    "capital paid out",
    "liquidity drawn",
    "liquidity repaid",
    "sale",
    "sale of collateral",
    *MOVEMENTS,
    "haircut taken over",
    "gain of the pool",
    "estate",
)


PASSED_ON = ("variation", "premium", "exercise")
"""Movements that settlement passes on: what one pays another receives."""


@dataclass(frozen=True)
class Chart:
    """The accounts of a run, by number: blocks of members, pools, tiers and events, then single ones.

    `lumps` are the tiers with a size of their own, and their places: `capital:3` is the account of the third tier.
    """

    portfolio: Portfolio
    lumps: tuple[tuple[TierKind, int], ...]

    @cached_property
    def starts(self) -> dict[str, int]:
        """The number of the first account of each block, and where the last block ends."""
        members, pools, groups = len(self.portfolio.members), len(self.portfolio.pools), len(self.portfolio.groups)
        counts = {
            "house": members,
            "clients": members,
            "margin": pools,
            "supplementary": members,
            "fund": members,
            "capital": len(self.lumps),
            "estate": groups,
            "settlement": 1,
            **dict.fromkeys(OUTSIDE, 1),
        }
        ends = np.cumsum(list(counts.values()))
        return dict(zip([*counts, "end"], [0, *ends.tolist()], strict=True))

    @property
    def size(self) -> int:
        """How many accounts there are."""
        return self.starts["end"]

    def of(self, kind: str, places: Index | int = 0) -> Index:
        """The accounts of some members, pools, tiers or events, or a single one."""
        return np.asarray(self.starts[kind] + np.asarray(places, dtype=np.int64))

    def owner(self, pools: Index) -> Index:
        """The outside account behind each pool: the member's own, or its clients'."""
        member = self.portfolio.pool_member[pools]
        return np.where(self.portfolio.pool_house[pools], self.of("house", member), self.of("clients", member))

    @cached_property
    def names(self) -> pl.Series:
        """The accounts' names, by number."""
        members, pools = self.portfolio.members, self.portfolio.pools
        found = [f"house:{name}" for name in members] + [f"clients:{name}" for name in members]
        found += [f"margin:{name}" for name in pools]
        found += [f"supplementary:{name}" for name in members] + [f"fund:{name}" for name in members]
        found += [f"{kind.account}:{place}" for kind, place in self.lumps]
        found += [f"estate:{number}" for number in range(1, len(self.portfolio.groups) + 1)]
        return pl.Series([*found, "settlement", *OUTSIDE], dtype=pl.String)

    @cached_property
    def event(self) -> Index:
        """The number of the event whose estate an account is; 0 for all other accounts."""
        numbers = np.zeros(self.size, dtype=np.int64)
        numbers[self.starts["estate"] : self.starts["settlement"]] = np.arange(1, len(self.portfolio.groups) + 1)
        return numbers

    @cached_property
    def block(self) -> Index:
        """The number of the block that an account stands in, in the order of `starts`."""
        return np.searchsorted(list(self.starts.values())[:-1], np.arange(self.size), side="right") - 1

    @cached_property
    def inside(self) -> Flags:
        """Which accounts are the clearing house's to keep: their balances may not be negative."""
        kept = np.zeros(self.size, dtype=bool)
        kept[self.starts["margin"] : self.starts["settlement"] + 1] = True
        return kept


@dataclass(frozen=True)
class Totals:
    """What all rows since the first day add up to: every account's balance, and by event and movement what has come
    into the event's estate (less what went out of it), over the life of the event."""

    balance: Cents
    moved: Cents


def no_totals(chart: Chart) -> Totals:
    """Before the first row."""
    events = len(chart.portfolio.groups)
    return Totals(np.zeros(chart.size, dtype=np.int64), np.zeros((events, len(KINDS)), dtype=np.int64))


class Ledger:
    """A day's rows, and the totals of all days before it."""

    def __init__(self, chart: Chart, opening: Totals):
        self.chart = chart
        self.opening = opening
        self.parts: list[tuple[Index, Index, Index, Cents]] = []

    def post(self, kind: str, source: Index | int, target: Index | int, amount: Cents | int) -> None:
        """Movements from `source` to `target`, element by element; negative amounts go the other way."""
        given = np.broadcast_arrays(source, target, amount)
        source, target, amount = (np.atleast_1d(part).astype(np.int64) for part in given)
        moved = amount != 0
        source, target, amount = source[moved], target[moved], amount[moved]
        back = amount < 0
        number = np.full(len(amount), KINDS.index(kind))
        self.parts.append((number, np.where(back, target, source), np.where(back, source, target), np.abs(amount)))

    def rows(self) -> tuple[Index, Index, Index, Cents]:
        """Kind, from, to and amount of every row, in the order posted."""
        if not self.parts:
            nothing = np.zeros(0, dtype=np.int64)
            return nothing, nothing, nothing, nothing
        kinds, sources, targets, amounts = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        return kinds, sources, targets, amounts

    def balance(self) -> Cents:
        """Every account's balance after the rows so far."""
        return self.totals().balance

    def totals(self) -> Totals:
        """Every account's balance, and what has moved in every event, after the rows so far."""
        kinds, source, target, amount = self.rows()
        balance, moved = self.opening.balance.copy(), self.opening.moved.copy()
        for accounts, signed in ((target, amount), (source, -amount)):
            np.add.at(balance, accounts, signed)
            event = self.chart.event[accounts]
            of_event = event > 0
            np.add.at(moved, (event[of_event] - 1, kinds[of_event]), signed[of_event])
        return Totals(balance, moved)

    def table(self, day: date, digits: int) -> pl.DataFrame:
        """The day's rows as a table."""
        names = self.chart.names
        kinds, source, target, amount = self.rows()
        return pl.DataFrame(
            {
                "date": pl.repeat(day, len(amount), dtype=pl.Date, eager=True),
                "from_account": names.gather(source),
                "to_account": names.gather(target),
                "movement": pl.Series(KINDS, dtype=pl.String).gather(kinds),
                "amount": to_units(amount, digits),
            },
            schema=types_of(LedgerRows),
        )
