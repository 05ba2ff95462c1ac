"""The command `ccp`."""

import gc

import typer

from ccp.cli import (
    backtest,
    check,
    compare,
    default,
    demo,
    glossary,
    ledger,
    replay,
    report,
    rulebook,
    serve,
    show,
    simulate,
    size,
    synth,
    warmup,
    watch,
    whatif,
)

EPILOG = (
    "Exit status: 0 the run is complete, 1 a fault of this program, 2 the input or the call is wrong, "
    "3 a replay differs from what was reported, or an indicator is amber (ccp watch), 4 one is red; "
    "130 or 143 interrupted."
)

app = typer.Typer(
    name="ccp",
    help="Default-waterfall simulator for central clearing houses: how big must the fund be, and who pays.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("check")(check.check)
app.command("size")(size.size)
app.command("whatif")(whatif.whatif)
app.command("default")(default.default)
app.command("compare")(compare.compare)
app.command("replay")(replay.replay)
app.command("simulate")(simulate.simulate)
app.command("backtest")(backtest.backtest)
app.command("report")(report.report)
app.command("show")(show.show)
app.command("serve")(serve.serve)
app.command("watch")(watch.watch)
app.command("glossary")(glossary.glossary)
app.command("ledger")(ledger.ledger)
app.command("synth")(synth.synth)
app.command("warmup")(warmup.warmup)
app.add_typer(rulebook.app, name="rulebook")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ccp {version('ccp-waterfall')}")
        raise typer.Exit


@app.callback()
def _top(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Default-waterfall simulator for central clearing houses: how big must the fund be, and who pays."""


def main() -> None:
    """Run the command line."""
    try:
        app()
    finally:
        gc.freeze()  # Python would search all that is there for cycles before it ends: up to a fifth of a second
