"""A synthetic member book: invented, seeded, and shaped like published aggregates of real clearing houses.

Nobody publishes member books, so every member, account and position here is invented. What is shaped on purpose:
sizes of members fall off as a power of their rank; clients carry about 70 % of the risk (published shares of client
margin run from 56 % at LCH Ltd to 85 % at CME in the first quarter of 2023, FIA CCP tracker); houses are directional or
hedged; a crowd of members is long the index and short puts on it; some members are affiliates in one group; clients
stand in net omnibus, gross omnibus and individually segregated pools. Quantities sum to zero in every instrument.

Members and accounts are drawn whole, positions in blocks of accounts, of which one is in memory at a time. A block is
matched in itself, and so is the book, without a second pass.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import polars as pl

from ccp.book.catalogue import catalogue
from ccp.book.synthetic_accounts import draw_accounts, draw_members
from ccp.book.synthetic_positions import Held, Holders, draw_positions, draw_wanted
from ccp.types import Index, Vector

POSITIONS_A_BLOCK = 2**21
"""About the most positions in a block of accounts: bounds memory, however many accounts there are and however much each
holds. It is part of what a book is, not of how it is made: other blocks, other positions. A book of one block at most
is what the streams of chance give without blocks.
"""
DAILY_TURNOVER = 0.2
"""Average daily volume as a share of what is held long in an instrument."""

Parts: TypeAlias = Iterator[pl.DataFrame]
"""A table's rows in order, some at a time; to be taken once."""
Progress: TypeAlias = Callable[[int, int], object]


@dataclass(frozen=True)
class BookSize:
    """How large a synthetic book is. `positions` is met within a few per cent: an account holds an instrument once."""

    members: int = 40
    accounts: int = 1_000
    positions: int = 20_000
    instruments: int = 300


def synthetic_book(
    size: BookSize, seed: int, levels: dict[str, float], day: date, positions_a_block: int = POSITIONS_A_BLOCK
) -> dict[str, pl.DataFrame]:
    """The tables of a synthetic book, whole: the same for the same arguments (and version of numpy).

    `levels` are the market's levels on `day`, volatility factors among them; they price the instruments.
    """
    parts = synthetic_parts(size, seed, levels, day, positions_a_block=positions_a_block)
    return {name: pl.concat(table) for name, table in parts.items()}


def synthetic_parts(
    size: BookSize,
    seed: int,
    levels: dict[str, float],
    day: date,
    progress: Progress | None = None,
    positions_a_block: int = POSITIONS_A_BLOCK,
) -> dict[str, Parts]:
    """The same tables in parts, to be taken in this order: volumes are known once all positions are drawn.

    `progress` is called with accounts done and all.
    """
    streams = np.random.default_rng(seed).spawn(4)
    instruments, traits = catalogue(size.instruments, levels, day)
    members, weight = draw_members(size.members, streams[0])
    accounts, scale, tilt, crowd = draw_accounts(size.accounts, weight, streams[1])
    holders = Holders(scale, tilt, crowd, draw_wanted(size.positions, scale, size.instruments, streams[2]))
    blocks = _blocks(holders, traits, positions_a_block, seed, streams[2:])
    long = np.zeros(size.instruments)
    return {
        "members": iter([members]),
        "accounts": iter([accounts]),
        "positions": _positions(blocks, accounts["account_id"], instruments["instrument_id"], long, progress),
        "instruments": _instruments(instruments, traits["spread"], long),
    }


def _blocks(
    holders: Holders, traits: pl.DataFrame, positions_a_block: int, seed: int, first: list[np.random.Generator]
) -> Iterator[tuple[int, Held]]:
    """What the accounts of each block hold, and how many accounts are done with it.

    The first block goes on with the streams of the whole book, every other one has two streams that descend from them.
    """
    for block, (start, end) in enumerate(pairwise(_edges(holders.wanted, positions_a_block))):
        seeds = [np.random.SeedSequence(seed, spawn_key=(stream, block)) for stream in (2, 3)]
        streams = [np.random.default_rng(one) for one in seeds] if block else first
        account, instrument, quantity = draw_positions(holders.part(start, end), traits, *streams)
        yield end, (account + start, instrument, quantity)


def _edges(wanted: Index, positions_a_block: int) -> list[int]:
    """Where blocks of accounts begin and end: as few as suffice, all about as large, so that each can be matched."""
    total = np.concatenate([[0], np.cumsum(wanted)])
    blocks = -(-int(total[-1]) // positions_a_block)
    return np.unique(np.searchsorted(total, total[-1] * np.arange(blocks + 1) // blocks)).tolist()


def _positions(
    blocks: Iterator[tuple[int, Held]],
    accounts: pl.Series,
    instruments: pl.Series,
    long: Vector,
    progress: Progress | None,
) -> Parts:
    """The positions table, block by block; what is held long is added up in `long`, exactly, since all is whole."""
    for done, (account, instrument, quantity) in blocks:
        long += np.bincount(instrument, weights=np.maximum(quantity, 0), minlength=long.size)
        columns = (accounts.gather(account), instruments.gather(instrument), pl.Series("quantity", quantity))
        yield pl.DataFrame(columns)
        if progress is not None:
            progress(done, len(accounts))


def _instruments(instruments: pl.DataFrame, spread: pl.Series, long: Vector) -> Parts:
    """Instruments with a volume, a share of what is held long, and a spread, a share of the price: assumptions both.

    A part that is made when it is taken: `long` is whole by then.
    """
    yield instruments.with_columns(
        (pl.Series(long) * DAILY_TURNOVER).ceil().clip(1.0).alias("average_daily_volume"),
        (pl.col("price").abs() * spread).round(6).alias("half_spread"),
    )
