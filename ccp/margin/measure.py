"""How losses become margin: value at risk and expected shortfall of scenarios that weigh alike or not, or of a fit."""

from fractions import Fraction
from functools import lru_cache
from math import ceil, exp, floor, lcm, pi, sqrt

import numpy as np

from ccp.exposure.run import RankWeights, RootMeanSquare, Tail
from ccp.kernels.exposure.portfolio_losses import ScenarioWeights
from ccp.money import exact
from ccp.rulebook.margin import MarginRules
from ccp.types import Index, Vector

LARGEST_WEIGHT = 10**18
"""All weights of a sample together: sums of them are 64-bit numbers."""
WEIGHT_UNIT = 10**12
"""The weight of the latest scenario in weighted historical simulation: weights are whole numbers, so sums are exact."""


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


def model_tail(rules: MarginRules, count: int) -> Tail:
    """How the model's `count` scenarios, oldest first, become a margin."""
    if rules.model == "weighted":
        return weighted_tail(rules, age_weights(rules.weighting.decay, count))
    if rules.model == "parametric":
        return parametric_tail(rules, count)
    return RankWeights(tail_weights(rules, count))


@lru_cache(maxsize=8)
def age_weights(decay: float, count: int) -> Index:
    """Whole weights, oldest first: the latest weighs `WEIGHT_UNIT`, and each older one `decay` times as much.

    Source: J. Boudoukh, M. Richardson, R. Whitelaw, The best of both worlds, Risk 11 (1998).
    """
    share = exact(decay)
    weights, above, below = [], WEIGHT_UNIT, 1
    for _ in range(count):
        weights.append(above // below)
        above, below = above * share.numerator, below * share.denominator
    return np.array(weights[::-1], dtype=np.int64)


def sample_weights(model: int, stressed: int, weight: float) -> Index:
    """Whole weights of `model` scenarios and, after them, `stressed` ones that weigh `weight` of the whole."""
    share = exact(weight)
    of_model, of_stress = (1 - share) / model, share / stressed
    unit = min(lcm(of_model.denominator, of_stress.denominator), LARGEST_WEIGHT)  # beyond, digits are cut off
    return np.array([floor(of_model * unit)] * model + [floor(of_stress * unit)] * stressed, dtype=np.int64)


def weighted_tail(rules: MarginRules, weight: Index) -> ScenarioWeights:
    """The tail of scenarios that weigh differently; `weight` oldest first.

    Value at risk is the loss at which the weight of the largest passes (`ceil`) or reaches (`floor_plus_one`)
    the tail's; where all weigh alike, that is the rank `quantile_rank` gives.
    """
    mass = int(weight.sum()) * (1 - exact(rules.confidence))
    stop = floor(mass) + 1 if rules.quantile == "ceil" else ceil(mass)
    return ScenarioWeights(weight, stop, float(mass), rules.measure == "expected_shortfall")


def parametric_tail(rules: MarginRules, count: int) -> RootMeanSquare:
    """The root mean square of the losses times the factor of an assumed distribution. Mean zero."""
    decay = rules.parametric.decay
    weight = np.ones(count) if decay is None else decay ** np.arange(count - 1, -1, -1.0)
    return RootMeanSquare(weight / weight.sum(), parametric_factor(rules))


def parametric_factor(rules: MarginRules) -> float:
    """Value at risk or expected shortfall of the normal distribution, or of Student's t, of unit variance."""
    from scipy.special import gammaln, ndtri, stdtrit  # loads late: not for the other models

    confidence, shortfall = rules.confidence, rules.measure == "expected_shortfall"
    if rules.parametric.distribution == "normal":
        point = float(ndtri(confidence))
        return exp(-point * point / 2) / sqrt(2 * pi) / (1 - confidence) if shortfall else point
    degrees = rules.parametric.degrees
    point = float(stdtrit(degrees, confidence))
    scale = sqrt((degrees - 2) / degrees)
    if not shortfall:
        return point * scale
    logarithm = float(gammaln((degrees + 1) / 2) - gammaln(degrees / 2))
    density = exp(logarithm) / sqrt(degrees * pi) * (1 + point * point / degrees) ** (-(degrees + 1) / 2)
    return density / (1 - confidence) * (degrees + point * point) / (degrees - 1) * scale
