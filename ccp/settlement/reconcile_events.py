"""Every event's rows against its loss, over the life of the event: from the day of default to that of settlement."""

from collections import Counter

import numpy as np

from ccp.rulebook.tier_kind import MARGIN, MOVEMENTS
from ccp.settlement.default import SettledEvent, cut_by_pool
from ccp.settlement.draws import draw_rows
from ccp.settlement.expected import Expected
from ccp.settlement.fault import Fault
from ccp.settlement.ledger import KINDS, PASSED_ON, Totals
from ccp.settlement.state import Estate
from ccp.types import Cents


def check_events(fault: Fault, totals: Totals, expected: Expected) -> None:
    """Raise ReconciliationError unless the estates' rows are what the engine says of every event.

    Each day, summed over the life of the event: what closing out brought, by variation, premium, exercise and sales;
    haircuts taken over; what the lender advanced. Haircuts taken over are, owner by owner, what the day's events have
    cut of the pools of who has failed since. On the day of settlement: who paid what, movement by movement and account
    by account, is the outcome of the waterfall; it adds up to the loss, and with what closing out brought to nothing;
    the lender has all of its money back. Nothing moves in an event that is neither open nor settled on the day. On a
    day a movement runs one way between an estate and another account.
    """
    settled = [one.estate for one in expected.settled]
    _check_quiet(fault, [estate.number for estate in (*expected.open_estates, *settled)])
    _check_one_way(fault)
    for estate in expected.open_estates:
        _check_close_out(fault, totals.moved[estate.number - 1], estate, repaid=0)
    for event in expected.settled:
        _check_close_out(fault, totals.moved[event.estate.number - 1], event.estate, repaid=event.estate.borrowed)
        _check_loss(fault, totals.moved[event.estate.number - 1], event)
        _check_margin(fault, event)
        _check_draws(fault, event)
        _check_gains(fault, event)
    _check_taken_over(fault, expected)
    _check_collateral(fault, expected)
    _check_lender(fault, totals.balance, expected.open_estates)


def _check_quiet(fault: Fault, numbers: list[int]) -> None:
    quiet = np.ones(len(fault.ledger.chart.portfolio.groups) + 1, dtype=bool)
    quiet[[0, *numbers]] = False
    fault.rows("a row of an event that is neither open nor settled today", quiet[fault.into] | quiet[fault.out_of])


def _check_one_way(fault: Fault) -> None:
    """Two rows that take back each other are none."""
    of_estates = np.flatnonzero((fault.into > 0) | (fault.out_of > 0))
    seen = {(fault.kinds[row], fault.source[row], fault.target[row]) for row in of_estates}
    back = [row for row in of_estates if (fault.kinds[row], fault.target[row], fault.source[row]) in seen]
    wrong = np.zeros(len(fault.kinds), dtype=bool)
    wrong[back] = True
    fault.rows("a movement runs both ways between an estate and another account", wrong)


def _check_close_out(fault: Fault, moved: Cents, estate: Estate, repaid: int) -> None:
    """What came into an estate and is no draw: by movement, over the life of the event."""
    due = dict(zip(PASSED_ON, estate.exchanged.tolist(), strict=True))
    due |= {"sale": int(estate.result.sum() - estate.exchanged.sum()) + estate.taken_over}
    due |= {"haircut taken over": -estate.taken_over}
    due |= {"liquidity drawn": estate.borrowed, "liquidity repaid": -repaid}
    for movement, amount in due.items():
        fault.event(estate.number, movement, _sum(moved, movement), amount)


def _check_loss(fault: Fault, moved: Cents, event: SettledEvent) -> None:
    """The rows of an event against its loss."""
    number, loss = event.estate.number, event.outcome.loss
    fault.event(number, "what was paid for the loss", _sum(moved, *MOVEMENTS), loss)
    gains = -_sum(moved, "gain of the pool")
    fault.event(number, "what closing out brought", _sum(moved, *PASSED_ON, "sale", "haircut taken over"), gains - loss)
    fault.event(number, "all rows", int(moved.sum()), 0)


def _check_draws(fault: Fault, event: SettledEvent) -> None:
    """Who paid what on the day of settlement, against the outcome: draws behind margin tier by tier, payer by payer."""
    chart, estate = fault.ledger.chart, int(fault.ledger.chart.of("estate", event.estate.number - 1))
    margin = (fault.source >= chart.starts["margin"]) & (fault.source < chart.starts["fund"])
    paying = (fault.target == estate) & np.isin(fault.kinds, [KINDS.index(word) for word in MOVEMENTS]) & ~margin
    rows = zip(*(column[paying].tolist() for column in (fault.kinds, fault.source, fault.amount)), strict=True)
    found, due = Counter(rows), Counter(draw_rows(chart, event.outcome))
    fault.draws(event.estate.number, sorted((due - found).elements()), sorted((found - due).elements()))


def _check_taken_over(fault: Fault, expected: Expected) -> None:
    """Who was cut by an event of the day and has failed since has its estate bear the cut, and nobody else has."""
    chart, pools = fault.ledger.chart, np.arange(len(fault.ledger.chart.portfolio.pools))
    cut, event = cut_by_pool(expected.settled, len(pools)), expected.event[chart.portfolio.pool_member]
    for estate in (*expected.open_estates, *(one.estate for one in expected.settled)):
        due = np.zeros(chart.size, dtype=np.int64)
        np.add.at(due, chart.owner(pools), np.where(event == estate.number, cut, 0))
        found = _by_account(fault, "haircut taken over", source=int(chart.of("estate", estate.number - 1)))
        fault.amounts("the haircut taken over", found, due, np.arange(chart.size))


def _check_gains(fault: Fault, event: SettledEvent) -> None:
    """What pools have gained goes to them."""
    chart, estate = fault.ledger.chart, int(fault.ledger.chart.of("estate", event.estate.number - 1))
    gains, pools = np.zeros(chart.size, dtype=np.int64), np.arange(len(chart.portfolio.pools))
    gains[chart.of("margin", pools)] = np.maximum(event.estate.result, 0)
    found = _by_account(fault, "gain of the pool", source=estate)
    fault.amounts("the gain of the pool", found, gains, np.arange(chart.size))


def _check_margin(fault: Fault, event: SettledEvent) -> None:
    """What pools and supplementary margin paid is each defaulter's draw of margin."""
    chart, members = fault.ledger.chart, np.arange(len(fault.ledger.chart.portfolio.members))
    paid = _by_account(fault, "loss", target=int(chart.of("estate", event.estate.number - 1)))
    found = paid[chart.of("supplementary", members)]
    np.add.at(found, chart.portfolio.pool_member, paid[chart.of("margin", np.arange(len(chart.portfolio.pools)))])
    due = np.zeros_like(found)
    for draw in event.outcome.draws:
        if draw.kind.account == MARGIN:
            due[[member for member in draw.paid if member is not None]] = list(draw.paid.values())
    fault.accounts("margin paid is not the draw of margin", chart.of("house", members)[found != due])


def _check_collateral(fault: Fault, expected: Expected) -> None:
    """What was paid for securities is what those of pools settled today fetch."""
    chart = fault.ledger.chart
    pools, due = chart.of("margin", np.arange(len(chart.portfolio.pools))), np.zeros(chart.size, dtype=np.int64)
    due[pools] = expected.sold
    fault.amounts("sale of collateral", _by_account(fault, "sale of collateral"), due, np.arange(chart.size))


def _check_lender(fault: Fault, balance: Cents, open_estates: tuple[Estate, ...]) -> None:
    """The lender is owed what it advanced to estates that are still open, and stands at nothing when there are none."""
    lender, owed = fault.ledger.chart.of("lender"), np.zeros_like(balance)
    owed[lender] = -sum(estate.borrowed for estate in open_estates)
    fault.amounts("the balance", balance, owed, lender.reshape(-1))


def _by_account(fault: Fault, movement: str, source: int | None = None, target: int | None = None) -> Cents:
    """The day's rows of a movement, by the account at their other end: from or to one account, or all by target."""
    chosen, at = fault.kinds == KINDS.index(movement), fault.target
    if source is not None:
        chosen = chosen & (fault.source == source)
    if target is not None:
        chosen, at = chosen & (fault.target == target), fault.source
    sums = np.zeros(fault.ledger.chart.size, dtype=np.int64)
    np.add.at(sums, at[chosen], fault.amount[chosen])
    return sums


def _sum(moved: Cents, *movements: str) -> int:
    return int(moved[[KINDS.index(movement) for movement in movements]].sum())
