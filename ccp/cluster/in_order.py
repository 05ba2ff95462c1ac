"""A bounded number of items in work, their results in the items' order."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

AHEAD = 2
"""Items in work or waiting to be fetched for each worker: enough that none idles while the first is waited for."""


def in_order(
    items: Sequence[T],
    workers: int,
    start: Callable[[T], Any],
    fetch: Callable[[Any], Any],
    cancel: Callable[[Any], object],
) -> Iterator[Any]:
    """Start item after item, as far ahead as is allowed, and fetch in order. What was not fetched is cancelled."""
    waiting: deque[Any] = deque()
    try:
        for item in items:
            if len(waiting) == AHEAD * workers:
                yield fetch(waiting.popleft())
            waiting.append(start(item))
        while waiting:
            yield fetch(waiting.popleft())
    finally:
        for started in waiting:
            cancel(started)
