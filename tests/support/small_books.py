"""A hand-made market and book of a few lines, for tests that change one thing and look at the answer."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.frames import Factors
from ccp.market.history import Market
from ccp.rulebook.rulebook import Rulebook

DAYS = 130


def market(seed: int = 4, last_day_factor: float = 1.0, days: int = DAYS) -> Market:
    """Two stocks and the euro, random walks on weekdays; the last day's price may be set apart."""
    random = np.random.default_rng(seed)
    start = date(2024, 1, 1)
    weekdays = [day for n in range(2 * days) if (day := start + timedelta(days=n)).weekday() < 5][:days]
    levels: dict[str, Any] = {"date": weekdays}
    for name, level, deviation in (("X", 100.0, 0.01), ("Y", 50.0, 0.02), ("EUR/USD", 1.1, 0.005)):
        path = level * np.cumprod(1 + random.normal(0, deviation, days))
        path[-1] *= last_day_factor
        levels[name] = path
    classes = ["equity", "equity", "currency"]
    factors = pl.DataFrame(
        {"factor_id": ["X", "Y", "EUR/USD"], "change": "relative", "asset_class": classes, "sector": ["s", "t", None]}
    ).cast({"change": Factors.create_empty().schema["change"]})  # type: ignore[arg-type]
    return Market(pl.DataFrame(levels), factors, {})


def book(
    positions: list[tuple[str, str, float]],
    accounts: dict[str, tuple[str, str, str]],
    groups: dict[str, str] | None = None,
    contributions: dict[str, float] | None = None,
    collateral: dict[str, float] | None = None,
) -> Book:
    """A book of positions (account, instrument, quantity) and accounts (member, pool, kind).

    Instruments: `X` and `Y` spot at 100 and 50, `FX` a future on X in euro. What the positions leave unmatched goes
    to the account `DEALER` of a member of the same name, which has no say in any test.
    """
    net: dict[str, float] = {}
    for _, instrument, quantity in positions:
        net[instrument] = net.get(instrument, 0.0) + quantity
    positions = positions + [("DEALER", instrument, -quantity) for instrument, quantity in net.items() if quantity]
    accounts = accounts | {"DEALER": ("DEALER", "DEALER", "house")}
    members = sorted({member for member, _, _ in accounts.values()})
    tables = {
        "members": pl.DataFrame(
            {
                "member_id": members,
                "group_id": [(groups or {}).get(member, member) for member in members],
            }
            | ({} if contributions is None else {"fund_contribution": [contributions[m] for m in members]})
        ),
        "accounts": pl.DataFrame(
            [(name, *rest) for name, rest in accounts.items()],
            schema=["account_id", "member_id", "pool_id", "kind"],
            orient="row",
        ),
        "positions": pl.DataFrame(positions, schema=["account_id", "instrument_id", "quantity"], orient="row").cast(
            {"quantity": pl.Float64}
        ),
        "instruments": pl.DataFrame(
            {
                "instrument_id": ["X", "Y", "FX"],
                "kind": ["spot", "spot", "future"],
                "factor_id": ["X", "Y", "X"],
                "currency": ["USD", "USD", "EUR"],
                "multiplier": [1.0, 1.0, 10.0],
                "price": [100.0, 50.0, 100.0],
            }
        ),
    }
    if collateral is not None:
        tables["collateral"] = pl.DataFrame(
            {
                "pool_id": list(collateral),
                "asset_id": "cash",
                "market_value": list(collateral.values()),
                "haircut": 0.0,
            }
        )
    return book_from_frames(tables)


def rulebook(**changes: Any) -> Rulebook:
    """Rules with three gaps of X and Y, changed part by part."""
    document: dict[str, Any] = {
        "name": "test",
        "currency": "USD",
        "margin": {"confidence": 0.99, "lookback_days": 100, "liquidation_days": 2},
        "stress": {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.2, 0.5]}]},
        "fund": {"cover": 2},
        "tiers": ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"share_of_fund": 0.1}}, "survivors_fund"],
    }
    for part, values in changes.items():
        document[part] = values if part == "tiers" else document[part] | values
    return Rulebook.model_validate(document)


def loss(sizing: "ccp.Sizing", scenario: str, group: str) -> float:
    """A group's loss over margin in a scenario."""
    row = (pl.col("scenario_id") == scenario) & (pl.col("group_id") == group)
    return sizing.tables["losses"].filter(row)["loss_over_margin"].item()
