"""The members and accounts of a synthetic book, with what their positions are drawn from."""

import numpy as np
import polars as pl

from ccp.types import Flags, Index, Vector

HOUSE_SHARE = 0.3
"""Share of a member's gross notional in its house account."""
NOTIONAL_A_MEMBER = 6e8
"""Mean gross notional of a member, in the service currency."""
CROWD_SHARE = 0.12
"""Share of members in the crowded trade."""


def draw_members(count: int, random: np.random.Generator) -> tuple[pl.DataFrame, Vector]:
    """Members and their share of the whole: rank to the power -0.9, so that a few are much the largest."""
    weight = np.arange(1, count + 1) ** -0.9 * random.lognormal(0, 0.15, count)
    weight /= weight.sum()
    group: list[str | None] = [None] * count
    for name, places in (("GRP-A", (1, 8)), ("GRP-B", (3, 14, 21)), ("GRP-C", (5, 10))):
        for place in places:
            if place < count:
                group[place] = name
    capital = np.round(weight * count * NOTIONAL_A_MEMBER * random.uniform(0.08, 0.2, count), -3)
    chance = np.round(random.lognormal(np.log(0.004), 0.7, count).clip(0.0005, 0.05), 4)
    table = {"member_id": _member_ids(count), "group_id": group, "capital": capital, "default_probability": chance}
    return pl.DataFrame(table, schema_overrides={"group_id": pl.String}), weight


def draw_accounts(
    count: int, weight: Vector, random: np.random.Generator
) -> tuple[pl.DataFrame, Vector, Vector, Flags]:
    """Accounts, their gross notional, their tilt (1 long the market, -1 short, 0 hedged), and who is in the crowd."""
    members = weight.size
    clients = spread(count - members, weight**0.8)
    scale, tilt = [], []
    crowd = np.zeros(members, dtype=np.bool_)
    crowd[random.choice(members, max(1, round(CROWD_SHARE * members)), replace=False)] = True
    for member in range(members):
        notional = weight[member] * members * NOTIONAL_A_MEMBER
        share = HOUSE_SHARE if clients[member] else 1.0
        scale.append(np.array([notional * share]))
        tilt.append(np.array([1.0 if crowd[member] else random.choice([-1.0, 0.0, 0.0, 1.0])]))
        parts = random.lognormal(0, 1.2, clients[member])
        scale.append(notional * (1 - share) * parts / max(parts.sum(), 1e-300))
        tilt.append(random.choice([-1.0, 0.0, 1.0], clients[member], p=[0.35, 0.35, 0.3]))
    member, number = _numbered(clients)
    gross = (clients[member] - 1) // 2
    in_gross = (number > 0) & (number <= gross)
    crowded = crowd[member] & ((number < 0) | in_gross & (number % 5 == 0))
    return _account_table(members, member, number, in_gross), np.concatenate(scale), np.concatenate(tilt), crowded


def _numbered(clients: Index) -> tuple[Index, Index]:
    """The member of every account and the account's number with it: the house is -1, clients count from 0."""
    accounts = clients + 1
    first = np.repeat(np.cumsum(accounts) - accounts, accounts)
    return np.repeat(np.arange(clients.size), accounts), np.arange(first.size) - first - 1


def _account_table(members: int, member: Index, number: Index, in_gross: Flags) -> pl.DataFrame:
    """A member's house, one net omnibus account, half of its other clients in a gross omnibus pool, the rest alone."""
    named = pl.DataFrame(
        {
            "member_id": pl.Series(_member_ids(members), dtype=pl.String).gather(member),
            "number": number,
            "in_gross": in_gross,
        }
    )
    name, place, digits = pl.col("member_id"), pl.col("number"), pl.col("number").cast(pl.String).str.zfill(4)
    kind = (
        pl.when(place < 0)
        .then(pl.lit("-H"))
        .when(place == 0)
        .then(pl.lit("-NET"))
        .otherwise(pl.when("in_gross").then(pl.lit("-G")).otherwise(pl.lit("-S")) + digits)
    )
    return named.select(
        (name + kind).alias("account_id"),
        name,
        pl.when("in_gross").then(name + "-GROSS").alias("pool_id"),
        pl.when(place < 0).then(pl.lit("house")).otherwise(pl.lit("client")).alias("kind"),
    )


def _member_ids(count: int) -> list[str]:
    return [f"M{number:03d}" for number in range(1, count + 1)]


def spread(total: int, weight: Vector) -> Index:
    """Whole numbers in proportion to weights, adding up to the total."""
    exact = max(total, 0) * weight / weight.sum()
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: max(total, 0) - counts.sum()]] += 1
    return counts
