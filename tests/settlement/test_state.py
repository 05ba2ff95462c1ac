"""What one day of the cycle hands to the next: the standing that replays have too, and all of it in a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from support.small_cycles import RULES, changed, plain
from support.tiered_cycles import EVERYTHING

from ccp.settlement.cycle import Cycle
from ccp.settlement.state_file import read_state, state_bytes
from ccp.waterfall.counting import EACH_DEFAULT, LATEST_SETTLEMENT
from ccp.waterfall.standing import after_default, after_event


def test_the_cycle_and_a_replay_carry_the_same_out_of_the_same_outcome() -> None:
    """Every tier, two defaults on days of their own: what the cycle holds is a replay's walk over its outcomes.

    But for what the cycle pays back to the defaulters, and for what is due back and when.
    """
    rules = changed(
        RULES,
        tiers=EVERYTHING,
        default_management={"cooling_off_days": 50, "replenishment_multiple": 0.0},
        fund={"capital_restoration_days": 50},
    )
    small = plain([100.0, 40.0, 40.0, 40.0, 10.0, 10.0], rules=rules)
    days = list(Cycle(small.terms(defaults=[("A", 1), ("B", 4)])).run())
    standing = replace(days[0].state.standing, counting=EACH_DEFAULT)
    for day in days[1:]:
        for one in day.settled:
            walked = after_event(standing, one.outcome)
            standing = after_default(standing, one.outcome, day.day)
            assert standing.period_end == day.state.standing.period_end
            assert (standing.contributions == walked.contributions).all()
        held = day.state.standing
        assert held.left.tolist() == standing.left.tolist()
        assert held.called.tolist() == standing.called.tolist()
        assert held.away.tolist() == standing.away.tolist()
        there = np.where(standing.away, 0, standing.contributions)
        assert held.contributions.tolist() == there.tolist()
    assert standing.called.any()
    # refilled 5 days after: after each of them, or after the latest
    assert [due.day for due in standing.refills] == [6, 9]
    assert [due.day for due in days[-1].state.standing.refills] == [9]


def test_a_state_goes_to_a_file_and_back(tmp_path: Path) -> None:
    """Field by field, with events open, calls made and resources due back."""
    rules = changed(RULES, tiers=EVERYTHING, close_out={"method": "gradual", "participation": 0.25})
    volume = {"instrument_id": "X", "kind": "spot", "factor_id": "X", "currency": "USD", "multiplier": 1.0}
    small = plain([100.0, 40.0, 40.0, 20.0, 10.0, 10.0, 10.0], rules=rules)
    small = small.but(instruments=(volume | {"average_daily_volume": 200.0},))
    cycle = Cycle(small.terms(defaults=[("A", 1), ("B", 3)]))
    states = [day.state for day in cycle.run()]
    assert any(state.estates for state in states)
    assert any(state.standing.restorations for state in states)
    for state in states:
        (tmp_path / "state").write_bytes(state_bytes(state))
        found = read_state(tmp_path / "state", cycle.first_state())
        assert state_bytes(found) == state_bytes(state)
        assert found.standing.counting == LATEST_SETTLEMENT
        assert [estate.number for estate in found.estates] == [estate.number for estate in state.estates]
        assert (found.totals.moved == state.totals.moved).all()
