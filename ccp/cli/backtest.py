"""`ccp backtest`: margin models against the past, side by side."""

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
    Threads,
    Verbose,
)
from ccp.cli.pages import ReportFile, check_page, write_page
from ccp.cli.session import parse_day, session, use_threads


def backtest(
    book: BookPath,
    out: Out,
    first: Annotated[str, typer.Option("--from", help="First day.", metavar="YYYY-MM-DD")],
    last: Annotated[str, typer.Option("--to", help="Last day.", metavar="YYYY-MM-DD")],
    rulebook: RulebookName = DEFAULT_RULEBOOK,
    models: Annotated[
        str | None,
        typer.Option("--models", help="Models, separated by commas; default: all.", metavar="M1,M2"),
    ] = None,
    book_date: Annotated[
        str | None,
        typer.Option("--book-date", help="Day of the book's prices; default: the market's last.", metavar="YYYY-MM-DD"),
    ] = None,
    market: MarketPath = None,
    report: ReportFile = None,
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Margin the same book by several models on every day of a span, and test them against what happened.

    Example: ccp backtest my-book --from 2007-01-03 --to 2009-12-31 --models rulebook,filtered,floor --out my-test
    """
    with session(as_json, quiet, verbose) as current:
        import ccp
        from ccp.api.backtest import KIND
        from ccp.report.terminal.backtest_summary import backtest_summary
        from ccp.runs.write import check_free

        check_free(out, KIND.command, overwrite)
        check_page(report, overwrite)
        use_threads(threads)
        names = None if models is None else [name.strip() for name in models.split(",") if name.strip()]
        own_day = None if book_date is None else parse_day("--book-date", book_date)
        days = parse_day("--from", first), parse_day("--to", last)
        with current.progress("margining days") as progress:
            found = ccp.backtest(book, *days, rulebook, names, own_day, market, progress)
        found.write(out, overwrite)
        rules = found.manifest["rulebook"]
        book_rows = found.tables["backtest"].filter(level="book").to_dicts()
        notes = [one.as_dict() for one in found.notes]
        document = {"book": book_rows, "procyclicality": found.tables["procyclicality"].to_dicts(), "notes": notes}
        current.answer(document)
        run = found.manifest["run"]
        shown = backtest_summary(found.tables, rules["currency"], rules["margin"]["confidence"], run)
        current.show(shown)
        current.notes(found.notes)
        current.say(f"Written to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
        write_page(current, out, report, overwrite)
