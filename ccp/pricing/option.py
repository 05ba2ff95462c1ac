"""European options: the model's value, and the price that moves with it. Formulas: docs/reference/arithmetic.md."""

import numpy as np

from ccp.kernels.exposure.bachelier import normal_option_values
from ccp.kernels.exposure.black import option_values
from ccp.pricing.market_state import MarketState
from ccp.pricing.terms import Terms
from ccp.types import Index, InstrumentByScenario, Vector


def model_values_today(terms: Terms, rows: Index) -> Vector:
    """What the model says each option in `rows` is worth; a settlement price far from it deserves a warning."""
    some = terms.rows(rows)
    return _model_values(some, some.forward[:, None], some.volatility[:, None], some.years)[:, 0]


def option_prices(terms: Terms, state: MarketState) -> InstrumentByScenario:
    """Prices: the model's value then and what is kept of the price that it does not explain now; never below zero.

    At expiry, with no time left, that is the intrinsic value.
    """
    forward, volatility = _underlying(terms, state)
    then = _model_values(terms, forward, volatility, state.years)
    today = model_values_today(terms, np.arange(len(terms.instrument_ids)))
    kept = state.kept[:, None]
    return np.maximum(terms.price[:, None] * kept + (then - today[:, None] * kept), 0.0)


def option_columns(terms: Terms, state: MarketState) -> dict[str, Vector]:
    """What an option's own terms are on a day: its forward and its volatility, as far as they have moved."""
    forward, volatility = _underlying(terms, state)
    return {
        "forward": forward[:, 0],
        "implied_volatility": np.where(terms.normal, np.nan, volatility[:, 0]),
        "normal_volatility": np.where(terms.normal, volatility[:, 0], np.nan),
    }


def _underlying(terms: Terms, state: MarketState) -> tuple[InstrumentByScenario, InstrumentByScenario]:
    """Forwards and volatilities in a state; a volatility is not below zero."""
    forward = state.moves.moved(terms.forward, terms.factor)
    return forward, np.maximum(state.moves.moved(terms.volatility, terms.volatility_factor), 0.0)


def _model_values(
    terms: Terms, forward: InstrumentByScenario, volatility: InstrumentByScenario, years: Vector
) -> InstrumentByScenario:
    """What each option's model says, discounted over the years that are left."""
    value = np.empty(forward.shape)
    for model, of_model in ((option_values, ~terms.normal), (normal_option_values, terms.normal)):
        rows = np.flatnonzero(of_model)
        if rows.size:
            part = np.empty((rows.size, forward.shape[1]))
            model(forward[rows], volatility[rows], years[rows], terms.strike[rows], terms.call[rows], part)
            value[rows] = part
    return value * np.exp(-terms.discount_rate * years)[:, None]
