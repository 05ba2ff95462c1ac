"""Margins and stress losses of the whole book, and what each pool's share of them is in an event."""

from dataclasses import dataclass

import numpy as np

from ccp.book.portfolio import Portfolio
from ccp.errors import refuse
from ccp.exposure.run import Progress, account_values, run_stress
from ccp.kernels.costs import SaleTerms
from ccp.margin.add_ons import close_out_costs, sale_terms
from ccp.margin.collateral import counted_margin, holdings, value_after_haircut, value_in_scenarios
from ccp.margin.requirement import Requirement, margin_requirement
from ccp.market.case import Case
from ccp.money import minor_units, to_minor
from ccp.pricing.horizon import case_terms, price_cube
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.stress.loss_over_margin import StressLosses, stress_losses
from ccp.types import Cents, Vector

RESOURCES = ("required", "held", "minimum")
"""The ways of counting a pool's margin."""

LARGEST = 2.0**62
"""Minor units that the losses of the whole book may come to: sums of them stay whole numbers of 64 bits."""


@dataclass(frozen=True)
class Measured:
    """What the passes found. Money in cents, but `net_option_value` (by account) in units.

    `losses` follow the rulebook's way of counting margin; `by_resources` has every way, when the book has
    collateral. `pool_counted` is what counts as each pool's margin (pool x 1, or pool x scenario where collateral
    moves with the scenario). `account_cost` is what it costs to sell each account's book, part of its losses; `sale` is
    what a sale needs to know of each instrument.
    """

    case: Case
    scenarios: ScenarioSet
    unit_loss: np.ndarray
    account_margin: Cents
    account_cost: Cents | None
    add_ons: dict[str, Cents]
    net_option_value: Vector
    pool_margin: Cents
    pool_counted: Cents
    by_resources: dict[str, StressLosses]
    sale: SaleTerms

    @property
    def losses(self) -> StressLosses:
        """Stress losses under the rulebook's own way of counting margin."""
        return self.by_resources[self.case.rulebook.stress.resources]

    def counted_in(self, scenario: int) -> Cents:
        """What counts as each pool's margin in a scenario."""
        return self.pool_counted[:, scenario if self.pool_counted.shape[1] > 1 else 0]


@dataclass(frozen=True)
class PoolLoss:
    """One pool of a defaulter in one scenario, in cents. `loss` is negative for a gain."""

    pool: int
    member: int
    house: bool
    loss: int
    margin: int


def measure(case: Case, stress: ScenarioSet, progress: Progress | None = None) -> Measured:
    """Price every instrument, margin every account and stress every member."""
    required = margin_requirement(case, None, progress)
    lines = holdings(case)
    rules, digits = case.rulebook.collateral, case.rulebook.currency_digits
    held = moved = None
    if lines is not None:
        held = value_after_haircut(lines, rules, pool_requirement(case, required), digits)
    if lines is not None and rules.stress == "scenario":
        moved = value_in_scenarios(lines, stress, digits)
    return measure_stress(case, stress, required, held, moved)


def measure_stress(
    case: Case,
    stress: ScenarioSet,
    required: Requirement,
    held: Cents | None,
    moved: Cents | None,
    ways: tuple[str, ...] = RESOURCES,
) -> Measured:
    """Stress every member, with margins known.

    `held` is what each pool holds after haircut (None: exactly what is required), `moved` its market value in every
    scenario where collateral is shocked instead (None: it is not). `ways` of counting a pool's margin are looked at,
    the rulebook's among them.
    """
    portfolio, digits = case.portfolio, case.rulebook.currency_digits
    minor = minor_units(digits)
    unit_loss = price_cube(case, stress).close_out_loss
    check_size(portfolio, unit_loss, minor)
    sale = sale_terms(
        case, case_terms(case, required.periods), required.periods, required.daily_risk, case.rulebook.close_out
    )
    instant = case.rulebook.close_out.method == "instant"
    cost = None if instant else close_out_costs(portfolio, sale, digits)
    pool_margin = pool_requirement(case, required)
    counted = {
        way: counted_margin(way, pool_margin, held, moved) for way in (ways if held is not None else ("required",))
    }
    shortfalls = run_stress(portfolio, unit_loss, cost, counted, float(minor))
    phi = case.rulebook.stress.house_surplus_covers_clients
    found = {way: stress_losses(short, phi, portfolio.member_group) for way, short in shortfalls.items()}
    everyone = np.arange(len(portfolio.accounts))
    return Measured(
        case,
        stress,
        unit_loss,
        required.account_margin,
        cost,
        required.add_ons,
        account_values(portfolio.positions, required.standing[:, None], everyone)[:, 0],
        pool_margin,
        counted[case.rulebook.stress.resources if held is not None else "required"],
        found if held is not None else dict.fromkeys(RESOURCES, found["required"]),
        sale,
    )


def pool_requirement(case: Case, required: Requirement) -> Cents:
    """What is required of every pool: the sum over its accounts."""
    sums = np.zeros(len(case.portfolio.pools), dtype=np.int64)
    np.add.at(sums, case.portfolio.account_pool, required.account_margin)
    return sums


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


def pool_losses(measured: Measured, scenario: int, groups: tuple[int, ...]) -> list[PoolLoss]:
    """Every pool of some groups in one scenario: the lines that add up to the groups' losses."""
    portfolio = measured.case.portfolio
    accounts = portfolio.accounts_of(portfolio.members_of(np.array(groups)))
    values = account_values(portfolio.positions, measured.unit_loss[:, [scenario]], accounts)[:, 0]
    cents = to_minor(values, measured.case.rulebook.currency_digits)
    if measured.account_cost is not None:
        cents += measured.account_cost[accounts]
    counted = measured.counted_in(scenario)
    sums = np.zeros(len(portfolio.pools), dtype=np.int64)
    np.add.at(sums, portfolio.account_pool[accounts], cents)
    return [
        PoolLoss(
            int(pool),
            int(portfolio.pool_member[pool]),
            bool(portfolio.pool_house[pool]),
            int(sums[pool]),
            int(counted[pool]),
        )
        for pool in np.unique(portfolio.account_pool[accounts])
    ]
