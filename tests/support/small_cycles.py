"""Small runs of the daily cycle whose amounts can be worked out by hand.

A market that is flat but for one rise and one fall of `swing` in its history, so that with value at risk over 60 days
every position's margin is `swing` times its value, until a day of the run moves further. Prices of the run are given
day by day. What positions leave unmatched goes to `DEALER`, a member without limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from ruamel.yaml import YAML

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.frames import Factors
from ccp.market.history import Market
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.commands import COMMANDS
from ccp.settlement.opening import open_run
from ccp.settlement.terms import RunTerms

Row = dict[str, Any]
HISTORY = 66
"""Rows before the first day of a run."""
LOOKBACK = 60
FIRST = date(2024, 4, 3)
CONTRIBUTION = 1_000.0
CAPITAL = 300.0
"""The clearing house's own."""
RULES: Row = {
    "name": "small",
    "currency": "USD",
    "margin": {"measure": "value_at_risk", "confidence": 0.99, "lookback_days": LOOKBACK, "liquidation_days": 1},
    "stress": {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.2]}]},
    "fund": {"cover": 2, "notice_days": 250},
    "tiers": ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"amount": CAPITAL}}, "survivors_fund"],
}
"""The fund is what the book states: a resizing is called 250 days later, after the end of any run here."""
X = {"instrument_id": "X", "kind": "spot", "factor_id": "X", "currency": "USD", "multiplier": 1.0}
CYCLE = COMMANDS["simulate"]


def changed(rules: Row, **parts: Any) -> Row:
    """Rules with some parts changed."""
    result = dict(rules)
    for name, values in parts.items():
        result[name] = result[name] | values if isinstance(result.get(name), dict) else values
    return result


@dataclass(frozen=True)
class Small:
    """Everything a run starts from. `levels` are those of the run's days, by factor; accounts are (member, pool, kind).

    `members` holds what a member has: capital, liquidity, fund_contribution (1,000 unless stated), group_id.
    """

    levels: dict[str, list[float]]
    positions: list[tuple[str, str, float]]
    accounts: dict[str, tuple[str, str, str]]
    members: dict[str, Row] = field(default_factory=dict)
    rules: Row = field(default_factory=lambda: dict(RULES))
    instruments: tuple[Row, ...] = (X,)
    collateral: tuple[Row, ...] | None = None
    swing: float | dict[str, float] = 0.05
    first: date = FIRST
    history: int = HISTORY

    def but(self, **changes: Any) -> Small:
        """The same, changed."""
        return replace(self, **changes)

    @property
    def length(self) -> int:
        return len(next(iter(self.levels.values())))

    @cached_property
    def dates(self) -> list[date]:
        """Weekdays: the history and the run."""
        before = (self.first - timedelta(days=n) for n in range(1, 3 * self.history))
        after = (self.first + timedelta(days=n) for n in range(3 * self.length + 3))
        past = [day for day in before if day.weekday() < 5][: self.history]
        return past[::-1] + [day for day in after if day.weekday() < 5][: self.length]

    def day(self, number: int) -> date:
        """A day of the run, from 0."""
        return self.dates[self.history + number]

    @property
    def prices(self) -> pl.DataFrame:
        columns: dict[str, Any] = {"date": self.dates}
        for name, levels in self.levels.items():
            swing = self.swing.get(name, 0.0) if isinstance(self.swing, dict) else self.swing
            columns[name] = self._past(levels[0], swing) + list(levels)
        return pl.DataFrame(columns, schema_overrides=dict.fromkeys(self.levels, pl.Float64))

    def _past(self, level: float, swing: float) -> list[float]:
        past = [level] * self.history
        past[-12] = level * (1 + swing)
        past[-11] = level * (1 + swing) * (1 - swing)
        return past

    @property
    def factors(self) -> pl.DataFrame:
        names = list(self.levels)
        classes = ["currency" if "/" in name else "rate" if name == "BOND" else "equity" for name in names]
        table = pl.DataFrame({"factor_id": names, "change": "relative", "asset_class": classes, "sector": "s"})
        return table.cast({"change": Factors.create_empty().schema["change"]})  # type: ignore[arg-type]

    @property
    def market(self) -> Market:
        return Market(self.prices, self.factors, {})

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """The book's tables, matched by the dealer."""
        net: dict[str, float] = {}
        for _, instrument, quantity in self.positions:
            net[instrument] = net.get(instrument, 0.0) + quantity
        positions = self.positions + [("DEALER", name, -quantity) for name, quantity in net.items() if quantity]
        accounts = self.accounts | {"DEALER": ("DEALER", "DEALER", "house")}
        ids = sorted({member for member, _, _ in accounts.values()} | set(self.members))
        members = [{"member_id": name, "fund_contribution": CONTRIBUTION} | self.members.get(name, {}) for name in ids]
        instruments = [{"price": self.levels[row["factor_id"]][0]} | row for row in self.instruments]
        found = {
            "members": pl.DataFrame(members, infer_schema_length=None),
            "accounts": pl.DataFrame(
                [(name, *rest) for name, rest in accounts.items()],
                schema=["account_id", "member_id", "pool_id", "kind"],
                orient="row",
            ),
            "positions": pl.DataFrame(
                [(account, instrument, float(quantity)) for account, instrument, quantity in positions],
                schema=["account_id", "instrument_id", "quantity"],
                orient="row",
            ),
            "instruments": pl.DataFrame(instruments, infer_schema_length=None),
        }
        if self.collateral is not None:
            found["collateral"] = pl.DataFrame(list(self.collateral), infer_schema_length=None)
        return found

    @property
    def book(self) -> Book:
        return book_from_frames(self.tables)

    @property
    def rulebook(self) -> Rulebook:
        return Rulebook.model_validate(self.rules)

    def request(self, **asked: Any) -> ccp.RunRequest:
        """All days, and what is asked for; days of defaults and gaps may be numbers."""
        defaults = tuple((group, self._date(day)) for group, day in asked.pop("defaults", ()))
        gaps = tuple((self._date(day), name) for day, name in asked.pop("gaps", ()))
        first, last = asked.pop("first", 0), asked.pop("last", self.length - 1)
        return ccp.RunRequest(self._date(first), self._date(last), defaults=defaults, gaps=gaps, **asked)

    def _date(self, day: date | int) -> date:
        return day if isinstance(day, date) else self.day(day)

    def run(self, out: Path, **asked: Any) -> Run:
        """The run, written to `out` and read back."""
        ccp.simulate(self.book, out, self.request(**asked), self.rulebook, self.market)
        return Run(out)

    def terms(self, **asked: Any) -> RunTerms:
        return open_run(self.book, self.market, self.rulebook, self.request(**asked))

    def write(self, folder: Path) -> Path:
        """Book, market and rules as files in a directory."""
        for name, table in self.tables.items():
            (folder / "book").mkdir(parents=True, exist_ok=True)
            table.write_parquet(folder / "book" / f"{name}.parquet")
        (folder / "market").mkdir(exist_ok=True)
        self.prices.write_csv(folder / "market" / "prices.csv")
        self.factors.write_csv(folder / "market" / "factors.csv")
        YAML().dump(self.rules, folder / "rules.yaml")
        return folder

    def call(self, out: str | Path = "run", **options: Any) -> list[str]:
        """`ccp simulate` of the written files, called in their directory."""
        last = options.pop("last", self.length - 1)
        call = ["simulate", "book", "--market", "market", "--rulebook", "rules.yaml", "--out", str(out)]
        call += ["--from", str(self.day(0)), "--to", str(self.day(last))]
        for name, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                call += [f"--{name.replace('_', '-')}"] + ([] if one is True else [str(one)])
        return call


class Run:
    """What a finished run has written."""

    def __init__(self, out: Path):
        self.out = out

    def table(self, name: str) -> pl.DataFrame:
        """A table; those with a file a day as one."""
        if name not in CYCLE.daily:
            return CYCLE.schemas[name].validate(pl.read_parquet(self.out / f"{name}.parquet"))
        return pl.concat([pl.read_parquet(path) for path in sorted((self.out / name).glob("*.parquet"))])

    @cached_property
    def days(self) -> pl.DataFrame:
        return self.table("days")

    @cached_property
    def events(self) -> pl.DataFrame:
        return self.table("events")

    @cached_property
    def ledger(self) -> pl.DataFrame:
        return self.table("ledger")

    @cached_property
    def pools(self) -> pl.DataFrame:
        return self.table("pools")

    @cached_property
    def members(self) -> pl.DataFrame:
        return self.table("members")

    @cached_property
    def accounts(self) -> pl.DataFrame:
        return self.table("accounts")

    def row(self, table: str, day: date, **keys: Any) -> Row:
        """The one row of a table for a day and keys."""
        return getattr(self, table).filter(date=day, **keys).row(0, named=True)

    def moved(self, **keys: Any) -> float:
        """The sum of the ledger's rows with these dates, accounts or movements."""
        return round(float(self.ledger.filter(**keys)["amount"].sum()), 2)

    def tiers(self, event: int) -> dict[str, float]:
        """What each tier paid of an event."""
        rows = self.table("waterfall").filter(event=event).group_by("tier").agg(pl.col("amount").sum().round(2))
        return {tier: amount for tier, amount in rows.iter_rows() if amount}

    def payers(self, event: int, tier: str) -> dict[str, float]:
        """Who paid what in a tier."""
        rows = self.table("waterfall").filter(pl.col("amount") > 0, event=event, tier=tier)
        return dict(rows.select("member_id", "amount").iter_rows())


def write_trades(path: Path, rows: Iterable[tuple[date, str, str, float, float]]) -> Path:
    """Trades (day, account, instrument, quantity, price), each with the dealer on the other side."""
    names = ["date", "account_id", "instrument_id", "quantity", "price"]
    both = [side for row in rows for side in (row, (row[0], "DEALER", row[2], -row[3], row[4]))]
    pl.DataFrame(both, schema=names, orient="row").write_csv(path)
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a directory by its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def walk(seed: int, days: int, level: float, deviation: float) -> list[float]:
    """Levels of a random walk, rounded as they are written."""
    steps = np.random.default_rng(seed).normal(0, deviation, days)
    steps[0] = 0.0
    return [float(one) for one in np.round(level * np.cumprod(1 + steps), 4)]


RICH_DAYS = 22
RICH_DEFAULTS = [("A", 6)]


def rich() -> Small:
    """A run in which everything happens: options, euros, clients, securities, two gradual defaults, a moving fund.

    A defaults by name on day 6 and is closed out over several days; B is short of cash when prices jump on day 14.
    """
    levels = {
        "X": walk(1, RICH_DAYS, 100.0, 0.015),
        "Y": walk(2, RICH_DAYS, 50.0, 0.02),
        "EUR/USD": walk(3, RICH_DAYS, 1.1, 0.004),
        "PAPER": [100.0] * RICH_DAYS,
    }
    levels["X"][14:] = [round(level * 0.8, 4) for level in levels["X"][14:]]
    option = {"kind": "option", "factor_id": "X", "currency": "USD", "multiplier": 10.0, "implied_volatility": 0.3}
    instruments = (
        X | {"average_daily_volume": 400.0, "half_spread": 0.02},
        {"instrument_id": "FY", "kind": "future", "factor_id": "Y", "currency": "EUR", "multiplier": 10.0}
        | {"average_daily_volume": 60.0, "half_spread": 0.01},
        option | {"instrument_id": "CALL", "price": 2.5, "strike": 101.0, "right": "call", "style": "premium"}
        | {"expiry": FIRST + timedelta(days=13)},
        option | {"instrument_id": "PUT", "price": 4.0, "strike": 98.0, "right": "put", "style": "variation"}
        | {"expiry": FIRST + timedelta(days=120)},
    )  # fmt: skip
    positions = [
        ("a1", "X", 210.0), ("a1", "FY", -12.0), ("a2", "X", -150.0), ("a2", "CALL", 6.0), ("a3", "FY", 9.0),
        ("a3", "PUT", -5.0), ("b1", "X", 400.0), ("b1", "CALL", -8.0), ("b2", "X", -90.0), ("b2", "FY", 14.0),
        ("b3", "PUT", 7.0), ("c1", "FY", -21.0), ("c1", "X", -130.0), ("c1", "CALL", 3.0), ("c2", "X", 75.0),
    ]  # fmt: skip
    accounts = {
        "a1": ("A", "a", "house"), "a2": ("A", "ac", "client"), "a3": ("A", "ac", "client"),
        "b1": ("B", "b", "house"), "b2": ("B", "b2", "client"), "b3": ("B", "b3", "client"),
        "c1": ("C", "c", "house"), "c2": ("C", "c2", "client"),
    }  # fmt: skip
    bond = {"asset_id": "PAPER", "factor_id": "PAPER", "haircut": 0.1, "currency": "USD"}
    cash = {"asset_id": "CASH", "factor_id": None, "haircut": 0.0, "currency": "USD"}
    collateral = (
        bond | {"pool_id": "a", "market_value": 500.0}, cash | {"pool_id": "a", "market_value": 900.0},
        bond | {"pool_id": "b2", "market_value": 300.0}, cash | {"pool_id": "b", "market_value": 2_000.0},
    )  # fmt: skip
    rules = changed(
        RULES,
        margin={"buffer": {"share": 0.25}, "lookback_days": 40},
        stress={"hypothetical": [{"ladder": "market_gaps", "sizes": [0.1]}]},
        close_out={"method": "gradual", "participation": 0.25},
        fund={
            "notice_days": 2, "schedule": "weekly", "look_back": {"days": 5, "aggregate": "mean"}, "buffer": 0.1,
            "replenishment_days": 2, "capital_restoration_days": 2, "supplementary_margin": {"group_share": 0.45},
        },
        tiers=["defaulter_margin", "defaulter_fund", {"ccp_capital": {"share_of_fund": 0.1}}, "survivors_fund"],
    )  # fmt: skip
    members = {"A": {}, "B": {"liquidity": 7_000.0, "capital": 30_000.0}, "C": {"capital": 50_000.0}}
    return Small(levels, positions, accounts, members, rules, instruments, collateral)


def rich_trades(path: Path, small: Small) -> Path:
    """A few trades of the rich run, some of accounts that are in default by then."""
    rows = [
        (2, "a1", "X", 20.0, small.levels["X"][2]), (3, "c1", "FY", 4.0, 50.5), (4, "b1", "CALL", 2.0, 3.1),
        (8, "a1", "X", -30.0, small.levels["X"][8]), (9, "c2", "PUT", 3.0, 4.4), (16, "b2", "X", 25.0, 85.0),
    ]  # fmt: skip
    return write_trades(path, [(small.day(day), *rest) for day, *rest in rows])  # type: ignore[misc]


def plain(levels: list[float] | None = None, **changes: Any) -> Small:
    """A long 100 and B long 50 of X, the dealer short: margin 5 % of value, so 500 and 250 at a price of 100."""
    positions = [("a", "X", 100.0), ("b", "X", 50.0)]
    accounts = {"a": ("A", "a", "house"), "b": ("B", "b", "house")}
    found = Small({"X": levels or [100.0, 101.0, 99.0, 98.0, 100.0, 102.0, 101.0, 100.0]}, positions, accounts)
    return found.but(**changes)
