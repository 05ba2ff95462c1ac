"""Every day's rows against what the engine holds: a mismatch stops the run with the rows that cause it."""

import numpy as np

from ccp.settlement.expected import Expected
from ccp.settlement.fault import Fault
from ccp.settlement.ledger import KINDS, PASSED_ON, Chart, Ledger, Totals
from ccp.settlement.reconcile_events import check_events
from ccp.settlement.ways import allowed
from ccp.types import Cents, Flags, Index

CALLED = tuple((f"{word} call", f"{word} return") for word in ("margin", "supplementary", "fund"))
"""What members are called for: the movements of a call and of a return."""


def reconcile(ledger: Ledger, expected: Expected, day: object, digits: int) -> Totals:
    """Check a day's rows and return the totals after them.

    Checked, from the rows alone: amounts are positive; settlement is empty; no balance inside is negative; balances
    are those of the engine; variation, premium and exercise each add up to nothing, and houses and clients got
    theirs; house and client money stay apart but in the member's own default; every movement runs between accounts that
    it may run between; nobody is called and paid back on one day, and nobody in default either; and of every event
    what `check_events` checks. Raises ReconciliationError.
    """
    totals, fault = ledger.totals(), Fault(ledger, day, digits)
    fault.rows("an amount is not positive", fault.amount <= 0)
    _check_balances(fault, totals.balance, expected)
    _check_exchange(fault, expected)
    own_event = own_events(ledger.chart, expected.event)
    fault.rows("house and client money are mixed", _mixed(fault, own_event))
    may = allowed(ledger.chart, fault.kinds, fault.source, fault.target)
    fault.rows("a movement runs between accounts that it may not run between", ~may)
    _check_calls(fault, expected, own_event)
    check_events(fault, totals, expected)
    return totals


def _check_balances(fault: Fault, balance: Cents, expected: Expected) -> None:
    chart = fault.ledger.chart
    inside, settlement = np.flatnonzero(chart.inside), chart.of("settlement").reshape(-1)
    fault.accounts("the balance is negative", inside[balance[inside] < 0])
    fault.accounts("the balance is not what is held", inside[balance[inside] != expected.held[inside]])
    fault.accounts("settlement is not empty at the end of the day", settlement[balance[settlement] != 0])


def _check_exchange(fault: Fault, expected: Expected) -> None:
    """Variation, premium and exercise: what one pays another receives, and everybody gets what is due, kind by kind."""
    chart = fault.ledger.chart
    settlement, owners = chart.of("settlement"), np.arange(chart.starts["margin"])  # houses and clients
    read = np.append(owners, chart.of("unmatched"))
    for place, word in enumerate(PASSED_ON):
        of_kind = fault.kinds == KINDS.index(word)
        paid = np.zeros(chart.size, dtype=np.int64)
        np.add.at(paid, fault.target[of_kind], fault.amount[of_kind])
        np.subtract.at(paid, fault.source[of_kind], fault.amount[of_kind])
        if paid[settlement]:
            fault.rows(f"{word} does not add up to nothing", of_kind)
        fault.accounts("what settlement paid is not what is due", read[paid[read] != expected.exchanged[place, read]])


def _mixed(fault: Fault, own_event: Index) -> Flags:
    """Rows that take money of one owner into the pool of another, or out of a pool to anybody but its owner.

    In the member's own default its pools pay the estate of its event, and that and the buyers of its securities pay
    them. A contribution may pay for anybody's default: that is what it is for.
    """
    chart, source, target = fault.ledger.chart, fault.source, fault.target
    pools, members = np.arange(len(chart.portfolio.pools)), np.arange(len(chart.portfolio.members))
    owner = np.full(chart.size, -1)
    owner[chart.of("margin", pools)] = chart.owner(pools)
    for kind in ("supplementary", "fund"):
        owner[chart.of(kind, members)] = chart.of("house", members)
    shared = np.zeros(chart.size, dtype=bool)
    shared[chart.of("fund", members)] = True
    from_estate = (fault.out_of > 0) & (fault.out_of == own_event[target])
    sold = (source == chart.of("transferees")) & (own_event[target] > 0)
    giver = (source == chart.of("opening")) | from_estate | sold
    taker = (fault.into > 0) & ((fault.into == own_event[source]) | shared[source])
    into = (owner[target] >= 0) & (owner[target] != source) & ~giver
    out = (owner[source] >= 0) & (owner[source] != target) & ~taker
    return into | out


def own_events(chart: Chart, event: Index) -> Index:
    """By account of a member's pools, supplementary margin and contribution: the event that the member is in default
    with; 0 for all others. `event` is by member."""
    found, members = np.zeros(chart.size, dtype=np.int64), np.arange(len(event))
    found[chart.of("margin", np.arange(len(chart.portfolio.pools)))] = event[chart.portfolio.pool_member]
    for kind in ("supplementary", "fund"):
        found[chart.of(kind, members)] = event
    return found


def _check_calls(fault: Fault, expected: Expected, own_event: Index) -> None:
    """Nobody is both called and paid back on a day, and nobody in default is; what is left of a defaulter's money goes
    back on the day of settlement only."""
    for call, back in CALLED:
        called, paid_back = np.zeros_like(own_event, dtype=bool), np.zeros_like(own_event, dtype=bool)
        called[fault.target[fault.kinds == KINDS.index(call)]] = True
        paid_back[fault.source[fault.kinds == KINDS.index(back)]] = True
        fault.accounts(f"both a {call} and a {back}", np.flatnonzero(called & paid_back))
        gone = (called | paid_back) & (own_event > 0)
        fault.accounts("a member in default is called or paid back", np.flatnonzero(gone))
    left = fault.source[fault.kinds == KINDS.index("estate")]
    settled = np.isin(own_event[left], [one.estate.number for one in expected.settled])
    fault.accounts("what is left was paid out on a day on which nothing was settled", left[~settled])
