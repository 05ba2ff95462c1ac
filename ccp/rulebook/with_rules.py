"""A rulebook with some of its values changed, and whether that changes what is measured."""

import json
from collections.abc import Sequence
from dataclasses import replace
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ccp.documents import validated
from ccp.errors import InputError, refuse
from ccp.rulebook.rulebook import Rulebook

MEASURED = ("currency", "currency_digits", "margin", "stress", "close_out", "collateral")
"""The parts of a rulebook that margins and stress losses by pool rest on."""
AFTER = ("house_surplus_covers_clients", "most_sets")
"""The words of `stress` that count only when pools are put together."""
SOURCE = "rulebook"


def with_rules(rulebook: Rulebook, rules: Sequence[tuple[str, Any]]) -> Rulebook:
    """The rulebook with values at paths such as `fund.cover` or `tiers.2.amount`, one set after the other.

    A mapping changes the words that it names; an empty one, a list, or an entry of a list, is replaced as a whole.
    Raises InputError.
    """
    if not rules:
        return rulebook
    document = json.loads(rulebook.model_dump_json(by_alias=True))
    figures, changed = document.pop("figures"), list[str]()
    for path, value in rules:
        if _inside(path, "figures"):
            raise refuse(SOURCE, "figures follow from the values that they stand for, and are not set", field=path)
        changed += _set(document, path.split("."), (), value)
    kept = [one for one in figures if not any(_inside(one["path"], path) for path in changed)]
    return _validated(document | {"figures": kept}, ", ".join(changed))


def _validated(document: dict[str, Any], changed: str) -> Rulebook:
    """The document as a rulebook. One that was sound is wrong only where it was `changed`."""
    try:
        return validated(document, None, SOURCE, Rulebook)
    except InputError:
        from ruamel.yaml import YAML  # seldom needed

        node = YAML(typ="safe", pure=True).compose(json.dumps(document))  # it knows the fields, and lines of no file
    try:
        return validated(document, node, SOURCE, Rulebook)
    except InputError as error:
        found = [replace(one, field=one.field or changed, line=None, position=None) for one in error.problems]
        raise InputError(found, error.total) from None


def _set(
    place: Any, way: list[str], before: tuple[str, ...], value: Any, model: type[BaseModel] | None = Rulebook
) -> list[str]:
    """Set a value in a document. Returns the paths that were changed.

    `model` is what the document is at this place, where that is known. A part that the rulebook does not state begins
    as one of defaults.
    """
    step, path = way[0], ".".join([*before, *way])
    key = _key(place, step, path)
    held = place[key] if isinstance(key, int) else place.get(key)
    if len(way) > 1:
        inner, has_words = _inner(model, step)
        if held is None and has_words:
            held = place[key] = {}
        if not isinstance(held, dict | list):
            raise refuse(SOURCE, f"no such place in the rulebook: {'.'.join([*before, step])} has no parts", field=path)
        return _set(held, way[1:], (*before, step), value, inner)
    if value and isinstance(value, dict) and isinstance(held, dict) and not _in_list((*before, step)):
        return [one for name, part in value.items() for one in _set(held, [str(name)], (*before, step), part)]
    place[key] = value
    return [path]


def _in_list(way: tuple[str, ...]) -> bool:
    return any(word.isdigit() for word in way)


def _inner(model: type[BaseModel] | None, step: str) -> tuple[type[BaseModel] | None, bool]:
    """What a word of a part is: a part itself, if it is one, and whether it has words of its own (or names)."""
    field = None if model is None else stated_fields(model).get(step)
    if field is None:
        return None, False
    kinds = _kinds(field.annotation)
    inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return inner, inner is not None or any(get_origin(kind) is dict for kind in kinds)


def stated_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a part of a rulebook, by the words that they are written with."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _kinds(annotation: Any) -> list[Any]:
    """The kinds of value that a field takes: those of an optional one without None."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for one in get_args(annotation) for kind in _kinds(one)]
    return [annotation]


def _key(place: Any, step: str, path: str) -> str | int:
    if isinstance(place, dict):
        return step
    if step.isdigit() and int(step) < len(place):
        return int(step)
    raise refuse(SOURCE, f"a number below {len(place)} was expected in place of {step!r}", field=path)


def _inside(path: str, other: str) -> bool:
    """Whether a path is another, or leads on from it."""
    return path == other or path.startswith(f"{other}.")


def same_measuring(one: Rulebook, other: Rulebook) -> bool:
    """Whether two rulebooks margin and stress every pool alike."""

    def measured(rulebook: Rulebook) -> list[Any]:
        parts = [getattr(rulebook, name) for name in MEASURED]
        stress = rulebook.stress.model_dump(exclude=set(AFTER))
        return [stress if part is rulebook.stress else part for part in parts]

    return measured(one) == measured(other)
