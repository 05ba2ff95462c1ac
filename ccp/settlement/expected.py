"""What the engine says of a day, for its rows to be held against: nothing here is read from the ledger."""

from dataclasses import dataclass

import numpy as np

from ccp.settlement.clearing import Clearing
from ccp.settlement.default import SettledEvent
from ccp.settlement.ledger import PASSED_ON
from ccp.settlement.state import CycleState, Estate
from ccp.settlement.today import Today
from ccp.types import Cents, Index


@dataclass(frozen=True)
class Expected:
    """What the engine says of a day, in minor units.

    `held`: what every account inside holds. `exchanged`: what settlement paid every house, all clients of a member and
    the other side of an unmatched book (PASSED_ON x account; other accounts are not read). `event`: by member the event
    it is in default with, 0 for none. `open_estates` are closed out on later days, `settled` went down the waterfall
    today; `sold` is what the securities of their pools fetched, by pool.
    """

    held: Cents
    exchanged: Cents
    event: Index
    open_estates: tuple[Estate, ...]
    settled: tuple[SettledEvent, ...]
    sold: Cents


def expected_of(clearing: Clearing, state: CycleState, today: Today) -> Expected:
    """A day as the engine has it, when everything has been paid."""
    event = state.event[clearing.terms.portfolio.member_group]
    settled_today = np.isin(state.event[clearing.terms.pool_group], [one.estate.number for one in today.settled])
    sold = np.where(settled_today, today.securities, 0)
    paid = exchanged(clearing, state, today)
    held = balances_held(clearing, state)
    return Expected(held, paid, event, tuple(state.estates), tuple(today.settled), sold)


def balances_held(clearing: Clearing, state: CycleState) -> Cents:
    """What the engine says is in every account inside."""
    chart, standing, held = clearing.chart, state.standing, np.zeros(clearing.chart.size, dtype=np.int64)
    members = np.arange(len(standing.members))
    held[chart.of("margin", np.arange(len(state.cash)))] = state.cash
    held[chart.of("supplementary", members)] = state.supplementary
    held[chart.of("fund", members)] = standing.contributions
    held[chart.of("capital", np.arange(len(standing.left)))] = standing.left
    for estate in state.estates:
        held[chart.of("estate", estate.number - 1)] = estate.cash
    return held


def exchanged(clearing: Clearing, state: CycleState, today: Today) -> Cents:
    """What settlement owes houses and clients that are not in default, and what an unmatched book leaves open."""
    chart, terms = clearing.chart, clearing.terms
    owed = np.zeros((len(PASSED_ON), chart.size), dtype=np.int64)
    active = state.event[terms.pool_group] == 0
    owners = chart.owner(np.arange(len(active)))
    for place, word in enumerate(PASSED_ON):
        flows = today.flows[word]
        np.add.at(owed[place], owners, np.where(active, terms.by_pool(flows), 0))
        owed[place, chart.of("unmatched")] = -flows.sum()
    return owed
