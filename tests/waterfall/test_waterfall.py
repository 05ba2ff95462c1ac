"""The waterfall against its twin, and what must hold of every random rulebook."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.outcomes import paid_by
from support.random_waterfalls import Waterfall, waterfalls, with_pools
from support.waterfall_twin import run_event

from ccp.waterfall.event import Outcome
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
    same_as_the_twin(case)


@given(waterfalls, st.integers(0, 2**40))
@settings(max_examples=300, deadline=None)
def test_claims_of_pools_are_cut_as_the_twin_says(case: Waterfall, seed: int) -> None:
    """Each pool for itself, a member's part shared among its pools; nothing of the cut is left over or lacks."""
    outcome = same_as_the_twin(with_pools(case, seed))
    for draw in outcome.draws:
        assert sum(draw.cut.values()) == (draw.amount if draw.kind.cuts_claims else 0)


def same_as_the_twin(case: Waterfall) -> Outcome:
    expected = twin_of(case)
    outcome = run_waterfall(case.plan, case.engine_event)
    assert outcome.loss == expected["loss"]
    assert paid_by(case, outcome) == [(draw["place"], draw["tier"], draw["paid"]) for draw in expected["draws"]]
    for draw, twin in zip(outcome.draws, expected["draws"], strict=True):
        assert draw.owed == twin["owed"]
        if draw.tier not in ("defaulter_margin", "defaulter_fund"):
            assert draw.available == twin["capacity"]
        names = list(case.pools)
        assert {names[claimant]: amount for claimant, amount in draw.cut.items()} == twin["cut"]
    return outcome
