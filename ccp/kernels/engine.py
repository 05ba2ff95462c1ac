"""The only door to numba: threads, the cache of compiled code and the rules for floating point are decided here.

No fastmath, with one exception: `fused_kernel` lets a product and the sum it goes into be one fused multiply-add,
rounded once. That is deterministic on every processor that has the instruction, whatever the width of its vectors,
and pays where a book is multiplied with the cube. See docs/decisions/0004 and docs/performance.md.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite
import llvmlite.binding as llvm
import platformdirs


def _prefer_wide_vectors() -> None:
    """Let the compiler use 512-bit vectors where the processor has them.

    It holds back by default, to spare the clock speed of processors of 2017. Worth about 15 % in the exposure
    kernel, and no bit of any result. Only if numba is not loaded yet and nobody has decided otherwise.
    """
    features = llvm.get_host_cpu_features()
    if features.get("avx512f") and "numba" not in sys.modules:
        os.environ.setdefault("NUMBA_CPU_FEATURES", f"{features.flatten()},-prefer-256-bit")


_prefer_wide_vectors()
import numba  # noqa: E402
from numba import config as numba_config  # noqa: E402

Function = TypeVar("Function", bound=Callable[..., Any])
prange = numba.prange
COMPILED = not cast(Any, numba_config).DISABLE_JIT
"""Whether kernels are compiled, and not run as plain Python (NUMBA_DISABLE_JIT)."""


def cache_directory() -> Path:
    """Where compiled code is kept: named by a digest of everything that it depends on, so never stale."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    features = os.environ.get("NUMBA_CPU_FEATURES") or llvm.get_host_cpu_features().flatten()
    processor = f"{llvm.get_host_cpu_name()} {features}"
    digest.update(f"{numba.__version__} {llvmlite.__version__} {processor}".encode())
    root = os.environ.get("CCP_CACHE_DIR") or platformdirs.user_cache_dir("ccp", appauthor=False)
    folder = Path(root) / f"kernels-{digest.hexdigest()[:16]}"
    if _writable(folder):
        return folder
    user = getattr(os, "getuid", int)()
    return Path(tempfile.gettempdir()) / f"ccp-{user}" / folder.name


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


_CACHE = str(cache_directory())


def _compiled(function: Function, **options: Any) -> Function:
    settings = cast(Any, numba_config)
    before = settings.CACHE_DIR
    settings.CACHE_DIR = _CACHE
    try:
        return cast(Any, numba.njit(function, cache=True, error_model="numpy", **options))
    finally:
        settings.CACHE_DIR = before


def kernel(function: Function) -> Function:
    """Compile a function of arrays, on one thread; called from another kernel it becomes part of it."""
    return _compiled(function, forceinline=True)


def fused_kernel(function: Function) -> Function:
    """As `kernel`, with products and sums fused."""
    return _compiled(function, fastmath={"contract"}, forceinline=True)


def parallel_kernel(function: Function) -> Function:
    """Compile a function of arrays whose `prange` loops run on all threads."""
    return _compiled(function, parallel=True)


def use_threads(count: int | None) -> int:
    """Set how many threads the parallel kernels use (None: all). Returns the number in use."""
    if count is not None:
        numba.set_num_threads(max(1, min(count, cast(Any, numba_config).NUMBA_NUM_THREADS)))
    return numba.get_num_threads()
