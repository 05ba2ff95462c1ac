"""Who holds paper of whom, and how much more sets of groups may lose for it.

Derivation: docs/reference/arithmetic.md, section 7.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ccp.book.portfolio import Part, Portfolio, fixed
from ccp.errors import refuse
from ccp.kernels.exposure.joint_costs import ExactSums, PoolEntries, hold_by_group
from ccp.money import minor_units
from ccp.pricing.issuers import NOBODY
from ccp.stress.cube_rows import CubeRows
from ccp.stress.group_books import LARGEST, nothing_held, quantities
from ccp.stress.joint_sale import ROUNDING
from ccp.types import Cents, Flags, Index, InstrumentByScenario, Vector


def paper_sums(part: Part, rows: CubeRows) -> ExactSums | None:
    """What the groups of the book hold in a part of paper of any of them, by account: group x paper, as `rows` has it.

    None where nobody has issued any. Sums of parts are added up, and do not depend on how a book is cut.
    """
    if rows.issuer is None:
        return None
    positions, groups = part.positions, int(part.member_group.max(initial=-1)) + 1
    some = np.flatnonzero((rows.issuer != NOBODY)[positions.instrument])
    held = np.searchsorted(some, positions.offset)
    instrument = np.searchsorted(rows.paper, positions.instrument[some]).astype(np.int32)
    accounts = np.argsort(part.account_group, kind="stable")
    begin = np.searchsorted(part.account_group[accounts], np.arange(groups + 1))
    sums = nothing_held(groups, len(rows.paper))
    hold_by_group(PoolEntries(held, fixed(instrument), fixed(positions.quantity[some])), accounts, begin, sums)
    return sums


def check_quantities(gross: Vector, rows: CubeRows) -> None:
    """Refuse a book that holds too much paper, long and short by instrument, to be added up."""
    if rows.issuer is not None and not gross[rows.paper].sum() < LARGEST:
        raise refuse("positions", f"quantities below {LARGEST:.0e} in all were expected", field="quantity")


@dataclass(frozen=True, eq=False)
class CrossPaper:
    """What groups hold of others' paper: `longs` and `shorts` are group x paper, over accounts, and `issued` says which
    of the `issuers` (their groups) each paper is of (paper x issuer). `accounts` is how many each group has.

    `falls` and `rises` (paper) are the most that a unit loses, and gains, by its issuer's default in any scenario.
    `known` is `most_more` where that is known otherwise.
    """

    issuers: Index
    issued: Flags
    longs: Vector
    shorts: Vector
    accounts: Index
    digits: int
    falls: Vector
    rises: Vector
    known: Cents | None = None
    _more: dict[tuple[int, ...], int] = field(default_factory=dict)

    @cached_property
    def holds(self) -> Flags:
        """Whether a group holds anything of an issuer: group x issuer."""
        return (self.longs + self.shorts > 0).astype(np.float64) @ self.issued > 0

    @cached_property
    def most_more(self) -> Cents:
        """The most that a group loses more, in any scenario, for the default of an issuer beside it: group x issuer."""
        if self.known is not None:
            return self.known
        more = (self.longs * self.falls + self.shorts * self.rises) @ self.issued.astype(np.float64)
        cents = np.ceil(more * minor_units(self.digits) * (1 + ROUNDING)).astype(np.int64)
        return cents + np.where(self.holds, self.accounts[:, None], 0)

    def where(self, falls: Vector, rises: Vector) -> "CrossPaper":
        """The same where units may lose, or gain, as much as this as well."""
        falls, rises = np.maximum(self.falls, falls), np.maximum(self.rises, rises)
        return replace(self, falls=falls, rises=rises, _more={})

    def with_more(self, most_more: Cents) -> "CrossPaper":
        """The same where groups lose no more than this beside an issuer: group x issuer."""
        return replace(self, known=most_more, _more={})

    def among(self, group: int, defaulting: tuple[int, ...]) -> tuple[int, ...]:
        """The groups whose paper is worth what is recovered in the books of one of those that default together: its
        own, and others' where it holds any."""
        others = self.issuers[self.holds[group]].tolist()
        return (group, *(issuer for issuer in others if issuer in defaulting))

    def more(self, groups: tuple[int, ...]) -> int:
        """The most that some groups lose more together than one by one."""
        among = tuple(sorted(groups))
        if among not in self._more:
            columns = np.flatnonzero(np.isin(self.issuers, among))
            self._more[among] = int(self.most_more[list(among)][:, columns].sum())
        return self._more[among]

    def most(self, count: int) -> Cents:
        """By group, the most that it loses more in any set of `count` groups."""
        others = min(count - 1, len(self.issuers))
        return np.sort(self.most_more, axis=1)[:, len(self.issuers) - others :].sum(axis=1)


def largest_jumps(rows: CubeRows, unit_loss: InstrumentByScenario) -> tuple[Vector, Vector]:
    """By paper, the most that a unit loses more, and the most that it loses less, at its issuer's default than
    otherwise, in any scenario; not below nothing. `unit_loss` is row x scenario."""
    jumps = rows.jumps(unit_loss)
    return np.maximum(jumps.max(axis=1, initial=0.0), 0.0), np.maximum((-jumps).max(axis=1, initial=0.0), 0.0)


def cross_paper(
    portfolio: Portfolio, rows: CubeRows, sums: ExactSums | None, unit_loss: InstrumentByScenario, digits: int
) -> CrossPaper | None:
    """What groups hold of others' paper, from what all hold of any; None where nobody does."""
    if rows.issuer is None or sums is None:
        return None
    issuer, (net, gross) = rows.issuer[rows.paper], quantities(sums)
    of_others = (gross > 0) & (issuer != np.arange(len(gross))[:, None])
    if not of_others.any():
        return None
    longs, shorts = (np.where(of_others, amount / 2, 0.0) for amount in (gross + net, gross - net))
    issuers = np.unique(issuer[of_others.any(axis=0)])
    accounts = np.bincount(portfolio.account_group, minlength=len(gross))
    sizes = (longs, shorts, accounts, digits)
    return CrossPaper(issuers, issuer[:, None] == issuers, *sizes, *largest_jumps(rows, unit_loss))
