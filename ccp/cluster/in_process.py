"""Executors of one process: in turn, or on threads."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self, TypeVar

import ccp.kernels.engine.numba_door as engine
from ccp.cluster.in_order import in_order

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")


class OneProcess:
    """One item after the other; the kernels inside use all threads."""

    workers = 1

    def run(self, task: Callable[[S, T], R], shared: S, items: Sequence[T]) -> Iterator[R]:
        """Yield the results one by one."""
        shared = read_only(shared)
        for item in items:
            yield task(shared, item)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing is held."""


class Threads:
    """So many items at a time, each with one thread for the kernels inside."""

    def __init__(self, count: int):
        self.workers = count if engine.threads_may_share() else 1
        self._pool = ThreadPoolExecutor(self.workers, "ccp", initializer=engine.use_threads, initargs=(1,))

    def run(self, task: Callable[[S, T], R], shared: S, items: Sequence[T]) -> Iterator[R]:
        """Yield the results in order."""
        shared = read_only(shared)
        return in_order(
            items, self.workers, lambda item: self._pool.submit(task, shared, item), Future.result, Future.cancel
        )

    def close(self) -> None:
        """End the threads, once what is running has ended."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def read_only(shared: Any) -> Any:
    """The same value over the same memory, its arrays read only, as they are on a cluster.

    So a task that writes into them fails everywhere, and the kernels are compiled once for all executors.
    """
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(shared, protocol=5, buffer_callback=buffers.append)
    return pickle.loads(body, buffers=[memoryview(buffer).toreadonly() for buffer in buffers])
