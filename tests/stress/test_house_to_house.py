"""A member's house pools are one owner's money: they pay for each other whatever the rulebook says of its clients.

X falls from 100 by 20 % in the scenario; margin is 5 % of a position's value: 500 for 100 X.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.small_cycles import CONTRIBUTION, RULES, Run, Small, changed

import ccp

ACCOUNTS = {
    "a1": ("A", "a1", "house"),
    "a2": ("A", "a2", "house"),
    "ac": ("A", "ac", "client"),
    "b": ("B", "b", "house"),
}


def small(second: float, client: float, covers_clients: bool, levels: tuple[float, ...] = (100.0,)) -> Small:
    """A is long 100 X in one house account and holds `second` in another; its client holds `client`."""
    positions = [("a1", "X", 100.0), ("a2", "X", second), ("ac", "X", client)]
    rules = changed(RULES, stress={"house_surplus_covers_clients": covers_clients})
    held = [position for position in positions if position[2]]
    return Small({"X": list(levels)}, held, ACCOUNTS, rules=rules)


def over_margin(found: Small) -> float:
    sizing = ccp.size(found.book, found.rulebook, market=found.market)
    rows = sizing.tables["losses"].filter(scenario_id="market down 20%", group_id="A")
    return float(rows["loss_over_margin"].item())


@pytest.mark.parametrize("covers_clients", [True, False])
def test_long_in_one_house_account_and_short_in_another_lose_nothing(covers_clients: bool) -> None:
    """A loses 2,000 on one account, of which margin covers 500, and gains 2,000 on the other, whose margin is 500."""
    assert over_margin(small(-100.0, 0.0, covers_clients)) == 0.0


@pytest.mark.parametrize("covers_clients", [True, False])
def test_one_house_account_pays_for_another_as_far_as_it_reaches(covers_clients: bool) -> None:
    """1,500 are short in one; the other gains 20 x 40 and has margin of 200: 1,000. 500 are left."""
    assert over_margin(small(-40.0, 0.0, covers_clients)) == 500.0


def test_what_is_left_of_the_house_pays_for_clients_only_where_the_rulebook_lets_it() -> None:
    """1,500 short, 2,500 left over: 1,000 for the client, which is long 80 and loses 1,600 less margin of 400."""
    assert over_margin(small(-100.0, 80.0, True)) == 200.0
    assert over_margin(small(-100.0, 80.0, False)) == 1_200.0


@pytest.mark.parametrize("covers_clients", [True, False])
def test_the_daily_cycle_closes_house_accounts_out_alike(covers_clients: bool, tmp_path: Path) -> None:
    """X falls to 80 and A defaults: 2,000 less margin of 500 in one house account, in the other a gain of 800 and
    margin of 200. 500 are left, of its own contribution."""
    found = small(-40.0, 0.0, covers_clients, (100.0, 80.0, 80.0))
    run = found.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.tiers(1) == {"defaulter_margin": 1_500.0, "defaulter_fund": 500.0}
    assert lent(run) == {"margin:a1": 500.0, "margin:a2": 1_000.0}
    assert run.moved(movement="estate", from_account="fund:A", to_account="house:A") == CONTRIBUTION - 500.0


def test_in_the_daily_cycle_house_money_reaches_clients_only_where_the_rulebook_lets_it(tmp_path: Path) -> None:
    """Of the other's 2,500 1,500 go to the first house account; the client is short of 1,200, and 1,000 are left."""
    for covers_clients, own_fund in ((True, 200.0), (False, 1_000.0)):
        found = small(-100.0, 80.0, covers_clients, (100.0, 80.0, 80.0))
        run = found.run(tmp_path / str(covers_clients), defaults=[("A", 1)])
        assert run.tiers(1)["defaulter_fund"] == own_fund
        assert lent(run)["margin:a2"] == (2_500.0 if covers_clients else 1_500.0)


def lent(run: Run) -> dict[str, float]:
    """What A's pools paid for its loss."""
    rows = run.ledger.filter(movement="loss", to_account="estate:1")
    return {row["from_account"]: row["amount"] for row in rows.to_dicts() if row["from_account"].startswith("margin:")}
