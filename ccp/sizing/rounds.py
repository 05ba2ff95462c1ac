"""A default of a sized book and the defaults that follow from it."""

import numpy as np

from ccp.money import to_minor
from ccp.sizing.size import Sized
from ccp.stress.fire_sale import sell
from ccp.stress.measure import Measured
from ccp.types import Cents
from ccp.waterfall.contagion import Books, Round, run_rounds
from ccp.waterfall.event import Circumstances
from ccp.waterfall.standing import first_standing


def rounds_of(sized: Sized, scenario: int, groups: tuple[int, ...], fire_sale: bool) -> list[Round]:
    """Run a default in one scenario until nobody new fails. `fire_sale`: whether selling books moves prices."""
    measured = sized.measured
    margin = sized.event(scenario, groups).margin
    books = Books(measured.losses.loss[:, scenario], measured.losses.over_margin[:, scenario], margin)
    required = np.array(sized.required, dtype=np.int64)
    standing = first_standing(measured.case.rulebook, sized.plan.roster, sized.plan.contributions, required)

    def known(defaulters: tuple[int, ...]) -> Circumstances:
        return sized.known(scenario, defaulters)

    resale = Market(sized, scenario, margin) if fire_sale else None
    return run_rounds(standing, groups, books, member_capital(measured), known, resale)


def member_capital(measured: Measured) -> list[int | None]:
    """Every member's own capital in minor units; None where the book states none."""
    stated = measured.case.book.member_column("capital")
    cents = to_minor(stated.fill_null(0.0).to_numpy(), measured.case.rulebook.currency_digits).tolist()
    return [None if missing else amount for missing, amount in zip(stated.is_null(), cents, strict=True)]


class Market:
    """Prices of a scenario that move as books are sold."""

    def __init__(self, sized: Sized, scenario: int, margin: Cents):
        self.sized, self.scenario, self.margin = sized, scenario, margin
        self.dropped = np.zeros(len(sized.measured.case.portfolio.instruments))

    def __call__(self, groups: tuple[int, ...]) -> tuple[Cents, Books]:
        """Sell the books of some groups: what others' house books lose by it, and all books at the new prices."""
        moved = sell(self.sized.measured, self.sized.sides, self.scenario, groups, self.dropped)
        self.dropped = moved.drop
        losses = moved.losses
        return moved.house_loss, Books(losses.loss[:, 0], losses.over_margin[:, 0], self.margin)
