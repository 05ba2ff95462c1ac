"""The daily cycle (`ccp simulate`) once more, slowly: plain dicts, lists and loops, from the documents alone.

Written from daily-cycle.md, margin-models.md and arithmetic.md without a look at the package. It borrows
from `end_to_end_twin` (the same kind of twin of `ccp size`) and shares no code with what it checks. Small cases only.

    book, market, rules, given   as in `end_to_end_twin`, with the further columns and parts of the two documents
    first, last                  the days of the run
    book_date                    the day on which the book's prices hold, if not the first
    trades                       [{"date", "account_id", "instrument_id", "quantity", "price"}]
    gaps                         [(date, scenario id)]
    defaults                     [(group id, date)]
    closed                       [(from, to)]
    expiry                       "dated" or "constant"

Money is in whole minor units. Where the documents leave something open, `# reading:` says how it was read.
"""

from __future__ import annotations

import math
import re
import sys
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from itertools import combinations
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from support import collateral_twin
from support import end_to_end_twin as twin
from support.end_to_end_twin import Row, Shocks, exact, share_out

Windows = dict[int, Shocks]  # by number of rows: every factor's move over so many rows, up to one and the same row
Weights = list[int] | list[Fraction]
BURN_IN = 75


# --- what stands still during a run ----------------------------------------------------------------------------------


class DayHistory(twin.History):
    """The market as it is known on one of its rows."""

    def __init__(self, setup: Setup, row: int, levels: dict[str, list[float | None]] | None = None) -> None:
        self.dates = setup.dates[: row + 1]
        self.date = self.dates[-1]
        self.kinds = setup.kinds
        self.every = setup.every
        self.market_levels = setup.market_levels
        columns = setup.levels if levels is None else levels
        self.levels = {factor: column[: row + 1] for factor, column in columns.items()}


class Setup:
    """The book taken to its first day, the market without closed days and with gaps, and the parts of the rulebook."""

    def __init__(self, book: Row, market: Row, rules: Row, given: list[Row] | None) -> None:
        self.rules = rules if "stress" in rules else rules | {"stress": {"historical": {"worst": 10}}}
        self.given = given
        self.currency: str = rules["currency"]
        self.minor: int = 10 ** rules.get("currency_digits", 2)
        self.margin: Row = rules["margin"]
        self.stress: Row = self.rules["stress"]
        self.fund: Row = rules.get("fund") or {}
        self.close_out: Row = rules.get("close_out") or {}
        self.collateral_rules: Row = rules.get("collateral") or {}
        self.settlement: Row = rules.get("settlement") or {}
        self.gradual = self.close_out.get("method", "instant") == "gradual"

        self.members = {row["member_id"]: row for row in sorted(book["members"], key=lambda row: row["member_id"])}
        self.group_of = {member: row.get("group_id") or member for member, row in self.members.items()}
        self.groups = sorted(set(self.group_of.values()))

        def place(row: Row) -> tuple[str, str, str]:
            return row["member_id"], row.get("pool_id") or row["account_id"], row["account_id"]

        self.accounts = {row["account_id"]: row for row in sorted(book["accounts"], key=place)}
        self.pool_of = {account: row.get("pool_id") or account for account, row in self.accounts.items()}
        self.pools = {self.pool_of[name]: (row["member_id"], row["kind"]) for name, row in self.accounts.items()}
        self.instruments: dict[str, Row] = {
            row["instrument_id"]: dict(row) for row in sorted(book["instruments"], key=lambda row: row["instrument_id"])
        }
        lines: list[Row] | None = book.get("collateral")
        self.securities = None if lines is None else collateral_twin.with_groups(lines)
        self.positions: dict[str, dict[str, float]] = {account: {} for account in self.accounts}
        for row in sorted(book["positions"], key=lambda row: row["instrument_id"]):
            self.positions[row["account_id"]][row["instrument_id"]] = row["quantity"]

        self.kinds: dict[str, Row] = {name: row for name, row in market["factors"].items() if name in market["levels"]}
        self.needed = needed_factors(book, self.currency)
        self.every = sorted({*market["levels"], *self.needed})
        self.dates: list[date] = []
        self.market_levels: dict[str, list[float | None]] = {}  # of factors that nothing needs as well
        self.levels: dict[str, list[float | None]] = {}
        self.days: list[int] = []  # rows of the run
        self.expiry = "dated"
        self.last_row: dict[str, int | None] = {}  # of an instrument: its last day
        self.horizon = {  # of an instrument: its liquidation period
            name: twin.liquidation_period(self.margin, market["factors"], row) for name, row in self.instruments.items()
        }
        self.trades: dict[date, list[Row]] = {}
        self.named: dict[date, list[str]] = {}

    def owner(self, account: str) -> str:
        return self.accounts[account]["member_id"]

    def group(self, account: str) -> str:
        return self.group_of[self.owner(account)]

    def cents(self, amount: float) -> int:
        return round(amount * self.minor)

    def premium_style(self, instrument: str) -> bool:
        row = self.instruments[instrument]
        return row["kind"] == "option" and row["style"] == "premium"


def needed_factors(book: Row, currency: str) -> list[str]:
    """reading: the factor of a security is needed as an instrument's is, whatever `collateral.stress` says."""
    own = {row["factor_id"] for row in book.get("collateral") or [] if row.get("factor_id")}
    return sorted({*twin.needed_factors(book, currency), *own})


def without(days: list[date], closed: list[tuple[date, date]]) -> list[int]:
    """Rows of the days that are not closed."""
    return [row for row, day in enumerate(days) if not any(first <= day <= last for first, last in closed)]


def is_absolute(kinds: dict[str, Row], factor: str) -> bool:
    return kinds.get(factor, {}).get("change") == "absolute"


def columns_of(raw: dict[str, list[float | None]], needed: list[str]) -> dict[str, list[float | None]]:
    """Every needed factor's levels, modelled where the market lacks it."""
    columns = {}
    for factor in needed:
        if factor in raw:
            columns[factor] = raw[factor]
        else:
            columns[factor] = twin.modelled_volatility(raw[factor.removesuffix(".VOL")])
    return columns


def shifted(levels: list[float | None], own_day: int, first: int, absolute: bool) -> list[float | None]:
    """The column moved as a whole, so that its level on the first day is what it was on the book's own day."""
    there, here = levels[own_day], levels[first]
    assert there is not None
    assert here is not None
    if absolute:
        return [None if level is None else level + there - here for level in levels]
    return [None if level is None else level * there / here for level in levels]


def levels_of_the_run(
    setup: Setup, raw: dict[str, list[float | None]], own_day: int | None, gaps: list[tuple[date, str]]
) -> dict[str, list[float | None]]:
    """Levels of the needed factors: taken to the first day, then gapped."""
    first = setup.days[0]
    ungapped = columns_of(raw, setup.needed)
    moved = setup.market_levels = dict(raw)
    if own_day is not None:
        for factor in setup.needed:
            if factor in raw:
                moved[factor] = shifted(raw[factor], own_day, first, is_absolute(setup.kinds, factor))

    def columns() -> dict[str, list[float | None]]:
        result = columns_of(moved, setup.needed)
        for factor in set(setup.needed) - set(raw):
            if own_day is not None:  # a modelled volatility is taken to its level on the book's day like any other
                # reading: by the ratio of the levels before any gap
                there, here = ungapped[factor][own_day], ungapped[factor][first]
                assert there is not None
                assert here is not None
                result[factor] = [None if level is None else level * there / here for level in result[factor]]
        return result

    for day, scenario in sorted(gaps, key=lambda gap: gap[0]):
        # reading: a later gap's scenario is known from prices that the earlier gaps have moved
        row = next(row for row, each in enumerate(setup.dates) if each >= day)
        shocks = gap_shocks(setup, columns(), moved, row - 1, scenario)
        for factor, column in moved.items():
            shock = shocks.get(factor, twin.STILL)
            after = [None if level is None else twin.move(level, shock) for level in column[row:]]
            moved[factor] = column[:row] + after
    return columns()


def gap_shocks(
    setup: Setup,
    columns: dict[str, list[float | None]],
    moved: dict[str, list[float | None]],
    row: int,
    scenario: str,
) -> Shocks:
    """The scenario's shocks as known on the row, also of the prices that only a modelled volatility is made from."""
    history = DayHistory(setup, row, columns)
    known = twin.stress_scenarios(history, setup.rules, setup.given, stress_periods(setup))[scenario].shocks
    behind = {f.removesuffix(".VOL") for f in setup.needed if f not in moved} - set(setup.needed)
    if not behind:
        return known
    wide = DayHistory(setup, row, columns | {factor: moved[factor] for factor in behind})
    if setup.given is None and (found := re.fullmatch(r"history (\S+?)(?: from (\S+?))?(?:@(.+)x)?", scenario)):
        # reading: "every factor" is also one that the book needs only by way of its modelled volatility
        end = wide.dates.index(date.fromisoformat(found[1]))
        start = wide.dates.index(date.fromisoformat(found[2])) if found[2] else end - stress_periods(setup)[-1]
        shocks: Shocks = {}
        for factor in behind:
            now, then = wide.levels[factor][end], wide.levels[factor][start]
            if now is not None and then is not None:
                shocks[factor] = (0.0, now - then) if wide.absolute(factor) else (now / then - 1, 0.0)
        return twin.multiply(shocks, float(found[3] or 1)) | known
    rules = setup.rules | {"stress": {**setup.stress, "historical": None}}
    return twin.stress_scenarios(wide, rules, setup.given, stress_periods(setup))[scenario].shocks | known


def stress_periods(setup: Setup) -> list[int]:
    return twin.stress_periods(setup.rules, setup.horizon, setup.securities is not None)


# --- one day's prices ------------------------------------------------------------------------------------------------


class Snapshot(NamedTuple):
    """Prices of one day: by instrument its price and the row to value it from, by currency the rate."""

    row: int
    date: date
    history: DayHistory
    price: dict[str, float]
    terms: dict[str, Row]
    rate: dict[str, float]

    def x(self, instrument: str) -> float:
        return self.rate[self.terms[instrument]["currency"]]


def moved_along(value: float, first: float, now: float, absolute: bool) -> float:
    return value + (now - first) if absolute else value * now / first


def snapshot(setup: Setup, row: int) -> Snapshot:
    opening, history = DayHistory(setup, setup.days[0]), DayHistory(setup, row)
    currencies = {each["currency"] for each in [*setup.instruments.values(), *(setup.securities or [])]}
    rate = {c: 1.0 if c == setup.currency else history.today(f"{c}/{setup.currency}") for c in currencies}
    price: dict[str, float] = {}
    terms: dict[str, Row] = {}
    for name, instrument in setup.instruments.items():
        factor = instrument["factor_id"]
        first, now, absolute = opening.today(factor), history.today(factor), history.absolute(factor)
        if instrument["kind"] != "option":
            price[name] = moved_along(instrument["price"], first, now, absolute)
            terms[name] = instrument | {"price": price[name]}
            continue
        forward_then = first if instrument.get("forward") is None else instrument["forward"]
        forward = moved_along(forward_then, first, now, absolute)
        source = instrument.get("volatility_id")
        own = twin.stated_volatility(instrument)
        volatility_then = opening.today(str(source)) if own is None else own
        volatility = volatility_then
        if source:
            levels = opening.today(source), history.today(source)
            volatility = max(moved_along(volatility_then, *levels, history.absolute(source)), 0.0)
        days_then = max((instrument["expiry"] - opening.date).days, 0)
        expiry = instrument["expiry"]
        if setup.expiry == "constant":
            # reading: the expiry moves along with the calendar days, also under the liquidation period's weekdays
            expiry += history.date - opening.date
        days = max((expiry - history.date).days, 0)
        before = twin.option_value(instrument, forward_then, volatility_then, days_then / 365)
        value = twin.option_value(instrument, forward, volatility, days / 365)
        left = days / days_then
        price[name] = max(instrument["price"] * left + (value - before * left), 0.0)
        last_row = setup.last_row[name]
        if last_row is not None and row >= last_row:
            price[name] = max((1 if instrument["right"] == "call" else -1) * (forward - instrument["strike"]), 0.0)
        terms[name] = instrument | {
            "price": price[name],
            "forward": forward,
            "normal_volatility" if twin.is_normal(instrument) else "implied_volatility": volatility,
            "expiry": expiry,
        }
    return Snapshot(row, history.date, history, price, terms, rate)


# --- what is exchanged -----------------------------------------------------------------------------------------------


def adding_up(amounts: dict[str, float], minor: int, forced: bool) -> dict[str, int]:
    """Whole cents that add up to zero: those rounded furthest the wrong way give way by one."""
    rounded = {name: round(amount * minor) for name, amount in amounts.items()}
    surplus = sum(rounded.values())
    if forced and surplus != 0:
        way = 1 if surplus > 0 else -1
        order = list(amounts)
        furthest = sorted(order, key=lambda name: (-way * (rounded[name] - amounts[name] * minor), order.index(name)))
        for name in furthest[: abs(surplus)]:
            rounded[name] -= way
    return rounded


def exchanged(
    setup: Setup, held: dict[str, dict[str, float]], today: Snapshot, before: Snapshot | None, trades: list[Row]
) -> dict[str, dict[str, int]]:
    """Variation, premium and exercise of every account, whoever holds its positions by now."""
    terms: dict[str, dict[str, list[float]]] = {}
    for kind in ("variation", "premium", "exercise"):
        terms[kind] = {account: [] for account in setup.accounts}

    def add(kind: str, account: str, name: str, quantity: float, price: float) -> None:
        terms[kind][account].append(quantity * setup.instruments[name]["multiplier"] * price * today.x(name))

    for account, positions in held.items():
        for name, quantity in positions.items():
            if not setup.premium_style(name):
                if before is not None:
                    add("variation", account, name, quantity, today.price[name] - before.price[name])
            elif setup.last_row[name] == today.row:
                add("exercise", account, name, quantity, today.price[name])
    for trade in trades:
        name, account, quantity = trade["instrument_id"], trade["account_id"], trade["quantity"]
        if not setup.premium_style(name):
            add("variation", account, name, quantity, today.price[name] - trade["price"])
        else:
            add("premium", account, name, -quantity, trade["price"])
            if setup.last_row[name] == today.row:
                add("exercise", account, name, quantity, today.price[name])
    # reading: in what order an account's amounts are added is open, and may decide a tie between accounts: not here
    kinds = {kind: {account: math.fsum(each) for account, each in own.items()} for kind, own in terms.items()}
    matched: Any = (setup.rules.get("book") or {}).get("matched", True)
    # reading: accounts in default are rounded with the rest; the estate and the transferees divide theirs afterwards
    return {kind: adding_up(amounts, setup.minor, matched) for kind, amounts in kinds.items()}


# --- margin: scenarios -----------------------------------------------------------------------------------------------


def windows_up_to(setup: Setup, history: DayHistory, end: int) -> Windows | None:
    """The moves over every liquidation period in use up to one row; None where a level is missing."""
    result: Windows = {}
    for rows in sorted(set(setup.horizon.values())):
        if end < rows or (window := history.window(end, rows)) is None:
            return None
        result[rows] = window
    return result


def model_windows(setup: Setup, history: DayHistory) -> list[Windows]:
    last = len(history.dates) - 1
    result = []
    for end in range(last - setup.margin["lookback_days"] + 1, last + 1):
        windows = windows_up_to(setup, history, end)
        assert windows is not None, "a level is missing in the margin window"
        result.append(windows)
    if setup.margin.get("model", "historical") == "filtered":
        result = filtered(setup, history, result)
    return result


def filtered(setup: Setup, history: DayHistory, windows: list[Windows]) -> list[Windows]:
    terms = setup.margin.get("filter") or {}
    decay, scaling = terms.get("decay", 0.97), terms.get("scaling", "full")
    floor, cap = terms.get("floor", 0.0), terms.get("cap", 10.0)
    last = len(history.dates) - 1
    result: list[Windows] = []
    variances = {factor: variance_by_row(history, factor, decay) for factor in history.levels}
    for place, each in enumerate(windows):
        end = last - len(windows) + 1 + place
        scaled: Windows = {}
        for rows, shocks in each.items():
            scaled[rows] = {}
            for factor, (relative, absolute) in shocks.items():
                now, then = variances[factor][last + 1], variances[factor][end - rows + 1]
                ratio = math.sqrt(now) / math.sqrt(then) if then > 0 else 1.0
                by = ratio if scaling == "full" else (ratio + 1) / 2
                by = min(max(by, floor), cap)
                scaled[rows][factor] = (max(relative * by, -0.99), absolute * by)
        result.append(scaled)
    return result


def variance_by_row(history: DayHistory, factor: str, decay: float) -> dict[int, float]:
    """By the row of a return: the variance expected of it from the returns before; nothing during the burn-in."""
    levels = history.levels[factor]
    begins = len(levels)
    while begins > 0 and levels[begins - 1] is not None:
        begins -= 1
    squares: dict[int, float] = {}
    for row in range(begins + 1, len(levels)):
        before, after = levels[row - 1], levels[row]
        assert before is not None
        assert after is not None
        squares[row] = ((after - before) if history.absolute(factor) else (after / before - 1)) ** 2
    rows = sorted(squares)
    assert len(rows) > BURN_IN, f"{factor}: too short for the filter"
    variance = sum(squares[row] for row in rows[:BURN_IN]) / BURN_IN
    result: dict[int, float] = {}
    for number, row in enumerate(rows):
        if number >= BURN_IN:
            result[row] = variance
        variance = decay * variance + (1 - decay) * squares[row]
    result[rows[-1] + 1] = variance
    return result


def stress_period(setup: Setup, history: DayHistory) -> list[Windows]:
    """The windows of the stress period; none where it is not known yet."""
    terms = setup.margin.get("stress_period")
    if not terms:
        return []
    if terms.get("from") is not None:
        first_day, last_day = terms["from"], terms["to"]
        if last_day > history.date:
            return []
        inside = [row for row, day in enumerate(history.dates) if first_day <= day <= last_day]
    else:
        inside = worst_stretch(history, terms.get("days", 250))
    if not inside:
        return []
    longest = max(setup.horizon.values())
    # reading: a scenario belongs to the period if the longest window in the book that ends with it lies inside, and if
    # no level is missing in it
    ends = [row for row in inside if row - longest >= inside[0]]
    return [windows for row in ends if (windows := windows_up_to(setup, history, row)) is not None]


def worst_stretch(history: DayHistory, days: int) -> list[int]:
    """The rows of the stretch whose one-row moves, those that begin and end in it, are severest on average.

    A move that is not known counts 0; no stretch begins before the first one that is.
    """
    squares = squared_severity(history)
    if not squares:
        return []
    averages = {
        first: math.fsum(squares.get(row, 0.0) for row in range(first + 1, first + days))
        for first in range(min(squares) - 1, len(history.dates) - days + 1)
    }
    if not averages:
        return []
    first = min(first for first, average in averages.items() if average >= max(averages.values()) * (1 - 1e-9))
    return list(range(first, first + days))


def squared_severity(history: DayHistory) -> dict[int, float]:
    moves = {row: move for row in range(1, len(history.dates)) if (move := history.window(row, 1)) is not None}
    by_class: dict[str, list[str]] = {}
    size: dict[str, float] = {}
    for factor, levels in history.levels.items():
        if history.asset_class(factor) != "volatility":
            by_class.setdefault(history.asset_class(factor), []).append(factor)
        squares = [sum(move[factor]) ** 2 for move in moves.values()]
        size[factor] = math.sqrt(sum(squares) / len(squares)) if squares else 0.0
        largest = max((abs(level) for level in levels if level is not None), default=0.0)
        if size[factor] <= 1e-12 * (largest if history.absolute(factor) else 1):
            size[factor] = 0.0
    result = {}
    for row, move in moves.items():
        averages = []
        for factors in by_class.values():
            parts = [(sum(move[f]) / size[f]) ** 2 if size[f] > 0 else 0.0 for f in factors]
            averages.append(sum(parts) / len(parts))
        result[row] = sum(averages) / len(averages)
    return result


def floor_windows(setup: Setup, history: DayHistory) -> list[Windows]:
    """reading: "as many as there are" counts back from today to the first row where a level is missing."""
    if not setup.margin.get("floor"):
        return []
    result: list[Windows] = []
    complete = len(history.dates)
    while complete > 0 and all(levels[complete - 1] is not None for levels in history.levels.values()):
        complete -= 1
    longest = max(setup.horizon.values())
    for end in range(len(history.dates) - 1, complete + longest - 1, -1):
        if len(result) == setup.margin["floor"].get("lookback_days", 2500):
            break
        windows = windows_up_to(setup, history, end)
        assert windows is not None
        result.append(windows)
    return result[::-1]


def unit_losses(setup: Setup, today: Snapshot, scenarios: list[Windows]) -> dict[str, list[float]]:
    """By instrument: the close-out loss of one unit in every scenario."""
    result = {}
    for name, terms in today.terms.items():
        rows = setup.horizon[name]
        result[name] = [
            twin.close_out_loss(
                terms, twin.above_zero(today.history, windows[rows]), today.history, setup.currency, rows
            )
            for windows in scenarios
        ]
    return result


# --- margin: tails ---------------------------------------------------------------------------------------------------


def weighted_tail(losses: list[float], weights: Weights, margin: Row) -> float:
    ordered = sorted(zip(losses, weights, strict=True), key=lambda pair: -pair[0])
    mass = sum(weights) * (1 - exact(margin["confidence"]))
    so_far: Fraction | int = 0
    total = 0.0
    var_reached = None
    for loss, weight in ordered:
        counted = min(weight, max(mass - so_far, 0))
        total += loss * float(counted)
        so_far += weight
        passed = so_far > mass if margin.get("quantile", "ceil") == "ceil" else so_far >= mass
        if passed and var_reached is None:
            var_reached = loss
    if margin.get("measure", "expected_shortfall") == "value_at_risk":
        return ordered[-1][0] if var_reached is None else var_reached
    return total / float(mass)


def student_upper(t: float, degrees: float) -> float:
    """The chance of more than t > 0: half the incomplete beta function, by its continued fraction."""
    a, b = degrees / 2, 0.5
    x = degrees / (degrees + t * t)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x > (a + 1) / (a + b + 2):
        return 0.5 * (1 - front * beta_fraction(b, a, 1 - x) / b)
    return 0.5 * front * beta_fraction(a, b, x) / a


def beta_fraction(a: float, b: float, x: float) -> float:
    """1/(1 + d1/(1 + d2/(1 + ...))), from the back."""
    value = 1.0
    for number in range(400, 0, -1):
        half = number // 2
        if number % 2 == 0:
            term = half * (b - half) * x / ((a + number - 1) * (a + number))
        else:
            term = -(a + half) * (a + b + half) * x / ((a + number - 1) * (a + number))
        value = 1 + term / value
    return 1 / value


@cache
def student_quantile(confidence: float, degrees: float) -> float:
    if confidence == 0.5:
        return 0.0
    if confidence < 0.5:
        return -student_quantile(1 - confidence, degrees)
    low, high = 0.0, 1.0
    while student_upper(high, degrees) > 1 - confidence:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if student_upper(middle, degrees) > 1 - confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def parametric_factor(margin: Row) -> float:
    terms = margin.get("parametric") or {}
    confidence = float(margin["confidence"])
    shortfall = margin.get("measure", "expected_shortfall") == "expected_shortfall"
    if terms.get("distribution", "normal") == "normal":
        z = NormalDist().inv_cdf(confidence)
        return NormalDist().pdf(z) / (1 - confidence) if shortfall else z
    n = terms.get("degrees", 4)
    t, k = student_quantile(confidence, n), math.sqrt((n - 2) / n)
    if not shortfall:
        return t * k
    density = math.exp(math.lgamma((n + 1) / 2) - math.lgamma(n / 2)) / math.sqrt(n * math.pi)
    density *= (1 + t * t / n) ** (-(n + 1) / 2)
    return density / (1 - confidence) * (n + t * t) / (n - 1) * k


def whole_weights(decay: float, count: int) -> list[int]:
    """Oldest first; reading: the powers of the decay as it is written, exactly."""
    return [math.floor(exact(decay) ** age * 10**12) for age in range(count - 1, -1, -1)]


def model_tail(losses: list[float], margin: Row) -> float:
    model = margin.get("model", "historical")
    if model == "weighted":
        decay = (margin.get("weighting") or {}).get("decay", 0.99)
        return weighted_tail(losses, whole_weights(decay, len(losses)), margin)
    if model == "parametric":
        decay = (margin.get("parametric") or {}).get("decay")
        weights = [1.0] * len(losses)
        if decay is not None:
            weights = [decay**age for age in range(len(losses) - 1, -1, -1)]
        mean = sum(w * loss * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)
        return math.sqrt(mean) * parametric_factor(margin)
    return twin.tail(losses, margin)


# --- margin: an account ----------------------------------------------------------------------------------------------


class MarginDay(NamedTuple):
    """Unit losses of a day by instrument: in the model's scenarios, the stress period's and the floor's."""

    model: dict[str, list[float]]
    period: dict[str, list[float]]
    floor: dict[str, list[float]]
    daily_risk: dict[str, float]


def margin_day(setup: Setup, today: Snapshot) -> MarginDay:
    model = unit_losses(setup, today, model_windows(setup, today.history))
    risk = {}
    for name, losses in model.items():
        terms = today.terms[name]
        standing = terms["multiplier"] * terms["price"] * today.x(name) if setup.premium_style(name) else 0.0
        mean = sum((loss + standing) ** 2 for loss in losses) / len(losses)
        risk[name] = math.sqrt(mean) / math.sqrt(setup.horizon[name])
    return MarginDay(
        model,
        unit_losses(setup, today, stress_period(setup, today.history)),
        unit_losses(setup, today, floor_windows(setup, today.history)),
        risk,
    )


def losses_of(positions: dict[str, float], unit: dict[str, list[float]]) -> list[float]:
    count = len(next(iter(unit.values()), []))
    result = [0.0] * count
    for name, quantity in positions.items():
        result = [loss + quantity * each for loss, each in zip(result, unit[name], strict=True)]
    return result


def floored(setup: Setup, loss: float) -> int:
    return setup.cents(max(loss, 0.0))


def model_and_period(setup: Setup, positions: dict[str, float], day: MarginDay) -> int:
    """Steps 1 and 2."""
    losses, stressed = losses_of(positions, day.model), losses_of(positions, day.period)
    terms = setup.margin.get("stress_period")
    if not terms or not stressed:
        return floored(setup, model_tail(losses, setup.margin))
    weight = exact(terms["weight"])
    if terms.get("reading", "blend") == "sample":
        shares = [(1 - weight) / len(losses)] * len(losses) + [weight / len(stressed)] * len(stressed)
        return floored(setup, weighted_tail(losses + stressed, shares, setup.margin))
    # reading: the stressed tail is floored at 0 and in whole cents before it is blended, as the model's is
    model = floored(setup, model_tail(losses, setup.margin))
    return round((1 - weight) * model + weight * floored(setup, twin.tail(stressed, setup.margin)))


def before_buffer(setup: Setup, positions: dict[str, float], day: MarginDay, history: DayHistory) -> int:
    """Steps 1 to 4."""
    margin = model_and_period(setup, positions, day)
    if limit := setup.margin.get("offset_limit"):
        parts: dict[str, dict[str, float]] = {}
        for name, quantity in positions.items():
            factor = setup.instruments[name]["factor_id"]
            by = limit.get("by", "asset_class")
            product = {"asset_class": history.asset_class(factor), "factor": factor, "instrument": name}[by]
            parts.setdefault(product, {})[name] = quantity
        alone = sum(model_and_period(setup, part, day) for part in parts.values())
        margin = round(margin + (1 - exact(limit.get("share", 0.8))) * max(alone - margin, 0))
    plain = losses_of(positions, day.floor)
    if plain:
        margin = max(margin, floored(setup, twin.tail(plain, setup.margin)))
    return margin


Together = dict[tuple[str, str, str, bool], Fraction]  # word, unit, instrument, long: what is held, exactly


def units(setup: Setup, account: str, level: str) -> list[tuple[str, str]]:
    """Who sells together with an account: the unit of the level, and the client that it names."""
    of_level = {
        "account": account,
        "pool": setup.pool_of[account],
        "member": setup.owner(account),
        "group": setup.group(account),
    }
    client = setup.accounts[account].get("client_id")
    return [(level, of_level[level])] + ([("client", client)] if client else [])


def held_together(setup: Setup, positions: dict[str, dict[str, float]], level: str) -> Together:
    """By unit and client, what is held of every instrument, long and short apart."""
    sums: Together = {}
    for account, held in positions.items():
        for unit in units(setup, account, level):
            for name, quantity in held.items():
                key = (*unit, name, quantity > 0)
                sums[key] = sums.get(key, Fraction(0)) + abs(Fraction(quantity))
    return sums


def add_ons(
    setup: Setup,
    account: str,
    everybody: dict[str, dict[str, float]],
    today: Snapshot,
    risk: dict[str, float],
) -> int:
    positions = everybody[account]
    terms = setup.margin.get("add_ons") or {}
    unknown = terms.keys() - {"bid_ask", "concentration", "wrong_way"}
    if unknown:
        raise ValueError(f"the twin does not know the add-ons {sorted(unknown)}")
    total = 0
    if terms.get("bid_ask"):
        spreads = [
            abs(quantity) * (setup.instruments[name].get("half_spread") or 0.0) * value_of_one(setup, name, today, 1.0)
            for name, quantity in positions.items()
        ]
        total += setup.cents(sum(spreads))
    if concentration := terms.get("concentration"):
        extra, level = 0.0, concentration.get("level", "group")
        together = held_together(setup, everybody, level)
        for name, quantity in positions.items():
            volume, h = setup.instruments[name].get("average_daily_volume"), setup.horizon[name]
            if volume is not None and quantity:
                sold = float(max(together[(*unit, name, quantity > 0)] for unit in units(setup, account, level)))
                n = sold / (concentration["participation"] * volume)
                if n > h:
                    extra += abs(quantity) * risk[name] * (math.sqrt(n) - math.sqrt(h))
        total += setup.cents(extra * concentration.get("quantile", 2.33))
    if wrong_way := terms.get("wrong_way"):
        own = 0.0
        for name, quantity in positions.items():
            if setup.instruments[name].get("issuer_id") == setup.group(account):
                own += quantity * lost_at_default(setup, name, today)
        total += setup.cents(wrong_way * max(own, 0.0))
    return total


def lost_at_default(setup: Setup, name: str, today: Snapshot) -> float:
    """How far the value of one unit falls as its issuer defaults and nothing else moves."""
    recovered, terms = twin.recovery(setup.rules) or 0.0, today.terms[name]
    cost = twin.loss_at_default(terms, {}, today.history, setup.currency, setup.horizon[name], recovered)
    return cost + twin.standing_value(terms, today.history, setup.currency)


def value_of_one(setup: Setup, name: str, today: Snapshot, price: float) -> float:
    return setup.instruments[name]["multiplier"] * price * today.x(name)


# --- collateral ------------------------------------------------------------------------------------------------------


def market_value(setup: Setup, line: Row, today: Snapshot, opening: Snapshot) -> float:
    """In the service currency; nothing for paper of the member's own group."""
    group = setup.group_of[setup.pools[line["pool_id"]][0]]
    own = collateral_twin.is_own_paper(line, group, known_of(setup, today), setup.securities or [])
    return 0.0 if own else stated_value(line, today, opening)


def stated_value(line: Row, today: Snapshot, opening: Snapshot) -> float:
    value = line["market_value"]
    if factor := line.get("factor_id"):
        value *= max(today.history.today(factor), 0.0) / opening.history.today(factor)
    return value * today.rate[line["currency"]]


def known_of(setup: Setup, today: Snapshot) -> collateral_twin.Known:
    factors = {line["factor_id"] for line in setup.securities or [] if line.get("factor_id")}
    classes: dict[str, str | None] = {factor: today.history.asset_class(factor) for factor in factors}
    return collateral_twin.Known(list(setup.members.values()), classes, setup.currency)


def is_cash(setup: Setup, line: Row, today: Snapshot) -> bool:
    return known_of(setup, today).is_cash(line)


def in_pool(
    setup: Setup, pool: str, today: Snapshot, opening: Snapshot, required: dict[str, int]
) -> tuple[list[Row], list[int], tuple[Any, ...]]:
    """A pool's lines, their value after haircut, and what `collateral_twin` asks for beside them.

    Limits are shares of what is required of the pool.
    """
    lines = [line for line in setup.securities or [] if line["pool_id"] == pool]
    cents = [setup.cents(market_value(setup, line, today, opening) * (1 - line["haircut"])) for line in lines]
    return lines, cents, (setup.collateral_rules, required.get(pool, 0), known_of(setup, today))


def stated_securities(setup: Setup, today: Snapshot, opening: Snapshot) -> dict[str, int]:
    """By pool: value after haircut of all lines, own paper too."""
    result = dict.fromkeys(setup.pools, 0)
    for line in setup.securities or []:
        result[line["pool_id"]] += setup.cents(stated_value(line, today, opening) * (1 - line["haircut"]))
    return result


def counted_securities(setup: Setup, today: Snapshot, opening: Snapshot, required: dict[str, int]) -> dict[str, int]:
    """By pool: what its lines count for, after haircut and limits."""
    result = {}
    for pool in setup.pools:
        lines, cents, limits = in_pool(setup, pool, today, opening, required)
        result[pool] = sum([cents, *collateral_twin.left_of_lines(lines, cents, *limits)][-1])
    return result


def sold_securities(setup: Setup, today: Snapshot, opening: Snapshot) -> dict[str, int]:
    """By pool: what the lines fetch in the market, without haircut."""
    result = dict.fromkeys(setup.pools, 0)
    for line in setup.securities or []:
        result[line["pool_id"]] += setup.cents(market_value(setup, line, today, opening))
    return result


def moved_securities(
    setup: Setup, today: Snapshot, opening: Snapshot, required: dict[str, int], shocks: Shocks
) -> dict[str, int]:
    """By pool: market value in a scenario of what the limits have left; reading: each line in cents, then added."""
    result = dict.fromkeys(setup.pools, 0)
    parts: list[tuple[Row, Fraction]] = []
    for pool in setup.pools:
        lines, cents, limits = in_pool(setup, pool, today, opening, required)
        parts += zip(lines, collateral_twin.parts_left(lines, cents, *limits), strict=True)
    for line, part in parts:
        value = market_value(setup, line, today, opening) * float(part)
        if factor := line.get("factor_id"):
            level = today.history.today(factor)
            after = max(twin.move(level, shocks.get(factor, twin.STILL)), 0.0)
            value = value * (after / level) if level > 0 else 0.0
        if line["currency"] != setup.currency:
            rate = today.rate[line["currency"]]
            value *= twin.move(rate, shocks.get(f"{line['currency']}/{setup.currency}", twin.STILL)) / rate
        result[line["pool_id"]] += setup.cents(value)
    return result


# --- the state that days hand on -------------------------------------------------------------------------------------


class State:
    """What there is at the end of a day."""

    def __init__(self, setup: Setup) -> None:
        self.held = {account: dict(positions) for account, positions in setup.positions.items()}
        self.cash = dict.fromkeys(setup.pools, 0)
        self.supplementary = dict.fromkeys(setup.members, 0)
        self.supplementary_due = dict.fromkeys(setup.members, 0)

        def stated(member: str, column: str) -> int | None:
            amount = setup.members[member].get(column)
            return None if amount is None else setup.cents(amount)

        self.capital = {member: stated(member, "capital") for member in setup.members}
        self.liquidity = {member: stated(member, "liquidity") for member in setup.members}
        self.stated = any(row.get("fund_contribution") is not None for row in setup.members.values())
        self.contributions = {member: stated(member, "fund_contribution") or 0 for member in setup.members}
        self.targets: list[tuple[int, dict[str, int]]] = [(0, dict(self.contributions))]  # in force from a day on
        self.fund_required: int | None = None
        self.suspended_until = 0
        self.full_capital: list[int] = []
        self.capital_left: list[int] = []
        self.capital_used: int | None = None  # the latest day
        self.in_default: dict[str, int] = {}  # group: event
        self.events: list[Row] = []
        self.cut: dict[str, int] = {}  # by pool, what haircuts took of its gains while an event was open
        self.cut_today: dict[str, int] = {}  # by pool, what the events settled today have cut
        self.stress_days: list[tuple[int, Row]] = []
        self.buffer_level, self.buffered_level = Fraction(1), Fraction(1)
        self.margin_before: dict[str, int] = {}

    def alive(self, setup: Setup) -> list[str]:
        return [member for member, group in setup.group_of.items() if group not in self.in_default]


def capital_terms(setup: Setup) -> list[Row]:
    return [tier["ccp_capital"] for tier in setup.rules["tiers"] if isinstance(tier, dict) and "ccp_capital" in tier]


def fix_capital(setup: Setup, state: State) -> None:
    """Capital that is a share of the fund, anew from the fund in force.

    reading: the fund in force is the contributions that are there, not those just required and called later; and a
    tier of which some is used stays as it is while the others are fixed anew.
    """
    if any(event["settled_day"] is None for event in state.events):
        return
    fund = sum(state.contributions[member] for member in state.alive(setup))
    sizes = []
    for terms in capital_terms(setup):
        share = exact(terms.get("share_of_fund", 0))
        share /= 1 - share if terms.get("fund_includes_it") else 1
        whole = share * fund if "share_of_fund" in terms else exact(terms["amount"]) * setup.minor
        sizes.append(round(whole))
    if not state.full_capital:
        state.full_capital, state.capital_left = list(sizes), list(sizes)
    for place, whole in enumerate(sizes):
        if state.capital_left[place] == state.full_capital[place]:
            state.full_capital[place] = state.capital_left[place] = whole


# --- margin of a day, with the buffer --------------------------------------------------------------------------------


def buffer_of_the_day(setup: Setup, state: State, place: int, today: dict[str, int], changed: set[str]) -> Fraction:
    terms = setup.margin.get("buffer")
    if not terms:
        return Fraction(0)
    share = exact(terms.get("share", 0.25))
    if place == 0:
        state.buffer_level, state.buffered_level = Fraction(1), 1 + share
    else:
        same = [account for account in today if account in state.margin_before and account not in changed]
        now, then = sum(today[a] for a in same), sum(state.margin_before[a] for a in same)
        # reading: a sum of 0 today leaves the level as it is too, since nothing can be divided by a level of 0
        if now > 0 and then > 0:
            state.buffer_level = state.buffer_level * now / then
        lowest, highest = state.buffer_level, (1 + share) * state.buffer_level
        state.buffered_level = min(max(state.buffered_level, lowest), highest)
    state.margin_before = dict(today)
    return Fraction(math.floor((state.buffered_level / state.buffer_level - 1) * 10**6), 10**6)


def margins(
    setup: Setup, state: State, place: int, today: Snapshot, positions: dict[str, dict[str, float]], day: MarginDay
) -> dict[str, int]:
    """By account, of groups not in default before the day."""
    active = [account for account in setup.accounts if setup.group(account) not in state.in_default]
    before = {account: before_buffer(setup, positions[account], day, today.history) for account in active}
    # reading: an account has changed if it trades today or one of its instruments has its last day today: today's
    # margin is the first without it ("at the end of the day before" would be one day late)
    changed = {trade["account_id"] for trade in setup.trades.get(today.date, [])}
    changed |= {a for a in active if any(setup.last_row[name] == today.row for name in state.held[a])}
    buffer = buffer_of_the_day(setup, state, place, before, changed)
    held = {account: positions[account] for account in active}
    return {
        account: round((1 + buffer) * margin) + add_ons(setup, account, held, today, day.daily_risk)
        for account, margin in before.items()
    }


# --- default and close-out -------------------------------------------------------------------------------------------


def parts(setup: Setup, instrument: str, quantity: float) -> int:
    """Over how many days a position is sold."""
    days, volume = setup.horizon[instrument], setup.instruments[instrument].get("average_daily_volume")
    if volume is None:
        return days
    pace = exact(setup.close_out.get("participation", 0.25)) * exact(volume)
    needed = math.ceil(exact(abs(quantity)) / pace)
    return max(days, min(needed, setup.close_out.get("longest_days", 60)))


def cost_of_one(setup: Setup, instrument: str, quantity: float, today: Snapshot, risk: float) -> float:
    """Cost of selling one unit of a position; reading: without a volume there is no impact."""
    row = setup.instruments[instrument]
    cost = (row.get("half_spread") or 0.0) * row["multiplier"] * today.x(instrument)
    if row.get("average_daily_volume") is not None:
        n = parts(setup, instrument, quantity)
        pressure = math.sqrt(abs(quantity) / (n * row["average_daily_volume"]))
        cost += setup.close_out.get("impact", 1.0) * risk * pressure
    return cost


def share_of_cost(
    setup: Setup, held: dict[str, Row], positions: dict[str, dict[str, float]], account: str, name: str
) -> float:
    """By which share of its size an account bears the cost of an event's sale of its net quantity of an instrument:
    pools by the sizes of their net quantities, a pool's accounts by those of theirs."""
    mine = setup.pool_of[account]
    own = abs(held[mine].get(name, 0.0))
    in_pool = sum(abs(positions[other].get(name, 0.0)) for other, pool in setup.pool_of.items() if pool == mine)
    all_pools = math.fsum(abs(row.get(name, 0.0)) for row in held.values())
    whole = abs(math.fsum(row.get(name, 0.0) for row in held.values()))
    return own / in_pool * whole / all_pools if in_pool and all_pools else 0.0


def open_event(
    setup: Setup,
    state: State,
    place: int,
    groups: list[str],
    today: Snapshot,
    positions: dict[str, dict[str, float]],
    unpaid: dict[str, dict[str, int]],
    day: MarginDay,
) -> Row:
    """The event takes over what its groups' accounts hold after the day's trades and expiries."""
    event: Row = {"groups": groups, "default_day": today.date, "settled_day": None, "opened": place, "lots": []}
    event["result"] = {account: 0 for account in setup.accounts if setup.group(account) in groups}
    event["gains"] = [counted(setup, unpaid)]
    held = net_of_pools(setup, tuple(groups), positions)
    for account in event["result"]:
        event["result"][account] = sum(kind[account] for kind in unpaid.values())
        fetched = 0.0
        for name, quantity in positions[account].items():
            recovered = twin.recovery(setup.rules)
            if recovered is not None and setup.instruments[name].get("issuer_id") in groups:
                known = (today.terms[name], {}, today.history, setup.currency, 0)
                fetched -= quantity * twin.loss_at_default(*known, recovered)
            elif setup.gradual and today.row != setup.days[-1]:
                together = math.fsum(row.get(name, 0.0) for row in held.values())
                n = parts(setup, name, together)
                lot = {"account": account, "instrument": name, "quantity": quantity, "n": n, "sold": 0}
                lot |= {"together": together, "bears": share_of_cost(setup, held, positions, account, name)}
                event["lots"].append(lot | {"risk": day.daily_risk[name]})
            elif setup.premium_style(name):
                fetched += quantity * value_of_one(setup, name, today, today.price[name])
        event["result"][account] += setup.cents(fetched)
    # who fails has not paid what was cut of its pools today: the estate bears it, capital is without it
    event["taken_over"] = {}
    for pool, (owner, kind) in setup.pools.items():
        if setup.group_of[owner] in groups:
            event["taken_over"][pool] = state.cut_today.get(pool, 0)
            capital = state.capital[owner]
            if kind == "house" and capital is not None:
                state.capital[owner] = capital + event["taken_over"][pool]
    for group in groups:
        state.in_default[group] = len(state.events)
    state.events.append(event)
    return event


def sell_parts(setup: Setup, event: Row, today: Snapshot, before: Snapshot) -> None:
    """One day of a gradual close-out."""
    result = dict.fromkeys(event["result"], 0.0)
    for lot in event["lots"]:
        name, quantity, n = lot["instrument"], lot["quantity"], lot["n"]
        if lot["sold"] == n:
            continue
        left = (n - lot["sold"]) / n
        expires = setup.last_row[name] == today.row
        part = left if expires else 1 / n
        if setup.premium_style(name):
            fetched = left if today.row == setup.days[-1] else part  # what is left then is closed out too
            result[lot["account"]] += fetched * quantity * value_of_one(setup, name, today, today.price[name])
        else:
            change = today.price[name] - before.price[name]
            result[lot["account"]] += left * quantity * value_of_one(setup, name, today, change)
        if not expires:
            cost = cost_of_one(setup, name, lot["together"], today, lot["risk"])
            result[lot["account"]] -= part * abs(quantity) * lot["bears"] * cost
        lot["sold"] = n if expires else lot["sold"] + 1
    for account, amount in result.items():
        event["result"][account] += setup.cents(amount)


def sold_out(event: Row) -> bool:
    return all(lot["sold"] == lot["n"] for lot in event["lots"])


def counted(setup: Setup, flows: dict[str, dict[str, int]]) -> dict[str, int]:
    """By pool, what was owed on a day of the kinds that the rulebook's haircut counts."""
    terms = [t["gains_haircut"] for t in setup.rules["tiers"] if isinstance(t, dict) and "gains_haircut" in t]
    kinds = terms[0].get("counts", ["variation"]) if terms else ["variation"]
    sums = dict.fromkeys(setup.pools, 0)
    for kind in kinds:
        for account, amount in flows[kind].items():
            sums[setup.pool_of[account]] += amount
    return sums


def cut_pools(setup: Setup, state: State, run: Row, paid: dict[str, int]) -> None:
    """A member's part of a haircut over its pools; the house's part is the member's, the rest its clients'."""
    (terms,) = [t["gains_haircut"] for t in setup.rules["tiers"] if isinstance(t, dict) and "gains_haircut" in t]
    for member, amount in paid.items():
        mine = [pool for pool, (owner, _) in setup.pools.items() if owner == member]
        left = {pool: twin.left_of_gains(run, "event", pool, terms.get("days")) for pool in mine}
        for pool, part in share_out(amount, left).items():
            state.cut[pool] = state.cut.get(pool, 0) + part
            state.cut_today[pool] = state.cut_today.get(pool, 0) + part
            capital = state.capital[member]
            if setup.pools[pool][1] == "house" and capital is not None:
                state.capital[member] = capital - part


def settle(setup: Setup, state: State, place: int, event: Row, today: Snapshot, opening: Snapshot) -> None:
    """The waterfall of an event, and what it leaves."""
    failed = [member for member, group in setup.group_of.items() if group in event["groups"]]
    fetched = sold_securities(setup, today, opening)
    loss: dict[str, int] = {}
    over: dict[str, int] = {}
    for member in failed:
        rest: list[tuple[str, int]] = []
        for pool, (owner, kind) in setup.pools.items():
            if owner != member:
                continue
            loss[pool] = -sum(amount for a, amount in event["result"].items() if setup.pool_of[a] == pool)
            loss[pool] += event["taken_over"][pool]
            rest.append((kind, loss[pool] - state.cash[pool] - fetched[pool]))
        total = twin.beyond_margin(rest, setup.stress.get("house_surplus_covers_clients", True))
        over[member] = max(total - state.supplementary[member], 0)
    payers = [*failed, *state.alive(setup)]
    run = {
        "group_of": setup.group_of,
        "pools": {pool: owner for pool, owner in setup.pools.items() if owner[0] in failed},
        "pool_loss": {"event": loss},
        "over_margin": {"event": over},
        "contributions": {member: state.contributions[member] for member in sorted(payers)},
        "capital": list(state.capital_left),
        "tiers": setup.rules["tiers"],
        "variation": {"event": event["gains"]},
        "gainers": setup.pools,
        "cut": state.cut,
        "shared": setup.fund.get("unused_contribution_shared", False),
    }
    draws = twin.waterfall(run, "event", event["groups"])
    tier = 0
    for name, paid in draws:
        if name == "gains_haircut":
            cut_pools(setup, state, run, {str(member): amount for member, amount in paid.items() if amount})
        if name in ("defaulter_fund", "survivors_fund"):
            for member, amount in paid.items():
                state.contributions[str(member)] -= amount
        elif name == "ccp_capital":
            state.capital_left[tier] -= paid[None]
            if paid[None] > 0:
                state.capital_used = place
            tier += 1
    for member in failed:  # what is left goes back to its owners
        state.contributions[member] = state.supplementary[member] = 0
    for pool in loss:
        state.cash[pool] = 0
    event["loss"] = sum(max(amount, 0) for amount in loss.values())
    event["draws"] = draws
    event["settled_day"] = today.date
    # reading: every settlement suspends fund calls, whether or not a survivor paid
    state.suspended_until = place + setup.fund.get("replenishment_days", 5)


def fund_calls(setup: Setup, state: State, place: int) -> dict[str, int]:
    """What is due today of the fund: up to the latest target whose notice has passed, unless calls are suspended.

    reading: an event that is not settled yet does not suspend; returns are suspended as calls are.
    """
    if place < state.suspended_until or any(event["settled_day"] is None for event in state.events):
        return dict.fromkeys(state.alive(setup), 0)
    target = next(target for since, target in reversed(state.targets) if since <= place)
    return {member: target[member] - state.contributions[member] for member in state.alive(setup)}


# --- stress and fund -------------------------------------------------------------------------------------------------


def counted_margin(
    setup: Setup,
    state: State,
    requirement: dict[str, int],
    lines: dict[str, int],
    today: Snapshot,
    opening: Snapshot,
    scenario: twin.Scenario,
) -> dict[str, int]:
    """By pool: what counts as its margin in a scenario."""
    resources = setup.stress.get("resources", "minimum")
    held = {pool: state.cash[pool] + lines[pool] for pool in requirement}
    if setup.collateral_rules.get("stress", "haircut") == "haircut":
        if resources == "held":
            return held
        return {p: min(r, held[p]) if resources == "minimum" else r for p, r in requirement.items()}
    shocks = scenario.over.get(twin.collateral_days(setup.rules), {})
    moved = moved_securities(setup, today, opening, requirement, shocks)
    result = {}
    for pool, required in requirement.items():
        whole = state.cash[pool] + moved[pool]
        if resources == "held" or (resources == "minimum" and required >= held[pool]):
            result[pool] = whole
        elif held[pool] == 0:
            result[pool] = required
        else:
            result[pool] = whole * required // held[pool]
    return result


def cost_in_stress(setup: Setup, name: str, quantity: float, today: Snapshot, risk: dict[str, float]) -> float:
    """Of selling so much of an instrument in all."""
    one = cost_of_one(setup, name, quantity, today, risk[name])
    if setup.instruments[name].get("average_daily_volume") is not None:
        longer = math.sqrt(parts(setup, name, quantity)) - math.sqrt(setup.horizon[name])
        one += setup.close_out.get("holding", 1.0) * risk[name] * longer
    return abs(quantity) * one


def net_of_pools(setup: Setup, groups: tuple[str, ...], positions: dict[str, dict[str, float]]) -> dict[str, Row]:
    """What each pool of some groups holds net, by pool."""
    held: dict[str, Row] = {}
    for account, pool in setup.pool_of.items():
        if setup.group(account) in groups:
            mine = held.setdefault(pool, {})
            for name, quantity in positions[account].items():
                mine[name] = mine.get(name, 0.0) + quantity
    return held


def close_out_costs(
    setup: Setup, groups: tuple[str, ...], positions: dict[str, dict[str, float]], today: Snapshot, day: MarginDay
) -> dict[str, int]:
    """By pool of some groups, what it bears of the cost of selling what they hold together."""
    held = net_of_pools(setup, groups, positions)
    cost = dict.fromkeys(held, 0.0)
    for name in setup.instruments if setup.gradual else ():
        mine = {pool: row[name] for pool, row in held.items() if row.get(name)}
        if mine:
            whole = cost_in_stress(setup, name, math.fsum(mine.values()), today, day.daily_risk)
            size = math.fsum(abs(quantity) for quantity in mine.values())
            for pool, quantity in mine.items():
                cost[pool] += abs(quantity) * whole / size
    return {pool: setup.cents(amount) for pool, amount in cost.items()}


def stress_losses(
    setup: Setup,
    state: State,
    today: Snapshot,
    opening: Snapshot,
    positions: dict[str, dict[str, float]],
    requirement: dict[str, int],
    day: MarginDay,
) -> Row:
    """Loss over margin of every member not in default in every scenario, before and after supplementary margin."""
    scenarios = twin.stress_scenarios(today.history, setup.rules, setup.given, stress_periods(setup))
    alive = state.alive(setup)
    pools = {pool: owner for pool, owner in setup.pools.items() if owner[0] in alive}
    accounts = [account for account in setup.accounts if setup.owner(account) in alive]
    lines = counted_securities(setup, today, opening, requirement)
    recovered = twin.recovery(setup.rules)

    @cache
    def unit(name: str, each: str, rows: int, gone: bool) -> float:
        """What closing one unit costs in a scenario, in which its issuer has defaulted or not."""
        known = (today.terms[each], scenarios[name].over[rows], today.history, setup.currency, rows)
        return (
            twin.loss_at_default(*known, recovered) if gone and recovered is not None else twin.close_out_loss(*known)
        )

    @cache
    def lost_by(name: str, account: str, gone: frozenset[str]) -> int:
        own = 0.0
        for each, quantity in positions[account].items():
            rows = stress_rows(setup, positions[account], each)
            own += quantity * unit(name, each, rows, setup.instruments[each].get("issuer_id") in gone)
        return setup.cents(own)

    counts = {}
    for name, scenario in scenarios.items():
        own_requirement = {pool: requirement[pool] for pool in pools}
        counts[name] = counted_margin(setup, state, own_requirement, lines, today, opening, scenario)

    def before_cost(name: str, pool: str, groups: tuple[str, ...]) -> int:
        """What a pool loses beyond its margin as some groups default, before what selling costs it."""
        found = -counts[name][pool]
        for account in accounts:
            if setup.pool_of[account] == pool:
                held = {setup.instruments[each].get("issuer_id") for each in positions[account]}
                found += lost_by(name, account, frozenset(held & set(groups)))
        return found

    phi = setup.stress.get("house_surplus_covers_clients", True)
    costs: dict[tuple[str, ...], dict[str, int]] = {}

    def lost(name: str, groups: tuple[str, ...]) -> dict[str, int]:
        """By member of some groups that default together, what it loses over margin."""
        among = tuple(sorted(groups))
        if among not in costs:
            costs[among] = close_out_costs(setup, among, positions, today, day)
        found = {}
        for member in alive:
            if setup.group_of[member] in groups:
                mine = [(pool, kind) for pool, (owner, kind) in pools.items() if owner == member]
                rest = [(kind, before_cost(name, pool, among) + costs[among][pool]) for pool, kind in mine]
                found[member] = twin.beyond_margin(rest, phi)
        return found

    def less(losses: dict[str, int]) -> dict[str, int]:
        return {member: max(amount - state.supplementary[member], 0) for member, amount in losses.items()}

    groups = sorted({setup.group_of[member] for member in alive})
    over = {}
    for name in scenarios:
        alone = {member: loss for group in groups for member, loss in lost(name, (group,)).items()}
        over[name] = {member: alone[member] for member in alive}
    net = {name: less(each) for name, each in over.items()}
    sizing = [name for name, scenario in scenarios.items() if scenario.sizes]

    def together(kind: str, name: str, some: tuple[str, ...]) -> dict[str, int]:
        """By group of a set that defaults together."""
        found = lost(name, some)
        return by_group(setup, less(found) if kind == "net" else found)

    return {"over": over, "net": net, "sizing": sizing, "alive": alive, "together": together}


def worst_of_sets(setup: Setup, stressed: Row, kind: str, name: str, count: int) -> tuple[int, list[str]]:
    """The most that so many groups, or fewer, lose in a scenario, and the set, the largest first: all are looked at.

    reading: of equals that of the groups that lose most alone.
    """
    alone = by_group(setup, stressed[kind][name])
    ranked = largest(alone, count)
    paper = twin.recovery(setup.rules) is not None and any(row.get("issuer_id") for row in setup.instruments.values())
    if not (setup.gradual or paper) or not ranked:
        return cover(alone, count), ranked
    sizes = range(1, len(ranked) + 1)
    every = [some for size in sizes for some in combinations(sorted(alone), size)]
    sets = {some: stressed["together"](kind, name, some) for some in every}
    first = tuple(sorted(ranked))
    worst = max(sets, key=lambda some: (sum(sets[some].values()), some == first))
    return sum(sets[worst].values()), largest(sets[worst], count)


def stress_rows(setup: Setup, held: dict[str, float], instrument: str) -> int:
    """How many rows an instrument moves over in stress: its own, or the most of all that the account holds."""
    if setup.stress.get("horizon", "own") == "own":
        return setup.horizon[instrument]
    return max((setup.horizon[name] for name, quantity in held.items() if quantity), default=setup.horizon[instrument])


def by_group(setup: Setup, losses: dict[str, int]) -> dict[str, int]:
    result: dict[str, int] = {}
    for member, amount in losses.items():
        result[setup.group_of[member]] = result.get(setup.group_of[member], 0) + amount
    return result


def largest(groups: dict[str, int] | dict[str, Fraction], count: int) -> list[str]:
    return sorted(groups, key=lambda group: (-groups[group], group))[:count]


def cover(groups: dict[str, int], count: int) -> int:
    return sum(groups[group] for group in largest(groups, count))


def emir(setup: Setup, stressed: Row, name: str) -> int:
    """The largest group, or the second and third together."""
    alone = by_group(setup, stressed["net"][name])
    next_two = tuple(largest(alone, 3)[1:])
    return max(cover(alone, 1), sum(stressed["together"]("net", name, next_two).values()))


def cover_figures(setup: Setup, stressed: Row) -> Row:
    """Cover-1, cover-2, cover-N of a day, and what is averaged over days."""
    number = setup.fund.get("cover", 2)
    groups = {name: by_group(setup, stressed["net"][name]) for name in stressed["sizing"]}
    sets = {
        count: {name: worst_of_sets(setup, stressed, "net", name, count) for name in groups} for count in (1, 2, number)
    }
    worst = max(groups, key=lambda name: sets[number][name][0])
    names = by_group(setup, dict.fromkeys(stressed["alive"], 0))
    return {
        "cover_1": max(amount for amount, _ in sets[1].values()),
        "cover_2": max(amount for amount, _ in sets[2].values()),
        "cover_n": sets[number][worst][0],
        "cover_scenario": worst,
        "cover_groups": sets[number][worst][1],
        "emir": max(emir(setup, stressed, name) for name in groups),
        "worst_of_group": {group: max(each[group] for each in groups.values()) for group in names},
        "worst_of_member": {m: max(stressed["net"][name][m] for name in groups) for m in stressed["alive"]},
    }


def prefunded(setup: Setup, state: State, groups: list[str]) -> int:
    """Capital left and contributions of members not in default.

    reading: without `survivors_fund` only those of the groups given count, and without `defaulter_fund` those do not.
    """
    tiers = [tier if isinstance(tier, str) else next(iter(tier)) for tier in setup.rules["tiers"]]
    total = sum(state.capital_left)
    for member in state.alive(setup):
        own = setup.group_of[member] in groups
        if ("defaulter_fund" if own else "survivors_fund") in tiers:
            total += state.contributions[member]
    return total


def supplementary_due(setup: Setup, state: State, stressed: Row) -> dict[str, int]:
    """What every member owes from the next day on."""
    due = dict.fromkeys(setup.members, 0)
    terms = setup.fund.get("supplementary_margin")
    if not terms or not stressed["alive"]:
        return due
    groups = {name: by_group(setup, stressed["over"][name]) for name in stressed["sizing"]}
    pairs = {name: worst_of_sets(setup, stressed, "over", name, 2) for name in groups}
    pair = max(groups, key=lambda name: pairs[name][0])
    # reading: where only the own contributions of cover groups count, those of this pair
    there = prefunded(setup, state, pairs[pair][1])
    if terms.get("pair_share") is not None and pairs[pair][0] <= exact(terms["pair_share"]) * there:
        return due
    for group in next(iter(groups.values())):
        worst = max(groups, key=lambda name: groups[name][group])
        excess = groups[worst][group] - exact(terms["group_share"]) * there
        if excess > 0:
            weights = {m: loss for m, loss in stressed["over"][worst].items() if setup.group_of[m] == group}
            due |= share_out(math.ceil(excess), weights)  # reading: the excess is rounded up to a cent
    return due


def is_last_of(setup: Setup, row: int, schedule: str) -> bool:
    """A week or month that the market does not see end has no last day."""
    if schedule == "daily" or row == len(setup.dates) - 1:
        return schedule == "daily"
    today, following = setup.dates[row], setup.dates[row + 1]
    if schedule == "weekly":
        return today.isocalendar()[:2] != following.isocalendar()[:2]
    return (today.year, today.month) != (following.year, following.month)


def aggregated(setup: Setup, state: State, place: int) -> tuple[int, int]:
    """Cover-N over the look-back, and today's max(E1, E2 + E3).

    reading: `mean_of_groups` knows the groups not in default today.
    """
    terms = setup.fund.get("look_back") or {}
    days = terms.get("days", 1)
    figures = [each for when, each in state.stress_days if when > place - days]
    aggregate = terms.get("aggregate", "maximum")
    if aggregate == "mean_of_groups":
        averages: dict[str, int] = {}
        for group in by_group(setup, dict.fromkeys(state.alive(setup), 0)):
            mean = Fraction(sum(each["worst_of_group"][group] for each in figures), len(figures))
            averages[group] = math.ceil(mean)  # reading: each group's mean is rounded up, then added
        return cover(averages, setup.fund.get("cover", 2)), figures[-1]["emir"]

    def one(name: str) -> int:
        values = sorted(each[name] for each in figures)
        if aggregate == "percentile":
            return values[math.ceil(len(values) * exact(terms.get("percentile", 0.99))) - 1]
        if aggregate == "mean":
            return math.ceil(Fraction(sum(values), len(values)))
        return values[-1]

    return one("cover_n"), figures[-1]["emir"]


def resize(setup: Setup, state: State, place: int, requirement: dict[str, int], figures: Row) -> int:
    alive = state.alive(setup)
    cover_n, emir_42_3 = aggregated(setup, state, place)
    minimum = math.ceil(exact(setup.fund.get("minimum_contribution", 0)) * setup.minor)
    required = max(
        math.ceil((1 + exact(setup.fund.get("buffer", 0))) * cover_n),
        math.ceil(exact(setup.fund.get("floor", 0)) * setup.minor),
        len(alive) * minimum,
        emir_42_3 if setup.fund.get("covers_emir_42_3") else 0,
    )
    if setup.fund.get("size") is not None:
        required = max(math.ceil(exact(setup.fund["size"]) * setup.minor), len(alive) * minimum)
    if state.fund_required is not None:
        # reading: "at a time" compares with the fund required at the resizing before; the first one may be anything
        keeps = 1 - exact(setup.fund.get("largest_fall", 1.0))
        required = max(required, math.ceil(keeps * state.fund_required))
    if setup.fund.get("allocation", "margin_share") == "margin_share":
        weights = {m: sum(requirement[p] for p, (owner, _) in setup.pools.items() if owner == m) for m in alive}
    else:
        weights = figures["worst_of_member"]
    state.fund_required = required
    shares = twin.contributions(required, weights, minimum) if alive else {}
    if place == 0 and not state.stated:
        state.contributions |= shares
        state.targets = [(0, dict(state.contributions))]
    else:
        state.targets.append((place + setup.fund.get("notice_days", 1), dict.fromkeys(setup.members, 0) | shares))
    fix_capital(setup, state)
    return required


# --- one day ---------------------------------------------------------------------------------------------------------


def traded(setup: Setup, state: State, today: Snapshot) -> dict[str, dict[str, float]]:
    """Positions after the day's trades, without those that have their last day and those that are closed."""
    after = {account: dict(positions) for account, positions in state.held.items()}
    for trade in setup.trades.get(today.date, []):
        positions = after[trade["account_id"]]
        name = trade["instrument_id"]
        positions[name] = positions.get(name, 0.0) + trade["quantity"]
    gone = {name for name, last_row in setup.last_row.items() if last_row == today.row}
    return {
        account: {name: quantity for name, quantity in sorted(positions.items()) if quantity != 0 and name not in gone}
        for account, positions in after.items()
    }


def failing(
    setup: Setup,
    state: State,
    calls: dict[str, int],
    paid: dict[str, int],
    extra: dict[str, int],
    fund: dict[str, int],
) -> list[str]:
    """Groups of members that cannot pay."""
    result = set()
    for member in state.alive(setup):
        house, clients, capital = due_of(setup, state, member, calls, paid, extra, fund)
        liquidity = state.liquidity[member]
        due = max(house, 0)
        if setup.settlement.get("members_front_client_calls", True):
            due += clients
        if (capital is not None and capital < 0) or (liquidity is not None and due > liquidity):
            result.add(setup.group_of[member])
    return sorted(result)


def due_of(
    setup: Setup,
    state: State,
    member: str,
    calls: dict[str, int],
    paid: dict[str, int],
    extra: dict[str, int],
    fund: dict[str, int],
) -> tuple[int, int, int | None]:
    """House due, client due and capital after the day; `paid` is what the exchange of the day brings each pool."""
    house, clients, capital = extra[member] + fund[member], 0, state.capital[member]
    for pool, (owner, kind) in setup.pools.items():
        if owner != member:
            continue
        if kind == "house":
            house += calls[pool] - paid[pool]
            capital = None if capital is None else capital + paid[pool]
        else:
            clients += max(calls[pool] - paid[pool], 0)
    return house, clients, None if capital is None else capital - fund[member]


def one_day(
    setup: Setup, state: State, place: int, before: Snapshot | None, opening: Snapshot | None
) -> tuple[Snapshot, Row]:
    today = snapshot(setup, setup.days[place])
    opening = opening or today
    last_day = place == len(setup.days) - 1
    restore_after = setup.fund.get("capital_restoration_days", 20)
    if state.capital_used is not None and place >= state.capital_used + restore_after:
        # reading: restored before anything else happens on the day
        state.capital_left, state.capital_used = list(state.full_capital), None

    if all(event["settled_day"] is not None for event in state.events):
        state.cut = {}
    state.cut_today = {}
    flows = exchanged(setup, state.held, today, before, setup.trades.get(today.date, []))
    positions = traded(setup, state, today)
    day = margin_day(setup, today)
    account_margin = margins(setup, state, place, today, positions, day)
    pools = [pool for pool in setup.pools if setup.group_of[setup.pools[pool][0]] not in state.in_default]
    requirement = dict.fromkeys(pools, 0)
    for account, margin in account_margin.items():
        requirement[setup.pool_of[account]] += margin
    if place == 0 and setup.securities is None:
        state.cash |= requirement
    elif place == 0 and setup.securities is not None:
        for line in setup.securities:
            if is_cash(setup, line, today):
                state.cash[line["pool_id"]] += setup.cents(market_value(setup, line, today, opening))
        setup.securities = [line for line in setup.securities if not is_cash(setup, line, today)]
    lines = counted_securities(setup, today, opening, requirement)
    calls: dict[str, int] = {}
    back = setup.settlement.get("excess_returned", True)
    for pool in pools:
        missing = requirement[pool] - state.cash[pool] - lines[pool]
        calls[pool] = max(missing, -state.cash[pool] if back else 0)
    extra = {member: state.supplementary_due[member] - state.supplementary[member] for member in setup.members}
    extra = extra if back else {member: max(amount, 0) for member, amount in extra.items()}
    paid = dict.fromkeys(pools, 0)
    for kind in flows.values():
        for account in account_margin:
            paid[setup.pool_of[account]] += kind[account]

    # reading: older events come first: sold and, where that is their last day, settled before today's calls are due
    for event in state.events:
        if event["settled_day"] is None:
            assert before is not None
            sell_parts(setup, event, today, before)
            event["gains"].append(counted(setup, flows))
    for event in state.events:
        if event["settled_day"] is None and (sold_out(event) or last_day):
            settle(setup, state, place, event, today, opening)

    new: list[str] = []
    named = [group for group in setup.named.get(today.date, []) if group not in state.in_default]
    rounds = 0
    while True:
        fund = fund_calls(setup, state, place)
        groups = sorted({*failing(setup, state, calls, paid, extra, fund), *named})
        named = []
        if not groups:
            break
        rounds += 1
        new += groups
        event = open_event(setup, state, place, groups, today, positions, flows, day)
        event["round"] = rounds
        if sold_out(event) or last_day:
            settle(setup, state, place, event, today, opening)

    alive = state.alive(setup)
    held, without = {}, stated_securities(setup, today, opening)
    for pool in pools:
        without[pool] -= lines[pool]
        if setup.pools[pool][0] in alive:
            state.cash[pool] += calls[pool]
        held[pool] = state.cash[pool] + lines[pool]
    for member in alive:
        state.capital[member] = due_of(setup, state, member, calls, paid, extra, fund)[2]
        state.supplementary[member] += extra[member]
        state.contributions[member] += fund[member]
    state.held = positions

    record: Row = {"date": today.date, **flows, "account_margin": account_margin, "requirement": requirement}
    record |= {"held": held, "not_counted": without, "call": calls, "defaulted": sorted(new)}
    record |= stress_of_the_day(setup, state, place, today, opening, requirement, day)
    record |= {
        "contributions": dict(state.contributions),
        "capital_left": list(state.capital_left),
        "member_capital": dict(state.capital),
        "supplementary": dict(state.supplementary),
    }
    return today, record


def stress_of_the_day(
    setup: Setup,
    state: State,
    place: int,
    today: Snapshot,
    opening: Snapshot,
    requirement: dict[str, int],
    day: MarginDay,
) -> Row:
    """Stress, resizing and supplementary margin, on the days that have them."""
    keys = ["cover_1", "cover_2", "cover_n", "cover_scenario", "cover_groups", "fund_required"]
    result: Row = dict.fromkeys(keys)
    resizing = place == 0 or is_last_of(setup, today.row, setup.fund.get("schedule", "monthly"))
    if not (place == 0 or resizing or is_last_of(setup, today.row, setup.settlement.get("stress", "daily"))):
        return result
    stressed = stress_losses(setup, state, today, opening, state.held, requirement, day)
    figures = cover_figures(setup, stressed)
    state.stress_days.append((place, figures))
    result |= {key: figures[key] for key in keys[:5]}
    if resizing:
        result["fund_required"] = resize(setup, state, place, requirement, figures)
    # reading: on the first day after the fund is paid in; on others the contributions are the same before and after
    state.supplementary_due = supplementary_due(setup, state, stressed)
    return result


# --- margin against the losses that came: section 10 ------------------------------------------------------------------


class Began(NamedTuple):
    """The end of a day: the positions, by account, of accounts not in default, and what is required of their pools."""

    today: Snapshot
    positions: dict[str, dict[str, float]]
    required: dict[str, int]


def period_that_ended(setup: Setup, seen: list[Snapshot], began: list[Began]) -> dict[str, tuple[int, int]] | None:
    """By pool with a position: what was lost over the liquidation period that is over today, and the margin when it
    began."""
    begin = len(seen) - 1 - max(setup.horizon.values())
    if begin < 0:
        return None
    start = began[begin]
    losses = dict.fromkeys(start.required, 0)
    with_position = set[str]()
    for account, positions in start.positions.items():
        parts = []
        for name, quantity in positions.items():
            last = setup.last_row[name]
            if last is not None and last <= start.today.row:
                continue
            if quantity:
                with_position.add(setup.pool_of[account])
            end = next(
                day
                for place, day in enumerate(seen[begin:])
                if place == setup.horizon[name] or (last is not None and day.row == last)
            )
            paid = 0.0 if setup.premium_style(name) else start.today.price[name]
            unit = setup.instruments[name]["multiplier"] * (end.price[name] - paid) * end.x(name)
            parts.append(-quantity * unit)
        losses[setup.pool_of[account]] += round(math.fsum(parts) * setup.minor)
    return {pool: (losses[pool], margin) for pool, margin in start.required.items() if pool in with_position}


# --- the run ---------------------------------------------------------------------------------------------------------


def prepare(
    book: Row,
    market: Row,
    rules: Row,
    first: date,
    last: date,
    book_date: date | None,
    trades: list[Row],
    gaps: list[tuple[date, str]],
    defaults: list[tuple[str, date]],
    closed: list[tuple[date, date]],
    expiry: str,
    given: list[Row] | None,
) -> Setup:
    setup = Setup(book, market, rules, given)
    open_rows = without(market["dates"], closed)
    setup.dates = [market["dates"][row] for row in open_rows]
    raw = {factor: [levels[row] for row in open_rows] for factor, levels in market["levels"].items()}
    setup.days = [row for row, day in enumerate(setup.dates) if first <= day <= last]
    own_day = None if book_date is None else setup.dates.index(book_date)
    setup.levels = levels_of_the_run(setup, raw, own_day, gaps)
    setup.expiry = expiry
    by = timedelta(0) if book_date is None else setup.dates[setup.days[0]] - book_date
    for name, instrument in setup.instruments.items():
        setup.last_row[name] = None
        if instrument.get("expiry") is not None:
            instrument["expiry"] += by
            if expiry == "dated":
                later = [row for row, day in enumerate(setup.dates) if day >= instrument["expiry"]]
                setup.last_row[name] = later[0] if later else None
    for trade in trades:
        setup.trades.setdefault(trade["date"], []).append(trade)
    for group, day in defaults:
        setup.named.setdefault(day, []).append(group)
    return setup


def simulate(
    book: Row,
    market: Row,
    rules: Row,
    first: date,
    last: date,
    *,
    book_date: date | None = None,
    trades: list[Row] | None = None,
    gaps: Any = (),
    defaults: Any = (),
    closed: Any = (),
    expiry: str = "dated",
    given: list[Row] | None = None,
) -> Row:
    """Every day of the run and every default in it, by name."""
    setup = prepare(
        book,
        market,
        rules,
        first,
        last,
        book_date,
        trades or [],
        list(gaps),
        list(defaults),
        list(closed),
        expiry,
        given,
    )
    state = State(setup)
    fix_capital(setup, state)
    opening = before = None
    days = []
    seen: list[Snapshot] = []
    began: list[Began] = []
    for place in range(len(setup.days)):
        before, record = one_day(setup, state, place, before, opening)
        opening = opening or before
        seen.append(before)
        alive = state.alive(setup)
        held = {account: positions for account, positions in state.held.items() if setup.owner(account) in alive}
        required = {pool: record["requirement"][pool] for pool, (owner, _) in setup.pools.items() if owner in alive}
        began.append(Began(before, held, required))
        days.append(record | {"period": period_that_ended(setup, seen, began)})
    public = ["groups", "default_day", "settled_day", "loss", "draws"]
    return {"days": days, "events": [{key: event[key] for key in public} for event in state.events]}
