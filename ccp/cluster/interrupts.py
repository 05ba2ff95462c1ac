"""Interrupts that arrive inside Ray's compiled code, which drops the exceptions they raise: they are raised again."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from time import monotonic
from typing import Any

HEARD = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 0.5
"""Seconds between looks at what has been heard."""

_dropped: list[int] = []


@contextmanager
def remembered() -> Iterator[None]:
    """While the block runs, an interrupt that came to nothing is raised again by `result_of`.

    Signals arrive in the main thread alone: elsewhere nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: handler for number in HEARD if callable(handler := signal.getsignal(number))}

    def note(number: int, frame: Any) -> None:
        _dropped.append(number)
        before[signal.Signals(number)](number, frame)

    _dropped.clear()
    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _dropped.clear()


def result_of(future: "Future[Any]", seconds: float | None = None) -> Any:
    """A future's result, waited for in short steps. Raises TimeoutError after so many seconds."""
    until = None if seconds is None else monotonic() + seconds
    while not wait([future], PATIENCE).done:
        if _dropped:
            signal.raise_signal(_dropped[-1])
        if until is not None and monotonic() > until:
            raise TimeoutError
    return future.result()
