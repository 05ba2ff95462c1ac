"""Positions that stay on disk: the same answer and the same messages as in memory, within the bound, and no trace."""

import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from support.case_files import write_case
from support.modes import NO_KERNEL
from support.random_books import random_case
from typer.testing import CliRunner

import ccp
from ccp.api import streamed
from ccp.api.streamed import Streaming
from ccp.book.book import read_book
from ccp.book.check import Findings
from ccp.book.checked_batches import Places
from ccp.book.portfolio import Portfolio, build_portfolio
from ccp.book.row_groups import RowGroup, row_groups
from ccp.book.stored import StoredPart
from ccp.book.stored_portfolio import StoredPortfolio
from ccp.book.streaming import BatchSizes, batch_rows, store_positions
from ccp.cli.main import app
from ccp.errors import InputError
from ccp.kernels.engine.numba_door import use_threads
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.rulebook import Rulebook

Spoil = Callable[[pl.DataFrame], pl.DataFrame]
POSITIONS = "positions.parquet"
ROWS = [BatchSizes(1, 1, 1), BatchSizes(7, 20, 3), BatchSizes(100, 40, 64), BatchSizes()]
"""A row at a time, some, more than are written together, and all."""


class Sizes:
    """How much of a book is in memory at a time, in tests: no bound on memory can be as small."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self._patch = monkeypatch

    def set(self, sizes: BatchSizes, most: int | None = None) -> None:
        def bounded(case: Any, portfolio: StoredPortfolio, *rest: Any) -> StoredPortfolio:
            return replace(portfolio, most=most)

        self._patch.setattr(streamed, "bounded_sizes", lambda path, memory: sizes)
        self._patch.setattr(streamed, "bounded_portfolio", bounded)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> Sizes:
    return Sizes(monkeypatch)


def on_disk(*arguments: Any, **named: Any) -> ccp.Sizing:
    """`ccp.size` under a bound, of which `Sizes` says what it comes to."""
    return ccp.size(*arguments, **named, streaming=Streaming(memory=1))


def assert_same(found: ccp.Sizing, expected: ccp.Sizing) -> None:
    """Every table, bit for bit, and every document, as text."""
    assert found.tables.keys() == expected.tables.keys()
    for name, table in expected.tables.items():
        assert in_bytes(found.tables[name]) == in_bytes(table), name
    for name in ("coverage", "worst_event", "coverage_test_event", "manifest"):
        texts = [json.dumps(getattr(one, name), default=str) for one in (found, expected)]
        assert texts[0] == texts[1], name
    assert found.notes == expected.notes


def in_bytes(table: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    table.write_ipc(file)
    return file.getvalue()


def rewrite(book: Path, change: Spoil = lambda table: table, row_group: int | None = None) -> Path:
    """The positions of a book once more, changed."""
    (path,) = book.glob("positions.*")
    table = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    path.unlink()
    change(table).write_parquet(book / POSITIONS, row_group_size=row_group)
    return book


def shuffled(table: pl.DataFrame) -> pl.DataFrame:
    return table.sample(fraction=1.0, shuffle=True, seed=7)


def copied(book: Path, folder: Path) -> Path:
    folder.mkdir()
    for file in book.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


# --- the same answer --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(100, 112))
def test_a_random_book_gives_the_same_answer(seed: int, tmp_path: Path, sizes: Sizes) -> None:
    arguments = write_case(random_case(seed), seed, tmp_path)
    rewrite(arguments["book"])
    expected = ccp.size(**arguments)
    for place, rows in enumerate(ROWS):
        sizes.set(rows, [1, 3, 20, None][place])
        assert_same(on_disk(**arguments), expected)


LIMITS = {
    "asset_limit": 0.5,
    "issuer_group_limit": {"P": 0.3, "*": 0.7},
    "asset_class_limit": {"equity": 0.4},
    "currency_limit": 0.3333,
}
RULES: dict[str, dict[str, Any]] = {
    "filtered": {"margin": {"model": "filtered", "buffer": {"share": 0.25}}},
    "weighted": {"margin": {"model": "weighted", "floor": {"lookback_days": 150}}},
    "parametric": {"margin": {"model": "parametric", "add_ons": {"bid_ask": True, "concentration": {}}}},
    "blended": {"margin": {"stress_period": {"days": 60}, "offset_limit": {"by": "instrument"}}},
    "together": {"margin": {"add_ons": {"concentration": {"level": "member", "participation": 0.02}}}},
    "sampled": {"margin": {"stress_period": {"days": 60, "reading": "sample"}, "add_ons": {"wrong_way": 0.5}}},
    "gradual": {"close_out": {"method": "gradual", "participation": 0.1}, "margin": {"measure": "value_at_risk"}},
    "held": {"stress": {"resources": "held"}},
    "limited": {"stress": {"resources": "held"}, "collateral": LIMITS},
    "moved": {"stress": {"resources": "minimum"}, "collateral": LIMITS | {"stress": "scenario"}},
}


def rules_of(name: str) -> Rulebook:
    """A short look-back: the test is of parts, not of margins."""
    if name not in RULES:
        rules = load_rulebook(name)
        short: dict[str, Any] = {"lookback_days": 80} | ({"floor": None} if rules.margin.floor else {})
        return rules.model_copy(update={"margin": rules.margin.model_copy(update=short)})
    document: dict[str, Any] = {
        "name": name,
        "currency": "USD",
        "margin": {"confidence": 0.97, "lookback_days": 80, "liquidation_days": 2},
        "stress": {"hypothetical": ["market_gaps"], "historical": {"worst": 3}},
        "fund": {"cover": 2},
        "tiers": ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"share_of_fund": 0.1}}, "survivors_fund"],
    }
    for part, values in RULES[name].items():
        document[part] = document.get(part, {}) | values
    return Rulebook.model_validate(document)


@pytest.fixture(scope="module")
def fractions(tmp_path_factory: pytest.TempPathFactory, small_book: Path) -> Path:
    """The small book in tenths, with collateral of all kinds, own paper, and accounts that hold nothing."""
    book = copied(small_book, tmp_path_factory.mktemp("books") / "fractions")
    rewrite(book, lambda table: shuffled(table).with_columns(pl.col("quantity") * 0.1))
    accounts = pl.read_parquet(book / "accounts.parquet")
    named = (pl.col("kind").cast(pl.String) == "client") & (pl.int_range(pl.len()) % 3 == 0)
    client = pl.format("client {}", pl.int_range(pl.len()) % 4)
    accounts = accounts.with_columns(client_id=pl.when(named).then(client))
    idle = accounts.head(3).with_columns(pl.format("idle {}", "account_id").alias("account_id"))
    pl.concat([accounts, idle]).write_parquet(book / "accounts.parquet")
    random = np.random.default_rng(3)
    pools = accounts.select(pl.coalesce("pool_id", "account_id")).to_series().unique().sort()
    lines = pools.sample(3 * len(pools) // 2, with_replacement=True, seed=1).sort()
    pl.DataFrame(
        {
            "pool_id": lines,
            "asset_id": [f"asset {place}" for place in range(len(lines))],
            "market_value": random.lognormal(12, 2, len(lines)),
            "haircut": random.choice([0.0, 0.1, 0.3], len(lines)),
            "currency": random.choice(["USD", "EUR"], len(lines)),
            "factor_id": [None if place % 2 else "XOM" for place in range(len(lines))],
            "issuer_id": [(None, "P", "Q", "R")[place] for place in random.integers(0, 4, len(lines))],
            "asset_class": [(None, "bond")[place] for place in random.integers(0, 2, len(lines))],
        }
    ).write_parquet(book / "collateral.parquet")
    instruments = pl.read_parquet(book / "instruments.parquet")
    members = pl.read_parquet(book / "members.parquet")["member_id"]
    issuers = [members[place % len(members)] if place % 5 == 0 else None for place in range(len(instruments))]
    instruments.with_columns(pl.Series("issuer_id", issuers)).write_parquet(book / "instruments.parquet")
    return book


@pytest.mark.parametrize("name", [*RULES, "textbook/full-waterfall", "textbook/daily-cycle", "textbook/capital-last"])
def test_every_rulebook_gives_the_same_answer(name: str, fractions: Path, sizes: Sizes) -> None:
    rules = rules_of(name)
    expected = ccp.size(fractions, rules)
    for rows, most in ((ROWS[1], 30), (ROWS[2], 200)):
        sizes.set(rows, most)
        assert_same(on_disk(fractions, rules), expected)


def test_the_books_of_these_tests_have_what_makes_them_hard(fractions: Path, tmp_path: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=tmp_path) as file:
        portfolio = stored(fractions, Path(file.name), ROWS[1], most=30)
        parts = portfolio.parts()
        assert len(parts) > 8
        assert max(len(part.account_pool) for part in parts) > 1
        assert min(portfolio.store.held) == 0
        assert portfolio.weights.max() > 30  # a pool larger than a part may be
        members = [set(part.pool_member.tolist()) for part in parts]
        assert any(one & other for one, other in pairwise(members))
        assert np.bincount(portfolio.account_pool).max() > 1
        assert (pl.read_parquet(fractions / POSITIONS)["quantity"] % 1 != 0).any()


FORMS: dict[str, Spoil] = {
    "as it is": lambda table: table,
    "sorted by account": lambda table: table.sort("account_id", "instrument_id"),
    "sorted by instrument": lambda table: table.sort("instrument_id", "quantity"),
    "shuffled": shuffled,
    "categorical": lambda table: table.with_columns(pl.col("account_id", "instrument_id").cast(pl.Categorical)),
    "enum": lambda table: table.with_columns(
        pl.col(name).cast(pl.Enum(table[name].unique())) for name in table.columns[:2]
    ),
    "whole quantities": lambda table: table.with_columns(pl.col("quantity").cast(pl.Int32)),
    "decimal quantities": lambda table: table.with_columns(pl.col("quantity").cast(pl.Decimal(20, 4))),
    "quantities as text": lambda table: table.with_columns(pl.format(" {} ", "quantity").alias("quantity")),
    "other order of columns": lambda table: table.select(reversed(table.columns)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_table_gives_the_same_answer(
    form: str, small_book: Path, tmp_path: Path, sizes: Sizes
) -> None:
    rules = rules_of("textbook/cover-two")
    expected = ccp.size(small_book, rules)
    for place, row_group in enumerate((1, 64, None)):
        book = rewrite(copied(small_book, tmp_path / str(row_group)), FORMS[form], row_group)
        sizes.set(ROWS[place + 1], 100)
        found = on_disk(book, rules)
        found.manifest["inputs"] = expected.manifest["inputs"]
        assert_same(found, expected)


def test_ids_that_are_numbers_stay_their_digits(tmp_path: Path, small_book: Path, sizes: Sizes) -> None:
    book = copied(small_book, tmp_path / "book")
    accounts, places = pl.read_parquet(book / "accounts.parquet"), {}
    places = {name: place for place, name in enumerate(accounts["account_id"])}
    number = pl.col("account_id").replace_strict(places, return_dtype=pl.Int64)
    accounts.with_columns(number.cast(pl.String)).write_parquet(book / "accounts.parquet")
    rewrite(book, lambda table: table.with_columns(number))
    rules = rules_of("textbook/cover-two")
    sizes.set(ROWS[1], 50)
    assert_same(on_disk(book, rules), ccp.size(book, rules))


def test_threads_change_nothing(fractions: Path, sizes: Sizes) -> None:
    rules, before = rules_of("blended"), use_threads(None)
    sizes.set(ROWS[2], 60)
    runs = []
    try:
        for count in (1, 2):
            use_threads(count)
            runs.append(on_disk(fractions, rules))
    finally:
        use_threads(before)
    assert_same(runs[0], runs[1])


def test_no_bound_and_a_real_one_give_the_same_answer(fractions: Path, tmp_path: Path) -> None:
    rules = rules_of("moved")
    expected = ccp.size(fractions, rules)
    for how in (Streaming(memory=2**40), Streaming(), Streaming(memory=2**40, scratch=tmp_path)):
        assert_same(ccp.size(fractions, rules, streaming=how), expected)
    assert list(tmp_path.iterdir()) == []


# --- parts ------------------------------------------------------------------------------------------------------------


def stored(book: Path, file: Path, sizes: BatchSizes, most: int | None = None) -> StoredPortfolio:
    tree, findings = build_portfolio(replace(read_book(book), positions=read_book(book).positions.clear())), Findings()
    store = store_positions(book / POSITIONS, tree, file, True, findings, sizes)
    assert not findings.total
    return StoredPortfolio(**tree.__dict__, store=store, most=most)


@pytest.fixture(scope="module")
def whole(fractions: Path) -> Portfolio:
    return build_portfolio(read_book(fractions))


@pytest.mark.parametrize("rows", ROWS, ids=str)
@pytest.mark.parametrize("most", [1, 17, 100, None])
def test_parts_are_the_book_in_order(
    rows: BatchSizes, most: int | None, fractions: Path, whole: Portfolio, tmp_path: Path
) -> None:
    portfolio = stored(fractions, tmp_path / "file", rows, most)
    assert portfolio.store.count == len(whole.positions.quantity)
    first, weights = 0, portfolio.weights
    for note in portfolio.parts():
        pools = np.arange(first, first + len(note.pool_member))
        assert_same_part(note, whole, pools)
        assert len(pools) == 1 or most is None or weights[pools].sum() <= most
        first += len(pools)
    assert first == len(whole.pools)


def assert_same_part(note: StoredPart, whole: Portfolio, pools: np.ndarray) -> None:
    found, expected = note.load(), whole.part(pools)
    for name, array in expected.positions._asdict().items():
        np.testing.assert_array_equal(getattr(found.positions, name), array, strict=True)
        assert not getattr(found.positions, name).flags.writeable
    for name in ("account_pool", "pool_member", "pool_house", "member_group", "account_client"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), strict=True)


def test_any_pools_are_read_and_no_more_at_a_time_than_may_be(
    fractions: Path, whole: Portfolio, tmp_path: Path
) -> None:
    portfolio, random = stored(fractions, tmp_path / "file", ROWS[1], 60), np.random.default_rng(5)
    for _ in range(30):
        pools = np.flatnonzero(random.random(len(whole.pools)) < random.random())
        assert_same_part(portfolio.stored(pools), whole, pools)
        portions = portfolio.portions(pools)
        assert np.concatenate([np.empty(0, int), *portions]).tolist() == pools.tolist()
        assert all(len(some) == 1 or portfolio.weights[some].sum() <= 60 for some in portions)


def test_parts_can_be_fewer_than_memory_allows(fractions: Path, tmp_path: Path) -> None:
    portfolio = stored(fractions, tmp_path / "file", ROWS[1], 60)
    assert len(portfolio.parts(30)) > len(portfolio.parts(60)) == len(portfolio.parts(10**9)) == len(portfolio.parts())


def test_ranges_do_not_bound_the_parts_from_below(fractions: Path, tmp_path: Path) -> None:
    """With one range for all accounts the file is read whole for every part, and parts are as small as ever."""
    one, many = (stored(fractions, tmp_path / "file", BatchSizes(50, 50, count), 60) for count in (1, 4000))
    assert len(one.store.edges) == 2
    assert len(one.parts()) > 5
    assert max(int(part.held.sum()) for part in one.parts()) <= max(int(part.held.sum()) for part in many.parts())


def test_a_part_of_a_file_that_is_cut_off_or_gone_is_refused(fractions: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    part = stored(fractions, file, ROWS[2]).parts()[-1]
    os.truncate(file, file.stat().st_size - 1)
    with pytest.raises(InputError, match="is shorter than it was written"):
        part.load()
    file.unlink()
    with pytest.raises(InputError, match="cannot be read here: No such file or directory; shared storage is needed"):
        part.load()


def test_ids_have_their_places_and_unknown_ones_do_not_stay() -> None:
    ids = pl.Series([f"account {place}" for place in np.random.default_rng(1).permutation(300_000)])
    places = Places(ids)
    some = np.random.default_rng(2).integers(0, len(ids), 50_000)
    found = places.of(ids.gather(some))
    assert found is not None
    np.testing.assert_array_equal(found, some)
    for unknown in (
        pl.Series(["account 1", "account x"]),
        pl.Series(["account 1", None]),
        pl.Series([], dtype=pl.String),
    ):
        assert places.of(unknown) is None
    assert places.of(pl.Series(["account x"])) is None
    found = places.of(ids.gather(some))
    assert found is not None
    np.testing.assert_array_equal(found, some)


# --- bad input --------------------------------------------------------------------------------------------------------


def put(row: int, **values: Any) -> Spoil:
    """Other values in one row, counted from 1."""

    def change(table: pl.DataFrame) -> pl.DataFrame:
        here = pl.int_range(1, pl.len() + 1) == row
        return table.with_columns(
            pl.when(here).then(pl.lit(value)).otherwise(name).alias(name) for name, value in values.items()
        )

    return change


def in_turn(*changes: Spoil) -> Spoil:
    def change(table: pl.DataFrame) -> pl.DataFrame:
        for one in changes:
            table = one(table)
        return table

    return change


def twice(*rows: int) -> Spoil:
    """Some rows once more, at the end, halved: their sums stay matched."""

    def change(table: pl.DataFrame) -> pl.DataFrame:
        here = pl.int_range(1, pl.len() + 1).is_in(rows)
        table = table.with_columns(pl.when(here).then(pl.col("quantity") / 2).otherwise("quantity").alias("quantity"))
        return pl.concat([table, table[[row - 1 for row in rows]]])

    return change


def many(count: int, name: str, value: Callable[[int], Any]) -> Spoil:
    """Other values in the first rows of so many instruments, or accounts, so that none of them is repeated."""

    def change(table: pl.DataFrame) -> pl.DataFrame:
        other = "account_id" if name == "instrument_id" else "instrument_id"
        rows = table.with_row_index("row", 1).unique(other, keep="first", maintain_order=True)["row"].head(count)
        return in_turn(*(put(row, **{name: value(row)}) for row in rows))(table)

    return change


def as_text(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(pl.col("quantity").cast(pl.String))


BAD: dict[str, Spoil] = {
    "an unknown account": put(300, account_id="nobody"),
    "an unknown instrument": put(300, instrument_id="nothing"),
    "both in one row": put(300, account_id="nobody", instrument_id="nothing"),
    "an account in other letters": put(7, account_id="c-m001-0001 "),
    "an empty account": put(300, account_id=""),
    "no account": put(300, account_id=None),
    "no instrument": put(300, instrument_id=None),
    "no quantity": put(299, quantity=None),
    "not a number": put(1, quantity=float("nan")),
    "infinite": in_turn(put(2, quantity=float("inf")), put(300, quantity=float("-inf"))),
    "text for a quantity": in_turn(as_text, put(300, quantity="many")),
    "no column of quantities": lambda table: table.drop("quantity"),
    "no column of accounts": lambda table: table.drop("account_id"),
    "an unknown column": lambda table: table.with_columns(pl.lit(1).alias("note"), pl.lit(2).alias(" quantity")),
    "other names altogether": lambda table: table.rename({"account_id": "account", "quantity": "amount"}),
    "an empty table": lambda table: table.clear(),
    "an empty table of other columns": lambda table: table.clear().drop("quantity"),
    "lists of accounts": lambda table: table.with_columns(pl.concat_list("account_id")),
    "accounts as bytes": lambda table: table.with_columns(pl.col("account_id").cast(pl.Binary)),
    "quantities as dates": lambda table: table.with_columns(pl.lit("2022-01-01").str.to_date().alias("quantity")),
    "quantities that are true": lambda table: table.with_columns(pl.lit(True).alias("quantity")),
    "nothing but nothing": lambda table: table.with_columns(pl.lit(None).alias("account_id")),
    "unmatched": put(300, quantity=12345.0),
    "unmatched twice": in_turn(put(1, quantity=12345.0), put(400, quantity=0.5)),
    "unmatched beside an unknown account": in_turn(put(300, quantity=12345.0), put(301, account_id="nobody")),
    "unmatched, and not stated in the same instrument": in_turn(put(300, quantity=None), put(5, account_id="nobody")),
    "all unmatched": lambda table: table.with_columns(pl.col("quantity").abs()),
    "more than fits": lambda table: table.with_columns(pl.col("quantity") * 1e12),
    "25 unknown accounts": many(25, "account_id", "nobody {}".format),
    "25 empty cells": many(25, "quantity", lambda row: None),
    "25 of three kinds": in_turn(
        many(25, "account_id", "nobody {}".format),
        many(30, "instrument_id", "nothing {}".format),
        many(40, "quantity", lambda row: None),
    ),
    "25 empty texts": many(25, "account_id", lambda row: ""),
    "some of everything": in_turn(
        as_text,
        put(4, quantity="x"),
        put(450, quantity=""),
        put(200, account_id=None),
        put(100, instrument_id="nothing"),
        put(3, account_id="nobody"),
        lambda table: table.with_columns(pl.lit(1).alias("note")),
    ),
    "one position twice": twice(300),
    "one position twice in neighbouring rows": lambda table: twice(2)(table).sort("account_id", "instrument_id"),
    "ten positions twice": twice(*range(1, 400, 40)),
    "25 positions twice": twice(*range(1, 400, 16)),
    "the file twice": lambda table: pl.concat([table, table]),
    "three times, and unmatched": lambda table: pl.concat([table, table[[3]], table[[3]]]),
    "repeated beside an unknown account": in_turn(twice(8), put(300, account_id="nobody")),
    "repeated beside an empty cell": in_turn(twice(8), put(9, quantity=None)),
}


def refusal(*arguments: Any, **named: Any) -> tuple[str, int]:
    with pytest.raises(InputError) as caught:
        ccp.size(*arguments, **named)
    return caught.value.message, caught.value.total


@NO_KERNEL
@pytest.mark.parametrize("case", BAD)
def test_bad_positions_are_refused_in_the_same_words(case: str, small_book: Path, tmp_path: Path, sizes: Sizes) -> None:
    book, rules = rewrite(copied(small_book, tmp_path / "book"), BAD[case], 90), rules_of("textbook/cover-two")
    expected = refusal(book, rules)
    for rows in ROWS:
        sizes.set(rows, 50)
        assert refusal(book, rules, streaming=Streaming(memory=1, scratch=tmp_path)) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["book"]


def test_what_the_market_lacks_is_said_beside_bad_positions(small_book: Path, tmp_path: Path, sizes: Sizes) -> None:
    book = rewrite(copied(small_book, tmp_path / "book"), put(300, account_id="nobody"))
    instruments = pl.read_parquet(book / "instruments.parquet")
    put(4, factor_id="NONE")(instruments).write_parquet(book / "instruments.parquet")
    expected = refusal(book)
    assert expected[1] == 2
    sizes.set(ROWS[1])
    assert refusal(book, streaming=Streaming(memory=1)) == expected


def test_bad_tables_are_refused_before_positions_are_read(small_book: Path, tmp_path: Path, sizes: Sizes) -> None:
    book = rewrite(copied(small_book, tmp_path / "book"), put(300, account_id="nobody"))
    members = pl.read_parquet(book / "members.parquet")
    pl.concat([members, members[:1]]).write_parquet(book / "members.parquet")
    sizes.set(ROWS[1])
    assert refusal(book)[1] == 3
    message, total = refusal(book, streaming=Streaming(memory=1))
    assert total == 2
    assert "nobody" not in message


def test_rows_of_unknown_accounts_are_not_said_to_be_repeated(small_book: Path, tmp_path: Path, sizes: Sizes) -> None:
    change = in_turn(put(300, account_id="nobody"), lambda table: pl.concat([table, table[[299]]]))
    book = rewrite(copied(small_book, tmp_path / "book"), change)
    sizes.set(ROWS[1])
    assert (refusal(book)[1], refusal(book, streaming=Streaming(memory=1))[1]) == (5, 3)


def test_files_of_other_kinds_are_refused(small_book: Path, tmp_path: Path, sizes: Sizes) -> None:
    sizes.set(ROWS[1])
    book, how = copied(small_book, tmp_path / "book"), {"streaming": Streaming(memory=1)}
    path = book / POSITIONS
    sound = path.read_bytes()
    for content in (sound[: len(sound) // 2], b"PAR1", b"", b"x" * 100, sound[:-9] + b"\xff" * 5 + b"PAR1"):
        path.write_bytes(content)
        assert refusal(book, **how) == refusal(book)
    spoilt = bytearray(sound)
    spoilt[4:2000] = bytes(1996)
    path.write_bytes(spoilt)
    assert refusal(book, **how)[0].startswith(f"{path}: cannot be read as parquet: ")
    path.unlink()
    assert refusal(book, **how) == refusal(book)
    (book / "positions.csv").write_text("account_id,instrument_id,quantity\n")
    expected = (
        f"{book / 'positions.csv'}: positions.parquet was expected: positions that stay on disk are read from Parquet"
    )
    assert refusal(book, **how) == (expected, 1)
    path.write_bytes(sound)
    assert refusal(book, **how) == refusal(book)
    assert refusal(tmp_path / "none", **how) == refusal(tmp_path / "none")


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def signals() -> Iterator[None]:
    """A command handles SIGTERM in its own way; the test run gets its handler back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def told(folder: Path, *arguments: str) -> str:
    """What a command says that is refused, and writes nothing."""
    before = sorted(folder.rglob("*"))
    result = CliRunner().invoke(app, ["size", *arguments, "--out", str(folder / "out")])
    assert result.exit_code == 2, result.output
    assert sorted(folder.rglob("*")) == before
    return result.stderr.strip().removeprefix("error: ")


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("text", ["garbage", "", "2", "-1GiB", "0", "1e400", "nan", "2 GiB of it", "5PiBB"])
def test_a_bound_that_is_none_or_too_little_is_refused(text: str, small_book: Path, tmp_path: Path) -> None:
    said = told(tmp_path, str(small_book), "--memory", text)
    if text in ("2", "0"):
        assert said.startswith("--memory, value '0 MiB': at least ")
    else:
        assert said == f"--memory, value {text!r}: an amount of memory was expected, such as 2GiB or 500MB"


@pytest.mark.usefixtures("signals")
def test_a_scratch_directory_that_cannot_be_written_to_is_refused(small_book: Path, tmp_path: Path) -> None:
    missing, file = tmp_path / "missing", tmp_path / "file"
    file.touch()
    bound = [str(small_book), "--memory", "8GiB", "--scratch"]
    assert told(tmp_path, *bound, str(missing)) == f"{missing}: cannot be written: No such file or directory"
    assert told(tmp_path, *bound, str(file)) == f"{file}: cannot be written: Not a directory"
    wanted = "--memory or --cluster was expected beside it"
    assert told(tmp_path, str(small_book), "--scratch", str(tmp_path)) == f"--scratch, value '{tmp_path}': {wanted}"


@pytest.mark.parametrize("cluster", [[], ["--cluster", "10.0.0.1:6379"]])
def test_workers_are_for_a_cluster_on_this_machine(tmp_path: Path, small_book: Path, cluster: list[str]) -> None:
    said = told(tmp_path, str(small_book), *cluster, "--workers", "3")
    assert said == "--workers, value 3: --cluster local was expected beside it"


def test_a_full_scratch_directory_is_said_to_be_full(small_book: Path, tmp_path: Path) -> None:
    """A limit on the size of files breaks off writing as a full disk does."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        message, _ = refusal(small_book, streaming=Streaming(memory=2**40, scratch=tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert message == f"{tmp_path}: cannot be written: File too large"
    assert list(tmp_path.iterdir()) == []


def test_a_table_in_memory_is_refused(small_book: Path) -> None:
    with pytest.raises(InputError, match="a book's directory was expected, not a table"):
        ccp.size(read_book(small_book), streaming=Streaming(memory=2**40))


WAITING = """
import sys, time
from pathlib import Path
from ccp.api import streamed
from ccp.cli.main import main

nameless, ready = sys.argv.pop() == "nameless", Path(sys.argv.pop())

def wait(*arguments):
    ready.touch()
    time.sleep(60)

streamed.NAMELESS, streamed.measure_parts = nameless, wait
main()
"""


def killed(number: int, kind: str, book: Path, folder: Path) -> list[str]:
    """Kill a run that has its positions in scratch; what it leaves there."""
    scratch, ready = folder / "scratch", folder / "ready"
    scratch.mkdir()
    bound = ["--memory", "8GiB", "--scratch", str(scratch), "--out", str(folder / "out")]
    command = [sys.executable, "-c", WAITING, "size", str(book), *bound, str(ready), kind]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not ready.exists() and process.poll() is None:
        time.sleep(0.02)
    assert len(list(scratch.iterdir())) == (kind != "nameless")
    process.send_signal(number)
    assert process.wait() == (-number if number == signal.SIGKILL else 128 + number)
    assert sorted(path.name for path in folder.iterdir()) == ["ready", "scratch"]
    return [path.name for path in scratch.iterdir()]


@pytest.mark.skipif(not streamed.NAMELESS, reason="elsewhere the scratch file has a name")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_leaves_nothing(number: int, small_book: Path, tmp_path: Path) -> None:
    assert killed(number, "nameless", small_book, tmp_path) == []


def test_where_the_scratch_file_has_a_name_a_run_that_is_stopped_takes_it_away(
    small_book: Path, tmp_path: Path
) -> None:
    """As on a cluster, where other machines read it."""
    assert killed(signal.SIGTERM, "named", small_book, tmp_path) == []


# --- row groups -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["zstd", "uncompressed", "snappy"])
@pytest.mark.parametrize("rows", [1, 7, 1000, None])
def test_the_footer_of_a_file_says_what_its_row_groups_are(rows: int | None, compression: Any, tmp_path: Path) -> None:
    random, count = np.random.default_rng(1), 5000
    table = pl.DataFrame({"a": random.integers(0, 90, count).astype(str), "b": random.normal(size=count)})
    path = tmp_path / "table.parquet"
    table.write_parquet(path, row_group_size=rows, compression=compression)
    groups = row_groups(path)
    assert sum(group.rows for group in groups) == count
    if rows is not None:
        assert len(groups) == -(-count // rows)
        assert {group.rows for group in groups} <= {rows, count % rows}
    size, footer = path.stat().st_size, int.from_bytes(path.read_bytes()[-8:-4], "little")
    stored = sum(group.stored for group in groups)
    assert stored <= size - footer - 12 < stored * (1.1 if rows is None or rows > 100 else 99)  # beside it, indexes
    assert sum(group.plain for group in groups) >= count * 8 > 0


def test_a_footer_that_makes_no_sense_says_nothing(tmp_path: Path) -> None:
    path, random = tmp_path / "table.parquet", np.random.default_rng(4)
    pl.DataFrame({"a": range(1000)}).write_parquet(path, row_group_size=100)
    sound = path.read_bytes()
    length = int.from_bytes(sound[-8:-4], "little")
    assert len(row_groups(path)) == 10
    for content in (b"", b"PAR1", sound[:-1], sound[:-4] + b"PARE", sound[: -length // 2]):
        path.write_bytes(content)
        assert row_groups(path) == []
    for _ in range(300):
        spoilt = bytearray(sound)
        place = len(sound) - 8 - int(random.integers(1, length))
        spoilt[place : place + 20] = random.bytes(20)
        path.write_bytes(spoilt[: len(sound)])
        row_groups(path)  # whatever it says, it says it
    assert row_groups(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("counts", "most", "expected"),
    [
        ([], 10, [10, 10, 5]),
        ([10, 10, 5], 10, [10, 10, 5]),
        ([4, 4, 4, 4, 9], 10, [8, 8, 9]),
        ([4, 25, 4], 10, [4, 10, 10, 9]),
        ([4, 23, 4], 10, [4, 10, 10, 7]),
        ([12], 5, [5, 5, 2]),
        ([10, 20], 10, [10, 10, 5]),
    ],
)
def test_batches_are_whole_row_groups_where_they_can_be(counts: list[int], most: int, expected: list[int]) -> None:
    """A footer that states another number of rows than there are (25, or 30 of them) is not believed."""
    total = sum(counts) if sum(counts) != 30 else 25
    groups = [RowGroup(count, count, count) for count in counts]
    assert list(batch_rows(groups, total or 25, most)) == expected
