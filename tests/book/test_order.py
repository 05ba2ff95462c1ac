"""One order for every array by member, account, pool or instrument: one place that sorts, and rows in any order."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.book.order import ORDER, in_order
from ccp.book.roster import Roster, each_alone, roster_of

SOURCES = Path(ccp.__file__).parent
SORTS = {"sort", "sort_by", "arg_sort", "argsort", "sorted", "lexsort"}
MAY_SORT = {"book/order.py"}
"""The accessor. The reader of positions sorts places, and nothing by an id."""


def sorts_by_id(source: str) -> list[int]:
    """Lines that sort by an id before anything else; a ranking by an amount, ties by id, aligns nothing."""
    tree = ast.parse(source)
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and name_of(node.func) in SORTS]
    return sorted({node.lineno for node in calls if (key_of(node, named) or "").endswith("_id")})


def name_of(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def key_of(call: ast.Call, named: dict[str, ast.expr]) -> str | None:
    """What a call sorts by first: what it is given, or the column that it is called on."""
    by = [word.value for word in call.keywords if word.arg == "by"]
    given = [*by, *call.args] or ([call.func.value] if isinstance(call.func, ast.Attribute) else [])
    return column_of(given[0], named) if given else None


def column_of(node: ast.expr, named: dict[str, ast.expr], depth: int = 9) -> str | None:
    """The column that an expression is: a name, `pl.col(name)`, `frame[name]`, or one of those as a set or a list."""
    inner: ast.expr | None = None
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.List | ast.Tuple):
        inner = node.elts[0] if node.elts else None
    elif isinstance(node, ast.Starred):
        inner = node.value
    elif isinstance(node, ast.Subscript):
        inner = node.slice
    elif isinstance(node, ast.Name):
        inner = named.get(node.id)
    elif isinstance(node, ast.Call) and name_of(node.func) in {"col", "set", "list", "Series", "array"}:
        inner = node.args[0] if node.args else None
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        inner = node.func.value
    return column_of(inner, named, depth - 1) if inner is not None and depth else None


@pytest.mark.parametrize(
    "line",
    [
        'table.sort("instrument_id")',
        'table.sort("pool_id", "asset_id")',
        'table.sort(["member_id", "pool_id"])',
        'table.sort(by="member_id")',
        'table.sort(pl.col("group_id"))',
        'table.select(pl.col("price").sort_by("instrument_id"))',
        'book.instruments["instrument_id"].sort()',
        'book.members["group_id"].unique().sort().to_list()',
        'book.members["member_id"].arg_sort()',
        'sorted(set(book.members["group_id"]))',
        'np.argsort(table["account_id"].to_numpy())',
        'KEY = ["account_id", "instrument_id"]\ntable.sort(KEY)',
        'KEY = ["account_id", "instrument_id"]\ntable.sort(*KEY)',
    ],
)
def test_a_sort_by_an_id_is_found(line: str) -> None:
    assert sorts_by_id(line)


@pytest.mark.parametrize(
    "line",
    [
        'table.sort("amount", "member_id")',
        'table.sort("date")',
        "names.sort()",
        "sorted(names)",
        'table["date"].sort()',
    ],
)
def test_other_sorts_are_not(line: str) -> None:
    assert not sorts_by_id(line)


def test_nothing_is_sorted_by_an_id_but_in_one_place() -> None:
    """A column that somebody forgot to sort is a wrong number without an error."""
    files = {path.relative_to(SOURCES).as_posix(): path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py")}
    assert len(files) > 300
    found = {name: lines for name, text in files.items() if name not in MAY_SORT and (lines := sorts_by_id(text))}
    assert found == {}, "take the column from the book: Book.member_column, Book.instrument_column, in_order"


def book(seed: int) -> Book:
    """A book whose rows stand in some order, with a number of its own in every row."""
    members = pl.DataFrame(
        {
            "member_id": ["m2", "M1", "m10", "ä"],
            "group_id": ["west", None, "M1", "west"],
            "capital": [2.0, 1.0, 10.0, 7.0],
        }
    )
    accounts = pl.DataFrame(
        {
            "account_id": ["b", "a", "c", "d", "e"],
            "member_id": ["m2", "M1", "m10", "ä", "m2"],
            "pool_id": ["y", None, "z", None, "x"],
            "kind": ["client", "house", "house", "client", "house"],
        }
    )
    instruments = pl.DataFrame(
        {
            "instrument_id": ["Z", "a", "B"],
            "kind": ["spot"] * 3,
            "factor_id": ["F"] * 3,
            "currency": ["USD"] * 3,
            "multiplier": [1.0] * 3,
            "price": [26.0, 1.0, 2.0],
        }
    )
    positions = pl.DataFrame({"account_id": ["a", "b"], "instrument_id": ["Z", "Z"], "quantity": [1.0, -1.0]})
    tables = {"members": members, "accounts": accounts, "instruments": instruments, "positions": positions}
    shuffled = {name: table.sample(fraction=1.0, shuffle=True, seed=seed) for name, table in tables.items()}
    return book_from_frames(shuffled)


@pytest.mark.parametrize("seed", range(4))
def test_columns_stand_in_the_order_of_ids_whatever_that_of_the_rows(seed: int) -> None:
    found = book(seed)
    assert found.instrument_column("instrument_id").to_list() == ["B", "Z", "a"]
    assert found.instrument_column("price").to_list() == [2.0, 26.0, 1.0]
    assert found.roster.members == ["M1", "m10", "m2", "ä"] == found.member_column("member_id").to_list()
    assert found.member_column("capital").to_list() == [1.0, 10.0, 2.0, 7.0]
    assert found.roster.groups == ["M1", "west"]
    assert found.roster.member_group.tolist() == [0, 0, 1, 1]
    assert found.ordered_accounts["account_id"].to_list() == ["a", "c", "e", "b", "d"]
    assert found.ordered_collateral is None


def test_lines_of_collateral_stand_in_order_of_pool_and_asset() -> None:
    rows = pl.DataFrame({"pool_id": ["q", "p", "q"], "asset_id": ["1", "9", "0"], "market_value": [3.0, 1.0, 2.0]})
    assert in_order(rows, "collateral")["market_value"].to_list() == [1.0, 2.0, 3.0]
    assert set(ORDER) == {"members", "accounts", "instruments", "collateral"}


# --- the roster -------------------------------------------------------------------------------------------------------


def test_a_roster_knows_who_belongs_to_whom() -> None:
    roster = roster_of({"C": "z", "A": "z", "B": "B"})
    assert (roster.members, roster.groups, roster.member_group.tolist()) == (["A", "B", "C"], ["B", "z"], [1, 0, 1])
    assert roster.member_groups() == ["z", "B", "z"]
    assert roster.group_names((1, 0)) == ["z", "B"]
    assert roster.inside((1,)).tolist() == [True, False, True]
    assert roster.members_of([0, 1]).tolist() == [0, 1, 2]
    assert roster.by_group(np.array([1, 10, 100])).tolist() == [10, 101]
    assert roster.by_group(np.array([[1, 2], [10, 20], [100, 200]])).tolist() == [[10, 20], [101, 202]]


def test_members_without_affiliates_are_groups_of_their_own() -> None:
    roster = each_alone(["B", "A"])
    assert (roster.members, roster.groups, roster.member_group.tolist()) == (["A", "B"], ["A", "B"], [0, 1])


@pytest.mark.parametrize(
    ("members", "groups", "places"),
    [
        (["B", "A"], ["g"], [0, 0]),
        (["A", "A"], ["g"], [0, 0]),
        (["A", "B"], ["h", "g"], [0, 1]),
        (["A", "B"], ["g"], [0]),
        (["A", "B"], ["g"], [0, 1]),
        (["A", "B"], ["g"], [0, -1]),
    ],
)
def test_a_roster_out_of_order_is_refused(members: list[str], groups: list[str], places: list[int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Roster(members, groups, np.array(places))
