"""A day of the cycle as rows of the tables that a run writes. Money leaves in units of the service currency."""

from typing import Any

import numpy as np
import polars as pl

from ccp.frames import AccountDays, MemberDays, PoolDays, types_of
from ccp.money import to_units
from ccp.settlement.cycle import DayResult
from ccp.settlement.default import SettledEvent
from ccp.settlement.fund import warned_groups
from ccp.settlement.periods import EndedPeriod
from ccp.settlement.terms import ENDLESS, RunTerms
from ccp.sizing.worst_set import losing
from ccp.types import Cents
from ccp.waterfall.table import payment_rows


def day_tables(terms: RunTerms, result: DayResult) -> dict[str, pl.DataFrame]:
    """The tables that a run writes for every day, by name."""
    return {
        "ledger": result.ledger.table(terms.dates[result.day], terms.digits),
        "accounts": account_table(terms, result),
        "pools": pool_table(terms, result),
        "members": member_table(terms, result),
    }


def account_table(terms: RunTerms, result: DayResult) -> pl.DataFrame:
    """What every account was paid, and its margin."""
    portfolio = terms.portfolio
    amounts = {name: getattr(result, name) for name in ("variation", "premium", "exercise")}
    return pl.DataFrame(
        {
            "date": pl.repeat(terms.dates[result.day], len(portfolio.accounts), dtype=pl.Date, eager=True),
            "account_id": terms.account_ids,
            "pool_id": terms.account_pool_ids,
            **{name: to_units(values, terms.digits) for name, values in amounts.items()},
            "margin": to_units(result.account_margin, terms.digits),
            "net_option_value": to_units(result.option_value, terms.digits),
        },
        schema=types_of(AccountDays),
    )


def pool_table(terms: RunTerms, result: DayResult) -> pl.DataFrame:
    """What every pool was owed, had to hold and held."""
    portfolio = terms.portfolio
    parts = (result.variation, result.premium, result.exercise, result.account_margin)
    variation, premium, exercise, margin = (to_units(terms.by_pool(part), terms.digits) for part in parts)
    return pl.DataFrame(
        {
            "date": pl.repeat(terms.dates[result.day], len(portfolio.pools), dtype=pl.Date, eager=True),
            "pool_id": terms.pool_ids,
            "member_id": terms.pool_member_ids,
            "variation": variation,
            "premium": premium,
            "exercise": exercise,
            "margin": margin,
            "held_before": to_units(result.held_before, terms.digits),
            "call": to_units(result.calls, terms.digits),
            "held": to_units(result.held, terms.digits),
            "not_counted": to_units(result.not_counted, terms.digits),
            **_periods_of_pools(terms, result.ended),
        },
        schema=types_of(PoolDays),
    )


def member_table(terms: RunTerms, result: DayResult) -> pl.DataFrame:
    """What every member has paid in and has at the end of the day, and what the day asked of it."""
    state, members = result.state, terms.portfolio.members
    return pl.DataFrame(
        {
            "date": pl.repeat(terms.dates[result.day], len(members), dtype=pl.Date, eager=True),
            "member_id": members,
            "group_id": terms.portfolio.roster.member_groups(),
            "contribution": to_units(state.standing.contributions, terms.digits),
            "supplementary": to_units(state.supplementary, terms.digits),
            "capital": _stated(terms, state.capital),
            "liquidity": _stated(terms, terms.liquidity),
            "asked": to_units(result.asked, terms.digits),
            "in_default": state.standing.away,
        },
        schema=types_of(MemberDays),
    )


def _stated(terms: RunTerms, amounts: Cents) -> list[float | None]:
    """What members have, in units; None where nothing is stated, which is without limit."""
    return [None if amount == ENDLESS else amount / terms.minor for amount in amounts.tolist()]


def day_row(terms: RunTerms, result: DayResult) -> dict[str, Any]:
    """The day as one row of `days`."""
    state, unit = result.state, terms.minor
    received = terms.by_pool(result.variation + result.premium + result.exercise)
    exposure = -(received + terms.by_pool(result.option_value))
    gone = (state.event > 0) & ~np.isin(np.arange(len(state.event)), result.new_defaults)
    breach = np.where(result.observed, np.maximum(exposure - result.held_before, 0), 0)
    return {
        "date": terms.dates[result.day].isoformat(),
        "variation": _sum(-np.minimum(np.where(gone[terms.account_group], 0, result.variation), 0)) / unit,
        "margin": _sum(result.account_margin) / unit,
        "held": _sum(result.held) / unit,
        "called": _sum(np.maximum(result.calls, 0)) / unit,
        "largest_call": int(result.calls.max(initial=0)) / unit,
        "day_observations": float(result.observed.sum()),
        "breaches": float((breach > 0).sum()),
        "largest_breach": int(breach.max(initial=0)) / unit,
        **_period_row(terms, result.ended),
        "fund": _sum(state.standing.contributions) / unit,
        "ccp_capital": _sum(state.standing.left[state.standing.own_capital]) / unit,
        "supplementary": _sum(state.supplementary) / unit,
        **_stress_row(terms, result),
        "fund_required": None if result.fund is None else result.fund / unit,
        "buffer": None if result.buffer is None else float(result.buffer),
        "defaults": _names(terms, result.new_defaults) or None,
    }


def _period_row(terms: RunTerms, ended: EndedPeriod | None) -> dict[str, float | None]:
    """How the margin held of which the liquidation period ended on the day; nothing in the run's first days."""
    if ended is None:
        return dict.fromkeys(("observations", "exceptions", "largest_exception"))
    return {
        "observations": float(ended.counted.sum()),
        "exceptions": float((ended.beyond > 0).sum()),
        "largest_exception": int(ended.beyond.max(initial=0)) / terms.minor,
    }


def _periods_of_pools(terms: RunTerms, ended: EndedPeriod | None) -> dict[str, pl.Series | None]:
    """Loss and margin of the period that ended, in units; None for pools that do not count."""
    if ended is None:
        return {"period_loss": None, "period_margin": None}
    parts = {"period_loss": ended.loss, "period_margin": ended.margin}
    units = {name: np.where(ended.counted, to_units(part, terms.digits), np.nan) for name, part in parts.items()}
    return {name: pl.Series(values, nan_to_null=True) for name, values in units.items()}


def _stress_row(terms: RunTerms, result: DayResult) -> dict[str, Any]:
    """Cover of the day; nothing on days without stress."""
    names = ("cover_1", "cover_2", "cover_n", "cover_scenario", "groups", "prefunded", "beyond_prefunded")
    names += ("uncovered", "uncovered_scenario", "uncovered_groups", "warned")
    found = result.stress
    if found is None:
        return dict.fromkeys(names)
    unit, cover, scenario_ids = terms.minor, found.cover, found.scenario_ids
    groups = losing(found.losses, cover.scenario, tuple(cover.groups))
    tested, uncovered = found.tested, found.tested.amount > 0
    values = (
        found.covers[1].amount / unit,
        found.covers[2].amount / unit,
        cover.amount / unit,
        scenario_ids[cover.scenario],
        _names(terms, list(groups)),
        found.prefunded / unit,
        max(cover.amount - found.prefunded, 0) / unit,
        max(tested.amount, 0) / unit,
        scenario_ids[tested.scenario] if uncovered else None,
        _names(terms, tested.groups) if uncovered else None,
        _names(terms, warned_groups(terms.rulebook.fund, found)) or None,
    )
    return dict(zip(names, values, strict=True))


def event_rows(terms: RunTerms, settled: list[SettledEvent]) -> list[dict[str, Any]]:
    """Settled events as rows of `events`."""
    return [
        {
            "event": float(one.estate.number),
            "defaulters": _names(terms, list(one.estate.groups)),
            "default_date": terms.dates[one.estate.day].isoformat(),
            "settled_date": terms.dates[one.day].isoformat(),
            "loss": one.outcome.loss / terms.minor,
            "uncovered": one.outcome.uncovered / terms.minor,
            "cause": one.estate.cause,
            "unpaid": one.estate.unpaid / terms.minor,
        }
        for one in settled
    ]


def waterfall_rows(terms: RunTerms, settled: list[SettledEvent]) -> list[dict[str, Any]]:
    """Who paid what of settled events, as rows of `waterfall`; a tier that paid nothing stands with a row of zero."""
    return [
        {"event": float(one.estate.number)} | row
        for one in settled
        for row in payment_rows(one.plan, one.outcome, terms.digits)
    ]


def _names(terms: RunTerms, groups: list[int]) -> str:
    return "+".join(terms.portfolio.roster.group_names(groups))


def _sum(amounts: Cents) -> int:
    return int(amounts.sum())
