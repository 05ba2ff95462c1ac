"""A run whose positions stay on disk: under a bound on memory, or spread over a cluster."""

import resource
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ccp.api.inputs import read_market, read_rulebook
from ccp.book.book import Book
from ccp.book.stored import RepeatedPositionError, StoredPart
from ccp.book.streaming import BATCH_ROWS, repeated_rows
from ccp.cluster.executor import open_executor
from ccp.errors import InputError, Problem, refuse
from ccp.exposure.run import BLOCK_ACCOUNTS, Progress
from ccp.margin.collateral import holdings
from ccp.market.case import Case, open_stored_case
from ccp.market.history import Market
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.stress.measure import Measured, measure_parts
from ccp.stress.parts import EngineModel, PartTask, engine_model, part_tasks

MEBI = 2**20
BATCH_BYTES = 256
"""Memory that a row of a batch takes while it is read, checked and written apart."""
POSITION_BYTES = 96
"""Memory that a position takes while its part is read, put in order and measured."""
FEWEST_POSITIONS = 50_000
"""Parts smaller than this would cost more than they save."""
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
    scratch: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether anything of it was asked for."""
        return self.memory is not None or self.cluster is not None


@contextmanager
def opened_on_disk(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook,
    market: str | Path | Market | None,
    day: date | None,
    how: Streaming,
) -> Iterator[Case]:
    """The case, its positions in a file that lasts as long as the block."""
    if isinstance(book, Book):
        raise refuse("book", "with a bound on memory, or on a cluster, a book's directory was expected, not a table")
    rules = rulebook if isinstance(rulebook, Rulebook) else read_rulebook(rulebook)
    prices = market if isinstance(market, Market) else read_market(market)
    rows = BATCH_ROWS
    if how.memory is not None:
        rows = min(rows, max(_left(how.memory) // 4 // BATCH_BYTES, 1))
        if rows < FEWEST_POSITIONS:
            raise _too_little(how.memory, FEWEST_POSITIONS * 4 * BATCH_BYTES)
    try:
        with tempfile.TemporaryDirectory(prefix="ccp-", dir=how.scratch) as folder:
            yield open_stored_case(book, prices, rules, day, Path(folder) / "positions", rows)
    except OSError as error:
        raise refuse(str(how.scratch or tempfile.gettempdir()), f"cannot be written: {error.strerror}") from None


def scratch_folder(how: Streaming) -> "tempfile.TemporaryDirectory[str]":
    """A folder of scratch that lasts as long as it is held."""
    return tempfile.TemporaryDirectory(prefix="ccp-", dir=how.scratch)


def measure_on_disk(case: Case, stress: ScenarioSet, how: Streaming, progress: Progress | None) -> Measured:
    """Measure a case whose positions are on disk, part by part."""
    model, lines = engine_model(case, stress), holdings(case)
    with open_executor(how.cluster, how.workers) as executor:
        most = _most_positions(case, model, how, executor.workers)
        tasks = part_tasks(case.portfolio, lines, most)
        if how.memory is not None:
            _check_fits(tasks, most, how.memory)
        try:
            return measure_parts(case, model, tasks, executor, progress)
        except RepeatedPositionError as error:
            raise _repeated(case, error) from None


def _most_positions(case: Case, model: EngineModel, how: Streaming, workers: int) -> int:
    """How many positions a part may have."""
    count: int = case.portfolio.store.count  # type: ignore[attr-defined]
    even = -(-count // (TASKS_A_WORKER * workers)) if how.cluster else count
    if how.memory is None:
        return max(even, 1)
    room = _left(how.memory) - _fixed_bytes(case, model)
    most = room // POSITION_BYTES if how.cluster is None else even
    if most < FEWEST_POSITIONS:
        raise _too_little(how.memory, FEWEST_POSITIONS * POSITION_BYTES - room)
    return most


def _fixed_bytes(case: Case, model: EngineModel) -> int:
    """Memory that measuring takes beside positions: a block's stress losses, members' sums twice, results, cubes."""
    scenarios, portfolio = model.stress.scenarios.count, case.portfolio
    block = min(BLOCK_ACCOUNTS, len(portfolio.accounts)) * scenarios * 8
    sums = 2 * 3 * 5 * len(portfolio.members) * scenarios * 8 if case.book.collateral is not None else 0
    sums += 2 * 5 * len(portfolio.members) * scenarios * 8
    moved = len(portfolio.pools) * scenarios * 8 if model.stress.collateral.stress == "scenario" else 0
    results = 400 * len(portfolio.accounts)
    cubes = sum(sample.unit_loss.nbytes * 5 // 2 for sample in model.margin.samples) + model.stress.unit_loss.nbytes
    return block + sums + moved + results + cubes


def _check_fits(tasks: list[PartTask], most: int, memory: int) -> None:
    """Pools are measured whole: the largest must fit."""
    held = [int(task.part.runs[:, 1].sum()) for task in tasks if isinstance(task.part, StoredPart)]
    largest = max(held, default=0)
    if largest > most:
        raise _too_little(memory, (largest - most) * POSITION_BYTES)


def _left(memory: int) -> int:
    """Bytes that are left of a bound: of the process's highest use so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return memory - resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _too_little(memory: int, missing: int) -> InputError:
    needed = -(-(memory + max(missing, 1)) // MEBI)
    expected = f"at least {needed} MiB was expected for this book under this rulebook"
    return refuse("--memory", expected, value=f"{memory // MEBI} MiB")


def _repeated(case: Case, error: RepeatedPositionError) -> InputError:
    """An account that holds an instrument twice, as the check of a book in memory says it."""
    portfolio, path = case.portfolio, case.book.files["positions"]
    names = portfolio.accounts[error.account], portfolio.instruments[error.instrument]
    fields: Any = {"field": "account_id, instrument_id", "value": ", ".join(names)}
    rows = repeated_rows(path, *names)
    return InputError([Problem(path.name, "duplicate; it may stand only once", row=row, **fields) for row in rows])
