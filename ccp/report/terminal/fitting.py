"""Fitting a table into a terminal: which columns stand in every row alike, how wide each is, which are left out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

GAP = 1
"""Blanks between columns."""
FOLDS = ((48, False), (32, False), (24, False), (48, True), (32, True), (24, True), (18, True), (14, True))
"""How wide a column of text may be, and whether headings are folded; the first at which everything fits."""


@dataclass(frozen=True)
class Cells:
    """A column, its cells written. `rank` says which column goes last when there is no room, `foot` is below it."""

    name: str
    right: bool
    rank: int
    cells: tuple[str, ...]
    foot: str = ""

    def width(self, most_text: int, folded: bool) -> int:
        """The room it takes: its widest cell, text folded, and its heading, perhaps folded after underscores."""
        widest = max(map(cell_len, (*self.cells, self.foot)))
        parts = heading_parts(self.name) if folded else [self.name]
        return max(widest if self.right else min(widest, most_text), max(map(cell_len, parts)))


@dataclass(frozen=True)
class Fitted:
    """`columns` with their widths, `alike` as name and value of what is the same in every row, `hidden` by name."""

    columns: tuple[tuple[Cells, int], ...]
    alike: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]


def fitted(columns: Sequence[Cells], width: int, kept: Collection[str] = ()) -> Fitted:
    """Columns for a terminal of some width: text folded, then what is alike said once, then columns hidden.

    Columns `kept` stay as they are wherever there is room for one at all.
    """
    left, alike, hidden = list(columns), list[Cells](), list[Cells]()
    same = [one for one in columns if one.name not in kept and len(one.cells) > 1 and len(set(one.cells)) == 1]
    while (found := _widths(left, width)) is None and len(left) > 1:
        gone = min(same or reversed(left), key=lambda one: one.rank + 10 * (one.name in kept))
        left.remove(gone)
        if gone in same:
            same.remove(gone)
            alike.append(gone)
        else:
            hidden.append(gone)
    in_order = {one.name: place for place, one in enumerate(columns)}
    said = sorted(((one.name, one.cells[0]) for one in alike), key=lambda pair: in_order[pair[0]])
    names = sorted((one.name for one in hidden), key=in_order.__getitem__)
    return Fitted(found or ((left[0], width),), tuple(said), tuple(names))


def _widths(columns: Sequence[Cells], width: int) -> tuple[tuple[Cells, int], ...] | None:
    """The columns' widths, as little folded as there is room for; None where they do not fit."""
    for most_text, folded in FOLDS:
        found = [one.width(most_text, folded) for one in columns]
        if sum(found) + GAP * (len(found) - 1) <= width:
            return tuple(zip(columns, found, strict=True))
    return None


def heading_parts(name: str) -> list[str]:
    """A name in the parts that it may be folded into."""
    parts = name.split("_")
    return [f"{part}_" for part in parts[:-1]] + parts[-1:]


def heading(name: str, width: int) -> str:
    """A name on lines no longer than `width`, folded after underscores."""
    lines = [""]
    for part in heading_parts(name):
        if len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line for line in lines if line)
