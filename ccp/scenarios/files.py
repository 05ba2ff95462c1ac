"""Scenarios from a file: a table of shocks, or the same in YAML."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import BeforeValidator, Field

from ccp.documents import Frozen, load_yaml, place_of, validated
from ccp.errors import Problem
from ccp.frames import Shocks
from ccp.rulebook.stress import Multiples
from ccp.scenarios.scenario_set import Label, ScenarioSet, joined, multiplied, over_one_period, without_multiple
from ccp.tables import raise_problems, read_table

LARGEST_RELATIVE = 100.0
"""A relative shock beyond this is a percentage, or a slip."""
LOWEST_STATED = -1.0
"""A relative shock below this takes a price below zero; what multiples make of one above it is capped."""


class Move(Frozen):
    """How far a factor moves, and how."""

    kind: Literal["relative", "absolute"] | None = None
    shock: float


def _spelled_out(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"shock": value}
    if not isinstance(value, dict):
        raise ValueError("a number was expected, or a mapping with kind and shock")
    return value


class YamlScenario(Frozen):
    """One scenario of a YAML file. `shocks` maps factors, or patterns with `*`, to moves."""

    id: str = Field(min_length=1)
    description: str = ""
    provenance: str = ""
    kind: Literal["relative", "absolute"] = "relative"
    sizes_fund: bool = True
    multiples: Multiples = (1.0,)
    shocks: dict[str, Annotated[Move, BeforeValidator(_spelled_out)]] = Field(min_length=1)


class ScenarioFile(Frozen):
    """A YAML file of scenarios."""

    scenarios: tuple[YamlScenario, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Place:
    """Where something stands in a file: its field, and `row`, or `line` and `position`."""

    source: str
    field: str
    where: dict[str, int]


@dataclass(frozen=True)
class Shock:
    """One shock of one scenario. `place` is that of the pattern; in a table the size has a column of its own."""

    pattern: str
    kind: str
    size: float
    place: Place
    size_field: str


@dataclass(frozen=True)
class StatedScenario:
    """One scenario as its file states it."""

    label: Label
    multiples: tuple[float, ...]
    shocks: list[Shock]
    place: Place


def read_scenarios(path: Path, factor_ids: list[str], known: list[str]) -> ScenarioSet:
    """Read a scenario file as a set over `factor_ids`.

    `known` are all the factors of the market: a pattern must match at least one of them. A factor named
    exactly beats a pattern; of two patterns that match, the later one counts. Raises InputError.
    """
    source, found = _read(path)
    sets = [multiplied(_one(stated.label, stated.shocks, factor_ids), stated.multiples) for stated in found]
    problems = [
        *_unmatched(source, found, [*known, *factor_ids]),
        *_too_far(source, found),
        *_repeated(source, found, sets),
    ]
    if not any(stated.label.sizes_fund for stated in found):
        expected = "at least one scenario that sizes the fund was expected; all say sizes_fund: false"
        problems.append(Problem(source, expected))
    raise_problems(problems, len(problems))
    return joined(sets)


def applied_shock(path: Path, label: Label, factor_id: str) -> Shock:
    """The shock of a file that moves a factor in one of its scenarios, as `read_scenarios` has them."""
    stated = next(one for one in _read(path)[1] if one.label.scenario_id == without_multiple(label))
    found = _applied(stated.shocks, factor_id)
    assert found is not None
    return found


def _read(path: Path) -> tuple[str, list[StatedScenario]]:
    """What a file is called in messages, and its scenarios."""
    if path.suffix in (".yaml", ".yml"):
        return str(path), _read_yaml(path)
    return path.name, _read_shocks(path)


def _read_shocks(path: Path) -> list[StatedScenario]:
    frame, problems, total = read_table(path, Shocks)
    raise_problems(problems, total)
    numbered = frame.with_row_index("row", offset=1)
    found = []
    for rows in numbered.partition_by("scenario_id", maintain_order=True):
        first = rows.row(0, named=True)
        plausible = rows["sizes_fund"].drop_nulls()
        label = Label(
            first["scenario_id"],
            "file",
            _first(rows["description"]) or first["scenario_id"],
            _first(rows["provenance"]) or f"file {path.name}",
            sizes_fund=bool(plausible.all()) if len(plausible) else True,
        )
        shocks = [
            Shock(
                row["factor_id"], row["kind"], row["shock"], Place(path.name, "factor_id", {"row": row["row"]}), "shock"
            )
            for row in rows.iter_rows(named=True)
        ]
        found.append(StatedScenario(label, (1.0,), shocks, Place(path.name, "scenario_id", {"row": first["row"]})))
    return found


def _first(values: pl.Series) -> str | None:
    stated = values.drop_nulls()
    return stated[0] if len(stated) else None


def _read_yaml(path: Path) -> list[StatedScenario]:
    data, node = load_yaml(path)
    document = validated(data, node, str(path), ScenarioFile)

    def place(*location: str | int) -> Place:
        return Place(str(path), ".".join(map(str, location)), place_of(node, *location))

    found = []
    for number, one in enumerate(document.scenarios):
        provenance = one.provenance or f"file {path.name}"
        label = Label(one.id, "file", one.description or one.id, provenance, sizes_fund=one.sizes_fund)
        shocks = []
        for pattern, move in one.shocks.items():
            here = place("scenarios", number, "shocks", pattern)
            shocks.append(Shock(pattern, move.kind or one.kind, move.shock, here, here.field))
        found.append(StatedScenario(label, one.multiples, shocks, place("scenarios", number, "id")))
    return found


def _unmatched(source: str, found: list[StatedScenario], known: list[str]) -> list[Problem]:
    return [
        Problem(
            source,
            f"no factor of the market matches (scenario {stated.label.scenario_id})",
            shock.place.field,
            shock.pattern,
            **shock.place.where,
        )
        for stated in found
        for shock in stated.shocks
        if not any(matches(factor_id, shock.pattern) for factor_id in known)
    ]


def _too_far(source: str, found: list[StatedScenario]) -> list[Problem]:
    above = f"a relative shock of {LARGEST_RELATIVE:g} at most was expected; 0.1 is up 10 %"
    below = f"a relative shock of {LOWEST_STATED:g} at least was expected; -0.1 is down 10 %"
    return [
        Problem(source, above if shock.size > 0 else below, shock.size_field, shock.size, **shock.place.where)
        for stated in found
        for shock in stated.shocks
        if shock.kind == "relative" and not LOWEST_STATED <= shock.size <= LARGEST_RELATIVE
    ]


def matches(factor_id: str, pattern: str) -> bool:
    """Whether a factor's name fits a pattern, in which `*` stands for any text and nothing else is special."""
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), factor_id) is not None


def _repeated(source: str, found: list[StatedScenario], sets: list[ScenarioSet]) -> list[Problem]:
    """Ids that stand more than once, those that multiples make included."""
    problems, seen = [], set[str]()
    for stated, scenarios in zip(found, sets, strict=True):
        problems += [
            Problem(
                source,
                "duplicate; a scenario's id may stand only once",
                stated.place.field,
                name,
                **stated.place.where,
            )
            for name in scenarios.ids
            if name in seen
        ]
        seen |= set(scenarios.ids)
    return problems


def _one(label: Label, shocks: list[Shock], factor_ids: list[str]) -> ScenarioSet:
    relative, absolute = np.zeros((1, len(factor_ids))), np.zeros((1, len(factor_ids)))
    for place, factor_id in enumerate(factor_ids):
        shock = _applied(shocks, factor_id)
        if shock is not None:
            (relative if shock.kind == "relative" else absolute)[0, place] = shock.size
    return over_one_period(factor_ids, [label], (relative, absolute))


def _applied(shocks: list[Shock], factor_id: str) -> Shock | None:
    """The shock that moves a factor: one that names it exactly, or else the last whose pattern matches."""
    matching = [shock for shock in shocks if matches(factor_id, shock.pattern)]
    last = matching[-1] if matching else None
    return next((shock for shock in matching if shock.pattern == factor_id), last)
