"""A market's path made to fit a run: closed days, a book taken to another day, a gap laid over the prices."""

from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from ccp.errors import Problem
from ccp.market.history import Market
from ccp.market.volatility import with_modelled_volatility
from ccp.tables import raise_problems
from ccp.types import Vector


@dataclass(frozen=True)
class Gap:
    """A scenario's moves of the factors, from a day on: `v * (1 + relative) + absolute`."""

    day: date
    scenario_id: str
    moves: dict[str, tuple[float, float]]


def without_days(market: Market, closed: list[tuple[date, date]]) -> Market:
    """The market without its rows on closed days, both ends included."""
    levels = market.levels
    for first, last in closed:
        levels = levels.filter(~pl.col("date").is_between(first, last))
    return replace(market, levels=levels)


def with_path(market: Market, factor_ids: list[str], taken: tuple[date, date] | None, gaps: list[Gap]) -> Market:
    """The market as a run sees it: gaps laid on, volatilities modelled, and the book taken from its day to the first.

    `taken` is the day the book's prices hold on and the first day of the run, or None when they are the same: every
    factor is moved as a whole so that its level on the second is what it was on the first. Modelled volatilities
    follow from the gapped prices; gaps do not move them by themselves.
    """
    if taken is None:
        return with_modelled_volatility(replace(market, levels=gapped(market.levels, gaps)), factor_ids)
    plain = with_modelled_volatility(market, factor_ids)
    shift = _shifts(plain, factor_ids, taken)
    there = [name for name in factor_ids if name in market.factor_ids]
    moved = market.levels.with_columns(shift[name] for name in there)
    path = with_modelled_volatility(replace(market, levels=gapped(moved, gaps)), factor_ids)
    modelled = path.levels.with_columns(shift[name] for name in path.modelled)
    return replace(path, levels=modelled)


def shifted_levels(factor_ids: list[str], known: Market, own: Market) -> dict[str, pl.Expr]:
    """How each factor of `known` is moved so that its last level is that of `own`."""
    changes = known.kinds("change", factor_ids)
    return {
        name: _shift(name, own.level(name), known.level(name), change)
        for name, change in zip(factor_ids, changes, strict=True)
    }


def _shift(name: str, held: float, level: float, change: str | None) -> pl.Expr:
    return pl.col(name) + (held - level) if change == "absolute" else pl.col(name) * (held / level)


def _shifts(market: Market, factor_ids: list[str], taken: tuple[date, date]) -> dict[str, pl.Expr]:
    """How each factor is moved so that its level on the second day is what it was on the first."""
    source, target = (_levels_on(market, factor_ids, day) for day in taken)
    changes = market.kinds("change", factor_ids)
    return {
        name: _shift(name, held, level, change)
        for name, held, level, change in zip(factor_ids, source, target, changes, strict=True)
    }


def gapped(levels: pl.DataFrame, gaps: list[Gap]) -> pl.DataFrame:
    """Levels with every gap laid on from its day, in the order given."""
    for gap in gaps:
        columns = [
            pl.when(pl.col("date") >= gap.day)
            .then(pl.col(name) * (1.0 + gap.moves[name][0]) + gap.moves[name][1])
            .otherwise(pl.col(name))
            .alias(name)
            for name in gap.moves
            if name in levels.columns
        ]
        levels = levels.with_columns(columns)
    return levels


def _levels_on(market: Market, factor_ids: list[str], day: date) -> Vector:
    row = market.levels.filter(pl.col("date") == day)
    missing = [name for name in factor_ids if row.height == 0 or row[name][0] is None]
    problems = [Problem("market", f"a value on {day} was expected", "factor_id", name) for name in missing]
    raise_problems(problems, len(problems))
    return row.select(factor_ids).to_numpy()[0]
