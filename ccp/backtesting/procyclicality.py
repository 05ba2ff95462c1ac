"""Procyclicality: how far and how fast margin rises when markets do badly, and what it costs when they do not.

Measures after D. Murphy, M. Vasios and N. Vause, An investigation into the procyclicality of risk-based initial margin
models, Bank of England Financial Stability Paper 29 (2014): peak over trough, and the largest call within n days.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ccp.types import Cents

DAYS = (1, 5, 20)
"""Over how many days calls are measured, and after how many days of a step its share reached."""
SETTLED_DAYS = 20
"""The last days of a series, whose mean is the level at which margin settles after a step."""
MOST = Fraction(9, 10)
"""The share of a rise that counts as most of it."""


@dataclass(frozen=True)
class LargestCall:
    """The largest rise of margin over a number of days, in cents, and as a share of the margin before it.

    The two may be of different days. Both are negative where margin only fell. None: the series is too short, or
    (the share) the margin before was always 0.
    """

    amount: int | None
    share: float | None


@dataclass(frozen=True)
class Procyclicality:
    """Measures of a series of margins. `calls` by number of days; `mean` in cents, what margin costs on average."""

    peak_to_trough: float | None
    calls: dict[int, LargestCall]
    deviation: float | None
    mean: int


@dataclass(frozen=True)
class StepResponse:
    """How margin follows a step up in volatility. Amounts in cents, rounded half to even.

    `before`: the margin of the day before the step; `eventual`: the mean of the last 20 days, at which it settles.
    `reached`: share of the rise between them, by number of days; `days_to_most`: until 90 % of it is first reached;
    both None where margin settles no higher than before. `overshoot`: the highest margin since the step over the
    eventual one, 1 or more; None where it settles at 0.
    """

    before: int
    eventual: int
    reached: dict[int, float | None]
    days_to_most: int | None
    overshoot: float | None


def procyclicality(margins: Cents) -> Procyclicality:
    """All measures of total margin by day, in time order. Raises ValueError without a day, or for a negative margin."""
    _check(margins)
    return Procyclicality(
        peak_to_trough=peak_to_trough(margins),
        calls={days: largest_call(margins, days) for days in DAYS},
        deviation=log_change_deviation(margins),
        mean=round(_mean(margins)),
    )


def peak_to_trough(margins: Cents) -> float | None:
    """The largest margin over the smallest, whichever came first. None where the smallest is 0."""
    trough = int(margins.min())
    return int(margins.max()) / trough if trough else None


def largest_call(margins: Cents, days: int) -> LargestCall:
    """The largest of `margin[t] - margin[t - days]`, and of that over `margin[t - days]` where it is not 0."""
    if margins.size <= days:
        return LargestCall(None, None)
    before = margins[:-days]
    rises = margins[days:] - before
    shares = rises[before > 0] / before[before > 0]
    return LargestCall(int(rises.max()), float(shares.max()) if shares.size else None)


def log_change_deviation(margins: Cents) -> float | None:
    """Sample standard deviation (over n - 1) of the daily changes of log margin; no unit, not annualised.

    None with fewer than two changes, or where a margin is 0: a change to or from 0 has no logarithm.
    """
    if margins.size < 3 or not margins.all():
        return None
    return float(np.diff(np.log(margins)).std(ddof=1))


def step_response(margins: Cents, step_day: int) -> StepResponse:
    """How total margin by day follows a volatility that steps up on `step_day`, counted from 0.

    The margin of a day knows that day's return, so `margins[step_day]` has seen one day of the new volatility: it is
    the margin after 1 day, and `margins[step_day + 4]` that after 5.

    Raises ValueError without a day before the step or without 20 days from it on, or for a negative margin.
    """
    _check(margins)
    if not 1 <= step_day <= margins.size - SETTLED_DAYS:
        raise ValueError(
            f"day {step_day} of {margins.size}: a day before the step and {SETTLED_DAYS} from it on are needed"
        )
    before, after = int(margins[step_day - 1]), margins[step_day:].tolist()
    eventual = _mean(margins[-SETTLED_DAYS:])
    rise = eventual - before
    enough = (days for days, margin in enumerate(after, start=1) if margin - before >= MOST * rise)
    return StepResponse(
        before=before,
        eventual=round(eventual),
        reached={days: float((after[days - 1] - before) / rise) if rise > 0 else None for days in DAYS},
        days_to_most=next(enough) if rise > 0 else None,
        overshoot=float(max(after) / eventual) if eventual else None,
    )


def _check(margins: Cents) -> None:
    if margins.ndim != 1 or not margins.size or margins.min() < 0:
        raise ValueError("margins must be a series of at least one day, none of them negative")


def _mean(margins: Cents) -> Fraction:
    """Exact, whatever the size of the amounts."""
    return Fraction(sum(margins.tolist()), margins.size)
