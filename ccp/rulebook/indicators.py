"""The words of a rulebook's `indicators` part: when a key risk indicator turns amber or red, and what is to be done.

What each indicator is, and from which data, is said in docs/learn/watching.md. Whether little or much of it is bad
belongs to the indicator; a rulebook states the thresholds.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ccp.documents import Frozen
from ccp.money import exact

Share = Annotated[float, Field(ge=0, le=1)]
NO_ACTION = "none is stated"


class Watched(Frozen):
    """When an indicator turns amber or red: strictly beyond the threshold. And what the procedure asks for then."""

    low_is_bad: ClassVar[bool] = False
    unit: ClassVar[Literal["share", "days"]] = "share"
    amber: float = Field(ge=0, le=1000, description="beyond it the indicator is amber; on it, still green")
    red: float = Field(ge=0, le=1000, description="beyond it the indicator is red; on it, still amber")
    action_amber: str = Field(min_length=1, description="what the procedure asks for when it is amber")
    action_red: str = Field(min_length=1, description="what the procedure asks for when it is red")

    @model_validator(mode="after")
    def _in_order(self) -> "Watched":
        if self.low_is_bad and self.red > self.amber:
            raise ValueError(
                f"red not above amber was expected, a low value being bad: red {self.red:g}, amber {self.amber:g}"
            )
        if not self.low_is_bad and self.red < self.amber:
            raise ValueError(
                f"red not below amber was expected, a high value being bad: red {self.red:g}, amber {self.amber:g}"
            )
        return self

    def action(self, colour: str) -> str:
        """What is to be done when it has a colour; nothing when it is green or not known."""
        return {"amber": self.action_amber, "red": self.action_red}.get(colour, "")


class TooLittle(Watched):
    """Thresholds of an indicator of which little is bad."""

    low_is_bad: ClassVar[bool] = True


class TooMuch(Watched):
    """Thresholds of an indicator of which much is bad."""


class TooManyDays(TooMuch):
    """Thresholds of a number of days of which many are bad."""

    unit: ClassVar[Literal["share", "days"]] = "days"


class TooSmallAShare(TooLittle):
    """Thresholds of a share of which little is bad."""

    amber: Share
    red: Share


class TooLargeAShare(TooMuch):
    """Thresholds of a share of which much is bad."""

    amber: Share
    red: Share


class Indicators(Frozen):
    """The key risk indicators. One that is absent is watched with thresholds of this program's own."""

    fund_over_cover_2: TooLittle | None = Field(
        default=None, description="the fund in force over cover-2; 1 is as large"
    )
    two_largest_of_fund: TooLargeAShare | None = Field(
        default=None, description="the two largest groups' share of the contributions"
    )
    margin_coverage: TooSmallAShare | None = Field(
        default=None, description="share of losses over the liquidation period that stayed within the margin before it"
    )
    one_day_coverage: TooSmallAShare | None = Field(
        default=None, description="share of losses of one day that stayed within what was held"
    )
    five_largest_of_margin: TooLargeAShare | None = Field(
        default=None, description="the five largest groups' share of the margin required"
    )
    days_to_liquidate: TooManyDays | None = Field(
        default=None, description="days to sell the books of the groups that size the fund"
    )
    uncalled_margin: TooLargeAShare | None = Field(
        default=None, description="required of pools and not held, as a share of the margin required"
    )
    unpaid_margin: TooLargeAShare | None = Field(
        default=None, description="called on a day and not paid, as a share of the margin required"
    )
    liquidity_used: TooMuch | None = Field(
        default=None, description="what a day asked of a member, as a share of the liquidity that it states"
    )


def defaults(confidence: float, liquidation_days: int) -> Indicators:
    """Thresholds of this program's own, no rule of any service; three follow what a rulebook says of its margin."""
    between = float((1 + exact(confidence)) / 2)
    own = {"action_amber": NO_ACTION, "action_red": NO_ACTION}
    return Indicators(
        fund_over_cover_2=TooLittle(amber=1.05, red=1.0, **own),
        two_largest_of_fund=TooLargeAShare(amber=0.4, red=0.5, **own),
        margin_coverage=TooSmallAShare(amber=between, red=confidence, **own),
        one_day_coverage=TooSmallAShare(amber=between, red=confidence, **own),
        five_largest_of_margin=TooLargeAShare(amber=0.6, red=0.75, **own),
        days_to_liquidate=TooManyDays(amber=liquidation_days, red=2 * liquidation_days, **own),
        uncalled_margin=TooLargeAShare(amber=0.0, red=0.01, **own),
        unpaid_margin=TooLargeAShare(amber=0.0, red=0.01, **own),
        liquidity_used=TooMuch(amber=0.5, red=0.75, **own),
    )
