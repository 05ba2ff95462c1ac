"""The daily cycle, day after day. What happens on a day, and in which order, is said in docs/daily-cycle.md."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import floor

import numpy as np

from ccp.book.portfolio import Portfolio
from ccp.exposure.run import account_values
from ccp.margin.collateral import Holdings, by_pool, holdings, value_after_haircut, value_in_scenarios
from ccp.margin.requirement import Requirement, margin_requirement
from ccp.market.case import Case
from ccp.money import to_minor
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.stress_set import stress_scenarios
from ccp.settlement.close_out import day_result, estate_accounts, open_estate, value_at_once, with_result
from ccp.settlement.default import SettledEvent, settle_event
from ccp.settlement.fund import (
    StressDay,
    capital_in_force,
    due_days,
    fund_calls,
    resized,
    stress_day,
    supplementary_margin,
)
from ccp.settlement.ledger import Chart, Ledger
from ccp.settlement.payments import (
    Dues,
    capital_after,
    failing_members,
    margin_calls,
    members_in_default,
)
from ccp.settlement.prices import DayPrices, PricePath
from ccp.settlement.reconcile import reconcile
from ccp.settlement.state import Cover, Estate, Notice, State
from ccp.settlement.terms import RunTerms
from ccp.settlement.trades import Holding, after_trades, opening_holding
from ccp.settlement.variation import BLOCK_DAYS, Flows, balanced, block_flows
from ccp.stress.measure import measure_stress
from ccp.types import Cents, Flags
from ccp.waterfall.plan import capital_sizes, make_plan


@dataclass(frozen=True)
class DayResult:
    """What happened on a day, in minor units: by account what was exchanged, the margin, and what its premium-style
    options are worth; by pool what is held after
    haircut when the day's calls were paid, and called; the ledger's rows; the state at its end.

    `held_before` is what counted when the day began, at the day's prices. `new_defaults` are groups. `stress` is
    None on days without, `fund` None where it was not resized.
    """

    day: int
    variation: Cents
    premium: Cents
    exercise: Cents
    account_margin: Cents
    option_value: Cents
    held_before: Cents
    held: Cents
    calls: Cents
    new_defaults: list[int]
    settled: list[SettledEvent]
    stress: StressDay | None
    fund: int | None
    buffer: Fraction | None
    ledger: Ledger
    state: State


@dataclass(frozen=True)
class _MarketDay:
    """A day's prices, and those of the day before (None on the first)."""

    day: int
    before: DayPrices | None
    now: DayPrices


@dataclass
class _Today:
    """What is known of a day before anybody pays. `flows` are variation, premium and exercise by account."""

    market: _MarketDay
    case: Case
    flows: dict[str, Cents]
    holding: Holding
    requirement: Requirement
    lines: Holdings | None
    securities: Cents
    held: Cents
    buffer: Fraction | None
    new_defaults: list[int] = field(default_factory=list)
    settled: list[SettledEvent] = field(default_factory=list)

    @property
    def day(self) -> int:
        """The day's number."""
        return self.market.day

    @property
    def received(self) -> Cents:
        """Everything exchanged, by account."""
        return sum(self.flows.values(), np.zeros_like(self.flows["variation"]))


class Cycle:
    """A run of the daily cycle. `given` is a scenario set in place of the rulebook's."""

    def __init__(self, terms: RunTerms, given: ScenarioSet | None = None):
        self.terms, self.given = terms, given
        self.path = PricePath(terms)
        tiers = tuple(place for place, tier in enumerate(terms.rulebook.tiers, start=1) if tier.tier == "ccp_capital")
        self.chart = Chart(terms.portfolio, tiers)
        self.stress_days = due_days(terms, terms.rulebook.settlement.stress)
        self.resize_days = due_days(terms, terms.rulebook.fund.schedule) | {0}
        self._portfolio: tuple[Holding, Portfolio] | None = None

    def run(self, state: State | None = None) -> Iterator[DayResult]:
        """Every day of the run, or those after a state's day."""
        state = state or self.first_state()
        for first in range(0, self.terms.days, BLOCK_DAYS):
            last = min(first + BLOCK_DAYS, self.terms.days) - 1
            if last <= state.day:
                continue
            for result in self._block(state, first, last):
                state = result.state
                yield result

    def first_state(self) -> State:
        """Before the first day: nothing is held yet."""
        portfolio = self.terms.portfolio
        members, pools = len(portfolio.members), len(portfolio.pools)
        none = np.zeros(members, dtype=np.int64)
        posted = self.terms.member_amounts("fund_contribution")
        stated = self.terms.case.book.states_contributions
        contributions = posted if stated else none
        plan = make_plan(
            self.terms.rulebook, portfolio.members, portfolio.groups, portfolio.member_group, contributions
        )
        share = self.terms.rulebook.margin.buffer
        return State(
            day=-1,
            cash=np.zeros(pools, dtype=np.int64),
            contributions=contributions.copy(),
            required=contributions.copy(),
            fund_size=0,
            capital=self.terms.member_amounts("capital"),
            supplementary=none.copy(),
            supplementary_due=none.copy(),
            tier_left=capital_sizes(plan),
            tier_full=capital_sizes(plan),
            event=np.zeros(len(portfolio.groups), dtype=np.int64),
            balance=np.zeros(self.chart.size, dtype=np.int64),
            margin=np.zeros(len(portfolio.accounts), dtype=np.int64),
            carried=1.0 + (share.share if share else 0.0),
        )

    def _block(self, state: State, first: int, last: int) -> Iterator[DayResult]:
        """The days of a block after the state's; variation of all of them comes out of one pass."""
        terms, trades = self.terms, self.terms.trades
        before = self.path.on(first - 1) if first else None
        prices, failure = [], None
        for day in range(first, last + 1):
            try:
                prices.append(self.path.on(day))
            except Exception as error:  # the days before it can still be run
                failure = error
                break
        opening = after_trades(opening_holding(terms.portfolio), trades.between(0, first - 1))
        known = trades.between(first, first + len(prices) - 1)
        flows = block_flows(self.path, prices, before, opening, known, first) if prices else None
        for place, now in enumerate(prices):
            day = first + place
            opening = after_trades(opening, trades.between(day, day))
            if day <= state.day or flows is None:
                continue
            market = _MarketDay(day, prices[place - 1] if place else before, now)
            result = self._day(state.copy(), market, self._cents(flows, place, day), opening)
            state = result.state
            yield result
        if failure is not None:
            raise failure

    def _cents(self, flows: Flows, place: int, day: int) -> dict[str, Cents]:
        """A day's flows by account in whole minor units; in a matched book each kind adds up to nothing."""
        parts = {"variation": flows.variation, "premium": flows.premium, "exercise": flows.exercise}
        date = self.terms.dates[day]
        if not self.terms.rulebook.book.matched:
            return {kind: to_minor(amounts[:, place], self.terms.digits) for kind, amounts in parts.items()}
        return {kind: balanced(part[:, place], self.terms.digits, kind, date) for kind, part in parts.items()}

    def _day(self, state: State, market: _MarketDay, flows: dict[str, Cents], holding: Holding) -> DayResult:
        ledger, day = Ledger(self.chart, state.balance), market.day
        today = self._prepare(state, market, flows, holding)
        if day == 0:
            self._open(state, ledger, today)
        self._restore_capital(state, ledger, day)
        self._heed_notices(state, day)
        self._progress(state, ledger, today)
        held_before = today.held
        dues = self._defaults(state, ledger, today)
        self._pay(state, ledger, today, dues)
        found = self._stress(state, today) if day in self.stress_days | self.resize_days else None
        size = self._resize(state, ledger, found, day) if found is not None and day in self.resize_days else None
        if found is not None:
            if size is not None:  # capital, and on the first day the fund, are there now
                found = stress_day(self.terms, state, found.measured)
            state.supplementary_due = supplementary_margin(self.terms, found)
        state.day = day
        state.balance = reconcile(
            ledger, self._held(state), members_in_default(self.terms, state), self.terms.dates[day], self.terms.digits
        )
        return DayResult(
            day=day,
            variation=flows["variation"],
            premium=flows["premium"],
            exercise=flows["exercise"],
            account_margin=today.requirement.account_margin,
            option_value=self._option_value(today),
            held_before=held_before,
            held=self._after_haircut(today, state),
            calls=dues.call,
            new_defaults=today.new_defaults,
            settled=today.settled,
            stress=found,
            fund=size,
            buffer=today.buffer,
            ledger=ledger,
            state=state,
        )

    # --- before anybody pays ---

    def _prepare(self, state: State, market: _MarketDay, flows: dict[str, Cents], holding: Holding) -> _Today:
        """Positions, margin and collateral of a day."""
        day = market.day
        active = state.event[self.terms.account_group] == 0
        portfolio = self._with_positions(holding, active, day)
        case = replace(self.path.case(day, market.now), prepared=portfolio)
        requirement = margin_requirement(case, Fraction(0))
        buffer = self._buffer(state, requirement, holding, day)
        if buffer:
            requirement = requirement.with_buffer(buffer)
        lines = holdings(case)
        securities = np.zeros(len(portfolio.pools), dtype=np.int64)
        if lines is not None:
            lines = self._without_cash(lines)
            securities = by_pool(lines, to_minor(lines.value, self.terms.digits))
        today = _Today(market, case, flows, holding, requirement, lines, securities, state.cash, buffer)
        if day == 0:
            state.cash = self._opening_cash(case, requirement)
        today.held = self._after_haircut(today, state)
        state.margin = requirement.before_buffer
        return today

    def _with_positions(self, holding: Holding, active: Flags, day: int) -> Portfolio:
        """The portfolio of a day: without accounts in default and instruments that are gone at its end."""
        alive = self.path.alive(day)
        kept = holding
        if not (alive.all() and active.all()):
            kept = holding.kept(active[holding.account] & alive[holding.instrument])
        if self._portfolio is not None and self._same(self._portfolio[0], kept):
            return self._portfolio[1]
        positions = kept.arrays(len(self.terms.portfolio.accounts))
        portfolio = replace(self.terms.portfolio, positions=positions)
        self._portfolio = (kept, portfolio)
        return portfolio

    @staticmethod
    def _same(one: Holding, other: Holding) -> bool:
        return one is other or (
            len(one.key) == len(other.key)
            and np.array_equal(one.key, other.key)
            and np.array_equal(one.quantity, other.quantity)
        )

    def _buffer(self, state: State, found: Requirement, holding: Holding, day: int) -> Fraction | None:
        """How much of the buffer there is today; moves the state's index."""
        rules = self.terms.rulebook.margin.buffer
        if rules is None:
            return None
        if day > 0:
            unchanged = state.event[self.terms.account_group] == 0
            unchanged[self.terms.trades.between(day, day).account] = False
            gone = self.path.last_day[holding.instrument] == day
            unchanged[holding.account[gone]] = False
            yesterday, now = int(state.margin[unchanged].sum()), int(found.before_buffer[unchanged].sum())
            if yesterday > 0 and now > 0:
                state.index *= now / yesterday
        state.carried = min(max(state.carried, state.index), (1.0 + rules.share) * state.index)
        return Fraction(floor((state.carried / state.index - 1.0) * 1e6 + 1e-6), 10**6)

    def _option_value(self, today: _Today) -> Cents:
        """What the premium-style options of every account are worth."""
        accounts = np.arange(len(self.terms.portfolio.accounts))
        if not self.path.premium.any():
            return np.zeros(len(accounts), dtype=np.int64)
        standing = today.requirement.standing[:, None]
        values = account_values(today.case.portfolio.positions, standing, accounts)
        return to_minor(values[:, 0], self.terms.digits)

    def _opening_cash(self, case: Case, required: Requirement) -> Cents:
        """What pools hold in cash at the start: the cash in the collateral table, or without one what is required."""
        table = case.book.collateral
        if table is None:
            return self.terms.by_pool(required.account_margin)
        lines = holdings(case)
        assert lines is not None
        cash = self._cash_lines(lines)
        return by_pool(lines, np.where(cash, to_minor(lines.value, self.terms.digits), 0))

    @staticmethod
    def _cash_lines(lines: Holdings) -> Flags:
        """Lines that are cash in the service currency: no factor, no other currency, no haircut."""
        return ~lines.security & (lines.currency < 0) & (lines.haircut == 0)

    def _without_cash(self, lines: Holdings) -> Holdings:
        """The lines that are not cash: cash is kept by the run itself."""
        return lines.without(self._cash_lines(lines))

    def _after_haircut(self, today: _Today, state: State) -> Cents:
        """What every pool holds after haircut, cash included; pools of groups in default that are settled hold none."""
        if today.lines is None:
            return state.cash.copy()
        required = self.terms.by_pool(today.requirement.account_margin)
        rules = self.terms.rulebook.collateral
        held = value_after_haircut(today.lines, rules, required, self.terms.digits) + state.cash
        return np.where(self._sold(state), 0, held)

    def _sold(self, state: State) -> Flags:
        """Pools whose event is settled: their securities are sold."""
        open_events = [estate.number for estate in state.estates]
        event = state.event[self.terms.pool_group]
        return (event > 0) & ~np.isin(event, open_events)

    def _open(self, state: State, ledger: Ledger, today: _Today) -> None:
        """Opening balances: cash in the pools, contributions, the clearing house's capital."""
        chart, source = self.chart, self.chart.of("opening")
        pools, members = np.arange(len(state.cash)), np.arange(len(state.contributions))
        ledger.post("opening", source, chart.of("margin", pools), state.cash)
        ledger.post("opening", source, chart.of("fund", members), state.contributions)
        tiers = np.arange(len(state.tier_left))
        ledger.post("opening", source, chart.of("capital", tiers), state.tier_left)

    def _restore_capital(self, state: State, ledger: Ledger, day: int) -> None:
        """The owners pay in what was used of the clearing house's capital, on the day it is due."""
        if state.capital_back_on != day:
            return
        tiers = np.arange(len(state.tier_left))
        missing = state.tier_full - state.tier_left
        ledger.post("capital paid in", self.chart.of("owners"), self.chart.of("capital", tiers), missing)
        state.tier_left = state.tier_full.copy()
        state.capital_back_on = -1

    def _heed_notices(self, state: State, day: int) -> None:
        """What is required to be contributed from today on."""
        for notice in state.notices:
            if notice.day <= day:
                state.required = np.where(members_in_default(self.terms, state), 0, notice.required)
        state.notices = [notice for notice in state.notices if notice.day > day]

    # --- defaults ---

    def _progress(self, state: State, ledger: Ledger, today: _Today) -> None:
        """A day's result of the books that are being closed out, and the waterfall of those that are done."""
        still_open = []
        for estate in state.estates:
            assert today.market.before is not None
            result, variation = day_result(self.path, estate, today.market.before, today.market.now, today.day)
            estate = self._post_estate(ledger, estate, today, result, variation)
            if estate.last <= today.day or today.day == self.terms.days - 1:
                self._settle(state, ledger, today, estate)
            else:
                still_open.append(estate)
        state.estates = still_open

    def _post_estate(self, ledger: Ledger, estate: Estate, today: _Today, result: Cents, variation: Cents) -> Estate:
        """Variation of what the estate still holds, sales and their cost; the transferees hold the rest."""
        mine = estate_accounts(self.path, estate)
        source, others = self.chart.of("estate", estate.number - 1), self.chart.of("transferees")
        settlement = self.chart.of("settlement")
        exchanged, total = int(variation[mine].sum()), int(result[mine].sum())
        ledger.post("variation", settlement, source, exchanged)
        ledger.post("sale", others, source, total - exchanged)
        for kind, amounts in today.flows.items():
            whole = int(amounts[mine].sum())
            ledger.post(kind, settlement, others, whole - (exchanged if kind == "variation" else 0))
        return self._with_liquidity(ledger, with_result(self.path, estate, result))

    def _with_liquidity(self, ledger: Ledger, estate: Estate) -> Estate:
        """The estate with what it has to borrow."""
        missing = max(-estate.cash, 0)
        ledger.post("liquidity drawn", self.chart.of("lender"), self.chart.of("estate", estate.number - 1), missing)
        return replace(estate, borrowed=estate.borrowed + missing)

    def _settle(self, state: State, ledger: Ledger, today: _Today, estate: Estate) -> None:
        settled = settle_event(self.terms, state, estate, today.securities, ledger, today.day)
        today.settled.append(settled)
        rules = self.terms.rulebook.fund
        state.suspended_until = today.day + rules.replenishment_days
        if settled.outcome.drawn("ccp_capital"):
            state.capital_back_on = today.day + rules.capital_restoration_days

    def _defaults(self, state: State, ledger: Ledger, today: _Today) -> Dues:
        """Find who cannot pay, until nobody is left who cannot. Returns what the others owe."""
        named = set(self.terms.named.get(today.day, ()))
        while True:
            dues = self._dues(state, today)
            failing = set(self.terms.portfolio.member_group[failing_members(self.terms, state, dues)].tolist())
            failing |= {group for group in named if not state.event[group]}
            if not failing:
                return dues
            self._default(state, ledger, today, tuple(sorted(failing)))

    def _dues(self, state: State, today: _Today) -> Dues:
        """What everybody who is not in default owes and is owed."""
        active = ~members_in_default(self.terms, state)
        required = self.terms.by_pool(today.requirement.account_margin)
        held = self._after_haircut(today, state)
        received = np.where(state.event[self.terms.pool_group] == 0, self.terms.by_pool(today.received), 0)
        fund = fund_calls(self.terms, state, today.day)
        supplementary = np.where(active, state.supplementary_due - state.supplementary, 0)
        if not self.terms.rulebook.settlement.excess_returned:
            supplementary = np.maximum(supplementary, 0)
        return Dues(received, margin_calls(self.terms, state, required, held), supplementary, fund)

    def _default(self, state: State, ledger: Ledger, today: _Today, groups: tuple[int, ...]) -> None:
        """Put groups in default: one event. Their book is taken over, and closed out at once or from tomorrow on."""
        number = int(state.event.max()) + 1
        estate = open_estate(self.path, today.case, today.requirement, today.holding, groups, number, today.day)
        state.event[list(groups)] = number
        today.new_defaults += groups
        mine = estate_accounts(self.path, estate)
        result = np.where(mine, today.received, 0)
        source = self.chart.of("estate", number - 1)
        at_once = self.terms.rulebook.close_out.method == "instant" or today.day == self.terms.days - 1
        fetched = value_at_once(self.path, estate, today.market.now) if at_once else np.zeros_like(result)
        for kind, amounts in today.flows.items():
            ledger.post(kind, self.chart.of("settlement"), source, int(amounts[mine].sum()))
        ledger.post("sale", self.chart.of("transferees"), source, int(fetched.sum()))
        estate = self._with_liquidity(ledger, with_result(self.path, estate, result + fetched))
        if at_once or estate.last <= today.day:
            self._settle(state, ledger, today, estate)
        else:
            state.estates = [*state.estates, estate]

    # --- payments ---

    def _pay(self, state: State, ledger: Ledger, today: _Today, dues: Dues) -> None:
        """Everybody who is not in default pays and is paid; the rest of the day's flows is somebody else's."""
        chart, pools = self.chart, np.arange(len(state.cash))
        members = np.arange(len(state.contributions))
        active = state.event[self.terms.account_group] == 0
        settlement = chart.of("settlement")
        for kind, amounts in today.flows.items():
            paid = self.terms.by_pool(np.where(active, amounts, 0))
            ledger.post(kind, settlement, chart.owner(pools), paid)
            ledger.post(kind, chart.of("unmatched"), settlement, int(amounts.sum()))
        self._post_gone(state, ledger, today)
        for word, due, target, source in (
            ("margin", dues.call, chart.of("margin", pools), chart.owner(pools)),
            ("supplementary", dues.supplementary, chart.of("supplementary", members), chart.of("house", members)),
            ("fund", dues.fund, chart.of("fund", members), chart.of("house", members)),
        ):
            ledger.post(f"{word} call", source, target, np.maximum(due, 0))
            ledger.post(f"{word} return", target, source, np.maximum(-due, 0))
        state.capital = capital_after(self.terms, state, dues)
        state.cash = state.cash + dues.call
        state.supplementary = state.supplementary + dues.supplementary
        state.contributions = state.contributions + dues.fund

    def _post_gone(self, state: State, ledger: Ledger, today: _Today) -> None:
        """Flows of accounts whose event was settled before today: the transferees hold their positions."""
        open_today = {estate.number for estate in state.estates} | {one.estate.number for one in today.settled}
        event = state.event[self.terms.account_group]
        gone = (event > 0) & ~np.isin(event, list(open_today))
        for kind, amounts in today.flows.items():
            ledger.post(kind, self.chart.of("settlement"), self.chart.of("transferees"), int(amounts[gone].sum()))

    # --- after payments ---

    def _stress(self, state: State, today: _Today) -> StressDay:
        """Stress losses and cover of the day."""
        case, digits, requirement = today.case, self.terms.digits, today.requirement
        scenarios = self.given or stress_scenarios(self.terms.rulebook, case.market, case.factor_ids)
        held = self._after_haircut(today, state)
        moved = None
        if today.lines is not None and self.terms.rulebook.collateral.stress == "scenario":
            moved = value_in_scenarios(today.lines, scenarios, digits) + state.cash[:, None]
        active = state.event[self.terms.account_group] == 0
        if not active.all():
            kept = self._with_positions(today.holding, active, today.day)
            case = replace(case, prepared=kept)
            requirement = replace(requirement, account_margin=np.where(active, requirement.account_margin, 0))
        measured = measure_stress(case, scenarios, requirement, held, moved)
        found = stress_day(self.terms, state, measured)
        rules, cover = self.terms.rulebook.fund, found.covers[self.terms.rulebook.fund.cover].amount
        first = today.day - rules.look_back.days + 1
        state.covers = [entry for entry in state.covers if entry.day >= first]
        state.covers.append(Cover(today.day, cover, found.group_worst))
        return found

    def _resize(self, state: State, ledger: Ledger, found: StressDay, day: int) -> int:
        """Size the fund anew; on the first day without posted contributions it is paid in at once."""
        size, required = resized(self.terms, state, found)
        state.fund_size = size
        rules, chart = self.terms.rulebook.fund, self.chart
        if day == 0 and not self.terms.case.book.states_contributions:
            members = np.arange(len(required))
            ledger.post("opening", chart.of("opening"), chart.of("fund", members), required)
            state.required, state.contributions = required, required.copy()
        else:
            state.notices = [*state.notices, Notice(day + rules.notice_days, required)]
        self._fix_capital(state, ledger)
        return size

    def _fix_capital(self, state: State, ledger: Ledger) -> None:
        """The owners bring, or take back, what the capital's new size asks for; a tier that is used in part waits."""
        chart, tiers = self.chart, np.arange(len(state.tier_left))
        whole = state.tier_left == state.tier_full
        change = np.where(whole, capital_in_force(self.terms, state) - state.tier_full, 0)
        source, target = chart.of("owners"), chart.of("capital", tiers)
        ledger.post("capital paid in", source, target, np.maximum(change, 0))
        ledger.post("capital paid out", target, source, np.maximum(-change, 0))
        state.tier_full = state.tier_full + change
        state.tier_left = state.tier_left + change

    def _held(self, state: State) -> Cents:
        """What the engine says is in every account inside."""
        chart, held = self.chart, np.zeros(self.chart.size, dtype=np.int64)
        members = np.arange(len(state.contributions))
        held[chart.of("margin", np.arange(len(state.cash)))] = state.cash
        held[chart.of("supplementary", members)] = state.supplementary
        held[chart.of("fund", members)] = state.contributions
        held[chart.of("capital", np.arange(len(state.tier_left)))] = state.tier_left
        for estate in state.estates:
            held[chart.of("estate", estate.number - 1)] = estate.cash
        return held
