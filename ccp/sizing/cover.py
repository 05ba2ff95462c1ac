"""Cover-N: the largest groups of one scenario, then the worst scenario."""

from dataclasses import dataclass

import numpy as np

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


def cover_by_scenario(over_margin: GroupByScenario, count: int) -> Cents:
    """The sum of the `count` largest groups in each scenario. Never mixes scenarios."""
    largest = np.sort(over_margin, axis=0)[::-1][:count]
    return largest.sum(axis=0)


def worst_cover(over_margin: GroupByScenario, count: int, counted: Flags) -> Cover:
    """Cover-N: the worst of the counted scenarios; of equals, the first."""
    amounts = np.where(counted, cover_by_scenario(over_margin, count), -1)
    scenario = int(np.argmax(amounts))
    groups = ranked_groups(over_margin[:, [scenario]])[:count, 0]
    return Cover(int(amounts[scenario]), scenario, groups.tolist())


def emir_42_3(over_margin: GroupByScenario, counted: Flags) -> Cover:
    """The largest group, or the second and third together where they are larger; then the worst scenario.

    Source: EMIR, Regulation (EU) 648/2012, Article 42(3): what the default fund alone must withstand.
    """
    ranked = np.sort(over_margin, axis=0)[::-1]
    first, next_two = ranked[0], ranked[1:3].sum(axis=0)
    amounts = np.where(counted, np.maximum(first, next_two), -1)
    scenario = int(np.argmax(amounts))
    places = slice(1, 3) if next_two[scenario] > first[scenario] else slice(0, 1)
    groups = ranked_groups(over_margin[:, [scenario]])[places, 0]
    return Cover(int(amounts[scenario]), scenario, groups.tolist())
