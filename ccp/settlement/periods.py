"""What pools lose over the liquidation period against the margin that stood when it began.

A period that begins on day `s` is over when the slowest instrument has had its liquidation days; nothing is known of it
before. docs/reference/daily-cycle.md, section 10.
"""

from dataclasses import dataclass

import numpy as np

from ccp.exposure.run import account_values
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.money import to_minor
from ccp.settlement.clearing import Clearing
from ccp.settlement.prices import DayPrices
from ccp.settlement.state import CycleState, StoodMargin
from ccp.settlement.today import Today
from ccp.settlement.trades import RunTrades, after_trades, opening_holding, trades_as_positions
from ccp.types import Cents, Flags, InstrumentByScenario, Vector


@dataclass(frozen=True)
class EndedPeriod:
    """A liquidation period that is over today, by pool in minor units.

    `loss` is that of closing out the positions of the end of its first day, `margin` what was required then; `counted`
    are the pools that held a position then and whose group was not in default: who holds nothing shows nothing.
    """

    loss: Cents
    margin: Cents
    counted: Flags

    @property
    def beyond(self) -> Cents:
        """By how much the loss exceeds the margin, of pools that count."""
        return np.where(self.counted, np.maximum(self.loss - self.margin, 0), 0)


def end_period(clearing: Clearing, state: CycleState, today: Today, losses: Vector) -> EndedPeriod | None:
    """The period that is over at the end of a day; none in the run's first days. Changes the state: today's margin
    stands from now on. `losses`: of the period, by account, in units."""
    terms = clearing.terms
    observed = today.case.portfolio.holding_pools & (state.event[terms.pool_group] == 0)
    state.stood.append(StoodMargin(terms.by_pool(today.requirement.account_margin), observed))
    if len(state.stood) <= clearing.horizon:
        return None
    stood = state.stood.pop(0)
    return EndedPeriod(terms.by_pool(to_minor(losses, terms.digits)), stood.margin, stood.observed)


def observed_today(clearing: Clearing, state: CycleState) -> Flags:
    """Pools whose loss of the day is an observation, by the state before it; none on the first day."""
    pools = len(clearing.terms.portfolio.pools)
    return state.stood[-1].observed if state.stood else np.zeros(pools, dtype=bool)


def losses_of_periods(clearing: Clearing, prices: list[DayPrices], first: int) -> Vector:
    """What each account loses over the period that ends on each day of a block from day `first` on, in units.

    `prices` are those of the block's days. Account x day; 0 where no period ends. One pass over the positions of the
    end of the first period's first day, and over the trades since, each there from its day on.
    """
    terms = clearing.terms
    accounts, earlier = len(terms.portfolio.accounts), first - clearing.horizon
    if earlier + len(prices) <= 0:
        return np.zeros((accounts, len(prices)))
    known = [clearing.path.on(day) for day in range(max(earlier, 0), first)] + prices
    unit = _unit_losses(clearing, known, first, len(prices))
    begin, end = max(earlier, 0), earlier + len(prices) - 1
    everyone = np.arange(accounts)
    held = after_trades(opening_holding(terms.portfolio), terms.trades.between(0, begin)).arrays(accounts)
    losses = account_values(held, unit, everyone)
    since = terms.trades.between(begin + 1, end)
    return losses + account_values(*_of_trades(since, unit, accounts, earlier), everyone)


def _of_trades(
    trades: RunTrades, unit: InstrumentByScenario, accounts: int, earlier: int
) -> tuple[PositionArrays, InstrumentByScenario]:
    """Trades as positions, and what one unit of each loses in the periods that begin on its day or later."""
    begins = earlier + np.arange(unit.shape[1])
    there = begins[None, :] >= trades.day[:, None]
    return trades_as_positions(trades, accounts), np.where(there, unit[trades.instrument], 0.0)


def _unit_losses(clearing: Clearing, known: list[DayPrices], first: int, days: int) -> InstrumentByScenario:
    """The close-out loss of one long unit over the period that ends on each of `days` days from `first` on.

    `known` are the prices of the days up to the last of them. What is gone when a period begins loses nothing; what
    expires within it is settled at its last price.
    """
    path, oldest = clearing.path, first + days - len(known)
    price = np.stack([day.price for day in known], axis=1)
    rate = np.stack([day.exchange for day in known], axis=1)
    unit, rows = np.zeros((len(price), days)), np.arange(len(price))
    for place in range(days):
        begin = first + place - clearing.horizon
        if begin < 0:
            continue
        end = np.minimum(begin + clearing.periods, path.last_day) - oldest
        last, paid = price[rows, end], np.where(path.premium, 0.0, price[:, begin - oldest])
        unit[:, place] = np.where(path.alive(begin), -path.multiplier * (last - paid) * rate[rows, end], 0.0)
    return unit
