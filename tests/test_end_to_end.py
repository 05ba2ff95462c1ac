"""`ccp size` and `ccp default` from files to cents, against a twin that shares no code with them."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from support import end_to_end_twin as twin
from support.case_files import write_case
from support.random_books import RandomCase, Row, random_case

import ccp

SEEDS = [*range(39), 54]  # in 54 the fund is sized by EMIR 42(3)
OTHER_BOUNDS = ("cover and buffer", "floor", "minimum contributions", "EMIR 42(3)")


# --- files -----------------------------------------------------------------------------------------------------------


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


# --- tests -----------------------------------------------------------------------------------------------------------


class Both(NamedTuple):
    """One random book, run by the package and by the twin."""

    case: RandomCase
    arguments: dict[str, Any]
    run: ccp.Sizing
    expected: Row

    def cents(self, value: float) -> int:
        return cents(value, self.expected)


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"book{seed}")
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    case = random_case(request.param)
    arguments = write_case(case, request.param, tmp_path_factory.mktemp("case"))
    return Both(case, arguments, ccp.size(**arguments), twin.size(*case))


def test_margin_of_every_account(both: Both) -> None:
    expected = both.expected
    rows = both.run.tables["margin"].rows(named=True)
    accounts = ordered_accounts(expected)
    pool_of, pools = expected["pool_of"], expected["pools"]
    assert [row["account_id"] for row in rows] == accounts
    assert [row["pool_id"] for row in rows] == [pool_of[each] for each in accounts]
    assert [row["member_id"] for row in rows] == [pools[pool_of[each]][0] for each in accounts]
    for name, figures in (("margin", "account_margin"), ("net_option_value", "net_option_value")):
        assert {row["account_id"]: both.cents(row[name]) for row in rows} == expected[figures], name
    assert both.cents(both.run.coverage["margin"]) == sum(expected["account_margin"].values())


def test_losses_of_every_group_in_every_scenario(both: Both) -> None:
    found: dict[str, dict[str, int]] = {}
    for row in both.run.tables["losses"].iter_rows(named=True):
        found.setdefault(row["scenario_id"], {})[row["group_id"]] = both.cents(row["loss_over_margin"])
    assert list(found) == both.expected["scenarios"]
    assert found == both.expected["group_loss"]


def test_scenarios(both: Both) -> None:
    expected = both.expected
    rows = both.run.tables["scenarios"].rows(named=True)
    assert [row["scenario_id"] for row in rows] == expected["scenarios"]
    assert [row["scenario_id"] for row in rows if row["sizes_fund"]] == expected["sizing"]
    for row in rows:
        scenario = row["scenario_id"]
        found = tuple(both.cents(row[name]) for name in ("cover_1", "cover_2", "cover_n"))
        assert found == expected["covers"][scenario], scenario
        assert both.cents(row["uncovered"]) == max(expected["coverage_test"][scenario][0], 0), scenario
        groups = with_loss(expected, scenario, expected["largest"][scenario])
        assert [each for each in row["groups"].split("+") if each] == groups, scenario
        capped = re.search(r"; (\d+) factors? capped at -99%", row["description"])
        assert int(capped[1] if capped else 0) == expected["capped"][scenario], scenario


def test_covers_and_fund(both: Both) -> None:
    found, expected = both.run.coverage, both.expected
    cover = both.case.rules["fund"]["cover"]
    for name, key in (("cover_1", "cover_1"), ("cover_2", "cover_2"), (f"cover_{cover}", "cover_n")):
        amount, scenario, groups = expected[key]
        assert both.cents(found[name]["amount"]) == amount, name
        assert (found[name]["scenario_id"], found[name]["groups"]) == (scenario, groups), name
        losses = [expected["group_loss"][scenario][group] for group in groups]
        assert [both.cents(loss) for loss in found[name]["losses"]] == losses, name
    emir = found["emir_42_3"]
    assert (both.cents(emir["amount"]), emir["scenario_id"]) == expected["emir_42_3"]
    fund, posted = found["fund"], expected["posted"]
    assert both.cents(fund["required"]) == expected["required"]
    assert (None if fund["posted"] is None else both.cents(fund["posted"])) == posted
    fixed = both.case.rules["fund"].get("size") is not None
    assert fund["in_force"] == ("posted" if posted is not None and not fixed else "required")
    assert fund["bound_by"] in (("fixed size", "minimum contributions") if fixed else OTHER_BOUNDS)
    capital, in_force = sum(expected["capital"]), sum(expected["contributions"].values())
    assert both.cents(found["ccp_capital"]) == capital
    words = [tier["tier"] for tier in both.run.worst_event["tiers"]]
    counted = in_force
    if "survivors_fund" not in words:  # then only what the cover-N groups have paid in themselves
        named = expected["cover_n"][2]
        own = [row for row in both.case.book["members"] if (row.get("group_id") or row["member_id"]) in named]
        paid = sum(expected["contributions"][row["member_id"]] for row in own)
        counted = paid if "defaulter_fund" in words else 0
    assert both.cents(found["prefunded"]) == capital + counted
    if amount := expected["cover_n"][0]:
        assert found["coverage_ratio"] == pytest.approx((capital + counted) / amount, rel=1e-12)


def test_coverage_against_enumeration(both: Both) -> None:
    tests, found = both.run.coverage["coverage_test"], both.expected["coverage_test"]
    names = (("sizing_scenarios", both.expected["sizing"]), ("all_scenarios", both.expected["scenarios"]))
    for name, scenarios in names:
        scenario = max(scenarios, key=lambda each: found[each][0])
        uncovered, defaulters = found[scenario]
        assert tests[name]["passed"] == (uncovered <= 0)
        assert both.cents(tests[name]["uncovered"]) == max(uncovered, 0)
        assert both.cents(tests[name]["headroom"]) == max(-uncovered, 0)
        assert tests[name]["scenario_id"] == scenario
        assert set(tests[name]["defaulters"]) == set(defaulters)


def test_contributions(both: Both) -> None:
    rows = both.run.tables["contributions"].rows(named=True)
    found = {row["member_id"]: both.cents(row["contribution"]) for row in rows}
    assert found == both.expected["required_of"]
    assert list(found) == sorted(found)
    if both.expected["posted"] is not None:
        assert {row["member_id"]: both.cents(row["posted"]) for row in rows} == both.expected["posted_of"]


def test_waterfalls_of_every_scenario(both: Both) -> None:
    """Of the cover-N set and of the coverage test's worst set; the latter leaves what the test says is uncovered."""
    expected = both.expected
    found = blocks(both.run.tables["waterfall"], expected)
    worst = {(scenario, frozenset(test[1])) for scenario, test in expected["coverage_test"].items()}
    largest = {(scenario, frozenset(groups)) for scenario, groups in expected["largest"].items()}
    assert set(found) == worst | largest
    for (scenario, defaulters), tiers in found.items():
        assert tiers == without_zeros(twin.waterfall(expected, scenario, defaulters)), (scenario, defaulters)
        if (scenario, defaulters) in worst:
            cut = sum(sum(paid.values()) for name, paid in tiers if name == "gains_haircut")  # it is not prefunded
            assert tiers[-1][1].get(None, 0) + cut == max(expected["coverage_test"][scenario][0], 0)


def test_any_default(both: Both) -> None:
    """A random event, and the one that `ccp default` takes when nothing is said."""
    expected = both.expected
    rng = np.random.default_rng(len(expected["scenarios"]))
    scenario = str(rng.choice(expected["scenarios"]))
    groups = sorted(set(expected["group_of"].values()))
    defaulters = [str(each) for each in rng.permutation(groups)[: int(rng.integers(1, len(groups) + 1))]]
    event = ccp.default(**both.arguments, scenario=scenario, defaulters=defaulters)
    found = blocks(event.waterfall, expected)
    assert found == {(scenario, frozenset(defaulters)): without_zeros(twin.waterfall(expected, scenario, defaulters))}
    for pool in event.trace["pools"]:
        loss, counted = expected["pool_loss"][scenario][pool["pool_id"]], expected["counted"][scenario][pool["pool_id"]]
        assert (both.cents(pool["loss"]), both.cents(pool["margin"])) == (loss, counted)
    _, scenario, groups = expected["cover_n"]
    found = blocks(ccp.default(**both.arguments).waterfall, expected)
    assert found == {(scenario, frozenset(groups)): without_zeros(twin.waterfall(expected, scenario, groups))}
