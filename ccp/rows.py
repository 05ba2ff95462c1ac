"""Tables of what there is, a row each, by the row's word. Each word is said once."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Row = TypeVar("Row")


def by_word(rows: Iterable[Row], word: Callable[[Row], str]) -> dict[str, Row]:
    """Rows by their words, in order. Raises ValueError where two rows have the same word: one of them would be lost."""
    found: dict[str, Row] = {}
    for row in rows:
        if word(row) in found:
            raise ValueError(f"two rows are called {word(row)!r}; one of each word was expected")
        found[word(row)] = row
    return found
