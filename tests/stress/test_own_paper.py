"""Paper of a defaulter in its own books and in those that default with it: by hand.

X is a share of A's group at 100, PX a put on it with a strike of 95 that is priced at 2, FX a future on it; Y is
nobody's. Whatever a scenario says of X, at A's default X is worth nothing, and the put 95.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from support.small_books import loss, market, rulebook
from support.small_cycles import RULES, Small, X, changed

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.market.case import open_case
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.stress_set import stress_scenarios
from ccp.stress.claims import matched_claims, sides_of, variation_and_contracts
from ccp.stress.joint_losses import JointLosses
from ccp.stress.loss_over_margin import StressLosses
from ccp.stress.measure import Measured, measure, measure_parts, pool_losses
from ccp.stress.own_losses import fall_of_units, house_losses
from ccp.stress.parts import InTurn, PartTask, engine_model

UP, DOWN = "market up 20%", "market down 20%"
Position = tuple[str, str, float]


def small(positions: list[Position], issuer: str | None = "A") -> Book:
    """Groups A, B and C, each a member with one account; what they leave unmatched is the dealer's, group D."""
    net: dict[str, float] = {}
    for _, instrument, quantity in positions:
        net[instrument] = net.get(instrument, 0.0) + quantity
    positions = positions + [("D", instrument, -quantity) for instrument, quantity in net.items() if quantity]
    members, ids = list("ABCD"), ["account_id", "member_id", "pool_id"]
    names = ["X", "Y", "FX", "PX"]
    return book_from_frames(
        {
            "members": pl.DataFrame({"member_id": members}),
            "accounts": pl.DataFrame(dict.fromkeys(ids, members) | {"kind": "house"}),
            "positions": pl.DataFrame(positions, schema=["account_id", "instrument_id", "quantity"], orient="row"),
            "instruments": pl.DataFrame(
                {
                    "instrument_id": names,
                    "kind": ["spot", "spot", "future", "option"],
                    "factor_id": ["X", "Y", "X", "X"],
                    "currency": ["USD"] * 4,
                    "multiplier": [1.0] * 4,
                    "price": [100.0, 50.0, 100.0, 2.0],
                    "issuer_id": [issuer, None, issuer, issuer],
                    "strike": [None, None, None, 95.0],
                    "right": [None, None, None, "put"],
                    "style": [None, None, None, "premium"],
                    "expiry": [None, None, None, date(2024, 12, 20)],
                    "implied_volatility": [None, None, None, 0.2],
                }
            ),
        }
    )  # fmt: skip


def rules(stress: dict[str, Any] | None = None, **parts: Any) -> Rulebook:
    ladder = {"ladder": "market_gaps", "sizes": [0.2], "volatility_per_fall": 0.0, "volatility_per_rise": 0.0}
    return rulebook(stress={"hypothetical": [ladder], "rate_shifts": {"shapes": []}} | (stress or {}), **parts)


def lost(found: Book, scenario: str, groups: str, **parts: Any) -> dict[str, float]:
    """By pool, what a set of groups loses in a scenario before its margin."""
    event = ccp.default(found, rules(**parts), scenario, list(groups), market=market())
    return {one["pool_id"]: one["loss"] for one in event.trace["pools"]}


@pytest.mark.parametrize("scenario", [UP, DOWN])
def test_a_short_put_on_own_shares_is_owed_at_its_strike(scenario: str) -> None:
    """100 puts: 9,500 less the 200 that they are worth today, so 9,300 more. The dealer, who holds them, is another
    group, and at its own default X moves as the scenario says."""
    found = small([("A", "PX", -100.0)])
    assert lost(found, scenario, "A") == {"A": 9_500.0}
    assert abs(lost(found, scenario, "D")["D"]) < 2_500.0
    as_others = lost(found, scenario, "A", stress={"own_paper": "none"})["A"]
    assert as_others == -lost(found, scenario, "D")["D"]
    assert lost(small([("A", "PX", -100.0)], issuer="Z"), scenario, "A") == {"A": as_others}


@pytest.mark.parametrize("scenario", [UP, DOWN])
def test_own_shares_and_futures_on_them_lose_all_and_shorts_gain_it(scenario: str) -> None:
    assert lost(small([("A", "FX", 100.0)]), scenario, "A") == {"A": 10_000.0}
    assert lost(small([("A", "X", 7.0)]), scenario, "A") == {"A": 700.0}
    assert lost(small([("A", "X", -7.0)]), scenario, "A") == {"A": -700.0}
    assert lost(small([("A", "X", 7.0), ("A", "FX", -3.0), ("A", "PX", 1.0)]), scenario, "A") == {"A": 305.0}


def test_a_part_of_the_price_may_be_recovered() -> None:
    """At 40 a share has lost 60; the put, that far in the money, is worth what its strike is above 0.4 of its level."""
    recovered = {"stress": {"own_paper": {"recovery": 0.4}}}
    assert lost(small([("A", "FX", 100.0)]), UP, "A", **recovered)["A"] == pytest.approx(6_000.0, abs=0.01)
    assert lost(small([("A", "PX", -100.0)]), UP, "A", **recovered)["A"] == pytest.approx(
        100 * (95.0 - 0.4 * market().level("X")), abs=0.01
    )


@pytest.mark.parametrize("horizon", ["own", "longest"])
@pytest.mark.parametrize("historical", ["all", {"worst": 3}, {"worst_of_each_group": 2}])
def test_it_is_so_in_every_window_whatever_anything_moves_over(horizon: str, historical: Any) -> None:
    margin = {"liquidation": [{"kind": "option", "days": 5}, {"instrument": "Y", "days": 3}]}
    stress = {"historical": historical, "horizon": horizon, "multiples": [1, 2]}
    document = rulebook().model_dump(mode="json", by_alias=True, exclude_none=True)
    document |= {"margin": document["margin"] | margin, "stress": stress}
    found = small([("A", "PX", -100.0), ("A", "X", 3.0), ("B", "PX", 40.0), ("B", "Y", 30.0)])
    sized = ccp.size(found, Rulebook.model_validate(document), market())
    margins = dict(sized.tables["margin"].select("member_id", "margin").iter_rows())
    of_a = sized.tables["losses"].filter(pl.col("group_id") == "A")["loss_over_margin"]
    assert len(of_a) > 2
    assert of_a.to_list() == pytest.approx([9_800.0 - margins["A"]] * len(of_a), abs=0.005)
    of_b = sized.tables["losses"].filter(pl.col("group_id") == "B")["loss_over_margin"]
    assert max(of_b.to_list()) < 400.0


def test_who_defaults_with_the_issuer_loses_on_its_paper_as_well() -> None:
    """B is long 100 X: 2,000 in a fall of 20 % alone, 10,000 beside A, which loses no more or less for it. C is short
    50 puts: 750 less what they fetch, 4,750 beside A. Without A's default they lose what the scenario says."""
    found = small([("A", "Y", 200.0), ("B", "X", 100.0), ("C", "PX", -50.0)])
    together = lost(found, DOWN, "AB")
    assert (together["A"], together["B"]) == (2_000.0, 10_000.0)
    assert lost(found, DOWN, "ABC") == {"A": 2_000.0, "B": 10_000.0, "C": 4_750.0}
    assert lost(found, DOWN, "BC")["B"] == 2_000.0
    assert lost(found, UP, "AB") == {"A": -2_000.0, "B": 10_000.0}


def test_cover_of_two_is_that_of_the_issuer_and_who_holds_its_paper() -> None:
    """Alone the dealer and B lose most (5,900 and 2,000 before margin), but A's default makes 10,000 of B's 2,000."""
    found = small([("A", "Y", 10.0), ("B", "X", 100.0), ("C", "Y", -800.0)])
    for stress, groups in (({}, "B+A"), ({"own_paper": "none"}, "D+B")):
        sized = ccp.size(found, rules(stress), market())
        row = sized.tables["scenarios"].filter(pl.col("scenario_id") == DOWN)
        assert row.select("groups", "proved").row(0) == (groups, True)
        margins = dict(sized.tables["margin"].select("member_id", "margin").iter_rows())
        if groups == "B+A":
            beyond = max(100.0 - margins["A"], 0.0) + 10_000.0 - margins["B"]
            assert row["cover_2"].item() == pytest.approx(beyond, abs=0.005)
            assert loss(sized, DOWN, "B") == pytest.approx(max(2_000.0 - margins["B"], 0.0), abs=0.005)


def test_the_wrong_way_add_on_charges_what_the_default_costs() -> None:
    """Half of it: a short put on own shares at its strike less its price, a long future at its price; a short future
    takes off a long share in the same account."""
    for positions, charge in (
        ([("A", "PX", -100.0)], 4_650.0),
        ([("A", "FX", 100.0)], 5_000.0),
        ([("A", "PX", 100.0)], 0.0),
        ([("A", "X", 100.0), ("A", "FX", -90.0)], 500.0),
    ):
        found = small(positions)
        plain, charged = (
            ccp.size(found, rules(margin={"add_ons": add_ons}), market()).tables["margin"]
            for add_ons in ({}, {"wrong_way": 0.5})
        )
        more = charged["margin"] - plain["margin"]
        assert dict(zip(charged["member_id"], more, strict=True)) == {"A": charge, "D": 0.0} | dict.fromkeys("BC", 0.0)


def measured(found: Book, **parts: Any) -> Measured:
    case = open_case(found, market(), rules(**parts))
    return measure(case, stress_scenarios(case.rulebook, case.market, case.factor_ids))


def test_who_gained_on_a_defaulters_paper_has_a_claim_on_it() -> None:
    """A has bought 60 futures on its own share and 40 puts on it, B sold 100 futures, C bought 40. In a fall of 20 % in
    which A defaults B has gained 10,000 and C lost 4,000; of what A lost on futures, 6,000, B is owed all, for it holds
    the other side. In a default of B the share falls by 20."""
    book = measured(small([("A", "FX", 60.0), ("A", "PX", 40.0), ("B", "FX", -100.0), ("C", "FX", 40.0)]))
    place = book.scenarios.ids.index(DOWN)

    def by_member(groups: tuple[int, ...]) -> dict[str, list[float]]:
        variation, contracts = variation_and_contracts(book, place, groups)
        matched = matched_claims(book, sides_of(book.portfolio), place, groups)
        own = house_losses(book, fall_of_units(book, place, groups))
        amounts = zip(variation.tolist(), contracts.tolist(), matched.tolist(), own.tolist(), strict=True)
        return {name: [cents / 100 for cents in one] for name, one in zip("ABCD", amounts, strict=True)}

    beside_a = by_member((0,))
    assert beside_a["B"] == [10_000.0, 10_000.0, 6_000.0, -10_000.0]
    assert beside_a["C"] == [-4_000.0, -4_000.0, 0.0, 4_000.0]
    assert beside_a["D"] == [0.0, -3_800.0, -3_800.0, 40 * (95.0 - 2.0)]
    assert by_member((1,))["C"] == [-800.0, -800.0, -800.0, 800.0]


def test_parts_and_events_say_the_same() -> None:
    """The book in one part, and pool by pool: the same to the cent, and a story adds up to what the set loses."""
    found = small([("A", "Y", 200.0), ("A", "PX", -9.0), ("B", "X", 100.0), ("C", "PX", -50.0), ("C", "Y", 3.0)])
    whole = measured(found)
    model = engine_model(whole.case, whole.scenarios)
    pools = [PartTask(whole.portfolio.part(np.array([pool])), None) for pool in range(4)]
    parts = measure_parts(whole.case, model, pools, InTurn())
    assert parts.losses.group_over_margin.tolist() == whole.losses.group_over_margin.tolist()
    assert isinstance(parts.losses, JointLosses)
    assert isinstance(whole.losses, JointLosses)
    for groups in ((0,), (0, 1), (1, 2), (0, 1, 2), (0, 2, 3)):
        assert parts.losses.bounds.more(groups) == whole.losses.bounds.more(groups)
        for scenario in range(whole.scenarios.count):
            together = whole.losses.of_groups(scenario, groups).tolist()
            assert parts.losses.of_groups(scenario, groups).tolist() == together
            assert [max(one.loss - one.margin, 0) for one in pool_losses(whole, scenario, groups)] == together


def test_where_nobody_holds_paper_of_another_group_sets_are_ranked() -> None:
    """The dealer is on the other side of everything: a future it has bought from A is paper of A in its book."""
    assert isinstance(measured(small([("A", "FX", -5.0)])).losses, JointLosses)
    for book in (small([("B", "Y", 5.0)]), small([("A", "FX", -5.0)], issuer=None), small([("A", "FX", -5.0)], "Z")):
        assert isinstance(measured(book).losses, StressLosses)
    assert isinstance(measured(small([("A", "FX", -5.0)]), stress={"own_paper": "none"}).losses, StressLosses)


def test_a_default_of_the_path_closes_out_own_paper_at_what_is_recovered(tmp_path: Path) -> None:
    """A holds 100 X, its own, at 100 and 50 Y at 100, and fails on the third day, when both stand at 98. Of 200 and 100
    of variation the last day's half is unpaid. X is gone at 30 % of 98, and Y closed out at 98 or, a day later, at
    97; the dealer, on the other side, is paid by the path's prices."""
    x, y = X | {"issuer_id": "A"}, X | {"instrument_id": "Y", "factor_id": "Y"}
    levels = {name: [100.0, 99.0, 98.0, 97.0, 96.0] for name in "XY"}
    path = Small(levels, [("a", "X", 100.0), ("a", "Y", 50.0)], {"a": ("A", "a", "house")}, instruments=(x, y))
    for method, later in (("instant", 0.0), ("gradual", 50.0)):
        rules = changed(RULES, stress={"own_paper": {"recovery": 0.3}}, close_out={"method": method, "impact": 0.0})
        run = path.but(rules=rules).run(tmp_path / method, defaults=[("A", 2)])
        assert run.events["loss"].to_list() == [150.0 + 100 * 0.7 * 98.0 + later]
        assert run.moved(movement="variation", to_account="house:DEALER") == 150.0 * 4
    plain = changed(RULES, stress={"own_paper": "none"})
    assert path.but(rules=plain).run(tmp_path / "none", defaults=[("A", 2)]).events["loss"].to_list() == [150.0]
