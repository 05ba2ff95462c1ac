"""Every day's rows against what the engine holds: a mismatch stops the run with the rows that cause it."""

from dataclasses import dataclass

import numpy as np

from ccp.errors import ReconciliationError
from ccp.money import minor_units
from ccp.settlement.ledger import KINDS, Chart, Ledger
from ccp.types import Cents, Flags, Index

PASSED_ON = ("variation", "premium", "exercise")
SHOWN = 10


@dataclass(frozen=True)
class Expected:
    """What the engine says of a day: what every account inside holds and what every owner was paid by settlement
    (both by account of the chart, others are not read), and the event each member is in default with, 0 for none.
    """

    held: Cents
    exchanged: Cents
    event: Index


def reconcile(ledger: Ledger, expected: Expected, day: object, digits: int) -> Cents:
    """Check a day's rows and return the balances after them.

    Checked, from the rows alone: amounts are positive; settlement is empty; no balance inside is negative; balances
    are those of the engine; variation, premium and exercise each add up to nothing, and houses and clients got
    theirs; house and client money stay apart but in the member's own default. Raises ReconciliationError.
    """
    chart, balance = ledger.chart, ledger.balance()
    fault = _Fault(ledger, day, digits)
    inside = np.flatnonzero(chart.inside)
    fault.accounts("the balance is negative", inside[balance[inside] < 0])
    fault.accounts("the balance is not what is held", inside[balance[inside] != expected.held[inside]])
    settlement = chart.of("settlement")
    fault.accounts("settlement is not empty at the end of the day", settlement[balance[settlement] != 0].reshape(-1))
    kinds, source, target, amount = ledger.rows()
    fault.rows("an amount is not positive", amount <= 0)
    for word in PASSED_ON:
        of_kind = kinds == KINDS.index(word)
        into, out = amount[of_kind & (target == settlement)].sum(), amount[of_kind & (source == settlement)].sum()
        if into != out:
            fault.rows(f"{word} does not add up to nothing", of_kind)
    owners = np.arange(chart.starts["margin"])  # houses and clients
    paid = _settled(chart, kinds, source, target, amount)
    fault.accounts("what settlement paid is not what is due", owners[paid[owners] != expected.exchanged[owners]])
    fault.rows("house and client money are mixed", _mixed(chart, source, target, expected.event))
    return balance


def _settled(chart: Chart, kinds: Index, source: Index, target: Index, amount: Cents) -> Cents:
    """What settlement paid every account: variation, premium and exercise."""
    passed_on = np.isin(kinds, [KINDS.index(word) for word in PASSED_ON])
    paid = np.zeros(chart.size, dtype=np.int64)
    np.add.at(paid, target[passed_on], amount[passed_on])
    np.subtract.at(paid, source[passed_on], amount[passed_on])
    return paid


def _mixed(chart: Chart, source: Index, target: Index, event: Index) -> Flags:
    """Rows that take money of one owner into the pool of another, or out of a pool to anybody but its owner.

    In the member's own default its pools pay the estate of its event, and that and the buyers of its securities pay
    them. A contribution may pay for anybody's default: that is what it is for.
    """
    pools, members = np.arange(len(chart.portfolio.pools)), np.arange(len(chart.portfolio.members))
    owner = np.full(chart.size, -1)
    own_event = np.zeros(chart.size, dtype=np.int64)
    owner[chart.of("margin", pools)] = chart.owner(pools)
    own_event[chart.of("margin", pools)] = event[chart.portfolio.pool_member]
    for kind in ("supplementary", "fund"):
        owner[chart.of(kind, members)] = chart.of("house", members)
        own_event[chart.of(kind, members)] = event
    shared = np.zeros(chart.size, dtype=bool)
    shared[chart.of("fund", members)] = True
    estate = np.zeros(chart.size, dtype=np.int64)
    estate[chart.starts["estate"] : chart.starts["settlement"]] = np.arange(1, len(chart.portfolio.groups) + 1)
    from_estate = (estate[source] > 0) & (estate[source] == own_event[target])
    sold = (source == chart.of("transferees")) & (own_event[target] > 0)
    giver = (source == chart.of("opening")) | from_estate | sold
    taker = (estate[target] > 0) & ((estate[target] == own_event[source]) | shared[source])
    into = (owner[target] >= 0) & (owner[target] != source) & ~giver
    out = (owner[source] >= 0) & (owner[source] != target) & ~taker
    return into | out


class _Fault:
    """Raises with the rows of the ledger that show what is wrong."""

    def __init__(self, ledger: Ledger, day: object, digits: int):
        self.ledger, self.day, self.digits = ledger, day, digits

    def accounts(self, what: str, accounts: Index) -> None:
        """Stop if there are accounts: with the rows that touch the first of them."""
        if not len(accounts):
            return
        _, source, target, _ = self.ledger.rows()
        name = self.ledger.chart.names[int(accounts[0])]
        self.rows(f"{name}: {what}", (source == accounts[0]) | (target == accounts[0]), always=True)

    def rows(self, what: str, wrong: Flags, always: bool = False) -> None:
        """Stop if any row is wrong."""
        if not (wrong.any() or always):
            return
        names = self.ledger.chart.names
        kinds, source, target, amount = self.ledger.rows()
        unit = minor_units(self.digits)
        shown = [
            f"  {KINDS[kinds[row]]}: {names[int(source[row])]} -> {names[int(target[row])]} {amount[row] / unit:,.2f}"
            for row in np.flatnonzero(wrong)[:SHOWN]
        ]
        more = int(wrong.sum()) - len(shown)
        lines = [f"{self.day}: the ledger does not reconcile: {what}", *shown]
        raise ReconciliationError("\n".join(lines + ([f"  ... and {more} more rows"] if more > 0 else [])))
