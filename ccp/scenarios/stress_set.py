"""The stress set of a rulebook, or of a file in its place."""

from dataclasses import replace
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
from ccp.scenarios.kept import NONE_KEPT, KeptScenarios
from ccp.scenarios.rate_shifts import rate_scenarios
from ccp.scenarios.scenario_set import Label, ScenarioSet, capped, joined, multiplied
from ccp.scenarios.single_names import (
    NameMove,
    SingleNames,
    in_bounds,
    name_moves,
    single_names,
    sizing_candidates,
    sizing_name_moves,
)
from ccp.scenarios.windows import history_windows, scenarios_of
from ccp.scenarios.worst_windows import kept_windows

NONE_EXPECTED = (
    "at least one stress scenario was expected, under stress.historical, stress.hypothetical, stress.rate_shifts "
    "or stress.single_names"
)


def stress_scenarios(
    rulebook: Rulebook,
    market: Market,
    factor_ids: list[str],
    file: Path | None = None,
    periods: tuple[int, ...] = (),
    kept: KeptScenarios = NONE_KEPT,
) -> ScenarioSet:
    """The scenarios that losses are run in: the file's, or else the rulebook's, capped.

    Windows of the history have a move over each of the `periods` (rising; default: the rulebook's own number of days
    alone), and everything else one move whatever the period; `ccp.pricing.horizon.case_scenarios` knows a case's.
    Of the windows those that the rulebook names, and those that are `kept`; of single names the latter. Raises
    InputError when there is none, unless it is yet to be found which are kept. No two of the rulebook's have the same
    id: it states no rung and no multiple twice, as ids write them.
    """
    stress = rulebook.stress
    if file is not None:
        known = [*market.factor_ids, *(f"{factor_id}{SUFFIX}" for factor_id in market.factor_ids)]
        found = capped(read_scenarios(file, factor_ids, known))
        refuse_below_zero(found, market, file, market.dates[-1:])
        return _sound(_judged(found, stress.plausible))
    parts = []
    over = periods or (rulebook.margin.liquidation_days,)
    if stress.historical is not None:
        windows = kept_windows(stress.historical, market, factor_ids, over, kept.first_days)
        parts.append(multiplied(windows, stress.historical.multiples or stress.multiples))
    for ladder in stress.hypothetical:
        parts.append(multiplied(ladder_scenarios(ladder, market, factor_ids), ladder.multiples or stress.multiples))
    if stress.shifts is not None:
        parts.append(
            multiplied(rate_scenarios(stress.shifts, market, factor_ids), stress.shifts.multiples or stress.multiples)
        )
    names = single_names(stress, market, factor_ids, over)
    if names is not None:
        parts.append(names.scenarios(names.of_ways(kept.single_names)))
    if not parts:
        raise refuse("rulebook", NONE_EXPECTED)
    whole = _judged(rates_above_zero(capped(joined(parts)), market), stress.plausible)
    found_later = screens_windows(rulebook) or (names is not None and sizing_candidates(names, stress))
    return whole if found_later and not kept else _sound(whole)


def screens(rulebook: Rulebook) -> bool:
    """Whether the book has to be run in windows or in single names before it is known which are kept."""
    return screens_windows(rulebook) or rulebook.stress.single_names is not None


def screens_windows(rulebook: Rulebook) -> bool:
    """Whether the book has to be run in every window before it is known which are kept."""
    historical = rulebook.stress.historical
    return historical is not None and historical.screened


def every_name(
    rulebook: Rulebook, market: Market, factor_ids: list[str], periods: tuple[int, ...]
) -> SingleNames | None:
    """Every factor alone, by all the moves that the rulebook asks for; None where it asks for none."""
    names = single_names(rulebook.stress, market, factor_ids, periods)
    return None if names is None else in_bounds(names, market)


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


def screened_at(stress: StressRules) -> tuple[tuple[float, ...], list[NameMove]]:
    """The multiples of windows, and the moves of single names, that the book is run in before any is kept."""
    moves = name_moves(stress)
    return sizing_multiples(stress), [moves[place] for place in sizing_name_moves(stress)]


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
