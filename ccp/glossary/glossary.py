"""The glossary read from its data, and how an entry is found by any of its names."""

import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

WORDS = Path(__file__).parent / "words.toml"
MOST_NEAR = 5
"""How many names are offered for one that is not known."""


@dataclass(frozen=True)
class Entry:
    """One thing, and what it is called.

    `word` is ours, `term` the field's standard one. `rulebook` has paths of a rulebook's words (`path: word` for one of
    a choice), `results` columns as `table.column`, `rules` what some law says, each as `LAW place: what it says`.
    """

    subject: str
    word: str
    term: str
    meaning: str
    abbreviation: str = ""
    also: tuple[str, ...] = ()
    rulebook: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()

    @property
    def field_name(self) -> str:
        """The field's term with its abbreviation."""
        return f"{self.term} ({self.abbreviation})" if self.abbreviation else self.term

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that it may be asked for by."""
        plain = self.word.partition(" (")[0]
        places = [name for path in (*self.rulebook, *self.results) for name in (path, _last_word(path))]
        words = (self.word, plain, self.term, self.abbreviation, *self.also, *places)
        return tuple(dict.fromkeys(name for name in words if name))


@cache
def laws() -> dict[str, str]:
    """The laws that rules are of: in full, by their short names."""
    return _document()["laws"]


@cache
def entries() -> tuple[Entry, ...]:
    """All entries, subject by subject."""
    return tuple(_entry(stated) for stated in _document()["entries"])


def entries_for(name: str) -> list[Entry]:
    """The entries that go by a name, whatever its case, hyphens and underscores: those whose own it is, else those that
    it is another name of, or a word of in a rulebook or a table. Empty where there is none."""
    asked = _plain(name)
    own = [one for one in entries() if asked in map(_plain, (one.word, one.term, one.abbreviation))]
    return own or [one for one in entries() if asked in map(_plain, one.names)]


def near(name: str) -> list[str]:
    """Names that are written almost so, or that hold it, the nearest first."""
    asked = _plain(name)
    known = {_plain(one): one for entry in reversed(entries()) for one in reversed(entry.names)}
    alike = get_close_matches(asked, known, n=MOST_NEAR, cutoff=0.7)
    holding = [one for one in known if len(asked) > 2 and asked in one]
    return [known[one] for one in dict.fromkeys([*alike, *sorted(holding, key=len)])][:MOST_NEAR]


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(WORDS.read_text(encoding="utf-8"))


def _entry(stated: dict[str, Any]) -> Entry:
    """An entry from its data: lists as tuples, the meaning on one line."""
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else " ".join(value.split()) for key, value in stated.items()
    }
    return Entry(**values)


def _plain(name: str) -> str:
    """A name without case, hyphens, underscores and doubled blanks."""
    return re.sub(r"[\s_-]+", " ", name.casefold()).strip()


def _last_word(path: str) -> str:
    """The last word of a path: a key of a rulebook, one word of a choice, a column."""
    return path.rpartition(".")[2].rpartition(": ")[2]
