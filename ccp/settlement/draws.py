"""What the tiers behind margin pay of a settled default: rows of the ledger, and what it does to the day's state."""

from math import ceil

import numpy as np

from ccp.errors import ReconciliationError
from ccp.rulebook.tier_kind import HOUSE, MARGIN
from ccp.settlement.ledger import Ledger
from ccp.settlement.payments import members_in_default
from ccp.settlement.state import Estate, State
from ccp.settlement.terms import ENDLESS, RunTerms
from ccp.types import Cents, Flags, Index
from ccp.waterfall.contagion import round_of
from ccp.waterfall.event import Circumstances, Draw, Event, Outcome
from ccp.waterfall.plan import Plan, call_fractions


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
    return round_of(plan, event, known, capital, lambda kind: kind.called)


def post_tiers(terms: RunTerms, ledger: Ledger, state: State, estate: Estate, outcome: Outcome) -> None:
    """The draws of everything behind margin: rows of the ledger, and what is left in the state."""
    lump = call = 0
    fractions = call_fractions(terms.rulebook)
    for draw in outcome.draws:
        if draw.kind.account == MARGIN:
            continue  # pool by pool: see ccp.settlement.default
        members, amounts = _paid_by_members(draw)
        post_draw(ledger, estate, draw, lump)
        if draw.kind.sized:
            state.tier_left[lump] -= draw.amount
            lump += 1
        if draw.kind.from_contributions:
            state.contributions[members] -= amounts
        if draw.kind.account == HOUSE:
            state.capital[members] -= np.where(state.capital[members] == ENDLESS, 0, amounts)
        if draw.kind.cuts_claims:
            state.cut[members] += amounts
        if draw.kind.called:
            owed = [ceil(amount / fractions[call]) for amount in amounts.tolist()]
            state.called[call, members] += np.array(owed, dtype=np.int64)
            call += 1


def post_draw(ledger: Ledger, estate: Estate, draw: Draw, lump: int) -> None:
    """What one tier pays, from the accounts that its row names; `lump` is the number of its account among those of
    tiers with a size of their own. Raises ReconciliationError where the rows are not what the tier paid."""
    chart, kind = ledger.chart, draw.kind
    members, amounts = _paid_by_members(draw)
    if kind.payer is None:
        source, posted = chart.of(kind.account, members), amounts
    else:
        source = chart.of("capital", lump) if kind.sized else chart.of(kind.account)
        posted = np.array([draw.paid.get(None, 0)], dtype=np.int64)
    if int(posted.sum()) != draw.amount:
        raise ReconciliationError(f"{draw.tier} pays {draw.amount}, and {int(posted.sum())} of it has an account")
    ledger.post(kind.movement, source, chart.of("estate", estate.number - 1), posted)


def _paid_by_members(draw: Draw) -> tuple[Index, Cents]:
    """Which members pay something in a tier, and what."""
    paid = {member: amount for member, amount in draw.paid.items() if member is not None and amount}
    return np.array(list(paid), dtype=np.int64), np.array(list(paid.values()), dtype=np.int64)
