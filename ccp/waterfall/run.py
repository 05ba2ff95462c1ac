"""Running an event down the tiers."""

from ccp.waterfall.event import Event, Outcome
from ccp.waterfall.invariants import check_outcome
from ccp.waterfall.plan import Plan
from ccp.waterfall.tiers import TIERS, State


def run_waterfall(plan: Plan, event: Event) -> Outcome:
    """Who pays what in an event. Conservation is checked before the outcome is handed on."""
    state = State(plan, event)
    loss = state.owed
    draws = tuple(TIERS[tier.word](plan, tier, state) for tier in plan.tiers)
    outcome = Outcome(event, loss, draws)
    check_outcome(outcome)
    return outcome
