"""Cover-N: the set of groups that loses most in one scenario, then the worst scenario."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ccp.sizing.worst_set import LOWEST, Counts, WorstSet, as_it_is, worst_set
from ccp.stress.loss_over_margin import GroupLosses, SetBounds, SetLosses
from ccp.types import Cents, Flags, GroupByScenario

EMIR = "EMIR 42(3)"
"""What the cover of that article is called."""


def cover_name(number: int) -> str:
    """What the cover of so many groups is called."""
    return f"cover-{number}"


@dataclass(frozen=True)
class Cover:
    """An amount in cents, the scenario it comes from and the groups in it, as positions. Largest group first.

    `found` is what the groups lose: less than the amount where a search could not prove that no set is worse.
    """

    amount: int
    scenario: int
    groups: list[int]
    found: int

    @property
    def proved(self) -> bool:
        """Whether no set of as many groups is worse, in any scenario that was looked at."""
        return self.found == self.amount

    def raised(self, left: int) -> "Cover":
        """The same, where what may come to `left` was not looked at."""
        return replace(self, amount=max(self.amount, left))


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

    def worst(self, counted: Flags) -> int:
        """The scenario of the largest bound among those that count; of equals, the first."""
        return int(np.argmax(np.where(counted, self.bound, LOWEST)))

    def cover(self, counted: Flags) -> Cover:
        """The worst of the scenarios that count, as a cover."""
        scenario = self.worst(counted)
        return Cover(int(self.bound[scenario]), scenario, list(self.groups[scenario]), int(self.found[scenario]))


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


def worst_over(losses: SetLosses, count: int, counts: Counts, counted: Flags) -> tuple[int, WorstSet]:
    """The worst of the counted scenarios, and its worst set; of equals, the first. Only scenarios that may be worst are
    searched."""
    worth = counts.of(losses.group_over_margin)
    upper, found = most_one_by_one(worth, losses.bounds, count), dict[int, WorstSet]()

    def amount(scenario: int) -> int:
        found[scenario] = worst_set(losses, scenario, count, counts)
        return found[scenario].bound

    scenario = _worst_scenario(upper, counted, amount)
    return scenario, found[scenario]


def most_one_by_one(worth: Cents, bounds: SetBounds | None, count: int) -> Cents:
    """By scenario, what no set of at most `count` groups counts for more than: group by group, each with the most that
    it may bear in any set. `worth` (group x scenario) is what each counts for alone."""
    if bounds is not None:
        worth = np.maximum(worth + bounds.most(count)[:, None], 0)
    return largest_losses(worth, count).sum(axis=0)


def _worst_scenario(upper: Cents, counted: Flags, amount: Callable[[int], int]) -> int:
    """The counted scenario of the largest amount, of equals the first. Asked only where `upper`, which no amount
    passes, leaves it open."""
    most, worst = LOWEST, -1
    for scenario in sorted(np.flatnonzero(counted).tolist(), key=lambda place: (-int(upper[place]), place)):
        if worst >= 0 and upper[scenario] < most:
            break
        here = amount(scenario)
        if worst < 0 or (-here, scenario) < (-most, worst):
            most, worst = here, scenario
    return worst


def worst_cover(losses: SetLosses, count: int, counted: Flags) -> Cover:
    """Cover-N: the worst of the counted scenarios; of equals, the first."""
    scenario, found = worst_over(losses, count, as_it_is(len(losses.group_over_margin)), counted)
    return Cover(found.bound, scenario, list(found.groups), found.found)


def cover_numbers(count: int) -> list[int]:
    """Cover-1, cover-2 and cover-N of a rulebook's number."""
    return sorted({1, 2, count})


def covers_of(losses: SetLosses, count: int, counted: Flags) -> dict[int, Cover]:
    """Cover-1, cover-2 and cover-N of a rulebook's number, by number."""
    return {number: worst_cover(losses, number, counted) for number in cover_numbers(count)}


def emir_42_3(losses: SetLosses, counted: Flags) -> Cover:
    """The largest group, or the second and third together where they are larger; then the worst scenario.

    Groups rank by what each loses alone, and the second and third are sold together. Source: EMIR, Regulation (EU)
    648/2012, Article 42(3): what the default fund alone must withstand.
    """
    first, _ = first_and_next_two(losses)
    covers = dict[int, Cover]()

    def amount(scenario: int) -> int:
        covers[scenario] = emir_42_3_in(losses, scenario)
        return covers[scenario].amount

    return covers[_worst_scenario(np.maximum(first, next_two_by_bound(losses, losses.bounds)), counted, amount)]


def emir_42_3_in(losses: SetLosses, scenario: int) -> Cover:
    """The same of one scenario."""
    places = np.argsort(-losses.group_over_margin[:, scenario], kind="stable")[:3].tolist()
    options = [places[:1], places[1:]]
    lost = [int(losses.of_groups(scenario, groups).sum()) if groups else 0 for groups in options]
    return Cover(max(lost), scenario, options[int(lost[1] > lost[0])], max(lost))


def next_two_by_bound(losses: GroupLosses, bounds: SetBounds | None) -> Cents:
    """In each scenario the most that the second and third group can lose together."""
    _, next_two = first_and_next_two(losses)
    return next_two if bounds is None else next_two + int(np.sort(bounds.most(2))[-2:].sum())


def first_and_next_two(losses: GroupLosses) -> tuple[Cents, Cents]:
    """In each scenario the loss of the largest group, and those of the second and third one by one."""
    ranked = np.sort(largest_losses(losses.group_over_margin, 3), axis=0)[::-1]
    return ranked[0], ranked[1:].sum(axis=0)
