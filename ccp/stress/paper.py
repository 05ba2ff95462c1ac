"""Who holds paper of whom, and how much more sets of groups may lose for it.

Derivation: docs/reference/arithmetic.md, section 7.
"""

from dataclasses import dataclass

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
    """Groups that hold paper of others: the most that a group loses more, in any scenario, for the default of an issuer
    beside it, in cents: `most_more` is group x issuer, `issuers` their groups. `holds`: whether a group has any at all.
    """

    issuers: Index
    most_more: Cents
    holds: Flags

    def among(self, group: int, defaulting: tuple[int, ...]) -> tuple[int, ...]:
        """The groups whose paper is worth what is recovered in the books of one of those that default together: its
        own, and others' where it holds any."""
        others = self.issuers[self.holds[group]].tolist()
        return (group, *(issuer for issuer in others if issuer in defaulting))

    def more(self, groups: tuple[int, ...]) -> int:
        """The most that some groups lose more together than one by one."""
        columns = np.flatnonzero(np.isin(self.issuers, groups))
        return int(self.most_more[list(groups)][:, columns].sum())

    def most(self, count: int) -> Cents:
        """By group, the most that it loses more in any set of `count` groups."""
        others = min(count - 1, len(self.issuers))
        return np.sort(self.most_more, axis=1)[:, len(self.issuers) - others :].sum(axis=1)


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
    jumps = rows.jumps(unit_loss)
    falls, rises = (np.maximum(one.max(axis=1, initial=0.0), 0.0) for one in (jumps, -jumps))
    more = np.where(of_others, (gross + net) / 2 * falls + (gross - net) / 2 * rises, 0.0)
    issuers = np.unique(issuer[of_others.any(axis=0)])
    by_issuer = (issuer[:, None] == issuers).astype(np.float64)
    holds = of_others.astype(np.float64) @ by_issuer > 0
    accounts = np.bincount(portfolio.account_group, minlength=len(gross))[:, None]
    cents = np.ceil(more @ by_issuer * minor_units(digits) * (1 + ROUNDING)).astype(np.int64)
    return CrossPaper(issuers, cents + np.where(holds, accounts, 0), holds)
