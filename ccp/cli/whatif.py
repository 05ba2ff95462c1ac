"""`ccp whatif`: what a change of the book, or of a rule, would do to a sized fund."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ccp.cli.options import AsJson, Overwrite, Quiet, Threads, Verbose
from ccp.cli.session import session, use_threads
from ccp.errors import refuse

if TYPE_CHECKING:
    from ccp.book.changes import Changes

Several = list[str] | None
Trades = Annotated[
    Several,
    typer.Option(
        "--trade", help="A trade, its quantity signed; again for more.", metavar="ACCOUNT,INSTRUMENT,QUANTITY"
    ),
]
ScaleAccounts = Annotated[
    Several,
    typer.Option("--scale-account", help="All positions of an account times a factor.", metavar="ACCOUNT=FACTOR"),
]
ScaleMembers = Annotated[
    Several, typer.Option("--scale-member", help="All positions of a member times a factor.", metavar="MEMBER=FACTOR")
]
RemoveAccounts = Annotated[Several, typer.Option("--remove-account", help="An account that goes.", metavar="ACCOUNT")]
RemoveMembers = Annotated[
    Several, typer.Option("--remove-member", help="A member that goes, with all it has.", metavar="MEMBER")
]
Rules = Annotated[
    Several, typer.Option("--set", help="A value of the rulebook, such as fund.cover=3.", metavar="PATH=VALUE")
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
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Say what a change would do to a sized fund. Only what it touches is measured again; the answer is a full run's.

    Example: ccp whatif my-run --scale-member M003=1.5 --set fund.cover=3
    """
    with session(as_json, quiet, verbose) as current:
        import polars as pl

        import ccp
        from ccp.report.what_if_page import what_if_tables
        from ccp.report.write import check_free

        use_threads(threads)
        if out is not None:
            check_free(out, "whatif", overwrite)
        wanted = _wanted(trade, scale_account, scale_member, remove_account, remove_member, rule)
        if changes is not None:
            wanted = ccp.read_changes(changes).with_more(wanted)
        if wanted == type(wanted)():
            raise refuse("--changes", "a change was expected: --changes, --trade, --scale-..., --remove-... or --set")
        current.detail(f"reading {run}")
        found = ccp.what_if(run, wanted)
        current.detail("sized")
        if out is not None:
            found.sizing.write(out, overwrite)
        before = pl.read_parquet(run / "contributions.parquet", columns=["member_id", "contribution"])
        after = found.sizing.tables["contributions"].select("member_id", "contribution")
        moved = before.join(after, on="member_id", how="full", coalesce=True, suffix="_after").rename(
            {"contribution": "before", "contribution_after": "after"}
        )
        digits = found.sizing.manifest["rulebook"]["currency_digits"]
        current.answer(_document(found, moved))
        current.show(what_if_tables(found.before, found.sizing.coverage, moved, found.measured, found.accounts, digits))
        for note in found.notes:
            current.say(f"note: {note}")
        if out is not None:
            current.say(f"Written to {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")


def _document(found: Any, moved: Any) -> dict[str, Any]:
    """The answer as JSON."""
    return {
        "before": found.before,
        "after": found.sizing.coverage,
        "contributions": moved.sort("member_id").to_dicts(),
        "accounts_measured": found.measured,
        "accounts": found.accounts,
        "notes": found.notes,
    }


def _wanted(
    trades: Several,
    scale_accounts: Several,
    scale_members: Several,
    remove_accounts: Several,
    remove_members: Several,
    rules: Several,
) -> "Changes":
    """The changes that the options state. Raises InputError."""
    from ccp.book.changes import Changes
    from ccp.documents import plain_value, validated

    scale = [{"account_id": one, "by": by} for one, by in _pairs("--scale-account", scale_accounts)]
    scale += [{"member_id": one, "by": by} for one, by in _pairs("--scale-member", scale_members)]
    document = {
        "trades": [_trade(text) for text in trades or []],
        "scale": scale,
        "remove": [{"account_id": one} for one in remove_accounts or []]
        + [{"member_id": one} for one in remove_members or []],
        "rules": {path: plain_value("--set", value) for path, value in _texts("--set", rules)},
    }
    return validated(document, None, "options", Changes)


def _trade(text: str) -> dict[str, Any]:
    parts = text.rsplit(",", 2)
    if len(parts) != 3:
        raise refuse("--trade", "ACCOUNT,INSTRUMENT,QUANTITY was expected", value=text)
    return {"account_id": parts[0], "instrument_id": parts[1], "quantity": _number("--trade", parts[2], text)}


def _pairs(option: str, texts: Several) -> list[tuple[str, float]]:
    return [(name, _number(option, value, f"{name}={value}")) for name, value in _texts(option, texts)]


def _texts(option: str, texts: Several) -> list[tuple[str, str]]:
    """Texts of the form NAME=VALUE, apart."""
    parts = [text.rpartition("=") if option != "--set" else text.partition("=") for text in texts or []]
    for (name, sign, value), text in zip(parts, texts or [], strict=True):
        if not (name and sign and value):
            raise refuse(option, "a name, an equals sign and a value were expected", value=text)
    return [(name, value) for name, _, value in parts]


def _number(option: str, value: str, text: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise refuse(option, f"a number was expected, not {value!r}", value=text) from None
