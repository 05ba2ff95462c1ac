"""Concentration: who is sold together, and how much of every instrument that is.

Quantities are added up in whole numbers (`ccp.kernels.exposure.held_together`): the sums, and every margin that follows from
them, are the same for any parts of the book, in any order, on any machine.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple, Protocol

import numpy as np

from ccp.book.portfolio import Part, Portfolio
from ccp.kernels.engine.numba_door import read_only
from ccp.kernels.exposure.costs import SaleTerms, concentration_costs
from ccp.kernels.exposure.held_together import AMOUNTS, LONG, MOST_LOTS, PART_BITS, PARTS, SHORT, Together, add_up_sides
from ccp.types import Flags, Index, Vector


class Cells(NamedTuple):
    """Sums so far: `key` rises, the unit times the number of instruments, plus the instrument; `amounts` as in the
    kernel."""

    key: Index
    amounts: Index


class Totals(NamedTuple):
    """Sums of a part of the book, or of all of it, by member or group, and by client."""

    level: Cells
    client: Cells


class Sizes(NamedTuple):
    """What takes a unit longer to sell than the liquidation period: as in `Together`, but of the whole book."""

    offset: Index
    instrument: np.ndarray
    long: Vector
    short: Vector


@dataclass(frozen=True)
class ConcentrationTerms:
    """The add-on, resolved for every instrument.

    `units` is how many members or groups there are, 0 where accounts or pools are the level, for then no part of the
    book needs to know of another. `joint`: by client, whether it is in more than one unit of the level; all that another one has is
    among what its unit has. `level` and `client` are None until the whole book has been added up.
    """

    sale: SaleTerms
    quantile: float
    by: str
    units: int
    joint: Flags
    level: Sizes | None = None
    client: Sizes | None = None

    @property
    def instruments(self) -> int:
        """How many instruments there are."""
        return len(self.sale.volume)

    @property
    def across(self) -> bool:
        """Whether accounts of different parts of the book may be sold together."""
        return self.units > 0 or bool(self.joint.any())

    @property
    def within_days(self) -> Vector:
        """How much of each instrument can be sold within the liquidation period, NaN without a volume."""
        return self.sale.days * self.sale.participation * self.sale.volume

    def with_totals(self, totals: Totals) -> "ConcentrationTerms":
        """The same, knowing what everybody holds."""
        level = _sizes(self, totals.level, self.units)
        return replace(self, level=level, client=_sizes(self, totals.client, len(self.joint)))


class Accounts(Protocol):
    """Whose the accounts of a book, or of a part of it, are."""

    @property
    def account_client(self) -> Index:
        """The client that each account names, -1 for none."""
        ...

    @property
    def account_pool(self) -> Index:
        """The pool of each account."""
        ...

    @property
    def account_member(self) -> Index:
        """The member of each account."""
        ...

    @property
    def account_group(self) -> Index:
        """The group of each account."""
        ...


LEVELS: dict[str, Callable[[Accounts], Index]] = {
    "account": lambda accounts: np.arange(len(accounts.account_pool)),
    "pool": lambda accounts: accounts.account_pool,
    "member": lambda accounts: accounts.account_member,
    "group": lambda accounts: accounts.account_group,
}
"""The unit of each account, by the rulebook's word."""


def units_of(by: str, portfolio: Portfolio) -> int:
    """How many units there are that more than one part of the book may hold accounts of."""
    return {"member": len(portfolio.members), "group": len(portfolio.groups)}.get(by, 0)


def joint_clients(by: str, portfolio: Portfolio) -> Flags:
    """Which clients have accounts in more than one unit of the level."""
    named = np.flatnonzero(portfolio.account_client >= 0)
    pairs = np.column_stack([portfolio.account_client, LEVELS[by](portfolio)])[named]
    return np.bincount(np.unique(pairs, axis=0)[:, 0], minlength=len(portfolio.clients)) > 1


def part_totals(terms: ConcentrationTerms, part: Part) -> Totals:
    """What a part of the book adds to the sums."""
    level = LEVELS[terms.by](part) if terms.units else np.full(len(part.account_pool), -1)
    return Totals(_cells(terms, part, level), _cells(terms, part, client_units(terms, part)))


def added_up(terms: ConcentrationTerms, totals: Iterable[Totals]) -> ConcentrationTerms:
    """The terms, knowing what all parts of the book hold together."""
    nothing = Cells(np.empty(0, dtype=np.int64), np.empty((0, AMOUNTS), dtype=np.int64))
    return terms.with_totals(reduce(_merged_totals, totals, Totals(nothing, nothing)))


def concentration(terms: ConcentrationTerms, part: Part, cost: Vector) -> None:
    """Fill `cost` (account) with the add-on, in units. Raises ValueError where the book has not been added up."""
    if terms.across and terms.level is None:
        raise ValueError("concentration beyond a pool: what the whole book holds was expected to be added up before")
    level = _together(LEVELS[terms.by](part), _level_sizes(terms, part))
    client = _together(client_units(terms, part), terms.client)
    concentration_costs(part.positions, terms.sale, terms.quantile, level, client, cost)


def _level_sizes(terms: ConcentrationTerms, part: Part) -> Sizes | None:
    """An account alone has none, and pools are whole in every part: what they hold is added up there."""
    if terms.by == "pool":
        return _sizes(terms, _cells(terms, part, part.account_pool), len(part.pool_member))
    return terms.level if terms.units else None


def client_units(terms: ConcentrationTerms, accounts: Accounts) -> Index:
    """Each account's client, -1 where it names none or one that is in one unit only."""
    joint = np.append(terms.joint, False)  # which -1 finds
    return np.where(joint[accounts.account_client], accounts.account_client, -1)


def _together(unit: Index, sizes: Sizes | None) -> Together:
    """What the kernel asks for; without sizes nobody is in a unit."""
    if sizes is None:
        unit, sizes = np.full(len(unit), -1), Sizes(np.zeros(1, np.int64), np.empty(0, np.int32), *np.empty((2, 0)))
    return read_only(Together(unit, *sizes))


def _cells(terms: ConcentrationTerms, part: Part, unit: Index) -> Cells:
    """Sums by unit and instrument; accounts with unit -1 are left out."""
    accounts = np.argsort(unit, kind="stable")[np.count_nonzero(unit < 0) :]
    units, counts = np.unique(unit[accounts], return_counts=True)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    held = np.diff(part.positions.offset)[accounts]
    entries = np.diff(np.concatenate([[0], np.cumsum(held)])[bounds])
    room = np.concatenate([[0], np.cumsum(np.minimum(entries, terms.instruments))])
    instrument, cells = np.empty(room[-1], dtype=np.int32), np.zeros(len(units), dtype=np.int64)
    amounts = np.zeros((room[-1], AMOUNTS), dtype=np.int64)
    counted = terms.sale.volume > 0
    add_up_sides(part.positions, accounts, bounds, room[:-1].copy(), counted, instrument, amounts, cells)
    used = np.repeat(room[:-1] - np.cumsum(cells) + cells, cells) + np.arange(cells.sum())
    key = np.repeat(units, cells) * terms.instruments + instrument[used]
    order = np.argsort(key)
    return Cells(key[order], amounts[used[order]])


def _merged_totals(one: Totals, other: Totals) -> Totals:
    return Totals(*(merged(mine, theirs) for mine, theirs in zip(one, other, strict=True)))


def merged(one: Cells, other: Cells) -> Cells:
    """The sums of two parts, added up."""
    key = np.concatenate([one.key, other.key])
    order = np.argsort(key, kind="stable")
    key, amounts = key[order], np.concatenate([one.amounts, other.amounts])[order]
    again = np.flatnonzero(key[1:] == key[:-1]) + 1  # no key stands in either twice
    amounts[again - 1] = _added(amounts[again - 1], amounts[again])
    stays = np.ones(len(key), dtype=bool)
    stays[again] = False
    return Cells(key[stays], amounts[stays])


def _added(one: Index, other: Index) -> Index:
    parts = one[:, 1::2] + other[:, 1::2]
    lots = one[:, ::2] + other[:, ::2] + (parts >> PART_BITS)
    total = np.empty_like(one)
    total[:, ::2], total[:, 1::2] = np.minimum(lots, MOST_LOTS), parts & ((1 << PART_BITS) - 1)
    return total


def _sizes(terms: ConcentrationTerms, cells: Cells, units: int) -> Sizes:
    """The sums that matter, as quantities: those that take longer to sell than the liquidation period."""
    unit, instrument = np.divmod(cells.key, max(terms.instruments, 1))
    long, short = (cells.amounts[:, side] + cells.amounts[:, side + 1] / PARTS for side in (LONG, SHORT))
    slow = np.maximum(long, short) > terms.within_days[instrument]
    offset = np.concatenate([[0], np.cumsum(np.bincount(unit[slow], minlength=units))])
    return Sizes(offset.astype(np.int64), instrument[slow].astype(np.int32), long[slow], short[slow])


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
