"""How amounts, shares and lists are put in words: the same everywhere."""

from dataclasses import dataclass
from typing import Any

from ccp.rulebook.tier_table import label_of


def exact_amount(value: float, digits: int = 2) -> str:
    """An amount to the minor unit, thousands apart."""
    return f"{value:,.{digits}f}"


@dataclass(frozen=True)
class MoneyUnit:
    """The unit that a table's amounts are shown in."""

    unit: float
    word: str

    def amount(self, value: float) -> str:
        """An amount in this unit with two decimals; a dash for nothing at all."""
        return f"{value / self.unit:,.2f}" if value else "-"

    def named(self, currency: str) -> str:
        """The unit's name, for a table's heading: `USD m`."""
        return f"{currency} {self.word}".strip()


def scale_of(largest: object) -> MoneyUnit:
    """Millions, thousands or units, by the largest amount to show."""
    size = float(largest) if isinstance(largest, int | float) else 0.0
    if size >= 1e7:
        return MoneyUnit(1e6, "m")
    return MoneyUnit(1e3, "thousand") if size >= 1e5 else MoneyUnit(1.0, "")


def share(value: float | None) -> str:
    """A share as a percentage with one decimal."""
    return "-" if value is None else f"{value:.1%}"


def listed(names: list[str]) -> str:
    """Names in a sentence: `A`, `A and B`, `A, B and C`."""
    if len(names) < 2:
        return "".join(names) or "nobody"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def replay_title(found: dict[str, Any], unit: str = "") -> str:
    """A replay's first line: what it is, and that nothing is proved by it where the loss was set to the margin, or
    chosen otherwise."""
    words = f"{found['title']} ({unit})" if unit else found["title"]
    if found["loss_set_to_margin"]:
        return f"{words}; by assumption the loss equals the margin, so that no tier behind it can pay"
    if found["loss_chosen"]:
        return f"{words}; the loss is chosen by assumption, so that what tiers pay of it was put in"
    return words


def compared_name(line: dict[str, Any]) -> str:
    """What a line sets beside what was expected: what a tier paid or got back, or how many members defaulted."""
    if line["what"] == "defaults":
        return "members in default"
    tier = label_of(line["tier"])
    return tier if line["what"] == "paid" else f"{tier}, repaid"


def defaulting(names: list[str]) -> str:
    """The verb that goes with one or several defaulters."""
    return "defaults" if len(names) == 1 else "default"
