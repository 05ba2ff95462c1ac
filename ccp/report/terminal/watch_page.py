"""What the terminal shows after `ccp watch`: every indicator with its colour, value, thresholds, action and source."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.notes.note import Note
from ccp.report.indicators.judged import RANKS, Indicator, worst_colour
from ccp.report.terminal.noted import note_lines

WORDS = {"unknown": "not known", "green": "green", "amber": "AMBER", "red": "RED"}
STYLES = {"unknown": "dim", "green": "green", "amber": "bold yellow", "red": "bold red"}
OWN = "* Thresholds of this program, not a rule of the service: its rulebook states none."


def watch_table(found: Sequence[Indicator], notes: Sequence[Note], several: bool) -> RenderableType:
    """The indicators, the runs' notes, and how many indicators there are of each colour.

    `several`: whether to say which run each is from."""
    table = Table(box=None, pad_edge=False)
    for name in ("colour", "indicator", "value", "thresholds"):
        table.add_column(name, justify="right" if name == "value" else "left", overflow="fold")
    for one in found:
        (amber, red), mark = one.thresholds, "" if one.stated else "*"
        thresholds = Text(f"amber {amber}{mark}\nred {red}{mark}")
        table.add_row(_word(one.colour), _about(one, several), Text(one.written), thresholds)
    foot = [] if all(one.stated for one in found) else [Text(f"\n{OWN}")]
    foot += [Text(line) for line in ("", *note_lines(notes))] if notes else []
    return Group(table, *foot, Text(f"\n{_counts(found)}", style="bold"))


def _word(colour: str) -> Text:
    return Text(WORDS[colour], style=STYLES[colour])


def _about(one: Indicator, several: bool) -> Text:
    """What it is, what it is made of, what is to be done, and where it stands."""
    text = Text(one.label, style="bold")
    lines = [(one.note, ""), (one.reason and f"Not known: {one.reason}", "")]
    if one.colour in ("amber", "red"):
        lines.append((f"To do: {one.action}", "bold"))
    place = f"{one.run}/" if several else ""
    lines += [(f"{place}{source}", "dim") for source in one.sources]
    for line, style in lines:
        if line:
            text.append(f"\n{line}", style=f"not bold {style}".strip() if style != "bold" else style)
    return text


def _counts(found: Sequence[Indicator]) -> str:
    colours = [one.colour for one in found]
    counts = [f"{colours.count(colour)} {WORDS[colour]}" for colour in reversed(RANKS) if colour in colours]
    return f"Worst: {WORDS[worst_colour(found)]} ({', '.join(counts)})"
