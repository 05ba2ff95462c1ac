"""Instruments in scenarios: move, price, convert. One pass over instrument x scenario, on all threads."""

import math
from typing import NamedTuple

import numpy as np

from ccp.kernels.engine.numba_door import fused_kernel, parallel_kernel, prange
from ccp.kernels.exposure.bachelier import fill_normal_values
from ccp.kernels.exposure.black import fill_values
from ccp.types import Flags, Index, InstrumentByScenario, Vector

BLOCK = 64
"""Scenarios priced at a time: what one step writes is still in the first-level cache when the next one reads it."""


class TermArrays(NamedTuple):
    """Per instrument, as `ccp.pricing.terms.Terms` has them; factors are places among the moves, -1 for none.

    `model` is the option model's value now; `normal` are the options whose model is the normal one.
    """

    option: Flags
    premium: Flags
    call: Flags
    normal: Flags
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


@fused_kernel
def moved(level, relative, absolute):
    """A level in a scenario. Not written out below: numba then counts references block by block, in twice the time."""
    return level * (1.0 + relative) + absolute


@fused_kernel
def fill_moved(level, factor, moves, first, out):
    """Fill `out` with a level in the scenarios from `first`; without factor it stays."""
    if factor < 0:
        for s in range(out.size):
            out[s] = level
    else:
        last = first + out.size
        relative, absolute = moves.relative[factor, first:last], moves.absolute[factor, first:last]
        for s in range(out.size):
            out[s] = moved(level, relative[s], absolute[s])


@fused_kernel
def fill_option_prices(terms, i, moves, first, root, discount, forward, volatility, near, price):
    """Fill `price`: the book's, moved as far as the model moves, never below zero. The rows before it are room."""
    fill_moved(terms.forward[i], terms.factor[i], moves, first, forward)
    fill_moved(terms.volatility[i], terms.volatility_factor[i], moves, first, volatility)
    if terms.normal[i]:
        fill_normal_values(forward, volatility, root, terms.strike[i], terms.call[i], price)
    else:
        fill_values(forward, volatility, root, terms.strike[i], terms.call[i], near, price)
    start, model = terms.price[i], terms.model[i]
    for s in range(price.size):
        moved = start + (price[s] * discount - model)
        price[s] = 0.0 if moved < 0.0 else moved


@fused_kernel
def fill_changes(terms, i, price, rate, change):
    """Fill `change` with what prices and the currency's rates make of one long unit."""
    start, multiplier, exchange = terms.price[i], terms.multiplier[i], terms.exchange[i]
    if terms.premium[i]:
        for s in range(change.size):
            change[s] = multiplier * (price[s] * rate[s] - start * exchange)
    else:
        for s in range(change.size):
            change[s] = multiplier * (price[s] - start) * rate[s]


@parallel_kernel
def unit_changes(terms, moves, change: InstrumentByScenario):
    """Fill `change` (instrument x scenario) with the gain of one long unit in the service currency.

    Value exchanged daily gains `multiplier * (price_s - price) * rate_s`, premium-style options
    `multiplier * (price_s * rate_s - price * rate)`.
    """
    for i in prange(change.shape[0]):
        room = np.empty((5, BLOCK))
        root, discount = 0.0, 0.0
        if terms.option[i]:
            root = math.sqrt(max(terms.years_after[i], 0.0))
            discount = math.exp(-terms.discount_rate[i] * terms.years_after[i])
        for first in range(0, change.shape[1], BLOCK):
            count = min(BLOCK, change.shape[1] - first)
            price, rate = room[3, :count], room[4, :count]
            if terms.option[i]:
                fill_option_prices(
                    terms, i, moves, first, root, discount, room[0, :count], room[1, :count], room[2, :count], price
                )
            else:
                fill_moved(terms.price[i], terms.factor[i], moves, first, price)
            fill_moved(terms.exchange[i], terms.currency_factor[i], moves, first, rate)
            fill_changes(terms, i, price, rate, change[i, first : first + count])
