"""What the sale of defaulters' books does to everybody else: docs/reference/waterfall.md, section 6."""

import math
from dataclasses import dataclass

import numpy as np

from ccp.kernels.exposure.costs import SaleTerms, sale_days
from ccp.money import minor_units
from ccp.stress.claims import Sides, net_positions
from ccp.stress.joint_losses import JointLosses
from ccp.stress.loss_over_margin import stress_losses
from ccp.stress.measure import Losses, Measured
from ccp.stress.own_losses import house_losses
from ccp.stress.parts import shortfalls_of
from ccp.types import Cents, Vector


@dataclass(frozen=True)
class Moved:
    """After a sale: what each member lost on its house books by it (negative: gained), and all members' books in the
    scenario at the moved prices. `drop` is how far a unit of each instrument has fallen in all."""

    house_loss: Cents
    losses: Losses
    drop: Vector


def sell(measured: Measured, sides: Sides, scenario: int, groups: tuple[int, ...], dropped: Vector) -> Moved:
    """Sell the books of some groups; `dropped` is how far units have fallen before."""
    rows = measured.model.rows
    net = rows.folded(net_positions(measured.portfolio, sides, groups))
    fall = np.array([_fall(quantity, place, measured.model.sale) for place, quantity in enumerate(net.tolist())])
    drop = dropped + fall
    return Moved(house_losses(measured, rows.spread(fall)), books_in(measured, scenario, drop), drop)


def books_in(measured: Measured, scenario: int, dropped: Vector, cut: Cents | None = None) -> Losses:
    """Every member's book in one scenario, units having fallen by more than the scenario says. `cut` is what haircuts
    took of each pool (default: nothing): its result is less by that, as by a cost."""
    case = measured.case
    rows = measured.model.rows
    unit_loss = rows.fallen(measured.unit_loss[:, [scenario]], dropped)
    counted = {"": measured.counted_in(scenario)[:, None]}
    minor = float(minor_units(case.rulebook.currency_digits))
    cost = measured.found.pool_cost
    if cut is not None:
        cost = cut if cost is None else cost + cut
    short = shortfalls_of(case.portfolio.whole, rows, unit_loss, cost, counted, minor)[""]
    single = stress_losses(short, case.rulebook.stress.house_surplus_covers_clients, case.portfolio.roster)
    losses = measured.losses
    return losses.at(single, unit_loss, scenario) if isinstance(losses, JointLosses) else single


def lost_by_cuts(
    measured: Measured, scenario: int, groups: tuple[int, ...], dropped: Vector, cut: Cents
) -> tuple[Cents, Cents]:
    """By member, how much more some groups lose, and how much more of it is over margin, for what haircuts took of
    their pools (`cut`): it pays for no other loss. `dropped` is how far units have fallen beyond the scenario."""
    portfolio = measured.portfolio
    mine = np.where(portfolio.roster.inside(groups)[portfolio.pool_member], cut, 0)
    if not mine.any():
        nothing = np.zeros(len(portfolio.members), dtype=np.int64)
        return nothing, nothing
    with_them, without = (books_in(measured, scenario, dropped, some) for some in (mine, None))
    return (with_them.loss - without.loss)[:, 0], (with_them.over_margin - without.over_margin)[:, 0]


def _fall(quantity: float, instrument: int, terms: SaleTerms) -> float:
    """How far a unit falls when so many are sold (rises, when they are bought); where volume is not known, not at
    all."""
    volume = terms.volume[instrument]
    if quantity == 0 or not volume > 0:
        return 0.0
    days = sale_days(quantity, instrument, terms)
    move = terms.impact * terms.daily_risk[instrument] * math.sqrt(abs(quantity) / days / volume)
    return math.copysign(move, quantity)
