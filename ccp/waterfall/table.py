"""Outcomes as rows: one for every payer of every tier, so that rows of one event add up to its loss."""

from typing import Any

import polars as pl

from ccp.frames import Waterfall, types_of
from ccp.money import minor_units
from ccp.waterfall.event import Outcome
from ccp.waterfall.plan import Plan


def defaulters_name(plan: Plan, groups: tuple[int, ...]) -> str:
    """Groups as results name them: joined by +, in the order given."""
    return "+".join(plan.roster.group_names(groups))


def outcome_rows(
    plan: Plan, outcome: Outcome, scenario_id: str, chosen_by: str, digits: int, number: int = 1
) -> list[dict[str, Any]]:
    """Rows of the waterfall table, of the round with this number.

    `chosen_by` says why these groups default: `largest losses`, `coverage test`, `both`, `name` or, in later rounds,
    `contagion`.
    """
    named = {
        "scenario_id": scenario_id,
        "defaulters": defaulters_name(plan, outcome.event.defaulters),
        "chosen_by": chosen_by,
        "round": number,
    }
    return [named | row for row in payment_rows(plan, outcome, digits)]


def payment_rows(plan: Plan, outcome: Outcome, digits: int) -> list[dict[str, Any]]:
    """Who paid what, tier by tier. A tier, or part of one, that nobody had to pay stands with one row of zero."""
    unit = minor_units(digits)
    return [
        {
            "tier_place": draw.place,
            "tier": draw.tier,
            "stakeholder": draw.stakeholder,
            "member_id": None if payer is None else plan.members[payer],
            "amount": amount / unit,
        }
        for draw in outcome.draws
        for payer, amount in ({who: paid for who, paid in draw.paid.items() if paid} or {None: 0}).items()
    ]


def waterfall_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of one or more events as the waterfall table."""
    return pl.DataFrame(rows, schema=types_of(Waterfall))
