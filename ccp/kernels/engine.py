"""The only door to numba: threads, the cache of compiled code and the rules for floating point are decided here.

No fastmath, with one exception: `fused_kernel` lets a product and the sum it goes into be one fused multiply-add,
rounded once. That is deterministic on every processor that has the instruction, whatever the width of its vectors,
and it is worth 40 % where a book is multiplied with the cube. See docs/decisions/0004.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite
import llvmlite.binding as llvm
import numba
import platformdirs
from numba import config as numba_config

Function = TypeVar("Function", bound=Callable[..., Any])
prange = numba.prange


def cache_directory() -> Path:
    """Where compiled code is kept: named by a digest of everything that it depends on, so never stale."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    processor = f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
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
    """Compile a function of arrays, on one thread."""
    return _compiled(function)


def fused_kernel(function: Function) -> Function:
    """Compile a function of arrays in which products and sums are fused, on one thread."""
    return _compiled(function, fastmath={"contract"})


def parallel_kernel(function: Function) -> Function:
    """Compile a function of arrays whose `prange` loops run on all threads."""
    return _compiled(function, parallel=True)


def use_threads(count: int | None) -> int:
    """Set how many threads the parallel kernels use (None: all). Returns the number in use."""
    if count is not None:
        numba.set_num_threads(max(1, min(count, cast(Any, numba_config).NUMBA_NUM_THREADS)))
    return numba.get_num_threads()


def compiles() -> bool:
    """Whether kernels are compiled at all (not with NUMBA_DISABLE_JIT=1)."""
    return not cast(Any, numba_config).DISABLE_JIT
