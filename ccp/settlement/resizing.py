"""After the payments: the day's stress, the fund's new size, and the clearing house's capital."""

from dataclasses import replace

import numpy as np

from ccp.settlement.clearing import Clearing
from ccp.settlement.fund import StressDay, resized, stress_day, supplementary_margin
from ccp.settlement.ledger import Ledger
from ccp.settlement.state import CycleState, DayCover, Notice
from ccp.settlement.stressed_book import StressedBook, stressed_book
from ccp.settlement.today import Today
from ccp.waterfall.replenishment import on_day


def after_payments(
    clearing: Clearing, state: CycleState, ledger: Ledger, today: Today
) -> tuple[StressDay | None, int | None]:
    """On stress days the losses, cover and supplementary margin; on resizing days also the fund's new size. Changes the
    state."""
    resizing = today.day in clearing.resize_days
    if not resizing and today.day not in clearing.stress_days:
        return None, None
    book = stressed_book(clearing, state, today)
    found = run_stress_day(clearing, state, today, book)
    size = resize(clearing, state, ledger, found, today.day) if resizing else None
    if resizing:  # capital, and on the first day the fund, are there now
        found = stress_day(clearing.terms, state, book.measured(clearing.terms, state))
    state.supplementary_due = supplementary_margin(clearing.terms, found)
    return found, size


def run_stress_day(clearing: Clearing, state: CycleState, today: Today, book: StressedBook) -> StressDay:
    """Stress losses and cover of the day. Changes the state: the cover joins those of the look-back."""
    found = stress_day(clearing.terms, state, book.measured(clearing.terms, state))
    rules, cover = clearing.terms.rulebook.fund, found.cover.amount
    first = today.day - rules.look_back.days + 1
    state.covers = [entry for entry in state.covers if entry.day >= first]
    state.covers.append(DayCover(today.day, cover, found.group_worst))
    return found


def resize(clearing: Clearing, state: CycleState, ledger: Ledger, found: StressDay, day: int) -> int:
    """Size the fund anew; on the first day without posted contributions it is paid in at once. Changes the state."""
    size, required = resized(clearing.terms, state, found)
    state.fund_size = size
    rules, chart = clearing.terms.rulebook.fund, clearing.chart
    if day == 0 and not clearing.terms.case.book.states_contributions:
        members = np.arange(len(required))
        ledger.post("opening", chart.of("opening"), chart.of("fund", members), required)
        state.standing = replace(state.standing, required=required, contributions=required)
    else:
        state.notices = [*state.notices, Notice(day + rules.notice_days, required)]
    fix_capital(clearing, state, ledger)
    return size


def fix_capital(clearing: Clearing, state: CycleState, ledger: Ledger) -> None:
    """The owners bring, or take back, what the capital's new size asks for. Changes the state.

    A tier that is used in part waits, and all wait while a default is being closed out.
    """
    if state.estates:
        return
    standing, chart = state.standing, clearing.chart
    tiers, whole = np.arange(len(standing.left)), standing.left == standing.full
    change = np.where(whole, standing.sizes_in_force - standing.full, 0)
    source, target = chart.of("owners"), chart.of("capital", tiers)
    ledger.post("capital paid in", source, target, np.maximum(change, 0))
    ledger.post("capital paid out", target, source, np.maximum(-change, 0))
    state.standing = replace(standing, full=standing.full + change, left=standing.left + change)


def begin_day(clearing: Clearing, state: CycleState, ledger: Ledger, day: int) -> None:
    """What a day brings before anything happens on it; changes the state. The owners pay in used capital that is due, a
    period that is over is forgotten, and so is what haircuts took when no event is open; notices come into force."""
    before, state.standing = state.standing.left, on_day(state.standing, day)
    if not state.estates:
        state.standing = replace(state.standing, cut=np.zeros_like(state.standing.cut))
    owners, tiers = clearing.chart.of("owners"), clearing.chart.of("capital", np.arange(len(before)))
    ledger.post("capital paid in", owners, tiers, state.standing.left - before)
    heed_notices(state, day)


def heed_notices(state: CycleState, day: int) -> None:
    """What is required to be contributed from today on. Changes the state."""
    for notice in state.notices:
        if notice.day <= day:
            required = np.where(state.standing.away, 0, notice.required)
            state.standing = replace(state.standing, required=required)
    state.notices = [notice for notice in state.notices if notice.day > day]
