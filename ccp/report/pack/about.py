"""What the pack rests on: assumptions, conventions, the rulebook, inputs by digest."""

import json
from typing import Any

import polars as pl

from ccp.report.elements import Exhibit, Provenance, Section, Table, TableColumn
from ccp.report.pack.noted import notes_of_runs
from ccp.runs.run import Run

MANIFEST = "manifest.json"


def about_section(runs: list[Run]) -> Section:
    """Everything that a reviewer asks for first."""
    limits = dict.fromkeys(line for run in runs for line in run.kind.limits)
    noted = () if notes_of_runs(runs) else ("Notes: none. Every rule was met as it is written, as far as is checked.",)
    figures = [_conventions(runs), _inputs(runs), _programs(runs)]
    figures += [_rules(place, run) for place, run in enumerate(runs, start=1) if "rulebook" in run.manifest]
    return Section("about", "Assumptions, conventions, data, manifest", (*limits, *noted), figures=tuple(figures))


def _conventions(runs: list[Run]) -> Exhibit:
    found = {name: words for run in runs for name, words in run.manifest.get("conventions", {}).items()}
    return _pairs("conventions", "Conventions", "conventions", ("convention", "as here"), list(found.items()))


def _inputs(runs: list[Run]) -> Exhibit:
    rows = {
        (role, one["file"], one["sha256"]): run.name
        for run in runs
        for role, one in run.manifest.get("inputs", {}).items()
    }
    frame = pl.DataFrame(
        [(*key, name) for key, name in rows.items()], schema=["role", "file", "sha256", "run"], orient="row"
    )
    columns = (
        TableColumn("role", "input"),
        TableColumn("file", "file"),
        TableColumn("sha256", "SHA-256"),
        TableColumn("run", "first in"),
    )
    return Exhibit("inputs", "Inputs, by digest", (Provenance(MANIFEST, ("inputs",)),), Table(frame, columns))


def _programs(runs: list[Run]) -> Exhibit:
    rows = [
        (run.name, run.manifest["made_by"], name, version)
        for run in runs
        for name, version in (run.manifest["program"] | run.manifest["libraries"]).items()
    ]
    frame = pl.DataFrame(rows, schema=["run", "made_by", "name", "version"], orient="row")
    columns = (
        TableColumn("run", "run"),
        TableColumn("made_by", "made by"),
        TableColumn("name", "program or library"),
        TableColumn("version", "version"),
    )
    return Exhibit("programs", "Made with", (Provenance(MANIFEST, ("program", "libraries")),), Table(frame, columns))


def _rules(place: int, run: Run) -> Exhibit:
    """Every value of a rulebook, by its path."""
    rulebook = {name: value for name, value in run.manifest["rulebook"].items() if name != "figures"}
    title = f"The rulebook of {run.name}: {rulebook['name']}"
    return _pairs(f"rules-{place}", title, "rulebook", ("rule", "value"), _flat(rulebook))


def _pairs(key: str, title: str, field: str, headings: tuple[str, str], rows: list[tuple[str, Any]]) -> Exhibit:
    frame = pl.DataFrame({"name": [name for name, _ in rows], "value": [str(value) for _, value in rows]})
    columns = (TableColumn("name", headings[0]), TableColumn("value", headings[1]))
    return Exhibit(key, title, (Provenance(MANIFEST, (field,)),), Table(frame, columns))


def _flat(document: Any, path: str = "") -> list[tuple[str, str]]:
    """A document as paths and values; what is empty or not stated is left out."""
    if isinstance(document, dict) and document:
        return [pair for name, value in document.items() for pair in _flat(value, f"{path}.{name}" if path else name)]
    if isinstance(document, list) and any(isinstance(one, dict | list) for one in document):
        return [pair for place, value in enumerate(document) for pair in _flat(value, f"{path}.{place}")]
    if document in (None, "", [], {}):
        return []
    return [(path, document if isinstance(document, str) else json.dumps(document))]
