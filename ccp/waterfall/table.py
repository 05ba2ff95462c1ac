"""Outcomes as rows: one for every payer of every tier, so that rows of one event add up to its loss."""

from typing import Any

import polars as pl

from ccp.frames import Waterfall
from ccp.money import minor_units
from ccp.waterfall.event import Outcome
from ccp.waterfall.plan import Plan


def defaulters_name(plan: Plan, groups: tuple[int, ...]) -> str:
    """Groups as results name them: joined by +, in the order given."""
    return "+".join(plan.groups[group] for group in groups)


def outcome_rows(plan: Plan, outcome: Outcome, scenario_id: str, chosen_by: str, digits: int) -> list[dict[str, Any]]:
    """Rows of the waterfall table. A tier that nobody had to pay stands with one row of zero.

    `chosen_by` says why these groups default: `largest losses`, `coverage test`, `both` or `name`.
    """
    rows = []
    defaulters = defaulters_name(plan, outcome.event.defaulters)
    for place, draw in enumerate(outcome.draws, start=1):
        paid = {payer: amount for payer, amount in draw.paid.items() if amount} or {None: 0}
        for payer, amount in paid.items():
            rows.append(
                {
                    "scenario_id": scenario_id,
                    "defaulters": defaulters,
                    "chosen_by": chosen_by,
                    "tier_place": place,
                    "tier": draw.tier,
                    "member_id": None if payer is None else plan.members[payer],
                    "amount": amount / minor_units(digits),
                }
            )
    return rows


def waterfall_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of one or more events as the waterfall table."""
    return pl.DataFrame(rows, schema=Waterfall.create_empty().schema)
