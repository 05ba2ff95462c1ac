"""How many days each instrument takes to close out, and the cube of scenarios, each instrument over its own days."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from ccp.market.case import Case
from ccp.pricing.revalue import Cube, revalue
from ccp.pricing.terms import Terms, instrument_terms
from ccp.rulebook.margin import Liquidation
from ccp.scenarios.below_zero import rates_above_zero
from ccp.scenarios.scenario_set import EVERY, ScenarioSet, over_periods
from ccp.scenarios.stress_set import stress_scenarios
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


def case_scenarios(case: Case, file: Path | None = None) -> ScenarioSet:
    """The case's stress scenarios, over every period that anything in it moves over. Raises InputError."""
    return stress_scenarios(case.rulebook, case.market, case.factor_ids, file, stress_periods(case))


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


def price_cube(case: Case, scenarios: ScenarioSet) -> Cube:
    """The cube of the case's instruments, each moved by what its factors do over its own liquidation period."""
    periods = liquidation_periods(case)
    terms = case_terms(case, periods)
    distinct = np.unique(periods).tolist()
    if len(distinct) == 1 or scenarios.periods == (EVERY,):
        return revalue(terms, scenarios.over(distinct[0]))
    change, premium_value = np.empty((len(periods), scenarios.count)), np.empty(len(periods))
    for days in distinct:
        rows = np.flatnonzero(periods == days)
        cube = revalue(terms.rows(rows), scenarios.over(days))
        change[rows], premium_value[rows] = cube.change, cube.premium_value
    return Cube(change, premium_value)


def stress_cube(case: Case, scenarios: ScenarioSet) -> Cube:
    """The cube of stress scenarios: `price_cube`, or, where an instrument moves over the longest period of its account,
    all instruments over every period that there is, periods one after the other."""
    if case.rulebook.stress.horizon == "own":
        return price_cube(case, scenarios)
    periods = liquidation_periods(case)
    cubes = [
        revalue(case_terms(case, np.full(len(periods), days)), scenarios.over(days))
        for days in np.unique(periods).tolist()
    ]
    change, premium_value = zip(*((cube.change, cube.premium_value) for cube in cubes), strict=True)
    return Cube(np.concatenate(change), np.concatenate(premium_value))


def price_windows(case: Case, windows: Callable[[int], ScenarioSet]) -> Cube:
    """The cube of scenarios that depend on the liquidation period: `windows(days)`, all of the same scenarios."""
    periods = np.unique(liquidation_periods(case)).tolist()
    moves = over_periods(windows(days) for days in periods)
    return price_cube(case, rates_above_zero(moves, case.market))
