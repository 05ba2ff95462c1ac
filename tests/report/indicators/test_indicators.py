"""Key risk indicators: each against the same figure worked out from the run's files in plain Python, and its colour."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from support import small_books as small
from support import small_cycles as cycles
from support.cycle_files import open_case
from support.random_cycles import random_cycle
from support.watched_books import ACCOUNTS, GROUPS, HELD, POSITIONS, POSTED, VOLUMES, back_tested, book, rules_of

import ccp
from ccp.api import streamed
from ccp.api.streamed import Streaming
from ccp.book.book import Book
from ccp.book.streaming import BatchSizes
from ccp.errors import InputError
from ccp.report.indicators.judged import LABELS, Indicator, colour_of, indicators, worst_colour, written_value
from ccp.report.indicators.reading import IndicatorValue
from ccp.rulebook.indicators import TooLittle, TooMuch, defaults
from ccp.rulebook.load import load_rulebook
from ccp.runs.run import Run, open_run
from ccp.settlement.cycle import Cycle


def sized_run(folder: Path, made: Book, **rules: Any) -> Run:
    return open_run(ccp.size(made, rules_of(**rules), small.market()).write(folder / "run"))


def by_key(*runs: Run) -> dict[str, Indicator]:
    return {one.key: one for one in indicators(runs)}


def rows(run: Run, name: str) -> list[dict[str, Any]]:
    return pl.read_parquet(Path(run.name) / f"{name}.parquet").to_dicts()


def stated(run: Run, name: str) -> Any:
    return json.loads((Path(run.name) / f"{name}.json").read_text())


def cents(amount: float) -> int:
    return round(amount * 100)


def of_largest(amounts: dict[str, int], count: int) -> float:
    return sum(sorted(amounts.values())[-count:]) / sum(amounts.values())


def by_group(table: list[dict[str, Any]], column: str) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for row in table:
        sums[row["group_id"]] += cents(row[column])
    return sums


# --- a sized fund, worked out again from its files --------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return sized_run(tmp_path_factory.mktemp("sized"), book(VOLUMES, HELD))


def test_the_fund_over_cover_2(run: Run) -> None:
    losses: dict[str, list[int]] = defaultdict(list)
    for row in rows(run, "losses"):
        losses[row["scenario_id"]].append(cents(row["loss_over_margin"]))
    worst = max(sum(sorted(of_scenario)[-2:]) for of_scenario in losses.values())
    found = by_key(run)["fund_over_cover_2"]
    assert found.value == sum(map(cents, POSTED.values())) / worst
    assert "fund posted USD 2,200.25; cover-2 USD" in found.note
    assert [str(source) for source in found.sources] == ["coverage.json: fund.posted, cover_2.amount"]


def test_without_posted_contributions_the_required_fund_counts(tmp_path: Path) -> None:
    made = small.book(POSITIONS, ACCOUNTS, GROUPS)
    found = by_key(sized_run(tmp_path, made, fund={"buffer": 0.1}))
    assert found["fund_over_cover_2"].sources[0].columns == ("fund.required", "cover_2.amount")
    assert found["fund_over_cover_2"].value == pytest.approx(1.1)
    assert found["two_largest_of_fund"].sources[0].columns == ("group_id", "contribution")
    required = by_group(rows(open_run(tmp_path / "run"), "contributions"), "contribution")
    assert found["two_largest_of_fund"].value == of_largest(required, 2)


def test_shares_of_the_largest_groups_and_not_of_members(run: Run) -> None:
    found, table = by_key(run), rows(run, "contributions")
    two = found["two_largest_of_fund"]
    assert two.value == (cents(900.0) + cents(700.25)) / cents(2200.25)
    assert two.note == "C, BB: USD 1,600.25 of USD 2,200.25"
    assert found["five_largest_of_margin"].value == of_largest(by_group(table, "margin"), 5)
    assert len(by_group(table, "margin")) == 7


def test_margin_required_and_not_held(run: Run) -> None:
    required: dict[str, int] = defaultdict(int)
    for row in rows(run, "margin"):
        required[row["pool_id"]] += cents(row["margin"])
    short = {pool: amount - cents(HELD.get(pool, 0.0)) for pool, amount in required.items()}
    missing = {pool: amount for pool, amount in short.items() if amount > 0}
    found = by_key(run)["uncalled_margin"]
    assert 0 < len(missing) < len(required)
    assert found.value == sum(missing.values()) / sum(required.values())
    assert found.note.endswith(f"in {len(missing)} pools")
    assert stated(run, "coverage")["margin_held"]["held"] == sum(map(cents, HELD.values())) / 100


def test_haircuts_and_scenarios_move_nothing_of_what_is_held(tmp_path: Path) -> None:
    """Held is after haircut, whichever way stress counts it."""
    ways = [{}, *({"stress": {"resources": way}} for way in ("required", "held", "minimum"))]
    ways.append({"collateral": {"stress": "scenario"}})
    found = [
        by_key(sized_run(tmp_path / str(place), book(VOLUMES, HELD), **rules))["uncalled_margin"]
        for place, rules in enumerate(ways)
    ]
    assert len({(one.value, one.note) for one in found}) == 1


def slowest(volumes: dict[str, float], groups: list[str], participation: float) -> dict[str, tuple[float, str]]:
    """By group, the days of its slowest instrument."""
    net: dict[str, dict[str, float]] = {group: defaultdict(float) for group in groups}
    dealer: dict[str, float] = defaultdict(float)
    for account, instrument, quantity in POSITIONS:
        dealer[instrument] -= quantity
        member = ACCOUNTS[account][0]
        if GROUPS.get(member, member) in net:
            net[GROUPS.get(member, member)][instrument] += quantity
    if "DEALER" in net:
        net["DEALER"] = dealer
    return {
        group: max((abs(held[name]) / (participation * volumes[name]), name) for name in held)
        for group, held in net.items()
    }


@pytest.mark.parametrize("participation", [0.25, 0.1])
def test_days_to_liquidate(tmp_path: Path, participation: float) -> None:
    run = sized_run(tmp_path, book(VOLUMES), close_out={"participation": participation}, fund={"cover": 3})
    groups = stated(run, "coverage")["cover_3"]["groups"]
    expected = slowest(VOLUMES, groups, participation)
    given = {row["group_id"]: row for row in stated(run, "coverage")["liquidation"]["groups"]}
    assert list(given) == groups
    for group, (days, instrument) in expected.items():
        assert given[group]["days"] == pytest.approx(days, rel=1e-12)
        assert given[group]["instrument_id"] == instrument
    found = by_key(run)["days_to_liquidate"]
    assert found.value == max(row["days"] for row in given.values())
    assert found.value == pytest.approx(max(expected.values())[0], rel=1e-12)
    assert (found.amber, found.red, found.stated) == (2, 4, False)


def test_what_nets_to_nothing_takes_no_day(tmp_path: Path) -> None:
    """0.1 + 0.2 - 0.3 is not 0 in floating point, but nobody has anything to sell."""
    accounts = {
        "a1": ("A", "h", "house"),
        "a2": ("A", "h", "house"),
        "a3": ("A", "h", "house"),
        "b": ("B", "b", "house"),
    }
    positions = [("a1", "Y", 0.1), ("a2", "Y", 0.2), ("a3", "Y", -0.3), ("a1", "X", 100.0), ("b", "X", 50.0)]
    made = small.book(positions, accounts)
    table = made.instruments.with_columns(average_daily_volume=pl.Series([100.0, 1e-30, None], dtype=pl.Float64))
    run = sized_run(tmp_path, replace(made, instruments=table))
    given = {row["group_id"]: row for row in stated(run, "coverage")["liquidation"]["groups"]}
    assert given["A"]["days"] == 100 / (0.25 * 100)
    assert given["A"]["instruments"] == 1
    assert given["A"]["instruments_without_volume"] == 0


def test_the_figures_are_the_same_streamed_and_after_a_what_if(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quantities that floating point cannot hold exactly: any other order of sums would show."""
    random = np.random.default_rng(5)
    accounts = {f"a{n}": ("AB"[n % 2], f"p{n % 5}{'AB'[n % 2]}", "client") for n in range(60)}
    positions = [(name, one, float(random.normal(0, 100))) for name in accounts for one in ("X", "Y")]
    cash = {f"p{n}{member}": 700.0 * n + 0.01 for n in range(4) for member in "AB"}
    made = small.book(positions, accounts, None, None, cash)
    made = replace(made, instruments=made.instruments.with_columns(average_daily_volume=pl.lit(17.3)))
    (tmp_path / "book").mkdir()
    for name in ("members", "accounts", "instruments", "positions", "collateral"):
        getattr(made, name).write_parquet(tmp_path / "book" / f"{name}.parquet")
    arguments: Any = (tmp_path / "book", rules_of(), small.market())
    whole = ccp.size(*arguments, base=True)
    assert whole.coverage["margin_held"]["pools_short"] > 1
    assert all(row["days"] > 0 for row in whole.coverage["liquidation"]["groups"])
    for most in (1, 7, 50):
        monkeypatch.setattr(streamed, "bounded_sizes", lambda path, memory: BatchSizes(7, 20, 3))
        monkeypatch.setattr(streamed, "bounded_portfolio", lambda case, tree, *_, most=most: replace(tree, most=most))
        assert ccp.size(*arguments, streaming=Streaming(memory=1)).coverage == whole.coverage
    twice = ccp.Changes.model_validate({"scale": [{"account_id": "a3", "by": 2.5}, {"account_id": "a8", "by": -0.7}]})
    factor = pl.col("account_id").replace_strict({"a3": 2.5, "a8": -0.7}, default=1.0)
    changed = replace(made, positions=made.positions.with_columns(pl.col("quantity") * factor))
    run = whole.write(tmp_path / "run")
    gone = {name for name, (_, pool, _) in accounts.items() if pool == "p1B"}
    fewer = ccp.Changes.model_validate({"remove": [{"account_id": name} for name in sorted(gone)]})
    without = replace(
        made,
        accounts=made.accounts.filter(~pl.col("account_id").is_in(gone)),
        positions=made.positions.filter(~pl.col("account_id").is_in(gone)),
        collateral=None if made.collateral is None else made.collateral.filter(pl.col("pool_id") != "p1B"),
    )
    for change, book_after in ((twice, changed), (fewer, without)):
        after = ccp.what_if(run, change).coverage
        expected = ccp.size(book_after, rules_of(book={"matched": False}), small.market()).coverage
        for name in ("margin_held", "liquidation"):
            assert after[name] == expected[name] != whole.coverage[name]


# --- a simulation, worked out again from its files --------------------------------------------------------------------


def simulation(folder: Path, levels: list[float], members: dict[str, Any], **asked: Any) -> Run:
    """A has 50 X in its house and 30 X for a client, B (with B2 in a group) is short, C has a little."""
    accounts = {"a": ("A", "a", "house"), "ac": ("A", "ac", "client"), "b": ("B", "b", "house"),
                "b2": ("B2", "b2", "house"), "c": ("C", "c", "house")}  # fmt: skip
    positions = [("a", "X", 50.0), ("ac", "X", 30.0), ("b", "X", -40.0), ("b2", "X", -11.0), ("c", "X", 7.0)]
    groups = {"B": {"group_id": "BB"}, "B2": {"group_id": "BB", "fund_contribution": 2_500.0}}
    stated = {name: groups.get(name, {}) | members.get(name, {}) for name in {*groups, *members}}
    case = cycles.Small({"X": levels}, positions, accounts, stated)
    case.run(folder / "run", **asked)
    return open_run(folder / "run")


LIQUID = {name: {"liquidity": 1e6} for name in ("A", "B", "B2", "C", "DEALER")}
CALM = [100.0, 101.0, 99.0, 100.0, 91.0, 100.0]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """On the fifth day A is asked for more than it can pay."""
    members = LIQUID | {"A": {"liquidity": 500.0}}
    return simulation(tmp_path_factory.mktemp("failed"), CALM, members)


def of_days(run: Run, table: str) -> list[dict[str, Any]]:
    files = sorted((Path(run.name) / table).glob("*.parquet"))
    return [row for path in files for row in pl.read_parquet(path).to_dicts()]


def test_levels_are_those_of_the_latest_day(failed: Run) -> None:
    found, days, last = by_key(failed), rows(failed, "days"), rows(failed, "days")[-1]["date"]
    members = [row for row in of_days(failed, "members") if row["date"] == last]
    group = {row["member_id"]: row["group_id"] for row in members}
    assert group == {"A": "A", "B": "BB", "B2": "BB", "C": "C", "DEALER": "DEALER"}
    pools = [row | {"group_id": group[row["member_id"]]} for row in of_days(failed, "pools") if row["date"] == last]
    assert found["fund_over_cover_2"].value == cents(days[-1]["fund"]) / cents(days[-1]["cover_2"])
    assert found["two_largest_of_fund"].value == of_largest(by_group(members, "contribution"), 2)
    assert found["five_largest_of_margin"].value == of_largest(by_group(pools, "margin"), 5)
    assert all(str(last) in found[key].label for key in ("fund_over_cover_2", "two_largest_of_fund", "uncalled_margin"))


def test_margin_coverage_counts_pools_until_their_group_has_defaulted(failed: Run) -> None:
    days, members = rows(failed, "days"), of_days(failed, "members")
    pools = {(row["date"], row["pool_id"]): row for row in of_days(failed, "pools")}
    gone = {(row["date"], row["member_id"]) for row in members if row["in_default"]}
    dates = [row["date"] for row in days]
    observed = breaches = 0
    for before, day in pairwise(dates):
        for pool in {name for _, name in pools}:
            row = pools[day, pool]
            if (before, row["member_id"]) not in gone:
                observed += 1
                breaches += -(row["variation"] + row["premium"] + row["exercise"]) > row["held_before"]
    found = by_key(failed)["margin_coverage"]
    assert observed == 6 * 4 + 4  # A's two pools are gone on the last day
    assert breaches > 0
    assert found.value == 1 - breaches / observed
    said = f"{breaches} of {observed} pool-days were exceptions: the pool lost more in the day than it held"
    assert found.note == said


def test_unpaid_margin_is_that_of_the_worst_day(failed: Run, tmp_path: Path) -> None:
    (event,), days = rows(failed, "events"), {row["date"]: row for row in rows(failed, "days")}
    found = by_key(failed)["unpaid_margin"]
    assert (event["cause"], event["unpaid"] > 0) == ("liquidity", True)
    assert found.value == cents(event["unpaid"]) / cents(days[event["default_date"]]["margin"])
    assert str(event["default_date"]) in found.label
    calm = simulation(tmp_path, CALM, LIQUID)
    assert rows(calm, "events") == []
    assert (by_key(calm)["unpaid_margin"].value, by_key(calm)["unpaid_margin"].colour) == (0.0, "green")


def test_liquidity_used_is_the_most_that_a_day_asked_of_anybody(failed: Run) -> None:
    shares = {
        (row["date"], row["member_id"]): Fraction(cents(row["asked"]), cents(row["liquidity"]))
        for row in of_days(failed, "members")
    }
    (event,) = rows(failed, "events")
    worst = max(shares, key=lambda key: shares[key])
    found = by_key(failed)["liquidity_used"]
    assert worst == (event["default_date"], "A")
    assert found.value == float(shares[worst])
    assert found.value == cents(event["unpaid"]) / cents(500.0)  # one member, clients' calls fronted: all it owed
    assert found.note.startswith("A was asked for USD")
    assert found.colour == "red"


def test_who_has_no_liquidity_at_all_is_red_when_it_is_asked_for_a_cent(tmp_path: Path) -> None:
    found = by_key(simulation(tmp_path, CALM, LIQUID | {"C": {"liquidity": 0.0}}))["liquidity_used"]
    assert found.colour == "red"


def test_margin_not_held_is_of_pools_that_are_still_there(tmp_path: Path, failed: Run) -> None:
    assert by_key(failed)["uncalled_margin"].value == 0
    copy = Run(failed.name, failed.command, failed.manifest, failed.folder, {"pools": pools_short_of(failed, 10.0)})
    found = by_key(copy)["uncalled_margin"]
    last = [row for row in of_days(failed, "pools") if row["date"] == rows(failed, "days")[-1]["date"]]
    there = [row for row in last if row["member_id"] != "A" and row["held"] >= 10]
    assert len(there) == 4
    assert found.value == 10_00 * len(there) / sum(cents(row["margin"]) for row in last if row["member_id"] != "A")


def pools_short_of(run: Run, amount: float) -> pl.DataFrame:
    """The pools of a run as if every one of them held so much less than it is required to, where it holds that much."""
    held = pl.col("held")
    return run.table("pools").with_columns(held=pl.when(held >= amount).then(pl.col("margin") - amount).otherwise(held))


@pytest.mark.parametrize("seed", range(6))
def test_what_a_day_asks_of_a_member_is_what_its_accounts_pay(seed: int, tmp_path: Path) -> None:
    """From the rows of the ledger: a house's calls less what it receives, and every client pool by itself."""
    terms, given = open_case(random_cycle(seed), tmp_path)
    portfolio, fronts = terms.portfolio, terms.rulebook.settlement.members_front_client_calls
    words = ("variation", "premium", "exercise", "margin call", "margin return", "fund call", "fund return",
             "supplementary call", "supplementary return")  # fmt: skip
    for result in Cycle(terms, given).run():
        paid: dict[str, int] = defaultdict(int)
        for row in result.ledger.table(terms.dates[result.day], terms.digits).to_dicts():
            if row["movement"] in words:
                amount = round(row["amount"] * terms.minor)
                paid[row["from_account"]] += amount
                paid[row["to_account"]] -= amount
        due = result.calls - terms.by_pool(result.variation + result.premium + result.exercise)
        for place, member in enumerate(portfolio.members):
            if result.state.event[portfolio.member_group[place]]:
                continue
            asked = max(paid[f"house:{member}"], 0)
            if fronts:
                mine = portfolio.pools_of(np.array([place]))
                asked += sum(max(int(due[pool]), 0) for pool in mine if not portfolio.pool_house[pool])
            assert result.asked[place] == asked, (terms.dates[result.day], member)


# --- a back test ------------------------------------------------------------------------------------------------------


def test_margin_coverage_of_a_back_test_is_the_rulebooks_own_model(tmp_path: Path) -> None:
    run = back_tested(tmp_path, ["rulebook", "historical-var"])
    own = [row for row in rows(run, "backtest") if (row["model"], row["level"]) == ("rulebook", "account")]
    observed, beyond = (sum(int(row[name]) for row in own) for name in ("observations", "exceptions"))
    found = by_key(run)
    assert len(own) == len(ACCOUNTS) + 1
    assert found["margin_coverage"].value == 1 - beyond / observed
    assert {key for key, one in found.items() if one.colour == "unknown"} == set(LABELS) - {"margin_coverage"}


def test_a_back_test_of_other_models_says_nothing(tmp_path: Path) -> None:
    found = by_key(back_tested(tmp_path, ["historical-var"]))["margin_coverage"]
    assert (found.value, found.colour, found.reason) == (None, "unknown", "the rulebook's own model was not tested")


# --- what is not known is never green ---------------------------------------------------------------------------------


def test_what_a_sized_fund_does_not_know(run: Run, tmp_path: Path) -> None:
    found = by_key(run)
    unknown = {key for key, one in found.items() if one.colour == "unknown"}
    assert unknown == {"margin_coverage", "unpaid_margin", "liquidity_used"}
    assert all(found[key].reason and found[key].written == "not known" for key in unknown)
    bare = by_key(sized_run(tmp_path, small.book(POSITIONS, ACCOUNTS)))
    assert "the book has no collateral" in bare["uncalled_margin"].reason
    assert "state no average_daily_volume" in bare["days_to_liquidate"].reason
    assert {bare[key].colour for key in ("uncalled_margin", "days_to_liquidate")} == {"unknown"}


@pytest.mark.parametrize(("volume", "colour"), [(1e9, "unknown"), (1.0, "red")])
def test_days_known_in_part_are_a_least(tmp_path: Path, volume: float, colour: str) -> None:
    found = by_key(sized_run(tmp_path, book({"X": volume})))["days_to_liquidate"]
    assert found.colour == colour
    assert found.written.startswith("at least ")
    assert "state no average_daily_volume" in found.reason


def test_liquidity_that_some_do_not_state_is_known_in_part(tmp_path: Path) -> None:
    some = {name: {"liquidity": 1e6} for name in ("A", "C")}
    found = by_key(simulation(tmp_path / "some", CALM, some))["liquidity_used"]
    assert (found.colour, found.reason) == ("unknown", "3 of 5 members state no liquidity")
    assert found.value is not None
    nobody = by_key(simulation(tmp_path / "none", CALM, {}))["liquidity_used"]
    assert (nobody.value, nobody.colour, nobody.reason) == (
        None,
        "unknown",
        "no member of the book states its liquidity",
    )


def test_a_run_of_one_day_has_no_margin_coverage(tmp_path: Path) -> None:
    found = by_key(simulation(tmp_path, [100.0], LIQUID))["margin_coverage"]
    assert (found.colour, found.reason) == ("unknown", "the run has one day only")


def test_nothing_to_cover_is_green_without_a_value(tmp_path: Path) -> None:
    cash = {"a": 1e6, "DEALER": 1e6}
    made = small.book([("a", "X", 1.0)], {"a": ("A", "a", "house")}, None, None, cash)
    run = sized_run(tmp_path, made, stress={"resources": "held"})
    found = by_key(run)["fund_over_cover_2"]
    assert stated(run, "coverage")["cover_2"]["amount"] == 0
    assert (found.value, found.written, found.colour) == (None, "nothing to cover", "green")


def test_runs_with_nothing_to_watch_are_refused() -> None:
    with pytest.raises(InputError, match=r"a run with indicators was expected .*, this is one of ccp default"):
        indicators([Run("some", "default", {"rulebook": {}})])


# --- colours ----------------------------------------------------------------------------------------------------------

LITTLE = TooLittle(amber=1.05, red=1.0, action_amber="look", action_red="run")
MUCH = TooMuch(amber=0.3, red=0.7, action_amber="look", action_red="run")


@pytest.mark.parametrize(
    ("rules", "value", "colour"),
    [
        (LITTLE, "1.2", "green"),
        (LITTLE, "1.05", "green"),
        (LITTLE, "1.049999999999999999999", "amber"),
        (LITTLE, "1", "amber"),
        (LITTLE, "0.999999999999999999999", "red"),
        (MUCH, "0", "green"),
        (MUCH, "0.3", "green"),
        (MUCH, "0.300000000000000000001", "amber"),
        (MUCH, "0.7", "amber"),
        (MUCH, "0.700000000000000000001", "red"),
    ],
)
def test_on_a_threshold_is_not_beyond_it(rules: Any, value: str, colour: str) -> None:
    assert colour_of(IndicatorValue(Fraction(value)), rules) == colour
    assert rules.action(colour) == {"green": "", "amber": "look", "red": "run"}[colour]
    partly = colour_of(IndicatorValue(Fraction(value), reason="in part"), rules)
    assert partly == ("unknown" if colour == "green" else colour)


def test_thresholds_may_be_the_same() -> None:
    rules = TooMuch(amber=0, red=0, action_amber="a", action_red="b")
    assert [colour_of(IndicatorValue(Fraction(value)), rules) for value in ("0", "1/100000")] == ["green", "red"]


def test_a_value_is_written_apart_from_the_thresholds_that_it_has_passed() -> None:
    bounds = (Fraction("0.995"), Fraction("0.99"))
    assert written_value(Fraction("0.98996"), "share", bounds) == "98.996%"
    assert written_value(Fraction("0.9899999996"), "share", bounds) == "98.99999996%"
    assert written_value(Fraction("0.9123456"), "share", bounds) == "91.23%"
    assert written_value(Fraction("0.9950001"), "share", ()) == "99.50%"
    assert written_value(Fraction(1, 3), "days", ()) == "0.33 days"
    assert written_value(Fraction(25), "share", ()) == "2,500.00%"


def test_a_fund_just_sized_with_a_buffer_is_on_the_threshold_of_that_buffer(tmp_path: Path) -> None:
    """1.1 times cover-2, rounded up to a cent, is not below 1.1: in floating point it may seem so."""
    thresholds = {"amber": 1.1, "red": 1.0, "action_amber": "a", "action_red": "b"}
    for place, scale in enumerate((1.0, 0.37, 2.9, 0.11)):
        scaled = [(account, name, quantity * scale) for account, name, quantity in POSITIONS]
        run = sized_run(
            tmp_path / str(place),
            small.book(scaled, ACCOUNTS, GROUPS),
            indicators={"fund_over_cover_2": thresholds},
            fund={"buffer": 0.1},
        )
        found = by_key(run)["fund_over_cover_2"]
        assert (found.colour, found.written, found.stated) == ("green", "110.00%", True)


def test_the_rulebooks_thresholds_and_actions_are_taken_and_the_programs_are_marked(tmp_path: Path) -> None:
    stated = {"five_largest_of_margin": {"amber": 0.1, "red": 0.2, "action_amber": "a", "action_red": "tell them"}}
    found = by_key(sized_run(tmp_path, book(VOLUMES), indicators=stated))
    five = found["five_largest_of_margin"]
    assert (five.colour, five.action, five.stated) == ("red", "tell them", True)
    assert five.thresholds == ("above 10%", "above 20%")
    assert {one.stated for key, one in found.items() if key != "five_largest_of_margin"} == {False}
    assert found["margin_coverage"].thresholds == ("below 99.5%", "below 99%")
    assert found["fund_over_cover_2"].action == "none is stated"


def test_default_thresholds_follow_the_margin_of_the_rulebook(tmp_path: Path) -> None:
    rules = {"margin": {"confidence": 0.9, "liquidation_days": 5}}
    found = by_key(sized_run(tmp_path, book(VOLUMES), **rules))
    assert (found["margin_coverage"].amber, found["margin_coverage"].red) == (0.95, 0.9)
    assert (found["days_to_liquidate"].amber, found["days_to_liquidate"].red) == (5, 10)


def test_of_several_runs_the_worst_that_is_known_is_shown(run: Run, failed: Run, tmp_path: Path) -> None:
    alone, together = by_key(run), by_key(run, failed)
    assert together["liquidity_used"].run == failed.name
    assert together["days_to_liquidate"].run == run.name
    for key, one in together.items():
        ranks = ["unknown", "green", "amber", "red"]
        worst = max((by_key(which)[key] for which in (run, failed)), key=lambda found: ranks.index(found.colour))
        assert one.colour == worst.colour
    tested = back_tested(tmp_path, ["historical-var"])
    neither = by_key(run, tested)["unpaid_margin"]
    reasons = [
        f"{run.name}: {alone['unpaid_margin'].reason}",
        f"{tested.name}: a back test does not say; ccp simulate does",
    ]
    assert neither.reason == "; ".join(reasons)
    assert [one.key for one in indicators([run, failed])] == list(LABELS)
    assert indicators([]) == []


def test_an_indicator_that_is_forgotten_somewhere_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be missing on the screen, or never be read."""
    run = sized_run(tmp_path, book())
    label = LABELS["unpaid_margin"]
    monkeypatch.delitem(LABELS, "unpaid_margin")
    with pytest.raises(ValueError, match="a label and those of rulebooks differ: unpaid_margin"):
        indicators([run])
    monkeypatch.setitem(LABELS, "unpaid_margin", label)
    without = defaults(0.99, 2).model_copy(update={"unpaid_margin": None})
    with monkeypatch.context() as patch:
        patch.setattr("ccp.report.indicators.judged.defaults", lambda *given: without)
        with pytest.raises(ValueError, match="and those of thresholds of our own differ: unpaid_margin"):
            indicators([run])
    monkeypatch.setattr("ccp.report.indicators.sized.sized", lambda run: {})
    with pytest.raises(ValueError, match="a label and those of ccp size differ: days_to_liquidate, "):
        indicators([run])


def test_the_worst_colour() -> None:
    def of(*colours: Any) -> str:
        base = Indicator("k", "l", None, "share", "", 0, 0, True, "green", "", True, "r", (), "", "")
        return worst_colour([replace(base, colour=colour) for colour in colours])

    assert of() == of("unknown") == "unknown"
    assert of("unknown", "green") == "green"
    assert of("green", "amber", "unknown") == "amber"
    assert of("amber", "red", "green") == "red"


# --- thresholds in rulebooks ------------------------------------------------------------------------------------------

SOUND = """\
name: r
currency: USD
margin: {confidence: 0.99, lookback_days: 100, liquidation_days: 2}
tiers: [defaulter_margin]
indicators:
  fund_over_cover_2: {amber: 1.05, red: 1, action_amber: look, action_red: run}
  days_to_liquidate:
    amber: {value: 5, unit: days, date: 2024-12-31, source: its procedure}
    red: 10
    action_amber: look
    action_red: run
"""


def test_thresholds_are_read_with_their_sources(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(SOUND)
    rules = load_rulebook(tmp_path / "r.yaml")
    assert rules.indicators.days_to_liquidate is not None
    assert (rules.indicators.days_to_liquidate.amber, rules.indicators.margin_coverage) == (5, None)
    assert [figure.path for figure in rules.figures] == ["indicators.days_to_liquidate.amber"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "amber: 1.05, red: 1,",
            "amber: 1, red: 1.05,",
            "red not above amber was expected, a low value being bad: red 1.05, amber 1",
        ),
        ("red: 10", "red: 4", "red not below amber was expected, a high value being bad: red 4, amber 5"),
        ("amber: 1.05", "amber: -0.1", "at least 0 was expected"),
        ("red: 10", "red: 1001", "at most 1000 was expected"),
        ("action_red: run}", "action_red: ''}", "text was expected, it is empty"),
        (", action_red: run}", "}", "this key is required"),
        ("amber: 1.05, ", "", "this key is required"),
        ("days_to_liquidate", "days_to_sell", "unknown key"),
        ("red: 10", "red: soon", "a number was expected"),
        ("red: 10", "red: 10\n    green: 1", "unknown key"),
        ("{amber: 1.05, red: 1,", "{amber: 1.05, red: .nan,", "a finite number was expected"),
        (
            "indicators:\n",
            "indicators:\n  margin_coverage: {amber: 1.5, red: 0.9, action_amber: a, action_red: b}\n",
            "at most 1 was expected",
        ),
    ],
)
def test_thresholds_that_make_no_sense_are_one_clear_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(SOUND.replace(old, new, 1))
    with pytest.raises(InputError) as refused:
        load_rulebook(path)
    (line,) = refused.value.message.splitlines()
    assert says in line


def test_a_damaged_manifest_is_one_line(tmp_path: Path) -> None:
    run = sized_run(tmp_path, book(VOLUMES))
    run.manifest["rulebook"]["indicators"] = {"fund_over_cover_2": {"amber": 1}}
    with pytest.raises(InputError, match=r"manifest\.json"):
        indicators([run])
