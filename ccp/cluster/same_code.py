"""What must be alike on all machines, so that a result is the same to the last bit wherever it was worked out.

The make of the processor may differ: the kernels fix the order of sums and what is fused (docs/decisions/0004).
"""

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path

import ccp.kernels.engine.numba_door as engine
from ccp.errors import refuse_argument

PACKAGES = ("ccp-waterfall", "numba", "llvmlite", "numpy", "scipy", "polars")


def facts() -> dict[str, str]:
    """What decides the bits of a result, by name, on this machine."""
    return {
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "source code of ccp": _source_digest(),
        "kernels compiled": str(engine.COMPILED),
        "fused multiply-add": str(_fuses()),
    }


def check_same(ours: dict[str, str], theirs: dict[str, str], machine: str) -> None:
    """Refuse a machine that differs from this one."""
    for name, here in ours.items():
        there = theirs.get(name, "unknown")
        if there != here:
            raise refuse_argument("cluster", f"{name}: {here}, as here, was expected on machine {machine}", value=there)


def _source_digest() -> str:
    """A digest of the package's sources: two that call themselves the same version may differ."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for source in sorted(root.rglob("*.py")):
        digest.update(source.relative_to(root).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _fuses() -> bool:
    """Whether the processor has one instruction for a product and a sum; all 64-bit ARM have."""
    return platform.machine().lower() in ("arm64", "aarch64") or bool(engine.llvm.get_host_cpu_features().get("fma"))
