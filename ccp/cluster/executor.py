"""What runs one task over many items: this process, its threads, or a cluster. Results never depend on which.

A task is a function on module level, and so are the classes it is handed: on a cluster they travel by name.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

from ccp.cluster.in_process import OneProcess, Threads
from ccp.errors import refuse_argument

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Runs tasks, `workers` at a time."""

    workers: int

    def run(self, task: Callable[[S, T], R], shared: S, items: Sequence[T]) -> Iterator[R]:
        """Yield `task(shared, item)` for every item, in the order of the items; the first error ends the run.

        At most twice as many items as there are workers are in work or wait to be fetched, so that memory stays
        bounded. The arrays in `shared` are read only. On a cluster `shared` is sent once to each machine.
        """
        ...


def open_executor(address: str | None = None, threads: int | None = None) -> AbstractContextManager[Executor]:
    """An executor, to be used in a `with` block.

    Without an address the tasks run in this process: so many side by side as there are `threads`, one thread for
    each; or, when None are given, in turn with all threads inside each task. `address` is a Ray cluster's:
    `host:port`, `ray://host:port`, `auto` (the one this machine belongs to), or `local`: `threads` workers (None: one
    a core) started on this machine for the time of the block. A cluster that runs already has its own number.
    """
    if address is None:
        return OneProcess() if threads is None else Threads(threads)
    with _installed(address):
        from ccp.cluster.ray_cluster import RayCluster
    return RayCluster(address, threads)


def check_address(address: str | None) -> None:
    """Refuse at once an address at which nobody listens, before anything long is done for it. Raises InputError."""
    if address is not None:
        with _installed(address):
            from ccp.cluster.ray_connection import check_listened_at
        check_listened_at(address)


@contextmanager
def _installed(address: str) -> Iterator[None]:
    """Say what is missing, if Ray is not there to be imported."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        expected = "Ray was expected to be installed for this: pip install 'ccp-waterfall[cluster]'"
        raise refuse_argument("cluster", expected, value=address) from None
