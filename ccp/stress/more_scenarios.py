"""Putting further scenarios into what was measured: only those that are new are priced and run over the book."""

from dataclasses import replace

import numpy as np

from ccp.exposure.run import run_stress
from ccp.kernels.exposure.pools import Shortfalls
from ccp.margin.collateral import holdings
from ccp.market.case import Case
from ccp.money import minor_units
from ccp.pricing.horizon import price_cube
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.stress.measure import Measured, measured_of
from ccp.stress.parts import PartFound, StressModel, counted_by_way
from ccp.types import Cents, Index


def measure_more(measured: Measured, case: Case, stress: ScenarioSet) -> Measured:
    """The same book measured in a larger stress set, of which the scenarios so far are a part.

    `case` is the book under the rules that ask for the set; they margin as those before did. The answer is that of
    measuring the book in all of them, bit for bit. Raises InputError.
    """
    places = {name: place for place, name in enumerate(stress.ids)}
    old = np.array([places[name] for name in measured.scenarios.ids], dtype=np.int64)
    new = np.setdiff1d(np.arange(stress.count), old)
    fresh = stress.only(new)
    part = replace(measured.model, scenarios=fresh, unit_loss=price_cube(case, fresh).close_out_loss)
    counted, shortfalls = _run(case, measured.found, part)
    unit_loss = _woven(measured.model.unit_loss, part.unit_loss, old, new)
    model = replace(measured.model, scenarios=stress, unit_loss=unit_loss)
    return measured_of(case, model, [_with(measured.found, counted, shortfalls, old, new)])


def _run(case: Case, found: PartFound, model: StressModel) -> tuple[Cents, dict[str, Shortfalls]]:
    """What counts as margin in some scenarios under the rulebook's way, and members' shortfalls in them by way."""
    lines = holdings(case)
    counted = counted_by_way(model, found.pool_margin, found.pool_held, lines)
    minor = float(minor_units(model.digits))
    shortfalls = run_stress(case.portfolio.whole, model.unit_loss, found.pool_cost, counted, minor)
    return counted.get(model.way, next(iter(counted.values()))), shortfalls


def _with(found: PartFound, counted: Cents, shortfalls: dict[str, Shortfalls], old: Index, new: Index) -> PartFound:
    """What was found, scenarios put in."""
    both = {
        way: Shortfalls(*(_woven(was, come, old, new) for was, come in zip(held, shortfalls[way], strict=True)))
        for way, held in found.shortfalls.items()
    }
    moves = found.pool_counted.shape[1] == len(old) and counted.shape[1] == len(new)
    in_all = _woven(found.pool_counted, counted, old, new) if moves else found.pool_counted
    return replace(found, shortfalls=both, pool_counted=in_all)


def _woven(before: np.ndarray, more: np.ndarray, old: Index, new: Index) -> np.ndarray:
    """Columns of two arrays in the places of one."""
    whole = np.empty((len(before), len(old) + len(new)), dtype=before.dtype)
    whole[:, old], whole[:, new] = before, more
    return whole
