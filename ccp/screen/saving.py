"""What can be taken away: the changed rulebook as a file, and the command that gives the same answer."""

import shlex
from importlib.metadata import version

from ccp.api.explored import View
from ccp.report.words import listed
from ccp.rulebook.written import rulebook_text
from ccp.screen.opened import Opened

FILE, EVENT = "changed-rulebook.yaml", "changed-event"
"""What the saved rulebook is called, and the directory that the command writes."""


def saved_rulebook(view: View, opened: Opened) -> str:
    """The rulebook as it was seen, with where it comes from on top."""
    stated = view.settings.model_dump(exclude_none=True)
    asked = ", ".join(f"{name} {_words(value)}" for name, value in stated.items()) or "nothing"
    day = view.sized.case.date.isoformat()
    lines = (
        f"Saved from the screen of ccp {version('ccp-waterfall')}, open on {opened.name}, day {day}.",
        f"Made from the rulebook: {opened.explorer.rulebook.name}. Set on the screen: {asked}.",
    )
    return rulebook_text(view.rulebook, lines)


def _words(value: object) -> str:
    return listed(list(value)) if isinstance(value, tuple) else str(value)


def same_command(view: View, opened: Opened) -> str:
    """The command that computes the event from the book and the saved file."""
    event = ["--scenario", view.scenario_id, "--defaulters", ",".join(view.defaulters)]
    return shlex.join(["ccp", "default", *opened.book, "--rulebook", FILE, *event, "--out", EVENT])
