"""`what_if` against `size` of the changed book, bit for bit, and what of the book it measures again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from support import changed_books as books
from support import small_books as small
from support.case_files import write_scenarios
from support.changed_runs import ACCOUNTS, GROUPS, POSITIONS, RULES, TIERS, changes, texts
from support.modes import PLAIN
from support.random_books import RandomCase, Row

import ccp
from ccp.book.book import Book
from ccp.market.history import Market
from ccp.rulebook.load import shipped_names
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.with_rules import with_rules
from ccp.stress import what_if as measuring

SEEDS = range(3) if PLAIN else range(10)


class Run(NamedTuple):
    """A random case, sized, with what it keeps."""

    case: RandomCase
    seed: int
    folder: Path
    arguments: Row

    def size(self, book: Row, rules: Row | None = None) -> ccp.Sizing:
        """The full run of a changed book."""
        return ccp.size(books.book_of(book), books.rules_of(rules or self.case.rules), **self.arguments)


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"book{seed}")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    case, folder = books.dressed_case(request.param), tmp_path_factory.mktemp("run")
    given = None if case.given is None else write_scenarios(case.given, folder / "own scenarios", "csv")
    found = Run(
        case,
        request.param,
        folder / "sized",
        {"market": books.market_of(case.market), "day": case.day, "scenarios": given},
    )
    ccp.size(books.book_of(case.book), books.rules_of(case.rules), **found.arguments, base=True).write(found.folder)
    return found


def compare(found: ccp.WhatIf, expected: ccp.Sizing) -> None:
    said, wanted = texts(found.sizing), texts(expected)
    for name in wanted:
        assert said[name] == wanted[name], name
    assert json.dumps(found.coverage) == wanted["coverage"]


# --- the answer -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", books.KINDS)
def test_one_kind_of_change_is_the_changed_book_sized_anew(run: Run, kind: str) -> None:
    rng = np.random.default_rng([run.seed, books.KINDS.index(kind)])
    document = books.random_changes(rng, run.case.book, (kind,))
    if not document:
        pytest.skip("nothing would be left")
    compare(ccp.what_if(run.folder, changes(**document)), run.size(books.changed(run.case.book, document)))


@pytest.mark.parametrize("draw", range(3))
def test_many_changes_at_once_are_the_changed_book_sized_anew(run: Run, draw: int) -> None:
    rng = np.random.default_rng([run.seed, 100 + draw])
    kinds = tuple(str(kind) for kind in rng.choice(books.KINDS, 4, replace=False))
    document = books.random_changes(rng, run.case.book, kinds)
    if not document:
        pytest.skip("nothing would be left")
    rules = [*books.other_rules(run.case.rules), {}][int(rng.integers(6))]
    found = ccp.what_if(run.folder, changes(**document), changes(rules=rules))
    after = books.changed(run.case.book, document)
    compare(found, run.size(after, books.with_rules_set(run.case.rules, rules)))


def test_rules_that_no_pool_feels(run: Run) -> None:
    for rules in books.other_rules(run.case.rules):
        found = ccp.what_if(run.folder, changes(rules=rules))
        assert found.measured == 0
        compare(found, run.size(run.case.book, books.with_rules_set(run.case.rules, rules)))


def test_rules_that_every_pool_may_feel(run: Run) -> None:
    for place, rules in enumerate(books.other_measures(run.case.rules)):
        document = books.random_changes(np.random.default_rng([run.seed, place]), run.case.book, ("trades",))
        wanted, after = changes(**document, rules=rules), books.changed(run.case.book, document)
        try:
            expected = run.size(after, books.with_rules_set(run.case.rules, rules))
        except ccp.InputError as error:  # nothing plausible is left, for one
            with pytest.raises(ccp.InputError, match=re.escape(error.problems[0].expected)):
                ccp.what_if(run.folder, wanted)
            continue
        found = ccp.what_if(run.folder, wanted)
        assert found.measured == found.accounts
        compare(found, expected)


# --- what is measured again -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    book = small.book(POSITIONS, ACCOUNTS, GROUPS)
    return ccp.size(book, books.rules_of(RULES), small.market(), base=True).write(
        tmp_path_factory.mktemp("small") / "run"
    )


TOUCHED: list[tuple[Row, list[str], list[str]]] = [
    ({"scale": [{"account_id": "b", "by": 2}]}, ["b"], ["b"]),
    ({"scale": [{"account_id": "g2", "by": 2}]}, ["g1", "g2"], ["g1", "g2"]),  # a pool is measured whole
    ({"scale": [{"member_id": "B", "by": 0}]}, ["b", "c"], ["b", "c"]),
    ({"trades": [{"account_id": "d", "instrument_id": "X", "quantity": 1}]}, ["d"], ["d"]),
    ({"remove": [{"account_id": "g1"}]}, ["g1", "g2"], ["g2"]),
    ({"remove": [{"account_id": "a"}]}, ["a"], []),
    ({"remove": [{"member_id": "A"}]}, ["a", "g1", "g2"], []),
    ({"add_accounts": [{"account_id": "n", "member_id": "D", "kind": "client"}]}, [], ["n"]),
    ({"add_accounts": [{"account_id": "n", "member_id": "B", "kind": "client", "pool_id": "c"}]}, ["c"], ["c", "n"]),
    ({"add_members": [{"member_id": "AA"}], "remove": [{"account_id": "a"}]}, ["a"], []),
    ({"rules": {"fund.cover": 1, "stress.house_surplus_covers_clients": False}}, [], []),
]


@pytest.mark.parametrize(("document", "before", "after"), TOUCHED, ids=lambda one: json.dumps(one)[:60])
def test_only_touched_pools_are_measured(
    small_run: Path, monkeypatch: pytest.MonkeyPatch, document: Row, before: list[str], after: list[str]
) -> None:
    """Those that change as they were and as they are, and nothing else: seen by what they hold."""
    seen: list[list[int]] = []
    measure_part = measuring.measure_part

    def watched(model: Any, part: Any, lines: Any) -> Any:
        seen.append(np.diff(part.positions.offset).tolist())
        return measure_part(model, part, lines)

    monkeypatch.setattr(measuring, "measure_part", watched)
    found = ccp.what_if(small_run, changes(**document))
    assert [len(one) for one in seen] == [len(before), len(after)]
    assert found.measured == len(after)
    held = {name: sum(account == name for account, _, _ in POSITIONS) for name in ACCOUNTS}
    assert sorted(seen[0]) == sorted(held[name] for name in before)


def test_groups_that_go_and_come_change_every_number_of_a_group(small_run: Path) -> None:
    """`aa` is the first of the groups; paper of a group is told by its place among them."""
    new = {"member_id": "N", "group_id": "zz"}
    found = ccp.what_if(small_run, changes(remove=[{"member_id": "B"}], add_members=[new]))
    assert found.sizing.tables["losses"]["group_id"].unique().sort().to_list() == ["DEALER", "west", "zz"]
    moved = {row["member_id"]: row for row in found.contributions.to_dicts()}
    assert (moved["B"]["after"], moved["N"]["before"]) == (None, None)
    assert found.contributions["member_id"].to_list() == ["A", "B", "D", "DEALER", "N"]


def test_figures_come_without_tables_and_stories(small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which take longer, and are made when they are asked for."""

    def refused(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("ccp.api.size.result_tables", refused)
    found = ccp.what_if(small_run, changes(scale=[{"account_id": "b", "by": 2}]))
    assert found.coverage["fund"]["required"] > found.before["fund"]["required"]
    with pytest.raises(AssertionError):
        _ = found.sizing


# --- rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_rulebooks_come_back_as_they_were(name: str) -> None:
    """From what a run keeps of them, and with one rule changed, which takes its figure along."""
    rules = ccp.read_rulebook(name)
    assert Rulebook.model_validate_json(rules.model_dump_json(by_alias=True)) == rules
    stated = rules.model_dump(mode="json", by_alias=True)
    stated["fund"]["buffer"] = 0.375
    stated["figures"] = [one for one in stated["figures"] if one["path"] != "fund.buffer"]
    assert with_rules(rules, [("fund.buffer", 0.375)]).model_dump(mode="json", by_alias=True) == stated


def test_a_mapping_changes_what_it_names_and_a_list_is_replaced() -> None:
    rules = ccp.read_rulebook("textbook/cover-two")
    found = with_rules(
        rules, [("fund", {"cover": 3}), ("tiers.2", {"ccp_capital": {"amount": 5}}), ("margin.floor", {})]
    )
    assert (found.fund.cover, found.fund.buffer, found.margin.floor.lookback_days) == (3, rules.fund.buffer, 2500)  # type: ignore[union-attr]
    assert found.tiers[2].model_dump(include={"amount", "share_of_fund"}) == {"amount": 5, "share_of_fund": None}
    assert with_rules(rules, [("stress.multiples", [1, 7])]).stress.multiples == (1, 7)
    assert with_rules(rules, [("fund.cover", 3), ("fund", {"cover": 4}), ("fund.cover", 5)]).fund.cover == 5


def test_figures_inside_what_is_replaced_are_dropped() -> None:
    rules = ccp.read_rulebook("published/eurex")
    inside = [one.path for one in rules.figures if one.path.startswith("tiers.")]
    assert inside
    found = with_rules(rules, [("tiers", TIERS)])
    assert [one.path for one in found.figures] == [one.path for one in rules.figures if one.path not in inside]


def test_another_currency_measures_everything(tmp_path: Path) -> None:
    """Every factor of exchange is another one, and every amount."""
    base = small.market()
    levels = base.levels.with_columns((1 / pl.col("EUR/USD")).alias("USD/EUR"))
    factor = base.factors.filter(pl.col("factor_id") == "EUR/USD").with_columns(factor_id=pl.lit("USD/EUR"))
    market = Market(levels, pl.concat([base.factors, factor]), {})
    book = small.book(POSITIONS, ACCOUNTS, GROUPS)
    run = ccp.size(book, books.rules_of(RULES), market, base=True).write(tmp_path / "run")
    found = ccp.what_if(run, changes(rules={"currency": "EUR"}))
    compare(found, ccp.size(book, books.rules_of(RULES | {"currency": "EUR"}), market))
    assert found.measured == found.accounts
    with pytest.raises(ccp.InputError, match="the market has no history of this factor"):
        ccp.what_if(run, changes(rules={"currency": "GBP"}))


def test_a_factor_that_nothing_needs_any_more_changes_the_scenarios(tmp_path: Path) -> None:
    """Only the collateral of one pool is in euro: without it the worst windows of the history are others."""
    history = {"historical": {"worst": 3}}
    rules = books.rules_of(RULES | {"stress": history, "margin": RULES["margin"] | {"lookback_days": 60}})
    market, positions = small.market(), [("a", "X", 1000.0), ("b", "Y", -700.0), ("c", "X", 444.0)]
    levels = market.levels.with_columns(pl.col("EUR/USD") * pl.Series([1.0] * 70 + [0.3] + [1.0] * 59))
    market = Market(levels, market.factors, {})
    accounts = {name: ACCOUNTS[name] for name in "abcd"}
    table = pl.DataFrame({"pool_id": ["b", "c"], "asset_id": "cash", "market_value": 900.0, "haircut": 0.1})
    table = table.with_columns(currency=pl.Series([None, "EUR"]))

    def without(names: str) -> Book:
        left = small.book(positions, accounts)
        tables: dict[str, Any] = {name: getattr(left, name) for name in ("members", "instruments")}
        for name in ("accounts", "positions"):
            tables[name] = getattr(left, name).filter(~pl.col("account_id").is_in(list(names)))
        tables["instruments"] = tables["instruments"].filter(pl.col("instrument_id") != "FX")
        tables["collateral"] = table.filter(~pl.col("pool_id").is_in(list(names)))
        return ccp.book_from_frames(tables, matched=False)

    run = ccp.size(without(""), rules, market, base=True).write(tmp_path / "run")
    found = ccp.what_if(run, changes(remove=[{"account_id": "c"}]))
    assert found.measured == found.accounts
    compare(found, ccp.size(without("c"), rules, market))
    compare(ccp.what_if(run, changes(remove=[{"account_id": "d"}])), ccp.size(without("d"), rules, market))


# --- what is said -----------------------------------------------------------------------------------------------------


def unmatched(run: Path, *wanted: ccp.Changes) -> list[float]:
    """In how many instruments quantities do not sum to zero, where a note says so."""
    return [note.have for note in ccp.what_if(run, *wanted).notes if note.id == "unmatched"]


def test_what_is_not_matched_is_said(tmp_path: Path) -> None:
    """Also under rules that refuse such a book: the other side of a change may not be known yet."""
    rules = books.rules_of(RULES | {"book": {"matched": True}})
    run = ccp.size(small.book(POSITIONS, ACCOUNTS, GROUPS), rules, small.market(), base=True).write(tmp_path / "run")
    one = {"account_id": "a", "instrument_id": "X", "quantity": 0.1}
    other = {"account_id": "DEALER", "instrument_id": "X", "quantity": -0.1}
    assert unmatched(run, changes(trades=[one])) == [1]
    assert unmatched(run, changes(trades=[one, other])) == []
    assert unmatched(run, changes(scale=[{"member_id": "DEALER", "by": 3}])) == [3]
    members = [{"member_id": name, "by": 0.7} for name in ("A", "B", "D", "DEALER")]
    assert unmatched(run, changes(scale=members)) == []
    assert unmatched(run, changes(remove=[{"member_id": "B"}])) == [2]
    loose = {"rules": {"book.matched": False}, "trades": [one]}
    assert unmatched(run, changes(**loose)) == []


def test_a_book_that_was_never_matched_is_looked_at_whole(tmp_path: Path) -> None:
    tables = {name: getattr(small.book(POSITIONS, ACCOUNTS), name) for name in ("members", "accounts", "instruments")}
    positions = pl.DataFrame(POSITIONS, schema=["account_id", "instrument_id", "quantity"], orient="row")
    book = ccp.book_from_frames(tables | {"positions": positions}, matched=False)
    run = ccp.size(book, books.rules_of(RULES), small.market(), base=True).write(tmp_path / "run")
    assert unmatched(run, changes(rules={"fund.cover": 1})) == []
    assert unmatched(run, changes(rules={"book.matched": True})) == [3]


def test_holdings_too_large_are_refused_as_a_full_run_refuses_them(small_run: Path) -> None:
    trade = {"account_id": "a", "instrument_id": "X", "quantity": 1e14}
    positions = [("a", "X", 1e14 + 1000), *POSITIONS[1:]]
    with pytest.raises(ccp.InputError) as full:
        ccp.size(small.book(positions, ACCOUNTS, GROUPS), books.rules_of(RULES), small.market())
    with pytest.raises(ccp.InputError, match="all holdings of an instrument may be worth") as found:
        ccp.what_if(small_run, changes(trades=[trade, trade | {"account_id": "DEALER", "quantity": -1e14}]))
    assert (found.value.problems[0].field, found.value.problems[0].value) == ("instrument_id", "X")
    assert found.value.message[:70] == full.value.message[:70]


def test_changes_from_several_places_are_set_one_after_the_other(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "changes.yaml").write_text("scale: [{account_id: b, by: 2}]\nrules: {fund: {cover: 1}}\n")
    parts = tmp_path / "changes.yaml", changes(scale=[{"account_id": "b", "by": 3}], rules={"fund.cover": 3})
    found = ccp.what_if(small_run, *parts)
    at_once = ccp.what_if(small_run, changes(scale=[{"account_id": "b", "by": 6}], rules={"fund.cover": 3}))
    assert texts(found.sizing) == texts(at_once.sizing)
    assert found.coverage["cover"] == 3
    assert ccp.read_changes(parts[0]).scale[0].by == 2
