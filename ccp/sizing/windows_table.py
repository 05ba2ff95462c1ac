"""Every window of the history as a row: what the book would lose in it, whether it is kept, and for what."""

from itertools import groupby
from typing import Any

import numpy as np
import polars as pl

from ccp.frames import Windows, types_of
from ccp.money import to_units
from ccp.notes.note import named
from ccp.pricing.horizon import case_windows, stress_periods
from ccp.scenarios.scenario_set import Label, ScenarioSet
from ccp.sizing.cover import cover_by_scenario
from ccp.sizing.size import Sized
from ccp.stress.windows import Screened, first_day
from ccp.types import GroupByScenario
from ccp.waterfall.table import defaulters_name

COVERS = ("cover_1", "cover_2", "cover_n")
NOBODY = -1
NAMED = 3
"""So many that a window is kept for are named, of each kind."""


def windows_table(sized: Sized) -> pl.DataFrame:
    """The windows in order of time, each at the multiples that size the fund; none where the rulebook asks for none, or
    where scenarios come out of a file."""
    screened = sized.measured.screened
    if screened and not screened.candidates.count:  # single names alone were looked at
        screened = None
    candidates = screened.candidates if screened else _unlooked(sized)
    if candidates is None:
        return Windows.create_empty()
    case, labels = sized.case, candidates.labels
    days = max(stress_periods(case))
    there = {label.window for label in sized.scenarios.labels}
    kept, cut = [label.window in there for label in labels], set(case.market.dates[-days:])
    return pl.DataFrame(
        {
            "scenario_id": candidates.ids,
            "first_day": [first_day(label) for label in labels],
            "last_day": [label.window[1] for label in labels if label.window],
            "unfinished": [first_day(label) in cut for label in labels],
            "multiple": [label.multiple for label in labels],
            "kept": kept,
            "why": _reasons(screened, labels, kept),
            **_covers(sized, screened, candidates.ids),
        },
        schema=types_of(Windows),
    )


def _unlooked(sized: Sized) -> ScenarioSet | None:
    """The windows that were not run over the book; None where no scenario is one."""
    of_history = any(label.window for label in sized.scenarios.labels)
    return case_windows(sized.case) if of_history else None


def _reasons(screened: Screened | None, labels: list[Label], kept: list[bool]) -> list[str]:
    """Why each window is kept; one that nobody loses most in, at any multiple, was named."""
    why = {place: some for place, some in screened.why.items() if place < len(labels)} if screened else {}
    found = {labels[place].window for place in why}
    return [
        _why(why[place]) if place in why else "named" if stays and label.window not in found else ""
        for place, (label, stays) in enumerate(zip(labels, kept, strict=True))
    ]


def _why(reasons: list[tuple[str, str]]) -> str:
    """Kinds of reasons, each with whom it is about."""
    by_kind = ((kind, [name for _, name in some if name]) for kind, some in groupby(reasons, lambda pair: pair[0]))
    return "; ".join(f"{kind} {named(names, NAMED)}" if names else kind for kind, names in by_kind)


def _covers(sized: Sized, screened: Screened | None, ids: list[str]) -> dict[str, Any]:
    """Cover figures and their groups by candidate, where the book was run in them: of a scenario those that it has
    there, of others the sums of what groups lose alone, and what no set loses more than."""
    if screened is None:
        return {"groups": [""] * len(ids)} | {name: [None] * len(ids) for name in (*COVERS, "most_n")}
    numbers = dict(zip(COVERS, (1, 2, sized.cover_count), strict=True))
    found = {name: cover_by_scenario(screened, number) for name, number in numbers.items()}
    found["most_n"] = found["cover_n"].copy() if screened.most is None else screened.most.copy()
    groups = _groups(sized, screened.group_over_margin)
    for place, scenario in _scenarios_of(sized, ids).items():
        for name, number in (*numbers.items(), ("most_n", sized.cover_count)):
            found[name][place] = sized.sets[number].bound[scenario]
        groups[place] = defaulters_name(sized.plan, sized.losing_groups(scenario))
    return {name: to_units(amounts, sized.digits) for name, amounts in found.items()} | {"groups": groups}


def _scenarios_of(sized: Sized, ids: list[str]) -> dict[int, int]:
    """The places of candidates that are scenarios, and the scenarios' places."""
    there = {scenario_id: place for place, scenario_id in enumerate(sized.scenarios.ids)}
    return {place: there[one] for place, one in enumerate(ids) if one in there}


def _groups(sized: Sized, over_margin: GroupByScenario) -> list[str]:
    """In every candidate the groups of cover-N that lose anything, the largest first, of equals the first by id."""
    left, ranks = over_margin.copy(), []
    for _ in range(min(sized.cover_count, len(left))):
        largest = left.argmax(axis=0)
        losing = np.take_along_axis(left, largest[None], axis=0)[0] > 0
        ranks.append(np.where(losing, largest, NOBODY))
        np.put_along_axis(left, largest[None], NOBODY, axis=0)
    sets = (tuple(group for group in some if group != NOBODY) for some in np.array(ranks).T.tolist())
    return [defaulters_name(sized.plan, some) for some in sets]
