"""Rye at sixteen prices in euro, and two members on the two sides of one future: small enough to spoil one cell of."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
from ruamel.yaml import YAML

from ccp.book.book import Book, book_from_frames
from ccp.frames import Factors
from ccp.market.history import Market
from ccp.rulebook.rulebook import Rulebook

FIRST = date(2031, 3, 3)
DAYS = [day for n in range(30) if (day := FIRST + timedelta(days=n)).weekday() < 5][:16]
"""Monday 3 March 2031 and the fifteen weekdays after it."""
PRICES = (40.0, 41.0, 40.5, 42.0, 41.5, 43.0, 42.5, 42.0, 43.0, 44.0, 43.5, 43.0, 42.0, 42.5, 43.0, 43.5)
RULES = """\
name: Rye
currency: EUR
margin: {measure: value_at_risk, confidence: 0.9, lookback_days: 8, liquidation_days: 1}
stress: {historical: {worst: 2}, hypothetical: [market_gaps]}
fund: {cover: 1}
tiers: [defaulter_margin, defaulter_fund, survivors_fund, uncovered]
"""
INSTRUMENTS = "instrument_id,kind,factor_id,currency,multiplier,price\nRYE-F,future,RYE,EUR,1,43\n"


def prices(changed: dict[int, float] | None = None) -> list[float]:
    """The prices, some of them changed, by the row from 0."""
    return [(changed or {}).get(row, price) for row, price in enumerate(PRICES)]


def wide(columns: dict[str, list[float]]) -> str:
    """A wide table of prices."""
    rows = zip(DAYS, *columns.values(), strict=True)
    return "\n".join([",".join(["date", *columns]), *(",".join(map(str, row)) for row in rows)]) + "\n"


def long(columns: dict[str, list[float]]) -> str:
    """The same, long, day after day."""
    rows = [f"{day},{name},{levels[row]}" for row, day in enumerate(DAYS) for name, levels in columns.items()]
    return "\n".join(["date,factor_id,value", *rows]) + "\n"


def write_rye(folder: Path, columns: dict[str, list[float]], factors: str = "", shape: str = "wide") -> Path:
    """Book, market and rules in a folder. `factors` are rows of the factors table: factor, change, class."""
    (folder / "book").mkdir()
    (folder / "market").mkdir()
    (folder / "rules.yaml").write_text(RULES)
    (folder / "book/members.csv").write_text("member_id\nNorth\nSouth\n")
    (folder / "book/accounts.csv").write_text("account_id,member_id,kind\nN,North,house\nS,South,house\n")
    (folder / "book/instruments.csv").write_text(INSTRUMENTS)
    rye_book().positions.write_parquet(folder / "book/positions.parquet")
    (folder / "market/prices.csv").write_text((wide if shape == "wide" else long)(columns))
    if factors:
        (folder / "market/factors.csv").write_text(f"factor_id,change,asset_class\n{factors}")
    return folder


def rye_book() -> Book:
    """The same book in memory."""
    future = ["RYE-F", "future", "RYE", "EUR", 1.0, 43.0]
    names = ["instrument_id", "kind", "factor_id", "currency", "multiplier", "price"]
    return book_from_frames(
        {
            "members": pl.DataFrame({"member_id": ["North", "South"]}),
            "accounts": pl.DataFrame({"account_id": ["N", "S"], "member_id": ["North", "South"], "kind": "house"}),
            "instruments": pl.DataFrame([future], schema=names, orient="row"),
            "positions": pl.DataFrame({"account_id": ["N", "S"], "instrument_id": "RYE-F", "quantity": [10.0, -10.0]}),
        }
    )


def rye_market(levels: list[float], change: str = "relative") -> Market:
    """The same market in memory."""
    factors = pl.DataFrame({"factor_id": ["RYE"], "change": [change], "asset_class": ["commodity"], "sector": [None]})
    typed = factors.cast({"change": Factors.create_empty().schema["change"]})  # type: ignore[arg-type]
    return Market(pl.DataFrame({"date": DAYS, "RYE": levels}), typed, {})


def rye_rules() -> Rulebook:
    """The same rules in memory."""
    return Rulebook.model_validate(YAML(typ="safe").load(RULES))
