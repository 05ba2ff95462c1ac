"""The words of a rulebook's `fund` part."""

from typing import Literal

from pydantic import Field

from ccp.documents import Frozen
from ccp.errors import LARGEST_AMOUNT


class FundRules(Frozen):
    """How large the default fund must be, and who contributes what."""

    cover: int = Field(
        default=2, ge=1, le=1000, description="the number of largest groups whose joint default it covers"
    )
    buffer: float = Field(default=0.0, ge=0, le=10, description="added on top, as a share")
    floor: float = Field(default=0.0, ge=0, le=LARGEST_AMOUNT, description="smallest size of the fund")
    minimum_contribution: float = Field(
        default=0.0, ge=0, le=LARGEST_AMOUNT, description="smallest contribution of a member"
    )
    allocation: Literal["margin_share", "stress_loss_share"] = "margin_share"
    covers_emir_42_3: bool = Field(
        default=False, description="also at least the largest group, or the second and third together if larger"
    )
    unused_contribution_shared: bool = Field(
        default=False,
        description="whether what one defaulter's contribution leaves over pays for another defaulter's loss",
    )
