"""What the pack rests on: assumptions, conventions, data quality, the rulebook, inputs by digest."""

import json
from typing import Any

import polars as pl

from ccp.report.elements import Column, Figure, Section, Source, Table
from ccp.runs.run import Run

MANIFEST = "manifest.json"


def about_section(runs: list[Run]) -> Section:
    """Everything that a reviewer asks for first."""
    limits = dict.fromkeys(line for run in runs for line in run.kind.limits)
    notes = dict.fromkeys(note for run in runs for note in run.manifest.get("notes", []))
    quality = [f"Data quality: {note}." for note in notes] or ["Data quality: the checks found nothing to note."]
    figures = [_conventions(runs), _inputs(runs), _programs(runs)]
    figures += [_rules(place, run) for place, run in enumerate(runs, start=1) if "rulebook" in run.manifest]
    return Section("about", "Assumptions, conventions, data, manifest", (*limits, *quality), figures=tuple(figures))


def _conventions(runs: list[Run]) -> Figure:
    found = {name: words for run in runs for name, words in run.manifest.get("conventions", {}).items()}
    return _pairs("conventions", "Conventions", "conventions", ("convention", "as here"), list(found.items()))


def _inputs(runs: list[Run]) -> Figure:
    rows = {
        (role, one["file"], one["sha256"]): run.name
        for run in runs
        for role, one in run.manifest.get("inputs", {}).items()
    }
    frame = pl.DataFrame(
        [(*key, name) for key, name in rows.items()], schema=["role", "file", "sha256", "run"], orient="row"
    )
    columns = (Column("role", "input"), Column("file", "file"), Column("sha256", "SHA-256"), Column("run", "first in"))
    return Figure("inputs", "Inputs, by digest", (Source(MANIFEST, ("inputs",)),), Table(frame, columns))


def _programs(runs: list[Run]) -> Figure:
    rows = [
        (run.name, run.manifest["made_by"], name, version)
        for run in runs
        for name, version in (run.manifest["program"] | run.manifest["libraries"]).items()
    ]
    frame = pl.DataFrame(rows, schema=["run", "made_by", "name", "version"], orient="row")
    columns = (
        Column("run", "run"),
        Column("made_by", "made by"),
        Column("name", "program or library"),
        Column("version", "version"),
    )
    return Figure("programs", "Made with", (Source(MANIFEST, ("program", "libraries")),), Table(frame, columns))


def _rules(place: int, run: Run) -> Figure:
    """Every value of a rulebook, by its path."""
    rulebook = {name: value for name, value in run.manifest["rulebook"].items() if name != "figures"}
    title = f"The rulebook of {run.name}: {rulebook['name']}"
    return _pairs(f"rules-{place}", title, "rulebook", ("rule", "value"), _flat(rulebook))


def _pairs(key: str, title: str, field: str, headings: tuple[str, str], rows: list[tuple[str, Any]]) -> Figure:
    frame = pl.DataFrame({"name": [name for name, _ in rows], "value": [str(value) for _, value in rows]})
    columns = (Column("name", headings[0]), Column("value", headings[1]))
    return Figure(key, title, (Source(MANIFEST, (field,)),), Table(frame, columns))


def _flat(document: Any, path: str = "") -> list[tuple[str, str]]:
    """A document as paths and values; what is empty or not stated is left out."""
    if isinstance(document, dict) and document:
        return [pair for name, value in document.items() for pair in _flat(value, f"{path}.{name}" if path else name)]
    if isinstance(document, list) and any(isinstance(one, dict | list) for one in document):
        return [pair for place, value in enumerate(document) for pair in _flat(value, f"{path}.{place}")]
    if document in (None, "", [], {}):
        return []
    return [(path, document if isinstance(document, str) else json.dumps(document))]
