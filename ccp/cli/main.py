"""The command `ccp`."""

import gc
from importlib import import_module

import typer

from ccp.cli.arguments import with_options
from ccp.runs.commands import COMMANDS

EPILOG = (
    "Exit status: 0 the run is complete, 1 a fault of this program, 2 the input or the call is wrong, "
    "3 a replay differs from what was reported, or an indicator is amber (ccp watch), 4 one is red; "
    "130 or 143 interrupted."
)

FIRST = ("demo", "check")
LAST = ("report", "show", "serve", "watch", "glossary", "ledger", "warmup", "rulebook")
"""The commands that write no run of their own, before and after those that do."""


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ccp {version('ccp-waterfall')}")
        raise typer.Exit


def _top(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Default-waterfall simulator for central clearing houses: how big must the fund be, and who pays."""


def made_app() -> typer.Typer:
    """The command line: the command of every word is the function of that name in `ccp/cli/WORD.py`."""
    made = typer.Typer(
        name="ccp",
        help="Default-waterfall simulator for central clearing houses: how big must the fund be, and who pays.",
        epilog=EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_top)
    for word in (*FIRST, *COMMANDS, *LAST):
        module = import_module(f"ccp.cli.{word}")
        if hasattr(module, "app"):
            made.add_typer(module.app, name=word)
        else:
            made.command(word)(with_options(getattr(module, word)))
    return made


app = made_app()


def main() -> None:
    """Run the command line."""
    try:
        app()
    finally:
        gc.freeze()  # Python would search all that is there for cycles before it ends: up to a fifth of a second
