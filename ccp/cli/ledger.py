"""`ccp ledger`: a member's statement out of a run of the daily cycle."""

from pathlib import Path
from typing import Annotated

import typer

from ccp.cli.options import AsJson, Quiet, Verbose
from ccp.cli.session import parse_day, session
from ccp.errors import refuse


def ledger(
    run: Annotated[Path, typer.Argument(help="Directory that ccp simulate has written.", metavar="DIR")],
    member: Annotated[str, typer.Option("--member", help="The clearing member.", metavar="M")],
    first: Annotated[str | None, typer.Option("--from", help="First day shown.", metavar="YYYY-MM-DD")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day shown.", metavar="YYYY-MM-DD")] = None,
    every_row: Annotated[bool, typer.Option("--all", help="Show every row, not only the last 40.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show a member's statement: its accounts, what moved on each, and the rows.

    Example: ccp ledger my-run --member M001 --from 2008-09-15 --to 2008-09-30
    """
    with session(as_json, quiet, verbose) as current:
        from ccp.report.terminal.statement import read_statement, statement_tables

        days = [None if text is None else parse_day(name, text) for name, text in (("--from", first), ("--to", last))]
        if days[0] is not None and days[1] is not None and days[0] > days[1]:
            raise refuse("--from", f"a day not after {days[1]} was expected", value=str(days[0]))
        statement = read_statement(run, member, *days)
        current.answer(
            {
                "member": member,
                "currency": statement.currency,
                "accounts": statement.accounts.to_dicts(),
                "movements": statement.movements.to_dicts(),
                "rows": statement.rows.to_dicts(),
            }
        )
        current.show(statement_tables(statement, every_row))
