"""Tasks for executors, importable by worker processes: quick, slow, failing and dying ones."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccp.errors import refuse
from ccp.exposure.run import account_values
from ccp.kernels.engine.numba_door import use_threads
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.stress.parts import EngineModel, PartFound, PartTask, measure_task


@dataclass(frozen=True)
class Shared:
    """What every item sees: an array, and a folder where tasks leave marks."""

    unit: np.ndarray
    folder: Path


@dataclass(frozen=True)
class Found:
    member: np.ndarray
    account: np.ndarray
    number: int
    threads: int


def measured(shared: Shared, item: int) -> Found:
    """In numpy and in a kernel on all threads; items differ in how long they take."""
    time.sleep(0.02 * (item % 3 == 0))
    member = np.rint(shared.unit * (item + 0.1)).astype(np.int64)
    return Found(member, valued(shared, item), item * item, use_threads(None))


def valued(shared: Shared, item: int) -> np.ndarray:
    """What each account holds: three instruments, in quantities that depend on the item."""
    accounts = np.arange(200)
    instrument = np.tile(np.array([3, 17, 40], dtype=np.int32), len(accounts))
    positions = PositionArrays(np.arange(len(accounts) + 1) * 3, instrument, np.linspace(-1, item, instrument.size))
    return account_values(positions, shared.unit, accounts)


def marking(shared: Shared, item: int) -> int:
    (shared.folder / str(item)).touch()
    return item


def writing(shared: Shared, item: int) -> None:
    shared.unit[0, 0] = item


def refusing(shared: Shared, item: int) -> int:
    if item == 3:
        raise refuse("positions", "a number was expected", row=item, value="three")
    return item


def reading(shared: Shared, item: int) -> bytes:
    return (shared.folder / f"missing {item}").read_bytes()


def killed_once(shared: Shared, item: int) -> np.ndarray:
    """The first time item 3 is met it waits to be killed."""
    mark = shared.folder / "worker"
    if item == 3 and not mark.exists():
        mark.with_suffix(".new").write_text(str(os.getpid()))
        mark.with_suffix(".new").rename(mark)
        time.sleep(60)
    return shared.unit * item


def killed_always(shared: Shared, item: int) -> None:
    (shared.folder / str(time.time_ns())).touch()
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class SlowTask:
    """A part of a book, and where the worker that measures it says who it is."""

    task: PartTask
    mark: Path | None


def measure_marked(model: EngineModel, item: SlowTask) -> PartFound:
    """Measure a part; the first time a marked one is met its worker waits to be killed."""
    if item.mark is not None and not item.mark.exists():
        item.mark.with_suffix(".new").write_text(str(os.getpid()))
        item.mark.with_suffix(".new").rename(item.mark)
        time.sleep(60)
    return measure_task(model, item.task)


def asleep(shared: None, item: int) -> None:
    time.sleep(item)
