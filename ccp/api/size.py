"""From files to a sized fund."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ccp.api.inputs import DEFAULT_RULEBOOK, open_inputs, run_manifest
from ccp.book.book import Book
from ccp.exposure.run import Progress
from ccp.market.history import Market
from ccp.pricing.quality import price_warnings
from ccp.report.write import write_run
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.stress_set import stress_scenarios
from ccp.sizing.results import coverage_figures, result_tables
from ccp.sizing.size import Sized, size_fund
from ccp.stress.measure import measure, pool_losses
from ccp.waterfall.trace import trace_event


@dataclass(frozen=True)
class Sizing:
    """What `size` found: tables by name (polars), the figures of `coverage.json`, the worst event's story.

    `manifest` states inputs and conventions, `warnings` what a reader should know of the data.
    """

    tables: dict[str, pl.DataFrame]
    coverage: dict[str, Any]
    worst_event: dict[str, Any]
    manifest: dict[str, Any]
    warnings: list[str]

    def write(self, out: Path | str, overwrite: bool = False) -> Path:
        """Write the run to a directory, whole or not at all."""
        documents = {"coverage": self.coverage, "worst_event": self.worst_event, "manifest": self.manifest}
        return write_run(Path(out), self.tables, documents, overwrite)


def size(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook = DEFAULT_RULEBOOK,
    market: str | Path | Market | None = None,
    scenarios: Path | str | None = None,
    day: date | None = None,
    progress: Progress | None = None,
) -> Sizing:
    """Margin the book, stress it, size the fund and share it out, and run the waterfall in every scenario.

    `day` is the date the book is priced on, by default the market's last. Raises InputError.
    """
    case = open_inputs(book, rulebook, market, day)
    file = None if scenarios is None else Path(scenarios)
    stress = stress_scenarios(case.rulebook, case.market, case.factor_ids, file)
    sized = size_fund(measure(case, stress, progress))
    return Sizing(
        result_tables(sized),
        coverage_figures(sized),
        event_story(sized, *sized.worst_event),
        run_manifest(case, rulebook, file, stress, "size"),
        price_warnings(case),
    )


def event_story(sized: Sized, scenario: int, groups: tuple[int, ...]) -> dict[str, Any]:
    """An event's trace, with its scenario and the facts a reader needs beside it."""
    case, label = sized.measured.case, sized.measured.scenarios.labels[scenario]
    digits, pools = case.rulebook.currency_digits, pool_losses(sized.measured, scenario, groups)
    outcome = sized.outcome(scenario, groups)
    head = {
        "rulebook": case.rulebook.name,
        "date": case.date.isoformat(),
        "currency": case.rulebook.currency,
        "fund_in_force": "required" if sized.posted is None else "posted",
        "scenario_id": label.scenario_id,
        "scenario": label.description,
        "provenance": label.provenance,
    }
    return head | trace_event(sized.plan, outcome, pools, case.portfolio.pools, digits)
