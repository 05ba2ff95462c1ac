"""Instruments x scenarios: the cube of profit and loss of one unit, in the service currency."""

from dataclasses import dataclass

import numpy as np

from ccp.kernels.engine.numba_door import read_only
from ccp.kernels.exposure.revalue import Moves, TermArrays, unit_changes
from ccp.pricing.market_state import MarketState, ScenarioMoves
from ccp.pricing.option import model_values_today
from ccp.pricing.pricers import OPTION, by_pricer, priced_by
from ccp.pricing.terms import Terms
from ccp.scenarios.scenario_set import FactorMoves
from ccp.types import Index, InstrumentByScenario, Vector


@dataclass(frozen=True)
class Cube:
    """`change` is the gain of one long unit (instrument x scenario); `premium_value` its value not yet exchanged.

    `premium_value` is zero but for premium-style options, whose value has been paid for once and still belongs to
    the holder. Both are in the service currency, the change converted at the scenario's rate.
    """

    change: InstrumentByScenario
    premium_value: Vector

    @property
    def close_out_loss(self) -> InstrumentByScenario:
        """What one long unit costs to close out: minus the change and the value not yet exchanged."""
        return -(self.change + self.premium_value[:, None])


def revalue(terms: Terms, scenarios: FactorMoves) -> Cube:
    """Price every instrument in every scenario, over one period, each by its product's pricer.

    Spot and futures move with their factor, by the full shock. Options are revalued in full: forward, volatility and
    time all move, never by a delta or a gamma. The model says how far an option's price moves, the market where it
    starts: its settlement price plus the model's value then less the model's value today, and never below zero.

    Value exchanged daily (variation) gains `multiplier * (price_s - price) * rate_s`: nothing but the change is at
    risk, in a currency converted then. Value paid for once (premium) gains
    `multiplier * (price_s * rate_s - price * rate)`.
    """
    moves = read_only(Moves(np.ascontiguousarray(scenarios.relative.T), np.ascontiguousarray(scenarios.absolute.T)))
    change = np.empty((len(terms.instrument_ids), scenarios.count))
    fused: list[Index] = []
    for pricer, rows in by_pricer(terms):
        if pricer.fused:
            fused.append(rows)
        else:
            some = terms.rows(rows)
            state = MarketState(ScenarioMoves(*moves), some.years_after, np.ones(len(rows)))
            change[rows] = changes_of(some, pricer.prices(some, state), state)
    _fill_fused(terms, moves, np.sort(np.concatenate(fused)) if fused else np.empty(0, dtype=np.int64), change)
    return Cube(change, terms.premium_value)


def changes_of(terms: Terms, price: InstrumentByScenario, state: MarketState) -> InstrumentByScenario:
    """What prices in a state make of one long unit, in the service currency at the state's rates."""
    rate = state.moves.moved(terms.exchange, terms.currency_factor)
    start, multiplier = terms.price[:, None], terms.multiplier[:, None]
    daily = multiplier * (price - start) * rate
    once = multiplier * (price * rate - start * terms.exchange[:, None])
    return np.where(terms.premium[:, None], once, daily)


def _fill_fused(terms: Terms, moves: Moves, rows: Index, change: InstrumentByScenario) -> None:
    """The rows of the products that one kernel moves, prices and converts; usually all of them."""
    if len(rows) == len(change):
        unit_changes(_arrays(terms), moves, change)
    elif len(rows):
        part = np.empty((len(rows), change.shape[1]))
        unit_changes(_arrays(terms.rows(rows)), moves, part)
        change[rows] = part


def _arrays(terms: Terms) -> TermArrays:
    """The terms as the kernel takes them: arrays of its own, so that it is compiled for one kind only."""
    option, model = priced_by(terms, OPTION), np.zeros(len(terms.instrument_ids))
    options = np.flatnonzero(option)
    if options.size:
        model[options] = model_values_today(terms, options)
    stated = {name: np.array(getattr(terms, name)) for name in TermArrays._fields if hasattr(terms, name)}
    return TermArrays(option=option, model=model, **stated)
