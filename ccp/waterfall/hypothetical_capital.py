"""The clearing house's hypothetical capital and its members' share of it: Basel CRE54.29 and 54.36, CRR Article 308.

    K_CCP = sum of exposures x 20 % x 8 %
    K_CM  = max(K_CCP x contribution / (DF_CCP + DF_CM), 8 % x 2 % x contribution)

DF_CCP is own prefunded money that pays before the members' contributions (it is junior to them: it is lost first);
DF_CM is all contributions, with own money that pays beside them (EMIR Article 50d(a)). What pays after members shields
nobody from a loss and is not in the denominator.
"""

from dataclasses import dataclass

import numpy as np

from ccp.kernels.waterfall.plan_arrays import PLEDGED
from ccp.types import Vector
from ccp.waterfall.plan import Plan

RISK_WEIGHT = 0.20
CAPITAL_RATIO = 0.08
TRADE_WEIGHT = 0.02
RISK_WEIGHTED = 12.5
"""Risk-weighted assets per unit of capital."""


@dataclass(frozen=True)
class OwnMoney:
    """The clearing house's own prefunded capital by where it pays, in minor units.

    `ahead` of all members' contributions, `beside` the first of them, `between` parts of them (or beside a later part),
    `behind` all of them and before calls, `behind_calls` after or beside those.
    """

    ahead: int = 0
    beside: int = 0
    between: int = 0
    behind: int = 0
    behind_calls: int = 0


def own_money(plan: Plan) -> OwnMoney:
    """Where the plan's own capital stands. Without a tier of the survivors' contributions all of it is ahead."""
    found = dict.fromkeys(OwnMoney.__dataclass_fields__, 0)
    for tier in plan.lumps:
        if tier.kind.own_capital and plan.is_prefunded(tier):
            found[_where(plan, tier.place)] += int(plan.arrays.size[tier.row])
    return OwnMoney(**found)


def _where(plan: Plan, place: int) -> str:
    """Which field of `OwnMoney` a tier's place in the order is."""
    members = [tier.place for tier in plan.tiers if plan.arrays.source[tier.row] == PLEDGED]
    if not members or place < members[0]:
        return "ahead"
    if place <= members[-1]:
        return "beside" if place == members[0] else "between"
    return "behind" if all(place < call.place for call in plan.calls) else "behind_calls"


def hypothetical_capital(exposures: Vector) -> float:
    """K_CCP of members' exposures at default (SA-CCR, before the last call), in the exposures' unit."""
    return float(np.sum(exposures)) * RISK_WEIGHT * CAPITAL_RATIO


def member_capital(exposures: Vector, contributions: Vector, own: float) -> Vector:
    """K_CM of each member. `own`: own money ahead of members and beside them. All in one unit.

    Raises ValueError when there are no contributions.
    """
    members = float(np.sum(contributions))
    if members <= 0:
        raise ValueError("contributions of more than nothing were expected")
    share = hypothetical_capital(exposures) * contributions / (own + members)
    return np.maximum(share, CAPITAL_RATIO * TRADE_WEIGHT * contributions)
