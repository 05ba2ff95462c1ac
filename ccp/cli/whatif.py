"""`ccp whatif`: what a change of the book, or of a rule, would do to a sized fund."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ccp.cli.options import AsJson, Overwrite, Quiet, Threads, Verbose
from ccp.cli.pages import ReportFile, check_page, write_page
from ccp.cli.session import session, use_threads
from ccp.errors import refuse

if TYPE_CHECKING:
    from ccp.api.what_if import WhatIf

Several = list[str] | None
Trades = Annotated[
    Several,
    typer.Option(
        "--trade", help="A trade with a signed quantity; repeat for more.", metavar="ACCOUNT,INSTRUMENT,QUANTITY"
    ),
]
ScaleAccounts = Annotated[
    Several,
    typer.Option("--scale-account", help="Multiply all positions of an account by a factor.", metavar="ACCOUNT=FACTOR"),
]
ScaleMembers = Annotated[
    Several,
    typer.Option("--scale-member", help="Multiply all positions of a member by a factor.", metavar="MEMBER=FACTOR"),
]
RemoveAccounts = Annotated[Several, typer.Option("--remove-account", help="Remove an account.", metavar="ACCOUNT")]
RemoveMembers = Annotated[
    Several, typer.Option("--remove-member", help="Remove a member with all its accounts.", metavar="MEMBER")
]
Rules = Annotated[
    Several, typer.Option("--set", help="Set a value of the rulebook, such as fund.cover=3.", metavar="PATH=VALUE")
]


def whatif(
    run: Annotated[Path, typer.Argument(help="A run that ccp size --base has written.", metavar="RUN")],
    changes: Annotated[
        Path | None, typer.Option("--changes", "-c", help="Changes as a YAML file.", metavar="FILE")
    ] = None,
    trade: Trades = None,
    scale_account: ScaleAccounts = None,
    scale_member: ScaleMembers = None,
    remove_account: RemoveAccounts = None,
    remove_member: RemoveMembers = None,
    rule: Rules = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Directory to write the changed run to.", metavar="DIR")
    ] = None,
    report: ReportFile = None,
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Say what a change would do to a sized fund. Only what it touches is measured again; the answer is a full run's.

    Example: ccp whatif my-run --scale-member M003=1.5 --set fund.cover=3
    """
    with session(as_json, quiet, verbose) as current, _no_collection():
        import ccp
        from ccp.api.what_if import KIND
        from ccp.cli.change_options import told_by_option, wanted_changes
        from ccp.report.terminal.what_if_page import what_if_tables
        from ccp.runs.write import check_free

        use_threads(threads)
        if out is not None:
            check_free(out, KIND.command, overwrite)
        if report is not None and out is None:
            raise refuse("--report", "--out was expected beside it", value=str(report))
        check_page(report, overwrite)
        with told_by_option():
            wanted = wanted_changes(trade, scale_account, scale_member, remove_account, remove_member, rule)
            if changes is None and wanted is None:
                expected = "a change was expected: --changes, --trade, --scale-..., --remove-... or --set"
                raise refuse("--changes", expected)
            current.detail(f"reading {run}")
            given = (one for one in (changes, wanted) if one is not None)
            with current.progress("measuring what has changed") as progress:
                found = ccp.what_if(run, *given, progress=progress)
        current.detail("sized")
        if out is not None:
            found.sizing.write(out, overwrite)
        current.answer(_document(found))
        digits = found.manifest["rulebook"]["currency_digits"]
        moved = found.contributions
        current.show(what_if_tables(found.before, found.coverage, moved, found.measured, found.accounts, digits))
        current.notes(found.notes)
        if out is not None:
            current.say(f"Written to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
            write_page(current, out, report, overwrite)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Do not look for cycles among what is left behind: a short run has few, and it takes a tenth of its time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _document(found: "WhatIf") -> dict[str, Any]:
    """The answer as JSON."""
    return {
        "before": found.before,
        "after": found.coverage,
        "contributions": found.contributions.to_dicts(),
        "accounts_measured": found.measured,
        "accounts": found.accounts,
        "notes": [one.as_dict() for one in found.notes],
    }
