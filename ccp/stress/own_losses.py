"""What members lose on their own books in a scenario: what their capital has to bear when others default.

All in one scenario, in whole minor units of the service currency.
"""

import numpy as np

from ccp.exposure.run import account_values
from ccp.money import to_minor
from ccp.pricing.horizon import case_terms, liquidation_periods
from ccp.stress.measure import Measured
from ccp.types import Cents, Index, Vector


def fall_of_units(measured: Measured, scenario: int, groups: tuple[int, ...] = ()) -> Vector:
    """How far the value of one long unit falls in a scenario in which some groups default, in units; negative where it
    rises. By ordinary row of the cube.

    It is the change that is lost: what a premium-style option was worth before is neither a gain of its holder nor a
    loss of its writer, though it is money in a close-out.
    """
    terms = case_terms(measured.case, liquidation_periods(measured.case))
    return measured.unit_loss_when(scenario, groups) + measured.model.rows.spread(terms.premium_value)


def house_losses(measured: Measured, fall: Vector) -> Cents:
    """By member, what it loses on its house accounts when units fall (by ordinary row of the cube); negative is a gain.

    All house pools of a member are its own money, so that the gain of one pays for the loss of another, as in the daily
    cycle (docs/reference/daily-cycle.md, section 4).
    """
    portfolio = measured.portfolio
    house: Index = np.flatnonzero(portfolio.pool_house[portfolio.account_pool])
    loss = account_values(measured.ordinary_held(portfolio.whole), fall[:, None], house)[:, 0]
    sums = np.zeros(len(portfolio.members), dtype=np.int64)
    np.add.at(sums, portfolio.account_member[house], to_minor(loss, measured.digits))
    return sums
