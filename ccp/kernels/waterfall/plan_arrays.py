"""A waterfall's plan as arrays, and the codes in them. Read by the kernel over many paths and by the exact engine."""

from typing import NamedTuple

import numpy as np

from ccp.types import Cents, Flags, Index

ENDLESS = np.iinfo(np.int64).max
"""No limit."""

OWN_MARGIN, OWN_FUND, LUMP, PLEDGED, CALLED, GAINS, MATCHED, ALL_CLAIMS, PAYOUTS, OFFERED, REST = range(11)
"""What a part's money is: the defaulters' margin or contributions; an amount of its own; survivors' contributions,
calls, gains since the default, claims on matched contracts, all claims, payouts, offers; and what is left."""
HAIRCUTS = (GAINS, MATCHED, ALL_CLAIMS, PAYOUTS)
"""Those that cut members' claims."""

PRO_RATA, SEGMENTS_FIRST, AUCTION = range(3)
"""How survivors' contributions are split."""


class PlanArrays(NamedTuple):
    """A plan as arrays; rows are parts of tiers, in order. Money in cents.

    `source` and `order` are the codes above; parts with the same `place` are used pari passu; `size` is the most a
    part pays in all. Part x member: `each` is what a member stands for (of calls: for one default), `most` the
    most it may still pay. `per_default`: calls count for every defaulting group. `of` is the fraction (numerator,
    denominator) of a call that is paid, or of a claim that may be cut.
    """

    source: Index
    place: Index
    size: Cents
    each: Cents
    most: Cents
    per_default: Flags
    of: Index
    order: Index
    contributions: Cents
    member_group: Index
    unused_shared: bool
