"""The daily cycle, day after day. What happens on a day, and in which order: docs/reference/daily-cycle.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ccp.errors import InputError
from ccp.margin.buffer import full_buffer
from ccp.money import to_minor
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.settlement.clearing import Clearing
from ccp.settlement.default import SettledEvent
from ccp.settlement.exchange import pay
from ccp.settlement.expected import expected_of
from ccp.settlement.failures import find_defaults, progress_estates
from ccp.settlement.fund import StressDay
from ccp.settlement.ledger import Ledger, no_totals
from ccp.settlement.periods import EndedPeriod, end_period, losses_of_periods, observed_today
from ccp.settlement.prices import DayPrices
from ccp.settlement.reconcile import reconcile
from ccp.settlement.resizing import after_payments, begin_day
from ccp.settlement.state import CycleState
from ccp.settlement.terms import RunTerms
from ccp.settlement.today import MarketDay, after_haircut, beyond_limits, option_value, prepare
from ccp.settlement.too_large import refuse_too_large
from ccp.settlement.trades import Holding, after_trades, opening_holding
from ccp.settlement.variation import BLOCK_DAYS, Flows, balanced, block_flows
from ccp.types import Cents, Flags, Vector
from ccp.waterfall.counting import LATEST_SETTLEMENT
from ccp.waterfall.standing import Standing, first_standing


@dataclass(frozen=True)
class DayResult:
    """What happened on a day, in minor units: by account what was exchanged, the margin, and what its premium-style
    options are worth; by pool what is held after haircut when the day's calls were paid, what own paper and limits
    leave out of that, and what was called; the ledger's rows; the state at its end.

    `held_before` is what counted when the day began, at the day's prices, `asked` what it asked of members' liquidity.
    `observed` are pools with a position when the day began, their group not in default; `ended` is the liquidation
    period that is over, None in the first days.
    `new_defaults` are groups. `stress` is None on days without, `fund` None where it was not resized.
    """

    day: int
    variation: Cents
    premium: Cents
    exercise: Cents
    account_margin: Cents
    option_value: Cents
    held_before: Cents
    held: Cents
    not_counted: Cents
    calls: Cents
    asked: Cents
    observed: Flags
    ended: EndedPeriod | None
    new_defaults: list[int]
    settled: list[SettledEvent]
    stress: StressDay | None
    fund: int | None
    buffer: Fraction | None
    ledger: Ledger
    state: CycleState


class Cycle:
    """A run of the daily cycle. `given` is a scenario set in place of the rulebook's."""

    def __init__(self, terms: RunTerms, given: ScenarioSet | None = None):
        self.terms = terms
        self.clearing = Clearing(terms, given)

    def run(self, state: CycleState | None = None) -> Iterator[DayResult]:
        """Every day of the run, or those after a state's day."""
        state = state or self.first_state()
        for first in range(0, self.terms.days, BLOCK_DAYS):
            last = min(first + BLOCK_DAYS, self.terms.days) - 1
            if last <= state.day:
                continue
            for result in self._block(state, first, last):
                state = result.state
                yield result

    def first_state(self) -> CycleState:
        """Before the first day: nothing is held yet."""
        portfolio = self.terms.portfolio
        members, pools = len(portfolio.members), len(portfolio.pools)
        none = np.zeros(members, dtype=np.int64)
        posted = self.terms.member_amounts("fund_contribution")
        stated = self.terms.case.book.states_contributions
        contributions = posted if stated else none
        share = self.terms.rulebook.margin.buffer
        return CycleState(
            day=-1,
            cash=np.zeros(pools, dtype=np.int64),
            standing=self._first_standing(contributions),
            fund_size=0,
            capital=self.terms.member_amounts("capital"),
            supplementary=none.copy(),
            supplementary_due=none.copy(),
            event=np.zeros(len(portfolio.groups), dtype=np.int64),
            totals=no_totals(self.clearing.chart),
            margin=np.zeros(len(portfolio.accounts), dtype=np.int64),
            buffer=full_buffer(share.share if share else 0.0),
        )

    def _first_standing(self, contributions: Cents) -> Standing:
        """Everything whole; haircuts cut the claims of pools."""
        portfolio = self.terms.portfolio
        pools, rules = len(portfolio.pools), self.terms.rulebook
        return first_standing(rules, portfolio.roster, contributions, counting=LATEST_SETTLEMENT, claimants=pools)

    def _block(self, state: CycleState, first: int, last: int) -> Iterator[DayResult]:
        """The days of a block after the state's; variation of all of them comes out of one pass."""
        terms, trades = self.terms, self.terms.trades
        before = self.clearing.path.on(first - 1) if first else None
        opening = after_trades(opening_holding(terms.portfolio), trades.between(0, first - 1))
        prices, failure = self._prices(first, last, opening)
        known = trades.between(first, first + len(prices) - 1)
        flows = block_flows(self.clearing.path, prices, before, opening, known, first) if prices else None
        losses = losses_of_periods(self.clearing, prices, first)
        for place, now in enumerate(prices):
            day = first + place
            opening = after_trades(opening, trades.between(day, day))
            if day <= state.day or flows is None:
                continue
            market = MarketDay(day, prices[place - 1] if place else before, now)
            result = self._day(state.copy(), market, self._cents(flows, place, day), opening, losses[:, place])
            state = result.state
            yield result
        if failure is not None:
            raise failure

    def _prices(self, first: int, last: int, opening: Holding) -> tuple[list[DayPrices], InputError | None]:
        """Prices of a block's days, up to the first that cannot be run; the days before it can be."""
        path, trades, prices = self.clearing.path, self.terms.trades, []
        for day in range(first, last + 1):
            try:
                now = path.on(day)
                refuse_too_large(path, now, day, opening, trades.between(first, day))
            except InputError as error:
                return prices, error
            prices.append(now)
        return prices, None

    def _cents(self, flows: Flows, place: int, day: int) -> dict[str, Cents]:
        """A day's flows by account in whole minor units; in a matched book each kind adds up to nothing."""
        parts = {"variation": flows.variation, "premium": flows.premium, "exercise": flows.exercise}
        date = self.terms.dates[day]
        if not self.terms.rulebook.book.matched:
            return {kind: to_minor(amounts[:, place], self.terms.digits) for kind, amounts in parts.items()}
        return {kind: balanced(part[:, place], self.terms.digits, kind, date) for kind, part in parts.items()}

    def _day(
        self, state: CycleState, market: MarketDay, flows: dict[str, Cents], holding: Holding, losses: Vector
    ) -> DayResult:
        clearing, ledger, day = self.clearing, Ledger(self.clearing.chart, state.totals), market.day
        today = prepare(clearing, state, market, flows, holding)
        if day == 0:
            post_opening(clearing, state, ledger)
        begin_day(clearing, state, ledger, day)
        progress_estates(clearing, state, ledger, today)
        dues = find_defaults(clearing, state, ledger, today)
        pay(clearing, state, ledger, today, dues)
        found, size = after_payments(clearing, state, ledger, today)
        observed = observed_today(clearing, state)
        ended = end_period(clearing, state, today, losses)
        state.day = day
        expected = expected_of(clearing, state, today)
        state.totals = reconcile(ledger, expected, self.terms.dates[day], self.terms.digits)
        return DayResult(
            day=day,
            **flows,
            account_margin=today.requirement.account_margin,
            option_value=option_value(clearing, today),
            held_before=today.held,
            held=after_haircut(clearing, today, state),
            not_counted=beyond_limits(clearing, today, state),
            calls=dues.call,
            asked=today.asked,
            observed=observed,
            ended=ended,
            new_defaults=today.new_defaults,
            settled=today.settled,
            stress=found,
            fund=size,
            buffer=today.buffer,
            ledger=ledger,
            state=state,
        )


def post_opening(clearing: Clearing, state: CycleState, ledger: Ledger) -> None:
    """Opening balances: cash in the pools, contributions, the clearing house's capital."""
    chart, source = clearing.chart, clearing.chart.of("opening")
    pools, members = np.arange(len(state.cash)), np.arange(len(state.standing.members))
    ledger.post("opening", source, chart.of("margin", pools), state.cash)
    ledger.post("opening", source, chart.of("fund", members), state.standing.contributions)
    tiers = np.arange(len(state.standing.left))
    ledger.post("opening", source, chart.of("capital", tiers), state.standing.left)
