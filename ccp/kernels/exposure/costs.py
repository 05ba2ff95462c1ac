"""What positions cost beyond their market risk: spread, impact, concentration, wrong-way paper. By account."""

import math
from typing import NamedTuple

from ccp.kernels.engine.numba_door import kernel, parallel_kernel, prange
from ccp.kernels.exposure.held_together import size_together
from ccp.types import Index, Vector

ROUNDING = 1e-9
"""A number of days that misses a whole one by less is that one."""


class SaleTerms(NamedTuple):
    """Per instrument: cost of the half-spread of one unit, daily risk of one unit, days and volume to sell in.

    `volume` is the average daily volume in units, NaN where it is not known. `participation` is the share of it
    that may be sold in a day, `impact` the cost in daily risks of selling a whole day's volume, `holding` that of what
    is sold later than in the instrument's days, `longest` the most days that a sale may take.
    """

    spread: Vector
    daily_risk: Vector
    days: Index
    volume: Vector
    participation: float
    impact: float
    holding: float
    longest: int


@kernel
def sale_days(quantity, instrument, terms):
    """Days in which a position is sold, in equal parts."""
    days = terms.days[instrument]
    volume = terms.volume[instrument]
    if not volume > 0.0:
        return days
    needed = min(abs(quantity) / (terms.participation * volume), float(terms.longest))
    return max(days, math.ceil(needed - ROUNDING))


@kernel
def unit_sale_cost(quantity, instrument, terms):
    """What each unit costs when the whole position is sold in `sale_days` equal parts.

    Risk grows with the root of the days that the sale takes beyond the instrument's own.
    """
    volume = terms.volume[instrument]
    cost = terms.spread[instrument]
    if volume > 0.0:
        days = sale_days(quantity, instrument, terms)
        cost += terms.impact * terms.daily_risk[instrument] * math.sqrt(abs(quantity) / days / volume)
        growth = math.sqrt(float(days)) - math.sqrt(float(terms.days[instrument]))
        cost += terms.holding * terms.daily_risk[instrument] * growth
    return cost


@parallel_kernel
def spread_costs(positions, spread: Vector, cost: Vector):
    """Fill `cost` (account) with the half-spreads of its positions."""
    for account in prange(cost.shape[0]):
        total = 0.0
        for entry in range(positions.offset[account], positions.offset[account + 1]):
            total += abs(positions.quantity[entry]) * spread[positions.instrument[entry]]
        cost[account] = total


@parallel_kernel
def concentration_costs(positions, terms, quantile, level, client, cost: Vector):
    """Fill `cost` (account): daily risk times the growth of its root of time beyond the liquidation period.

    The time is that in which all is sold that is sold together: what the account's unit of `level` holds on the
    position's side, or its client where that is more (both `Together`), and no less than the position.
    """
    for account in prange(cost.shape[0]):
        total = 0.0
        for entry in range(positions.offset[account], positions.offset[account + 1]):
            instrument, quantity = positions.instrument[entry], positions.quantity[entry]
            volume, days = terms.volume[instrument], float(terms.days[instrument])
            if volume > 0.0:
                of_level = size_together(level, account, instrument, quantity)
                of_client = size_together(client, account, instrument, quantity)
                sold = max(abs(quantity), max(of_level, of_client))
                if sold > days * terms.participation * volume:
                    needed = sold / (terms.participation * volume)
                    growth = math.sqrt(needed) - math.sqrt(days)
                    total += abs(quantity) * terms.daily_risk[instrument] * growth * quantile
        cost[account] = total


@parallel_kernel
def own_paper(positions, loss: Vector, issuer: Index, group: Index, lost: Vector):
    """Fill `lost` (account) with what positions whose issuer is the account's group lose at that group's default.

    Positions of an account net; where they gain in all nothing is lost. `loss` is that of one long unit, `issuer` the
    issuing group of each instrument (-1: none), `group` each account's.
    """
    for account in prange(lost.shape[0]):
        total = 0.0
        for entry in range(positions.offset[account], positions.offset[account + 1]):
            instrument = positions.instrument[entry]
            if issuer[instrument] == group[account]:
                total += positions.quantity[entry] * loss[instrument]
        lost[account] = max(total, 0.0)
