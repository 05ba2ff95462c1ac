"""The indicators of a sized fund: of `ccp size` and `ccp whatif`."""

from typing import Any

import polars as pl

from ccp.money import exact
from ccp.report.answer import between, losing
from ccp.report.elements import Provenance
from ccp.report.indicators.reading import IndicatorValue, Money, largest, money_of, ratio
from ccp.report.words import listed
from ccp.runs.commands import called
from ccp.runs.run import Run

COVERAGE, CONTRIBUTIONS = "coverage.json", "contributions.parquet"
OLDER = "this run does not state it: size the book again"
COVERED = f"one day's sizing does not say; {called(('simulate', 'backtest'), ' and ')} do"
NEEDS_DAYS = f"one day's sizing does not say; {called(('simulate',))} does"


def sized(run: Run) -> dict[str, IndicatorValue]:
    """What a sized fund says, by indicator."""
    coverage, money = run.document("coverage"), money_of(run)
    day = coverage["date"]
    posted = coverage["fund"]["in_force"] == "posted"
    table = run.table("contributions")
    return {
        "fund_over_cover_2": fund_over_cover_2(coverage, money),
        "two_largest_of_fund": _largest(table, 2, "posted" if posted else "contribution", money, day),
        "margin_coverage": IndicatorValue(reason=COVERED),
        "one_day_coverage": IndicatorValue(reason=NEEDS_DAYS),
        "five_largest_of_margin": _largest(table, 5, "margin", money, day),
        "days_to_liquidate": days_to_liquidate(coverage),
        "uncalled_margin": uncalled_margin(coverage, money),
        "unpaid_margin": IndicatorValue(reason=NEEDS_DAYS),
        "liquidity_used": IndicatorValue(reason=NEEDS_DAYS),
    }


def fund_over_cover_2(coverage: dict[str, Any], money: Money) -> IndicatorValue:
    """The fund in force over cover-2: the two largest groups' SLOIM, in scenarios that size the fund.

    Nothing but the fund counts.
    """
    which, cover = coverage["fund"]["in_force"], coverage["cover_2"]
    fund, needed = money.cents(coverage["fund"][which]), money.cents(cover["amount"])
    fields = (f"fund.{which}", "cover_2.amount")
    sources, day = (Provenance(COVERAGE, fields),), coverage["date"]
    if not needed:
        return IndicatorValue(
            when=day, note="no group has a stress loss over initial margin", sources=sources, harmless=True
        )
    note = f"fund {which} {money.words(fund)}; cover-2 {money.words(needed)}"
    if not cover["proved"]:
        note += f", {between(money.words(money.cents(cover['found'])), money.words(needed))}"
    note += f", {listed(losing(cover))} in '{cover['scenario_id']}'"
    return IndicatorValue(ratio(fund, needed), day, note, sources)


def _largest(table: pl.DataFrame, count: int, column: str, money: Money, day: str) -> IndicatorValue:
    sources = (Provenance(CONTRIBUTIONS, ("group_id", column)),)
    return largest(table.select("group_id", cents=money.in_cents(column)), count, money, day, sources)


def days_to_liquidate(coverage: dict[str, Any]) -> IndicatorValue:
    """The slowest instrument of the groups of cover-N; in part only, where an instrument states no volume."""
    stated, day = coverage.get("liquidation"), coverage["date"]
    if stated is None:
        return IndicatorValue(reason=OLDER)
    fields = ("liquidation.groups.days", "liquidation.participation")
    sources, groups = (Provenance(COVERAGE, fields),), stated["groups"]
    volumeless = sum(group["instruments_without_volume"] for group in groups)
    held = sum(group["instruments"] for group in groups)
    reason = (
        f"{volumeless} of {held} positions are in instruments that state no average_daily_volume" if volumeless else ""
    )
    known = [group for group in groups if group["days"] is not None]
    if not known:
        return IndicatorValue(when=day, sources=sources, reason=reason)
    slowest = max(known, key=lambda group: group["days"])
    note = ""
    if slowest["instrument_id"] is not None:
        note = f"{slowest['group_id']}, {abs(slowest['quantity']):,.10g} of {slowest['instrument_id']}, at"
        note += f" {stated['participation']:.4g} of {slowest['average_daily_volume']:,.10g} a day"
    return IndicatorValue(exact(slowest["days"]), day, note, sources, reason)


def uncalled_margin(coverage: dict[str, Any], money: Money) -> IndicatorValue:
    """What is missing in pools that hold less than is required of them."""
    if "margin_held" not in coverage:
        return IndicatorValue(reason=OLDER)
    stated, day = coverage["margin_held"], coverage["date"]
    if stated is None:
        return IndicatorValue(
            when=day, reason="the book has no collateral: each pool is taken to hold what is required of it"
        )
    missing, required = money.cents(stated["missing"]), money.cents(coverage["margin"])
    note = f"{money.words(missing)} of {money.words(required)} required, in {stated['pools_short']} pools"
    if beyond := sum(money.cents(amount) for amount in stated["not_counted"].values()):
        note += f"; {money.words(beyond)} held beyond limits or as own paper"
    sources = (Provenance(COVERAGE, ("margin_held.missing", "margin_held.not_counted", "margin")),)
    return IndicatorValue(ratio(missing, required), day, note, sources)
