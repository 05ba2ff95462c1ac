"""What securities are worth once their factors have moved: one rule for scenarios and for days."""

import numpy as np

from ccp.types import InstrumentByScenario


def value_at(
    value: InstrumentByScenario, before: InstrumentByScenario, after: InstrumentByScenario
) -> InstrumentByScenario:
    """Market values (line x column, as they may be broadcast) at other levels of the lines' factors.

    `value` is the market value at the level `before`: so many units are held, and there are as many at the level
    `after`, whether the factor moves by ratios or by differences. A security is worth no less than nothing, and where
    it was worth nothing it stays so: at a level of zero or below no number of units can be told.
    Source: docs/reference/margin-models.md, "Collateral".
    """
    there = before > 0
    share = np.maximum(after, 0.0) / np.where(there, before, 1.0)
    return value * np.where(there, share, 0.0)
