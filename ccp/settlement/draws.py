"""What the tiers behind margin pay of a settled default: rows of the ledger, and of members' capital."""

import numpy as np

from ccp.settlement.ledger import KINDS, Chart, Ledger
from ccp.settlement.state import Estate, State
from ccp.settlement.terms import ENDLESS, RunTerms
from ccp.types import Cents, Flags
from ccp.waterfall.contagion import round_of
from ccp.waterfall.event import FUND_TIERS, Circumstances, Event, Outcome
from ccp.waterfall.plan import Plan

PAID_AT_ONCE = {
    "assessments": "assessment",
    "gains_haircut": "haircut",
    "tear_up": "haircut",
    "payout_haircut": "haircut",
}
"""What survivors pay beyond their contributions, and the movement it is. It uses up their capital on the day."""


POSTINGS = {
    "defaulter_fund": ("loss", "fund"),
    "ccp_capital": ("loss", "capital"),
    "insurance": ("loss", "capital"),
    "ccp_equity": ("loss", "capital"),
    "parent_guarantee": ("loss", "capital"),
    "survivors_fund": ("loss", "fund"),
    "assessments": ("assessment", "house"),
    "gains_haircut": ("haircut", "house"),
    "tear_up": ("haircut", "house"),
    "payout_haircut": ("haircut", "house"),
    "voluntary": ("loss", "house"),
    "uncovered": ("loss", "nobody"),
}


def draw_rows(chart: Chart, outcome: Outcome) -> list[tuple[int, int, int]]:
    """Which rows (movement, from, amount) an event's estate has to have been paid behind margin, by its outcome."""
    due, lump = list[tuple[int, int, int]](), 0
    for draw in outcome.draws:
        if draw.tier == "defaulter_margin":
            continue
        movement, block = POSTINGS[draw.tier]
        for payer, amount in draw.paid.items():
            place = lump if draw.lump else payer or 0
            due += [(KINDS.index(movement), int(chart.of(block, place)), amount)] if amount else []
        lump += draw.lump
    return due


def survivors_gains(terms: RunTerms, state: State, received: Cents) -> Cents:
    """A day's variation, premium and exercise of members not in default, by member; losses are negative.

    `received` is by account.
    """
    by_member = terms.by_member(terms.by_pool(received))
    return np.where(state.standing.away, 0, by_member)


def event_outcome(terms: RunTerms, state: State, estate: Estate, plan: Plan, event: Event) -> tuple[Outcome, Flags]:
    """The event's outcome, those whose capital is less than their calls not paying them; and who they are.

    Haircuts are set against the gains of the same days when the day's capital is found.

    The contracts matched with the defaulters' are not looked for: a partial tear-up cuts all gains since the default.
    """
    gains = np.where(plan.away, 0, estate.gains)
    known = Circumstances(gains=gains, matched=gains.sum(axis=0), cut=state.standing.cut)
    capital = [None if has == ENDLESS else int(has) for has in state.capital]
    return round_of(plan, event, known, capital, ("assessments",))


def post_tiers(ledger: Ledger, state: State, estate: Estate, outcome: Outcome) -> None:
    """The draws of everything behind margin; what members pay at once is taken off their capital in the state."""
    chart, target = ledger.chart, ledger.chart.of("estate", estate.number - 1)
    lump = 0
    for draw in outcome.draws:
        paid = {member: amount for member, amount in draw.paid.items() if member is not None and amount}
        members, amounts = np.array(list(paid), dtype=np.int64), np.array(list(paid.values()), dtype=np.int64)
        if draw.tier in FUND_TIERS:
            ledger.post("loss", chart.of("fund", members), target, amounts)
        elif draw.lump:
            ledger.post("loss", chart.of("capital", lump), target, draw.amount)
            lump += 1
        elif draw.tier in PAID_AT_ONCE:
            ledger.post(PAID_AT_ONCE[draw.tier], chart.of("house", members), target, amounts)
            endless = state.capital[members] == ENDLESS
            state.capital[members] -= np.where(endless, 0, amounts)
        elif draw.tier == "uncovered":
            ledger.post("loss", chart.of("nobody"), target, draw.amount)
