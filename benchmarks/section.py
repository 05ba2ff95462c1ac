"""What a benchmark has to say: some words and tables, the same for people, for the README and as JSON."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows that all have the same columns; numbers as measured."""

    title: str
    rows: list[Row]
    note: str = ""


@dataclass(frozen=True)
class Section:
    """One benchmark's findings, and the module that found them."""

    module: str
    title: str
    text: str
    tables: list[Table]

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Section":
        """As `asdict` wrote it."""
        tables = [Table(**table) for table in document["tables"]]
        return cls(document["module"], document["title"], document["text"], tables)

    def markdown(self) -> str:
        """For people."""
        lines = [f"## {self.title}", "", f"`python -m {self.module}`", "", self.text, ""]
        for table in self.tables:
            lines += [f"**{table.title}**", "", *table_lines(table.rows), ""]
            lines += [table.note, ""] if table.note else []
        return "\n".join(lines).rstrip() + "\n"


def table_lines(rows: list[Row]) -> list[str]:
    """Rows as Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([cell(value) for value in row.values()] for row in rows)]
    return ["| " + " | ".join(line) + " |" for line in lines]


def cell(value: Any) -> str:
    """A value as a table shows it: numbers with three digits that count, or with all before the point."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


@dataclass(frozen=True)
class Asked:
    """What was asked for: `rounds` of ways timed in turn, `quick` for small sizes, a `book` that is there already."""

    quick: bool = False
    rounds: int = 3
    book: Path | None = None
    more: dict[str, Any] = field(default_factory=dict)


Measure = Callable[[Asked], Section]


def parser_of(document: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is timed")
    return parser


def run_alone(measure: Measure, document: str | None, parser: argparse.ArgumentParser | None = None) -> None:
    """A benchmark as a command: its tables, or JSON."""
    parser = parser or parser_of(document)
    parser.add_argument("--json", action="store_true")
    options = vars(parser.parse_args())
    as_json = options.pop("json")
    known = {name: options.pop(name) for name in ("quick", "rounds", "book") if name in options}
    section = measure(Asked(**known, more=options))
    print(json.dumps(asdict(section), indent=1) if as_json else section.markdown())
