"""Several services of one clearing house, each with a fund of its own: margin netted between them or not, and
spill-over.

Every service runs its own tiers on its own loss. What a service leaves uncovered then goes to the others that the rules
name, in their order, and only to what is prefunded there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ccp.money import share_out
from ccp.types import Cents
from ccp.waterfall.event import Event, Outcome
from ccp.waterfall.plan import Plan
from ccp.waterfall.run import run_waterfall
from ccp.waterfall.standing import Standing, after_event


@dataclass(frozen=True)
class Service:
    """A service: its resources, and the event as it meets them."""

    name: str
    standing: Standing
    event: Event


@dataclass(frozen=True)
class ServiceOutcome:
    """What a service paid: for its own loss (`for_service` is its name), or for what another left uncovered."""

    name: str
    for_service: str
    plan: Plan
    outcome: Outcome
    uncovered: int
    surplus_margin: int


def run_services(services: Sequence[Service], netting: bool, spill_over: Sequence[str] = ()) -> list[ServiceOutcome]:
    """Run an event through every service. `spill_over` names the services that pay for others, in order.

    `uncovered` of a service's own outcome is what is left of its loss when the others have paid as well. With
    `netting` a defaulter's margin that one service leaves over pays for what it lacks in others, in proportion.
    """
    events = _netted(services) if netting else [service.event for service in services]
    standing = {service.name: service.standing for service in services}
    found: list[ServiceOutcome] = []
    for service, event in zip(services, events, strict=True):
        plan = service.standing.plan
        outcome = run_waterfall(plan, event)
        standing[service.name] = replace(after_event(service.standing, outcome), away=service.standing.away)
        surplus = int((_margin_left(event) * _in_default(plan, event)).sum())
        found.append(ServiceOutcome(service.name, service.name, plan, outcome, outcome.uncovered, surplus))
    for place, own in enumerate(list(found)):
        left = own.uncovered
        for name in spill_over:
            if left and name != own.name:
                plan = _closed(standing[name].plan)
                outcome = run_waterfall(plan, _left_over(plan, own.outcome, left))
                standing[name] = replace(after_event(standing[name], outcome), away=standing[name].away)
                paid = left - outcome.uncovered
                left = outcome.uncovered
                if paid:
                    found.append(ServiceOutcome(name, own.name, plan, outcome, 0, 0))
        found[place] = replace(own, uncovered=left)
    return found


def _netted(services: Sequence[Service]) -> list[Event]:
    """The services' events with each defaulter's margin moved from where it is left over to where it lacks."""
    left = np.array([_margin_left(service.event) for service in services])
    short = np.array([service.event.over_margin for service in services])
    margin, over = np.array([service.event.margin for service in services]), short.copy()
    for member in np.flatnonzero(left.any(axis=0) & short.any(axis=0)).tolist():
        amount = min(int(left[:, member].sum()), int(short[:, member].sum()))
        taken = np.array(share_out(amount, short[:, member].tolist()))
        margin[:, member] += taken - np.array(share_out(amount, left[:, member].tolist()))
        over[:, member] -= taken
    return [
        replace(service.event, over_margin=over[place], margin=margin[place]) for place, service in enumerate(services)
    ]


def _margin_left(event: Event) -> Cents:
    """Each member's margin that its own losses do not use."""
    return np.maximum(event.margin - (event.loss - event.over_margin), 0)


def _in_default(plan: Plan, event: Event) -> Cents:
    return plan.roster.inside(event.defaulters).astype(np.int64)


def _left_over(plan: Plan, outcome: Outcome, amount: int) -> Event:
    """What one service left uncovered, as an event in another: by defaulter, in proportion to losses over margin."""
    event = outcome.event
    over = np.where(plan.roster.inside(event.defaulters), event.over_margin, 0)
    loss = np.array(share_out(amount, over.tolist()))
    return Event(event.defaulters, loss, loss.copy(), np.zeros_like(loss))


def _closed(plan: Plan) -> Plan:
    """The plan with nothing in the tiers that do not pay for other services."""
    shut = [tier.row for tier in plan.tiers if not tier.kind.open_to_others]
    size, each = plan.arrays.size.copy(), plan.arrays.each.copy()
    size[shut], each[shut] = 0, 0
    return replace(plan, arrays=plan.arrays._replace(size=size, each=each))
