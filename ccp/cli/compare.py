"""`ccp compare`: one ladder of losses through several rulebooks."""

from pathlib import Path
from typing import Annotated

import typer

from ccp.cli.options import AsJson, Overwrite, Quiet
from ccp.cli.pages import ReportFile, check_page, write_page
from ccp.cli.session import session


def compare(
    rulebooks: Annotated[
        list[str],
        typer.Option(
            "--rulebook", "-r", help="Rulebook file, or the name of a shipped one; repeat for each.", metavar="FILE"
        ),
    ],
    fund: Annotated[
        float | None,
        typer.Option("--fund", help="Size of each fund, in its currency; default: what the service published, or 1e9."),
    ] = None,
    members: Annotated[int, typer.Option("--members", help="Members of the stylised clearing house.")] = 20,
    cover: Annotated[
        int | None,
        typer.Option(
            "--cover", help="How many of the largest members default; default: as many as each rulebook covers."
        ),
    ] = None,
    rungs: Annotated[
        str, typer.Option("--ladder", help="Losses in multiples of the fund, separated by commas.", metavar="X,X,...")
    ] = "0.5,1,1.5,2,3,5,7.5,10",
    tiers: Annotated[bool, typer.Option("--tiers", help="Show every tier instead of who pays.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write the ladder to a directory.", metavar="DIR")
    ] = None,
    report: ReportFile = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Put the same losses, in multiples of the fund, through several rulebooks, and see who pays.

    Example: ccp compare --rulebook published/eurex --rulebook published/cme-base --rulebook published/krx-2013
    """
    with session(as_json, quiet) as current:
        import ccp
        from ccp.api.compare import KIND
        from ccp.report.terminal.comparison_page import comparison_tables
        from ccp.runs.write import check_free

        if out is not None:
            check_free(out, KIND.command, overwrite)
        check_page(report, overwrite)
        found = ccp.compare(rulebooks, fund, members, cover, _rungs(rungs))
        if out is not None:
            found.write(out, overwrite)
        notes = [one.as_dict() for one in found.notes]
        current.answer({"houses": found.houses, "ladder": found.ladder.to_dicts(), "notes": notes})
        current.show(comparison_tables(found.ladder, found.houses, tiers))
        current.notes(found.notes)
        if out is not None:
            current.say(f"Written to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
        write_page(current, found.as_run(), report, overwrite)


def _rungs(text: str) -> list[float]:
    from ccp.errors import refuse

    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise refuse("--ladder", "numbers separated by commas were expected", value=text) from None
