"""What is held against each pool's requirement: after haircut and limits, and as scenarios move it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ccp.book.portfolio import Portfolio
from ccp.margin.issuers import cash, limit_keys, named_by_neighbours, own_paper, share_of
from ccp.margin.limits import Limit, after_limits, cells_of
from ccp.margin.securities import value_at
from ccp.market.case import Case
from ccp.market.needs import currency_factor
from ccp.money import proportion, to_minor
from ccp.pricing.market_state import ScenarioMoves
from ccp.pricing.terms import NONE
from ccp.scenarios.scenario_set import FactorMoves
from ccp.types import Cents, Flags, Index, Vector


@dataclass(frozen=True)
class Holdings:
    """The lines of the collateral table, in order of pool and asset.

    `value` is the market value in the service currency, 0 for paper of the pool's own group, whose value is `own`.
    `factor` and `currency` are places among the case's factors, or `NONE`; `level` and `rate` their levels today, or 1.
    `cash` is cash in the service currency, `limits` what each of the rulebook's limits reaches.
    """

    pool: Index
    value: Vector
    own: Vector
    level: Vector
    rate: Vector
    haircut: Vector
    factor: Index
    currency: Index
    cash: Flags
    limits: tuple[Limit, ...]
    pools: int

    def without(self, lines: Flags) -> "Holdings":
        """The lines that are left without some."""
        return self._kept(~lines, self.pool, self.pools)

    def of_pools(self, pools: Index) -> "Holdings":
        """The lines of some pools (rising places), counted from 0 among them."""
        kept = np.isin(self.pool, pools)
        return self._kept(kept, np.searchsorted(pools, self.pool), len(pools))

    def _kept(self, kept: Flags, pool: Index, pools: int) -> "Holdings":
        by_line = ("value", "own", "level", "rate", "haircut", "factor", "currency", "cash")
        return Holdings(
            pool=pool[kept],
            **{name: getattr(self, name)[kept] for name in by_line},
            limits=tuple(limit.only(kept) for limit in self.limits),
            pools=pools,
        )


def holdings(case: Case) -> Holdings | None:
    """The case's collateral at today's prices and rates, or None when the book has no collateral table."""
    table = case.book.ordered_collateral
    if table is None:
        return None
    portfolio, service = case.portfolio, case.rulebook.currency
    lines = lines_of(table, case)
    pool = pool_places(lines["pool_id"], portfolio)
    place = {name: number for number, name in enumerate(case.factor_ids)}
    pairs = [None if name == service else currency_factor(name, service) for name in lines["currency"]]
    names = lines["factor_id"].to_list()
    levels = {name: 1.0 if name is None else case.market.level(name) for name in {*pairs, *names}}
    rate = np.array([levels[pair] for pair in pairs])
    value = lines["market_value"].to_numpy() * rate
    own = own_paper(lines, pool_groups(pool, portfolio), portfolio.roster).to_numpy()
    return Holdings(
        pool=pool,
        value=np.where(own, 0.0, value),
        own=np.where(own, value, 0.0),
        level=np.array([levels[name] for name in names]),
        rate=rate,
        haircut=lines["haircut"].to_numpy(),
        factor=np.array([NONE if name is None else place[name] for name in names], dtype=np.int64),
        currency=np.array([NONE if pair is None else place[pair] for pair in pairs], dtype=np.int64),
        cash=lines.select(cash(service).alias("cash"))["cash"].to_numpy(),
        limits=limits_of(lines, case),
        pools=len(portfolio.pools),
    )


def lines_of(table: pl.DataFrame, case: Case) -> pl.DataFrame:
    """Lines of the collateral table, each with its currency, and with its issuer where its neighbours name it."""
    return named_by_neighbours(table.with_columns(pl.col("currency").fill_null(case.rulebook.currency)))


def pool_places(pool_ids: pl.Series, portfolio: Portfolio) -> Index:
    """Places of pools by id."""
    return pool_ids.cast(pl.Enum(pl.Series(portfolio.pools))).to_physical().to_numpy().astype(np.int64)


def pool_groups(pool: Index, portfolio: Portfolio) -> pl.Series:
    """The groups that the members of some pools belong to."""
    groups = np.array(portfolio.groups)[portfolio.member_group[portfolio.pool_member[pool]]]
    return pl.Series(groups, dtype=pl.String)


def limits_of(lines: pl.DataFrame, case: Case) -> tuple[Limit, ...]:
    """What each limit of the rulebook reaches, in the order in which they are applied."""
    rules = case.rulebook.collateral.limits
    keys = limit_keys(lines, case, rules)
    return tuple(_limit(word, keys[word], shares) for word, shares in rules.items())


def _limit(word: str, keys: pl.Series, shares: Mapping[str, float]) -> Limit:
    share = {key: share_of(key, shares) for key in keys.drop_nulls().unique().to_list()}
    kept = pl.Series([key for key in share if share[key] is not None], dtype=pl.String)
    kind = keys.set(~keys.is_in(kept.implode()).fill_null(False), None).rank("dense")
    of_line = [share.get(key) if key is not None else None for key in keys]
    return Limit(word, kind.cast(pl.Int64).fill_null(NONE).to_numpy(), np.array(of_line, dtype=np.float64))


def value_after_haircut(lines: Holdings, required: Cents, digits: int) -> Cents:
    """What counts against the requirement, by pool, in minor units. A pool without collateral holds nothing.

    Each line `value * (1 - haircut)`, rounded, and then what the limits leave, of which the base is what is required of
    each pool (`required`).
    """
    cents = after_haircut(lines, digits)
    if not lines.limits:
        return by_pool(lines.pool, lines.pools, cents)
    cells = cells_of(lines.pool, lines.limits, cents)
    return by_pool(cells.pool, lines.pools, after_limits(cells, required)[-1])


def after_haircut(lines: Holdings, digits: int) -> Cents:
    """Value after haircut by line, in minor units, before any limit."""
    return to_minor(lines.value * (1.0 - lines.haircut), digits)


def own_after_haircut(lines: Holdings, digits: int) -> Cents:
    """The same of paper of the pool's own group, which counts nothing."""
    return to_minor(lines.own * (1.0 - lines.haircut), digits)


def not_counted(lines: Holdings, required: Cents, digits: int) -> Cents:
    """By pool, value after haircut that counts nothing: paper of the own group, and what is beyond a limit."""
    whole = after_haircut(lines, digits) + own_after_haircut(lines, digits)
    return by_pool(lines.pool, lines.pools, whole) - value_after_haircut(lines, required, digits)


def within_limits(lines: Holdings, required: Cents, digits: int) -> Holdings:
    """The lines with the part of their market value that the limits leave: what is beyond a limit meets no requirement,
    and may be withdrawn."""
    if not lines.limits:
        return lines
    cells = cells_of(lines.pool, lines.limits, after_haircut(lines, digits))
    left = after_limits(cells, required)[-1]
    part = np.divide(left, cells.amount, out=np.ones(len(left)), where=cells.amount > 0)
    return replace(lines, value=lines.value * part[cells.of_line])


def value_in_scenarios(lines: Holdings, moves: FactorMoves, digits: int) -> Cents:
    """Market value by pool and scenario, in minor units: at its factor's level and its currency's rate, no haircut."""
    scenarios = ScenarioMoves(moves.relative.T, moves.absolute.T)
    moved = value_at(lines.value[:, None], lines.level[:, None], scenarios.moved(lines.level, lines.factor))
    rate = scenarios.moved(lines.rate, lines.currency) / lines.rate[:, None]
    values = np.zeros((lines.pools, moves.count), dtype=np.int64)
    np.add.at(values, lines.pool, to_minor(moved * rate, digits))
    return values


def by_pool(pool: Index, pools: int, cents: Cents) -> Cents:
    """Amounts, each of a pool, as sums by pool."""
    sums = np.zeros(pools, dtype=np.int64)
    np.add.at(sums, pool, cents)
    return sums


def counted_margin(way: str, required: Cents, held: Cents | None, moved: Cents | None) -> Cents:
    """What counts against a pool's stress loss: pool x 1, or pool x scenario where collateral moves with it.

    `way`: `required`, `held` after haircut, or the `minimum` of the two (excess may be withdrawn before a default).
    With `moved` (pool x scenario) collateral counts at its moved market value, as far as it meets what is counted of
    it: moved times required over held, rounded down.
    """
    if held is None:
        return required[:, None]
    if moved is None:
        return {"required": required, "held": held, "minimum": np.minimum(required, held)}[way][:, None]
    counted = moved.copy()
    if way == "held":
        return counted
    partly = held > required if way == "minimum" else (held != required) | (held == 0)
    some, none = partly & (held > 0), partly & (held <= 0)
    counted[some] = proportion(moved[some], required[some, None], held[some, None])
    counted[none] = required[none, None]
    return counted
