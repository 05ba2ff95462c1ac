"""Paper of a defaulter in its own books and in those that default with it: by hand.

X is a share of A's group at 100, PX a put on it with a strike of 95 that is priced at 2, FX a future on it; Y is
nobody's. Whatever a scenario says of X, at A's default X is worth nothing, and the put 95.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from support.small_books import loss, market, rulebook

import ccp
from ccp.book.book import Book, book_from_frames
from ccp.rulebook.rulebook import Rulebook

UP, DOWN = "market up 20%", "market down 20%"
Position = tuple[str, str, float]


def small(positions: list[Position], issuer: str | None = "A") -> Book:
    """Groups A, B and C, each a member with one account; what they leave unmatched is the dealer's, group D."""
    net: dict[str, float] = {}
    for _, instrument, quantity in positions:
        net[instrument] = net.get(instrument, 0.0) + quantity
    positions = positions + [("D", instrument, -quantity) for instrument, quantity in net.items() if quantity]
    members = list("ABCD")
    names = ["X", "Y", "FX", "PX"]
    return book_from_frames(
        {
            "members": pl.DataFrame({"member_id": members}),
            "accounts": pl.DataFrame({"account_id": members, "member_id": members, "pool_id": members, "kind": "house"}),
            "positions": pl.DataFrame(
                positions, schema={"account_id": pl.String, "instrument_id": pl.String, "quantity": pl.Float64}, orient="row"
            ),
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
    assert of_b.max() < 400.0


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
