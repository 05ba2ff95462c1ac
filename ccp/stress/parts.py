"""A book measured part by part: one model for all parts, one result each, and the results put together.

A part is some pools, whole, so that nothing but sums by member crosses from one part to another; where margin asks what
is held together beyond a pool, sums of quantities do before (`ccp.margin.concentration`). All that is added up is whole
numbers: the answer is the same for any parts, in any order of work, on any machine.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from ccp.book.portfolio import Loadable, Part, Portfolio
from ccp.exposure.run import Progress, account_values, run_stress
from ccp.kernels.exposure.costs import SaleTerms
from ccp.kernels.exposure.joint_costs import ExactSums, GroupBooks
from ccp.kernels.exposure.pools import Shortfalls
from ccp.kernels.exposure.windows import WindowSums
from ccp.margin.add_ons import sale_terms
from ccp.margin.collateral import (
    Holdings,
    counted_margin,
    value_after_haircut,
    value_in_scenarios,
    within_limits,
)
from ccp.margin.concentration import ConcentrationTerms, TotalsHeld, part_totals
from ccp.margin.requirement import MarginModel, Requirement, margin_model, require
from ccp.market.case import Case
from ccp.money import minor_units
from ccp.pricing.horizon import case_terms, stress_cube
from ccp.pricing.issuers import stressed_issuers
from ccp.rulebook.close_out import sells
from ccp.rulebook.collateral import CollateralRules
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.stress.cube_rows import CubeRows, cube_rows
from ccp.stress.group_books import HeldByGroups, alone, costs_of_pools, group_books, held_by_groups
from ccp.stress.paper import paper_sums
from ccp.stress.windows import Counting, WindowModel, window_sums
from ccp.types import Cents, Index, InstrumentByScenario, Vector

RESOURCES = ("required", "held", "minimum")
"""The ways of counting a pool's margin."""
COUNTED, MOVED = 12, 6
"""How many amounts a pool, and a line of collateral, take in a scenario while it is found what counts."""


@dataclass(frozen=True)
class StressModel:
    """The stress of a day, resolved for every instrument. `sells`: whether selling a book costs anything.

    `unit_loss` (row x scenario) is the loss on one long unit; a row is what `rows` says, as a rule an instrument. `way`
    is the rulebook's way of counting margin.
    `collateral_days` are those that collateral moves over.
    `rates` (group x instrument) are what each unit bears when its group's book is sold, None until it is known what
    groups hold.
    """

    scenarios: ScenarioSet
    unit_loss: InstrumentByScenario
    rows: CubeRows
    sale: SaleTerms
    sells: bool
    collateral: CollateralRules
    collateral_days: int
    way: str
    digits: int
    rates: Vector | None = None

    def selling(self, books: GroupBooks) -> "StressModel":
        """The model of groups that hold so much."""
        return replace(self, rates=alone(books, self.sale))


@dataclass(frozen=True)
class EngineModel:
    """All that measuring needs to know beside who holds what. `windows` of the history are run as well, where it is yet
    to be found which of them are kept."""

    margin: MarginModel
    stress: StressModel
    windows: WindowModel | None = None

    def selling(self, books: GroupBooks | None) -> "EngineModel":
        """The model of groups that hold so much; None where selling costs nothing."""
        return self if books is None else replace(self, stress=self.stress.selling(books))


@dataclass(frozen=True)
class PartFound:
    """What was found of a part: by account and by pool of the part, and by member of the whole book.

    Money in cents, but `net_option_value` in units. `pool_cost` is what each pool bears when its group alone is sold.
    `gross` is how much of each instrument is held, long and short. `shortfalls` has each way of counting margin that
    was looked at. `pool_held` is collateral after haircut, None where nobody says what is held. `windows` has members'
    sums in every window that was looked at, by way. `books`, of the whole book only, are what groups hold; they and
    `pool_cost` are None where selling costs nothing. `paper` is what groups hold of what any of them has issued, None
    where that moves as other instruments do.
    """

    account_margin: Cents
    pool_cost: Cents | None
    add_ons: dict[str, Cents]
    net_option_value: Vector
    pool_margin: Cents
    pool_counted: Cents
    shortfalls: dict[str, Shortfalls]
    gross: Vector
    pool_held: Cents | None = None
    windows: dict[str, WindowSums] = field(default_factory=dict)
    books: GroupBooks | None = None
    paper: ExactSums | None = None


@dataclass(frozen=True)
class PartTask:
    """A part to be measured, and its collateral (None without a table of it)."""

    part: Loadable
    lines: Holdings | None


class PartExecutor(Protocol):
    """Runs one task over many items and gives the results in their order: what is asked here of `ccp.cluster.executor`,
    and of less than that where nothing runs side by side."""

    def run(self, task: Callable[[Any, Any], Any], shared: Any, items: Sequence[Any]) -> Iterator[Any]:
        """`task(shared, item)` of every item."""
        ...


class InTurn:
    """Runs tasks one after the other, over arrays as they are: with those that `size` compiles its kernels for."""

    def run(self, task: Callable[[Any, Any], Any], shared: Any, items: Sequence[Any]) -> Iterator[Any]:
        """Yield the results."""
        return (task(shared, item) for item in items)


def engine_model(case: Case, stress: ScenarioSet, windows: WindowModel | None = None) -> EngineModel:
    """Price every instrument in every scenario, of margin and of stress."""
    margin = margin_model(case)
    return EngineModel(margin, stress_model(case, stress, margin.periods, margin.daily_risk), windows)


def stress_model(case: Case, stress: ScenarioSet, periods: Index, daily_risk: Vector) -> StressModel:
    """Price every instrument in every stress scenario."""
    rules = case.rulebook
    return StressModel(
        stress,
        stress_cube(case, stress).close_out_loss,
        cube_rows(rules.stress, periods, stressed_issuers(case)),
        sale_terms(case, case_terms(case, periods), periods, daily_risk, rules.close_out),
        sells(rules.close_out),
        rules.collateral,
        rules.collateral_days,
        rules.stress.resources,
        rules.currency_digits,
    )


def part_tasks(portfolio: Portfolio, lines: Holdings | None, most_positions: int | None) -> list[PartTask]:
    """The book as tasks, in order of pools, each of at most so many positions where pools are not larger."""
    tasks, first = [], 0
    for part in portfolio.parts(most_positions):
        pools = np.arange(first, first + len(part.pool_member))
        tasks.append(PartTask(part, None if lines is None else lines.of_pools(pools)))
        first += len(pools)
    return tasks


def totals_task(terms: ConcentrationTerms, task: PartTask) -> TotalsHeld:
    """Read a part and add up what its accounts hold together."""
    return part_totals(terms, task.part.load())


def held_task(instruments: int, task: PartTask) -> HeldByGroups:
    """Read a part and add up what groups hold in it."""
    return held_by_groups(task.part.load(), instruments)


def books_of(
    model: StressModel, portfolio: Portfolio, tasks: Sequence[PartTask], executor: PartExecutor
) -> GroupBooks | None:
    """What groups hold, in one pass over the parts; None where selling costs nothing. Raises InputError."""
    if not model.sells:
        return None
    return group_books(portfolio, executor.run(held_task, len(portfolio.instruments), tasks))


def measure_task(model: EngineModel, task: PartTask) -> PartFound:
    """Read a part and measure it."""
    return measure_part(model, task.part.load(), task.lines)


def measure_part(model: EngineModel, part: Part, lines: Holdings | None, progress: Progress | None = None) -> PartFound:
    """Margin every account of a part and stress it. `lines` is the part's collateral, None without a table."""
    required = require(model.margin, part, None, progress)
    pools, stress = pool_requirement(part, required), model.stress
    held = None if lines is None else value_after_haircut(lines, pools, stress.digits)

    def counting(scenarios: ScenarioSet) -> dict[str, Cents]:
        return counted_by_way(stress, scenarios, pools, held, lines)

    found = stress_part(stress, part, required, pools, counting(stress.scenarios))
    windows = {} if model.windows is None else run_every_window(stress, model.windows, part, found, counting, lines)
    return replace(found, pool_held=held, windows=windows)


def run_every_window(
    model: StressModel, windows: WindowModel, part: Part, found: PartFound, counting: Counting, lines: Holdings | None
) -> dict[str, WindowSums]:
    """Members' sums of a part that was measured, in every window."""
    size = 0
    if lines is not None and model.collateral.stress == "scenario":
        size = COUNTED * len(part.pool_member) + MOVED * len(lines.pool)
    return window_sums(windows, model.rows, part, found.pool_cost, counting, model.digits, size)


def counted_by_way(
    model: StressModel, scenarios: ScenarioSet, pools: Cents, held: Cents | None, lines: Holdings | None
) -> dict[str, Cents]:
    """What counts of every pool's margin in some scenarios, by way. `pools` is what is required of each, `held`
    collateral after haircut, `lines` what it is made of (None without a table)."""
    if held is None or lines is None:
        return {"required": counted_margin("required", pools, None, None)}
    moved = None
    if model.collateral.stress == "scenario":
        counting = within_limits(lines, pools, model.digits)
        moved = value_in_scenarios(counting, scenarios.over(model.collateral_days), model.digits)
    return {way: counted_margin(way, pools, held, moved) for way in RESOURCES}


def stress_part(
    model: StressModel, part: Part, required: Requirement, pool_margin: Cents, counted: dict[str, Cents]
) -> PartFound:
    """Stress a part whose margins are known. `counted` is what counts of every pool's margin, by way."""
    minor = float(minor_units(model.digits))
    positions, accounts = part.positions, np.arange(len(part.account_pool))
    sizes = np.abs(positions.quantity)
    gross = np.bincount(positions.instrument, sizes, minlength=len(required.premium_value)).astype(np.float64)
    cost = None
    if model.rates is not None:
        cost = costs_of_pools(part, model.rates, part.member_group[part.pool_member], model.digits)
    return PartFound(
        required.account_margin,
        cost,
        required.add_ons,
        account_values(positions, required.premium_value[:, None], accounts)[:, 0],
        pool_margin,
        counted.get(model.way, counted[next(iter(counted))]),
        shortfalls_of(part, model.rows, model.unit_loss, cost, counted, minor),
        gross,
        paper=paper_sums(part, model.rows),
    )


def shortfalls_of(
    part: Part,
    rows: CubeRows,
    unit_loss: InstrumentByScenario,
    cost: Cents | None,
    counted: dict[str, Cents],
    minor: float,
) -> dict[str, Shortfalls]:
    """Members' stress shortfalls by way of counting margin, as `run_stress` has them, of a cube with such rows."""
    return run_stress(replace(part, positions=rows.held(part)), unit_loss, cost, counted, minor)


def pool_requirement(part: Part, required: Requirement) -> Cents:
    """What is required of every pool: the sum over its accounts."""
    sums = np.zeros(len(part.pool_member), dtype=np.int64)
    np.add.at(sums, part.account_pool, required.account_margin)
    return sums


def joined(found: Iterable[PartFound]) -> PartFound:
    """Parts put together, in order of their pools: accounts and pools side by side, members added up as they come."""
    parts: list[PartFound] = []
    shortfalls: dict[str, Shortfalls] = {}
    windows: dict[str, WindowSums] = {}
    for one in found:
        shortfalls = added(shortfalls, one.shortfalls) if parts else one.shortfalls
        windows = added(windows, one.windows) if parts else one.windows
        parts.append(replace(one, shortfalls={}, windows={}))
    costs = [one.pool_cost for one in parts if one.pool_cost is not None]
    held = [one.pool_held for one in parts if one.pool_held is not None]
    paper = [one.paper for one in parts if one.paper is not None]
    return PartFound(
        np.concatenate([one.account_margin for one in parts]),
        np.concatenate(costs) if costs else None,
        {name: np.concatenate([one.add_ons[name] for one in parts]) for name in parts[0].add_ons},
        np.concatenate([one.net_option_value for one in parts]),
        np.concatenate([one.pool_margin for one in parts]),
        np.concatenate([one.pool_counted for one in parts]),
        shortfalls,
        np.sum([one.gross for one in parts], axis=0),
        np.concatenate(held) if held else None,
        windows,
        parts[0].books,
        ExactSums(*(np.sum(sums, axis=0) for sums in zip(*paper, strict=True))) if paper else None,
    )


Sums = TypeVar("Sums", Shortfalls, WindowSums, ExactSums)


def added(sums: dict[str, Sums], more: dict[str, Sums]) -> dict[str, Sums]:
    """`sums` by way with more added to them, in place."""
    for way, amounts in more.items():
        for total, part in zip(sums[way], amounts, strict=True):
            total += part
    return sums
