"""Notes on stress scenarios: windows that the history lacks, ladders and scenarios that move nothing, falls cut off."""

from collections.abc import Iterator

import numpy as np

from ccp.market.history import Market
from ccp.notes.note import Note, named, note
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.stress import RateShifts
from ccp.scenarios.hypothetical import ladder_scenarios
from ccp.scenarios.rate_shifts import TWISTS, cut_rates, is_rate, scenarios_of, untwisted
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.shares import USUAL_DAYS
from ccp.scenarios.single_names import single_names
from ccp.scenarios.windows import history_windows
from ccp.scenarios.worst_windows import worst_windows


def scenario_notes(
    rulebook: Rulebook, market: Market, factor_ids: list[str], scenarios: ScenarioSet, file: str | None
) -> list[Note]:
    """Notes on the scenarios that were run: those of a `file`, or else the rulebook's."""
    own = (
        []
        if file
        else [
            *window_notes(rulebook, market, factor_ids, scenarios),
            *ladder_notes(rulebook, market, factor_ids),
            *single_name_notes(rulebook, market, factor_ids, scenarios),
            *usual_level_notes(rulebook, market, factor_ids),
            *shift_notes(rulebook, market, factor_ids),
        ]
    )
    return [
        *own,
        *still_scenarios(scenarios, file or ""),
        *capped_notes(scenarios, "stress", file or "stress"),
    ]


def window_notes(rulebook: Rulebook, market: Market, factor_ids: list[str], scenarios: ScenarioSet) -> list[Note]:
    """Whether the history has as many windows as are asked for."""
    historical = rulebook.stress.historical
    if historical is None or historical.worst is None:
        return []
    windows = len(worst_windows(history_windows(market, factor_ids, scenarios.periods), historical.worst))
    if windows >= historical.worst:
        return []
    return [note("few_windows", "stress.historical.worst", windows, historical.worst)]


def ladder_notes(rulebook: Rulebook, market: Market, factor_ids: list[str]) -> list[Note]:
    """Ladders that move nothing."""
    return [
        note("empty_ladder", f"stress.hypothetical.{place}", 0, 2 * len(ladder.sizes), name=ladder.ladder)
        for place, ladder in enumerate(rulebook.stress.hypothetical)
        if not ladder_scenarios(ladder, market, factor_ids).count
    ]


def single_name_notes(rulebook: Rulebook, market: Market, factor_ids: list[str], scenarios: ScenarioSet) -> list[Note]:
    """Whether there is any single name to move."""
    names = single_names(rulebook.stress, market, factor_ids, scenarios.periods)
    if names is None or names.there.any():
        return []
    return [note("empty_ladder", "stress.single_names", 0, len(names.moves), name="of single names")]


def usual_level_notes(rulebook: Rulebook, market: Market, factor_ids: list[str]) -> list[Note]:
    """Prices whose usual level, which their gaps are measured by, is known of too few days."""
    ladders = [ladder for ladder in rulebook.stress.hypothetical if ladder.level_floor > 0]
    found = [ladder_scenarios(ladder, market, factor_ids).longest.absolute.any(axis=0) for ladder in ladders]
    gapped = np.any([np.zeros(len(factor_ids), dtype=bool), *found], axis=0)
    days = {name: market.levels[name].count() for name, by_level in zip(factor_ids, gapped, strict=True) if by_level}
    short = {name: count for name, count in days.items() if count < USUAL_DAYS}
    if not short:
        return []
    place, least = "stress.hypothetical.level_floor", min(short.values())
    return [note("short_usual_level", place, least, USUAL_DAYS, count=len(short), names=named(list(short)))]


def shift_notes(rulebook: Rulebook, market: Market, factor_ids: list[str]) -> list[Note]:
    """Shapes of shifts that make no scenario, rates that a twist leaves where they are, and units that are taken."""
    shifts = rulebook.stress.shifts
    if shifts is None or not shifts.shapes:
        return []
    rates = [name for name, rate in zip(factor_ids, is_rate(market, factor_ids), strict=True) if rate]
    if not rates and rulebook.stress.rate_shifts is None:
        return []
    left = untwisted(market, factor_ids)
    return [
        *_empty_shapes(shifts, rates, left),
        *_left_by_twists(shifts, rates, left),
        *_units_taken(market, rates),
        *_cut_shifts(shifts, market, factor_ids, rates),
    ]


def _empty_shapes(shifts: RateShifts, rates: list[str], left: list[str]) -> Iterator[Note]:
    for shape in shifts.shapes:
        if not rates or (shape in TWISTS and left == rates):
            count = len(scenarios_of(shape)) * len(shifts.basis_points)
            yield note("empty_ladder", f"stress.rate_shifts.{shape}", 0, count, name=f"of rates ({shape})")


def _left_by_twists(shifts: RateShifts, rates: list[str], left: list[str]) -> Iterator[Note]:
    if left and TWISTS.keys() & set(shifts.shapes):
        yield note("untwisted_rate", "stress.rate_shifts", len(left), len(rates), names=named(left))


def _units_taken(market: Market, rates: list[str]) -> Iterator[Note]:
    units = market.kinds("rate_unit", rates)
    bare = [name for name, unit in zip(rates, units, strict=True) if unit is None]
    if bare:
        yield note("rate_unit", "factors.rate_unit", len(bare), len(rates), name=bare[0], level=market.level(bare[0]))


def _cut_shifts(shifts: RateShifts, market: Market, factor_ids: list[str], rates: list[str]) -> Iterator[Note]:
    cut = cut_rates(shifts, market, factor_ids)
    if cut:
        yield note("capped_shifts", "stress.rate_shifts", len(cut), len(rates), names=named(cut))


def still_scenarios(scenarios: ScenarioSet, file: str) -> list[Note]:
    """Scenarios of a file that move nothing: their patterns fit other factors of the market."""
    moves = (scenarios.relative != 0) | (scenarios.absolute != 0)
    of_file = [label.kind == "file" for label in scenarios.labels]
    still = [
        label.scenario_id
        for label, theirs, moved in zip(scenarios.labels, of_file, moves.any(axis=(0, 2)), strict=True)
        if theirs and not moved
    ]
    return [note("still_scenario", file, len(still), sum(of_file), names=named(still))] if still else []


def capped_notes(scenarios: ScenarioSet, what: str, place: str) -> list[Note]:
    """Scenarios with a fall that was cut off."""
    cut = sum(label.capped for label in scenarios.labels)
    return [note("capped_moves", place, cut, scenarios.count, what=what)] if cut else []
