"""The only door to numba: threads, the cache of compiled code and the rules for floating point are decided here.

No fastmath, with one exception: `fused_kernel` lets a product and the sum it goes into be one fused multiply-add,
rounded once. That is deterministic on every processor that has the instruction, whatever the width of its vectors,
and pays where a book is multiplied with the cube and where options are priced: docs/decisions/0004.
"""

import hashlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite
import llvmlite.binding as llvm
import numpy as np

from ccp.kernels.engine.code_cache import CodeCache


def _prefer_wide_vectors() -> None:
    """Let the compiler use 512-bit vectors where the processor has them.

    It holds back by default, to spare the clock speed of processors of 2017. Worth about 15 % in the exposure
    kernel, and no bit of any result. Only if numba is not loaded yet and nobody has decided otherwise.
    """
    features = llvm.get_host_cpu_features()
    if features.get("avx512f") and "numba" not in sys.modules:
        os.environ.setdefault("NUMBA_CPU_FEATURES", f"{features.flatten()},-prefer-256-bit")


def _prefer_openmp() -> None:
    """Let OpenMP run the loops also where TBB is installed, which numba would take first: that needs twice as long for
    loops of some milliseconds. Only if numba is not loaded yet and nobody has decided otherwise."""
    if "numba" not in sys.modules:
        os.environ.setdefault("NUMBA_THREADING_LAYER_PRIORITY", "omp tbb workqueue")


_prefer_wide_vectors()
_prefer_openmp()
import numba  # noqa: E402
from numba import config as numba_config  # noqa: E402
from numba.core.caching import NullCache  # noqa: E402
from numba.core.compiler import CompileResult  # noqa: E402
from numba.core.serialize import dumps, loads  # noqa: E402

Function = TypeVar("Function", bound=Callable[..., Any])
Arrays = TypeVar("Arrays", bound=tuple[Any, ...])
prange = numba.prange
HARMLESS = re.compile(
    "CUDA|NUMBA_.*NUM_THREADS|THREADING_LAYER|CACHE_|DEBUG_CACHE|COLOR_SCHEME|FULL_TRACEBACKS|SHOW_HELP|"
    "DISABLE_PERFORMANCE_WARNINGS|DEVELOPER_MODE|RUNNING_UNDER_PROFILER|GDB_BINARY"
)
"""Settings of numba that change no code."""
COMPILED = not cast(Any, numba_config).DISABLE_JIT
"""Whether kernels are compiled, and not run as plain Python (NUMBA_DISABLE_JIT)."""


def _version() -> str:
    """A digest of all that code is made from and that is the same for all kernels: sources, compilers, Python."""
    kernels = Path(__file__).parents[1]
    digest = hashlib.sha256(f"{sys.version} {np.__version__} {numba.__version__} {llvmlite.__version__}".encode())
    sources = [path for path in kernels.rglob("*.py*") if path.parent.name != "__pycache__"]
    for source in sorted([*sources, *kernels.parent.glob("types.py*")]):
        digest.update(source.relative_to(kernels.parent).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return f"kernels-{digest.hexdigest()[:16]}"


def _settings() -> str:
    """numba's settings, wherever they were made, but for those that do not change code."""
    made = {name: value for name, value in vars(numba_config).items() if name.isupper()}
    return str(sorted((name, repr(value)) for name, value in made.items() if not HARMLESS.match(name)))


def _identity(function: Callable[..., Any]) -> bytes:
    """What a function is beside its source: its instructions, and what it closes over."""
    parts = [function.__qualname__.encode(), str(function.__code__.co_firstlineno).encode(), function.__code__.co_code]
    for cell in function.__closure__ or ():
        inner = getattr(cell.cell_contents, "py_func", None)
        parts.append(dumps(cell.cell_contents) if inner is None else _identity(inner))
    return b"\0".join(parts)


class _KeptCode(NullCache):
    """What numba asks of a function's cache. Its own would do, but that it keeps an index beside the code: processes
    that compile at once can set one's name on the other's code, and a broken file ends the program."""

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    def _name(self, sig: Any, codegen: Any) -> str:
        """A file's name: kernel, types, processor, settings."""
        made_from = f"{sig} {codegen.magic_tuple()} {_settings()}".encode() + _identity(self._function)
        function = f"{self._function.__module__}.{self._function.__name__}".removeprefix("ccp.kernels.")
        return f"{function}-{hashlib.sha256(made_from).hexdigest()[:16]}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        target_context.refresh()
        found = CODE.load(self._name(sig, target_context.codegen()))
        if found is not None:
            kind, reduced = loads(found)
            if kind == sig:
                return CompileResult._rebuild(target_context, *reduced)
        return None

    def save_overload(self, sig: Any, cres: Any) -> None:
        if not cres.lifted and not cres.library.has_dynamic_globals:  # addresses of this process mean nothing to others
            CODE.save(self._name(sig, cres.codegen), dumps((sig, cres._reduce())))


CODE = CodeCache(_version())
"""The compiled code of these kernels."""


def _compiled(function: Function, **options: Any) -> Function:
    made = cast(Any, numba.njit(function, error_model="numpy", nogil=True, **options))
    if COMPILED:
        made._cache = _KeptCode(function)
    return made


def kernel(function: Function) -> Function:
    """Compile a function of arrays, on one thread; called from another kernel it becomes part of it."""
    return _compiled(function, forceinline=True)


def fused_kernel(function: Function) -> Function:
    """As `kernel`, with products and sums fused."""
    return _compiled(function, fastmath={"contract"}, forceinline=True)


def parallel_kernel(function: Function) -> Function:
    """Compile a function of arrays whose `prange` loops run on all threads."""
    return _compiled(function, parallel=True)


def read_only(arrays: Arrays) -> Arrays:
    """The same arrays, none of which may be written to: a kernel is compiled anew for every mixture of those that may
    and those that may not, and what comes from a table or a user is now this, now that."""
    views = [one.view() if isinstance(one, np.ndarray) else one for one in arrays]
    for view in views:
        if isinstance(view, np.ndarray):
            view.flags.writeable = False
    return type(arrays)(*views)


def use_threads(count: int | None) -> int:
    """Set how many threads the parallel kernels use (None: all). Returns the number in use."""
    if count is not None:
        numba.set_num_threads(max(1, min(count, cast(Any, numba_config).NUMBA_NUM_THREADS)))
    return numba.get_num_threads()


def threads_may_share() -> bool:
    """Whether kernels may run on several of Python's threads at once: numba's own pool would end the process."""
    numba.get_num_threads()  # starts the pool, so that its name is known
    return cast(Any, numba).threading_layer() != "workqueue"
