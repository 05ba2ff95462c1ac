"""`ccp simulate`: the daily cycle through years of prices."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ccp.cli.options import (
    DEFAULT_RULEBOOK,
    AsJson,
    BookPath,
    MarketPath,
    Out,
    Overwrite,
    Quiet,
    RulebookName,
    ScenarioFile,
    Threads,
    Verbose,
)
from ccp.cli.pages import ReportFile, check_page, write_page
from ccp.cli.session import parse_day, session, use_threads
from ccp.errors import refuse


def simulate(
    book: BookPath,
    out: Out,
    first: Annotated[str, typer.Option("--from", help="First day.", metavar="YYYY-MM-DD")],
    last: Annotated[str, typer.Option("--to", help="Last day.", metavar="YYYY-MM-DD")],
    rulebook: RulebookName = DEFAULT_RULEBOOK,
    book_date: Annotated[
        str | None,
        typer.Option("--book-date", help="Day of the book's prices; default: the first day.", metavar="YYYY-MM-DD"),
    ] = None,
    trades: Annotated[
        Path | None, typer.Option("--trades", help="Table of trades (.parquet or .csv).", metavar="FILE")
    ] = None,
    gaps: Annotated[
        list[str] | None,
        typer.Option("--gap", help="Lay a scenario over the prices from a day on.", metavar="DATE:SCENARIO"),
    ] = None,
    defaults: Annotated[
        list[str] | None, typer.Option("--default", help="Let a group default on a day.", metavar="GROUP@DATE")
    ] = None,
    closed: Annotated[
        list[str] | None,
        typer.Option("--closed", help="Days on which nothing can be traded or called.", metavar="FROM:TO"),
    ] = None,
    expiry: Annotated[
        str,
        typer.Option(
            "--expiry", help="dated: instruments expire on their day; constant: their time to expiry never changes."
        ),
    ] = "dated",
    scenarios: ScenarioFile = None,
    market: MarketPath = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume a run that was interrupted.")] = False,
    report: ReportFile = None,
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run the daily cycle: settle, margin, call, and see who fails, day by day; with the fund over time and a ledger.

    Example: ccp simulate my-book --from 2008-08-29 --to 2008-12-31 --default M001@2008-09-15 --out my-run
    """
    with session(as_json, quiet, verbose) as current:
        import ccp
        from ccp.report.terminal.cycle_summary import cycle_summary

        if expiry not in ("dated", "constant"):
            raise refuse("--expiry", "dated or constant was expected", value=expiry)
        check_page(report, overwrite)
        use_threads(threads)
        request = ccp.RunRequest(
            first=parse_day("--from", first),
            last=parse_day("--to", last),
            book_date=None if book_date is None else parse_day("--book-date", book_date),
            trades=trades,
            scenarios=scenarios,
            gaps=tuple(_gap(text) for text in gaps or []),
            defaults=tuple(_default(text) for text in defaults or []),
            closed=tuple(_closed(text) for text in closed or []),
            constant_expiry=expiry == "constant",
        )
        with current.progress("settling days") as progress:
            run = ccp.simulate(book, out, request, rulebook, market, resume, overwrite, progress)
        notes = [one.as_dict() for one in run.notes]
        current.answer({"summary": run.summary, "events": run.tables["events"].to_dicts(), "notes": notes})
        current.show(cycle_summary(run.summary, run.tables, current.console.width))
        current.notes(run.notes)
        current.say(f"Written to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
        write_page(current, out, report, overwrite)


def _gap(text: str) -> tuple[date, str]:
    day, mark, scenario = text.partition(":")
    if not mark or not scenario:
        raise refuse("--gap", "DATE:SCENARIO was expected, for example 2008-10-06:market down 20%", value=text)
    return parse_day("--gap", day), scenario


def _default(text: str) -> tuple[str, date]:
    group, mark, day = text.rpartition("@")
    if not mark or not group:
        raise refuse("--default", "GROUP@DATE was expected, for example M001@2008-09-15", value=text)
    return group, parse_day("--default", day)


def _closed(text: str) -> tuple[date, date]:
    first, mark, last = text.partition(":")
    days = parse_day("--closed", first), parse_day("--closed", last if mark else first)
    if days[0] > days[1]:
        raise refuse("--closed", "FROM:TO was expected, the first day not after the last", value=text)
    return days
