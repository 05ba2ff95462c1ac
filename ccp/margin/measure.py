"""Value at risk and expected shortfall as weights on the largest losses."""

from fractions import Fraction
from math import ceil, floor

import numpy as np

from ccp.money import exact
from ccp.rulebook.margin import MarginRules
from ccp.types import Vector


def quantile_rank(count: int, confidence: Fraction, convention: str) -> int:
    """Which of `count` losses, counted from the smallest as 1, is the quantile.

    `ceil`: the ceil(n * confidence)-th. `floor_plus_one`: the floor(n * confidence) + 1st, which is one higher
    when n * confidence is whole. Exact arithmetic: 0.99 is 99/100. For 250 losses at 99 % both give 248.
    """
    point = count * confidence
    rank = ceil(point) if convention == "ceil" else floor(point) + 1
    return min(max(rank, 1), count)


def tail_weights(rules: MarginRules, count: int) -> Vector:
    """Weights of the largest loss, the second largest, ... for `count` losses.

    Value at risk: all the weight on the quantile L(k). Expected shortfall: every loss beyond L(k) weighs
    1 / (n * (1 - confidence)), and L(k) takes what is left, so that the weights sum to one.
    Source: C. Acerbi, D. Tasche, On the coherence of expected shortfall, Journal of Banking & Finance 26 (2002),
    for the fractional weight (k - n * confidence) / (n * (1 - confidence)).
    """
    confidence = exact(rules.confidence)
    rank = quantile_rank(count, confidence, rules.quantile)
    beyond = count - rank
    if rules.measure == "value_at_risk":
        return np.array([0.0] * beyond + [1.0])
    tail = count * (1 - confidence)
    weights = [Fraction(1) / tail] * beyond
    weights.append(max(1 - sum(weights, Fraction(0)), Fraction(0)))
    return np.array([float(weight) for weight in weights])
