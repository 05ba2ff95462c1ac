"""Synthetic books: the same for the same seed, matched, of the size asked for; and the embedded example."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from itertools import pairwise, repeat
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import ccp
from ccp.book.book import book_from_frames, read_book
from ccp.book.catalogue import catalogue
from ccp.book.synthetic import BookSize, synthetic_book, synthetic_parts
from ccp.errors import InputError
from ccp.market.history import latest_levels
from ccp.market.volatility import with_modelled_volatility
from ccp.runs import parts as writing
from ccp.runs.write import write_run

Tables = dict[str, pl.DataFrame]
DAY = date(2022, 12, 28)
STOCKS = [f"S{number:02d}" for number in range(20)]
CURRENCIES = ["EUR/USD", "GBP/USD", "JPY/USD", "CHF/USD", "AUD/USD", "CAD/USD"]
LEVELS = (
    {name: 20.0 + 15 * place for place, name in enumerate(STOCKS)}
    | {"INDEX20": 20_000.0, "WTI": 80.0}
    | dict(zip(CURRENCIES, (1.06, 1.2, 0.0075, 1.08, 0.67, 0.74), strict=True))
)
LEVELS |= {f"{name}.VOL": 0.15 + 0.01 * place for place, name in enumerate([*STOCKS, "INDEX20"])}
USUAL = BookSize()
WIDE = BookSize(members=40, accounts=3_000, positions=60_000, instruments=3_000)
SMALL = BookSize(members=8, accounts=50, positions=500, instruments=60)


def made(size: BookSize, seed: int = 1) -> Tables:
    return synthetic_book(size, seed, LEVELS, DAY)


def heights(tables: Tables) -> dict[str, int]:
    return {name: table.height for name, table in tables.items()}


# --- seeds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, USUAL], ids=["small", "usual"])
def test_same_seed_same_book_and_another_seed_another(size: BookSize) -> None:
    first, again, other = made(size, 7), made(size, 7), made(size, 8)
    for name, table in first.items():
        assert_frame_equal(table, again[name], check_exact=True)
    catalogues = [made_book["instruments"].drop("average_daily_volume") for made_book in (first, other)]
    assert_frame_equal(*catalogues)  # the catalogue knows no chance; volumes follow the positions
    assert not first["positions"].equals(other["positions"])
    assert not first["members"].equals(other["members"])


def test_sizes_do_not_disturb_what_does_not_depend_on_them() -> None:
    """More positions in the same accounts leave members and accounts as they are: each has its own stream of chance."""
    fewer, more = made(SMALL, 3), made(BookSize(8, 50, 900, 60), 3)
    assert_frame_equal(fewer["members"], more["members"])
    assert_frame_equal(fewer["accounts"], more["accounts"])


# --- size -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size",
    [BookSize(2, 2, 2, 1), BookSize(1, 2, 2, 1), SMALL, BookSize(5, 60, 600, 60), USUAL, WIDE],
    ids=["tiny", "one member", "small", "five", "usual", "wide"],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_size_is_met_within_ten_percent(size: BookSize, seed: int) -> None:
    found = heights(made(size, seed))
    assert found["members"] == size.members
    assert found["accounts"] == size.accounts
    assert found["instruments"] == size.instruments
    assert found["positions"] == pytest.approx(size.positions, rel=0.1)


@pytest.mark.parametrize("size", [BookSize(2, 2, 4, 4), BookSize(3, 10, 40, 25), BookSize(20, 30, 300, 300)])
def test_thin_books_have_two_sides_in_every_instrument_and_so_may_be_larger(size: BookSize) -> None:
    for seed in range(1, 5):
        positions = made(size, seed)["positions"]
        assert 0.9 * size.positions <= positions.height <= size.positions + size.instruments
        sides = positions.group_by("instrument_id").agg(
            pl.col("quantity").min().alias("short"), pl.col("quantity").max()
        )
        assert (sides["short"] < 0).all()
        assert (sides["quantity"] > 0).all()


# --- what every book holds --------------------------------------------------------------------------------------------


def check_positions(tables: Tables) -> None:
    """Whole, not zero, zero in sum for each instrument, an instrument once an account, nothing unknown."""
    positions = tables["positions"]
    quantity = positions["quantity"].to_numpy()
    assert np.isfinite(quantity).all()
    assert (quantity == np.rint(quantity)).all()
    assert (quantity != 0).all()
    sums = positions.group_by("instrument_id").agg(pl.col("quantity").sum())
    assert (sums["quantity"] == 0).all()
    assert not positions.select("account_id", "instrument_id").is_duplicated().any()
    assert set(positions["account_id"]) <= set(tables["accounts"]["account_id"])
    assert set(positions["instrument_id"]) <= set(tables["instruments"]["instrument_id"])


@pytest.mark.parametrize("size", [SMALL, USUAL, WIDE], ids=["small", "usual", "wide"])
def test_positions_are_whole_and_matched(size: BookSize) -> None:
    check_positions(made(size))


sizes = st.builds(BookSize, st.integers(1, 12), st.integers(2, 60), st.integers(2, 900), st.integers(1, 120)).filter(
    lambda size: size.accounts >= size.members
)


@settings(max_examples=25)
@given(sizes, st.integers(0, 1000))
def test_positions_of_any_size_are_whole_and_matched(size: BookSize, seed: int) -> None:
    tables = made(size, seed)
    check_positions(tables)
    assert heights(tables) | {"positions": 0} == {
        "members": size.members,
        "accounts": size.accounts,
        "instruments": size.instruments,
        "positions": 0,
    }
    assert tables["accounts"]["account_id"].is_unique().all()
    assert set(tables["accounts"]["member_id"]) == set(tables["members"]["member_id"])


@pytest.mark.parametrize("size", [SMALL, USUAL], ids=["small", "usual"])
def test_every_kind_of_pool_is_there(size: BookSize) -> None:
    """A house, a net omnibus account, a gross omnibus pool of several accounts, and segregated clients."""
    accounts = made(size)["accounts"].with_columns(pl.coalesce("pool_id", "account_id").alias("pool"))
    houses = accounts.filter(pl.col("kind") == "house")
    assert houses["member_id"].to_list() == sorted(houses["member_id"].to_list())
    assert houses["member_id"].n_unique() == houses.height == size.members
    pools = accounts.group_by("member_id", "pool").agg(
        pl.len().alias("accounts"),
        pl.col("kind").first(),
        pl.col("kind").n_unique().alias("kinds"),
        pl.col("account_id"),
    )
    assert (pools["kinds"] == 1).all()  # no pool mixes a house and clients
    alone = pools.filter((pl.col("kind") == "client") & (pl.col("accounts") == 1))
    named = alone["account_id"].list.first()
    assert named.str.ends_with("-NET").sum() > 0  # net omnibus
    assert named.str.contains("-S[0-9]+$").sum() > 0  # individually segregated
    gross = pools.filter(pl.col("accounts") > 1)
    assert gross.height > 0
    assert (gross["kind"] == "client").all()
    assert gross["pool"].str.ends_with("-GROSS").all()
    assert pools["pool"].n_unique() == pools.height  # no pool of two members


def test_affiliates_default_together() -> None:
    members = made(USUAL)["members"]
    groups = members.drop_nulls("group_id").group_by("group_id").len()
    assert groups.height >= 2
    assert (groups["len"] >= 2).all()
    assert members["group_id"].null_count() > members.height / 2
    assert not set(groups["group_id"]) & set(members["member_id"])


def test_a_few_members_are_much_the_largest() -> None:
    """Ranks to the power -0.9: the largest eight of forty should have about 60 % of the capital."""
    capital = sorted(made(USUAL)["members"]["capital"].to_list(), reverse=True)
    weights = [rank**-0.9 for rank in range(1, 41)]
    assert sum(capital[:8]) / sum(capital) == pytest.approx(sum(weights[:8]) / sum(weights), abs=0.1)
    assert capital[-1] > 0


@pytest.mark.parametrize("size", [SMALL, USUAL, WIDE], ids=["small", "usual", "wide"])
def test_book_passes_its_own_checks(size: BookSize) -> None:
    book = book_from_frames(made(size))
    kinds = set(book.instruments["kind"].cast(pl.String))
    assert kinds == {"spot", "future", "option"}
    assert set(book.instruments["currency"]) == {"USD", "EUR"}
    if size.instruments >= 300:  # smaller catalogues hold options on the index only, which are margined as futures are
        assert set(book.instruments["style"].cast(pl.String).drop_nulls()) == {"variation", "premium"}


def test_catalogue_is_a_prefix_of_a_larger_one() -> None:
    """The most traded instruments come first, so a smaller book holds a part of what a larger one does."""
    small, traits = catalogue(60, LEVELS, DAY)
    large, more = catalogue(600, LEVELS, DAY)
    assert_frame_equal(small, large.head(60))
    popularity = more["popularity"].to_list()
    assert popularity == sorted(popularity, reverse=True)
    assert traits.height == 60
    assert large["instrument_id"].is_unique().all()
    assert (large["expiry"].drop_nulls() > DAY).all()
    assert all(day.weekday() == 4 for day in large["expiry"].drop_nulls())


def test_more_instruments_than_the_catalogue_has_are_met_or_refused() -> None:
    size = BookSize(10, 100, 1_000, 5_000)
    try:
        found = made(size)
    except (InputError, ValueError):
        return
    assert found["instruments"].height == size.instruments


def test_synthesize_writes_a_book_that_can_be_read(tmp_path: Path) -> None:
    first = ccp.synthesize(tmp_path / "one", SMALL, seed=5)
    second = ccp.synthesize(tmp_path / "two", SMALL, seed=5)
    names = sorted(path.name for path in first.iterdir())
    assert names == ["accounts.parquet", "instruments.parquet", "manifest.json", "members.parquet", "positions.parquet"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    book = read_book(first)
    assert book.members.height == SMALL.members
    report = ccp.check(first)
    assert report.date == DAY
    assert report.counts["positions"] == book.positions.height
    with pytest.raises(InputError):
        ccp.synthesize(tmp_path / "one", SMALL, seed=6)


# --- blocks -----------------------------------------------------------------------------------------------------------

MANY = BookSize(members=12, accounts=400, positions=8_000, instruments=120)
A_BLOCK = 1_000


def in_parts(size: BookSize = MANY, seed: int = 1, a_block: int = A_BLOCK) -> dict[str, Iterator[pl.DataFrame]]:
    return synthetic_parts(size, seed, LEVELS, DAY, positions_a_block=a_block)


def in_blocks(size: BookSize = MANY, seed: int = 1, a_block: int = A_BLOCK) -> Tables:
    return synthetic_book(size, seed, LEVELS, DAY, a_block)


@pytest.mark.parametrize("a_block", [500, A_BLOCK, 3_000])
@pytest.mark.parametrize("seed", [1, 2])
def test_book_of_several_blocks_is_as_good_as_a_whole_one(a_block: int, seed: int) -> None:
    tables = in_blocks(seed=seed, a_block=a_block)
    check_positions(tables)
    book_from_frames(tables)
    assert heights(tables)["positions"] == pytest.approx(MANY.positions, rel=0.1)
    for name in ("members", "accounts"):  # drawn whole, whatever the blocks
        assert_frame_equal(tables[name], made(MANY, seed)[name])


def test_every_block_is_matched_in_itself_and_has_its_own_accounts() -> None:
    blocks = list(in_parts()["positions"])
    assert len(blocks) == 8
    for block in blocks:
        assert block.height == pytest.approx(A_BLOCK, rel=0.15)
        assert (block.group_by("instrument_id").agg(pl.col("quantity").sum())["quantity"] == 0).all()
    accounts = made(MANY)["accounts"]["account_id"]
    order = dict(zip(accounts, range(MANY.accounts), strict=True))
    held = [block["account_id"].replace_strict(order).to_list() for block in blocks]
    assert all(places == sorted(places) for places in held)
    assert all(before[-1] < after[0] for before, after in pairwise(held))


def test_blocks_are_drawn_from_streams_of_their_own() -> None:
    """The same seed gives the same blocks, another one others; no two blocks of a book begin with the same choices."""
    first, again, other = in_blocks(seed=7), in_blocks(seed=7), in_blocks(seed=8)
    for name, table in first.items():
        assert_frame_equal(table, again[name], check_exact=True)
    assert not first["positions"].equals(other["positions"])
    begins = [tuple(block["instrument_id"].head(20)) for block in in_parts(seed=7)["positions"]]
    assert len(set(begins)) == len(begins)


def test_book_no_larger_than_a_block_knows_nothing_of_blocks() -> None:
    usual = made(USUAL, 4)
    assert len(list(in_parts(USUAL, 4, a_block=2**21)["positions"])) == 1
    for a_block in (20_100, 10**9):
        for name, table in in_blocks(USUAL, 4, a_block).items():
            assert_frame_equal(table, usual[name], check_exact=True)
    assert not in_blocks(USUAL, 4, 15_000)["positions"].equals(usual["positions"])


def test_volumes_count_all_blocks() -> None:
    tables = in_blocks()
    bought = tables["positions"].filter(pl.col("quantity") > 0).group_by("instrument_id").agg(pl.col("quantity").sum())
    long = dict(bought.iter_rows())
    expected = [max(np.ceil(long[name] * 0.2), 1.0) for name in tables["instruments"]["instrument_id"]]
    assert tables["instruments"]["average_daily_volume"].to_list() == expected


def test_progress_counts_accounts_to_the_last() -> None:
    calls: list[tuple[int, int]] = []
    tables = synthetic_parts(MANY, 1, LEVELS, DAY, lambda done, total: calls.append((done, total)), A_BLOCK)
    blocks = list(tables["positions"])
    done = [count for count, _ in calls]
    assert len(done) == len(blocks)
    assert done == sorted(set(done))
    assert calls[-1] == (MANY.accounts, MANY.accounts)
    assert {total for _, total in calls} == {MANY.accounts}


def test_ids_stay_apart_when_there_are_very_many() -> None:
    """Beyond the digits that numbers are filled up to: over 999 members, over 9,999 clients of one of them."""
    tables = in_parts(BookSize(members=1_100, accounts=600_000, positions=600_000, instruments=60))
    members, accounts = next(tables["members"])["member_id"], next(tables["accounts"])
    assert members.is_unique().all()
    assert accounts.height == 600_000
    assert accounts["account_id"].is_unique().all()
    assert "M1100-H" in accounts["account_id"]
    assert accounts["account_id"].str.contains("-S[0-9]{5}$").any()
    assert (accounts["account_id"].str.split("-").list.first() == accounts["member_id"]).all()
    pooled = accounts.drop_nulls("pool_id")
    assert (pooled["pool_id"] == pooled["member_id"] + "-GROSS").all()


# --- written in parts -------------------------------------------------------------------------------------------------


def test_file_is_the_book_however_many_parts_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block by block, all blocks at once, or a few rows at a time: the same bytes, in row groups of the same size."""
    monkeypatch.setattr(writing, "ROWS_A_GROUP", 700)
    whole = in_blocks()["positions"]
    ways = {
        "blocks": in_parts()["positions"],
        "whole": iter([whole]),
        "slices": whole.iter_slices(123),
    }
    for name, parts in ways.items():
        writing.write_parts(parts, tmp_path / name)
    assert_frame_equal(pl.read_parquet(tmp_path / "blocks"), whole, check_exact=True)
    assert len({(tmp_path / name).read_bytes() for name in ways}) == 1


def test_directory_of_a_book_of_several_blocks_is_the_book(tmp_path: Path) -> None:
    out = write_run(tmp_path / "book", "synth", in_parts(), {}, overwrite=False)
    for name, table in in_blocks().items():
        assert_frame_equal(pl.read_parquet(out / f"{name}.parquet"), table, check_exact=True, categorical_as_str=True)


def test_what_goes_wrong_between_two_blocks_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    tables = synthetic_parts(MANY, 1, LEVELS, DAY, stop, A_BLOCK)
    with pytest.raises(KeyboardInterrupt):
        write_run(tmp_path / "book", "synth", tables, {}, overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_writer_that_fails_says_so(tmp_path: Path) -> None:
    parts = repeat(pl.DataFrame({"quantity": [1.0]}), 100)
    with pytest.raises(OSError, match="No such file"):
        writing.write_parts(parts, tmp_path / "nowhere" / "positions.parquet")
    with pytest.raises(ValueError, match="without a part"):
        writing.write_parts(iter([]), tmp_path / "positions.parquet")


BETWEEN_BLOCKS = """
import time
from functools import partial
import ccp.api.synthesize as api
def slow(done, total):
    print(done, flush=True)
    if done > 500:
        time.sleep(60)
made = partial(api.synthetic_parts, positions_a_block=1_000)
api.synthetic_parts = lambda size, seed, levels, day, progress: made(size, seed, levels, day, slow)
from ccp.cli.main import main
main()
"""
"""The command in blocks of 1,000 positions, but stopping for a minute after half of them."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_book_killed_while_it_is_written_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", BETWEEN_BLOCKS, "synth", "book", "--positions", "5000", "--instruments", "60"]
    with subprocess.Popen(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert any(int(line) > 500 for line in process.stdout)
        assert [path.name for path in tmp_path.glob(".book.partial-*/positions.parquet")] != []
        process.send_signal(number)
        message = process.communicate(timeout=30)[1]
    assert process.returncode in (128 + number, -number)
    assert "Traceback" not in message
    assert list(tmp_path.iterdir()) == []


# --- the embedded example ---------------------------------------------------------------------------------------------


def test_example_book_passes_its_checks() -> None:
    report = ccp.check(ccp.example_book())
    assert report.counts["members"] == 40
    assert report.counts["accounts"] == 1_000
    assert report.counts["positions"] == pytest.approx(20_000, rel=0.1)
    assert not [note for note in report.notes if note.id == "option_price"]


def test_example_book_is_what_its_seed_makes_with_the_fund_posted() -> None:
    """The tables are those of `docs/tools/make_example.py`, seed 1; only what is posted is added."""
    made_with = json.loads((ccp.example_book() / "manifest.json").read_text())
    if made_with["libraries"]["numpy"] != np.__version__:
        pytest.skip(f"made with numpy {made_with['libraries']['numpy']}, whose random streams are its own")
    fresh = synthetic_book(BookSize(**made_with["size"]), made_with["seed"], example_levels(), DAY)
    for name, table in fresh.items():
        stored = pl.read_parquet(ccp.example_book() / f"{name}.parquet")
        if name == "members":
            assert (stored["fund_contribution"] > 0).all()
            stored = stored.drop("fund_contribution")
        assert_frame_equal(stored, table, rel_tol=1e-12, abs_tol=0)


def example_levels() -> dict[str, float]:
    market = ccp.read_market()
    return latest_levels(with_modelled_volatility(market, [f"{name}.VOL" for name in market.factor_ids]))


@pytest.fixture(scope="module")
def example_run() -> ccp.Sizing:
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        pytest.skip("1,000 accounts in 1,472 scenarios take minutes without compiled code")
    return ccp.size(ccp.example_book())


def test_clients_bring_the_share_of_margin_that_clearing_houses_publish(example_run: ccp.Sizing) -> None:
    """56 % (LCH Ltd) to 85 % (CME), first quarter of 2023, FIA CCP tracker."""
    accounts = pl.read_parquet(ccp.example_book() / "accounts.parquet")
    kinds = dict(zip(accounts["account_id"], accounts["kind"], strict=True))
    margin = example_run.tables["margin"].select("account_id", "margin").rows()
    clients = sum(amount for account, amount in margin if kinds[account] == "client")
    assert 0.56 <= clients / sum(amount for _, amount in margin) <= 0.85


def test_fund_is_a_published_share_of_margin(example_run: ccp.Sizing) -> None:
    margin = example_run.tables["margin"]["margin"].sum()
    for fund in ("required", "posted"):
        assert 0.05 <= example_run.coverage["fund"][fund] / margin <= 0.15


def test_scenarios_reach_every_layer(example_run: ccp.Sizing) -> None:
    """Some stay inside margin, some draw on the fund and stay inside it, some go beyond everything prefunded."""
    waterfall = example_run.tables["waterfall"]
    drawn = waterfall.group_by("scenario_id").agg(
        [
            pl.col("amount").filter(pl.col("tier") == tier).sum().alias(tier)
            for tier in ("defaulter_margin", "defaulter_fund", "ccp_capital", "survivors_fund", "uncovered")
        ]
    )
    inside = (drawn["defaulter_fund"] == 0) & (drawn["survivors_fund"] == 0) & (drawn["uncovered"] == 0)
    on_the_fund = (drawn["survivors_fund"] > 0) & (drawn["uncovered"] == 0)
    beyond = drawn["uncovered"] > 0
    assert inside.sum() > 5
    assert on_the_fund.sum() > 5
    assert beyond.sum() > 5
    sizing = example_run.tables["scenarios"].filter("sizes_fund")
    assert (sizing["uncovered"] == 0).all()  # the fund is enough for whatever is still plausible
    assert example_run.coverage["coverage_ratio"] > 1


def test_volumes_and_spreads_follow_positions_and_prices() -> None:
    """A fifth of what is held long, rounded up; two basis points of a price, a hundredth of an option's."""
    tables = made(USUAL, 7)
    bought = tables["positions"].filter(pl.col("quantity") > 0)
    long = dict(bought.group_by("instrument_id").agg(pl.col("quantity").sum()).iter_rows())
    for row in tables["instruments"].to_dicts():
        assert row["average_daily_volume"] == max(np.ceil(long.get(row["instrument_id"], 0.0) * 0.2), 1.0)
        share = 0.01 if row["kind"] == "option" else 0.0002
        assert row["half_spread"] == pytest.approx(abs(row["price"]) * share, abs=5.1e-7)
