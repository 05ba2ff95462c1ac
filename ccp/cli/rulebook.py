"""`ccp rulebook`: show a rulebook, check it, print the schema of rulebooks."""

import json
from typing import Annotated

import typer

from ccp.cli.options import AsJson, Quiet
from ccp.cli.session import session

app = typer.Typer(
    help="Show and check rulebooks, list those that are shipped, print their JSON Schema.", no_args_is_help=True
)


@app.command("check")
def check(
    file: Annotated[str, typer.Argument(help="Rulebook file, or the name of a shipped one.", metavar="FILE")],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Read a rulebook and say what is wrong with it, by line and column.

    Example: ccp rulebook check my-rules.yaml
    """
    with session(as_json, quiet) as current:
        from ccp.rulebook.load import load_rulebook

        rules = load_rulebook(file)
        tiers = ", ".join(tier.word for tier in rules.tiers)
        current.answer({"sound": True, "rulebook": rules.model_dump(mode="json")})
        current.show(f"The rulebook is sound: {rules.name}, {rules.currency}, tiers {tiers}.")


@app.command("show")
def show(
    file: Annotated[str, typer.Argument(help="Rulebook file, or the name of a shipped one.", metavar="NAME")],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Print a rulebook as a table of its tiers, with the source of every number; what is assumed is marked.

    Example: ccp rulebook show published/eurex
    """
    with session(as_json, quiet) as current:
        from ccp.report.terminal.rulebook_page import rulebook_tables
        from ccp.rulebook.load import load_rulebook

        rules = load_rulebook(file)
        current.answer(rules.model_dump(mode="json"))
        current.show(rulebook_tables(rules))


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of rulebooks, for editors that complete and check YAML as you type.

    Example: ccp rulebook schema > rulebook.schema.json
    """
    with session():
        from ccp.rulebook.load import rulebook_schema

        typer.echo(json.dumps(rulebook_schema(), indent=2))


@app.command("list")
def list_shipped(as_json: AsJson = False) -> None:
    """List the rulebooks that are shipped.

    Example: ccp rulebook list
    """
    with session(as_json) as current:
        from ccp.rulebook.load import load_rulebook, shipped_names

        rulebooks = {name: load_rulebook(name).name for name in shipped_names()}
        current.answer(rulebooks)
        for name, title in rulebooks.items():
            current.show(f"{name}: {title}")
