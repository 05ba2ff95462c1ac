"""A default-waterfall simulator for central clearing houses.

    import ccp
    sizing = ccp.size("book", rulebook="textbook/cover-two")
    sizing.coverage["cover_2"], sizing.tables["contributions"]

An argument of a wrong type is a TypeError that names function and parameter; a value or an input that cannot be used
is an `InputError`, with all that is wrong in it.

Names are loaded when they are first used, so that importing `ccp` costs next to nothing. Those of commands that write a
run stand in `ccp.runs.commands`; `__init__.pyi` lists all of them for editors and type checkers, made by
docs/tools/generate.py.
"""

from typing import Any

from ccp.runs.commands import COMMANDS
from ccp.runs.kind import referred

__version__ = "0.1.0"
OTHERS = (
    "ccp.api.check:CheckReport",
    "ccp.api.check:check",
    "ccp.api.hypothetical_capital:hypothetical_capital",
    "ccp.api.inputs:example_book",
    "ccp.api.inputs:read_rulebook",
    "ccp.api.pack:Packed",
    "ccp.api.pack:pack",
    "ccp.api.paths:Paths",
    "ccp.api.paths:draw_paths",
    "ccp.book.book:book_from_frames",
    "ccp.book.book:read_book",
    "ccp.errors:InputError",
    "ccp.market.history:read_market",
)
"""Public names that are of no run."""


def public_names() -> dict[str, str]:
    """Every public name with where it is, `module:name`."""
    places = [*OTHERS, *(place for row in COMMANDS.values() for place in row.python)]
    return {place.partition(":")[2]: place for place in sorted(places, key=lambda place: place.partition(":")[2])}


__all__ = list(public_names())  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    place = public_names().get(name)
    if place is None:
        raise AttributeError(f"module 'ccp' has no attribute {name!r}")
    found = referred(place)
    if type(found).__name__ == "function":
        from ccp.checked import checked  # numpy: only with a function that needs it anyway

        found = globals()[name] = checked(found, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *public_names()})
