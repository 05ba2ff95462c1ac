"""The rulebooks of real services: every number says where it comes from, and their order is the one described."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML
from support.modes import NO_KERNEL

import ccp
from ccp.rulebook.load import load_rulebook, shipped_directory, shipped_in
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_forms import all_parts, parts_of
from ccp.waterfall.ladder import stylised_house

pytestmark = NO_KERNEL
TODAY = date(2026, 11, 22)
NAMES = shipped_in("published")
BILLION, MILLION = 10**9, 10**6
MACHINE = re.compile(r"(^|[\s'\"(])(/(home|root|tmp|work|Users|mnt|var)/|[A-Z]:\\|file://)")
Place = tuple[str | int, ...]


def text_of(name: str) -> str:
    return (shipped_directory() / "published" / f"{name}.yaml").read_text(encoding="utf-8")


def raw(name: str) -> Any:
    return YAML(typ="safe").load(text_of(name))


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def entries(data: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every mapping, list and leaf of a document, with its place."""
    yield place, data
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, entry in inner:
        yield from entries(entry, (*place, key))


def figures(data: Any) -> dict[Place, dict[str, Any]]:
    return {place: entry for place, entry in entries(data) if isinstance(entry, dict) and "value" in entry}


def rules(name: str) -> Rulebook:
    return load_rulebook(f"published/{name}")


# --- where numbers come from ------------------------------------------------------------------------------------------


def test_there_are_at_least_fifteen() -> None:
    assert len(NAMES) >= 15


@pytest.mark.parametrize("name", NAMES)
def test_every_number_stands_in_a_figure(name: str) -> None:
    document = raw(name)
    bare = [
        place
        for place, value in entries(document)
        if is_number(value) and place[-1] != "value" and place != ("currency_digits",)
    ]
    assert bare == []
    assert [place for place, figure in figures(document).items() if is_number(figure["value"])]


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_a_unit_and_a_date_and_source_or_a_reason(name: str) -> None:
    for place, figure in figures(raw(name)).items():
        if is_number(figure["value"]):
            assert str(figure.get("unit", "")).strip(), place
        if figure.get("assumed"):
            assert figure["reason"].strip(), place
            assert not figure.keys() & {"date", "source"}, place
        else:
            assert figure["source"].strip(), place
            assert type(figure["date"]) is date, place
        assert figure.keys() <= {"value", "unit", "date", "source", "assumed", "reason"}, place


@pytest.mark.parametrize("name", NAMES)
def test_no_date_is_later_than_today(name: str) -> None:
    dates = {place: value for place, value in entries(raw(name)) if isinstance(value, date)}
    assert dates
    assert max(dates.values()) <= TODAY


@pytest.mark.parametrize("name", NAMES)
def test_an_amount_of_money_is_in_the_currency_of_the_rulebook(name: str) -> None:
    document = raw(name)
    for place, figure in figures(document).items():
        if place[-1] in ("amount", "cap", "member_cap", "published_size", "regulatory_capital", "floor"):
            assert figure["unit"] == document["currency"], place


@pytest.mark.parametrize("name", NAMES)
def test_an_assumed_tier_says_why_and_so_does_the_loaded_rulebook(name: str) -> None:
    for place, entry in entries(raw(name).get("tiers")):
        if isinstance(entry, dict) and entry.get("assumed") and "value" not in entry:
            assert entry["reason"].strip(), place
    found = rules(name)
    assert found.source
    assert found.as_of is not None
    assert all(part.reason for part in all_parts(found.tiers) if part.assumed)
    assert len(found.figures) == len(figures(raw(name)))


@pytest.mark.parametrize("name", NAMES)
def test_no_file_names_a_path_of_a_machine(name: str) -> None:
    assert not MACHINE.findall(text_of(name))


def test_paths_of_machines_would_be_found() -> None:
    for path in ("see /home/x/notes", "'/tmp/a'", "file://x", r"C:\notes"):
        assert MACHINE.search(path)
    assert not MACHINE.search("lch.com/services/equityclear and/or www.b3.com.br/en_us/home/x")


# --- the ladder -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def climbed() -> ccp.Comparison:
    return ccp.compare([f"published/{name}" for name in NAMES])


@pytest.mark.parametrize("name", NAMES)
def test_every_rung_adds_up_to_its_loss(name: str, climbed: ccp.Comparison) -> None:
    mine = climbed.ladder.filter(rulebook=f"published/{name}")
    house = next(one for one in climbed.houses if one["rulebook"] == f"published/{name}")
    digits = rules(name).currency_digits
    assert house["fund"] == (rules(name).fund.published_size or 1e9)
    assert mine["loss_multiple"].unique().sort().to_list() == [0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0]
    for (multiple,), rung in mine.group_by("loss_multiple"):
        units = [round(amount * 10**digits) for amount in rung["amount"].to_list()]
        assert sum(units) == round(Fraction(str(multiple)) * round(house["fund"] * 10**digits))
        assert min(units) >= 0
        assert rung["loss_share"].sum() == pytest.approx(1.0, abs=1e-9)
        limited = rung.filter(pl.col("available").is_not_null())
        assert (limited["amount"] <= limited["available"]).all()
        assert rung["tier"].to_list() == [*(part.word for part in all_parts(rules(name).tiers))]


# --- what each is known for -------------------------------------------------------------------------------------------

# By hand from the descriptions: the tiers behind the defaulter's own, parts beside each other in one tuple, with their
# own sizes in the currency (None: a size that is not one amount).
KNOWN: dict[str, list[tuple[tuple[str, float | None], ...]]] = {
    "krx-2013": [(("survivors_fund", None),), (("ccp_capital", 400 * BILLION),)],
    "krx-after-2014": [
        (("ccp_capital", 40 * BILLION),),
        (("survivors_fund", None),),
        (("ccp_capital", 360 * BILLION),),
    ],
    "eurex": [
        (("ccp_capital", 143 * MILLION),),
        (("survivors_fund", None), ("ccp_capital", 57 * MILLION)),
        (("assessments", None), ("ccp_capital", 300 * MILLION)),
        (("ccp_equity", 600 * MILLION),),
        (("parent_guarantee", 600 * MILLION),),
    ],
    "nasdaq-2018": [(("ccp_capital", 7 * MILLION),), (("survivors_fund", None),), (("assessments", None),)],
    "ice-clear-credit": [
        (("ccp_capital", 50 * MILLION),),
        (("insurance", 75 * MILLION),),
        (("survivors_fund", None),),
        (("assessments", None),),
        (("gains_haircut", None),),
        (("tear_up", None),),
    ],
    "cme-base": [
        (("ccp_capital", 100 * MILLION),),
        (("survivors_fund", None),),
        (("assessments", None),),
        (("gains_haircut", None),),
        (("tear_up", None),),
    ],
    "asx-clear-futures": [
        (("ccp_capital", 120 * MILLION),),
        (("survivors_fund", None),),
        (("ccp_capital", 330 * MILLION),),
        (("assessments", None),),
        (("gains_haircut", None),),
        (("tear_up", None),),
    ],
    "jscc-listed": [
        (("ccp_capital", 9_100 * MILLION),),
        (("survivors_fund", None),),
        (("ccp_capital", 0),),
        (("assessments", None),),
        (("tear_up", None),),
    ],
    "bme": [
        (("ccp_capital", 2.5 * MILLION),),
        (("survivors_fund", None),),
        (("assessments", None),),
        (("ccp_equity", 4 * MILLION),),
    ],
    "keler-derivatives": [
        (("ccp_capital", 642_675),),
        (("survivors_fund", None), ("ccp_capital", 15_216)),
        (("ccp_capital", 2_434_570.91),),
    ],
    "lme-clear": [
        (("ccp_capital", 16_765_783),),
        (("survivors_fund", None),),
        (("assessments", None),),
        (("gains_haircut", None),),
    ],
    "occ": [
        (("ccp_capital", 139_984_000),),
        (("survivors_fund", None), ("ccp_capital", 0)),
        (("assessments", None),),
        (("voluntary", None),),
        (("tear_up", None),),
    ],
    "sgx-cdp": [
        (("ccp_capital", None),),
        (("survivors_fund", None),),
        (("ccp_capital", None),),
        (("assessments", None),),
    ],
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_tiers_stand_in_the_order_described(name: str) -> None:
    tiers = [tuple((part.word, getattr(part, "amount", None)) for part in parts_of(tier)) for tier in rules(name).tiers]
    assert tiers[:2] == [(("defaulter_margin", None),), (("defaulter_fund", None),)]
    assert tiers[2:] == [*KNOWN[name], (("uncovered", None),)]


def part_of(name: str, word: str) -> Any:
    (part,) = [part for part in all_parts(rules(name).tiers) if part.word == word]
    return part


def test_calls_are_the_multiples_that_are_described() -> None:
    found = {}
    described = ("cme-base", "eurex", "ice-clear-credit", "lch-swapclear", "occ")
    for name in (*described, "ice-clear-europe-fo", "lch-repo-equity", "bme", "lme-clear"):
        part = part_of(name, "assessments")
        found[name] = (part.multiple, part.period_multiple, part.per)
    assert found == {
        "cme-base": (2.75, 5.5, "default"),
        "eurex": (2, 2, "event"),
        "ice-clear-credit": (1, 3, "default"),
        "lch-swapclear": (1, 3, "default"),
        "occ": (2, 2, "event"),
        # committed for a first default (item 4.1.8) over what is required (item 4.1.4), June 2018
        "ice-clear-europe-fo": (5_600 / 2_800, 3, "default"),
        "lch-repo-equity": (225 / 225, None, "default"),
        "bme": (295.2 / 295.2, None, "default"),
        "lme-clear": (1, None, "default"),
    }


def test_sizes_of_funds_are_those_published() -> None:
    published = {
        "krx-2013": 200 * BILLION,
        "nasdaq-2018": 166 * MILLION,
        "ice-clear-credit": 3_326 * MILLION,
        # required contributions, item 4.1.4 of the disclosures of June 2018
        "eurex": 3_516_994_538,
        "ice-clear-europe-fo": 2_800 * MILLION,
        "lch-repo-equity": 225 * MILLION,
        "bme": 295_200_000,
        "keler-derivatives": 6_107_730,
    }
    assert {name: rules(name).fund.published_size for name in published} == published
    swapclear = rules("lch-swapclear")
    own = part_of("lch-swapclear", "ccp_capital").amount
    assert swapclear.fund.published_size is not None
    assert round(own / swapclear.fund.published_size, 3) == 0.013  # "1.3 % of the fund"


def test_hkcc_brings_a_tenth_of_a_fund_of_which_it_is_a_part(climbed: ccp.Comparison) -> None:
    """Of the HKD 7.3 billion at which the fund is capped 730 million, when members bring the other 6,570 million; of
    the comparison's billion of contributions 111,111,111.11, a ninth. A tenth of contributions would be 657 million."""
    own = stylised_house(rules("hkcc"), fund=6_570 * MILLION).plan.capital
    assert own == 730 * MILLION * 100
    rung = climbed.ladder.filter(rulebook="published/hkcc", loss_multiple=10.0, tier="ccp_capital")
    assert rung["amount"].to_list() == [111_111_111.11]


def test_equityclears_own_money_is_its_disclosed_share_of_the_fund() -> None:
    """GBP 1.93 million on 225 million, to the four digits that are written: 0.8578 %."""
    share = part_of("lch-repo-equity", "ccp_capital").share_of_fund
    assert share == pytest.approx(1.93 / 225, rel=5e-4)
    assert stylised_house(rules("lch-repo-equity")).plan.capital == 193_050_000  # 0.858 % of 225 million, in pence


def test_keler_sizes_its_fund_by_the_letter_of_emir_42_3() -> None:
    fund = rules("keler-derivatives").fund
    assert (fund.cover, fund.covers_emir_42_3) == (1, True)
    assert not any(rules(name).fund.covers_emir_42_3 for name in NAMES if name != "keler-derivatives")


def test_the_smallest_contributions_are_those_of_the_rules() -> None:
    smallest = {name: rules(name).fund.minimum_contribution for name in ("jscc-irs", "sgx-dc", "cme-irs")}
    assert smallest == {"jscc-irs": 100 * MILLION, "sgx-dc": MILLION, "cme-irs": 15 * MILLION}


def test_what_is_assumed_of_the_korean_reform_is_marked() -> None:
    """The order is read, how the reserve is split is not."""
    found = {figure.path: figure for figure in rules("krx-after-2014").figures}
    assert found["tiers.2.amount"].assumed
    assert found["tiers.4.amount"].assumed
    assert not any(part.assumed for part in all_parts(rules("krx-after-2014").tiers))
    assert rules("krx-2013").currency_digits == rules("krx-after-2014").currency_digits == 0


def shares(climbed: ccp.Comparison, name: str, multiple: float) -> dict[str, float]:
    """What each kind of payer pays of a loss."""
    rows = climbed.ladder.filter(rulebook=f"published/{name}", loss_multiple=multiple)
    return dict(rows.group_by("stakeholder").agg(pl.col("loss_share").sum()).iter_rows())


def test_before_the_korean_reform_the_members_paid_first_and_after_it_the_exchange_did(
    climbed: ccp.Comparison,
) -> None:
    """A loss of half the fund: 20 members with 1, 1/2, 1/3, ... of 3.5977; the two largest pay 1.5/3.5977 of a fund.

    That is 41.7 % of it: 8.3 % of the fund is left, and 16.6 % of the loss.
    """
    own = float(sum(Fraction(1, rank) for rank in (1, 2)) / sum(Fraction(1, rank) for rank in range(1, 21)))
    left = pytest.approx((0.5 - own) / 0.5, abs=1e-5)
    before, after = shares(climbed, "krx-2013", 0.5), shares(climbed, "krx-after-2014", 0.5)
    assert (before["survivors, funded"], before["clearing house"]) == (left, 0.0)
    assert (after["survivors, funded"], after["clearing house"]) == (0.0, left)
