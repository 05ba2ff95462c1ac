"""Memory of this process (Linux), in MiB."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

KIBI = 1024
SELF = Path("/proc/self")


def resident() -> float:
    """What it has now."""
    return _status("VmRSS")


def highest() -> float:
    """The most it has had so far. `getrusage` would tell the parent's as well."""
    return _status("VmHWM")


def _status(field: str, process: Path = SELF) -> float:
    lines = (process / "status").read_text().splitlines()
    return next(float(line.split()[1]) / KIBI for line in lines if line.startswith(f"{field}:"))


def highest_of(process: int) -> float:
    """The most that another process has had so far; nothing if it has ended."""
    try:
        return _status("VmHWM", Path(f"/proc/{process}"))
    except (OSError, StopIteration):
        return 0.0


def peak_above(function: Callable[[], Any]) -> float:
    """How far memory rises above what there was before. Kernels are seen too: the system keeps the highest, not a
    thread that would have to wait for them. Best in a process that has done nothing yet whose memory it could reuse."""
    before = resident()
    (SELF / "clear_refs").write_text("5")  # the highest starts anew
    function()
    return highest() - before
