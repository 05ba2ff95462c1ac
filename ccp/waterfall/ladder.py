"""One ladder of losses through a rulebook: a stylised clearing house, and who pays at each rung.

The clearing house has members whose contributions fall off as 1, 1/2, 1/3, ...; together they are the fund. Its largest
members default, as many as the rulebook covers. Their loss beyond margin is a multiple of the fund, shared among them
in proportion to their contributions; since the book is matched, the survivors have gained as much, in proportion to
theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ccp.book.roster import each_alone
from ccp.money import exact, minor_units, share_out
from ccp.rulebook.rulebook import Rulebook
from ccp.types import Cents
from ccp.waterfall.event import Circumstances, Event, Outcome
from ccp.waterfall.plan import Plan, make_plan
from ccp.waterfall.run import run_waterfall

RUNGS = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0)
"""Losses beyond the defaulters' margin, in multiples of the fund."""
MEMBERS = 20
PLAIN_FUND = 1e9
"""The fund of a rulebook that publishes none, in units of its currency."""


@dataclass(frozen=True)
class StylisedHouse:
    """A rulebook's stylised clearing house: `fund` in units, `published` whether it is the service's own figure."""

    rulebook: Rulebook
    plan: Plan
    fund: float
    published: bool
    defaulters: tuple[int, ...]


@dataclass(frozen=True)
class Rung:
    """A loss of so many times the fund, and what the tiers did."""

    multiple: float
    outcome: Outcome


def stylised_house(
    rulebook: Rulebook, fund: float | None = None, members: int = MEMBERS, cover: int | None = None
) -> StylisedHouse:
    """The clearing house that a rulebook is put to the test with. `fund` takes the place of the published size.

    `cover` is how many of the largest members default (default: the rulebook's number).
    """
    published = fund is None and bool(rulebook.fund.published_size)
    size = fund if fund is not None else rulebook.fund.published_size or PLAIN_FUND
    cents = round(exact(size) * minor_units(rulebook.currency_digits))
    weights = [10**6 // rank for rank in range(1, members + 1)]
    contributions = np.array(share_out(cents, weights), dtype=np.int64)
    ids = [f"M{rank:03d}" for rank in range(1, members + 1)]
    plan = make_plan(rulebook, each_alone(ids), contributions)
    return StylisedHouse(rulebook, plan, size, published, tuple(range(cover or rulebook.fund.cover)))


def climb(house: StylisedHouse, rungs: Sequence[float] = RUNGS) -> list[Rung]:
    """Run every rung's loss down the tiers."""
    return [Rung(rung, run_waterfall(house.plan, _event(house, exact(rung)))) for rung in rungs]


def _event(house: StylisedHouse, multiple: Fraction) -> Event:
    contributions = house.plan.contributions
    inside = np.isin(np.arange(len(contributions)), house.defaulters)
    amount = round(house.plan.fund * multiple)
    loss = np.array(share_out(amount, np.where(inside, contributions, 0).tolist()), dtype=np.int64)
    gains: Cents = np.array(share_out(amount, np.where(inside, 0, contributions).tolist()), dtype=np.int64)
    known = Circumstances(gains=gains[None, :], matched=gains)
    return Event(house.defaulters, loss, loss.copy(), np.zeros_like(loss), known)
