"""Every day's rows against what the engine holds: a mismatch stops the run with the rows that cause it."""

import numpy as np

from ccp.errors import ReconciliationError
from ccp.money import minor_units
from ccp.settlement.ledger import KINDS, Chart, Ledger
from ccp.types import Cents, Flags, Index

PASSED_ON = ("variation", "premium", "exercise")
SHOWN = 10


def reconcile(ledger: Ledger, held: Cents, in_default: Flags, day: object, digits: int) -> Cents:
    """Check a day's rows and return the balances after them.

    `held` is what the engine says every account inside holds (others are not read), `in_default` by member. Checked,
    from the rows alone: amounts are positive; settlement is empty; no balance inside is negative; balances are
    those of the engine; variation, premium and exercise each add up to nothing; house and client money stay apart but
    in the member's own default. Raises ReconciliationError.
    """
    chart, balance = ledger.chart, ledger.balance()
    fault = _Fault(ledger, day, digits)
    inside = np.flatnonzero(chart.inside)
    fault.accounts("the balance is negative", inside[balance[inside] < 0])
    fault.accounts("the balance is not what is held", inside[balance[inside] != held[inside]])
    settlement = chart.of("settlement")
    fault.accounts("settlement is not empty at the end of the day", settlement[balance[settlement] != 0].reshape(-1))
    kinds, source, target, amount = ledger.rows()
    fault.rows("an amount is not positive", amount <= 0)
    for word in PASSED_ON:
        of_kind = kinds == KINDS.index(word)
        into, out = amount[of_kind & (target == settlement)].sum(), amount[of_kind & (source == settlement)].sum()
        if into != out:
            fault.rows(f"{word} does not add up to nothing", of_kind)
    fault.rows("house and client money are mixed", _mixed(chart, source, target, in_default))
    return balance


def _mixed(chart: Chart, source: Index, target: Index, in_default: Flags) -> Flags:
    """Rows that take money of one owner into the pool of another, or out of a pool to anybody but its owner.

    In the member's own default its pools pay the estate, and the estate and the buyers of its securities pay them. A
    contribution may pay for anybody's default: that is what it is for.
    """
    pools, members = np.arange(len(chart.portfolio.pools)), np.arange(len(chart.portfolio.members))
    owner = np.full(chart.size, -1)
    failed = np.zeros(chart.size, dtype=bool)
    owner[chart.of("margin", pools)] = chart.owner(pools)
    failed[chart.of("margin", pools)] = in_default[chart.portfolio.pool_member]
    for kind in ("supplementary", "fund"):
        owner[chart.of(kind, members)] = chart.of("house", members)
        failed[chart.of(kind, members)] = in_default
    shared = np.zeros(chart.size, dtype=bool)
    shared[chart.of("fund", members)] = True
    estate = np.zeros(chart.size, dtype=bool)
    estate[chart.starts["estate"] : chart.starts["settlement"]] = True
    giver = (source == chart.of("opening")) | ((estate[source] | (source == chart.of("transferees"))) & failed[target])
    taker = estate[target] & (failed[source] | shared[source])
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
