"""Single-name gaps run over a part of the book: which rows of the cube each name touches, and members' sums.

Names that no instrument depends on two of are moved at once: the cube of all candidates has a column for each move of
each such set of names, and not one for each candidate.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ccp.book.portfolio import Part
from ccp.exposure.single_names import run_names
from ccp.kernels.exposure.single_names import NameArrays
from ccp.kernels.exposure.windows import WindowSums
from ccp.market.case import Case
from ccp.pricing.horizon import CubePricer, case_names
from ccp.pricing.revalue import Cube
from ccp.scenarios.scenario_set import Label, ScenarioSet
from ccp.scenarios.single_names import NOWHERE, SingleNames, sizes_fund, sizing_candidates, sizing_name_moves
from ccp.types import Cents, Index, InstrumentByScenario, Vector


@dataclass(frozen=True)
class NameModel:
    """`candidates` are names and moves, by place. `cube` has first a column in which nothing moves, and of each set of
    names one a move; `first` (name) is where a name's begin. Rows depend on names as `NameArrays` has it."""

    names: SingleNames
    candidates: list[tuple[int, int]]
    sizing: bool
    moves: list[int]
    cube: Cube
    first: Index
    offset: Index
    touching: Index

    @property
    def count(self) -> int:
        """How many candidates there are."""
        return len(self.candidates)

    @property
    def labels(self) -> list[Label]:
        """The candidates' labels, saying whether they size the fund: all do, or none does."""
        return [replace(self.names.label(*one), sizes_fund=self.sizing) for one in self.candidates]

    @property
    def moved(self) -> frozenset[str]:
        """The factors that a candidate moves by themselves."""
        names = {self.names.names[name] for name, _ in self.candidates}
        return frozenset(names & set(self.names.factor_ids))

    def arrays(self, first: int, last: int) -> NameArrays:
        """The candidates from `first` to before `last` as the kernel takes them."""
        some, loss = self.candidates[first:last], self.cube.close_out_loss
        column = {move: number for number, move in enumerate(self.moves)}
        name = np.array([one for one, _ in some], dtype=np.int64)
        move = np.array([column[one] for _, one in some], dtype=np.int64)
        candidate = np.full((len(self.names.names), len(self.moves)), NOWHERE, dtype=np.int64)
        candidate[name, move] = np.arange(len(some))
        still, unit = np.ascontiguousarray(loss[:, 0]), np.ascontiguousarray(loss)
        return NameArrays(still, unit, self.first, *self._of_names(candidate), candidate, name, move)

    def sums(self, amounts: InstrumentByScenario, rows: Index) -> Vector:
        """By candidate the sum over some `rows` of the cube, given their amounts in the cube's columns."""
        still = amounts[:, 0]
        more = np.zeros((len(self.names.names), len(self.moves)))
        for place, row in enumerate(rows.tolist()):
            for name in self.touching[self.offset[row] : self.offset[row + 1]].tolist():
                first = self.first[name]
                more[name] += amounts[place, first : first + len(self.moves)] - still[place]
        column = {move: number for number, move in enumerate(self.moves)}
        return np.array([still.sum() + more[name, column[move]] for name, move in self.candidates])

    def _of_names(self, candidate: Index) -> tuple[Index, Index]:
        """Which rows depend on which names, of those that have a candidate."""
        there = (candidate != NOWHERE).any(axis=1)[self.touching]
        return np.concatenate([[0], np.cumsum(there)])[self.offset], self.touching[there]


def name_model(case: Case, pricer: CubePricer) -> NameModel | None:
    """The candidates that size the fund; None where the rulebook has no single names, or none that moves anything."""
    names = case_names(case)
    candidates = [] if names is None else sizing_candidates(names, case.rulebook.stress)
    if names is None or not candidates:
        return None
    touched = _touched(names, pricer)
    sets = _apart(touched, len(names.names))
    moves, place = sizing_name_moves(case.rulebook.stress), np.empty(len(names.names), dtype=np.int64)
    for number, some in enumerate(sets):
        place[some] = 1 + number * len(moves)
    cube = pricer.price(names.together(sets, moves))
    offset = np.concatenate([[0], np.cumsum([len(some) for some in touched])]).astype(np.int64)
    touching = np.array([name for some in touched for name in some], dtype=np.int64)
    sizing = any(sizes_fund(move, case.rulebook.stress.plausible) for move in names.moves)
    return NameModel(names, candidates, sizing, moves, cube, place, offset, touching)


def _touched(names: SingleNames, pricer: CubePricer) -> list[list[int]]:
    """By row of the cube the names that it depends on: those of its factors, and those whose volatility it names."""
    of_factor: list[list[int]] = [[] for _ in names.factor_ids]
    for name, (own, volatile) in enumerate(zip(names.place, names.volatile, strict=True)):
        for place in {int(own), int(volatile)} - {NOWHERE}:
            of_factor[place].append(name)
    touched: list[list[int]] = [[] for _ in range(pricer.rows)]
    for _, rows, terms in (*pricer.parts, *pricer.jumped):
        factors = np.column_stack([terms.factors, terms.currency_factor])
        for row, some in zip(rows.tolist(), factors.tolist(), strict=True):
            touched[row] = sorted({name for place in some if place >= 0 for name in of_factor[place]})
    return touched


def _apart(touched: list[list[int]], count: int) -> list[list[int]]:
    """Sets of names, no two of one set touching the same row: each name in the first that it fits in."""
    near: list[set[int]] = [set() for _ in range(count)]
    for some in {tuple(one) for one in touched}:
        for name in some:
            near[name].update(some)
    sets: list[list[int]] = []
    for name in range(count):
        for some in sets:
            if near[name].isdisjoint(some):
                some.append(name)
                break
        else:
            sets.append([name])
    return sets


def name_sums(
    model: NameModel,
    part: Part,
    cost: Cents | None,
    counting: Callable[[ScenarioSet], dict[str, Cents]],
    minor: float,
    most: int | None,
) -> dict[str, WindowSums]:
    """Members' sums in every candidate, by way of counting margin: at most so many candidates at a time where they move
    collateral, and one pass over what is held where they do not (None)."""
    step, parts = model.count if most is None else most, []
    for first in range(0, model.count, max(step, 1)):
        last = min(first + step, model.count)
        some = [] if most is None else model.candidates[first:last]
        parts.append(run_names(part, model.arrays(first, last), cost, counting(model.names.scenarios(some)), minor))
    return {way: WindowSums(*map(np.hstack, zip(*(one[way] for one in parts), strict=True))) for way in parts[0]}
