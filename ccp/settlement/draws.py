"""What the tiers behind margin pay of a settled default: rows of the ledger, and what it does to the day's state."""

from math import ceil

import numpy as np

from ccp.settlement.ledger import Ledger
from ccp.settlement.payments import members_in_default
from ccp.settlement.state import Estate, State
from ccp.settlement.terms import ENDLESS, RunTerms
from ccp.types import Cents, Flags
from ccp.waterfall.contagion import round_of
from ccp.waterfall.event import FUND_TIERS, Circumstances, Event, Outcome
from ccp.waterfall.plan import Plan, call_fractions

PAID_AT_ONCE = {
    "assessments": "assessment",
    "gains_haircut": "haircut",
    "tear_up": "haircut",
    "payout_haircut": "haircut",
}
"""What survivors pay beyond their contributions, and the movement it is. It uses up their capital on the day."""


def survivors_gains(terms: RunTerms, state: State, received: Cents) -> Cents:
    """A day's variation, premium and exercise of members not in default, by member; losses are negative.

    `received` is by account.
    """
    by_member = terms.by_member(terms.by_pool(received))
    return np.where(members_in_default(terms, state), 0, by_member)


def event_outcome(terms: RunTerms, state: State, estate: Estate, plan: Plan, event: Event) -> tuple[Outcome, Flags]:
    """The event's outcome, those whose capital is less than their calls not paying them; and who they are.

    Haircuts are set against the gains of the same days when the day's capital is found.

    The contracts matched with the defaulters' are not looked for: a partial tear-up cuts all gains since the default.
    """
    gains = np.where(plan.away, 0, estate.gains)
    known = Circumstances(gains=gains, matched=gains.sum(axis=0), cut=state.cut)
    capital = [None if has == ENDLESS else int(has) for has in state.capital]
    return round_of(plan, event, known, capital, ("assessments",))


def post_tiers(terms: RunTerms, ledger: Ledger, state: State, estate: Estate, outcome: Outcome) -> None:
    """The draws of everything behind margin."""
    chart, target = ledger.chart, ledger.chart.of("estate", estate.number - 1)
    lump = call = 0
    fractions = call_fractions(terms.rulebook)
    for draw in outcome.draws:
        paid = {member: amount for member, amount in draw.paid.items() if member is not None and amount}
        members, amounts = np.array(list(paid), dtype=np.int64), np.array(list(paid.values()), dtype=np.int64)
        if draw.tier in FUND_TIERS:
            ledger.post("loss", chart.of("fund", members), target, amounts)
            state.contributions[members] -= amounts
        elif draw.lump:
            ledger.post("loss", chart.of("capital", lump), target, draw.amount)
            state.tier_left[lump] -= draw.amount
            lump += 1
        elif draw.tier in PAID_AT_ONCE:
            state.cut[members] += amounts if PAID_AT_ONCE[draw.tier] == "haircut" else 0
            ledger.post(PAID_AT_ONCE[draw.tier], chart.of("house", members), target, amounts)
            endless = state.capital[members] == ENDLESS
            state.capital[members] -= np.where(endless, 0, amounts)
        elif draw.tier == "uncovered":
            ledger.post("loss", chart.of("nobody"), target, draw.amount)
        if draw.tier == "assessments":
            called = [ceil(amount / fractions[call]) for amount in amounts.tolist()]
            state.called[call, members] += np.array(called, dtype=np.int64)
            call += 1
