"""The positions of one block of a synthetic book's accounts: who holds what, and how much. Matched in itself."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

from ccp.book.synthetic_accounts import spread
from ccp.types import Flags, Index, Vector

CROWD_WEIGHT = 3.0
"""How much larger the crowd's index positions are than its others."""

Held: TypeAlias = tuple[Index, Index, Vector]
"""Positions, in order of account and instrument: places of both, and quantity."""


@dataclass(frozen=True)
class Holders:
    """What positions are drawn from, by account: gross notional, tilt, the crowd, how many instruments are wanted."""

    scale: Vector
    tilt: Vector
    crowd: Flags
    wanted: Index

    def part(self, start: int, end: int) -> "Holders":
        """Some of the accounts."""
        return Holders(self.scale[start:end], self.tilt[start:end], self.crowd[start:end], self.wanted[start:end])


def draw_wanted(positions: int, scale: Vector, instruments: int, random: np.random.Generator) -> Index:
    """How many instruments every account wants to hold: larger accounts hold more."""
    share = scale**0.35 * random.lognormal(0, 0.4, scale.size)
    return np.clip(spread(positions, share), 1, max(instruments // 2, 1))


def draw_positions(
    holders: Holders, traits: pl.DataFrame, holding: np.random.Generator, quantities: np.random.Generator
) -> Held:
    """What the accounts hold, each instrument matched among them. `traits` are the catalogue's, by instrument."""
    account, instrument = _holdings(holders, traits, holding)
    quantity = _matched(_wished(account, instrument, holders, traits, quantities), instrument, len(traits))
    kept = quantity != 0
    return account[kept], instrument[kept], quantity[kept]


def _holdings(holders: Holders, traits: pl.DataFrame, random: np.random.Generator) -> tuple[Index, Index]:
    """Which account holds which instrument: popular instruments are held by more."""
    count, wanted = len(traits), holders.wanted
    account = np.repeat(np.arange(wanted.size), wanted)
    edges = np.cumsum(traits["popularity"].to_numpy()) / traits["popularity"].to_numpy().sum()
    instrument = np.searchsorted(edges, random.random(account.size) * edges[-1]).clip(0, count - 1)
    for _ in range(6):  # an account that drew an instrument twice draws again, and gives up after a few rounds
        key = _distinct(account * count + instrument)
        missing = wanted - np.bincount(key // count, minlength=wanted.size)
        if not missing.any():
            break
        again = np.repeat(np.arange(wanted.size), missing)
        account = np.concatenate([key // count, again])
        instrument = np.concatenate([key % count, random.integers(0, count, again.size)])
    extra, crowd = np.flatnonzero(traits["crowded"].to_numpy()), np.flatnonzero(holders.crowd)
    crowded = np.repeat(crowd, extra.size) * count + np.tile(extra, crowd.size)
    key = _distinct(np.concatenate([account * count + instrument, crowded]))
    key = _with_counterparts(key, count, wanted.size)
    return key // count, key % count


def _distinct(key: Index) -> Index:
    """Sorted, each once. np.unique hashes first, which takes four times as long on keys of which few stand twice."""
    key = np.sort(key)
    return key[np.concatenate([[True], np.diff(key) > 0])]


def _with_counterparts(key: Index, count: int, accounts: int) -> Index:
    """Give every instrument that only one account holds a second holder: somebody must be on the other side."""
    holders = np.bincount(key % count, minlength=count)
    alone = key[holders[key % count] == 1]
    return _distinct(np.concatenate([key, (alone // count + 1) % accounts * count + alone % count]))


def _wished(
    account: Index, instrument: Index, holders: Holders, traits: pl.DataFrame, random: np.random.Generator
) -> Vector:
    """Signed whole quantities as the accounts would have them, before anybody is on the other side."""
    delta, unit = traits["delta"].to_numpy()[instrument], traits["unit_notional"].to_numpy()[instrument]
    entries = np.bincount(account, minlength=holders.wanted.size)
    size = holders.scale[account] / entries[account] / unit * random.lognormal(0, 0.8, account.size)
    crowding = holders.crowd[account] & traits["crowded"].to_numpy()[instrument]
    size = np.where(crowding, size * CROWD_WEIGHT, size)
    leaning = np.where(random.random(account.size) < 0.75, holders.tilt[account], 0.0) * np.sign(delta)
    hedged = np.where(np.arange(account.size) % 2 == 0, 1.0, -1.0)
    sign = np.where(crowding, np.sign(delta), np.where(leaning == 0, hedged, leaning))
    return sign * np.maximum(np.rint(size), 1.0)


def _matched(quantity: Vector, instrument: Index, count: int) -> Vector:
    """Scale the smaller side of every instrument up to the larger, then let the largest holder take the odd lots."""
    order = np.argsort(instrument.astype(np.min_scalar_type(count)), kind="stable")  # short numbers sort by digits
    quantity = _two_sided(quantity, instrument, order, count)
    bought = np.bincount(instrument, weights=np.maximum(quantity, 0), minlength=count)
    sold = np.bincount(instrument, weights=np.maximum(-quantity, 0), minlength=count)
    target = np.sqrt(bought * sold)
    side = np.where(quantity > 0, bought[instrument], sold[instrument])
    quantity = np.rint(quantity * target[instrument] / np.maximum(side, 1.0))
    net = np.bincount(instrument, weights=quantity, minlength=count)
    largest = _largest(np.abs(quantity), instrument, order)
    quantity[largest] -= net[instrument[largest]]
    return quantity


def _two_sided(quantity: Vector, instrument: Index, order: Index, count: int) -> Vector:
    """Turn every second quantity round where all of an instrument's holders are on one side."""
    alone = np.bincount(instrument, weights=np.abs(quantity), minlength=count) == np.abs(
        np.bincount(instrument, weights=quantity, minlength=count)
    )
    if not alone.any():
        return quantity
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)  # neighbours in an instrument differ in parity, so both sides are taken
    return np.where(alone[instrument] & (rank % 2 == 0), -quantity, quantity)


def _largest(size: Vector, instrument: Index, order: Index) -> Index:
    """The place of the largest entry of every instrument, the first of equals; `order` sorts by instrument."""
    sorted_size, sorted_instrument = size[order], instrument[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(sorted_instrument) > 0]))
    top = np.repeat(np.maximum.reduceat(sorted_size, starts), np.diff(np.append(starts, size.size)))
    candidates = np.flatnonzero(sorted_size == top)
    return order[candidates[np.searchsorted(candidates, starts)]]
