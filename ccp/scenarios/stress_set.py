"""The stress set of a rulebook, or of a file in its place."""

from dataclasses import replace
from pathlib import Path

from ccp.errors import refuse
from ccp.market.history import Market
from ccp.market.volatility import SUFFIX
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.stress import Plausible
from ccp.scenarios.below_zero import rates_above_zero, refuse_below_zero
from ccp.scenarios.files import read_scenarios
from ccp.scenarios.hypothetical import ladder_scenarios
from ccp.scenarios.rate_shifts import rate_scenarios
from ccp.scenarios.scenario_set import Label, ScenarioSet, capped, joined, multiplied
from ccp.scenarios.worst_windows import worst_windows


def stress_scenarios(
    rulebook: Rulebook,
    market: Market,
    factor_ids: list[str],
    file: Path | None = None,
    periods: tuple[int, ...] = (),
) -> ScenarioSet:
    """The scenarios that losses are run in: the file's, or else the rulebook's, capped.

    Windows of the history have a move over each of the `periods` (rising; default: the rulebook's own number of days
    alone), and everything else one move whatever the period; `ccp.pricing.horizon.case_scenarios` knows a case's.
    Raises InputError when there is none. No two of the rulebook's have the same id: it states no rung and no multiple
    twice, as ids write them.
    """
    stress = rulebook.stress
    if file is not None:
        known = [*market.factor_ids, *(f"{factor_id}{SUFFIX}" for factor_id in market.factor_ids)]
        found = capped(read_scenarios(file, factor_ids, known))
        refuse_below_zero(found, market, file, market.dates[-1:])
        return _judged(found, stress.plausible)
    parts = []
    if stress.historical is not None:
        over = periods or (rulebook.margin.liquidation_days,)
        windows = worst_windows(market, factor_ids, stress.historical.worst, over)
        parts.append(multiplied(windows, stress.historical.multiples or stress.multiples))
    for ladder in stress.hypothetical:
        parts.append(multiplied(ladder_scenarios(ladder, market, factor_ids), ladder.multiples or stress.multiples))
    if stress.shifts is not None:
        parts.append(
            multiplied(rate_scenarios(stress.shifts, market, factor_ids), stress.shifts.multiples or stress.multiples)
        )
    if not any(part.count for part in parts):
        words = "stress.historical, stress.hypothetical or stress.rate_shifts"
        raise refuse("rulebook", f"at least one stress scenario was expected, under {words}")
    return _judged(rates_above_zero(capped(joined(parts)), market), stress.plausible)


def _judged(scenarios: ScenarioSet, plausible: Plausible | None) -> ScenarioSet:
    """The set with every scenario that the rulebook calls beyond plausible marked so. Some must be left."""
    if plausible is not None:
        scenarios = replace(scenarios, labels=[_judged_label(label, plausible) for label in scenarios.labels])
    if not any(label.sizes_fund for label in scenarios.labels):
        raise refuse("scenarios", "at least one scenario that sizes the fund was expected; all are beyond plausible")
    return scenarios


def _judged_label(label: Label, plausible: Plausible) -> Label:
    small = (label.gap or 0.0) <= plausible.gap and (label.shift or 0.0) <= plausible.shift
    return replace(label, sizes_fund=label.sizes_fund and small and label.multiple <= plausible.multiple)
