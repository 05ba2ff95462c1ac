"""How amounts, shares and lists are put in words: the same everywhere."""

MILLION = 1e6


def exact_amount(value: float, digits: int = 2) -> str:
    """An amount to the minor unit, thousands apart."""
    return f"{value:,.{digits}f}"


def millions(value: float) -> str:
    """An amount in millions with two decimals; a dash for nothing at all."""
    return f"{value / MILLION:,.2f}" if value else "-"


def share(value: float | None) -> str:
    """A share as a percentage with one decimal."""
    return "-" if value is None else f"{value:.1%}"


def listed(names: list[str]) -> str:
    """Names in a sentence: `A`, `A and B`, `A, B and C`."""
    if len(names) < 2:
        return "".join(names) or "nobody"
    return f"{', '.join(names[:-1])} and {names[-1]}"
