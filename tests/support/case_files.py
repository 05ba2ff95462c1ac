"""Random cases as the files that a user would bring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from ruamel.yaml import YAML
from support.random_books import RandomCase, Row

COLUMNS = {
    "members": ["member_id", "group_id", "fund_contribution"],
    "accounts": ["account_id", "member_id", "pool_id", "kind", "client_id"],
    "positions": ["account_id", "instrument_id", "quantity"],
    "collateral": [
        *["pool_id", "asset_id", "market_value", "haircut", "factor_id", "currency"],
        *["issuer_id", "issuer_group_id", "asset_class"],
    ],
    "instruments": [
        *["instrument_id", "kind", "factor_id", "currency", "multiplier", "price", "expiry", "strike", "right"],
        *["style", "volatility_id", "implied_volatility", "normal_volatility", "forward", "discount_rate"],
        *["issuer_id", "average_daily_volume", "half_spread"],
    ],
}


TEXT = {"group_id", "pool_id", "factor_id", "right", "style", "volatility_id", "sector", "asset_class"} | {
    "issuer_id",
    "issuer_group_id",
    "client_id",
}


def write_table(rows: list[Row], columns: list[str], path: Path, ending: str) -> None:
    """The table, without columns that hold nothing."""
    columns = [name for name in columns if any(row.get(name) is not None for row in rows)]
    types = {name: pl.String() for name in columns if name in TEXT}
    data = {name: [row.get(name) for row in rows] for name in columns}
    frame = pl.DataFrame(data, schema_overrides=types)
    if ending == "csv":
        frame.write_csv(path.with_suffix(".csv"))
    else:
        frame.write_parquet(path.with_suffix(".parquet"))


def write_case(case: RandomCase, seed: int, folder: Path) -> dict[str, Any]:
    """Files of the case: CSV or Parquet, wide or long by the seed. Returns the arguments of `ccp.size`."""
    rng = np.random.default_rng(seed)
    endings = ["csv", "parquet"] if seed % 2 else ["parquet", "csv"]
    book, market = folder / "book", folder / "market"
    book.mkdir(parents=True)
    market.mkdir()
    for name, columns in COLUMNS.items():
        if case.book.get(name):
            write_table(case.book[name], columns, book / name, endings[0])
    dates, levels = case.market["dates"], case.market["levels"]
    if seed % 3:
        rows = [{"date": day} | {name: levels[name][row] for name in levels} for row, day in enumerate(dates)]
        write_table(rows, ["date", *levels], market / "prices", endings[1])
    else:
        rows = [
            {"date": day, "factor_id": name, "value": levels[name][row]}
            for row, day in enumerate(dates)
            for name in levels
            if levels[name][row] is not None
        ]
        rows = [rows[int(each)] for each in rng.permutation(len(rows))]
        write_table(rows, ["date", "factor_id", "value"], market / "prices", endings[1])
    factors = [{"factor_id": name} | row for name, row in case.market["factors"].items()]
    write_table(
        factors,
        ["factor_id", "change", "asset_class", "sector", "tenor_years", "rate_unit", "proxy"],
        market / "factors",
        endings[0],
    )
    arguments: dict[str, Any] = {"book": book, "rulebook": folder / "rules.yaml", "market": market, "day": case.day}
    YAML().dump(case.rules, arguments["rulebook"])
    if case.given is not None:
        arguments["scenarios"] = write_scenarios(case.given, folder / "given", endings[1])
    return arguments


def write_scenarios(given: list[Row], path: Path, ending: str) -> Path:
    """As YAML where scenarios have multiples, which a table has no room for."""
    if any("multiples" in each for each in given):
        scenarios = [
            each | {"shocks": {name: {"kind": kind, "shock": shock} for name, (kind, shock) in each["shocks"].items()}}
            for each in given
        ]
        YAML().dump({"scenarios": scenarios}, path.with_suffix(".yaml"))
        return path.with_suffix(".yaml")
    rows = [
        {"scenario_id": each["id"], "factor_id": name, "kind": kind, "shock": shock, "sizes_fund": each["sizes_fund"]}
        for each in given
        for name, (kind, shock) in each["shocks"].items()
    ]
    write_table(rows, ["scenario_id", "factor_id", "kind", "shock", "sizes_fund"], path, ending)
    return path.with_suffix(f".{ending}")
