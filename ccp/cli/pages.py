"""`--report` of the commands that make runs: where the page goes, checked before any work is done."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ccp.cli.session import Session
from ccp.errors import refuse

if TYPE_CHECKING:
    from ccp.runs.run import Run

ReportFile = Annotated[
    Path | None,
    typer.Option("--report", help="Also write the risk committee's page, one HTML file (ccp report).", metavar="FILE"),
]
NEEDED = ("altair", "vl_convert", "jinja2", "typst", "xlsxwriter")


def check_page(file: Path | None, overwrite: bool, option: str = "--report") -> None:
    """Refuse at once a page that could not be written. Raises InputError."""
    if file is None:
        return
    from ccp.runs.write import check_file_free

    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        expected = "the libraries for pages were expected to be installed: pip install 'ccp-waterfall[report]'"
        raise refuse(option, expected, value=str(file))
    check_file_free(file, overwrite)


def write_page(current: Session, run: "Path | Run", file: Path | None, overwrite: bool) -> None:
    """Write a run's page, where one was asked for."""
    if file is None:
        return
    from ccp.api.pack import pack

    pack(run).write_page(file, overwrite=overwrite)
    current.say(f"Page written to {file}")
