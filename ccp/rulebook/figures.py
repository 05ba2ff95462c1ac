"""Figures: numbers (or words) of a rulebook that say where they come from.

In a file a mapping with the key `value` may stand where a number is expected. It is taken apart before the rules are
read: the rules see the plain value, and the figure is kept beside them under its path, for example
`tiers.2.amount`.
"""

import datetime
from typing import Any

from pydantic import model_validator

from ccp.documents import Frozen

Path = tuple[str | int, ...]


class Figure(Frozen):
    """A value with its unit, and either its date and source, or that it is assumed and why. `path`: where it stands."""

    path: str = ""
    value: float | int | str | bool
    unit: str = ""
    date: datetime.date | None = None
    source: str = ""
    assumed: bool = False
    reason: str = ""

    @model_validator(mode="after")
    def _known_or_assumed(self) -> "Figure":
        if self.assumed and (not self.reason or self.source or self.date):
            raise ValueError("an assumed figure takes a reason, and neither source nor date")
        if not self.assumed and not (self.source and self.date):
            raise ValueError("a figure takes its date and source, or assumed: true with a reason")
        return self


def taken_apart(
    data: Any, path: Path = (), around: frozenset[int] = frozenset()
) -> tuple[Any, dict[Path, dict[str, Any]]]:
    """A document with plain values in place of its figures, and the figures by path.

    `around` are the entries that this one stands in: what stands inside itself is left as it is, to be refused later.
    """
    found: dict[Path, dict[str, Any]] = {}
    if isinstance(data, dict) and "value" in data:
        return data["value"], {path: data}
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else None
    if entries is None or id(data) in around:
        return data, found
    plain = {}
    for key, entry in entries:
        plain[key], inner = taken_apart(entry, (*path, key), around | {id(data)})
        found |= inner
    return (plain if isinstance(data, dict) else list(plain.values())), found
