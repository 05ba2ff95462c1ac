"""What the controls offer, from the fund that the screen is open on."""

from dataclasses import dataclass
from math import ceil, log10

from ccp.api.explore import Explorer
from ccp.api.settings import Settings
from ccp.money import to_units
from ccp.report.charts.waterfall import tier_name
from ccp.rulebook.own_capital import first_place, other_tiers, own_place

STEPS = 200
"""A slider has about so many."""
MULTIPLES = (0.25, 5.0, 0.05)
"""The smallest and the largest multiple that the slider offers, and its step."""


@dataclass(frozen=True)
class CapitalAmounts:
    """What a slider of money offers, in units of the currency: 0 to `most`; `held` is what there is."""

    most: float
    step: float
    held: float


@dataclass(frozen=True)
class Choices:
    """Scenarios by id with their descriptions, groups, and places of the clearing house's capital in words."""

    scenarios: dict[str, str]
    groups: list[str]
    fund: CapitalAmounts
    capital: CapitalAmounts
    places: dict[int, str]
    place: int | None
    multiples: bool


def choices_of(explorer: Explorer) -> Choices:
    """What there is to choose from."""
    base, rules = explorer.base, explorer.rulebook
    digits, labels = rules.currency_digits, base.measured.scenarios.labels
    fund, required = (float(to_units(cents, digits)) for cents in (base.plan.fund, base.fund.required))
    capital = float(to_units(base.plan.capital, digits))
    return Choices(
        {label.scenario_id: label.description for label in labels},
        list(base.plan.groups),
        amounts(fund, 3 * max(fund, required)),
        amounts(capital, max(2 * fund, 3 * capital)),
        _places(explorer),
        own_place(rules),
        not explorer.given,
    )


def amounts(held: float, most: float) -> CapitalAmounts:
    """A slider up to about `most`, in round steps."""
    step = _round_step(max(most, 1.0) / STEPS)
    return CapitalAmounts(step * ceil(max(most, held, step) / step), step, held)


def _round_step(size: float) -> float:
    """1, 2 or 5 times a power of ten, at least `size`."""
    power = 10.0 ** int(log10(size) // 1)
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= size * (1 - 1e-9))


def _places(explorer: Explorer) -> dict[int, str]:
    """Every place that the clearing house's capital may have, by how many tiers stand ahead of it."""
    rules = explorer.rulebook
    tiers = [tier_name({"tier": one.word, "name": one.name, "place": n}) for n, one in enumerate(other_tiers(rules), 1)]
    plain = [name.split(". ", 1)[1] for name in tiers]
    return {
        place: f"behind {plain[place - 1]}" + (f", ahead of {plain[place]}" if place < len(plain) else ", last of all")
        for place in range(first_place(rules), len(plain) + 1)
    }


def known(settings: Settings, choices: Choices) -> tuple[Settings, list[str]]:
    """The settings without what this fund does not know, and the names of what was left out."""
    unknown: dict[str, None] = {}
    if settings.scenario is not None and settings.scenario not in choices.scenarios:
        unknown["scenario"] = None
    if settings.defaulters is not None and not set(settings.defaulters) <= set(choices.groups):
        unknown["defaulters"] = None
    if settings.capital_place is not None and settings.capital_place not in choices.places:
        unknown["capital_place"] = None
    if settings.multiple is not None and not choices.multiples:
        unknown["multiple"] = None
    for name in ("cover", "fund_cover"):
        if (getattr(settings, name) or 0) > len(choices.groups):
            unknown[name] = None
    return settings.model_copy(update=unknown), list(unknown)
