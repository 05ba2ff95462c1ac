"""`ccp size` and `ccp default` from files to cents, against a twin that shares no code with them."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import end_to_end_twin as twin
import numpy as np
import polars as pl
import pytest
from random_books import RandomCase, Row
from ruamel.yaml import YAML

import ccp

SEEDS = list(range(25))

COLUMNS = {
    "members": ["member_id", "group_id", "fund_contribution"],
    "accounts": ["account_id", "member_id", "pool_id", "kind"],
    "positions": ["account_id", "instrument_id", "quantity"],
    "collateral": ["pool_id", "asset_id", "market_value", "haircut", "factor_id", "currency"],
    "instruments": [
        *["instrument_id", "kind", "factor_id", "currency", "multiplier", "price", "expiry", "strike", "right"],
        *["style", "volatility_id", "implied_volatility", "forward", "discount_rate"],
    ],
}
TEXT = {"group_id", "pool_id", "factor_id", "right", "style", "volatility_id", "sector", "asset_class"}


# --- files -----------------------------------------------------------------------------------------------------------


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
    """Files of the case; returns the arguments of `ccp.size`."""
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
    write_table(factors, ["factor_id", "change", "asset_class", "sector"], market / "factors", endings[0])
    arguments: dict[str, Any] = {"book": book, "rulebook": folder / "rules.yaml", "market": market, "day": case.day}
    YAML().dump(case.rules, arguments["rulebook"])
    if case.given is not None:
        rows = [
            {"scenario_id": each["id"], "factor_id": pattern, "kind": kind, "shock": shock}
            | {"sizes_fund": each["sizes_fund"]}
            for each in case.given
            for pattern, (kind, shock) in each["shocks"].items()
        ]
        write_table(rows, ["scenario_id", "factor_id", "kind", "shock", "sizes_fund"], folder / "given", endings[1])
        arguments["scenarios"] = folder / f"given.{endings[1]}"
    return arguments


# --- comparison ------------------------------------------------------------------------------------------------------


def cents(value: float, expected: Row) -> int:
    return round(value * expected["minor"])


def ordered_accounts(expected: Row) -> list[str]:
    pool_of, pools = expected["pool_of"], expected["pools"]
    return sorted(expected["account_margin"], key=lambda each: (pools[pool_of[each]][0], pool_of[each], each))


def blocks(frame: pl.DataFrame, expected: Row) -> dict[tuple[str, frozenset[str]], list[tuple[str, dict[Any, int]]]]:
    """(scenario, defaulters) -> the tiers in their order, and in each who pays what; who pays nothing is left out."""
    result = {}
    rows = frame.sort("scenario_id", "defaulters", "tier_place", maintain_order=True).iter_rows(named=True)
    for (scenario, defaulters), block in groupby(rows, lambda row: (row["scenario_id"], row["defaulters"])):
        tiers = []
        for (_, tier), lines in groupby(block, lambda row: (row["tier_place"], row["tier"])):
            paid = [(row["member_id"], cents(row["amount"], expected)) for row in lines]
            assert len({member for member, _ in paid}) == len(paid)
            tiers.append((tier, {member: amount for member, amount in paid if amount}))
        result[scenario, frozenset(defaulters.split("+"))] = tiers
    return result


def without_zeros(draws: list[tuple[str, dict[Any, int]]]) -> list[tuple[str, dict[Any, int]]]:
    return [(tier, {member: amount for member, amount in paid.items() if amount}) for tier, paid in draws]


def with_loss(expected: Row, scenario: str, groups: list[str]) -> list[str]:
    return [group for group in groups if expected["group_loss"][scenario][group] > 0]


def check_margin(run: ccp.Sizing, expected: Row) -> None:
    rows = run.tables["margin"].rows(named=True)
    accounts = ordered_accounts(expected)
    pool_of, pools = expected["pool_of"], expected["pools"]
    assert [row["account_id"] for row in rows] == accounts
    assert [row["pool_id"] for row in rows] == [pool_of[each] for each in accounts]
    assert [row["member_id"] for row in rows] == [pools[pool_of[each]][0] for each in accounts]
    for name, figures in (("margin", "account_margin"), ("net_option_value", "net_option_value")):
        found = {row["account_id"]: cents(row[name], expected) for row in rows}
        assert found == expected[figures], name
    assert cents(run.coverage["margin"], expected) == sum(expected["account_margin"].values())


def check_losses(run: ccp.Sizing, expected: Row) -> None:
    found: dict[str, dict[str, int]] = {}
    for row in run.tables["losses"].iter_rows(named=True):
        found.setdefault(row["scenario_id"], {})[row["group_id"]] = cents(row["loss_over_margin"], expected)
    assert list(found) == expected["scenarios"]
    assert found == expected["group_loss"]


def check_scenarios(run: ccp.Sizing, expected: Row) -> None:
    rows = run.tables["scenarios"].rows(named=True)
    assert [row["scenario_id"] for row in rows] == expected["scenarios"]
    assert [row["scenario_id"] for row in rows if row["sizes_fund"]] == expected["sizing"]
    for row in rows:
        scenario = row["scenario_id"]
        found = tuple(cents(row[name], expected) for name in ("cover_1", "cover_2", "cover_n"))
        assert found == expected["covers"][scenario], scenario
        assert cents(row["uncovered"], expected) == max(expected["coverage_test"][scenario][0], 0), scenario
        groups = with_loss(expected, scenario, expected["largest"][scenario])
        assert [each for each in row["groups"].split("+") if each] == groups, scenario


def check_coverage(run: ccp.Sizing, expected: Row, cover: int) -> None:
    found = run.coverage
    for name, key in (("cover_1", "cover_1"), ("cover_2", "cover_2"), (f"cover_{cover}", "cover_n")):
        amount, scenario, groups = expected[key]
        assert cents(found[name]["amount"], expected) == amount, name
        assert found[name]["scenario_id"] == scenario, name
        assert found[name]["groups"] == groups, name
        losses = [cents(loss, expected) for loss in found[name]["losses"]]
        assert losses == [expected["group_loss"][scenario][group] for group in groups], name
    assert cents(found["emir_42_3"]["amount"], expected) == expected["emir_42_3"]
    fund, posted = found["fund"], expected["posted"]
    assert cents(fund["required"], expected) == expected["required"]
    assert (None if fund["posted"] is None else cents(fund["posted"], expected)) == posted
    capital, in_force = sum(expected["capital"]), sum(expected["contributions"].values())
    assert cents(found["ccp_capital"], expected) == capital
    assert cents(found["prefunded"], expected) == capital + in_force
    if expected["cover_n"][0]:
        assert found["coverage_ratio"] == pytest.approx((capital + in_force) / expected["cover_n"][0], rel=1e-12)
    for name, scenarios in (("sizing_scenarios", expected["sizing"]), ("all_scenarios", expected["scenarios"])):
        scenario = max(scenarios, key=lambda each: expected["coverage_test"][each][0])
        uncovered, defaulters = expected["coverage_test"][scenario]
        test = found["coverage_test"][name]
        assert test["passed"] == (uncovered <= 0)
        assert cents(test["uncovered"], expected) == max(uncovered, 0)
        assert cents(test["headroom"], expected) == max(-uncovered, 0)
        assert test["scenario_id"] == scenario
        assert set(test["defaulters"]) == set(defaulters)


def check_contributions(run: ccp.Sizing, expected: Row) -> None:
    rows = run.tables["contributions"].rows(named=True)
    found = {row["member_id"]: cents(row["contribution"], expected) for row in rows}
    assert found == expected["required_of"]
    assert list(found) == sorted(found)
    if expected["posted"] is not None:
        assert {row["member_id"]: cents(row["posted"], expected) for row in rows} == expected["contributions"]


def check_waterfall(run: ccp.Sizing, expected: Row) -> None:
    found = blocks(run.tables["waterfall"], expected)
    events = {(scenario, frozenset(test[1])) for scenario, test in expected["coverage_test"].items()}
    largest = {(scenario, frozenset(groups)) for scenario, groups in expected["largest"].items()}
    assert set(found) == events | largest
    for (scenario, defaulters), tiers in found.items():
        assert tiers == without_zeros(twin.waterfall(expected, scenario, defaulters)), (scenario, defaulters)


CHECKS = [check_margin, check_losses, check_scenarios, check_contributions, check_waterfall]
