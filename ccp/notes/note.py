"""A note: which kind it is, where it stands, how large it is, and a sentence for people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ccp.notes.kinds import KINDS, NoteKind

DIGITS = 6
"""Of a share, so that it does not depend on the order of sums."""


@dataclass(frozen=True)
class Note:
    """What a reader must know of a run.

    `id` is the kind's word, `place` the word of the rulebook, table, file or factor that it is about. `have` of `of`
    says how short or how much, in the kind's unit: what counts is said in the kind's row.
    """

    id: str
    place: str
    have: float
    of: float
    sentence: str

    @property
    def kind(self) -> NoteKind:
        """Its row."""
        return KINDS[self.id]

    @property
    def shortness(self) -> float:
        """What is missing, as a share of the whole: 0 where nothing is, 1 where all is."""
        part = self.have / self.of if self.of else 1.0
        return part if self.kind.missing else 1.0 - part

    @property
    def size(self) -> str:
        """Its size in words: `319 of 2,500 windows`, `62 % of the margin`."""
        if self.kind.share:
            return f"{self.have * 100:.4g} % of {self.kind.unit}"
        return f"{_figure(self.have)} of {_figure(self.of)} {self.kind.unit}"

    def as_dict(self) -> dict[str, Any]:
        """As manifests and JSON have it."""
        size = {"have": self.have, "of": self.of, "unit": self.kind.unit}
        return {"id": self.id, "place": self.place, "size": size, "sentence": self.sentence}

    def __str__(self) -> str:
        """As a terminal has it."""
        return f"{self.sentence} [{self.id}, {self.place}: {self.size}]"


def note(word: str, place: str, have: float, of: float, **words: Any) -> Note:
    """A note of a kind; `words` are what its sentence names beside place and size."""
    found = Note(word, place, round(have, DIGITS), round(of, DIGITS), "")
    sizes = {"have": _figure(found.have), "of": _figure(found.of), "size": found.size}
    return replace(found, sentence=found.kind.says.format(place=place, **sizes, **words))


def _figure(number: float) -> str:
    return f"{number:,.10g}"


def notes_of(stated: Iterable[Mapping[str, Any]]) -> list[Note]:
    """Notes read back from what `as_dict` made of them."""
    return [Note(one["id"], one["place"], one["size"]["have"], one["size"]["of"], one["sentence"]) for one in stated]


def worst_of(notes: Iterable[Note]) -> list[Note]:
    """Of several notes of a kind and place, as days make them, the one that is shortest of all; in order of coming."""
    found: dict[tuple[str, str], Note] = {}
    for one in notes:
        before = found.setdefault((one.id, one.place), one)
        if one.shortness > before.shortness:
            found[(one.id, one.place)] = one
    return list(found.values())


def first_of_each(notes: Iterable[Note], most: int) -> tuple[list[Note], int]:
    """The `most` notes of every kind that are shortest, in the order given, and how many are left out."""
    held = list(notes)
    of_kind: dict[str, list[Note]] = {}
    for one in held:
        of_kind.setdefault(one.id, []).append(one)
    kept = {id(one) for some in of_kind.values() for one in sorted(some, key=lambda one: -one.shortness)[:most]}
    shown = [one for one in held if id(one) in kept]
    return shown, len(held) - len(shown)


def named(names: list[str], most: int = 5) -> str:
    """Names in a sentence, the first few of them."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
