"""Notes on tiers: what a rulebook's words ask for and nobody says, and sizes that were not found."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ccp.notes.note import Note, named, note
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_forms import parts_of
from ccp.rulebook.tier_kind import OFFERED
from ccp.rulebook.tier_table import kind_of


@dataclass(frozen=True)
class Told:
    """What is known of events beside losses: of how many `members`, on how many `days` (None: on all), and whether
    losses are known by product class."""

    members: int
    days: int | None = 1
    classes: bool = True


ORDERS = {"auction": "bids in an auction", "segments_first": "losses by product class"}
"""What an order of paying goes by."""


def tier_notes(rulebook: Rulebook, told: Told, prefix: str = "") -> list[Note]:
    """Notes on a rulebook's tiers; `prefix` says in front of a place whose rulebook it is."""
    found = [one for path, part in placed_parts(rulebook) for one in _part_notes(prefix + path, part, told)]
    return [*found, *not_found(rulebook, prefix)]


def placed_parts(rulebook: Rulebook) -> Iterator[tuple[str, Any]]:
    """Every part of every tier, with its path in the rulebook."""
    for place, tier in enumerate(rulebook.tiers):
        parts = parts_of(tier)
        for number, part in enumerate(parts):
            yield f"tiers.{place}" if parts == (tier,) else f"tiers.{place}.parts.{number}", part


def _part_notes(path: str, part: Any, told: Told) -> Iterator[Note]:
    order, days = getattr(part, "order", None), getattr(part, "days", None)
    if order == "auction" or (order == "segments_first" and not told.classes):
        words = {"what": ORDERS[order], "instead": "takes from all members alike"}
        yield note("not_known", f"{path}.order", 0, told.members, tier=part.word, **words)
    if kind_of(part.word).form == OFFERED:
        yield note("not_known", path, 0, told.members, tier=part.word, what="offers", instead="pays nothing")
    if days is not None and told.days is not None and told.days < days:
        yield note("needs_days", f"{path}.days", told.days, days, instead="gains are those of the scenario")


def not_found(rulebook: Rulebook, prefix: str = "") -> list[Note]:
    """Sizes that count as nothing, since no source states them."""
    paths = unsized(rulebook)
    place = f"{prefix}tiers"
    return [note("size_not_found", place, len(paths), len(rulebook.figures), names=named(paths))] if paths else []


def unsized(rulebook: Rulebook) -> list[str]:
    """The paths of sizes that no source states."""
    sizes = ("tiers.", "regulatory_capital")
    return [one.path for one in rulebook.figures if one.assumed and one.value == 0 and one.path.startswith(sizes)]
