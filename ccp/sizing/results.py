"""A sized fund as the tables that a run writes. Money leaves in units of the service currency."""

import numpy as np
import polars as pl

from ccp.frames import Contributions, Losses, Margin, Scenarios, StressShocks
from ccp.money import to_units
from ccp.sizing.cover import cover_by_scenario, ranked_groups
from ccp.sizing.size import Sized, by_member
from ccp.types import Cents
from ccp.waterfall.table import defaulters_name, outcome_rows, waterfall_frame


def result_tables(sized: Sized) -> dict[str, pl.DataFrame]:
    """The tables of a run, by name, each in the schema of `ccp.frames`."""
    return {
        "margin": margin_table(sized),
        "losses": losses_table(sized),
        "scenarios": scenarios_table(sized),
        "shocks": shocks_table(sized),
        "contributions": contributions_table(sized),
        "waterfall": waterfall_table(sized),
    }


def margin_table(sized: Sized) -> pl.DataFrame:
    """Margin by account, in order of member, pool and account."""
    measured = sized.measured
    portfolio, digits = measured.case.portfolio, measured.case.rulebook.currency_digits
    pools, members = np.array(portfolio.pools), np.array(portfolio.members)
    return pl.DataFrame(
        {
            "account_id": portfolio.accounts,
            "pool_id": pools[portfolio.account_pool],
            "member_id": members[portfolio.account_member],
            "margin": to_units(measured.found.account_margin, digits),
            "net_option_value": np.round(measured.found.net_option_value, digits) + 0.0,
        },
        schema=Margin.create_empty().schema,
    )


def losses_table(sized: Sized) -> pl.DataFrame:
    """Loss over margin by scenario and group."""
    case = sized.measured.case
    losses = sized.measured.losses.group_over_margin
    groups, count = case.portfolio.groups, sized.measured.scenarios.count
    return pl.DataFrame(
        {
            "scenario_id": np.repeat(np.array(sized.measured.scenarios.ids), len(groups)),
            "group_id": groups * count,
            "loss_over_margin": to_units(losses.T.ravel(), case.rulebook.currency_digits),
        },
        schema=Losses.create_empty().schema,
    )


def scenarios_table(sized: Sized) -> pl.DataFrame:
    """Every scenario with its cover figures and what the worst default leaves uncovered."""
    measured, digits = sized.measured, sized.measured.case.rulebook.currency_digits
    count, by_group = measured.case.rulebook.fund.cover, measured.losses.group_over_margin
    labels, ranked = measured.scenarios.labels, ranked_groups(by_group)[:count]
    uncovered = np.maximum(sized.coverage.uncovered, 0)
    return pl.DataFrame(
        {
            "scenario_id": [label.scenario_id for label in labels],
            "kind": [label.kind for label in labels],
            "multiple": [label.multiple for label in labels],
            "sizes_fund": [label.sizes_fund for label in labels],
            "cover_1": to_units(cover_by_scenario(by_group, 1), digits),
            "cover_2": to_units(cover_by_scenario(by_group, 2), digits),
            "cover_n": to_units(cover_by_scenario(by_group, count), digits),
            "groups": [_with_losses(sized, ranked[:, place], place) for place in range(len(labels))],
            "uncovered": to_units(uncovered, digits),
            "uncovered_groups": [_worst_set(sized, place) for place in range(len(labels))],
            "description": [label.description for label in labels],
            "provenance": [label.provenance for label in labels],
        },
        schema=Scenarios.create_empty().schema,
    )


def shocks_table(sized: Sized) -> pl.DataFrame:
    """How far each factor moves in every scenario."""
    scenarios = sized.measured.scenarios
    place, factor = np.nonzero((scenarios.relative != 0) | (scenarios.absolute != 0))
    return pl.DataFrame(
        {
            "scenario_id": np.array(scenarios.ids)[place],
            "factor_id": np.array(scenarios.factor_ids)[factor],
            "relative": scenarios.relative[place, factor],
            "absolute": scenarios.absolute[place, factor],
        },
        schema=StressShocks.create_empty().schema,
    )


def _worst_set(sized: Sized, scenario: int) -> str:
    """The groups whose default leaves most uncovered in a scenario."""
    return defaulters_name(sized.plan, tuple(int(group) for group in sized.coverage.defaulters[:, scenario]))


def _with_losses(sized: Sized, groups: Cents, scenario: int) -> str:
    """Those of some groups that lose anything over margin in the scenario."""
    losses = sized.measured.losses.group_over_margin[:, scenario]
    return defaulters_name(sized.plan, tuple(int(group) for group in groups if losses[group] > 0))


def contributions_table(sized: Sized) -> pl.DataFrame:
    """Who contributes what to the required fund, and what is posted."""
    case = sized.measured.case
    portfolio, digits = case.portfolio, case.rulebook.currency_digits
    posted = None if sized.posted is None else to_units(sized.posted, digits)
    return pl.DataFrame(
        {
            "member_id": portfolio.members,
            "group_id": portfolio.roster.member_groups(),
            "margin": to_units(by_member(sized.measured, sized.measured.found.pool_margin), digits),
            "weight": to_units(np.array(sized.weights, dtype=np.int64), digits),
            "contribution": to_units(np.array(sized.required, dtype=np.int64), digits),
            "posted": [None] * len(portfolio.members) if posted is None else posted,
        },
        schema=Contributions.create_empty().schema,
    )


def waterfall_table(sized: Sized) -> pl.DataFrame:
    """Who pays in every scenario: for the cover-N groups, and for the coverage test's worst set where it differs."""
    digits, frames = sized.measured.case.rulebook.currency_digits, []
    for place, scenario_id in enumerate(sized.measured.scenarios.ids):
        rows = []
        for chosen_by, groups in default_sets(sized, place).items():
            rows += outcome_rows(sized.plan, sized.outcome(place, groups), scenario_id, chosen_by, digits)
        frames.append(waterfall_frame(rows))  # a frame takes a fifth of the rows' memory
    return pl.concat(frames, rechunk=True)


def default_sets(sized: Sized, scenario: int) -> dict[str, tuple[int, ...]]:
    """The sets of groups whose default a scenario's waterfall is run for, by why they are chosen."""
    largest = sized.largest_groups(scenario)
    worst = tuple(int(group) for group in sized.coverage.defaulters[:, scenario])
    if set(largest) == set(worst):
        return {"both": largest}
    return {"largest losses": largest, "coverage test": worst}
