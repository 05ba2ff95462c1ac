"""European options: what the model says they are worth now."""

import numpy as np

from ccp.kernels.exposure.black import option_values
from ccp.pricing.terms import Terms
from ccp.types import Index, Vector


def model_values_today(terms: Terms, rows: Index) -> Vector:
    """What the model says each option in `rows` is worth; a settlement price far from it deserves a warning."""
    forward, volatility = terms.forward[rows].reshape(-1, 1), terms.volatility[rows].reshape(-1, 1)
    value, years = np.empty(forward.shape), terms.years[rows]
    option_values(forward, volatility, years, terms.strike[rows], terms.call[rows], value)
    return value[:, 0] * np.exp(-terms.discount_rate[rows] * years)
