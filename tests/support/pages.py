"""A page as a reader takes it apart: its tables, tiles and words, without the code that made it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Read:
    """Tables by the id of their figure (rows of cells, headings first), tiles by label, all words."""

    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    tiles: dict[str, str] = field(default_factory=dict)
    charts: list[str] = field(default_factory=list)
    scripts: int = 0
    images: int = 0
    words: str = ""

    def columns(self, figure: str) -> dict[str, list[str]]:
        """A figure's table by heading."""
        headings, *rows = self.tables[figure]
        return {name: [row[place] for row in rows] for place, name in enumerate(headings)}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = Read()
        self.figure = self.tile = ""
        self.cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        if tag == "figure":
            self.figure = (given["id"] or "").removeprefix("figure-")
        elif tag == "tr":
            self.found.tables.setdefault(self.figure, []).append([])
        elif tag in ("td", "th") or (tag == "span" and ("label" in classes or "value" in classes)):
            self.cell = []
        elif tag == "div" and "chart" in classes:
            self.found.charts.append((given["id"] or "").removeprefix("chart-"))
        elif tag == "script":
            self.found.scripts += 1
        elif tag == "img":
            self.found.images += 1

    def handle_data(self, data: str) -> None:
        self.found.words += data
        if self.cell is not None:
            self.cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self.cell is None:
            return
        text = "".join(self.cell)
        if tag in ("td", "th"):
            self.found.tables[self.figure][-1].append(text)
            self.cell = None
        elif tag == "span":
            if self.tile:
                self.found.tiles[self.tile] = text
            self.tile, self.cell = ("" if self.tile else text), None


def read_page(html: str) -> Read:
    """Take a page apart."""
    reader = _Reader()
    reader.feed(html)
    return reader.found


def cents(cell: str) -> int:
    """An amount as it is written on the page, in cents."""
    units, _, fraction = cell.replace(",", "").partition(".")
    return (-1 if units.startswith("-") else 1) * (abs(int(units)) * 100 + int(fraction or 0))
