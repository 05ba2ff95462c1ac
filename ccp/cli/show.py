"""`ccp show`: any table or document of a finished run, in the terminal or for a pipe."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ccp.cli.options import AsJson, Quiet
from ccp.cli.session import Session, session
from ccp.errors import refuse

if TYPE_CHECKING:
    from ccp.report.listing.listed import Listing
    from ccp.report.listing.selection import Asked
    from ccp.runs.run import Run

SHOWN_ROWS = 40


def show(
    run: Annotated[Path, typer.Argument(help="Directory of a finished run.", metavar="RUN")],
    name: Annotated[
        str | None, typer.Argument(help="A table or document of it. Default: list them.", metavar="[TABLE]")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", "-w", help="Only rows with COLUMN OP VALUE; OP: = != < <= > >= ~", metavar="TEXT"),
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option("--sort", "-s", help="Order by a column; -COLUMN: largest first.", metavar="COLUMN"),
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", "-c", help="Only these columns, in this order.", metavar="A,B,C")
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            "--rows", "-n", min=0, help=f"Largest number of rows shown; default: {SHOWN_ROWS}, with --csv all."
        ),
    ] = None,
    every_row: Annotated[bool, typer.Option("--all", help="All rows.")] = False,
    totals: Annotated[bool, typer.Option("--sum", help="Also sums of money, over all rows that match.")] = False,
    describe: Annotated[bool, typer.Option("--describe", help="Instead, what its columns are.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on standard output, values in full.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what a finished run holds, or one of its tables or documents: sorted, filtered, to the cent.

    `~` finds text inside a cell, = with nothing after it an empty cell. Of several --where all must hold.

    Example: ccp show my-run waterfall --where "scenario_id ~ down 15%" --where "amount > 0" --sort -amount
    """
    with session(as_json, quiet) as current:
        from ccp.report.listing.selection import Asked
        from ccp.runs.run import open_run

        if as_csv and as_json:
            raise refuse("--csv", "either --csv or --json was expected, not both")
        if every_row and rows is not None:
            raise refuse("--all", "either --all or --rows was expected, not both", value=rows)
        found = open_run(run)
        if name is None:
            if where or order or columns is not None or rows is not None or every_row or totals or describe or as_csv:
                raise refuse("TABLE", "the table or document that the options are for was expected")
            _list(current, found)
        elif describe:
            _describe(current, found, name)
        else:
            most = None if every_row else rows if rows is not None else None if as_csv else SHOWN_ROWS
            asked = Asked(tuple(where or ()), tuple(order or ()), columns, most, totals)
            if as_csv:
                _print_csv(found, name, asked)
            else:
                _print_rows(current, found, name, asked)


def _list(current: Session, run: "Run") -> None:
    from ccp.report.listing.figures import documents_of
    from ccp.report.terminal.table_page import contents, contents_page

    held = contents(run, run.tables, documents_of(run))
    notes = [one.as_dict() for one in run.notes]
    holds = [vars(one) for one in held]
    current.answer({"run": run.name, "made_by": run.manifest["made_by"], "holds": holds, "notes": notes})
    current.show(contents_page(run, held))


def _describe(current: Session, run: "Run", name: str) -> None:
    from ccp.report.listing.listed import content_of
    from ccp.report.terminal.table_page import columns_page

    content = content_of(run, name)
    current.answer({"place": content.place, "columns": [vars(field) for field in content.fields]})
    current.show(columns_page(content))


def _print_rows(current: Session, run: "Run", name: str, asked: "Asked") -> None:
    from ccp.report.listing.listed import listing
    from ccp.report.terminal.table_page import table_page

    found = listing(run, name, asked, exact=current.as_json)
    current.answer(_document(found))
    current.show(table_page(found, asked, current.console.width))


def _document(found: "Listing") -> dict[str, Any]:
    """The rows as JSON, values in full."""
    return {
        "place": found.place,
        "rows": {"shown": found.frame.height, "matching": found.matching, "whole": found.whole},
        "columns": [vars(field) for field in found.fields],
        "data": found.frame.to_dicts(),
        "sums": found.totals,
    }


def _print_csv(run: "Run", name: str, asked: "Asked") -> None:
    """The rows as CSV, part by part. Whoever reads them may stop in the middle."""
    import polars as pl

    from ccp.report.listing.listed import asked_rows, content_of

    if asked.totals:
        raise refuse("--sum", "sums were expected in the terminal or with --json; CSV has rows only")
    content = content_of(run, name)
    rows = asked_rows(content, asked)[1]
    sys.stdout.flush()
    try:
        rows.sink_csv(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except (OSError, pl.exceptions.PolarsError) as error:
        if "Broken pipe" not in str(error):
            raise refuse(content.place, f"cannot be printed: {str(error).splitlines()[0]}") from None
