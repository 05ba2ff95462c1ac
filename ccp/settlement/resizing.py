"""After the payments: the day's stress, the fund's new size, and the clearing house's capital."""

from dataclasses import replace

import numpy as np

from ccp.margin.collateral import value_in_scenarios
from ccp.scenarios.stress_set import stress_scenarios
from ccp.settlement.clearing import Clearing
from ccp.settlement.fund import StressDay, capital_in_force, resized, stress_day, supplementary_margin
from ccp.settlement.ledger import Ledger
from ccp.settlement.payments import members_in_default
from ccp.settlement.state import Cover, Notice, State
from ccp.settlement.today import Today, after_haircut, portfolio_of
from ccp.stress.measure import measure_stress


def after_payments(
    clearing: Clearing, state: State, ledger: Ledger, today: Today
) -> tuple[StressDay | None, int | None]:
    """On stress days the losses, cover and supplementary margin; on resizing days also the fund's new size."""
    resizing = today.day in clearing.resize_days
    if not resizing and today.day not in clearing.stress_days:
        return None, None
    found = run_stress_day(clearing, state, today)
    size = resize(clearing, state, ledger, found, today.day) if resizing else None
    if resizing:  # capital, and on the first day the fund, are there now
        found = stress_day(clearing.terms, state, found.measured)
    state.supplementary_due = supplementary_margin(clearing.terms, found)
    return found, size


def run_stress_day(clearing: Clearing, state: State, today: Today) -> StressDay:
    """Stress losses and cover of the day."""
    case, digits, requirement = today.case, clearing.terms.digits, today.requirement
    scenarios = clearing.given or stress_scenarios(clearing.terms.rulebook, case.market, case.factor_ids)
    held = after_haircut(clearing, today, state)
    moved = None
    if today.lines is not None and clearing.terms.rulebook.collateral.stress == "scenario":
        moved = value_in_scenarios(today.lines, scenarios.longest, digits) + state.cash[:, None]
    active = state.event[clearing.terms.account_group] == 0
    if not active.all():
        kept = portfolio_of(clearing, today.holding, active, today.day)
        case = replace(case, prepared=kept)
        requirement = replace(requirement, account_margin=np.where(active, requirement.account_margin, 0))
    way = clearing.terms.rulebook.stress.resources
    measured = measure_stress(case, scenarios, requirement, held, moved, (way,))
    found = stress_day(clearing.terms, state, measured)
    rules, cover = clearing.terms.rulebook.fund, found.cover.amount
    first = today.day - rules.look_back.days + 1
    state.covers = [entry for entry in state.covers if entry.day >= first]
    state.covers.append(Cover(today.day, cover, found.group_worst))
    return found


def resize(clearing: Clearing, state: State, ledger: Ledger, found: StressDay, day: int) -> int:
    """Size the fund anew; on the first day without posted contributions it is paid in at once."""
    size, required = resized(clearing.terms, state, found)
    state.fund_size = size
    rules, chart = clearing.terms.rulebook.fund, clearing.chart
    if day == 0 and not clearing.terms.case.book.states_contributions:
        members = np.arange(len(required))
        ledger.post("opening", chart.of("opening"), chart.of("fund", members), required)
        state.required, state.contributions = required, required.copy()
    else:
        state.notices = [*state.notices, Notice(day + rules.notice_days, required)]
    fix_capital(clearing, state, ledger)
    return size


def fix_capital(clearing: Clearing, state: State, ledger: Ledger) -> None:
    """The owners bring, or take back, what the capital's new size asks for.

    A tier that is used in part waits, and all wait while a default is being closed out.
    """
    if state.estates:
        return
    chart, tiers = clearing.chart, np.arange(len(state.tier_left))
    whole = state.tier_left == state.tier_full
    change = np.where(whole, capital_in_force(clearing.terms, state) - state.tier_full, 0)
    source, target = chart.of("owners"), chart.of("capital", tiers)
    ledger.post("capital paid in", source, target, np.maximum(change, 0))
    ledger.post("capital paid out", target, source, np.maximum(-change, 0))
    state.tier_full = state.tier_full + change
    state.tier_left = state.tier_left + change


def restore_capital(clearing: Clearing, state: State, ledger: Ledger, day: int) -> None:
    """The owners pay in what was used of the clearing house's capital, on the day it is due."""
    if state.capital_back_on != day:
        return
    tiers = np.arange(len(state.tier_left))
    missing = np.where(clearing.own_capital, state.tier_full - state.tier_left, 0)
    ledger.post("capital paid in", clearing.chart.of("owners"), clearing.chart.of("capital", tiers), missing)
    state.tier_left = state.tier_left + missing
    state.capital_back_on = -1


def end_period(state: State, day: int) -> None:
    """When the cooling-off period is over, what was called and refilled in it is forgotten; so is what haircuts took,
    when no event is open any more."""
    if not state.estates:
        state.cut = np.zeros_like(state.cut)
    if 0 <= state.period_end <= day:
        state.period_end = -1
        state.called, state.refilled = np.zeros_like(state.called), np.zeros_like(state.refilled)


def heed_notices(clearing: Clearing, state: State, day: int) -> None:
    """What is required to be contributed from today on."""
    for notice in state.notices:
        if notice.day <= day:
            state.required = np.where(members_in_default(clearing.terms, state), 0, notice.required)
    state.notices = [notice for notice in state.notices if notice.day > day]
