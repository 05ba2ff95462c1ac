"""What one day of the cycle hands to the next, and how it is kept on disk."""

import io
import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ccp.margin.buffer import BufferLevel
from ccp.types import Cents, Index, Vector


@dataclass(frozen=True)
class Estate:
    """The book of one event's groups while it is closed out: from `day`, the default, to `last`.

    `account`, `instrument`, `quantity`, `parts` (equal parts it is sold in), `spread` (cost of one unit in the
    instrument's currency) and `impact` (the same in the service currency) are by position. `result` is what each
    pool has gained so far, `gains` what the members not in default have gained (day x member, from the day of default
    on; losses are negative), `borrowed` what the lender has advanced, in minor units. `cause` says why the groups
    failed, `unpaid` what they owed on the day.
    """

    number: int
    groups: tuple[int, ...]
    day: int
    last: int
    account: Index
    instrument: Index
    quantity: Vector
    parts: Index
    spread: Vector
    impact: Vector
    result: Cents
    gains: Cents
    borrowed: int = 0
    cause: str = ""
    unpaid: int = 0

    @property
    def cash(self) -> int:
        """What the estate has at hand."""
        return int(self.result.sum()) + self.borrowed


@dataclass(frozen=True)
class Cover:
    """A stress day's cover-N and each group's own worst loss over margin, in minor units, for look-backs."""

    day: int
    cover: int
    group_worst: Cents


@dataclass(frozen=True)
class Notice:
    """What members are required to contribute from a day on, in minor units."""

    day: int
    required: Cents


@dataclass
class State:
    """Balances and promises at the end of a day, in minor units; days count from 0.

    `cash` by pool; `contributions`, `required` (contributions called for so far), `capital`, `supplementary` and
    `supplementary_due` by member; `tier_left` and `tier_full` by tier with a size of its own (the clearing house's
    capital, insurance, ...); `called` by tier of assessments and member, `refilled` by member, both in the cooling-off
    period, which ends before the day `period_end` (-1: none runs); `cut` by member is what haircuts took while events
    are open; `event` by group, 0 where it is not in default.
    `notices` are resizings whose call is still to come, `fund_size` the latest; before `suspended_until` no fund call
    is made. `margin` is yesterday's margin by account before buffer and add-ons,
    `buffer` where the buffer stands.
    """

    day: int
    cash: Cents
    contributions: Cents
    required: Cents
    fund_size: int
    capital: Cents
    supplementary: Cents
    supplementary_due: Cents
    tier_left: Cents
    tier_full: Cents
    called: Cents
    refilled: Cents
    cut: Cents
    event: Index
    balance: Cents
    margin: Cents
    buffer: BufferLevel
    notices: list[Notice] = field(default_factory=list)
    suspended_until: int = 0
    capital_back_on: int = -1
    period_end: int = -1
    covers: list[Cover] = field(default_factory=list)
    estates: list[Estate] = field(default_factory=list)

    def copy(self) -> "State":
        """A copy whose arrays may be changed without changing this one's."""
        arrays = {
            one.name: getattr(self, one.name).copy()
            for one in fields(self)
            if isinstance(getattr(self, one.name), np.ndarray)
        }
        lists = {name: list(getattr(self, name)) for name in LISTS}
        return replace(self, **arrays, **lists)

    def to_bytes(self) -> bytes:
        """The state as a file's content."""
        arrays: dict[str, Any] = {}
        plain: dict[str, Any] = {}
        _pack(self, "state", arrays, plain)
        for name in LISTS:
            entries = getattr(self, name)
            plain[name] = len(entries)
            for number, entry in enumerate(entries):
                _pack(entry, f"{name}{number}", arrays, plain)
        content = io.BytesIO()
        np.savez(content, plain=np.array(json.dumps(plain)), **arrays)
        return content.getvalue()

    @classmethod
    def read(cls, path: Path) -> "State":
        """A state from its file."""
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        plain = json.loads(str(arrays.pop("plain")))
        lists: dict[str, Any] = {
            name: [kind(**_unpack(kind, f"{name}{number}", arrays, plain)) for number in range(plain[name])]
            for name, kind in LISTS.items()
        }
        return cls(**_unpack(cls, "state", arrays, plain) | lists)


LISTS: dict[str, Any] = {"notices": Notice, "covers": Cover, "estates": Estate}
"""The lists of a state, and what is in them."""


def _pack(entry: Any, prefix: str, arrays: dict[str, Any], plain: dict[str, Any]) -> None:
    for one in fields(entry):
        value = getattr(entry, one.name)
        if isinstance(value, np.ndarray):
            arrays[f"{prefix}.{one.name}"] = value
        elif isinstance(value, BufferLevel):
            plain[f"{prefix}.{one.name}"] = [value.index, value.carried]
        elif one.name not in LISTS:
            plain[f"{prefix}.{one.name}"] = value


def _unpack(kind: type, prefix: str, arrays: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in fields(kind):
        name = f"{prefix}.{one.name}"
        if name in arrays:
            found[one.name] = arrays[name]
        elif name in plain:
            made = {"groups": tuple, "buffer": lambda pair: BufferLevel(*pair)}.get(one.name, lambda value: value)
            found[one.name] = made(plain[name])
    return found
