"""What pools have gained in a scenario, on which contracts, and in which product classes: what haircuts may cut.

All in one scenario, in whole minor units of the service currency.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ccp.book.portfolio import Portfolio
from ccp.exposure.run import account_values
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.money import to_minor
from ccp.pricing.horizon import case_terms, liquidation_periods
from ccp.stress.cube_rows import CubeRows
from ccp.stress.measure import Measured
from ccp.types import Cents, Index, InstrumentByScenario, Vector

if TYPE_CHECKING:
    from scipy.sparse import csr_array


PART_POSITIONS = 1_000_000
"""Positions read at a time, where they are not in memory."""


@dataclass(frozen=True)
class Sides:
    """What members hold, accounts added up but long and short apart: member x ordinary row of the stress cube, both
    positive."""

    long: "csr_array"
    short: "csr_array"


BY_INSTRUMENT = CubeRows()


def sides_of(portfolio: Portfolio, rows: CubeRows = BY_INSTRUMENT) -> Sides:
    """The long and the short positions of every member, in one pass over the book."""
    from scipy import sparse  # a tenth of a second: only where tiers ask for it

    shape = (len(portfolio.members), len(portfolio.instruments) * rows.periods)
    long, short = np.zeros(shape), np.zeros(shape)
    for note in portfolio.parts(PART_POSITIONS):  # one after the other: the order of sums is that of the book
        part = note.load()
        member = np.repeat(part.pool_member[part.account_pool], np.diff(part.positions.offset))
        held = rows.ordinary.held(part)
        for side, quantity in ((long, held.quantity), (short, -held.quantity)):
            np.add.at(side, (member, held.instrument), np.maximum(quantity, 0.0))
    return Sides(sparse.csr_array(long), sparse.csr_array(short))


def net_positions(portfolio: Portfolio, sides: Sides, groups: tuple[int, ...]) -> Vector:
    """The net quantity of some groups, by ordinary row of the stress cube."""
    mine = portfolio.roster.inside(groups).astype(np.float64)
    return mine @ (sides.long - sides.short)


def variation_and_contracts(measured: Measured, scenario: int, groups: tuple[int, ...] = ()) -> tuple[Cents, Cents]:
    """By pool, what it has gained in variation as some groups default, and what its contracts are worth when they end;
    losses are negative. The groups' own paper is at its default for everybody.

    A premium-style option exchanges no variation: it counts among contracts alone, with all that it is worth. One pass
    over the book, made for an event that is run.
    """
    terms = case_terms(measured.case, liquidation_periods(measured.case))
    worth = -measured.unit_loss_when(scenario, groups)
    unit_values = np.column_stack([np.where(measured.model.rows.spread(terms.premium), 0.0, worth), worth])
    variation, contracts = _by_pool(measured, lambda positions: _all_of(positions, unit_values)).T
    return variation, contracts


def matched_claims(measured: Measured, sides: Sides, scenario: int, groups: tuple[int, ...]) -> Cents:
    """By pool, what it has gained on contracts opposite the books of some groups.

    In each instrument the groups' net position is matched with all opposite positions of others, in proportion.
    """
    others, rows = ~measured.roster.inside(groups), measured.model.rows
    net = rows.folded(net_positions(measured.portfolio, sides, groups))
    worth = -measured.unit_loss_when(scenario, groups)
    long, short = (
        rows.spread(_share(np.maximum(wanted, 0.0), rows.folded(others.astype(np.float64) @ opposite))) * worth
        for wanted, opposite in ((-net, sides.long), (net, sides.short))
    )
    found = _by_pool(measured, lambda positions: _by_side(positions, long, short))[:, 0]
    return np.where(others[measured.portfolio.pool_member], found, 0)


def _share(wanted: Vector, held: Vector) -> Vector:
    """What part of what is held is wanted, at most all of it."""
    return np.minimum(np.divide(wanted, held, out=np.zeros_like(held), where=held > 0), 1.0)


def _by_pool(measured: Measured, values: Callable[[PositionArrays], np.ndarray]) -> Cents:
    """Amounts of accounts (account x column) in minor units, added up by pool, part by part of the book."""
    found = []
    for note in measured.portfolio.parts(PART_POSITIONS):
        part = note.load()
        cents = to_minor(values(measured.ordinary_held(part)), measured.digits)
        sums = np.zeros((len(part.pool_member), cents.shape[1]), dtype=np.int64)
        np.add.at(sums, part.account_pool, cents)
        found.append(sums)
    return np.concatenate(found)


def _all_of(positions: PositionArrays, unit_values: InstrumentByScenario) -> np.ndarray:
    """What accounts' positions are worth, by what a unit is worth."""
    return account_values(positions, unit_values, np.arange(len(positions.offset) - 1))


def _by_side(positions: PositionArrays, long: Vector, short: Vector) -> np.ndarray:
    """What accounts' positions are worth, a unit that is held long and one that is held short each by its own value."""
    held = positions.quantity
    worth = held * np.where(held > 0, long[positions.instrument], short[positions.instrument])
    accounts = len(positions.offset) - 1
    account = np.repeat(np.arange(accounts), np.diff(positions.offset))
    return np.bincount(account, worth, minlength=accounts).astype(np.float64)[:, None]


def by_product_class(measured: Measured, sides: Sides, scenario: int, groups: tuple[int, ...]) -> tuple[Cents, Cents]:
    """By asset class, the losses of some groups' positions (no gains); and class x member, how much each member is
    exposed to the scenario in the class: the sum of the sizes of its positions' gains and losses."""
    kinds, unit_loss = measured.model.rows.spread(_product_class(measured)), measured.unit_loss_when(scenario, groups)
    in_class = np.where(kinds[:, None] == np.arange(int(kinds.max(initial=0)) + 1), unit_loss[:, None], 0.0)
    loss = net_positions(measured.portfolio, sides, groups) @ in_class
    exposed = (sides.long + sides.short) @ np.abs(in_class)
    digits = measured.digits
    return to_minor(np.maximum(loss, 0.0), digits), to_minor(exposed.T, digits)


def _product_class(measured: Measured) -> Index:
    """The asset class of each instrument's factor, as a number; without one, a class of its own."""
    case = measured.case
    names = case.book.instrument_column("factor_id").to_list()
    words = [name or "" for name in case.market.kinds("asset_class", names)]
    return np.unique(np.array(words, dtype=str), return_inverse=True)[1].astype(np.int64)
