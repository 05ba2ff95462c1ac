"""A ledger that does not reconcile: the error that stops the run, with the rows that show what is wrong."""

import numpy as np

from ccp.errors import ReconciliationError
from ccp.money import minor_units
from ccp.settlement.ledger import KINDS, Ledger
from ccp.types import Cents, Flags, Index

SHOWN = 10


class Fault:
    """Raises ReconciliationError, naming the day and rows of its ledger.

    `kinds`, `source`, `target`, `amount` are the rows, `into` and `out_of` the event whose estate is at their end, or
    their beginning (0 for none).
    """

    def __init__(self, ledger: Ledger, day: object, digits: int):
        self.ledger, self.day, self.digits = ledger, day, digits
        self.kinds, self.source, self.target, self.amount = ledger.rows()
        self.into, self.out_of = ledger.chart.event[self.target], ledger.chart.event[self.source]

    def accounts(self, what: str, accounts: Index) -> None:
        """Stop if there are accounts: with the rows that touch the first of them."""
        if len(accounts):
            name = self.ledger.chart.names[int(accounts[0])]
            self._stop(f"{name}: {what}", (self.source == accounts[0]) | (self.target == accounts[0]))

    def amounts(self, what: str, found: Cents, due: Cents, accounts: Index) -> None:
        """Stop unless amounts by account are what is due: with the rows of the first account where they are not."""
        wrong = accounts[found[accounts] != due[accounts]]
        if len(wrong):
            one, unit = int(wrong[0]), minor_units(self.digits)
            self.accounts(f"{what} is {found[one] / unit:,.2f}, due is {due[one] / unit:,.2f}", wrong)

    def event(self, number: int, what: str, found: int, due: int) -> None:
        """Stop unless a sum over the life of an event is what is due: with the day's rows of its estate."""
        if found == due:
            return
        unit, estate = minor_units(self.digits), self.ledger.chart.of("estate", number - 1)
        sums = f"{found / unit:,.2f} over the life of the event, due is {due / unit:,.2f}"
        self.accounts(f"{what}: {sums}", estate.reshape(-1))

    def draws(self, number: int, missing: list[tuple[int, int, int]], extra: list[tuple[int, int, int]]) -> None:
        """Stop if rows of an event (movement, from, amount) are missing, or too many."""
        names, unit = self.ledger.chart.names, minor_units(self.digits)
        found = [("is missing", row) for row in missing] + [("is too much", row) for row in extra]
        for word, (kind, source, amount) in found[:1]:
            estate = self.ledger.chart.of("estate", number - 1).reshape(-1)
            row = f"{KINDS[kind]} of {amount / unit:,.2f} from {names[source]}"
            self.accounts(f"who paid is not who pays in the waterfall: {row} {word}", estate)

    def rows(self, what: str, wrong: Flags) -> None:
        """Stop if any row is wrong."""
        if wrong.any():
            self._stop(what, wrong)

    def _stop(self, what: str, wrong: Flags) -> None:
        names, unit = self.ledger.chart.names, minor_units(self.digits)
        shown = [
            f"  {KINDS[self.kinds[row]]}: {names[int(self.source[row])]} -> {names[int(self.target[row])]} "
            f"{self.amount[row] / unit:,.2f}"
            for row in np.flatnonzero(wrong)[:SHOWN]
        ]
        more = int(wrong.sum()) - len(shown)
        lines = [f"{self.day}: the ledger does not reconcile: {what}", *shown]
        raise ReconciliationError("\n".join(lines + ([f"  ... and {more} more rows"] if more > 0 else [])))
