"""Back tests of margin: how often losses went beyond it, whether that is too often, and whether it came in clusters.

An exception is an observation whose loss is larger than the margin that was meant to cover it. If the margin does
what it says, each observation is an exception with the same small probability, whatever happened before. Kupiec's
test looks at how many there are, Christoffersen's at whether one follows another, Basel's traffic light sorts by count.

scipy is imported where it is called: it is too slow to load at every start of the program.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal, TypeAlias

import numpy as np

from ccp.types import Cents, Flags

Light: TypeAlias = Literal["green", "yellow", "red"]

YELLOW_FROM = 0.95
"""A count is yellow where a margin that is right would have given at most as many with this probability."""
RED_FROM = 0.9999
"""The same for red."""


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood-ratio statistic (no unit, not negative), and how likely one at least as large is by chance."""

    statistic: float
    p_value: float


@dataclass(frozen=True)
class Transitions:
    """Pairs of neighbouring observations: `n01` counts no exception followed by an exception, and so on."""

    n00: int
    n01: int
    n10: int
    n11: int


@dataclass(frozen=True)
class Christoffersen:
    """Whether exceptions follow each other, alone and together with Kupiec's test of their number."""

    transitions: Transitions
    independence: LikelihoodRatio
    combined: LikelihoodRatio


@dataclass(frozen=True)
class SampleTests:
    """What one sample of observations says. Breaches are in cents, over the exceptions only; 0 where there is none."""

    observations: int
    exceptions: int
    coverage: float
    kupiec: LikelihoodRatio
    transitions: Transitions
    independence: LikelihoodRatio
    combined: LikelihoodRatio
    light: Light
    largest_breach: int
    average_breach: int


@dataclass(frozen=True)
class BackTest:
    """A margin tested on every window of `horizon` days, and on every `horizon`-th only, which do not overlap.

    `p_values_hold` is about `all_windows`: with a horizon of more than a day neighbouring windows share days, one bad
    day makes several exceptions, and neither the p-values nor the light of that sample mean what they say. Those
    of `non_overlapping` do, as far as so few observations can tell.
    """

    horizon: int
    p_values_hold: bool
    all_windows: SampleTests
    non_overlapping: SampleTests


def kupiec(exceptions: int, observations: int, probability: Fraction | float) -> LikelihoodRatio:
    """Test of the proportion of exceptions: are `exceptions` of `observations` compatible with `probability`?

    `2 * ln(L(x / n) / L(p))` with `L(q) = q^x * (1 - q)^(n - x)` and `0 * ln 0 = 0`; chi-squared, one degree of
    freedom. It rejects too few exceptions as well as too many.
    Source: P. Kupiec, Techniques for verifying the accuracy of risk measurement models, Journal of Derivatives 3
    (1995).

    Raises ValueError where there are no observations, more exceptions than those, or `probability` is not between
    0 and 1.
    """
    _check(exceptions, observations, probability)
    quiet = observations - exceptions
    stated = _log_likelihood(quiet, exceptions, float(1 - probability), float(probability))
    return _likelihood_ratio(_best_log_likelihood(quiet, exceptions) - stated, 1)


def transition_counts(hits: Flags) -> Transitions:
    """How often each observation was followed by which. `hits`: observations in time order; `n - 1` pairs."""
    before, after = hits[:-1], hits[1:]
    return Transitions(
        n00=int(np.count_nonzero(~before & ~after)),
        n01=int(np.count_nonzero(~before & after)),
        n10=int(np.count_nonzero(before & ~after)),
        n11=int(np.count_nonzero(before & after)),
    )


def christoffersen(hits: Flags, probability: Fraction | float) -> Christoffersen:
    """Test of independence, and of independence and proportion together. `hits`: observations in time order.

    Independence: a chain in which the chance of an exception depends on whether the observation before was one, against
    one chance for all; `0 * ln 0 = 0`; chi-squared, one degree of freedom. Combined: Kupiec's statistic plus this one,
    two degrees of freedom. The sum strictly assumes that both come from the same sample. They nearly do: Kupiec's takes
    all `n` observations, the chain takes the `n - 1` that have one before them.
    Source: P. Christoffersen, Evaluating interval forecasts, International Economic Review 39 (1998).

    Raises ValueError as `kupiec` does.
    """
    pairs = transition_counts(hits)
    chain = _best_log_likelihood(pairs.n00, pairs.n01) + _best_log_likelihood(pairs.n10, pairs.n11)
    independence = _likelihood_ratio(chain - _best_log_likelihood(pairs.n00 + pairs.n10, pairs.n01 + pairs.n11), 1)
    proportion = kupiec(int(np.count_nonzero(hits)), hits.size, probability)
    both = proportion.statistic + independence.statistic
    return Christoffersen(pairs, independence, LikelihoodRatio(both, _beyond(both, 2)))


@cache
def light_starts(observations: int, probability: Fraction | float) -> tuple[int, int]:
    """The smallest numbers of exceptions that are yellow, and red.

    Yellow starts at the smallest `x` for which at most `x` exceptions have a probability of 95 % or more, red at
    99.99 %; neither below 1, since in a very short sample that could be said of no exception at all.
    Source: Basel Committee on Banking Supervision, Supervisory framework for the use of "backtesting" in conjunction
    with the internal models approach to market risk capital requirements (1996); for 250 observations at 99 % it has
    5 and 10.

    Raises ValueError as `kupiec` does.
    """
    from scipy.special import bdtr

    _check(0, observations, probability)
    at_most = bdtr(np.arange(observations + 1), observations, float(probability))
    yellow, red = (int(np.argmax(at_most >= share)) for share in (YELLOW_FROM, RED_FROM))
    return max(yellow, 1), max(red, 1)


def traffic_light(exceptions: int, observations: int, probability: Fraction | float) -> Light:
    """Basel's zone of a number of exceptions, by `light_starts`. Raises ValueError as `kupiec` does."""
    _check(exceptions, observations, probability)
    yellow, red = light_starts(observations, probability)
    if exceptions >= red:
        return "red"
    return "yellow" if exceptions >= yellow else "green"


def coverage_achieved(exceptions: int, observations: int) -> float:
    """The share of observations that margin covered."""
    return (observations - exceptions) / observations


def breaches(losses: Cents, margins: Cents) -> Cents:
    """Loss less margin of each exception, in time order: all are positive."""
    beyond = losses - margins
    return beyond[beyond > 0]


def sample_tests(losses: Cents, margins: Cents, confidence: Fraction) -> SampleTests:
    """Every statistic of one sample. `losses` (negative: a gain) and `margins`: by observation, in time order."""
    hits = losses > margins
    observations, exceptions = hits.size, int(np.count_nonzero(hits))
    probability = 1 - confidence
    clusters = christoffersen(hits, probability)
    beyond = breaches(losses, margins).tolist()
    return SampleTests(
        observations=observations,
        exceptions=exceptions,
        coverage=coverage_achieved(exceptions, observations),
        kupiec=kupiec(exceptions, observations, probability),
        transitions=clusters.transitions,
        independence=clusters.independence,
        combined=clusters.combined,
        light=traffic_light(exceptions, observations, probability),
        largest_breach=max(beyond, default=0),
        average_breach=round(Fraction(sum(beyond), len(beyond))) if beyond else 0,
    )


def back_test(losses: Cents, margins: Cents, confidence: Fraction, horizon: int) -> BackTest:
    """Test margins against the losses they were meant to cover.

    `losses` (negative: a gain) and `margins`: one number for each day, in time order; a loss is that of the window of
    `horizon` days that the day's margin covers. An exception is a loss larger than the margin; equal is covered.
    The non-overlapping windows are the first and every `horizon`-th after it. The average breach is rounded to a cent,
    half to even.

    Raises ValueError where there is nothing to test, lengths differ, `horizon` is below 1, or `confidence` is not
    between 0 and 1.
    """
    if losses.ndim != 1 or losses.shape != margins.shape:
        raise ValueError(f"losses and margins must be of one length, not {losses.shape} and {margins.shape}")
    if horizon < 1:
        raise ValueError(f"a horizon has at least one day, not {horizon}")
    return BackTest(
        horizon=horizon,
        p_values_hold=horizon == 1,
        all_windows=sample_tests(losses, margins, confidence),
        non_overlapping=sample_tests(losses[::horizon], margins[::horizon], confidence),
    )


def _check(exceptions: int, observations: int, probability: Fraction | float) -> None:
    if observations < 1 or not 0 <= exceptions <= observations:
        raise ValueError(f"{exceptions} exceptions in {observations} observations")
    if not 0 < probability < 1:
        raise ValueError(f"the probability of an exception must be between 0 and 1, not {probability}")


def _log_likelihood(zeros: int, ones: int, of_zero: float, of_one: float) -> float:
    """`zeros * ln(of_zero) + ones * ln(of_one)`, with 0 * ln 0 = 0."""
    from scipy.special import xlogy

    return float(xlogy(zeros, of_zero) + xlogy(ones, of_one))


def _best_log_likelihood(zeros: int, ones: int) -> float:
    """The same at the shares that were seen, which make it largest."""
    count = max(zeros + ones, 1)
    return _log_likelihood(zeros, ones, zeros / count, ones / count)


def _likelihood_ratio(gain: float, degrees: int) -> LikelihoodRatio:
    """From what the freer model gains in log-likelihood; rounding may put that a hair below 0."""
    statistic = max(2 * gain, 0.0)
    return LikelihoodRatio(statistic, _beyond(statistic, degrees))


def _beyond(statistic: float, degrees: int) -> float:
    """The chance that a chi-squared variable exceeds the statistic."""
    from scipy.special import chdtrc

    return float(chdtrc(degrees, statistic))
