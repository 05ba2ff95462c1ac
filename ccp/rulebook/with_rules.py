"""A rulebook with some of its values changed, and whether that changes what is measured."""

import json
from dataclasses import replace
from typing import Any

from ccp.documents import validated
from ccp.errors import InputError, refuse
from ccp.rulebook.rulebook import Rulebook

MEASURED = ("currency", "currency_digits", "margin", "stress", "close_out", "collateral")
"""The parts of a rulebook that margins and stress losses by pool rest on."""
AFTER = ("house_surplus_covers_clients",)
"""The words of `stress` that count only when pools are put together."""


def with_rules(rulebook: Rulebook, changes: dict[str, Any], source: str) -> Rulebook:
    """The rulebook with values at paths such as `fund.cover` or `tiers.2.amount`. Raises InputError."""
    if not changes:
        return rulebook
    document = json.loads(rulebook.model_dump_json(by_alias=True))
    kept = [one for one in document.pop("figures") if one["path"] not in changes]
    for path, value in changes.items():
        *way, last = path.split(".")
        place: Any = document
        for step in way:
            place = _entry(place, step, path, source)
        if isinstance(place, list):
            _entry(place, last, path, source)
            place[int(last)] = value
        elif isinstance(place, dict):
            place[last] = value
        else:
            raise refuse(source, "no such place in the rulebook", field=path)
    try:
        return validated(document | {"figures": kept}, None, source, Rulebook)
    except InputError as error:  # a rulebook that was sound is wrong only where it was changed
        paths = ", ".join(changes)
        problems = [replace(problem, field=problem.field or paths) for problem in error.problems]
        raise InputError(problems) from None


def _entry(place: Any, step: str, path: str, source: str) -> Any:
    if isinstance(place, list) and step.isdigit() and int(step) < len(place):
        return place[int(step)]
    if isinstance(place, dict) and isinstance(place.get(step), dict | list):
        return place[step]
    raise refuse(source, f"no such place in the rulebook; {step!r} is not there", field=path)


def same_measuring(one: Rulebook, other: Rulebook) -> bool:
    """Whether two rulebooks margin and stress every pool alike."""

    def measured(rulebook: Rulebook) -> list[Any]:
        parts = [getattr(rulebook, name) for name in MEASURED]
        stress = rulebook.stress.model_dump(exclude=set(AFTER))
        return [stress if part is rulebook.stress else part for part in parts]

    return measured(one) == measured(other)
