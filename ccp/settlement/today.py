"""A day before anybody pays: its prices, positions and margins, and what is held."""

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from ccp.book.portfolio import Portfolio
from ccp.exposure.run import account_values
from ccp.margin.collateral import Holdings, by_pool, holdings, not_counted, value_after_haircut
from ccp.margin.requirement import Requirement, margin_requirement
from ccp.market.case import Case
from ccp.money import to_minor
from ccp.settlement.clearing import Clearing
from ccp.settlement.default import SettledEvent, cut_by_pool
from ccp.settlement.prices import DayPrices
from ccp.settlement.state import CycleState
from ccp.settlement.trades import Holding
from ccp.types import Cents, Flags


@dataclass(frozen=True)
class MarketDay:
    """A day's prices, and those of the day before (None on the first)."""

    day: int
    before: DayPrices | None
    now: DayPrices


@dataclass
class Today:
    """What is known of a day before anybody pays, and what comes of it.

    `flows` are variation, premium and exercise by account. `lines` are the securities held, `securities` their market
    value by pool, `held` what each pool holds after haircut when the day begins; in minor units. `unable` are members
    that could not bear a bill of the waterfall today. `asked` is what the day asks of members' liquidity: of who fails,
    what it did not pay.
    """

    market: MarketDay
    case: Case
    flows: dict[str, Cents]
    holding: Holding
    requirement: Requirement
    lines: Holdings | None
    securities: Cents
    held: Cents
    buffer: Fraction | None
    asked: Cents
    new_defaults: list[int] = field(default_factory=list)
    settled: list[SettledEvent] = field(default_factory=list)
    unable: set[int] = field(default_factory=set)

    @property
    def day(self) -> int:
        """The day's number."""
        return self.market.day

    @property
    def cut(self) -> Cents:
        """What the events settled today so far have cut, by pool."""
        return cut_by_pool(self.settled, len(self.securities))

    @property
    def received(self) -> Cents:
        """Everything exchanged, by account."""
        return sum(self.flows.values(), np.zeros_like(self.flows["variation"]))


def prepare(
    clearing: Clearing, state: CycleState, market: MarketDay, flows: dict[str, Cents], holding: Holding
) -> Today:
    """Positions, margin and collateral of a day. Changes the state: yesterday's margin and where the buffer stands are
    today's now, and on the first day the cash is there."""
    day = market.day
    active = state.event[clearing.terms.account_group] == 0
    portfolio = portfolio_of(clearing, holding, active, day)
    case = replace(clearing.path.case(day, market.now), prepared=portfolio)
    requirement = margin_requirement(case, Fraction(0))
    buffer = buffer_left(clearing, state, requirement, holding, day)
    if buffer:
        requirement = requirement.with_buffer(buffer)
    lines = holdings(case)
    securities = np.zeros(len(portfolio.pools), dtype=np.int64)
    if lines is not None:
        lines = lines.without(lines.cash)  # cash is kept by the run itself
        securities = by_pool(lines.pool, lines.pools, to_minor(lines.value, clearing.terms.digits))
    nothing = np.zeros(len(portfolio.members), dtype=np.int64)
    today = Today(market, case, flows, holding, requirement, lines, securities, state.cash, buffer, nothing)
    if day == 0:
        state.cash = opening_cash(clearing, case, requirement)
    today.held = after_haircut(clearing, today, state)
    state.margin = requirement.before_buffer
    return today


def portfolio_of(clearing: Clearing, holding: Holding, active: Flags, day: int) -> Portfolio:
    """The portfolio of a day: without accounts in default and instruments that are gone at its end. Changes
    the clearing: it keeps the portfolio for a day with the same positions."""
    alive = clearing.path.alive(day)
    kept = holding
    if not (alive.all() and active.all()):
        kept = holding.kept(active[holding.account] & alive[holding.instrument])
    if clearing.kept is not None and same_positions(clearing.kept[0], kept):
        return clearing.kept[1]
    positions = kept.arrays(len(clearing.terms.portfolio.accounts))
    portfolio = replace(clearing.terms.portfolio, positions=positions)
    clearing.kept = (kept, portfolio)
    return portfolio


def same_positions(one: Holding, other: Holding) -> bool:
    """Whether two holdings are alike."""
    return one is other or (
        len(one.key) == len(other.key)
        and np.array_equal(one.key, other.key)
        and np.array_equal(one.quantity, other.quantity)
    )


def buffer_left(
    clearing: Clearing, state: CycleState, found: Requirement, holding: Holding, day: int
) -> Fraction | None:
    """How much of the buffer there is today. Changes the state: where the buffer stands."""
    rules = clearing.terms.rulebook.margin.buffer
    if rules is None:
        return None
    if day > 0:
        unchanged = state.event[clearing.terms.account_group] == 0
        unchanged[clearing.terms.trades.between(day, day).account] = False
        gone = clearing.path.last_day[holding.instrument] == day
        unchanged[holding.account[gone]] = False
        sums = int(state.margin[unchanged].sum()), int(found.before_buffer[unchanged].sum())
        state.buffer = state.buffer.moved(rules.share, *sums)
    return state.buffer.share


def option_value(clearing: Clearing, today: Today) -> Cents:
    """What the premium-style options of every account are worth."""
    accounts = np.arange(len(clearing.terms.portfolio.accounts))
    if not clearing.path.premium.any():
        return np.zeros(len(accounts), dtype=np.int64)
    premium_value = today.requirement.premium_value[:, None]
    values = account_values(today.case.portfolio.positions, premium_value, accounts)
    return to_minor(values[:, 0], clearing.terms.digits)


def opening_cash(clearing: Clearing, case: Case, required: Requirement) -> Cents:
    """What pools hold in cash at the start: the cash in the collateral table, or without one what is required."""
    table = case.book.collateral
    if table is None:
        return clearing.terms.by_pool(required.account_margin)
    lines = holdings(case)
    assert lines is not None
    value = to_minor(lines.value, clearing.terms.digits)
    return by_pool(lines.pool, lines.pools, np.where(lines.cash, value, 0))


def after_haircut(clearing: Clearing, today: Today, state: CycleState) -> Cents:
    """What every pool holds after haircut, cash included; pools of groups in default that are settled hold none."""
    if today.lines is None:
        return state.cash.copy()
    required = clearing.terms.by_pool(today.requirement.account_margin)
    held = value_after_haircut(today.lines, required, clearing.terms.digits) + state.cash
    return np.where(sold_pools(clearing, state), 0, held)


def beyond_limits(clearing: Clearing, today: Today, state: CycleState) -> Cents:
    """By pool, value after haircut that counts nothing: paper of the own group, and what is beyond a limit."""
    if today.lines is None:
        return np.zeros_like(state.cash)
    required = clearing.terms.by_pool(today.requirement.account_margin)
    cut = not_counted(today.lines, required, clearing.terms.digits)
    return np.where(sold_pools(clearing, state), 0, cut)


def sold_pools(clearing: Clearing, state: CycleState) -> Flags:
    """Pools whose event is settled: their securities are sold."""
    open_events = [estate.number for estate in state.estates]
    event = state.event[clearing.terms.pool_group]
    return (event > 0) & ~np.isin(event, open_events)
