"""How many days each instrument takes to close out, and the cube of scenarios, each instrument over its own days."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path

import numpy as np

from ccp.market.case import Case
from ccp.pricing.issuers import NOBODY, at_default, recovery_of, stressed_issuers
from ccp.pricing.revalue import Cube, revalue
from ccp.pricing.terms import Terms, instrument_terms
from ccp.rulebook.margin import Liquidation
from ccp.scenarios.below_zero import rates_above_zero
from ccp.scenarios.kept import NONE_KEPT, KeptScenarios
from ccp.scenarios.scenario_set import ScenarioSet, over_periods
from ccp.scenarios.single_names import SingleNames
from ccp.scenarios.stress_set import every_name, every_window, stress_scenarios
from ccp.types import Index

NO_RULE = -1
"""The place of the rule that decides where none matches: the rulebook's own number of days does."""


def liquidation_periods(case: Case) -> Index:
    """Liquidation days of every instrument, in order of instrument id: of the first rule that matches it."""
    rules = case.rulebook.margin
    days = np.array([rules.liquidation_days, *(rule.days for rule in rules.liquidation)], dtype=np.int64)
    return days[deciding_rules(case) + 1]


def stress_periods(case: Case) -> tuple[int, ...]:
    """The days that anything in the case moves over in stress, rising: instruments, and collateral that is moved."""
    rules, days = case.rulebook, set(liquidation_periods(case).tolist())
    if rules.collateral.stress == "scenario" and case.book.collateral is not None:
        days.add(rules.collateral_days)
    return tuple(sorted(days))


def case_scenarios(case: Case, file: Path | None = None, kept: KeptScenarios = NONE_KEPT) -> ScenarioSet:
    """The case's stress scenarios, over every period that anything in it moves over. Raises InputError.

    `kept` are windows that the book has to be run in beside those that the rulebook names, and single names.
    """
    return stress_scenarios(case.rulebook, case.market, case.factor_ids, file, stress_periods(case), kept)


def case_windows(case: Case) -> ScenarioSet | None:
    """Every window of the case's history, at each multiple that sizes the fund; None where the rulebook has none."""
    return every_window(case.rulebook, case.market, case.factor_ids, stress_periods(case))


def case_names(case: Case) -> SingleNames | None:
    """Every factor alone, as the rulebook asks for it, over every period; None where it does not."""
    return every_name(case.rulebook, case.market, case.factor_ids, stress_periods(case))


def deciding_rules(case: Case) -> Index:
    """Which rule on liquidation days decides, by its place, for every instrument in order of id; -1: none of them."""
    rules, table = case.rulebook.margin.liquidation, case.book.ordered_instruments
    places = np.full(table.height, NO_RULE, dtype=np.int64)
    if not rules:
        return places
    classes = case.market.kinds("asset_class", table["factor_id"].to_list())
    for row, (name, kind, asset_class) in enumerate(zip(table["instrument_id"], table["kind"], classes, strict=True)):
        matching = (place for place, rule in enumerate(rules) if _matches(rule, name, str(kind), asset_class))
        places[row] = next(matching, NO_RULE)
    return places


def _matches(rule: Liquidation, name: str, kind: str, asset_class: str | None) -> bool:
    """Whether an instrument is all that a rule states."""
    return (
        rule.kind in (None, kind)
        and rule.asset_class in (None, asset_class)
        and (rule.instrument is None or fnmatchcase(name, rule.instrument.replace("[", "[[]").replace("?", "[?]")))
    )


def case_terms(case: Case, periods: Index) -> Terms:
    """The terms of the case's instruments; time runs by each one's own liquidation period."""
    return instrument_terms(case.book.instruments, case.market, case.factor_ids, case.rulebook.currency, periods)


Rows = tuple[int, Index, Terms]
"""The days that some rows of a cube move over, their places, and their terms."""


@dataclass(frozen=True)
class CubePricer:
    """The terms of a cube's rows, with the period that they move over: prices scenarios, and needs no case for it.

    Of each period the days, the rows, and their terms; `rows` is how many there are in all. `jumped` are those that are
    priced at the default of their issuer, with what is recovered.
    """

    parts: tuple[Rows, ...]
    rows: int
    jumped: tuple[Rows, ...] = ()
    recovery: float = 0.0

    def price(self, scenarios: ScenarioSet) -> Cube:
        """The cube of some scenarios, which have moves over all the periods."""
        if len(self.parts) == 1 and not self.jumped:
            days, _, terms = self.parts[0]
            return revalue(terms, scenarios.over(days))
        change, premium_value = np.empty((self.rows, scenarios.count)), np.empty(self.rows)
        moved = ((rows, revalue(terms, scenarios.over(days))) for days, rows, terms in self.parts)
        jumped = ((rows, at_default(terms, scenarios.over(days), self.recovery)) for days, rows, terms in self.jumped)
        for rows, cube in chain(moved, jumped):
            change[rows], premium_value[rows] = cube.change, cube.premium_value
        return Cube(change, premium_value)

    def with_jumped(self, blocks: Iterable[Rows], recovery: float) -> "CubePricer":
        """The pricer of a cube with further rows, at the default of their issuers."""
        jumped = tuple((days, rows + self.rows, terms) for days, rows, terms in blocks)
        return CubePricer(self.parts, self.rows + sum(len(rows) for _, rows, _ in jumped), jumped, recovery)


def own_pricer(case: Case) -> CubePricer:
    """Of a cube in which each instrument is moved by what its factors do over its own liquidation period."""
    every = np.arange(case.book.instruments.height)
    return CubePricer(_over_own_period(case, every), len(every))


def stress_pricer(case: Case) -> CubePricer:
    """Of the stress cube: each instrument over its own period, or, where it moves over the longest of its account, all
    instruments over every period that there is, periods one after the other. After these, in the same order, the
    instruments that a group of the book has issued, at its default."""
    every = np.arange(case.book.instruments.height)
    own, issuer = case.rulebook.stress.horizon == "own", stressed_issuers(case)
    pricer = own_pricer(case) if own else CubePricer(*_over_every_period(case, every))
    if issuer is None:
        return pricer
    paper = np.flatnonzero(issuer != NOBODY)
    blocks = _over_own_period(case, paper) if own else _over_every_period(case, paper)[0]
    return pricer.with_jumped(blocks, recovery_of(case))


def _over_own_period(case: Case, places: Index) -> tuple[Rows, ...]:
    """Some instruments, each over its own period."""
    periods = liquidation_periods(case)
    terms, mine = case_terms(case, periods).rows(places), periods[places]
    by_period = ((days, np.flatnonzero(mine == days)) for days in np.unique(mine).tolist())
    return tuple((days, rows, terms.rows(rows)) for days, rows in by_period)


def _over_every_period(case: Case, places: Index) -> tuple[tuple[Rows, ...], int]:
    """Some instruments over every period that there is, and how many rows that makes."""
    periods, count = liquidation_periods(case), len(places)
    distinct = np.unique(periods).tolist()
    blocks = (
        (days, np.arange(count) + place * count, case_terms(case, np.full(len(periods), days)).rows(places))
        for place, days in enumerate(distinct)
    )
    return tuple(blocks), count * len(distinct)


def price_cube(case: Case, scenarios: ScenarioSet) -> Cube:
    """The cube of the case's instruments, each moved by what its factors do over its own liquidation period."""
    return own_pricer(case).price(scenarios)


def stress_cube(case: Case, scenarios: ScenarioSet) -> Cube:
    """The cube of stress scenarios."""
    return stress_pricer(case).price(scenarios)


def price_windows(case: Case, windows: Callable[[int], ScenarioSet]) -> Cube:
    """The cube of scenarios that depend on the liquidation period: `windows(days)`, all of the same scenarios."""
    periods = np.unique(liquidation_periods(case)).tolist()
    moves = over_periods(windows(days) for days in periods)
    return price_cube(case, rates_above_zero(moves, case.market))
