"""Replays: those that are shipped agree with what was reported; others are worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

import ccp
from ccp.cli.main import app
from ccp.errors import InputError
from ccp.replays.load import replay_names, replay_path

THREE = Path(__file__).parent / "cases" / "three-defaults.yaml"
OVERLAPPING = THREE.with_name("overlapping-events.yaml")
Document = dict[str, Any]
Paid = dict[str, dict[str, float]]


def call(*arguments: str | Path, width: int = 120) -> Result:
    result = CliRunner(env={"COLUMNS": str(width), "NO_COLOR": "1"}).invoke(app, [str(part) for part in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def three_defaults() -> Document:
    return YAML(typ="safe").load(THREE.read_text())


def run(document: Document, folder: Path) -> ccp.Replayed:
    """A document's replay, through a file."""
    path = folder / "replay.yaml"
    with path.open("w") as file:
        YAML(typ="safe").dump(document, file)
    return ccp.replay(path)


def paid(found: Any, event: int, number: int = 1, **more: Any) -> Paid:
    """Who paid what in a default (and round), by tier; house for the clearing house, nobody for what is uncovered."""
    rows = found.waterfall.filter(pl.col("amount") > 0, event=event, round=number, **more)
    payments: Paid = {}
    for tier, member, amount in rows.select("tier", "member_id", "amount").iter_rows():
        payments.setdefault(tier, {})[member or ("nobody" if tier == "uncovered" else "house")] = amount
    return payments


def recovered(found: Any) -> list[tuple[int, str, str | None, float]]:
    return [(one["default"], one["tier"], one["payer"], one["amount"]) for one in found.runs[0]["recoveries"]]


# --- those that are shipped -------------------------------------------------------------------------------------------


def test_the_defaults_that_the_documents_speak_of_are_shipped() -> None:
    assert {
        "nasdaq-2018",
        "krx-hanmag-2013",
        "cme-lehman-2008",
        "lch-lehman-2008",
        "hkscc-lehman-2008",
        "mf-global-2011",
        "abn-amro-2020",
        "lme-nickel-2022",
        "hong-kong-1987",
        "barings-simex-1995",
        "maple-bank-2016",
        "bby-asx-2015",
    } <= set(replay_names())


@pytest.mark.parametrize("name", replay_names())
def test_a_shipped_replay_agrees_and_says_where_every_expected_figure_comes_from(name: str) -> None:
    found = ccp.replay(name)
    assert found.agrees
    assert found.source
    for one in found.runs:
        assert one["compared"]
        for line in one["compared"]:
            assert line["agrees"]
            assert line["expected"] == line["computed"]
            assert line["source"]
        assert all(event["adds_up"] for event in one["events"])


# By the sources named in the files: who paid, in the units of the file.
REPORTED = {
    "nasdaq-2018": {"ccp_capital": 7.0, "survivors_fund": 107.0, "uncovered": 0.0},
    "krx-hanmag-2013": {"defaulter_fund": 2_400.0, "survivors_fund": 41_560.0, "ccp_capital": 0.0},
    "cme-lehman-2008": {"defaulter_margin": 1_539.0, "uncovered": 0.0, "surplus_margin": 107.0},
    "lch-lehman-2008": {"defaulter_margin": 100.0, "survivors_fund": 0.0},
    "hkscc-lehman-2008": {"ccp_capital": 157e6, "survivors_fund": 0.0},
    "mf-global-2011": {"survivors_fund": 0.0, "uncovered": 0.0},
    "abn-amro-2020": {"survivors_fund": 0.0, "uncovered": 0.0},
    "lme-nickel-2022": {"assessments": 220.0},
    "hong-kong-1987": {"outside_support": 2_000.0, "uncovered": 0.0},
    "barings-simex-1995": {"survivors_fund": 0.0, "uncovered": 0.0},
    "maple-bank-2016": {"survivors_fund": 0.0, "uncovered": 0.0},
    "bby-asx-2015": {"ccp_capital": 0.0, "assessments": 0.0, "uncovered": 0.0},
}


@pytest.mark.parametrize("name", REPORTED)
def test_what_was_reported_is_computed(name: str) -> None:
    lines = [line for line in ccp.replay(name).runs[0]["compared"] if line["what"] == "paid"]
    computed = {line["tier"]: line["computed"] for line in lines}
    assert {tier: computed[tier] for tier in REPORTED[name]} == REPORTED[name]


def test_fortum_lost_two_thirds_of_its_thirty_million() -> None:
    """107 of 166 in proportion: 30 x 107/166 = 19.337..., and 136 x 107/166 = 87.662... million euro."""
    funded = paid(ccp.replay("nasdaq-2018"), 1)["survivors_fund"]
    assert funded == {"Fortum": 19_337_349.40, "all other members": 87_662_650.60}


def test_lme_nickel_seven_default_five_fail_of_the_call_and_the_others_pay_it_all() -> None:
    """Of seven losses of 1,336.765783 million 192.5 are their own contributions (7 of 27.5), 16.765783 own money and
    907.5 the rest of the fund: 220 are called. Called in proportion, each of the five would pay 220 x 27.5 / 907.5 =
    6.67 beside its 27.5, more than its capital of 30: it does not, and the others pay 220 alone."""
    found = ccp.replay("lme-nickel-2022")
    named, five = [f"member {number}" for number in range(1, 13)], [f"member {number}" for number in range(8, 13)]
    told = paid(found, 1, run="as the exchange told the court")
    assert told["defaulter_fund"] == dict.fromkeys(named[:7], 27_500_000.0)
    assert told["ccp_capital"] == {"house": 16_765_783.0}
    assert told["survivors_fund"] == dict.fromkeys(five, 27_500_000.0) | {"all other members": 770_000_000.0}
    assert told["assessments"] == {"all other members": 220_000_000.0}
    assert "uncovered" not in told
    rounds = [(one["round"], sorted(one["defaulters"])) for one in found.runs[0]["events"]]
    assert rounds == [(1, sorted(named[:7])), (2, sorted(five))]
    able = paid(found, 1, run="had everybody been able to pay the call")["assessments"]
    assert able["member 8"] == pytest.approx(220e6 * 27.5 / 907.5, abs=0.01)
    counted = [line["computed"] for run in found.runs for line in run["compared"] if line["what"] == "defaults"]
    assert counted == [12, 7]


def test_hong_kong_lenders_and_government_lend_alike_and_both_are_repaid() -> None:
    """Of 2 billion a billion each; of the 500 million recovered and the 1,500 of the levy half each."""
    found = ccp.replay("hong-kong-1987")
    tiers = {tier["name"]: tier["paid"] for tier in found.runs[0]["events"][0]["tiers"] if tier["name"]}
    assert tiers == {"Lifeboat lenders": 1e9, "The Government": 1e9}
    back = [(one["origin"], one["tier"], one["amount"]) for one in found.runs[0]["recoveries"]]
    assert back == [("estate", "outside_support", 250e6)] * 2 + [("levy", "outside_support", 750e6)] * 2
    assert "Raised by a levy for outside_support: 750,000,000.00 on 1993-08-31" in call(
        "replay", "hong-kong-1987", "--trace"
    ).stdout.replace("\n", " ")


def test_four_billion_of_hanmag_come_back_to_those_who_paid_last() -> None:
    """To the members as it was; under the later order 1,560 to the members and the other 2,440 to the exchange."""
    found = ccp.replay("krx-hanmag-2013")
    back = [
        [(line["tier"], line["computed"]) for line in run["compared"] if line["what"] == "recovered"]
        for run in found.runs
    ]
    assert back == [[("survivors_fund", 4_000.0)], [("survivors_fund", 1_560.0), ("ccp_capital", 2_440.0)]]
    members = [one["amount"] for one in found.runs[0]["recoveries"] if one["payer"] == "all other members"]
    assert members == [4_000_000_000.0]


# By their files: one of loss and margin is assumed, and they are the same.
SET_TO_MARGIN = {"abn-amro-2020", "mf-global-2011", "barings-simex-1995", "maple-bank-2016", "bby-asx-2015"}


@pytest.mark.parametrize("name", replay_names())
def test_a_loss_that_was_set_to_its_margin_is_the_first_thing_that_is_said(name: str) -> None:
    """In the terminal, in the trace, in the data and in the file itself; and nowhere else."""
    words, set_so = "by assumption the loss equals the margin", name in SET_TO_MARGIN
    assert ccp.replay(name).as_dict()["loss_set_to_margin"] == set_so
    for arguments in ([], ["--trace"]):
        first = call("replay", name, *arguments, width=400).stdout.strip().splitlines()[0]
        assert (words in first) == set_so
    head = replay_path(name).read_text(encoding="utf-8").splitlines()[0].lower()
    assert ("by assumption the" in head and "equals the" in head) == set_so


# By their files: the loss is what the loan was drawn for; what uses up fund and own money and leaves the call.
CHOSEN = {"hong-kong-1987", "lme-nickel-2022"}


@pytest.mark.parametrize("name", replay_names())
def test_a_loss_that_was_chosen_is_the_first_thing_that_is_said(name: str) -> None:
    """Likewise: in the terminal, in the trace, in the data and in the file; and nowhere else."""
    words, chosen = "the loss is chosen", name in CHOSEN
    assert ccp.replay(name).as_dict()["loss_chosen"] == chosen
    for arguments in ([], ["--trace"]):
        first = call("replay", name, *arguments, width=400).stdout.strip().splitlines()[0]
        assert (words in first) == chosen
    head = replay_path(name).read_text(encoding="utf-8").splitlines()[0].lower()
    assert (words in head) == chosen


def test_a_run_of_the_command_shows_expected_beside_computed_with_notes() -> None:
    found = call("replay", "nasdaq-2018", "krx-hanmag-2013")
    assert found.exit_code == 0
    lines = [line.split() for line in found.stdout.splitlines()]
    assert ["survivors'", "contributions", "107", "107", "agrees", "[1]"] in lines
    assert ["survivors'", "contributions", "41,560", "41,560", "agrees"] in [line[:5] for line in lines]
    assert "(KRW m)" in found.stdout
    assert '[1] Nasdaq, "Nasdaq Statement Regarding Member Default"' in found.stdout


def test_without_names_all_that_are_shipped_are_run() -> None:
    found = call("replay", "--json", "--quiet")
    assert found.exit_code == 0
    document = json.loads(found.stdout)
    assert set(document) == set(replay_names())
    assert all(one["agrees"] for one in document.values())
    assert call("replay", "--quiet").output == ""


def test_the_trace_names_every_tier_and_adds_up() -> None:
    text = call("replay", "nasdaq-2018", "--trace").stdout
    assert "Sources: Nasdaq" in text
    assert "Fortum 19,337,349.40" in text
    assert text.index("1. defaulter_margin") < text.index("ccp_capital (") < text.index("survivors_fund (")


@pytest.mark.parametrize("width", [80, 120])
def test_the_tables_fit_the_terminal(width: int) -> None:
    for name in replay_names():
        found = call("replay", name, width=width)
        assert max(len(line) for line in found.stdout.splitlines()) <= width


# --- expected is not computed -----------------------------------------------------------------------------------------


def with_expected(tier: str, amount: float) -> Document:
    document = three_defaults()
    document["runs"][0]["expected"][tier] = amount
    return document


def test_a_figure_that_is_not_computed_gives_exit_status_3_and_is_named(tmp_path: Path) -> None:
    """A cent more expected of assessments: that line differs, and no other."""
    found = run(with_expected("assessments", 373.34), tmp_path)
    assert not found.agrees
    shown = call("replay", "nasdaq-2018", tmp_path / "replay.yaml")
    assert shown.exit_code == 3
    differing = [line.split()[:4] for line in shown.stdout.splitlines() if "DIFFERS" in line]
    assert differing == [["assessments", "373.34", "373.33", "DIFFERS"]]
    assert f"Not as expected: {tmp_path / 'replay.yaml'}" in shown.output.replace("\n", "")
    assert "nasdaq-2018" not in shown.output.partition("Not as expected")[2]
    quiet = call("replay", tmp_path / "replay.yaml", "--json", "--quiet")
    assert quiet.exit_code == 3
    (document,) = json.loads(quiet.stdout).values()
    assert {one["tier"]: one["agrees"] for one in document["runs"][0]["compared"]}["assessments"] is False
    assert document["agrees"] is False


@pytest.mark.parametrize("amount", [0.0, 1.0])
def test_an_expected_tier_that_the_rules_do_not_have_is_refused(amount: float, tmp_path: Path) -> None:
    """Nothing, expected of a tier that is not there, would agree whatever happened."""
    with pytest.raises(InputError, match="a tier that its rules have was expected"):
        run(with_expected("insurance", amount), tmp_path)


@pytest.mark.parametrize(
    ("expected", "shown"),
    [
        ({"expected_defaults": 2}, ["members", "in", "default", "2", "3", "DIFFERS"]),
        ({"expected_recovered": {"assessments": 51}}, ["assessments,", "repaid", "51", "50", "DIFFERS"]),
    ],
)
def test_other_defaults_or_repayments_than_expected_differ(
    expected: Document, shown: list[str], tmp_path: Path
) -> None:
    """A, B and C default, in three defaults; of 50 that come back all goes to who was called for A."""
    document = three_defaults() | {"recoveries": [{"date": "2024-06-01", "amount": 50}]}
    document["runs"][0] |= {"expected_defaults": 3, "expected_recovered": {"assessments": 50}}
    assert run(document, tmp_path).agrees
    document["runs"][0] |= expected
    assert not run(document, tmp_path).agrees
    found = call("replay", tmp_path / "replay.yaml")
    assert found.exit_code == 3
    assert [line.split() for line in found.stdout.splitlines() if "DIFFERS" in line] == [shown]


def test_repayments_expected_of_a_tier_that_the_rules_do_not_have_are_refused(tmp_path: Path) -> None:
    document = three_defaults()
    document["runs"][0]["expected_recovered"] = {"insurance": 0}
    with pytest.raises(InputError, match="a tier that its rules have was expected"):
        run(document, tmp_path)


def test_all_members_of_a_group_that_defaults_are_counted(tmp_path: Path) -> None:
    """A's affiliate E has no loss, and defaults with it."""
    document = three_defaults()
    document["members"]["E"] = {"contribution": 0, "group": "A"}
    document["runs"][0]["expected_defaults"] = 4
    assert run(document, tmp_path).runs[0]["compared"][-1]["computed"] == 4


# --- margin calls, and losses that were set to margin -----------------------------------------------------------------


def test_margin_calls_are_told_with_their_source_and_change_nothing(tmp_path: Path) -> None:
    document = three_defaults()
    before = run(document, tmp_path)
    document["margin_calls"] = [
        {"date": "2023-12-29", "amount": {"value": 2600, "date": "2024-02-01", "source": "a paper"}},
        {"date": "2024-01-01", "amount": 7000.5},
    ]
    found = run(document, tmp_path)
    assert found.waterfall.equals(before.waterfall)
    assert found.as_dict()["margin_calls"] == [
        {"date": "2023-12-29", "amount": 2600.0, "assumed": False, "source": "a paper"},
        {"date": "2024-01-01", "amount": 7000.5, "assumed": False, "source": ""},
    ]
    shown = call("replay", tmp_path / "replay.yaml").stdout
    assert "Margin called: 2,600 on 2023-12-29 [1]; 7,000.5 on 2024-01-01\n" in shown
    assert "[1] a paper" in shown
    assert "Margin called on 2023-12-29: 2,600" in call("replay", tmp_path / "replay.yaml", "--trace").stdout


ASSUMED = {"assumed": True, "reason": "not published"}
SOURCED = {"date": "2024-01-01", "source": "a paper"}


@pytest.mark.parametrize(
    ("loss", "margin", "set_so"),
    [
        ({"value": 5, **ASSUMED}, {"value": 5, **SOURCED}, True),
        ({"value": 5, **SOURCED}, {"value": 5, **ASSUMED}, True),
        ({"value": 5, **SOURCED}, {"value": 5, **SOURCED}, False),
        ({"value": 5, **ASSUMED}, {"value": 6, **ASSUMED}, False),
        ({"value": 0, **ASSUMED}, {"value": 0, **ASSUMED}, False),
        (5, 5, False),
    ],
)
@pytest.mark.parametrize("by_service", [False, True])
def test_a_loss_is_set_to_margin_where_they_are_the_same_and_one_is_assumed(
    loss: Any, margin: Any, set_so: bool, by_service: bool, tmp_path: Path
) -> None:
    """In services as well; that another service's figures are assumed makes no difference."""
    of_a: Document = {"loss": loss, "margin": margin}
    document: Document = {
        "title": "Small", "currency": "USD", "members": {"A": {}, "B": {}},
        "runs": [{"name": "small", "tiers": ["defaulter_margin", "defaulter_fund"]}],
    }  # fmt: skip
    if by_service:
        document["services"] = ["x", "y"]
        of_a = {"x": of_a, "y": {"loss": {"value": 1, **ASSUMED}, "margin": 2}}
    document["defaults"] = [{"date": "2024-01-01", "losses": {"A": of_a}}]
    found = run(document, tmp_path)
    assert found.loss_set_to_margin == set_so
    if not by_service:
        assert found.loss_chosen == (isinstance(loss, dict) and loss.get("assumed", False) and not set_so)


# --- one default after another ----------------------------------------------------------------------------------------


def test_what_each_of_two_overlapping_events_used_is_refilled_on_its_own_day() -> None:
    """The arithmetic stands at the head of the file; docs/reference/waterfall.md, section 5, tells it."""
    found = ccp.replay(OVERLAPPING)
    assert found.agrees
    assert [paid(found, event).get("survivors_fund") for event in range(1, 6)] == [
        {"B": 25.0, "C": 15.0, "D": 10.0},
        {"C": 21.0, "D": 14.0},
        {"C": 39.0, "D": 26.0},  # 60 and 40 if 11 January brought all that is required
        {"C": 21.0, "D": 14.0},
        {"C": 36.0, "D": 24.0},
    ]
    assert [paid(found, event).get("uncovered") for event in range(1, 6)] == [
        None, None, {"nobody": 5.0}, {"nobody": 65.0}, None
    ]  # fmt: skip


def test_three_defaults_in_a_row_by_hand() -> None:
    """The arithmetic stands at the head of the file."""
    found = ccp.replay(THREE)
    assert found.agrees
    assert paid(found, 1) == {
        "defaulter_margin": {"A": 50.0},
        "defaulter_fund": {"A": 100.0},
        "ccp_capital": {"house": 30.0},
        "survivors_fund": {"B": 100.0, "C": 200.0, "D": 100.0},
        "assessments": {"B": 30.0, "C": 60.0, "D": 30.0},
    }
    assert paid(found, 2) == {
        "defaulter_fund": {"B": 100.0},
        "survivors_fund": {"C": 200.0, "D": 100.0},
        "assessments": {"C": 133.33, "D": 66.67},
    }
    assert paid(found, 3) == {
        "defaulter_fund": {"C": 200.0},
        "ccp_capital": {"house": 30.0},
        "survivors_fund": {"D": 100.0},
        "assessments": {"D": 53.33},
        "uncovered": {"nobody": 116.67},
    }
    assert call("replay", THREE).exit_code == 0


def test_what_was_called_is_forgotten_when_the_period_is_over(tmp_path: Path) -> None:
    """On 14 February the period still runs; on the 15th D may be called for 100 again."""
    for day, called in (("2024-02-14", 53.33), ("2024-02-15", 100.0)):
        document = three_defaults()
        document["defaults"][2]["date"] = day
        assert paid(run(document, tmp_path), 3)["assessments"] == {"D": called}


def test_a_period_that_defaults_do_not_extend_is_over_thirty_days_after_the_first(tmp_path: Path) -> None:
    """From 1 January: over on 31 January, long before C's default."""
    document = three_defaults()
    document["runs"][0]["default_management"]["extended_by_defaults"] = False
    found = run(document, tmp_path)
    assert paid(found, 2)["assessments"] == {"C": 133.33, "D": 66.67}
    assert paid(found, 3)["assessments"] == {"D": 100.0}


def test_capital_is_there_again_on_its_day_and_not_before(tmp_path: Path) -> None:
    for day, capital in (("2024-01-20", {}), ("2024-01-21", {"house": 30.0})):
        document = three_defaults()
        document["defaults"][1]["date"] = day
        assert paid(run(document, tmp_path), 2).get("ccp_capital", {}) == capital


def test_contributions_are_refilled_on_their_day_and_not_before(tmp_path: Path) -> None:
    """B defaults before the tenth day: its own 100 are gone with A's default, C's and D's too."""
    for day, funds in (("2024-01-10", ["assessments", "uncovered"]), ("2024-01-11", None)):
        document = three_defaults()
        document["defaults"][1]["date"] = day
        tiers = list(paid(run(document, tmp_path), 2))
        assert tiers == (funds or ["defaulter_fund", "survivors_fund", "assessments"])


def test_a_member_that_resigns_stays_liable_until_the_period_is_over(tmp_path: Path) -> None:
    """D resigns on 5 January. On 14 February it still pays; on the 15th it is gone, and 270 are nobody's."""
    for day, expected in (
        ("2024-02-14", {"survivors_fund": {"D": 100.0}, "assessments": {"D": 53.33}, "uncovered": {"nobody": 116.67}}),
        ("2024-02-15", {"uncovered": {"nobody": 270.0}}),
    ):
        document = three_defaults()
        document["defaults"][2]["date"] = day
        document["resignations"] = [{"date": "2024-01-05", "member": "D"}]
        others = {"defaulter_fund": {"C": 200.0}, "ccp_capital": {"house": 30.0}}
        assert paid(run(document, tmp_path), 3) == others | expected


def test_a_member_that_resigns_before_any_default_pays_for_none(tmp_path: Path) -> None:
    """Of A's 520 B and C pay 300 by contributions, and of 220 73.33 and 146.67 by calls."""
    document = three_defaults()
    document["resignations"] = [{"date": "2023-12-31", "member": "D"}]
    found = paid(run(document, tmp_path), 1)
    assert found["survivors_fund"] == {"B": 100.0, "C": 200.0}
    assert found["assessments"] == {"B": 73.33, "C": 146.67}


def test_recoveries_repay_who_paid_last_first(tmp_path: Path) -> None:
    """Of the first default 120 were called: 100 come back in proportion, then the last 20 and 30 of 400 contributed.

    Of the third 116.67 were nobody's, then D's call.
    """
    document = three_defaults()
    document["recoveries"] = [
        {"date": "2024-06-01", "amount": 50},
        {"date": "2024-05-01", "amount": 100},
        {"date": "2024-07-01", "amount": 150, "default": 3},
    ]
    assert recovered(run(document, tmp_path)) == [
        (1, "assessments", "B", 25.0),
        (1, "assessments", "C", 50.0),
        (1, "assessments", "D", 25.0),
        (1, "assessments", "B", 5.0),
        (1, "assessments", "C", 10.0),
        (1, "assessments", "D", 5.0),
        (1, "survivors_fund", "B", 7.5),
        (1, "survivors_fund", "C", 15.0),
        (1, "survivors_fund", "D", 7.5),
        (3, "uncovered", None, 116.67),
        (3, "assessments", "D", 33.33),
    ]


def test_recoveries_may_repay_all_alike(tmp_path: Path) -> None:
    """A tenth of the 550 that others paid for A, and nothing to A."""
    document = three_defaults()
    document["runs"][0]["default_management"]["recoveries"] = "pro_rata"
    document["recoveries"] = [{"date": "2024-06-01", "amount": 55}]
    assert recovered(run(document, tmp_path)) == [
        (1, "ccp_capital", None, 3.0),
        (1, "survivors_fund", "B", 10.0),
        (1, "survivors_fund", "C", 20.0),
        (1, "survivors_fund", "D", 10.0),
        (1, "assessments", "B", 3.0),
        (1, "assessments", "C", 6.0),
        (1, "assessments", "D", 3.0),
    ]


def test_what_is_recovered_beyond_what_others_paid_is_the_estates(tmp_path: Path) -> None:
    document = three_defaults()
    document["recoveries"] = [{"date": "2024-06-01", "amount": 600}]
    found = recovered(run(document, tmp_path))
    assert found[-1] == (1, "estate", None, 50.0)
    assert sum(amount for *_, amount in found) == 600.0
    text = call("replay", tmp_path / "replay.yaml", "--trace").stdout
    assert "Recovered for estate: 50.00" in text
    assert "Recovered for assessments of C: 60.00" in text


def test_what_a_levy_raises_beyond_what_others_paid_stays_with_the_levy(tmp_path: Path) -> None:
    """Of 600 the 550 that others paid for A are repaid, as from an estate; 50 are nobody's of the defaulters."""
    document = three_defaults()
    document["recoveries"] = [{"date": "2024-06-01", "amount": 600}]
    from_estate = run(document, tmp_path)
    document["recoveries"][0]["origin"] = "levy"
    document["runs"][0]["expected_recovered"] = {"levy": 50, "estate": 0, "survivors_fund": 400, "uncovered": 0}
    found = run(document, tmp_path)
    assert found.agrees
    assert recovered(found)[:-1] == recovered(from_estate)[:-1]
    assert recovered(found)[-1] == (1, "levy", None, 50.0)
    assert {one["origin"] for one in found.runs[0]["recoveries"]} == {"levy"}


def test_a_loss_that_a_document_states_is_never_dropped(tmp_path: Path) -> None:
    """D resigns before any default and leaves at once. Its own default later is refused, or its loss is somebody's."""
    document = three_defaults()
    document["resignations"] = [{"date": "2023-12-31", "member": "D"}]
    document["defaults"].append({"date": "2024-06-01", "losses": {"D": {"loss": 40}}})
    try:
        found = run(document, tmp_path)
    except InputError:
        return
    assert sum(sum(of.values()) for of in paid(found, 4).values()) == 40.0


# --- contagion --------------------------------------------------------------------------------------------------------


def contagion(capital: float) -> Document:
    """A loses 200 of which 20 are its own. B and C have 60 and 120, and may be called for as much again."""
    return {
        "title": "Contagion",
        "currency": "USD",
        "members": {
            "A": {"contribution": 20},
            "B": {"contribution": 60, "capital": capital},
            "C": {"contribution": 120},
        },
        "defaults": [{"date": "2024-01-01", "losses": {"A": {"loss": 230}}}],
        "runs": [
            {
                "name": "rounds",
                "contagion": True,
                "tiers": ["defaulter_margin", "defaulter_fund", "survivors_fund", {"assessments": {"multiple": 1}}],
            }
        ],
    }


def test_contagion_in_a_replay(tmp_path: Path) -> None:
    """30 are called: 10 and 20. B's bill is 70; with less capital it is not called for, and defaults in round 2."""
    able, unable = run(contagion(70), tmp_path), run(contagion(69.99), tmp_path)
    funds = {"defaulter_fund": {"A": 20.0}, "survivors_fund": {"B": 60.0, "C": 120.0}}
    assert paid(able, 1) == funds | {"assessments": {"B": 10.0, "C": 20.0}}
    assert able.waterfall["round"].unique().to_list() == [1.0]
    assert paid(unable, 1) == funds | {"assessments": {"C": 30.0}}
    assert [(event["round"], event["defaulters"], event["loss"]) for event in unable.runs[0]["events"]] == [
        (1, ["A"], 230.0),
        (2, ["B"], 0.0),
    ]
    assert "Default 1: B, round 2" in call("replay", tmp_path / "replay.yaml", "--trace").stdout


def test_without_the_word_nobody_fails_of_its_bill(tmp_path: Path) -> None:
    document = contagion(1)
    document["runs"][0]["contagion"] = False
    found = run(document, tmp_path)
    assert paid(found, 1)["assessments"] == {"B": 10.0, "C": 20.0}
    assert len(found.runs[0]["events"]) == 1


def test_who_failed_of_one_default_does_not_pay_for_the_next(tmp_path: Path) -> None:
    """B is gone when C's affiliate D defaults: C alone is left, with the contribution that was refilled."""
    document = contagion(69.99)
    document["members"]["D"] = {"contribution": 0}
    document["runs"][0]["fund"] = {"replenishment_days": 5}
    document["defaults"].append({"date": "2024-01-06", "losses": {"D": {"loss": 100}}})
    assert paid(run(document, tmp_path), 2) == {"survivors_fund": {"C": 100.0}}


# --- several services -------------------------------------------------------------------------------------------------


def services(**changes: Any) -> Document:
    """In x 80 are lost, 20 of it margin, 10 D's, 3 own capital, 20 M's: 27 are left. y has D's 4, 3 and M's 10."""
    run = {
        "name": "services",
        "tiers": ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"amount": 3}}, "survivors_fund"],
    }
    return {
        "title": "Services",
        "currency": "USD",
        "services": ["x", "y"],
        "members": {"D": {"contribution": {"x": 10, "y": 4}}, "M": {"contribution": {"x": 20, "y": 10}}},
        "defaults": [
            {"date": "2024-01-01", "losses": {"D": {"x": {"loss": 80, "margin": 20}, "y": {"loss": 0, "margin": 50}}}}
        ],
        "runs": [run | changes],
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            {"defaulter_margin": 20, "defaulter_fund": 10, "ccp_capital": 3, "survivors_fund": 20, "uncovered": 27}
            | {"surplus_margin": 50},
        ),
        (
            {"spill_over": ["y"]},
            {"defaulter_margin": 20, "defaulter_fund": 14, "ccp_capital": 6, "survivors_fund": 30, "uncovered": 10}
            | {"surplus_margin": 50},
        ),
        (
            # the 50 that y has left over pay first: 10 of 80 are D's own contribution's
            {"spill_over": ["y"], "margin_netting": True},
            {"defaulter_margin": 70, "defaulter_fund": 10, "ccp_capital": 0, "survivors_fund": 0, "uncovered": 0}
            | {"surplus_margin": 0},
        ),
    ],
)
def test_services_net_margin_and_spill_over(changes: Document, expected: dict[str, float], tmp_path: Path) -> None:
    found = run(services(expected=expected, **changes), tmp_path)
    assert {one["tier"]: one["computed"] for one in found.runs[0]["compared"]} == expected
    assert found.agrees


def test_the_rows_say_which_service_paid_for_which(tmp_path: Path) -> None:
    found = run(services(spill_over=["y"]), tmp_path)
    assert paid(found, 1, service="y", for_service="x") == {
        "defaulter_fund": {"D": 4.0},
        "ccp_capital": {"house": 3.0},
        "survivors_fund": {"M": 10.0},
        "uncovered": {"nobody": 10.0},
    }
    text = call("replay", tmp_path / "replay.yaml", "--trace").stdout
    assert "in y for what x left uncovered" in text


# --- bad files --------------------------------------------------------------------------------------------------------

SMALL = """\
title: Small
currency: USD
members:
  A: {contribution: 100}
  B: {contribution: 200}
defaults:
  - date: 2024-01-01
    losses:
      A: {loss: 250, margin: 50}
runs:
  - name: small
    tiers: [defaulter_margin, defaulter_fund, survivors_fund]
    expected:
      survivors_fund: 100
"""
TIERS = "    tiers: [defaulter_margin, defaulter_fund, survivors_fund]\n"
BAD: dict[str, tuple[str, str, str]] = {
    "unknown member": ("      A: {loss", "      Z: {loss", ": no such member: Z; known are A, B"),
    "unknown tier": ("      survivors_fund: 100", "      fund: 100", ": no such tier: fund; known are assessments, "),
    "unknown tier repaid": (
        "      survivors_fund: 100",
        "      survivors_fund: 100\n    expected_recovered: {fund: 100}",
        ": no such tier: fund; known are assessments, ",
    ),
    "money from nowhere": (
        "runs:",
        "recoveries:\n  - {date: 2024-02-01, amount: 3, origin: thin air}\nruns:",
        "field recoveries.0.origin, value 'thin air': ",
    ),
    "nobody in default": (
        "name: small",
        "name: small\n    expected_defaults: 0",
        "field runs.0.expected_defaults, value 0: at least 1 was expected",
    ),
    "twice in default": (
        "runs:",
        "  - date: 2024-01-05\n    losses:\n      A: {loss: 5}\nruns:",
        ": a group that defaults once was expected; one stands in two defaults",
    ),
    "not in order": (
        "runs:",
        "  - date: 2023-12-31\n    losses:\n      B: {loss: 5}\nruns:",
        ": defaults in order of date were expected",
    ),
    "figure without source": (
        "      survivors_fund: 100",
        "      survivors_fund: {value: 100, date: 2024-01-01}",
        "replay.yaml:14:7, field runs.0.expected.survivors_fund: a figure takes its date and source, or assumed: true "
        "with a reason",
    ),
    "assumed without reason": (
        "      survivors_fund: 100",
        "      survivors_fund: {value: 100, assumed: true}",
        "replay.yaml:14:7, field runs.0.expected.survivors_fund: an assumed figure takes a reason, and neither source "
        "nor date",
    ),
    "negative loss": (
        "loss: 250",
        "loss: -250",
        "replay.yaml:9:11, field defaults.0.losses.A.loss, value -250: at least 0 was expected",
    ),
    "unknown key": ("name: small", "name: small\n    ladder: 3", "replay.yaml:12:5, field runs.0.ladder, value 3: "),
    "no default to recover": (
        "runs:",
        "recoveries:\n  - {date: 2024-02-01, amount: 3, default: 2}\nruns:",
        ": a recovery of one of the 1 defaults was expected",
    ),
    "unknown resignation": (
        "runs:",
        "resignations:\n  - {date: 2024-02-01, member: Q}\nruns:",
        ": no such member: Q; known are A, B",
    ),
    "rulebook and tiers": (
        "    tiers:",
        "    rulebook: published/nasdaq-2018\n    tiers:",
        ": either rulebook or tiers was expected, and not both",
    ),
    "loss by service without services": (
        "      A: {loss: 250, margin: 50}",
        "      A: {energy: {loss: 250}}",
        ": no such service: energy",
    ),
    "tier order": (
        "[defaulter_margin, defaulter_fund, survivors_fund]",
        "[defaulter_margin, survivors_fund]",
        "replay.yaml:12:5, field runs.0.tiers: survivors_fund without defaulter_fund: the defaulter's contribution "
        "pays first",
    ),
}


def refused(text: str, folder: Path) -> str:
    """The one line with which a document is refused."""
    (folder / "replay.yaml").write_text(text)
    found = call("replay", folder / "replay.yaml", width=400)
    assert (found.exit_code, found.stdout) == (2, "")
    (line,) = found.stderr.splitlines()
    return line


def test_the_sound_file_is_sound(tmp_path: Path) -> None:
    """250 less 50 and 100 are B's."""
    (tmp_path / "replay.yaml").write_text(SMALL)
    assert call("replay", tmp_path / "replay.yaml").exit_code == 0


@pytest.mark.parametrize(("old", "new", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_with_one_line_that_names_file_and_line(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    assert SMALL.count(old) == 1
    line = refused(SMALL.replace(old, new), tmp_path)
    assert line.startswith(f"error: {tmp_path / 'replay.yaml'}:")
    place = line.removeprefix(f"error: {tmp_path / 'replay.yaml'}:").split(":")[:2]
    assert all(number.split(",")[0].isdigit() for number in place)
    assert message in line


def test_a_rulebook_in_another_currency_is_refused(tmp_path: Path) -> None:
    line = refused(SMALL.replace(TIERS, "    rulebook: published/krx-2013\n"), tmp_path)
    assert line == ("error: published/krx-2013, value 'KRW': run 'small' of 'Small' needs a rulebook in USD")


def test_an_unknown_replay_is_refused_with_the_names_of_those_that_are_shipped(tmp_path: Path) -> None:
    found = call("replay", "nasdaq-2017", width=400)
    assert found.exit_code == 2
    assert "nasdaq-2017: neither a file nor a shipped replay" in found.stderr
    assert "nasdaq-2018" in found.stderr
    with pytest.raises(InputError):
        ccp.replay(tmp_path / "none.yaml")


# --- scale ------------------------------------------------------------------------------------------------------------


def test_a_scale_changes_the_units_and_nothing_else(tmp_path: Path) -> None:
    """In thousands everything is a thousand times as much, and what is expected stands in thousands as well."""
    document = three_defaults()
    document["scale"] = 1_000
    document["runs"][0]["tiers"][2] = {"ccp_capital": {"amount": 30_000}}
    document["runs"][0]["expected"] |= {"assessments": 373.33333, "uncovered": 116.66667}
    found = run(document, tmp_path)
    # 200,000 by 200 to 100, and 150,000 less 30,000 less 66,666.67
    assert paid(found, 2)["assessments"] == {"C": 133_333.33, "D": 66_666.67}
    assert paid(found, 3)["assessments"] == {"D": 53_333.33}
    assert found.agrees
    assert "(USD thousand)" in call("replay", tmp_path / "replay.yaml").stdout


# --- what carries over, and what is refused ---------------------------------------------------------------------------

CASCADE = """\
title: Cascade
currency: USD
members:
  A: {contribution: 30, capital: 40}
  B: {contribution: 30}
  X: {contribution: 0}
  Y: {contribution: 0}
defaults:
  - date: 2024-01-01
    losses: {X: {loss: 30}}
  - date: 2024-02-01
    losses: {Y: {loss: 60}}
    books: {A: {loss: 50, margin: 20}}
runs:
  - name: cascade
    contagion: true
    fund: {replenishment_days: 1}
    tiers: [defaulter_margin, defaulter_fund, survivors_fund]
"""


def test_capital_is_carried_from_default_to_default_and_who_fails_has_a_book(tmp_path: Path) -> None:
    """X costs A 15 of its 40, Y 30 of the 25 left: A fails in the second round, its own book 30 beyond margin."""
    (tmp_path / "replay.yaml").write_text(CASCADE)
    found = ccp.replay(tmp_path / "replay.yaml").runs[0]
    steps = [(one["default"], one["round"], one["defaulters"], one["loss"]) for one in found["events"]]
    assert steps == [(1, 1, ["X"], 30.0), (2, 1, ["Y"], 60.0), (2, 2, ["A"], 50.0)]
    assert found["uncovered"] == 30.0  # the fund is used up, and A's own contribution with it
    assert found["by_stakeholder"]["nobody"] == 30.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("currency: USD", "currency: USD\nservices: [one, two]", "by service"),
        ("A: {contribution: 30, capital: 40}", "A: {contribution: {one: 30}}", "no such service: one; none is stated"),
        ("books: {A:", "books: {Y:", "books of members that do not default"),
        ("runs:\n", "recoveries:\n  - {date: 2023-01-01, amount: 5}\nruns:\n", "on its day or later"),
    ],
)
def test_what_would_not_be_run_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in CASCADE
    (tmp_path / "replay.yaml").write_text(CASCADE.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        ccp.replay(tmp_path / "replay.yaml")


def test_amounts_that_the_scale_makes_too_large_are_refused(tmp_path: Path) -> None:
    huge = CASCADE.replace("currency: USD", "currency: USD\nscale: 1000000000").replace("loss: 60", "loss: 6e13")
    (tmp_path / "replay.yaml").write_text(huge)
    with pytest.raises(InputError, match="times scale"):
        ccp.replay(tmp_path / "replay.yaml")


def test_a_run_that_expects_nothing_prints_what_each_tier_paid(tmp_path: Path) -> None:
    (tmp_path / "replay.yaml").write_text(CASCADE)
    shown = [line.split() for line in call("replay", str(tmp_path / "replay.yaml"), width=100).stdout.splitlines()]
    assert ["survivors'", "contributions", "90"] in shown  # 30, and after a refill 60
    assert ["uncovered", "30"] in shown


def test_an_expected_figure_finer_than_a_cent_agrees_to_the_cent(tmp_path: Path) -> None:
    finer = CASCADE.rstrip() + "\n    expected: {survivors_fund: 90.0012}\n"
    (tmp_path / "replay.yaml").write_text(finer)
    assert ccp.replay(tmp_path / "replay.yaml").agrees


def test_the_example_of_the_document_runs_and_agrees(tmp_path: Path) -> None:
    """X loses 20 beyond what is its own: capital 15, insurance 5. Y 35: 50 of contributions beside 6 of capital."""
    text = (Path(__file__).parents[2] / "docs" / "reference" / "replays.md").read_text(encoding="utf-8")
    (tmp_path / "replay.yaml").write_text(text.split("```yaml\n")[1].split("```")[0])
    found = ccp.replay(tmp_path / "replay.yaml")
    assert found.agrees
    assert [len(run["events"]) for run in found.runs] == [2, 2]
    assert found.runs[0]["recoveries"]
