"""Each run as a few readable lines: the same for the command line and for Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl

from ccp.book.book import Book, read_book
from ccp.book.synthetic import BookSize, synthetic_book
from ccp.errors import InputError, Problem, refuse
from ccp.exposure.run import Progress
from ccp.market.case import Case, open_case
from ccp.market.history import Market, latest_levels, read_market
from ccp.market.volatility import SUFFIX, with_modelled_volatility
from ccp.pricing.quality import price_warnings
from ccp.report.manifest import manifest, synthetic_manifest
from ccp.report.write import check_free, write_run
from ccp.rulebook.load import load_rulebook, rulebook_path
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.stress_set import stress_scenarios
from ccp.sizing.results import coverage_figures, result_tables
from ccp.sizing.size import Sized, size_fund
from ccp.stress.measure import measure, pool_losses
from ccp.waterfall.table import outcome_rows, waterfall_frame
from ccp.waterfall.trace import trace_event

__all__ = [
    "CheckReport",
    "DefaultEvent",
    "Sizing",
    "check",
    "default",
    "example_book",
    "read_book",
    "read_market",
    "read_rulebook",
    "size",
    "synthesize",
]

DEFAULT_RULEBOOK = "textbook/cover-two"
read_rulebook = load_rulebook


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


@dataclass(frozen=True)
class DefaultEvent:
    """What `default` found: who paid what (`waterfall`), and the story line by line (`trace`)."""

    waterfall: pl.DataFrame
    trace: dict[str, Any]
    manifest: dict[str, Any]

    def write(self, out: Path | str, overwrite: bool = False) -> Path:
        """Write the event to a directory, whole or not at all."""
        documents = {"trace": self.trace, "manifest": self.manifest}
        return write_run(Path(out), {"waterfall": self.waterfall}, documents, overwrite)


@dataclass(frozen=True)
class CheckReport:
    """What `check` counted in a sound book, and what a reader should know of it."""

    counts: dict[str, int]
    date: date
    factors: list[str]
    modelled: list[str]
    warnings: list[str]


def check(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook = DEFAULT_RULEBOOK,
    market: str | Path | Market | None = None,
    day: date | None = None,
) -> CheckReport:
    """Read a book and check it against its market. Raises InputError with everything that is wrong."""
    case = _case(book, rulebook, market, day)
    tables = {name: getattr(case.book, name) for name in ("members", "accounts", "instruments", "positions")}
    counts = {name: table.height for name, table in tables.items()}
    if case.book.collateral is not None:
        counts["collateral"] = case.book.collateral.height
    return CheckReport(counts, case.date, case.factor_ids, list(case.market.modelled), price_warnings(case))


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
    case = _case(book, rulebook, market, day)
    file = None if scenarios is None else Path(scenarios)
    stress = stress_scenarios(case.rulebook, case.market, case.factor_ids, file)
    sized = size_fund(measure(case, stress, progress))
    return Sizing(
        result_tables(sized),
        coverage_figures(sized),
        _story(sized, *sized.worst_event),
        _manifest(case, rulebook, file, stress, "size"),
        price_warnings(case),
    )


def default(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook = DEFAULT_RULEBOOK,
    scenario: str | None = None,
    defaulters: Sequence[str] | None = None,
    cover: int | None = None,
    market: str | Path | Market | None = None,
    scenarios: Path | str | None = None,
    day: date | None = None,
    progress: Progress | None = None,
) -> DefaultEvent:
    """Let some groups default in one scenario, and say who pays.

    Without `defaulters` the `cover` groups (default: the rulebook's number) with the largest losses over margin in the
    scenario; without `scenario` the one that is worst for `cover` groups among those that size the fund.
    Raises InputError.
    """
    case = _case(book, rulebook, market, day)
    _check_cover(cover, defaulters)
    groups = None if defaulters is None else _group_places(case, defaulters)
    if cover is not None:
        fund = case.rulebook.fund.model_copy(update={"cover": cover})
        case = Case(case.book, case.market, case.rulebook.model_copy(update={"fund": fund}), case.factor_ids)
    file = None if scenarios is None else Path(scenarios)
    stress = stress_scenarios(case.rulebook, case.market, case.factor_ids, file)
    place = None if scenario is None else _scenario_place(stress, scenario)
    sized = size_fund(measure(case, stress, progress))
    place = sized.cover.scenario if place is None else place
    groups = groups or sized.largest_groups(place)
    digits = case.rulebook.currency_digits
    rows = outcome_rows(sized.plan, sized.outcome(place, groups), stress.ids[place], digits)
    return DefaultEvent(
        waterfall_frame(rows),
        _story(sized, place, groups),
        _manifest(case, rulebook, file, stress, "default"),
    )


def synthesize(out: Path | str, book_size: BookSize | None = None, seed: int = 1, overwrite: bool = False) -> Path:
    """Write a synthetic book on the shipped market: invented, and the same for the same seed and size."""
    wanted = book_size or BookSize()
    check_free(Path(out), overwrite)
    market = read_market()
    volatilities = [f"{name}{SUFFIX}" for name in market.factor_ids]
    levels = latest_levels(with_modelled_volatility(market, volatilities))
    tables = synthetic_book(wanted, seed, levels, market.dates[-1])
    stated = synthetic_manifest(wanted.__dict__, seed, market.dates[-1].isoformat())
    return write_run(Path(out), tables, {"manifest": stated}, overwrite)


def example_book() -> Path:
    """The directory of the synthetic book that is shipped with the package."""
    return Path(str(files("ccp.book") / "example"))


def _case(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook,
    market: str | Path | Market | None,
    day: date | None,
) -> Case:
    rules = rulebook if isinstance(rulebook, Rulebook) else load_rulebook(rulebook)
    prices = market if isinstance(market, Market) else read_market(market)
    return open_case(book, prices, rules, day)


def _story(sized: Sized, scenario: int, groups: tuple[int, ...]) -> dict[str, Any]:
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


def _check_cover(cover: int | None, defaulters: Sequence[str] | None) -> None:
    if cover is not None and defaulters is not None:
        raise refuse("--cover", "either defaulters or a cover number was expected, not both", value=cover)
    if cover is not None and cover < 1:
        raise refuse("--cover", "at least 1 was expected", value=cover)


def _group_places(case: Case, names: Sequence[str]) -> tuple[int, ...]:
    known = {name: place for place, name in enumerate(case.portfolio.groups)}
    expected = f"no such group; the book's groups are {', '.join(case.portfolio.groups[:20])}"
    expected += ", ..." if len(known) > 20 else ""
    unknown = [Problem("--defaulters", expected, value=name) for name in names if name not in known]
    if unknown:
        raise InputError(unknown)
    if not names:
        raise refuse("--defaulters", "at least one group was expected")
    return tuple(dict.fromkeys(known[name] for name in names))


def _scenario_place(stress: ScenarioSet, scenario_id: str) -> int:
    if scenario_id not in stress.ids:
        shown = ", ".join(stress.ids[:12])
        expected = f"no such scenario; there are {stress.count}, for example {shown}"
        raise refuse("--scenario", expected, value=scenario_id)
    return stress.ids.index(scenario_id)


def _manifest(
    case: Case, rulebook: str | Path | Rulebook, scenarios: Path | None, stress: ScenarioSet, command: str
) -> dict[str, Any]:
    """Inputs, versions and conventions of a run."""
    inputs = {f"book/{name}": path for name, path in case.book.files.items()}
    inputs |= {f"market/{name}": path for name, path in case.market.files.items()}
    if not isinstance(rulebook, Rulebook):
        inputs["rulebook"] = rulebook_path(rulebook)
    if scenarios is not None:
        inputs["scenarios"] = scenarios
    run = {"command": command, "date": case.date.isoformat(), "modelled_factors": list(case.market.modelled)}
    return manifest(inputs, case.rulebook, run | {"stress_scenarios": stress.count})
