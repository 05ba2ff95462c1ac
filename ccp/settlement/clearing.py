"""What every part of the cycle works with: the run's terms, its prices, its accounts, its calendar."""

from ccp.book.portfolio import Portfolio
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.settlement.calendar import due_days
from ccp.settlement.ledger import Chart
from ccp.settlement.prices import PricePath
from ccp.settlement.terms import RunTerms
from ccp.settlement.trades import Holding


class Clearing:
    """Resolved once for a run. `given` is a scenario set in place of the rulebook's.

    `kept` are the positions of the last day that was prepared, and the portfolio they made: without trades it serves
    the next day too.
    """

    def __init__(self, terms: RunTerms, given: ScenarioSet | None = None):
        self.terms, self.given = terms, given
        self.path = PricePath(terms)
        tiers = tuple(place for place, tier in enumerate(terms.rulebook.tiers, start=1) if tier.tier == "ccp_capital")
        self.chart = Chart(terms.portfolio, tiers)
        self.stress_days = due_days(terms, terms.rulebook.settlement.stress)
        self.resize_days = due_days(terms, terms.rulebook.fund.schedule)
        self.kept: tuple[Holding, Portfolio] | None = None
