"""A back test as tables: exceptions by model and account, pool, member and book; procyclicality by model."""

from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from ccp.backtesting.exceptions import BackTest, SampleTests, back_test, coverage_achieved
from ccp.backtesting.history import BackTestHistory
from ccp.backtesting.procyclicality import Procyclicality, StepResponse, procyclicality
from ccp.book.portfolio import Portfolio
from ccp.frames import BackTests, ModelMargins, Procyclicalities, types_of
from ccp.money import exact, to_units
from ccp.stress.loss_over_margin import over_margin_of
from ccp.types import Cents, Flags


def exceptions_table(history: BackTestHistory) -> pl.DataFrame:
    """Every account, pool and member that holds a position, and the book, under every model.

    Rows are counted over all of the book, by lights and as an indicator, and who holds nothing shows nothing.
    """
    rows = []
    for model, margins in history.margins.items():
        for level, names, losses, held in _levels(history, margins):
            holding = _holding(history.case.portfolio, level)
            for place in np.flatnonzero(holding).tolist():
                test = _tested(history, losses[:, place], held[:, place])
                rows.append(_row(history, model, level, names[place], test))
            if level == "account":
                rows.append(_book_row(history, model, losses[:, holding], held[:, holding]))
    return pl.DataFrame(rows, schema=types_of(BackTests)).sort("model", "level", "id")


def _holding(portfolio: Portfolio, level: str) -> Flags:
    """Which of the accounts, pools or members hold a position: the others have no row."""
    by_level = {"account": portfolio.holding_accounts, "pool": portfolio.holding_pools}
    return by_level.get(level, portfolio.holding_members)


def _levels(history: BackTestHistory, margins: Cents) -> list[tuple[str, list[str], Cents, Cents]]:
    """Losses and margins (day x account, pool or member).

    A member's loss is what its pools' margins do not cover, by the house and client rule, against nothing more.
    """
    portfolio, covers = history.case.portfolio, history.rules.stress.house_surplus_covers_clients
    by_pool = [_summed(part, portfolio.account_pool, len(portfolio.pools)) for part in (history.losses, margins)]
    rest = by_pool[0] - by_pool[1]
    house, short = portfolio.pool_house, np.maximum(rest, 0)
    parts = (np.where(house, short, 0), np.where(house, np.maximum(-rest, 0), 0), np.where(house, 0, short))
    house_short, left, client_short = (_summed(part, portfolio.pool_member, len(portfolio.members)) for part in parts)
    beyond = over_margin_of(house_short, left, client_short, covers)
    return [
        ("account", portfolio.accounts, history.losses, margins),
        ("pool", portfolio.pools, by_pool[0], by_pool[1]),
        ("member", portfolio.members, beyond, np.zeros_like(beyond)),
    ]


def _summed(amounts: Cents, places: Cents, count: int) -> Cents:
    sums = np.zeros((amounts.shape[0], count), dtype=np.int64)
    np.add.at(sums.T, places, amounts.T)
    return sums


def _tested(history: BackTestHistory, losses: Cents, margins: Cents) -> BackTest:
    return back_test(losses, margins, _confidence(history), history.horizon)


def _confidence(history: BackTestHistory) -> Fraction:
    return exact(history.rules.margin.confidence)


def _row(history: BackTestHistory, model: str, level: str, name: str, test: BackTest) -> dict[str, Any]:
    """One line; tests of overlapping windows stand, but `p_values_hold` says what they are worth."""
    apart = test.non_overlapping
    return {
        "model": model,
        "level": level,
        "id": name,
        **_sample(history, test.all_windows),
        "p_values_hold": test.p_values_hold,
        "apart_observations": float(apart.observations),
        "apart_exceptions": float(apart.exceptions),
        "apart_kupiec_p": apart.kupiec.p_value,
        "apart_independence_p": apart.independence.p_value,
        "apart_combined_p": apart.combined.p_value,
        "apart_light": apart.light,
    }


def _sample(history: BackTestHistory, sample: SampleTests) -> dict[str, Any]:
    unit = history.minor
    return {
        "observations": float(sample.observations),
        "exceptions": float(sample.exceptions),
        "coverage": sample.coverage,
        "kupiec": sample.kupiec.statistic,
        "kupiec_p": sample.kupiec.p_value,
        "independence": sample.independence.statistic,
        "independence_p": sample.independence.p_value,
        "combined_p": sample.combined.p_value,
        "light": sample.light,
        "largest_breach": sample.largest_breach / unit,
        "average_breach": sample.average_breach / unit,
    }


def _book_row(history: BackTestHistory, model: str, losses: Cents, margins: Cents) -> dict[str, Any]:
    """All accounts with a position: counts only, since accounts lose on the same days and no test holds of them."""
    breach = np.maximum(losses - margins, 0)
    count, unit = int((breach > 0).sum()), history.minor
    return {
        "model": model,
        "level": "book",
        "id": "all accounts",
        "observations": float(breach.size),
        "exceptions": float(count),
        "coverage": coverage_achieved(count, breach.size),
        "largest_breach": int(breach.max()) / unit,
        "average_breach": round(Fraction(int(breach.sum()), count)) / unit if count else 0.0,
        "p_values_hold": False,
    }


def margins_table(history: BackTestHistory) -> pl.DataFrame:
    """Total margin of every model on every day."""
    digits = history.digits
    parts = [
        pl.DataFrame({"model": model, "date": history.dates, "margin": to_units(margins.sum(axis=1), digits)})
        for model, margins in history.margins.items()
    ]
    return pl.concat(parts).cast(types_of(ModelMargins))


def procyclicality_table(history: BackTestHistory, steps: dict[str, StepResponse]) -> pl.DataFrame:
    """How much each model's margin moves, what it costs, and how it answers a step in volatility."""
    rows = [
        {"model": model, **_moves(history, procyclicality(margins.sum(axis=1))), **_step(steps[model])}
        for model, margins in history.margins.items()
    ]
    return pl.DataFrame(rows, schema=types_of(Procyclicalities))


def _moves(history: BackTestHistory, found: Procyclicality) -> dict[str, Any]:
    unit = history.minor
    calls = {}
    for days, call in found.calls.items():
        calls[f"call_{days}"] = None if call.amount is None else call.amount / unit
        calls[f"call_{days}_share"] = call.share
    return {
        "mean_margin": found.mean / unit,
        "peak_to_trough": found.peak_to_trough,
        **calls,
        "deviation": found.deviation,
    }


def _step(found: StepResponse) -> dict[str, Any]:
    return {
        **{f"step_{days}": share for days, share in found.reached.items()},
        "step_days": None if found.days_to_most is None else float(found.days_to_most),
        "step_overshoot": found.overshoot,
    }
