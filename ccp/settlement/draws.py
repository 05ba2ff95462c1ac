"""What the tiers behind margin pay of a settled default: rows of the ledger, and of members' capital."""

import numpy as np

from ccp.errors import ReconciliationError
from ccp.rulebook.tier_kind import HOUSE, MARGIN, TierKind
from ccp.settlement.ledger import KINDS, Chart, Ledger
from ccp.settlement.state import CycleState, Estate
from ccp.settlement.terms import ENDLESS, RunTerms
from ccp.types import Cents, Flags, Index
from ccp.waterfall.contagion import round_of
from ccp.waterfall.event import Circumstances, Draw, Event, Outcome
from ccp.waterfall.plan import Plan


def survivors_gains(terms: RunTerms, state: CycleState, received: Cents) -> Cents:
    """A day's variation, premium and exercise of members not in default, by member; losses are negative.

    `received` is by account.
    """
    by_member = terms.by_member(terms.by_pool(received))
    return np.where(state.standing.away, 0, by_member)


def event_outcome(
    terms: RunTerms, state: CycleState, estate: Estate, plan: Plan, event: Event
) -> tuple[Outcome, Flags]:
    """The event's outcome, those whose capital is less than their calls not paying them; and who they are.

    Haircuts are set against the gains of the same days when the day's capital is found.

    The contracts matched with the defaulters' are not traced: a partial tear-up cuts all gains since the default.
    """
    gains = np.where(plan.away, 0, estate.gains)
    known = Circumstances(gains=gains, matched=gains.sum(axis=0), cut=state.standing.cut)
    capital = [None if has == ENDLESS else int(has) for has in state.capital]
    return round_of(plan, event, known, capital, state.standing.counting.bears)


def post_tiers(ledger: Ledger, state: CycleState, estate: Estate, outcome: Outcome) -> None:
    """The draws of everything behind margin; what members pay out of their house is taken off their capital in the
    state."""
    lump = 0
    for draw in outcome.draws:
        if draw.kind.account == MARGIN:
            continue  # pool by pool: see ccp.settlement.default
        post_draw(ledger, estate, draw, lump)
        lump += draw.kind.sized
        if draw.kind.account == HOUSE:
            members, amounts = _paid_by_members(draw)
            state.capital[members] -= np.where(state.capital[members] == ENDLESS, 0, amounts)


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


def draw_rows(chart: Chart, outcome: Outcome) -> list[tuple[int, int, int]]:
    """Which rows (movement, from, amount) an event's estate has to have been paid behind margin, by its outcome."""
    due, lump = list[tuple[int, int, int]](), 0
    for draw in outcome.draws:
        if draw.kind.account != MARGIN:
            movement, block = KINDS.index(draw.kind.movement), paying_block(draw.kind)
            places = {payer: lump if draw.kind.sized else payer or 0 for payer in draw.paid}
            due += [(movement, int(chart.of(block, places[who])), paid) for who, paid in draw.paid.items() if paid]
        lump += draw.kind.sized
    return due


def paying_block(kind: TierKind) -> str:
    """The block of the chart whose accounts pay a tier: tiers with a size of their own share one."""
    return "capital" if kind.sized else kind.account


def _paid_by_members(draw: Draw) -> tuple[Index, Cents]:
    """Which members pay something in a tier, and what."""
    paid = {member: amount for member, amount in draw.paid.items() if member is not None and amount}
    return np.array(list(paid), dtype=np.int64), np.array(list(paid.values()), dtype=np.int64)
