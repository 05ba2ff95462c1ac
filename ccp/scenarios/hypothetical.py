"""Scenarios that have not happened: ladders of gaps, of the market, of classes, sectors and currencies, both ways, and
of sectors against each other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ccp.market.history import Market
from ccp.market.volatility import SUFFIX
from ccp.rulebook.stress import Ladder, percent
from ccp.scenarios.gapped import Gapped, one_way_targets, sectors_of
from ccp.scenarios.scenario_set import Label, ScenarioSet, over_one_period
from ccp.scenarios.shares import share_moves
from ccp.types import Flags, Vector


@dataclass(frozen=True)
class GapRung:
    """What falls and what rises by one size, by place among the factors: prices, and the volatilities of those."""

    down: Gapped | None
    up: Gapped | None


def ladder_scenarios(ladder: Ladder, market: Market, factor_ids: list[str]) -> ScenarioSet:
    """One scenario a size and rung, over `factor_ids`: what the ladder names down and up, or one down, another up.

    Prices named by a rung move by the size; volatilities `X.VOL` of every `X` that moves rise by `volatility_per_fall`
    times a fall, or `volatility_per_rise` times a rise, also where only `X.VOL` and not `X` is among `factor_ids`;
    nothing else moves. A factor that moves by differences moves by the share of its level (`ccp.scenarios.shares`).
    What moves none of `factor_ids` is left out, and a break of which one side moves none.
    """
    labels, shares = [], []
    for rungs in _rungs(ladder, market, factor_ids):
        for size in ladder.sizes:
            for rung in rungs:
                labels.append(_label(ladder, rung, size, factor_ids))
                shares.append(_shares(ladder, rung, size, factor_ids))
    whole = np.array(shares).reshape(len(labels), len(factor_ids))
    return over_one_period(factor_ids, labels, share_moves(whole, market, factor_ids, ladder.level_floor))


def _rungs(ladder: Ladder, market: Market, factor_ids: list[str]) -> Iterator[tuple[GapRung, ...]]:
    """The rungs of the ladder, those together that are run size by size."""
    if ladder.ladder == "sector_breaks":
        for down, up in _breaks([one for one in sectors_of(market) if _moves(one, factor_ids)]):
            yield (GapRung(down, up),)
        return
    for one in one_way_targets(ladder.ladder, market):
        if _moves(one, factor_ids):
            yield GapRung(one, None), GapRung(None, one)


def _breaks(sectors: list[Gapped]) -> Iterator[tuple[Gapped, Gapped]]:
    """Every two sectors, either way, and each against all others, where these are more than one."""
    for one in sectors:
        yield from ((one, other) for other in sectors if other is not one)
    for one in sectors if len(sectors) > 2 else ():
        rest = [other.factors for other in sectors if other is not one]
        others = Gapped("all other sectors", frozenset().union(*rest))
        yield one, others
        yield others, one


def _moves(gapped: Gapped, factor_ids: list[str]) -> bool:
    """Whether it moves any of the factors."""
    return bool((_priced(gapped, factor_ids) | _volatilities_of(gapped, factor_ids)).any())


def _shares(ladder: Ladder, rung: GapRung, size: float, factor_ids: list[str]) -> Vector:
    """By factor, the share of its level that it moves by."""
    shares, sides = np.zeros(len(factor_ids)), list(_sides(ladder, rung, size))
    for gapped, _, rise in sides:
        shares[_volatilities_of(gapped, factor_ids)] = rise
    for gapped, gap, _ in sides:
        shares[_priced(gapped, factor_ids)] = gap
    return shares


def _sides(ladder: Ladder, rung: GapRung, size: float) -> Iterator[tuple[Gapped, float, float]]:
    """What moves, by how much, and its volatilities."""
    if rung.down is not None:
        yield rung.down, -size, ladder.volatility_per_fall * size
    if rung.up is not None:
        yield rung.up, size, ladder.volatility_per_rise * size


def _priced(gapped: Gapped, factor_ids: list[str]) -> Flags:
    return np.array([name in gapped.factors for name in factor_ids], dtype=bool)


def _volatilities_of(gapped: Gapped, factor_ids: list[str]) -> Flags:
    """Which of the factors are a volatility `X.VOL` of a gapped `X`."""
    found = [name.endswith(SUFFIX) and name.removesuffix(SUFFIX) in gapped.factors for name in factor_ids]
    return np.array(found, dtype=bool)


def _label(ladder: Ladder, rung: GapRung, size: float, factor_ids: list[str]) -> Label:
    """A scenario is called by what falls and what rises; its description says how far volatilities move as well."""
    names, details = [], []
    for gapped, gap, rise in _sides(ladder, rung, size):
        way = "down" if gap < 0 else "up"
        volatile = rise and _volatilities_of(gapped, factor_ids).any()
        names.append(f"{gapped.name} {way}")
        details.append(f"{gapped.name} {way} {percent(gap)}" + (f", volatility {rise * 100:+g}%" if volatile else ""))
    identity = f"{', '.join(names)} {percent(size)}"
    return Label(identity, "hypothetical", "; ".join(details), "ladder of gaps in the rulebook", gap=size)
