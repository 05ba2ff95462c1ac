"""Key risk indicators: first of all, each with its colour in words, its thresholds and what has to be done."""

from collections.abc import Sequence

import polars as pl

from ccp.report.elements import Exhibit, Section, Table, TableColumn, Tile, Tone
from ccp.report.indicators.judged import Colour, Indicator, indicators
from ccp.runs.run import Run

TONES: dict[Colour, Tone] = {"green": "good", "amber": "warning", "red": "bad", "unknown": "plain"}
COLUMNS = (
    TableColumn("label", "indicator"),
    TableColumn("written", "value"),
    TableColumn("colour", "colour"),
    TableColumn("amber", "amber"),
    TableColumn("red", "red"),
    TableColumn("action", "what the procedure asks for"),
    TableColumn("note", "what it is made of"),
    TableColumn("source", "source"),
)


def watched_section(runs: Sequence[Run]) -> Section | None:
    """The indicators of all runs that have any; None where none has."""
    watched = [run for run in runs if run.kind.indicators]
    if not watched:
        return None
    found = indicators(watched)
    known = [one for one in found if one.colour != "unknown"]
    words = [f"Of {len(found)} indicators {len(known)} are known. {_counted(known)}"]
    unknown = [one.label for one in found if one.colour == "unknown"]
    words += [f"Not known, for the reasons in the table: {'; '.join(unknown)}."] if unknown else []
    if any(not one.stated for one in found):
        words.append("Thresholds with a star are this program's own: the rulebook does not state them.")
    table = Table(pl.DataFrame([_row(one) for one in found]), COLUMNS)
    sources = tuple(dict.fromkeys(source for one in found for source in one.sources))
    figure = Exhibit("indicators", "All indicators, with thresholds and actions", sources, table)
    return Section("indicators", "Key risk indicators", tuple(words), tuple(map(_tile, known)), (figure,))


def _counted(known: list[Indicator]) -> str:
    counts = {colour: sum(one.colour == colour for one in known) for colour in ("red", "amber", "green")}
    return ", ".join(f"{count} {colour}" for colour, count in counts.items()).capitalize() + "."


def _tile(one: Indicator) -> Tile:
    amber, red = one.thresholds
    own = "" if one.stated else "*"
    made_of = f" {one.note[0].upper()}{one.note[1:]}." if one.note else ""
    bounds = f"{one.colour.upper()}: amber {amber}{own}, red {red}{own}.{made_of}"
    act = one.stated and one.colour in ("amber", "red") and one.action
    action = f" {one.action[0].upper()}{one.action[1:]}." if act else ""
    return Tile(one.label, one.written, bounds + action, one.sources[0], TONES[one.colour])


def _row(one: Indicator) -> dict[str, str]:
    (amber, red), own = one.thresholds, "" if one.stated else "*"
    return {
        "label": one.label,
        "written": one.written,
        "colour": one.colour,
        "amber": f"{amber}{own}",
        "red": f"{red}{own}",
        "action": one.action,
        "note": "; ".join(part for part in (one.note, one.reason) if part),
        "source": f"{one.run}: {'; '.join(str(source) for source in one.sources)}" if one.sources else "",
    }
