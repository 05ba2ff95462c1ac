"""How a scenario set moves a level: `v * (1 + relative) + absolute`, instrument by scenario."""

import numpy as np

from ccp.pricing.terms import NONE
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.types import Index, InstrumentByScenario, Vector


def moved_levels(level: Vector, factor: Index, scenarios: ScenarioSet) -> InstrumentByScenario:
    """Each instrument's level in each scenario; a level without factor (NONE) stays where it is."""
    relative = scenarios.relative.T[factor]
    absolute = scenarios.absolute.T[factor]
    moved = level[:, None] * (1.0 + relative) + absolute
    return np.where((factor == NONE)[:, None], level[:, None], moved)
