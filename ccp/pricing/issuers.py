"""Instruments that are paper of a group, at its jump to default: docs/reference/arithmetic.md, section 4."""

from dataclasses import replace

import numpy as np

from ccp.market.case import Case
from ccp.pricing.market_state import MarketState, ScenarioMoves
from ccp.pricing.pricers import by_pricer
from ccp.pricing.revalue import Cube, changes_of
from ccp.pricing.terms import NONE, Terms
from ccp.rulebook.stress import OwnPaper
from ccp.scenarios.scenario_set import FactorMoves
from ccp.types import Index, InstrumentByScenario, Vector

NOBODY = -1
"""The issuing group of an instrument that none of the book's groups has issued."""


def issuers(case: Case) -> Index:
    """The place of every instrument's issuing group, or NOBODY."""
    places = {name: place for place, name in enumerate(case.portfolio.groups)}
    stated = case.book.instrument_column("issuer_id")
    return np.array([places.get(name, NOBODY) if name else NOBODY for name in stated], dtype=np.int64)


def stressed_issuers(case: Case) -> Index | None:
    """The same where stress revalues own paper; None where it does not, or no group of the book has issued any."""
    found = issuers(case)
    return None if case.rulebook.stress.own_paper == "none" or (found == NOBODY).all() else found


def same_paper(before: Case, now: Case) -> bool:
    """Whether the same instruments are paper of the same groups in two books, whatever else has changed."""
    was, are = (
        [NOBODY if place == NOBODY else case.portfolio.groups[place] for place in issuers(case)]
        for case in (before, now)
    )
    return was == are


def recovery_of(case: Case) -> float:
    """The share of its price that paper keeps when its issuer defaults."""
    stated = case.rulebook.stress.own_paper
    return stated.recovery if isinstance(stated, OwnPaper) else OwnPaper().recovery


def at_default(terms: Terms, scenarios: FactorMoves, recovery: float) -> Cube:
    """Price instruments in every scenario as their issuer defaults, each by its product's pricer.

    The first factor of each instrument is then at `recovery` times its level today, whatever the scenario says of it;
    rates, currencies and volatilities are as the scenario has them. Of a price that the model does not explain nothing
    stays: the paper is worth what its model says.
    """
    first = terms.factor
    own, place = np.unique(first, return_inverse=True)
    jumped = (len(terms.levels) + place)[:, None]
    itself = (terms.factors == first[:, None]) & (first != NONE)[:, None]
    itself[:, 0] = True
    moves = ScenarioMoves(
        _with(scenarios.relative.T, recovery - 1.0, len(own)), _with(scenarios.absolute.T, 0.0, len(own))
    )
    factors, levels = np.where(itself, jumped, terms.factors), np.concatenate([terms.levels, terms.levels[own]])
    there = replace(terms, factors=factors, levels=levels)
    change = np.empty((len(first), scenarios.count))
    for pricer, rows in by_pricer(there):
        some = there.rows(rows)
        state = MarketState(moves, some.years_after, np.zeros(len(rows)))
        change[rows] = changes_of(some, pricer.prices(some, state), state)
    return Cube(change, terms.premium_value)


def loss_at_default(terms: Terms, paper: Index, recovery: float) -> Vector:
    """What one long unit of some instruments loses as its issuer defaults and nothing else moves; of others nothing."""
    loss = np.zeros(len(terms.instrument_ids))
    if paper.size:
        loss[paper] = -at_default(terms.rows(paper), unmoved(terms), recovery).change[:, 0]
    return loss


def unmoved(terms: Terms) -> FactorMoves:
    """One scenario, in which no factor moves."""
    still = np.zeros((1, len(terms.levels)))
    return FactorMoves(still, still)


def _with(moves: InstrumentByScenario, move: float, count: int) -> InstrumentByScenario:
    """The moves of factors, and after them those of some more, the same in every scenario."""
    return np.vstack([moves, np.full((count, moves.shape[1]), move)])
