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


def margin_and_stress(cube, offset, instrument, quantity, margin_columns, weights, minor):
    """Margin by account and stress losses by account and scenario, in minor units."""
    margin, stress = [], []
    for account in range(len(offset) - 1):
        losses = sum_positions(cube, offset, instrument, quantity, account)
        tail = weighted_tail(losses[:margin_columns], weights) if margin_columns else 0.0
        margin.append(half_even(max(tail, 0.0) * minor))
        stress.append([half_even(loss * minor) for loss in losses[margin_columns:]])
    return margin, stress


def pool_shortfalls(margin, stress, account_pool, pool_member, pool_house, held, resources):
    """Per member and scenario: loss, house short, house surplus, client short, by dictionaries."""
    required = defaultdict(int)
    for account, pool in enumerate(account_pool):
        required[int(pool)] += int(margin[account])
    result = {name: defaultdict(int) for name in ("loss", "house_short", "house_surplus", "client_short")}
    scenarios = len(stress[0]) if len(stress) else 0
    for pool, need in required.items():
        counted = {"required": need, "held": int(held[pool]), "minimum": min(need, int(held[pool]))}[resources]
        for s in range(scenarios):
            loss = sum(int(stress[a][s]) for a, of in enumerate(account_pool) if of == pool)
            key = (int(pool_member[pool]), s)
            result["loss"][key] += max(loss, 0)
            if pool_house[pool]:
                result["house_short"][key] += max(loss - counted, 0)
                result["house_surplus"][key] += max(counted - loss, 0)
            else:
                result["client_short"][key] += max(loss - counted, 0)
    return required, result


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
