"""Measuring a changed book from what was found before: only pools that have changed are measured again.

Every sum is of whole minor units, so what a pool gave before can be taken away, and what it gives now added, without a
trace: the result is that of measuring the whole book, bit for bit.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ccp.book.portfolio import Part, Portfolio
from ccp.kernels.exposure.joint_costs import ExactSums, GroupBooks
from ccp.margin.add_ons import add_on_terms
from ccp.margin.collateral import Holdings, holdings
from ccp.margin.requirement import knowing_all
from ccp.margin.sold_otherwise import sold_otherwise
from ccp.market.case import Case
from ccp.pricing.issuers import stressed_issuers
from ccp.rulebook.close_out import sells
from ccp.stress.group_books import group_books, held_by_groups
from ccp.stress.parts import EngineModel, PartFound, Sums, measure_part
from ccp.types import Flags, Index, Vector

MOST_POSITIONS = 4_000_000
"""Positions looked at together where all are: they are read from the run's files."""


@dataclass(frozen=True)
class Origin:
    """Where what is there now stood before; -1 for what is new or has changed.

    `pool` and `account` have changed pools whole: all accounts of a changed pool count as changed.
    """

    account: Index
    pool: Index
    member: Index


@dataclass(frozen=True)
class Touched:
    """The pools that have changed: as they were (`gone`), and as they are (`come`), by their places."""

    gone: Index
    come: Index
    was: Part
    now: Part

    def net(self, instruments: int) -> Vector:
        """How much more is held of each instrument, net."""
        return _held(self.now, instruments) - _held(self.was, instruments)

    def gross(self, instruments: int) -> Vector:
        """How much more is held of each instrument, long and short together."""
        return _held(self.now, instruments, np.abs) - _held(self.was, instruments, np.abs)


def _held(part: Part, instruments: int, size: np.ufunc = np.positive) -> Vector:
    positions = part.positions
    return np.bincount(positions.instrument, size(positions.quantity), minlength=instruments).astype(np.float64)


def origins(before: Case, now: Case, members: Index, accounts: Index, changed: Flags) -> Origin:
    """Where pools stood before, given that of members and accounts (-1: new), and whose positions have changed.

    A pool is the same when its accounts are: all that it had, no more, and none of them changed. Where selling costs
    something its whole group has to be the same: its pools are sold together.
    """
    old, new = before.portfolio, now.portfolio
    stays = (accounts >= 0) & ~changed
    if sells(now.rulebook.close_out):
        stays &= _in_same_groups(old, new, accounts, stays)
    pool = np.full(len(new.pools), -1, dtype=np.int64)
    pool[new.account_pool[stays]] = old.account_pool[accounts[stays]]
    stay_in = np.bincount(new.account_pool[stays], minlength=len(new.pools))
    are_in = np.bincount(new.account_pool, minlength=len(new.pools))
    were_in = np.bincount(old.account_pool, minlength=len(old.pools))
    pool = np.where((stay_in == are_in) & (pool >= 0) & (are_in == were_in[pool]), pool, -1)
    return Origin(np.where(pool[new.account_pool] >= 0, accounts, -1), pool, members)


def _in_same_groups(old: Portfolio, new: Portfolio, accounts: Index, stays: Flags) -> Flags:
    """Which accounts are of groups that have all the accounts that they had, no more, and none of them changed."""
    were, are = (one.member_group[one.account_member] for one in (old, new))
    place = {name: number for number, name in enumerate(new.groups)}
    now = np.array([place.get(name, -1) for name in old.groups], dtype=np.int64)
    count = len(new.groups)
    kept = stays & (now[were[accounts]] == are)
    there = np.bincount(now[were][now[were] >= 0], minlength=count)
    same = np.bincount(are[kept], minlength=count) == np.maximum(np.bincount(are, minlength=count), there)
    return same[are]


def books_now(before: Case, now: Case, books: GroupBooks, touched: Touched) -> GroupBooks:
    """What groups hold: those that have changed are touched whole, and the others hold what they held."""
    part = held_by_groups(touched.now, len(now.portfolio.instruments))
    fresh = group_books(now.portfolio, [part])
    was = _were_groups(before, now)
    was[part.groups] = -1
    kept = (was >= 0)[:, None]
    net, gross = (np.where(kept, old[was], new) for old, new in zip(books[:2], fresh[:2], strict=True))
    return GroupBooks(net, gross, fresh.pools)


def touched_pools(before: Case, now: Case, origin: Origin) -> Touched:
    """The pools that differ, with their positions before and now."""
    stay = np.zeros(len(before.portfolio.pools), dtype=bool)
    stay[origin.pool[origin.pool >= 0]] = True
    gone, come = np.flatnonzero(~stay), np.flatnonzero(origin.pool < 0)
    return Touched(gone, come, before.portfolio.part(gone), now.portfolio.part(come))


def measure_changed(
    model: EngineModel,
    model_now: EngineModel,
    found: PartFound,
    before: Case,
    now: Case,
    origin: Origin,
    touched: Touched,
) -> PartFound | None:
    """What measuring the changed book finds. `model` and `found` are those before, `model_now` is `model_after`.

    None when the pools as they were no longer measure as they did: then what was found is another program's.
    """
    books = None if found.books is None else books_now(before, now, found.books, touched)
    was = measure_part(model.selling(found.books), touched.was, _holdings_of(before, touched.gone))
    if not _same(was, found, before, touched.gone):
        return None
    part = measure_part(model_now.selling(books), touched.now, _holdings_of(now, touched.come))
    costs, held = (found.pool_cost, part.pool_cost), (found.pool_held, part.pool_held)
    stood = _were_groups(before, now)
    return PartFound(
        _gathered(found.account_margin, part.account_margin, origin.account),
        None if costs[0] is None or costs[1] is None else _gathered(costs[0], costs[1], origin.pool),
        {name: _gathered(found.add_ons[name], part.add_ons[name], origin.account) for name in found.add_ons},
        _gathered(found.net_option_value, part.net_option_value, origin.account),
        _gathered(found.pool_margin, part.pool_margin, origin.pool),
        _gathered(found.pool_counted, part.pool_counted, origin.pool),
        {
            way: _moved(found.shortfalls[way], was.shortfalls[way], part.shortfalls[way], origin.member)
            for way in found.shortfalls
        },
        found.gross - was.gross + part.gross,
        None if held[0] is None or held[1] is None else _gathered(held[0], held[1], origin.pool),
        {way: _moved(found.windows[way], was.windows[way], part.windows[way], origin.member) for way in found.windows},
        books,
        _paper(found.paper, was.paper, part.paper, stood),
    )


def _were_groups(before: Case, now: Case) -> Index:
    """Where each group stood before, or -1."""
    place = {name: number for number, name in enumerate(before.portfolio.groups)}
    return np.array([place.get(name, -1) for name in now.portfolio.groups], dtype=np.int64)


def _paper(found: ExactSums | None, was: ExactSums | None, part: ExactSums | None, group: Index) -> ExactSums | None:
    """What groups hold of paper, with what changed pools held taken away, and what they hold added."""
    if found is None or was is None or part is None:
        return None
    return _moved(found, was, part, group)


def model_after(model: EngineModel, before: Case, now: Case) -> EngineModel:
    """The model of the changed book: that before, but for whose paper instruments are, for that goes by the places of
    groups, and for what is held together."""
    if now.portfolio.groups == before.portfolio.groups and model.margin.add_ons.concentration is None:
        return model
    add_ons = add_on_terms(now, model.margin.periods, model.margin.daily_risk)
    parts = (part.load() for part in now.portfolio.parts(MOST_POSITIONS))
    rows = replace(model.stress.rows, issuer=stressed_issuers(now))
    margin = knowing_all(replace(model.margin, add_ons=add_ons), parts)
    return replace(model, margin=margin, stress=replace(model.stress, rows=rows))


def affected(model: EngineModel, before: Case, model_now: EngineModel, now: Case) -> Flags:
    """Which accounts of the changed book are margined otherwise because of what others hold."""
    was, terms = (one.margin.add_ons.concentration for one in (model, model_now))
    if was is None or terms is None:
        return np.zeros(len(now.portfolio.accounts), dtype=bool)
    return sold_otherwise(was, before.portfolio, terms, now.portfolio)


def _holdings_of(case: Case, pools: Index) -> Holdings | None:
    """The collateral of some pools; of the others nothing is looked up."""
    if case.book.collateral is None:
        return None
    names = [case.portfolio.pools[pool] for pool in pools]
    few = replace(case.book, collateral=case.book.collateral.filter(pl.col("pool_id").is_in(names)))
    lines = holdings(replace(case, book=few))
    return None if lines is None else lines.of_pools(pools)


def _same(was: PartFound, found: PartFound, before: Case, gone: Index) -> bool:
    """Whether some pools were found to be what they are found to be now."""
    accounts = before.portfolio.accounts_in(gone)
    return all(
        np.array_equal(one, other)
        for one, other in (
            (was.account_margin, found.account_margin[accounts]),
            (was.net_option_value, found.net_option_value[accounts]),
            (was.pool_counted, found.pool_counted[gone]),
        )
    )


def _gathered(old: np.ndarray, new: np.ndarray, origin: Index) -> np.ndarray:
    """What stays from `old`, what has changed, in order, from `new`."""
    result = np.empty((len(origin), *old.shape[1:]), dtype=old.dtype)
    result[origin >= 0] = old[origin[origin >= 0]]
    result[origin < 0] = new
    return result


def _moved(found: Sums, was: Sums, part: Sums, member: Index) -> Sums:
    """Members' sums without what changed pools gave before and with what they give now."""
    stays = member >= 0
    sums = []
    for old, gone, come in zip(found, was, part, strict=True):
        total = come.copy()
        total[stays] += (old - gone)[member[stays]]
        sums.append(total)
    return type(found)(*sums)
