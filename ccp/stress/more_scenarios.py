"""What was measured in some scenarios, in another set: those that are new are priced and run over the book, and no
others."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ccp.book.portfolio import Loadable
from ccp.kernels.exposure.pools import Shortfalls
from ccp.margin.collateral import Holdings, holdings
from ccp.market.case import Case
from ccp.money import minor_units
from ccp.pricing.horizon import stress_cube
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.stress.measure import Measured, measured_of
from ccp.stress.parts import (
    InTurn,
    PartExecutor,
    PartFound,
    StressModel,
    added,
    counted_by_way,
    part_tasks,
    shortfalls_of,
)
from ccp.types import Cents, Index

MOST_FRESH = 256
"""Further scenarios that a book is run in at a time."""


@dataclass(frozen=True)
class FurtherTask:
    """A part whose margins are known, to be run in further scenarios. All by pool of the part."""

    part: Loadable
    lines: Holdings | None
    pool_cost: Cents | None
    pool_margin: Cents
    pool_held: Cents | None


@dataclass(frozen=True)
class Further:
    """What counts as margin in further scenarios under the rulebook's way, by pool, and members' shortfalls by way."""

    counted: Cents
    shortfalls: dict[str, Shortfalls]


def measure_in(
    measured: Measured, case: Case, stress: ScenarioSet, most: int | None = None, executor: PartExecutor | None = None
) -> Measured:
    """The same book measured in another stress set, which may share scenarios with that so far.

    `case` is the book under the rules that ask for the set; they margin as those before did. The answer is that of
    measuring the book in all of them, bit for bit. Parts of at most so many positions go through `executor` (default:
    in turn). Raises InputError.
    """
    places = {name: place for place, name in enumerate(measured.scenarios.ids)}
    known = np.array([places.get(name, -1) for name in stress.ids], dtype=np.int64)
    fresh = stress.only(np.flatnonzero(known < 0))
    part = replace(measured.model, scenarios=fresh, unit_loss=stress_cube(case, fresh).close_out_loss)
    further = _run(case, measured.found, part, most, executor or InTurn()) if fresh.count else None
    unit_loss = _columns(measured.model.unit_loss, part.unit_loss, known)
    model = replace(measured.model, scenarios=stress, unit_loss=unit_loss)
    found = measured_of(case, model, [_with(measured.found, further, known, part)])
    return replace(found, concentration=measured.concentration)


def _run(case: Case, found: PartFound, model: StressModel, most: int | None, executor: PartExecutor) -> Further:
    """The whole book in some scenarios, so many of them at a time that memory stays bounded."""
    places = np.arange(model.scenarios.count)
    batches = []
    for some in np.split(places, places[MOST_FRESH::MOST_FRESH]):
        few = replace(model, scenarios=model.scenarios.only(some), unit_loss=model.unit_loss[:, some])
        batches.append(_batch(case, found, few, most, executor))
    ways = {way: zip(*(one.shortfalls[way] for one in batches), strict=True) for way in batches[0].shortfalls}
    shortfalls = {way: Shortfalls(*map(np.hstack, sums)) for way, sums in ways.items()}
    return Further(np.hstack([one.counted for one in batches]), shortfalls)


def _batch(case: Case, found: PartFound, model: StressModel, most: int | None, executor: PartExecutor) -> Further:
    """The whole book in some scenarios, at once."""
    counted: list[Cents] = []
    shortfalls: dict[str, Shortfalls] = {}
    for one in executor.run(run_further, model, list(_tasks(case, found, most))):
        shortfalls = added(shortfalls, one.shortfalls) if counted else one.shortfalls
        counted.append(one.counted)
    return Further(np.concatenate(counted), shortfalls)


def _tasks(case: Case, found: PartFound, most: int | None) -> Iterator[FurtherTask]:
    """The book's parts, each with what is known of it."""
    portfolio, first = case.portfolio, 0
    for task in part_tasks(portfolio, holdings(case), most):
        last = first + len(task.part.pool_member)
        pools = slice(first, last)
        cost = None if found.pool_cost is None else found.pool_cost[pools]
        held = None if found.pool_held is None else found.pool_held[pools]
        yield FurtherTask(task.part, task.lines, cost, found.pool_margin[pools], held)
        first = last


def run_further(model: StressModel, task: FurtherTask) -> Further:
    """Read a part and run it in some scenarios."""
    counted = counted_by_way(model, model.scenarios, task.pool_margin, task.pool_held, task.lines)
    minor, part = float(minor_units(model.digits)), task.part.load()
    shortfalls = shortfalls_of(part, model.rows, model.unit_loss, task.pool_cost, counted, minor)
    return Further(counted.get(model.way, next(iter(counted.values()))), shortfalls)


def _with(found: PartFound, further: Further | None, known: Index, model: StressModel) -> PartFound:
    """What was found, in the scenarios of the set."""
    few = {} if further is None else further.shortfalls
    shortfalls = {
        way: Shortfalls(*(_columns(one, few[way][place] if few else None, known) for place, one in enumerate(held)))
        for way, held in found.shortfalls.items()
    }
    moves = found.pool_held is not None and model.collateral.stress == "scenario"
    counted = _columns(found.pool_counted, further and further.counted, known) if moves else found.pool_counted
    return replace(found, shortfalls=shortfalls, pool_counted=counted)


def _columns(before: np.ndarray, more: np.ndarray | None, known: Index) -> np.ndarray:
    """Columns of what was there, by their places in it, and of what came, in order, where that is -1."""
    whole = np.empty((len(before), len(known)), dtype=before.dtype)
    whole[:, known >= 0] = before[:, known[known >= 0]]
    if more is not None:
        whole[:, known < 0] = more
    return whole
