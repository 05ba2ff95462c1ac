"""Models and findings kept in two files, and read as they were: arrays one after the other, the rest as plain data.

Nothing is pickled: what is read can be numbers, texts and the classes below, and never code.
"""

from dataclasses import fields, is_dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ccp.exposure.run import MarginCube, RankWeights, RootMeanSquare
from ccp.kernels.exposure.costs import SaleTerms
from ccp.kernels.exposure.joint_costs import ExactSums, GroupBooks
from ccp.kernels.exposure.pools import Shortfalls
from ccp.kernels.exposure.portfolio_losses import ScenarioWeights
from ccp.kernels.exposure.windows import WindowSums
from ccp.margin.add_ons import AddOnTerms
from ccp.margin.concentration import ConcentrationTerms, Sizes
from ccp.margin.requirement import MarginModel
from ccp.rulebook.collateral import CollateralRules
from ccp.scenarios.scenario_set import Label, ScenarioSet
from ccp.stress.cube_rows import CubeRows
from ccp.stress.parts import EngineModel, PartFound, StressModel

LINE = 64
"""Every array begins at a whole multiple of so many bytes."""
KINDS = {
    kind.__name__: kind
    for kind in (
        *(EngineModel, MarginModel, MarginCube, RankWeights, RootMeanSquare, ScenarioWeights, AddOnTerms, SaleTerms),
        *(ConcentrationTerms, Sizes, GroupBooks, ExactSums),
        *(StressModel, CubeRows, ScenarioSet, Label, CollateralRules, PartFound, Shortfalls, WindowSums),
    )
}


def keep(value: Any, file: Path) -> Any:
    """Write the arrays in a value to a file. Returns the rest as plain data, which says where they are."""
    with file.open("wb") as out:
        return _apart(value, out)


def _apart(value: Any, out: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _array_apart(value, out)
    if isinstance(value, date | Fraction):
        return {type(value).__name__: str(value)}
    if type(value).__name__ in KINDS:
        return {type(value).__name__: {name: _apart(part, out) for name, part in _parts(value).items()}}
    if isinstance(value, dict):
        return {"dict": {name: _apart(part, out) for name, part in value.items()}}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_apart(part, out) for part in value]}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"a {type(value).__name__} is not kept")


def _parts(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, a named tuple or a rule."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value.model_dump() if isinstance(value, CollateralRules) else value._asdict()


def _array_apart(value: np.ndarray, out: Any) -> dict[str, Any]:
    out.write(b"\0" * (-out.tell() % LINE))
    stated = {"kind": value.dtype.str, "shape": value.shape, "at": out.tell(), "fixed": not value.flags.writeable}
    np.ascontiguousarray(value).tofile(out)
    return {"array": stated}


def kept(document: Any, file: Path) -> Any:
    """A value that `keep` has written. Arrays are read from the file as they are needed; the file never changes."""
    held = np.asarray(np.memmap(file, np.uint8, "c")) if file.stat().st_size else np.empty(0, np.uint8)
    return _together(document, held)


def _together(document: Any, held: np.ndarray) -> Any:
    if not isinstance(document, dict):
        return document
    ((kind, parts),) = document.items()
    if kind == "array":
        return _array(held, **parts)
    if kind in ("list", "tuple"):
        entries = [_together(part, held) for part in parts]
        return entries if kind == "list" else tuple(entries)
    if kind in ("date", "Fraction"):
        return date.fromisoformat(parts) if kind == "date" else Fraction(parts)
    inner = {name: _together(part, held) for name, part in parts.items()}
    return inner if kind == "dict" else KINDS[kind](**inner)


def _array(held: np.ndarray, kind: str, shape: list[int], at: int, fixed: bool) -> np.ndarray:
    """Writable where it was, for kernels are compiled for one or the other: what is written goes to memory only."""
    count = int(np.prod(shape)) * np.dtype(kind).itemsize
    array = held[at : at + count].view(kind).reshape(shape)
    array.flags.writeable = not fixed
    return array
