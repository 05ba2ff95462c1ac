"""A sized fund as the tables that a run writes. Money leaves in units of the service currency."""

from typing import Any

import numpy as np
import polars as pl

from ccp.frames import CollateralCounts, Contributions, Losses, Margin, Scenarios, StressShocks, types_of
from ccp.margin.collateral_counts import counts_table
from ccp.money import to_units
from ccp.pricing.horizon import stress_periods
from ccp.sizing.size import Sized
from ccp.sizing.windows_table import windows_table
from ccp.waterfall.table import defaulters_name, outcome_rows, waterfall_frame

ROWS_AT_ONCE = 10_000
"""Of the waterfall table, held as rows: a frame takes a fifth of their memory, and some milliseconds to make."""


def result_tables(sized: Sized) -> dict[str, pl.DataFrame]:
    """The tables of a run, by name, each in the schema of `ccp.frames`."""
    return {
        "margin": margin_table(sized),
        "collateral": collateral_table(sized),
        "losses": losses_table(sized),
        "scenarios": scenarios_table(sized),
        "shocks": shocks_table(sized),
        "windows": windows_table(sized),
        "contributions": contributions_table(sized),
        "waterfall": waterfall_table(sized),
    }


def margin_table(sized: Sized) -> pl.DataFrame:
    """Margin by account, in order of member, pool and account."""
    measured = sized.measured
    portfolio, digits = measured.portfolio, measured.digits
    pools, members = np.array(portfolio.pools), np.array(portfolio.members)
    return pl.DataFrame(
        {
            "account_id": portfolio.accounts,
            "pool_id": pools[portfolio.account_pool],
            "member_id": members[portfolio.account_member],
            "margin": to_units(measured.found.account_margin, digits),
            "net_option_value": np.round(measured.found.net_option_value, digits) + 0.0,
        },
        schema=types_of(Margin),
    )


def collateral_table(sized: Sized) -> pl.DataFrame:
    """What every line of collateral counts for, in order of pool and asset."""
    found = counts_table(sized.case, sized.found.pool_margin)
    return found if found.height else CollateralCounts.create_empty()


def losses_table(sized: Sized) -> pl.DataFrame:
    """Loss over margin by scenario and group."""
    case = sized.case
    losses = sized.losses.group_over_margin
    groups, count = case.portfolio.groups, sized.scenarios.count
    return pl.DataFrame(
        {
            "scenario_id": np.repeat(np.array(sized.scenarios.ids), len(groups)),
            "group_id": groups * count,
            "loss_over_margin": to_units(losses.T.ravel(), case.rulebook.currency_digits),
        },
        schema=types_of(Losses),
    )


def scenarios_table(sized: Sized) -> pl.DataFrame:
    """Every scenario with its cover figures and what the worst default leaves uncovered."""
    digits = sized.digits
    labels, uncovered = sized.scenarios.labels, np.maximum(sized.coverage.uncovered, 0)
    covers = {name: sized.sets[number] for name, number in (("1", 1), ("2", 2), ("n", sized.cover_count))}
    proved = np.all([one.proved for one in covers.values()], axis=0) & sized.coverage.proved
    return pl.DataFrame(
        {
            "scenario_id": [label.scenario_id for label in labels],
            "kind": [label.kind for label in labels],
            "multiple": [label.multiple for label in labels],
            "sizes_fund": [label.sizes_fund for label in labels],
            **{f"cover_{name}": to_units(one.bound, digits) for name, one in covers.items()},
            "groups": [defaulters_name(sized.plan, sized.losing_groups(place)) for place in range(len(labels))],
            "uncovered": to_units(uncovered, digits),
            "uncovered_groups": [_worst_set(sized, place) for place in range(len(labels))],
            "proved": proved,
            "description": [label.description for label in labels],
            "provenance": [label.provenance for label in labels],
        },
        schema=types_of(Scenarios),
    )


def shocks_table(sized: Sized) -> pl.DataFrame:
    """How far each factor moves in every scenario over every period that something in the case moves over."""
    scenarios, periods = sized.scenarios, stress_periods(sized.case)
    moves = [scenarios.over(days) for days in periods]
    relative, absolute = (np.stack([getattr(one, kind) for one in moves], axis=-1) for kind in ("relative", "absolute"))
    place, factor, period = at = np.nonzero((relative != 0) | (absolute != 0))
    return pl.DataFrame(
        {
            "scenario_id": np.array(scenarios.ids)[place],
            "factor_id": np.array(scenarios.factor_ids)[factor],
            "days": np.array(periods, dtype=np.float64)[period],
            "relative": relative[at],
            "absolute": absolute[at],
        },
        schema=types_of(StressShocks),
    )


def _worst_set(sized: Sized, scenario: int) -> str:
    """The groups whose default leaves most uncovered in a scenario."""
    return defaulters_name(sized.plan, sized.coverage.defaulters[scenario])


def contributions_table(sized: Sized) -> pl.DataFrame:
    """Who contributes what to the required fund, and what is posted."""
    case = sized.case
    portfolio, digits = case.portfolio, case.rulebook.currency_digits
    posted = None if sized.posted is None else to_units(sized.posted, digits)
    return pl.DataFrame(
        {
            "member_id": portfolio.members,
            "group_id": portfolio.roster.member_groups(),
            "margin": to_units(sized.measured.by_member(sized.found.pool_margin), digits),
            "weight": to_units(np.array(sized.weights, dtype=np.int64), digits),
            "contribution": to_units(np.array(sized.required, dtype=np.int64), digits),
            "posted": [None] * len(portfolio.members) if posted is None else posted,
        },
        schema=types_of(Contributions),
    )


def waterfall_table(sized: Sized) -> pl.DataFrame:
    """Who pays in every scenario: for the cover-N groups, and for the coverage test's worst set where it differs."""
    digits, frames, rows = sized.digits, [], list[dict[str, Any]]()
    for place, scenario_id in enumerate(sized.scenarios.ids):
        for chosen_by, groups in default_sets(sized, place).items():
            rows += outcome_rows(sized.plan, sized.payments(place, groups), scenario_id, chosen_by, digits)
        if len(rows) >= ROWS_AT_ONCE:
            frames.append(waterfall_frame(rows))
            rows = []
    return pl.concat([*frames, waterfall_frame(rows)], rechunk=True)


def default_sets(sized: Sized, scenario: int) -> dict[str, tuple[int, ...]]:
    """The sets of groups whose default a scenario's waterfall is run for, by why they are chosen."""
    largest = sized.largest_groups(scenario)
    worst = sized.coverage.defaulters[scenario]
    if set(largest) == set(worst):
        return {"both": largest}
    return {"largest losses": largest, "coverage test": worst}
