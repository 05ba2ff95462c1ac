"""Whose margin changes because others hold something else."""

import numpy as np

from ccp.book.portfolio import Portfolio
from ccp.margin.concentration import LEVELS, ConcentrationTerms, Sizes
from ccp.types import Flags, Index


def sold_otherwise(was: ConcentrationTerms, before: Portfolio, now: ConcentrationTerms, after: Portfolio) -> Flags:
    """Which accounts of a changed book belong to a unit, or a client, that holds something else that matters."""
    if not now.across and not was.across:
        return np.zeros(len(after.account_pool), dtype=bool)
    names = {"member": (before.members, after.members), "group": (before.groups, after.groups)}.get(now.by, ([], []))
    level = np.append(_changed_units(now, was.level, now.level, *names), False)  # which -1 finds
    client = np.append(_changed_units(now, was.client, now.client, before.clients, after.clients), False)
    unit = LEVELS[now.by](after) if now.units else -1
    return level[unit] | client[after.account_client]


def _changed_units(
    terms: ConcentrationTerms, was: Sizes | None, now: Sizes | None, before: list[str], after: list[str]
) -> Flags:
    """Which units, named in `after`, have other sizes than the same had, by the names in `before`."""
    places = {name: place for place, name in enumerate(after)}
    moved = np.array([places.get(name, -1) for name in before], dtype=np.int64)
    old, new = _rows(was, moved), _rows(now, np.arange(len(after)))
    keys = [unit * terms.instruments + instrument for unit, instrument, _ in (old, new)]
    _, mine, theirs = np.intersect1d(*keys, assume_unique=True, return_indices=True)
    same = theirs[(old[2][mine] == new[2][theirs]).all(axis=1)]
    alike, had, has = (np.bincount(units, minlength=len(after)) for units in (new[0][same], old[0], new[0]))
    return (alike != had) | (alike != has)


def _rows(sizes: Sizes | None, place: Index) -> tuple[Index, Index, np.ndarray]:
    """Unit, instrument, and both sides (row x 2), given the place that each unit has now (-1: none)."""
    if sizes is None:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 2))
    unit = np.repeat(place, np.diff(sizes.offset))
    stays = unit >= 0
    sides = np.column_stack([sizes.long, sizes.short])
    return unit[stays], sizes.instrument[stays].astype(np.int64), sides[stays]
