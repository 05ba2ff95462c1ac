"""Notes on a run of days: what the days asked for, and the rules that go by days, did not get."""

from collections.abc import Iterator

import polars as pl

from ccp.book.check import is_a
from ccp.margin.collateral import by_pool
from ccp.margin.collateral_counts import collateral_notes
from ccp.margin.notes import few_scenarios, margin_notes
from ccp.market.case import Case
from ccp.market.notes import market_notes
from ccp.notes.note import Note, note
from ccp.pricing.quality import price_notes
from ccp.products import PRODUCTS
from ccp.scenarios.notes import scenario_notes
from ccp.settlement.calendar import due_days
from ccp.settlement.cycle import DayResult
from ccp.settlement.opening import RunRequest
from ccp.settlement.terms import RunTerms
from ccp.sizing.notes import group_notes, unproved_notes, unstated_by_members
from ccp.stress.notes import stress_notes
from ccp.waterfall.notes import Told, tier_notes


def run_notes(terms: RunTerms, request: RunRequest) -> list[Note]:
    """Notes on a run as its first day knows it: then look-backs are shortest."""
    case, told = terms.case, Told(len(terms.portfolio.members), None, classes=False)
    return [
        *market_notes(case.market, case.factor_ids, terms.rulebook.margin.history_rows),
        *price_notes(case),
        *far_prices(case),
        *span_notes(terms, request),
        *margin_notes(case),
        *group_notes(case),
        *look_back_notes(terms),
        *unstated_by_members(case, "capital"),
        *unstated_by_members(case, "liquidity"),
        *tier_notes(terms.rulebook, told),
    ]


def day_notes(terms: RunTerms, result: DayResult, file: str | None) -> list[Note]:
    """Notes on a day: of its stress, where it has any, and of events settled; on the first also of its scenarios, and
    of what of the collateral does not count."""
    found = list(cut_close_outs(terms, result))
    if result.day == 0:
        portfolio = terms.portfolio
        required = by_pool(portfolio.whole.account_pool, len(portfolio.pools), result.account_margin)
        found += collateral_notes(terms.case, required)
    if result.stress is not None:
        measured = result.stress.measured
        if result.day == 0:
            case = measured.case
            found += scenario_notes(terms.rulebook, case.market, case.factor_ids, measured.scenarios, file)
        found += stress_notes(measured)
        found += unproved_notes(result.stress.figures, result.stress.measured, terms.digits)
    return found


def far_prices(case: Case) -> Iterator[Note]:
    """Where most spot prices are not within half of their factor's level on the case's day."""
    at_level = [product for product in PRODUCTS.values() if product.at_level]
    spot = case.book.instruments.filter(pl.any_horizontal(is_a(product) for product in at_level))
    ratios = [price / case.market.level(name) for name, price in spot.select("factor_id", "price").iter_rows()]
    far = [ratio for ratio in ratios if not 0.5 < ratio < 1.5]
    if len(far) * 2 > len(ratios):
        yield note("far_prices", "instruments.price", len(far), len(ratios), day=case.date)


def span_notes(terms: RunTerms, request: RunRequest) -> Iterator[Note]:
    """Days that the market does not have, and instruments that do not live through them."""
    (first, last), dates = (request.first, request.last), terms.dates
    edge = terms.path["date"][0], terms.path["date"][-1]
    if first < edge[0] or last > edge[1]:
        ran, asked = f"{dates[0]} to {dates[-1]}", f"{first} to {last}"
        have, wanted = (dates[-1] - dates[0]).days + 1, (last - first).days + 1
        yield note("short_span", "market", have, wanted, ran=ran, asked=asked)
    expiry = terms.case.book.instruments["expiry"]
    gone = int((expiry <= dates[-1]).fill_null(False).sum())
    if gone and not terms.constant_expiry:
        yield note("expiring", "instruments.expiry", gone, len(expiry))


def look_back_notes(terms: RunTerms) -> Iterator[Note]:
    """Resizings before the run has as many days as the fund looks back on; a percentile of too few."""
    rules = terms.rulebook.fund.look_back
    resizings = due_days(terms, terms.rulebook.fund.schedule)
    short = [day for day in resizings if day + 1 < rules.days]
    if short:
        words = {"resizings": len(short), "all": len(resizings)}
        yield note("short_look_back", "fund.look_back.days", min(short) + 1, rules.days, **words)
    if rules.aggregate == "percentile":
        stressed = resizings | due_days(terms, terms.rulebook.settlement.stress)
        most = max(sum(day - rules.days < one <= day for one in stressed) for day in resizings)
        yield from few_scenarios(most, rules.percentile, "fund.look_back.percentile", "the fund's look-back")


def cut_close_outs(terms: RunTerms, result: DayResult) -> Iterator[Note]:
    """Books that were not sold in as many parts as the rulebook asks for: the run ends before."""
    last = terms.days - 1
    for one in result.settled:
        estate = one.estate
        if estate.last > last:
            groups = "+".join(terms.portfolio.roster.group_names(list(estate.groups)))
            days = last - estate.day, int(estate.parts.max())
            yield note("cut_close_out", "close_out.method", *days, groups=groups)
