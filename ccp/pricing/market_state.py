"""Where the market may stand: how factors have moved from the book's own day, and how much time is left."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ccp.pricing.terms import NONE, Terms
from ccp.types import Flags, Index, InstrumentByScenario, Vector


class MarketMoves(Protocol):
    """How factors move, in one or several columns: scenarios of a set, or a day."""

    def moved(self, start: Vector, factor: Index) -> InstrumentByScenario:
        """Values moved as their factors move, value x column. Where the factor is NONE the value stays."""
        ...


@dataclass(frozen=True)
class ScenarioMoves:
    """The moves of scenarios (factor x scenario): `v` becomes `v * (1 + relative) + absolute`."""

    relative: InstrumentByScenario
    absolute: InstrumentByScenario

    def moved(self, start: Vector, factor: Index) -> InstrumentByScenario:
        """Values in every scenario."""
        value = start[:, None] * (1.0 + self.relative[factor]) + self.absolute[factor]
        return np.where((factor == NONE)[:, None], start[:, None], value)


@dataclass(frozen=True)
class DayMoves:
    """The way from the levels of one day to another's, by ratio or, where `absolute`, by difference, in one column."""

    before: Vector
    after: Vector
    absolute: Flags

    def moved(self, start: Vector, factor: Index) -> InstrumentByScenario:
        """Values on the other day."""
        ratio = start * (self.after[factor] / self.before[factor])
        difference = start + (self.after[factor] - self.before[factor])
        return np.where(factor == NONE, start, np.where(self.absolute[factor], difference, ratio))[:, None]


@dataclass(frozen=True)
class MarketState:
    """One or several states of the market, side by side as the columns of `moves`.

    `years` are those left to each instrument's expiry, not below 0; NaN without one. `kept` is the share that is still
    there of what a model does not explain of an instrument's price in the book: 1 in scenarios, and from day to day it
    fades to nothing at expiry, if there is one.
    """

    moves: MarketMoves
    years: Vector
    kept: Vector

    def rows(self, places: Index) -> "MarketState":
        """The same for some of the instruments."""
        return MarketState(self.moves, self.years[places], self.kept[places])


def factor_levels(terms: Terms, state: MarketState) -> InstrumentByScenario:
    """The levels of all of the case's factors in a state (factor x column); `terms.factors` are places in it."""
    return state.moves.moved(terms.levels, np.arange(len(terms.levels)))
