"""`ccp replay`: real defaults, expected beside computed."""

from typing import Annotated

import typer

from ccp.cli.options import AsJson, Overwrite, Quiet
from ccp.cli.pages import ReportFile, check_page, write_page
from ccp.cli.session import session

DIFFERS = 3
"""Exit status when something expected was not computed."""


def replay(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Replays: shipped names or files. Default: all that are shipped.", metavar="NAME"),
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Every tier of every run, with payers and sums.")] = False,
    report: ReportFile = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run real defaults again, and set what is computed beside what was reported. Exit status 3 if they differ.

    Example: ccp replay nasdaq-2018 krx-hanmag-2013
    """
    with session(as_json, quiet) as current:
        import ccp
        from ccp.api.replay import replays_run
        from ccp.replays.load import replay_names
        from ccp.report.terminal.replay_page import replay_story, replay_tables

        check_page(report, overwrite)
        chosen = names or replay_names()
        found = {name: ccp.replay(name) for name in chosen}
        current.answer({name: one.as_dict() for name, one in found.items()})
        for one in found.values():
            if trace:
                current.tell(replay_story(one.as_dict(), one.digits))
            current.show(replay_tables(one.as_dict()))
        write_page(current, replays_run(list(found), list(found.values())), report, overwrite)
        differing = [name for name, one in found.items() if not one.agrees]
        if differing:
            current.say(f"Not as expected: {', '.join(differing)}")
            raise typer.Exit(DIFFERS)
