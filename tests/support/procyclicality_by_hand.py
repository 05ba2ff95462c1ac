"""Measures of procyclicality by plain loops."""

import math
import statistics
from fractions import Fraction
from itertools import pairwise

from ccp.backtesting.procyclicality import (
    StepResponse,
)


def call_by_loop(margins: list[int], days: int) -> tuple[int | None, Fraction | None]:
    amount, share = None, None
    for day in range(len(margins) - days):
        rise = margins[day + days] - margins[day]
        amount = rise if amount is None else max(amount, rise)
        if margins[day] > 0:
            of_before = Fraction(rise, margins[day])
            share = of_before if share is None else max(share, of_before)
    return amount, share


def deviation_by_loop(margins: list[int]) -> float | None:
    if len(margins) < 3 or 0 in margins:
        return None
    changes = [math.log(after) - math.log(before) for before, after in pairwise(margins)]
    return statistics.stdev(changes)


def step_by_loop(margins: list[int], step_day: int) -> StepResponse:
    settled = Fraction(sum(margins[len(margins) - 20 :]), 20)
    before = margins[step_day - 1]
    rise = settled - before
    reached: dict[int, float | None] = dict.fromkeys((1, 5, 20))
    most = None
    if rise > 0:
        for days in range(1, len(margins) - step_day + 1):
            share = (margins[step_day + days - 1] - before) / rise
            if days in reached:
                reached[days] = float(share)
            if most is None and share >= Fraction(9, 10):
                most = days
    highest = margins[step_day]
    for day in range(step_day, len(margins)):
        highest = max(highest, margins[day])
    return StepResponse(before, round(settled), reached, most, float(highest / settled) if settled else None)
