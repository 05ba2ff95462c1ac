"""Plain twins of every kernel: slow, obvious, and sharing no code with `ccp.kernels`.

Arithmetic is done in the same order as in the kernels, so agreement is to the last bit wherever only
additions, multiplications and comparisons are involved.
"""

import math
import os
from collections import defaultdict
from fractions import Fraction


def multiply_add(factor, value, total):
    """`factor * value + total`: rounded once as compiled kernels do, or twice as plain Python does."""
    if os.environ.get("NUMBA_DISABLE_JIT") != "1":
        return float(Fraction(factor) * Fraction(value) + Fraction(total))
    return factor * value + total


def sum_positions(cube, offset, instrument, quantity, account):
    """Loss of an account in every scenario: the sum over its positions, in order."""
    losses = [0.0] * cube.shape[1]
    for entry in range(offset[account], offset[account + 1]):
        for s in range(cube.shape[1]):
            losses[s] = multiply_add(float(quantity[entry]), float(cube[instrument[entry], s]), losses[s])
    return losses


def largest_losses(losses, count):
    """The largest first; minus infinity where there are not enough."""
    ordered = sorted((float(loss) for loss in losses), reverse=True)[:count]
    return ordered + [-math.inf] * (count - len(ordered))


def weighted_tail(losses, weights):
    """Weights times largest losses, added from the largest on."""
    total = 0.0
    for weight, loss in zip(weights, largest_losses(losses, len(weights)), strict=True):
        if weight:
            total += float(weight) * loss
    return total


def half_even(value):
    """Nearest whole number, ties to even: Python's own rounding."""
    return round(float(value))


def account_margins(cube, offset, instrument, quantity, tail, minor):
    """Margin by account in minor units: `tail` of its losses in every scenario, floored at zero."""
    margins = []
    for account in range(len(offset) - 1):
        losses = sum_positions(cube, offset, instrument, quantity, account)
        margins.append(half_even(max(tail(losses), 0.0) * minor))
    return margins


def account_losses(cube, offset, instrument, quantity, minor):
    """Losses by account and scenario, in minor units."""
    accounts = range(len(offset) - 1)
    return [
        [half_even(loss * minor) for loss in sum_positions(cube, offset, instrument, quantity, a)] for a in accounts
    ]


def tail_weight(weights, confidence):
    """What the tail weighs, exactly: 0.99 is 99/100."""
    return sum(int(weight) for weight in weights) * (1 - Fraction(str(confidence)))


def weighted_value_at_risk(losses, weights, confidence, convention):
    """From the largest loss down, the first at which the weight so far passes the tail's (ceil), or reaches it."""
    tail, so_far = tail_weight(weights, confidence), 0
    for loss, weight in sorted(zip(losses, weights, strict=True), reverse=True):
        so_far += int(weight)
        if so_far > tail or (so_far == tail and convention == "floor_plus_one"):
            return float(loss)
    raise AssertionError("the weight of all losses reaches any tail")


def weighted_shortfall(losses, weights, confidence):
    """The weighted mean of the largest losses of the tail's weight, the last counted in part: in the kernel's order."""
    mass, total, so_far = float(tail_weight(weights, confidence)), 0.0, 0.0
    for loss, weight in sorted(zip(losses, weights, strict=True), reverse=True):
        taken = min(float(weight), mass - so_far)
        if taken > 0:
            total += taken * float(loss)
            so_far += taken
    return total / mass


def exact_shortfall(losses, weights, confidence):
    """The same in fractions: without rounding, so in any order."""
    mass = tail_weight(weights, confidence)
    total, left = Fraction(0), mass
    for loss, weight in sorted(zip(losses, weights, strict=True), reverse=True):
        taken = min(Fraction(int(weight)), left)
        total += taken * Fraction(float(loss))
        left -= taken
    return total / mass


def root_mean_square(losses, weights, factor):
    """`factor` times the root of the weighted mean square, added from the oldest on."""
    total = 0.0
    for loss, weight in zip(losses, weights, strict=True):
        total += float(weight) * (float(loss) * float(loss))
    return factor * math.sqrt(total)


def age_weights(decay, count):
    """Oldest first: `decay` to the power of the age, in whole parts of 10^12."""
    return [math.floor(Fraction(str(decay)) ** (count - 1 - place) * 10**12) for place in range(count)]


def counted_by_way(way, required, held):
    """What counts as each pool's margin."""
    pick = {"required": lambda need, have: need, "held": lambda need, have: have, "minimum": min}[way]
    return [[pick(int(need), int(have))] for need, have in zip(required, held, strict=True)]


def pool_sums(amounts, account_pool, pools):
    """Amounts by account as sums by pool."""
    return [sum(int(amounts[a]) for a, of in enumerate(account_pool) if of == pool) for pool in range(pools)]


def pool_shortfalls(stress, account_pool, pool_member, pool_house, counted, cost=None):
    """Per member and scenario: loss, house short, house surplus, client short, by dictionaries.

    `counted` holds one amount a pool, or one a pool and scenario; `cost` what it costs to sell each pool.
    """
    result = {name: defaultdict(int) for name in ("loss", "house_short", "house_surplus", "client_short")}
    scenarios = len(stress[0]) if len(stress) else 0
    for pool in sorted({int(pool) for pool in account_pool}):
        for s in range(scenarios):
            margin = int(counted[pool][s] if len(counted[pool]) > 1 else counted[pool][0])
            loss = sum(int(stress[a][s]) for a, of in enumerate(account_pool) if of == pool)
            key = (int(pool_member[pool]), s)
            loss += 0 if cost is None else int(cost[pool])
            result["loss"][key] += max(loss, 0)
            if pool_house[pool]:
                result["house_short"][key] += max(loss - margin, 0)
                result["house_surplus"][key] += max(margin - loss, 0)
            else:
                result["client_short"][key] += max(loss - margin, 0)
    return result


def cost_of_positions(offset, instrument, quantity, one):
    """Sum over every account's positions, in order, of what `one(instrument, quantity)` says."""
    costs = []
    for account in range(len(offset) - 1):
        total = 0.0
        for entry in range(offset[account], offset[account + 1]):
            total += one(int(instrument[entry]), float(quantity[entry]))
        costs.append(total)
    return costs


def sale_cost(quantity, spread, risk, days, volume, participation, impact, holding, longest):
    """Cost of selling one position: half-spread, impact of each equal part, risk of holding. NaN: volume not known."""
    if math.isnan(volume):
        return abs(quantity) * spread
    needed = math.ceil(abs(quantity) / (participation * volume) - 1e-9)
    sold_in = max(days, min(needed, longest))
    longer = math.sqrt(sold_in) - math.sqrt(days)
    pressure = math.sqrt(abs(quantity) / sold_in / volume)
    return abs(quantity) * (spread + impact * risk * pressure + holding * risk * longer)


def concentration_cost(quantity, sold, risk, days, volume, participation, quantile):
    """Daily risk times the growth of the root of time from the liquidation period to the days that `sold` takes."""
    if math.isnan(volume) or sold <= days * participation * volume:
        return 0.0
    needed = sold / (participation * volume)
    return abs(quantity) * risk * (math.sqrt(needed) - math.sqrt(days)) * quantile


def normal_probability(x):
    """The normal distribution function by the error function of the standard library."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def black_forward_value(forward, strike, deviation, call):
    """Black's formula, undiscounted."""
    if deviation <= 0 or forward <= 0:
        return max(forward - strike if call else strike - forward, 0.0)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    sign = 1 if call else -1
    return sign * (forward * normal_probability(sign * d1) - strike * normal_probability(sign * d2))
