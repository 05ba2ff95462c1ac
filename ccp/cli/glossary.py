"""`ccp glossary`: the field's words beside ours."""

from dataclasses import asdict
from typing import Annotated

import typer

from ccp.cli.options import AsJson, Quiet
from ccp.cli.session import session
from ccp.errors import InputError, refuse


def _complete(incomplete: str) -> list[str]:
    """Words and abbreviations as one argument each, for the shell."""
    from ccp.glossary.glossary import entries

    names = [name for one in entries() for name in (one.word.replace(" ", "-"), one.abbreviation) if name]
    return [name for name in names if name.startswith(incomplete)]


def glossary(
    word: Annotated[
        list[str] | None,
        typer.Argument(
            help="A word of ours, the field's term or its abbreviation, or a rulebook's word. Default: list all.",
            metavar="WORD",
            autocompletion=_complete,
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Explain a word: what it means, what the field calls it, where it stands in a rulebook, the rule it comes from.

    Example: ccp glossary SLOIM
    """
    with session(as_json, quiet) as current:
        from ccp.glossary.glossary import entries, entries_for
        from ccp.report.terminal.glossary_page import glossary_list, glossary_page

        name = " ".join(word or [])
        found = entries_for(name) if word else list(entries())
        if not found:
            raise _unknown(name)
        current.answer({"entries": [asdict(one) for one in found]})
        current.show(glossary_page(found) if word else glossary_list(found))


def _unknown(name: str) -> InputError:
    """The error for a word that has no entry, with those that are written nearly so."""
    from ccp.glossary.glossary import near

    offered = ", ".join(near(name))
    expected = (
        f"a word of the glossary was expected; near it: {offered}"
        if offered
        else "a word of the glossary was expected (ccp glossary lists them)"
    )
    return refuse("WORD", expected, value=name)
