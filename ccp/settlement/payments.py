"""Who owes what on a day, and who cannot pay it."""

from dataclasses import dataclass

import numpy as np

from ccp.settlement.state import CycleState
from ccp.settlement.terms import ENDLESS, RunTerms
from ccp.types import Cents, Flags


@dataclass(frozen=True)
class Dues:
    """Amounts of one day in minor units; calls may be negative, which is a return.

    `received` (variation, premium, exercise) and `call` by pool; `supplementary` and `fund` by member. Nothing is due
    from, or to, who is in default.
    """

    received: Cents
    call: Cents
    supplementary: Cents
    fund: Cents


def capital_after(terms: RunTerms, state: CycleState, dues: Dues) -> Cents:
    """Members' own capital after the day: what house accounts brought, less what the fund called."""
    change = terms.by_member(dues.received, of_house=True) - dues.fund
    return np.where(state.capital == ENDLESS, ENDLESS, state.capital + change)


def failing_members(terms: RunTerms, state: CycleState, dues: Dues, unable: set[int]) -> dict[str, Flags]:
    """Members not yet in default that cannot pay, by cause: their capital is gone, or the day asks for too much.

    `unable` are members that could not bear a bill of the waterfall: whatever the day brings them, they have failed.
    """
    capital = capital_after(terms, state, dues)
    active = ~state.standing.away
    gone = (capital < 0) & (capital != ENDLESS)
    gone[list(unable)] = True
    return {"capital": gone & active, "liquidity": (asked_of(terms, dues) > terms.liquidity) & active}


def asked_of(terms: RunTerms, dues: Dues) -> Cents:
    """What counts against members' liquidity of the day."""
    house, clients = amounts_due(terms, dues)
    return house + clients if terms.rulebook.settlement.members_front_client_calls else house


def amounts_due(terms: RunTerms, dues: Dues) -> tuple[Cents, Cents]:
    """What members have to pay today, for their house and for their clients."""
    due = dues.call - dues.received
    house = np.maximum(terms.by_member(due, of_house=True) + dues.supplementary + dues.fund, 0)
    return house, terms.by_member(np.maximum(due, 0), of_house=False)


def margin_calls(terms: RunTerms, state: CycleState, required: Cents, held: Cents) -> Cents:
    """Calls by pool: what is missing, or what goes back of the cash that is too much."""
    missing = required - held
    returned = np.minimum(-missing, state.cash) if terms.rulebook.settlement.excess_returned else np.zeros_like(missing)
    active = state.event[terms.pool_group] == 0
    return np.where(active, np.where(missing > 0, missing, -np.maximum(returned, 0)), 0)
