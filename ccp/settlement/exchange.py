"""The day's money changes hands: what survivors are paid and pay."""

import numpy as np

from ccp.settlement.clearing import Clearing
from ccp.settlement.ledger import Ledger
from ccp.settlement.payments import Dues, capital_after
from ccp.settlement.state import CycleState
from ccp.settlement.today import Today
from ccp.waterfall.replenishment import refilled


def pay(clearing: Clearing, state: CycleState, ledger: Ledger, today: Today, dues: Dues) -> None:
    """Everybody who is not in default pays and is paid; the rest of the day's flows is somebody else's. Changes the
    state: cash, capital, supplementary margin, contributions."""
    chart, pools = clearing.chart, np.arange(len(state.cash))
    members = np.arange(len(state.standing.members))
    active = state.event[clearing.terms.account_group] == 0
    settlement = chart.of("settlement")
    for kind, amounts in today.flows.items():
        paid = clearing.terms.by_pool(np.where(active, amounts, 0))
        ledger.post(kind, settlement, chart.owner(pools), paid)
        ledger.post(kind, chart.of("unmatched"), settlement, int(amounts.sum()))
    post_gone(clearing, state, ledger, today)
    for word, due, target, source in (
        ("margin", dues.call, chart.of("margin", pools), chart.owner(pools)),
        ("supplementary", dues.supplementary, chart.of("supplementary", members), chart.of("house", members)),
        ("fund", dues.fund, chart.of("fund", members), chart.of("house", members)),
    ):
        ledger.post(f"{word} call", source, target, np.maximum(due, 0))
        ledger.post(f"{word} return", target, source, np.maximum(-due, 0))
    state.capital = capital_after(clearing.terms, state, dues)
    state.cash = state.cash + dues.call
    state.supplementary = state.supplementary + dues.supplementary
    state.standing = refilled(state.standing, dues.fund)


def post_gone(clearing: Clearing, state: CycleState, ledger: Ledger, today: Today) -> None:
    """Flows of accounts whose event was settled before today: the transferees hold their positions."""
    open_today = {estate.number for estate in state.estates} | {one.estate.number for one in today.settled}
    event = state.event[clearing.terms.account_group]
    gone = (event > 0) & ~np.isin(event, list(open_today))
    for kind, amounts in today.flows.items():
        ledger.post(kind, clearing.chart.of("settlement"), clearing.chart.of("transferees"), int(amounts[gone].sum()))
