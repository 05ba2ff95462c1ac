"""Every word of the rulebook's schema can be set by its path, also where the rulebook does not state its part."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ccp.errors import InputError
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.with_rules import with_rules

BARE: dict[str, Any] = {
    "name": "bare",
    "currency": "USD",
    "margin": {"confidence": 0.99, "lookback_days": 100, "liquidation_days": 2},
    "stress": {"hypothetical": [{"ladder": "market_gaps"}]},
    "tiers": ["defaulter_margin", "defaulter_fund", "survivors_fund"],
}
"""A rulebook without any part that may be left out."""
STATED: dict[str, Any] = {
    "as_of": "2024-03-01",
    "currency": "EUR",
    "name": "other",
    "description": "words",
    "source": "a paper",
    "margin.liquidation": [{"kind": "future", "days": 3}],
    "margin.stress_period.from": "2008-01-02",
    "margin.stress_period.to": "2009-01-02",
    "stress.historical.worst": 7,
    "stress.historical.worst_of_each_factor": 2,
    "stress.historical.worst_of_each_group": 2,
    "stress.hypothetical": ["sector_gaps"],
    "stress.rate_shifts.shapes": [],
    "stress.rate_shifts.basis_points": [75.0],
    "stress.single_names.sizes": [0.2],
    "stress.single_names.multiples_of_own_worst": [2.0],
    "tiers": ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"amount": 5}}, "survivors_fund"],
}
"""Values of words that are no number, flag or choice."""
BESIDE = {
    "margin.stress_period.from": {"margin.stress_period.to": "2009-01-02"},
    "margin.stress_period.to": {"margin.stress_period.from": "2008-01-02"},
    "stress.historical.multiples": {"stress.historical.worst": 7},
    "stress.single_names.volatility_per_fall": {"stress.single_names.sizes": [0.2]},
    "stress.single_names.volatility_per_rise": {"stress.single_names.sizes": [0.2]},
    "stress.single_names.level_floor": {"stress.single_names.sizes": [0.2]},
}
MODELS = {"filtered": "margin.filter", "weighted": "margin.weighting", "parametric": "margin.parametric"}
"""What else has to be set, or the rulebook would be refused for it."""


def bare() -> Rulebook:
    return Rulebook.model_validate_json(json.dumps(BARE), strict=True)


def leaves(part: type[BaseModel] = Rulebook, before: tuple[str, ...] = ()) -> Iterator[tuple[str, FieldInfo]]:
    """Every word that is no part itself, by path. Told from pydantic's models, not from the code that sets."""
    for name, field in part.model_fields.items():
        way = (*before, field.alias or name)
        listed = get_origin(field.annotation) is tuple
        kinds = (field.annotation, *(() if listed else get_args(field.annotation)))
        inner = [one for one in kinds if isinstance(one, type)]
        parts = [one for one in inner if issubclass(one, BaseModel)]
        if parts:
            yield from leaves(parts[0], way)
        else:
            yield ".".join(way), field


LEAVES = {path: field for path, field in leaves() if path != "figures"}


def another(path: str, field: FieldInfo) -> Any:
    """A value within the limits of a word that is not its default."""
    if path in STATED:
        return STATED[path]
    kinds = [field.annotation, *(one for one in get_args(field.annotation) if one is not type(None))]
    choices = next((get_args(one) for one in kinds if get_origin(one) is Literal), ())
    if choices:
        return next(one for one in choices if one != field.default)
    if bool in kinds:
        return not field.default
    if path.endswith(".multiples"):
        return [2.0]
    if path.endswith("_limit") and path != "collateral.asset_limit":
        return {"*": 0.5}
    if str in kinds:
        return "an action"
    return 3 if int in kinds else number(path)


def number(path: str) -> float:
    """Within the limits of every number of the schema: shares are below 1, and these two are not."""
    return 3.0 if path in ("margin.parametric.degrees", "margin.filter.cap") else 0.5


def beside(path: str) -> dict[str, Any]:
    """What the word's part asks for: its required words, and the model that it goes with."""
    part, *_ = path.rpartition(".")
    same = [one for one in LEAVES if part and one.rpartition(".")[0] == part and part != "margin"]
    asked = {one: another(one, LEAVES[one]) for one in same if LEAVES[one].is_required()}
    model = {name: word for word, name in MODELS.items()}.get(part)
    return asked | BESIDE.get(path, {}) | ({} if model is None else {"margin.model": model})


@pytest.mark.parametrize("path", LEAVES)
def test_a_word_of_the_schema_is_set_by_its_path(path: str) -> None:
    value = another(path, LEAVES[path])
    changed = with_rules(bare(), list((beside(path) | {path: value}).items()))
    held: Any = changed.model_dump(mode="json", by_alias=True)
    for step in path.split("."):
        held = held[step]
    if path == "tiers" or path in ("margin.liquidation", "stress.hypothetical"):
        assert len(held) == len(value)
        assert held != bare().model_dump(mode="json", by_alias=True)[path.split(".")[0]]
    else:
        assert held == value


def test_the_walk_finds_words_of_parts_that_are_not_stated() -> None:
    assert {"stress.rate_shifts.shapes", "stress.plausible.shift", "fund.look_back.days"} < set(LEAVES)
    assert len(LEAVES) > 100


def test_an_empty_mapping_replaces_and_a_part_set_by_a_word_has_defaults_beside_it() -> None:
    rules = with_rules(bare(), [("collateral.issuer_limit", {"A": 0.2}), ("stress.plausible.shift", 100)])
    assert rules.stress.plausible is not None
    assert (rules.stress.plausible.shift, rules.stress.plausible.gap) == (100, 1.0)
    assert rules.collateral.issuer_limit == {"A": 0.2}
    assert with_rules(rules, [("collateral.issuer_limit", {"B": 0.3})]).collateral.issuer_limit == {"A": 0.2, "B": 0.3}
    with pytest.raises(InputError, match="at least one entry was expected, there is none"):
        with_rules(rules, [("collateral.issuer_limit", {})])
    assert with_rules(rules, [("stress.plausible", {})]).stress.plausible.shift == 2000  # type: ignore[union-attr]
    assert with_rules(bare(), [("collateral.currency_limit.JPY", 0.1)]).collateral.currency_limit == {"JPY": 0.1}


@pytest.mark.parametrize("path", ["fund.cover.x", "fund.size.x", "name.x", "nothing.x", "as_of.x"])
def test_a_word_that_is_no_part_has_none(path: str) -> None:
    with pytest.raises(InputError, match="no such place in the rulebook"):
        with_rules(bare(), [(path, 1)])
