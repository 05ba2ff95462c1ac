"""Random runs of the daily cycle as the files that a user would bring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from support.case_files import COLUMNS, write_scenarios, write_table

import ccp
from ccp.api.simulate import given_scenarios
from ccp.settlement.opening import open_run
from ccp.settlement.terms import RunTerms

MORE = {
    "members": ["capital", "liquidity"],
    "accounts": ["client_id"],
    "instruments": ["average_daily_volume", "half_spread", "issuer_id"],
}


TRADES = ["date", "account_id", "instrument_id", "quantity", "price"]


def open_case(case: dict[str, Any], folder: Path) -> tuple[RunTerms, Any]:
    """The case as files, and what the engine makes of them."""
    book, market = folder / "book", folder / "market"
    book.mkdir(parents=True)
    market.mkdir()
    for name, columns in COLUMNS.items():
        if case["book"].get(name):
            write_table(case["book"][name], [*columns, *MORE.get(name, [])], book / name, "parquet")
    dates, levels = case["market"]["dates"], case["market"]["levels"]
    rows = [{"date": day} | {name: levels[name][row] for name in levels} for row, day in enumerate(dates)]
    write_table(rows, ["date", *levels], market / "prices", "parquet")
    factors = [{"factor_id": name} | row for name, row in case["market"]["factors"].items()]
    write_table(
        factors, ["factor_id", "change", "asset_class", "sector", "tenor_years", "rate_unit"], market / "factors", "csv"
    )
    YAML().dump(case["rules"], folder / "rules.yaml")
    trades = scenarios = None
    if case.get("trades"):
        write_table(case["trades"], TRADES, folder / "trades", "parquet")
        trades = folder / "trades.parquet"
    if case.get("given") is not None:
        scenarios = write_scenarios(case["given"], folder / "given", "csv")
    request = ccp.RunRequest(
        case["first"], case["last"], case.get("book_date"), trades, scenarios, tuple(case.get("gaps", ())),
        tuple(case.get("defaults", ())), tuple(case.get("closed", ())), case.get("expiry", "dated") == "constant",
    )  # fmt: skip
    terms = open_run(book, ccp.read_market(market), ccp.read_rulebook(folder / "rules.yaml"), request)
    return terms, given_scenarios(request, terms)
