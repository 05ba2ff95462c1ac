"""Array aliases that name their axes. Order of axes everywhere: scenario, account (pool, member, group), instrument.

The two exceptions, kept for the sake of contiguous reads in the kernels, say so in their names.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]
"""Floats along one axis."""
Index: TypeAlias = NDArray[np.int64]
"""Whole numbers: positions in another array, or offsets."""
Cents: TypeAlias = NDArray[np.int64]
"""Money in whole minor units of the service currency."""
Flags: TypeAlias = NDArray[np.bool_]
"""True or false along one axis."""
ScenarioByFactor: TypeAlias = NDArray[np.float64]
PeriodByScenarioByFactor: TypeAlias = NDArray[np.float64]
InstrumentByScenario: TypeAlias = NDArray[np.float64]
MemberByScenario: TypeAlias = NDArray[np.int64]
"""Cents; members first because each member's row is filled in one go."""
GroupByScenario: TypeAlias = NDArray[np.int64]
