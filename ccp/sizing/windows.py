"""Which windows of the history and which single names are kept: those in which somebody, or something, loses most.

Every objective is looked at in whole cents in every window, and keeps the first window of its largest amount; an
objective that is nothing everywhere keeps none. So a figure that is a maximum over the scenarios that size the fund is
the same over the windows that are kept as over all (docs/decisions/0034). Single names are looked at in the same way,
beside windows and not against them (docs/decisions/0036).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, combinations
from pathlib import Path

import numpy as np

from ccp.exposure.run import Progress
from ccp.margin.collateral import holdings
from ccp.market.case import Case
from ccp.pricing.horizon import case_names, case_scenarios, case_windows
from ccp.pricing.revalue import Cube
from ccp.scenarios.kept import NONE_KEPT, KeptScenarios
from ccp.scenarios.scenario_set import ScenarioSet, without_multiple
from ccp.scenarios.single_names import ALONE
from ccp.scenarios.stress_set import sizing_multiples
from ccp.scenarios.windows import CALLED
from ccp.scenarios.worst_windows import apart
from ccp.sizing.cover import EMIR, aside, cover_by_scenario, cover_name, first_and_next_two
from ccp.sizing.coverage import IN_FORCE, REQUIRED, uncovered_one_by_one
from ccp.sizing.joint_windows import Everywhere, LossView, with_joint_worst
from ccp.sizing.size import counted_scenarios, fund_needed
from ccp.stress.loss_over_margin import StressLosses, over_margin_left
from ccp.stress.measure import Measured, check_size, measure
from ccp.stress.more_scenarios import measure_in
from ccp.stress.paper_everywhere import CountedIn
from ccp.stress.parts import PartExecutor, counted_by_way
from ccp.stress.windows import Screened, WindowModel, first_day, window_model
from ccp.types import Cents, Index, InstrumentByScenario
from ccp.waterfall.plan import Plan, make_plan

PAIRED = 20
"""Pairs are looked at of so many groups, those that lose most in windows of their own."""
Objective = tuple[str, str, np.ndarray]
"""What kind it is, whom it is about ("" for the whole book), and its amount in every candidate."""


def measured_case(
    case: Case, file: Path | None = None, progress: Progress | None = None, by_name: KeptScenarios = NONE_KEPT
) -> Measured:
    """A case in memory, measured in the scenarios of a file, or in its rulebook's and the windows that are kept.

    Arguments as `with_windows` has them. Raises InputError.
    """
    windows = None if file else window_model(case)
    return with_windows(measure(case, case_scenarios(case, file), progress, windows), by_name)


def named_window(case: Case, scenario_id: str) -> KeptScenarios:
    """The window that a scenario is of, at any multiple, or the single name; nothing where it is of none."""
    windows = case_windows(case) if scenario_id.startswith(CALLED) else None
    labels = [] if windows is None else windows.labels
    of_window = (one for one in labels if scenario_id.split("@")[0] == without_multiple(one))
    return KeptScenarios(frozenset(first_day(label) for label in of_window), _named_alone(case, scenario_id))


def _named_alone(case: Case, scenario_id: str) -> frozenset[tuple[str, str]]:
    """The single name that a scenario is of, and which way it moves."""
    names = case_names(case) if ALONE in scenario_id else None
    of_name = [] if names is None else names.of_name(scenario_id.split(ALONE)[0])
    return frozenset(names.way(one) for one in of_name if names and names.label(*one).scenario_id == scenario_id)


def with_windows(
    measured: Measured,
    by_name: KeptScenarios = NONE_KEPT,
    most: int | None = None,
    executor: PartExecutor | None = None,
) -> Measured:
    """What was measured, in the windows that are kept and in no other, beside what the rulebook has without them.

    Those `by_name` are kept in any case. Where windows were not run there is nothing to do.
    """
    model = (measured.windows or window_model(measured.case)) if measured.found.windows else None
    if model is None:
        return measured

    def run(kept: KeptScenarios) -> Measured:
        return measure_in(measured, measured.case, case_scenarios(measured.case, kept=kept), most, executor)

    screened = replace(screen(measured, model), by_name=by_name)
    everywhere = Everywhere(model, measured.model.rows, measured.found.windows, counted_of(measured))
    found, screened = with_joint_worst(screened, run, lambda kept: views_of(measured, kept, everywhere))
    screened = replace(screened, most=most_by_window(measured, found, everywhere))
    return replace(found, windows=model, screened=screened)


def most_by_window(screened: Measured, kept: Measured, everywhere: Everywhere) -> Cents | None:
    """What no set of the rulebook's number of groups loses more than, by window; None where sets lose what their groups
    lose one by one."""
    if kept.losses.bounds is None:
        return None
    view = everywhere.view(kept.losses, candidate_losses(screened)[kept.model.way], kept.model.way)
    assert view.bounds is not None
    most = view.bounds.most_of_sets(view.every.group_over_margin, kept.rules.fund.cover)
    return most[: everywhere.model.candidates.count]


def views_of(screened: Measured, kept: Measured, everywhere: Everywhere) -> list[LossView]:
    """Losses in the windows that are kept beside those in every window, by way of counting margin: the rulebook's own
    with the fund in force, and with the required one."""
    if kept.losses.bounds is None:
        return []
    every, own = candidate_losses(screened), kept.model.way
    others = [
        everywhere.view(kept.by_resources[way], losses, way, aside=aside("", way))
        for way, losses in every.items()
        if way != own
    ]
    needed = fund_needed(kept, counted_scenarios(kept))
    required = make_plan(kept.rules, kept.roster, np.array(needed.required, dtype=np.int64))
    plans = {IN_FORCE: needed.plan, REQUIRED: required}
    return [everywhere.view(kept.losses, every[own], own, plans), *others]


def counted_of(measured: Measured) -> CountedIn:
    """What counts as margin of some pools of a book in whatever scenarios, by way."""
    lines, found = holdings(measured.case), measured.found

    def counted(scenarios: ScenarioSet, pools: Index) -> dict[str, Cents]:
        held = None if found.pool_held is None else found.pool_held[pools]
        of_pools = None if lines is None else lines.of_pools(pools)
        return counted_by_way(measured.model, scenarios, found.pool_margin[pools], held, of_pools)

    return counted


def screen(measured: Measured, model: WindowModel) -> Screened:
    """Find the windows and the single names that are kept for a fund that is sized by them."""
    losses = candidate_losses(measured)
    own, count = losses[measured.model.way], measured.rules.fund.cover
    others = [(way, cover_by_scenario(other, count)) for way, other in losses.items() if other is not own]
    of_ways = [(cover_name(count), f"margin as {way}", amounts) for way, amounts in others]
    found = chain(objectives(measured, own, _plans(measured, model, own)), of_ways, of_classes(measured, model))
    return screened_by(measured, model, own, found)


def screened_by(measured: Measured, model: WindowModel, own: StressLosses, found: Iterable[Objective]) -> Screened:
    """The windows that some objectives keep, if the rulebook asks for all, and the worst of each group, as far as it
    does, and the single names that they keep; where there is neither a reason nor another scenario that sizes the fund,
    the first."""
    why: Reasons = {}
    rules, windows = measured.rules.stress.historical, model.candidates.count
    looked_at = slice(0 if rules is not None and rules.all else windows, windows), slice(windows, model.count)
    for kind, name, amounts in found:
        for some in looked_at:
            _keep_largest(why, amounts, some, (kind, name))
    over_margin, worst = own.group_over_margin[:, :windows], (rules and rules.worst_of_each_group) or 0
    for name, places in _worst_of_each_group(measured, model, over_margin, worst):
        for place in places:
            why.setdefault(place, []).append(("worst of group", name))
    if not why and not counted_scenarios(measured).any():
        why[0] = [("first", "")]
    return Screened(model.candidates, over_margin, why, model.names)


Reasons = dict[int, list[tuple[str, str]]]
"""By place what it is kept for: kinds of reasons, and whom each is about."""


def _keep_largest(why: Reasons, amounts: np.ndarray, among: slice, reason: tuple[str, str]) -> None:
    """Keep the first of the largest of some amounts, if it is any."""
    some = amounts[among]
    if some.size and some.max() > 0:
        why.setdefault(among.start + int(np.argmax(some)), []).append(reason)


def _worst_of_each_group(
    measured: Measured, model: WindowModel, over_margin: Cents, worst: int
) -> Iterator[tuple[str, list[int]]]:
    """Of each group the candidates in which it loses most, the first multiple of equal ones, no two of whose windows
    overlap."""
    multiples, days = len(sizing_multiples(measured.rules.stress)), max(model.candidates.periods)
    for name, row in zip(measured.portfolio.groups, over_margin, strict=True):
        by_window = row.reshape(-1, multiples)
        largest = by_window.max(axis=1)
        windows = apart(largest, np.flatnonzero(largest > 0), worst, days) if worst else np.empty(0, dtype=np.int64)
        yield name, (windows * multiples + by_window[windows].argmax(axis=1)).tolist()


def candidate_losses(measured: Measured) -> dict[str, StressLosses]:
    """Losses over margin in every candidate, by way. Losses before margin are not known there, and not to be read."""
    covers, roster = measured.rules.stress.house_surplus_covers_clients, measured.roster
    found = {}
    for way, sums in measured.found.windows.items():
        over = over_margin_left(*sums, covers)
        found[way] = StressLosses(over, over, roster.by_group(over))
    only = next(iter(found.values()))
    return found if len(found) > 1 else {measured.model.way: only}


def objectives(measured: Measured, own: StressLosses, plans: Iterable[Plan]) -> Iterator[Objective]:
    """What is looked at in every candidate: losses over margin of groups, alone and together, and what they leave
    uncovered under some plans."""
    count = measured.rules.fund.cover
    for number in sorted({1, 2, count}):
        yield cover_name(number), "", cover_by_scenario(own, number)
    yield EMIR, "", np.maximum(*first_and_next_two(own))
    for plan in plans:
        yield IN_FORCE, "", _uncovered(plan, own, count)
    yield from _of_rows("group", measured.portfolio.groups, own.group_over_margin)
    yield from _of_rows("member", measured.portfolio.members, own.over_margin)
    yield from _of_pairs(measured.portfolio.groups, own.group_over_margin)


def _of_rows(kind: str, names: list[str], amounts: Cents) -> Iterator[Objective]:
    for name, row in zip(names, amounts, strict=True):
        yield kind, name, row


def _of_pairs(names: list[str], amounts: Cents) -> Iterator[Objective]:
    worst = amounts.max(axis=1)
    largest = np.lexsort((np.arange(len(worst)), -worst))[:PAIRED]
    for one, other in combinations(sorted(largest[worst[largest] > 0].tolist()), 2):
        yield "pair", f"{names[one]}+{names[other]}", amounts[one] + amounts[other]


def _plans(measured: Measured, model: WindowModel, own: StressLosses) -> Iterator[Plan]:
    """With the fund in force, and with the required one."""
    known = measured.losses if isinstance(measured.losses, StressLosses) else measured.losses.single
    both = measured.with_losses(_joined(known, own))
    sizing = np.array([label.sizes_fund for label in model.labels], dtype=bool)
    counted = np.concatenate([counted_scenarios(measured), sizing])
    counted = counted if counted.any() else np.ones_like(counted)
    needed = fund_needed(both, counted)
    yield needed.plan
    yield make_plan(measured.rules, measured.roster, np.array(needed.required, dtype=np.int64))


def _uncovered(plan: Plan, own: StressLosses, count: int) -> Cents:
    """What the coverage test leaves uncovered, as far as it is more than where nobody loses anything."""
    nothing = StressLosses(*(np.zeros_like(amounts[:, :1]) for amounts in (own.loss, own.loss, own.group_over_margin)))
    least, found = (uncovered_one_by_one(plan, one, count) for one in (nothing, own))
    return found - least


def _joined(one: StressLosses, other: StressLosses) -> StressLosses:
    """Losses in the scenarios of both."""
    names = ("loss", "over_margin", "group_over_margin")
    return StressLosses(*(np.hstack([getattr(one, name), getattr(other, name)]) for name in names))


def of_classes(measured: Measured, model: WindowModel) -> Iterator[Objective]:
    """By asset class, what its instruments gain or lose in all that is held of them, long and short."""
    case = measured.case
    stated = case.market.kinds("asset_class", case.book.instrument_column("factor_id").to_list())
    of_row, own = np.array([name or "" for name in stated]), measured.model.rows.own_places(len(stated))
    kinds = sorted(set(of_row.tolist()))
    slices = (_moved(measured, model.pricer.price(some)) for _, some in model.slices(model.slice_))
    moved = [np.array([size[of_row == kind].sum(axis=0) for kind in kinds]) for size in slices]
    if model.names is not None:
        size = _moved(measured, model.names.cube)
        moved.append(np.array([model.names.sums(np.where(of_row[:, None] == kind, size, 0.0), own) for kind in kinds]))
    for kind, amounts in zip(kinds, np.hstack(moved), strict=True):
        yield "asset class", kind or "none", amounts


def _moved(measured: Measured, cube: Cube) -> InstrumentByScenario:
    """How much what is held of an instrument gains or loses, long and short, over its own period."""
    check_size(measured.found.gross, measured.model, measured.portfolio.instruments, cube.close_out_loss)
    gross = measured.found.gross
    own = measured.model.rows.own_places(len(gross))
    return gross[:, None] * np.abs(cube.change[own])
