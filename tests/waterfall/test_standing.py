"""What carries over between defaults, and each named difference between replays and the daily cycle.

Four members with contributions of 100; amounts in cents. Every difference is shown by a standing that has it and one
that has not, all else equal.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from support.small_cycles import RULES, changed

from ccp.book.roster import each_alone
from ccp.rulebook.default_management import DefaultManagement
from ccp.rulebook.rulebook import Rulebook
from ccp.waterfall.contagion import Books, run_rounds
from ccp.waterfall.counting import EACH_DEFAULT, LATEST_SETTLEMENT, Counting
from ccp.waterfall.event import Circumstances, Event
from ccp.waterfall.replenishment import on_day, refilled, suspended, within_limit
from ccp.waterfall.run import run_waterfall
from ccp.waterfall.standing import Standing, after_default, first_standing

DAYS = {"replenishment_days": 5, "capital_restoration_days": 8}
TIERS: list[Any] = [
    "defaulter_margin",
    "defaulter_fund",
    {"ccp_capital": {"amount": 0.3}},
    "survivors_fund",
    {"gains_haircut": {"share": 0.5}},
]


PLAIN = ["defaulter_margin", "defaulter_fund", "survivors_fund"]


def rules(**management: Any) -> Rulebook:
    found = Rulebook.model_validate(changed(RULES, fund=DAYS, tiers=TIERS))
    return found.model_copy(update={"default_management": DefaultManagement(**management)})


def whole(counting: Counting, **management: Any) -> Standing:
    """Members A to D with contributions of 100 cents each; the clearing house has 30."""
    names = ["A", "B", "C", "D"]
    amounts = np.full(4, 100, dtype=np.int64)
    return first_standing(rules(**management), each_alone(names), amounts, counting=counting)


def default(standing: Standing, member: int, loss: int, day: int) -> Standing:
    """A member loses so much beyond margin on a day; everybody else has gained 200."""
    lost = np.where(np.arange(4) == member, loss, 0)
    gains = np.where(np.arange(4) == member, 0, 200)[None, :]
    event = Event((member,), lost, lost, np.zeros(4, dtype=np.int64), Circumstances(gains=gains, cut=standing.cut))
    return after_default(standing, run_waterfall(standing.plan, event), day)


def different(name: str) -> tuple[Counting, Counting]:
    """Two ways of counting that differ in one thing alone."""
    return EACH_DEFAULT, replace(EACH_DEFAULT, **{name: True})


def test_every_difference_has_a_test_here() -> None:
    names = ("from_latest", "called", "gains_shared", "calls_only")
    assert {one.name for one in fields(Counting)} == set(names)
    for name in names:
        assert (getattr(EACH_DEFAULT, name), getattr(LATEST_SETTLEMENT, name)) == (False, True)


def test_resources_come_back_by_each_defaults_date_or_together_by_the_latest() -> None:
    """A takes the 30 and 10 of each survivor on day 0, B 6 of each survivor and nothing of the capital on day 3."""
    each, latest = (default(default(whole(one), 0, 160, 0), 1, 102, 3) for one in different("from_latest"))
    for standing in (each, latest):
        assert standing.contributions.tolist() == [0, 0, 84, 84]
        assert standing.left.tolist() == [0]
    # of the first default C and D bring their 10 on day 5, of the second their 6 on day 8
    assert [int(on_day(each, day).contributions[2]) for day in (4, 5, 7, 8)] == [84, 94, 94, 100]
    assert [int(on_day(latest, day).contributions[2]) for day in (4, 5, 7, 8)] == [84, 84, 84, 100]
    # the second default used no capital: both times it is there again 8 days after the first
    assert [int(on_day(one, day).left[0]) for one in (each, latest) for day in (7, 8)] == [0, 30, 0, 30]


@pytest.mark.parametrize(
    ("counting", "there", "lacking"),
    [(EACH_DEFAULT, [(24, 16), (39, 26), (60, 40)], [0, 0, 0]), (LATEST_SETTLEMENT, [(24, 16)] * 3, [None, None, 60])],
    ids=["replays", "cycle"],
)
def test_the_two_overlapping_events_of_the_document(
    counting: Counting, there: list[tuple[int, int]], lacking: list[int | None]
) -> None:
    """Section 5, in cents. On days 9, 10 and 15: what C and D have, and what both may be called for (None: not yet)."""
    ten = rules().model_copy(update={"fund": rules().fund.model_copy(update={"replenishment_days": 10})})
    plain = Rulebook.model_validate(ten.model_dump(mode="json", by_alias=True) | {"tiers": PLAIN})
    names, amounts = ["A", "B", "C", "D"], np.array([100, 100, 60, 40], dtype=np.int64)
    standing = first_standing(plain, each_alone(names), amounts, counting=counting)
    for member, loss, day in ((0, 150, 0), (1, 110, 5)):
        standing = default(standing, member, loss, day)
    for day, (of_c, of_d), missing in zip((9, 10, 15), there, lacking, strict=True):
        then = on_day(standing, day)
        assert then.contributions[2:].tolist() == [of_c, of_d]
        assert suspended(then, day) == (day < 15)
        if missing is not None and not suspended(then, day):
            assert int((then.required - then.contributions)[2:].sum()) == missing


def test_capital_used_twice_is_restored_by_dates_or_together_by_the_latest() -> None:
    """10 of the 30 on day 0 and the other 20 on day 3."""
    each, latest = (default(default(whole(one), 0, 110, 0), 1, 120, 3) for one in different("from_latest"))
    assert each.left.tolist() == latest.left.tolist() == [0]
    assert [int(on_day(each, day).left[0]) for day in (7, 8, 10, 11)] == [0, 10, 10, 30]
    assert [int(on_day(latest, day).left[0]) for day in (7, 8, 10, 11)] == [0, 0, 0, 30]


def test_members_bring_what_is_due_or_wait_to_be_called() -> None:
    brought, called = (default(whole(one), 0, 160, 0) for one in different("called"))
    assert on_day(brought, 5).contributions.tolist() == [0, 100, 100, 100]
    assert on_day(called, 5).contributions.tolist() == [0, 90, 90, 90]
    assert [suspended(on_day(called, day), day) for day in (0, 4, 5)] == [True, True, False]


def test_a_survivor_fails_over_all_that_its_capital_bears_or_over_calls_alone() -> None:
    """A's 160 take 10 of B's contribution, and B has 5 of its own; nobody is called."""
    lost, nothing = np.array([160, 0, 0, 0]), np.zeros(4, dtype=np.int64)
    all_borne, calls = (
        run_rounds(whole(one), (0,), Books(lost, lost, nothing), [None, 5, None, None])
        for one in different("calls_only")
    )
    assert [one.failed for one in all_borne] == [(1,), ()]
    assert all_borne[0].capital == [None, -5, None, None]
    assert [one.failed for one in calls] == [()]
    assert calls[0].capital == [None, 5, None, None]


@pytest.mark.parametrize("counting", [EACH_DEFAULT, LATEST_SETTLEMENT])
def test_the_limit_of_a_period_is_one_however_members_pay(counting: Counting) -> None:
    """At most 4 of 100 while the period runs; what is paid back is not limited; after it 6 more follow."""
    standing = on_day(default(whole(counting, cooling_off_days=20, replenishment_multiple=0.04), 0, 160, 0), 5)
    if counting.called:
        missing = standing.required - standing.contributions
        assert within_limit(standing, missing)[1:].tolist() == [4, 4, 4]
        assert within_limit(standing, np.array([0, -7, 3, 10])).tolist() == [0, -7, 3, 4]
        standing = refilled(standing, np.where(standing.away, 0, within_limit(standing, missing)))
    assert standing.contributions.tolist() == [0, 94, 94, 94]
    assert standing.refilled.tolist() == [0, 4, 4, 4]
    over = on_day(standing, 20)
    assert over.refilled.tolist() == [0] * 4
    if counting.called:
        assert within_limit(over, over.required - over.contributions)[1:].tolist() == [6, 6, 6]
    else:
        assert over.contributions.tolist() == [0, 100, 100, 100]


def test_what_was_cut_of_gains_counts_for_the_next_default_or_not() -> None:
    """A's loss takes everything and 60 of three gains of 200: 20 each."""
    own, shared = (default(whole(one), 0, 100 + 30 + 300 + 60, 0) for one in different("gains_shared"))
    assert own.cut.tolist() == [0, 0, 0, 0]
    assert shared.cut.tolist() == [0, 20, 20, 20]
