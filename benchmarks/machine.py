"""The machine and the libraries that figures were measured with. No names of hosts, no paths."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

import numba

from benchmarks.limit import Probe, memory_probe, tile_probe
from benchmarks.section import Asked, Row, Section, Table, run_alone
from benchmarks.threads import on_threads, thread_counts
from benchmarks.turns import in_turn
from ccp.kernels.engine.numba_door import llvm

LIBRARIES = (
    "numba", "llvmlite", "numpy", "scipy", "polars", "pydantic", "dataframely", "QuantLib", "mkl", "sparse-dot-mkl",
)  # fmt: skip
TEXT = """\
Bandwidth is the fastest of {rounds} rounds of reading and adding: of a buffer a thread as large as the kernel's tile
for 2,000 instruments, which stays in the second-level cache, and of buffers of {held:,.0f} MiB in all."""
QUICK_MEMORY, MEMORY = 2.0**26, 2.0**30


def measure(asked: Asked) -> Section:
    """Description and bandwidth."""
    held = QUICK_MEMORY if asked.quick else MEMORY
    rows: list[Row] = [{"what": name, "value": value} for name, value in described().items()]
    tables = [Table("Machine", rows), bandwidth_table(asked.rounds, held)]
    return Section("benchmarks.machine", "The machine", TEXT.format(rounds=asked.rounds, held=held / 2**20), tables)


def described() -> dict[str, str]:
    """What it is, and how busy it was."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{processor()}, {cores} cores used",
        **caches(),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "waiting for a core before the first benchmark": f"{os.getloadavg()[0]:.1f} processes (mean of a minute)",
        "Python": platform.python_version(),
        "libraries": ", ".join(libraries()),
        "threads of numba": numba_threads(),
    }


def processor() -> str:
    """Its name and what matters of it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    known = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in reversed(lines))}
    wide = "with" if llvm.get_host_cpu_features().get("avx512f") else "without"
    return f"{known.get('model name', platform.processor())}, {wide} 512-bit vectors"


def caches() -> dict[str, str]:
    """The sizes of the first core's caches, as the system tells them."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found[f"cache, level {level}"] = size
    return found


def libraries() -> list[str]:
    """What is installed of those that matter."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return found


def numba_threads() -> str:
    """How many, and what runs them: known only after a kernel has run."""
    on_threads(1, tile_probe(1, 1, read=1e3).run)()
    return f"{thread_counts()[-1]} ({cast(Any, numba).threading_layer()})"


def bandwidth_table(rounds: int, held: float) -> Table:
    """Cache and main memory."""
    probes: dict[tuple[str, int], Probe] = {}
    for count in thread_counts():
        probes["second-level cache", count] = tile_probe(count, 2_000)
        probes["main memory", count] = memory_probe(count, held)
    ways = {" ".join(map(str, key)): on_threads(key[1], probe.run) for key, probe in probes.items()}
    for way in ways.values():
        way()
    found = in_turn(dict(ways), rounds)
    rows: list[Row] = []
    for (what, count), probe in sorted(probes.items(), reverse=True):
        seconds = min(found[f"{what} {count}"])
        rows.append({"what": what, "threads": count, "GB a second": 1e-9 * probe.bytes / seconds})
    return Table("Bandwidth", rows)


if __name__ == "__main__":
    run_alone(measure, __doc__)
