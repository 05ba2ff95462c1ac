"""`ccp.draw_paths`, many paths at once: worked by hand, and the same cents as one event after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.rulebooks import rulebook_of

import ccp
from ccp.book.roster import each_alone
from ccp.errors import InputError
from ccp.rulebook.rulebook import Rulebook
from ccp.types import Vector
from ccp.waterfall.event import Event, Outcome
from ccp.waterfall.plan import make_plan
from ccp.waterfall.run import run_waterfall

FUNDED: list[Any] = ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"amount": 10}}, "survivors_fund"]
TIERS: list[Any] = [*FUNDED, {"assessments": {"multiple": 1}}]
CONTRIBUTIONS = {"A": 20.0, "B": 30.0, "C": 50.0}
# Who defaults with what loss; and by hand what margin, own funds, capital, survivors, calls and nobody pay.
PATHS: list[tuple[dict[str, float], list[float]]] = [
    ({}, [0, 0, 0, 0, 0, 0]),
    ({"A": 15}, [0, 15, 0, 0, 0, 0]),
    ({"A": 60}, [0, 20, 10, 30, 0, 0]),
    ({"A": 200}, [0, 20, 10, 80, 80, 10]),
    ({"A": 100, "B": 40}, [0, 50, 10, 50, 30, 0]),  # C may be called for its 50 twice
    ({"C": 0}, [0, 0, 0, 0, 0, 0]),
]
LOSS = np.array([[losses.get(name, 7.0) for name in CONTRIBUTIONS] for losses, _ in PATHS])
"""7 of everybody who does not default: nobody asks for it."""
FLAGS = np.array([[name in losses for name in CONTRIBUTIONS] for losses, _ in PATHS])
DRAWS = [paid for _, paid in PATHS]


def drawn(tiers: list[Any] | Rulebook = TIERS, loss: Any = LOSS, flags: Any = FLAGS, **more: Any) -> ccp.Paths:
    rules = tiers if isinstance(tiers, Rulebook) else rulebook_of(tiers)
    return ccp.draw_paths(rules, more.pop("contributions", CONTRIBUTIONS), loss, flags, **more)


def one(tiers: list[Any], losses: dict[str, float], **more: Any) -> list[list[float]]:
    """Who pays in a single path: every tier's draw, and the bills of A, B and C, in units."""
    loss = np.array([[losses.get(name, 0.0) for name in CONTRIBUTIONS]])
    flags = np.array([[name in losses for name in CONTRIBUTIONS]])
    found = drawn(tiers, loss, flags, bills=True, **more)
    assert found.bills is not None
    return [(found.draws[0] / 100).tolist(), (found.bills[0] / 100).tolist()]


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_every_path_by_hand() -> None:
    found = drawn(bills=True)
    assert (found.draws / 100).tolist() == DRAWS
    assert found.draws.dtype == np.int64
    assert (found.members, found.groups) == (["A", "B", "C"], ["A", "B", "C"])
    assert found.bills is not None
    # of 30 B pays 11.25 and C 18.75; of 200 both pay everything twice; C pays 50 and is called for 30
    assert (found.bills / 100).tolist() == [
        [0, 0, 0],
        [0, 0, 0],
        [0, 11.25, 18.75],
        [0, 60, 100],
        [0, 0, 80],
        [0, 0, 0],
    ]
    assert drawn().bills is None


def exact(path: int) -> Outcome:
    """The same path as one event."""
    contributions = np.array([2_000, 3_000, 5_000])
    members = list(CONTRIBUTIONS)
    plan = make_plan(rulebook_of(TIERS), each_alone(members), contributions)
    loss = np.round(LOSS[path] * 100).astype(np.int64)
    return run_waterfall(
        plan, Event(tuple(np.flatnonzero(FLAGS[path]).tolist()), loss, loss.copy(), np.zeros_like(loss))
    )


@pytest.mark.parametrize("path", range(len(PATHS)))
def test_a_path_draws_the_cents_of_an_event(path: int) -> None:
    outcome, found = exact(path), drawn(bills=True)
    assert [draw.amount for draw in outcome.draws] == found.draws[path].tolist()
    bills = [0, 0, 0]
    for draw in outcome.draws:
        for member, amount in draw.paid.items():
            bills[member or 0] += amount if draw.tier in ("survivors_fund", "assessments") else 0
    assert found.bills is not None
    assert found.bills[path].tolist() == bills


def test_draws_add_up_to_the_losses_of_those_who_default() -> None:
    """To the cent, also where a third of a cent is lost."""
    loss = np.array([[100 / 3, 200 / 3, 1e6 / 7]] * 8)
    flags = np.array([[bool(number & 1), bool(number & 2), bool(number & 4)] for number in range(8)])
    found = drawn(loss=loss, flags=flags)
    cents = np.array([3_333, 6_667, 14_285_714])
    assert found.draws.sum(axis=1).tolist() == (flags * cents).sum(axis=1).tolist()


def test_margin_pays_first_by_group_or_by_path_and_group() -> None:
    """60 lost, 25 of it margin: 15 less of everything behind it. A loss within margin draws that alone."""
    loss, flags = np.array([[60.0, 0.0, 0.0], [20.0, 0.0, 0.0]]), np.array([[True, False, False]] * 2)
    by_group = drawn(loss=loss, flags=flags, margin=np.array([25.0, 99.0, 99.0]))
    assert (by_group.draws / 100).tolist() == [[25, 20, 10, 5, 0, 0], [20, 0, 0, 0, 0, 0]]
    by_path = drawn(loss=loss, flags=flags, margin=np.array([[25.0, 99.0, 99.0], [5.0, 0.0, 0.0]]))
    assert (by_path.draws / 100).tolist() == [[25, 20, 10, 5, 0, 0], [5, 15, 0, 0, 0, 0]]


def test_members_of_a_group_default_together() -> None:
    """A and B are G: their 20 and 30 pay first, and C alone survives."""
    found = drawn(
        loss=np.array([[0.0, 75.0]]), flags=np.array([[False, True]]), groups={"A": "G", "B": "G"}, bills=True
    )
    assert found.groups == ["C", "G"]
    assert (found.draws / 100).tolist() == [[0, 50, 10, 15, 0, 0]]
    assert found.bills is not None
    assert (found.bills / 100).tolist() == [[0, 0, 15]]


def test_who_is_unable_is_not_called() -> None:
    """Of 200 A pays 20, capital 10, B and C 30 and 50; C alone is called for 50, and 40 are nobody's."""
    draws, bills = one(TIERS, {"A": 200}, unable=np.array([False, True, False]))
    assert draws == [0, 20, 10, 80, 50, 40]
    assert bills == [0, 30, 100]


def test_offers_pay_in_proportion() -> None:
    """Of 140 A pays 20, capital 10, B and C 80; 30 of their offers of 15 and 45: 7.50 and 22.50. Not of A's."""
    draws, bills = one([*FUNDED, "voluntary"], {"A": 140}, offered=np.array([99.0, 15.0, 45.0]))
    assert draws == [0, 20, 10, 80, 30, 0]
    assert bills == [0, 37.5, 72.5]


def test_claims_are_cut_by_member_or_by_path_and_member() -> None:
    """Of 140 30 are left: B has gained 40 and C 20. Half of it may be cut: 20 and 10."""
    tiers = [*FUNDED, {"gains_haircut": {"share": 0.5}}]
    draws, bills = one(tiers, {"A": 140}, claims=np.array([500.0, 40.0, 20.0]))
    assert (draws, bills) == ([0, 20, 10, 80, 30, 0], [0, 50, 60])
    flags = np.array([[True, False, False]] * 2)
    claims = np.array([[0.0, 40.0, 20.0], [0.0, -40.0, 20.0]])
    found = drawn(tiers, np.full((2, 3), 140.0), flags, claims=claims)
    assert (found.draws / 100).tolist() == [[0, 20, 10, 80, 30, 0], [0, 20, 10, 80, 10, 20]]


def test_auctions_and_product_classes_say_whose_contributions_go_first() -> None:
    """30 of A's 60 are left to B and C. B did not bid: its 30 go first. Or: C alone is in the loss's class."""
    by_auction = [*FUNDED[:3], {"survivors_fund": {"order": "auction"}}]
    assert one(by_auction, {"A": 60}, auction=np.array([0, 0, 2]))[1] == [0, 30, 0]
    assert one(by_auction, {"A": 60}, auction=np.array([0, 2, 0]))[1] == [0, 0, 30]
    by_class = [*FUNDED[:3], {"survivors_fund": {"order": "segments_first"}}]
    known = {"segment_loss": np.array([60.0, 0.0]), "segment_weight": np.array([[1, 0, 1], [1, 1, 0]])}
    assert one(by_class, {"A": 60}, **known)[1] == [0, 0, 30]


def test_a_currency_without_cents() -> None:
    """Contributions 20 and 10 share a loss of 40 less A's 10 and capital of 10: 13.33 and 6.67, in whole units.

    Members' bills may be a minor unit off: docs/reference/waterfall.md, section 7.
    """
    rules = rulebook_of(FUNDED).model_copy(update={"currency_digits": 0})
    contributions = {"A": 10.0, "B": 20.0, "C": 10.0}
    loss, flags = np.array([[40.0, 0.0, 0.0]]), np.array([[True, False, False]])
    found = drawn(rules, loss, flags, contributions=contributions, bills=True)
    assert found.draws.tolist() == [[0, 10, 10, 20, 0]]
    assert found.bills is not None
    assert found.bills.sum() == 20
    assert found.bills[0].tolist() == pytest.approx([0, 40 / 3, 20 / 3], abs=1)


# --- the table of tiers -----------------------------------------------------------------------------------------------


def test_the_table_of_tiers_by_hand() -> None:
    """Of six paths: own funds 0, 15, 20, 20, 50, 0. The 99.9 % quantile of six is the largest."""
    table = drawn().tiers
    assert table["tier"].to_list() == [
        "defaulter_margin",
        "defaulter_fund",
        "ccp_capital",
        "survivors_fund",
        "assessments",
        "uncovered",
    ]
    assert table["tier_place"].to_list() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert table["touched_share"].to_list() == pytest.approx([0, 4 / 6, 3 / 6, 3 / 6, 2 / 6, 1 / 6])
    assert table["mean_amount"].to_list() == pytest.approx([0, 105 / 6, 30 / 6, 160 / 6, 110 / 6, 10 / 6])
    assert table["quantile_999"].to_list() == table["largest_amount"].to_list() == [0, 50, 10, 80, 80, 10]


@pytest.mark.parametrize("thousands", [1, 2, 3, 7])
def test_the_quantile_is_an_order_statistic(thousands: int) -> None:
    """Path by path A loses 0, 1, 2, ...: of 1,000 paths the 999th smallest, of 2,000 the 1,998th, and so on."""
    count = 1_000 * thousands
    loss = np.zeros((count, 3))
    loss[:, 0] = np.random.default_rng(5).permutation(count)
    found = drawn(loss=loss, flags=np.tile([True, False, False], (count, 1)), contributions=CONTRIBUTIONS | {"A": 1e6})
    (row,) = found.tiers.filter(tier="defaulter_fund").to_dicts()
    assert row["quantile_999"] == 999 * thousands - 1
    assert row["largest_amount"] == count - 1
    assert row["mean_amount"] == pytest.approx((count - 1) / 2)
    assert row["touched_share"] == pytest.approx(1 - 1 / count)


def test_parts_beside_each_other_have_a_row_each_and_share_a_place() -> None:
    tiers = [*FUNDED[:2], {"pari_passu": ["survivors_fund", {"ccp_capital": {"amount": 20}}]}]
    found = drawn(tiers, np.array([[70.0, 0.0, 0.0]]), np.array([[True, False, False]]))
    assert found.tiers.select("tier_place", "tier").rows()[2:] == [
        (3.0, "survivors_fund"),
        (3.0, "ccp_capital"),
        (4.0, "uncovered"),
    ]
    assert (found.draws / 100).tolist() == [[0, 20, 40, 10, 0]]  # 50 as 80 to 20


def test_no_paths_at_all() -> None:
    found = drawn(loss=np.zeros((0, 3)), flags=np.zeros((0, 3), dtype=bool))
    assert found.draws.shape == (0, 6)
    assert found.tiers["mean_amount"].to_list() == [0.0] * 6


# --- what is refused --------------------------------------------------------------------------------------------------

GROUPS = r"an array of shape \(\d+, 3\) was expected"
MARGIN = "an array of shape .* was expected"
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "too few groups": ({"loss": LOSS[:, :2]}, GROUPS),
    "too many groups": ({"flags": np.ones((6, 4), dtype=bool)}, GROUPS),
    "other paths": ({"flags": FLAGS[:3]}, GROUPS),
    "one path as a row": ({"loss": LOSS[0], "flags": FLAGS[0]}, "an array of shape"),
    "numbers for flags": ({"flags": FLAGS.astype(float)}, "true or false was expected in every place"),
    "whole numbers for flags": ({"flags": FLAGS.astype(int)}, "true or false was expected in every place"),
    "no number": ({"loss": np.where(FLAGS, np.nan, LOSS)}, "loss: finite numbers were expected"),
    "endless": ({"loss": np.where(FLAGS, np.inf, LOSS)}, "loss: finite numbers were expected"),
    "a gain": ({"loss": -LOSS}, "loss: amounts from 0 to"),
    "margin of two groups": ({"margin": np.ones(2)}, MARGIN),
    "margin of other paths": ({"margin": np.ones((5, 3))}, MARGIN),
    "one margin": ({"margin": np.array(5.0)}, MARGIN),
    "nobody": ({"contributions": {}, "loss": np.zeros((1, 0)), "flags": np.zeros((1, 0), dtype=bool)}, "one member"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_bad_arrays_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        drawn(**changes)


BAD_KNOWN: dict[str, dict[str, Any]] = {
    "claims of four members": {"claims": np.ones(4)},
    "claims of other paths": {"claims": np.ones((9, 3))},
    "offers of four members": {"offered": np.ones(4)},
    "unable of four members": {"unable": np.zeros(4, dtype=bool)},
    "auction of four members": {"auction": np.zeros(4, dtype=int)},
    "classes of other paths": {"segment_loss": np.ones((9, 2)), "segment_weight": np.ones((2, 3))},
    "weights of four members": {"segment_loss": np.ones(2), "segment_weight": np.ones((2, 4))},
    "weights of other classes": {"segment_loss": np.ones(2), "segment_weight": np.ones((3, 3))},
    "margin is no number": {"margin": np.full(3, np.nan)},
    "margin is negative": {"margin": np.full(3, -1.0)},
    "a contribution is no number": {"contributions": CONTRIBUTIONS | {"A": float("nan")}},
    "a contribution is negative": {"contributions": CONTRIBUTIONS | {"A": -1.0}},
    "an offer is no number": {"offered": np.full(3, np.nan)},
    "claims of two of six paths": {"claims": np.ones((2, 3))},
    "one offer for all": {"offered": np.ones(1)},
    "an auction of other results": {"auction": np.array([0, 1, 5])},
    "classes without weights": {"segment_loss": np.ones(2)},
    "a loss beyond all amounts": {"loss": np.where(FLAGS, 1e22, LOSS)},
    "unable is no number": {"unable": np.array([np.nan, 0.0, 0.0])},
    "a group of nobody": {"groups": {"Z": "G"}},
    "rows of different length": {"claims": [[1.0, 2.0], [3.0]]},
    "a loss in words": {"loss": LOSS.astype(str)},
}


@pytest.mark.parametrize("changes", BAD_KNOWN.values(), ids=BAD_KNOWN)
def test_bad_amounts_and_shapes_of_what_is_known_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        drawn([*TIERS, "voluntary", "gains_haircut"], **changes)


def test_what_it_does_not_know_of_is_refused() -> None:
    with pytest.raises((InputError, TypeError), match="gains"):
        drawn(gains=np.ones(3))


def test_nothing_that_is_given_is_changed() -> None:
    loss, flags = LOSS.copy(), FLAGS.copy()
    claims: Vector = np.array([1.0, 40.0, 20.0])
    drawn([*FUNDED, "gains_haircut"], loss, flags, claims=claims)
    assert (loss == LOSS).all()
    assert (flags == FLAGS).all()
    assert claims.tolist() == [1.0, 40.0, 20.0]


def test_losses_whose_sum_is_too_large_are_refused() -> None:
    """Each is an amount; together they would not fit 64 bits."""
    names = [f"M{number:04d}" for number in range(923)]
    with pytest.raises(InputError, match="sums below"):
        ccp.draw_paths(
            rulebook_of(TIERS), dict.fromkeys(names, 1.0), np.full((1, 923), 1e14), np.ones((1, 923), dtype=bool)
        )
