"""A tier that is there in these tests alone goes through everything: a row, a model, and what it can pay.

`levy` is `assessments` under another word, so whatever happens under the one has to happen under the other; amounts of
small cases are worked out by hand besides. `backers` is new: a member's backers owe a multiple of its contribution when
it defaults, and nothing when others do, so what the tier has depends on who defaults.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
from pydantic import Field
from ruamel.yaml import YAML
from support.pages import read_page
from support.small_cycles import RULES, Run, Small, changed, plain

import ccp
import ccp.kernels.waterfall.plan_arrays as codes
from ccp.api.explore import explore_book
from ccp.api.settings import Settings
from ccp.errors import InputError
from ccp.money import exact, scaled_down
from ccp.replays.document import Replay
from ccp.rulebook import wording
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_kind import CALLED, HOUSE, PARENT, SURVIVORS_UNFUNDED, TierKind
from ccp.rulebook.tier_table import added
from ccp.rulebook.tiers import Named
from ccp.waterfall.amounts import FORMS, Amounts, Basis

# --- the two tiers ----------------------------------------------------------------------------------------------------


class Levy(Named):
    """Survivors are called for more, under another word. Example: `- levy: {multiple: 1}`."""

    tier: Literal["levy"] = "levy"
    multiple: float = Field(ge=0)
    period_multiple: float | None = None
    collected: float = 1.0
    cap: float | None = None
    per: Literal["default", "event"] = "default"


class Backers(Named):
    """Who stands behind a member pays when it defaults. Example: `- backers: {multiple: 2}`."""

    tier: Literal["backers"] = "backers"
    multiple: float = Field(ge=0)


def backed(part: Any, basis: Basis) -> Amounts:
    """For each member a multiple of what is required of it; in all what they come to together."""
    each = scaled_down(basis.required, exact(part.multiple))
    return Amounts(codes.PER_DEFAULTER, size=int(each.sum()), each=each)


LEVY = TierKind(
    Levy,
    CALLED,
    SURVIVORS_UNFUNDED,
    "members' levy",
    wording.assessments,
    account=HOUSE,
    empty="empty: nobody is left to call, or all that may be called in the period has been",
    movement="assessment",
    bill="assessments",
    borne_by_capital=True,
    called=True,
    repeats=True,
)
BACKERS = TierKind(
    Backers,
    "backed",
    PARENT,
    "members' backers",
    lambda part: f"the defaulters' backers, {part.multiple:g}x what was required of each",
    account="backing",
    empty="empty: nobody backs who defaults",
    repeats=True,
)


@pytest.fixture(autouse=True)
def _new_tiers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(FORMS, "backed", backed)
    with added(LEVY, BACKERS):
        yield


OWN: list[Any] = ["defaulter_margin", "defaulter_fund"]
ORDERS: dict[str, list[Any]] = {
    "alone": [*OWN, {"levy": {"multiple": 3}}],
    "twice": [*OWN, {"levy": {"multiple": 1, "cap": 150}}, "survivors_fund", {"levy": {"multiple": 0.5}}],
    "beside the fund": [*OWN, {"pari_passu": ["survivors_fund", {"levy": {"multiple": 2, "collected": 0.5}}]}],
    "beside itself": [*OWN, {"pari_passu": [{"levy": {"multiple": 1}}, {"levy": {"multiple": 2, "per": "event"}}]}],
    "in a period": [*OWN, {"levy": {"multiple": 3, "period_multiple": 4}}, {"ccp_equity": {"amount": 30}}],
}
each_order = pytest.mark.parametrize("tiers", [pytest.param(tiers, id=name) for name, tiers in ORDERS.items()])


def under_the_old_word(found: Any) -> Any:
    """The same with the word of the tier that the levy copies, where it is the word of a tier."""
    if isinstance(found, dict):
        return {("assessments" if key == "levy" else key): under_the_old_word(one) for key, one in found.items()}
    if isinstance(found, list):
        return [under_the_old_word(one) for one in found]
    return "assessments" if found == "levy" else found


def rows(table: pl.DataFrame) -> list[dict[str, Any]]:
    return under_the_old_word(table.to_dicts())


# --- default, contagion, the trace and the page -----------------------------------------------------------------------


def small(tiers: list[Any], levels: list[float] | None = None, **members: Any) -> Small:
    """A long 100 of X at 100, B long 50; contributions of 100, stressed by a fall of a fifth; B has 200 of its own."""
    stated: dict[str, dict[str, Any]] = {name: {"fund_contribution": 100.0} for name in ("A", "B", "DEALER")}
    stated["B"]["capital"] = 200.0
    fund = {"size": 300, "minimum_contribution": 100}  # a hundred each
    having = {name: one | members.get(name, {}) for name, one in stated.items()}
    return plain(levels, rules=changed(RULES, tiers=tiers, fund=fund), members=having)


def event(case: Small, *groups: str, contagion: bool = False) -> Any:
    return ccp.default(
        case.book, case.rulebook, defaulters=list(groups), market=case.market, day=case.day(0), contagion=contagion
    )


def paid(trace: dict[str, Any]) -> list[tuple[str, dict[str, float]]]:
    return [(tier["tier"], {one["member_id"]: one["paid"] for one in tier["payers"]}) for tier in trace["tiers"]]


def test_a_default_is_paid_by_the_new_tier() -> None:
    """A loses 2,000: 500 of margin, 100 of its own, and of the 1,400 left 300 from each of two survivors."""
    found = event(small(ORDERS["alone"]), "A").trace
    assert paid(found)[1:] == [
        ("defaulter_fund", {"A": 100.0}),
        ("levy", {"B": 300.0, "DEALER": 300.0}),
        ("uncovered", {}),
    ]
    assert found["by_stakeholder"] == {"defaulter": 600.0, "survivors, unfunded": 600.0, "nobody": 800.0}
    assert found["tiers"][2]["why"] == "used up"
    assert found["adds_up"]


def test_contagion_sees_its_bill_and_who_cannot_pay_it() -> None:
    """B's bill of 300 is more than its 200: it pays nothing and defaults with a loss of 1,000 against 250 and 100.

    The dealer is called for 300 in each round: 1,100 of A's loss and 350 of B's are left.
    """
    first, second = event(small(ORDERS["alone"]), "A", contagion=True).trace["rounds"]
    assert paid(first)[2] == ("levy", {"DEALER": 300.0})
    assert (first["uncovered"], first["fails_next"]) == (1_100.0, ["B"])
    assert paid(second)[1:3] == [("defaulter_fund", {"B": 100.0}), ("levy", {"DEALER": 300.0})]
    assert second["uncovered"] == 350.0


@each_order
@pytest.mark.parametrize("contagion", [False, True])
def test_a_default_is_that_of_the_tier_it_copies(tiers: list[Any], contagion: bool) -> None:
    found, copied = (event(small(one), "A", contagion=contagion) for one in (tiers, under_the_old_word(tiers)))
    assert any(tier["tier"] == "levy" and tier["paid"] for tier in found.trace["tiers"])
    assert under_the_old_word(found.trace) == copied.trace


def test_the_page_the_bills_and_the_story_name_it(tmp_path: Path) -> None:
    found = event(small(ORDERS["beside the fund"]), "A", contagion=True)
    folder = found.write(tmp_path / "run")
    page = read_page(ccp.pack(folder).write_page(tmp_path / "page.html", live=False).read_text(encoding="utf-8"))
    waterfall = next(table for name, table in page.tables.items() if name.endswith("waterfall"))
    assert [row[0] for row in waterfall[1:]][3] == "3. members' levy"
    assert "levy" in json.dumps(json.loads((folder / "trace.json").read_text()))
    assert "members' levy" in page.words


def test_the_explorer_puts_it_on_members_bills() -> None:
    case = small(ORDERS["alone"])
    explorer = explore_book(case.book, case.rulebook, case.market, day=case.day(0))
    bills = explorer.view(Settings(defaulters=("A",))).bills
    assert dict(bills.select("member_id", "assessments").iter_rows()) == {"A": 0.0, "B": 300.0, "DEALER": 300.0}


# --- a replay ---------------------------------------------------------------------------------------------------------

REPLAYED = Path(__file__).parents[1] / "replays"


def replay_file(folder: Path, word: str, tiers: list[Any] | None = None) -> Path:
    """Three defaults in a row, worked by hand in the file itself, with the calls under a word."""
    source = next(REPLAYED.rglob("three-defaults.yaml"))
    document = YAML(typ="safe").load(source.read_text(encoding="utf-8"))
    run = document["runs"][0]
    run["tiers"] = tiers or [{word: one["assessments"]} if "assessments" in one else one for one in run["tiers"]]
    run["expected"] = {word if tier == "assessments" else tier: one for tier, one in run["expected"].items()}
    if tiers:
        run.pop("expected")
    path = folder / f"{word}.yaml"
    YAML().dump(document, path)
    return path


def test_a_replay_counts_what_was_called_in_the_period(tmp_path: Path) -> None:
    """373.33 in three defaults, of which the period's limit holds back the rest: worked out in the file."""
    found = ccp.replay(replay_file(tmp_path, "levy"))
    assert found.agrees
    assert {line["tier"]: line["computed"] for line in found.runs[0]["compared"]}["levy"] == 373.33
    assert rows(found.waterfall) == ccp.replay(replay_file(tmp_path, "assessments")).waterfall.to_dicts()


def test_a_replay_with_two_of_it_and_one_beside_the_fund(tmp_path: Path) -> None:
    beside = {"pari_passu": ["survivors_fund", {"levy": {"multiple": 0.5, "period_multiple": 0.6}}]}
    tiers: list[Any] = [*OWN, beside, {"levy": {"multiple": 1, "period_multiple": 1.5}}]
    found = ccp.replay(replay_file(tmp_path, "levy", tiers))
    copied = ccp.replay(replay_file(tmp_path, "assessments", under_the_old_word(tiers)))
    assert found.waterfall.filter(pl.col("amount") > 0, tier="levy")["tier_place"].n_unique() == 2
    assert rows(found.waterfall) == copied.waterfall.to_dicts()


# --- the daily cycle and its ledger -----------------------------------------------------------------------------------


def cycle(tiers: list[Any]) -> Small:
    """A's 100 of X fall from 100 to 85 and B's 50 to 60 on the last day but one: both are named, a day apart."""
    rich = {"capital": 10_000.0, "liquidity": 1e6}
    return small(tiers, [100.0, 85.0, 85.0, 60.0, 60.0], B=rich, DEALER=rich)


def settled(tiers: list[Any], out: Path) -> Run:
    return cycle(tiers).run(out, defaults=[("A", 1), ("B", 3)])


def test_the_ledger_of_a_run_has_its_rows_and_the_lender_ends_at_nothing(tmp_path: Path) -> None:
    """A loses 1,500 against 500 and 100: 900 are left, and B and the dealer are called for 300 each."""
    run = settled(ORDERS["alone"], tmp_path / "run")
    called = run.ledger.filter(movement="assessment", to_account="estate:1")
    assert dict(called.select("from_account", "amount").iter_rows()) == {"house:B": 300.0, "house:DEALER": 300.0}
    assert run.moved(movement="loss", from_account="nobody", to_account="estate:1") == 300.0
    assert run.tiers(1)["levy"] == 600.0
    for event in run.events.to_dicts():
        estate = f"estate:{int(event['event'])}"
        into = run.ledger.filter(pl.col("movement").is_in(["loss", "assessment", "haircut"]), to_account=estate)
        assert round(float(into["amount"].sum()), 2) == event["loss"]
    lent = run.ledger.filter(from_account="lender")["amount"].sum()
    repaid = run.ledger.filter(to_account="lender")["amount"].sum()
    assert round(float(lent) - float(repaid), 2) == 0.0
    assert float(lent) > 0


@each_order
def test_a_run_is_that_of_the_tier_it_copies(tiers: list[Any], tmp_path: Path) -> None:
    found, copied = settled(tiers, tmp_path / "new"), settled(under_the_old_word(tiers), tmp_path / "old")
    assert found.ledger.filter(movement="assessment").height
    assert found.ledger.equals(copied.ledger)
    assert found.members.equals(copied.members)
    assert rows(found.table("waterfall")) == copied.table("waterfall").to_dicts()


# --- many paths, and a comparison -------------------------------------------------------------------------------------

CONTRIBUTIONS = {"A": 20.0, "B": 30.0, "C": 50.0}
LOSS = np.array([[0.0, 0, 0], [15, 0, 0], [200, 0, 0], [100, 40, 0], [0, 0, 500], [60, 300, 200]])


def rules(tiers: list[Any]) -> Rulebook:
    return Rulebook.model_validate(RULES | {"tiers": tiers})


def test_many_paths_down_the_new_tier() -> None:
    """Path 3: A's 200 less its 20; B and C are called for 90 and 150, so all is paid. Path 4: C alone, twice."""
    found = ccp.draw_paths(rules(ORDERS["alone"]), CONTRIBUTIONS, LOSS, LOSS > 0, bills=True)
    assert (found.draws[2] / 100).tolist() == [0.0, 20.0, 180.0, 0.0]
    assert found.bills is not None
    assert (found.bills[2] / 100).tolist() == [0.0, 67.5, 112.5]
    assert (found.draws[3] / 100).tolist() == [0.0, 50.0, 90.0, 0.0]


@each_order
def test_many_paths_are_those_of_the_tier_it_copies(tiers: list[Any]) -> None:
    found, copied = (
        ccp.draw_paths(rules(one), CONTRIBUTIONS, LOSS, LOSS > 0, bills=True)
        for one in (tiers, under_the_old_word(tiers))
    )
    assert found.draws.tolist() == copied.draws.tolist()
    assert found.bills is not None
    assert copied.bills is not None
    assert found.bills.tolist() == copied.bills.tolist()
    assert rows(found.tiers) == copied.tiers.to_dicts()


@each_order
def test_a_comparison_has_it_beside_the_tier_it_copies(tiers: list[Any]) -> None:
    named = (rules(one).model_copy(update={"name": "same"}) for one in (tiers, under_the_old_word(tiers)))
    found, copied = (ccp.compare([one], fund=1e6).ladder for one in named)
    assert found.filter(pl.col("amount") > 0, tier="levy").height
    assert rows(found) == copied.to_dicts()


# --- what there is depends on who defaults ----------------------------------------------------------------------------


def test_backers_of_those_who_default_pay_and_no_others() -> None:
    """Twice what was required: A's backers 40, A's and B's 100, C's 100; all that there is comes to 200."""
    found = ccp.draw_paths(rules([*OWN, {"backers": {"multiple": 2}}]), CONTRIBUTIONS, LOSS, LOSS > 0, bills=True)
    own, backing, nobody = (found.draws[:, place] / 100 for place in (1, 2, 3))
    assert own.tolist() == [0, 15, 20, 50, 50, 100]
    assert backing.tolist() == [0, 0, 40, 90, 100, 200]
    assert nobody.tolist() == [0, 0, 140, 0, 350, 260]
    assert found.bills is not None
    assert not found.bills.any()


@pytest.mark.parametrize(
    "tiers",
    [
        [*OWN, {"backers": {"multiple": 2}}, "survivors_fund", {"backers": {"multiple": 0.5}}],
        [*OWN, {"pari_passu": ["survivors_fund", {"backers": {"multiple": 1}}]}, {"levy": {"multiple": 1}}],
        [*OWN, {"pari_passu": [{"backers": {"multiple": 1}}, {"backers": {"multiple": 1}}]}],
    ],
    ids=["twice", "beside the fund", "beside itself"],
)
def test_both_engines_agree_on_them(tiers: list[Any]) -> None:
    """The kernel over many paths, and one event after the other in a replay."""
    found = ccp.draw_paths(rules(tiers), CONTRIBUTIONS, LOSS, LOSS > 0)
    for losses, draws in zip(LOSS.tolist(), found.draws.tolist(), strict=True):
        lost = dict(zip(CONTRIBUTIONS, losses, strict=True))
        if any(losses):
            assert replayed(tiers, lost) == [one / 100 for one in draws]


def replayed(tiers: list[Any], *lost: dict[str, float]) -> list[float]:
    """What each tier pays of the last of some defaults, a day apart."""
    document = {
        "title": "by hand",
        "currency": "USD",
        "members": {name: {"contribution": amount} for name, amount in CONTRIBUTIONS.items()},
        "defaults": [
            {"date": f"2024-01-{day:02d}", "losses": {name: {"loss": loss} for name, loss in losses.items() if loss}}
            for day, losses in enumerate(lost, start=1)
        ],
        "runs": [{"name": "one", "tiers": tiers}],
    }
    events = ccp.replay(Replay.model_validate(document)).runs[0]["events"]
    return [tier["paid"] for tier in events[-1]["tiers"]]


def test_what_backers_paid_is_gone_in_the_next_default() -> None:
    """Of 200 in all A's have paid 40; then B's pay 60, and for C 100 are owed and 100 are left."""
    tiers: list[Any] = [*OWN, {"backers": {"multiple": 2}}]
    assert replayed(tiers, {"A": 200.0}) == [0, 20, 40, 140]
    assert replayed(tiers, {"A": 200.0}, {"B": 300.0}) == [0, 30, 60, 210]
    assert replayed(tiers, {"A": 200.0}, {"B": 300.0}, {"C": 500.0}) == [0, 50, 100, 350]


def test_backers_have_an_account_in_the_ledger(tmp_path: Path) -> None:
    """A's 900 behind margin and fund: its backers owe 200 of the 600 that all of them have set aside."""
    run = settled([*OWN, {"backers": {"multiple": 2}}], tmp_path / "run")
    assert run.moved(movement="opening", to_account="backing:3") == 600.0
    assert run.moved(movement="loss", from_account="backing:3", to_account="estate:1") == 200.0
    assert run.moved(movement="loss", from_account="nobody", to_account="estate:1") == 700.0
    found = event(small([*OWN, {"backers": {"multiple": 2}}]), "A", contagion=True).trace
    assert paid(found)[2] == ("backers", {"parent": 200.0})
    assert found["tiers"][2]["rule"] == "the defaulters' backers, 2x what was required of each"


def test_the_page_and_a_comparison_name_backers(tmp_path: Path) -> None:
    """A's backers owe twice its 100 on the page; in a comparison the largest members' backers owe twice theirs."""
    tiers: list[Any] = [*OWN, {"backers": {"multiple": 2}}]
    folder = event(small(tiers), "A", contagion=True).write(tmp_path / "run")
    page = read_page(ccp.pack(folder).write_page(tmp_path / "page.html", live=False).read_text(encoding="utf-8"))
    waterfall = next(table for name, table in page.tables.items() if name.endswith("waterfall"))
    assert waterfall[3][0] == "3. members' backers"
    assert "200.00" in waterfall[3]
    compared = ccp.compare([rules(tiers)], fund=1e6)
    (house,) = compared.houses
    weights = [10**6 // rank for rank in range(1, house["members"] + 1)]  # members fall off as 1, 1/2, 1/3, ...
    of_defaulters = sum(weights[: len(house["defaulters"])]) / sum(weights)
    last = compared.ladder.filter(pl.col("loss_multiple") == pl.col("loss_multiple").max(), tier="backers")
    assert last["amount"].item() == pytest.approx(2 * 1e6 * of_defaulters, abs=0.02)  # a cent of each share, twice


# --- what is refused --------------------------------------------------------------------------------------------------


def test_mistakes_in_it_are_found_by_field(tmp_path: Path) -> None:
    YAML().dump(RULES | {"tiers": [*OWN, {"levy": {"multiple": -1}}]}, tmp_path / "rules.yaml")
    with pytest.raises(InputError) as error:
        ccp.read_rulebook(tmp_path / "rules.yaml")
    assert [(one.field, one.expected) for one in error.value.problems] == [
        ("tiers.2.levy.multiple", "at least 0 was expected")
    ]


def test_money_that_an_engine_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form with a code of its own that no kernel and no function knows."""
    unknown = max(codes.IN_PATHS) + 1
    monkeypatch.setitem(FORMS, "backed", lambda part, basis: Amounts(unknown))
    tiers: list[Any] = [*OWN, {"backers": {"multiple": 2}}]
    with pytest.raises(ValueError, match=f"the tier backers: nothing says what amounts of source {unknown} need"):
        ccp.draw_paths(rules(tiers), CONTRIBUTIONS, LOSS, LOSS > 0)
    monkeypatch.setitem(codes.NEEDS, unknown, ())
    monkeypatch.setattr(codes, "SIZED", (*codes.SIZED, unknown))
    with pytest.raises(ValueError, match="does not know what these tiers have: backers"):
        ccp.draw_paths(rules(tiers), CONTRIBUTIONS, LOSS, LOSS > 0)
    monkeypatch.setattr(codes, "IN_PATHS", (*codes.IN_PATHS, unknown))  # listed, but without a branch
    with pytest.raises(ValueError, match="does not know what these tiers have: backers"):
        ccp.draw_paths(rules(tiers), CONTRIBUTIONS, LOSS, LOSS > 0)
    with pytest.raises(ValueError, match=f"the tier backers: nothing says what a tier of source {unknown} offers"):
        replayed(tiers, {"A": 200.0})
