"""`ccp default`: one event, and who pays for it."""

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
    RunDate,
    ScenarioFile,
    Threads,
    Verbose,
)
from ccp.cli.pages import ReportFile, check_page, write_page
from ccp.cli.session import parse_date, session, use_threads


def default(
    book: BookPath,
    out: Out,
    rulebook: RulebookName = DEFAULT_RULEBOOK,
    scenario: Annotated[
        str | None, typer.Option("--scenario", help="Id of the scenario; default: the worst that sizes the fund.")
    ] = None,
    defaulters: Annotated[
        str | None, typer.Option("--defaulters", help="Groups that default, separated by commas.", metavar="G1,G2")
    ] = None,
    cover: Annotated[
        int | None,
        typer.Option(
            "--cover",
            help="Instead of --defaulters: the N groups with the largest stress loss over initial margin.",
            metavar="N",
        ),
    ] = None,
    contagion: Annotated[
        bool,
        typer.Option(
            "--contagion",
            help="Members whose capital cannot bear their own loss and their bill default too, in rounds.",
        ),
    ] = False,
    fire_sale: Annotated[
        bool | None,
        typer.Option(
            "--fire-sale/--no-fire-sale",
            help="With --contagion: selling defaulters' books moves prices. Default: as the rulebook says.",
        ),
    ] = None,
    market: MarketPath = None,
    scenarios: ScenarioFile = None,
    day: RunDate = None,
    report: ReportFile = None,
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Let some groups default in one scenario, and say line by line who pays what.

    Example: ccp default my-book --scenario "market down 30%" --defaulters M001,M002 --out my-event
    """
    with session(as_json, quiet, verbose) as current:
        import ccp
        from ccp.api.default import KIND
        from ccp.report.terminal.story import story_text, waterfall_bars
        from ccp.runs.write import check_free

        check_free(out, KIND.command, overwrite)
        check_page(report, overwrite)
        use_threads(threads)
        names = None if defaulters is None else [name.strip() for name in defaulters.split(",") if name.strip()]
        with current.progress("margining and stressing accounts") as progress:
            event = ccp.default(
                book,
                rulebook,
                scenario,
                names,
                cover,
                market,
                scenarios,
                parse_date(day),
                progress,
                contagion,
                fire_sale,
            )
        event.write(out, overwrite)
        digits = event.manifest["rulebook"]["currency_digits"]
        current.answer(event.trace | {"notes": [one.as_dict() for one in event.notes]})
        current.show(waterfall_bars(event.trace, digits))
        current.tell("\n" + story_text(event.trace, digits))
        current.notes(event.notes)
        current.say(f"Written to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
        write_page(current, out, report, overwrite)
