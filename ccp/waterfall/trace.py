"""The story of one event as plain data: pools, tiers, payers and sums, each with the rule that decided it."""

from typing import Any

from ccp.money import minor_units
from ccp.rulebook.tier_kind import NOBODY
from ccp.stress.measure import PoolLoss
from ccp.types import Cents
from ccp.waterfall.contagion import Round
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
    return {
        "defaulters": [plan.groups[group] for group in outcome.event.defaulters],
        "pools": [_pool(plan, pool, pool_ids, unit) for pool in pools],
        "members": _members(plan, outcome, pools, unit),
        **trace_tiers(plan, outcome, digits),
    }


def trace_tiers(plan: Plan, outcome: Outcome, digits: int) -> dict[str, Any]:
    """The tiers of an event one by one, and the sums that prove that every cent is paid once."""
    unit = minor_units(digits)
    paid = sum(draw.amount for draw in outcome.draws if draw.kind.stakeholder is not NOBODY)
    by_stakeholder: dict[str, int] = {}
    left: dict[int, int] = {}
    for draw in outcome.draws:
        left[draw.place] = left.get(draw.place, draw.owed) - draw.amount
        by_stakeholder[draw.stakeholder] = by_stakeholder.get(draw.stakeholder, 0) + draw.amount
    return {
        "loss": outcome.loss / unit,
        "tiers": [_tier(plan, draw, left[draw.place], unit) for draw in outcome.draws],
        "by_stakeholder": {name: amount / unit for name, amount in by_stakeholder.items()},
        "paid": paid / unit,
        "uncovered": outcome.uncovered / unit,
        "adds_up": paid + outcome.uncovered == outcome.loss == sum(by_stakeholder.values()),
    }


def trace_rounds(rounds: list[Round], digits: int) -> list[dict[str, Any]]:
    """The rounds of contagion: who defaulted, what every tier did, who was left with what."""
    unit = minor_units(digits)
    return [
        {
            "round": one.number,
            "defaulters": [one.plan.groups[group] for group in one.outcome.event.defaulters],
            **trace_tiers(one.plan, one.outcome, digits),
            "lost_on_own_books": _lost(one.plan, one.own, unit),
            "lost_on_moved_prices": _lost(one.plan, one.marked, unit),
            "capital_left": {
                one.plan.members[member]: has / unit for member, has in enumerate(one.capital) if has is not None
            },
            "fails_next": [one.plan.groups[group] for group in one.failed],
        }
        for one in rounds
    ]


def _lost(plan: Plan, amounts: Cents, unit: int) -> dict[str, float]:
    """Losses by member; gains are left out."""
    return {plan.members[member]: amount / unit for member, amount in enumerate(amounts.tolist()) if amount > 0}


def sums_of_rounds(rounds: list[Round], digits: int) -> dict[str, Any]:
    """All rounds together: the losses, and who pays them."""
    whole: dict[str, int] = {}
    for one in rounds:
        for draw in one.outcome.draws:
            whole[draw.stakeholder] = whole.get(draw.stakeholder, 0) + draw.amount
    loss, unit = sum(one.outcome.loss for one in rounds), minor_units(digits)
    return {
        "loss": loss / unit,
        "by_stakeholder": {name: amount / unit for name, amount in whole.items()},
        "adds_up": sum(whole.values()) == loss,
    }


def _pool(plan: Plan, pool: PoolLoss, pool_ids: list[str], unit: int) -> dict[str, Any]:
    return {
        "group_id": plan.groups[int(plan.member_group[pool.member])],
        "member_id": plan.members[pool.member],
        "pool_id": pool_ids[pool.pool],
        "kind": "house" if pool.house else "client",
        **({} if pool.cost is None else {"cost": pool.cost / unit}),
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


def _tier(plan: Plan, draw: Draw, left: int, unit: int) -> dict[str, Any]:
    whole = sum(draw.weights.values())
    return {
        "place": draw.place,
        "tier": draw.tier,
        "name": draw.name,
        "whose": draw.stakeholder,
        "rule": draw.rule,
        "owed": draw.owed / unit,
        "available": draw.available / unit,
        "paid": draw.amount / unit,
        "left": left / unit,
        "why": _why(draw),
        "payers": [
            _payer(plan, draw, payer, amount, whole, unit)
            for payer, amount in draw.paid.items()
            if amount and draw.kind.stakeholder is not NOBODY
        ],
    }


def _payer(plan: Plan, draw: Draw, payer: int | None, amount: int, whole: int, unit: int) -> dict[str, Any]:
    """What somebody pays; of survivors also the weight behind the share, and the cent that rounding added."""
    if payer is None:
        return {"member_id": draw.kind.payer, "paid": amount / unit}
    found = {"member_id": plan.members[payer], "paid": amount / unit}
    if not draw.weights:
        return found
    weight = draw.weights[payer]
    return found | {
        "weight": weight / unit,
        "share": weight / whole if whole else 0.0,
        "rounded_up": 1 / unit if payer in draw.rounded else 0.0,
    }


def _why(draw: Draw) -> str:
    """Why the tier paid what it paid."""
    if draw.kind.stakeholder is NOBODY:
        return "nobody is left to pay" if draw.amount else "nothing is left to pay"
    if draw.owed == 0:
        return "not touched: nothing was left to pay"
    if draw.available == 0:
        return draw.kind.empty
    if draw.amount == draw.owed:
        return "paid all that was left"
    if draw.kind.defaulters_own:
        return "paid as far as each defaulter's own money goes"
    if draw.amount < draw.available:
        return "paid its part beside the others at this place, in proportion to what each has"
    return "used up"
