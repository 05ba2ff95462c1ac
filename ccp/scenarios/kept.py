"""Which scenarios are kept of those that are run over the book only to find which of them matter."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class KeptScenarios:
    """`first_days` of windows of the history; `single_names` with the way they move, `down` or `up`."""

    first_days: frozenset[date] = frozenset()
    single_names: frozenset[tuple[str, str]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.first_days or self.single_names)

    def __or__(self, other: "KeptScenarios") -> "KeptScenarios":
        return KeptScenarios(self.first_days | other.first_days, self.single_names | other.single_names)


NONE_KEPT = KeptScenarios()
