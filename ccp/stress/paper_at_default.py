"""What defaulters lose for paper of one of them that is at its default: docs/reference/arithmetic.md, section 4."""

from dataclasses import dataclass

import numpy as np

from ccp.book.portfolio import Part
from ccp.exposure.run import account_values
from ccp.money import to_minor
from ccp.stress.measure import Measured
from ccp.types import Cents


@dataclass(frozen=True)
class PaperHeld:
    """Paper of a group that stands at its default in the books of a group that defaults with it, or in its own.

    `more` is what the holder loses more, before margin, than if the paper moved as the scenario says, in cents;
    negative where it loses less. `instruments` are places.
    """

    issuer: int
    holder: int
    instruments: tuple[int, ...]
    more: int


def paper_at_default(measured: Measured, scenario: int, groups: tuple[int, ...]) -> list[PaperHeld]:
    """Paper of any of some groups in the books of any of them as they default together in a scenario, by holder."""
    if measured.issuer is None:
        return []
    return [held for holder in groups for held in _held(measured, scenario, groups, holder)]


def _held(measured: Measured, scenario: int, groups: tuple[int, ...], holder: int) -> list[PaperHeld]:
    """The paper that a group holds, issuer by issuer: to the cent these add up to what it loses more for all."""
    portfolio, issuer = measured.portfolio, measured.issuer
    issuers = [group for group in groups if (issuer == group).any()]
    held, more = np.zeros(len(portfolio.instruments), dtype=bool), np.zeros(len(issuers), dtype=np.int64)
    for some in portfolio.portions(portfolio.pools_of(portfolio.members_of(np.array([holder])))):
        part = portfolio.part(some)
        held[part.positions.instrument[part.positions.quantity != 0]] = True
        more += _more(measured, part, scenario, issuers)
    places = [np.flatnonzero(held & (issuer == group)) for group in issuers]
    return [
        PaperHeld(group, holder, tuple(some.tolist()), int(amount))
        for group, some, amount in zip(issuers, places, more, strict=True)
        if some.size
    ]


def _more(measured: Measured, part: Part, scenario: int, issuers: list[int]) -> Cents:
    """By issuer, how much more the accounts of a part lose as it defaults after those before it, account by account in
    whole cents."""
    in_default = [tuple(issuers[:count]) for count in range(len(issuers) + 1)]
    unit_loss = np.column_stack([measured.unit_loss_when(scenario, groups) for groups in in_default])
    lost = account_values(measured.ordinary_held(part), unit_loss, np.arange(len(part.account_pool)))
    return np.diff(to_minor(lost, measured.digits), axis=1).sum(axis=0)
