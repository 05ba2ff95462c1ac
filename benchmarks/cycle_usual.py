"""The daily cycle's arithmetic as a careful user would write it with numpy and scipy: prices, unit losses, flows."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import ndtr

from benchmarks.cycle_setting import LIQUIDATION, SCENARIOS
from benchmarks.other_ways import Losses, by_blocks, sparse_book, tails
from ccp.settlement.terms import RunTerms

TAIL = np.full(5, 0.2)
"""Expected shortfall at 99 % of 500 losses is the mean of the five largest."""
BLOCK = 2_048
"""Accounts that the other way takes at a time: the best of 512, 2,048 and 4,096."""


@dataclass(frozen=True)
class Prices:
    """Price, forward and volatility by instrument on a day."""

    price: np.ndarray
    forward: np.ndarray
    volatility: np.ndarray


class Usual:
    """The same job as a careful user would write it. Every factor moves by ratios, no option is discounted."""

    def __init__(self, terms: RunTerms):
        table, factors = terms.case.book.instruments.sort("instrument_id"), terms.case.factor_ids
        place = {name: number for number, name in enumerate(factors)}
        self.terms, self.rows = terms, terms.rows
        self.levels = terms.path.select(factors).to_numpy()
        self.start = self.levels[self.rows[0]]
        self.price, self.multiplier = table["price"].to_numpy(), table["multiplier"].to_numpy()
        self.factor = np.array([place[name] for name in table["factor_id"]])
        self.is_option = (table["kind"].cast(pl.String) == "option").to_numpy()
        self.option = np.flatnonzero(self.is_option)
        options = table[self.option]
        self.volatility_factor = np.array([place[name] for name in options["volatility_id"]])
        self.forward, self.volatility = options["forward"].to_numpy(), options["implied_volatility"].to_numpy()
        self.strike = options["strike"].to_numpy()
        self.sign = np.where((options["right"].cast(pl.String) == "call").to_numpy(), 1.0, -1.0)
        self.premium = (table["style"].cast(pl.String) == "premium").fill_null(False).to_numpy()
        self.expiry = options["expiry"].cast(pl.Date).to_numpy().astype("datetime64[D]")
        pairs = [f"{name}/USD" for name in table["currency"]]
        self.currency = np.array([place.get(pair, -1) for pair in pairs])
        self.days = np.array(terms.dates, dtype="datetime64[D]")
        self.years = (self.expiry - self.days[0]) / np.timedelta64(1, "D") / 365
        self.book = sparse_book(terms.portfolio.positions, len(terms.portfolio.instruments))

    def black(self, forward: np.ndarray, volatility: np.ndarray, years: np.ndarray) -> np.ndarray:
        """Black's formula; every argument is option x scenario or broadcasts to it."""
        deviation = volatility * np.sqrt(years)
        sign, strike = self.sign.reshape(-1, 1), self.strike.reshape(-1, 1)
        first = np.log(forward / strike) / deviation + deviation / 2
        return sign * (forward * ndtr(sign * first) - strike * ndtr(sign * (first - deviation)))

    def prices(self, day: int) -> Prices:
        """Settlement prices: the book's, moved with their factors; options by the model."""
        ratio = self.levels[self.rows[day]] / self.start
        price = self.price * ratio[self.factor]
        forward = self.forward * ratio[self.factor[self.option]]
        volatility = self.volatility * ratio[self.volatility_factor]
        years = self.years.reshape(-1, 1)
        now = self.black(forward[:, None], volatility[:, None], years)
        then = self.black(self.forward[:, None], self.volatility[:, None], years)
        price[self.option] = np.maximum(self.price[self.option] + (now - then)[:, 0], 0)
        return Prices(price, forward, volatility)

    def rate(self, levels: np.ndarray) -> np.ndarray:
        """The rate of each instrument's currency; `levels` by factor, or scenario x factor."""
        return np.where(self.currency < 0, 1.0, levels[..., self.currency]).T

    def unit_loss(self, day: int, prices: Prices, relative: np.ndarray) -> np.ndarray:
        """The loss of one unit (instrument x scenario); `relative` is scenario x factor."""
        levels = self.levels[self.rows[day]]
        moves = 1 + relative.T
        price = prices.price[:, None] * moves[self.factor]
        forward = prices.forward[:, None] * moves[self.factor[self.option]]
        volatility = prices.volatility[:, None] * np.maximum(moves[self.volatility_factor], 0)
        after = np.busday_offset(self.days[day], LIQUIDATION, roll="forward")
        passed = (after - self.days[day]) / np.timedelta64(1, "D") / 365
        then = self.black(forward, volatility, np.maximum(self.years - passed, 1e-12).reshape(-1, 1))
        now = self.black(prices.forward[:, None], prices.volatility[:, None], self.years.reshape(-1, 1))
        price[self.option] = np.maximum(prices.price[self.option, None] + (then - now), 0)
        rate = self.rate(levels * (1 + relative))
        less = np.where(self.premium, 0.0, prices.price)[:, None]
        return -self.multiplier[:, None] * (price - less) * rate

    def returns(self, day: int) -> np.ndarray:
        """The latest 500 overlapping two-day returns (scenario x factor)."""
        known = self.levels[: self.rows[day] + 1]
        return known[-SCENARIOS:] / known[-SCENARIOS - LIQUIDATION : -LIQUIDATION] - 1

    def variation(self, prices: Prices, before: Prices, day: int) -> np.ndarray:
        """What every account's positions of the day before receive."""
        unit = self.multiplier * self.rate(self.levels[self.rows[day]])
        return self.book @ np.where(self.premium, 0.0, unit * (prices.price - before.price))

    def over_margin(self, unit_loss: np.ndarray, margin: np.ndarray, losses: Losses) -> np.ndarray:
        """Loss over margin by group and scenario; a house's surplus pays for its clients."""
        portfolio = self.terms.portfolio
        starts = np.searchsorted(portfolio.account_pool, np.arange(len(portfolio.pools)))
        parts = by_blocks(lambda first, last: losses(unit_loss, first, last), len(portfolio.accounts), BLOCK)
        pools = np.add.reduceat(np.concatenate(parts), starts) - np.add.reduceat(margin, starts)[:, None]
        paid = np.where(portfolio.pool_house[:, None], pools, np.maximum(pools, 0))
        members = np.add.reduceat(paid, np.searchsorted(portfolio.pool_member, np.arange(len(portfolio.members))))
        groups = np.zeros((len(portfolio.groups), pools.shape[1]))
        np.add.at(groups, portfolio.member_group, np.maximum(members, 0))
        return groups


def tails_of(unit_loss: np.ndarray, accounts: int, losses: Losses, by_hand: int = 1) -> np.ndarray:
    """Expected shortfall of every account, block by block."""
    found = by_blocks(lambda first, last: tails(losses(unit_loss, first, last), TAIL), accounts, BLOCK, by_hand)
    return np.concatenate(found)
