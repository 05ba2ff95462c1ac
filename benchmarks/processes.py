"""`ccp` as a process of its own: how long it takes, how much memory, how much it reads (Linux)."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.memory import highest_of

POLLED = 0.02
"""Seconds between two looks at its memory, of which the system keeps the highest."""
MEGA = 10**6
BYTE_CODE = "PYTHONPYCACHEPREFIX"
"""The setting that says where Python keeps byte code."""


@dataclass(frozen=True)
class Ran:
    """A process that has ended well. `peak` is in MiB; it `read` so many MB, `from_disk` those not in the cache."""

    seconds: float
    peak: float
    read: float
    from_disk: float


def run_ccp(*arguments: str | Path, **settings: str) -> Ran:
    """Run a command to its end. Quiet; what it says is an error's."""
    quiet = [] if "--help" in arguments else ["--quiet"]
    command = [sys.executable, "-m", "ccp", *map(str, arguments), *quiet]
    peak, start = 0.0, time.perf_counter()
    out = None if quiet else subprocess.DEVNULL
    process = subprocess.Popen(command, env=_environment() | settings, stdout=out)
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        peak = max(peak, highest_of(process.pid))
        time.sleep(POLLED)
    seconds, counts = time.perf_counter() - start, _counted(process.pid)
    if process.wait():
        raise SystemExit(f"ccp {arguments[0]} failed with {process.returncode}")
    return Ran(seconds, peak, counts["rchar"] / MEGA, counts["read_bytes"] / MEGA)


def in_python(code: str) -> str:
    """What a Python of its own prints."""
    return subprocess.run(
        [sys.executable, "-c", code], env=_environment(), check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def median(ran: list[Ran]) -> dict[str, float]:
    """Of some processes."""
    return {
        "seconds": statistics.median(one.seconds for one in ran),
        "MiB at its highest": statistics.median(one.peak for one in ran),
    }


def _environment() -> dict[str, str]:
    """Ours, but that Python keeps its byte code, as it does unless it is told not to."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept if kept == dict(os.environ) else kept | {BYTE_CODE: _byte_code().name}


@cache
def _byte_code() -> "tempfile.TemporaryDirectory[str]":
    """Where it is kept while we run."""
    return tempfile.TemporaryDirectory(prefix="ccp-benchmark-")


def _counted(process: int) -> dict[str, int]:
    """What the system has counted for a process that has ended and is not yet waited for."""
    lines = Path(f"/proc/{process}/io").read_text().splitlines()
    return {name: int(value) for name, value in (line.split(": ") for line in lines)}
