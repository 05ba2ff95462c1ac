"""What is held against each pool's requirement: after haircut and limits, and as scenarios move it."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ccp.book.portfolio import Portfolio
from ccp.market.case import Case
from ccp.market.needs import currency_factor
from ccp.money import exact, to_minor
from ccp.pricing.terms import NONE
from ccp.rulebook.collateral import CollateralRules
from ccp.scenarios.scenario_set import FactorMoves
from ccp.types import Cents, Flags, Index, InstrumentByScenario, Vector


@dataclass(frozen=True)
class Holdings:
    """The lines of the collateral table, in order of pool and asset.

    `value` is the market value in the service currency, 0 for paper of the pool's own group. `factor` and
    `currency` are places among the case's factors, or `NONE`; `level` and `rate` their levels today, or 1.
    """

    pool: Index
    value: Vector
    level: Vector
    rate: Vector
    haircut: Vector
    security: Flags
    factor: Index
    currency: Index
    pools: int

    def without(self, lines: Flags) -> "Holdings":
        """The lines that are left without some."""
        return self._kept(~lines, self.pool, self.pools)

    def of_pools(self, pools: Index) -> "Holdings":
        """The lines of some pools (rising places), counted from 0 among them."""
        kept = np.isin(self.pool, pools)
        return self._kept(kept, np.searchsorted(pools, self.pool), len(pools))

    def _kept(self, kept: Flags, pool: Index, pools: int) -> "Holdings":
        return Holdings(
            pool[kept],
            self.value[kept],
            self.level[kept],
            self.rate[kept],
            self.haircut[kept],
            self.security[kept],
            self.factor[kept],
            self.currency[kept],
            pools,
        )


def holdings(case: Case) -> Holdings | None:
    """The case's collateral at today's prices and rates, or None when the book has no collateral table."""
    table = case.book.ordered_collateral
    if table is None:
        return None
    portfolio, service = case.portfolio, case.rulebook.currency
    lines = table.with_columns(pl.col("currency").fill_null(service))
    pool = pool_places(lines["pool_id"], portfolio)
    place = {name: number for number, name in enumerate(case.factor_ids)}
    pairs = [None if name == service else currency_factor(name, service) for name in lines["currency"]]
    names = lines["factor_id"].to_list()
    levels = {name: 1.0 if name is None else case.market.level(name) for name in {*pairs, *names}}
    rate = np.array([levels[pair] for pair in pairs])
    value = lines["market_value"].to_numpy() * rate
    return Holdings(
        pool,
        np.where(own_paper_lines(lines["issuer_id"], pool, portfolio), 0.0, value),
        np.array([levels[name] for name in names]),
        rate,
        lines["haircut"].to_numpy(),
        lines["factor_id"].is_not_null().to_numpy(),
        np.array([NONE if name is None else place[name] for name in names], dtype=np.int64),
        np.array([NONE if pair is None else place[pair] for pair in pairs], dtype=np.int64),
        len(portfolio.pools),
    )


def pool_places(pool_ids: pl.Series, portfolio: Portfolio) -> Index:
    """Places of pools by id."""
    return pool_ids.cast(pl.Enum(pl.Series(portfolio.pools))).to_physical().to_numpy().astype(np.int64)


def own_paper_lines(issuers: pl.Series, pool: Index, portfolio: Portfolio) -> Flags:
    """Which lines are paper of the group of the pool's own member: worth nothing when they are needed."""
    groups = np.array(portfolio.groups)[portfolio.member_group[portfolio.pool_member[pool]]]
    return (issuers.fill_null("") == pl.Series(groups, dtype=pl.String)).to_numpy()


def value_after_haircut(lines: Holdings, rules: CollateralRules, required: Cents, digits: int) -> Cents:
    """What counts against the requirement, by pool, in minor units. A pool without collateral holds nothing.

    Each line `value * (1 - haircut)`, rounded; a security no more than its limit, a share of what is required of its
    pool (`required`), rounded down.
    """
    cents = to_minor(lines.value * (1.0 - lines.haircut), digits)
    if rules.asset_limit is not None:
        limit = exact(rules.asset_limit)
        most = np.array([int(amount) * limit.numerator // limit.denominator for amount in required], dtype=np.int64)
        cents = np.where(lines.security, np.minimum(cents, most[lines.pool]), cents)
    return by_pool(lines, cents)


def value_in_scenarios(lines: Holdings, moves: FactorMoves, digits: int) -> Cents:
    """Market value by pool and scenario, in minor units: in proportion to its factor and currency, no haircut."""
    level = np.maximum(_ratios(lines.level, lines.factor, moves), 0.0)
    rate = _ratios(lines.rate, lines.currency, moves)
    values = np.zeros((lines.pools, moves.count), dtype=np.int64)
    np.add.at(values, lines.pool, to_minor(lines.value[:, None] * level * rate, digits))
    return values


def _ratios(level: Vector, factor: Index, moves: FactorMoves) -> InstrumentByScenario:
    """What each line's factor is worth in each scenario, as a multiple of its level today; 1 without a factor."""
    change = moves.relative.T[factor] + moves.absolute.T[factor] / level[:, None]
    return np.where((factor == NONE)[:, None], 1.0, 1.0 + change)


def by_pool(lines: Holdings, cents: Cents) -> Cents:
    """Amounts by line as sums by pool."""
    sums = np.zeros(lines.pools, dtype=np.int64)
    np.add.at(sums, lines.pool, cents)
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
    for pool in np.flatnonzero(partly):
        if held[pool] > 0:
            parts = [int(value) * int(required[pool]) // int(held[pool]) for value in moved[pool]]
            counted[pool] = parts
        else:
            counted[pool] = required[pool]
    return counted
