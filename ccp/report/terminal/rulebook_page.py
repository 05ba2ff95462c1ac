"""A rulebook for reading: its tiers in order, its other figures, and where every number comes from."""

import json
from itertools import chain
from typing import Any

from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.rulebook.figures import Figure
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_forms import Part, parts_of
from ccp.rulebook.tier_table import rule_in_words

PARTS = ("book", "margin", "stress", "close_out", "collateral", "settlement", "fund", "default_management")
"""The parts of a rulebook that have words of their own."""
ASSUMED = "*"
"""The mark of what is assumed."""


def rulebook_tables(rules: Rulebook) -> RenderableType:
    """The rulebook as tables for a terminal: assumed tiers and numbers are marked, sources stand below by number."""
    notes = _Notes(rules)
    tiers, others = _tiers(rules, notes), _others(rules, notes)
    head = f"{rules.name}, {rules.currency}" + (f", as of {rules.as_of}" if rules.as_of else "")
    parts: list[RenderableType] = [Text(head, style="bold")]
    parts += [Text(line) for line in (rules.description.strip(), f"Order of tiers: {rules.source}") if line]
    parts += [Text("\nTiers, in order", style="bold"), tiers]
    parts += [Text("\nOther words: as stated, and by default", style="bold"), _words(rules)]
    if others.row_count:
        parts += [Text("\nOther figures", style="bold"), others]
    marked = f"{ASSUMED} assumed: {notes.assumed} of {len(rules.figures)} figures"
    parts += [Text(f"\n{marked}. Sources and reasons:" if rules.figures else "", style="bold")]
    return Group(*parts, *notes.lines())


class _Notes:
    """Sources and reasons, each once, by number."""

    def __init__(self, rules: Rulebook):
        self.figures = {figure.path: figure for figure in rules.figures}
        self.assumed = sum(figure.assumed for figure in rules.figures)
        self.texts: list[str] = []

    def mark(self, assumed: bool, source: str, reason: str, date: object) -> str:
        """The mark behind a number or a tier: the number of its note, with a star where it is assumed."""
        text = f"assumed: {reason}" if assumed else f"{source} ({date})" if date else source
        if not text:
            return ""
        if text not in self.texts:
            self.texts.append(text)
        return f"[{self.texts.index(text) + 1}{ASSUMED if assumed else ''}]"

    def of(self, figure: Figure) -> str:
        """The mark of a figure."""
        return self.mark(figure.assumed, figure.source, figure.reason, figure.date)

    def lines(self) -> list[Text]:
        """The notes, numbered."""
        return [Text(f"[{number}] {text}") for number, text in enumerate(self.texts, start=1)]


def _tiers(rules: Rulebook, notes: _Notes) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("tier", overflow="fold")
    table.add_column("what the service calls it", overflow="fold")
    table.add_column("rule, and its figures", overflow="fold")
    for place, tier in enumerate(rules.tiers, start=1):
        parts = parts_of(tier)
        for number, part in enumerate(parts):
            path = f"tiers.{place - 1}" + (f".parts.{number}" if len(parts) > 1 else "")
            beside = "" if len(parts) == 1 else "together: "
            own = notes.mark(part.assumed, part.source, part.reason, part.date)
            named = f"{part.name} {own}".strip()
            table.add_row(str(place) if number == 0 else "", beside + part.word, named, _rule(part, path, notes))
    return table


def _rule(part: Part, path: str, notes: _Notes) -> str:
    """The rule in words, and behind it the marks of the tier's figures."""
    figures = [figure for figure in notes.figures.values() if figure.path.startswith(f"{path}.")]
    if len(figures) == 1:
        return f"{rule_in_words(part)} {notes.of(figures[0])}"
    shown = [f"{figure.path.rpartition('.')[2]} {notes.of(figure)}" for figure in figures]
    return "; ".join(chain([rule_in_words(part)], shown))


def _words(rules: Rulebook) -> Table:
    """The words of each part beside tiers: those that the rulebook states, and those that stand by default."""
    table = Table(box=None, pad_edge=False)
    for name in ("part", "stated", "by default"):
        table.add_column(name, overflow="fold")
    for name in PARTS:
        part: BaseModel = getattr(rules, name)
        stated, every = (part.model_dump(mode="json", by_alias=True, exclude_unset=given) for given in (True, False))
        default = {word: value for word, value in every.items() if word not in stated}
        table.add_row(name, _written(stated), _written(default))
    return table


def _written(words: dict[str, Any]) -> str:
    """Words with their values nearly as YAML has them, on one line; what is nothing is left out."""
    return "; ".join(f"{word}: {_as_yaml(value)}" for word, value in words.items() if value not in (None, [], {}))


def _as_yaml(value: Any) -> str:
    if isinstance(value, dict):
        inner = [f"{word}: {_as_yaml(one)}" for word, one in value.items() if one is not None]
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return " and ".join(map(_as_yaml, value))  # not in brackets: a number in these is a source's
    return f"{value:.15g}" if isinstance(value, float) else json.dumps(value).strip('"')


def _others(rules: Rulebook, notes: _Notes) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("figure", "value", "from"):
        table.add_column(name, overflow="fold")
    for figure in rules.figures:
        if not figure.path.startswith("tiers."):
            table.add_row(figure.path, _value(figure), notes.of(figure))
    return table


def _value(figure: Figure) -> str:
    value = figure.value
    text = f"{value:,.10g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    return f"{text} {figure.unit}".strip()
