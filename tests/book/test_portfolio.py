"""The portfolio's arrays against a plain reading of the tables, whatever the order of their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp.book.book import Book, book_from_frames, read_book
from ccp.book.portfolio import Portfolio, build_portfolio

Row = dict[str, Any]
Tables = dict[str, list[Row]]
TEXT = ("group_id", "pool_id")


def future(name: str) -> Row:
    row = {"instrument_id": name, "kind": "future", "factor_id": "X", "currency": "USD", "multiplier": 1.0}
    return row | {"price": 10.0}


# Ids whose order is not that of the rows, nor that of the numbers in them, nor that of small and capital letters.
HAND: Tables = {
    "members": [
        {"member_id": "m2", "group_id": "west"},
        {"member_id": "Z", "group_id": None},
        {"member_id": "m10", "group_id": "west"},
        {"member_id": "ä", "group_id": "Z"},
    ],
    "accounts": [
        {"account_id": "h2", "member_id": "m2", "pool_id": None, "kind": "house"},
        {"account_id": "b", "member_id": "m2", "pool_id": "gross", "kind": "client"},
        {"account_id": "a", "member_id": "m2", "pool_id": "gross", "kind": "client"},
        {"account_id": "h10", "member_id": "m10", "pool_id": None, "kind": "house"},
        {"account_id": "c", "member_id": "Z", "pool_id": "a-pool", "kind": "client"},
        {"account_id": "empty", "member_id": "Z", "pool_id": None, "kind": "client"},
        {"account_id": "B", "member_id": "ä", "pool_id": None, "kind": "house"},
    ],
    "instruments": [future(name) for name in ("F2", "F10", "f", "A")],
    "positions": [
        {"account_id": "h2", "instrument_id": "f", "quantity": 5.0},
        {"account_id": "h2", "instrument_id": "F10", "quantity": -2.0},
        {"account_id": "a", "instrument_id": "F10", "quantity": 2.5},
        {"account_id": "b", "instrument_id": "F10", "quantity": -0.5},
        {"account_id": "c", "instrument_id": "A", "quantity": 1.0},
        {"account_id": "B", "instrument_id": "A", "quantity": -1.0},
        {"account_id": "B", "instrument_id": "f", "quantity": -5.0},
        {"account_id": "h10", "instrument_id": "F2", "quantity": 0.0},
    ],
}


def frames(tables: Tables) -> dict[str, pl.DataFrame]:
    return {
        name: pl.DataFrame(rows, schema_overrides={field: pl.String for field in TEXT if field in rows[0]})
        for name, rows in tables.items()
    }


def book_of(tables: Tables) -> Book:
    return book_from_frames(frames(tables))


def shuffled(tables: Tables, seed: int) -> Tables:
    random = np.random.default_rng(seed)
    return {name: [rows[place] for place in random.permutation(len(rows))] for name, rows in tables.items()}


def same(found: Portfolio, expected: Portfolio) -> bool:
    names = ("instruments", "accounts", "pools", "members", "groups")
    arrays = ("account_pool", "pool_member", "pool_house", "member_group", "account_member")
    return (
        all(getattr(found, name) == getattr(expected, name) for name in names)
        and all(np.array_equal(getattr(found, name), getattr(expected, name)) for name in arrays)
        and all(np.array_equal(one, other) for one, other in zip(found.positions, expected.positions, strict=True))
    )


def contents(portfolio: Portfolio) -> dict[str, tuple[str, bool, str, str, dict[str, float]]]:
    """Account -> pool, whether it is the house's, member, group, positions: read back through the arrays."""
    result = {}
    offset, instrument, quantity = portfolio.positions
    for place, account in enumerate(portfolio.accounts):
        pool = portfolio.account_pool[place]
        member = portfolio.pool_member[pool]
        entries = range(offset[place], offset[place + 1])
        held = {portfolio.instruments[instrument[entry]]: float(quantity[entry]) for entry in entries}
        assert len(held) == len(entries)
        group = portfolio.groups[portfolio.member_group[member]]
        house = bool(portfolio.pool_house[pool])
        result[account] = (portfolio.pools[pool], house, portfolio.members[member], group, held)
    return result


def stated(tables: Tables) -> dict[str, tuple[str, bool, str, str, dict[str, float]]]:
    """The same, from the rows."""
    group = {row["member_id"]: row["group_id"] or row["member_id"] for row in tables["members"]}
    result: dict[str, tuple[str, bool, str, str, dict[str, float]]] = {}
    for row in tables["accounts"]:
        pool, member = row["pool_id"] or row["account_id"], row["member_id"]
        result[row["account_id"]] = (pool, row["kind"] == "house", member, group[member], {})
    for row in tables["positions"]:
        result[row["account_id"]][4][row["instrument_id"]] = row["quantity"]
    return result


# --- order ------------------------------------------------------------------------------------------------------------


def test_lists_are_in_the_order_of_ids() -> None:
    """Code points: capital before small letters, `m10` before `m2`, `ä` last. Pools by member, accounts by pool."""
    found = build_portfolio(book_of(HAND))
    assert found.instruments == ["A", "F10", "F2", "f"]
    assert found.members == ["Z", "m10", "m2", "ä"]
    assert found.groups == ["Z", "west"]
    assert found.pools == ["a-pool", "empty", "h10", "gross", "h2", "B"]
    assert found.accounts == ["c", "empty", "h10", "a", "b", "h2", "B"]
    assert found.pool_member.tolist() == [0, 0, 1, 2, 2, 3]
    assert found.account_pool.tolist() == [0, 1, 2, 3, 3, 4, 5]
    assert found.account_member.tolist() == [0, 0, 1, 2, 2, 2, 3]
    assert found.pool_house.tolist() == [False, False, True, False, True, True]
    assert found.member_group.tolist() == [0, 1, 1, 0]  # ä belongs to the group that bears member Z's name


def test_positions_are_by_account_and_instrument() -> None:
    offset, instrument, quantity = build_portfolio(book_of(HAND)).positions
    assert offset.tolist() == [0, 1, 1, 2, 3, 4, 6, 8]
    assert instrument.tolist() == [0, 2, 1, 1, 1, 3, 0, 3]
    assert quantity.tolist() == [1.0, 0.0, 2.5, -0.5, -2.0, 5.0, -1.0, -5.0]


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_order_of_rows_never_matters(seed: int) -> None:
    assert same(build_portfolio(book_of(shuffled(HAND, seed))), build_portfolio(book_of(HAND)))


@st.composite
def random_tables(draw: st.DrawFn) -> Tables:
    """Books of a few members and pools; every position has its counterpart in another account."""
    names = st.text("abAB12ä-", min_size=1, max_size=3)
    members = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    groups = draw(st.lists(st.none() | names, min_size=len(members), max_size=len(members)))
    accounts: list[Row] = []
    for account in draw(st.lists(names, min_size=2, max_size=8, unique=True)):
        member = draw(st.sampled_from(members))
        shared = f"{member} together" if draw(st.booleans()) else None
        kind = "client" if shared else draw(st.sampled_from(["house", "client"]))
        accounts.append({"account_id": account, "member_id": member, "pool_id": shared, "kind": kind})
    instruments = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    positions: list[Row] = []
    for instrument in instruments:
        holders = draw(st.permutations([row["account_id"] for row in accounts]))[: 2 * draw(st.integers(0, 2))]
        for place, account in enumerate(holders[: len(holders) // 2 * 2]):
            size = float(place // 2 + 1)
            quantity = size if place % 2 else -size
            positions.append({"account_id": account, "instrument_id": instrument, "quantity": quantity})
    if not positions:
        positions.append({"account_id": accounts[0]["account_id"], "instrument_id": instruments[0], "quantity": 0.0})
    return {
        "members": [{"member_id": name, "group_id": group} for name, group in zip(members, groups, strict=True)],
        "accounts": accounts,
        "instruments": [future(name) for name in instruments],
        "positions": positions,
    }


@settings(max_examples=40)
@given(random_tables(), st.integers(0, 2**32))
def test_arrays_say_what_the_tables_say_in_any_order(tables: Tables, seed: int) -> None:
    found = build_portfolio(book_of(tables))
    assert contents(found) == stated(tables)
    assert found.members == sorted(found.members)
    assert found.groups == sorted({row["group_id"] or row["member_id"] for row in tables["members"]})
    order = [(member, pool, account) for account, (pool, _, member, _, _) in contents(found).items()]
    assert order == sorted(order)
    assert same(build_portfolio(book_of(shuffled(tables, seed))), found)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_book_of_files_in_any_order_is_the_same(ending: str, tmp_path: Path) -> None:
    base = build_portfolio(book_of(HAND))
    for name, frame in frames(shuffled(HAND, 5)).items():
        path = tmp_path / f"{name}.{ending}"
        if ending == "csv":
            frame.write_csv(path)
        else:
            frame.write_parquet(path)
    assert same(build_portfolio(read_book(tmp_path)), base)


# --- defaults ---------------------------------------------------------------------------------------------------------


def test_a_member_is_its_own_group_and_an_account_its_own_pool_by_default() -> None:
    """Also where the columns are missing altogether."""
    tables = frames(HAND)
    tables["members"] = tables["members"].drop("group_id")
    tables["accounts"] = tables["accounts"].drop("pool_id")
    book = book_from_frames(tables)
    assert book.members["group_id"].to_list() == [row["member_id"] for row in HAND["members"]]
    assert book.accounts["pool_id"].to_list() == [row["account_id"] for row in HAND["accounts"]]
    found = build_portfolio(book)
    assert found.groups == found.members == ["Z", "m10", "m2", "ä"]
    assert found.pools == found.accounts
    assert found.account_pool.tolist() == list(range(7))
    assert found.member_group.tolist() == list(range(4))


def test_a_pool_may_bear_the_name_of_one_of_its_accounts() -> None:
    """Account `b` stands in the pool that account `a` makes by default."""
    tables = {name: [dict(row) for row in rows] for name, rows in HAND.items()}
    for row in tables["accounts"]:
        if row["account_id"] in "ab":
            row["pool_id"] = None if row["account_id"] == "a" else "a"
    found = build_portfolio(book_of(tables))
    both = [found.accounts.index(name) for name in "ab"]
    assert found.account_pool[both].tolist() == [found.pools.index("a")] * 2


# --- arrays -----------------------------------------------------------------------------------------------------------


def test_positions_cannot_be_written_to() -> None:
    found = build_portfolio(book_of(HAND))
    for array in found.positions:
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    assert [array.dtype for array in found.positions] == [np.int64, np.int32, np.float64]
    assert all(array.flags.c_contiguous for array in found.positions)


def test_accounts_of_members_and_members_of_groups() -> None:
    found = build_portfolio(book_of(HAND))
    assert found.accounts_in(found.pools_of(np.array([2]))).tolist() == [3, 4, 5]
    assert found.accounts_in(found.pools_of(np.array([0, 3]))).tolist() == [0, 1, 6]
    assert found.accounts_in(found.pools_of(np.array([], dtype=np.int64))).tolist() == []
    west = found.groups.index("west")
    assert [found.members[place] for place in found.members_of(np.array([west]))] == ["m10", "m2"]
    assert found.members_of(np.array([1, 0])).tolist() == [0, 1, 2, 3]
    accounts = found.accounts_in(found.pools_of(found.members_of(np.array([west]))))
    assert [found.accounts[place] for place in accounts] == ["h10", "a", "b", "h2"]
