"""The words of a rulebook's `fund` part."""

from typing import Literal

from pydantic import Field

from ccp.documents import Frozen
from ccp.errors import LARGEST_AMOUNT
from ccp.rulebook.settlement import Schedule


class LookBack(Frozen):
    """How the cover of several days becomes the cover that sizes the fund."""

    days: int = Field(default=1, ge=1, le=2500, description="latest open days; 1: today alone")
    aggregate: Literal["maximum", "percentile", "mean", "mean_of_groups"] = Field(
        default="maximum", description="mean_of_groups: the largest groups' own averages, added"
    )
    percentile: float = Field(default=0.99, gt=0, le=1, description="for aggregate: percentile")


class SupplementaryMargin(Frozen):
    """Margin on top, from groups whose stress loss takes too large a share of what is prefunded."""

    group_share: float = Field(
        gt=0,
        le=1,
        description="a group's stress loss over initial margin beyond this share of prefunded resources is called",
    )
    pair_share: float | None = Field(
        default=None, gt=0, le=10, description="only on days when cover-2 exceeds this share; absent: always"
    )
    warning_share: float | None = Field(default=None, gt=0, le=1, description="groups beyond this share are marked")


class FundRules(Frozen):
    """How large the default fund must be, and who contributes what."""

    cover: int = Field(
        default=2, ge=1, le=1000, description="the number of largest groups whose joint default it covers"
    )
    buffer: float = Field(default=0.0, ge=0, le=10, description="added on top, as a share")
    floor: float = Field(default=0.0, ge=0, le=LARGEST_AMOUNT, description="smallest size of the fund")
    size: float | None = Field(
        default=None,
        ge=0,
        le=LARGEST_AMOUNT,
        description="the fund is this large, whatever cover, buffer and floor come to and whatever is posted; never "
        "smaller than the minimum contributions together",
    )
    published_size: float | None = Field(
        default=None,
        ge=0,
        le=LARGEST_AMOUNT,
        description="what members had paid in, as the service published it; for comparisons",
    )
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
    look_back: LookBack = Field(default_factory=LookBack, description="in the daily cycle")
    schedule: Schedule = Field(default="monthly", description="in the daily cycle: when the fund is resized")
    largest_fall: float = Field(
        default=1.0, gt=0, le=1, description="in the daily cycle: most that one resizing may take off the fund"
    )
    notice_days: int = Field(default=1, ge=1, le=250, description="open days from a resizing to its call")
    replenishment_days: int = Field(
        default=5, ge=0, le=1000, description="open days from a settled default to the call that refills contributions"
    )
    capital_restoration_days: int = Field(
        default=20, ge=1, le=1000, description="open days until used skin in the game is restored"
    )
    supplementary_margin: SupplementaryMargin | None = None
