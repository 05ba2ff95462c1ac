"""How much memory this process takes."""

import ctypes
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

MEBI = 2**20


def give_back() -> None:
    """Give memory that has been freed back to the system, where its library can."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def resident() -> int:
    """Bytes that this process has in memory now, once what it has freed is given back; elsewhere than on Linux the most
    that it ever had."""
    give_back()
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return _most()


def highest() -> int:
    """The most bytes that this process ever had in memory. On Linux not what `getrusage` says: that would count the
    process that started this one."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return _most()


def _most() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
