"""What sets of groups lose when they are sold together, by loops over rows: docs/reference/arithmetic.md, section 6."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import ceil, isnan, sqrt
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Law:
    """What it costs to sell an instrument: half a spread and daily risk of one unit, days, volume, and the rules."""

    spread: float
    risk: float
    days: int
    volume: float
    participation: float
    impact: float
    holding: float
    longest: int

    def cost(self, quantity: float) -> float:
        """Of selling so much in all."""
        size = abs(quantity)
        if isnan(self.volume):
            return size * self.spread
        needed = ceil(size / (self.participation * self.volume) - 1e-9)
        sold_in = max(self.days, min(needed, self.longest))
        pressure = sqrt(size / sold_in / self.volume)
        longer = sqrt(sold_in) - sqrt(self.days)
        return size * (self.spread + self.impact * self.risk * pressure + self.holding * self.risk * longer)


@dataclass(frozen=True)
class Pool:
    """A pool: whose it is, what it holds net, and by scenario what it loses before costs and what counts as margin."""

    member: str
    group: str
    house: bool
    held: Mapping[str, float]
    loss: Mapping[str, int]
    margin: Mapping[str, int]


def pool_costs(pools: Mapping[str, Pool], groups: Iterable[str], laws: Mapping[str, Law], minor: int) -> dict[str, int]:
    """In cents, by pool of the groups: the cost of the net quantity, shared by the sizes of the pools' own."""
    chosen = {name: pool for name, pool in pools.items() if pool.group in set(groups)}
    cost = dict.fromkeys(chosen, 0.0)
    for instrument, law in laws.items():
        mine = {name: pool.held.get(instrument, 0.0) for name, pool in chosen.items()}
        whole, size = law.cost(sum(mine.values())), sum(abs(held) for held in mine.values())
        for name, held in mine.items():
            cost[name] += abs(held) * whole / size if size else 0.0
    return {name: round(amount * minor) for name, amount in cost.items()}


def over_margin(
    pools: Mapping[str, Pool], groups: Iterable[str], scenario: str, cost: Mapping[str, int], phi: bool
) -> dict[str, int]:
    """By group of the set, what it loses over margin."""
    result = dict.fromkeys(groups, 0)
    for member in sorted({pool.member for name, pool in pools.items() if name in cost}):
        mine = {name: pool for name, pool in pools.items() if pool.member == member}
        rest = {name: pool.loss[scenario] + cost[name] - pool.margin[scenario] for name, pool in mine.items()}
        left = -sum(amount for name, amount in rest.items() if mine[name].house)
        clients = sum(max(amount, 0) for name, amount in rest.items() if not mine[name].house)
        over = max(-left, 0) + max(clients - (max(left, 0) if phi else 0), 0)
        result[next(iter(mine.values())).group] += over
    return result


def worst_of(
    groups: Iterable[str], count: int, value: Callable[[tuple[str, ...]], int]
) -> tuple[int, list[tuple[str, ...]]]:
    """The most that at most so many groups come to, and all sets that come to it: every one is looked at."""
    names = sorted(groups)
    values = {some: value(some) for size in range(1, count + 1) for some in combinations(names, size)}
    most = max(values.values())
    return most, [some for some, amount in values.items() if amount == most]
