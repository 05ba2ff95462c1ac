"""Every window of the history run over a part of the book, slice by slice, and every single name beside them: members'
sums in each, exact to the cent.

The price cube, and what collateral is worth, are there for a slice of windows at a time; no loss of an account or a
pool is kept. So memory goes by members times windows, whatever the book.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

import numpy as np

from ccp.book.portfolio import Part
from ccp.exposure.run import run_windows
from ccp.kernels.exposure.portfolio_losses import TILE
from ccp.kernels.exposure.windows import WindowSums
from ccp.market.case import Case
from ccp.money import minor_units
from ccp.pricing.horizon import CubePricer, case_windows, stress_pricer
from ccp.scenarios.kept import NONE_KEPT, KeptScenarios
from ccp.scenarios.scenario_set import Label, ScenarioSet
from ccp.scenarios.stress_set import screens, screens_windows
from ccp.stress.cube_rows import CubeRows
from ccp.stress.single_names import NameModel, name_model, name_sums
from ccp.types import Cents, GroupByScenario

SLICE = 512
"""Windows that are priced, and run over a part, at a time; fewer where a cube of them would have more than so many
cells:"""
SLICE_CELLS = 2**19
COUNTED_BYTES = 2**26
"""What collateral may take in the windows of a slice; fewer are taken at a time where there is much."""

Counting = Callable[[ScenarioSet], dict[str, Cents]]
"""What counts as every pool's margin in some scenarios, by way of counting."""


@dataclass(frozen=True)
class WindowModel:
    """`candidates` is every window at each multiple that sizes the fund, `slice_` how many of them are taken at a time,
    which changes no result. `names` are single names, if there are any: their places come after those of windows."""

    candidates: ScenarioSet
    pricer: CubePricer
    names: NameModel | None = None
    slice_: int = SLICE

    @property
    def count(self) -> int:
        """How many windows and single names there are."""
        return self.candidates.count + (0 if self.names is None else self.names.count)

    @property
    def labels(self) -> list[Label]:
        """Of windows, and then of single names."""
        return [*self.candidates.labels, *([] if self.names is None else self.names.labels)]

    def some(self, places: slice) -> ScenarioSet:
        """Some candidates as scenarios: windows, or single names, and not both."""
        windows = self.candidates.count
        if self.names is None or places.start < windows:
            return self.candidates.only(np.arange(places.start, places.stop))
        return self.names.names.scenarios(self.names.candidates[places.start - windows : places.stop - windows])

    def slices(self, most: int) -> Iterator[tuple[slice, ScenarioSet]]:
        """The candidates in order, at most so many at a time."""
        width = min(self.slice_, most)
        for first in range(0, self.candidates.count, width):
            last = min(first + width, self.candidates.count)
            yield slice(first, last), self.candidates.only(np.arange(first, last))


class LeftOpen(NamedTuple):
    """What a figure may come to in candidates that are not kept, in cents, and in how many of them it may be more than
    in those that are."""

    amount: int
    windows: int


@dataclass(frozen=True)
class Screened:
    """What the book lost in every candidate, under the rulebook's way of counting margin, and which are kept.

    `why` says of the places of candidates that are kept for what: kinds of reasons, and whom each is about ("" for the
    whole book); places of single names come after those of windows. `by_name` are kept because somebody asked for them.
    `left` says of what may be worse in candidates that are not kept how much it may come to there, and in how many:
    nothing, where the worst is proved. `most` is what no set of the rulebook's number of groups loses more than, by
    window: None where sets lose what their groups lose one by one. `candidates`, `group_over_margin` and `most` are of
    windows alone.
    """

    candidates: ScenarioSet
    group_over_margin: GroupByScenario
    why: dict[int, list[tuple[str, str]]]
    names: NameModel | None = None
    by_name: KeptScenarios = NONE_KEPT
    left: dict[str, LeftOpen] = field(default_factory=dict)
    most: Cents | None = None

    @property
    def count(self) -> int:
        """How many windows and single names were run."""
        return self.windows + (0 if self.names is None else self.names.count)

    @property
    def windows(self) -> int:
        """How many windows were run, each at the multiples that size the fund."""
        return self.candidates.count

    @property
    def kept(self) -> KeptScenarios:
        """The windows and the single names that are kept."""
        windows, names = self.candidates.count, self.names
        first_days = frozenset(first_day(self.candidates.labels[place]) for place in self.why if place < windows)
        alone = [] if names is None else [names.candidates[place - windows] for place in self.why if place >= windows]
        return self.by_name | KeptScenarios(first_days, frozenset(names.names.way(one) for one in alone if names))


def first_day(label: Label) -> date:
    """The day on which a window begins."""
    assert label.window is not None
    return label.window[0]


def window_model(case: Case) -> WindowModel | None:
    """The windows and single names that the book has to be run in before it is known which are kept; None where the
    rulebook names all it wants."""
    if not screens(case.rulebook):
        return None
    pricer = stress_pricer(case)
    slice_ = min(SLICE, max(SLICE_CELLS // max(pricer.rows, 1) // TILE * TILE, TILE))
    names = name_model(case, pricer)
    windows = case_windows(case) if screens_windows(case.rulebook) else names and names.names.scenarios([])
    return None if windows is None else WindowModel(windows, pricer, names, slice_)


def window_sums(
    model: WindowModel, rows: CubeRows, part: Part, cost: Cents | None, counting: Counting, digits: int, lines: int
) -> dict[str, WindowSums]:
    """Members' sums in every window and then in every single name, by way of counting margin. `rows` are those of the
    stress cube, `lines` how many amounts collateral takes in a scenario, 0 where none moves it."""
    held, minor = replace(part, positions=rows.held(part)), float(minor_units(digits))
    whole: dict[str, WindowSums] = {}
    most = min(model.slice_, max(COUNTED_BYTES // (8 * max(lines, 1)), TILE))
    for place, some in model.slices(most):
        unit_loss = model.pricer.price(some).close_out_loss
        _put(whole, run_windows(held, unit_loss, cost, counting(some), minor), place, model.count)
    if model.names is not None:
        names = name_sums(model.names, held, cost, counting, minor, most if lines else None)
        _put(whole, names, slice(model.candidates.count, None), model.count)
    return whole


def _put(whole: dict[str, WindowSums], found: dict[str, WindowSums], place: slice, count: int) -> None:
    """Put sums in some candidates where they belong among those in all."""
    for way, sums in found.items():
        total = whole.setdefault(way, _empty(len(sums.house_left), count))
        for every, few in zip(total, sums, strict=True):
            every[:, place] = few


def _empty(members: int, windows: int) -> WindowSums:
    return WindowSums(*(np.zeros((members, windows), dtype=np.int64) for _ in WindowSums._fields))
