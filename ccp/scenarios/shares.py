"""A fall or rise by a share of a level, as the move of each factor: by ratio, or by a difference."""

import numpy as np

from ccp.market.history import Market
from ccp.market.levels import must_be_positive
from ccp.types import ScenarioByFactor

USUAL_DAYS = 250
"""How many days with a value say what a factor's usual level is."""


def share_moves(
    shares: ScenarioByFactor, market: Market, factor_ids: list[str], floor: float
) -> tuple[ScenarioByFactor, ScenarioByFactor]:
    """Relative and absolute moves (scenario x factor) from shares of levels: -0.4 is a fall of 40 %.

    A factor that moves by ratios, and an exchange rate, moves by the share itself. One that moves by differences moves
    by the share of its level on the market's last day, whatever its sign, or of `floor` times its usual level where
    that is more: the median size of its latest `USUAL_DAYS` levels.
    """
    by_ratio = must_be_positive(market, factor_ids)
    size = [0.0 if ratio else _size(market, name, floor) for name, ratio in zip(factor_ids, by_ratio, strict=True)]
    return np.where(by_ratio, shares, 0.0), shares * np.array(size)


def shares_of_moves(
    relative: ScenarioByFactor, absolute: ScenarioByFactor, market: Market, factor_ids: list[str], floor: float
) -> ScenarioByFactor:
    """The other way round: what share of its level each factor moves by. Nothing where the level is nothing."""
    by_ratio = must_be_positive(market, factor_ids)
    floors = np.where(by_ratio, 0.0, floor).tolist()
    sizes = np.array([_size(market, name, own) for name, own in zip(factor_ids, floors, strict=True)])
    return relative + np.divide(absolute, sizes, out=np.zeros_like(absolute), where=sizes != 0)


def _size(market: Market, factor_id: str, floor: float) -> float:
    """The level that a share is taken of; 0 where the factor has no value at all."""
    known = market.levels[factor_id].drop_nulls().tail(USUAL_DAYS).abs().to_numpy()
    return float(max(known[-1], floor * np.median(known))) if known.size else 0.0
