"""Spot and futures: the price moves with its factor, by the full shock."""

from ccp.pricing.moves import moved_levels
from ccp.pricing.terms import Terms
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.types import Index, InstrumentByScenario


def linear_prices(terms: Terms, rows: Index, scenarios: ScenarioSet) -> InstrumentByScenario:
    """The price of one unit of the underlying in each scenario, for the instruments in `rows`."""
    return moved_levels(terms.price[rows], terms.factor[rows], scenarios)
