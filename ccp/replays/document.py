"""A replay as it is written: members, defaults, recoveries, and the rules they are run under."""

import datetime
from itertools import combinations
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ccp.documents import Frozen
from ccp.errors import CURRENCY, LARGEST_AMOUNT
from ccp.rulebook.default_management import DefaultManagement
from ccp.rulebook.figures import Figure
from ccp.rulebook.fund import FundRules
from ccp.rulebook.tier_forms import Tier, check_order
from ccp.rulebook.tier_table import tier_words

Amount = Annotated[float, Field(ge=0, le=LARGEST_AMOUNT)]
Signed = Annotated[float, Field(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
Origin = Literal["estate", "levy"]
"""Where money that comes back is from; what is more than everybody paid stays there."""
SURPLUS = "surplus_margin"
"""What may be expected beside what tiers pay: the defaulters' margin that is left over."""


class Member(Frozen):
    """What a member brings: contribution and required contribution (default: the same), by service where there are
    several; capital of its own (absent: without limit); its group (default: itself)."""

    contribution: Amount | dict[str, Amount] = 0.0
    required: Amount | dict[str, Amount] | None = None
    capital: Amount | None = None
    group: str | None = None


class Loss(Frozen):
    """A defaulter's loss and the margin that stands against it."""

    loss: Amount
    margin: Amount = 0.0


def _by_service(value: object) -> object:
    """`{energy: {loss: 5}}` is short for `{by_service: {energy: {loss: 5}}}`."""
    if isinstance(value, dict) and "loss" not in value and "by_service" not in value:
        return {"by_service": value}
    return value


class MemberLoss(Frozen):
    """A defaulter's loss: one, or one by service."""

    loss: Amount = 0.0
    margin: Amount = 0.0
    by_service: dict[str, Loss] = Field(default_factory=dict)

    def of(self, service: str | None) -> Loss:
        """The loss in a service, or the only one."""
        if service is None:
            return Loss(loss=self.loss, margin=self.margin)
        return self.by_service.get(service, Loss(loss=0.0))


class Default(Frozen):
    """Members that default on a day, and what is known of the others then."""

    date: datetime.date
    losses: dict[str, Annotated[MemberLoss, BeforeValidator(_by_service)]] = Field(min_length=1)
    books: dict[str, Loss] = Field(
        default_factory=dict, description="what other members' books would lose, if they default in a later round"
    )
    gains: dict[str, Signed] = Field(default_factory=dict, description="what others have gained since")
    matched: dict[str, Signed] = Field(default_factory=dict, description="claims on contracts opposite the defaulters'")
    offered: dict[str, Amount] = Field(default_factory=dict, description="what members offer of their own accord")
    auction: dict[str, Annotated[int, Field(ge=0, le=2)]] = Field(
        default_factory=dict, description="0 did not bid, 1 lost, 2 won"
    )
    unable: tuple[str, ...] = Field(default=(), description="members that do not answer calls")


class MarginCall(Frozen):
    """What members together were called for on a day. It is told and computes nothing: who could not pay defaults."""

    date: datetime.date
    amount: Amount


class Recovered(Frozen):
    """Money that came back for a default (by its number, from 1): from its estate, or raised by a levy."""

    date: datetime.date
    amount: Amount
    default: int = Field(default=1, ge=1)
    origin: Origin = "estate"


class Resignation(Frozen):
    """A member that resigns on a day."""

    date: datetime.date
    member: str


class ReplayRun(Frozen):
    """One way to run the defaults: under a rulebook, or under tiers written here; and what is expected."""

    name: str = Field(min_length=1)
    rulebook: str | None = None
    tiers: Annotated[tuple[Tier, ...], AfterValidator(check_order)] | None = None
    regulatory_capital: Amount | None = None
    fund: FundRules = Field(default_factory=FundRules)
    default_management: DefaultManagement = Field(default_factory=DefaultManagement)
    contagion: bool = False
    margin_netting: bool = Field(default=False, description="whether margin of one service pays in another")
    spill_over: tuple[str, ...] = Field(default=(), description="services that pay for others, in order")
    expected: dict[str, Amount] = Field(default_factory=dict, description="by tier, over all defaults")
    expected_recovered: dict[str, Amount] = Field(
        default_factory=dict, description="what came back, by tier, over all recoveries; estate and levy: what was left"
    )
    expected_defaults: int | None = Field(
        default=None, ge=1, description="members that default, those of later rounds included"
    )

    @model_validator(mode="after")
    def _one_set_of_rules(self) -> "ReplayRun":
        if (self.rulebook is None) == (self.tiers is None):
            raise ValueError("either rulebook or tiers was expected, and not both")
        return self


class Replay(Frozen):
    """Defaults, with everything they are run with. Amounts of members and defaults are in `scale` units of the
    currency."""

    title: str = Field(min_length=1)
    description: str = ""
    source: str = ""
    currency: str = Field(pattern=CURRENCY)
    currency_digits: int = Field(default=2, ge=0, le=4)
    scale: float = Field(default=1.0, gt=0, le=1e9)
    services: tuple[str, ...] = ()
    members: dict[str, Member] = Field(min_length=1)
    margin_calls: tuple[MarginCall, ...] = ()
    defaults: tuple[Default, ...] = Field(min_length=1)
    recoveries: tuple[Recovered, ...] = ()
    resignations: tuple[Resignation, ...] = ()
    runs: tuple[ReplayRun, ...] = Field(min_length=1)
    figures: tuple[Figure, ...] = ()

    @model_validator(mode="after")
    def _names_known(self) -> "Replay":
        for default in self.defaults:
            named = {
                *default.losses,
                *default.books,
                *default.gains,
                *default.matched,
                *default.offered,
                *default.auction,
            }
            _check_known({*named, *default.unable}, self.members, "member")
            for loss in default.losses.values():
                _check_known(loss.by_service, self.services, "service")
                if bool(loss.by_service) != bool(self.services):
                    raise ValueError("losses by service were expected where there are services, and only there")
            if set(default.books) & set(default.losses):
                raise ValueError("books of members that do not default with the others were expected")
        self._check_contributions()
        _check_known([one.member for one in self.resignations], self.members, "member")
        for run in self.runs:
            _check_known(run.spill_over, self.services, "service")
            _check_known(run.expected, (*tier_words(), SURPLUS), "tier")
            _check_known(run.expected_recovered, (*tier_words(), *get_args(Origin)), "tier")
        groups = [{self.members[name].group or name for name in default.losses} for default in self.defaults]
        if any(first & second for first, second in combinations(groups, 2)):
            raise ValueError("a group that defaults once was expected; one stands in two defaults")
        if any(one.default > len(self.defaults) for one in self.recoveries):
            raise ValueError(f"a recovery of one of the {len(self.defaults)} defaults was expected")
        if list(self.defaults) != sorted(self.defaults, key=lambda one: one.date):
            raise ValueError("defaults in order of date were expected")
        if any(one.date < self.defaults[one.default - 1].date for one in self.recoveries):
            raise ValueError("recoveries of a default on its day or later were expected")
        if self.services:
            self._check_services()
        return self

    def _check_contributions(self) -> None:
        """Contributions by service where there are services, and only there."""
        for member in self.members.values():
            for stated in (member.contribution, member.required):
                if isinstance(stated, dict):
                    _check_known(stated, self.services, "service")
                elif stated and self.services:
                    raise ValueError(
                        "contributions by service were expected where there are services: {service: amount}"
                    )

    def _check_services(self) -> None:
        """What is not run where there are several services."""
        if len(self.defaults) > 1 or self.recoveries or self.resignations or any(run.contagion for run in self.runs):
            expected = "one default, without recoveries, resignations and contagion, was expected"
            raise ValueError(f"with several services {expected}")


def _check_known(names: Any, known: Any, what: str) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        others = f"known are {', '.join(sorted(known))}" if known else "none is stated"
        raise ValueError(f"no such {what}: {', '.join(unknown)}; {others}")
