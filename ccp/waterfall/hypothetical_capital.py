"""The clearing house's hypothetical capital and its members' share of it: Basel Framework, CRE54.29 and CRE54.36.

    K_CCP = sum of exposures x 20 % x 8 %
    K_CM  = max(K_CCP x contribution / (own money behind or beside members + all contributions), 8 % x 2 % x
    contribution)

Only own prefunded money that stands behind the members' contributions, or beside them, counts in the denominator.
"""

import numpy as np

from ccp.kernels.waterfall.plan_arrays import PLEDGED
from ccp.types import Vector
from ccp.waterfall.plan import Plan

RISK_WEIGHT = 0.20
CAPITAL_RATIO = 0.08
TRADE_WEIGHT = 0.02
RISK_WEIGHTED = 12.5
"""Risk-weighted assets per unit of capital."""


def own_money_by_place(plan: Plan) -> dict[str, int]:
    """The clearing house's own capital ahead of, beside and behind the survivors' contributions, in cents."""
    members = [tier.place for tier in plan.tiers if plan.arrays.source[tier.row] == PLEDGED]
    found = {"ahead": 0, "beside": 0, "behind": 0}
    for tier in plan.tiers:
        if tier.word == "ccp_capital" and plan.is_prefunded(tier):
            first = min(members, default=tier.place + 1)
            where = "ahead" if tier.place < first else "beside" if tier.place in members else "behind"
            found[where] += int(plan.arrays.size[tier.row])
    return found


def hypothetical_capital(exposures: Vector) -> float:
    """K_CCP of members' exposures at default (SA-CCR, before the last call), in the exposures' unit."""
    return float(np.sum(exposures)) * RISK_WEIGHT * CAPITAL_RATIO


def member_capital(exposures: Vector, contributions: Vector, behind: float) -> Vector:
    """K_CM of each member. `behind`: own money beside and behind the members. All in one unit.

    Raises ValueError when there are no contributions.
    """
    whole = behind + float(np.sum(contributions))
    if whole <= 0:
        raise ValueError("contributions of more than nothing were expected")
    share = hypothetical_capital(exposures) * contributions / whole
    return np.maximum(share, CAPITAL_RATIO * TRADE_WEIGHT * contributions)
