"""Cover-N: the set of groups that loses most in one scenario, then the worst scenario."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from ccp.sizing.worst_set import LOWEST, Counts, WorstSet, as_it_is, worst_set
from ccp.stress.loss_over_margin import GroupLosses, SetBounds, SetLosses
from ccp.stress.windows import LeftOpen
from ccp.types import Cents, Flags, GroupByScenario

EMIR = "EMIR 42(3)"
"""What the cover of that article is called."""


def cover_name(number: int) -> str:
    """What the cover of so many groups is called."""
    return f"cover-{number}"


def aside(name: str, way: str) -> str:
    """What a figure is called under another way of counting margin than the rulebook's."""
    return f"{name}, margin as {way}"


@dataclass(frozen=True)
class Cover:
    """The worst of some scenarios, in cents. `found` is the most that any set that was looked at loses, `groups` (as
    positions, the largest first) and `scenario` say which set and where; no set loses more than `amount`.

    The two are the same where that is proved. Else so many scenarios leave it open, whose search for sets ended early
    (`open_scenarios`), and so many windows and single names that were not measured for sets (`open_windows`).
    """

    amount: int
    scenario: int
    groups: list[int]
    found: int
    open_scenarios: int = 0
    open_windows: int = 0

    @property
    def proved(self) -> bool:
        """Whether no set of as many groups is worse, in any scenario or window."""
        return self.found == self.amount

    def raised(self, left: LeftOpen | None) -> Self:
        """The same, where what may come to `left` was not measured for sets (None: everything was)."""
        if left is None or left.amount <= self.found:
            return self
        return replace(self, amount=max(self.amount, left.amount), open_windows=left.windows)

    def or_known(self, scenario: int, groups: Iterable[int], found: int) -> Self:
        """The same, where another set is known to lose as much as `found`."""
        return self if found <= self.found else replace(self, scenario=scenario, groups=list(groups), found=found)


@dataclass(frozen=True)
class WorstSets:
    """The worst set of groups of every scenario: `found` and `bound` (scenario) as `WorstSet` has them, in cents;
    `groups` by scenario, the largest first."""

    found: Cents
    bound: Cents
    groups: list[tuple[int, ...]]

    @property
    def proved(self) -> Flags:
        """In which scenarios no set is worse."""
        return self.found == self.bound

    def cover(self, counted: Flags) -> Cover:
        """The worst of the scenarios that count, as a cover; of equals, the first."""
        found, bound = (np.where(counted, amount, LOWEST) for amount in (self.found, self.bound))
        worst, most = int(np.argmax(found)), int(found.max())
        return Cover(int(bound.max()), worst, list(self.groups[worst]), most, int((bound > most).sum()))

    def or_known(self, others: Iterable["WorstSets"], worth: Callable[[int, tuple[int, ...]], int]) -> "WorstSets":
        """The same, where sets that are worst of something else count for more (`worth` of a scenario and a set) than
        what an early end of the search has found."""
        found, groups = self.found.copy(), list(self.groups)
        for place in np.flatnonzero(~self.proved).tolist():
            for known in (one.groups[place] for one in others):
                if (amount := worth(place, known)) > found[place]:
                    found[place], groups[place] = amount, known
        return WorstSets(found, self.bound, groups)


def cover_by_scenario(losses: GroupLosses, count: int) -> Cents:
    """The sum of the `count` largest groups in each scenario. Never mixes scenarios."""
    return largest_losses(losses.group_over_margin, count).sum(axis=0)


def largest_losses(over_margin: GroupByScenario, count: int) -> GroupByScenario:
    """The `count` largest of each column, in no order; all where there are no more."""
    groups = len(over_margin)
    return over_margin if count >= groups else np.partition(over_margin, groups - count, axis=0)[groups - count :]


def worst_sets(losses: SetLosses, count: int, counts: Counts | None = None) -> WorstSets:
    """The worst set of at most `count` groups of every scenario. Never mixes scenarios. `counts`: default as it is."""
    groups, scenarios = losses.group_over_margin.shape
    counts = counts or as_it_is(groups)
    if losses.bounds is None:
        return _ranked(counts.of(losses.group_over_margin), count)
    found = [worst_set(losses, scenario, count, counts) for scenario in range(scenarios)]
    reached, bound = (np.array([getattr(one, name) for one in found], dtype=np.int64) for name in ("found", "bound"))
    return WorstSets(reached, bound, [one.groups for one in found])


def _ranked(worth: Cents, count: int) -> WorstSets:
    """The sets of the groups that count for most, ties by group id."""
    groups = np.argsort(-worth, axis=0, kind="stable")[:count]
    amount = np.take_along_axis(worth, groups, axis=0).sum(axis=0)
    return WorstSets(amount, amount, list(map(tuple, groups.T.tolist())))


class OverScenarios(NamedTuple):
    """Of some scenarios the one whose set is worst, that set with the bound of all, and how many leave it open."""

    scenario: int
    worst: WorstSet
    open_scenarios: int

    @property
    def cover(self) -> Cover:
        """The same as a cover."""
        return Cover(self.worst.bound, self.scenario, list(self.worst.groups), self.worst.found, self.open_scenarios)


def worst_over(losses: SetLosses, count: int, counts: Counts, counted: Flags) -> OverScenarios:
    """The worst of the counted scenarios, and its worst set; of equals, the first. Only scenarios that may be worst are
    searched."""
    upper = most_one_by_one(counts.of(losses.group_over_margin), losses.bounds, count)
    return _worst_scenario(upper, counted, lambda scenario: worst_set(losses, scenario, count, counts))


def most_one_by_one(worth: Cents, bounds: SetBounds | None, count: int) -> Cents:
    """By scenario, what no set of at most `count` groups counts for more than: group by group, each with the most that
    it may bear in any set. `worth` (group x scenario) is what each counts for alone."""
    if bounds is not None:
        worth = np.maximum(worth + bounds.most(count)[:, None], 0)
    return largest_losses(worth, count).sum(axis=0)


def _worst_scenario(upper: Cents, counted: Flags, searched: Callable[[int], WorstSet]) -> OverScenarios:
    """The counted scenario whose set is worst, of equals the first. Searched only where `upper`, which no set passes,
    leaves it open."""
    most, looked = LOWEST, dict[int, WorstSet]()
    for scenario in sorted(np.flatnonzero(counted).tolist(), key=lambda place: (-int(upper[place]), place)):
        if looked and upper[scenario] < most:
            break
        looked[scenario] = searched(scenario)
        most = max(most, looked[scenario].found)
    worst = min(place for place, one in looked.items() if one.found == most)
    bounds = [one.bound for one in looked.values()]
    return OverScenarios(
        worst, WorstSet(looked[worst].groups, most, max(bounds)), sum(bound > most for bound in bounds)
    )


def worst_cover(losses: SetLosses, count: int, counted: Flags) -> Cover:
    """Cover-N: the worst of the counted scenarios; of equals, the first."""
    return worst_over(losses, count, as_it_is(len(losses.group_over_margin)), counted).cover


def cover_numbers(count: int) -> list[int]:
    """Cover-1, cover-2 and cover-N of a rulebook's number."""
    return sorted({1, 2, count})


def covers_of(losses: SetLosses, count: int, counted: Flags) -> dict[int, Cover]:
    """Cover-1, cover-2 and cover-N of a rulebook's number, by number. None has found less than one of fewer groups."""
    covers, least = dict[int, Cover](), Cover(LOWEST, 0, [], LOWEST)
    for number in cover_numbers(count):
        least = worst_cover(losses, number, counted).or_known(least.scenario, least.groups, least.found)
        covers[number] = least
    return covers


def emir_42_3(losses: SetLosses, counted: Flags) -> Cover:
    """The largest group, or the second and third together where they are larger; then the worst scenario.

    Groups rank by what each loses alone, and the second and third are sold together. Source: EMIR, Regulation (EU)
    648/2012, Article 42(3): what the default fund alone must withstand.
    """
    first, _ = first_and_next_two(losses)

    def larger(scenario: int) -> WorstSet:
        return emir_42_3_in(losses, scenario)

    return _worst_scenario(np.maximum(first, next_two_by_bound(losses, losses.bounds)), counted, larger).cover


def emir_42_3_in(losses: SetLosses, scenario: int) -> WorstSet:
    """The same of one scenario."""
    places = np.argsort(-losses.group_over_margin[:, scenario], kind="stable")[:3].tolist()
    options = [places[:1], places[1:]]
    lost = [int(losses.of_groups(scenario, groups).sum()) if groups else 0 for groups in options]
    return WorstSet(tuple(options[int(lost[1] > lost[0])]), max(lost), max(lost))


def next_two_by_bound(losses: GroupLosses, bounds: SetBounds | None) -> Cents:
    """In each scenario the most that the second and third group can lose together."""
    _, next_two = first_and_next_two(losses)
    return next_two if bounds is None else next_two + int(np.sort(bounds.most(2))[-2:].sum())


def first_and_next_two(losses: GroupLosses) -> tuple[Cents, Cents]:
    """In each scenario the loss of the largest group, and those of the second and third one by one."""
    ranked = np.sort(largest_losses(losses.group_over_margin, 3), axis=0)[::-1]
    return ranked[0], ranked[1:].sum(axis=0)
