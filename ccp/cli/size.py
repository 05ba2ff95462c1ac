"""`ccp size`: from files on disk to a sized default fund."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccp.cli.options import (
    DEFAULT_RULEBOOK,
    AsJson,
    Base,
    BookPath,
    Cluster,
    MarketPath,
    Memory,
    Out,
    Overwrite,
    Quiet,
    RulebookName,
    RunDate,
    ScenarioFile,
    Scratch,
    Threads,
    Verbose,
    Workers,
)
from ccp.cli.pages import ReportFile, check_page, write_page
from ccp.cli.session import Session, parse_bytes, parse_date, session, use_threads
from ccp.errors import refuse

if TYPE_CHECKING:
    from ccp.api.size import Sizing
    from ccp.api.streamed import Streaming


def size(
    book: BookPath,
    out: Out,
    rulebook: RulebookName = DEFAULT_RULEBOOK,
    market: MarketPath = None,
    scenarios: ScenarioFile = None,
    day: RunDate = None,
    memory: Memory = None,
    cluster: Cluster = None,
    workers: Workers = None,
    scratch: Scratch = None,
    base: Base = False,
    report: ReportFile = None,
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Margin a book, stress it, size the default fund, share it out, and say who pays if the worst groups default.

    Example: ccp size my-book --rulebook textbook/cover-two --out my-run
    """
    with session(as_json, quiet, verbose) as current:
        from ccp.api.size import KIND
        from ccp.runs.write import check_free

        check_free(out, KIND.command, overwrite)
        check_page(report, overwrite)
        result = run_size(
            current,
            book,
            rulebook,
            market,
            scenarios,
            day,
            threads,
            streaming_of(memory, cluster, workers, scratch),
            base,
        )
        result.write(out, overwrite)
        show_size(current, result)
        current.say(f"Written to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
        write_page(current, out, report, overwrite)


def run_size(
    current: Session,
    book: Path,
    rulebook: str,
    market: str | None,
    scenarios: Path | None,
    day: str | None,
    threads: int | None,
    streaming: "Streaming | None" = None,
    base: bool = False,
) -> "Sizing":
    """Size a book with a progress bar."""
    import ccp

    use_threads(threads)
    current.detail(f"reading {book}")
    with current.progress("margining and stressing accounts") as progress:
        result = ccp.size(book, rulebook, market, scenarios, parse_date(day), progress, streaming, base)
    current.detail("sized")
    return result


def streaming_of(
    memory: str | None, cluster: str | None, workers: int | None, scratch: Path | None
) -> "Streaming | None":
    """How a book is read that stays on disk, or None where nothing of it was asked for."""
    from ccp.api.streamed import Streaming

    if workers is not None and cluster != "local":
        raise refuse("--workers", "--cluster local was expected beside it", value=workers)
    how = Streaming(None if memory is None else parse_bytes("--memory", memory), cluster, workers, scratch)
    if scratch is not None and not how.wanted:
        raise refuse("--scratch", "--memory or --cluster was expected beside it", value=str(scratch))
    return how if how.wanted else None


def show_size(current: Session, result: "Sizing") -> None:
    """Print what an analyst wants to see first."""
    from ccp.report.terminal.story import waterfall_bars
    from ccp.report.terminal.summary import size_summary

    digits = result.manifest["rulebook"]["currency_digits"]
    current.answer(size_document(result))
    width = current.console.width
    current.show(size_summary(result.coverage, result.tables, result.worst_event, digits, width))
    test, worst = result.coverage_test_event, result.worst_event
    same = test["scenario_id"] == worst["scenario_id"] and set(test["defaulters"]) == set(worst["defaulters"])
    if test["uncovered"] and not same:
        current.show(waterfall_bars(test, digits))
    current.notes(result.notes)


def size_document(result: "Sizing") -> dict[str, Any]:
    """The result as JSON: the figures, the contributions and the worst event; the rest is in the run's tables."""
    contributions = result.tables["contributions"].to_dicts()
    return {
        "coverage": result.coverage,
        "contributions": contributions,
        "worst_event": result.worst_event,
        "coverage_test_event": result.coverage_test_event,
        "notes": [one.as_dict() for one in result.notes],
    }
