"""European options by full revaluation: forward, volatility and time all move; never a delta or a gamma."""

import numpy as np

from ccp.kernels.black import option_values
from ccp.pricing.moves import moved_levels
from ccp.pricing.terms import Terms
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.types import Index, InstrumentByScenario, Vector


def option_prices(terms: Terms, rows: Index, scenarios: ScenarioSet) -> InstrumentByScenario:
    """The price of each option in `rows` at the end of the liquidation period, in each scenario.

    The model says how far the price moves, the market where it starts: today's settlement price plus the
    model's value then less the model's value today, and never below zero.
    """
    forward = moved_levels(terms.forward[rows], terms.factor[rows], scenarios)
    volatility = np.maximum(moved_levels(terms.volatility[rows], terms.volatility_factor[rows], scenarios), 0.0)
    value = _discounted(terms, rows, forward, volatility, terms.years_after[rows])
    moved = terms.price[rows][:, None] + (value - model_values_today(terms, rows)[:, None])
    return np.maximum(moved, 0.0)


def model_values_today(terms: Terms, rows: Index) -> Vector:
    """What the model says each option is worth now; a settlement price far from it deserves a warning."""
    forward, volatility = terms.forward[rows].reshape(-1, 1), terms.volatility[rows].reshape(-1, 1)
    return _discounted(terms, rows, forward, volatility, terms.years[rows])[:, 0]


def _discounted(
    terms: Terms, rows: Index, forward: InstrumentByScenario, volatility: InstrumentByScenario, years: Vector
) -> InstrumentByScenario:
    value = np.empty(forward.shape)
    option_values(forward, volatility, years, terms.strike[rows], terms.call[rows], value)
    return value * np.exp(-terms.discount_rate[rows] * years)[:, None]
