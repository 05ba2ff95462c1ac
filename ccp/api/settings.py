"""What may be set while a sized fund is explored: the event, the size of the fund, the clearing house's capital."""

from pydantic import Field

from ccp.documents import Frozen
from ccp.errors import LARGEST_AMOUNT, refuse_argument
from ccp.rulebook.own_capital import first_place, other_tiers, tranches, with_own_capital
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.shocks import with_multiple
from ccp.rulebook.with_rules import with_rules

CHANGED = ", changed"
"""What the name of a changed rulebook ends in."""


class Settings(Frozen):
    """A question: which event, under which rules. What is not set is as in the run.

    `scenario` is a scenario's id (None: the worst that sizes the fund for so many groups), `multiple` of its shock
    instead of its own; `defaulters` are groups by name (None: the `cover` largest in the scenario, of which None is as
    many as the fund is to cover). `fund_size` fixes the fund, in units of the currency. `capital` puts one tranche of
    that size in place of all the clearing house's own; `capital_place` says how many of the other tiers stand ahead of
    it.
    """

    scenario: str | None = None
    multiple: float | None = Field(default=None, gt=0, le=100)
    defaulters: tuple[str, ...] | None = Field(default=None, min_length=1)
    cover: int | None = Field(default=None, ge=1, le=1000)
    fund_cover: int | None = Field(default=None, ge=1, le=1000)
    fund_buffer: float | None = Field(default=None, ge=0, le=10)
    fund_size: float | None = Field(default=None, ge=0, le=LARGEST_AMOUNT)
    capital: float | None = Field(default=None, ge=0, le=LARGEST_AMOUNT)
    capital_place: int | None = Field(default=None, ge=0, le=1000)

    @property
    def event(self) -> "Settings":
        """The event alone, under the run's own rules."""
        return Settings(scenario=self.scenario, multiple=self.multiple, defaulters=self.defaulters, cover=self.cover)


def changed_rules(rulebook: Rulebook, settings: Settings, capital: float) -> Rulebook:
    """The rulebook that the settings ask for, but for the multiple. One that is no other keeps its name.

    `capital` is what the run's own tranches come to: where several are to move, one of that size moves. Raises
    InputError.
    """
    stated = {
        "fund.cover": settings.fund_cover,
        "fund.buffer": settings.fund_buffer,
        "fund.size": settings.fund_size,
    }
    changed = with_rules(rulebook, [(path, value) for path, value in stated.items() if value is not None])
    amount, place = settings.capital, settings.capital_place
    if place is not None:
        _check_place(rulebook, place)
        amount = capital if amount is None and len(tranches(rulebook)) > 1 else amount
    return with_own_capital(changed, amount, place)


def with_shocks(rulebook: Rulebook, multiple: float | None) -> Rulebook:
    """The rulebook with the multiple that the settings ask for."""
    return rulebook if multiple is None else with_multiple(rulebook, multiple)


def named(changed: Rulebook, rulebook: Rulebook) -> Rulebook:
    """A changed rulebook under a name of its own."""
    if changed == rulebook:
        return rulebook
    return changed.model_copy(update={"name": rulebook.name.removesuffix(CHANGED) + CHANGED})


def _check_place(rulebook: Rulebook, place: int) -> None:
    first, last = first_place(rulebook), len(other_tiers(rulebook))
    if not first <= place <= last:
        raise refuse_argument("settings", f"{first} to {last} was expected", field="capital_place", value=place)
