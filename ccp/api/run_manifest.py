"""What a sized run says of itself: its inputs, its windows and single names."""

from pathlib import Path
from typing import Any

from ccp.api.inputs import input_files
from ccp.market.case import Case
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.manifest import manifest
from ccp.scenarios.scenario_set import without_multiple
from ccp.scenarios.single_names import ALONE
from ccp.stress.measure import Measured


def run_manifest(
    case: Case, rulebook: str | Path | Rulebook, scenarios: Path | None, measured: Measured, command: str
) -> dict[str, Any]:
    """Inputs, versions and conventions of a run."""
    run = {"command": command, "date": case.date.isoformat(), "modelled_factors": list(case.market.modelled)}
    inputs = input_files(case, rulebook, scenarios=scenarios)
    counts = {"stress_scenarios": measured.scenarios.count} | windows_of_run(measured)
    return manifest(inputs, case.rulebook, run | counts)


def windows_of_run(measured: Measured) -> dict[str, Any]:
    """The windows of the history, and which of them are scenarios: nothing where none is."""
    kept = {label.window: without_multiple(label) for label in measured.scenarios.labels if label.window}
    case, looked_at = measured.case, measured.screened is not None and measured.screened.windows > 0
    days = case.market.dates
    stated = {"count": len(days) - 1, "first_day": str(days[0]), "last_day": str(days[-1]), "every_one_run": looked_at}
    stated["not_proved"] = max((left.windows for left in measured.left.values()), default=0)
    windows = {"windows": stated | {"kept": list(kept.values()), "why": _why_kept(measured)}} if kept else {}
    return windows | _names_of_run(measured)


def _why_kept(measured: Measured) -> dict[str, int]:
    """By kind of reason how many windows are kept for it, one for several perhaps; none where they were not run."""
    screened = measured.screened
    if screened is None:
        return {}
    labels, kinds = screened.candidates.labels, dict[str, set[Any]]()
    for place, reasons in sorted(screened.why.items()):
        for kind, _ in reasons if place < len(labels) else ():
            kinds.setdefault(kind, set()).add(labels[place].window)
    return {kind: len(found) for kind, found in kinds.items()}


def _names_of_run(measured: Measured) -> dict[str, Any]:
    """How many single names and moves were looked at, and which names are kept, each with the way that it moves."""
    model, screened = measured.windows, measured.screened
    if model is None or model.names is None or screened is None:
        return {}
    kept = [f"{name}{ALONE}{way}" for name, way in sorted(screened.kept.single_names)]
    return {"single_names": {"count": model.names.count, "kept": kept}}
