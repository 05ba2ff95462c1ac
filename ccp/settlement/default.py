"""Settling a default: the pools of the defaulters, the waterfall, and every movement of it in the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ccp.settlement.draws import event_outcome, post_tiers
from ccp.settlement.ledger import Ledger
from ccp.settlement.state import CycleState, Estate
from ccp.settlement.terms import RunTerms
from ccp.types import Cents, Flags
from ccp.waterfall.event import Event, Outcome
from ccp.waterfall.plan import Plan
from ccp.waterfall.standing import after_default, without_contributions


@dataclass(frozen=True)
class SettledEvent:
    """An event with its outcome: who defaulted when, who paid, and who could not bear its bill."""

    estate: Estate
    day: int
    plan: Plan
    outcome: Outcome
    unable: frozenset[int] = frozenset()


def cut_by_pool(settled: Iterable[SettledEvent], pools: int) -> Cents:
    """What events have cut of what each pool was owed."""
    found = np.zeros(pools, dtype=np.int64)
    for one in settled:
        for pool, amount in one.outcome.cut.items():
            found[pool] += amount
    return found


@dataclass(frozen=True)
class _EventPools:
    """By pool: whether it is the defaulters', its loss, what is held for it, and what its own margin pays."""

    mine: Flags
    loss: Cents
    held: Cents

    @property
    def short(self) -> Cents:
        """What the pool's own margin does not cover."""
        return np.where(self.mine, np.maximum(self.loss - self.held, 0), 0)

    @property
    def surplus(self) -> Cents:
        """What is left in the pool, a gain of its own included."""
        return np.where(self.mine, np.maximum(self.held - self.loss, 0), 0)


def settle_event(
    terms: RunTerms,
    state: CycleState,
    estate: Estate,
    securities: Cents,
    capital: Cents,
    ledger: Ledger,
    day: int,
) -> SettledEvent:
    """Run a closed-out event down the waterfall. Changes the state and writes the ledger; from this day the periods of
    cooling off, replenishment and restoration run.

    `securities` is the market value of every pool's securities today: those of the defaulters are sold for it.
    `capital` is what every member has for calls.
    """
    chart = ledger.chart
    mine = np.isin(terms.pool_group, estate.groups)
    pools = np.flatnonzero(mine)
    ledger.post("sale of collateral", chart.of("transferees"), chart.of("margin", pools), securities[pools])
    held = np.where(mine, state.cash + securities, 0)
    found = _EventPools(mine, np.where(mine, -estate.result, 0), held)
    lent = _lent_by_house(terms, found)
    before_supplementary = terms.by_member(found.short) - terms.by_member(lent)
    supplementary = np.minimum(before_supplementary, state.supplementary)
    over = before_supplementary - supplementary
    loss = terms.by_member(np.where(mine, np.maximum(found.loss, 0), 0))
    margin = terms.by_member(held) + np.where(terms.portfolio.roster.inside(estate.groups), state.supplementary, 0)
    plan = state.standing.plan_for(estate.groups)
    outcome, unable = event_outcome(terms, state, estate, plan, Event(estate.groups, loss, over, margin), capital)
    _post_margin(ledger, estate, found, lent, supplementary)
    post_tiers(ledger, state, estate, outcome)
    state.standing = after_default(state.standing, outcome, day)
    _repay(ledger, estate)
    _return_the_rest(ledger, terms, state, estate, found, lent, supplementary)
    return SettledEvent(estate, day, plan, outcome, frozenset(np.flatnonzero(unable).tolist()))


def _lent_by_house(terms: RunTerms, found: _EventPools) -> Cents:
    """What each house pool's surplus pays of its member's shortfalls, pools in order: of its other house pools, and of
    its clients' where the rulebook lets it."""
    lent = np.zeros_like(found.loss)
    covers_clients = terms.rulebook.stress.house_surplus_covers_clients
    needed = terms.by_member(found.short, of_house=None if covers_clients else True)
    for pool in np.flatnonzero(terms.portfolio.pool_house & (found.surplus > 0)):
        member = terms.portfolio.pool_member[pool]
        lent[pool] = min(int(found.surplus[pool]), int(needed[member]))
        needed[member] -= lent[pool]
    return lent


def _post_margin(ledger: Ledger, estate: Estate, found: _EventPools, lent: Cents, supplementary: Cents) -> None:
    chart, pools = ledger.chart, np.flatnonzero(found.mine)
    target = chart.of("estate", estate.number - 1)
    gain = np.maximum(-found.loss, 0)[pools]
    own = np.minimum(np.maximum(found.loss, 0), found.held)[pools]
    ledger.post("gain of the pool", target, chart.of("margin", pools), gain)
    ledger.post("loss", chart.of("margin", pools), target, own + lent[pools])
    members = np.flatnonzero(supplementary)
    ledger.post("loss", chart.of("supplementary", members), target, supplementary[members])


def _repay(ledger: Ledger, estate: Estate) -> None:
    """What the lender advanced; with it the estate is empty."""
    source = ledger.chart.of("estate", estate.number - 1)
    ledger.post("liquidity repaid", source, ledger.chart.of("lender"), estate.borrowed)


def _return_the_rest(
    ledger: Ledger,
    terms: RunTerms,
    state: CycleState,
    estate: Estate,
    found: _EventPools,
    lent: Cents,
    supplementary: Cents,
) -> None:
    """What is left in pools, supplementary margin and contributions goes back to where it came from.
    Changes the state and writes the ledger."""
    chart, pools = ledger.chart, np.flatnonzero(found.mine)
    ledger.post("estate", chart.of("margin", pools), chart.owner(pools), (found.surplus - lent)[pools])
    state.cash[pools] = 0
    members = terms.portfolio.roster.members_of(estate.groups)
    left = (state.supplementary - supplementary)[members]
    ledger.post("estate", chart.of("supplementary", members), chart.of("house", members), left)
    ledger.post("estate", chart.of("fund", members), chart.of("house", members), state.standing.contributions[members])
    for amounts in (state.supplementary, state.supplementary_due):
        amounts[members] = 0
    state.standing = without_contributions(state.standing, estate.groups)
