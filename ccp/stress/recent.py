"""What was worked out last, kept while there is room: the same sets of groups are asked for again and again."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ccp.types import Cents

Key = TypeVar("Key", bound=Hashable)


@dataclass(eq=False)
class Recent(Generic[Key]):
    """Amounts by key, `most` of them at a time in all; where there are more, those that came first go."""

    most: int
    _kept: dict[Key, list[Cents]] = field(default_factory=dict)
    _size: int = 0

    def of(self, key: Key, make: Callable[[], list[Cents]]) -> list[Cents]:
        """What is kept under a key, made where nothing is."""
        if key not in self._kept:
            amounts = make()
            self._kept[key] = amounts
            self._size += sum(one.size for one in amounts)
            self._let_go()
        return self._kept[key]

    def _let_go(self) -> None:
        while self._size > self.most and len(self._kept) > 1:
            self._size -= sum(one.size for one in self._kept.pop(next(iter(self._kept))))
