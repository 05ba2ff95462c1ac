"""Every window of the history run over a part of the book, slice by slice: members' sums in each, exact to the cent.

The price cube, and what collateral is worth, are there for a slice of windows at a time; no loss of an account or a
pool is kept. So memory goes by members times windows, whatever the book.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from ccp.book.portfolio import Part
from ccp.exposure.run import run_windows
from ccp.kernels.exposure.portfolio_losses import TILE
from ccp.kernels.exposure.windows import WindowSums
from ccp.market.case import Case
from ccp.money import minor_units
from ccp.pricing.horizon import CubePricer, case_windows, stress_pricer
from ccp.scenarios.scenario_set import Label, ScenarioSet
from ccp.scenarios.stress_set import screens
from ccp.stress.cube_rows import CubeRows
from ccp.types import Cents, GroupByScenario

SLICE = 512
"""Windows that are priced, and run over a part, at a time."""
COUNTED_BYTES = 2**26
"""What collateral may take in the windows of a slice; fewer are taken at a time where there is much."""

Counting = Callable[[ScenarioSet], dict[str, Cents]]
"""What counts as every pool's margin in some scenarios, by way of counting."""


@dataclass(frozen=True)
class WindowModel:
    """`candidates` is every window at each multiple that sizes the fund, `slice_` how many of them are taken at a time,
    which changes no result."""

    candidates: ScenarioSet
    pricer: CubePricer
    slice_: int = SLICE

    def slices(self, most: int) -> Iterator[tuple[slice, ScenarioSet]]:
        """The candidates in order, at most so many at a time."""
        width = min(self.slice_, most)
        for first in range(0, self.candidates.count, width):
            last = min(first + width, self.candidates.count)
            yield slice(first, last), self.candidates.only(np.arange(first, last))


@dataclass(frozen=True)
class Screened:
    """What the book lost in every candidate, under the rulebook's way of counting margin, and which are kept.

    `why` says of the places of candidates that are kept for what: kinds of reasons, and whom each is about ("" for the
    whole book). `by_name` are the first days of windows that are kept because somebody asked for them.
    """

    candidates: ScenarioSet
    group_over_margin: GroupByScenario
    why: dict[int, list[tuple[str, str]]]
    by_name: frozenset[date] = frozenset()

    @property
    def first_days(self) -> frozenset[date]:
        """The first days of the windows that are kept."""
        return self.by_name | {first_day(self.candidates.labels[place]) for place in self.why}


def first_day(label: Label) -> date:
    """The day on which a window begins."""
    assert label.window is not None
    return label.window[0]


def window_model(case: Case) -> WindowModel | None:
    """The windows that the book has to be run in before it is known which are kept; None where the rulebook names all
    it wants."""
    if not screens(case.rulebook):
        return None
    candidates = case_windows(case)
    return None if candidates is None else WindowModel(candidates, stress_pricer(case))


def window_sums(
    model: WindowModel, rows: CubeRows, part: Part, cost: Cents | None, counting: Counting, digits: int, lines: int
) -> dict[str, WindowSums]:
    """Members' sums in every candidate, by way of counting margin. `rows` are those of the stress cube, `lines` how
    many amounts collateral takes in a window."""
    held, minor = replace(part, positions=rows.held(part)), float(minor_units(digits))
    whole: dict[str, WindowSums] = {}
    for place, some in model.slices(max(COUNTED_BYTES // (8 * max(lines, 1)), TILE)):
        unit_loss = model.pricer.price(some).close_out_loss
        for way, sums in run_windows(held, unit_loss, cost, counting(some), minor).items():
            total = whole.setdefault(way, _empty(len(part.member_group), model.candidates.count))
            for every, few in zip(total, sums, strict=True):
                every[:, place] = few
    return whole


def _empty(members: int, windows: int) -> WindowSums:
    return WindowSums(*(np.zeros((members, windows), dtype=np.int64) for _ in WindowSums._fields))
