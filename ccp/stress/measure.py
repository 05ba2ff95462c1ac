"""Margins and stress losses of the whole book, and what each pool's share of them is in an event."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ccp.book.portfolio import Part, Portfolio
from ccp.book.roster import Roster
from ccp.errors import refuse
from ccp.exposure.run import Progress, account_values
from ccp.kernels.exposure.joint_costs import GroupBooks
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.margin.collateral import holdings
from ccp.margin.concentration import ConcentrationTerms, added_up
from ccp.margin.requirement import Requirement, knowing_all, with_concentration
from ccp.market.case import Case
from ccp.money import minor_units, to_minor
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.stress.group_books import books_in_memory
from ccp.stress.joint_losses import JointLosses
from ccp.stress.joint_ways import joint_losses
from ccp.stress.loss_over_margin import StressLosses, stress_losses
from ccp.stress.paper import check_quantities
from ccp.stress.parts import (
    RESOURCES,
    EngineModel,
    PartExecutor,
    PartFound,
    PartTask,
    StressModel,
    books_of,
    engine_model,
    joined,
    measure_part,
    measure_task,
    pool_requirement,
    stress_model,
    stress_part,
    totals_task,
)
from ccp.stress.windows import Counting, LeftOpen, Screened, WindowModel, window_sums
from ccp.types import Cents, Index, InstrumentByScenario, Vector

Losses = StressLosses | JointLosses
"""Losses of sets: of books that cost nothing to sell, or of those that are sold together."""
LARGEST = 2.0**62
"""Minor units that the losses of the whole book may come to: sums of them stay whole numbers of 64 bits."""


@dataclass(frozen=True)
class Measured:
    """What the passes found of the whole book, and the losses that follow from it. Money in cents.

    `losses` follow the rulebook's way of counting margin; `by_resources` has every way, when the book has
    collateral. `concentration` is what margins knew of who is sold together, None where the rulebook does not ask.
    `windows` of the history were run as well; `screened` says what the book lost in them, once it is found which are
    kept.
    """

    case: Case
    model: StressModel
    found: PartFound
    by_resources: dict[str, Losses]
    concentration: ConcentrationTerms | None = None
    windows: WindowModel | None = None
    screened: Screened | None = None

    @property
    def rules(self) -> Rulebook:
        """The rules that the book was measured under."""
        return self.case.rulebook

    @property
    def digits(self) -> int:
        """Decimal digits of the currency."""
        return self.rules.currency_digits

    @property
    def portfolio(self) -> Portfolio:
        """The book, sorted and indexed."""
        return self.case.portfolio

    @property
    def roster(self) -> Roster:
        """The members and their groups."""
        return self.portfolio.roster

    @property
    def losses(self) -> Losses:
        """Stress losses under the rulebook's own way of counting margin."""
        return self.by_resources[self.rules.stress.resources]

    @property
    def left(self) -> dict[str, LeftOpen]:
        """What may be worse in windows that were not measured, and how much it may come to: `Screened.left`."""
        return self.screened.left if self.screened else {}

    def with_losses(self, losses: Losses) -> "Measured":
        """The same with other losses, counted in the rulebook's own way."""
        return replace(self, by_resources=self.by_resources | {self.rules.stress.resources: losses})

    def counted_by_member(self, scenario: int) -> Cents:
        """What counts as margin in a scenario, in all of a member's pools."""
        return self.by_member(self.counted_in(scenario))

    def by_member(self, pool_amounts: Cents) -> Cents:
        """Amounts by pool as sums by member."""
        sums = np.zeros(len(self.portfolio.members), dtype=np.int64)
        np.add.at(sums, self.portfolio.pool_member, pool_amounts)
        return sums

    @property
    def scenarios(self) -> ScenarioSet:
        """The stress scenarios."""
        return self.model.scenarios

    @property
    def unit_loss(self) -> InstrumentByScenario:
        """The loss on one long unit in each scenario, in units, by row of the stress cube."""
        return self.model.unit_loss

    @property
    def issuer(self) -> Index | None:
        """The group that has issued each instrument, or NOBODY; None where no paper is revalued at a default."""
        return self.model.rows.issuer

    def unit_loss_when(self, scenario: int, groups: tuple[int, ...] = ()) -> Vector:
        """The loss on one long unit in a scenario in which some groups default, by ordinary row of the stress cube."""
        defaulting = np.isin(np.arange(len(self.portfolio.groups)), groups)
        return self.model.rows.when(self.unit_loss[:, [scenario]], defaulting)[:, 0]

    def ordinary_held(self, part: Part) -> PositionArrays:
        """The positions of a part by row of the stress cube, as if nobody's own paper were at its default."""
        return self.model.rows.ordinary.held(part)

    def counted_in(self, scenario: int) -> Cents:
        """What counts as each pool's margin in a scenario."""
        counted = self.found.pool_counted
        return counted[:, scenario if counted.shape[1] > 1 else 0]


@dataclass(frozen=True)
class PoolLoss:
    """One pool of a defaulter in one scenario, in cents. `loss` is negative for a gain; `cost` is what it bears of the
    sale, and is in the loss (None: selling costs nothing)."""

    pool: int
    member: int
    house: bool
    loss: int
    margin: int
    cost: int | None = None


def measure(
    case: Case, stress: ScenarioSet, progress: Progress | None = None, windows: WindowModel | None = None
) -> Measured:
    """Price every instrument, margin every account and stress every member; run them through `windows` as well."""
    model, lines, whole = engine_model(case, stress, windows), holdings(case), case.portfolio.whole
    model = replace(model, margin=knowing_all(model.margin, [whole]))
    books = books_in_memory(case.portfolio) if model.stress.sells else None
    return measured_of(case, model, [measure_part(model.selling(books), whole, lines, progress)], books)


def measure_parts(
    case: Case, model: EngineModel, tasks: list[PartTask], executor: PartExecutor, progress: Progress | None = None
) -> Measured:
    """As `measure`, part by part (`part_tasks` of the whole book), wherever `executor` runs them."""
    model = _knowing_all(model, tasks, executor)
    for cube in (*model.margin.samples, *([model.margin.floor] if model.margin.floor else [])):
        cube.cut()

    books = books_of(model.stress, case.portfolio, tasks, executor)

    def found() -> Iterator[PartFound]:
        done = 0
        for one in executor.run(measure_task, model.selling(books), tasks):
            done += len(one.account_margin)
            if progress is not None:
                progress(done, len(case.portfolio.accounts))
            yield one

    return measured_of(case, model, found(), books)


def _knowing_all(model: EngineModel, tasks: list[PartTask], executor: PartExecutor) -> EngineModel:
    """The model, told what all parts hold together: a pass of its own over the book, where margin asks for that."""
    terms = model.margin.add_ons.concentration
    if terms is None or not terms.across:
        return model
    known = added_up(terms, executor.run(totals_task, terms, tasks))
    return replace(model, margin=with_concentration(model.margin, known))


def measured_of(
    case: Case, model: EngineModel | StressModel, found: Iterable[PartFound], books: GroupBooks | None = None
) -> Measured:
    """What was found of all parts, in order of their pools, as one result. Raises InputError.

    `books` are what groups hold, where selling costs something and what was found does not say.
    """
    whole, terms = joined(found), model.margin.add_ons.concentration if isinstance(model, EngineModel) else None
    stress = model.stress if isinstance(model, EngineModel) else model
    whole = whole if books is None else replace(whole, books=books)
    check_size(whole.gross, stress, case.portfolio.instruments)
    check_quantities(whole.gross, stress.rows)
    phi, roster = case.rulebook.stress.house_surplus_covers_clients, case.portfolio.roster
    single = {way: stress_losses(short, phi, roster) for way, short in whole.shortfalls.items()}
    losses = joint_losses(case, stress, whole, single) or single
    only = next(iter(losses.values()))
    by_resources: dict[str, Losses] = dict(losses) if len(losses) > 1 else dict.fromkeys(map(str, RESOURCES), only)
    windows = model.windows if isinstance(model, EngineModel) else None
    return Measured(case, stress, whole, by_resources, terms, windows)


def check_size(
    gross: Vector, stress: StressModel, instruments: list[str], unit_loss: InstrumentByScenario | None = None
) -> None:
    """Refuse a book whose losses, all of one sign, would not fit whole minor units of 64 bits. `unit_loss`: in other
    scenarios than the model's."""
    losses = stress.unit_loss if unit_loss is None else unit_loss
    largest, minor = stress.rows.largest(np.abs(losses).max(axis=1, initial=0.0)), minor_units(stress.digits)
    total = float(np.sum(gross * largest)) * minor
    if not total < LARGEST:
        worst = instruments[int(np.nanargmax(np.nan_to_num(gross * largest, nan=np.inf)))]
        expected = f"losses below {LARGEST / minor:.0e} in all were expected; the largest are in this instrument"
        raise refuse("instruments", expected, field="instrument_id", value=worst)


def measure_stress(
    case: Case,
    stress: ScenarioSet,
    required: Requirement,
    counting: Counting,
    windows: WindowModel | None = None,
    amounts: int = 0,
) -> Measured:
    """Stress every member, with margins known, and run them through `windows` as well.

    `counting` says what counts of each pool's margin, the rulebook's way among others; `amounts` how many that takes in
    a scenario.
    """
    model = stress_model(case, stress, required.periods, required.daily_risk)
    part, books = case.portfolio.whole, books_in_memory(case.portfolio) if model.sells else None
    selling = model if books is None else model.selling(books)
    found = stress_part(selling, part, required, pool_requirement(part, required), counting(stress))
    if windows is not None:
        cost, digits = found.pool_cost, model.digits
        found = replace(found, windows=window_sums(windows, model.rows, part, cost, counting, digits, amounts))
    return replace(measured_of(case, model, [found], books), windows=windows)


def pool_losses(measured: Measured, scenario: int, groups: tuple[int, ...]) -> list[PoolLoss]:
    """Every pool of some groups in one scenario: the lines that add up to the groups' losses."""
    portfolio = measured.portfolio
    pools = portfolio.pools_of(portfolio.members_of(np.array(groups)))
    counted = measured.counted_in(scenario)
    unit_loss = measured.unit_loss_when(scenario, groups)
    sums = np.concatenate([_pool_sums(measured, unit_loss, some) for some in portfolio.portions(pools)])
    costs = _costs(measured, groups, pools)
    return [
        PoolLoss(
            int(pool),
            int(portfolio.pool_member[pool]),
            bool(portfolio.pool_house[pool]),
            int(loss),
            int(counted[pool]),
            None if costs is None else int(costs[place]),
        )
        for place, (pool, loss) in enumerate(zip(pools, sums if costs is None else sums + costs, strict=True))
    ]


def _costs(measured: Measured, groups: tuple[int, ...], pools: Index) -> Cents | None:
    """What each of the pools of some groups bears when these are sold together; None where selling costs nothing."""
    cost, sale = np.zeros(len(pools), dtype=np.int64), measured.losses.selling
    if sale is None:
        return None
    for group, of_group in zip(groups, sale.costs(groups), strict=True):
        cost[np.searchsorted(pools, sale.pools_of(group))] = of_group
    return cost


def _pool_sums(measured: Measured, unit_loss: Vector, pools: Index) -> Cents:
    """What some pools lose, before the cost of being sold, by what a unit does (by ordinary row)."""
    portfolio = measured.portfolio
    part, accounts = portfolio.part(pools), portfolio.accounts_in(pools)
    held = measured.ordinary_held(part)
    values = account_values(held, unit_loss[:, None], np.arange(len(accounts)))[:, 0]
    cents = to_minor(values, measured.digits)
    sums = np.zeros(len(pools), dtype=np.int64)
    np.add.at(sums, part.account_pool, cents)
    return sums
