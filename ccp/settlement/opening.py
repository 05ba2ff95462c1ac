"""From what a user asks for to what a run knows before its first day."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from ccp.book.book import Book, read_book
from ccp.checked import check_fields
from ccp.errors import ArgumentProblem, InputError, refuse_argument
from ccp.market.case import Case, open_case
from ccp.market.history import Market
from ccp.market.levels import check_levels, not_positive
from ccp.market.needs import followed_factors, needed_factors
from ccp.market.paths import Gap, with_path, without_days
from ccp.market.too_large import find_wide_moves
from ccp.market.volatility import SUFFIX
from ccp.pricing.horizon import case_scenarios
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.historical import window_scenario
from ccp.scenarios.kept import NONE_KEPT, KeptScenarios
from ccp.scenarios.scenario_set import ScenarioSet, capped, multiplied
from ccp.settlement.checked_trades import read_trades
from ccp.settlement.terms import RunTerms
from ccp.settlement.trades import NO_TRADES
from ccp.sizing.windows import named_window
from ccp.tables import raise_problems


@dataclass(frozen=True)
class RunRequest:
    """What is asked for: the span of days, and everything laid over it.

    `gaps` are days and scenario ids, `defaults` groups and days, `closed` first and last days. `book_date` is the
    day the book's prices hold on, by default the first.
    """

    first: date
    last: date
    book_date: date | None = None
    trades: Path | None = None
    scenarios: Path | None = None
    gaps: tuple[tuple[date, str], ...] = ()
    defaults: tuple[tuple[str, date], ...] = ()
    closed: tuple[tuple[date, date], ...] = ()
    constant_expiry: bool = False

    def __post_init__(self) -> None:
        check_fields(self)


def open_run(book: Path | str | Book, market: Market, rulebook: Rulebook, request: RunRequest) -> RunTerms:
    """Read and check everything. Raises InputError with what is wrong."""
    for first, last in request.closed:
        if not any(first <= day <= last for day in market.dates):
            raise refuse_argument("closed", "days of the market's history were expected", value=f"{first}:{last}")
    if request.book_date is not None and request.book_date not in market.dates:
        raise refuse_argument("book_date", "a day of the market's history was expected", value=str(request.book_date))
    known = without_days(market, list(request.closed))
    days = _days(known, request)
    tables = book if isinstance(book, Book) else read_book(book, rulebook.book.matched)
    factor_ids = needed_factors(tables, rulebook.currency)
    tables, taken = _taken(tables, days[0], request)
    lacking = [name for name in factor_ids if name not in known.factor_ids and not name.endswith(".VOL")]
    followed = dict.fromkeys(followed_factors(tables), days[0])
    held = dict.fromkeys(followed, request.book_date or days[0])
    check_levels(known, factor_ids, max(days[-1], request.book_date or days[-1]), held)
    gaps: list[Gap] = []
    path = known if lacking else with_path(known, factor_ids, taken, gaps)
    _refuse_below_zero(path, factor_ids, followed, days[-1], "book_date", str(request.book_date))
    for gap in sorted(request.gaps) if not lacking else ():  # a gap is known from prices that earlier ones have moved
        gaps.append(_gap(tables, path, rulebook, request, *gap))
        path = with_path(known, factor_ids, taken, gaps)
        _refuse_below_zero(path, factor_ids, followed, days[-1], "gaps", gaps[-1].scenario_id)
    case = open_case(tables, path.until(days[0]), rulebook)
    moves = find_wide_moves(tables, case.market, path.until(days[-1]), rulebook.currency, rulebook.currency_digits)
    raise_problems(moves, len(moves))
    case = replace(case, market=replace(case.market, modelled=path.modelled))
    rows = np.flatnonzero(path.levels["date"].is_in(pl.Series(days, dtype=pl.Date).implode()).to_numpy())
    trades = NO_TRADES
    if request.trades is not None:
        living = tables if not request.constant_expiry else _without_expiry(tables)
        trades = read_trades(request.trades, replace(case, book=living, prepared=case.portfolio), days)
    named = _named(case, days, request)
    return RunTerms(case, path.levels, rows, trades, named, request.constant_expiry)


def _refuse_below_zero(
    path: Market, factor_ids: list[str], followed: dict[str, date], last: date, parameter: str, value: str
) -> None:
    """Refuse what has moved a level to where it may not be: the prices themselves are known to be sound."""
    problems = [
        ArgumentProblem(
            parameter, f"it takes {one.factor_id} to {one.level:g} on {one.day}; {one.expected}", value=value
        )
        for one in not_positive(path, factor_ids, last, followed)
    ]
    raise_problems(problems, len(problems))


def _without_expiry(book: Book) -> Book:
    """The book with instruments that do not expire."""
    return replace(book, instruments=book.instruments.with_columns(pl.lit(None, dtype=pl.Date).alias("expiry")))


def _days(market: Market, request: RunRequest) -> list[date]:
    if market.levels.is_empty():
        raise refuse_argument("closed", "some days that are open were expected, these are all of the market's")
    if request.first > request.last:
        raise refuse_argument("first", f"a day not after {request.last} was expected", value=str(request.first))
    days = [day for day in market.dates if request.first <= day <= request.last]
    if not days:
        span = f"{market.dates[0]} to {market.dates[-1]}"
        raise refuse_argument("first", f"days of the market's history were expected ({span})", value=f"{request.first}")
    return days


def _taken(book: Book, first: date, request: RunRequest) -> tuple[Book, tuple[date, date] | None]:
    """The book with its expiries on the run's calendar, and where its levels come from."""
    if request.book_date is None or request.book_date == first:
        return book, None
    moved = book.instruments.with_columns(pl.col("expiry") + (first - request.book_date))
    return replace(book, instruments=moved), (request.book_date, first)


def _gap(book: Book, market: Market, rulebook: Rulebook, request: RunRequest, day: date, scenario_id: str) -> Gap:
    """A gap's moves: a scenario of the stress set, as known on the row before its day."""
    before = [known for known in market.dates if known < day]
    first = next((known for known in market.dates if known >= request.first), None)
    if not before or day not in market.dates or not request.first <= day <= request.last or day == first:
        raise refuse_argument("gaps", "a day of the run with prices, after its first, was expected", value=str(day))
    factor_ids = needed_factors(book, rulebook.currency)
    case = Case(book, market.until(before[-1]), rulebook, factor_ids)
    by_name = NONE_KEPT if request.scenarios else named_window(case, scenario_id)
    known = case_scenarios(case, request.scenarios, by_name)
    if scenario_id not in known.ids:
        shown = ", ".join(known.ids[:12])
        raise refuse_argument(
            "gaps", f"no such scenario; there are {known.count}, for example {shown}", value=scenario_id
        )
    moves = _moves(known, known.ids.index(scenario_id))
    behind = [name.removesuffix(SUFFIX) for name in factor_ids if name in market.modelled]
    others = sorted({*behind} - {*factor_ids})
    if others:
        moves |= _moves_behind(case, known, scenario_id, others, request, by_name)
    return Gap(day, scenario_id, moves)


def _moves(scenarios: ScenarioSet, place: int) -> dict[str, tuple[float, float]]:
    """One scenario's moves by factor."""
    moves = scenarios.longest
    rows = zip(scenarios.factor_ids, moves.relative[place], moves.absolute[place], strict=True)
    return {name: (float(relative), float(absolute)) for name, relative, absolute in rows}


def _moves_behind(
    case: Case,
    known: ScenarioSet,
    scenario_id: str,
    factor_ids: list[str],
    request: RunRequest,
    by_name: KeptScenarios,
) -> dict[str, tuple[float, float]]:
    """The scenario's moves of prices that the book needs only by way of the volatilities modelled from them."""
    label = known.labels[known.ids.index(scenario_id)]
    if label.window is None:
        alone = {"historical": None, "plausible": None}  # whether it sizes the fund is no matter here
        ladders = case.rulebook.model_copy(update={"stress": case.rulebook.stress.model_copy(update=alone)})
        wider = replace(case, rulebook=ladders, factor_ids=[*known.factor_ids, *factor_ids])
        wide = case_scenarios(wider, request.scenarios, KeptScenarios(single_names=by_name.single_names))
        return {name: _moves(wide, wide.ids.index(scenario_id))[name] for name in factor_ids}
    window = capped(multiplied(window_scenario(case.market, factor_ids, label), (label.multiple,)))
    return _moves(window, 0)


def _named(case: Case, days: list[date], request: RunRequest) -> dict[int, tuple[int, ...]]:
    """The groups that are to default, by day."""
    groups = {name: place for place, name in enumerate(case.portfolio.groups)}
    place_of = {day: place for place, day in enumerate(days)}
    problems, named = [], {}
    for group, day in request.defaults:
        if group not in groups:
            shown = ", ".join(case.portfolio.groups[:20])
            problems.append(ArgumentProblem("defaults", f"no such group; the book's groups are {shown}", value=group))
        elif day not in place_of:
            expected = f"a day of the run was expected ({days[0]} to {days[-1]}, days with prices)"
            problems.append(ArgumentProblem("defaults", expected, value=str(day)))
        elif place_of[day] == 0 and not case.book.states_contributions:
            expected = "a day after the first was expected: on the first the fund is not there yet"
            problems.append(ArgumentProblem("defaults", expected, value=f"{group}@{day}"))
        else:
            named[place_of[day]] = (*named.get(place_of[day], ()), groups[group])
    if problems:
        raise InputError(problems)
    return named
