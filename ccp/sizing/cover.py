"""Cover-N: the set of groups that loses most in one scenario, then the worst scenario."""

from dataclasses import dataclass

import numpy as np

from ccp.stress.loss_over_margin import GroupLosses, SetLosses
from ccp.types import Cents, Flags, GroupByScenario, Index


@dataclass(frozen=True)
class Cover:
    """An amount in cents, the scenario it comes from and the groups in it, as positions. Largest group first."""

    amount: int
    scenario: int
    groups: list[int]


def ranked_groups(over_margin: GroupByScenario) -> Index:
    """Groups by loss in each scenario, largest first, ties by group id: rank x scenario."""
    return np.argsort(-over_margin, axis=0, kind="stable")


def cover_by_scenario(losses: GroupLosses, count: int) -> Cents:
    """The sum of the `count` largest groups in each scenario. Never mixes scenarios."""
    return largest_losses(losses.group_over_margin, count).sum(axis=0)


def largest_losses(over_margin: GroupByScenario, count: int) -> GroupByScenario:
    """The `count` largest of each column, in no order; all where there are no more."""
    groups = len(over_margin)
    return over_margin if count >= groups else np.partition(over_margin, groups - count, axis=0)[groups - count :]


def worst_cover(losses: SetLosses, count: int, counted: Flags) -> Cover:
    """Cover-N: the worst of the counted scenarios; of equals, the first."""
    amounts = np.where(counted, cover_by_scenario(losses, count), -1)
    scenario = int(np.argmax(amounts))
    return Cover(int(amounts[scenario]), scenario, list(largest_groups(losses, scenario, count)))


def covers_of(losses: SetLosses, count: int, counted: Flags) -> dict[int, Cover]:
    """Cover-1, cover-2 and cover-N of a rulebook's number, by number."""
    return {number: worst_cover(losses, number, counted) for number in sorted({1, 2, count})}


def largest_groups(losses: SetLosses, scenario: int, count: int) -> tuple[int, ...]:
    """The set of `count` groups that loses most in a scenario, the largest first."""
    return tuple(ranked_groups(losses.group_over_margin[:, [scenario]])[:count, 0].tolist())


def emir_42_3(losses: SetLosses, counted: Flags) -> Cover:
    """The largest group, or the second and third together where they are larger; then the worst scenario.

    Source: EMIR, Regulation (EU) 648/2012, Article 42(3): what the default fund alone must withstand.
    """
    first, next_two = first_and_next_two(losses)
    amounts = np.where(counted, np.maximum(first, next_two), -1)
    scenario = int(np.argmax(amounts))
    places = slice(1, 3) if next_two[scenario] > first[scenario] else slice(0, 1)
    return Cover(int(amounts[scenario]), scenario, list(largest_groups(losses, scenario, 3)[places]))


def first_and_next_two(losses: GroupLosses) -> tuple[Cents, Cents]:
    """In each scenario the loss of the largest group, and those of the second and third together."""
    ranked = np.sort(largest_losses(losses.group_over_margin, 3), axis=0)[::-1]
    return ranked[0], ranked[1:].sum(axis=0)
