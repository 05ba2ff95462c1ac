"""How many threads our kernels have while something runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ccp.kernels.engine.numba_door import use_threads

Found = TypeVar("Found")


@contextmanager
def threads(count: int | None) -> Iterator[int]:
    """So many threads (None: all) while the block lasts."""
    before = use_threads(None)
    try:
        yield use_threads(count)
    finally:
        use_threads(before)


def on_threads(count: int, run: Callable[[], Found]) -> Callable[[], Found]:
    """The same call with so many threads."""

    def limited() -> Found:
        with threads(count):
            return run()

    return limited


def thread_counts() -> list[int]:
    """One, and all that there are."""
    return sorted({1, use_threads(None)})
