"""Closing out the book of groups in default: at once, or in equal parts over the days that follow."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ccp.kernels.exposure.costs import SaleTerms, sale_days
from ccp.margin.add_ons import sale_terms
from ccp.margin.requirement import Requirement
from ccp.market.case import Case
from ccp.money import to_minor
from ccp.pricing.horizon import case_terms
from ccp.pricing.issuers import at_default, recovery_of, stressed_issuers, unmoved
from ccp.settlement.ledger import PASSED_ON
from ccp.settlement.prices import DayPrices, PricePath
from ccp.settlement.state import Estate
from ccp.settlement.trades import Holding
from ccp.types import Cents, Flags, Index, Vector


class Owed(NamedTuple):
    """What the clearing house owed others on a day, by pool: of the kinds that count as a gain, and of all kinds."""

    counted: Cents
    all: Cents


def open_estate(
    path: PricePath, case: Case, required: Requirement, holding: Holding, groups: tuple[int, ...], number: int, day: int
) -> Estate:
    """The book of some groups at the end of the day of their default, and in how many parts it will be sold.

    What is sold is the net quantity of all of it in each instrument; accounts bear its cost as `_borne` says. The
    groups' own paper is not in it: it is gone on that day (`sold_on_the_day`). `case` and `required` are the day's:
    prices, volumes and daily risks.
    """
    run = path.run
    mine, _ = _taken_over(path, holding, groups, day)
    instrument, parts, impact = mine.instrument, np.zeros(len(mine.key), dtype=np.int64), np.zeros(len(mine.key))
    spread = np.zeros(len(mine.key))
    rules = run.rulebook.close_out
    if rules.method == "gradual":
        terms = case_terms(case, required.periods)
        sale = sale_terms(case, terms, required.periods, required.daily_risk, rules)
        half = case.book.instrument_column("half_spread").fill_null(0.0).to_numpy()
        net = np.bincount(instrument, mine.quantity, minlength=len(half)).astype(np.float64)
        borne = _borne(net, run.portfolio.account_pool[mine.account], instrument, mine.quantity)
        spread = (half * path.multiplier)[instrument] * borne
        for one in np.unique(instrument).tolist():
            held = instrument == one
            parts[held] = sale_days(net[one], one, sale)
            impact[held] = _impact(float(net[one]), one, int(parts[held][0]), sale)
        impact *= borne
    nothing = np.zeros(len(run.portfolio.pools), dtype=np.int64)
    ends = np.minimum(day + parts, path.last_day[instrument])
    last = int(ends.max(initial=day))
    return Estate(
        number,
        groups,
        day,
        last,
        mine.account,
        instrument,
        mine.quantity,
        parts,
        spread,
        impact,
        result=nothing,
        gains=np.zeros((0, len(nothing)), dtype=np.int64),
        owed=nothing,
        exchanged=np.zeros(len(PASSED_ON), dtype=np.int64),
    )


def _borne(net: Vector, pool: Index, instrument: Index, quantity: Vector) -> Vector:
    """Which share of a unit's cost each unit of some positions bears, where the `net` of all (by instrument) is sold.

    Pools bear the cost by the sizes of their own net quantities, and of a pool its accounts by those of theirs.
    """
    key, place = np.unique(pool * len(net) + instrument, return_inverse=True)
    of_pool = np.abs(np.bincount(place, quantity)).astype(np.float64)
    in_pool = np.bincount(place, np.abs(quantity)).astype(np.float64)
    sizes = np.bincount(key % len(net), of_pool, minlength=len(net)).astype(np.float64)
    whole = np.divide(np.abs(net), sizes, out=np.zeros_like(net), where=sizes > 0)
    part = np.divide(of_pool, in_pool, out=np.zeros_like(of_pool), where=in_pool > 0)
    return whole[instrument] * part[place]


def _impact(quantity: float, instrument: int, parts: int, terms: SaleTerms) -> float:
    """What each unit costs, beyond the spread, for being sold in so many parts."""
    volume = terms.volume[instrument]
    if not volume > 0:
        return 0.0
    return terms.impact * terms.daily_risk[instrument] * math.sqrt(abs(quantity) / parts / volume)


def _taken_over(path: PricePath, holding: Holding, groups: tuple[int, ...], day: int) -> tuple[Holding, Holding]:
    """What some groups hold at the end of a day: all but their own paper, and that, where it is worth what is recovered
    of it."""
    mine = holding.kept(np.isin(path.run.account_group[holding.account], groups) & path.alive(day)[holding.instrument])
    issuer = stressed_issuers(path.run.case)
    paper = np.zeros(len(mine.key), dtype=bool) if issuer is None else np.isin(issuer[mine.instrument], groups)
    return mine.kept(~paper), mine.kept(paper)


def sold_on_the_day(
    path: PricePath, case: Case, holding: Holding, estate: Estate, prices: DayPrices, everything: bool
) -> Cents:
    """What is sold on the day of default fetches, by account: the groups' own paper at what is recovered of it, beyond
    what was exchanged for it before, and the premium-style options where `everything` is sold at once."""
    value = np.where(path.premium[estate.instrument], _unit_price(path, estate.instrument, prices), 0.0)
    fetched = _sums(path, estate.account, estate.quantity * value * everything)
    _, paper = _taken_over(path, holding, estate.groups, estate.day)
    if paper.key.size:
        terms = case_terms(case, np.zeros(paper.instruments, dtype=np.int64))
        worth = at_default(terms, unmoved(terms), recovery_of(case)).close_out_loss[:, 0]
        fetched -= _sums(path, paper.account, paper.quantity * worth[paper.instrument])
    return to_minor(fetched, path.run.digits)


def day_result(path: PricePath, estate: Estate, before: DayPrices, now: DayPrices, day: int) -> tuple[Cents, Cents]:
    """What a day after the default brings, by account: all of it, and the variation in it.

    On the last day of the run what is left is closed out at the day's prices, without further cost.
    """
    passed, parts = day - estate.day, estate.parts
    left = np.where(
        path.alive(day - 1)[estate.instrument], np.maximum(parts - (passed - 1), 0) / np.maximum(parts, 1), 0
    )
    ends = path.last_day[estate.instrument] <= day
    sold = np.where(ends, 0.0, np.where((passed <= parts) & (left > 0), 1 / np.maximum(parts, 1), 0.0))
    everything = ends | (day == path.run.days - 1)
    premium = path.premium[estate.instrument]
    change = (path.multiplier * (now.price - before.price) * now.exchange)[estate.instrument]
    variation = np.where(premium, 0.0, left * estate.quantity * change)
    fetched = np.where(everything, left, sold) * estate.quantity * _unit_price(path, estate.instrument, now)
    unit_cost = estate.spread * now.exchange[estate.instrument] + estate.impact
    cost = sold * np.abs(estate.quantity) * unit_cost
    result = variation + np.where(premium, fetched, 0.0) - cost
    return _by_account(path, estate, result), _by_account(path, estate, variation)


def with_result(path: PricePath, estate: Estate, account_result: Cents, exchanged: list[int], others: Owed) -> Estate:
    """The estate after a day: its result by account, what of it was exchanged (variation, premium, exercise), and what
    the others were owed."""
    return replace(
        estate,
        result=estate.result + path.run.by_pool(account_result),
        exchanged=estate.exchanged + np.array(exchanged, dtype=np.int64),
        gains=np.vstack([estate.gains, others.counted]),
        owed=estate.owed + others.all,
    )


def estate_accounts(path: PricePath, estate: Estate) -> Flags:
    """Which accounts are the estate's."""
    return np.isin(path.run.account_group, estate.groups)


def _unit_price(path: PricePath, instrument: Index, prices: DayPrices) -> Vector:
    return (path.multiplier * prices.price * prices.exchange)[instrument]


def _by_account(path: PricePath, estate: Estate, amounts: Vector) -> Cents:
    return to_minor(_sums(path, estate.account, amounts), path.run.digits)


def _sums(path: PricePath, account: Index, amounts: Vector) -> Vector:
    return np.bincount(account, amounts, minlength=len(path.run.portfolio.accounts)).astype(np.float64)
