"""Rulebooks written and read back; own capital set and moved; a further multiple of shocks; a fund of a fixed size."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support import small_books as small
from support.modes import NO_KERNEL
from support.random_waterfalls import random_tiers
from support.rulebooks import rulebook_of

import ccp
from ccp.errors import InputError
from ccp.rulebook.load import load_rulebook, rulebook_schema, shipped_names
from ccp.rulebook.own_capital import first_place, other_tiers, own_place, tranches, with_own_capital
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.shocks import with_multiple
from ccp.rulebook.tier_forms import parts_of
from ccp.rulebook.tiers import CcpCapital
from ccp.rulebook.with_rules import with_rules
from ccp.rulebook.written import rulebook_text
from ccp.scenarios.stress_set import stress_scenarios

NAMES = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=40)
OWN = CcpCapital.model_fields["tier"].default


def read_back(rulebook: Rulebook, path: Path) -> Rulebook:
    path.write_text(rulebook_text(rulebook, ["saved by a test", "of two\nlines"]), encoding="utf-8")
    return load_rulebook(path)


def check_reads_back(rulebook: Rulebook, path: Path) -> None:
    """The same rules, and the same figures in whatever order."""
    found = read_back(rulebook, path)
    assert found.model_copy(update={"figures": ()}) == rulebook.model_copy(update={"figures": ()})
    assert {one.path: one for one in found.figures} == {one.path: one for one in rulebook.figures}
    assert len(found.figures) == len(rulebook.figures)


def words(rulebook: Rulebook) -> list[list[str]]:
    return [[part.word for part in parts_of(tier)] for tier in rulebook.tiers]


# --- written ----------------------------------------------------------------------------------------------------------


@NO_KERNEL
@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_rulebook_reads_back(name: str, tmp_path: Path) -> None:
    rules = load_rulebook(name)
    check_reads_back(rules, tmp_path / "rules.yaml")
    document = YAML(typ="safe").load(tmp_path / "rules.yaml")
    jsonschema.validate(_plain(document), rulebook_schema())


def _plain(document: Any) -> Any:
    """Dates as texts, as JSON has them."""
    if isinstance(document, dict):
        return {name: _plain(value) for name, value in document.items()}
    if isinstance(document, list):
        return [_plain(value) for value in document]
    return document if isinstance(document, str | int | float) or document is None else str(document)


@given(st.integers(0, 2**40), NAMES, NAMES)
def test_any_tiers_and_any_words_read_back(
    tmp_path_factory: pytest.TempPathFactory, seed: int, name: str, description: str
) -> None:
    rules = rulebook_of(random_tiers(Random(seed), 10**6), 60_000.0)
    named = rules.model_copy(update={"name": name, "description": description})
    check_reads_back(named, tmp_path_factory.mktemp("written") / "rules.yaml")


def test_what_is_as_it_would_be_anyway_is_left_out(tmp_path: Path) -> None:
    text = rulebook_text(load_rulebook("textbook/cover-two"), ["from a test"])
    document = YAML(typ="safe").load(text)
    assert text.startswith("# from a test\nname: Textbook, cover two\n")
    assert document["fund"] == {"buffer": 0.1, "floor": 10_000_000, "minimum_contribution": 500_000}
    assert document["stress"]["hypothetical"] == ["market_gaps", "sector_gaps", "currency_gaps"]
    assert document["tiers"][:3] == ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"share_of_fund": 0.1}}]
    assert set(document["margin"]) == {"confidence", "lookback_days", "liquidation_days"}


def test_tiers_side_by_side_may_have_a_name(tmp_path: Path) -> None:
    beside = {"tier": "pari_passu", "name": "side by side", "parts": ["survivors_fund", {"insurance": {"amount": 5}}]}
    path = tmp_path / "rules.yaml"
    YAML().dump({"name": "T", "currency": "USD", "margin": MARGIN, "tiers": [*DEFAULTER, beside]}, path)
    rules = load_rulebook(path)
    assert rules.tiers[2].name == "side by side"
    check_reads_back(rules, path)
    assert with_rules(rules, [("fund.cover", 3)]).tiers == rules.tiers


MARGIN = {"confidence": 0.99, "lookback_days": 100, "liquidation_days": 2}
DEFAULTER = ["defaulter_margin", "defaulter_fund"]


# --- own capital ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped_names())
def test_own_capital_is_one_tranche_at_any_place_and_the_rest_stays(name: str, tmp_path: Path) -> None:
    rules = load_rulebook(name)
    others = [[part.word for part in parts_of(tier)] for tier in other_tiers(rules)]
    end = words(rules)[len(words(rules)) :] or ([["uncovered"]] if rules.tiers[-1].word == "uncovered" else [])
    for place in range(first_place(rules), len(others) + 1):
        moved = with_own_capital(rules, 1234.5, place)
        assert words(moved) == [*others[:place], [OWN], *others[place:], *end]
        assert [tranche.amount for tranche in tranches(moved)] == [1234.5]
        assert own_place(moved) == place
    check_reads_back(with_own_capital(rules, None, first_place(rules)), tmp_path / "rules.yaml")


@pytest.mark.parametrize("name", shipped_names())
def test_figures_go_with_their_tiers(name: str) -> None:
    rules = load_rulebook(name)
    for amount, place in ((5.0, None), (None, len(other_tiers(rules))), (7.0, first_place(rules))):
        moved = with_own_capital(rules, amount, place)
        own = {one.amount for one in tranches(rules)}
        for figure in moved.figures:
            value: Any = moved
            for step in figure.path.split("."):
                value = value[int(step)] if step.isdigit() else getattr(value, step)
            assert value == figure.value
        kept = [one.value for one in moved.figures if not one.path.startswith("tiers.")]
        assert kept == [one.value for one in rules.figures if not one.path.startswith("tiers.")]
        lost = {one.value for one in rules.figures} - {one.value for one in moved.figures}
        assert lost <= {one.value for one in rules.figures if one.value in own or OWN in _tier_of(rules, one.path)}


def _tier_of(rules: Rulebook, path: str) -> list[str]:
    return [part.word for part in parts_of(rules.tiers[int(path.split(".")[1])])] if path.startswith("tiers.") else []


def test_an_amount_alone_leaves_the_capital_where_it_stands() -> None:
    capital_last = with_own_capital(load_rulebook("textbook/capital-last"), 9.0, None)
    assert words(capital_last) == [["defaulter_margin"], ["defaulter_fund"], ["survivors_fund"], [OWN], ["uncovered"]]
    beside = rulebook_of([*DEFAULTER, {"pari_passu": ["survivors_fund", {OWN: {"amount": 3}}]}, {OWN: {"amount": 4}}])
    assert words(with_own_capital(beside, 9.0, None)) == [*([word] for word in DEFAULTER), ["survivors_fund", OWN]]
    assert words(with_own_capital(beside, 9.0, 2)) == [*([word] for word in DEFAULTER), [OWN], ["survivors_fund"]]


def test_a_rulebook_without_own_capital_gets_it_behind_the_defaulters() -> None:
    rules = rulebook_of([*DEFAULTER, "survivors_fund"])
    assert own_place(rules) is None
    assert words(with_own_capital(rules, 9.0, None))[2] == [OWN]
    assert with_own_capital(rules, None, 3) == rules


def test_a_place_alone_moves_the_capital_as_it_is_stated() -> None:
    moved = with_own_capital(load_rulebook("textbook/cover-two"), None, 3)
    assert moved.tiers == load_rulebook("textbook/capital-last").tiers
    assert with_own_capital(moved, None, None) is moved


# --- a further multiple -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stress", "multiples", "sizes"),
    [
        ({}, {1.0, 1.7}, {1.0}),
        ({"multiples": [1, 2]}, {1.0, 1.7, 2.0}, {1.0, 1.7, 2.0}),
        ({"multiples": [1, 1.7]}, {1.0, 1.7}, {1.0, 1.7}),
        ({"plausible": {"multiple": 5}}, {1.0, 1.7}, {1.0, 1.7}),
        ({"historical": {"worst": 2, "multiples": [1, 3]}, "plausible": {"multiple": 1}}, {1.0, 1.7, 3.0}, {1.0}),
        (
            {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.2], "multiples": [1, 1.5]}]},
            {1.0, 1.5, 1.7},
            {1, 1.5},
        ),
    ],
)
def test_a_multiple_is_run_and_nothing_more_extreme_than_before_sizes_the_fund(
    stress: dict[str, Any], multiples: set[float], sizes: set[float]
) -> None:
    rules, market = small.rulebook(stress=stress), small.market()
    before = stress_scenarios(rules, market, market.factor_ids)
    found = stress_scenarios(with_multiple(rules, 1.7), market, market.factor_ids)
    assert {label.multiple for label in found.labels} == multiples
    assert {label.multiple for label in found.labels if label.sizes_fund} == sizes
    at = [label.scenario_id for label in found.labels if label.multiple == 1.7]
    assert {name.removesuffix("@1.7x") for name in at} == {name for name in before.ids if "@" not in name}
    assert [name for name in found.ids if name in before.ids] == before.ids
    assert with_multiple(with_multiple(rules, 1.7), 1.7) == with_multiple(rules, 1.7)


# --- a fund of a fixed size -------------------------------------------------------------------------------------------

POSITIONS = [("a", "X", 30.0), ("b", "X", -20.0), ("b", "FX", 4.0), ("c", "Y", -25.0)]
ACCOUNTS = {name: (name.upper(), name, "house") for name in "abc"}


def sized(contributions: dict[str, float] | None = None, **fund: Any) -> ccp.Sizing:
    book = small.book(POSITIONS, ACCOUNTS, None, contributions)
    return ccp.size(book, small.rulebook(fund=fund), small.market())


@pytest.mark.parametrize("size", [0, 0.01, 1234.565, 5e6])
def test_a_fixed_size_is_the_fund_whatever_else_is_asked_for(size: float) -> None:
    found = sized(size=size, floor=1e5, buffer=0.5, covers_emir_42_3=True)
    assert found.coverage["fund"]["required"] == np.ceil(round(size * 100, 6)) / 100
    assert found.coverage["fund"]["bound_by"] == "fixed size"
    assert found.tables["contributions"]["contribution"].sum() == pytest.approx(found.coverage["fund"]["required"])
    usual = sized(floor=1e5, buffer=0.5, covers_emir_42_3=True)
    assert found.tables["contributions"]["weight"].equals(usual.tables["contributions"]["weight"])


def test_minimum_contributions_are_kept_in_a_fund_of_a_fixed_size() -> None:
    found = sized(size=100.0, minimum_contribution=50.0)
    assert (found.coverage["fund"]["required"], found.coverage["fund"]["bound_by"]) == (200.0, "minimum contributions")
    assert set(found.tables["contributions"]["contribution"]) == {50.0}


def test_what_is_posted_is_not_in_force_in_a_fund_of_a_fixed_size() -> None:
    posted = {"A": 100.0, "B": 200.0, "C": 300.0, "DEALER": 400.0}
    usual, found = sized(posted), sized(posted, size=5000.0)
    assert (usual.coverage["fund"]["in_force"], found.coverage["fund"]["in_force"]) == ("posted", "required")
    assert found.coverage["fund"]["posted"] == usual.coverage["fund"]["posted"] == 1000.0
    assert found.worst_event["fund_in_force"] == "required"
    assert found.coverage["ccp_capital"] == 500.0  # a tenth of what is in force
    without = sized(size=5000.0)
    assert found.tables["waterfall"].equals(without.tables["waterfall"])
    assert found.coverage["coverage_test"] == without.coverage["coverage_test"]


@pytest.mark.parametrize("size", [-1, "much", 1e15])
def test_a_size_that_is_none_is_refused(size: Any) -> None:
    with pytest.raises(InputError, match=r"fund\.size"):
        with_rules(load_rulebook("textbook/cover-two"), [("fund.size", size)])
