"""A set of scenarios: the move of every factor, relative and absolute, with ids and provenance."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from ccp.types import Flags, Index, PeriodByScenarioByFactor, ScenarioByFactor

LOWEST_RELATIVE = -0.99
"""A relative fall is capped here: no shock takes a price to zero or below."""
EVERY = 0
"""The period of a move that is the same however long an instrument takes to close out."""


@dataclass(frozen=True)
class Label:
    """What a scenario is called and where it comes from.

    `gap` is a share of levels, `shift` one of rates in basis points. `sizes_fund`: extreme but still plausible.
    `window`: the first and last day of a window of the history. `capped`: whether a fall in it was cut at
    `LOWEST_RELATIVE`.
    """

    scenario_id: str
    kind: str
    description: str
    provenance: str
    multiple: float = 1.0
    gap: float | None = None
    sizes_fund: bool = True
    window: tuple[date, date] | None = None
    shift: float | None = None
    capped: bool = False


@dataclass(frozen=True)
class FactorMoves:
    """What factors do in every scenario over one period: a level `v` becomes `v * (1 + relative) + absolute`."""

    relative: ScenarioByFactor
    absolute: ScenarioByFactor

    @property
    def count(self) -> int:
        """How many scenarios there are."""
        return len(self.relative)


@dataclass(frozen=True)
class ScenarioSet:
    """Labels, and moves factor x scenario x period: a level `v` becomes `v * (1 + relative) + absolute`.

    `periods` are the days that moves are over, rising: an instrument that takes `d` days to close out moves by what
    factors do over `d` days. `(EVERY,)`, where a scenario has one move whatever the period. In memory a period comes
    first and then a scenario, so that the moves over one period lie as the pricing kernel's are made from.
    """

    factor_ids: list[str]
    labels: list[Label]
    relative: PeriodByScenarioByFactor
    absolute: PeriodByScenarioByFactor
    periods: tuple[int, ...] = (EVERY,)

    def __post_init__(self) -> None:
        shape = (len(self.periods), len(self.labels), len(self.factor_ids))
        if self.relative.shape != shape or self.absolute.shape != shape:
            raise ValueError(f"moves of shape {shape} were expected")
        if not self.periods or list(self.periods) != sorted(set(self.periods)) or (EVERY in self.periods[1:]):
            raise ValueError("rising periods were expected")

    @property
    def count(self) -> int:
        """How many scenarios there are."""
        return len(self.labels)

    @property
    def ids(self) -> list[str]:
        """The scenarios' ids, in order."""
        return [label.scenario_id for label in self.labels]

    def over(self, days: int) -> FactorMoves:
        """The moves over a period. Raises ValueError where the set has none over so many days."""
        if self.periods == (EVERY,):
            return self._of(0)
        if days not in self.periods:
            raise ValueError(f"moves over {days} days were expected; there are those over {self.periods}")
        return self._of(self.periods.index(days))

    @property
    def longest(self) -> FactorMoves:
        """The moves over the longest period: what is shown of a scenario, and what moves where no period is known."""
        return self._of(-1)

    def _of(self, place: int) -> FactorMoves:
        return FactorMoves(self.relative[place], self.absolute[place])

    def only(self, places: Index) -> "ScenarioSet":
        """Some of the scenarios, by their places, in that order."""
        labels = [self.labels[place] for place in places]
        relative, absolute = (np.take(moves, places, axis=1) for moves in (self.relative, self.absolute))
        return replace(self, labels=labels, relative=relative, absolute=absolute)


def over_one_period(
    factor_ids: list[str], labels: list[Label], moves: tuple[ScenarioByFactor, ScenarioByFactor], days: int = EVERY
) -> ScenarioSet:
    """A set of moves, relative and absolute, over so many days, or over every period alike."""
    relative, absolute = moves
    return ScenarioSet(factor_ids, labels, relative[None], absolute[None], (days,))


def over_periods(sets: Iterable[ScenarioSet]) -> ScenarioSet:
    """The same scenarios over several periods as one set, whose labels are those of the longest. Each set is over one.

    Raises ValueError where the sets are not of the same scenarios and factors.
    """
    parts = sorted(sets, key=lambda one: one.periods)
    if len(parts) == 1:
        return parts[0]
    if any(one.ids != parts[0].ids or one.factor_ids != parts[0].factor_ids for one in parts):
        raise ValueError("the same scenarios over every period were expected")
    return replace(
        parts[-1],
        relative=np.concatenate([one.relative for one in parts]),
        absolute=np.concatenate([one.absolute for one in parts]),
        periods=tuple(days for one in parts for days in one.periods),
    )


def joined(sets: list[ScenarioSet]) -> ScenarioSet:
    """Several sets over the same factors as one, in order. A set over every period alike stands beside any other.

    Raises ValueError where two sets are over different periods.
    """
    stated = {one.periods for one in sets} - {(EVERY,)}
    if len(stated) > 1:
        raise ValueError(f"sets over the same periods were expected, they are over {sorted(stated)}")
    periods = next(iter(stated), (EVERY,))
    return ScenarioSet(
        sets[0].factor_ids,
        [label for one in sets for label in one.labels],
        np.concatenate([_in_each(one.relative, len(periods)) for one in sets], axis=1),
        np.concatenate([_in_each(one.absolute, len(periods)) for one in sets], axis=1),
        periods,
    )


def _in_each(moves: PeriodByScenarioByFactor, periods: int) -> PeriodByScenarioByFactor:
    """Moves over so many periods: those over every period alike, as often."""
    return np.broadcast_to(moves, (periods, *moves.shape[1:]))


def multiplied(scenarios: ScenarioSet, multiples: tuple[float, ...]) -> ScenarioSet:
    """Every scenario at each multiple; ids of multiples other than one end in `@2x`."""
    parts = [_times(scenarios, multiple) for multiple in multiples]
    order = np.arange(scenarios.count * len(parts)).reshape(len(parts), -1).T.ravel()
    return joined(parts).only(order)


def at_multiple(scenario_id: str, multiple: float) -> str:
    """What a scenario is called at a multiple of its shock."""
    return scenario_id if multiple == 1 else f"{scenario_id}@{multiple:g}x"


def without_multiple(label: Label) -> str:
    """What a scenario of a multiplied set is called at its own shock."""
    return label.scenario_id.removesuffix(at_multiple("", label.multiple))


def _times(scenarios: ScenarioSet, multiple: float) -> ScenarioSet:
    if multiple == 1:
        return scenarios
    labels = [
        replace(
            label,
            scenario_id=at_multiple(label.scenario_id, multiple),
            description=f"{label.description}, times {multiple:g}",
            multiple=label.multiple * multiple,
        )
        for label in scenarios.labels
    ]
    return replace(
        scenarios,
        labels=labels,
        relative=scenarios.relative * multiple,
        absolute=scenarios.absolute * multiple,
    )


def capped(scenarios: ScenarioSet) -> ScenarioSet:
    """The set with relative falls capped, and every scenario that was capped saying so."""
    labels = saying_capped(scenarios.labels, np.any(scenarios.relative < LOWEST_RELATIVE, axis=0))
    return replace(scenarios, labels=labels, relative=np.maximum(scenarios.relative, LOWEST_RELATIVE))


def saying_capped(labels: list[Label], below: Flags) -> list[Label]:
    """The labels, each saying how many factors of its scenario (`below`, scenario x factor) were capped."""
    return [_cut(label, int(hit.sum())) if hit.any() else label for label, hit in zip(labels, below, strict=True)]


def _cut(label: Label, factors: int) -> Label:
    """A scenario's label that says how many factors' falls were cut."""
    description = f"{label.description}; {_factors(factors)} capped at {LOWEST_RELATIVE:.0%}"
    return replace(label, description=description, capped=True)


def _factors(count: int) -> str:
    return "1 factor" if count == 1 else f"{count} factors"
