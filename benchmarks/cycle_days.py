"""Our days, with the other way's days between them."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from benchmarks.cycle_setting import Setting
from benchmarks.cycle_usual import BLOCK, Usual, tails_of
from benchmarks.cycle_usual_day import SPARSE, check_same, usual_day, ways
from benchmarks.turns import in_turn
from ccp.scenarios.stress_set import stress_scenarios
from ccp.settlement.cycle import Cycle

SAMPLED = 9
"""Days on which the other way is timed."""
BY_HAND = "two threads by hand"


@dataclass(frozen=True)
class DayTimes:
    """Seconds of our days, of the other way's days and stress, and which way it was."""

    ours: list[float]
    stressed: list[bool]
    usual: list[float]
    usual_stress: list[float]
    way: str

    def ours_of(self, stressed: bool) -> list[float]:
        """Our days with stress, or without."""
        return [seconds for seconds, was in zip(self.ours, self.stressed, strict=True) if was == stressed]

    @property
    def ratio(self) -> float:
        """How many times longer the other way takes for as many median days and median stress days."""
        stress_days, days = sum(self.stressed), len(self.ours)
        plain = statistics.median(self.ours_of(False))
        ours = plain * (days - stress_days) + statistics.median(self.ours_of(True)) * stress_days
        stress = statistics.median(self.usual_stress) * stress_days
        return (statistics.median(self.usual) * days + stress) / ours

    @property
    def plain_ratio(self) -> float:
        """The same for a day without stress."""
        return statistics.median(self.usual) / statistics.median(self.ours_of(False))


def run_days(setting: Setting, way: str) -> DayTimes:
    """Our days, one after the other, with the other way's days between them."""
    terms = setting.open()
    plain = setting.request.trades is None
    usual = Usual(terms)
    losses = ways(usual)[way]
    sampled = {terms.days * number // SAMPLED for number in range(SAMPLED)} if plain else set()
    days = iter(Cycle(terms).run())
    seconds, others, stressed = [], [], []
    for day in range(terms.days):
        start = time.perf_counter()
        result = next(days)
        seconds.append(time.perf_counter() - start)
        stressed.append(result.stress is not None)
        if day in sampled:
            levels = terms.path.slice(0, int(terms.rows[day]) + 1)
            market = replace(terms.case.market, levels=levels)
            stress = stress_scenarios(terms.rulebook, market, terms.case.factor_ids)
            found = usual_day(usual, day, result.held_before / 100, losses, stress)
            check_same(found, result, plain)
            others.append(found)
    return DayTimes(seconds, stressed, [one.seconds for one in others], [one.stress_seconds for one in others], way)


def compare_ways(setting: Setting, rounds: int) -> dict[str, float]:
    """Seconds of each way for the margins of all accounts, as a first block of accounts gives it.

    Least of all rounds, scaled by positions. The way with threads by hand is shown, not taken.
    """
    terms = setting.open()
    usual = Usual(terms)
    unit_loss = usual.unit_loss(0, usual.prices(0), usual.returns(0))
    accounts = min(2 * BLOCK, len(terms.portfolio.accounts))
    offset = terms.portfolio.positions.offset
    scale = float(offset[-1] / offset[accounts])
    known = ways(usual)
    timed: dict[str, Callable[[], Any]] = {
        name: partial(tails_of, unit_loss, accounts, losses) for name, losses in known.items()
    }
    timed[f"{SPARSE}, {BY_HAND}"] = partial(tails_of, unit_loss, accounts, known[SPARSE], by_hand=2)
    return {name: min(found) * scale for name, found in in_turn(timed, rounds).items()}
