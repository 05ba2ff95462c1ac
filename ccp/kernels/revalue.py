"""Instruments in scenarios: move, price, convert. One pass over instrument x scenario, on all threads."""

import math
from typing import NamedTuple

from ccp.kernels.black import black_forward_value
from ccp.kernels.engine import kernel, parallel_kernel, prange
from ccp.types import Flags, Index, InstrumentByScenario, Vector


class TermArrays(NamedTuple):
    """Per instrument, as `ccp.pricing.terms.Terms` has them; factors are places among the moves, -1 for none.

    `model` is the option model's value now.
    """

    option: Flags
    premium: Flags
    call: Flags
    price: Vector
    multiplier: Vector
    exchange: Vector
    strike: Vector
    forward: Vector
    volatility: Vector
    discount_rate: Vector
    years_after: Vector
    model: Vector
    factor: Index
    volatility_factor: Index
    currency_factor: Index


class Moves(NamedTuple):
    """What every factor does in every scenario (factor x scenario): `v * (1 + relative) + absolute`."""

    relative: InstrumentByScenario
    absolute: InstrumentByScenario


@kernel
def moved(level, factor, moves, scenario):
    """A level in a scenario; without factor it stays."""
    if factor < 0:
        return level
    return level * (1.0 + moves.relative[factor, scenario]) + moves.absolute[factor, scenario]


@kernel
def option_price(terms, i, moves, scenario, root, discount):
    """An option's price: the book's price, moved as far as the model moves, and never below zero."""
    forward = moved(terms.forward[i], terms.factor[i], moves, scenario)
    volatility = max(moved(terms.volatility[i], terms.volatility_factor[i], moves, scenario), 0.0)
    value = black_forward_value(forward, terms.strike[i], volatility * root, terms.call[i])
    return max(terms.price[i] + (value * discount - terms.model[i]), 0.0)


@parallel_kernel
def unit_changes(terms, moves, change: InstrumentByScenario):
    """Fill `change` (instrument x scenario) with the gain of one long unit in the service currency.

    Value exchanged daily gains `multiplier * (price_s - price) * rate_s`, premium-style options
    `multiplier * (price_s * rate_s - price * rate)`.
    """
    for i in prange(change.shape[0]):
        root, discount = 0.0, 0.0
        if terms.option[i]:
            root = math.sqrt(max(terms.years_after[i], 0.0))
            discount = math.exp(-terms.discount_rate[i] * terms.years_after[i])
        for s in range(change.shape[1]):
            if terms.option[i]:
                price = option_price(terms, i, moves, s, root, discount)
            else:
                price = moved(terms.price[i], terms.factor[i], moves, s)
            rate = moved(terms.exchange[i], terms.currency_factor[i], moves, s)
            if terms.premium[i]:
                change[i, s] = terms.multiplier[i] * (price * rate - terms.price[i] * terms.exchange[i])
            else:
                change[i, s] = terms.multiplier[i] * (price - terms.price[i]) * rate
