"""A run whose positions stay on disk: under a bound on memory, or spread over a cluster."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from ccp.api.bounds import bounded_portfolio, bounded_sizes
from ccp.api.inputs import read_market, read_rulebook
from ccp.api.memory import give_back, highest
from ccp.book.book import Book
from ccp.book.check import Findings
from ccp.book.portfolio import Portfolio
from ccp.book.stored import RepeatedPositionError, StoredPositions
from ccp.book.streaming import BatchSizes, find_repeated, store_positions
from ccp.checked import check_fields
from ccp.cluster.executor import check_address, open_executor
from ccp.errors import InputError, refuse, refuse_argument
from ccp.exposure.run import Progress
from ccp.margin.collateral import holdings
from ccp.market.case import Case, open_stored_case
from ccp.market.history import Market
from ccp.pricing.horizon import case_scenarios
from ccp.rulebook.rulebook import Rulebook
from ccp.sizing.windows import with_windows
from ccp.stress.measure import Measured, measure_parts
from ccp.stress.parts import engine_model, part_tasks
from ccp.stress.windows import window_model

NAMELESS = sys.platform == "linux"
"""Whether a file that has no name can be opened again, by this process and its user's others."""
HERE = "local"
"""The cluster that is this machine."""
TASKS_A_WORKER = 4
"""Parts for each worker where memory does not ask for more: so that workers end together."""


@dataclass(frozen=True)
class Streaming:
    """How a book is read that stays on disk.

    `memory` is the most that this process may take, in bytes (None: no bound), `cluster` where parts are measured
    (None: here), `workers` how many of a cluster on this machine, `scratch` where positions are kept meanwhile.
    """

    memory: int | None = None
    cluster: str | None = None
    workers: int | None = None
    scratch: Path | str | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def wanted(self) -> bool:
        """Whether anything of it was asked for."""
        return self.memory is not None or self.cluster is not None


@dataclass(frozen=True)
class StoredCase(Case):
    """A case whose positions are on disk. `tables` is the memory that it took to read the others, in bytes."""

    tables: int = 0


@contextmanager
def opened_on_disk(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook,
    market: str | Path | Market | None,
    day: date | None,
    how: Streaming,
) -> Iterator[StoredCase]:
    """The case, its positions in a file that lasts as long as the block."""
    before, taken = highest(), list[int]()
    if isinstance(book, Book):
        raise refuse_argument(
            "book", "with a bound on memory, or on a cluster, a book's directory was expected, not a table"
        )
    check_address(how.cluster)
    rules = rulebook if isinstance(rulebook, Rulebook) else read_rulebook(rulebook)
    prices = market if isinstance(market, Market) else read_market(market)
    with _scratch_file(how) as file:

        def store(path: Path, tree: Portfolio, findings: Findings) -> StoredPositions:
            taken.append(highest() if highest() > before else 0)
            sizes = BatchSizes() if how.memory is None else bounded_sizes(path, how.memory)
            try:
                return store_positions(path, tree, file, rules.book.matched, findings, sizes)
            except OSError as error:
                raise _unwritable(how, error) from None

        case = open_stored_case(book, prices, rules, day, store)
        yield StoredCase(*(getattr(case, field.name) for field in fields(case)), tables=taken[0])


@contextmanager
def _scratch_file(how: Streaming) -> Iterator[Path]:
    """A file in the scratch directory, as long as the block lasts.

    Where no other machine needs it, it has no name there, so that not even a killed run leaves anything.
    """
    with ExitStack() as kept:
        try:
            if how.cluster in (None, HERE) and NAMELESS:
                opened = kept.enter_context(tempfile.TemporaryFile(dir=how.scratch))
                file = Path("/proc", str(os.getpid()), "fd", str(opened.fileno()))
            else:
                file = Path(kept.enter_context(scratch_folder(how)), "positions")
        except OSError as error:
            raise _unwritable(how, error) from None
        yield file


def scratch_folder(how: Streaming) -> "tempfile.TemporaryDirectory[str]":
    """A folder of scratch that lasts as long as it is held."""
    return tempfile.TemporaryDirectory(prefix="ccp-", dir=how.scratch)


def _unwritable(how: Streaming, error: OSError) -> InputError:
    return refuse(str(how.scratch or tempfile.gettempdir()), f"cannot be written: {error.strerror}")


def measure_on_disk(case: StoredCase, file: Path | None, how: Streaming, progress: Progress | None) -> Measured:
    """As `measured_case`, part by part, of a case whose positions are on disk."""
    portfolio: Any = case.portfolio
    windows = None if file else window_model(case)
    model, lines = engine_model(case, case_scenarios(case, file), windows), holdings(case)
    if how.memory is not None:
        portfolio = bounded_portfolio(case, portfolio, model, lines, how.memory, case.tables)
    with open_executor(how.cluster, how.workers) as executor:
        even = -(-portfolio.store.count // (TASKS_A_WORKER * executor.workers)) if how.cluster else None
        tasks = part_tasks(portfolio, lines, even)
        try:
            measured = measure_parts(replace(case, prepared=portfolio), model, tasks, executor, progress)
            measured = with_windows(measured, most=even, executor=executor)
        except RepeatedPositionError:
            found = find_repeated(case.book.files["positions"], portfolio)
            raise InputError(found.problems, found.total) from None
    give_back()
    return measured
