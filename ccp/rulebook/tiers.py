"""The tiers a rulebook may name, each called by a word, in the order the rulebook gives."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from ccp.documents import Frozen
from ccp.errors import LARGEST_AMOUNT


class DefaulterMargin(Frozen):
    """The margin of the defaulters' own pools. Example: `- defaulter_margin`."""

    tier: Literal["defaulter_margin"] = "defaulter_margin"


class DefaulterFund(Frozen):
    """The defaulting groups' own contributions. Example: `- defaulter_fund`."""

    tier: Literal["defaulter_fund"] = "defaulter_fund"


class CcpCapital(Frozen):
    """The clearing house's own money, a fixed amount or a share of the fund.

    May stand anywhere behind the defaulter's own money, and more than once.

    Examples: `- ccp_capital: {amount: 50000000}` and `- ccp_capital: {share_of_fund: 0.1}`.
    """

    tier: Literal["ccp_capital"] = "ccp_capital"
    amount: float | None = Field(default=None, ge=0, le=LARGEST_AMOUNT)
    share_of_fund: float | None = Field(default=None, ge=0, le=10)

    @model_validator(mode="after")
    def _one_size(self) -> "CcpCapital":
        if (self.amount is None) == (self.share_of_fund is None):
            raise ValueError("either amount or share_of_fund was expected, and not both")
        return self


class SurvivorsFund(Frozen):
    """The other members' contributions, in proportion. Example: `- survivors_fund`."""

    tier: Literal["survivors_fund"] = "survivors_fund"


class Uncovered(Frozen):
    """What nobody pays. Always last, and added when the rulebook does not name it. Example: `- uncovered`."""

    tier: Literal["uncovered"] = "uncovered"


WORDS = ("defaulter_margin", "defaulter_fund", "ccp_capital", "survivors_fund", "uncovered")


def _spelled_out(value: object) -> object:
    """`- word` and `- word: {...}` are short for `- {tier: word, ...}`."""
    if isinstance(value, str):
        value = {"tier": value}
    elif isinstance(value, dict) and len(value) == 1 and "tier" not in value:
        ((word, details),) = value.items()
        if details is not None and not isinstance(details, dict):
            raise ValueError(f"the tier {word} takes a mapping, for example {{amount: 1000000}}")
        value = {"tier": word, **(details or {})}
    if not isinstance(value, dict | Frozen) or (isinstance(value, dict) and "tier" not in value):
        raise ValueError("a tier's word was expected, alone or with a mapping of its details")
    if isinstance(value, dict) and value["tier"] not in WORDS:
        raise ValueError(f"unknown tier {value['tier']!r}; one of {', '.join(WORDS)} was expected")
    return value


def _word(value: object) -> str | None:
    return value.get("tier") if isinstance(value, dict) else getattr(value, "tier", None)


Tier = Annotated[
    Annotated[DefaulterMargin, Tag("defaulter_margin")]
    | Annotated[DefaulterFund, Tag("defaulter_fund")]
    | Annotated[CcpCapital, Tag("ccp_capital")]
    | Annotated[SurvivorsFund, Tag("survivors_fund")]
    | Annotated[Uncovered, Tag("uncovered")],
    Discriminator(_word),
    BeforeValidator(_spelled_out),
]


def check_order(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """The order every rulebook keeps: the defaulter pays first, nobody after `uncovered`, no tier twice.

    Only `ccp_capital` may stand more than once, and never ahead of the defaulter's contribution: whose loss it
    would pay could not be told. Source: EMIR, Regulation (EU) 648/2012, Article 45, for the
    defaulter before the others; the place of the clearing house's capital is left to the rulebook, since
    rulebooks before and outside EMIR have it elsewhere.
    """
    words = [tier.tier for tier in tiers]
    for word in WORDS:
        if word != "ccp_capital" and words.count(word) > 1:
            raise ValueError(f"the tier {word} stands {words.count(word)} times; once was expected")
    if not words or words[0] != "defaulter_margin":
        raise ValueError("the first tier must be defaulter_margin")
    if "survivors_fund" in words and "defaulter_fund" not in words:
        raise ValueError("survivors_fund without defaulter_fund: the defaulter's contribution pays first")
    if "uncovered" in words and words[-1] != "uncovered":
        raise ValueError("uncovered must be the last tier")
    if "defaulter_fund" in words and words[1] != "defaulter_fund":
        raise ValueError(f"{words[1]} stands before defaulter_fund: the defaulter's contribution pays first")
    return tiers
