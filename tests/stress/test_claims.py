"""What members gain in an event, and what the sale of defaulters' books does to the others: small books, by hand.

Prices are 100, margin is 5 % of a position's value, contributions are 1,000 a member.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from support.small_cycles import LOOKBACK, RULES, Small, X, changed
from typer.testing import CliRunner, Result

import ccp
from ccp.cli.main import app
from ccp.errors import InputError
from ccp.market.case import open_case
from ccp.scenarios.scenario_set import Label, over_one_period
from ccp.stress.claims import by_product_class, matched_claims, sides_of, variation_and_contracts
from ccp.stress.fire_sale import books_in, sell
from ccp.stress.measure import Measured, measure
from ccp.types import Cents

SWING = 0.05
DAILY_RISK = 100 * math.sqrt((2 * SWING**2 + (SWING**2 / (1 - SWING**2)) ** 2) / LOOKBACK)
"""Of one unit at 100: root mean square of a rise of 5 %, a fall of 5 %, the way back, and no move on all other days."""
DOWN = {"X": -0.2, "BOND": -0.1, "FX": -0.2}


def matched(found: Measured, scenario: int, groups: tuple[int, ...]) -> Cents:
    return found.by_member(matched_claims(found, sides_of(found.case.portfolio), scenario, groups))


def gained(found: Measured, scenario: int) -> dict[str, float]:
    """What each pool has gained, by its name; variation and contracts are the same where nothing is paid for once."""
    variation, contracts = variation_and_contracts(found, scenario)
    assert variation.tolist() == contracts.tolist()
    named = zip(found.portfolio.pools, variation.tolist(), strict=True)
    return {name: cents / 100 for name, cents in named if cents and name != "DEALER"}


def by_class(found: Measured, scenario: int, groups: tuple[int, ...]) -> tuple[Cents, Cents]:
    return by_product_class(found, sides_of(found.case.portfolio), scenario, groups)


def measured(small: Small, *moves: dict[str, float]) -> Measured:
    """The book under scenarios of relative moves of factors."""
    case = open_case(small.book, small.market, small.rulebook)
    relative = np.array([[move.get(name, 0.0) for name in case.factor_ids] for move in moves])
    labels = [Label(str(number), "", "", "") for number in range(len(moves))]
    return measure(case, over_one_period(case.factor_ids, labels, (relative, np.zeros_like(relative))))


def by_member(found: Measured, amounts: Cents) -> dict[str, float]:
    """Amounts in units, by member; nothing for the dealer, and none of zero."""
    names = found.case.portfolio.members
    return {name: int(cents) / 100 for name, cents in zip(names, amounts, strict=True) if cents and name != "DEALER"}


def group(found: Measured, *names: str) -> tuple[int, ...]:
    return tuple(found.case.portfolio.groups.index(name) for name in names)


# --- claims -----------------------------------------------------------------------------------------------------------

ACCOUNTS = {
    "a": ("A", "a", "house"),
    "ac": ("A", "ac", "client"),
    "b": ("B", "b", "house"),
    "bc": ("B", "bc", "client"),
    "b1": ("B", "omnibus", "client"),
    "b2": ("B", "omnibus", "client"),
    "c": ("C", "c", "house"),
    "e": ("E", "e", "house"),
}


def claims_book() -> Small:
    """A is long of 6 in all; B and C are short of 5 and 7 and E is long; the dealer makes up the rest: long of 1."""
    positions = [("a", "X", 10.0), ("ac", "X", -4.0), ("b", "X", -5.0), ("c", "X", -7.0), ("e", "X", 5.0)]
    return Small({"X": [100.0]}, positions, ACCOUNTS)


def test_a_pools_loss_takes_nothing_off_another_pools_gain() -> None:
    """To 80: B's house is short of 5 and gains 100. A's house loses 200 and its client gains 80 all the same."""
    found = measured(claims_book(), {"X": -0.2}, {"X": 0.1}, {})
    assert gained(found, 0) == {"a": -200.0, "ac": 80.0, "b": 100.0, "c": 140.0, "e": -100.0}
    assert gained(found, 1) == {"a": 100.0, "ac": -40.0, "b": -50.0, "c": -70.0, "e": 50.0}
    assert gained(found, 2) == {}


def test_accounts_of_one_pool_are_one_and_pools_of_one_kind_are_not() -> None:
    """Two clients in one pool, short of 8 and long of 3, gain 100 together; one apart, long of 2, takes nothing off."""
    small = claims_book().but(positions=[("b1", "X", -8.0), ("b2", "X", 3.0), ("bc", "X", 2.0)])
    found = measured(small, {"X": -0.2})
    assert {name: amount for name, amount in gained(found, 0).items() if name in ("omnibus", "bc")} == {
        "omnibus": 100.0,
        "bc": -40.0,
    }


def test_matched_contracts_are_shared_by_all_that_stand_opposite() -> None:
    """A's house and client net to 6 long. B's 5 and C's 7 short are opposite: 6/12 of each is matched.

    They gain 20 a unit when X falls by 20, and lose when it rises. E is long, and A's client is A's.
    """
    found = measured(claims_book(), {"X": -0.2}, {"X": 0.1})
    assert by_member(found, matched(found, 0, group(found, "A"))) == {
        "B": 50.0,
        "C": 70.0,
    }
    assert by_member(found, matched(found, 1, group(found, "A"))) == {
        "B": -25.0,
        "C": -35.0,
    }


def test_matched_contracts_of_two_groups_are_those_of_their_net_position() -> None:
    """A's 6 long and B's 5 short leave 1 long; of C's 7 short 1 is matched: 20."""
    found = measured(claims_book(), {"X": -0.2})
    assert by_member(found, matched(found, 0, group(found, "A", "B"))) == {"C": 20.0}
    # A, B, C and E net to 1 short, and only the dealer stands opposite
    everyone = group(found, "A", "B", "C", "E")
    assert by_member(found, matched(found, 0, everyone)) == {}


def test_matched_contracts_are_looked_for_instrument_by_instrument() -> None:
    """A is long of 6 X and short of 4 bonds. C holds 2 of the 4 bonds opposite (dealer: 3), and they fall by 5."""
    bond = X | {"instrument_id": "BOND", "factor_id": "BOND"}
    positions = [("a", "X", 6.0), ("a", "BOND", -4.0), ("c", "BOND", 2.0), ("c", "X", -2.0), ("b", "BOND", -1.0)]
    small = Small({"X": [100.0], "BOND": [50.0]}, positions, ACCOUNTS, instruments=(X, bond))
    found = measured(small, DOWN)
    # of bonds 5 are held opposite A's 4: 4/5 x 2 x -5; of X all 6, C's 2 of them: 2 x 20
    assert by_member(found, matched(found, 0, group(found, "A"))) == {"C": -8.0 + 40.0}


def test_losses_and_exposures_by_product_class() -> None:
    """X (equity) falls by 20, bonds (rates) by 5. A loses 200 on 10 X and gains 20 on 4 bonds short: no loss in rates.

    C's two X and two bonds move by 40 and 10, whichever way.
    """
    bond = X | {"instrument_id": "BOND", "factor_id": "BOND"}
    positions = [("a", "X", 10.0), ("a", "BOND", -4.0), ("c", "BOND", 2.0), ("c", "X", -2.0), ("e", "BOND", 8.0)]
    small = Small({"X": [100.0], "BOND": [50.0]}, positions, ACCOUNTS, instruments=(X, bond))
    found = measured(small, DOWN)
    loss, exposed = by_class(found, 0, group(found, "A"))
    assert loss.tolist() == [20_000, 0]
    assert by_member(found, exposed[0]) == {"A": 200.0, "C": 40.0}
    assert by_member(found, exposed[1]) == {"A": 20.0, "C": 10.0, "E": 40.0}
    both, _ = by_class(found, 0, group(found, "A", "E"))
    assert both.tolist() == [20_000, 2_000]  # E's 40 less A's gain of 20


def test_a_haircut_in_a_default_cuts_gains_and_a_tear_up_the_matched_contracts_only() -> None:
    """A's 10 long lose 200 less margin of 50; its client's 4 short gain. B, C and the client of A have gained.

    Tear-up of the 6 that A is long of: B 50 and C 70 of 120. A haircut: in proportion to 100 and 140.
    """
    found = {}
    for word in ("tear_up", "gains_haircut"):
        small = claims_book().but(rules=changed(RULES, tiers=["defaulter_margin", word]))
        event = ccp.default(small.book, small.rulebook, "market down 20%", ["A"], market=small.market)
        rows = event.waterfall.filter(pl.col("tier") == word).select("member_id", "amount")
        found[word] = dict(rows.iter_rows())
    assert found["tear_up"] == {"B": 50.0, "C": 70.0}
    # 150 x 100/240 and 150 x 140/240
    assert found["gains_haircut"] == {"B": 62.5, "C": 87.5}


# --- fire sales -------------------------------------------------------------------------------------------------------

TIERS = ["defaulter_margin", "defaulter_fund", "survivors_fund"]
VOLUME = 400.0
MOVE = 10.0
"""How far the price of X falls when a whole day's volume is sold in a day: impact is set so."""
FIRE_RULES = changed(
    RULES,
    tiers=TIERS,
    close_out={"participation": 0.25, "impact": MOVE / DAILY_RISK},
    stress={"hypothetical": [{"ladder": "market_gaps", "sizes": [0.2]}]},
)


def fire_book(capital: dict[str, float], **rules: Any) -> Small:
    """A is long of 100, B of 40, E of 10 and C short of 60; the dealer has the rest."""
    positions = [("a", "X", 100.0), ("b", "X", 40.0), ("c", "X", -60.0), ("e", "X", 10.0)]
    accounts = {name: ACCOUNTS[name] for name in ("a", "b", "c", "e")}
    members = {name: {"capital": amount} for name, amount in capital.items()}
    x = X | {"average_daily_volume": VOLUME}
    return Small({"X": [100.0]}, positions, accounts, members, changed(FIRE_RULES, **rules), (x,), swing=SWING)


def test_the_price_moves_against_the_sellers_by_the_root_of_what_is_sold() -> None:
    """100 of 400 a day: half of MOVE. B and E lose 200 and 50, C gains 300; A's own loss is not asked for."""
    found = measured(fire_book({}), {"X": -0.2})
    moved = sell(found, sides_of(found.case.portfolio), 0, group(found, "A"), np.zeros(1))
    assert moved.drop == pytest.approx([5.0])
    assert by_member(found, moved.house_loss) == {"A": 500.0, "B": 200.0, "C": -300.0, "E": 50.0}
    # in the scenario every unit has fallen by 20, and by 5 more
    members = found.case.portfolio.members
    loss = dict(zip(members, moved.losses.loss[:, 0].tolist(), strict=True))
    assert {name: loss[name] / 100 for name in "ABCE"} == {"A": 2_500.0, "B": 1_000.0, "C": 0.0, "E": 250.0}
    over = dict(zip(members, moved.losses.over_margin[:, 0].tolist(), strict=True))
    assert {name: over[name] / 100 for name in "ABE"} == {"A": 2_000.0, "B": 800.0, "E": 200.0}


def test_a_short_book_drives_the_price_up() -> None:
    """C buys back 60: MOVE x root of 60/400. Whoever is long gains."""
    found = measured(fire_book({}), {"X": -0.2})
    moved = sell(found, sides_of(found.case.portfolio), 0, group(found, "C"), np.zeros(1))
    assert moved.drop == pytest.approx([-MOVE * math.sqrt(0.15)])
    assert by_member(found, moved.house_loss)["B"] == pytest.approx(-40 * MOVE * math.sqrt(0.15), abs=0.005)


def test_a_sale_that_takes_days_moves_the_price_by_less_each_unit() -> None:
    """A and B together are long of 140: more than a quarter of 400 a day, so it takes two days: root of 140/(2 x 400).

    What had fallen before is added.
    """
    found = measured(fire_book({}), {"X": -0.2})
    moved = sell(found, sides_of(found.case.portfolio), 0, group(found, "A", "B"), np.array([3.0]))
    assert moved.drop == pytest.approx([3.0 + MOVE * math.sqrt(140 / 800)])
    assert by_member(found, moved.house_loss)["E"] == pytest.approx(10 * MOVE * math.sqrt(140 / 800), abs=0.005)


def test_a_book_that_nets_to_nothing_and_an_unknown_volume_move_nothing() -> None:
    found = measured(fire_book({}).but(positions=[("a", "X", 40.0), ("b", "X", -40.0)]), {"X": -0.2})
    assert sell(found, sides_of(found.case.portfolio), 0, group(found, "A", "B"), np.zeros(1)).drop.tolist() == [0.0]
    unknown = measured(fire_book({}).but(instruments=(X,)), {"X": -0.2})
    moved = sell(unknown, sides_of(unknown.case.portfolio), 0, group(unknown, "A"), np.zeros(1))
    assert moved.drop.tolist() == [0.0]
    assert not moved.house_loss.any()


def test_clients_books_are_sold_as_well_and_only_house_books_are_marked() -> None:
    """A's client is short of 60 of A's 100: 40 are sold. B's client loses, B does not."""
    small = fire_book({}).but(
        positions=[("a", "X", 100.0), ("ac", "X", -60.0), ("b", "X", 10.0), ("bc", "X", 50.0)], accounts=ACCOUNTS
    )
    found = measured(small, {"X": -0.2})
    moved = sell(found, sides_of(found.case.portfolio), 0, group(found, "A"), np.zeros(1))
    fall = MOVE * math.sqrt(0.1)
    assert moved.drop == pytest.approx([fall])
    assert by_member(found, moved.house_loss)["B"] == pytest.approx(10 * fall, abs=0.005)


def test_books_without_any_sale_are_those_of_the_scenario() -> None:
    found = measured(fire_book({}), {"X": -0.2})
    same = books_in(found, 0, np.zeros(1))
    assert (same.loss[:, 0] == found.losses.loss[:, 0]).all()
    assert (same.over_margin[:, 0] == found.losses.over_margin[:, 0]).all()


# --- rounds -----------------------------------------------------------------------------------------------------------

# A loses 2,000 less 500 margin and its 1,000: 500 are left to B, C, E and the dealer, 125 each. Its sale takes 5 off
# the price: 200 from B and 50 from E. B then loses 25 x 40 less margin of 200: 800, less than what is left of its
# contribution. Its sale takes MOVE x root of 40/400 = 3.1623 off the price: 31.62 from E, that is 206.62 in all.
# In the scenario itself, before anything is sold, X falls by 20: B's own book loses 800 and E's 200.
OWN = {"B": 800.0, "E": 200.0}
CAPITAL = {"B": OWN["B"] + 300.0, "E": OWN["E"] + 206.0}


def events(fire_sale: bool, capital: dict[str, float]) -> ccp.DefaultEvent:
    small = fire_book(capital)
    return ccp.default(
        small.book,
        small.rulebook,
        "market down 20%",
        ["A"],
        market=small.market,
        contagion=True,
        fire_sale=fire_sale,
    )


def test_members_fail_of_the_fire_sale_alone() -> None:
    """B's bill of 125 is less than the 300 that its own loss leaves it, and E's less than 206: without a sale it ends
    with A."""
    assert [one["defaulters"] for one in events(False, CAPITAL).trace["rounds"]] == [["A"]]
    rounds = events(True, CAPITAL).trace["rounds"]
    assert [(one["defaulters"], one["fails_next"]) for one in rounds] == [
        (["A"], ["B"]),
        (["B"], ["E"]),
        (["E"], []),
    ]
    assert rounds[0]["lost_on_moved_prices"]["B"] == 200.0
    assert rounds[0]["lost_on_moved_prices"]["E"] == 50.0
    assert rounds[1]["lost_on_moved_prices"]["E"] == 31.62
    assert [one["capital_left"]["E"] for one in rounds[:2]] == [31.0, -0.62]
    assert rounds[0]["capital_left"]["B"] == 300.0 - 125.0 - 200.0
    assert [one["lost_on_own_books"] for one in rounds] == [OWN, {}, {}]
    # losses of those who default later are larger by what the price fell
    assert [one["loss"] for one in rounds] == [2_000.0, 1_000.0, round(10 * (20 + 5 + MOVE * math.sqrt(0.1)), 2)]


def test_a_member_that_has_a_cent_more_survives_the_fire_sale() -> None:
    rounds = events(True, {"B": OWN["B"] + 300.0, "E": OWN["E"] + 206.62}).trace["rounds"]
    assert [one["defaulters"] for one in rounds] == [["A"], ["B"]]
    assert rounds[1]["capital_left"]["E"] == 0.0
    enough = {"B": OWN["B"] + 325.0}
    assert [one["defaulters"] for one in events(True, enough).trace["rounds"]] == [["A"]]


def test_gains_on_moved_prices_add_nothing_to_capital() -> None:
    """C is short of 60 and gains 300 by the sale; its bill of 125 is more than its 124.99."""
    rounds = events(True, {"C": 124.99}).trace["rounds"]
    assert "C" not in rounds[0]["lost_on_moved_prices"]
    assert rounds[0]["capital_left"]["C"] == -0.01
    assert rounds[0]["fails_next"] == ["C"]


def test_the_rows_of_every_round_add_up_to_its_loss() -> None:
    event = events(True, CAPITAL)
    sums = event.waterfall.group_by("round", maintain_order=True).agg(
        pl.col("amount").sum(), pl.col("chosen_by").unique(), pl.col("defaulters").unique()
    )
    assert sums["round"].to_list() == [1.0, 2.0, 3.0]
    assert sums["chosen_by"].to_list() == [["name"], ["contagion"], ["contagion"]]
    assert sums["defaulters"].to_list() == [["A"], ["B"], ["E"]]
    for amount, one in zip(sums["amount"], event.trace["rounds"], strict=True):
        assert one["adds_up"]
        assert round(amount * 100) == round(one["loss"] * 100)


def test_who_paid_in_each_round_by_hand() -> None:
    """B's loss of 1,000 is margin's 200 and its own 800; E's of 281.62 margin's 50 and its own 231.62."""
    rows = events(True, CAPITAL).waterfall.filter(pl.col("amount") > 0)
    paid = {(row["round"], row["tier"], row["member_id"]): row["amount"] for row in rows.to_dicts()}
    assert paid == {
        (1.0, "defaulter_margin", "A"): 500.0,
        (1.0, "defaulter_fund", "A"): 1_000.0,
        **{(1.0, "survivors_fund", name): 125.0 for name in ("B", "C", "E", "DEALER")},
        (2.0, "defaulter_margin", "B"): 200.0,
        (2.0, "defaulter_fund", "B"): 800.0,
        (3.0, "defaulter_margin", "E"): 50.0,
        (3.0, "defaulter_fund", "E"): 231.62,
    }


# --- the command ------------------------------------------------------------------------------------------------------


def call(folder: Path, *options: str) -> Result:
    arguments = ["default", str(folder / "book"), "--market", str(folder / "market")]
    arguments += ["--rulebook", str(folder / "rules.yaml"), "--out", str(folder / "out"), "--overwrite"]
    arguments += ["--scenario", "market down 20%", "--defaulters", "A", *options]
    result = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"}).invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def rounds_of(folder: Path) -> list[list[str]]:
    trace = json.loads((folder / "out" / "trace.json").read_text())
    return [one["defaulters"] for one in trace.get("rounds", [])]


def test_the_command_writes_rounds(tmp_path: Path) -> None:
    fire_book(CAPITAL).write(tmp_path)
    found = call(tmp_path, "--contagion", "--fire-sale")
    assert found.exit_code == 0, found.output
    assert rounds_of(tmp_path) == [["A"], ["B"], ["E"]]
    table = pl.read_parquet(tmp_path / "out" / "waterfall.parquet")
    assert table.columns[:4] == ["scenario_id", "defaulters", "chosen_by", "round"]
    assert table.select("round", "chosen_by").unique(maintain_order=True).rows() == [
        (1.0, "name"),
        (2.0, "contagion"),
        (3.0, "contagion"),
    ]
    text = found.stdout
    assert "Round 2: B defaults as well" in text
    assert "Contagion: 3 rounds; in the last nobody new fails." in text


def test_without_contagion_there_is_one_round_and_no_word_of_others(tmp_path: Path) -> None:
    fire_book(CAPITAL).write(tmp_path)
    found = call(tmp_path)
    assert rounds_of(tmp_path) == []
    assert "Round" not in found.stdout
    assert pl.read_parquet(tmp_path / "out" / "waterfall.parquet")["round"].unique().to_list() == [1.0]


def test_the_rulebook_says_whether_books_are_sold_unless_the_call_does(tmp_path: Path) -> None:
    fire_book(CAPITAL, default_management={"fire_sale": True}).write(tmp_path)
    call(tmp_path, "--contagion")
    assert rounds_of(tmp_path) == [["A"], ["B"], ["E"]]
    call(tmp_path, "--contagion", "--no-fire-sale")
    assert rounds_of(tmp_path) == [["A"]]


def test_a_fire_sale_without_contagion_is_refused(tmp_path: Path) -> None:
    small = fire_book(CAPITAL)
    small.write(tmp_path)
    found = call(tmp_path, "--fire-sale")
    assert (found.exit_code, found.stdout) == (2, "")
    expected = "--fire-sale: a fire sale is part of contagion; --contagion was expected beside it"
    assert found.stderr == f"error: {expected}\n"
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="part of contagion"):
        ccp.default(small.book, small.rulebook, defaulters=["A"], market=small.market, fire_sale=True)


def test_the_story_of_contagion_is_that_of_its_rounds(tmp_path: Path) -> None:
    """A member that cannot pay its call changes the first round too; the story and the table must tell that one."""
    source = ccp.read_book(ccp.example_book())
    members = source.members.with_columns(pl.col("capital") * 0.005)
    tables = {name: getattr(source, name) for name in ("accounts", "instruments", "positions")} | {"members": members}
    book = ccp.book_from_frames({name: table for name, table in tables.items() if table is not None})
    event = ccp.default(book, "textbook/full-waterfall", "market down 40%", contagion=True, fire_sale=True)
    alone = ccp.default(book, "textbook/full-waterfall", "market down 40%")
    rounds = event.trace["rounds"]
    assert len(rounds) > 1
    assert event.trace["tiers"] == rounds[0]["tiers"]
    assert event.trace["tiers"] != alone.trace["tiers"]
    assert event.trace["all_rounds"]["loss"] == pytest.approx(sum(one["loss"] for one in rounds))
    for one in rounds:
        rows = event.waterfall.filter(pl.col("round") == one["round"])
        assert rows["amount"].sum() == pytest.approx(one["loss"])
    assert all(amount > 0 for one in rounds for amount in one["lost_on_moved_prices"].values())
