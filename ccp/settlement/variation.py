"""What is exchanged every day: variation margin, premiums, exercise values; to the cent, and in all zero.

A day is a column of the cube and a trade a position that is there from a day on, so one pass of the portfolio kernel
gives the variation margin of a whole block of days: over the positions at its start, and over its trades, each trade a
row of a cube of its own.
"""

from dataclasses import dataclass

import numpy as np

from ccp.errors import ReconciliationError
from ccp.exposure.run import account_values
from ccp.money import minor_units, whole
from ccp.settlement.prices import DayPrices, PricePath
from ccp.settlement.trades import Holding, RunTrades, trades_as_positions
from ccp.types import Cents, InstrumentByScenario, Vector

BLOCK_DAYS = 64
"""Days in one pass: as many as a tile of the kernel has columns."""


@dataclass(frozen=True)
class Flows:
    """Amounts by account and day of a block, in units of the currency; positive is received."""

    variation: Vector
    premium: Vector
    exercise: Vector


def block_flows(
    path: PricePath, prices: list[DayPrices], before: DayPrices | None, opening: Holding, trades: RunTrades, first: int
) -> Flows:
    """The flows of a block of days that starts on day `first`, from positions and trades.

    `prices` are those of the block's days, `before` those of the day before it (None on the first day of the run).
    `opening` are the positions at the block's start, `trades` those of its days.
    """
    accounts = len(path.run.portfolio.accounts)
    change, payoff = _unit_flows(path, prices, before, first)
    held = opening.arrays(accounts)
    everyone = np.arange(accounts)
    traded = trades_as_positions(trades, accounts)
    later = _trade_rows(path, prices, change, payoff, trades, first)
    variation = account_values(held, change, everyone) + account_values(traded, later.variation, everyone)
    premium = account_values(traded, later.premium, everyone)
    exercise = np.zeros_like(variation)
    if payoff.any():
        exercise = account_values(held, payoff, everyone) + account_values(traded, later.exercise, everyone)
    return Flows(variation, premium, exercise)


def _unit_flows(
    path: PricePath, prices: list[DayPrices], before: DayPrices | None, first: int
) -> tuple[InstrumentByScenario, InstrumentByScenario]:
    """Variation of one unit held since the day before, and its exercise value: instrument x day of the block."""
    change = np.zeros((len(path.multiplier), len(prices)))
    payoff = np.zeros_like(change)
    for place, (now, past) in enumerate(zip(prices, [before, *prices[:-1]], strict=True)):
        day = first + place
        unit = path.multiplier * now.exchange
        ends = path.premium & (path.last_day == day)
        payoff[ends, place] = (unit * now.price)[ends]
        if past is not None:
            moves = ~path.premium & path.alive(day - 1)
            change[moves, place] = (unit * (now.price - past.price))[moves]
    return change, payoff


def _trade_rows(
    path: PricePath,
    prices: list[DayPrices],
    change: InstrumentByScenario,
    payoff: InstrumentByScenario,
    trades: RunTrades,
    first: int,
) -> Flows:
    """What one unit of each trade brings on each day of the block (trade x day)."""
    column = trades.day - first
    days = np.arange(change.shape[1])
    on_day, after = days[None, :] == column[:, None], days[None, :] > column[:, None]
    price = np.stack([now.price for now in prices], axis=1)[trades.instrument, column]
    exchange = np.stack([now.exchange for now in prices], axis=1)[trades.instrument, column]
    unit, kept = path.multiplier[trades.instrument] * exchange, path.premium[trades.instrument]
    settled = np.where(kept, 0.0, unit * (price - trades.price))
    paid = np.where(kept, -unit * trades.price, 0.0)
    variation = np.where(after, change[trades.instrument], np.where(on_day, settled[:, None], 0.0))
    exercise = np.where(on_day | after, payoff[trades.instrument], 0.0)
    return Flows(variation, np.where(on_day, paid[:, None], 0.0), exercise)


def balanced(amounts: Vector, digits: int, kind: str, day: object) -> Cents:
    """Amounts that add up to nothing, in whole minor units that do so too.

    Nearest first, half to even; then single minor units from those whose rounding went furthest the wrong way, ties to
    the earlier. Raises ReconciliationError when rounding cannot be the reason that they do not add up, InputError where
    an amount does not fit into 64 bits.
    """
    minor = minor_units(digits)
    exact = amounts * minor
    cents = whole(exact)
    excess = int(cents.sum())
    if excess == 0:
        return cents
    if abs(excess) > len(cents):
        raise ReconciliationError(f"{day}: {kind} over all accounts sums to {excess / minor:g} and not to zero")
    sign, count = (1, excess) if excess > 0 else (-1, -excess)
    missed = -sign * (cents - exact)
    limit = np.partition(missed, count - 1)[count - 1]
    further, equal = np.flatnonzero(missed < limit), np.flatnonzero(missed == limit)
    cents[further] -= sign
    cents[equal[: count - len(further)]] -= sign
    return cents
