"""One answer of an explorer: an event under some rules, who pays, and every member's bill."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ccp.api.settings import Settings
from ccp.api.size import event_story
from ccp.money import to_units
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_kind import BILLS
from ccp.sizing.figures import coverage_figures
from ccp.sizing.results import contributions_table
from ccp.sizing.size import Sized
from ccp.waterfall.event import Outcome


@dataclass(frozen=True)
class View:
    """An event under some rules. Money in units of the currency.

    `coverage` is what `coverage.json` says of the fund under these rules, `trace` what `trace.json` says of the event,
    `contributions` the table of that name. `bills` has a row for every member: its contribution in force, what it pays
    of its margin, of its contribution, in calls, of its own accord and by haircuts, and in all.
    """

    settings: Settings
    rulebook: Rulebook
    sized: Sized
    scenario: int
    groups: tuple[int, ...]
    coverage: dict[str, Any]
    trace: dict[str, Any]
    contributions: pl.DataFrame
    bills: pl.DataFrame

    @property
    def scenario_id(self) -> str:
        """The scenario of the event."""
        return self.sized.scenarios.ids[self.scenario]

    @property
    def defaulters(self) -> tuple[str, ...]:
        """The groups that default, in order."""
        return tuple(self.sized.plan.groups[group] for group in self.groups)


def view_of(
    settings: Settings, sized: Sized, scenario: int, groups: tuple[int, ...], coverage: dict[str, Any] | None = None
) -> View:
    """The answer for an event. `coverage` are the figures, where they are known already."""
    outcome = sized.outcome(scenario, groups)
    return View(
        settings,
        sized.rules,
        sized,
        scenario,
        groups,
        coverage_figures(sized) if coverage is None else coverage,
        event_story(sized, scenario, groups, outcome),
        contributions_table(sized),
        bills_table(sized, outcome),
    )


def bills_table(sized: Sized, outcome: Outcome) -> pl.DataFrame:
    """What every member pays in an event, by what it pays with. In order of member."""
    plan, digits = sized.plan, sized.digits
    parts = {name: np.zeros(len(plan.members), dtype=np.int64) for name in BILLS}
    for draw in outcome.draws:
        for member, paid in draw.paid.items():
            if member is not None and draw.kind.bill is not None:
                parts[draw.kind.bill][member] += paid
    whole = sum(parts.values(), np.zeros(len(plan.members), dtype=np.int64))
    amounts = {"contribution": plan.contributions, **parts, "bill": whole}
    return pl.DataFrame(
        {
            "member_id": plan.members,
            "group_id": [plan.groups[group] for group in plan.member_group],
            "defaults": np.isin(plan.member_group, outcome.event.defaulters),
            **{name: to_units(cents, digits) for name, cents in amounts.items()},
        }
    )
