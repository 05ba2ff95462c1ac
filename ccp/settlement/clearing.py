"""What every part of the cycle works with: the run's terms, its prices, its accounts, its calendar."""

from ccp.book.portfolio import Portfolio
from ccp.pricing.horizon import liquidation_periods
from ccp.rulebook.tier_forms import parts_of
from ccp.rulebook.tier_table import kind_of
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.settlement.calendar import due_days
from ccp.settlement.ledger import Chart
from ccp.settlement.prices import PricePath
from ccp.settlement.terms import RunTerms
from ccp.settlement.trades import Holding


class Clearing:
    """Resolved once for a run. `given` is a scenario set in place of the rulebook's.

    `kept` are the positions of the last day that was prepared, and the portfolio they made: without trades it serves
    the next day too. `periods` are the liquidation days of every instrument, `horizon` the most of them.
    """

    def __init__(self, terms: RunTerms, given: ScenarioSet | None = None):
        self.terms, self.given = terms, given
        self.path = PricePath(terms)
        self.periods = liquidation_periods(terms.case)
        self.horizon = int(self.periods.max())
        tiers = enumerate(terms.rulebook.tiers, start=1)
        parts = [(kind_of(part.word), place) for place, tier in tiers for part in parts_of(tier)]
        self.chart = Chart(terms.portfolio, tuple((kind, place) for kind, place in parts if kind.sized))
        self.stress_days = due_days(terms, terms.rulebook.settlement.stress)
        self.resize_days = due_days(terms, terms.rulebook.fund.schedule)
        self.kept: tuple[Holding, Portfolio] | None = None
