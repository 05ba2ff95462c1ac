"""Checking changes against the book: everything changed must be there, everything new must not, and must fit.

Only what is stated is looked at: the book itself has been checked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from ccp.book.book import Book
from ccp.book.changes import Changes
from ccp.book.stated_changes import StatedChanges
from ccp.errors import Problem

TWICE = "duplicate; it may stand only once"
GONE = "this is removed by the same changes"
THERE = "a new one was expected, the book has this one"
NOT_THERE = "the book has no such {}"


def find_change_problems(book: Book, stated: StatedChanges) -> list[Problem]:
    """Everything that is wrong with some changes of a book, in order of lines."""
    check = _Check(book, stated, _owners(book, stated.changes), set(book.members["member_id"]))
    check.new_members()
    check.new_accounts()
    check.pools()
    check.holders()
    check.trades()
    return sorted(check.problems, key=lambda one: (one.line or 0, one.position or 0))


def _owners(book: Book, changes: Changes) -> dict[str, str]:
    """The members of the accounts that are named, as far as the book has them."""
    every = (*changes.add_accounts, *changes.remove, *changes.scale, *changes.trades)
    names = [one.account_id for one in every if one.account_id is not None]
    found = book.accounts.filter(pl.col("account_id").is_in(names))
    return dict(found.select("account_id", "member_id").iter_rows())


def gone(changes: Changes) -> tuple[list[str], list[str]]:
    """The accounts and the members that are removed by name."""
    accounts = [one.account_id for one in changes.remove if one.account_id is not None]
    return accounts, [one.member_id for one in changes.remove if one.member_id is not None]


@dataclass
class _Check:
    """`owner` has the member of every account that is named and there, `members` are the book's."""

    book: Book
    stated: StatedChanges
    owner: dict[str, str]
    members: set[str]
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changes = self.stated.changes
        self.gone_accounts, self.gone_members = map(set, gone(self.changes))

    def tell(self, expected: str, part: str, number: int, name: str, value: object) -> None:
        self.problems.append(self.stated.problem(expected, part, number, name, value))

    def new_members(self) -> None:
        """New ids, and a contribution where the others state theirs."""
        states, part = self.book.states_contributions, "add_members"
        self._once(part, "member_id", [one.member_id for one in self.changes.add_members], self.members)
        for number, one in enumerate(self.changes.add_members):
            value = one.fund_contribution
            if states and value is None:
                said = "a value was expected, since other members state theirs"
                self.tell(said, part, number, "fund_contribution", None)
            if not states and value is not None:
                self.tell("no value was expected, no other member states one", part, number, "fund_contribution", value)

    def new_accounts(self) -> None:
        """New ids, of members that are there and stay."""
        new, part = self.changes.add_accounts, "add_accounts"
        self._once(part, "account_id", [one.account_id for one in new], self.owner)
        known = self.members | {one.member_id for one in self.changes.add_members}
        for number, one in enumerate(new):
            self._there(part, number, "member_id", one.member_id, one.member_id in known, self.gone_members)

    def _once(self, part: str, name: str, ids: list[str], known: Iterable[str]) -> None:
        seen: set[str] = set()
        for number, one in enumerate(ids):
            if one in seen or one in known:
                self.tell(THERE if one in known else TWICE, part, number, name, one)
            seen.add(one)

    def _there(self, part: str, number: int, name: str, value: str, known: bool, removed: set[str]) -> None:
        if not known:
            self.tell(NOT_THERE.format(name), part, number, name, value)
        elif value in removed:
            self.tell(GONE, part, number, name, value)

    def pools(self) -> None:
        """All accounts of a pool have the same member and are of one kind: those that are left, and new ones."""
        new = self.changes.add_accounts
        if not new:
            return
        left = self.book.accounts.filter(
            pl.col("pool_id").is_in([one.pool for one in new])
            & ~pl.col("account_id").is_in(self.gone_accounts)
            & ~pl.col("member_id").is_in(self.gone_members)
        ).select("pool_id", "member_id", pl.col("kind").cast(pl.String))
        pools = {pool: {"member_id": member, "kind": kind} for pool, member, kind in left.iter_rows()}
        for number, one in enumerate(new):
            own = {"member_id": one.member_id, "kind": one.kind}
            for name, value in pools.setdefault(one.pool, own).items():
                if own[name] != value:
                    said = f"{value!r} was expected, as other accounts of the pool {one.pool} have it"
                    self.tell(said, "add_accounts", number, name, own[name])

    def holders(self) -> None:
        """What goes or is scaled is there; what is scaled stays."""
        for part, holders in (("remove", self.changes.remove), ("scale", self.changes.scale)):
            for number, one in enumerate(holders):
                if one.member_id is not None:
                    removed = self.gone_members if part == "scale" else set[str]()
                    self._there(part, number, "member_id", one.member_id, one.member_id in self.members, removed)
                elif one.account_id is not None:
                    removed = self._gone_with(one.account_id) if part == "scale" else set[str]()
                    self._there(part, number, "account_id", one.account_id, one.account_id in self.owner, removed)

    def trades(self) -> None:
        """Trades are of accounts that are there and stay, in instruments of the book."""
        known = {*self.owner, *(one.account_id for one in self.changes.add_accounts)}
        instruments = set(self.book.instruments["instrument_id"]) if self.changes.trades else set()
        for number, one in enumerate(self.changes.trades):
            removed = self._gone_with(one.account_id)
            self._there("trades", number, "account_id", one.account_id, one.account_id in known, removed)
            name, value = "instrument_id", one.instrument_id
            self._there("trades", number, name, value, value in instruments, set())

    def _gone_with(self, account: str) -> set[str]:
        """The account itself, where it or its member is removed."""
        return {account} if account in self.gone_accounts or self.owner.get(account) in self.gone_members else set()
