"""Margin and loss of one book on every day of the past.

The book is the same every day: positions, prices and distance to expiry are those of its own day. What changes is
what was known then (the margin scenarios of the day) and what came after (the windows that began on it).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

import numpy as np
import polars as pl

from ccp.errors import refuse, refuse_argument
from ccp.exposure.run import Progress, account_values
from ccp.margin.buffer import full_buffer
from ccp.margin.requirement import Requirement, margin_requirement
from ccp.market.case import Case
from ccp.market.history import Market
from ccp.market.levels import check_levels
from ccp.market.paths import shifted_levels
from ccp.market.returns import overlapping_returns
from ccp.market.too_large import find_wide_moves
from ccp.money import minor_units, to_minor
from ccp.pricing.horizon import liquidation_periods, price_windows
from ccp.rulebook.margin import MarginRules
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.historical import is_relative, split_moves
from ccp.scenarios.scenario_set import Label, ScenarioSet, over_one_period
from ccp.tables import raise_problems
from ccp.types import Cents, Index


@dataclass(frozen=True)
class BackTestHistory:
    """Per model the margins, and the losses that came: day x account, in minor units.

    A day's loss is over the liquidation period that begins on it, what premium-style options are worth counted, as in
    margin itself. `dates` are the days, `horizon` the longest liquidation period; `left_out` counts the last days asked
    for, whose period the history does not hold.
    """

    case: Case
    dates: list[date]
    horizon: int
    margins: dict[str, Cents]
    losses: Cents
    left_out: int

    @property
    def rules(self) -> Rulebook:
        """The rules of the book on its own day."""
        return self.case.rulebook

    @property
    def digits(self) -> int:
        """Decimal digits of the currency."""
        return self.rules.currency_digits

    @property
    def minor(self) -> int:
        """Minor units in a unit of the currency."""
        return minor_units(self.digits)


def run_history(
    case: Case, market: Market, models: dict[str, MarginRules], first: date, last: date, progress: Progress | None
) -> BackTestHistory:
    """Margin the book by every model on each day between two, and see what it lost from then on.

    `case` is the book on its own day; `market` the whole history, volatilities modelled. Days whose liquidation period
    the history does not hold are left out. Raises InputError where a day lacks history or values.
    """
    periods = liquidation_periods(case)
    horizon = int(periods.max())
    rows = _rows(market, first, last, horizon)
    known = market.first_rows(int(rows[-1]) + horizon + 1)
    check_levels(market, case.factor_ids, known.dates[-1])
    rules = case.rulebook
    wide = find_wide_moves(case.book, case.market, known, rules.currency, rules.currency_digits)
    raise_problems(wide, len(wide))
    _check_history(case, market, models, rows)
    accounts = len(case.portfolio.accounts)
    margins = {name: np.zeros((len(rows), accounts), dtype=np.int64) for name in models}
    losses = np.zeros((len(rows), accounts), dtype=np.int64)
    for place, row in enumerate(rows.tolist()):
        losses[place] = _losses_from(case, market, row)
    total, done = len(rows) * len(models), 0
    for name, model in models.items():
        for place, margin in enumerate(margins_by_day(case, market, model, rows)):
            margins[name][place] = margin
            done += 1
            if progress is not None:
                progress(done, total)
    dates = market.levels["date"].gather(rows).to_list()
    left_out = int(market.levels["date"].is_between(first, last).sum()) - len(rows)
    return BackTestHistory(case, dates, horizon, margins, losses, left_out)


def _rows(market: Market, first: date, last: date, horizon: int) -> Index:
    days = market.levels["date"]
    if first > last:
        raise refuse_argument("first", f"a day not after {last} was expected", value=str(first))
    rows = days.is_between(first, last).arg_true().to_numpy().astype(np.int64)
    rows = rows[rows + horizon < len(days)]
    if not len(rows):
        span = f"{days[0]} to {days[-1]}"
        raise refuse_argument(
            "first", f"days of the market's history were expected ({span})", value=f"{first} to {last}"
        )
    return rows


def _check_history(case: Case, market: Market, models: dict[str, MarginRules], rows: Index) -> None:
    """Every model's look-back, and every window after a day, must hold values of every factor."""
    needed = max(rules.history_rows for rules in models.values())
    first, last = int(rows[0]) - needed + 1, int(rows[-1])
    if market.levels.height < needed:
        raise refuse(
            "market", f"{needed} days were expected, as the models look back; there are {market.levels.height}"
        )
    if first < 0:
        earliest = market.levels["date"][needed - 1]
        raise refuse_argument("first", f"the models need {needed} days before; {earliest} or later was expected")
    part = market.levels.slice(first, last - first + 1)
    for name in case.factor_ids:
        gaps = part.filter(pl.col(name).is_null())["date"]
        if len(gaps):
            expected = (
                f"a value on every day from {part['date'][0]} to {part['date'][-1]} was expected, none on {gaps[0]}"
            )
            raise refuse("market", expected, field="factor_id", value=name)


def case_on(case: Case, market: Market, row: int) -> Case:
    """The book as if its own day were a day of the past: levels as on its day, history as known then."""
    known = market.first_rows(row + 1)
    day = known.levels["date"][-1]
    levels = known.levels
    if day != case.date:
        shifts = shifted_levels(case.factor_ids, known, case.market)
        levels = levels.with_columns(shifts.values())
    instruments = case.book.instruments.with_columns(pl.col("expiry") + (day - case.date))
    return replace(
        case,
        book=replace(case.book, instruments=instruments),
        market=replace(known, levels=levels),
        prepared=case.portfolio,
    )


def margins_by_day(case: Case, market: Market, rules: MarginRules, rows: Index) -> Iterator[Cents]:
    """A model's margins by account, day after day; its buffer drawn and refilled."""
    own = replace(case, rulebook=case.rulebook.model_copy(update={"margin": rules}), prepared=case.portfolio)
    level = full_buffer(rules.buffer.share) if rules.buffer is not None else None
    before: Requirement | None = None
    for row in rows.tolist():
        found = margin_requirement(case_on(own, market, row), Fraction(0))
        if level is None or rules.buffer is None:
            yield found.account_margin
            continue
        if before is not None:
            sums = int(before.before_buffer.sum()), int(found.before_buffer.sum())
            level = level.moved(rules.buffer.share, *sums)
        before = found
        yield found.with_buffer(level.share).account_margin


def _losses_from(case: Case, market: Market, row: int) -> Cents:
    """What every account lost over the liquidation period that began on a row."""
    today = case_on(case, market, row)
    relative = is_relative(market, case.factor_ids)

    def window(days: int) -> ScenarioSet:
        levels = market.levels.select(case.factor_ids).slice(row, days + 1).fill_null(np.nan).to_numpy()
        moves = overlapping_returns(levels[[0, days]], 1, relative)
        end = market.levels["date"][row + days]
        label = Label(f"from {market.levels['date'][row]}", "historical", f"{days} days to {end}", "market history")
        return over_one_period(case.factor_ids, [label], split_moves(moves, relative), days)

    unit = price_windows(today, window).close_out_loss
    if np.isnan(unit).any():
        day = market.levels["date"][row]
        raise refuse("market", f"values of every factor were expected in the days after {day}")
    everyone = np.arange(len(case.portfolio.accounts))
    values = account_values(case.portfolio.positions, unit, everyone)[:, 0]
    return to_minor(values, case.rulebook.currency_digits)
