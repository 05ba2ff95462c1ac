"""What a pack is made of. A figure is a chart and the table behind it, and says which file and columns it came from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

Kind = Literal["text", "money", "share", "number", "count", "date", "flag"]
"""What a column's values are: how they are aligned and written. Money is written to the minor unit."""
Tone = Literal["plain", "good", "warning", "bad"]


@dataclass(frozen=True)
class Provenance:
    """Where a figure comes from: a file of the run, and columns or fields in it."""

    file: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        """As it is printed under a figure."""
        return f"{self.file}: {', '.join(self.columns)}"


@dataclass(frozen=True)
class TableColumn:
    """A column of a frame as it is shown: its heading, and what its values are."""

    name: str
    heading: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """Rows to be read; the first column names the row. `note` says what is left out. `stacked`: of sentences, so that
    on a narrow page the cells of a row stand one below the other."""

    frame: pl.DataFrame
    columns: tuple[TableColumn, ...]
    note: str = ""
    stacked: bool = False


@dataclass(frozen=True)
class Exhibit:
    """A chart with the table behind it, or a table alone.

    `title` says what it shows, `reading` how to read it. `draw` returns an altair chart for a width in pixels: of
    `narrow` pages the axes have fewer labels. A figure's `key` is unique in its pack.
    """

    key: str
    title: str
    sources: tuple[Provenance, ...]
    table: Table
    draw: Callable[[bool], Any] | None = None
    reading: str = ""


@dataclass(frozen=True)
class Tile:
    """One key figure: what it is, the value as it is written, a line of explanation, and where it comes from."""

    label: str
    value: str
    note: str
    source: Provenance
    tone: Tone = "plain"


@dataclass(frozen=True)
class Section:
    """A part of the pack under a heading: paragraphs, key figures, figures."""

    key: str
    title: str
    paragraphs: tuple[str, ...] = ()
    tiles: tuple[Tile, ...] = ()
    figures: tuple[Exhibit, ...] = ()


@dataclass(frozen=True)
class RunPart:
    """What a pack has of one run, in the order of a risk committee's papers.

    `subtitle` says of which rulebook and day it is, `verdict` the answer in words, `tone` whether that is good news.
    """

    subtitle: str
    verdict: tuple[str, ...]
    tone: Tone
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Pack:
    """The whole: `subtitle` says of which rulebook and day, `verdict` the answer in words."""

    title: str
    subtitle: str
    verdict: tuple[str, ...]
    tone: Tone
    currency: str
    digits: int
    sections: tuple[Section, ...]
    warnings: tuple[str, ...] = field(default=())
