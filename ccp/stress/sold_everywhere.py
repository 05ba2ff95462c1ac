"""What members lose at most in every candidate, whoever else is sold with them: margin counted.

Selling costs a pool no more than it would if every unit bore the most that it can in any set. Derivation:
docs/reference/arithmetic.md, section 7.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ccp.book.roster import Roster
from ccp.kernels.exposure.windows import WindowSums
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.stress.cube_rows import CubeRows
from ccp.stress.joint_sale import MOST_POSITIONS, JointSale
from ccp.stress.loss_over_margin import over_margin_left
from ccp.stress.paper_everywhere import CountedIn
from ccp.stress.parts import COUNTED, MOVED, added
from ccp.stress.windows import WindowModel, window_sums
from ccp.types import Cents, GroupByScenario


@dataclass(frozen=True, eq=False)
class SoldEverywhere:
    """Members' `sums` in every candidate, by way of counting margin, where each pool bears its largest share of a sale:
    `costs` (pool), in minor units."""

    sums: Mapping[str, WindowSums]
    costs: Cents

    def losses(self, way: str, covers_clients: bool, supplementary: Cents | None, roster: Roster) -> GroupByScenario:
        """What each group loses over margin at most, counted in some way: group x candidate."""
        over = over_margin_left(*self.sums.get(way, next(iter(self.sums.values()))), covers_clients)
        spare = 0 if supplementary is None else supplementary[:, None]
        return roster.by_group(np.maximum(over - spare, 0))


def sold_everywhere(
    model: WindowModel, rows: CubeRows, counted: CountedIn, sale: JointSale, most: int
) -> SoldEverywhere:
    """For sets of at most so many groups, in one pass over the book, a part of it at a time."""
    sums, costs, first = dict[str, WindowSums](), list[Cents](), 0
    for stored in sale.portfolio.parts(MOST_POSITIONS):
        part = stored.load()
        pools = np.arange(first, first + len(part.pool_member))
        costs.append(sale.most_costs(part, most))

        def counting(scenarios: ScenarioSet, pools: np.ndarray = pools) -> dict[str, Cents]:
            return dict(counted(scenarios, pools))

        amounts = (COUNTED + MOVED) * len(pools)
        found = window_sums(model, rows, part, costs[-1], counting, sale.digits, amounts)
        sums = added(sums, found) if sums else found
        first += len(pools)
    return SoldEverywhere(sums, np.concatenate(costs))
