"""Members' capital for their contributions, Basel Framework CRE54: worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.rulebooks import rulebook_of

import ccp
from ccp.book.roster import each_alone
from ccp.errors import InputError
from ccp.waterfall.hypothetical_capital import OwnMoney, member_capital, own_money
from ccp.waterfall.hypothetical_capital import hypothetical_capital as k_ccp
from ccp.waterfall.plan import make_plan

EXPOSURES = {"A": 400.0, "B": 250.0, "C": 120.0, "D": 80.0, "E": 50.0}
CONTRIBUTIONS = {"A": 30.0, "B": 25.0, "C": 20.0, "D": 15.0, "E": 10.0}
OWN: dict[str, Any] = {"ccp_capital": {"amount": 8}}
DEFAULTER = ["defaulter_margin", "defaulter_fund"]
BEHIND: list[Any] = [*DEFAULTER, "survivors_fund", OWN]
BESIDE: list[Any] = [*DEFAULTER, {"pari_passu": ["survivors_fund", OWN]}]
AHEAD: list[Any] = [*DEFAULTER, OWN, "survivors_fund"]


def charges(tiers: list[Any], exposures: dict[str, float] = EXPOSURES, **contributions: float) -> dict[str, float]:
    found = ccp.hypothetical_capital(exposures, CONTRIBUTIONS | contributions, rulebook_of(tiers))
    return dict(found.select("member_id", "k_cm").iter_rows())


@pytest.mark.parametrize("tiers", [AHEAD, BESIDE], ids=["ahead", "beside"])
def test_the_worked_example(tiers: list[Any]) -> None:
    """900 x 20 % x 8 % = 14.40, and 14.40/108 of each contribution: 100 of members and 8 of the clearing house."""
    found = ccp.hypothetical_capital(EXPOSURES, CONTRIBUTIONS, rulebook_of(tiers))
    assert found["member_id"].to_list() == list("ABCDE")
    assert found["k_ccp"].to_list() == pytest.approx([14.4] * 5)
    assert found["k_cm"].to_list() == pytest.approx([4, 10 / 3, 8 / 3, 2, 4 / 3])
    assert found["k_cm"].round(6).to_list() == [4.0, 3.333333, 2.666667, 2.0, 1.333333]
    assert found["risk_weighted_assets"].to_list() == pytest.approx([50, 125 / 3, 100 / 3, 25, 50 / 3])
    assert found["exposure"].to_list() == list(EXPOSURES.values())
    assert found["contribution"].to_list() == list(CONTRIBUTIONS.values())


def test_trap_17_own_money_that_pays_first_is_in_the_denominator() -> None:
    """Exposures of 5,000: K_CCP = 80. Own 50 ahead of the fund of 30 and 20: 80 x 30/100 = 24 and 80 x 20/100 = 16,
    not 48 and 32; and the other 40 of the 80 are the clearing house's."""
    exposures, contributions = {"A": 3_000.0, "B": 2_000.0}, {"A": 30.0, "B": 20.0}
    tiers = [*DEFAULTER, {"ccp_capital": {"amount": 50}}, "survivors_fund"]
    found = ccp.hypothetical_capital(exposures, contributions, rulebook_of(tiers))
    assert found["k_ccp"].to_list() == pytest.approx([80.0, 80.0])
    assert found["k_cm"].to_list() == pytest.approx([24.0, 16.0])
    assert found["risk_weighted_assets"].to_list() == pytest.approx([300.0, 200.0])


def test_trap_17_own_money_behind_the_members_is_reported_and_not_counted() -> None:
    """It shields nobody from a loss: 14.40/100 of each contribution, as if there were no own money at all."""
    assert charges(BEHIND) == pytest.approx({"A": 4.32, "B": 3.6, "C": 2.88, "D": 2.16, "E": 1.44})
    assert charges([*DEFAULTER, "survivors_fund"]) == pytest.approx(charges(BEHIND))
    assert reported(BEHIND) == {"df_ccp": 0.0, "df_cm": 100.0, "df_ccp_additional": 8.0}


def test_what_is_reported_of_own_money_ahead_and_beside() -> None:
    """EMIR 50c(1)(c): ahead is DF_CCP; 50d(a): beside is added to DF_CM. The denominator is 108 either way."""
    assert reported(AHEAD) == {"df_ccp": 8.0, "df_cm": 100.0, "df_ccp_additional": 0.0}
    assert reported(BESIDE) == {"df_ccp": 0.0, "df_cm": 108.0, "df_ccp_additional": 0.0}


def reported(tiers: list[Any]) -> dict[str, float]:
    found = ccp.hypothetical_capital(EXPOSURES, CONTRIBUTIONS, rulebook_of(tiers))
    rows = found.select("df_ccp", "df_cm", "df_ccp_additional").unique().to_dicts()
    assert len(rows) == 1
    return rows[0]


def own(amount: float) -> dict[str, Any]:
    return {"ccp_capital": {"amount": amount}}


def test_trap_17_of_own_money_in_every_place_two_count() -> None:
    """5 ahead and 3 beside the first part of contributions make 108. 40, 30 and 2 pay after a part of the members: one
    between, one beside the later part, one behind it. 20 pay after calls, and 10 beside calls are not prefunded."""
    parts = [{"survivors_fund": {"share": share}} for share in (0.85, 0.15)]
    tiers: list[Any] = [*DEFAULTER, own(5), {"pari_passu": [parts[0], own(3)]}, own(40)]
    tiers += [{"pari_passu": [parts[1], own(30)]}, own(2)]
    tiers += [{"pari_passu": [{"assessments": {"multiple": 1}}, own(10)]}, own(20)]
    assert charges(tiers) == pytest.approx({"A": 4, "B": 10 / 3, "C": 8 / 3, "D": 2, "E": 4 / 3})
    assert reported(tiers) == {"df_ccp": 5.0, "df_cm": 103.0, "df_ccp_additional": 2.0}
    contributions = np.array([3_000, 2_500, 2_000, 1_500, 1_000])
    plan = make_plan(rulebook_of(tiers), each_alone(list("ABCDE")), contributions)
    assert own_money(plan) == OwnMoney(ahead=500, beside=300, between=7_000, behind=200, behind_calls=2_000)


def test_only_the_clearing_houses_capital_counts() -> None:
    """Insurance ahead of the members is somebody else's money; equity and a guarantee are not set aside for defaults,
    wherever they stand."""
    others: list[Any] = [
        {"insurance": {"amount": 50}},
        {"ccp_equity": {"amount": 60}},
        {"parent_guarantee": {"amount": 70}},
    ]
    assert charges([*DEFAULTER, *others, OWN, "survivors_fund"]) == pytest.approx(charges(AHEAD))
    assert charges([*BEHIND, *others]) == pytest.approx(charges(BEHIND))


def test_own_money_that_is_a_share_of_the_fund() -> None:
    """Eight per cent of 100 are 8."""
    assert charges([*DEFAULTER, {"ccp_capital": {"share_of_fund": 0.08}}, "survivors_fund"])["A"] == pytest.approx(4.0)


def test_the_charge_is_never_less_than_two_per_cent_at_eight_per_cent() -> None:
    """With exposures of a thousandth K_CCP is 0.0144: A's share 0.004, and 8 % x 2 % x 30 = 0.048."""
    little = {name: amount / 1_000 for name, amount in EXPOSURES.items()}
    assert charges(AHEAD, little) == pytest.approx(
        {name: 0.08 * 0.02 * amount for name, amount in CONTRIBUTIONS.items()}
    )
    # where both are equal: 14.40/108 = 0.0016 of contributions at 0.012 of the exposures
    for factor, expected in ((0.0121, 4 * 0.0121), (0.0119, 0.048)):
        scaled = {name: factor * amount for name, amount in EXPOSURES.items()}
        assert charges(AHEAD, scaled)["A"] == pytest.approx(expected)


def test_a_member_without_a_contribution_has_no_charge() -> None:
    """Its exposure counts for the others: 14.40 by 90 and 8."""
    found = charges(AHEAD, E=0.0)
    assert found["E"] == 0.0
    assert found["A"] == pytest.approx(14.4 * 30 / 98)


def test_charges_add_up_to_what_members_bear_of_the_whole() -> None:
    """Members' 100 of 108."""
    assert sum(charges(AHEAD).values()) == pytest.approx(14.4 * 100 / 108)


def test_the_formulas_alone() -> None:
    assert k_ccp(np.array([400.0, 250.0, 120.0, 80.0, 50.0])) == pytest.approx(14.4)
    found = member_capital(np.array([450.0, 450.0]), np.array([60.0, 40.0]), 8.0)
    assert found.tolist() == pytest.approx([8.0, 16 / 3])
    with pytest.raises(ValueError, match="contributions of more than nothing"):
        member_capital(np.array([1.0]), np.array([0.0]), 0.0)


def test_shipped_rulebooks_by_name() -> None:
    """The textbook's own money, a tenth of the fund, is ahead of the members: 14.40/110. In capital-last it is behind:
    14.40/100. A's contribution is 30."""
    for name, denominator in (("cover-two", 110), ("capital-last", 100)):
        found = ccp.hypothetical_capital(EXPOSURES, CONTRIBUTIONS, f"textbook/{name}")
        assert found["k_cm"][0] == pytest.approx(14.4 * 30 / denominator), name


BAD: dict[str, tuple[dict[str, float], dict[str, float], str]] = {
    "a member without exposure": ({"A": 1.0}, {"A": 1.0, "B": 1.0}, "an exposure for every member"),
    "an exposure of nobody": ({"A": 1.0, "Z": 1.0}, {"A": 1.0}, "an exposure for every member"),
    "nobody": ({}, {}, "an exposure for every member"),
    "no contributions": ({"A": 1.0}, {"A": 0.0}, "amounts from 0 to 1e\\+14, not all 0"),
    "negative contribution": ({"A": 1.0, "B": 1.0}, {"A": -1.0, "B": 2.0}, "amounts from 0 to 1e\\+14, not all 0"),
    "negative exposure": ({"A": -1.0}, {"A": 1.0}, "amounts from 0 to 1e\\+14, not all 0"),
    "no number": ({"A": float("nan")}, {"A": 1.0}, "amounts from 0 to 1e\\+14, not all 0"),
    "no number contributed": ({"A": 1.0}, {"A": float("nan")}, "amounts from 0 to 1e\\+14, not all 0"),
}


@pytest.mark.parametrize(("exposures", "contributions", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(exposures: dict[str, float], contributions: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ccp.hypothetical_capital(exposures, contributions, rulebook_of(BEHIND))


@pytest.mark.parametrize("which", ["exposure", "contribution"])
def test_an_endless_amount_is_refused(which: str) -> None:
    amounts = {"exposure": 1.0, "contribution": 1.0} | {which: float("inf")}
    with pytest.raises(InputError):
        ccp.hypothetical_capital({"A": amounts["exposure"]}, {"A": amounts["contribution"]}, rulebook_of(BEHIND))


def test_an_unknown_rulebook_is_refused() -> None:
    with pytest.raises(InputError, match="neither a file nor a shipped rulebook"):
        ccp.hypothetical_capital(EXPOSURES, CONTRIBUTIONS, "textbook/nowhere")
