"""One command's session: where output goes, progress, errors as one clear message and exit status 2."""

import json
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer

from ccp.cli.arguments import told_by_options
from ccp.errors import CcpError, InputError, refuse

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from ccp.notes.note import Note

BAD_INPUT = 2
FAULT = 1
MOST_BYTES = 2**62
"""More memory than this is no bound."""
AMOUNT = re.compile(r"\s*[0-9]*\.?[0-9]+\s*[A-Za-z]*\s*")
"""A number and perhaps a unit."""


class Session:
    """Results go to standard output; progress, warnings and errors to standard error."""

    def __init__(self, as_json: bool = False, quiet: bool = False, verbose: bool = False):
        self.as_json, self.quiet, self.verbose = as_json, quiet, verbose
        self.started = time.monotonic()

    def show(self, renderable: "RenderableType") -> None:
        """Print for people, unless quiet or printing JSON."""
        if not (self.quiet or self.as_json):
            self.console.print(renderable)

    def tell(self, text: str) -> None:
        """Print plain text for people as it is, without breaking its lines."""
        if not (self.quiet or self.as_json):
            typer.echo(text)

    def answer(self, document: dict[str, Any]) -> None:
        """Print the result as JSON, when asked to."""
        if self.as_json:
            typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))

    def say(self, message: str) -> None:
        """A line on standard error: warnings, and where the run was written."""
        if not self.quiet:
            typer.echo(message, err=True)

    def notes(self, notes: "Sequence[Note]") -> None:
        """What a reader must know beside the figures: on standard error, a line each."""
        from ccp.report.terminal.noted import note_lines

        for line in note_lines(notes):
            self.say(line)

    def detail(self, message: str) -> None:
        """A line for --verbose, with the seconds since the start."""
        if self.verbose:
            typer.echo(f"[{time.monotonic() - self.started:6.2f} s] {message}", err=True)

    @cached_property
    def console(self) -> "Console":
        """The terminal; without one, as wide as COLUMNS says or 80."""
        from rich.console import Console

        return Console(highlight=False, markup=False, emoji=False)

    @contextmanager
    def progress(self, what: str) -> Iterator[Any]:
        """A progress bar on standard error for anything that lasts; called with done and total."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda done, total: self.detail(f"{what}: {done:,} of {total:,}")
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def session(as_json: bool = False, quiet: bool = False, verbose: bool = False) -> Iterator[Session]:
    """Run a command: wrong input ends it with one message and status 2, a fault of the program with 1."""
    current = Session(as_json, quiet, verbose)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        with told_by_options():
            yield current
    except InputError as error:
        _report(error, as_json)
        raise typer.Exit(BAD_INPUT) from None
    except CcpError as error:
        typer.echo(f"fault: {error}", err=True)
        raise typer.Exit(FAULT) from None


def _terminated(number: int, frame: object) -> None:
    """Leave through the clean-up of everything that is open, so that nothing half-written stays."""
    raise SystemExit(128 + number)


def _report(error: InputError, as_json: bool) -> None:
    if as_json:
        problems = [problem.as_dict() for problem in error.problems]
        typer.echo(json.dumps({"problems": problems, "total": error.total}, indent=2, default=str))
    else:
        typer.echo(f"error: {error.message}" if error.total == 1 else f"error:\n{error.message}", err=True)


def parse_date(text: str | None) -> date | None:
    """A date option as a date."""
    return None if text is None else parse_day("--date", text)


def parse_day(option: str, text: str) -> date:
    """A day given with an option."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refuse(option, "a date, YYYY-MM-DD, was expected", value=text) from None


def parse_bytes(option: str, text: str) -> int:
    """An amount of memory, such as 2GiB or 500MB."""
    from pydantic import ByteSize, TypeAdapter, ValidationError

    try:
        if AMOUNT.fullmatch(text):  # pydantic looks at the beginning only
            return min(int(TypeAdapter(ByteSize).validate_python(text)), MOST_BYTES)
    except ValidationError:
        pass
    raise refuse(option, "an amount of memory was expected, such as 2GiB or 500MB", value=text)


def use_threads(count: int | None) -> None:
    """Set the number of threads, when one is given."""
    if count is not None:
        from ccp.kernels.engine.numba_door import use_threads as set_threads

        set_threads(count)
