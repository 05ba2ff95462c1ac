"""Random changes of random books, and the changed book as plain rows: shares no code with `ccp.book.changed_book`."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import polars as pl
from support.random_books import RandomCase, Row, random_case

from ccp.book.book import Book, book_from_frames
from ccp.documents import validated
from ccp.frames import Factors, book_schemas
from ccp.market.history import Market
from ccp.rulebook.rulebook import Rulebook

KINDS = (
    "trades",
    "closing",
    "scaled accounts",
    "scaled member",
    "removed account",
    "removed pool",
    "removed member",
    "new account",
    "new in pool",
    "new member",
)
"""Changes of a book that `random_changes` knows, each alone."""
FULL_TIERS = [
    *("defaulter_margin", "defaulter_fund", {"ccp_capital": {"share_of_fund": 0.1}}, {"insurance": {"amount": 5000}}),
    {"pari_passu": [{"survivors_fund": {"order": "segments_first"}}, {"ccp_capital": {"share_of_fund": 0.05}}]},
    *({"assessments": {"multiple": 1, "period_multiple": 3}}, {"gains_haircut": {"share": 0.5, "days": 5}}),
    *("voluntary", {"parent_guarantee": {"amount": 250}}, {"tear_up": {"scope": "partial"}}),
    *({"payout_haircut": {"share": 0.5}}, "uncovered"),
]
LEVELS = ("group", "member", "account", "pool")
CLIENTS = ("K1", "K2", "K3")
MARGINS: list[Row] = [
    {},
    {"model": "weighted", "weighting": {"decay": 0.97}},
    {"model": "parametric", "parametric": {"decay": 0.98, "distribution": "student", "degrees": 5}},
    {"model": "filtered"},
    {"floor": {"lookback_days": 120}},
    {"stress_period": {"days": 60, "weight": 0.3}},
    {"stress_period": {"days": 60, "weight": 0.3, "reading": "sample"}},
    {"offset_limit": {"share": 0.8, "by": "factor"}},
    {"buffer": {"share": 0.25}},
    {"liquidation": [{"kind": "option", "days": 4}]},
]


def dressed_case(seed: int) -> RandomCase:
    """A random case with what `random_books` leaves out: issuers, volumes, spreads, models, add-ons, tiers, limits."""
    case, rng = random_case(seed), np.random.default_rng([seed, 7])
    rules, book = case.rules, case.book
    rules["book"] = {"matched": False}
    rules["margin"] |= MARGINS[seed % len(MARGINS)]
    groups = sorted({row.get("group_id") or row["member_id"] for row in book["members"]})
    for row in book["instruments"]:
        row["average_daily_volume"] = float(rng.choice([50, 1000])) if rng.random() < 0.7 else None
        row["half_spread"] = float(np.round(rng.uniform(0, 1), 2))
        row["issuer_id"] = str(rng.choice(groups)) if rng.random() < 0.5 else None
        if rules["margin"].get("model") == "filtered" and row.get("volatility_id") not in (None, "EQ0.VOL"):
            row["volatility_id"] = "FEAR"  # a modelled volatility has too short a history for the filter
    if seed % 3 == 0:
        together = {"level": LEVELS[seed // 3 % len(LEVELS)], "participation": 0.1}
        rules["margin"]["add_ons"] = {"concentration": together, "bid_ask": True, "wrong_way": 1.0}
        for row in book["accounts"][:: 1 + seed % 2]:
            row["client_id"] = str(rng.choice(CLIENTS)) if rng.random() < 0.5 else None
    if seed % 4 == 1:
        rules["close_out"] = {"method": "gradual"}
    if seed % 4 == 2:
        rules["tiers"], rules["regulatory_capital"] = FULL_TIERS, 60_000
    if seed % 2:
        book["collateral"] = [_line(rng, row, groups) for row in book["collateral"] or _cash(book["accounts"])]
        limits = {"issuer_group_limit": 0.5, "asset_class_limit": {"equity": 0.4}, "currency_limit": 0.25}
        rules["collateral"] = {"stress": "scenario" if seed % 4 == 1 else "haircut", "asset_limit": 0.3, **limits}
    return case


def _cash(accounts: list[Row]) -> list[Row]:
    pools = sorted({row.get("pool_id") or row["account_id"] for row in accounts})[::2]
    line = {"asset_id": "A", "market_value": 2500.0, "haircut": 0.1, "factor_id": None, "currency": None}
    return [{"pool_id": pool, **line} for pool in pools]


def _line(rng: np.random.Generator, row: Row, groups: list[str]) -> Row:
    issuer = str(rng.choice(groups)) if rng.random() < 0.3 else None
    whose = {"issuer_id": issuer, "issuer_group_id": None, "asset_class": None}
    return row | {"factor_id": "EQ0" if rng.random() < 0.4 else None} | whose


# --- frames -----------------------------------------------------------------------------------------------------------


def book_of(rows: Row) -> Book:
    """The book, checked as one of files is."""
    tables = {}
    for name, schema in book_schemas().items():
        if rows.get(name) is not None:
            columns = schema.create_empty().schema
            data = [{column: row.get(column) for column in columns} for row in rows[name]]
            tables[name] = pl.DataFrame(data, schema=columns)
    return book_from_frames(tables, matched=False)


def market_of(rows: Row) -> Market:
    factors = [{"factor_id": name} | row for name, row in rows["factors"].items()]
    kinds = Factors.create_empty().schema
    table = pl.DataFrame([{name: row.get(name) for name in kinds} for row in factors], schema=kinds)
    return Market(pl.DataFrame({"date": rows["dates"]} | rows["levels"]), table, {})


def rules_of(rows: Row) -> Rulebook:
    return validated(rows, None, "rules", Rulebook)


# --- changes ----------------------------------------------------------------------------------------------------------


def random_changes(rng: np.random.Generator, book: Row, kinds: tuple[str, ...]) -> Row:
    """A document of changes of these kinds that leaves a book; of none if none is found."""
    for _ in range(20):
        document: Row = {}
        for kind in kinds:
            _add(rng, book, kind, document)
        if document and _is_sound(book, document):
            return document
    return {}


def _is_sound(book: Row, document: Row) -> bool:
    after = changed(book, document)
    names = ("members", "accounts", "positions", *(("collateral",) if book["collateral"] else ()))
    touched = [*document.get("scale", []), *document.get("trades", []), *document.get("add_accounts", [])]
    kept = {row["account_id"] for row in after["accounts"]}, {row["member_id"] for row in after["members"]}
    there = all(
        one.get("account_id") in {*kept[0], None} and one.get("member_id") in {*kept[1], None} for one in touched
    )
    return there and all(after[name] for name in names)


def _add(rng: np.random.Generator, book: Row, kind: str, document: Row) -> None:
    def several(part: str, entries: list[Row]) -> None:
        document[part] = document.get(part, []) + entries

    def one_of(values: list[Any]) -> Any:
        return values[int(rng.integers(len(values)))]

    accounts, instruments = book["accounts"], [row["instrument_id"] for row in book["instruments"]]
    number, owner = len(document.get("add_accounts", [])), one_of(accounts)
    if kind == "trades":
        for _ in range(int(rng.integers(1, 4))):
            several("trades", [_trade(one_of(accounts)["account_id"], one_of(instruments), float(rng.normal(0, 30)))])
    elif kind == "closing":
        several("trades", [row | {"quantity": -row["quantity"]} for row in [one_of(book["positions"])]])
    elif kind == "scaled accounts":
        factors = [1.5, 0.0, -1.0, 0.1]
        several("scale", [{"account_id": one_of(accounts)["account_id"], "by": one_of(factors)} for _ in range(2)])
    elif kind == "scaled member":
        several("scale", [{"member_id": owner["member_id"], "by": one_of([2.0, 0.0, -0.3])}])
    elif kind == "removed account":
        several("remove", [{"account_id": owner["account_id"]}])
    elif kind == "removed pool":
        pool = owner.get("pool_id") or owner["account_id"]
        several("remove", [{"account_id": name} for name in pools_of(book)[pool]])
    elif kind == "removed member":
        several("remove", [{"member_id": one_of(book["members"])["member_id"]}])
    elif kind == "new account":
        new = _account(f"new {number}", owner["member_id"], one_of(["house", "client"]))
        several("add_accounts", [new | {"client_id": owner.get("client_id")}])
        several("trades", [_trade(f"new {number}", one_of(instruments), 40.0)])
    elif kind == "new in pool":
        pool = owner.get("pool_id") or owner["account_id"]
        several("add_accounts", [_account(f"new {number}", owner["member_id"], owner["kind"], pool)])
        several(
            "trades", [_trade(f"new {number}", one_of(instruments), -25.5), _trade(f"new {number}", instruments[0], 1)]
        )
    else:
        states = book["members"][0].get("fund_contribution") is not None
        group = one_of(["G0", "a new group", None])
        several(
            "add_members", [{"member_id": "M50", "group_id": group, "fund_contribution": 1234.56 if states else None}]
        )
        several("add_accounts", [_account("M50-h", "M50", "house"), _account("M50-c", "M50", "client", "M50/c")])
        several("trades", [_trade("M50-h", one_of(instruments), 60.0), _trade("M50-c", one_of(instruments), -60.0)])


def _trade(account: str, instrument: str, quantity: float) -> Row:
    return {"account_id": account, "instrument_id": instrument, "quantity": float(np.round(quantity, 3))}


def _account(account: str, member: str, kind: str, pool: str | None = None) -> Row:
    return {"account_id": account, "member_id": member, "kind": kind, "pool_id": pool}


def pools_of(book: Row) -> dict[str, list[str]]:
    pools: dict[str, list[str]] = {}
    for row in book["accounts"]:
        pools.setdefault(row.get("pool_id") or row["account_id"], []).append(row["account_id"])
    return pools


def changed(book: Row, document: Row) -> Row:
    """The book as it would be, row by row."""
    after = deepcopy(book)
    after["members"] += document.get("add_members", [])
    after["accounts"] += document.get("add_accounts", [])
    for one in document.get("remove", []):
        for table in ("members", "accounts"):
            key = "account_id" if "account_id" in one else "member_id"
            after[table] = [row for row in after[table] if row.get(key) != one[key]]
    owner = {row["account_id"]: row["member_id"] for row in after["accounts"]}
    held = {(row["account_id"], row["instrument_id"]): row["quantity"] for row in book["positions"]}
    held = {pair: quantity for pair, quantity in held.items() if pair[0] in owner}
    factors: dict[str, float] = {}
    for one in document.get("scale", []):
        for account, member in owner.items():
            if account == one.get("account_id") or member == one.get("member_id"):
                factors[account] = factors.get(account, 1.0) * one["by"]
    held = {pair: quantity * factors.get(pair[0], 1.0) for pair, quantity in held.items()}
    for one in document.get("trades", []):
        pair = one["account_id"], one["instrument_id"]
        held[pair] = held.get(pair, 0.0) + one["quantity"]
    after["positions"] = [
        {"account_id": a, "instrument_id": i, "quantity": quantity} for (a, i), quantity in held.items()
    ]
    pools = pools_of(after)
    after["collateral"] = [row for row in book["collateral"] or [] if row["pool_id"] in pools] or None
    return after


def other_rules(rules: Row) -> list[Row]:
    """Changes of rules that no pool feels: by path, or one inside the other."""
    return [
        {"fund.cover": 3, "fund": {"buffer": 0.2}, "name": "Other"},
        {"fund.allocation": "stress_loss_share", "fund.minimum_contribution": 77.7},
        {"stress.house_surplus_covers_clients": not rules["stress"]["house_surplus_covers_clients"]},
        {"tiers": ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"amount": 321.0}}, "survivors_fund"]},
        {"tiers.2": {"insurance": {"amount": 99.5}}},
    ]


def other_measures(rules: Row) -> list[Row]:
    """Changes of rules that every pool may feel."""
    return [
        {"margin.confidence": 0.97, "fund.cover": 1},
        {"margin": {"lookback_days": 45, "liquidation_days": 1}},
        {"stress.resources": "held" if rules["stress"]["resources"] != "held" else "minimum"},
        {"stress": {"multiples": [1, 2.5]}},
        {"stress.historical": None, "stress.hypothetical": [{"ladder": "market_gaps", "sizes": [0.12]}]},
        {"collateral.stress": "scenario", "close_out": {"method": "gradual", "impact": 2.5}},
        {"currency_digits": 1 if rules["currency_digits"] != 1 else 2},
    ]


def with_rules_set(rules: Row, changes: Row) -> Row:
    """The rulebook's document with values set, by hand."""
    after = deepcopy(rules)
    for path, value in changes.items():
        place: Any = after
        *way, last = path.split(".")
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        if isinstance(place, list):
            place[int(last)] = value
        elif isinstance(value, dict) and isinstance(place.get(last, {}), dict):
            place[last] = place.get(last, {}) | value
        else:
            place[last] = value
    return after
