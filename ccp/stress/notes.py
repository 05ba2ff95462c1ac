"""Notes on stress: what no scenario moves, and what is not known of collateral and of close-out."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import polars as pl

from ccp.margin.collateral import holdings
from ccp.margin.notes import unstated
from ccp.market.case import Case
from ccp.market.levels import must_be_positive
from ccp.market.needs import currency_factor
from ccp.notes.note import Note, named, note
from ccp.products import factor_columns
from ccp.scenarios.own_moves import largest_own_moves, sizing_moves, sizing_sizes
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.windows import proxied, returns_of
from ccp.stress.measure import Measured
from ccp.types import Flags, Vector

NAMED = 3
"""So many factors without a value are named."""


def stress_notes(measured: Measured) -> list[Note]:
    """Notes on the stress of a book that was measured."""
    case, scenarios = measured.case, measured.scenarios
    return [
        *incomplete_history(measured),
        *proxied_history(measured),
        *unmoved_factors(measured),
        *gaps_below_own_moves(measured),
        *options_below_zero(case, scenarios),
        *held_notes(case, scenarios, moved_alone(measured)),
        *close_out_notes(case),
    ]


def options_below_zero(case: Case, scenarios: ScenarioSet) -> Iterator[Note]:
    """Options whose underlying is at zero or below where their model, Black's, has no volatility."""
    today = np.array([case.market.level(name) for name in scenarios.factor_ids])
    levels = today + (today * scenarios.relative + scenarios.absolute).min(axis=(0, 1), initial=0.0)
    low = [name for name, level in zip(scenarios.factor_ids, levels, strict=True) if level <= 0]
    options = case.book.ordered_instruments.filter(pl.col("strike").is_not_null())
    lognormal = options.filter(pl.col("normal_volatility").is_null())
    below = lognormal.filter(pl.col("factor_id").is_in(low))["instrument_id"].to_list()
    if below:
        yield note("option_below_zero", "instruments.strike", len(below), options.height, names=named(below))


def incomplete_history(measured: Measured) -> Iterator[Note]:
    """Factors that windows of the history leave where they are; those of most margin first, each with its first day."""
    case = measured.case
    if not _has_windows(measured):
        return
    periods = measured.scenarios.periods
    still = np.any([np.isnan(returns_of(case.market, case.factor_ids, days)) for days in periods], axis=0)
    lacking = [name for name, some in zip(case.factor_ids, still.any(axis=0), strict=True) if some]
    if lacking:
        shares, whole = _of_margin(measured, lacking)
        names = [f"{name} (from {_first_day(case, name)}, {share * 100:.4g} %)" for name, share in shares.items()]
        windows = {"windows": f"{int(still.any(axis=1).sum()):,}", "all": f"{len(still):,}"}
        yield note("incomplete_history", "stress.historical", whole, 1, names=named(names, NAMED), **windows)


def proxied_history(measured: Measured) -> Iterator[Note]:
    """Factors that windows of the history move as their proxies; those of most margin first, each with the first day of
    its own."""
    case = measured.case
    if not _has_windows(measured):
        return
    by_period = [proxied(case.market, case.factor_ids, days) for days in measured.scenarios.periods]
    proxies = {name: proxy for found in reversed(by_period) for name, proxy in reversed(found)}
    if proxies:
        shares, whole = _of_margin(measured, list(proxies))
        names = [
            f"{name} as {proxies[name]} (own values from {_first_day(case, name)}, {share * 100:.4g} %)"
            for name, share in shares.items()
        ]
        moved = np.any([windows for found in by_period for windows in found.values()], axis=0)
        windows = {"windows": f"{int(moved.sum()):,}", "all": f"{len(moved):,}"}
        yield note("proxied_history", "factors.proxy", whole, 1, names=named(names, NAMED), **windows)


def _has_windows(measured: Measured) -> bool:
    return any(label.window for label in measured.scenarios.labels)


def _of_margin(measured: Measured, factors: list[str]) -> tuple[dict[str, float], float]:
    """The share of margin that depends on each of some factors, most first, and on any of them."""
    depends, risk = dict(_dependents(measured.case)), _margin_by_instrument(measured)
    nobody = np.zeros(len(risk), dtype=bool)
    shares = {name: float(risk[depends.get(name, nobody)].sum()) for name in factors}
    whole = float(risk[np.any([depends.get(name, nobody) for name in factors], axis=0)].sum())
    return {name: shares[name] for name in sorted(factors, key=lambda name: (-shares[name], name))}, whole


def _first_day(case: Case, factor_id: str) -> date:
    """The first day on which a factor has a value."""
    return case.market.levels.filter(pl.col(factor_id).is_not_null())["date"][0]


def unmoved_factors(measured: Measured) -> Iterator[Note]:
    """Factors that margin depends on, and no scenario that sizes the fund moves; those of most margin first."""
    moved, alone = _moved(measured.case, measured.scenarios), moved_alone(measured)
    for name, share in _shares(measured):
        if not moved[name] and name not in alone:
            yield note("unmoved_factor", name, share, 1)


def gaps_below_own_moves(measured: Measured) -> Iterator[Note]:
    """Prices that move by differences and that the fund is sized for less than they have moved by themselves, within
    the look-back of margin and over its liquidation period; those of most margin first."""
    case, names = measured.case, measured.scenarios.factor_ids
    rules, moved = case.rulebook.margin, _moved(case, measured.scenarios)
    sizes = sizing_sizes(measured.scenarios, case.market)
    own = largest_own_moves(case.market, names, rules.history_rows, rules.liquidation_days)
    by_ratio = must_be_positive(case.market, names)
    short = {
        name: (size, largest)
        for name, size, largest, ratio in zip(names, sizes, own, by_ratio, strict=True)
        if moved[name] and not ratio and size < largest
    }
    for name, share in _shares(measured):
        if name in short:
            size, largest = short[name]
            yield note("gap_below_own_move", name, share, 1, move=f"{size:.4g}", own=f"{largest:.4g}")


def moved_alone(measured: Measured) -> frozenset[str]:
    """Factors that a single name moves which the book was run in, whether it is kept or decides nothing."""
    names = None if measured.windows is None else measured.windows.names
    return frozenset() if names is None else names.moved


def _moved(case: Case, scenarios: ScenarioSet) -> dict[str, bool]:
    moved = sizing_moves(scenarios, case.market, case.rulebook.margin.history_rows)
    return dict(zip(scenarios.factor_ids, moved.tolist(), strict=True))


def _shares(measured: Measured) -> list[tuple[str, float]]:
    """By factor the share of the margin of the instruments that depend on it, those above zero, most first."""
    risk = _margin_by_instrument(measured)
    shares = {name: float(risk[depends].sum()) for name, depends in _dependents(measured.case)}
    return sorted(((name, one) for name, one in shares.items() if one > 0), key=lambda pair: (-pair[1], pair[0]))


def _margin_by_instrument(measured: Measured) -> Vector:
    """The share of the margin that each instrument makes, margined alone: what is held of it, long and short, times the
    root mean square of what a unit loses in the margin scenarios over its own liquidation period. Nothing, where
    nothing is at risk."""
    sale = measured.model.sale
    risk = measured.found.gross * sale.daily_risk * np.sqrt(sale.days)
    whole = float(risk.sum())
    return risk / whole if whole > 0 else np.zeros_like(risk)


def _dependents(case: Case) -> Iterator[tuple[str, Flags]]:
    """By factor, the instruments whose value depends on it, in order of id: by price, or by their currency."""
    table, service = case.book.ordered_instruments, case.rulebook.currency
    pairs = [None if name == service else currency_factor(name, service) for name in table["currency"]]
    columns = [*(table[name] for name in factor_columns()), pl.Series(pairs, dtype=pl.String)]
    rows: dict[str, list[int]] = {name: [] for name in case.factor_ids}
    for column in columns:
        for row, name in enumerate(column.to_list()):
            rows.get(name, []).append(row)
    for name, found in rows.items():
        if found:
            depends = np.zeros(table.height, dtype=bool)
            depends[found] = True
            yield name, depends


def held_notes(case: Case, scenarios: ScenarioSet, alone: frozenset[str] = frozenset()) -> list[Note]:
    """What is not known of collateral, and what no scenario moves of it, nor a single name (`alone`)."""
    way, rules = case.rulebook.stress.resources, case.rulebook.collateral
    if case.book.collateral is None:
        asked = way != "required"
        return [note("no_collateral", "stress.resources", 0, len(case.portfolio.pools))] if asked else []
    return list(unmoved_collateral(case, scenarios, alone)) if rules.stress == "scenario" else []


def unmoved_collateral(case: Case, scenarios: ScenarioSet, alone: frozenset[str] = frozenset()) -> Iterator[Note]:
    """Factors of securities that no scenario which sizes the fund moves, nor a single name (`alone`)."""
    lines = holdings(case)
    if lines is None or not float(lines.value.sum()) > 0:
        return
    moved = _moved(case, scenarios)
    for place, name in enumerate(case.factor_ids):
        held = float(lines.value[lines.factor == place].sum())
        if held > 0 and not moved[name] and name not in alone:
            yield note("unmoved_collateral", name, held / float(lines.value.sum()), 1)


def close_out_notes(case: Case) -> list[Note]:
    """What the book does not state of volumes and spreads, where closing out costs something."""
    if case.rulebook.close_out.method == "instant":
        return []
    columns = ("average_daily_volume", "half_spread")
    return [one for column in columns for one in unstated(case, column, "close_out.method")]


def fire_sale_notes(case: Case) -> list[Note]:
    """What the book does not state of volumes, where selling moves prices."""
    return unstated(case, "average_daily_volume", "default_management.fire_sale")
