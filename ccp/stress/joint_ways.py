"""Losses of groups that default together, from what was found of a book: under each way of counting margin."""

from collections.abc import Callable
from functools import cached_property, lru_cache

from ccp.margin.collateral import Holdings, holdings
from ccp.market.case import Case
from ccp.stress.group_books import alone
from ccp.stress.joint_losses import JointLosses, PoolResults
from ccp.stress.joint_sale import JointSale
from ccp.stress.loss_over_margin import StressLosses
from ccp.stress.paper import cross_paper
from ccp.stress.parts import PartFound, StressModel, counted_by_way
from ccp.types import Cents

MOST_GROUPS = 16
"""Groups whose pools' margin is kept under the ways that are not the rulebook's own."""


def joint_losses(
    case: Case, model: StressModel, found: PartFound, single: dict[str, StressLosses]
) -> dict[str, JointLosses] | None:
    """Losses of sets by way; `single` are those of each group alone. None where every set loses what its groups lose:
    selling costs nothing, and nobody holds another group's paper."""
    books, rules = found.books, case.rulebook.stress
    paper = cross_paper(case.portfolio, model.rows, found.paper, model.unit_loss, model.digits)
    if books is None and paper is None:
        return None
    bears = None if books is None else alone(books, model.sale)
    sale = JointSale(case.portfolio, model.sale, books, bears, model.digits, rules.most_sets)
    results, ways = PoolResults(sale, model.rows, model.unit_loss, paper), _Ways(sale, case, model, found)
    phi = rules.house_surplus_covers_clients
    return {way: JointLosses(losses, results, ways.counted(way), phi) for way, losses in single.items()}


class _Ways:
    """What counts of pools' margin in a scenario. Only the rulebook's own way is known of the whole book."""

    def __init__(self, sale: JointSale, case: Case, model: StressModel, found: PartFound):
        self.sale, self.case, self.model, self.found = sale, case, model, found
        self._others = lru_cache(MOST_GROUPS)(self._of_group)

    @cached_property
    def _lines(self) -> Holdings | None:
        return holdings(self.case)

    def counted(self, way: str) -> Callable[[int, slice], Cents]:
        """What counts of the margin of a group's pools in some scenarios, under a way."""

        def own(group: int, scenarios: slice) -> Cents:
            return _columns(self.found.pool_counted[self.sale.pools_of(group)], scenarios)

        def other(group: int, scenarios: slice) -> Cents:
            return _columns(self._others(group)[way], scenarios)

        return own if way == self.model.way or len(self.found.shortfalls) == 1 else other

    def _of_group(self, group: int) -> dict[str, Cents]:
        pools, held = self.sale.pools_of(group), self.found.pool_held
        lines = None if self._lines is None else self._lines.of_pools(pools)
        margin, of_pools = self.found.pool_margin[pools], None if held is None else held[pools]
        return counted_by_way(self.model, self.model.scenarios, margin, of_pools, lines)


def _columns(counted: Cents, scenarios: slice) -> Cents:
    return counted[:, scenarios] if counted.shape[1] > 1 else counted
