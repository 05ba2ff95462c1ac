"""The glossary in a terminal: all entries as a list, or some of them in full."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ccp.glossary.glossary import Entry, laws

FOOT = "\nccp glossary WORD prints an entry, by our word, the field's term or its abbreviation."


def glossary_list(entries: Sequence[Entry]) -> RenderableType:
    """Every entry on a line, by subject: our word, and what the field calls it."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("", overflow="fold", min_width=max(len(one.word) for one in entries))
    table.add_column("", overflow="fold")
    for subject, some in groupby(entries, lambda one: one.subject):
        first = not table.row_count
        table.add_row(Text(subject if first else f"\n{subject}", style="bold"), "" if first else "\n")
        for one in some:
            table.add_row(one.word, one.field_name)
    return Group(Text("Word here, and the field's term", style="bold"), table, Text(FOOT))


def glossary_page(entries: Sequence[Entry]) -> RenderableType:
    """Entries in full, one below the other."""
    parts = [part for one in entries for part in (Text(), *_entry(one))]
    return Group(*parts[1:], *_laws(entries))


def _entry(one: Entry) -> list[RenderableType]:
    """What it is called and what it means; then where it stands, and the rules that it comes from."""
    lines = Table(box=None, pad_edge=False, show_header=False)
    lines.add_column("", no_wrap=True)
    lines.add_column("", overflow="fold")
    for name, values in (
        ("field's term", (one.field_name,)),
        ("also called", (", ".join(one.also),) if one.also else ()),
        ("in a rulebook", one.rulebook),
        ("in results", one.results),
        ("rules", one.rules),
    ):
        for place, value in enumerate(values):
            lines.add_row("" if place else name, value)
    return [Text(one.word, style="bold"), Padding(Text(one.meaning), (0, 0, 0, 2)), Padding(lines, (0, 0, 0, 2))]


def _laws(entries: Sequence[Entry]) -> list[RenderableType]:
    """The laws that the entries' rules are of, in full."""
    cited = [
        name for name in laws() if any(rule.split()[0].rstrip(":") == name for one in entries for rule in one.rules)
    ]
    if not cited:
        return []
    return [Text(), *(Text(f"{name}: {laws()[name]}", style="dim") for name in cited)]
