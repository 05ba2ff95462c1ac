"""Back-test statistics by their definitions: plain sums, fractions and loops."""

import math
from fractions import Fraction
from itertools import pairwise
from math import comb


def log_of_chance(count: int, share: Fraction | float) -> float:
    """`count * ln(share)` with 0 * ln 0 = 0."""
    return count * math.log(share) if count else 0.0


def kupiec_by_hand(exceptions: int, observations: int, probability: Fraction | float) -> float:
    seen, quiet = Fraction(exceptions, observations), observations - exceptions
    freely = log_of_chance(exceptions, seen) + log_of_chance(quiet, 1 - seen)
    return 2 * (freely - log_of_chance(exceptions, probability) - log_of_chance(quiet, 1 - probability))


def independence_by_hand(hits: list[bool]) -> float:
    """Each observation's own chance, one after the other, under the chain and under one chance for all."""
    pairs = list(pairwise(hits))
    chain = alike = 0.0
    for before, after in pairs:
        rows = [second for first, second in pairs if first == before]
        chain += math.log(rows.count(after) / len(rows))
        alike += math.log([second for _, second in pairs].count(after) / len(pairs))
    return 2 * (chain - alike)


def chi2_one_beyond(statistic: float) -> float:
    """A chi-squared variable with one degree of freedom is a squared standard normal one."""
    return math.erfc(math.sqrt(statistic / 2))


def chi2_two_beyond(statistic: float) -> float:
    """With two degrees it is exponential with mean 2."""
    return math.exp(-statistic / 2)


def at_most(count: int, observations: int, probability: Fraction) -> Fraction:
    return sum(
        (comb(observations, k) * probability**k * (1 - probability) ** (observations - k) for k in range(count + 1)),
        Fraction(0),
    )
