"""What sets of groups lose over margin when they default together: their books are sold together, and what one of them
has issued is at its default in the books of all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ccp.book.roster import Roster
from ccp.exposure.run import account_values
from ccp.money import share_out, to_minor
from ccp.stress.cube_rows import CubeRows
from ccp.stress.joint_sale import JointSale
from ccp.stress.loss_over_margin import SetBounds, StressLosses, over_margin_of
from ccp.stress.paper import CrossPaper
from ccp.stress.recent import Recent
from ccp.types import Cents, GroupByScenario, Index, InstrumentByScenario, MemberByScenario, Vector

BLOCK = 16
"""Scenarios in which a group's pools, and a set of groups, are valued at a time."""
MOST_KEPT = 4_000_000
"""Amounts that are kept: of pools, and of the groups of sets."""


def block_of(scenario: int) -> tuple[slice, int]:
    """The block of scenarios that a scenario is in, and its place there."""
    place = scenario % BLOCK
    return slice(scenario - place, scenario - place + BLOCK), place


@dataclass(frozen=True, eq=False)
class PoolResults:
    """What pools lose in the scenarios before the cost of being sold. `unit_loss` is row x scenario, rows as `rows`
    says; `paper` is what groups hold of others' paper, None where nobody does."""

    sale: JointSale
    rows: CubeRows
    unit_loss: InstrumentByScenario
    paper: CrossPaper | None = None
    _blocks: Recent[tuple[tuple[int, ...], int]] = field(default_factory=lambda: Recent(MOST_KEPT))

    def of(self, group: int, scenarios: slice, groups: tuple[int, ...]) -> Cents:
        """The losses of a group's pools in the scenarios of a block in which some groups default, itself among them:
        pool x scenario."""
        among = (group,) if self.paper is None else self.paper.among(group, groups)
        return self._blocks.of((among, scenarios.start), lambda: [self._valued(among, scenarios)])[0]

    def _valued(self, among: tuple[int, ...], scenarios: slice) -> Cents:
        """What the pools of the first of some groups lose as the paper of all of them is at its default."""
        defaulting = np.isin(np.arange(len(self.sale.portfolio.groups)), among)
        unit_loss, found = np.ascontiguousarray(self.rows.when(self.unit_loss[:, scenarios], defaulting)), []
        for part in self.sale.parts_of(among[0]):
            accounts, held = np.arange(len(part.account_pool)), self.rows.ordinary.held(part)
            cents = to_minor(account_values(held, unit_loss, accounts), self.sale.digits)
            sums = np.zeros((len(part.pool_member), unit_loss.shape[1]), dtype=np.int64)
            np.add.at(sums, part.account_pool, cents)
            found.append(sums)
        return np.concatenate([np.zeros((0, unit_loss.shape[1]), dtype=np.int64), *found])  # it may have no account


@dataclass(frozen=True, eq=False)
class MoreTogether:
    """How much more sets may lose for being sold together, and for what their groups hold of one another's paper."""

    sale: JointSale
    paper: CrossPaper

    @property
    def most_sets(self) -> int:
        """Sets that are looked at."""
        return self.sale.most_sets

    def more(self, groups: tuple[int, ...]) -> int:
        """The most that some groups together lose more, in any scenario."""
        return self.sale.more(groups) + self.paper.more(groups)

    def most(self, count: int) -> Cents:
        """By group, the most that it loses more in any set of `count` groups."""
        return self.sale.most(count) + self.paper.most(count)


@dataclass(frozen=True, eq=False)
class JointLosses:
    """Losses over margin of sets of groups that default together. In cents.

    `single` are those of each group alone. `counted` gives what counts as margin of a group's pools in some scenarios
    (pool x scenario, or pool x 1), `supplementary` (by member) pays for any loss of its member beyond that.
    """

    single: StressLosses
    results: PoolResults
    counted: Callable[[int, slice], Cents]
    covers_clients: bool
    supplementary: Cents | None = None
    _sets: Recent[tuple[tuple[int, ...], int]] = field(default_factory=lambda: Recent(MOST_KEPT))

    @property
    def group_over_margin(self) -> GroupByScenario:
        """What each group loses over margin when it defaults alone."""
        return self.single.group_over_margin

    @property
    def loss(self) -> MemberByScenario:
        """What each member's pools lose when its group alone is sold."""
        return self.single.loss

    @property
    def over_margin(self) -> MemberByScenario:
        """What each member's default costs over margin when its group alone is sold."""
        return self.single.over_margin

    @property
    def sale(self) -> JointSale:
        """What selling costs."""
        return self.results.sale

    @property
    def selling(self) -> JointSale | None:
        """What selling costs; None where it costs nothing."""
        return None if self.sale.books is None else self.sale

    @property
    def bounds(self) -> SetBounds:
        """How much more sets can lose."""
        paper = self.results.paper
        return self.sale if paper is None else MoreTogether(self.sale, paper)

    def bounds_where(self, jumps: Callable[[], tuple[Vector, Vector]]) -> SetBounds:
        """The same where units of paper may lose, or gain, as much as `jumps` says by its issuer's default."""
        paper = self.results.paper
        return self.sale if paper is None else MoreTogether(self.sale, paper.where(*jumps()))

    def less(self, supplementary: Cents, roster: Roster) -> "JointLosses":
        """Losses over margin less margin by member that pays for any loss of its member."""
        single = self.single.less(supplementary, roster)
        return JointLosses(single, self.results, self.counted, self.covers_clients, supplementary)

    def at(self, single: StressLosses, unit_loss: InstrumentByScenario, scenario: int) -> "JointLosses":
        """The same books at other prices in one scenario: `unit_loss` is row x 1, `single` at these prices."""

        def counted(group: int, _: slice) -> Cents:
            return self.counted(group, slice(scenario, scenario + 1))

        results = PoolResults(self.sale, self.results.rows, unit_loss, self.results.paper)
        return JointLosses(single, results, counted, self.covers_clients, self.supplementary)

    def of_groups(self, scenario: int, groups: Sequence[int] | Index) -> Cents:
        """What each of some groups loses over margin when they default together, in the order given."""
        among, (block, place) = tuple(int(group) for group in groups), block_of(scenario)
        return self._sets.of((among, block.start), lambda: [self._of_set(among, block)])[0][:, place]

    def _of_set(self, groups: tuple[int, ...], scenarios: slice) -> Cents:
        """What groups that default together lose over margin: group x scenario of a block."""
        members, _, over = self._together(scenarios, groups)
        sums, of_group = (
            np.zeros((len(groups), over.shape[1]), dtype=np.int64),
            self.sale.portfolio.member_group[members],
        )
        for place, group in enumerate(groups):
            sums[place] = over[of_group == group].sum(axis=0)
        return sums

    def of_members(
        self, scenario: int, groups: Sequence[int], before: Sequence[int] = (), cut: Cents | None = None
    ) -> tuple[Cents, Cents]:
        """By member, the loss and what of it is over margin, of groups that default together after those `before`.

        Members of other groups have none. After others the groups pay what these and they lose together beyond what
        these lose, not below zero: by their own losses, or alike where it is the others who hold their paper. `cut` is
        what haircuts took of each pool (default: nothing): it pays for nothing.
        """
        mine = tuple(groups)
        loss, over = self._in_scenario(scenario, (*before, *mine), cut)
        if not before:
            return loss, over
        roster = self.sale.portfolio.roster
        inside = roster.inside(mine)
        _, over_before = self._in_scenario(scenario, tuple(before), cut)
        whole = max(int(over.sum() - over_before.sum()), 0)
        own = np.where(inside, over, 0)
        shares = next((some for some in (own, np.where(inside, loss, 0)) if some.any()), inside.astype(np.int64))
        paid = np.array(share_out(whole, shares.tolist()), dtype=np.int64)
        return np.where(inside, loss - own + paid, 0), paid

    def lost_by_cuts(
        self, scenario: int, groups: Sequence[int], before: Sequence[int], cut: Cents
    ) -> tuple[Cents, Cents]:
        """By member, how much more some groups lose, and how much more of it is over margin, for what haircuts took."""
        with_them, without = (self.of_members(scenario, groups, before, some) for some in (cut, None))
        return with_them[0] - without[0], with_them[1] - without[1]

    def _in_scenario(self, scenario: int, groups: tuple[int, ...], cut: Cents | None) -> tuple[Cents, Cents]:
        """By member of the book, loss and loss over margin of groups whose books are sold together."""
        scenarios, place = block_of(scenario)
        members, *amounts = self._together(scenarios, groups, cut)
        loss, over = (np.zeros(len(self.sale.portfolio.members), dtype=np.int64) for _ in amounts)
        loss[members], over[members] = (one[:, place] for one in amounts)
        return loss, over

    def _together(
        self, scenarios: slice, groups: tuple[int, ...], cut: Cents | None = None
    ) -> tuple[Index, Cents, Cents]:
        """The members of groups whose books are sold together, their loss and their loss over margin: member x scenario
        of a block."""
        portfolio = self.sale.portfolio
        pools = np.concatenate([self.sale.pools_of(group) for group in groups])
        loss = np.concatenate([self.results.of(group, scenarios, groups) for group in groups])
        cost = np.concatenate(self.sale.costs(groups)) + (0 if cut is None else cut[pools])
        loss = loss + cost[:, None]
        margin = np.concatenate([self.counted(group, scenarios) for group in groups])
        house, none = portfolio.pool_house[pools][:, None], np.zeros_like(loss)
        members, place = np.unique(portfolio.pool_member[pools], return_inverse=True)

        def by_member(amounts: Cents) -> Cents:
            sums = np.zeros((len(members), loss.shape[1]), dtype=np.int64)
            np.add.at(sums, place, amounts)
            return sums

        short, surplus = np.maximum(loss - margin, 0), np.maximum(margin - loss, 0)
        house_short, house_surplus = (by_member(np.where(house, one, none)) for one in (short, surplus))
        client_short = by_member(np.where(house, none, short))
        over = over_margin_of(house_short, house_surplus, client_short, self.covers_clients)
        if self.supplementary is not None:
            over = np.maximum(over - self.supplementary[members][:, None], 0)
        return members, by_member(np.maximum(loss, 0)), over
