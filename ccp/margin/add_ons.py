"""What is added to the model's margin, and what it costs to sell a book: spread, impact, concentration, own paper."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ccp.book.portfolio import Part
from ccp.kernels.engine.numba_door import read_only
from ccp.kernels.exposure.costs import SaleTerms, own_paper, spread_costs
from ccp.margin.concentration import ConcentrationTerms, concentration, joint_clients, units_of
from ccp.market.case import Case
from ccp.money import to_minor
from ccp.pricing.horizon import case_terms
from ccp.pricing.issuers import NOBODY, issuers, loss_at_default, recovery_of
from ccp.pricing.terms import Terms
from ccp.rulebook.close_out import CloseOutRules
from ccp.rulebook.margin import AddOns
from ccp.types import Cents, Index, InstrumentByScenario, Vector


def daily_risk(change: InstrumentByScenario, periods: Index) -> Vector:
    """Each instrument's daily risk: the root mean square of a unit's change over its root of liquidation days."""
    return np.sqrt(np.mean(change * change, axis=1)) / np.sqrt(periods)


def sale_terms(case: Case, terms: Terms, periods: Index, risk: Vector, rules: CloseOutRules) -> SaleTerms:
    """What the cost kernels need to know of every instrument."""
    return read_only(
        SaleTerms(
            half_spreads(case, terms),
            risk,
            periods,
            case.book.instrument_column("average_daily_volume").to_numpy(),
            rules.participation,
            rules.impact,
            rules.holding,
            rules.longest_days,
        )
    )


def half_spreads(case: Case, terms: Terms) -> Vector:
    """Half the bid-ask spread of one unit in the service currency, 0 where it is not stated."""
    spread = case.book.instrument_column("half_spread").fill_null(0.0).to_numpy()
    return spread * terms.multiplier * terms.exchange


@dataclass(frozen=True)
class AddOnTerms:
    """The rulebook's add-ons, resolved for every instrument; None for what it does not add.

    `issuer` is the group that has issued each, or NOBODY, and `jump` what one long unit of it loses at that group's
    default, in today's market.
    """

    concentration: ConcentrationTerms | None
    spread: Vector | None
    wrong_way: float | None
    jump: Vector
    issuer: Index


def add_on_terms(case: Case, periods: Index, risk: Vector) -> AddOnTerms:
    """What the add-ons need to know of the case's instruments. Raises ValueError for one that nobody computes."""
    _check_every_add_on()
    rules, terms, issuer = case.rulebook.margin.add_ons, case_terms(case, periods), issuers(case)
    return AddOnTerms(
        _concentration_terms(case, terms, periods, risk),
        half_spreads(case, terms) if rules.bid_ask else None,
        rules.wrong_way,
        loss_at_default(terms, np.flatnonzero(issuer != NOBODY), recovery_of(case)),
        issuer,
    )


def _concentration_terms(case: Case, terms: Terms, periods: Index, risk: Vector) -> ConcentrationTerms | None:
    rules, portfolio = case.rulebook.margin.add_ons.concentration, case.portfolio
    if rules is None:
        return None
    sale = sale_terms(case, terms, periods, risk, CloseOutRules(participation=rules.participation))
    level = rules.level
    return ConcentrationTerms(sale, rules.quantile, level, units_of(level, portfolio), joint_clients(level, portfolio))


def _check_every_add_on() -> None:
    """A word of the rulebook under which nothing is added would be margin too low, and nobody would see it."""
    missing = sorted(AddOns.model_fields.keys() ^ ADD_ONS.keys())
    if missing:
        raise ValueError(f"add-ons of rulebooks and those that are computed differ: {', '.join(missing)}")


def _concentration(terms: AddOnTerms, part: Part, cost: Vector) -> bool:
    if terms.concentration is None:
        return False
    concentration(terms.concentration, part, cost)
    return True


def _bid_ask(terms: AddOnTerms, part: Part, cost: Vector) -> bool:
    if terms.spread is None:
        return False
    spread_costs(part.positions, terms.spread, cost)
    return True


def _wrong_way(terms: AddOnTerms, part: Part, cost: Vector) -> bool:
    if terms.wrong_way is None:
        return False
    own_paper(part.positions, terms.jump, terms.issuer, part.account_group, cost)
    cost *= terms.wrong_way
    return True


ADD_ONS: dict[str, Callable[[AddOnTerms, Part, Vector], bool]] = {
    "concentration": _concentration,
    "bid_ask": _bid_ask,
    "wrong_way": _wrong_way,
}
"""What fills in each add-on's cost by account, in units, and says whether the rulebook has it at all."""


def add_ons(terms: AddOnTerms, part: Part, digits: int) -> dict[str, Cents]:
    """The add-ons of a part of the book, by name and account, in minor units."""
    cost = np.empty(len(part.account_pool))
    return {name: to_minor(cost, digits) for name, fill in ADD_ONS.items() if fill(terms, part, cost)}
