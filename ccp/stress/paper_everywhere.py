"""How much more groups lose over margin for the default of an issuer beside them, in every candidate.

Derivation: docs/reference/arithmetic.md, section 7. Nothing is kept of a pool: memory goes by pairs of a group and an
issuer whose paper it holds, times candidates.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ccp.book.portfolio import Part
from ccp.exposure.run import account_values
from ccp.kernels.exposure.portfolio_losses import TILE
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.kernels.exposure.windows import WindowSums
from ccp.money import minor_units, to_minor
from ccp.pricing.issuers import NOBODY
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.stress.cube_rows import CubeRows
from ccp.stress.joint_sale import JointSale
from ccp.stress.loss_over_margin import over_margin_left
from ccp.stress.paper import CrossPaper
from ccp.stress.windows import WindowModel
from ccp.types import Cents, Index, InstrumentByScenario, Vector

MOST_CELLS = 2**25
"""Pairs times candidates that are kept; where there would be more, what is the most in any scenario stands for all."""
POOL_CELLS = 2**22
"""Client pools times candidates that are looked at at a time."""

CountedIn = Callable[[ScenarioSet, Index], Mapping[str, Cents]]
"""What counts as margin of some pools in some scenarios, by way: pool x scenario, or pool x 1."""


@dataclass(frozen=True)
class PaperEntries:
    """What pools of a part hold of paper of other groups than their own.

    By entry the pool, the ordinary row, the row of the same at its issuer's default, the issuer (as a place in
    `CrossPaper.issuers`), and how much of it the pool has, all its accounts together.
    """

    pool: Index
    row: Index
    jumped: Index
    issuer: Index
    quantity: Vector

    def more(self, unit_loss: InstrumentByScenario, issuer: int, pools: int) -> Vector:
        """How much more pools lose in some scenarios at the default of an issuer, in units: pool x scenario."""
        sums = np.zeros((pools, unit_loss.shape[1]))
        for entry in np.flatnonzero(self.issuer == issuer).tolist():
            jump = unit_loss[self.jumped[entry]] - unit_loss[self.row[entry]]
            sums[self.pool[entry]] += self.quantity[entry] * jump
        return sums


def paper_held(part: Part, rows: CubeRows, issuers: Index) -> PaperEntries:
    """What the pools of a part hold of paper of other groups than their own."""
    assert rows.issuer is not None
    held, account = (
        rows.ordinary.held(part),
        np.repeat(np.arange(len(part.account_pool)), np.diff(part.positions.offset)),
    )
    issuer = rows.issuer[part.positions.instrument]
    some = np.flatnonzero((issuer != NOBODY) & (issuer != part.account_group[account]) & (held.quantity != 0))
    count = len(rows.issuer)
    key = part.account_pool[account[some]] * (count * rows.periods) + held.instrument[some]
    keys, place = np.unique(key, return_inverse=True)
    pool, row = np.divmod(keys, count * rows.periods)
    block, instrument = np.divmod(row, count)
    jumped = count * rows.periods + block * len(rows.paper) + np.searchsorted(rows.paper, instrument)
    quantity = np.bincount(place, held.quantity[some], minlength=len(keys)).astype(np.float64)
    return PaperEntries(pool, row, jumped, np.searchsorted(issuers, rows.issuer[instrument]), quantity)


@dataclass(frozen=True, eq=False)
class PaperEverywhere:
    """What is known to find it: `sums` are members' in every candidate by way of counting margin, `counted` what counts
    of pools' margin, `covers_clients` whether a house's surplus pays for its clients. `costs`: what each pool bears of
    a sale (minor units), as it is in `sums`: by default that of its group's own books alone."""

    model: WindowModel
    rows: CubeRows
    sums: Mapping[str, WindowSums]
    counted: CountedIn
    covers_clients: bool
    sale: JointSale
    paper: CrossPaper
    costs: Cents | None = None

    @property
    def known(self) -> bool:
        """Whether there are few enough pairs to be kept."""
        return int(self.paper.holds.sum()) * self.model.count <= MOST_CELLS

    def more(self, others: int, supplementary: Cents | None = None) -> dict[str, "PaperMore"]:
        """By way, what groups lose more beside an issuer in sets of so many `others`.

        A group that holds paper of k others loses F(x + a_1 + ... + a_k) - F(x) more, where a_j is what the default of
        one costs and F, what of a loss is over margin, is convex: no more than the mean of F(x + k a_j) - F(x), and
        that rises with k. So each pair counts for (F(x + others a_j) - F(x)) / others, and no set for more than its
        pairs.
        """
        found = {way: PaperMore.empty(self.paper, self.model.count) for way in self.sums}
        for group in np.flatnonzero(self.paper.holds.any(axis=1)).tolist():
            self._put(found, group, others, supplementary)
        return found

    def _put(self, found: dict[str, "PaperMore"], group: int, others: int, supplementary: Cents | None) -> None:
        issuers = np.flatnonzero(self.paper.holds[group]).tolist()
        parts = [(part, paper_held(part, self.rows, self.paper.issuers)) for part in self.sale.parts_of(group)]
        pools = self.sale.pools_of(group)
        costs = self.sale.costs((group,))[0] if self.costs is None else self.costs[pools]
        members = np.unique(self.sale.portfolio.pool_member[pools])
        spare = None if supplementary is None else supplementary[members][:, None]
        clients = max(len(np.unique(held.pool[~part.pool_house[held.pool]])) for part, held in parts)
        for place, some in self._slices(max(TILE, POOL_CELLS // max(clients, 1))):
            unit_loss = np.ascontiguousarray(self._prices(some, group))
            changes = [_Changes(self, part, held, unit_loss) for part, held in parts]
            for way, counted in self._counted(some, pools).items():
                left, short = (one[members][:, place] for one in self.sums[way])
                before = self._over(left, short, spare)
                for issuer in issuers:
                    more = [np.zeros_like(left), np.zeros_like(short)]
                    first = 0
                    for change in changes:
                        last = first + len(change.part.pool_member)
                        change.add(more, members, issuer, others, counted[first:last], costs[first:last])
                        first = last
                    after = self._over(left - more[0], short + more[1], spare)
                    amount = -(-(after - before).sum(axis=0) // others)
                    found[way].put(group, issuer, place, np.maximum(amount, 0) + self.paper.accounts[group] + 1)

    def _over(self, left: Cents, short: Cents, spare: Cents | None) -> Cents:
        over = over_margin_left(left, short, self.covers_clients)
        return over if spare is None else np.maximum(over - spare, 0)

    def _prices(self, some: ScenarioSet, group: int) -> InstrumentByScenario:
        """Losses on a unit by every row, of the group's own paper as it is at its default."""
        assert self.rows.issuer is not None
        unit_loss = self.model.pricer.price(some).close_out_loss
        alone = np.arange(len(self.sale.portfolio.groups)) == group
        ordinary = self.rows.when(unit_loss, alone)
        return np.concatenate([ordinary, unit_loss[len(ordinary) :]])

    def _counted(self, some: ScenarioSet, pools: Index) -> Mapping[str, Cents]:
        counted = self.counted(some, pools)
        return counted if len(counted) == len(self.sums) else dict.fromkeys(self.sums, next(iter(counted.values())))

    def _slices(self, most: int) -> Iterator[tuple[slice, ScenarioSet]]:
        """All candidates in order, at most so many at a time."""
        windows, width = self.model.candidates.count, min(self.model.slice_, most)
        for begin, end in ((0, windows), (windows, self.model.count)):
            for first in range(begin, end, width):
                places = slice(first, min(first + width, end))
                yield places, self.model.some(places)


@dataclass(frozen=True, eq=False)
class _Changes:
    """What a part's pools lose more as issuers default, in a slice of candidates."""

    everywhere: PaperEverywhere
    part: Part
    held: PaperEntries
    unit_loss: InstrumentByScenario

    @cached_property
    def clients(self) -> Index:
        """The client pools that hold any of it."""
        return np.unique(self.held.pool[~self.part.pool_house[self.held.pool]])

    @cached_property
    def losses(self) -> Cents:
        """What these lose while no other issuer defaults, before the cost of being sold: pool x candidate."""
        accounts = np.flatnonzero(np.isin(self.part.account_pool, self.clients))
        ordinary: PositionArrays = self.everywhere.rows.ordinary.held(self.part)
        cents = to_minor(account_values(ordinary, self.unit_loss, accounts), self.everywhere.sale.digits)
        sums = np.zeros((len(self.clients), self.unit_loss.shape[1]), dtype=np.int64)
        np.add.at(sums, np.searchsorted(self.clients, self.part.account_pool[accounts]), cents)
        return sums

    def add(self, more: list[Cents], members: Index, issuer: int, others: int, counted: Cents, cost: Cents) -> None:
        """Add what an issuer's default costs, `others` times: to what house pools lose, and to clients' shortfalls."""
        part, digits = self.part, self.everywhere.sale.digits
        pools = np.unique(self.held.pool[self.held.issuer == issuer])
        among = replace(self.held, pool=np.searchsorted(pools, self.held.pool))
        change = others * np.ceil(among.more(self.unit_loss, issuer, len(pools)) * minor_units(digits)).astype(np.int64)
        member, house = np.searchsorted(members, part.pool_member[pools]), part.pool_house[pools]
        np.add.at(more[0], member[house], change[house])
        mine = pools[~house]
        over = self.losses[np.searchsorted(self.clients, mine)] + cost[mine][:, None] - counted[mine]
        short = np.maximum(over + change[~house], 0) - np.maximum(over, 0)
        np.add.at(more[1], member[~house], short)


@dataclass(frozen=True, eq=False)
class PaperMore:
    """The most that pairs of a group and an issuer lose more, in cents: `amounts` is pair x candidate."""

    paper: CrossPaper
    amounts: Cents

    @classmethod
    def empty(cls, paper: CrossPaper, candidates: int) -> "PaperMore":
        """With nothing in it."""
        return cls(paper, np.zeros((int(paper.holds.sum()), candidates), dtype=np.int64))

    @classmethod
    def constant(cls, paper: CrossPaper, candidates: int) -> "PaperMore":
        """The same in every candidate."""
        amounts = paper.most_more[paper.holds][:, None]
        return cls(paper, np.broadcast_to(amounts, (len(amounts), candidates)))

    @cached_property
    def _pairs(self) -> Index:
        """The place of each pair: group x issuer, meaningful where the group holds any of it."""
        return np.cumsum(self.paper.holds).reshape(self.paper.holds.shape) - 1

    def put(self, group: int, issuer: int, candidates: slice, amounts: Cents) -> None:
        """Say what a pair loses more in some candidates."""
        self.amounts[self._pairs[group, issuer], candidates] = amounts

    def of_issuer(self, issuer: int) -> Cents:
        """What each group loses more beside an issuer: group x candidate."""
        found = np.zeros((len(self.paper.holds), self.amounts.shape[1]), dtype=np.int64)
        holders = np.flatnonzero(self.paper.holds[:, issuer])
        found[holders] = self.amounts[self._pairs[holders, issuer]]
        return found

    def most(self, others: int) -> Cents:
        """The most that each group loses more in any set of so many others: group x candidate."""
        found = np.zeros((len(self.paper.holds), self.amounts.shape[1]), dtype=np.int64)
        for group in np.flatnonzero(self.paper.holds.any(axis=1)).tolist():
            mine = self.amounts[self._pairs[group, self.paper.holds[group]]]
            found[group] = np.sort(mine, axis=0)[-others:].sum(axis=0)
        return found

    def at(self, candidate: int) -> Cents:
        """One candidate's, as `CrossPaper.most_more` has what is the most in any scenario: group x issuer."""
        return np.where(self.paper.holds, self.amounts[:, candidate][self._pairs], 0)
