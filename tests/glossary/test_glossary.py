"""The glossary: what it says of rulebooks and tables is there, whatever a thing is called finds it, `ccp glossary`."""

import json
import re
import subprocess
import sys
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner, Result

from ccp.cli.main import app
from ccp.glossary.glossary import Entry, entries, entries_for, laws, near
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.stress import StressRules
from ccp.rulebook.tier_forms import PARI_PASSU, PariPassu
from ccp.rulebook.tier_kind import TierKind
from ccp.rulebook.tier_table import all_kinds
from ccp.runs.commands import COMMANDS

TIERS: dict[str, type[BaseModel]] = {PARI_PASSU: PariPassu, **{kind.word: kind.model for kind in all_kinds()}}
TABLES = [row.schemas for row in COMMANDS.values()]
STANDARD = {
    "SLOIM": "loss_over_margin", "SITG": "ccp_capital", "VMGH": "gains_haircut", "MPOR": "liquidation_days",
    "PTU": "tear_up", "mark-to-market": "variation", "guarantee fund": "fund", "loss mutualisation": "mutualised loss",
    "skin in the game": "ccp_capital", "partial tear-up": "tear_up", "cover 2": "cover-2", "porting": "porting",
    "powers of assessment": "assessments", "stress loss over initial margin": "loss_over_margin",
    "variation margin gains haircut": "gains_haircut", "margin period of risk": "liquidation_days",
}  # fmt: skip
"""The field's words that a reader asks for, and the entry that each must find."""


def every(what: str) -> list[Any]:
    """All values of a list that entries have, each with its entry."""
    return [pytest.param(one, value, id=f"{one.word}: {value}") for one in entries() for value in getattr(one, what)]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["glossary", *arguments], env={"COLUMNS": "100"})


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a field's type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def words_of(annotation: Any) -> set[str]:
    """The words that a field's type lets be written."""
    parts = get_args(annotation)
    return {part for part in parts if isinstance(part, str)} | {word for part in parts for word in words_of(part)}


def stands_in_a_rulebook(path: str) -> bool:
    """Whether a rulebook has such a key, and such a word there where one is named."""
    keys, _, word = path.partition(": ")
    first, *rest = keys.split(".")
    models: list[type[BaseModel]] = [Rulebook]
    steps = [first, *rest]
    if first == "tiers" and rest:
        models, steps = [TIERS[rest[0]]], rest[1:]
    annotation: Any = None
    for step in steps:
        fields = [one.model_fields[step] for one in models if step in one.model_fields]
        if not fields:
            return False
        annotation = fields[0].annotation
        models = models_in(annotation)
    return not word or word in words_of(annotation)


# --- the entries ------------------------------------------------------------------------------------------------------


def test_there_is_a_word_for_what_a_practitioner_expects() -> None:
    assert len(entries()) >= 90
    words = [one.word for one in entries()]
    assert len(set(words)) == len(words), "one word for one thing"


@pytest.mark.parametrize(("one", "path"), every("rulebook"))
def test_where_a_word_stands_in_a_rulebook_is_there(one: Entry, path: str) -> None:
    assert stands_in_a_rulebook(path)


@pytest.mark.parametrize(
    "path", ["fund.covers", "tiers.ccp_capital.sum", "margin.model: hopeful", "margin.filter.decay.x"]
)
def test_a_path_that_no_rulebook_has_is_not_taken_for_one(path: str) -> None:
    assert not stands_in_a_rulebook(path)


@pytest.mark.parametrize(("one", "column"), every("results"))
def test_where_a_word_stands_in_results_is_there(one: Entry, column: str) -> None:
    table, _, name = column.partition(".")
    assert any(name in tables[table].columns() for tables in TABLES if table in tables)


@pytest.mark.parametrize("word", TIERS)
def test_every_tier_has_an_entry_of_its_own(word: str) -> None:
    (found,) = entries_for(word)
    assert found.word == word
    assert any(path.startswith(f"tiers.{word}") for path in found.rulebook)


@pytest.mark.parametrize(("one", "rule"), every("rules"))
def test_a_rule_names_a_law_its_place_and_what_it_says(one: Entry, rule: str) -> None:
    place, _, says = rule.partition(": ")
    law, _, where = place.partition(" ")
    assert law in laws()
    assert says
    assert law in ("Recovery", "FSB", "CCPRRR") or re.match(r"\d|CRE", where)


def test_every_law_is_cited() -> None:
    assert set(laws()) == {re.split("[ :]", rule)[0] for one in entries() for rule in one.rules}


def test_meanings_are_sentences() -> None:
    assert all(re.fullmatch(r"[A-Z].*\.", one.meaning) and "\n" not in one.meaning for one in entries())


# --- finding ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "word"), STANDARD.items())
def test_the_fields_words_find_the_entry(asked: str, word: str) -> None:
    assert [one.word for one in entries_for(asked)] == [word]


@pytest.mark.parametrize(
    ("asked", "word"),
    {
        "proxy": "proxy", "client_id": "client", "issuer_id": "own paper", "sold together": "sold together",
        "most_sets": "most_sets", "stress.most_sets": "most_sets", "not_proved": "most_sets",
        "proxied_history": "proxy", "sold_together": "sold together", "horizon": "horizon",
    }.items(),
)  # fmt: skip
def test_words_of_inputs_and_notes_find_the_entry(asked: str, word: str) -> None:
    assert [one.word for one in entries_for(asked)] == [word]


def test_every_word_of_stress_has_an_entry() -> None:
    models = [StressRules, *(model for one in StressRules.model_fields.values() for model in models_in(one.annotation))]
    words = {word for model in models for word in model.model_fields}
    assert {word for word in words if not entries_for(word)} == set()


@pytest.mark.parametrize("asked", ["Skin-In-The-Game", "ccp capital", "sitg", "CCP_CAPITAL", "own capital"])
def test_case_hyphens_and_underscores_do_not_matter(asked: str) -> None:
    assert [one.word for one in entries_for(asked)] == ["ccp_capital"]


def test_every_entry_is_found_by_each_of_its_names() -> None:
    lost = [
        (one.word, name)
        for one in entries()
        for name in (one.word, one.term, one.abbreviation)
        if name and one not in entries_for(name)
    ]
    assert not lost
    assert all(entries_for(name) for one in entries() for name in one.names)


def test_a_word_of_two_things_finds_both() -> None:
    assert [one.word for one in entries_for("buffer")] == ["buffer (margin)", "buffer (fund)"]


@pytest.mark.parametrize(
    ("asked", "name"),
    [("SLOIN", "SLOIM"), ("skin in game", "skin in the game"), ("tearup", "tear_up"), ("procyc", "procyclicality")],
)
def test_a_misspelt_word_has_near_ones(asked: str, name: str) -> None:
    assert not entries_for(asked)
    assert name in near(asked)


# --- the command ------------------------------------------------------------------------------------------------------


def test_without_a_word_all_are_listed() -> None:
    result = run()
    assert result.exit_code == 0
    assert all(one.word in result.stdout for one in entries())
    assert "skin in the game (SITG)" in result.stdout


def test_with_a_word_its_entry_is_printed() -> None:
    result = run("skin", "in", "the", "game")
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    (one,) = entries_for("SITG")
    assert one.meaning in said
    assert all(rule in said for rule in one.rules)
    assert "EMIR: Regulation (EU) 648/2012" in said
    assert "variation margin gains haircut" not in said


def test_an_unknown_word_ends_with_near_ones_and_status_2() -> None:
    result = run("SLOIN")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: WORD, value 'SLOIN': a word of the glossary was expected; near it: SLOIM")
    assert "ccp glossary lists them" in run("qqqqqq").stderr


def test_json_has_the_entry_and_the_error() -> None:
    (found,) = json.loads(run("vmgh", "--json").stdout)["entries"]
    assert (found["word"], found["abbreviation"]) == ("gains_haircut", "VMGH")
    assert "tiers.gains_haircut" in found["rulebook"]
    assert len(json.loads(run("--json").stdout)["entries"]) == len(entries())
    wrong = run("SLOIN", "--json")
    assert wrong.exit_code == 2
    assert json.loads(wrong.stdout)["problems"][0]["value"] == "SLOIN"


@pytest.mark.parametrize(
    ("begun", "some"), [("s", {"survivor", "stress-scenario", "survivors_fund"}), ("SL", {"SLOIM", "SLM"})]
)
def test_the_shell_completes_words(begun: str, some: set[str]) -> None:
    asked = {"_CCP_COMPLETE": "complete_bash", "COMP_WORDS": f"ccp glossary {begun}", "COMP_CWORD": "2"}
    offered = set(CliRunner().invoke(app, prog_name="ccp", env=asked).stdout.split())
    assert some <= offered
    assert all(name.startswith(begun) and entries_for(name) for name in offered)


def test_the_command_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom ccp.cli.main import app\n"
        "try:\n    app(['glossary', 'SITG'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('heavy:', sorted({'polars', 'numba', 'numpy', 'scipy', 'ruamel', 'ccp.rulebook'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("heavy: []\n")


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.word)
def test_a_tiers_label_is_a_name_that_the_glossary_has_for_it(kind: TierKind) -> None:
    names = [name for one in entries() if one.word == kind.word for name in (one.word, one.term, *one.also)]
    assert kind.label in names
