"""`ccp watch`: key risk indicators of finished runs, and an exit status that a scheduler can act on."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ccp.cli.options import AsJson, Quiet
from ccp.cli.session import session
from ccp.runs.commands import watched

if TYPE_CHECKING:
    from ccp.report.indicators.judged import Indicator

*_FIRST, _LAST = watched()
_READ = f"{', '.join(_FIRST)} or {_LAST}"
STATUS = {"amber": 3, "red": 4}
"""Exit status by the worst colour; otherwise 0."""


def watch(
    runs: Annotated[
        list[Path],
        typer.Argument(help=f"Runs of ccp {_READ}, for example those of one day.", metavar="RUN..."),
    ],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show the key risk indicators of finished runs: colour, value, thresholds, and what the procedure asks for.

    Thresholds and actions are those of each run's rulebook (docs/learn/watching.md). Of several runs that know an
    indicator
    the worst is shown. Exit status: 0 no indicator is amber or red, 3 the worst is amber, 4 red; 2 for a wrong call.

    Example: ccp watch my-run my-simulation
    """
    with session(as_json, quiet) as current:
        from ccp.report.indicators.judged import indicators, worst_colour
        from ccp.report.terminal.watch_page import watch_table
        from ccp.runs.run import open_run

        opened = [open_run(run, watched()) for run in runs]
        found, notes = indicators(opened), list(dict.fromkeys(one for run in opened for one in run.notes))
        worst = worst_colour(found)
        current.answer(watch_document(found, worst) | {"notes": [one.as_dict() for one in notes]})
        current.show(watch_table(found, notes, len(runs) > 1))
        raise typer.Exit(STATUS.get(worst, 0))


def watch_document(found: "list[Indicator]", worst: str) -> dict[str, Any]:
    """The indicators as JSON."""
    counts = {colour: sum(one.colour == colour for one in found) for colour in ("red", "amber", "green", "unknown")}
    return {"worst": worst, "counts": counts, "indicators": [asdict(one) for one in found]}
