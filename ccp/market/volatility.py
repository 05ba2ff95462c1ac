"""Volatility factors modelled from prices, where the market has none of its own.

A factor `X.VOL` that a book names and the market lacks is modelled from the history of `X`: the variance that a
mean-reverting process expects over the option's next three months, given a fast-moving variance today and the
long-run variance known so far.

    r_t = ln(v_t / v_{t-1})
    fast_t = 0.94 * fast_{t-1} + 0.06 * r_t^2
    slow_t = mean of r_u^2 over u <= t
    expected_t = slow_t + (fast_t - slow_t) * (1 - k^H) / (H * (1 - k)),  k = 0.98, H = 63 days
    volatility_t = max(sqrt(252 * expected_t), 1 %)

The value dated t uses prices up to and including t and nothing later, as a volatility quoted at the close of t
would. The smoothing constant 0.94 is RiskMetrics' for daily data (J.P. Morgan, RiskMetrics Technical Document,
1996); the mean over a horizon is that of a GARCH(1,1) forecast, and the constants k and H are assumptions. It is a
model, not a market: no premium for risk, no smile, no event priced ahead.
"""

import numpy as np
import polars as pl

from ccp.market.history import Market
from ccp.types import Vector

SUFFIX = ".VOL"
DECAY = 0.94
REVERSION = 0.98
HORIZON_DAYS = 63
DAYS_A_YEAR = 252
FLOOR = 0.01
BURN_IN_DAYS = 250
"""No value is given before this many returns: the long-run variance would rest on too little."""


def modelled_volatility(levels: Vector) -> Vector:
    """Annual volatility by day from a factor's levels (NaN: no value that day, passed over).

    Levels must be positive. Returns NaN for days without a level and for the first `BURN_IN_DAYS` returns.
    """
    result = np.full(levels.shape, np.nan)
    known = np.flatnonzero(np.isfinite(levels))
    if known.size <= BURN_IN_DAYS:
        return result
    squares = np.diff(np.log(levels[known])) ** 2
    slow = np.cumsum(squares) / np.arange(1, squares.size + 1)
    fast = np.empty_like(squares)
    running = squares[0]
    for day, square in enumerate(squares):
        running = DECAY * running + (1 - DECAY) * square
        fast[day] = running
    pull = (1 - REVERSION**HORIZON_DAYS) / (HORIZON_DAYS * (1 - REVERSION))
    volatility = np.maximum(np.sqrt(DAYS_A_YEAR * (slow + (fast - slow) * pull)), FLOOR)
    result[known[1:][BURN_IN_DAYS:]] = volatility[BURN_IN_DAYS:]
    return result


def modelled_from(market: Market, factor_id: str) -> str | None:
    """The factor whose prices a volatility is modelled from; None where it is not, since the market has its own."""
    base = factor_id.removesuffix(SUFFIX)
    own = factor_id in market.factor_ids and factor_id not in market.modelled
    return None if own or base == factor_id or base not in market.factor_ids else base


def _above_zero(levels: Vector) -> Vector:
    """Levels up to the first that is zero or below, from which on there are none: no return leads to it or from it."""
    below = levels <= 0
    return np.where(np.logical_or.accumulate(below), np.nan, levels)


def with_modelled_volatility(market: Market, factor_ids: list[str]) -> Market:
    """The market with those of `factor_ids` added that it lacks and that can be modelled from its prices.

    From the first price on that is zero or below there is no value.
    """
    missing = [name for name in factor_ids if name not in market.factor_ids and modelled_from(market, name) is not None]
    if not missing:
        return market
    columns = [
        pl.Series(
            factor_id,
            modelled_volatility(_above_zero(market.matrix([factor_id.removesuffix(SUFFIX)])[:, 0])),
            nan_to_null=True,
        )
        for factor_id in missing
    ]
    added = pl.DataFrame(
        {
            "factor_id": missing,
            "change": "relative",
            "asset_class": "volatility",
            "description": [f"modelled from the prices of {name.removesuffix(SUFFIX)}" for name in missing],
            "source": "modelled (ccp.market.volatility)",
        }
    )
    factors = pl.concat(
        [market.factors, added.with_columns(pl.col("change").cast(market.factors["change"].dtype))],
        how="diagonal",
    )
    return Market(market.levels.with_columns(columns), factors, market.files, (*market.modelled, *missing))
