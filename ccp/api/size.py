"""From files to a sized fund."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ccp.api.base import Keeper, keeper
from ccp.api.inputs import DEFAULT_RULEBOOK, open_inputs
from ccp.api.noted import sized_notes
from ccp.api.run_manifest import run_manifest
from ccp.api.streamed import Streaming, measure_on_disk, opened_on_disk, scratch_folder
from ccp.book.book import Book
from ccp.exposure.run import Progress
from ccp.market.history import Market
from ccp.notes.note import Note
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.commands import COMMANDS
from ccp.runs.manifest import with_notes
from ccp.runs.write import write_run
from ccp.sizing.event_figures import together_story
from ccp.sizing.figures import coverage_figures
from ccp.sizing.results import result_tables
from ccp.sizing.size import Sized, size_fund
from ccp.sizing.windows import measured_case
from ccp.stress.measure import Measured, pool_losses
from ccp.waterfall.event import Outcome
from ccp.waterfall.trace import trace_event

KIND = COMMANDS["size"]


@dataclass(frozen=True)
class Sizing:
    """What `size` found: tables by name (polars), the figures of `coverage.json`, and the stories of two events.

    `worst_event` is the default that sizes the fund (cover-N); `coverage_test_event` the one that leaves most
    uncovered, or least left over, with the fund in force. `manifest` states inputs and conventions, `notes` what a
    reader must know beside the figures: every rule that could not be met as it is written. `base`, where it was asked
    for, writes what `what_if` starts from.
    """

    tables: dict[str, pl.DataFrame]
    coverage: dict[str, Any]
    worst_event: dict[str, Any]
    coverage_test_event: dict[str, Any]
    manifest: dict[str, Any]
    notes: list[Note]
    base: Keeper | None = None

    def write(self, out: Path | str, overwrite: bool = False) -> Path:
        """Write the run to a directory, whole or not at all."""
        documents = {
            "coverage": self.coverage,
            "worst_event": self.worst_event,
            "coverage_test_event": self.coverage_test_event,
            "manifest": self.manifest,
        }
        command = self.manifest["made_by"].removeprefix("ccp ")
        return write_run(Path(out), command, self.tables, documents, overwrite, self.base and self.base.write)


def size(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook = DEFAULT_RULEBOOK,
    market: str | Path | Market | None = None,
    scenarios: Path | str | None = None,
    day: date | None = None,
    progress: Progress | None = None,
    streaming: Streaming | None = None,
    base: bool = False,
) -> Sizing:
    """Margin the book, stress it, size the fund and share it out, and run the waterfall in every scenario.

    `day` is the date the book is priced on, by default the market's last. `streaming` keeps positions on disk, under a
    bound on memory or spread over a cluster: the answer is the same bit for bit. With `base` the run, when it is
    written, keeps what `what_if` starts from. Raises InputError.
    """
    file = None if scenarios is None else Path(scenarios)
    if streaming is None:
        case = open_inputs(book, rulebook, market, day)
        measured = measured_case(case, file, progress)
        return _sizing(measured, rulebook, file, keeper(measured, file, None) if base else None)
    with opened_on_disk(book, rulebook, market, day, streaming) as case:
        measured = measure_on_disk(case, file, streaming, progress)
        kept = keeper(measured, file, scratch_folder(streaming)) if base else None
        return _sizing(measured, rulebook, file, kept)


def _sizing(measured: Measured, rulebook: str | Path | Rulebook, file: Path | None, base: Keeper | None) -> Sizing:
    stated = run_manifest(measured.case, rulebook, file, measured, KIND.command)
    sized = size_fund(measured)
    return sizing_of(sized, stated, sized_notes(sized, file), base)


def sizing_of(sized: Sized, manifest: dict[str, Any], notes: list[Note], base: Keeper | None = None) -> Sizing:
    """A sized fund as tables, figures and stories, with its notes."""
    return Sizing(
        result_tables(sized),
        coverage_figures(sized),
        event_story(sized, *sized.worst_event),
        event_story(sized, *sized.coverage_test_event),
        with_notes(manifest, notes),
        notes,
        base,
    )


def event_story(sized: Sized, scenario: int, groups: tuple[int, ...], outcome: Outcome | None = None) -> dict[str, Any]:
    """An event's trace, with its scenario and the facts a reader needs beside it. `outcome`: as it was run (default:
    alone)."""
    case, label = sized.case, sized.scenarios.labels[scenario]
    digits, pools = case.rulebook.currency_digits, pool_losses(sized.measured, scenario, groups)
    found = outcome or sized.outcome(scenario, groups)
    head = {
        "rulebook": case.rulebook.name,
        "date": case.date.isoformat(),
        "currency": case.rulebook.currency,
        "fund_in_force": sized.in_force,
        "scenario_id": label.scenario_id,
        "scenario": label.description,
        "provenance": label.provenance,
    }
    story = head | trace_event(sized.plan, found, pools, case.portfolio.pools, digits)
    return story | together_story(sized, scenario, groups)
