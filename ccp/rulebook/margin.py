"""The words of a rulebook's `margin` part."""

from typing import Literal

from pydantic import Field

from ccp.documents import Frozen


class MarginRules(Frozen):
    """How initial margin is measured."""

    measure: Literal["expected_shortfall", "value_at_risk"] = "expected_shortfall"
    confidence: float = Field(gt=0, lt=1, description="share of losses that margin covers; 0.99 is 99 %")
    lookback_days: int = Field(ge=2, le=100_000, description="margin scenarios: this many latest overlapping returns")
    liquidation_days: int = Field(ge=1, le=20, description="business days it takes to close a book out")
    quantile: Literal["ceil", "floor_plus_one"] = Field(
        default="ceil",
        description="which order statistic is the quantile of n losses: the ceil(n * confidence)-th smallest, "
        "or the floor(n * confidence) + 1st (differs when n * confidence is whole)",
    )
