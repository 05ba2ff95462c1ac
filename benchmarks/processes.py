"""`ccp` as a process of its own: how long it takes, how much memory, how much it reads (Linux)."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory import highest_of

POLLED = 0.02
"""Seconds between two looks at its memory, of which the system keeps the highest."""
MEGA = 10**6


@dataclass(frozen=True)
class Ran:
    """A process that has ended well. `peak` is in MiB; it `read` so many MB, `from_disk` those not in the cache."""

    seconds: float
    peak: float
    read: float
    from_disk: float


def run_ccp(*arguments: str | Path, **settings: str) -> Ran:
    """Run a command to its end. Quiet; what it says is an error's."""
    command = [sys.executable, "-m", "ccp", *map(str, arguments), "--quiet"]
    peak, start = 0.0, time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | settings)
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        peak = max(peak, highest_of(process.pid))
        time.sleep(POLLED)
    seconds, counts = time.perf_counter() - start, _counted(process.pid)
    if process.wait():
        raise SystemExit(f"ccp {arguments[0]} failed with {process.returncode}")
    return Ran(seconds, peak, counts["rchar"] / MEGA, counts["read_bytes"] / MEGA)


def _counted(process: int) -> dict[str, int]:
    """What the system has counted for a process that has ended and is not yet waited for."""
    lines = Path(f"/proc/{process}/io").read_text().splitlines()
    return {name: int(value) for name, value in (line.split(": ") for line in lines)}
