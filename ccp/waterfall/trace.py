"""The story of one event as plain data: pools, tiers, payers and sums, each with the rule that decided it."""

from typing import Any

from ccp.money import minor_units
from ccp.stress.measure import PoolLoss
from ccp.waterfall.event import Draw, Outcome
from ccp.waterfall.plan import Plan


def trace_event(
    plan: Plan, outcome: Outcome, pools: list[PoolLoss], pool_ids: list[str], digits: int
) -> dict[str, Any]:
    """Everything that happened in an event, line by line, in units of the service currency.

    `pools` are the defaulters' pools and `pool_ids` the names of all pools. The sums at the end are those that
    `ccp.waterfall.invariants` has checked in cents.
    """
    unit = minor_units(digits)
    paid = sum(draw.amount for draw in outcome.draws if draw.tier != "uncovered")
    return {
        "defaulters": [plan.groups[group] for group in outcome.event.defaulters],
        "pools": [_pool(plan, pool, pool_ids, unit) for pool in pools],
        "members": _members(plan, outcome, pools, unit),
        "loss": outcome.loss / unit,
        "tiers": [_tier(plan, place, draw, unit) for place, draw in enumerate(outcome.draws, start=1)],
        "paid": paid / unit,
        "uncovered": outcome.uncovered / unit,
        "adds_up": paid + outcome.uncovered == outcome.loss,
    }


def _pool(plan: Plan, pool: PoolLoss, pool_ids: list[str], unit: int) -> dict[str, Any]:
    return {
        "group_id": plan.groups[int(plan.member_group[pool.member])],
        "member_id": plan.members[pool.member],
        "pool_id": pool_ids[pool.pool],
        "kind": "house" if pool.house else "client",
        "loss": pool.loss / unit,
        "margin": pool.margin / unit,
        "short": max(pool.loss - pool.margin, 0) / unit,
        "surplus": max(pool.margin - pool.loss, 0) / unit,
    }


def _members(plan: Plan, outcome: Outcome, pools: list[PoolLoss], unit: int) -> list[dict[str, Any]]:
    """Each defaulter's way from the losses of its pools to what is left over margin."""
    lines = []
    for member in sorted({pool.member for pool in pools}):
        own = [pool for pool in pools if pool.member == member]
        short = sum(max(pool.loss - pool.margin, 0) for pool in own)
        over_margin = int(outcome.event.over_margin[member])
        lines.append(
            {
                "member_id": plan.members[member],
                "loss": int(outcome.event.loss[member]) / unit,
                "short": short / unit,
                "house_surplus_used": (short - over_margin) / unit,
                "over_margin": over_margin / unit,
            }
        )
    return lines


def _tier(plan: Plan, place: int, draw: Draw, unit: int) -> dict[str, Any]:
    return {
        "place": place,
        "tier": draw.tier,
        "rule": draw.rule,
        "owed": draw.owed / unit,
        "available": draw.available / unit,
        "paid": draw.amount / unit,
        "left": (draw.owed - draw.amount) / unit,
        "why": _why(draw),
        "payers": [
            {"member_id": "clearing house" if payer is None else plan.members[payer], "paid": amount / unit}
            for payer, amount in draw.paid.items()
            if amount and draw.tier != "uncovered"
        ],
    }


def _why(draw: Draw) -> str:
    """Why the tier paid what it paid."""
    if draw.tier == "uncovered":
        return "nobody is left to pay" if draw.amount else "nothing is left to pay"
    if draw.owed == 0:
        return "not touched: nothing was left to pay"
    if draw.available == 0:
        return "empty"
    if draw.amount == draw.owed:
        return "paid all that was left"
    if draw.tier in ("defaulter_margin", "defaulter_fund"):
        return "paid as far as each defaulter's own money goes"
    return "used up"
