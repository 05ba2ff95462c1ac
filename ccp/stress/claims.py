"""What members have gained in a scenario, on which contracts, and in which product classes: what haircuts may cut.

All in one scenario, in whole minor units of the service currency.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ccp.book.portfolio import Portfolio
from ccp.money import to_minor
from ccp.stress.measure import Measured
from ccp.types import Cents, Index, Vector

if TYPE_CHECKING:
    from scipy.sparse import csr_array


PART_POSITIONS = 1_000_000
"""Positions read at a time, where they are not in memory."""


@dataclass(frozen=True)
class Sides:
    """What members hold, accounts added up but long and short apart: member x instrument, both positive."""

    long: "csr_array"
    short: "csr_array"


def sides_of(portfolio: Portfolio) -> Sides:
    """The long and the short positions of every member, in one pass over the book."""
    from scipy import sparse  # a tenth of a second: only where tiers ask for it

    shape = (len(portfolio.members), len(portfolio.instruments))
    long, short = np.zeros(shape), np.zeros(shape)
    for note in portfolio.parts(PART_POSITIONS):  # one after the other: the order of sums is that of the book
        part = note.load()
        member = np.repeat(part.pool_member[part.account_pool], np.diff(part.positions.offset))
        for side, quantity in ((long, part.positions.quantity), (short, -part.positions.quantity)):
            np.add.at(side, (member, part.positions.instrument), np.maximum(quantity, 0.0))
    return Sides(sparse.csr_array(long), sparse.csr_array(short))


def net_positions(portfolio: Portfolio, sides: Sides, groups: tuple[int, ...]) -> Vector:
    """The net quantity of some groups in each instrument."""
    mine = portfolio.roster.inside(groups).astype(np.float64)
    return mine @ (sides.long - sides.short)


def matched_claims(measured: Measured, sides: Sides, scenario: int, groups: tuple[int, ...]) -> Cents:
    """By member, what it has gained on contracts opposite the books of some groups.

    In each instrument the groups' net position is matched with all opposite positions of others, in proportion.
    """
    others = ~measured.roster.inside(groups)
    net = net_positions(measured.portfolio, sides, groups)
    sums = np.zeros(len(others))
    loss = measured.unit_loss[:, scenario]
    for opposite, wanted, gain in (
        (sides.short, np.maximum(net, 0.0), loss),
        (sides.long, np.maximum(-net, 0.0), -loss),
    ):
        held = others.astype(np.float64) @ opposite
        share = np.minimum(np.divide(wanted, held, out=np.zeros_like(held), where=held > 0), 1.0)
        sums += opposite @ (share * gain)
    return to_minor(np.where(others, sums, 0.0), measured.digits)


def by_product_class(measured: Measured, sides: Sides, scenario: int, groups: tuple[int, ...]) -> tuple[Cents, Cents]:
    """By asset class, the losses of some groups' positions (no gains); and class x member, how much each member is
    exposed to the scenario in the class: the sum of the sizes of its positions' gains and losses."""
    kinds, unit_loss = _product_class(measured), measured.unit_loss[:, scenario]
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
