"""Scenarios from a file: a table of shocks, or the same in YAML."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import BeforeValidator, Field

from ccp.documents import Frozen, load_yaml, validated
from ccp.errors import Problem
from ccp.frames import Shocks, raise_problems, read_table
from ccp.scenarios.scenario_set import Label, ScenarioSet, joined, multiplied


class Move(Frozen):
    """How far a factor moves, and how."""

    kind: Literal["relative", "absolute"] | None = None
    shock: float


def _spelled_out(value: object) -> object:
    return {"shock": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class YamlScenario(Frozen):
    """One scenario of a YAML file. `shocks` maps factors, or patterns with `*`, to moves."""

    id: str = Field(min_length=1)
    description: str = ""
    provenance: str = ""
    kind: Literal["relative", "absolute"] = "relative"
    sizes_fund: bool = True
    multiples: tuple[Annotated[float, Field(gt=0)], ...] = (1.0,)
    shocks: dict[str, Annotated[Move, BeforeValidator(_spelled_out)]] = Field(min_length=1)


class ScenarioFile(Frozen):
    """A YAML file of scenarios."""

    scenarios: tuple[YamlScenario, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Shock:
    """One shock of one scenario, and where it stands in the file."""

    pattern: str
    kind: str
    size: float
    row: int | None = None


def read_scenarios(path: Path, factor_ids: list[str], known: list[str]) -> ScenarioSet:
    """Read a scenario file as a set over `factor_ids`.

    `known` are all the factors of the market: a pattern must match at least one of them. A factor named
    exactly beats a pattern; of two patterns that match, the later one counts. Raises InputError.
    """
    found = _read_yaml(path) if path.suffix in (".yaml", ".yml") else _read_shocks(path)
    problems = _unmatched(path.name, found, [*known, *factor_ids]) + _repeated(path.name, found)
    raise_problems(problems, len(problems))
    return joined([multiplied(_one(label, shocks, factor_ids), times) for label, times, shocks in found])


def _read_shocks(path: Path) -> list[tuple[Label, tuple[float, ...], list[Shock]]]:
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
        shocks = [Shock(r["factor_id"], r["kind"], r["shock"], r["row"]) for r in rows.iter_rows(named=True)]
        found.append((label, (1.0,), shocks))
    return found


def _first(values: pl.Series) -> str | None:
    stated = values.drop_nulls()
    return stated[0] if len(stated) else None


def _read_yaml(path: Path) -> list[tuple[Label, tuple[float, ...], list[Shock]]]:
    data, node = load_yaml(path)
    document = validated(data, node, str(path), ScenarioFile)
    found = []
    for one in document.scenarios:
        provenance = one.provenance or f"file {path.name}"
        label = Label(one.id, "file", one.description or one.id, provenance, sizes_fund=one.sizes_fund)
        shocks = [Shock(pattern, move.kind or one.kind, move.shock) for pattern, move in one.shocks.items()]
        found.append((label, one.multiples, shocks))
    return found


def _unmatched(
    source: str, found: list[tuple[Label, tuple[float, ...], list[Shock]]], known: list[str]
) -> list[Problem]:
    return [
        Problem(
            source,
            f"no factor of the market matches (scenario {label.scenario_id})",
            "factor_id",
            shock.pattern,
            shock.row,
        )
        for label, _, shocks in found
        for shock in shocks
        if not any(fnmatchcase(factor_id, shock.pattern) for factor_id in known)
    ]


def _repeated(source: str, found: list[tuple[Label, tuple[float, ...], list[Shock]]]) -> list[Problem]:
    ids = [label.scenario_id for label, _, _ in found]
    return [
        Problem(source, "duplicate; a scenario's id may stand only once", "scenario_id", name)
        for name in sorted(set(ids))
        if ids.count(name) > 1
    ]


def _one(label: Label, shocks: list[Shock], factor_ids: list[str]) -> ScenarioSet:
    relative, absolute = np.zeros((1, len(factor_ids))), np.zeros((1, len(factor_ids)))
    for place, factor_id in enumerate(factor_ids):
        matching = [shock for shock in shocks if fnmatchcase(factor_id, shock.pattern)]
        if matching:
            shock = next((shock for shock in matching if shock.pattern == factor_id), matching[-1])
            (relative if shock.kind == "relative" else absolute)[0, place] = shock.size
    return ScenarioSet(factor_ids, [label], relative, absolute)
