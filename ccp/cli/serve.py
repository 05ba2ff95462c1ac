"""`ccp serve`: a local page to turn the knobs of a sized fund."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ccp.cli.options import DEFAULT_RULEBOOK, MarketPath, Quiet, Verbose
from ccp.cli.session import Session, session
from ccp.errors import refuse

if TYPE_CHECKING:
    from ccp.api.explore import Explorer
    from ccp.screen.opened import Opened

NEEDED = ("streamlit", "altair")
"""What the extra `screen` brings."""


def serve(
    fund: Annotated[
        Path, typer.Argument(help="A run that ccp size --base has written, or a book's directory.", metavar="RUN|BOOK")
    ],
    port: Annotated[
        int | None, typer.Option("--port", "-p", min=1, max=65535, help="Port to serve at; default: a free one.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to serve at: this machine alone.")] = "127.0.0.1",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    rulebook: Annotated[
        str | None,
        typer.Option(
            "--rulebook",
            "-r",
            help=f"For a book: rulebook file, or the name of a shipped one. Default: {DEFAULT_RULEBOOK}.",
            metavar="FILE",
        ),
    ] = None,
    market: MarketPath = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Serve a page to explore a sized fund: another event, fund or skin in the game, and who pays then. Ctrl-C ends it.

    It reads the run and writes nothing. Example: ccp serve my-run
    """
    with session(quiet=quiet, verbose=verbose) as current:
        _check_installed()
        opened = _opened(current, fund, rulebook, market)
        from ccp.screen.opened import hold
        from ccp.screen.server import LOOPBACK, free_port
        from ccp.screen.server import serve as serve_page

        free = free_port(host, port)
        if host not in LOOPBACK:
            current.say(f"warning: {host} is more than this machine: whoever reaches it sees the book's figures")
        hold(opened)
        ended = serve_page(host, free, not no_browser, lambda address: typer.echo(f"{address}  (Ctrl-C ends it)"))
        raise typer.Exit(128 + ended if ended else 0)


def _check_installed() -> None:
    """Say at once what is missing, before anything is read."""
    if any(find_spec(name) is None for name in NEEDED):
        raise refuse("ccp serve", "the page's library is not installed: pip install 'ccp-waterfall[screen]'")


def _opened(current: Session, fund: Path, rulebook: str | None, market: str | None) -> "Opened":
    """The fund, held ready for questions: a run's as it was kept, a book's sized now. Raises InputError."""
    from ccp.api.explore import explore_book, explore_run
    from ccp.screen.opened import BOOK, Opened

    if not _is_book(fund):
        _check_run(fund)
        if rulebook is not None or market is not None:
            option, value = ("--rulebook", rulebook) if rulebook is not None else ("--market", market)
            raise refuse(option, "a book was expected beside it; a run has its own", value=value)
        current.detail(f"reading {fund}")
        explorer = explore_run(fund)
        given = ("--scenarios", "SCENARIOS") if explorer.given else ()
        return Opened(explorer, fund.resolve().name, (BOOK, *given, *_day(explorer)))
    with current.progress("sizing the fund") as progress:
        explorer = explore_book(fund, rulebook or DEFAULT_RULEBOOK, market, progress=progress)
    own_market = () if market is None else ("--market", market)
    return Opened(explorer, fund.resolve().name, (str(fund), *own_market, *_day(explorer)))


def _day(explorer: "Explorer") -> tuple[str, str]:
    """The option for the day that the fund was sized on."""
    return "--date", explorer.base.case.date.isoformat()


def _check_run(fund: Path) -> None:
    """Refuse what is neither a run nor a book."""
    if not (fund / "manifest.json").is_file():
        found = "there is neither a manifest nor a table of members in it" if fund.is_dir() else "no such directory"
        raise refuse(str(fund), f"a run's or a book's directory was expected, {found}")


def _is_book(directory: Path) -> bool:
    """Whether a directory has a book's tables."""
    return any((directory / f"members.{kind}").is_file() for kind in ("parquet", "csv"))
