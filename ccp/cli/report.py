"""`ccp report`: the risk committee's pack out of finished runs."""

from pathlib import Path
from typing import Annotated

import typer

from ccp.cli.options import AsJson, Quiet
from ccp.cli.pages import check_page
from ccp.cli.session import session
from ccp.errors import refuse


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Directories of finished runs; the first gives the page its title.", metavar="RUN"),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page. Default: RUN.html beside the run.", metavar="FILE")
    ] = None,
    static: Annotated[
        bool, typer.Option("--static", help="Draw charts as still pictures; no script in the page.")
    ] = False,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Also a printable copy.", metavar="FILE")] = None,
    xlsx: Annotated[
        Path | None, typer.Option("--xlsx", help="Also a workbook, one sheet a table.", metavar="FILE")
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option("--since", help="An earlier sized run: contributions are set against it.", metavar="RUN"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write the risk committee's page of finished runs: one HTML file that needs no network, and prints.

    Example: ccp report my-run my-crisis my-test --pdf my-run.pdf --xlsx my-run.xlsx
    """
    with session(as_json, quiet) as current:
        run = runs[0].resolve()
        file = run.with_name(f"{run.name}.html") if out is None else out
        wanted = {"--out": file, "--pdf": pdf, "--xlsx": xlsx}
        _check_distinct(wanted)
        for option, one in wanted.items():
            check_page(one, overwrite, option)
        from ccp.api.pack import pack

        with current.progress("drawing the pack"):
            made = pack(*runs, since=since)
            made.write_page(file, not static, overwrite)
            if pdf is not None:
                made.write_pdf(pdf, overwrite)
            if xlsx is not None:
                made.write_workbook(xlsx, overwrite)
        written = {"page": file, "pdf": pdf, "xlsx": xlsx}
        current.answer({"written": {name: str(path) for name, path in written.items() if path is not None}})
        if not as_json:
            current.notes([one for run in made.runs for one in run.notes])
            current.say(f"Written to {', '.join(str(path) for path in written.values() if path is not None)}")


def _check_distinct(wanted: dict[str, Path | None]) -> None:
    """Refuse two results in one file, before either is written."""
    taken: dict[Path, str] = {}
    for option, file in wanted.items():
        if file is not None:
            before = taken.setdefault(file.resolve(), option)
            if before != option:
                raise refuse(option, f"another file than that of {before} was expected", value=str(file))
