"""The daily cycle to the cent, against a twin written from the documents by somebody who had not seen the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import daily_twin as twin
from support.cycle_files import open_case
from support.random_cycles import random_cycle
from support.spreading_cycles import DEFAULTS, as_case, spreading

from ccp.settlement.cycle import Cycle, DayResult
from ccp.settlement.periods import EndedPeriod
from ccp.settlement.terms import ENDLESS, RunTerms

SEEDS = range(40)
PAID = ("call", "held", "not_counted")


def found_day(terms: RunTerms, result: DayResult) -> dict[str, Any]:
    """A day of the engine as the twin states it."""
    portfolio, state, stress = terms.portfolio, result.state, result.stress
    accounts, pools, members = portfolio.accounts, portfolio.pools, portfolio.members

    def named(names: list[str], values: Any) -> dict[str, int]:
        return dict(zip(names, values.tolist(), strict=True))

    covers = {} if stress is None else stress.covers
    cover = covers.get(terms.rulebook.fund.cover)
    losing = None
    if cover and stress:
        losses = stress.losses.of_groups(cover.scenario, cover.groups).tolist()
        losing = [portfolio.groups[group] for group, loss in zip(cover.groups, losses, strict=True) if loss > 0]
    return {
        "date": terms.dates[result.day],
        "variation": named(accounts, result.variation),
        "premium": named(accounts, result.premium),
        "exercise": named(accounts, result.exercise),
        "account_margin": named(accounts, result.account_margin),
        "requirement": named(pools, terms.by_pool(result.account_margin)),
        "held": named(pools, result.held),
        "not_counted": named(pools, result.not_counted),
        "call": named(pools, result.calls),
        "defaulted": sorted(portfolio.groups[group] for group in result.new_defaults),
        "contributions": named(members, state.standing.contributions),
        "capital_left": state.standing.left.tolist(),
        "member_capital": {m: None if c == ENDLESS else c for m, c in named(members, state.capital).items()},
        "supplementary": named(members, state.supplementary),
        "cover_1": covers[1].amount if covers else None,
        "cover_2": covers[2].amount if covers else None,
        "cover_n": cover.amount if cover else None,
        "cover_scenario": stress.measured.scenarios.ids[cover.scenario] if cover and stress else None,
        "cover_groups": losing,
        "fund_required": result.fund,
        "period": ended_period(pools, result.ended),
    }


def ended_period(pools: list[str], ended: EndedPeriod | None) -> dict[str, tuple[int, int]] | None:
    """By pool that counts: loss over the liquidation period, and margin when it began."""
    if ended is None:
        return None
    rows = zip(pools, ended.loss.tolist(), ended.margin.tolist(), ended.counted.tolist(), strict=True)
    return {pool: (loss, margin) for pool, loss, margin, counted in rows if counted}


def found_event(terms: RunTerms, one: Any) -> dict[str, Any]:
    """A settled event of the engine as the twin states it."""
    return {
        "groups": [terms.portfolio.groups[group] for group in one.estate.groups],
        "default_day": terms.dates[one.estate.day],
        "settled_day": terms.dates[one.day],
        "loss": one.outcome.loss,
        "draws": [
            (draw.tier, {None if m is None else terms.portfolio.members[m]: a for m, a in draw.paid.items() if a})
            for draw in one.outcome.draws
        ],
    }


def comparable(terms: RunTerms, result: DayResult, day: dict[str, Any], losing: int) -> dict[str, Any]:
    """A day without what the two state differently: calls and holdings of pools in default, groups without a loss."""
    portfolio = terms.portfolio
    event = result.state.event[terms.pool_group]
    paying = {pool for pool, number in zip(portfolio.pools, event, strict=True) if not number}
    groups = None if day["cover_groups"] is None else day["cover_groups"][:losing]
    of_pools = {name: {pool: a for pool, a in day[name].items() if pool in paying} for name in PAID}
    return day | of_pools | {"cover_groups": groups}


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What differs, in words."""
    lines = []
    for name, value in expected.items():
        other = found[name]
        if isinstance(value, dict):
            keys = sorted({*value, *other}, key=str)
            wrong = [
                (key, value.get(key, 0), other.get(key, 0)) for key in keys if value.get(key, 0) != other.get(key, 0)
            ]
            lines += [f"{name} {key}: twin {ours}, engine {theirs}" for key, ours, theirs in wrong[:3]]
        elif value != other:
            lines.append(f"{name}: twin {value}, engine {other}")
    return lines


@pytest.mark.parametrize("seed", SEEDS)
def test_every_day_equals_the_twin(seed: int, tmp_path: Path) -> None:
    case = random_cycle(seed)
    check_against_twin(case, *open_case(case, tmp_path))


SPREADING = range(30)
CUTS: list[Any] = [{"gains_haircut": {"share": 1.0}}, {"gains_haircut": {"share": 0.5}}, {"gains_haircut": {"days": 1}}]


def test_every_day_of_a_default_that_spreads_equals_the_twin() -> None:
    """Members are cut and fail on the same day, of gains of that day and of days before."""
    bearing = 0
    for seed in SPREADING:
        small = spreading(seed, [CUTS[seed % len(CUTS)]])
        results = check_against_twin(as_case(small, DEFAULTS), small.terms(defaults=DEFAULTS), None)
        bearing += sum(one.estate.taken_over > 0 for result in results for one in result.settled)
    assert bearing >= 15, "too few estates that bear a cut"


def check_against_twin(case: dict[str, Any], terms: RunTerms, given: Any) -> list[DayResult]:
    """Hold every day and every event of the engine against the twin's; the engine's days."""
    expected = twin.simulate(**case)
    results = list(Cycle(terms, given).run())
    for result in results:
        found = found_day(terms, result)
        losing = len(found["cover_groups"] or ())
        ours, theirs = (comparable(terms, result, one, losing) for one in (expected["days"][result.day], found))
        wrong = differences(ours, theirs)
        assert not wrong, f"{found['date']}:\n" + "\n".join(wrong)
    assert len(results) == len(expected["days"])
    check_events_against_twin(expected["events"], [found_event(terms, one) for day in results for one in day.settled])
    return results


def check_events_against_twin(expected: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    assert len(events) == len(expected)
    by_default = [sorted(some, key=lambda one: (one["default_day"], one["groups"])) for some in (expected, events)]
    for ours, theirs in zip(*by_default, strict=True):
        wanted = ours | {"draws": [(t, {m: a for m, a in paid.items() if a}) for t, paid in ours["draws"]]}
        assert not differences(wanted, theirs)
