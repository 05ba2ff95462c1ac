"""A book as it was read: the tables, typed and with their defaults filled in."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from ccp.book.check import Findings, check_references
from ccp.book.order import in_order
from ccp.book.roster import Roster, roster_of
from ccp.errors import ArgumentProblem, refuse
from ccp.frames import BOOK_TABLES, book_schemas
from ccp.tables import check_table, find_table, raise_problems, read_raw


@dataclass(frozen=True)
class Book:
    """Member positions and what they are in. `files` are the tables' files, for the manifest.

    Rows stand as they were read. Arrays of the engine are in another order, and what goes into one is taken by
    `member_column`, `instrument_column` or one of the `ordered_` tables.
    """

    members: pl.DataFrame
    accounts: pl.DataFrame
    instruments: pl.DataFrame
    positions: pl.DataFrame
    collateral: pl.DataFrame | None
    files: dict[str, Path]

    @cached_property
    def ordered_members(self) -> pl.DataFrame:
        """The members in order of id."""
        return in_order(self.members, "members")

    @cached_property
    def ordered_instruments(self) -> pl.DataFrame:
        """The instruments in order of id."""
        return in_order(self.instruments, "instruments")

    @property
    def ordered_accounts(self) -> pl.DataFrame:
        """The accounts in order of member, pool and id. Not kept: there may be millions."""
        return in_order(self.accounts, "accounts")

    @property
    def ordered_collateral(self) -> pl.DataFrame | None:
        """The lines of collateral in order of pool and asset."""
        return None if self.collateral is None else in_order(self.collateral, "collateral")

    def member_column(self, name: str) -> pl.Series:
        """A column of the members, in order of the roster."""
        return self.ordered_members[name]

    def instrument_column(self, name: str) -> pl.Series:
        """A column of the instruments, in order of id."""
        return self.ordered_instruments[name]

    @cached_property
    def roster(self) -> Roster:
        """The members and their groups."""
        return roster_of(dict(self.members.select("member_id", "group_id").iter_rows()))

    @property
    def states_contributions(self) -> bool:
        """Whether the members table says what is posted to the fund today."""
        return bool(self.members["fund_contribution"].is_not_null().any())


def book_tables(directory: Path, unread: tuple[str, ...] = ()) -> tuple[dict[str, pl.DataFrame], dict[str, Path]]:
    """The book's tables as they stand in their files, and the files. Of tables in `unread` the file only."""
    if not directory.is_dir():
        found = "this is a file" if directory.exists() else "there is no such directory"
        raise refuse(str(directory), f"a book is a directory of tables; {found}")
    files = {name: path for name in BOOK_TABLES if (path := find_table(directory, name)) is not None}
    if not files:
        expected = f"none of the book's tables stands here ({', '.join(BOOK_TABLES)}, as .parquet or .csv)"
        raise refuse(str(directory), expected)
    return {name: read_raw(path) for name, path in files.items() if name not in unread}, files


def find_book_problems(
    tables: dict[str, pl.DataFrame], sources: dict[str, str], matched: bool, unread: tuple[str, ...] = ()
) -> tuple[dict[str, pl.DataFrame], Findings]:
    """Check every table and how they refer to each other. Returns typed tables and all that was found.

    A table in `unread` stays empty where there is a source of it.
    """
    findings = Findings()
    typed: dict[str, pl.DataFrame] = {}
    for name, schema in book_schemas().items():
        source = sources.get(name, name)
        if name in tables:
            typed[name], problems, total = check_table(tables[name], schema, source)
            findings.add(problems, total)
        elif name in unread and name in sources:
            typed[name] = schema.create_empty()
        elif name != "collateral":
            findings.missing_table(name)
    check_references(typed, sources, matched, findings)
    return typed, findings


def read_book(directory: Path | str, matched: bool = True) -> Book:
    """Read a book from its directory. Raises InputError with every problem of every table.

    `matched`: whether quantities must sum to zero in every instrument.
    """
    tables, files = book_tables(Path(directory))
    typed, findings = find_book_problems(tables, {name: path.name for name, path in files.items()}, matched)
    raise_problems(findings.problems, findings.total)
    return book_of(typed, files)


def book_from_frames(tables: dict[str, pl.DataFrame], matched: bool = True) -> Book:
    """A book from frames in memory, checked as files are. Raises InputError."""
    known = f"one of the book's tables was expected ({', '.join(BOOK_TABLES)})"
    problems = [ArgumentProblem("tables", known, value=name) for name in tables if name not in BOOK_TABLES]
    raise_problems(problems, len(problems))
    typed, findings = find_book_problems(tables, {}, matched)
    raise_problems(findings.problems, findings.total)
    return book_of(typed, {})


def book_of(typed: dict[str, pl.DataFrame], files: dict[str, Path]) -> Book:
    """A book of checked tables, with defaults: a member is its own group, an account its own pool, an issuer's group
    the one that any line of its paper states, or itself."""
    return Book(
        members=typed["members"].with_columns(pl.coalesce("group_id", "member_id").alias("group_id")),
        accounts=typed["accounts"].with_columns(pl.coalesce("pool_id", "account_id").alias("pool_id")),
        instruments=typed["instruments"].with_columns(pl.col("discount_rate").fill_null(0.0)),
        positions=typed["positions"],
        collateral=_with_issuer_groups(typed.get("collateral")),
        files=files,
    )


def _with_issuer_groups(collateral: pl.DataFrame | None) -> pl.DataFrame | None:
    if collateral is None:
        return None
    stated = pl.col("issuer_group_id").drop_nulls().first().over("issuer_id")
    of_issuer = pl.when(pl.col("issuer_id").is_not_null()).then(pl.coalesce(stated, "issuer_id"))
    return collateral.with_columns(pl.coalesce("issuer_group_id", of_issuer).alias("issuer_group_id"))
