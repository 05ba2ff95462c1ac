"""What a worker of a cluster does with one item."""

import platform
from collections.abc import Callable
from typing import TypeVar

from ccp.errors import refuse, refuse_argument
from ccp.kernels.engine.numba_door import use_threads

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")


def on_worker(task: Callable[[S, T], R], shared: S, item: T, threads: int) -> R:
    """Run a task with so many threads. A file that cannot be read is named, and the machine that missed it."""
    use_threads(threads)
    try:
        return task(shared, item)
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        expected = (
            f"machine {platform.node()} could not read it ({reason}); storage that all machines share was expected"
        )
        if error.filename is None:
            raise refuse_argument("cluster", expected) from None
        raise refuse(str(error.filename), expected) from None
