"""The set of groups that is worst in a scenario, with a proof that no other is worse.

Where a set loses what its groups lose one by one, that is the set of the largest: no search. Where it may lose more,
for its books are sold together (`SetLosses.bounds`), sets are searched depth first:

    what D counts for <= sum over D of b_g + more(D) <= sum over D of (b_g + most_g)

`b_g` is what counts of the loss of group g alone. What counts rises by no more than a loss does, and a loss over margin
by no more than the cost of selling, so that a set counts for at most `more(D)` beyond its groups, and `most_g` is no
less than g's part of that in any set of as many. Derivation: docs/reference/arithmetic.md, section 7.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from ccp.stress.loss_over_margin import SetBounds, SetLosses
from ccp.types import Cents, Index

LOWEST = np.iinfo(np.int64).min


class Counts(NamedTuple):
    """What a group's loss counts for: what it is beyond its `own` money, no less than nothing where `floored`, and
    `others` on top. By group, in cents."""

    own: Cents
    others: Cents
    floored: bool

    def of(self, losses: Cents, groups: Index | slice = slice(None)) -> Cents:
        """What losses of some groups (group, or group x scenario) count for."""
        own, others = (one[groups].reshape(-1, *[1] * (losses.ndim - 1)) for one in (self.own, self.others))
        beyond = losses - own
        return (np.maximum(beyond, 0) if self.floored else beyond) + others


def as_it_is(groups: int) -> Counts:
    """A loss counts for itself."""
    nothing = np.zeros(groups, dtype=np.int64)
    return Counts(nothing, nothing, False)


@dataclass(frozen=True)
class WorstSet:
    """A set of groups, the largest first, and what it counts for (`found`); no set counts for more than `bound`.

    The two are the same where the search has come to its end: then nothing is worse, and that is proved.
    """

    groups: tuple[int, ...]
    found: int
    bound: int


def worst_set(losses: SetLosses, scenario: int, count: int, counts: Counts) -> WorstSet:
    """The worst set of at most `count` groups in a scenario. Of equals that of the largest single losses, ties by id.

    Fewer may be worse than as many as may be, where books that are opposite to others' are sold with them.
    """
    single = counts.of(losses.group_over_margin[:, scenario])
    largest = tuple(np.argsort(-single, kind="stable")[:count].tolist())
    if losses.bounds is None or count == 1:
        amount = int(single[list(largest)].sum())
        return WorstSet(largest, amount, amount)

    def worth(groups: tuple[int, ...]) -> int:
        return int(counts.of(losses.of_groups(scenario, groups), np.array(groups)).sum())

    search = _Search(single, losses.bounds, worth)
    search.value(largest)
    search.keep(largest[:1], int(single[largest[0]]))
    search.run(count)
    own = losses.of_groups(scenario, search.groups).tolist()
    groups = tuple(group for _, group in sorted((-loss, group) for loss, group in zip(own, search.groups, strict=True)))
    return WorstSet(groups, search.best, max(search.best, search.open))


def losing(losses: SetLosses, scenario: int, groups: tuple[int, ...]) -> tuple[int, ...]:
    """The groups of a set that make what it loses, in the same order: without those who lose nothing over margin, and
    without whom the others lose as much. Who loses nothing may make it dearer to sell the books of the others."""
    lost = losses.of_groups(scenario, groups)
    left = groups
    for idle in (group for group, loss in zip(groups, lost.tolist(), strict=True) if not loss):
        others = tuple(group for group in left if group != idle)
        if not others or int(losses.of_groups(scenario, others).sum()) == int(lost.sum()):
            left = others
    return left


def passes(single: Cents, bounds: SetBounds, count: int, floor: int) -> int:
    """What no set of at most `count` groups counts for more than, where that passes `floor`; else `floor`. Nothing is
    valued: `single` is what each group counts for alone, and sets count for no more than that and `bounds.more`."""

    def worth(groups: tuple[int, ...]) -> int:
        return int(single[list(groups)].sum()) + bounds.more(groups)

    search = _Search(single, bounds, worth, floor)
    search.run(count)
    return max(search.best, search.open)


def worst_beyond(losses: SetLosses, bounds: SetBounds, scenario: int, count: int, counts: Counts, floor: int) -> int:
    """The same where sets are valued: what the worst set counts for in a scenario, where that passes `floor`; more only
    where the search is not closed. `bounds` are those of the scenario."""

    def worth(groups: tuple[int, ...]) -> int:
        return int(counts.of(losses.of_groups(scenario, groups), np.array(groups)).sum())

    search = _Search(counts.of(losses.group_over_margin[:, scenario]), bounds, worth, floor)
    search.run(count)
    return max(search.best, search.open)


class _Search:
    """Depth first, groups by falling weight; `worth` values a set, and nothing up to `floor` is kept. `open` bounds the
    sets that were not looked at for want of `left`."""

    def __init__(self, single: Cents, bounds: SetBounds, worth: Callable[[tuple[int, ...]], int], floor: int = LOWEST):
        self.single, self.bounds, self.worth = single, bounds, worth
        self.alone: list[int] = single.tolist()
        self.best, self.open, self.groups = floor, LOWEST, tuple[int, ...]()
        self.left = bounds.most_sets

    def value(self, groups: tuple[int, ...]) -> None:
        """Value a set, and keep it where it is worse than the worst so far."""
        self.keep(groups, self.worth(groups))

    def keep(self, groups: tuple[int, ...], amount: int) -> None:
        """Keep a set where it is worse than the worst so far."""
        if amount > self.best:
            self.best, self.groups = amount, groups

    def look_at(self, groups: tuple[int, ...]) -> None:
        """Value a set where it may be worse than the worst so far. What groups alone come to is known."""
        alone = sum(self.alone[group] for group in groups)
        if len(groups) == 1:
            return self.keep(groups, alone)
        self.left -= 1
        if alone + self.bounds.more(groups) > self.best:
            self.value(groups)

    def run(self, count: int) -> None:
        """Look at all sets of so many groups, or of fewer, whose weights do not rule them out."""
        weights = self.single + self.bounds.most(count)
        order = np.argsort(-weights, kind="stable")
        falling, by_weight = weights[order].tolist(), order.tolist()
        up_to = [0, *accumulate(max(weight, 0) for weight in falling)]
        chosen, together, place = list[int](), [0], 0
        while True:
            more = min(count - len(chosen), len(by_weight) - place)
            bound = together[-1] + up_to[place + more] - up_to[place]
            if more and bound > self.best and self.left > 0:
                chosen.append(place)
                together.append(together[-1] + falling[place])
                place += 1
                self.look_at(tuple(sorted(by_weight[one] for one in chosen)))
                continue
            if more:
                self.open = max(self.open, bound)  # sets further on in the order weigh no more
            if not chosen:
                return
            together.pop()
            place = chosen.pop() + 1
