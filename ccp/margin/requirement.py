"""The margin of every account, built up step by step as a rulebook says. Formulas: docs/margin-models.md."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import polars as pl

from ccp.exposure.run import MarginCube, Progress, RankWeights, run_margin
from ccp.kernels.sweep import PositionArrays
from ccp.margin.add_ons import add_ons, daily_risk
from ccp.margin.measure import model_tail, sample_weights, tail_weights, weighted_tail
from ccp.market.case import Case
from ccp.money import blended, exact, minor_units, times
from ccp.pricing.horizon import liquidation_periods, price_windows
from ccp.pricing.revalue import Cube
from ccp.rulebook.margin import MarginRules, StressPeriod
from ccp.scenarios.filtered import filtered_scenarios
from ccp.scenarios.historical import margin_scenarios
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.stress_period import find_period, period_between, period_scenarios
from ccp.types import Cents, Index, Vector


@dataclass(frozen=True)
class Requirement:
    """Margin by account in minor units, what it is made of, and what the pass found of each instrument.

    `before_buffer` is the margin without buffer and add-ons. `standing` is the value of one unit not yet exchanged,
    `daily_risk` the daily risk of one unit, both in the service currency.
    """

    account_margin: Cents
    before_buffer: Cents
    add_ons: dict[str, Cents]
    standing: Vector
    daily_risk: Vector
    periods: Index

    def with_buffer(self, share: Fraction) -> "Requirement":
        """The same with another share of buffer in the margin."""
        buffered = times(self.before_buffer, 1 + share) if share else self.before_buffer
        return replace(self, account_margin=buffered + sum(self.add_ons.values(), np.zeros_like(buffered)))


def margin_requirement(case: Case, buffer: Fraction | None = None, progress: Progress | None = None) -> Requirement:
    """The margin of every account of the case, on its date.

    `buffer` is how much of the buffer is there today, as a share; by default all of it.
    """
    rules = case.rulebook.margin
    cube = price_windows(case, lambda days: model_scenarios(case, rules, days))
    samples = _samples(case, cube)
    margin = _sampled_margin(case, samples, case.portfolio.positions, progress)
    if rules.offset_limit is not None:
        margin = _limited_offsets(case, samples, margin)
    if rules.floor is not None:
        margin = np.maximum(margin, _plain_margin(case, _long_cube(case, rules.floor.lookback_days)))
    share = exact(rules.buffer.share) if rules.buffer is not None and buffer is None else buffer or Fraction(0)
    periods = liquidation_periods(case)
    risk = daily_risk(cube.change, periods)
    extra = add_ons(case, periods, risk)
    return Requirement(margin, margin, extra, cube.standing, risk, periods).with_buffer(share)


def model_scenarios(case: Case, rules: MarginRules, days: int) -> ScenarioSet:
    """The model's margin scenarios over windows of `days`."""
    if rules.model != "filtered":
        return margin_scenarios(case.market, case.factor_ids, rules.lookback_days, days)
    part = rules.filter
    return filtered_scenarios(
        case.market, case.factor_ids, rules.lookback_days, days, part.decay, part.scaling, part.floor, part.cap
    )


def _samples(case: Case, cube: Cube) -> list[MarginCube]:
    """One sample, or the model's and, to be blended in, that of the stress period."""
    rules, model = case.rulebook.margin, cube.close_out_loss
    plain = MarginCube(model, model_tail(rules, model.shape[1]))
    if rules.stress_period is None:
        return [plain]
    period = _period_cube(case, rules.stress_period)
    if period is None:
        return [plain]
    stressed = period.close_out_loss
    if rules.stress_period.reading == "blend":
        return [plain, MarginCube(stressed, RankWeights(tail_weights(rules, stressed.shape[1])))]
    weights = sample_weights(model.shape[1], stressed.shape[1], rules.stress_period.weight)
    return [MarginCube(np.hstack([model, stressed]), weighted_tail(rules, weights))]


def _period_cube(case: Case, rules: StressPeriod) -> Cube | None:
    """The windows of the stress period as a cube, or None when it is not known yet."""
    if rules.from_ is not None and rules.to is not None:
        period = period_between(case.market, rules.from_, rules.to)
    else:
        period = find_period(case.market, case.factor_ids, rules.days)
    if period is None:
        return None
    longest = int(liquidation_periods(case).max())

    def windows(days: int) -> ScenarioSet:
        return period_scenarios(case.market, case.factor_ids, period, days, longest)

    return price_windows(case, windows) if windows(longest).count else None


def _long_cube(case: Case, lookback: int) -> Cube:
    """The latest windows of the long look-back, or as many as there are."""
    longest = int(liquidation_periods(case).max())
    levels = case.market.levels.select(case.factor_ids).tail(lookback + longest)
    whole = levels.select(pl.all_horizontal(pl.all().is_not_null()).alias("whole"))["whole"]
    gaps = (~whole).arg_true()
    known = len(whole) - (int(gaps[-1]) + 1 if len(gaps) else 0)
    count = min(lookback, known - longest)
    return price_windows(case, lambda days: margin_scenarios(case.market, case.factor_ids, count, days))


def _sampled_margin(
    case: Case, samples: list[MarginCube], positions: PositionArrays, progress: Progress | None = None
) -> Cents:
    """Steps 1 and 2: the model's margin, with that of the stress period blended in where there is one."""
    minor = float(minor_units(case.rulebook.currency_digits))
    margins = [run_margin(positions, one, minor, None, progress) for one in samples]
    if len(margins) == 1:
        return margins[0]
    period = case.rulebook.margin.stress_period
    return blended(margins[0], margins[1], exact(period.weight if period else 0.0))


def _plain_margin(case: Case, cube: Cube) -> Cents:
    """The plain historical tail over a cube, all scenarios alike."""
    loss = cube.close_out_loss
    sample = MarginCube(loss, RankWeights(tail_weights(case.rulebook.margin, loss.shape[1])))
    return _sampled_margin(case, [sample], case.portfolio.positions)


def _limited_offsets(case: Case, samples: list[MarginCube], whole: Cents) -> Cents:
    """The limit on offsets: a share of what netting between products saves is added."""
    rules = case.rulebook.margin.offset_limit
    if rules is None:
        return whole
    parts = _by_product(case.portfolio.positions, _products(case, rules.by))
    margins = _sampled_margin(case, samples, parts.positions)
    sums = np.zeros_like(whole)
    np.add.at(sums, parts.account, margins)
    return blended(whole, np.maximum(sums, whole), 1 - exact(rules.share))


def _products(case: Case, by: str) -> Index:
    """The product of each instrument, as a number."""
    table = case.book.instruments.sort("instrument_id")
    if by == "instrument":
        return np.arange(table.height)
    names = table["factor_id"].to_list()
    words = names if by == "factor" else [name or "" for name in case.market.kinds("asset_class", names)]
    return np.unique(np.array(words, dtype=object).astype(str), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class _Parts:
    """Every account's positions apart by product: as accounts of their own, and whose they are."""

    positions: PositionArrays
    account: Index


def _by_product(positions: PositionArrays, product: Index) -> _Parts:
    """Positions regrouped by account and product, within each in order of instrument."""
    accounts = np.repeat(np.arange(len(positions.offset) - 1), np.diff(positions.offset))
    key = accounts * (int(product.max(initial=0)) + 1) + product[positions.instrument]
    order = np.argsort(key, kind="stable")
    firsts = np.flatnonzero(np.diff(key[order], prepend=-1))
    offset = np.append(firsts, len(order)).astype(np.int64)
    arrays = PositionArrays(offset, positions.instrument[order], positions.quantity[order])
    for array in arrays:
        array.flags.writeable = False
    return _Parts(arrays, accounts[order][firsts])
