"""The tiers a rulebook may name. What each computes is said in docs/reference/waterfall.md, section 3."""

import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ccp.documents import Frozen
from ccp.errors import LARGEST_AMOUNT


def _money(meaning: str) -> float:
    return Field(ge=0, le=LARGEST_AMOUNT, description=meaning)


def _money_or_none(meaning: str) -> float | None:
    return Field(default=None, ge=0, le=LARGEST_AMOUNT, description=meaning)


def _day(value: object) -> object:
    """A day as JSON writes it: tiers are read from plain data, where days are still text."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.date.fromisoformat(value)
    except ValueError:
        raise ValueError("a date, YYYY-MM-DD, was expected") from None


Day = Annotated[datetime.date, BeforeValidator(_day)]


class Named(Frozen):
    """What any tier may say of itself beside its rules: what the service calls it, and where it was read."""

    name: str = Field(default="", description="what the service calls it")
    source: str = Field(default="", description="where its existence and its place were read")
    date: Day | None = Field(default=None, description="of when the source is")
    assumed: bool = Field(default=False, description="whether it stands here without a source that was read")
    reason: str = Field(default="", description="why it is assumed")

    @property
    def word(self) -> str:
        """What the tier is called in rulebooks."""
        return str(getattr(self, "tier"))  # noqa: B009 - every kind of tier has one, each its own

    @model_validator(mode="after")
    def _reason_given(self) -> "Named":
        if self.assumed and not self.reason:
            raise ValueError("an assumed tier needs a reason")
        return self


class DefaulterMargin(Named):
    """The margin of the defaulters' own pools, client pools for themselves only. Example: `- defaulter_margin`."""

    tier: Literal["defaulter_margin"] = "defaulter_margin"


class DefaulterFund(Named):
    """The defaulting groups' own contributions. Example: `- defaulter_fund`."""

    tier: Literal["defaulter_fund"] = "defaulter_fund"


class CcpCapital(Named):
    """The clearing house's own money: fixed, a share of the fund or of its regulatory capital.

    May stand anywhere behind the defaulter's own money, and more than once.

    Examples: `- ccp_capital: {amount: 50000000}`, `- ccp_capital: {share_of_fund: 0.1}` and
    `- ccp_capital: {share_of_regulatory_capital: 0.25}`. Where the service counts this money as a part of the fund that
    it is a share of: `- ccp_capital: {share_of_fund: 0.1, fund_includes_it: true}`, a ninth of the contributions.
    """

    tier: Literal["ccp_capital"] = "ccp_capital"
    amount: float | None = _money_or_none("in units of the currency")
    share_of_fund: float | None = Field(default=None, ge=0, le=10, description="of all contributions")
    fund_includes_it: bool = Field(
        default=False, description="whether share_of_fund is of contributions and this money together"
    )
    share_of_regulatory_capital: float | None = Field(default=None, ge=0, le=10, description="of regulatory_capital")

    @model_validator(mode="after")
    def _share_of_a_whole(self) -> "CcpCapital":
        if self.fund_includes_it and (self.share_of_fund is None or self.share_of_fund >= 1):
            raise ValueError("fund_includes_it was given: share_of_fund was expected with it, and less than 1")
        return self

    @model_validator(mode="after")
    def _one_size(self) -> "CcpCapital":
        sizes = (self.amount, self.share_of_fund, self.share_of_regulatory_capital)
        if sum(size is not None for size in sizes) != 1:
            raise ValueError("one of amount, share_of_fund and share_of_regulatory_capital was expected, and one only")
        return self


class Insurance(Named):
    """An insurer pays, once. Example: `- insurance: {amount: 75000000}`."""

    tier: Literal["insurance"] = "insurance"
    amount: float = _money("in units of the currency")


class SurvivorsFund(Named):
    """The other members' contributions, or a share of each.

    Examples: `- survivors_fund`, `- survivors_fund: {order: auction}` and, for two funds apart,
    `- survivors_fund: {share: 0.85}` with `- survivors_fund: {share: 0.15}` further down.
    """

    tier: Literal["survivors_fund"] = "survivors_fund"
    order: Literal["pro_rata", "segments_first", "auction"] = Field(
        default="pro_rata",
        description="segments_first: those of the loss's product class first; auction: who did not bid pays first",
    )
    share: float = Field(default=1.0, gt=0, le=1, description="the part of every contribution that stands here")


class Assessments(Named):
    """Survivors are called for more, up to a multiple of their required contributions.

    Example: `- assessments: {multiple: 1, period_multiple: 3}`.
    """

    tier: Literal["assessments"] = "assessments"
    multiple: float = Field(ge=0, le=100, description="of the required contribution, for each default")
    period_multiple: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="of the required contribution, in a cooling-off period; absent: no limit",
    )
    collected: float = Field(default=1.0, ge=0, le=1, description="the share of a call that is paid")
    cap: float | None = _money_or_none("for all members together")
    per: Literal["default", "event"] = Field(
        default="default", description="default: groups that default together count one by one"
    )


Owed = Literal["variation", "premium", "exercise"]
"""What the clearing house owes from day to day, by the words of the daily cycle."""
VARIATION_ONLY: tuple[Owed, ...] = ("variation",)


def _each_once(words: tuple[Owed, ...]) -> tuple[Owed, ...]:
    if len(set(words)) < len(words):
        raise ValueError("every word once was expected")
    return words


Counted = Annotated[
    tuple[Owed, ...],
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),  # as for `_day`
    AfterValidator(_each_once),
]


class GainsHaircut(Named):
    """What survivors' pools have gained since the default is cut; losers pay in full.

    Examples: `- gains_haircut: {share: 0.5, days: 5, cap: 100000000}` and
    `- gains_haircut: {counts: [variation, exercise]}`.
    """

    tier: Literal["gains_haircut"] = "gains_haircut"
    share: float = Field(default=1.0, gt=0, le=1, description="the largest haircut")
    counts: Counted = Field(
        default=VARIATION_ONLY,
        min_length=1,
        description="what counts as a gain: variation, and of premium-style options premium and exercise",
    )
    days: int | None = Field(default=None, ge=1, le=1000, description="gains of this many days count; absent: of all")
    cap: float | None = _money_or_none("for all members together")
    member_cap: float | None = _money_or_none("for each member")
    member_cap_multiple: float | None = Field(
        default=None, ge=0, le=100, description="for each member, of its required contribution; the greater counts"
    )


class TearUp(Named):
    """Contracts are ended at their value, and claims on them are not paid in full.

    Example: `- tear_up: {scope: partial}` (contracts matched with the defaulters' books; `full`: all contracts).
    """

    tier: Literal["tear_up"] = "tear_up"
    scope: Literal["partial", "full"] = "partial"


class Voluntary(Named):
    """What members offer of their own accord. Example: `- voluntary`."""

    tier: Literal["voluntary"] = "voluntary"


class CcpEquity(Named):
    """More of the clearing house's own money, behind what is set aside for defaults.

    Examples: `- ccp_equity: {amount: 100000000}` and `- ccp_equity: {share_of_regulatory_capital: 0.5}`.
    """

    tier: Literal["ccp_equity"] = "ccp_equity"
    amount: float | None = _money_or_none("in units of the currency")
    share_of_regulatory_capital: float | None = Field(default=None, ge=0, le=10, description="of regulatory_capital")

    @model_validator(mode="after")
    def _one_size(self) -> "CcpEquity":
        if (self.amount is None) == (self.share_of_regulatory_capital is None):
            raise ValueError("either amount or share_of_regulatory_capital was expected, and not both")
        return self


class ParentGuarantee(Named):
    """The clearing house's parent pays. Example: `- parent_guarantee: {amount: 600000000}`."""

    tier: Literal["parent_guarantee"] = "parent_guarantee"
    amount: float = _money("in units of the currency")


class OutsideSupport(Named):
    """Money from outside that nobody was bound to give: a lifeboat of lenders, or the state. What it pays is repaid out
    of recoveries before anybody ahead of it.

    Example: `- outside_support: {amount: 1000000000}`.
    """

    tier: Literal["outside_support"] = "outside_support"
    amount: float = _money("in units of the currency")


class PayoutHaircut(Named):
    """What members would be paid out is cut, all alike. Example: `- payout_haircut: {share: 1}`."""

    tier: Literal["payout_haircut"] = "payout_haircut"
    share: float = Field(default=1.0, gt=0, le=1, description="the largest haircut")


class Uncovered(Named):
    """What nobody pays. Always last, and added when the rulebook does not name it. Example: `- uncovered`."""

    tier: Literal["uncovered"] = "uncovered"
