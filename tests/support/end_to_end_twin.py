"""The whole of `ccp size`, once more: plain dicts, lists, loops and fractions, from docs/reference/arithmetic.md alone,
and of docs/reference/margin-models.md what it says of collateral.

It shares no code with the package and never imports it. Slow on purpose; small books only.

    book    {"members": [row], "accounts": [row], "instruments": [row], "positions": [row], "collateral": [row] or None}
    market  {"dates": [date], "levels": {factor: [level or None]}, "factors": {factor: {change, asset_class, ...}}}
    rules   the rulebook as its YAML says it
    given   explicit scenarios [{"id", "shocks": {pattern: (kind, size)}, "sizes_fund", "multiples"}] in their place

Money leaves as whole minor units of the service currency.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from itertools import combinations, pairwise
from typing import Any, NamedTuple

from support import collateral_twin

Row = dict[str, Any]
Shock = tuple[float, float]  # relative, absolute
Shocks = dict[str, Shock]  # by factor; a factor that is not there does not move

STILL: Shock = (0.0, 0.0)
LADDER_SIZES = [0.1, 0.15, 0.2, 0.25, 0.3, 0.4]


def exact(number: float) -> Fraction:
    """The number as it is written in the rulebook: 0.99 is 99/100."""
    return Fraction(str(number))


def share_out(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Whole cents in proportion to the weights: largest remainder, ties to the smaller id; alike if all are 0."""
    if sum(weights.values()) == 0:
        weights = dict.fromkeys(weights, 1)
    whole = sum(weights.values())
    shares = {name: Fraction(amount * weight, whole) for name, weight in weights.items()}
    paid = {name: math.floor(share) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: (paid[name] - shares[name], name))
    for name in by_remainder[: amount - sum(paid.values())]:
        paid[name] += 1
    return paid


# --- 1. date, factors, history ---------------------------------------------------------------------------------------


def modelled_volatility(levels: list[float | None]) -> list[float | None]:
    result: list[float | None] = [None] * len(levels)
    days = [day for day, level in enumerate(levels) if level is not None]
    squares: list[float] = []
    fast = 0.0
    weight = (1 - 0.98**63) / (63 * (1 - 0.98))
    for before, day in pairwise(days):
        square = math.log(levels[day] / levels[before]) ** 2  # type: ignore[operator]
        squares.append(square)
        fast = 0.94 * (fast if len(squares) > 1 else square) + 0.06 * square
        slow = sum(squares) / len(squares)
        if len(squares) > 250:
            result[day] = max(math.sqrt(252 * (slow + (fast - slow) * weight)), 0.01)
    return result


def needed_factors(book: Row, currency: str) -> list[str]:
    needed = {row["factor_id"] for row in book["instruments"]}
    needed |= {row["volatility_id"] for row in book["instruments"] if row.get("volatility_id")}
    needed |= {row["factor_id"] for row in book.get("collateral") or [] if row.get("factor_id")}
    currencies = {row["currency"] or currency for row in [*book["instruments"], *(book.get("collateral") or [])]}
    return sorted(needed | {f"{other}/{currency}" for other in currencies - {currency}})


Candidate = int | tuple[str, str]
"""The first row of a window, or a name and its way."""
Kept = Collection[Candidate]


class NameRun(NamedTuple):
    """A name that moves alone: its way, what it is called, its shocks by period, the size to be plausible."""

    key: tuple[str, str]
    name: str
    over: dict[int, Shocks]
    size: float
    multiples: Sequence[float]


class History:
    """Dates up to the run's date, and for every needed factor its levels and its kind."""

    def __init__(self, book: Row, market: Row, currency: str, day: date | None) -> None:
        self.dates = [each for each in market["dates"] if day is None or each <= day]
        self.date = day or self.dates[-1]
        self.kinds: dict[str, Row] = {name: row for name, row in market["factors"].items() if name in market["levels"]}
        self.levels: dict[str, list[float | None]] = {}
        self.market_levels: dict[str, list[float | None]] = market["levels"]
        self.every = sorted({*market["levels"], *needed_factors(book, currency)})
        for factor in needed_factors(book, currency):
            if factor in market["levels"]:
                self.levels[factor] = market["levels"][factor][: len(self.dates)]
            else:
                assert factor.endswith(".VOL"), factor
                underlying = market["levels"][factor.removesuffix(".VOL")]
                self.levels[factor] = modelled_volatility(underlying[: len(self.dates)])

    def today(self, factor: str) -> float:
        level = self.levels[factor][-1]
        assert level is not None
        return level

    def absolute(self, factor: str) -> bool:
        return self.kinds.get(factor, {}).get("change") == "absolute"

    def asset_class(self, factor: str) -> str:
        return asset_class(self.kinds, factor)

    def sector(self, factor: str) -> str:
        return self.kinds.get(factor, {}).get("sector") or ""

    def tenor(self, factor: str) -> float | None:
        """As the market says, or the end of the name: UST10Y, EUR.3M."""
        if (known := self.kinds.get(factor, {}).get("tenor_years")) is not None:
            return known
        if found := re.search("([0-9]+)([DWMY])$", factor):
            return int(found[1]) * {"D": 1 / 365, "W": 7 / 365, "M": 1 / 12, "Y": 1}[found[2]]
        return None

    def window(self, end: int, rows: int) -> Shocks | None:
        """Every factor's return over the `rows` rows up to row `end`; None if a level is missing."""
        shocks: Shocks = {}
        for factor, levels in self.levels.items():
            before, after = levels[end - rows], levels[end]
            if before is None or after is None:
                return None
            shocks[factor] = (0.0, after - before) if self.absolute(factor) else (after / before - 1, 0.0)
        return shocks

    def leg(self, start: int, rows: int) -> Shocks:
        """Every factor's return over the rows from row `start`, cut short at the last row; its proxy's, where it has
        none; without those that have none either."""
        found = {factor: self.move(factor, start, rows) for factor in self.levels}
        return {factor: shock for factor, shock in found.items() if shock is not None}

    def move(self, factor: str, start: int, rows: int) -> Shock | None:
        end = min(start + rows, len(self.dates) - 1)
        stands_for, seen = factor, set[str]()
        while stands_for and stands_for not in seen:
            seen.add(stands_for)
            levels = self.levels[stands_for] if stands_for in self.levels else self.market_levels[stands_for]
            before, after = levels[start], levels[end]
            if before is not None and after is not None:
                return (0.0, after - before) if self.absolute(factor) else (after / before - 1, 0.0)
            stands_for = self.kinds.get(stands_for, {}).get("proxy")
        return None


def asset_class(kinds: Mapping[str, Row], factor: str) -> str:
    """As the market says; else what the name says: a volatility, a currency's rate, or of no class."""
    if known := kinds.get(factor, {}).get("asset_class"):
        return known
    if factor.endswith(".VOL"):
        return "volatility"
    return "currency" if re.fullmatch("[A-Z]{3}/[A-Z]{3}", factor) else ""


def liquidation_period(margin: Row, kinds: Mapping[str, Row], instrument: Row) -> int:
    """Of the first entry that matches in all that it states."""
    for entry in margin.get("liquidation") or []:
        matches = True
        if entry.get("kind"):
            matches &= entry["kind"] == instrument["kind"]
        if entry.get("asset_class"):
            matches &= entry["asset_class"] == asset_class(kinds, instrument["factor_id"])
        if entry.get("instrument"):
            pattern = ".*".join(re.escape(part) for part in entry["instrument"].split("*"))
            matches &= re.fullmatch(pattern, instrument["instrument_id"]) is not None
        if matches:
            return entry["days"]
    return margin["liquidation_days"]


def collateral_days(rules: Row) -> int:
    return (rules.get("collateral") or {}).get("liquidation_days") or rules["margin"]["liquidation_days"]


def stress_periods(rules: Row, horizon: Mapping[str, int], has_collateral: bool) -> list[int]:
    """What a window has legs over: instruments' periods, and collateral's where scenarios move it."""
    moves = has_collateral and (rules.get("collateral") or {}).get("stress", "haircut") == "scenario"
    return sorted({*horizon.values(), *([collateral_days(rules)] if moves else [])})


# --- 3. stress scenarios ---------------------------------------------------------------------------------------------


Legs = dict[int, dict[int, Shocks]]  # by first row, by period


def windows_run(
    history: History, periods: Sequence[int], asked: Row, kept: Kept
) -> list[tuple[str, dict[int, Shocks]]]:
    """Name and moves by period of the windows that are run, those that are kept among them; `periods` rising."""
    legs = {start: {rows: history.leg(start, rows) for rows in periods} for start in range(len(history.dates) - 1)}
    chosen = {start for start in kept if isinstance(start, int)}
    if asked.get("worst"):
        chosen |= worst_windows(history, legs, periods, asked["worst"])
    for rows in periods if asked.get("worst_of_each_factor") else ():
        for factor in history.levels:
            for way in (-1, 1):
                moves = {start: way * sum(mine[rows].get(factor, STILL)) for start, mine in legs.items()}
                chosen |= set(largest_apart(moves, asked["worst_of_each_factor"], rows))
    longest = periods[-1]
    severity = severities(history, {start: mine[longest] for start, mine in legs.items()}, longest)
    result = []
    for start in sorted(chosen, key=lambda start: (-severity[start], start)):
        result.append((window_name(history, start, longest), legs[start]))
    return result


def window_name(history: History, start: int, longest: int) -> str:
    last = len(history.dates) - 1
    unfinished = f" from {history.dates[start]}" if start + longest > last else ""
    return f"history {history.dates[min(start + longest, last)]}{unfinished}"


def largest_apart(amounts: Mapping[int, float], most: int, rows: int) -> list[int]:
    """First rows of the largest amounts above 0, so many at most, no two starting less than `rows` apart."""
    found: list[int] = []
    for start in sorted(amounts, key=lambda start: (-amounts[start], start)):
        if amounts[start] > 0 and len(found) < most and all(abs(start - one) >= rows for one in found):
            found.append(start)
    return found


def worst_windows(history: History, legs: Legs, periods: Sequence[int], worst: int) -> set[int]:
    last, chosen = len(history.dates) - 1, set[int]()
    for rows in periods:
        severity = severities(history, {start: mine[rows] for start, mine in legs.items()}, rows)
        finished: list[int] = []
        for start in sorted(legs, key=lambda start: (-severity[start], start)):
            if start + rows <= last and len(finished) < worst and all(abs(start - one) >= rows for one in finished):
                finished.append(start)
        least = min(severity[start] for start in finished) if len(finished) == worst else 0.0
        chosen |= {*finished, *(start for start in legs if start + rows > last and severity[start] >= least)}
    return chosen


def severities(history: History, windows: Mapping[int, Shocks], rows: int) -> dict[int, float]:
    """By first row, in standard deviations of the windows that are finished."""
    by_class: dict[str, list[str]] = {}
    for factor in history.levels:
        if history.asset_class(factor) != "volatility":
            by_class.setdefault(history.asset_class(factor), []).append(factor)
    deviation = {}
    finished = [shocks for start, shocks in windows.items() if start + rows < len(history.dates)]
    for factor in history.levels:
        returns = [sum(shocks[factor]) for shocks in finished or windows.values() if factor in shocks]
        mean = sum(returns) / max(len(returns), 1)
        deviation[factor] = math.sqrt(sum((each - mean) ** 2 for each in returns) / max(len(returns), 1))
        levels = [abs(level) for level in history.levels[factor] if level is not None]
        if deviation[factor] <= 1e-12 * (max(levels) if history.absolute(factor) else 1):
            deviation[factor] = 0.0
    severity = {}
    for start, shocks in windows.items():
        averages = []
        for factors in by_class.values():
            known = [factor for factor in factors if factor in shocks]
            squares = [(sum(shocks[f]) / deviation[f]) ** 2 if deviation[f] > 0 else 0.0 for f in known]
            averages += [sum(squares) / len(squares)] if squares else []
        severity[start] = math.sqrt(sum(averages) / len(averages)) if averages else 0.0
    return severity


def share(history: History, factor: str, size: float, floor: float) -> Shock:
    """The shock that a share of a factor's level is."""
    if not history.absolute(factor) or re.fullmatch("[A-Z]{3}/[A-Z]{3}", factor):
        return size, 0.0
    known = [abs(level) for level in history.levels[factor] if level is not None][-250:]
    return 0.0, size * max(known[-1], floor * statistics.median(known))


def gap(history: History, moved: Iterable[str], move: float, rung: Row) -> Shocks:
    rise = rung.get("volatility_per_fall", 4.0) * -move if move < 0 else rung.get("volatility_per_rise", 1.0) * move
    shocks: Shocks = {}
    for factor in moved:
        for name, size in ((factor, move), (factor + ".VOL", rise)):
            if name in history.levels:
                shocks[name] = share(history, name, size, rung.get("level_floor", 0.5))
    return shocks


def ladder(history: History, rung: Row | str) -> list[tuple[str, float, Shocks]]:
    rung = {"ladder": rung} if isinstance(rung, str) else rung
    factors = history.every
    market = [f for f in factors if history.asset_class(f) not in ("currency", "volatility", "rate")]
    priced = [f for f in factors if history.asset_class(f) != "volatility"]
    priced = [f for f in priced if history.asset_class(f) != "rate" or not history.absolute(f)]
    sectors = sorted({history.sector(f) for f in priced} - {""})
    of_sector = {name: [f for f in priced if history.sector(f) == name] for name in sectors}
    if rung["ladder"] == "sector_breaks":
        return breaks(history, of_sector, rung)
    if rung["ladder"] == "market_gaps":
        moves = {"market": market}
    elif rung["ladder"] == "class_gaps":
        classes = sorted({history.asset_class(f) for f in priced} - {"currency"})
        moves = {
            f"class {c}" if c else "unclassified": [f for f in priced if history.asset_class(f) == c] for c in classes
        }
    elif rung["ladder"] == "currency_gaps":
        moves = {"currencies": [f for f in factors if history.asset_class(f) == "currency"]}
    else:
        moves = {f"sector {name}": moved for name, moved in of_sector.items()}
    result = []
    for name, moved in moves.items():
        if not {*moved, *(f"{factor}.VOL" for factor in moved)} & set(history.levels):
            continue  # a ladder that moves nothing the book needs is not run
        for size in rung.get("sizes") or LADDER_SIZES:
            for way, sign in (("down", -1), ("up", 1)):
                result.append((f"{name} {way} {100 * size:g}%", size, gap(history, moved, sign * size, rung)))
    return result


def breaks(history: History, sectors: Mapping[str, list[str]], rung: Row) -> list[tuple[str, float, Shocks]]:
    """Of the sectors that the book needs each against each other, and each against all others if they are several."""
    needed = [name for name, own in sectors.items() if {*own, *(f"{f}.VOL" for f in own)} & set(history.levels)]
    called = {f"sector {name}": sectors[name] for name in needed}
    sides = [(one, called[one], other, called[other]) for one in called for other in called if one != other]
    if len(needed) > 2:
        for one, own in called.items():
            rest = [f for other, theirs in called.items() if other != one for f in theirs]
            sides += [(one, own, "all other sectors", rest), ("all other sectors", rest, one, own)]
    return [
        (
            f"{down} down, {up} up {100 * size:g}%",
            size,
            gap(history, falling, -size, rung) | gap(history, rising, size, rung),
        )
        for down, falling, up, rising in sides
        for size in rung.get("sizes") or LADDER_SIZES
    ]


def single_names(history: History, stress: Row, periods: Sequence[int], kept: Kept) -> list[NameRun]:
    """What is run of the names and ways that are kept."""
    rules, found = stress.get("single_names") or {}, list[NameRun]()
    multiples = stress.get("multiples") or [1]
    names = {*history.levels} | {f.removesuffix(".VOL") for f in history.levels if f.endswith(".VOL")}
    for name in sorted(names & {*history.every}):
        stays = history.asset_class(name) == "volatility"
        stays |= history.asset_class(name) == "rate" and history.absolute(name)
        for size in () if stays else rules.get("sizes", ()):
            for way, sign in (("down", -1), ("up", 1)):
                shocks = gap(history, [name], sign * size, rules)
                if any(sum(shock) for factor, shock in shocks.items() if factor == name):
                    label = f"{name} alone {way} {100 * size:g}%"
                    found.append(NameRun((name, way), label, dict.fromkeys(periods, shocks), size, multiples))
        for way, sign, word in (("down", -1, "fall"), ("up", 1, "rise")):
            legs = {rows: own_worst(history, name, rows, sign) for rows in periods}
            own = {rows: worst_shocks(history, name, shock, sign, rules) for rows, shock in legs.items()}
            if any(sum(shock) for shock in legs.values()):
                asked = rules.get("multiples_of_own_worst", ())
                found.append(NameRun((name, way), f"{name} alone worst {word}", own, 0.0, asked))
    return [one for one in found if one.key in kept]


def own_worst(history: History, name: str, rows: int, sign: int) -> Shock:
    """The furthest that a factor has moved one way over so many rows."""
    moves = [history.move(name, start, rows) or STILL for start in range(len(history.dates) - 1)]
    return max([STILL, *moves], key=lambda shock: sign * sum(shock))


def worst_shocks(history: History, name: str, shock: Shock, sign: int, rules: Row) -> Shocks:
    """That move, and what the volatility does beside it."""
    floor = rules.get("level_floor", 0.5)
    part = shock[0]
    if shock[1]:
        levels = history.levels[name] if name in history.levels else history.market_levels[name][: len(history.dates)]
        known = [abs(level) for level in levels if level is not None][-250:]
        floored = 0.0 if re.fullmatch("[A-Z]{3}/[A-Z]{3}", name) else floor
        part = shock[1] / max(known[-1], floored * statistics.median(known))
    slope = rules.get("volatility_per_fall", 4.0) if sign < 0 else rules.get("volatility_per_rise", 1.0)
    shocks = {name: shock} if name in history.levels else {}
    if f"{name}.VOL" in history.levels:
        shocks[f"{name}.VOL"] = share(history, f"{name}.VOL", slope * abs(part), floor)
    return shocks


def rate_shifts(history: History, shifts: Row) -> list[tuple[str, float, Shocks]]:
    """Name, size in basis points and shocks of every shift of rates."""
    rates = [f for f in history.every if history.asset_class(f) == "rate"]
    tenors = {f: years for f in rates if (years := history.tenor(f)) is not None}
    ways: list[tuple[str, Callable[[str], float | None]]] = []
    for shape in shifts.get("shapes", ["parallel", "steeper", "flatter"]):
        if shape == "parallel":
            ways += [("down", lambda _: -1.0), ("up", lambda _: 1.0)]
        elif len(set(tenors.values())) >= 2:
            ways.append((shape, lambda f, shape=shape: twist(shape, tenors[f]) if f in tenors else None))
    result = []
    for name, way in ways:
        moved = {f: part for f in rates if f in history.levels and (part := way(f)) is not None}
        for size in shifts.get("basis_points", [50, 100, 200, 300]) if moved else []:
            shocks = {f: shift(history, f, part * size) for f, part in moved.items()}
            result.append((f"rates {name} {size:g}bp", size, shocks))
    return result


def twist(shape: str, years: float) -> float:
    near = math.exp(-years / 4)
    return -0.65 * near + 0.9 * (1 - near) if shape == "steeper" else 0.8 * near - 0.6 * (1 - near)


def shift(history: History, factor: str, points: float) -> Shock:
    units = {"percent": 0.01, "decimal": 0.0001, "basis_points": 1.0}
    size = points * units[history.kinds[factor].get("rate_unit") or "percent"]
    return (0.0, size) if history.absolute(factor) else (min(size / history.today(factor), 100.0), 0.0)


def match(factor: str, shocks: Mapping[str, tuple[str, float]]) -> Shock:
    """The shock of one factor in an explicit scenario: its own name, else the last pattern that matches."""
    found: tuple[str, float] | None = None
    for pattern, shock in shocks.items():
        if re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), factor):
            found = shock
    kind, size = shocks.get(factor) or found or ("relative", 0.0)
    return (size, 0.0) if kind == "relative" else (0.0, size)


def multiply(shocks: Shocks, multiple: float) -> Shocks:
    """Every shock times the multiple; no relative one below -99 %."""
    return {f: (max(relative * multiple, -0.99), absolute * multiple) for f, (relative, absolute) in shocks.items()}


def above_zero(history: History, shocks: Shocks) -> Shocks:
    """The shocks with exchange rates that move by differences kept at 1 % of today's."""
    kept = dict(shocks)
    for factor, (relative, absolute) in shocks.items():
        if re.fullmatch("[A-Z]{3}/[A-Z]{3}", factor) and history.absolute(factor) and factor in history.levels:
            kept[factor] = (relative, max(absolute, -0.99 * history.today(factor)))
    return kept


class Scenario(NamedTuple):
    """Shocks that are run over each period, whether they size the fund, and how many factors are capped at -99 %."""

    over: dict[int, Shocks]
    sizes: bool
    capped: int

    @property
    def shocks(self) -> Shocks:
        """Those over the longest period."""
        return self.over[max(self.over)]


def stress_scenarios(
    history: History, rules: Row, given: list[Row] | None, periods: Sequence[int], kept: Kept = ()
) -> dict[str, Scenario]:
    """Scenario id -> scenario, in the order in which they are run."""
    stress = rules.get("stress", {})

    def alike(shocks: Shocks) -> dict[int, Shocks]:
        return dict.fromkeys(periods, shocks)

    plausible = stress.get("plausible") or {}
    multiples = stress.get("multiples") or [1]
    largest_multiple = plausible.get("multiple", 1) if plausible else math.inf
    largest_gap = plausible.get("gap", 1) if plausible else math.inf
    largest_shift = plausible.get("shift", math.inf)
    base: list[tuple[str, dict[int, Shocks], bool, Sequence[float]]] = []
    if given is not None:
        for each in given:
            shocks = {factor: match(factor, each["shocks"]) for factor in history.levels}
            base.append((each["id"], alike(shocks), each.get("sizes_fund", True), each.get("multiples", [1])))
    else:
        if historical := stress.get("historical"):
            for name, legs in windows_run(history, periods, historical, kept):
                base.append((name, legs, True, historical.get("multiples") or multiples))
        ladders = stress.get("hypothetical") or []
        for rung in ladders:
            own = None if isinstance(rung, str) else rung.get("multiples")
            for name, size, shocks in ladder(history, rung):
                base.append((name, alike(shocks), size <= largest_gap, own or multiples))
        shifts = stress.get("rate_shifts") or ({} if ladders else None)
        if shifts is not None:
            for name, size, shocks in rate_shifts(history, shifts):
                base.append((name, alike(shocks), size <= largest_shift, shifts.get("multiples") or multiples))
        for run in single_names(history, stress, periods, kept):
            base.append((run.name, run.over, run.size <= largest_gap, run.multiples))
    result = {}
    for name, legs, sizes, own in base:
        for multiple in own:
            suffix = "" if multiple == 1 else f"@{multiple:g}x"
            over, low, below = {}, set[str](), set[str]()
            for rows, shocks in legs.items():
                low |= {f for f in shocks if f in history.levels and shocks[f][0] * multiple < -0.99}
                run = multiply(shocks, multiple)
                over[rows] = run if given is not None else above_zero(history, run)
                below |= {f for f in run if over[rows][f] != run[f]}
            result[name + suffix] = Scenario(over, sizes and multiple <= largest_multiple, len(low) + len(below))
    return result


# --- 4. price of one unit --------------------------------------------------------------------------------------------


def black(right: str, forward: float, strike: float, volatility: float, years: float, rate: float) -> float:
    sign = 1 if right == "call" else -1
    spread = volatility * math.sqrt(years)
    if spread <= 0 or forward <= 0:
        return max(sign * (forward - strike), 0.0) * math.exp(-rate * years)
    d1 = math.log(forward / strike) / spread + spread / 2
    d2 = d1 - spread
    normal = [0.5 * math.erfc(-sign * d / math.sqrt(2)) for d in (d1, d2)]
    return sign * (forward * normal[0] - strike * normal[1]) * math.exp(-rate * years)


def bachelier(right: str, forward: float, strike: float, volatility: float, years: float, rate: float) -> float:
    sign = 1 if right == "call" else -1
    spread = volatility * math.sqrt(years)
    if spread <= 0:
        return max(sign * (forward - strike), 0.0) * math.exp(-rate * years)
    d = sign * (forward - strike) / spread
    density = math.exp(-d * d / 2) / math.sqrt(2 * math.pi)
    return spread * (d * 0.5 * math.erfc(-d / math.sqrt(2)) + density) * math.exp(-rate * years)


def is_normal(instrument: Row) -> bool:
    return instrument.get("normal_volatility") is not None


def option_value(instrument: Row, forward: float, volatility: float, years: float) -> float:
    """By the model that the instrument states, discounted."""
    model = bachelier if is_normal(instrument) else black
    discount = instrument.get("discount_rate") or 0.0
    return model(instrument["right"], forward, instrument["strike"], volatility, years, discount)


def stated_volatility(instrument: Row) -> float | None:
    return instrument["normal_volatility"] if is_normal(instrument) else instrument.get("implied_volatility")


def weekdays_after(day: date, count: int) -> date:
    while day.weekday() >= 5:
        day += timedelta(days=1)
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def move(level: float, shock: Shock) -> float:
    return level * (1 + shock[0]) + shock[1]


def standing_value(instrument: Row, history: History, currency: str) -> float:
    if instrument["kind"] != "option" or instrument["style"] != "premium":
        return 0.0
    own = instrument["currency"]
    rate = 1.0 if own == currency else history.today(f"{own}/{currency}")
    return instrument["multiplier"] * instrument["price"] * rate


def close_out_loss(instrument: Row, shocks: Shocks, history: History, currency: str, horizon: int) -> float:
    """What closing one long unit costs in the scenario."""
    price, multiplier = instrument["price"], instrument["multiplier"]
    factor, own = instrument["factor_id"], instrument["currency"]
    rate = rate_in_scenario = 1.0
    if own != currency:
        rate = history.today(f"{own}/{currency}")
        rate_in_scenario = move(rate, shocks.get(f"{own}/{currency}", STILL))
    if instrument["kind"] != "option":
        return -(multiplier * (move(price, shocks.get(factor, STILL)) - price) * rate_in_scenario)
    forward = instrument.get("forward")
    forward = history.today(factor) if forward is None else forward
    source = instrument.get("volatility_id")
    volatility = stated_volatility(instrument)
    volatility = history.today(str(source)) if volatility is None else volatility
    volatility_in_scenario = max(move(volatility, shocks.get(str(source), STILL)), 0.0)
    end = weekdays_after(history.date, horizon)
    years = max((instrument["expiry"] - history.date).days, 0) / 365
    years_then = max((instrument["expiry"] - end).days, 0) / 365
    before = option_value(instrument, forward, volatility, years)
    forward_in_scenario = move(forward, shocks.get(factor, STILL))
    after = option_value(instrument, forward_in_scenario, volatility_in_scenario, years_then)
    price_then = max(price + (after - before), 0.0)
    if instrument["style"] == "variation":
        return -(multiplier * (price_then - price) * rate_in_scenario)
    change = multiplier * (price_then * rate_in_scenario - price * rate)
    return -(change + standing_value(instrument, history, currency))


def recovery(rules: Row) -> float | None:
    """What is left of the price of a defaulter's paper, as a share; None where it moves as the scenario says."""
    stated = (rules.get("stress") or {}).get("own_paper") or {}
    return None if stated == "none" else stated.get("recovery", 0.0)


def loss_at_default(
    instrument: Row, shocks: Shocks, history: History, currency: str, horizon: int, recovered: float
) -> float:
    """What closing one long unit costs when its issuer has defaulted in the scenario."""
    price, own = instrument["price"], instrument["currency"]
    rate_in_scenario = 1.0
    if own != currency:
        rate_in_scenario = move(history.today(f"{own}/{currency}"), shocks.get(f"{own}/{currency}", STILL))
    if instrument["kind"] == "option":
        forward = instrument.get("forward")
        forward = history.today(instrument["factor_id"]) if forward is None else forward
        volatility, source = stated_volatility(instrument), str(instrument.get("volatility_id"))
        volatility = history.today(source) if volatility is None else volatility
        volatility = max(move(volatility, shocks.get(source, STILL)), 0.0)
        years = max((instrument["expiry"] - weekdays_after(history.date, horizon)).days, 0) / 365
        then = max(option_value(instrument, forward * recovered, volatility, years), 0.0)
    else:
        then = price * recovered
    if instrument.get("style") == "premium":
        return -instrument["multiplier"] * then * rate_in_scenario
    return -instrument["multiplier"] * (then - price) * rate_in_scenario


# --- 5. accounts and pools -------------------------------------------------------------------------------------------


def tail(losses: list[float], margin: Row) -> float:
    confidence = exact(margin["confidence"])
    ordered, n = sorted(losses), len(losses)
    if margin.get("quantile", "ceil") == "ceil":
        k = min(math.ceil(n * confidence), n)
    else:
        k = min(math.floor(n * confidence) + 1, n)
    if margin.get("measure", "expected_shortfall") == "value_at_risk":
        return ordered[k - 1]
    mass = n * (1 - confidence)
    return (sum(ordered[k:]) + float(mass - (n - k)) * ordered[k - 1]) / float(mass)


# --- 5. collateral ---------------------------------------------------------------------------------------------------


class Held:
    """What pools hold against their requirement, and what counts of it (also docs/reference/margin-models.md)."""

    def __init__(
        self,
        book: Row,
        rules: Row,
        history: History,
        pools: Mapping[str, tuple[str, str]],
        group_of: Mapping[str, str],
        required: Mapping[str, int],
    ) -> None:
        self.rules, self.history, self.required = rules, history, required
        self.service, self.minor = rules["currency"], 10 ** rules.get("currency_digits", 2)
        self.stated = book.get("collateral") is not None
        lines = [row | {"currency": row["currency"] or self.service} for row in book.get("collateral") or []]
        classes = {
            str(row["factor_id"]): history.asset_class(row["factor_id"]) for row in lines if row.get("factor_id")
        }
        known = collateral_twin.Known(book["members"], classes, self.service)
        self.lines: dict[str, list[Row]] = {pool: [] for pool in pools}
        lines = collateral_twin.with_groups(lines)
        for row in lines:
            own = collateral_twin.is_own_paper(row, group_of[pools[row["pool_id"]][0]], known, lines)
            value = 0.0 if own else row["market_value"] * self.rate(row["currency"])
            self.lines[row["pool_id"]].append(row | {"value": value})
        limits = rules.get("collateral") or {}
        self.after_haircut: dict[str, int] = {}
        self.parts: dict[str, list[Fraction]] = {}
        for pool, mine in self.lines.items():
            cents = [round(row["value"] * (1 - row["haircut"]) * self.minor) for row in mine]
            stages = collateral_twin.left_of_lines(mine, cents, limits, required[pool], known)
            self.after_haircut[pool] = sum(stages[-1] if stages else cents)
            self.parts[pool] = collateral_twin.parts_left(mine, cents, limits, required[pool], known)

    def rate(self, currency: str) -> float:
        return 1.0 if currency == self.service else self.history.today(f"{currency}/{self.service}")

    def moved(self, pool: str, shocks: Shocks) -> int:
        """Market value in a scenario of what the limits have left, every line in cents, no haircut."""
        total = 0
        for row, part in zip(self.lines[pool], self.parts[pool], strict=True):
            value = row["value"] * float(part)
            if factor := row.get("factor_id"):
                level = self.history.today(factor)
                value *= max(move(level, shocks.get(factor, STILL)), 0.0) / level
            if row["currency"] != self.service:
                rate = self.rate(row["currency"])
                value *= move(rate, shocks.get(f"{row['currency']}/{self.service}", STILL)) / rate
            total += round(value * self.minor)
        return total

    def counted(self, shocks: Shocks) -> dict[str, int]:
        """By pool, what counts as margin in a scenario."""
        return {pool: self.counted_of(pool, shocks) for pool in self.required}

    def counted_of(self, pool: str, shocks: Shocks) -> int:
        required = self.required[pool]
        if not self.stated:
            return required
        way, held = self.rules.get("stress", {}).get("resources", "minimum"), self.after_haircut[pool]
        if (self.rules.get("collateral") or {}).get("stress", "haircut") == "haircut":
            return {"required": required, "held": held, "minimum": min(required, held)}[way]
        if way == "held" or (way == "minimum" and held <= required):
            return self.moved(pool, shocks)
        return required if held == 0 else self.moved(pool, shocks) * required // held


# --- 6. loss over margin ---------------------------------------------------------------------------------------------


def beyond_margin(rest: list[tuple[str, int]], house_pays_for_clients: bool) -> int:
    """A member's loss over margin, from (kind, loss less margin) of its pools."""
    left = -sum(amount for kind, amount in rest if kind == "house")
    clients = sum(max(amount, 0) for kind, amount in rest if kind == "client")
    return max(-left, 0) + max(clients - (max(left, 0) if house_pays_for_clients else 0), 0)


# --- 7. contributions ------------------------------------------------------------------------------------------------


def contributions(fund: int, weights: Mapping[str, int], minimum: int) -> dict[str, int]:
    if sum(weights.values()) == 0:
        weights = dict.fromkeys(weights, 1)
    at_minimum: set[str] = set()
    while True:
        others = {member: weight for member, weight in weights.items() if member not in at_minimum}
        left = fund - minimum * len(at_minimum)
        whole = sum(others.values())
        below = {member for member, weight in others.items() if Fraction(left * weight, whole) < minimum}
        if not below:
            return dict.fromkeys(at_minimum, minimum) | share_out(left, others)
        at_minimum |= below


# --- the run ---------------------------------------------------------------------------------------------------------


def size(book: Row, market: Row, rules: Row, given: list[Row] | None = None, day: date | None = None) -> Row:
    """Everything `ccp size` says, by name."""
    historical = (rules.get("stress") or {}).get("historical") or {}
    every = historical.get("all") or historical.get("worst_of_each_group") or rules["stress"].get("single_names")
    kept = kept_candidates(book, market, rules, day) if every and given is None else set[Candidate]()
    return size_in(book, market, rules, given, day, kept)


def kept_candidates(book: Row, market: Row, rules: Row, day: date | None) -> set[Candidate]:
    """First rows of the windows, and names with their way, in which somebody or something loses most: every window and
    every name is run, at the multiples and sizes that size the fund."""
    stress = rules["stress"]
    asked = stress.get("historical") or {}
    multiples = asked.get("multiples") or stress.get("multiples") or [1]
    plausible = stress.get("plausible") or {}
    largest = plausible.get("multiple", 1) if plausible else math.inf
    sizing = [one for one in multiples if one <= largest] or [min(multiples)]
    history = History(book, market, rules["currency"], day)
    looked_at = asked.get("all") or asked.get("worst_of_each_group")
    starts = range(len(history.dates) - 1 if looked_at else 0)
    ways = {(name, way) for name in {*history.every, *history.levels} for way in ("down", "up")}

    def run(way: str | None = None, posted: bool = True) -> Row:
        told = (
            stress | ({"historical": {"multiples": sizing}} if looked_at else {}) | ({"resources": way} if way else {})
        )
        members = book["members"] if posted else [row | {"fund_contribution": None} for row in book["members"]]
        return size_in(book | {"members": members}, market, rules | {"stress": told}, None, day, {*starts, *ways})

    whole = run()
    name_of = {
        start: [
            window_name(history, start, max(whole["periods"])) + ("" if one == 1 else f"@{one:g}x") for one in sizing
        ]
        for start in starts
    }
    windows: list[tuple[Candidate, str]] = [(start, name) for start in starts for name in name_of[start]]
    named = single_names(history, stress, whole["periods"], ways)
    moves = [(each, one, each.name + ("" if one == 1 else f"@{one:g}x")) for each in named for one in each.multiples]
    least = min(((one, each.size) for each, one, _ in moves), default=None)
    sized: list[tuple[Candidate, str]] = [(each.key, name) for each, _, name in moves if name in whole["sizing"]]
    alone: list[tuple[Candidate, str]] = sized or [
        (each.key, name) for each, one, name in moves if (one, each.size) == least
    ]
    candidates = [*windows, *alone]
    kept: set[Candidate] = set()

    def keep(amount: Callable[[str], float]) -> None:
        for some in (windows if asked.get("all") else [], alone):
            best = max(some, key=lambda each: amount(each[1]), default=None)  # of equals the first
            if best is not None and amount(best[1]) > 0:
                kept.add(best[0])

    number, loss = rules.get("fund", {}).get("cover", 2), whole["group_loss"]

    def cover(run: Row, name: str, count: int) -> int:
        return sum(sorted(run["group_loss"][name].values(), reverse=True)[:count])

    groups = sorted(set(whole["group_of"].values()))
    if asked.get("all") or alone:
        for count in (1, 2, number):
            keep(lambda name, count=count: cover(whole, name, count))
        keep(lambda name: max(cover(whole, name, 1), cover(whole, name, 3) - cover(whole, name, 1)))
        if book.get("collateral") is not None:
            for way in ("required", "held", "minimum"):
                other = run(way)
                keep(lambda name, other=other: cover(other, name, number))
        for group in groups:
            keep(lambda name, group=group: loss[name][group])
        for member in whole["group_of"]:
            keep(lambda name, member=member: whole["over_margin"][name][member])
        worst = {group: max(loss[name][group] for _, name in candidates) for group in groups}
        losing = [group for group in sorted(groups, key=lambda each: (-worst[each], each))[:20] if worst[group] > 0]
        for pair in combinations(losing, 2):
            keep(lambda name, pair=pair: sum(loss[name][group] for group in pair))
        for tested in (whole, run(posted=False)):
            keep(lambda name, tested=tested: tested["coverage_test"][name][0] - tested["least_uncovered"])
        for kind in {instrument_class(history, row) for row in book["instruments"]}:
            keep(lambda name, kind=kind: whole["moved_in_class"](name, kind))
    for group in groups if asked.get("worst_of_each_group") else ():
        amounts = {start: max(loss[name][group] for name in name_of[start]) for start in starts}
        kept |= set(largest_apart(amounts, asked["worst_of_each_group"], max(whole["periods"])))
    if not kept and len(whole["scenarios"]) == len(windows) + len(moves):
        kept.add(candidates[0][0])
    return kept


def instrument_class(history: History, instrument: Row) -> str:
    return history.asset_class(instrument["factor_id"])


def size_in(book: Row, market: Row, rules: Row, given: list[Row] | None, day: date | None, kept: Kept) -> Row:
    """Everything `ccp size` says, of windows those that begin on some rows beside those that the rulebook names."""
    currency, minor = rules["currency"], 10 ** rules.get("currency_digits", 2)
    margin_rules, stress, fund_rules = rules["margin"], rules.get("stress", {}), rules.get("fund", {})
    history = History(book, market, currency, day)
    instruments = {row["instrument_id"]: row for row in sorted(book["instruments"], key=lambda r: r["instrument_id"])}
    horizon = {name: liquidation_period(margin_rules, market["factors"], row) for name, row in instruments.items()}
    members = {row["member_id"]: row for row in sorted(book["members"], key=lambda row: row["member_id"])}
    group_of = {member: row.get("group_id") or member for member, row in members.items()}
    groups = sorted(set(group_of.values()))
    accounts = {row["account_id"]: row for row in sorted(book["accounts"], key=lambda row: row["account_id"])}
    pool_of = {account: row.get("pool_id") or account for account, row in accounts.items()}
    pools = {pool_of[account]: (row["member_id"], row["kind"]) for account, row in accounts.items()}
    positions: dict[str, list[tuple[str, float]]] = {account: [] for account in accounts}
    for row in sorted(book["positions"], key=lambda row: row["instrument_id"]):
        positions[row["account_id"]].append((row["instrument_id"], row["quantity"]))

    def account_losses(over: Mapping[int, Shocks], longest: bool = False) -> dict[str, float]:
        """What accounts lose, every instrument over its own period, or all of an account over its longest."""

        @cache
        def unit(name: str, rows: int) -> float:
            return close_out_loss(instruments[name], over[rows], history, currency, rows)

        result = {}
        for account, held in positions.items():
            result[account] = 0.0
            for instrument, quantity in held:
                result[account] += quantity * unit(instrument, rows_of(account, instrument, longest))
        return result

    def rows_of(account: str, instrument: str, longest: bool) -> int:
        if not longest:
            return horizon[instrument]
        return max((horizon[name] for name, quantity in positions[account] if quantity), default=horizon[instrument])

    # margin
    last = len(history.dates) - 1
    margin_losses: list[dict[str, float]] = []
    for end in range(last - margin_rules["lookback_days"] + 1, last + 1):
        windows = {}
        for rows in set(horizon.values()):
            shocks = history.window(end, rows)
            assert shocks is not None, "a level is missing in the margin window"
            windows[rows] = above_zero(history, shocks)
        margin_losses.append(account_losses(windows))
    account_margin = {
        account: round(max(tail([losses[account] for losses in margin_losses], margin_rules), 0.0) * minor)
        for account in accounts
    }
    net_option_value = {
        account: sum(quantity * standing_value(instruments[name], history, currency) for name, quantity in held)
        for account, held in positions.items()
    }
    pool_margin = {
        pool: sum(account_margin[account] for account in accounts if pool_of[account] == pool) for pool in pools
    }

    longest = stress.get("horizon", "own") == "longest"

    def account_variation(over: Mapping[int, Shocks]) -> dict[str, float]:
        """What accounts gain on contracts whose value is exchanged daily."""
        result = {}
        for account, held in positions.items():
            result[account] = 0.0
            for name, quantity in held:
                row = instruments[name]
                if row["kind"] != "option" or row["style"] != "premium":
                    rows = rows_of(account, name, longest)
                    result[account] += quantity * -close_out_loss(row, over[rows], history, currency, rows)
        return result

    # stress: losses of pools, members, groups
    variation: dict[str, list[dict[str, int]]] = {}
    periods = stress_periods(rules, horizon, book.get("collateral") is not None)
    scenarios = stress_scenarios(history, rules, given, periods, kept)
    held = Held(book, rules, history, pools, group_of, pool_margin)
    sold = collateral_days(rules)
    counted = {name: held.counted(each.over.get(sold, {})) for name, each in scenarios.items()}
    pool_loss: dict[str, dict[str, int]] = {}
    over_margin: dict[str, dict[str, int]] = {}
    group_loss: dict[str, dict[str, int]] = {}
    for scenario, each in scenarios.items():
        losses = {account: round(loss * minor) for account, loss in account_losses(each.over, longest).items()}
        pool_loss[scenario] = {
            pool: sum(losses[account] for account in accounts if pool_of[account] == pool) for pool in pools
        }
        gained = {account: round(amount * minor) for account, amount in account_variation(each.over).items()}
        variation[scenario] = [
            {pool: sum(gained[account] for account in accounts if pool_of[account] == pool) for pool in pools}
        ]
        over_margin[scenario] = {}
        for member in members:
            rest = [
                (kind, pool_loss[scenario][pool] - counted[scenario][pool])
                for pool, (owner, kind) in pools.items()
                if owner == member
            ]
            over_margin[scenario][member] = beyond_margin(rest, stress.get("house_surplus_covers_clients", True))
        group_loss[scenario] = {
            group: sum(over_margin[scenario][m] for m in members if group_of[m] == group) for group in groups
        }

    # cover, fund, contributions
    sizing = [name for name, scenario in scenarios.items() if scenario.sizes]
    number = fund_rules.get("cover", 2)

    def largest(scenario: str, count: int) -> list[str]:
        return sorted(groups, key=lambda group: (-group_loss[scenario][group], group))[:count]

    def cover(scenario: str, count: int) -> int:
        return sum(group_loss[scenario][group] for group in largest(scenario, count))

    def emir(scenario: str) -> int:
        return max(cover(scenario, 1), cover(scenario, 3) - cover(scenario, 1))

    def worst_cover(count: int) -> tuple[int, str, list[str]]:
        scenario = max(sizing, key=lambda scenario: cover(scenario, count))
        return cover(scenario, count), scenario, largest(scenario, count)

    minimum = math.ceil(exact(fund_rules.get("minimum_contribution", 0)) * minor)
    emir_scenario = max(sizing, key=emir)
    emir_42_3 = emir(emir_scenario)
    required = max(
        math.ceil((1 + exact(fund_rules.get("buffer", 0))) * worst_cover(number)[0]),
        math.ceil(exact(fund_rules.get("floor", 0)) * minor),
        len(members) * minimum,
        emir_42_3 if fund_rules.get("covers_emir_42_3") else 0,
    )
    fixed = fund_rules.get("size")
    if fixed is not None:
        required = max(math.ceil(exact(fixed) * minor), len(members) * minimum)
    if fund_rules.get("allocation", "margin_share") == "margin_share":
        weights = {m: sum(pool_margin[pool] for pool, (owner, _) in pools.items() if owner == m) for m in members}
    else:
        weights = {m: max(over_margin[scenario][m] for scenario in sizing) for m in members}
    required_of = contributions(required, weights, minimum)
    in_force = dict(required_of)
    stated, posted = {}, None
    if any(row.get("fund_contribution") is not None for row in members.values()):
        stated = {m: round((row.get("fund_contribution") or 0) * minor) for m, row in members.items()}
        posted, in_force = sum(stated.values()), stated if fixed is None else in_force
    fund = sum(in_force.values())
    capital = []
    for tier in rules["tiers"]:
        if isinstance(tier, dict) and "ccp_capital" in tier:
            terms = tier["ccp_capital"]
            share = exact(terms.get("share_of_fund", 0))
            share /= 1 - share if terms.get("fund_includes_it") else 1
            whole = share * fund if "share_of_fund" in terms else exact(terms["amount"]) * minor
            capital.append(round(whole))

    # coverage test, by enumeration
    group_fund = {group: sum(in_force[m] for m in members if group_of[m] == group) for group in groups}

    tier_names = [tier if isinstance(tier, str) else next(iter(tier)) for tier in rules["tiers"]]
    own_fund = group_fund if "defaulter_fund" in tier_names else dict.fromkeys(groups, 0)
    others_fund = group_fund if "survivors_fund" in tier_names else dict.fromkeys(groups, 0)

    def moved_in_class(scenario: str, kind: str) -> float:
        """What is held, long and short, times the size of a unit's change, of the instruments of an asset class."""
        total = 0.0
        for name, row in instruments.items():
            if instrument_class(history, row) == kind:
                size = sum(abs(quantity) for held in positions.values() for other, quantity in held if other == name)
                rows = horizon[name]
                loss = close_out_loss(row, scenarios[scenario].over[rows], history, currency, rows)
                total += size * abs(loss + standing_value(row, history, currency))
        return total

    def uncovered(losing: Mapping[str, int], defaulters: tuple[str, ...]) -> int:
        """Of a tier that the rulebook does not have, nothing pays."""
        losses = {group: losing[group] for group in defaulters}
        others = sum(others_fund[group] for group in groups if group not in defaulters)
        if fund_rules.get("unused_contribution_shared"):
            own = sum(losses.values()) - sum(own_fund[group] for group in defaulters)
        else:
            own = sum(max(loss - own_fund[group], 0) for group, loss in losses.items())
        return own - sum(capital) - others

    coverage_test, sets = {}, list(combinations(groups, min(number, len(groups))))
    for scenario in scenarios:
        worst = max(sets, key=lambda each: uncovered(group_loss[scenario], each))
        coverage_test[scenario] = (uncovered(group_loss[scenario], worst), list(worst))

    return {
        "account_margin": account_margin,
        "net_option_value": {account: round(value * minor) for account, value in net_option_value.items()},
        "pool_margin": pool_margin,
        "counted": counted,
        "pool_of": pool_of,
        "pools": pools,
        "group_of": group_of,
        "scenarios": list(scenarios),
        "capped": {name: scenario.capped for name, scenario in scenarios.items()},
        "sizing": sizing,
        "pool_loss": pool_loss,
        "variation": variation,
        "gainers": pools,
        "over_margin": over_margin,
        "group_loss": group_loss,
        "covers": {s: (cover(s, 1), cover(s, 2), cover(s, number)) for s in scenarios},
        "largest": {s: largest(s, number) for s in scenarios},
        "cover_1": worst_cover(1),
        "cover_2": worst_cover(2),
        "cover_n": worst_cover(number),
        "emir_42_3": (emir_42_3, emir_scenario),
        "required": required,
        "required_of": required_of,
        "posted": posted,
        "posted_of": stated,
        "contributions": in_force,
        "capital": capital,
        "coverage_test": coverage_test,
        "least_uncovered": max(uncovered(dict.fromkeys(groups, 0), each) for each in sets),
        "moved_in_class": moved_in_class,
        "periods": periods,
        "tiers": rules["tiers"],
        "shared": fund_rules.get("unused_contribution_shared", False),
        "minor": minor,
    }


# --- 9. waterfall ----------------------------------------------------------------------------------------------------


def left_of_gains(run: Row, scenario: str, pool: str, days: int | None) -> int:
    """What the pool was owed over the days, added up and then floored; less what haircuts took of it before."""
    owed = sum(day.get(pool, 0) for day in run["variation"][scenario][:days])
    return max(max(owed, 0) - run.get("cut", {}).get(pool, 0), 0)


def gains_of_survivors(run: Row, scenario: str, failed: list[str], terms: Row) -> dict[str, int]:
    """By member the sum over its pools, each for itself. In a scenario nothing but variation is owed."""
    gains = {member: 0 for member in run["contributions"] if member not in failed}
    if scenario != "event" and "variation" not in terms.get("counts", ["variation"]):
        return gains
    for pool, (owner, _) in run["gainers"].items():
        if owner in gains:
            gains[owner] += left_of_gains(run, scenario, pool, terms.get("days"))
    return gains


def share_within(amount: int, weights: dict[str, int], limits: dict[str, int]) -> dict[str, int]:
    """Share out; who is over its limit pays that, and the rest is shared out again among the others."""
    paid = dict.fromkeys(weights, 0)
    open_to = {name: weight for name, weight in weights.items() if weight > 0}
    while amount > 0:
        shares = share_out(amount, open_to)
        over = [name for name, share in shares.items() if share > limits[name]]
        if not over:
            return paid | shares
        for name in over:
            paid[name] = limits[name]
            amount -= limits[name]
            del open_to[name]
    return paid


def waterfall(run: Row, scenario: str, defaulters: Iterable[str]) -> list[tuple[str, dict[str | None, int]]]:
    """Who pays in the event: the tiers in the rulebook's order, and in each what every member (None: nobody's) pays."""
    defaulters = set(defaulters)
    failed = [member for member, group in run["group_of"].items() if group in defaulters]
    rest = dict.fromkeys(failed, 0)
    for pool, (owner, _) in run["pools"].items():
        if owner in rest:
            rest[owner] += max(run["pool_loss"][scenario][pool], 0)
    left = dict(run["contributions"])
    capital = list(run["capital"])
    draws: list[tuple[str, dict[str | None, int]]] = []

    def lower(members: Iterable[str], amount: int) -> None:
        for member in members:
            part = min(rest[member], amount)
            rest[member] -= part
            amount -= part

    def pay_together(members: list[str], paid: dict[str | None, int]) -> None:
        amount = min(sum(rest[m] for m in members), sum(left[m] for m in members))
        if amount > 0:
            for member, part in share_out(amount, {m: left[m] for m in members}).items():
                paid[member] += part
                left[member] -= part
            lower(members, amount)

    for tier in run["tiers"]:
        name = tier if isinstance(tier, str) else next(iter(tier))
        paid: dict[str | None, int] = {}
        owed = sum(rest.values())
        if name == "defaulter_margin":
            for member in failed:
                paid[member] = rest[member] - run["over_margin"][scenario][member]
                rest[member] -= paid[member]
        elif name == "defaulter_fund":
            for member in failed:
                paid[member] = min(rest[member], left[member])
                rest[member] -= paid[member]
                left[member] -= paid[member]
            for group in sorted(defaulters):
                pay_together([m for m in failed if run["group_of"][m] == group], paid)
            if run["shared"]:
                pay_together(failed, paid)
        elif name == "ccp_capital":
            paid[None] = min(owed, capital.pop(0))
            lower(failed, paid[None])
        elif name == "survivors_fund":
            survivors = {m: amount for m, amount in left.items() if m not in failed}
            if survivors:
                amount = min(owed, sum(survivors.values()))
                paid.update(share_out(amount, survivors))
                lower(failed, amount)
        elif name == "gains_haircut":
            terms = {} if isinstance(tier, str) else tier[name]
            gains = gains_of_survivors(run, scenario, failed, terms)
            limits = {m: math.floor(exact(terms.get("share", 1)) * gain) for m, gain in gains.items()}
            amount = min(owed, sum(limits.values()))
            paid.update(share_within(amount, gains, limits))
            lower(failed, amount)
        elif name == "uncovered":
            continue
        draws.append((name, paid))
    draws.append(("uncovered", {None: sum(rest.values())}))
    return draws
