"""What to do when the Ray that was started here dies: it would end this process at once and without a word."""

import os
import select
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from ccp.cluster.ray_door import ray

SAID = "fault: Ray's own process on this machine has ended (killed, or out of memory); nothing was written"
FAULT = 1
"""The exit status of a fault of the program."""


@contextmanager
def watched(folder: Path) -> Iterator[None]:
    """While the block runs, the end of the Ray started here is said, and its folder goes.

    Only where a process can be watched (Linux, and not in every container), and Ray says which: it need not.
    """
    handle = _handle()
    if handle is None:
        yield
        return
    with os.fdopen(handle) as daemon, _pipe() as (ended, end):
        thread = threading.Thread(target=_wait, args=(daemon.fileno(), ended, folder), daemon=True)
        thread.start()
        try:
            yield
        finally:
            os.write(end, b"\0")
            thread.join()


def _handle() -> int | None:
    """What can be polled for the end of the process of Ray that all others on the machine depend on. Ray has no public
    name for it."""
    try:
        node = cast(Any, ray)._private.worker._global_node
        return cast(Any, os).pidfd_open(node.all_processes["raylet"][0].process.pid)
    except (OSError, AttributeError, LookupError):
        return None


def _wait(daemon: int, ended: int, folder: Path) -> None:
    poll = select.poll()
    for watched_for in (daemon, ended):
        poll.register(watched_for, select.POLLIN)
    if ended not in (found for found, _ in poll.poll()):
        os.write(2, f"{SAID}\n".encode())
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(FAULT)  # before Ray does


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)
