"""One small function a tier, all with one signature: the plan, the tier and the state in; the draw out.

A tier reduces what the state still owes. Amounts are Python integers, in cents: exact at any size.
"""

from collections.abc import Callable

import numpy as np

from ccp.money import share_out
from ccp.waterfall.event import Draw, Event
from ccp.waterfall.plan import Plan, PlannedTier


class State:
    """What is still owed, by defaulting member until the others have to pay, and in all."""

    def __init__(self, plan: Plan, event: Event):
        in_default = np.isin(plan.member_group, event.defaulters)
        self.event = event
        self.defaulting = [int(member) for member in np.flatnonzero(in_default)]
        self.surviving = [int(member) for member in np.flatnonzero(~in_default)]
        self.owed_by = {member: int(event.loss[member]) for member in self.defaulting}
        self.owed = sum(self.owed_by.values())

    def pay(self, paid: dict[int | None, int]) -> None:
        """Take payments off what is owed in all."""
        self.owed -= sum(paid.values())


def defaulter_margin(plan: Plan, tier: PlannedTier, state: State) -> Draw:
    """Each defaulter's margin pays for its own pools; what a pool may pay for is settled in `ccp.stress`.

    The house pool's gain may pay for clients beside its margin, so more can be paid than margin alone holds.
    """
    owed = state.owed
    margin = sum(int(state.event.margin[member]) for member in state.defaulting)
    paid: dict[int | None, int] = {}
    for member in state.defaulting:
        left = int(state.event.over_margin[member])
        paid[member] = state.owed_by[member] - left
        state.owed_by[member] = left
    state.pay(paid)
    return Draw(tier.word, tier.rule, max(margin, sum(paid.values())), owed, paid)


def defaulter_fund(plan: Plan, tier: PlannedTier, state: State) -> Draw:
    """Each defaulting group's contributions pay for that group: a member's for itself, then for its affiliates.

    Where the rulebook shares unused contributions, what a group leaves over pays for the other groups too.
    """
    owed = state.owed
    left = {member: int(plan.contributions[member]) for member in state.defaulting}
    available = sum(left.values())
    paid: dict[int | None, int] = dict.fromkeys(state.defaulting, 0)
    circles = [[member] for member in state.defaulting]
    circles += [
        [member for member in state.defaulting if plan.member_group[member] == group]
        for group in sorted(state.event.defaulters)
    ]
    if plan.unused_contribution_shared:
        circles.append(state.defaulting)
    for circle in circles:
        _pay_within(circle, state.owed_by, left, paid)
    state.pay(paid)
    return Draw(tier.word, tier.rule, available, owed, paid)


def _pay_within(circle: list[int], owed_by: dict[int, int], left: dict[int, int], paid: dict[int | None, int]) -> None:
    """Let the contributions left in a circle of members pay what the circle owes, each in proportion."""
    amount = min(sum(owed_by[member] for member in circle), sum(left[member] for member in circle))
    if amount == 0:
        return
    givers = share_out(amount, [left[member] for member in circle])
    takers = share_out(amount, [owed_by[member] for member in circle])
    for member, given, taken in zip(circle, givers, takers, strict=True):
        left[member] -= given
        paid[member] += given
        owed_by[member] -= taken


def ccp_capital(plan: Plan, tier: PlannedTier, state: State) -> Draw:
    """The clearing house's own money, up to the tier's size, once per event."""
    owed = state.owed
    paid: dict[int | None, int] = {None: min(owed, tier.size)}
    state.pay(paid)
    return Draw(tier.word, tier.rule, tier.size, owed, paid)


def survivors_fund(plan: Plan, tier: PlannedTier, state: State) -> Draw:
    """The survivors pay in proportion to their contributions, never more than those. Affiliates of a defaulter
    are in default with it, so they are no survivors."""
    owed = state.owed
    weights = [int(plan.contributions[member]) for member in state.surviving]
    available = sum(weights)
    shares = share_out(min(owed, available), weights)
    paid: dict[int | None, int] = dict(zip(state.surviving, shares, strict=True))
    state.pay(paid)
    return Draw(tier.word, tier.rule, available, owed, paid)


def uncovered(plan: Plan, tier: PlannedTier, state: State) -> Draw:
    """What is left when every tier has paid."""
    owed = state.owed
    paid: dict[int | None, int] = {None: owed}
    state.pay(paid)
    return Draw(tier.word, tier.rule, owed, owed, paid)


TIERS: dict[str, Callable[[Plan, PlannedTier, State], Draw]] = {
    "defaulter_margin": defaulter_margin,
    "defaulter_fund": defaulter_fund,
    "ccp_capital": ccp_capital,
    "survivors_fund": survivors_fund,
    "uncovered": uncovered,
}
