"""Instruments x scenarios: the cube of profit and loss of one unit, in the service currency."""

from dataclasses import dataclass

import numpy as np

from ccp.kernels.engine.numba_door import read_only
from ccp.kernels.exposure.revalue import Moves, TermArrays, unit_changes
from ccp.pricing.option import model_values_today
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

    Spot and futures move with their factor, by the full shock. Options are revalued in full: forward, volatility and
    time all move, never by a delta or a gamma. The model says how far an option's price moves, the market where it
    starts: its settlement price plus the model's value then less the model's value today, and never below zero.

    Value exchanged daily (spot trades awaiting settlement, futures, variation-style options) gains
    `multiplier * (price_s - price) * rate_s`: nothing but the change is at risk, in a currency converted then.
    Premium-style options gain `multiplier * (price_s * rate_s - price * rate)`.
    """
    change = np.empty((len(terms.instrument_ids), scenarios.count))
    moves = read_only(Moves(np.ascontiguousarray(scenarios.relative.T), np.ascontiguousarray(scenarios.absolute.T)))
    unit_changes(_arrays(terms), moves, change)
    standing = np.where(terms.premium, terms.multiplier * terms.price * terms.exchange, 0.0)
    return Cube(change, standing)


def _arrays(terms: Terms) -> TermArrays:
    """The terms as the kernel takes them: arrays of its own, so that it is compiled for one kind only."""
    model = np.zeros(len(terms.instrument_ids))
    options = np.flatnonzero(terms.option)
    if options.size:
        model[options] = model_values_today(terms, options)
    stated = {name: np.array(getattr(terms, name)) for name in TermArrays._fields if name != "model"}
    return TermArrays(**stated, model=model)
