"""What is added to the model's margin, and what it costs to sell a book: spread, impact, concentration, own paper."""

import numpy as np

from ccp.book.portfolio import Portfolio
from ccp.kernels.costs import SaleTerms, concentration_costs, own_paper, sale_costs, spread_costs
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
    return SaleTerms(
        half_spreads(case, terms),
        risk,
        periods,
        table["average_daily_volume"].to_numpy(),
        rules.participation,
        rules.impact,
        rules.holding,
        rules.longest_days,
    )


def half_spreads(case: Case, terms: Terms) -> Vector:
    """Half the bid-ask spread of one unit in the service currency, 0 where it is not stated."""
    spread = case.book.instruments.sort("instrument_id")["half_spread"].fill_null(0.0).to_numpy()
    return spread * terms.multiplier * terms.exchange


def close_out_costs(portfolio: Portfolio, terms: SaleTerms, digits: int) -> Cents:
    """What it costs to sell each account's positions; more than twice as much for twice the book."""
    cost = np.empty(len(portfolio.accounts))
    sale_costs(portfolio.positions, terms, cost)
    return to_minor(cost, digits)


def add_ons(case: Case, periods: Index, risk: Vector) -> dict[str, Cents]:
    """The rulebook's add-ons, by name and account, in minor units."""
    rules, portfolio = case.rulebook.margin.add_ons, case.portfolio
    if rules.concentration is None and not rules.bid_ask and rules.wrong_way is None:
        return {}
    digits, cost, terms = case.rulebook.currency_digits, np.empty(len(portfolio.accounts)), case_terms(case, periods)
    found: dict[str, Cents] = {}
    if rules.concentration is not None:
        close_out = CloseOutRules(participation=rules.concentration.participation)
        sale = sale_terms(case, terms, periods, risk, close_out)
        concentration_costs(portfolio.positions, sale, rules.concentration.quantile, cost)
        found["concentration"] = to_minor(cost, digits)
    if rules.bid_ask:
        spread_costs(portfolio.positions, half_spreads(case, terms), cost)
        found["bid_ask"] = to_minor(cost, digits)
    if rules.wrong_way is not None:
        own_paper(portfolio.positions, *_issued(case, terms), cost)
        found["wrong_way"] = to_minor(rules.wrong_way * cost, digits)
    return found


def _issued(case: Case, terms: Terms) -> tuple[Vector, Index, Index]:
    """Value of one unit and issuing group of each instrument, and the group of each account."""
    portfolio = case.portfolio
    places = {name: place for place, name in enumerate(portfolio.groups)}
    issuers = case.book.instruments.sort("instrument_id")["issuer_id"]
    issuer = np.array([places.get(name, -1) if name else -1 for name in issuers], dtype=np.int64)
    value = terms.multiplier * terms.price * terms.exchange
    return value, issuer, portfolio.member_group[portfolio.account_member]
