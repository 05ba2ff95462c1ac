"""Single-name gaps: each factor alone, by a size or by a multiple of the furthest that it has moved itself.

A candidate is a name (a factor of the market that the book needs, or whose volatility it needs) and a move (a way, a
size or the name's own worst, a multiple). There are far too many for columns of the cube: `together` moves many names
at once, for instruments that depend on no more than one of them.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np

from ccp.market.history import Market
from ccp.market.volatility import SUFFIX
from ccp.rulebook.stress import Plausible, SingleNameGaps, StressRules, percent
from ccp.scenarios.below_zero import rates_above_zero
from ccp.scenarios.gapped import gapped_prices
from ccp.scenarios.historical import is_relative, split_moves
from ccp.scenarios.scenario_set import Label, ScenarioSet, at_multiple, capped
from ccp.scenarios.shares import share_moves, shares_of_moves
from ccp.scenarios.windows import returns_of
from ccp.types import Flags, Index

NOWHERE = -1
"""The place of a factor that the book does not need."""
ALONE = " alone "
"""What stands in a scenario's name between the factor and its move."""
PROVENANCE = "single-name gaps in the rulebook"


@dataclass(frozen=True)
class NameMove:
    """`way` is -1 or 1; `size` a share of the level, None for the furthest that the name has moved this way itself."""

    way: int
    size: float | None
    multiple: float

    @property
    def word(self) -> str:
        """Which way."""
        return "down" if self.way < 0 else "up"


@dataclass(frozen=True)
class SingleNames:
    """`own` are the moves of the names, and `volatility` of those whose volatility the book needs, of that: sets of one
    scenario a move. `place` (name) and `volatile` (name) are where these stand among the factors that the book needs,
    `column` where a name stands in `volatility`, each `NOWHERE` where it does not. `there` (name x move): what is run.
    """

    factor_ids: list[str]
    names: list[str]
    moves: list[NameMove]
    own: ScenarioSet
    volatility: ScenarioSet
    place: Index
    volatile: Index
    column: Index
    there: Flags

    def candidates(self, among: Iterable[int]) -> list[tuple[int, int]]:
        """All that are there of some moves, by name and then by move."""
        some = list(among)
        return [(name, move) for name in range(len(self.names)) for move in some if self.there[name, move]]

    def of_ways(self, kept: Collection[tuple[str, str]]) -> list[tuple[int, int]]:
        """All candidates of some names, each with a way."""
        every = self.candidates(range(len(self.moves))) if kept else []
        return [one for one in every if self.way(one) in kept]

    def of_name(self, called: str) -> list[tuple[int, int]]:
        """All candidates of a name; none where there is no such name."""
        return [one for one in self.candidates(range(len(self.moves))) if self.names[one[0]] == called]

    def way(self, candidate: tuple[int, int]) -> tuple[str, str]:
        """The name of a candidate, and which way it moves."""
        name, move = candidate
        return self.names[name], self.moves[move].word

    def scenarios(self, candidates: list[tuple[int, int]]) -> ScenarioSet:
        """Some names and moves as scenarios."""
        return self._set([self.label(*one) for one in candidates], [([name], move) for name, move in candidates])

    def together(self, names: list[list[int]], moves: list[int]) -> ScenarioSet:
        """One scenario in which nothing moves; then, of each list of names, one a move, in which all of them move."""
        both = [([], 0), *((some, move) for some in names for move in moves)]
        return self._set([Label(str(number), "together", "", PROVENANCE) for number in range(len(both))], both)

    def _set(self, labels: list[Label], moved: list[tuple[list[int], int]]) -> ScenarioSet:
        shape = (len(self.own.periods), len(labels), len(self.factor_ids))
        relative, absolute = np.zeros(shape), np.zeros(shape)
        for row, (names, move) in enumerate(moved):
            some = np.array(names, dtype=np.int64)
            for places, columns, of in (
                (self.volatile[some], self.column[some], self.volatility),
                (self.place[some], some, self.own),
            ):
                there = places != NOWHERE
                relative[:, row, places[there]] = of.relative[:, move, columns[there]]
                absolute[:, row, places[there]] = of.absolute[:, move, columns[there]]
        return ScenarioSet(self.factor_ids, labels, relative, absolute, self.own.periods)

    def label(self, name: int, place: int) -> Label:
        """What a candidate is called: a gap is judged by its size, one of a factor's own worst by its multiple."""
        move, base = self.moves[place], self.own.labels[place]
        return replace(
            base,
            scenario_id=f"{self.names[name]}{ALONE}{base.scenario_id}",
            description=f"{self.names[name]}{ALONE}{base.description}",
            gap=move.size,
        )


def single_names(
    stress: StressRules, market: Market, factor_ids: list[str], periods: tuple[int, ...]
) -> SingleNames | None:
    """All names and moves that a rulebook asks for, over some periods (rising); None where it asks for none."""
    rules = stress.single_names
    if rules is None:
        return None
    needed, moves = set(factor_ids), name_moves(stress)
    of_volatility = {name.removesuffix(SUFFIX) for name in factor_ids if name.endswith(SUFFIX)}
    names = sorted(needed | (of_volatility & set(market.factor_ids)))
    own = _own_moves(rules, moves, market, names, periods)
    followed = np.array([place for place, name in enumerate(names) if name + SUFFIX in needed], dtype=np.int64)
    column = np.full(len(names), NOWHERE)
    column[followed] = np.arange(len(followed))
    return SingleNames(
        factor_ids,
        names,
        moves,
        own,
        _volatility_moves(rules, _of_some(own, followed), moves, market),
        _places(names, factor_ids),
        _places([name + SUFFIX for name in names], factor_ids),
        column,
        ((own.relative != 0) | (own.absolute != 0)).any(axis=0).T,
    )


def _places(names: list[str], among: list[str]) -> Index:
    place = {name: number for number, name in enumerate(among)}
    return np.array([place.get(name, NOWHERE) for name in names], dtype=np.int64)


def in_bounds(names: SingleNames, market: Market) -> SingleNames:
    """The same with every move kept within what a scenario may do."""
    own, volatility = (rates_above_zero(capped(one), market) for one in (names.own, names.volatility))
    return replace(names, own=own, volatility=volatility)


def sizing_candidates(names: SingleNames, stress: StressRules) -> list[tuple[int, int]]:
    """All that size the fund."""
    return names.candidates(sizing_name_moves(stress))


def sizing_name_moves(stress: StressRules) -> list[int]:
    """Of the moves of a name those that size the fund, by place; where none does, the least both ways."""
    moves = name_moves(stress)
    sizing = [place for place, one in enumerate(moves) if sizes_fund(one, stress.plausible)]
    least = min(((one.multiple, one.size or 0.0) for one in moves), default=None)
    return sizing or [place for place, one in enumerate(moves) if (one.multiple, one.size or 0.0) == least]


def sizes_fund(move: NameMove, plausible: Plausible | None) -> bool:
    """Whether a move is still plausible: by its size and its multiple, its own worst by the latter alone."""
    return plausible is None or ((move.size or 0.0) <= plausible.gap and move.multiple <= plausible.multiple)


def name_moves(stress: StressRules) -> list[NameMove]:
    """All moves that the rulebook asks for of a single name."""
    rules = stress.single_names
    if rules is None:
        return []
    sizes = [NameMove(way, size, multiple) for size in rules.sizes for way in (-1, 1) for multiple in stress.multiples]
    own = [NameMove(way, None, multiple) for way in (-1, 1) for multiple in rules.multiples_of_own_worst]
    return [*sizes, *own]


def _own_moves(
    rules: SingleNameGaps, moves: list[NameMove], market: Market, names: list[str], periods: tuple[int, ...]
) -> ScenarioSet:
    """What each name does by itself: prices by a size, and all by their own worst."""
    priced = set(gapped_prices(market)["factor_id"])
    gapped = np.array([name in priced for name in names], dtype=bool)
    shares = np.array([np.where(gapped, move.way * (move.size or 0.0), 0.0) for move in moves])
    of_size = share_moves(shares, market, names, rules.level_floor)
    by_period = [_with_own_worst(of_size, moves, _own_worst(market, names, days)) for days in periods]
    relative, absolute = (np.stack(kind) for kind in zip(*by_period, strict=True))
    return ScenarioSet(names, [_label(move) for move in moves], relative, absolute, periods)


MovesByName = np.ndarray
BothKinds = tuple[MovesByName, MovesByName]
"""Relative and absolute."""


def _with_own_worst(of_size: BothKinds, moves: list[NameMove], worst: dict[int, BothKinds]) -> BothKinds:
    """Of every move, at its multiple, that by a size or that by the name's own worst."""
    relative, absolute = of_size[0].copy(), of_size[1].copy()
    for row, move in enumerate(moves):
        if move.size is None:
            relative[row], absolute[row] = worst[move.way]
    multiple = np.array([[move.multiple] for move in moves])
    return relative * multiple, absolute * multiple


def _own_worst(market: Market, names: list[str], days: int) -> dict[int, BothKinds]:
    """By way the furthest that each name has moved over so many days; 0 where it has not moved that way."""
    moved, relative = np.nan_to_num(returns_of(market, names, days)), is_relative(market, names)
    furthest = {-1: moved.min(axis=0, initial=0.0), 1: moved.max(axis=0, initial=0.0)}
    return {way: split_moves(one, relative) for way, one in furthest.items()}


def _volatility_moves(rules: SingleNameGaps, own: ScenarioSet, moves: list[NameMove], market: Market) -> ScenarioSet:
    """How the volatility of every name in a set follows, by the share of its level that the name moves by."""
    names, floor = own.factor_ids, rules.level_floor
    slope = np.array([[rules.volatility_per_fall if move.way < 0 else rules.volatility_per_rise] for move in moves])
    factor_ids, by_period = [name + SUFFIX for name in names], []
    for relative, absolute in zip(own.relative, own.absolute, strict=True):
        share = shares_of_moves(relative, absolute, market, names, floor)
        by_period.append(share_moves(slope * np.abs(share), market, factor_ids, floor))
    relative, absolute = (np.stack(kind) for kind in zip(*by_period, strict=True))
    return replace(own, factor_ids=factor_ids, relative=relative, absolute=absolute)


def _of_some(moves: ScenarioSet, columns: Index) -> ScenarioSet:
    """The moves of some of the names."""
    names = [moves.factor_ids[column] for column in columns]
    relative, absolute = moves.relative[..., columns], moves.absolute[..., columns]
    return replace(moves, factor_ids=names, relative=relative, absolute=absolute)


def _label(move: NameMove) -> Label:
    """What a move is called, of any name."""
    fall = "fall" if move.way < 0 else "rise"
    called = f"worst {fall}" if move.size is None else f"{move.word} {percent(move.size)}"
    details = f"by its largest {fall} in the history" if move.size is None else called
    times = "" if move.multiple == 1 else f", times {move.multiple:g}"
    return Label(at_multiple(called, move.multiple), "hypothetical", details + times, PROVENANCE, move.multiple)
