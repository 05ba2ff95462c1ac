"""The waterfall against its twin, and what must hold of every random rulebook."""

from typing import Any

from hypothesis import given, settings
from support.outcomes import paid_by
from support.random_waterfalls import Waterfall, waterfalls
from support.waterfall_twin import run_event

from ccp.waterfall.plan import lump_sizes
from ccp.waterfall.run import run_waterfall


def twin_of(case: Waterfall) -> dict[str, Any]:
    """What the twin says of the same rulebook, standing and event."""
    plan = case.plan
    rules = {
        "tiers": case.tiers,
        "minor": 100,
        "regulatory_capital": case.regulatory_capital,
        "unused_contribution_shared": case.shared,
    }
    standing = {
        "members": case.members,
        "group": case.group,
        "contribution": case.contribution,
        "required": case.required,
        "left": lump_sizes(plan).tolist(),
        "called": [case.called] * len(plan.calls),
    }
    return run_event(rules, standing, case.event)


@given(waterfalls)
@settings(max_examples=300, deadline=None)
def test_every_tier_pays_what_the_twin_says(case: Waterfall) -> None:
    expected = twin_of(case)
    outcome = run_waterfall(case.plan, case.engine_event)
    assert outcome.loss == expected["loss"]
    assert paid_by(case, outcome) == [(draw["place"], draw["tier"], draw["paid"]) for draw in expected["draws"]]
    for draw, twin in zip(outcome.draws, expected["draws"], strict=True):
        assert draw.owed == twin["owed"]
        if draw.tier not in ("defaulter_margin", "defaulter_fund"):
            assert draw.available == twin["capacity"]
