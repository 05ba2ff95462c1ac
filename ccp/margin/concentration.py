"""Concentration: who is sold together, and how much of every instrument that is.

Quantities are added up in whole numbers (`ccp.kernels.exposure.held_together`): the sums, and every margin that follows
from them, are the same for any parts of the book, in any order, on any machine.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple, TypeAlias

import numpy as np

from ccp.book.portfolio import Part, Portfolio
from ccp.kernels.engine.numba_door import read_only
from ccp.kernels.exposure.costs import SaleTerms, concentration_costs
from ccp.kernels.exposure.held_together import Together
from ccp.margin.cells import NO_CELLS, HeldCells, cells_of, merged
from ccp.types import Flags, Index, Vector


class TotalsHeld(NamedTuple):
    """Sums of a part of the book, or of all of it, by member or group, and by client."""

    level: HeldCells
    client: HeldCells


class Sizes(NamedTuple):
    """What takes a unit longer to sell than the liquidation period, as in `Together`; a side that does not is 0."""

    offset: Index
    instrument: np.ndarray
    long: Vector
    short: Vector


@dataclass(frozen=True)
class ConcentrationTerms:
    """The add-on, resolved for every instrument.

    `by` is the rulebook's level. `units` is how many members or groups there are, 0 where accounts or pools are the
    level, for then no part of the book needs to know of another. `joint`: by client, whether it is in more than one
    unit of the level; all that another one has is among what its unit has. `level` and `client` are what members or
    groups, and clients, hold: None until the whole book has been added up.
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

    def with_totals(self, totals: TotalsHeld) -> "ConcentrationTerms":
        """The same, knowing what everybody holds."""
        level = _sizes(self, totals.level, self.units)
        return replace(self, level=level, client=_sizes(self, totals.client, len(self.joint)))


Accounts: TypeAlias = Part | Portfolio
"""Accounts, and whose they are."""
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
    if not len(named):
        return np.zeros(len(portfolio.clients), dtype=bool)
    pairs = np.column_stack([portfolio.account_client[named], LEVELS[by](portfolio)[named]])
    return np.bincount(np.unique(pairs, axis=0)[:, 0], minlength=len(portfolio.clients)) > 1


def part_totals(terms: ConcentrationTerms, part: Part) -> TotalsHeld:
    """What a part of the book adds to the sums."""
    level = LEVELS[terms.by](part) if terms.units else np.full(len(part.account_pool), -1)
    return TotalsHeld(_cells(terms, part, level), _cells(terms, part, client_units(terms, part)))


def added_up(terms: ConcentrationTerms, totals: Iterable[TotalsHeld]) -> ConcentrationTerms:
    """The terms, knowing what all parts of the book hold together."""
    return terms.with_totals(reduce(_merged_totals, totals, TotalsHeld(NO_CELLS, NO_CELLS)))


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


def _cells(terms: ConcentrationTerms, part: Part, unit: Index) -> HeldCells:
    return cells_of(part.positions, unit, terms.sale.volume > 0)


def _merged_totals(one: TotalsHeld, other: TotalsHeld) -> TotalsHeld:
    return TotalsHeld(*(merged(mine, theirs) for mine, theirs in zip(one, other, strict=True)))


def _sizes(terms: ConcentrationTerms, cells: HeldCells, units: int) -> Sizes:
    """The sums that matter, as quantities: those that take longer to sell than the liquidation period."""
    unit, instrument = np.divmod(cells.key, max(terms.instruments, 1))
    within = terms.within_days[instrument]
    long, short = (np.where(size > within, size, 0.0) for size in cells.quantities())
    slow = np.maximum(long, short) > 0
    offset = np.concatenate([[0], np.cumsum(np.bincount(unit[slow], minlength=units))])
    return Sizes(offset.astype(np.int64), instrument[slow].astype(np.int32), long[slow], short[slow])
