"""Several services of one clearing house: margin netted between them or not, and spill-over."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_waterfalls import Waterfall, random_tiers, random_waterfall
from support.rulebooks import rulebook_of

from ccp.waterfall.event import Draw, Event
from ccp.waterfall.services import Service, ServiceOutcome, run_services
from ccp.waterfall.standing import first_standing

MILLION = 100 * 10**6
PREFUNDED = ("defaulter_margin", "defaulter_fund", "ccp_capital", "insurance", "survivors_fund")
FUND_TIERS = ("defaulter_fund", "survivors_fund")


def service(
    name: str, tiers: list[Any], contributions: list[int], loss: Sequence[int], margin: Sequence[int]
) -> Service:
    """A service whose first member defaults; each member is a group of its own, all amounts in cents."""
    members = ["D", "M", "N"][: len(contributions)]
    standing = first_standing(rulebook_of(tiers), members, members, np.arange(len(members)), np.array(contributions))
    losses, held = (np.array([*one, *[0] * (len(members) - len(one))]) for one in (loss, margin))
    return Service(name, standing, Event((0,), losses, np.maximum(losses - held, 0), held))


def own(found: list[ServiceOutcome]) -> dict[str, ServiceOutcome]:
    """What each service did for itself."""
    return {one.name: one for one in found if one.for_service == one.name}


def paid(one: ServiceOutcome) -> dict[str, dict[str, int]]:
    """Who paid in each tier of an outcome; `uncovered` and tiers that paid nothing are left out."""
    names = {None: "house"} | dict(enumerate(one.plan.members))
    payments = {
        draw.tier: {names[payer]: amount for payer, amount in draw.paid.items() if amount}
        for draw in one.outcome.draws
        if draw.tier != "uncovered"
    }
    return {tier: of for tier, of in payments.items() if of}


# --- CME and Lehman, September 2008 ----------------------------------------------------------------------------------

# Collateral, and what was paid to be rid of the positions, USD million, by class. J. R. Varma, "Lehman and the
# Derivative Exchanges", 17 April 2010, table.
LEHMAN = {"energy": (633, 707), "fx": (8, 2), "rates": (223, 333), "equity": (732, 445), "ags": (50, 52)}


def lehman() -> list[Service]:
    return [
        service(name, ["defaulter_margin"], [0], [loss * MILLION], [margin * MILLION])
        for name, (margin, loss) in LEHMAN.items()
    ]


def test_lehmans_margin_paid_for_all_classes_together() -> None:
    """1,646 of collateral and 1,539 paid: nothing uncovered, 107 left."""
    found = run_services(lehman(), netting=True)
    assert [one.name for one in found] == list(LEHMAN)
    assert all(one.uncovered == 0 for one in found)
    assert sum(one.outcome.drawn("defaulter_margin") for one in found) == 1_539 * MILLION
    assert sum(one.surplus_margin for one in found) == 107 * MILLION


def test_what_nets_is_taken_in_proportion_from_where_it_is_left_over() -> None:
    """186 are lacking, 6 and 287 are left over: 6/293 of the 186 come from foreign exchange, the rest from equity."""
    surplus = {name: one.surplus_margin for name, one in own(run_services(lehman(), netting=True)).items()}
    # 6 - 186 x 6/293 = 2.19112627986 million; to the cent 2,191,126.28
    assert surplus == {
        "energy": 0,
        "fx": 219_112_628,
        "rates": 0,
        "equity": 107 * MILLION - 219_112_628,
        "ags": 0,
    }


def test_had_every_class_stood_alone_186_million_had_been_uncovered() -> None:
    found = own(run_services(lehman(), netting=False))
    uncovered = {"energy": 74, "fx": 0, "rates": 110, "equity": 0, "ags": 2}
    surplus = {"energy": 0, "fx": 6, "rates": 0, "equity": 287, "ags": 0}
    assert {name: one.uncovered for name, one in found.items()} == {n: a * MILLION for n, a in uncovered.items()}
    assert {name: one.surplus_margin for name, one in found.items()} == {n: a * MILLION for n, a in surplus.items()}
    assert sum(one.uncovered for one in found.values()) == 186 * MILLION


def test_netting_helps_only_as_far_as_margin_is_left() -> None:
    """X lacks 30, Y lacks 10, Z has 20 left over: 15 and 5 of it pay, and 15 and 5 stay uncovered."""
    tiers = ["defaulter_margin"]
    services = [
        service(name, tiers, [0], [loss], [margin])
        for name, loss, margin in (("X", 40, 10), ("Y", 10, 0), ("Z", 1, 21))
    ]
    found = run_services(services, netting=True)
    assert [(one.outcome.drawn("defaulter_margin"), one.uncovered, one.surplus_margin) for one in found] == [
        (25, 15, 0),
        (5, 5, 0),
        (1, 0, 0),
    ]


# --- spill-over, worked by hand --------------------------------------------------------------------------------------


def tiers_of(capital: int, calls: int) -> list[Any]:
    own_money: dict[str, Any] = {"ccp_capital": {"amount": capital / 100}}
    return ["defaulter_margin", "defaulter_fund", own_money, "survivors_fund", {"assessments": {"multiple": calls}}]


def three(loss_in_x: int) -> list[Service]:
    """X alone pays 95: margin 20, D's 10, capital 5, the others' 30, calls 30. Y holds 4 + 3 + 16 that is prefunded.

    Z's own loss of 12 takes margin 2, D's 5, capital 1, and 4 of M and N as 8:12, which leaves 16 there."""
    return [
        service("X", tiers_of(5, 1), [10, 20, 10], [loss_in_x], [20]),
        service("Y", tiers_of(3, 5), [4, 10, 6], [0], [50]),
        service("Z", tiers_of(1, 9), [5, 8, 12], [12], [2]),
    ]


def test_each_service_pays_for_itself_first() -> None:
    found = run_services(three(150), netting=False)
    assert paid(found[0]) == {
        "defaulter_margin": {"D": 20},
        "defaulter_fund": {"D": 10},
        "ccp_capital": {"house": 5},
        "survivors_fund": {"M": 20, "N": 10},
        "assessments": {"M": 20, "N": 10},
    }
    assert paid(found[1]) == {}
    assert paid(found[2]) == {
        "defaulter_margin": {"D": 2},
        "defaulter_fund": {"D": 5},
        "ccp_capital": {"house": 1},
        "survivors_fund": {"M": 2, "N": 2},  # 1.6 and 2.4
    }
    assert [one.uncovered for one in found] == [55, 0, 0]
    assert [one.surplus_margin for one in found] == [0, 50, 0]


def test_a_loss_spills_over_into_what_is_prefunded_elsewhere_in_the_order_of_the_rules() -> None:
    """55 are uncovered in X. Y has 23 and Z 16; nobody is called, and the margin of 50 in Y is not touched: 16 stay."""
    found = run_services(three(150), netting=False, spill_over=["Y", "Z"])
    assert [(one.name, one.for_service) for one in found[3:]] == [("Y", "X"), ("Z", "X")]
    assert paid(found[3]) == {
        "defaulter_fund": {"D": 4},
        "ccp_capital": {"house": 3},
        "survivors_fund": {"M": 10, "N": 6},
    }
    assert paid(found[4]) == {"survivors_fund": {"M": 6, "N": 10}}  # 8 - 2 and 12 - 2: Z's own loss came first
    assert [one.uncovered for one in found[:3]] == [16, 0, 0]


# D's 4, capital 3, and 8 of M and N as 10:6
FIFTEEN_OF_Y = {"defaulter_fund": {"D": 4}, "ccp_capital": {"house": 3}, "survivors_fund": {"M": 5, "N": 3}}


@pytest.mark.parametrize(
    ("order", "payments"),
    [
        (["Y", "Z"], [("Y", FIFTEEN_OF_Y)]),
        # 15 of the 16 that Z has left: 6 x 15/16 = 5.625, 10 x 15/16 = 9.375
        (["Z", "Y"], [("Z", {"survivors_fund": {"M": 6, "N": 9}})]),
        # a service does not pay for itself a second time
        (["X", "Y"], [("Y", FIFTEEN_OF_Y)]),
        ([], []),
    ],
)
def test_who_is_named_first_pays_first(order: list[str], payments: list[tuple[str, Any]]) -> None:
    """110 lost in X: 15 uncovered."""
    found = run_services(three(110), netting=False, spill_over=order)
    assert [(one.name, paid(one)) for one in found[3:]] == payments
    assert found[0].uncovered == (0 if order else 15)


def test_what_one_service_has_taken_is_not_there_for_the_next() -> None:
    """X and W leave 20 and 10 uncovered. Y has 23: all of X's 20 and 3 of W's."""
    w = service("W", ["defaulter_margin"], [0, 0, 0], [10], [0])
    services = [service("X", ["defaulter_margin"], [0, 0, 0], [20], [0]), w, three(0)[1]]
    found = run_services(services, netting=False, spill_over=["Y"])
    assert [one.uncovered for one in found[:3]] == [0, 7, 0]
    assert [(one.for_service, paid(one)) for one in found[3:]] == [
        ("X", {"defaulter_fund": {"D": 4}, "ccp_capital": {"house": 3}, "survivors_fund": {"M": 8, "N": 5}}),
        ("W", {"survivors_fund": {"M": 2, "N": 1}}),
    ]


def test_with_netting_margin_pays_across_services_before_anything_spills_over() -> None:
    """X is 90 short of its 110, and the margin of 50 that is left over in Y pays for 50 of that."""
    x, y, _ = three(110)
    found = run_services([x, y], netting=True, spill_over=["Y"])
    # 40 left over margin: D's 10, capital 5, and 25 of M and N as 20:10
    assert paid(found[0]) == {
        "defaulter_margin": {"D": 70},
        "defaulter_fund": {"D": 10},
        "ccp_capital": {"house": 5},
        "survivors_fund": {"M": 17, "N": 8},  # 16.67 and 8.33
    }
    assert len(found) == 2
    assert [one.surplus_margin for one in found] == [0, 0]


# --- of random services ----------------------------------------------------------------------------------------------


def random_services(seed: int) -> list[Service]:
    """Two to four services of the same members, each with its own tiers, contributions and losses."""
    chance, base = Random(seed), random_waterfall(seed)
    others = [random_waterfall(seed + number) for number in range(1, chance.randint(2, 4))]
    return [as_service(base, name, one, chance) for name, one in zip("ABCD", [base, *others], strict=False)]


def as_service(base: Waterfall, name: str, other: Waterfall, chance: Random) -> Service:
    """Another case's tiers and amounts, given to the members and defaulters of the first."""

    def again(amounts: dict[str, int]) -> np.ndarray:
        stated = list(amounts.values())
        return np.array([stated[place % len(stated)] for place in range(len(base.members))], dtype=np.int64)

    case = replace(base, tiers=random_tiers(chance, 10 ** chance.randint(0, 6)), shared=chance.random() < 0.5)
    group = np.array([base.groups.index(base.group[member]) for member in base.members])
    standing = first_standing(
        case.rulebook, base.members, base.groups, group, again(other.contribution), again(other.required)
    )
    loss, margin = again(other.event["loss"]), again(other.event["margin"]) * chance.choice([0, 1, 3, 9])
    return Service(
        name, standing, replace(base.engine_event, loss=loss, over_margin=np.maximum(loss - margin, 0), margin=margin)
    )


def draws_of(found: list[ServiceOutcome], name: str) -> list[Draw]:
    """All draws on a service's resources, for itself and for others."""
    return [draw for one in found if one.name == name for draw in one.outcome.draws if draw.tier != "uncovered"]


seeds = st.integers(0, 2**40)


@given(seeds, st.booleans(), st.permutations("ABCD"))
def test_every_service_is_paid_for_in_full_or_said_to_be_uncovered(seed: int, netting: bool, order: list[str]) -> None:
    services = random_services(seed)
    names = [one.name for one in services]
    found = run_services(services, netting, [name for name in order if name in names])
    for one in services:
        in_default = np.isin(one.standing.member_group, one.event.defaulters)
        for_it = [other for other in found if other.for_service == one.name]
        payments = sum(other.outcome.loss - other.outcome.uncovered for other in for_it)
        assert payments + own(found)[one.name].uncovered == int(one.event.loss[in_default].sum())


@given(seeds, st.booleans())
def test_no_resource_pays_twice_and_only_what_is_prefunded_pays_for_others(seed: int, netting: bool) -> None:
    services = random_services(seed)
    names = [one.name for one in services]
    found = run_services(services, netting, names)
    assert all(one.name != one.for_service for one in found[len(services) :])
    for one in found[len(services) :]:
        assert {draw.tier for draw in one.outcome.draws if draw.amount and draw.tier != "uncovered"} <= {*PREFUNDED}
    for one in services:
        plan, draws = one.standing.plan, draws_of(found, one.name)
        for place, tier in enumerate(plan.lumps):
            used = sum(draw.amount for draw in draws if (draw.place, draw.tier) == (tier.place, tier.word))
            same = [k for k, other in enumerate(plan.lumps) if (other.place, other.word) == (tier.place, tier.word)]
            assert used <= sum(int(one.standing.left[k]) for k in same), place
        for member in range(len(plan.members)):
            used = sum(draw.paid.get(member, 0) for draw in draws if draw.tier in FUND_TIERS)
            assert used <= plan.contributions[member]


@given(seeds)
def test_netting_never_makes_a_service_pay_more_and_keeps_all_margin(seed: int) -> None:
    services = random_services(seed)
    apart, netted = own(run_services(services, False)), own(run_services(services, True))
    for name, one in netted.items():
        assert one.uncovered <= apart[name].uncovered
        assert one.surplus_margin <= apart[name].surplus_margin
        assert one.outcome.drawn("defaulter_margin") >= apart[name].outcome.drawn("defaulter_margin")
    used = [
        sum(one.outcome.drawn("defaulter_margin") + one.surplus_margin for one in found.values())
        for found in (apart, netted)
    ]
    assert used[0] == used[1]


@given(seeds)
def test_spill_over_never_leaves_more_uncovered_and_changes_no_service_s_own_payments(seed: int) -> None:
    services = random_services(seed)
    names = [one.name for one in services]
    alone, helped = run_services(services, False), run_services(services, False, names)
    for one, other in zip(alone, helped, strict=False):
        assert one.outcome.draws == other.outcome.draws
        assert other.uncovered <= one.uncovered
    more_left = sum(one.uncovered for one in alone) - sum(one.uncovered for one in helped[: len(alone)])
    assert more_left == sum(one.outcome.loss - one.outcome.uncovered for one in helped[len(alone) :])
