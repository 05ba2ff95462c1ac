"""What the screen is open on: one sized fund, held by the program that serves the page."""

from dataclasses import dataclass

from ccp.api.explore import Explorer
from ccp.errors import CcpError

BOOK = "BOOK"
"""Stands for a book that a run was sized from: the run does not know where it is."""


@dataclass(frozen=True)
class Opened:
    """A sized fund, what it is called (a run's or a book's directory), and the words with which other commands open
    the book that it was made of."""

    explorer: Explorer
    name: str
    book: tuple[str, ...]


_held: list[Opened] = []


def hold(opened: Opened) -> None:
    """Open the screen on a fund, in place of any before."""
    _held[:] = [opened]


def opened() -> Opened:
    """What the screen is open on."""
    if not _held:
        raise CcpError("the screen is open on nothing: it is started by ccp serve")
    return _held[0]
