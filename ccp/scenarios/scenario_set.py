"""A set of scenarios: the move of every factor, relative and absolute, with ids and provenance."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from ccp.types import ScenarioByFactor

LOWEST_RELATIVE = -0.99
"""A relative fall is capped here: no shock takes a price to zero or below."""


@dataclass(frozen=True)
class Label:
    """What a scenario is called and where it comes from.

    `sizes_fund`: extreme but still plausible. `window`: the first and last day of a window of the history.
    """

    scenario_id: str
    kind: str
    description: str
    provenance: str
    multiple: float = 1.0
    gap: float | None = None
    sizes_fund: bool = True
    window: tuple[date, date] | None = None


@dataclass(frozen=True)
class ScenarioSet:
    """Labels, and moves scenario x factor: a level `v` becomes `v * (1 + relative) + absolute`."""

    factor_ids: list[str]
    labels: list[Label]
    relative: ScenarioByFactor
    absolute: ScenarioByFactor

    def __post_init__(self) -> None:
        shape = (len(self.labels), len(self.factor_ids))
        if self.relative.shape != shape or self.absolute.shape != shape:
            raise ValueError(f"moves of shape {shape} were expected")

    @property
    def count(self) -> int:
        """How many scenarios there are."""
        return len(self.labels)

    @property
    def ids(self) -> list[str]:
        """The scenarios' ids, in order."""
        return [label.scenario_id for label in self.labels]


def joined(sets: list[ScenarioSet]) -> ScenarioSet:
    """Several sets over the same factors as one, in order."""
    return ScenarioSet(
        sets[0].factor_ids,
        [label for one in sets for label in one.labels],
        np.concatenate([one.relative for one in sets]),
        np.concatenate([one.absolute for one in sets]),
    )


def multiplied(scenarios: ScenarioSet, multiples: tuple[float, ...]) -> ScenarioSet:
    """Every scenario at each multiple; ids of multiples other than one end in `@2x`."""
    parts = [_times(scenarios, multiple) for multiple in multiples]
    order = np.arange(scenarios.count * len(parts)).reshape(len(parts), -1).T.ravel()
    whole = joined(parts) if parts else scenarios
    return ScenarioSet(
        whole.factor_ids,
        [whole.labels[place] for place in order],
        whole.relative[order],
        whole.absolute[order],
    )


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
    below = scenarios.relative < LOWEST_RELATIVE
    labels = [
        replace(label, description=f"{label.description}; {_factors(hit.sum())} capped at {LOWEST_RELATIVE:.0%}")
        if hit.any()
        else label
        for label, hit in zip(scenarios.labels, below, strict=True)
    ]
    return replace(scenarios, labels=labels, relative=np.maximum(scenarios.relative, LOWEST_RELATIVE))


def _factors(count: int) -> str:
    return "1 factor" if count == 1 else f"{count} factors"
