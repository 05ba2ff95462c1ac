"""A default-waterfall simulator for central clearing houses.

    import ccp
    sizing = ccp.size("book", rulebook="textbook/cover-two")
    sizing.coverage["cover_2"], sizing.tables["contributions"]

Names are loaded when they are first used, so that importing `ccp` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ccp.api.backtest import BackTesting, backtest
    from ccp.api.check import CheckReport, check
    from ccp.api.compare import Comparison, compare
    from ccp.api.default import DefaultEvent, default
    from ccp.api.hypothetical_capital import hypothetical_capital
    from ccp.api.inputs import example_book, read_rulebook
    from ccp.api.pack import Packed, pack
    from ccp.api.paths import Paths, draw_paths
    from ccp.api.replay import Replayed, replay
    from ccp.api.simulate import Simulation, simulate
    from ccp.api.size import Sizing, size
    from ccp.api.streamed import Streaming
    from ccp.api.synthesize import synthesize
    from ccp.api.what_if import WhatIf, read_changes, what_if
    from ccp.book.book import book_from_frames, read_book
    from ccp.book.changes import Changes
    from ccp.errors import InputError
    from ccp.market.history import read_market
    from ccp.settlement.opening import RunRequest

__version__ = "0.1.0"
__all__ = [
    "BackTesting",
    "Changes",
    "CheckReport",
    "Comparison",
    "DefaultEvent",
    "InputError",
    "Packed",
    "Paths",
    "Replayed",
    "RunRequest",
    "Simulation",
    "Sizing",
    "Streaming",
    "WhatIf",
    "backtest",
    "book_from_frames",
    "check",
    "compare",
    "default",
    "draw_paths",
    "example_book",
    "hypothetical_capital",
    "pack",
    "read_book",
    "read_changes",
    "read_market",
    "read_rulebook",
    "replay",
    "simulate",
    "size",
    "synthesize",
    "what_if",
]
_HOMES = {
    "BackTesting": "ccp.api.backtest",
    "Changes": "ccp.book.changes",
    "CheckReport": "ccp.api.check",
    "Comparison": "ccp.api.compare",
    "DefaultEvent": "ccp.api.default",
    "InputError": "ccp.errors",
    "Packed": "ccp.api.pack",
    "Paths": "ccp.api.paths",
    "Replayed": "ccp.api.replay",
    "RunRequest": "ccp.settlement.opening",
    "Simulation": "ccp.api.simulate",
    "Sizing": "ccp.api.size",
    "Streaming": "ccp.api.streamed",
    "WhatIf": "ccp.api.what_if",
    "backtest": "ccp.api.backtest",
    "book_from_frames": "ccp.book.book",
    "check": "ccp.api.check",
    "compare": "ccp.api.compare",
    "default": "ccp.api.default",
    "draw_paths": "ccp.api.paths",
    "example_book": "ccp.api.inputs",
    "hypothetical_capital": "ccp.api.hypothetical_capital",
    "pack": "ccp.api.pack",
    "read_book": "ccp.book.book",
    "read_changes": "ccp.api.what_if",
    "read_market": "ccp.market.history",
    "read_rulebook": "ccp.api.inputs",
    "replay": "ccp.api.replay",
    "simulate": "ccp.api.simulate",
    "size": "ccp.api.size",
    "synthesize": "ccp.api.synthesize",
    "what_if": "ccp.api.what_if",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ccp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
