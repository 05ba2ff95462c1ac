"""What the tiers behind margin pay of a settled default: rows of the ledger, and of members' capital."""

import numpy as np

from ccp.errors import ReconciliationError
from ccp.rulebook.tier_kind import CLIENTS, HOUSE, MARGIN, TierKind
from ccp.settlement.close_out import Owed
from ccp.settlement.ledger import KINDS, Chart, Ledger
from ccp.settlement.state import CycleState, Estate
from ccp.settlement.terms import ENDLESS, RunTerms
from ccp.types import Cents, Flags, Index
from ccp.waterfall.contagion import round_of
from ccp.waterfall.event import Circumstances, Claimants, Draw, Event, Outcome
from ccp.waterfall.plan import Plan


def owed_to_survivors(terms: RunTerms, state: CycleState, flows: dict[str, Cents]) -> Owed:
    """What pools of members not in default were owed on a day; losses are negative. `flows` (variation, premium,
    exercise) are by account."""
    gone = state.standing.away[terms.portfolio.pool_member]
    by_kind = {kind: np.where(gone, 0, terms.by_pool(amounts)) for kind, amounts in flows.items()}
    none = np.zeros(len(gone), dtype=np.int64)
    counted = sum((by_kind[kind] for kind in terms.rulebook.counted_gains), none)
    return Owed(counted, sum(by_kind.values(), none))


def event_outcome(
    terms: RunTerms, state: CycleState, estate: Estate, plan: Plan, event: Event, capital: Cents
) -> tuple[Outcome, Flags]:
    """The event's outcome, those whose capital is less than their calls not paying them; and who they are.

    `capital` is what each member has for calls. Haircuts are set against the gains of the same days when the day's
    capital is found.

    The contracts matched with the defaulters' are not traced: a partial tear-up cuts all that is owed since the
    default, as a full one does.
    """
    whose = Claimants(terms.portfolio.pool_member, terms.portfolio.pool_house)
    gone = plan.away[whose.member]
    owed, gains = np.where(gone, 0, estate.owed), np.where(gone, 0, estate.gains)
    known = Circumstances(gains, contracts=owed, matched=owed, payouts=owed, cut=state.standing.cut, claimants=whose)
    limits = [None if has == ENDLESS else int(has) for has in capital]
    return round_of(plan, event, known, limits, state.standing.counting.bears)


def post_tiers(ledger: Ledger, state: CycleState, estate: Estate, outcome: Outcome) -> None:
    """The draws of everything behind margin; what members pay out of their own house is taken off their capital in the
    state. A cut of what clients have gained is paid by the clients."""
    lump = 0
    for draw in outcome.draws:
        if draw.kind.account == MARGIN:
            continue  # pool by pool: see ccp.settlement.default
        post_draw(ledger, estate, draw, lump)
        lump += draw.kind.sized
        if draw.kind.account == HOUSE:
            own = outcome.own_part(draw)
            members, amounts = np.array(list(own), dtype=np.int64), np.array(list(own.values()), dtype=np.int64)
            state.capital[members] -= np.where(state.capital[members] == ENDLESS, 0, amounts)


def post_draw(ledger: Ledger, estate: Estate, draw: Draw, lump: int) -> None:
    """What one tier pays, from the accounts that its row names; `lump` is the number of its account among those of
    tiers with a size of their own. Raises ReconciliationError where the rows are not what the tier paid."""
    chart, kind = ledger.chart, draw.kind
    if kind.cuts_claims:
        pools, amounts = (np.array(list(part), dtype=np.int64) for part in (draw.cut.keys(), draw.cut.values()))
        source, posted = by_owner(chart, pools, amounts)
    elif kind.payer is None:
        members, posted = _paid_by_members(draw)
        source = chart.of(kind.account, members)
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
            movement = KINDS.index(draw.kind.movement)
            due += [(movement, account, paid) for account, paid in _due_of(chart, draw, lump).items() if paid]
        lump += draw.kind.sized
    return due


def _due_of(chart: Chart, draw: Draw, lump: int) -> dict[int, int]:
    """What each account has to have paid of a draw."""
    block, found = paying_blocks(draw.kind)[0], dict[int, int]()
    if draw.kind.cuts_claims:
        for pool, amount in draw.cut.items():
            owner = int(chart.owner(np.array(pool)))
            found[owner] = found.get(owner, 0) + amount
        return found
    places = {payer: lump if draw.kind.sized else payer or 0 for payer in draw.paid}
    return {int(chart.of(block, places[who])): paid for who, paid in draw.paid.items()}


def paying_blocks(kind: TierKind) -> tuple[str, ...]:
    """The blocks of the chart whose accounts pay a tier: tiers with a size of their own share one, and of haircuts
    clients pay as houses do."""
    if kind.cuts_claims:
        return (HOUSE, CLIENTS)
    return ("capital",) if kind.sized else (kind.account,)


def by_owner(chart: Chart, pools: Index, amounts: Cents) -> tuple[Index, Cents]:
    """The accounts behind some pools, each once, and the sums of the pools' amounts."""
    owners, place = np.unique(chart.owner(pools), return_inverse=True)
    sums = np.zeros(len(owners), dtype=np.int64)
    np.add.at(sums, place, amounts)
    return owners, sums


def _paid_by_members(draw: Draw) -> tuple[Index, Cents]:
    """Which members pay something in a tier, and what."""
    paid = {member: amount for member, amount in draw.paid.items() if member is not None and amount}
    return np.array(list(paid), dtype=np.int64), np.array(list(paid.values()), dtype=np.int64)
