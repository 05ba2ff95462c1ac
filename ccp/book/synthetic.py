"""A synthetic member book: invented, seeded, and shaped like published aggregates of real clearing houses.

Nobody publishes member books, so every member, account and position here is invented. What is shaped on purpose:
sizes of members fall off as a power of their rank; clients carry about 70 % of the risk (published shares of client
margin run from 56 % at LCH Ltd to 85 % at CME in the first quarter of 2023, FIA CCP tracker); houses are directional or
hedged; a crowd of members is long the index and short puts on it; some members are affiliates in one group; clients
stand in net omnibus, gross omnibus and individually segregated pools. Quantities sum to zero in every instrument.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from ccp.book.catalogue import catalogue
from ccp.types import Index, Vector

HOUSE_SHARE = 0.3
"""Share of a member's gross notional in its house account."""
NOTIONAL_A_MEMBER = 6e8
"""Mean gross notional of a member, in the service currency."""
CROWD_SHARE = 0.12
"""Share of members in the crowded trade."""
CROWD_WEIGHT = 3.0
"""How much larger the crowd's index positions are than its others."""

DAILY_TURNOVER = 0.2
"""Average daily volume as a share of what is held long in an instrument."""
SPREAD, OPTION_SPREAD = 0.0002, 0.01
"""Half the bid-ask spread as a share of the price, of spot and futures and of options."""


@dataclass(frozen=True)
class BookSize:
    """How large a synthetic book is. `positions` is met within a few per cent: an account holds an instrument once."""

    members: int = 40
    accounts: int = 1_000
    positions: int = 20_000
    instruments: int = 300


def synthetic_book(size: BookSize, seed: int, levels: dict[str, float], day: date) -> dict[str, pl.DataFrame]:
    """The tables of a synthetic book, the same for the same arguments (and version of numpy).

    `levels` are the market's levels on `day`, volatility factors among them; they price the instruments.
    """
    streams = np.random.default_rng(seed).spawn(4)
    instruments, traits = catalogue(size.instruments, levels, day)
    members, weight = _members(size.members, streams[0])
    accounts, scale, tilt = _accounts(size, weight, streams[1])
    crowd = np.array(accounts["crowd"])
    held = _holdings(size, scale, crowd, traits["popularity"].to_numpy(), traits["crowded"].to_numpy(), streams[2])
    quantity = _quantities(held, scale, tilt, crowd, traits, streams[3])
    names = accounts["account_id"].to_numpy()
    positions = pl.DataFrame(
        {
            "account_id": names[held[0]],
            "instrument_id": instruments["instrument_id"].to_numpy()[held[1]],
            "quantity": quantity,
        }
    ).filter(pl.col("quantity") != 0)
    return {
        "members": members,
        "accounts": accounts.drop("crowd"),
        "instruments": _with_liquidity(instruments, positions),
        "positions": positions,
    }


def _with_liquidity(instruments: pl.DataFrame, positions: pl.DataFrame) -> pl.DataFrame:
    """Instruments with a volume, a share of what is held long, and a spread, a share of the price: assumptions both."""
    long = (
        positions.filter(pl.col("quantity") > 0).group_by("instrument_id").agg(pl.col("quantity").sum().alias("long"))
    )
    spread = pl.when(pl.col("kind").cast(pl.String) == "option").then(OPTION_SPREAD).otherwise(SPREAD)
    return (
        instruments.join(long, on="instrument_id", how="left", maintain_order="left")
        .with_columns(
            (pl.col("long").fill_null(0.0) * DAILY_TURNOVER).ceil().clip(1.0).alias("average_daily_volume"),
            (pl.col("price").abs() * spread).round(6).alias("half_spread"),
        )
        .drop("long")
    )


def _members(count: int, random: np.random.Generator) -> tuple[pl.DataFrame, Vector]:
    """Members and their share of the whole: rank to the power -0.9, so that a few are much the largest."""
    weight = np.arange(1, count + 1) ** -0.9 * random.lognormal(0, 0.15, count)
    weight /= weight.sum()
    ids = [f"M{number:03d}" for number in range(1, count + 1)]
    group: list[str | None] = [None] * count
    for name, places in (("GRP-A", (1, 8)), ("GRP-B", (3, 14, 21)), ("GRP-C", (5, 10))):
        for place in places:
            if place < count:
                group[place] = name
    capital = np.round(weight * count * NOTIONAL_A_MEMBER * random.uniform(0.08, 0.2, count), -3)
    chance = np.round(random.lognormal(np.log(0.004), 0.7, count).clip(0.0005, 0.05), 4)
    table = {"member_id": ids, "group_id": group, "capital": capital, "default_probability": chance}
    return pl.DataFrame(table, schema_overrides={"group_id": pl.String}), weight


def _accounts(size: BookSize, weight: Vector, random: np.random.Generator) -> tuple[pl.DataFrame, Vector, Vector]:
    """Accounts, their gross notional and their tilt: 1 long the market, -1 short, 0 hedged."""
    members = weight.size
    clients = _spread(size.accounts - members, weight**0.8)
    rows, scale, tilt = [], [], []
    crowd = set(random.choice(members, max(1, round(CROWD_SHARE * members)), replace=False).tolist())
    for member in range(members):
        name, notional = f"M{member + 1:03d}", weight[member] * members * NOTIONAL_A_MEMBER
        share = HOUSE_SHARE if clients[member] else 1.0
        rows.append((f"{name}-H", name, None, "house", member in crowd))
        scale.append(np.array([notional * share]))
        tilt.append(np.array([1.0 if member in crowd else random.choice([-1.0, 0.0, 0.0, 1.0])]))
        parts = random.lognormal(0, 1.2, clients[member])
        scale.append(notional * (1 - share) * parts / max(parts.sum(), 1e-300))
        tilt.append(random.choice([-1.0, 0.0, 1.0], clients[member], p=[0.35, 0.35, 0.3]))
        rows += _client_accounts(name, clients[member], member in crowd)
    names = ["account_id", "member_id", "pool_id", "kind", "crowd"]
    types = dict(zip(names, (pl.String, pl.String, pl.String, pl.String, pl.Boolean), strict=True))
    return pl.DataFrame(rows, schema=types, orient="row"), np.concatenate(scale), np.concatenate(tilt)


def _client_accounts(name: str, count: int, crowd: bool) -> list[tuple[str, str, str | None, str, bool]]:
    """A member's clients: one net omnibus account, half of the rest in one gross omnibus pool, the others alone."""
    gross = (count - 1) // 2
    rows: list[tuple[str, str, str | None, str, bool]] = []
    for number in range(count):
        if number == 0:
            rows.append((f"{name}-NET", name, None, "client", False))
        elif number <= gross:
            rows.append((f"{name}-G{number:04d}", name, f"{name}-GROSS", "client", crowd and number % 5 == 0))
        else:
            rows.append((f"{name}-S{number:04d}", name, None, "client", False))
    return rows


def _spread(total: int, weight: Vector) -> Index:
    """Whole numbers in proportion to weights, adding up to the total."""
    exact = max(total, 0) * weight / weight.sum()
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: max(total, 0) - counts.sum()]] += 1
    return counts


def _holdings(
    size: BookSize,
    scale: Vector,
    crowd: np.ndarray,
    popularity: Vector,
    crowded: np.ndarray,
    random: np.random.Generator,
) -> tuple[Index, Index]:
    """Which account holds which instrument: larger accounts hold more, popular instruments are held by more."""
    count = popularity.size
    wanted = np.clip(_spread(size.positions, scale**0.35 * random.lognormal(0, 0.4, scale.size)), 1, max(count // 2, 1))
    account = np.repeat(np.arange(scale.size), wanted)
    edges = np.cumsum(popularity) / popularity.sum()
    instrument = np.searchsorted(edges, random.random(account.size) * edges[-1]).clip(0, count - 1)
    for _ in range(6):  # an account that drew an instrument twice draws again, and gives up after a few rounds
        key = np.sort(account * count + instrument)
        key = key[np.concatenate([[True], np.diff(key) > 0])]
        missing = wanted - np.bincount(key // count, minlength=scale.size)
        if not missing.any():
            break
        again = np.repeat(np.arange(scale.size), missing)
        account = np.concatenate([key // count, again])
        instrument = np.concatenate([key % count, random.integers(0, count, again.size)])
    extra = np.flatnonzero(crowded)
    crowd_accounts = np.flatnonzero(crowd)
    key = np.concatenate(
        [
            account * count + instrument,
            np.repeat(crowd_accounts, extra.size) * count + np.tile(extra, crowd_accounts.size),
        ]
    )
    key = _with_counterparts(np.unique(key), count, scale.size)
    return key // count, key % count


def _with_counterparts(key: Index, count: int, accounts: int) -> Index:
    """Give every instrument that only one account holds a second holder: somebody must be on the other side."""
    holders = np.bincount(key % count, minlength=count)
    alone = key[holders[key % count] == 1]
    return np.unique(np.concatenate([key, (alone // count + 1) % accounts * count + alone % count]))


def _quantities(
    held: tuple[Index, Index],
    scale: Vector,
    tilt: Vector,
    crowd: np.ndarray,
    traits: pl.DataFrame,
    random: np.random.Generator,
) -> Vector:
    """Signed whole quantities that sum to zero in every instrument."""
    account, instrument = held
    delta, unit = traits["delta"].to_numpy()[instrument], traits["unit_notional"].to_numpy()[instrument]
    entries = np.bincount(account, minlength=scale.size)
    size = scale[account] / entries[account] / unit * random.lognormal(0, 0.8, account.size)
    crowding = crowd[account] & traits["crowded"].to_numpy()[instrument]
    size = np.where(crowding, size * CROWD_WEIGHT, size)
    leaning = np.where(random.random(account.size) < 0.75, tilt[account], 0.0) * np.sign(delta)
    hedged = np.where(np.arange(account.size) % 2 == 0, 1.0, -1.0)
    sign = np.where(crowding, np.sign(delta), np.where(leaning == 0, hedged, leaning))
    return _matched(sign * np.maximum(np.rint(size), 1.0), instrument, len(traits))


def _matched(quantity: Vector, instrument: Index, count: int) -> Vector:
    """Scale the smaller side of every instrument up to the larger, then let the largest holder take the odd lots."""
    alone = np.bincount(instrument, weights=np.abs(quantity), minlength=count) == np.abs(
        np.bincount(instrument, weights=quantity, minlength=count)
    )
    order = np.argsort(instrument, kind="stable")
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)  # neighbours in an instrument differ in parity, so both sides are taken
    quantity = np.where(alone[instrument] & (rank % 2 == 0), -quantity, quantity)
    bought = np.bincount(instrument, weights=np.maximum(quantity, 0), minlength=count)
    sold = np.bincount(instrument, weights=np.maximum(-quantity, 0), minlength=count)
    target = np.sqrt(bought * sold)
    side = np.where(quantity > 0, bought[instrument], sold[instrument])
    quantity = np.rint(quantity * target[instrument] / np.maximum(side, 1.0))
    net = np.bincount(instrument, weights=quantity, minlength=count)
    order = np.lexsort((-np.abs(quantity), instrument))
    first = order[np.concatenate([[True], np.diff(instrument[order]) > 0])]
    quantity[first] -= net[instrument[first]]
    return quantity
