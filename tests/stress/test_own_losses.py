"""Contagion with what survivors lose on their own books in the same scenario: small books, by hand.

Prices are 100, margin is `swing` of a position's value, contributions are 1,000 a member unless stated, and the
scenario takes 20 % off X.
"""

from __future__ import annotations

from typing import Any

import pytest
from support.small_cycles import FIRST, RULES, Small, X, changed

import ccp
from ccp.market.case import open_case
from ccp.scenarios.stress_set import stress_scenarios
from ccp.stress.measure import measure
from ccp.stress.own_losses import fall_of_units, house_losses

TIERS = ["defaulter_margin", "defaulter_fund", "survivors_fund"]
DOWN, DOWN_40 = "market down 20%", "market down 40%"
HOUSE = {name: (name, name, "house") for name in ("A", "C", "S")}
Round = dict[str, Any]


def book(
    positions: dict[str, float], capital: dict[str, float], fund: dict[str, float] | None = None, **changes: Any
) -> Small:
    """Members' positions in X, their capital, and their contributions (A has none)."""
    members: dict[str, dict[str, Any]] = {name: {} for name in ("A", "C", "S")}
    for name, amount in capital.items():
        members[name]["capital"] = amount
    for name, amount in ({"A": 0.0} | (fund or {})).items():
        members[name]["fund_contribution"] = amount
    held = [(name, "X", quantity) for name, quantity in positions.items()]
    small = Small({"X": [100.0]}, held, HOUSE, members, changed(RULES, tiers=TIERS))
    return small.but(**changes)


def rounds(small: Small, scenario: str = DOWN, **parts: Any) -> list[Round]:
    event = ccp.default(small.book, small.rulebook, scenario, ["A"], market=small.market, contagion=True, **parts)
    return event.trace["rounds"]


def defaults(found: list[Round]) -> list[list[str]]:
    return [one["defaulters"] for one in found]


def test_a_member_whose_own_book_ruins_it_fails_in_the_second_round() -> None:
    """X falls by 40 %. A is long 100 and loses 4,000, less margin of 500: 3,500. C is long 50 and loses 2,000, of
    which its capital of 100 bears all, its margin of 250 being its own; S gains on its 150 short.

    The survivors' funds pay 3,000 of the 3,500, C's part of it 1,000: 100 - 2,000 - 1,000 are left. In round 2 C loses
    2,000 less margin of 250, and nobody has anything left.
    """
    rules = changed(RULES, tiers=TIERS, stress={"hypothetical": [{"ladder": "market_gaps", "sizes": [0.4]}]})
    found = rounds(book({"A": 100, "C": 50, "S": -150}, {"C": 100.0}, rules=rules), DOWN_40)
    assert defaults(found) == [["A"], ["C"]]
    assert found[0]["lost_on_own_books"] == {"C": 2_000.0}
    assert found[0]["capital_left"]["C"] == 100.0 - 2_000.0 - 1_000.0
    assert found[1]["loss"] == 2_000.0
    assert found[1]["lost_on_own_books"] == {}


@pytest.mark.parametrize(("capital", "fails"), [(100.0, True), (150.0, False), (149.99, True)])
def test_margin_is_the_members_own_money_and_the_whole_loss_is_borne(capital: float, fails: bool) -> None:
    """C is long 7.5 X: it loses 150 against margin of 120, and has no contribution that could be billed.

    30 over margin are less than its capital of 100; what it has lost is 150.
    """
    small = book({"A": 10, "C": 7.5, "S": -17.5}, {"C": capital}, {"C": 0.0}, swing=0.16)
    found = rounds(small)
    assert defaults(found) == ([["A"], ["C"]] if fails else [["A"]])
    assert found[0]["capital_left"]["C"] == round(capital - 150.0, 2)


def test_the_bill_comes_after_the_own_loss() -> None:
    """A loses 2,000 less 500: C, S and the dealer (1,000 each) pay 500 each. C's own 10 X lose 200: 700 are enough,
    and a cent less is not."""
    for capital, failed in ((700.0, []), (699.99, ["C"])):
        found = rounds(book({"A": 100, "C": 10, "S": -100}, {"C": capital}))
        assert found[0]["fails_next"] == failed
        assert found[0]["capital_left"]["C"] == round(capital - 700.0, 2)


def test_who_is_ruined_by_its_own_book_pays_no_call() -> None:
    """A loses 6,000 less 1,500; the three funds pay 3,000 and 1,500 are called, in proportion to what is required,
    which is shared by margin: 50 of C and of the dealer, 1,500 of S. That is 46.88 of C, which has lost 200 and paid
    1,000: 1,246.88 in all. With a cent less it pays no call; 1,500 as 1,500:50 are 1,451.61 and 48.39."""
    rules = changed(RULES, tiers=[*TIERS, {"assessments": {"multiple": 1}}])
    able, unable = {"C": 46.88, "DEALER": 46.87, "S": 1_406.25}, {"DEALER": 48.39, "S": 1_451.61}
    for capital, calls in ((1_246.88, able), (1_246.87, unable)):
        found = rounds(book({"A": 300, "C": 10, "S": -300}, {"C": capital}, rules=rules))
        tier = next(one for one in found[0]["tiers"] if one["tier"] == "assessments")
        assert {payer["member_id"]: payer["paid"] for payer in tier["payers"]} == calls
        assert found[0]["fails_next"] == ([] if "C" in calls else ["C"])


def test_gains_add_to_capital_only_where_the_rulebook_says_so() -> None:
    """S is short of 110 and gains 2,200; its bill is 500 and its capital 499.99."""
    small = book({"A": 100, "C": 10, "S": -110}, {"S": 499.99})
    found = rounds(small)
    assert found[0]["fails_next"] == ["S"]
    assert "S" not in found[0]["lost_on_own_books"]
    counted = small.but(rules=changed(small.rules, default_management={"gains_add_to_capital": True}))
    found = rounds(counted)
    assert found[0]["fails_next"] == []
    assert found[0]["capital_left"]["S"] == 499.99 + 2_200.0 - 500.0


def test_clients_losses_are_theirs_and_house_pools_are_one() -> None:
    """C's client loses 400, which is no loss of C's own capital; C's two house pools lose 200 and gain 160: 40."""
    accounts = HOUSE | {"C2": ("C", "C2", "house"), "CC": ("C", "CC", "client")}
    held = [("A", "X", 100.0), ("C", "X", 10.0), ("C2", "X", -8.0), ("CC", "X", 20.0), ("S", "X", -100.0)]
    found = rounds(book({}, {"C": 600.0}).but(positions=held, accounts=accounts))
    assert found[0]["lost_on_own_books"] == {"C": 40.0}
    assert found[0]["capital_left"]["C"] == 600.0 - 40.0 - 500.0


def test_what_an_option_was_worth_before_is_neither_gain_nor_loss() -> None:
    """C has paid 30 for each of 200 calls whose price does not move, and is long 10 X; S has written them. In a
    close-out the calls bring C 6,000 and cost S 6,000: neither is what the scenario does to them."""
    option = {
        "instrument_id": "CALL",
        "kind": "option",
        "factor_id": "Y",
        "currency": "USD",
        "multiplier": 1.0,
        "price": 30.0,
        "strike": 20.0,
        "right": "call",
        "expiry": FIRST.replace(year=FIRST.year + 1),
        "implied_volatility": 0.01,
        "style": "premium",
    }
    held = [("A", "X", 100.0), ("C", "X", 10.0), ("S", "X", -100.0), ("C", "CALL", 200.0), ("S", "CALL", -200.0)]
    small = book({}, {}).but(positions=held, levels={"X": [100.0], "Y": [50.0]}, instruments=(X, option))
    case = open_case(small.book, small.market, small.rulebook)
    found = measure(case, stress_scenarios(case.rulebook, case.market, case.factor_ids, None))
    place = found.scenarios.ids.index(DOWN)
    # of X alone; Y falls as well, by 10 a unit, and the calls are deep in the money
    lost = dict(zip(found.portfolio.members, house_losses(found, fall_of_units(found, place)).tolist(), strict=True))
    assert lost == {"A": 200_000, "C": 20_000 + 200_000, "DEALER": -20_000, "S": -200_000 - 200_000}
