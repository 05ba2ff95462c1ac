"""Windows of the history and single names that may be worst because books are sold together.

Every window is known by what each group loses alone. Where selling costs something a set may lose more, so that another
window can be the worst for it than that of the largest single losses. In a window that is not kept a set counts for at
most what its groups count for alone and `more` of them (`ccp.stress.loss_over_margin.SetBounds`); a window is kept when
that passes the worst of the scenarios that are. What is left is proved to be no worse (docs/decisions/0034).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain

import numpy as np

from ccp.pricing.revalue import Cube
from ccp.scenarios.kept import KeptScenarios
from ccp.sizing.cover import EMIR, cover_name, cover_numbers, emir_42_3, most_one_by_one, next_two_by_bound, worst_over
from ccp.sizing.coverage import burden, prefunded
from ccp.sizing.size import counted_scenarios
from ccp.sizing.worst_set import Counts, as_it_is, passes
from ccp.stress.cube_rows import CubeRows
from ccp.stress.joint_losses import JointLosses
from ccp.stress.loss_over_margin import SetBounds, SetLosses, StressLosses
from ccp.stress.measure import Losses, Measured
from ccp.stress.paper import largest_jumps
from ccp.stress.windows import SLICE, Left, Screened, WindowModel
from ccp.types import Cents, Flags, Index, Vector
from ccp.waterfall.plan import Plan

AT_A_TIME = 32
"""So many windows are measured before it is looked again which may still be worse."""
MOST_FURTHER = 256
"""So many windows are measured beside those in which groups lose most one by one; then the bound stands."""


@dataclass(frozen=True)
class LossView:
    """One way to look at losses: in the scenarios that are `kept`, and of each group alone in `every` candidate.

    `bounds` say how much more sets may lose in the scenarios and in every candidate, None where they lose no more.
    `plans` are those whose coverage test is looked at, by what the test is called. `aside` is what is said of it where
    the fund is not sized by this view.
    """

    kept: SetLosses
    every: StressLosses
    bounds: SetBounds | None
    plans: Mapping[str, Plan] = field(default_factory=dict)
    aside: str = ""


@dataclass(frozen=True)
class Question:
    """What is asked of every candidate: `worst` is the answer over the scenarios that are kept, `most` by candidate
    what no answer passes for certain, and `upper` that of one candidate, more closely, where it passes `worst`.

    All in cents, and `less` more than what is asked for.
    """

    kind: str
    worst: int
    most: Cents
    upper: Callable[[int], int]
    less: int = 0

    def over(self, places: Index) -> Cents:
        """By place, by how much the answer may pass the worst so far; not below zero."""
        over = np.zeros(len(places), dtype=np.int64)
        for number in np.flatnonzero(self.most[places] > self.worst).tolist():
            over[number] = max(self.upper(int(places[number])) - self.worst, 0)
        return over


@dataclass(frozen=True, eq=False)
class Everywhere:
    """Every candidate, as far as it says how much more sets may lose."""

    model: WindowModel
    rows: CubeRows

    @cached_property
    def jumps(self) -> tuple[Vector, Vector]:
        """`largest_jumps` of all candidates."""
        cubes = chain((self.model.pricer.price(some) for _, some in self.model.slices(SLICE)), self._of_names())
        found = [largest_jumps(self.rows, cube.close_out_loss) for cube in cubes]
        falls, rises = (np.max(one, axis=0) for one in zip(*found, strict=True))
        return falls, rises

    def _of_names(self) -> Iterator[Cube]:
        if self.model.names is not None:
            yield self.model.names.cube

    def view(
        self, kept: Losses, every: StressLosses, plans: Mapping[str, Plan] | None = None, aside: str = ""
    ) -> LossView:
        """A view of some losses, with bounds that hold in every candidate."""
        bounds = kept.bounds_where(lambda: self.jumps) if isinstance(kept, JointLosses) else None
        return LossView(kept, every, bounds, plans or {}, aside)


def with_joint_worst(
    screened: Screened, run: Callable[[KeptScenarios], Measured], views: Callable[[Measured], list[LossView]]
) -> tuple[Measured, Screened]:
    """A book measured (`run`) in the windows that are kept, and in those that may be worse for sets that are sold
    together, as `views` of what was measured show.

    Where too many may be worse the rest are left out, and what they may come to is kept: `Screened.left`.
    """
    measured, most = run(screened.kept), len(screened.why) + MOST_FURTHER
    while worse := _may_be_worse(screened, measured, views(measured)):
        if len(screened.why) >= most:
            # the fund takes what is left, and the coverage test goes by that fund
            raised = replace(measured, screened=replace(screened, left=_bounds(worse)))
            return measured, replace(screened, left=_bounds(_may_be_worse(screened, raised, views(raised))))
        screened = _keeping(screened, _left_out(screened, measured), worse)
        measured = run(screened.kept)
    return measured, screened


def _left_out(screened: Screened, measured: Measured) -> Index:
    """Candidates that size the fund and are no scenario; of windows where the rulebook asks for all."""
    there, historical = set(measured.scenarios.ids), measured.rules.stress.historical
    windows = screened.candidates.labels if historical is not None and historical.all else []
    names = [] if screened.names is None else screened.names.labels
    places = [*enumerate(windows), *enumerate(names, screened.candidates.count)]
    return np.array([n for n, one in places if one.sizes_fund and one.scenario_id not in there], np.int64)


def _may_be_worse(screened: Screened, measured: Measured, views: list[LossView]) -> list[tuple[str, int, Cents]]:
    """For what may be worse in some of the candidates left out: its name, its worst so far, and by candidate how much
    more it may be."""
    places, found = _left_out(screened, measured), []
    counted, count = counted_scenarios(measured), measured.rules.fund.cover
    for question in (one for view in views for one in _questions(view, count, counted)) if len(places) else ():
        over = question.over(places)
        if over.any():
            found.append((question.kind, question.worst - question.less, over))
    return found


def _bounds(worse: list[tuple[str, int, Cents]]) -> dict[str, Left]:
    """What each may come to, in whatever view that is more, and in how many candidates it may be worse."""
    found = dict[str, Left]()
    for kind, worst, over in worse:
        left = Left(worst + int(over.max()), int((over > 0).sum()))
        found[kind] = max(left, found.get(kind, left))
    return found


def _keeping(screened: Screened, places: Index, worse: list[tuple[str, int, Cents]]) -> Screened:
    """With the candidates that may be worse by most."""
    over = np.max([one for _, _, one in worse], axis=0)
    largest = np.lexsort((places, -over))[:AT_A_TIME]
    why = {key: list(reasons) for key, reasons in screened.why.items()}
    for place in largest[over[largest] > 0].tolist():
        kinds = dict.fromkeys(kind for kind, _, one in worse if one[place] > 0)
        why[int(places[place])] = [(kind, "sold together") for kind in kinds]
    return replace(screened, why=why)


def _questions(view: LossView, count: int, counted: Flags) -> Iterator[Question]:
    bounds, groups = view.bounds, len(view.every.group_over_margin)
    if bounds is None or not counted.any():
        return
    for number in cover_numbers(count):
        if number > 1:
            yield _of_sets(cover_name(number) + view.aside, view, bounds, number, as_it_is(groups), counted)
    for name, plan in view.plans.items():
        yield _of_sets(name, view, bounds, count, burden(plan), counted, prefunded(plan))
    single = view.every.group_over_margin
    most, worst = np.maximum(single.max(axis=0), next_two_by_bound(view.every, bounds)), emir_42_3(view.kept, counted)
    yield Question(EMIR + view.aside, worst.amount, most, lambda place: _of_emir(single[:, place], bounds))


def _of_sets(
    kind: str, view: LossView, bounds: SetBounds, count: int, counts: Counts, counted: Flags, less: int = 0
) -> Question:
    single = counts.of(view.every.group_over_margin)
    worst = worst_over(view.kept, count, counts, counted)[1].bound

    def upper(place: int) -> int:
        return passes(single[:, place], bounds, count, worst)

    return Question(kind, worst, most_one_by_one(single, bounds, count), upper, less)


def _of_emir(single: Cents, bounds: SetBounds) -> int:
    """The loss of the largest group, or the most that the second and third can lose together where that is more."""
    groups = tuple(sorted(np.argsort(-single, kind="stable")[1:3].tolist()))
    return max(int(single.max()), int(single[list(groups)].sum()) + (bounds.more(groups) if groups else 0))
