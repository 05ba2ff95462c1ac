"""Concentration limits on collateral: how much of every line they leave.

Source: Regulation (EU) 153/2013, Article 42, which asks for limits by issuer, type of issuer and type of asset, and to
add up all paper of an issuer and of its group.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ccp.money import exact, scaled_down, share_out
from ccp.pricing.terms import NONE
from ccp.types import Cents, Flags, Index, Vector


@dataclass(frozen=True)
class Limit:
    """A limit as it reaches lines of collateral. `kind` is by line the place of what is limited (an issuer, a class),
    or `NONE`; `share` how much of a pool's requirement all its lines of that kind may count for."""

    word: str
    kind: Index
    share: Vector

    def only(self, kept: Flags) -> "Limit":
        """The limit as it reaches some of the lines."""
        return Limit(self.word, self.kind[kept], self.share[kept])


@dataclass(frozen=True)
class LineCells:
    """Lines of a pool that no limit tells apart, together: what is cut from them does not depend on how many lines they
    are written in. `kind` and `share` are limit x cell, `amount` what the lines come to (cents)."""

    of_line: Index
    pool: Index
    kind: Index
    share: Vector
    amount: Cents


def cells_of(pool: Index, limits: tuple[Limit, ...], cents: Cents) -> LineCells:
    """The cells of lines, in order of pool and kinds."""
    keys = np.stack([pool, *(limit.kind for limit in limits)], axis=1)
    _, first, of_line = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    of_line = of_line.reshape(-1)
    amount = np.zeros(len(first), dtype=np.int64)
    np.add.at(amount, of_line, cents)
    kind, share = (np.array([getattr(one, name)[first] for one in limits]) for name in ("kind", "share"))
    return LineCells(of_line, pool[first], kind, share, amount)


def after_limits(cells: LineCells, required: Cents) -> list[Cents]:
    """What every limit leaves of each cell, one limit after the other. `required` is by pool, the base of all limits.

    Where cells of one kind exceed `share * required` (rounded down), they are cut to it in proportion to what is left
    of them by the limits before, by largest remainder, ties to the earlier cell.
    """
    left, stages = cells.amount, list[Cents]()
    for kind, share in zip(cells.kind, cells.share, strict=True):
        left = left.copy()
        for places, most in _exceeding(left, cells.pool, kind, share, required):
            left[places] = share_out(most, left[places].tolist())
        stages.append(left)
    return stages


def _exceeding(left: Cents, pool: Index, kind: Index, share: Vector, required: Cents) -> Iterator[tuple[Index, int]]:
    """The cells of every kind in a pool that are more than the limit, and what they may be."""
    reached = np.flatnonzero(kind != NONE)
    _, first, group = np.unique(
        np.stack([pool[reached], kind[reached]], axis=1), axis=0, return_index=True, return_inverse=True
    )
    group = group.reshape(-1)
    total = np.zeros(len(first), dtype=np.int64)
    np.add.at(total, group, left[reached])
    most = _most(required[pool[reached[first]]], share[reached[first]])
    over = np.flatnonzero(total > most)
    for each, places in zip(over, _places(group, over), strict=True):
        yield reached[places], int(most[each])


def _places(group: Index, wanted: Index) -> Iterator[Index]:
    """Where each of some groups stands, in order."""
    order = np.argsort(group, kind="stable")
    first, last = (np.searchsorted(group[order], wanted, side) for side in ("left", "right"))
    for start, end in zip(first, last, strict=True):
        yield order[start:end]


def _most(required: Cents, share: Vector) -> Cents:
    most = np.zeros(len(required), dtype=np.int64)
    for one in np.unique(share):
        of_one = share == one
        most[of_one] = scaled_down(required[of_one], exact(float(one)))
    return most


def by_line(cells: LineCells, cents: Cents, stages: list[Cents]) -> list[Cents]:
    """What every limit leaves of each line: a cell's lines share what is left of it in proportion, by largest
    remainder, ties to the earlier line."""
    before, left, lines = cells.amount, cents, list[Cents]()
    for after in stages:
        left, cut = left.copy(), np.flatnonzero(after != before)
        for cell, places in zip(cut, _places(cells.of_line, cut), strict=True):
            left[places] = share_out(int(after[cell]), left[places].tolist())
        before = after
        lines.append(left)
    return lines
