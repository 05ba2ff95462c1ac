"""What no scenario may do: take a price that moves by ratios, or an exchange rate, to zero or below.

Shocks of a file that would are refused. Moves that the history or a multiple makes are kept above zero, as relative
falls are by `capped`.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from ccp.errors import Problem
from ccp.market.history import Market
from ccp.market.levels import is_exchange_rate, must_be_positive
from ccp.scenarios.files import applied_shock
from ccp.scenarios.scenario_set import LOWEST_RELATIVE, ScenarioSet, saying_capped
from ccp.tables import raise_problems
from ccp.types import Flags


def refuse_below_zero(scenarios: ScenarioSet, market: Market, file: Path, days: list[date]) -> None:
    """Refuse shocks of a file that take a factor below zero, where it may not be, on any of the days.

    A volatility may be shocked that far: options floor it at zero. The larger a level the larger what a shock leaves of
    it, so the lowest of each factor decides. Raises InputError.
    """
    rows = market.levels.filter(pl.col("date").is_in(days)).sort("date")
    levels = replace(market, levels=rows).matrix(scenarios.factor_ids)
    lowest = np.where(levels > 0, levels, np.inf).argmin(axis=0)
    level, on = levels[lowest, np.arange(levels.shape[1])], rows["date"].gather(lowest).to_list()
    moves = scenarios.longest
    ends = level * (1.0 + moves.relative) + moves.absolute
    wrong = (ends <= 0) & _positive(market, scenarios.factor_ids) & (level > 0)
    problems = []
    for place, factor in zip(*np.nonzero(wrong), strict=True):
        label, factor_id = scenarios.labels[place], scenarios.factor_ids[factor]
        shock = applied_shock(file, label, factor_id)
        expected = (
            f"it takes {factor_id} from {level[factor]:g} to {ends[place, factor]:g} on {on[factor]}"
            f" (scenario {label.scenario_id}); more than 0 was expected"
        )
        problems.append(Problem(shock.place.source, expected, shock.size_field, shock.size, **shock.place.where))
    raise_problems(problems, len(problems))


def _positive(market: Market, factor_ids: list[str]) -> Flags:
    volatility = np.array([name == "volatility" for name in market.kinds("asset_class", factor_ids)], dtype=bool)
    return must_be_positive(market, factor_ids) & ~volatility


def rates_above_zero(scenarios: ScenarioSet, market: Market) -> ScenarioSet:
    """The set with differences of exchange rates kept at -99 % of today's rate, and scenarios saying where they were.

    A market may have its exchange rates move by differences; those of days on which a currency was worth much more, or
    multiples of them, say nothing of a rate that is near zero.
    """
    changes = market.kinds("change", scenarios.factor_ids)
    moving = zip(scenarios.factor_ids, changes, strict=True)
    rates = np.flatnonzero([change == "absolute" and is_exchange_rate(name) for name, change in moving])
    if not rates.size:
        return scenarios
    lowest = np.full(len(changes), -np.inf)
    lowest[rates] = [LOWEST_RELATIVE * market.level(scenarios.factor_ids[rate]) for rate in rates]
    below = np.any(scenarios.absolute < lowest, axis=0)
    labels = saying_capped(scenarios.labels, below)
    return replace(scenarios, labels=labels, absolute=np.maximum(scenarios.absolute, lowest))
