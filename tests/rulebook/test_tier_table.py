"""The table of tiers is whole: every word has every fact, both halves, and no module knows a tier by its word."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import ccp
import ccp.kernels.waterfall.plan_arrays as codes
from ccp.book.roster import each_alone
from ccp.columns import COLUMNS
from ccp.report.charts.theme import WHOSE
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_forms import all_parts
from ccp.rulebook.tier_kind import BLOCKS, CLEARING_HOUSE, GAINERS, PARENT, STAKEHOLDERS, SURVIVORS_FUNDED, TierKind
from ccp.rulebook.tier_table import ROWS, added, all_kinds, kind_of, label_of, rule_in_words, tier_words
from ccp.rulebook.tiers import Named, Uncovered
from ccp.settlement.ledger import KINDS, OUTSIDE, Chart
from ccp.waterfall import amounts
from ccp.waterfall.amounts import FORMS, Amounts
from ccp.waterfall.plan import make_plan
from ccp.waterfall.tiers import OFFERS

PACKAGE, ROOT = Path(ccp.__file__).parent, Path(__file__).parents[2]
EXAMPLES: dict[str, Any] = {
    "ccp_capital": {"amount": 10},
    "insurance": {"amount": 10},
    "assessments": {"multiple": 2},
    "ccp_equity": {"amount": 10},
    "parent_guarantee": {"amount": 10},
}
"""What a tier needs beside its word."""
KIND = all_kinds()
BY_WORD = [pytest.param(kind, id=kind.word) for kind in KIND]


def rules(*tiers: Any) -> Rulebook:
    margin = {"measure": "value_at_risk", "confidence": 0.99, "lookback_days": 60, "liquidation_days": 1}
    return Rulebook.model_validate({"name": "test", "currency": "USD", "margin": margin, "tiers": list(tiers)})


def behind(word: str) -> Rulebook:
    """A rulebook in which a tier stands where it may."""
    tiers: list[Any] = ["defaulter_margin", "defaulter_fund"]
    return rules(*tiers, *([] if word in tiers else [{word: EXAMPLES.get(word, {})}]))


def plan_of(rulebook: Rulebook) -> Any:
    return make_plan(rulebook, each_alone(["A", "B", "C"]), np.array([20, 30, 50]))


# --- every word has every fact ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", BY_WORD)
def test_a_tier_has_every_fact(kind: TierKind) -> None:
    assert kind.stakeholder in STAKEHOLDERS
    assert kind.label
    assert kind.empty.startswith("empty")
    assert kind.movement in KINDS
    assert kind.account in ("margin", "fund", "house", *OUTSIDE) or kind.sized
    assert kind.sized == (kind.payer is not None and kind.payer != "nobody")
    (part,) = [part for part in behind(kind.word).tiers if part.word == kind.word]
    assert isinstance(part, kind.model)
    assert rule_in_words(part)


@pytest.mark.parametrize("kind", BY_WORD)
def test_a_tier_has_both_halves(kind: TierKind) -> None:
    """Its form is known, its amounts are made and given, and both engines know what they are."""
    assert kind.form in FORMS
    plan = plan_of(behind(kind.word))
    (tier,) = [tier for tier in plan.tiers if tier.word == kind.word]
    assert plan.arrays.source[tier.row] in OFFERS
    assert plan.arrays.source[tier.row] in codes.IN_PATHS


def test_every_row_is_found_by_its_word_and_nothing_else_is() -> None:
    assert [kind_of(row.word) for row in ROWS] == list(ROWS)
    assert tier_words() == tuple(row.word for row in ROWS)
    assert len({label_of(row.word) for row in ROWS}) == len(ROWS)
    assert label_of("of_an_older_run") == "of an older run"
    with pytest.raises(ValueError, match="no tier is called 'levies'"):
        kind_of("levies")


@pytest.mark.parametrize("row", ROWS, ids=[row.word for row in ROWS])
def test_a_word_or_an_account_is_of_one_tier(row: TierKind) -> None:
    with pytest.raises(ValueError, match=f"the tier {row.word}: its word or its account"), added(row):
        pass


def test_a_tiers_own_account_is_called_as_no_other_of_the_ledger() -> None:
    nobody: Any = SimpleNamespace(members=[], pools=[], groups=[])
    assert set(BLOCKS) == set(Chart(nobody, ()).starts) - {"capital", "end"}
    (sized, *_) = (row for row in ROWS if row.sized)
    for block in BLOCKS:
        with pytest.raises(ValueError, match="an account of its own was expected"):
            replace(sized, account=block)


def test_every_kind_of_money_has_an_offer_and_says_what_it_needs() -> None:
    assert set(OFFERS) == set(codes.NEEDS) == set(codes.IN_PATHS)
    assert set(codes.HAIRCUTS) | set(codes.SIZED) <= set(codes.IN_PATHS)


def test_every_stakeholder_has_a_colour_and_stands_in_the_data_dictionary() -> None:
    assert set(WHOSE) == {one.name for one in STAKEHOLDERS}
    meaning = COLUMNS["stakeholder"].meaning
    for one in STAKEHOLDERS:
        assert all(word in meaning for word in one.name.split(", ")), one


def test_every_tier_stands_in_the_document_of_tiers() -> None:
    text = (ROOT / "docs" / "reference" / "waterfall.md").read_text(encoding="utf-8")
    section = text[text.index("## 3. Tiers") : text.index("## 4.")]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {word for row in rows for word in tier_words() if f"`{word}`" in row} == set(tier_words())


def test_every_tier_stands_in_the_rulebook_that_has_them_all() -> None:
    found = load_rulebook("textbook/full-waterfall")
    assert {part.word for part in all_parts(found.tiers)} == set(tier_words())


# --- nobody else knows it ---------------------------------------------------------------------------------------------


def _compared(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text that something is compared with or looked for in, and every listing of nothing but words of tiers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for side in (node.left, *node.comparators):
                texts = side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side]
                yield from ((one.lineno, str(one.value)) for one in texts if isinstance(one, ast.Constant))
        elif isinstance(node, ast.Tuple | ast.List | ast.Set) and len(node.elts) > 1:
            texts = [one.value for one in node.elts if isinstance(one, ast.Constant)]
            if len(texts) == len(node.elts) and set(texts) <= set(tier_words()):
                yield node.lineno, f"[{texts}]"


def test_no_module_asks_for_a_tier_by_its_word() -> None:
    """Words of tiers are names of columns and keys in documents; but nothing is decided by one outside the table."""
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {text}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if "rulebook/tiers.py" not in path.as_posix()
        for line, text in _compared(ast.parse(path.read_text(encoding="utf-8")))
        if text in tier_words() or text.startswith("[")
    ]
    assert not found


# --- what is refused --------------------------------------------------------------------------------------------------


class Sleeve(Named):
    tier: Any = "sleeve"
    amount: float | None = 5.0


SLEEVE = TierKind(Sleeve, "sized", CLEARING_HOUSE, "sleeve", lambda part: "a sleeve", account="sleeve")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account": "fund"}, "an account of its own was expected"),
        ({"account": "nobody"}, "what nobody pays has the account nobody"),
        ({"movement": "gift"}, "one of assessment, haircut, voluntary payment, loss was expected"),
        ({"bill": "fund"}, "a bill was given, and no member pays"),
        ({"stakeholder": PARENT, "prefunded": True}, "only the clearing house's and an insurer's money counts"),
        ({"called": True}, "only survivors are called on, have claims, and bear"),
        ({"stakeholder": GAINERS, "bill": "haircuts"}, "an account of the members was expected"),
        ({"stakeholder": SURVIVORS_FUNDED, "account": "fund"}, "one of margin, fund, assessments"),
    ],
)
def test_a_row_whose_facts_do_not_go_together_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"the tier sleeve: .*{said}"):
        replace(SLEEVE, **changes)


def test_a_word_or_an_account_that_is_in_use_is_refused() -> None:
    taken = "its word or its account is that of"
    with pytest.raises(ValueError, match=f"sleeve: {taken} insurance"), added(replace(SLEEVE, account="insurance")):
        pass
    with pytest.raises(ValueError, match=f"uncovered: {taken} uncovered"), added(replace(SLEEVE, model=Uncovered)):
        pass


def test_a_tier_is_there_only_while_it_is_added() -> None:
    with added(SLEEVE):
        assert rules("defaulter_margin", "sleeve").tiers[-1] == Sleeve()
        assert rules("defaulter_margin", {"sleeve": {"amount": 7}}).tiers[-1] == Sleeve(amount=7)
    for word in ("sleeve", {"sleeve": {"amount": 7}}):
        with pytest.raises(ValidationError, match="unknown tier 'sleeve'; one of defaulter_margin, "):
            rules("defaulter_margin", word)
    with pytest.raises(ValueError, match="no tier is called 'sleeve'; there are defaulter_margin, "):
        kind_of("sleeve")


def test_a_tier_that_needs_amounts_and_was_given_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would pay nothing, and nobody would see it."""
    with added(SLEEVE):
        rulebook = rules("defaulter_margin", "sleeve")
        assert plan_of(rulebook).arrays.size[1] == 500
        monkeypatch.setitem(FORMS, "sized", lambda part, basis: Amounts(codes.LUMP))
        with pytest.raises(ValueError, match="the tier sleeve needs amounts and was given none: size"):
            plan_of(rulebook)
        monkeypatch.delitem(FORMS, "sized")
        with pytest.raises(ValueError, match="the tier sleeve: nothing says how amounts of the form 'sized' are made"):
            plan_of(rulebook)


@pytest.mark.parametrize("source", sorted(source for source, needed in codes.NEEDS.items() if needed))
def test_every_amount_that_is_needed_must_be_given(source: int) -> None:
    given = Amounts(source, size=1, each=np.ones(3, dtype=np.int64), of=amounts.ONE)
    with added(SLEEVE), pytest.MonkeyPatch.context() as patch:
        rulebook = rules("defaulter_margin", "sleeve")
        for name in codes.NEEDS[source]:
            without = replace(given, **{name: None})
            patch.setitem(FORMS, "sized", lambda part, basis, found=without: found)
            with pytest.raises(ValueError, match=f"the tier sleeve needs amounts and was given none: {name}"):
                plan_of(rulebook)


def test_a_row_that_says_other_than_its_amounts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tier of the clearing house's whose amounts are cuts of claims, for example."""
    monkeypatch.setitem(FORMS, "sized", lambda part, basis: Amounts(codes.GAINS, of=amounts.ONE))
    with added(SLEEVE), pytest.raises(ValueError, match="its row says False of 'cuts claims', its amounts True"):
        plan_of(rules("defaulter_margin", "sleeve"))
