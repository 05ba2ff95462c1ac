"""What is added to the model's margin, and what it costs to sell a book: spread, impact, concentration, own paper."""

from dataclasses import dataclass

import numpy as np

from ccp.book.portfolio import Part
from ccp.kernels.engine.numba_door import read_only
from ccp.kernels.exposure.costs import SaleTerms, concentration_costs, own_paper, sale_costs, spread_costs
from ccp.market.case import Case
from ccp.money import to_minor
from ccp.pricing.horizon import case_terms
from ccp.pricing.terms import Terms
from ccp.rulebook.close_out import CloseOutRules
from ccp.types import Cents, Index, InstrumentByScenario, Vector


def daily_risk(change: InstrumentByScenario, periods: Index) -> Vector:
    """Each instrument's daily risk: the root mean square of a unit's change over its root of liquidation days."""
    return np.sqrt(np.mean(change * change, axis=1)) / np.sqrt(periods)


def sale_terms(case: Case, terms: Terms, periods: Index, risk: Vector, rules: CloseOutRules) -> SaleTerms:
    """What the cost kernels need to know of every instrument."""
    table = case.book.instruments.sort("instrument_id")
    return read_only(
        SaleTerms(
            half_spreads(case, terms),
            risk,
            periods,
            table["average_daily_volume"].to_numpy(),
            rules.participation,
            rules.impact,
            rules.holding,
            rules.longest_days,
        )
    )


def half_spreads(case: Case, terms: Terms) -> Vector:
    """Half the bid-ask spread of one unit in the service currency, 0 where it is not stated."""
    spread = case.book.instruments.sort("instrument_id")["half_spread"].fill_null(0.0).to_numpy()
    return spread * terms.multiplier * terms.exchange


def close_out_costs(part: Part, terms: SaleTerms, digits: int) -> Cents:
    """What it costs to sell each account's positions; more than twice as much for twice the book."""
    cost = np.empty(len(part.account_pool))
    sale_costs(part.positions, terms, cost)
    return to_minor(cost, digits)


@dataclass(frozen=True)
class AddOnTerms:
    """The rulebook's add-ons, resolved for every instrument; None for what it does not add.

    `value` is that of one unit and `issuer` its issuing group, or -1.
    """

    concentration: SaleTerms | None
    quantile: float
    spread: Vector | None
    wrong_way: float | None
    value: Vector
    issuer: Index


def add_on_terms(case: Case, periods: Index, risk: Vector) -> AddOnTerms:
    """What the add-ons need to know of the case's instruments."""
    rules, terms = case.rulebook.margin.add_ons, case_terms(case, periods)
    concentration, quantile = None, 0.0
    if rules.concentration is not None:
        close_out = CloseOutRules(participation=rules.concentration.participation)
        concentration = sale_terms(case, terms, periods, risk, close_out)
        quantile = rules.concentration.quantile
    places = {name: place for place, name in enumerate(case.portfolio.groups)}
    issuers = case.book.instruments.sort("instrument_id")["issuer_id"]
    return AddOnTerms(
        concentration,
        quantile,
        half_spreads(case, terms) if rules.bid_ask else None,
        rules.wrong_way,
        terms.multiplier * terms.price * terms.exchange,
        np.array([places.get(name, -1) if name else -1 for name in issuers], dtype=np.int64),
    )


def add_ons(terms: AddOnTerms, part: Part, digits: int) -> dict[str, Cents]:
    """The add-ons of a part of the book, by name and account, in minor units."""
    cost = np.empty(len(part.account_pool))
    found: dict[str, Cents] = {}
    if terms.concentration is not None:
        concentration_costs(part.positions, terms.concentration, terms.quantile, cost)
        found["concentration"] = to_minor(cost, digits)
    if terms.spread is not None:
        spread_costs(part.positions, terms.spread, cost)
        found["bid_ask"] = to_minor(cost, digits)
    if terms.wrong_way is not None:
        own_paper(part.positions, terms.value, terms.issuer, part.account_group, cost)
        found["wrong_way"] = to_minor(terms.wrong_way * cost, digits)
    return found
