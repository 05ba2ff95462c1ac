# Made from ccp/runs/commands.py and ccp/__init__.py by docs/tools/generate.py.

from ccp.api.backtest import BackTesting as BackTesting
from ccp.api.backtest import backtest as backtest
from ccp.api.check import CheckReport as CheckReport
from ccp.api.check import check as check
from ccp.api.compare import Comparison as Comparison
from ccp.api.compare import compare as compare
from ccp.api.default import DefaultEvent as DefaultEvent
from ccp.api.default import default as default
from ccp.api.hypothetical_capital import hypothetical_capital as hypothetical_capital
from ccp.api.inputs import example_book as example_book
from ccp.api.inputs import read_rulebook as read_rulebook
from ccp.api.pack import Packed as Packed
from ccp.api.pack import pack as pack
from ccp.api.paths import Paths as Paths
from ccp.api.paths import draw_paths as draw_paths
from ccp.api.replay import Replayed as Replayed
from ccp.api.replay import replay as replay
from ccp.api.simulate import Simulation as Simulation
from ccp.api.simulate import simulate as simulate
from ccp.api.size import Sizing as Sizing
from ccp.api.size import size as size
from ccp.api.streamed import Streaming as Streaming
from ccp.api.synthesize import synthesize as synthesize
from ccp.api.what_if import WhatIf as WhatIf
from ccp.api.what_if import read_changes as read_changes
from ccp.api.what_if import what_if as what_if
from ccp.book.book import book_from_frames as book_from_frames
from ccp.book.book import read_book as read_book
from ccp.book.changes import Changes as Changes
from ccp.errors import InputError as InputError
from ccp.market.history import read_market as read_market
from ccp.settlement.opening import RunRequest as RunRequest

__all__: list[str]
__version__: str

def public_names() -> dict[str, str]: ...
