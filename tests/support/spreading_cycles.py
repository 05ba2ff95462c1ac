"""Random small cycles in which a default spreads on the day: gains are cut, and who was cut has little capital.

One future, X, that falls on day 1, when A is named. The same cycle for the engine (`Small`) and for `daily_twin`.
"""

from __future__ import annotations

from random import Random
from typing import Any

from support.small_cycles import RULES, Row, Small, X, changed, walk

OWN = ["defaulter_margin", "defaulter_fund"]
DEFAULTS = [("A", 1)]
SWING = 0.05137
"""Of a price in the past; margin is so much of a position, and never a half of a cent."""
FUTURE = X | {"kind": "future", "half_spread": 0.26, "average_daily_volume": 200.0}


def spreading(seed: int, cuts: list[Any]) -> Small:
    """Members with capital and contributions that a cut or a loss may use up; one or two of `cuts`, tiers that cut
    claims, are drawn. X falls by up to half and then stands still, or moves every day."""
    chance = Random(seed)
    names = "ABCDEF"[: chance.randint(3, 6)]
    pools = {f"{name}{n}": (name, *pool) for name in names for n, pool in enumerate(_pools(chance, name))}
    members: dict[str, Row] = {name: {"fund_contribution": float(chance.choice([0, 0, 40]))} for name in names}
    for name in names[1:]:
        if chance.random() < 0.85:
            members[name]["capital"] = float(chance.choice([0, 50, 200, 1_000, 2_500]))
    fallen, length = 100.0 * chance.uniform(0.5, 0.8), chance.randint(4, 6)
    walked = walk(seed, length, fallen, chance.choice([0.0, 0.05]))
    levels = [100.0, *(round(level, 2) for level in walked)]  # halves of even positions come to whole cents
    held = [(pool, "X", quantity) for pool, (_, _, quantity) in pools.items() if quantity]
    accounts = {pool: (name, pool, kind) for pool, (name, kind, _) in pools.items()}
    members |= {"DEALER": {"fund_contribution": 0.0}}
    return Small({"X": levels}, held, accounts, members, _rules(chance, cuts), (FUTURE,), swing=SWING)


def _pools(chance: Random, name: str) -> list[tuple[str, float]]:
    """A is long. Others hold much the same long and short in house pools, and clients' pools beside them."""
    if name == "A":
        return [("house", 2.0 * chance.randint(30, 60))]
    long, less = 2.0 * chance.randint(0, 40), 2.0 * chance.randint(0, 3)
    house = [("house", long), ("house", less - long)] if chance.random() < 0.75 else [("house", less - long)]
    return [*house, *[("client", 2.0 * chance.randint(-40, 20))] * chance.randint(0, 1)]


def _rules(chance: Random, cuts: list[Any]) -> Row:
    tiers = [*OWN, *(["survivors_fund"] if chance.random() < 0.5 else [])]
    tiers += chance.sample(cuts, min(len(cuts), chance.randint(1, 2)))
    sold = {"method": "gradual", "participation": 0.5, "impact": 0.5, "longest_days": 2}
    return changed(
        RULES,
        tiers=tiers,
        close_out=sold if chance.random() < 0.4 else {"method": "instant"},
        fund={"notice_days": 250, "replenishment_days": chance.choice([0, 2, 5])},
        stress={**RULES["stress"], "house_surplus_covers_clients": chance.random() < 0.5},
    )


def as_case(small: Small, defaults: list[tuple[str, int]]) -> Row:
    """The arguments of `daily_twin.simulate`."""
    tables = {name: table.to_dicts() for name, table in small.tables.items()}
    prices = small.prices
    return {
        "book": tables,
        "market": {
            "dates": small.dates,
            "levels": {name: prices[name].to_list() for name in small.levels},
            "factors": {row.pop("factor_id"): row for row in small.factors.to_dicts()},
        },
        "rules": small.rules,
        "given": None,
        "first": small.day(0),
        "last": small.day(small.length - 1),
        "defaults": [(group, small.day(day)) for group, day in defaults],
    }
