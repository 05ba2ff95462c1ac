"""A default-waterfall simulator for central clearing houses.

    import ccp
    sizing = ccp.size("book", rulebook="textbook/cover-two")
    sizing.coverage["cover_2"], sizing.tables["contributions"]

Names are loaded when they are first used, so that importing `ccp` costs next to nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ccp.api import (
        CheckReport,
        DefaultEvent,
        Sizing,
        check,
        default,
        example_book,
        read_book,
        read_market,
        read_rulebook,
        size,
        synthesize,
    )
    from ccp.errors import InputError

__version__ = "0.1.0"
__all__ = [
    "CheckReport",
    "DefaultEvent",
    "InputError",
    "Sizing",
    "check",
    "default",
    "example_book",
    "read_book",
    "read_market",
    "read_rulebook",
    "size",
    "synthesize",
]


def __getattr__(name: str) -> Any:
    if name == "InputError":
        from ccp.errors import InputError

        return InputError
    if name in __all__:
        from ccp import api

        return getattr(api, name)
    raise AttributeError(f"module 'ccp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
