"""Instruments x scenarios: the cube of profit and loss of one unit, in the service currency."""

from dataclasses import dataclass

import numpy as np

from ccp.pricing.linear import linear_prices
from ccp.pricing.moves import moved_levels
from ccp.pricing.option import option_prices
from ccp.pricing.terms import Terms
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.types import InstrumentByScenario, Vector


@dataclass(frozen=True)
class Cube:
    """`change` is the gain of one long unit (instrument x scenario); `standing` its value not yet exchanged.

    `standing` is zero but for premium-style options, whose value has been paid for once and still belongs to
    the holder. Both are in the service currency, the change converted at the scenario's rate.
    """

    change: InstrumentByScenario
    standing: Vector

    @property
    def close_out_loss(self) -> InstrumentByScenario:
        """What one long unit costs to close out: minus the change and the value not yet exchanged."""
        return -(self.change + self.standing[:, None])


def revalue(terms: Terms, scenarios: ScenarioSet) -> Cube:
    """Price every instrument in every scenario.

    Value exchanged daily (spot trades awaiting settlement, futures, variation-style options) gains
    `multiplier * (price_s - price) * rate_s`: nothing but the change is at risk, in a currency converted then.
    Premium-style options gain `multiplier * (price_s * rate_s - price * rate)`.
    """
    price = np.empty((len(terms.instrument_ids), scenarios.count))
    linear, option = np.flatnonzero(~terms.option), np.flatnonzero(terms.option)
    price[linear] = linear_prices(terms, linear, scenarios)
    if option.size:
        price[option] = option_prices(terms, option, scenarios)
    rate = moved_levels(terms.exchange, terms.currency_factor, scenarios)
    unit = terms.multiplier[:, None]
    today = terms.price[:, None]
    exchanged = unit * (price - today) * rate
    kept = unit * (price * rate - today * terms.exchange[:, None])
    standing = np.where(terms.premium, terms.multiplier * terms.price * terms.exchange, 0.0)
    return Cube(np.where(terms.premium[:, None], kept, exchanged), standing)
