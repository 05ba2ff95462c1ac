"""Who fails, and what becomes of their books: default, close-out day by day, settlement."""

from dataclasses import replace

import numpy as np

from ccp.settlement.clearing import Clearing
from ccp.settlement.close_out import Owed, day_result, estate_accounts, open_estate, sold_on_the_day, with_result
from ccp.settlement.default import settle_event
from ccp.settlement.draws import by_owner, owed_to_survivors
from ccp.settlement.fund import fund_calls
from ccp.settlement.ledger import PASSED_ON, Ledger
from ccp.settlement.payments import Dues, amounts_due, asked_of, failing_members, margin_calls
from ccp.settlement.state import CycleState, Estate
from ccp.settlement.terms import ENDLESS
from ccp.settlement.today import Today, after_haircut
from ccp.types import Cents
from ccp.waterfall.standing import in_default


def progress_estates(clearing: Clearing, state: CycleState, ledger: Ledger, today: Today) -> None:
    """A day's result of the books that are being closed out, and the waterfall of those that are done. Changes the
    state and the day."""
    still_open = []
    for estate in state.estates:
        assert today.market.before is not None
        result, variation = day_result(clearing.path, estate, today.market.before, today.market.now, today.day)
        owed = owed_to_survivors(clearing.terms, state, today.flows)
        estate = post_estate(clearing, ledger, estate, today, result, variation, owed)
        if estate.last <= today.day or today.day == clearing.terms.days - 1:
            settle(clearing, state, ledger, today, estate)
        else:
            still_open.append(estate)
    state.estates = still_open


def post_estate(
    clearing: Clearing,
    ledger: Ledger,
    estate: Estate,
    today: Today,
    result: Cents,
    variation: Cents,
    owed: Owed,
) -> Estate:
    """Variation of what the estate still holds, sales and their cost; the transferees hold the rest."""
    mine = estate_accounts(clearing.path, estate)
    source, others = clearing.chart.of("estate", estate.number - 1), clearing.chart.of("transferees")
    settlement = clearing.chart.of("settlement")
    exchanged, total = int(variation[mine].sum()), int(result[mine].sum())
    ledger.post("variation", settlement, source, exchanged)
    ledger.post("sale", others, source, total - exchanged)
    for kind, amounts in today.flows.items():
        whole = int(amounts[mine].sum())
        ledger.post(kind, settlement, others, whole - (exchanged if kind == "variation" else 0))
    return with_liquidity(clearing, ledger, with_result(clearing.path, estate, result, [exchanged, 0, 0], owed))


def with_liquidity(clearing: Clearing, ledger: Ledger, estate: Estate) -> Estate:
    """The estate with what it has to borrow."""
    missing = max(-estate.cash, 0)
    ledger.post("liquidity drawn", clearing.chart.of("lender"), clearing.chart.of("estate", estate.number - 1), missing)
    return replace(estate, borrowed=estate.borrowed + missing)


def with_cuts(clearing: Clearing, state: CycleState, ledger: Ledger, today: Today, estate: Estate) -> Estate:
    """The estate with what earlier events of the day have cut of its pools. Who fails pays nothing on the day: the
    estate bears the cut, and house and clients have it back. Changes the state."""
    chart = clearing.chart
    cut = np.where(np.isin(clearing.terms.pool_group, estate.groups), today.cut, 0)
    owners, amounts = by_owner(chart, np.flatnonzero(cut), cut[cut > 0])
    ledger.post("haircut taken over", chart.of("estate", estate.number - 1), owners, amounts)
    of_house = clearing.terms.by_member(cut, of_house=True)
    state.capital = np.where(state.capital == ENDLESS, ENDLESS, state.capital + of_house)
    return replace(estate, result=estate.result - cut, taken_over=int(cut.sum()))


def settle(clearing: Clearing, state: CycleState, ledger: Ledger, today: Today, estate: Estate) -> None:
    """Run the waterfall of a book that is closed out. Changes the state and the day."""
    capital = capital_for_calls(clearing, state, today)
    settled = settle_event(clearing.terms, state, estate, today.securities, capital, ledger, today.day)
    today.settled.append(settled)
    today.unable |= settled.unable


def capital_for_calls(clearing: Clearing, state: CycleState, today: Today) -> Cents:
    """What members' capital has for calls of the waterfall: a cut of what their houses are paid today is a payment that
    is not made, and uses up nothing; a cut of more than that does."""
    by_pool = today.cut, clearing.terms.by_pool(today.received)
    cut, received = (clearing.terms.by_member(amounts, of_house=True) for amounts in by_pool)
    withheld = np.minimum(cut, np.maximum(received, 0))
    return np.where(state.capital == ENDLESS, ENDLESS, state.capital + withheld)


def find_defaults(clearing: Clearing, state: CycleState, ledger: Ledger, today: Today) -> Dues:
    """Put in default who cannot pay, until nobody is left who cannot. Changes the state and the day; returns what the
    others owe."""
    group_of, named = clearing.terms.portfolio.member_group, set(clearing.terms.named.get(today.day, ()))
    while True:
        dues = dues_of(clearing, state, today)
        gone = state.standing.away
        today.asked = np.where(gone, today.asked, asked_of(clearing.terms, dues))
        by_cause = {"named": {group for group in named if not state.event[group]}}
        for cause, members in failing_members(clearing.terms, state, dues, today.unable).items():
            by_cause[cause] = set(group_of[members].tolist())
        failing = set().union(*by_cause.values())
        if not failing:
            return dues
        cause = "+".join(cause for cause, groups in by_cause.items() if groups)
        house, clients = amounts_due(clearing.terms, dues)
        unpaid = int((house + clients)[np.isin(group_of, list(failing))].sum())
        put_in_default(clearing, state, ledger, today, tuple(sorted(failing)), (cause, unpaid))


def dues_of(clearing: Clearing, state: CycleState, today: Today) -> Dues:
    """What everybody who is not in default owes and is owed."""
    active = ~state.standing.away
    required = clearing.terms.by_pool(today.requirement.account_margin)
    held = after_haircut(clearing, today, state)
    received = np.where(state.event[clearing.terms.pool_group] == 0, clearing.terms.by_pool(today.received), 0)
    fund = fund_calls(state, today.day)
    supplementary = np.where(active, state.supplementary_due - state.supplementary, 0)
    if not clearing.terms.rulebook.settlement.excess_returned:
        supplementary = np.maximum(supplementary, 0)
    return Dues(received, margin_calls(clearing.terms, state, required, held), supplementary, fund)


def put_in_default(
    clearing: Clearing, state: CycleState, ledger: Ledger, today: Today, groups: tuple[int, ...], why: tuple[str, int]
) -> None:
    """Put groups in default: one event. Their book is taken over, and closed out at once or from tomorrow on. Changes
    the state and the day."""
    number = int(state.event.max()) + 1
    estate = open_estate(clearing.path, today.case, today.requirement, today.holding, groups, number, today.day)
    estate = replace(estate, cause=why[0], unpaid=why[1])
    state.event[list(groups)] = number
    state.standing = in_default(state.standing, groups)
    today.new_defaults += groups
    mine = estate_accounts(clearing.path, estate)
    result, owed = np.where(mine, today.received, 0), owed_to_survivors(clearing.terms, state, today.flows)
    source = clearing.chart.of("estate", number - 1)
    at_once = clearing.terms.rulebook.close_out.method == "instant" or today.day == clearing.terms.days - 1
    fetched = sold_on_the_day(clearing.path, today.case, today.holding, estate, today.market.now, at_once)
    exchanged = [int(today.flows[kind][mine].sum()) for kind in PASSED_ON]
    for kind, amount in zip(PASSED_ON, exchanged, strict=True):
        ledger.post(kind, clearing.chart.of("settlement"), source, amount)
    ledger.post("sale", clearing.chart.of("transferees"), source, int(fetched.sum()))
    estate = with_result(clearing.path, estate, result + fetched, exchanged, owed)
    estate = with_cuts(clearing, state, ledger, today, estate)
    estate = with_liquidity(clearing, ledger, estate)
    if at_once or estate.last <= today.day:
        settle(clearing, state, ledger, today, estate)
    else:
        state.estates = [*state.estates, estate]
