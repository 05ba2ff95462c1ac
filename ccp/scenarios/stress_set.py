"""The stress set of a rulebook, or of a file in its place."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from ccp.errors import refuse
from ccp.market.history import Market
from ccp.market.volatility import SUFFIX
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.stress import Plausible, StressRules
from ccp.scenarios.below_zero import rates_above_zero, refuse_below_zero
from ccp.scenarios.files import read_scenarios
from ccp.scenarios.hypothetical import ladder_scenarios
from ccp.scenarios.rate_shifts import rate_scenarios
from ccp.scenarios.scenario_set import Label, ScenarioSet, capped, joined, multiplied
from ccp.scenarios.windows import history_windows, scenarios_of
from ccp.scenarios.worst_windows import kept_windows

NONE_EXPECTED = (
    "at least one stress scenario was expected, under stress.historical, stress.hypothetical or stress.rate_shifts"
)


def stress_scenarios(
    rulebook: Rulebook,
    market: Market,
    factor_ids: list[str],
    file: Path | None = None,
    periods: tuple[int, ...] = (),
    kept: Collection[date] = (),
) -> ScenarioSet:
    """The scenarios that losses are run in: the file's, or else the rulebook's, capped.

    Windows of the history have a move over each of the `periods` (rising; default: the rulebook's own number of days
    alone), and everything else one move whatever the period; `ccp.pricing.horizon.case_scenarios` knows a case's.
    Of the windows those that the rulebook names, and those that begin on the days in `kept`. Raises InputError when
    there is none, unless it is yet to be found which windows are kept. No two of the rulebook's have the same id: it
    states no rung and no multiple twice, as ids write them.
    """
    stress = rulebook.stress
    if file is not None:
        known = [*market.factor_ids, *(f"{factor_id}{SUFFIX}" for factor_id in market.factor_ids)]
        found = capped(read_scenarios(file, factor_ids, known))
        refuse_below_zero(found, market, file, market.dates[-1:])
        return _sound(_judged(found, stress.plausible))
    parts = []
    if stress.historical is not None:
        over = periods or (rulebook.margin.liquidation_days,)
        windows = kept_windows(stress.historical, market, factor_ids, over, kept)
        parts.append(multiplied(windows, stress.historical.multiples or stress.multiples))
    for ladder in stress.hypothetical:
        parts.append(multiplied(ladder_scenarios(ladder, market, factor_ids), ladder.multiples or stress.multiples))
    if stress.shifts is not None:
        parts.append(
            multiplied(rate_scenarios(stress.shifts, market, factor_ids), stress.shifts.multiples or stress.multiples)
        )
    if not parts:
        raise refuse("rulebook", NONE_EXPECTED)
    whole = _judged(rates_above_zero(capped(joined(parts)), market), stress.plausible)
    return whole if screens(rulebook) and not kept else _sound(whole)


def screens(rulebook: Rulebook) -> bool:
    """Whether the book has to be run in every window before it is known which are kept."""
    historical = rulebook.stress.historical
    return historical is not None and historical.screened


def every_window(
    rulebook: Rulebook, market: Market, factor_ids: list[str], periods: tuple[int, ...]
) -> ScenarioSet | None:
    """Every window of the history, in order of time, at each multiple that sizes the fund (where none does, at the
    least of all); None where the rulebook asks for no window."""
    stress = rulebook.stress
    if stress.historical is None:
        return None
    windows = history_windows(market, factor_ids, periods)
    every = scenarios_of(windows, np.arange(windows.count), market, factor_ids)
    multiples = sizing_multiples(stress)
    return _judged(rates_above_zero(capped(multiplied(every, multiples)), market), stress.plausible)


def sizing_multiples(stress: StressRules) -> tuple[float, ...]:
    """The multiples of windows that size the fund, or the least of all where none does."""
    multiples = (stress.historical and stress.historical.multiples) or stress.multiples
    largest = stress.plausible.multiple if stress.plausible else max(multiples)
    return tuple(one for one in multiples if one <= largest) or (min(multiples),)


def _judged(scenarios: ScenarioSet, plausible: Plausible | None) -> ScenarioSet:
    """The set with every scenario that the rulebook calls beyond plausible marked so."""
    if plausible is None:
        return scenarios
    return replace(scenarios, labels=[_judged_label(label, plausible) for label in scenarios.labels])


def _sound(scenarios: ScenarioSet) -> ScenarioSet:
    """The set, if a scenario in it sizes the fund."""
    if not scenarios.count:
        raise refuse("rulebook", NONE_EXPECTED)
    if not any(label.sizes_fund for label in scenarios.labels):
        raise refuse("scenarios", "at least one scenario that sizes the fund was expected; all are beyond plausible")
    return scenarios


def _judged_label(label: Label, plausible: Plausible) -> Label:
    small = (label.gap or 0.0) <= plausible.gap and (label.shift or 0.0) <= plausible.shift
    return replace(label, sizes_fund=label.sizes_fund and small and label.multiple <= plausible.multiple)
