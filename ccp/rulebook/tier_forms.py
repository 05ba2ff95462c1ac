"""How tiers are written: as a word, as a word with its details, or side by side; and the order that must hold."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from ccp.money import exact
from ccp.rulebook.tiers import (
    SINGLE_TIERS,
    Assessments,
    CcpCapital,
    CcpEquity,
    DefaulterFund,
    DefaulterMargin,
    GainsHaircut,
    Insurance,
    Named,
    ParentGuarantee,
    PayoutHaircut,
    SurvivorsFund,
    TearUp,
    Uncovered,
    Voluntary,
)

PARI_PASSU = "pari_passu"
WORDS = tuple(str(kind.model_fields["tier"].default) for kind in SINGLE_TIERS)
BEHIND_THE_DEFAULTER = tuple(word for word in WORDS if word not in ("defaulter_margin", "defaulter_fund", "uncovered"))
REPEATED = ("ccp_capital", "insurance", "survivors_fund", "assessments", "ccp_equity", "parent_guarantee")
"""Tiers that may stand more than once."""
LUMPS = ("ccp_capital", "insurance", "ccp_equity", "parent_guarantee")
"""Tiers with a size of their own."""
CLAIM_CUTS = ("gains_haircut", "tear_up", "payout_haircut")
"""Tiers that cut the same claims."""


def _spelled_out(value: object) -> object:
    """`- word` and `- word: {...}` are short for `- {tier: word, ...}`."""
    if isinstance(value, str):
        value = {"tier": value}
    elif isinstance(value, dict) and len(value) == 1 and "tier" not in value:
        ((word, details),) = value.items()
        if word == PARI_PASSU:
            details = {"parts": details}
        if details is not None and not isinstance(details, dict):
            raise ValueError(f"the tier {word} takes a mapping, for example {{amount: 1000000}}")
        value = {"tier": word, **(details or {})}
    if isinstance(value, dict) and value.get("tier") == PARI_PASSU and isinstance(value.get("parts"), list):
        value = value | {"parts": tuple(value["parts"])}  # as for `_named` in ccp.rulebook.stress
    if not isinstance(value, dict | Named) or (isinstance(value, dict) and "tier" not in value):
        raise ValueError("a tier's word was expected, alone or with a mapping of its details")
    if isinstance(value, dict) and value["tier"] not in (*WORDS, PARI_PASSU):
        raise ValueError(f"unknown tier {value['tier']!r}; one of {', '.join((*WORDS, PARI_PASSU))} was expected")
    return value


def _word(value: object) -> str | None:
    return value.get("tier") if isinstance(value, dict) else getattr(value, "tier", None)


_Single = (
    Annotated[DefaulterMargin, Tag("defaulter_margin")]
    | Annotated[DefaulterFund, Tag("defaulter_fund")]
    | Annotated[CcpCapital, Tag("ccp_capital")]
    | Annotated[Insurance, Tag("insurance")]
    | Annotated[SurvivorsFund, Tag("survivors_fund")]
    | Annotated[Assessments, Tag("assessments")]
    | Annotated[GainsHaircut, Tag("gains_haircut")]
    | Annotated[TearUp, Tag("tear_up")]
    | Annotated[Voluntary, Tag("voluntary")]
    | Annotated[CcpEquity, Tag("ccp_equity")]
    | Annotated[ParentGuarantee, Tag("parent_guarantee")]
    | Annotated[PayoutHaircut, Tag("payout_haircut")]
    | Annotated[Uncovered, Tag("uncovered")]
)


def _part_spelled_out(value: object) -> object:
    """As a tier is, but for parts used side by side: those do not stand inside each other."""
    spelled = _spelled_out(value)
    if isinstance(spelled, dict) and spelled["tier"] == PARI_PASSU:
        raise ValueError("a single tier was expected: pari_passu does not stand inside pari_passu")
    return spelled


Part = Annotated[_Single, Discriminator(_word), BeforeValidator(_part_spelled_out)]


def _check_parts(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    for part in parts:
        if part.tier not in BEHIND_THE_DEFAULTER:
            raise ValueError(f"{part.tier} cannot be used pari passu with others")
    if sum(part.tier in CLAIM_CUTS for part in parts) > 1:
        raise ValueError(f"of {', '.join(CLAIM_CUTS)} only one may stand in a tier: they cut the same claims")
    return parts


class PariPassu(Named):
    """Parts used side by side, in proportion to their sizes.

    Example: `- pari_passu: [survivors_fund, {ccp_capital: {amount: 57000000}}]`.
    """

    tier: Literal["pari_passu"] = "pari_passu"
    parts: Annotated[tuple[Part, ...], Field(min_length=2), AfterValidator(_check_parts)]


Tier = Annotated[
    _Single | Annotated[PariPassu, Tag("pari_passu")],
    Discriminator(_word),
    BeforeValidator(_spelled_out),
]


def parts_of(tier: Tier) -> tuple[Part, ...]:
    """What a tier is made of: its parts, or itself."""
    return tier.parts if isinstance(tier, PariPassu) else (tier,)


def all_parts(tiers: Sequence[Tier]) -> list[Part]:
    """Every part of every tier, in the order written."""
    return [part for tier in tiers for part in parts_of(tier)]


def check_order(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """The order every rulebook keeps: the defaulter pays first, nobody after `uncovered`, few tiers twice.

    Nobody's money stands ahead of the defaulter's contribution: whose loss it would pay could not be told. Source:
    EMIR, Regulation (EU) 648/2012, Article 45, for the defaulter before the others; the place of the clearing house's
    capital is left to the rulebook, since rulebooks before and outside EMIR have it elsewhere.
    """
    parts = all_parts(tiers)
    words = [part.tier for part in parts]
    for word in WORDS:
        if word not in REPEATED and words.count(word) > 1:
            raise ValueError(f"the tier {word} stands {words.count(word)} times; once was expected")
    if not words or words[0] != "defaulter_margin":
        raise ValueError("the first tier must be defaulter_margin")
    if "survivors_fund" in words and "defaulter_fund" not in words:
        raise ValueError("survivors_fund without defaulter_fund: the defaulter's contribution pays first")
    if "uncovered" in words and words[-1] != "uncovered":
        raise ValueError("uncovered must be the last tier")
    if "defaulter_fund" in words and words[1] != "defaulter_fund":
        raise ValueError(f"{words[1]} stands before defaulter_fund: the defaulter's contribution pays first")
    if sum(exact(part.share) for part in parts if isinstance(part, SurvivorsFund)) > 1:
        raise ValueError("the shares of the survivors_fund tiers add up to more than 1")
    return tiers


def tier_schema(definitions: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of one tier in all its forms, from pydantic's definitions of the models."""
    single = [form for kind in SINGLE_TIERS for form in _forms(definitions[kind.__name__])]
    parts = {"type": "array", "minItems": 2, "items": {"anyOf": single}}
    description = definitions["PariPassu"]["description"]
    beside = [
        {"description": description, **_mapping({PARI_PASSU: parts}, [PARI_PASSU])},
        {
            "description": description,
            **_mapping(definitions["PariPassu"]["properties"] | {"parts": parts}, ["tier", "parts"]),
        },
    ]
    return {"anyOf": [*single, *beside]}


def _forms(tier: dict[str, Any]) -> list[dict[str, Any]]:
    """A tier as a word alone, as a word with a mapping of its details, or spelled out with `tier: word`."""
    word = tier["properties"]["tier"]["const"]
    details = {name: rule for name, rule in tier["properties"].items() if name != "tier"}
    required, one_size = list(tier.get("required", [])), _one_size(details)
    inner = _mapping(details, required) | one_size
    spelled = _mapping({"tier": {"const": word}, **details}, ["tier", *required]) | one_size
    forms = [_mapping({word: inner}, [word]), spelled]
    if not required and not one_size:
        forms.insert(0, {"const": word})
    return [{"description": tier["description"], **form} for form in forms]


def _one_size(details: dict[str, Any]) -> dict[str, Any]:
    """Where there is a choice of sizes: exactly one of them."""
    sizes = [name for name in ("amount", "share_of_fund", "share_of_regulatory_capital") if name in details]
    return {"oneOf": [{"required": [size]} for size in sizes]} if len(sizes) > 1 else {}


def _mapping(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """The schema of a mapping with these keys and no others."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
