"""The words of a rulebook's `close_out` part."""

from typing import Literal

from pydantic import Field

from ccp.documents import Frozen


class CloseOutRules(Frozen):
    """How a defaulter's book is sold, and what that costs."""

    method: Literal["instant", "gradual"] = Field(
        default="instant", description="instant: at the day's or scenario's price, without cost"
    )
    participation: float = Field(default=0.25, gt=0, le=1, description="share of average daily volume sold a day")
    impact: float = Field(
        default=1.0, ge=0, le=100, description="cost in daily risks of selling a whole day's volume (square root)"
    )
    holding: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="in stress, cost in daily risks of each root of a day that a sale goes on beyond its days",
    )
    longest_days: int = Field(default=60, ge=1, le=1000, description="no sale takes more days than this")


def sells(rules: CloseOutRules) -> bool:
    """Whether selling a book costs anything."""
    return rules.method != "instant"
