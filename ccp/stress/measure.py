"""One pass over the book: margins, stress losses, and what each pool's share of them is in an event."""

from dataclasses import dataclass

import numpy as np

from ccp.book.portfolio import Portfolio
from ccp.errors import refuse
from ccp.exposure.run import Progress, account_values, run_exposure
from ccp.kernels.exposure import Columns
from ccp.kernels.pools import HELD, REQUIRED, SMALLER
from ccp.margin.collateral import margin_held
from ccp.margin.measure import tail_weights
from ccp.market.case import Case
from ccp.money import minor_units, to_minor
from ccp.pricing.revalue import Cube, revalue
from ccp.pricing.terms import instrument_terms
from ccp.scenarios.historical import margin_scenarios
from ccp.scenarios.scenario_set import ScenarioSet, joined
from ccp.stress.loss_over_margin import StressLosses, stress_losses
from ccp.types import Cents, Vector

RESOURCES = {"required": REQUIRED, "held": HELD, "minimum": SMALLER}


LARGEST = 2.0**62
"""Minor units that the losses of the whole book may come to: sums of them stay whole numbers of 64 bits."""


@dataclass(frozen=True)
class Measured:
    """What the pass found. Money in cents, but `net_option_value` (by account) in units.

    `losses` follow the rulebook's way of counting margin; `by_resources` has every way, when the book has
    collateral. `pool_counted` is what counts as each pool's margin.
    """

    case: Case
    scenarios: ScenarioSet
    unit_loss: np.ndarray
    account_margin: Cents
    net_option_value: Vector
    pool_margin: Cents
    pool_counted: Cents
    by_resources: dict[str, StressLosses]

    @property
    def losses(self) -> StressLosses:
        """Stress losses under the rulebook's own way of counting margin."""
        return self.by_resources[self.case.rulebook.stress.resources]


@dataclass(frozen=True)
class PoolLoss:
    """One pool of a defaulter in one scenario, in cents. `loss` is negative for a gain."""

    pool: int
    member: int
    house: bool
    loss: int
    margin: int


def measure(case: Case, stress: ScenarioSet, progress: Progress | None = None) -> Measured:
    """Price every instrument, margin every account and stress every member, in one pass over the positions."""
    rules, digits = case.rulebook.margin, case.rulebook.currency_digits
    portfolio, service = case.portfolio, case.rulebook.currency
    margin = margin_scenarios(case.market, case.factor_ids, rules.lookback_days, rules.liquidation_days)
    cube = price_cube(case, joined([margin, stress]))
    held = margin_held(case.book, portfolio, case.market, service, digits)
    ways = RESOURCES if held is not None else {"required": REQUIRED}
    no_collateral = np.zeros(len(portfolio.pools), dtype=np.int64)
    weights = tail_weights(rules, margin.count)
    columns = Columns(margin.count, stress.count, weights, float(minor_units(digits)))
    unit_loss = cube.close_out_loss
    check_size(portfolio, unit_loss, minor_units(digits))
    exposure = run_exposure(
        portfolio,
        unit_loss,
        columns,
        no_collateral if held is None else held,
        tuple(ways.values()),
        None,
        progress,
    )
    phi = case.rulebook.stress.house_surplus_covers_clients
    found = {
        way: stress_losses(exposure.shortfalls[number], phi, portfolio.member_group) for way, number in ways.items()
    }
    everyone = np.arange(len(portfolio.accounts))
    return Measured(
        case,
        stress,
        unit_loss[:, margin.count :],
        exposure.account_margin,
        account_values(portfolio.positions, cube.standing, everyone),
        exposure.pool_margin,
        _counted(case.rulebook.stress.resources, exposure.pool_margin, held),
        found if held is not None else dict.fromkeys(RESOURCES, found["required"]),
    )


def check_size(portfolio: Portfolio, unit_loss: np.ndarray, minor: int) -> None:
    """Refuse a book whose losses, all of one sign, would not fit whole minor units of 64 bits."""
    positions = portfolio.positions
    gross = np.bincount(positions.instrument, np.abs(positions.quantity), minlength=len(portfolio.instruments))
    largest = np.abs(unit_loss).max(axis=1, initial=0.0)
    total = float(np.sum(gross * largest)) * minor
    if not total < LARGEST:
        worst = portfolio.instruments[int(np.nanargmax(np.nan_to_num(gross * largest, nan=np.inf)))]
        expected = f"losses below {LARGEST / minor:.0e} in all were expected; the largest are in this instrument"
        raise refuse("instruments", expected, field="instrument_id", value=worst)


def price_cube(case: Case, scenarios: ScenarioSet) -> Cube:
    """The cube of the case's instruments."""
    days = case.rulebook.margin.liquidation_days
    service = case.rulebook.currency
    terms = instrument_terms(case.book.instruments, case.market, case.factor_ids, service, days)
    return revalue(terms, scenarios)


def _counted(way: str, required: Cents, held: Cents | None) -> Cents:
    if held is None or way == "required":
        return required
    return held if way == "held" else np.minimum(required, held)


def pool_losses(measured: Measured, scenario: int, groups: tuple[int, ...]) -> list[PoolLoss]:
    """Every pool of some groups in one scenario: the lines that add up to the groups' losses."""
    portfolio = measured.case.portfolio
    accounts = portfolio.accounts_of(portfolio.members_of(np.array(groups)))
    values = account_values(portfolio.positions, measured.unit_loss[:, scenario], accounts)
    cents = to_minor(values, measured.case.rulebook.currency_digits)
    sums = np.zeros(len(portfolio.pools), dtype=np.int64)
    np.add.at(sums, portfolio.account_pool[accounts], cents)
    return [
        PoolLoss(
            int(pool),
            int(portfolio.pool_member[pool]),
            bool(portfolio.pool_house[pool]),
            int(sums[pool]),
            int(measured.pool_counted[pool]),
        )
        for pool in np.unique(portfolio.account_pool[accounts])
    ]
