"""The state between two days as a file, from which an unfinished run goes on."""

import io
import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ccp.settlement.ledger import KINDS
from ccp.settlement.state import CycleState, DayCover, Estate, Notice, StoodMargin
from ccp.waterfall.standing import DueBack, Standing

FORM = [5, *KINDS]
"""What a file must say of itself to be read: the number of its form, to be raised when fields change their meaning, and
the movements that the ledger's totals are kept by."""
OF_THE_TERMS = ("rulebook", "members", "groups", "member_group", "counting")
"""What a standing has from the run's terms: it is not in the file."""
LISTS: dict[str, Any] = {
    "notices": Notice,
    "covers": DayCover,
    "estates": Estate,
    "stood": StoodMargin,
    "refills": DueBack,
    "restorations": DueBack,
}
"""The lists of a state and of its standing, and what is in them."""


class OtherFormError(ValueError):
    """The file was written by a version of this program that keeps its state in another form."""


def state_bytes(state: CycleState) -> bytes:
    """A state as a file's content."""
    arrays: dict[str, Any] = {}
    plain: dict[str, Any] = {"form": FORM}
    _pack(state, "state", arrays, plain)
    content = io.BytesIO()
    np.savez(content, plain=np.array(json.dumps(plain)), **arrays)
    return content.getvalue()


def read_state(path: Path, first: CycleState) -> CycleState:
    """A state from its file; `first` is the run's state before its first day, for what follows from its terms.

    Raises OtherFormError for a file of another form, and what numpy and json raise for a damaged one.
    """
    with np.load(path, allow_pickle=False) as file:
        found = {name: file[name] for name in file.files}
    found |= json.loads(str(found.pop("plain")))
    if found.get("form") != FORM:
        raise OtherFormError(f"{path} is a state of another form")
    return _unpack(first, "state", found)


def _pack(value: Any, name: str, arrays: dict[str, Any], plain: dict[str, Any]) -> None:
    """Put a value under its name among the arrays or among what JSON can hold, part by part."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
    elif isinstance(value, Sequence) and not isinstance(value, str) and name.rsplit(".")[-1] in LISTS:
        plain[name] = len(value)
        for number, entry in enumerate(value):
            _pack(entry, f"{name}.{number}", arrays, plain)
    elif is_dataclass(value):
        for one in _kept(value):
            _pack(getattr(value, one), f"{name}.{one}", arrays, plain)
    else:
        plain[name] = value


def _unpack(first: Any, name: str, found: dict[str, Any]) -> Any:
    """A copy of `first` with what was found for each of its fields."""
    return replace(first, **{one: _value(getattr(first, one), f"{name}.{one}", found) for one in _kept(first)})


def _value(first: Any, name: str, found: dict[str, Any]) -> Any:
    kind = LISTS.get(name.rsplit(".")[-1])
    if kind is not None:
        return type(first)(_entry(kind, f"{name}.{number}", found) for number in range(found[name]))
    return _unpack(first, name, found) if is_dataclass(first) else found[name]


def _entry(kind: Any, name: str, found: dict[str, Any]) -> Any:
    """An entry of a list; tuples come back from JSON as lists."""
    values = {one.name: found[f"{name}.{one.name}"] for one in fields(kind)}
    return kind(**{one: tuple(value) if isinstance(value, list) else value for one, value in values.items()})


def _kept(value: Any) -> list[str]:
    """The fields that are in the file."""
    left_out = OF_THE_TERMS if isinstance(value, Standing) else ()
    return [one.name for one in fields(value) if one.name not in left_out]
