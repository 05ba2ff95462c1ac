"""A default of a sized book and the defaults that follow from it."""

from dataclasses import dataclass

import numpy as np

from ccp.money import to_minor
from ccp.sizing.size import Sized
from ccp.stress.fire_sale import lost_by_cuts, sell
from ccp.stress.joint_losses import JointLosses
from ccp.stress.loss_over_margin import SetLosses
from ccp.stress.measure import Measured
from ccp.stress.own_losses import fall_of_units, house_losses
from ccp.types import Cents, Vector
from ccp.waterfall.contagion import Books, Round, run_rounds
from ccp.waterfall.event import Circumstances
from ccp.waterfall.standing import first_standing


def rounds_of(sized: Sized, scenario: int, groups: tuple[int, ...], fire_sale: bool) -> list[Round]:
    """Run a default in one scenario until nobody new fails. `fire_sale`: whether selling books moves prices.

    Survivors' capital bears what their own house pools lose in the scenario, and then their bills.
    """
    required = np.array(sized.required, dtype=np.int64)
    pools = len(sized.portfolio.pools)
    standing = first_standing(sized.rules, sized.plan.roster, sized.plan.contributions, required, claimants=pools)

    def known(defaulters: tuple[int, ...]) -> Circumstances:
        return sized.known(scenario, defaulters)

    resale = SoldMarket(sized, scenario) if fire_sale else None
    capital = member_capital(sized.measured)
    own = house_losses(sized.measured, fall_of_units(sized.measured, scenario, groups))
    unmoved = np.zeros(len(sized.portfolio.instruments))
    losses = InScenario(sized.measured, scenario, sized.losses, scenario, unmoved)
    return run_rounds(standing, groups, losses, capital, known, resale, own)


@dataclass(frozen=True)
class InScenario:
    """What sets of groups of a book lose in one scenario, at its prices or at those that sales have moved.

    `place` is the scenario's among those of `losses`; `dropped` is how far units have fallen in sales.
    """

    measured: Measured
    scenario: int
    losses: SetLosses
    place: int
    dropped: Vector

    def of(self, groups: tuple[int, ...], before: tuple[int, ...] = (), cut: Cents | None = None) -> Books:
        """The books of groups that default together, after those `before`, and without what was `cut` of pools."""
        loss, over_margin = self.losses.of_members(self.place, groups, before)
        if cut is not None:
            more, more_over = self._lost_by_cuts(groups, before, cut)
            loss, over_margin = loss + more, over_margin + more_over
        return Books(loss, np.minimum(over_margin, loss), self.measured.counted_by_member(self.scenario))

    def _lost_by_cuts(self, groups: tuple[int, ...], before: tuple[int, ...], cut: Cents) -> tuple[Cents, Cents]:
        if isinstance(self.losses, JointLosses):
            return self.losses.lost_by_cuts(self.place, groups, before, cut)
        return lost_by_cuts(self.measured, self.scenario, groups, self.dropped, cut)


def member_capital(measured: Measured) -> list[int | None]:
    """Every member's own capital in minor units; None where the book states none."""
    stated = measured.case.book.member_column("capital")
    cents = to_minor(stated.fill_null(0.0).to_numpy(), measured.digits).tolist()
    return [None if missing else amount for missing, amount in zip(stated.is_null(), cents, strict=True)]


class SoldMarket:
    """Prices of a scenario that move as books are sold."""

    def __init__(self, sized: Sized, scenario: int):
        self.sized, self.scenario = sized, scenario
        self.dropped = np.zeros(len(sized.portfolio.instruments))

    def __call__(self, groups: tuple[int, ...]) -> tuple[Cents, InScenario]:
        """Sell the books of some groups: what others' house books lose by it, and what sets lose at the new prices."""
        measured = self.sized.measured
        moved = sell(measured, self.sized.sides, self.scenario, groups, self.dropped)
        self.dropped = moved.drop
        return moved.house_loss, InScenario(measured, self.scenario, moved.losses, 0, moved.drop)
