"""Measuring a changed book from what was found before: only pools that have changed are measured again.

Every sum is of whole minor units, so what a pool gave before can be taken away, and what it gives now added, without a
trace: the result is that of measuring the whole book, bit for bit.
"""

from dataclasses import dataclass, replace

import numpy as np

from ccp.kernels.pools import Shortfalls
from ccp.margin.add_ons import add_on_terms
from ccp.margin.collateral import holdings
from ccp.market.case import Case
from ccp.stress.parts import EngineModel, PartFound, measure_part
from ccp.types import Cents, Index


@dataclass(frozen=True)
class Origin:
    """Where what is there now stood before; -1 for what is new or has changed.

    `pool` and `account` have changed pools whole: all accounts of a changed pool count as changed.
    """

    account: Index
    pool: Index
    member: Index


def origins(before: Case, now: Case, changed_accounts: set[str]) -> Origin:
    """Match the members, pools and accounts of a book after changes with those before, by id."""
    old, new = before.portfolio, now.portfolio
    member = _places(new.members, old.members)
    pool = _places(new.pools, old.pools)
    held_before = np.bincount(old.account_pool, minlength=len(old.pools))
    held_now = np.bincount(new.account_pool, minlength=len(new.pools))
    account = _places(new.accounts, old.accounts)
    stays = account >= 0
    stays[stays] = ~np.isin(np.array(new.accounts, dtype=object)[stays], list(changed_accounts))
    same_pool = stays.copy()
    same_pool[stays] = old.account_pool[account[stays]] == pool[new.account_pool[stays]]
    whole = np.ones(len(new.pools), dtype=bool)
    np.logical_and.at(whole, new.account_pool, same_pool)
    whole &= (pool >= 0) & (held_now == held_before[pool])
    pool = np.where(whole, pool, -1)
    return Origin(np.where(whole[new.account_pool], account, -1), pool, member)


def _places(names: list[str], among: list[str]) -> Index:
    place = {name: number for number, name in enumerate(among)}
    return np.array([place.get(name, -1) for name in names], dtype=np.int64)


def measure_changed(model: EngineModel, found: PartFound, before: Case, now: Case, origin: Origin) -> PartFound:
    """What measuring the changed book finds. `model` and `found` are those before."""
    gone = np.setdiff1d(np.arange(len(before.portfolio.pools)), origin.pool)
    come = np.flatnonzero(origin.pool < 0)
    lines, new_lines = holdings(before), holdings(now)
    margin = replace(model.margin, add_ons=add_on_terms(now, model.margin.periods, model.margin.daily_risk))
    was = measure_part(model, before.portfolio.part(gone), None if lines is None else lines.of_pools(gone))
    own = None if new_lines is None else new_lines.of_pools(come)
    part = measure_part(replace(model, margin=margin), now.portfolio.part(come), own)

    def by_account(old: Cents, new: Cents) -> Cents:
        return _gathered(old, new, origin.account)

    def by_pool(old: Cents, new: Cents) -> Cents:
        return _gathered(old, new, origin.pool)

    costs = found.account_cost, part.account_cost
    return PartFound(
        by_account(found.account_margin, part.account_margin),
        None if costs[0] is None or costs[1] is None else by_account(costs[0], costs[1]),
        {name: by_account(found.add_ons[name], part.add_ons[name]) for name in found.add_ons},
        _gathered(found.net_option_value, part.net_option_value, origin.account),
        by_pool(found.pool_margin, part.pool_margin),
        by_pool(found.pool_counted, part.pool_counted),
        {
            way: _moved(found.shortfalls[way], was.shortfalls[way], part.shortfalls[way], origin.member)
            for way in found.shortfalls
        },
        found.gross - was.gross + part.gross,
    )


def _gathered(old: np.ndarray, new: np.ndarray, origin: Index) -> np.ndarray:
    """What stays from `old`, what has changed, in order, from `new`."""
    result = np.empty((len(origin), *old.shape[1:]), dtype=old.dtype)
    result[origin >= 0] = old[origin[origin >= 0]]
    result[origin < 0] = new
    return result


def _moved(found: Shortfalls, was: Shortfalls, part: Shortfalls, member: Index) -> Shortfalls:
    """Members' sums without what changed pools gave before and with what they give now."""
    stays = member >= 0
    sums = []
    for old, gone, come in zip(found, was, part, strict=True):
        total = come.copy()
        total[stays] += (old - gone)[member[stays]]
        sums.append(total)
    return Shortfalls(*sums)
