"""The words of a rulebook's `settlement` part: the daily cycle."""

from typing import Literal

from pydantic import Field

from ccp.documents import Frozen

Schedule = Literal["daily", "weekly", "monthly"]


class SettlementRules(Frozen):
    """How the daily cycle runs."""

    excess_returned: bool = Field(default=True, description="whether cash beyond the requirement goes back each day")
    members_front_client_calls: bool = Field(
        default=True, description="whether clients' calls count against their member's liquidity of the day"
    )
    stress: Schedule = Field(default="daily", description="on which days stress losses and cover are computed")
