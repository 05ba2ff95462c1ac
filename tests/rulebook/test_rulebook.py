"""Rulebooks: what loads, what is refused and where, the order of tiers, and the JSON Schema against the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from support.modes import NO_KERNEL

from ccp.errors import InputError, Problem
from ccp.rulebook.load import load_rulebook, rulebook_path, rulebook_schema, shipped_directory, shipped_names
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.stress import GAP_SIZES, HistoricalStress, LadderName, Plausible, RateShifts
from ccp.rulebook.tiers import CcpCapital, DefaulterFund, DefaulterMargin, SurvivorsFund, Uncovered

# The rulebook of the design, section 7, to the letter.
pytestmark = NO_KERNEL
SAMPLE = """\
name: Textbook, cover two
currency: USD
margin:
  measure: expected_shortfall        # or value_at_risk
  confidence: 0.99
  lookback_days: 500                 # margin scenarios: the last 500 overlapping returns
  liquidation_days: 2
stress:
  house_surplus_covers_clients: true # phi
  historical: {worst: 10}            # worst windows of the history
  hypothetical: [market_gaps, sector_gaps]
  multiples: [1, 1.5, 2, 3]
fund:
  cover: 2
  buffer: 0.10
  floor: 0
  minimum_contribution: 0
  allocation: margin_share           # or stress_loss_share
tiers:
  - defaulter_margin
  - defaulter_fund
  - ccp_capital: {amount: 50000000}
  - survivors_fund
"""
SHORT = """\
name: T
currency: USD
margin:
  confidence: 0.99
  lookback_days: 500
  liquidation_days: 2
tiers:
  - defaulter_margin
"""
TEXTBOOKS = ["textbook/capital-last", "textbook/cover-one", "textbook/cover-two"]


def read(text: str, folder: Path) -> Rulebook:
    path = folder / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return load_rulebook(path)


def refused(text: str, folder: Path) -> list[Problem]:
    with pytest.raises(InputError) as error:
        read(text, folder)
    assert all(problem.source == str(folder / "rules.yaml") for problem in error.value.problems)
    return error.value.problems


def place(text: str, words: str) -> tuple[int, int]:
    """Line and column, from 1, of words that stand once in a text."""
    assert text.count(words) == 1, words
    before = text[: text.index(words)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def with_tiers(*tiers: str) -> str:
    return SHORT.replace("  - defaulter_margin\n", "".join(f"  - {tier}\n" for tier in tiers))


# --- what loads -------------------------------------------------------------------------------------------------------


def test_sample_of_the_design_loads_as_printed(tmp_path: Path) -> None:
    rules = read(SAMPLE, tmp_path)
    assert (rules.name, rules.currency, rules.currency_digits) == ("Textbook, cover two", "USD", 2)
    assert rules.margin.model_dump(exclude_unset=True) == {
        "measure": "expected_shortfall",
        "confidence": 0.99,
        "lookback_days": 500,
        "liquidation_days": 2,
    }
    assert (rules.margin.quantile, rules.margin.model, rules.margin.liquidation) == ("ceil", "historical", ())
    assert rules.margin.stress_period is rules.margin.floor is rules.margin.buffer is rules.margin.offset_limit is None
    assert rules.margin.add_ons.model_dump() == {"concentration": None, "bid_ask": False, "wrong_way": None}
    assert (rules.close_out.method, rules.collateral.stress, rules.settlement.stress) == ("instant", "haircut", "daily")
    assert rules.stress.house_surplus_covers_clients is True
    assert rules.stress.historical is not None
    assert (rules.stress.historical.worst, rules.stress.historical.multiples) == (10, None)
    assert [ladder.ladder for ladder in rules.stress.hypothetical] == ["market_gaps", "sector_gaps"]
    assert rules.stress.multiples == (1, 1.5, 2, 3)
    assert rules.stress.plausible is None
    assert rules.fund.model_dump(exclude_unset=True) == {
        "cover": 2,
        "buffer": 0.1,
        "floor": 0,
        "minimum_contribution": 0,
        "allocation": "margin_share",
    }
    assert not rules.fund.covers_emir_42_3
    assert not rules.fund.unused_contribution_shared
    assert not rules.default_management.gains_add_to_capital
    assert rules.tiers == (DefaulterMargin(), DefaulterFund(), CcpCapital(amount=50_000_000), SurvivorsFund())


def test_shipped_textbooks_load() -> None:
    assert set(TEXTBOOKS) <= set(shipped_names())
    two, one, last = (load_rulebook(f"textbook/{name}") for name in ("cover-two", "cover-one", "capital-last"))
    assert (two.fund.cover, two.margin.measure) == (2, "expected_shortfall")
    assert (one.fund.cover, one.margin.measure, one.fund.covers_emir_42_3) == (1, "value_at_risk", True)
    words = [tier.word for tier in two.tiers]
    assert words == ["defaulter_margin", "defaulter_fund", "ccp_capital", "survivors_fund", "uncovered"]
    assert [tier.word for tier in last.tiers] == [*words[:2], "survivors_fund", "ccp_capital", "uncovered"]
    assert last.model_copy(update={"name": "", "description": "", "tiers": ()}) == two.model_copy(
        update={"name": "", "description": "", "tiers": ()}
    )  # the two differ in the place of the capital alone


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_rulebook_loads_by_name_and_by_path(name: str) -> None:
    assert load_rulebook(name) == load_rulebook(shipped_directory() / f"{name}.yaml")


def test_defaults_stand_in_for_what_is_not_said(tmp_path: Path) -> None:
    rules = read(SHORT, tmp_path)
    assert (rules.margin.measure, rules.margin.quantile) == ("expected_shortfall", "ceil")
    assert rules.book.matched is True
    assert rules.stress.historical is not None
    assert rules.stress.resources == "minimum"
    assert rules.stress.multiples == (1,)
    assert (rules.fund.cover, rules.fund.buffer, rules.fund.allocation) == (2, 0, "margin_share")


def test_ladders_take_sizes_slopes_and_multiples_of_their_own(tmp_path: Path) -> None:
    ladders = """\
stress:
  hypothetical:
    - ladder: market_gaps
      sizes: [0.05, 0.5]
      volatility_per_fall: 2
      volatility_per_rise: -0.5
      level_floor: 0.25
      multiples: [1, 2]
    - currency_gaps
"""
    first, second = read(SHORT + ladders, tmp_path).stress.hypothetical
    assert (first.sizes, first.multiples) == ((0.05, 0.5), (1, 2))
    assert (first.volatility_per_fall, first.volatility_per_rise) == (2, -0.5)
    assert (second.ladder, second.sizes, second.multiples) == ("currency_gaps", GAP_SIZES, None)
    assert (first.level_floor, second.level_floor) == (0.25, 0.5)


def test_shifts_of_rates_have_sizes_shapes_and_multiples_of_their_own(tmp_path: Path) -> None:
    shifts = (
        "stress: {rate_shifts: {basis_points: [25], shapes: [steeper], multiples: [1, 2]}, plausible: {shift: 50}}\n"
    )
    found = read(SHORT + shifts, tmp_path).stress
    assert found.shifts == RateShifts(basis_points=(25,), shapes=("steeper",), multiples=(1, 2))
    assert found.plausible == Plausible(multiple=1, gap=1, shift=50)
    assert RateShifts().basis_points == (50, 100, 200, 300)
    assert RateShifts().shapes == ("parallel", "steeper", "flatter")
    assert read(SHORT, tmp_path).stress.shifts is None
    for twice in ("basis_points: [50, 50]", "shapes: [flatter, flatter]"):
        (problem,) = refused(SHORT + f"stress: {{rate_shifts: {{{twice}}}}}\n", tmp_path)
        assert "stands twice; once was expected" in problem.expected


@pytest.mark.parametrize("other", ["0.150", "15e-2", "0.1500000001"])
def test_a_rung_written_in_two_ways_stands_twice(tmp_path: Path, other: str) -> None:
    """Both would be `market down 15%`: by the id that results name it by, also over two ladders."""
    for ladders in (
        f"[{{ladder: market_gaps, sizes: [0.15, {other}]}}]",
        f"[{{ladder: market_gaps, sizes: [0.15]}}, {{ladder: market_gaps, sizes: [{other}], multiples: [2]}}]",
    ):
        (problem,) = refused(SHORT + f"stress: {{hypothetical: {ladders}}}\n", tmp_path)
        assert problem.expected == "the ladder market_gaps has the size 15% twice; once was expected"
    (problem,) = refused(SHORT + "stress: {rate_shifts: {basis_points: [100, 1e2]}}\n", tmp_path)
    assert problem.expected == "100 stands twice; once was expected"


def test_yaml_is_read_as_yaml_1_2(tmp_path: Path) -> None:
    """`NO` is Norway and no is text: nothing but true and false is a flag."""
    assert read(SHORT.replace("name: T", "name: NO"), tmp_path).name == "NO"
    (problem,) = refused(SHORT + "book: {matched: no}\n", tmp_path)
    assert (problem.field, problem.value) == ("book.matched", "no")


@pytest.mark.parametrize(
    ("stated", "field", "expected"),
    [
        ("own_paper: {recovery: 2}", "stress.own_paper.recovery", "less than 1 was expected"),
        ("own_paper: {recover: 0}", "stress.own_paper.recover", "unknown key; remove it or correct its spelling"),
        ("own_paper: some", "stress.own_paper", "'none', or a mapping of keys to values, was expected"),
        ("single_names: {sizes: []}", "stress.single_names", "`sizes` or `multiples_of_own_worst` were expected"),
    ],
)
def test_where_a_word_or_a_mapping_may_stand_one_mistake_is_told_once(
    stated: str, field: str, expected: str, tmp_path: Path
) -> None:
    (problem,) = refused(SHORT + f"stress: {{{stated}}}\n", tmp_path)
    assert (problem.field, problem.expected) == (field, expected)


@pytest.mark.parametrize("value", ["every", "5", "[worst]", "true"])
def test_windows_are_all_or_a_mapping(value: str, tmp_path: Path) -> None:
    (problem,) = refused(SHORT + f"stress: {{historical: {value}}}\n", tmp_path)
    assert problem.field == "stress.historical"
    assert problem.expected.startswith("`all`, or a mapping with some of all, worst, ")
    assert read(SHORT + "stress: {historical: all}\n", tmp_path).stress.historical == HistoricalStress(all=True)


def test_names_of_nothing_are_refused_with_the_names_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        load_rulebook("textbook/cover-three")
    assert all(name in str(error.value) for name in ("textbook/cover-three", *TEXTBOOKS))
    with pytest.raises(InputError) as error:
        load_rulebook(tmp_path / "nowhere.yaml")
    assert error.value.problems[0].source == str(tmp_path / "nowhere.yaml")
    assert rulebook_path("textbook/cover-two") == shipped_directory() / "textbook" / "cover-two.yaml"


# --- what is refused, and where ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "marked", "field", "value"),
    [
        ("name: T", "name: T\nnmae: U", "nmae", "nmae", "U"),
        ("  confidence: 0.99", "  confidence: 0.99\n  confidnce: 0.9", "confidnce", "margin.confidnce", 0.9),
        ("confidence: 0.99", "confidence: 99", "confidence", "margin.confidence", 99),
        ("confidence: 0.99", "confidence: 1", "confidence", "margin.confidence", 1),
        ("confidence: 0.99", "confidence: high", "confidence", "margin.confidence", "high"),
        ("lookback_days: 500", "lookback_days: 500.5", "lookback_days", "margin.lookback_days", 500.5),
        ("lookback_days: 500", "lookback_days: 1", "lookback_days", "margin.lookback_days", 1),
        ("liquidation_days: 2", "liquidation_days: 0", "liquidation_days", "margin.liquidation_days", 0),
        ("liquidation_days: 2", "liquidation_days: '2'", "liquidation_days", "margin.liquidation_days", "2"),
        ("  confidence: 0.99\n", "", "margin:", "margin.confidence", None),
        ("name: T\n", "", "currency", "name", None),
        ("currency: USD", "currency: usd", "currency", "currency", "usd"),
        ("name: T", "name: T\nstress: {multiples: [1, 0]}", "0]", "stress.multiples.1", 0),
        ("name: T", "name: T\nstress: {hypothetical: [gaps]}", "gaps", "stress.hypothetical.0", "gaps"),
        ("name: T", "name: T\nfund: {cover: 0}", "cover", "fund.cover", 0),
        (
            "name: T",
            "name: T\ndefault_management: {gains_add_to_capital: some}",
            "gains_add_to_capital",
            "default_management.gains_add_to_capital",
            "some",
        ),
        ("name: T", "name: T\nfund: {buffer: -0.1}", "buffer", "fund.buffer", -0.1),
        ("name: T", "name: T\nfund: {allocation: equal}", "allocation", "fund.allocation", "equal"),
        ("- defaulter_margin", "- defaulter_margn", "defaulter_margn", "tiers.0", "defaulter_margn"),
    ],
)
def test_each_mistake_has_file_line_column_and_field(
    old: str, new: str, marked: str, field: str, value: object, tmp_path: Path
) -> None:
    assert SHORT.count(old) == 1
    text = SHORT.replace(old, new)
    problems = refused(text, tmp_path)
    found = [(problem.line, problem.position, problem.field, problem.value) for problem in problems]
    assert found == [(*place(text, marked), field, value)]
    line, column = place(text, marked)
    assert str(problems[0]).startswith(f"{tmp_path / 'rules.yaml'}:{line}:{column}, field {field}")


def test_infinity_is_no_number(tmp_path: Path) -> None:
    text = SHORT + "fund: {buffer: .inf, floor: .nan}\n"
    assert [problem.field for problem in refused(text, tmp_path)] == ["fund.buffer", "fund.floor"]


def test_all_mistakes_are_reported_together(tmp_path: Path) -> None:
    text = (
        SHORT.replace("USD", "dollars").replace("0.99", "2").replace("- defaulter_margin", "- somebody") + "more: 1\n"
    )
    problems = refused(text, tmp_path)
    assert {problem.field for problem in problems} == {"currency", "margin.confidence", "tiers.0", "more"}
    assert {problem.line for problem in problems} == {2, 4, 8, 9}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SHORT + "name: again\n", 9),
        (SHORT.replace("  lookback_days: 500\n", "  lookback_days: 500\n  confidence: 0.9\n"), 6),
        (SHORT + "book: [1\n", 10),
        ("- a list\n", 1),
    ],
)
def test_what_is_not_a_yaml_mapping_or_has_a_key_twice_is_refused(text: str, line: int, tmp_path: Path) -> None:
    (problem,) = refused(text, tmp_path)
    assert problem.line == line


@pytest.mark.parametrize("text", ["", "\0", "word", "1: 2"])
def test_anything_else_is_refused_too(text: str, tmp_path: Path) -> None:
    assert refused(text, tmp_path)


# --- tiers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "tier"),
    [
        ("ccp_capital: {amount: 5}", CcpCapital(amount=5)),
        ("{ccp_capital: {share_of_fund: 0.25}}", CcpCapital(share_of_fund=0.25)),
        (
            "ccp_capital: {share_of_fund: 0.1, fund_includes_it: true}",
            CcpCapital(share_of_fund=0.1, fund_includes_it=True),
        ),
        ("{tier: ccp_capital, amount: 5}", CcpCapital(amount=5)),
        ("defaulter_fund", DefaulterFund()),
        ("{tier: defaulter_fund}", DefaulterFund()),
        ("uncovered", Uncovered()),
    ],
)
def test_tiers_have_short_forms(written: str, tier: BaseModel, tmp_path: Path) -> None:
    assert read(with_tiers("defaulter_margin", written), tmp_path).tiers[1] == tier


@pytest.mark.parametrize(
    ("written", "marked", "field"),
    [
        ("ccp_capital: {amont: 5}", "amont", "tiers.1.ccp_capital.amont"),
        ("ccp_capital: {amount: -5}", "amount", "tiers.1.ccp_capital.amount"),
        ("ccp_capital: {amount: 5, share_of_fund: 0.1}", "ccp_capital", "tiers.1.ccp_capital"),
        ("ccp_capital: {}", "ccp_capital", "tiers.1.ccp_capital"),
        ("ccp_capital: {amount: 5, fund_includes_it: true}", "ccp_capital", "tiers.1.ccp_capital"),
        ("ccp_capital: {share_of_fund: 1, fund_includes_it: true}", "ccp_capital", "tiers.1.ccp_capital"),
        ("ccp_capital: 5", "ccp_capital", "tiers.1"),
        ("ccp_kapital: {amount: 5}", "ccp_kapital", "tiers.1"),
        ("{tier: nobody}", "{tier", "tiers.1"),
        ("{tier: defaulter_fund, amount: 5}", "amount", "tiers.1.amount"),
        ("[defaulter_fund]", "[", "tiers.1"),
    ],
)
def test_mistakes_in_a_tier_are_located(written: str, marked: str, field: str, tmp_path: Path) -> None:
    text = with_tiers("defaulter_margin", written)
    (problem,) = refused(text, tmp_path)
    assert (problem.line, problem.position, problem.field) == (*place(text, marked), field)


CAPITAL = "ccp_capital: {amount: 5}"


@pytest.mark.parametrize(
    "tiers",
    [
        ["defaulter_margin", "defaulter_fund", CAPITAL, "survivors_fund"],
        ["defaulter_margin", "defaulter_fund", "survivors_fund", CAPITAL],
        ["defaulter_margin", "defaulter_fund", CAPITAL, "survivors_fund", "uncovered"],
        ["defaulter_margin", "defaulter_fund", CAPITAL, "survivors_fund", "ccp_capital: {share_of_fund: 1}"],
        ["defaulter_margin", CAPITAL, "uncovered"],
        ["defaulter_margin"],
    ],
)
def test_orders_that_keep_the_rules_are_taken(tiers: list[str], tmp_path: Path) -> None:
    found = [tier.word for tier in read(with_tiers(*tiers), tmp_path).tiers]
    assert found == [tier.partition(":")[0] for tier in tiers]


@pytest.mark.parametrize(
    ("tiers", "word"),
    [
        (["defaulter_fund", "defaulter_margin"], "defaulter_margin"),
        (["defaulter_fund"], "defaulter_margin"),
        (["uncovered", "defaulter_margin"], "defaulter_margin"),
        (["defaulter_margin", "survivors_fund", "defaulter_fund"], "survivors_fund"),
        (["defaulter_margin", "survivors_fund"], "survivors_fund"),
        (["defaulter_margin", CAPITAL, "defaulter_fund", "survivors_fund"], "ccp_capital"),
        (["defaulter_margin", "uncovered", "defaulter_fund"], "uncovered"),
        (["defaulter_margin", "uncovered", CAPITAL], "uncovered"),
        (["defaulter_margin", "defaulter_margin"], "defaulter_margin"),
        (["defaulter_margin", "defaulter_fund", "defaulter_fund"], "defaulter_fund"),
        (["defaulter_margin", "defaulter_fund", "survivors_fund", "survivors_fund"], "survivors_fund"),
        (["defaulter_margin", "uncovered", "uncovered"], "uncovered"),
    ],
)
def test_orders_that_break_the_rules_are_refused(tiers: list[str], word: str, tmp_path: Path) -> None:
    text = with_tiers(*tiers)
    (problem,) = refused(text, tmp_path)
    assert (problem.line, problem.position, problem.field) == (*place(text, "tiers"), "tiers")
    assert word in problem.expected


def test_there_must_be_a_tier(tmp_path: Path) -> None:
    (problem,) = refused(SHORT.replace("tiers:\n  - defaulter_margin", "tiers: []"), tmp_path)
    assert problem.field == "tiers"


# --- frozen -----------------------------------------------------------------------------------------------------------


def frozen_parts(model: BaseModel) -> list[BaseModel]:
    inner = [value for _, value in model]
    entries = [entry for value in inner for entry in (value if isinstance(value, tuple) else [value])]
    return [model, *(part for entry in entries if isinstance(entry, BaseModel) for part in frozen_parts(entry))]


def test_no_part_of_a_rulebook_can_be_changed() -> None:
    parts = frozen_parts(load_rulebook("textbook/cover-two"))
    # the whole, book, stress, history, 3 ladders, plausible, 5 tiers; margin with 4 parts, fund with its look-back,
    # close-out, collateral, settlement, default management; the eight indicators, own paper
    assert len(parts) == 13 + 5 + 2 + 4 + 9 + 1
    for part in parts:
        for name in type(part).model_fields:
            with pytest.raises(ValidationError, match="frozen"):
                setattr(part, name, getattr(part, name))


# --- the JSON Schema --------------------------------------------------------------------------------------------------


def accepts(text: str) -> bool:
    schema = rulebook_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(json.dumps(YAML(typ="safe", pure=True).load(text), default=str))  # days are text in JSON
    return jsonschema.Draft202012Validator(schema).is_valid(document)


def loads(text: str, folder: Path) -> bool:
    try:
        read(text, folder)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("name", shipped_names())
def test_schema_accepts_every_shipped_rulebook(name: str) -> None:
    assert accepts(rulebook_path(name).read_text(encoding="utf-8"))


GOOD = [
    SAMPLE,
    SHORT,
    SHORT + "stress: {hypothetical: [{ladder: sector_gaps, sizes: [0.1], multiples: [2]}, currency_gaps]}\n",
    SHORT + "stress: {historical: {worst: 3, multiples: [1, 2]}, plausible: {gap: 0.2}}\n",
    SHORT + "stress: {historical: null, resources: held}\n",
    SHORT + "stress: {rate_shifts: {shapes: []}, plausible: {shift: 100}}\n",
    SHORT + "currency_digits: 0\nbook: {matched: false}\nsource: me\ndescription: mine\n",
    with_tiers(
        "defaulter_margin", "defaulter_fund", "ccp_capital: {share_of_fund: 0.1}", "survivors_fund", "uncovered"
    ),
]
BAD = [
    SHORT + "more: 1\n",
    SHORT.replace("confidence", "confidnce"),
    SHORT.replace("0.99", "1.0"),
    SHORT.replace("0.99", "'0.99'"),
    SHORT.replace("USD", "usd"),
    SHORT.replace("500", "1"),
    SHORT.replace("liquidation_days: 2", "liquidation_days: 21"),
    SHORT.replace("name: T\n", ""),
    SHORT.replace("tiers:\n  - defaulter_margin", "tiers: []"),
    SHORT + "stress: {hypothetical: [gaps]}\n",
    SHORT + "stress: {hypothetical: [{ladder: market_gaps, size: 0.1}]}\n",
    SHORT + "stress: {hypothetical: [{ladder: market_gaps, sizes: [1.5]}]}\n",
    SHORT + "stress: {hypothetical: [{ladder: market_gaps, sizes: []}]}\n",
    SHORT + "stress: {hypothetical: [{ladder: market_gaps, level_floor: -0.1}]}\n",
    SHORT + "stress: {rate_shifts: {basis_points: []}}\n",
    SHORT + "stress: {rate_shifts: {basis_points: [5000]}}\n",
    SHORT + "stress: {rate_shifts: {shapes: [bent]}}\n",
    SHORT + "stress: {plausible: {shift: 0}}\n",
    SHORT + "stress: {multiples: []}\n",
    SHORT + "fund: {cover: 0}\n",
    SHORT + "fund: {allocation: equal}\n",
    with_tiers("defaulter_margin", "nobody"),
    with_tiers("defaulter_margin", "nobody: {amount: 5}"),
    with_tiers("defaulter_margin", "ccp_capital: {amont: 5}"),
    with_tiers("defaulter_margin", "ccp_capital: {amount: -5}"),
    with_tiers("defaulter_margin", "ccp_capital: 5"),
    with_tiers("defaulter_margin", "ccp_capital"),
    with_tiers("defaulter_margin", "{ccp_capital: {amount: 5}, survivors_fund: {}}"),
]


@pytest.mark.parametrize("text", GOOD)
def test_schema_and_loader_accept_the_same(text: str, tmp_path: Path) -> None:
    assert loads(text, tmp_path)
    assert accepts(text)


@pytest.mark.parametrize("text", BAD)
def test_schema_and_loader_refuse_the_same(text: str, tmp_path: Path) -> None:
    assert not loads(text, tmp_path)
    assert not accepts(text)


@pytest.mark.parametrize("tier", ["{tier: defaulter_fund}", "{tier: ccp_capital, amount: 5}", "defaulter_fund: {}"])
def test_schema_accepts_the_long_forms_of_tiers_as_the_loader_does(tier: str, tmp_path: Path) -> None:
    text = with_tiers("defaulter_margin", tier)
    assert loads(text, tmp_path)
    assert accepts(text)


@pytest.mark.parametrize("tier", ["ccp_capital: {}", "ccp_capital: {amount: 5, share_of_fund: 0.1}"])
def test_schema_refuses_a_capital_without_a_size_or_with_two(tier: str, tmp_path: Path) -> None:
    text = with_tiers("defaulter_margin", tier)
    assert not loads(text, tmp_path)
    assert not accepts(text)


def test_schema_describes_every_key() -> None:
    """Every key of the loader is in the schema, by its name, and nothing else is let through."""
    schema = rulebook_schema()
    definitions: dict[str, Any] = schema["$defs"] | {"Rulebook": schema}
    for part in frozen_parts(load_rulebook("textbook/cover-two")):
        stated = definitions[type(part).__name__]
        assert stated["additionalProperties"] is False
        assert set(stated["properties"]) == set(type(part).model_fields) - {"figures"}  # filled from the file
    assert set(get_args(LadderName)) == set(definitions["Ladder"]["properties"]["ladder"]["anyOf"][0]["enum"])
