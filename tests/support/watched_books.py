"""A small book whose indicators can be worked out by hand, and its rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
from support import small_books as small

import ccp
from ccp.book.book import Book
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.run import Run, open_run

ACCOUNTS = {
    "a": ("A", "a", "house"), "a1": ("A", "ac", "client"), "b": ("B", "b", "house"), "b2": ("B2", "b2", "house"),
    "c": ("C", "c", "house"), "d": ("D", "d", "house"), "e": ("E", "e", "house"), "f": ("F", "f", "house"),
}  # fmt: skip


GROUPS = {"B": "BB", "B2": "BB"}


POSITIONS = [
    ("a", "X", 300.1), ("a1", "X", -100.7), ("a1", "Y", 40.3), ("b", "X", 500.0), ("b2", "X", -20.0),
    ("b2", "Y", 900.2), ("c", "FX", 31.0), ("d", "Y", -70.0), ("e", "X", 10.0), ("f", "Y", 5.5),
]  # fmt: skip


POSTED = {"A": 500.0, "B": 400.25, "B2": 300.0, "C": 900.0, "D": 10.0, "E": 20.0, "F": 30.0, "DEALER": 40.0}


HELD = {"a": 1000.0, "ac": 0.0, "b": 250.5, "b2": 9e5, "c": 3.0, "d": 4.0, "DEALER": 8e6}
"""By pool; `e` and `f` hold nothing at all."""


VOLUMES = {"X": 250.0, "Y": 40.0, "FX": 2.5}


def book(volumes: dict[str, float] | None = None, held: dict[str, float] | None = None) -> Book:
    """The book above; instruments that `volumes` does not name state none."""
    made = small.book(POSITIONS, ACCOUNTS, GROUPS, POSTED, held)
    stated = [(volumes or {}).get(name) for name in made.instruments["instrument_id"]]
    table = made.instruments.with_columns(average_daily_volume=pl.Series(stated, dtype=pl.Float64))
    return replace(made, instruments=table)


def rules_of(**parts: Any) -> Rulebook:
    """The small rules, parts of them changed."""
    document: dict[str, Any] = {
        "name": "test",
        "currency": "USD",
        "margin": {"confidence": 0.99, "lookback_days": 100, "liquidation_days": 2},
        "stress": {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.2, 0.5]}]},
        "tiers": ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"share_of_fund": 0.1}}, "survivors_fund"],
    }
    return Rulebook.model_validate(document | {name: document.get(name, {}) | part for name, part in parts.items()})


def back_tested(folder: Path, models: list[str] | None) -> Run:
    market = small.market(days=220)
    days = market.levels["date"]
    made = small.book(POSITIONS, ACCOUNTS, GROUPS)
    found = ccp.backtest(made, days[-70], days[-5], small.rulebook(), models, days[-1], market)
    return open_run(found.write(folder / "run"))
