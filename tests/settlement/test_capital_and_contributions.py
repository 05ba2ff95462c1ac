"""What a member's capital bears: a used contribution at once in contagion, in the cycle when the fund calls for it.

The example of docs/reference/waterfall.md, section 5. A is long 100 of X, which falls from 100 to 80: it loses 2,000
and has margin of 500. Of the other 1,500 B and the dealer, with contributions of 1,000 each, pay 750 each. B holds
nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.small_cycles import RULES, Small, changed

import ccp

DOWN_20 = "market down 20%"


def with_capital(capital: float, **parts: Any) -> Small:
    rules = changed(RULES, tiers=["defaulter_margin", "defaulter_fund", "survivors_fund"], **parts)
    accounts = {"a": ("A", "a", "house"), "b": ("B", "b", "house")}
    members = {"A": {"fund_contribution": 0.0}, "B": {"capital": capital}}
    return Small({"X": [100.0, *[80.0] * 7]}, [("a", "X", 100.0)], accounts, members, rules)


@pytest.mark.parametrize(("capital", "rounds"), [(700.0, [["A"], ["B"]]), (750.0, [["A"]])])
def test_in_contagion_a_used_contribution_costs_capital_at_once(capital: float, rounds: list[list[str]]) -> None:
    small = with_capital(capital).but(levels={"X": [100.0]})
    found = ccp.default(small.book, small.rulebook, DOWN_20, ["A"], market=small.market, contagion=True)
    assert [one["defaulters"] for one in found.trace["rounds"]] == rounds
    first = found.waterfall.filter(round=1, tier="survivors_fund", member_id="B")
    assert first["amount"].to_list() == [750.0]


@pytest.mark.parametrize(
    ("capital", "days", "multiple", "fails"),
    [
        (700.0, 0, None, 1),  # called for 750 on the day
        (750.0, 0, None, None),
        (700.0, 3, None, 4),  # called for 750 three days later
        (750.0, 3, None, None),
        (700.0, 0, 0.5, None),  # called for half of what is required of it, 500, and no more
        (490.0, 0, 0.5, 1),
    ],
)
def test_in_the_cycle_it_costs_capital_when_the_fund_calls(
    capital: float, days: int, multiple: float | None, fails: int | None, tmp_path: Path
) -> None:
    management = {} if multiple is None else {"replenishment_multiple": multiple}
    small = with_capital(capital, fund={"replenishment_days": days}, default_management=management)
    run = small.run(tmp_path / "run", defaults=[("A", 1)])
    assert run.payers(1, "survivors_fund") == {"B": 750.0, "DEALER": 750.0}
    assert run.events["default_date"].to_list() == [small.day(day) for day in (1, fails) if day]
    called = run.moved(movement="fund call", from_account="house:B")
    assert called == (0.0 if fails else 500.0 if multiple else 750.0)
    before = run.row("members", small.day(1), member_id="B")["capital"]
    assert before == (capital - called if days == 0 else capital)
