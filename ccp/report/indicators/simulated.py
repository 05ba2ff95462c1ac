"""The indicators of a run of the daily cycle: levels of its latest day, failures of its worst."""

from fractions import Fraction

import polars as pl

from ccp.report.answer import without_words
from ccp.report.elements import Provenance
from ccp.report.indicators.reading import OVER_PERIOD, IndicatorValue, Money, largest, money_of, ratio
from ccp.runs.commands import called
from ccp.runs.run import Run, collected

DAYS, EVENTS = "days.parquet", "events.parquet"
NOT_KEPT = f"a simulation does not keep positions; {called(('size',))} says"


def simulated(run: Run) -> dict[str, IndicatorValue]:
    """What a simulation says, by indicator."""
    days, money = run.table("days"), money_of(run)
    last = pl.col("date") == days["date"][-1]
    pools, members = (collected(run.lazy(name).filter(last), run.place(name)) for name in ("pools", "members"))
    of_group = members.select("member_id", "group_id", "in_default")
    day, when = str(days["date"][-1]), f"latest day, {days['date'][-1]}"
    margin = pools.select("member_id", cents=money.in_cents("margin")).join(of_group, on="member_id")
    paid_in = members.select("group_id", cents=money.in_cents("contribution"))
    groups = Provenance(_file("members", day), ("group_id",))
    two = (Provenance(_file("members", day), ("group_id", "contribution")),)
    five = (Provenance(_file("pools", day), ("member_id", "margin")), groups)
    return {
        "fund_over_cover_2": _fund_over_cover_2(days, money),
        "two_largest_of_fund": largest(paid_in, 2, money, when, two),
        "margin_coverage": _margin_coverage(days),
        "one_day_coverage": _one_day_coverage(days),
        "five_largest_of_margin": largest(margin, 5, money, when, five),
        "days_to_liquidate": IndicatorValue(reason=NOT_KEPT),
        "uncalled_margin": _uncalled(pools.join(of_group, on="member_id"), money, when, day),
        "unpaid_margin": _unpaid(run.table("events"), days, money),
        "liquidity_used": _liquidity_used(run, members, money),
    }


def _file(table: str, day: str) -> str:
    return f"{table}/{day}.parquet"


def _span(days: pl.DataFrame) -> str:
    return f"{days['date'][0]} to {days['date'][-1]}"


def _fund_over_cover_2(days: pl.DataFrame, money: Money) -> IndicatorValue:
    """Of the latest day whose stress losses were computed."""
    row = days.filter(pl.col("cover_2").is_not_null()).row(-1, named=True)
    fund, needed = money.cents(row["fund"]), money.cents(row["cover_2"])
    when, sources = f"latest stress day, {row['date']}", (Provenance(DAYS, ("fund", "cover_2")),)
    if not needed:
        return IndicatorValue(
            when=when, note="no group has a stress loss over initial margin", sources=sources, harmless=True
        )
    note = f"fund {money.words(fund)}; cover-2 {money.words(needed)}"
    return IndicatorValue(ratio(fund, needed), when, note, sources)


def _margin_coverage(days: pl.DataFrame) -> IndicatorValue:
    """Pools and days whose loss over the liquidation period that followed stayed within the margin required before it.

    The last days of a run have no figure: their period is not over.
    """
    ended = days.filter(pl.col("observations").is_not_null())
    observed, beyond = (int(ended[name].sum()) for name in ("observations", "exceptions"))
    sources, open_days = (Provenance(DAYS, ("observations", "exceptions")),), days.height - ended.height
    if not observed:
        reason = f"no liquidation period that began in the run is over: it has {days.height} days"
        if ended.height:
            reason = "no pool held a position when a liquidation period began that is over"
        return IndicatorValue(when=_span(days), sources=sources, reason=reason)
    note = f"{beyond:,} of {observed:,} pool-days were exceptions: {OVER_PERIOD}. {without_words(open_days)}"
    return IndicatorValue(1 - Fraction(beyond, observed), _span(days), note, sources)


def _one_day_coverage(days: pl.DataFrame) -> IndicatorValue:
    """Pools and days whose loss of the day stayed within what was held when it began; from the second day on.

    A pool counts on days that it begins with a position, until its member's group has been in default for a day.
    """
    observed, breaches = (int(days[name].sum()) for name in ("day_observations", "breaches"))
    sources = (Provenance(DAYS, ("day_observations", "breaches")),)
    if not observed:
        reason = "the run has one day only" if days.height == 1 else "no pool began a day with a position"
        return IndicatorValue(when=_span(days), sources=sources, reason=reason)
    note = f"{breaches:,} of {observed:,} pool-days were exceptions: the pool lost more in the day than it held"
    return IndicatorValue(1 - Fraction(breaches, observed), _span(days), note, sources)


def _uncalled(pools: pl.DataFrame, money: Money, when: str, day: str) -> IndicatorValue:
    """What pools of members not in default are short of when the day's calls were paid."""
    there = pools.filter(~pl.col("in_default"))
    required, held = money.in_cents("margin"), money.in_cents("held")
    missing = pl.max_horizontal(required - held, pl.lit(0))
    found = there.select(required.sum().alias("required"), missing.sum().alias("missing"), short=(missing > 0).sum())
    row = found.row(0, named=True)
    note = f"{money.words(row['missing'])} of {money.words(row['required'])} required, in {row['short']} pools"
    return IndicatorValue(
        ratio(row["missing"], row["required"]), when, note, (Provenance(_file("pools", day), ("margin", "held")),)
    )


def _unpaid(events: pl.DataFrame, days: pl.DataFrame, money: Money) -> IndicatorValue:
    """The day on which most was not paid, by those who failed, against the margin required on that day."""
    sources = (Provenance(EVENTS, ("default_date", "unpaid")), Provenance(DAYS, ("margin",)))
    unpaid = events.group_by(date="default_date").agg(money.in_cents("unpaid").sum())
    found = unpaid.join(days.select("date", required=money.in_cents("margin")), on="date").sort("date").to_dicts()
    if not found:
        return IndicatorValue(Fraction(0), _span(days), "nobody failed to pay", sources)
    worst = max(found, key=lambda row: ratio(row["unpaid"], row["required"]))
    note = f"{money.words(worst['unpaid'])}; {money.words(worst['required'])} were required"
    return IndicatorValue(ratio(worst["unpaid"], worst["required"]), f"worst day, {worst['date']}", note, sources)


def _liquidity_used(run: Run, members: pl.DataFrame, money: Money) -> IndicatorValue:
    """The largest part of its liquidity that a day asked of a member; in part only, where some state none."""
    sources = (Provenance("members/*.parquet", ("asked", "liquidity")),)
    silent = members["liquidity"].null_count()
    reason = f"{silent} of {members.height} members state no liquidity" if silent else ""
    if silent == members.height:
        return IndicatorValue(sources=sources, reason="no member of the book states its liquidity")
    cents = [money.in_cents(name).alias(name) for name in ("asked", "liquidity")]
    stated = run.lazy("members").filter(pl.col("liquidity").is_not_null()).select("date", "member_id", *cents)
    most = pl.col("asked") / pl.max_horizontal("liquidity", pl.lit(1))
    worst = collected(
        stated.sort(most, "date", "member_id", descending=[True, False, False]).head(1), run.place("members")
    )
    row = worst.row(0, named=True)
    note = f"{row['member_id']} was asked for {money.words(row['asked'])} of {money.words(row['liquidity'])}"
    return IndicatorValue(ratio(row["asked"], row["liquidity"]), f"worst day, {row['date']}", note, sources, reason)
