"""Worked examples of every tier: `cases` states rulebook, defaults and who pays; a new one needs no Python.

Amounts are units of the currency. Each case is run by the engine and by its twin: the numbers are neither's.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from support.outcomes import payer_of
from support.rulebooks import rulebook_of
from support.waterfall_twin import run_event

from ccp.book.roster import roster_of
from ccp.rulebook.tier_table import tier_words
from ccp.waterfall.event import Circumstances, Event
from ccp.waterfall.run import run_waterfall
from ccp.waterfall.standing import after_event, first_standing

CASES = Path(__file__).parent / "cases"
Paid = list[tuple[str, dict[str, int]]]
"""Who pays how many cents, tier by tier."""


def documents() -> list[Any]:
    return [YAML(typ="safe").load(path.read_text()) for path in sorted(CASES.glob("*.yaml"))]


def all_cases() -> list[Any]:
    return [case for document in documents() for case in document["cases"]]


def cents(amounts: dict[str, Any]) -> dict[str, int]:
    return {name: round(amount * 100) for name, amount in amounts.items()}


def expected(default: dict[str, Any]) -> Paid:
    return [(word, cents(paid)) for tier in default["paid"] for word, paid in tier.items()]


def amounts_of(default: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Loss, margin and what is over margin, by member."""
    stated = default["defaulters"].items()
    loss, margin = ({member: round(one[name] * 100) for member, one in stated} for name in ("loss", "margin"))
    return {"loss": loss, "margin": margin, "over_margin": {m: max(loss[m] - margin[m], 0) for m in loss}}


def group_of(case: dict[str, Any]) -> dict[str, str]:
    return {member: case.get("groups", {}).get(member, member) for member in sorted(case["contributions"])}


def known_of(default: dict[str, Any]) -> dict[str, Any]:
    """What else is known of an event, as the twin reads it."""
    found: dict[str, Any] = {"gains": [cents(day) for day in default.get("gains", [])]}
    found |= {name: cents(default[name]) for name in ("matched", "payouts", "offered") if name in default}
    return found | {
        name: default[name] for name in ("auction", "unable", "segment_loss", "segment_weight") if name in default
    }


# --- both ways -------------------------------------------------------------------------------------------------------


def by_engine(case: dict[str, Any]) -> list[Paid]:
    group = group_of(case)
    roster = roster_of(group)
    members, groups = roster.members, roster.groups

    def by_member(amounts: dict[str, int]) -> np.ndarray:
        return np.array([amounts.get(member, 0) for member in members], dtype=np.int64)

    contributions = by_member(cents(case["contributions"]))
    required = by_member(cents(case.get("required", case["contributions"])))
    rulebook = rulebook_of(case["tiers"], case.get("regulatory_capital"))
    standing = first_standing(rulebook, roster, contributions, required)
    found = []
    for default in case["defaults"]:
        amounts = {name: by_member(of) for name, of in amounts_of(default).items()}
        numbers = tuple(sorted({groups.index(group[member]) for member in default["defaulters"]}))
        event = Event(numbers, **amounts, circumstances=circumstances(known_of(default), members))
        outcome = run_waterfall(standing.plan, event)
        paid: Paid = []
        for draw in outcome.draws:
            whose = payer_of(draw.tier).replace("clearing house", "house")
            payers = {whose if payer is None else members[payer]: amount for payer, amount in draw.paid.items()}
            paid.append((draw.tier, {payer: amount for payer, amount in payers.items() if amount}))
        found.append(paid)
        standing = after_event(standing, outcome)
    return found


def circumstances(known: dict[str, Any], members: list[str]) -> Circumstances:
    """The same for the engine: arrays by member, None where nothing is known."""

    def by_member(amounts: Any) -> np.ndarray:
        return np.array([amounts.get(member, 0) for member in members], dtype=np.int64)

    found: dict[str, Any] = {
        name: by_member(known[name]) for name in ("matched", "payouts", "offered", "auction") if name in known
    }
    if known["gains"]:
        found["gains"] = np.array([by_member(day) for day in known["gains"]])
    if "unable" in known:
        found["unable"] = np.array([member in known["unable"] for member in members])
    if "segment_loss" in known:
        found["segment_loss"] = np.array(known["segment_loss"])
        found["segment_weight"] = np.array([by_member(of) for of in known["segment_weight"]])
    return Circumstances(**found)


def by_twin(case: dict[str, Any]) -> list[Paid]:
    group, found = group_of(case), []
    rules = {"tiers": case["tiers"], "minor": 100, "regulatory_capital": case.get("regulatory_capital")}
    standing: dict[str, Any] = {
        "members": list(group),
        "group": group,
        "contribution": cents(case["contributions"]),
        "required": cents(case.get("required", case["contributions"])),
    }
    for default in case["defaults"]:
        groups = sorted({group[member] for member in default["defaulters"]})
        result = run_event(rules, standing, {"defaulters": groups, **amounts_of(default), **known_of(default)})
        names = {"clearing house": "house"}
        found.append(
            [
                (draw["tier"], {names.get(payer, payer): amount for payer, amount in draw["paid"].items()})
                for draw in result["draws"]
            ]
        )
        standing = result["standing"]
    return found


@pytest.mark.parametrize("run", [by_engine, by_twin])
@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in all_cases()])
def test_everybody_pays_what_was_worked_out_by_hand(case: dict[str, Any], run: Any) -> None:
    assert run(case) == [expected(default) for default in case["defaults"]]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in all_cases()])
def test_the_numbers_of_a_case_add_up(case: dict[str, Any]) -> None:
    for default in case["defaults"]:
        paid = sum(sum(amounts.values()) for _, amounts in expected(default))
        assert paid == sum(amounts_of(default)["loss"].values())


def test_every_tier_has_a_case_in_which_it_pays_and_every_file_its_source() -> None:
    assert all(document["source"] and document["kind"] == "waterfall_tiers" for document in documents())
    paying = {
        word for case in all_cases() for one in case["defaults"] for word, paid in expected(one) if any(paid.values())
    }
    assert paying == set(tier_words())
    names = [case["name"] for case in all_cases()]
    assert len(names) == len(set(names))
