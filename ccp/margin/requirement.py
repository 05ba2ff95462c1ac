"""The margin of every account, built up step by step as a rulebook says. Formulas: docs/reference/margin-models.md."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import polars as pl

from ccp.book.portfolio import Part
from ccp.exposure.run import MarginCube, Progress, RankWeights, run_margin
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.margin.add_ons import AddOnTerms, add_on_terms, add_ons, daily_risk
from ccp.margin.concentration import ConcentrationTerms, added_up, part_totals
from ccp.margin.measure import model_tail, sample_weights, tail_weights, weighted_tail
from ccp.market.case import Case
from ccp.money import blended, exact, minor_units, times
from ccp.pricing.horizon import liquidation_periods, price_windows
from ccp.pricing.revalue import Cube
from ccp.rulebook.margin import MarginRules, StressPeriod
from ccp.scenarios.filtered import filtered_scenarios
from ccp.scenarios.historical import margin_scenarios
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.stress_period import Period, find_period, period_between, period_scenarios
from ccp.types import Cents, Index, Vector


@dataclass(frozen=True)
class Requirement:
    """Margin by account in minor units, what it is made of, and what the pass found of each instrument.

    `before_buffer` is the margin without buffer and add-ons. `premium_value` is the value of one unit that has been
    paid for as a premium and still stands, `daily_risk` the daily risk of one unit, both in the service currency.
    """

    account_margin: Cents
    before_buffer: Cents
    add_ons: dict[str, Cents]
    premium_value: Vector
    daily_risk: Vector
    periods: Index

    def with_buffer(self, share: Fraction) -> "Requirement":
        """The same with another share of buffer in the margin."""
        buffered = times(self.before_buffer, 1 + share) if share else self.before_buffer
        return replace(self, account_margin=buffered + sum(self.add_ons.values(), np.zeros_like(buffered)))


@dataclass(frozen=True)
class MarginModel:
    """The rulebook's margin on a day, resolved for every instrument: all that does not depend on who holds what.

    `samples` are the model's scenarios and, where one is blended in with the weight `blend`, the stress period's.
    `product` numbers each instrument's product where offsets between products are limited to `offsets` of them.
    """

    samples: tuple[MarginCube, ...]
    blend: Fraction
    floor: MarginCube | None
    product: Index | None
    offsets: Fraction
    add_ons: AddOnTerms
    buffer: Fraction
    premium_value: Vector
    daily_risk: Vector
    periods: Index
    digits: int


def margin_model(case: Case) -> MarginModel:
    """Price every instrument in every margin scenario."""
    rules = case.rulebook.margin
    cube = price_windows(case, lambda days: model_scenarios(case, rules, days))
    floor, limit, period = rules.floor, rules.offset_limit, rules.stress_period
    periods = liquidation_periods(case)
    risk = daily_risk(cube.change, periods)
    return MarginModel(
        samples=_samples(case, cube),
        blend=exact(period.weight if period else 0.0),
        floor=None if floor is None else _plain_cube(case, _long_cube(case)),
        product=None if limit is None else _products(case, limit.by),
        offsets=exact(limit.share if limit else 1.0),
        add_ons=add_on_terms(case, periods, risk),
        buffer=exact(rules.buffer.share) if rules.buffer is not None else Fraction(0),
        premium_value=cube.premium_value,
        daily_risk=risk,
        periods=periods,
        digits=case.rulebook.currency_digits,
    )


def margin_requirement(case: Case, buffer: Fraction | None = None, progress: Progress | None = None) -> Requirement:
    """The margin of every account of the case, on its date.

    `buffer` is how much of the buffer is there today, as a share; by default all of it.
    """
    whole = case.portfolio.whole
    return require(knowing_all(margin_model(case), [whole]), whole, buffer, progress)


def knowing_all(model: MarginModel, parts: Iterable[Part]) -> MarginModel:
    """The model, told what all parts of a book hold together: what margin beyond a part asks for."""
    terms = model.add_ons.concentration
    if terms is None or not terms.across:
        return model
    return with_concentration(model, added_up(terms, (part_totals(terms, part) for part in parts)))


def with_concentration(model: MarginModel, terms: ConcentrationTerms | None) -> MarginModel:
    """The model with other terms of concentration."""
    return replace(model, add_ons=replace(model.add_ons, concentration=terms))


def require(
    model: MarginModel, part: Part, buffer: Fraction | None = None, progress: Progress | None = None
) -> Requirement:
    """The margin of every account of a part of the book; `model` as `knowing_all` its parts."""
    margin = _sampled_margin(model, part.positions, progress)
    if model.product is not None:
        margin = _limited_offsets(model, model.product, part.positions, margin)
    if model.floor is not None:
        margin = np.maximum(margin, run_margin(part.positions, model.floor, _minor(model)))
    extra = add_ons(model.add_ons, part, model.digits)
    found = Requirement(margin, margin, extra, model.premium_value, model.daily_risk, model.periods)
    return found.with_buffer(model.buffer if buffer is None else buffer)


def model_scenarios(case: Case, rules: MarginRules, days: int) -> ScenarioSet:
    """The model's margin scenarios over windows of `days`."""
    if rules.model != "filtered":
        return margin_scenarios(case.market, case.factor_ids, rules.lookback_days, days)
    part = rules.filter
    return filtered_scenarios(
        case.market, case.factor_ids, rules.lookback_days, days, part.decay, part.scaling, part.floor, part.cap
    )


def _samples(case: Case, cube: Cube) -> tuple[MarginCube, ...]:
    """One sample, or the model's and, to be blended in, that of the stress period."""
    rules, model = case.rulebook.margin, cube.close_out_loss
    plain = MarginCube(model, model_tail(rules, model.shape[1]))
    if rules.stress_period is None:
        return (plain,)
    period = _period_cube(case, rules.stress_period)
    if period is None:
        return (plain,)
    stressed = period.close_out_loss
    if rules.stress_period.reading == "blend":
        return plain, MarginCube(stressed, RankWeights(tail_weights(rules, stressed.shape[1])))
    weights = sample_weights(model.shape[1], stressed.shape[1], rules.stress_period.weight)
    return (MarginCube(np.hstack([model, stressed]), weighted_tail(rules, weights)),)


def known_period(case: Case, rules: StressPeriod) -> Period | None:
    """The rows of the stress period, or None when it is not known yet."""
    if rules.from_ is not None and rules.to is not None:
        return period_between(case.market, rules.from_, rules.to)
    return find_period(case.market, case.factor_ids, rules.days)


def _period_cube(case: Case, rules: StressPeriod) -> Cube | None:
    """The windows of the stress period as a cube, or None when it is not known yet."""
    period = known_period(case, rules)
    if period is None:
        return None
    longest = int(liquidation_periods(case).max())

    def windows(days: int) -> ScenarioSet:
        return period_scenarios(case.market, case.factor_ids, period, days, longest)

    return price_windows(case, windows) if windows(longest).count else None


def floor_windows(case: Case) -> int:
    """How many of the windows that the floor looks back on the history holds: those after the latest missing value."""
    floor = case.rulebook.margin.floor
    if floor is None:
        return 0
    longest = int(liquidation_periods(case).max())
    levels = case.market.levels.select(case.factor_ids).tail(floor.lookback_days + longest)
    whole = levels.select(pl.all_horizontal(pl.all().is_not_null()).alias("whole"))["whole"]
    gaps = (~whole).arg_true()
    known = len(whole) - (int(gaps[-1]) + 1 if len(gaps) else 0)
    return min(floor.lookback_days, known - longest)


def _long_cube(case: Case) -> Cube:
    """The latest windows of the long look-back, or as many as there are."""
    count = floor_windows(case)
    return price_windows(case, lambda days: margin_scenarios(case.market, case.factor_ids, count, days))


def _minor(model: MarginModel) -> float:
    return float(minor_units(model.digits))


def _sampled_margin(model: MarginModel, positions: PositionArrays, progress: Progress | None = None) -> Cents:
    """Steps 1 and 2: the model's margin, with that of the stress period blended in where there is one."""
    margins = [run_margin(positions, one, _minor(model), None, progress) for one in model.samples]
    return margins[0] if len(margins) == 1 else blended(margins[0], margins[1], model.blend)


def _plain_cube(case: Case, cube: Cube) -> MarginCube:
    """The plain historical tail over a cube, all scenarios alike."""
    loss = cube.close_out_loss
    return MarginCube(loss, RankWeights(tail_weights(case.rulebook.margin, loss.shape[1])))


def _limited_offsets(model: MarginModel, product: Index, positions: PositionArrays, whole: Cents) -> Cents:
    """The limit on offsets: a share of what netting between products saves is added."""
    parts = _by_product(positions, product)
    margins = _sampled_margin(model, parts.positions)
    sums = np.zeros_like(whole)
    np.add.at(sums, parts.account, margins)
    return blended(whole, np.maximum(sums, whole), 1 - model.offsets)


def _products(case: Case, by: str) -> Index:
    """The product of each instrument, as a number."""
    names = case.book.instrument_column("factor_id").to_list()
    if by == "instrument":
        return np.arange(len(names))
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
