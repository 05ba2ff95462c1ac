"""How tiers are written: as a word, as a word with its details, or side by side; and the order that must hold."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from ccp.money import exact
from ccp.rulebook.tier_kind import PLEDGED, TierKind
from ccp.rulebook.tier_table import DEFAULTER_FUND, DEFAULTER_MARGIN, UNCOVERED, all_kinds, kind_of, tier_words
from ccp.rulebook.tiers import Named

PARI_PASSU = "pari_passu"


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
    words = (*tier_words(), PARI_PASSU)
    if isinstance(value, dict) and value["tier"] not in words:
        raise ValueError(f"unknown tier {value['tier']!r}; one of {', '.join(words)} was expected")
    return value


def _word(value: object) -> str | None:
    return value.get("tier") if isinstance(value, dict) else getattr(value, "tier", None)


def _part_spelled_out(value: object) -> object:
    """As a tier is, but for parts used side by side: those do not stand inside each other."""
    spelled = _spelled_out(value)
    if isinstance(spelled, dict) and spelled["tier"] == PARI_PASSU:
        raise ValueError("a single tier was expected: pari_passu does not stand inside pari_passu")
    return spelled


@lru_cache(maxsize=16)
def _part_reader(kinds: tuple[TierKind, ...]) -> TypeAdapter[Any]:
    """Reads a single tier, of those that there are."""
    return _reader_of(_one_of(kinds), _part_spelled_out)


@lru_cache(maxsize=16)
def _tier_reader(kinds: tuple[TierKind, ...]) -> TypeAdapter[Any]:
    """Reads a tier, of those that there are, or several side by side."""
    return _reader_of(_one_of(kinds) | Annotated[PariPassu, Tag(PARI_PASSU)], _spelled_out)


def _reader_of(forms: Any, spelled: Callable[[object], object]) -> TypeAdapter[Any]:
    """Reads one of some models, told apart by their words, from any way of writing it."""
    read: Any = Annotated[forms, Discriminator(_word), BeforeValidator(spelled)]
    return TypeAdapter(read)


def _one_of(kinds: tuple[TierKind, ...]) -> Any:
    return Union[tuple(Annotated[kind.model, Tag(kind.word)] for kind in kinds)]  # noqa: UP007 - made of a table


class _ByWord:
    """A tier is read as the model of its word, of the words that there are when it is read."""

    def __init__(self, alone: bool):
        self.alone = alone

    @property
    def reader(self) -> TypeAdapter[Any]:
        return _part_reader(all_kinds()) if self.alone else _tier_reader(all_kinds())

    def read(self, value: object) -> Named:
        """Strict, as whole rulebooks are read: text is no number."""
        return self.reader.validate_python(value, strict=True)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(self.reader.core_schema)


Part = Annotated[Named, _ByWord(alone=True)]
"""A single tier."""


def _check_parts(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    for part in parts:
        if not kind_of(part.word).beside_others:
            raise ValueError(f"{part.word} cannot be used pari passu with others")
    if sum(kind_of(part.word).cuts_claims for part in parts) > 1:
        cuts = ", ".join(kind.word for kind in all_kinds() if kind.cuts_claims)
        raise ValueError(f"of {cuts} only one may stand in a tier: they cut the same claims")
    return parts


class PariPassu(Named):
    """Parts used side by side, in proportion to their sizes.

    Example: `- pari_passu: [survivors_fund, {ccp_capital: {amount: 57000000}}]`.
    """

    tier: Literal["pari_passu"] = "pari_passu"
    parts: Annotated[tuple[Part, ...], Field(min_length=2), AfterValidator(_check_parts)]


Tier = Annotated[Named, _ByWord(alone=False)]
"""A tier as it stands in the order: a single one, or several side by side."""


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
    kinds, words = [kind_of(part.word) for part in parts], [part.word for part in parts]
    for kind in all_kinds():
        if not kind.repeats and words.count(kind.word) > 1:
            raise ValueError(f"the tier {kind.word} stands {words.count(kind.word)} times; once was expected")
    if not words or words[0] != DEFAULTER_MARGIN:
        raise ValueError(f"the first tier must be {DEFAULTER_MARGIN}")
    pledged: list[Any] = [part for part, kind in zip(parts, kinds, strict=True) if kind.form == PLEDGED]
    if pledged and DEFAULTER_FUND not in words:
        raise ValueError(f"{pledged[0].word} without {DEFAULTER_FUND}: the defaulter's contribution pays first")
    if UNCOVERED in words and words[-1] != UNCOVERED:
        raise ValueError(f"{UNCOVERED} must be the last tier")
    if DEFAULTER_FUND in words and words[1] != DEFAULTER_FUND:
        raise ValueError(f"{words[1]} stands before {DEFAULTER_FUND}: the defaulter's contribution pays first")
    if sum(exact(part.share) for part in pledged) > 1:
        named = ", ".join(dict.fromkeys(part.word for part in pledged))
        raise ValueError(f"the shares of the {named} tiers add up to more than 1")
    return tiers


def tier_schema(definitions: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of one tier in all its forms, from pydantic's definitions of the models."""
    single = [form for kind in all_kinds() for form in _forms(definitions[kind.model.__name__])]
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
