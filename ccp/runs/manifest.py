"""What a run was made from: inputs by digest, versions, conventions. Nothing in it depends on when it was run."""

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ccp.notes.note import Note
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.commands import COMMANDS

SYNTHETIC = COMMANDS["synth"]

LIBRARIES = ("numpy", "numba", "llvmlite", "polars", "pydantic", "dataframely")

CONVENTIONS = {
    "losses": "positive; margin held is that before the shock",
    "expected shortfall": "Acerbi-Tasche, fractional weight on the quantile",
    "money": "account margins and stress losses rounded to the minor unit, half to even; sums and shares exact",
    "shares": "largest remainder, ties to the smaller member id",
    "currency": "values in another currency converted at the scenario's rate",
    "options": "European, Black 1976 on the forward, full revaluation at the end of the liquidation period",
    "day count": "actual/365 to expiry; liquidation days are weekdays",
}


def manifest(inputs: dict[str, Path], rulebook: Rulebook, run: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a run; `inputs` are files by role."""
    invented = _invented(inputs)
    return {
        "made_by": f"ccp {run['command']}",
        "form": COMMANDS[run["command"]].form,
        "program": {"ccp": _version("ccp-waterfall")},
        **({"synthetic": invented} if invented else {}),
        "run": run,
        "inputs": {role: {"file": path.name, "sha256": file_digest(path)} for role, path in inputs.items()},
        "rulebook": rulebook.model_dump(mode="json", by_alias=True),
        "conventions": CONVENTIONS | {"quantile": rulebook.margin.quantile},
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def with_notes(stated: dict[str, Any], notes: Sequence[Note]) -> dict[str, Any]:
    """A run's manifest with its notes: there is a list of them in every run, empty where there is nothing to say."""
    return stated | {"notes": [one.as_dict() for one in notes]}


def rulebooks_manifest(
    command: str, files: dict[str, Path], rulebooks: list[Rulebook], run: dict[str, Any]
) -> dict[str, Any]:
    """The manifest of a run that needs rulebooks only."""
    return {
        "made_by": f"ccp {command}",
        "form": COMMANDS[command].form,
        "program": {"ccp": _version("ccp-waterfall")},
        "run": run,
        "inputs": {role: {"file": path.name, "sha256": file_digest(path)} for role, path in files.items()},
        "rulebooks": [rulebook.model_dump(mode="json", by_alias=True) for rulebook in rulebooks],
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def synthetic_manifest(size: dict[str, int], seed: int, day: str) -> dict[str, Any]:
    """The manifest of a synthetic book: what to ask for to get it again."""
    return {
        "made_by": f"ccp {SYNTHETIC.command}",
        "program": {"ccp": _version("ccp-waterfall")},
        "synthetic": "every member, account and position is invented",
        "seed": seed,
        "size": size,
        "date": day,
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def _invented(inputs: dict[str, Path]) -> str | None:
    """What the manifest beside an input says of invented data, so that a run of a synthetic book says so too."""
    for folder in dict.fromkeys(path.parent for path in inputs.values()):
        try:
            stated = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(stated, dict) and isinstance(stated.get("synthetic"), str):
            return stated["synthetic"]
    return None


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
