"""The sections of the daily cycle: the fund against cover over time, margin and calls, defaults, members."""

from functools import partial
from typing import Any

import polars as pl

from ccp.report.answer import cycle_answer, exception_figures
from ccp.report.charts.bars import stacked_bars
from ccp.report.charts.over_time import lines_over_time
from ccp.report.charts.theme import WHOSE
from ccp.report.elements import Exhibit, Provenance, RunPart, Section, Table, TableColumn, Tile
from ccp.report.listing.fields import digits_of
from ccp.report.words import exact_amount, scale_of
from ccp.rulebook.tier_table import label_of
from ccp.runs.run import Run

DAYS = "days.parquet"


def cycle_part(run: Run, before: Run | None) -> RunPart:
    """A span of the daily cycle."""
    summary = run.document("summary")
    found = (
        Section("cycle", "The span in figures", tiles=cycle_tiles(summary, digits_of(run))),
        fund_over_time(run, summary),
        defaults_section(run, summary),
        margin_over_time(run, summary),
        members_section(run),
    )
    return RunPart(
        f"{summary['rulebook']}, {summary['from']} to {summary['to']}",
        (cycle_answer(summary),),
        "bad" if summary["uncovered"]["days"] or summary["defaults"]["uncovered"] else "good",
        tuple(section for section in found if section is not None),
    )


def cycle_tiles(summary: dict[str, Any], digits: int) -> tuple[Tile, ...]:
    """The key figures of the span."""
    cover, short, beyond = summary["cover_n"], summary["uncovered"], summary["beyond_prefunded"]
    margin, fund, called = (summary[name] for name in ("margin", "fund", "called"))

    def tile(label: str, amount: float | None, note: str, field: str, tone: Any = "plain") -> Tile:
        value = "not known" if amount is None else exact_amount(amount, digits)
        return Tile(label, value, note, Provenance("summary.json", (field,)), tone)

    groups = (cover["groups"] or "").replace("+", " and ")
    return (
        tile(f"Cover-{summary['cover']}, highest", cover["largest"], f"{cover['date']}, {groups}", "cover_n.largest"),
        tile("Default fund, last day", fund["last"], f"highest {exact_amount(fund['largest'], digits)}", "fund.last"),
        tile(
            "Uncovered at worst",
            short["largest"],
            f"on {short['days']} of {short['stress_days']} stress days",
            "uncovered.largest",
            "bad" if short["days"] else "good",
        ),
        tile(
            f"Cover-{summary['cover']} over prefunded resources",
            beyond["largest"],
            f"on {beyond['days']} days",
            "beyond_prefunded.largest",
            "bad" if beyond["days"] else "good",
        ),
        tile(
            "Initial margin, highest",
            margin["largest"],
            f"{margin['date']}; last {exact_amount(margin['last'], digits)}",
            "margin",
        ),
        tile("Margin called, largest day", called["largest"], str(called["date"]), "called.largest"),
        *(
            Tile(label, count, note, Provenance("summary.json", (field,)))
            for field, (label, count, note) in zip(("exceptions", "breaches"), exception_figures(summary), strict=True)
        ),
    )


def fund_over_time(run: Run, summary: dict[str, Any]) -> Section:
    """Cover-1 and cover-2 against the fund, day by day."""
    days, count = run.table("days"), summary["cover"]
    series = {"cover_1": "cover-1", "cover_2": "cover-2"} | ({"cover_n": f"cover-{count}"} if count > 2 else {})
    series |= {"fund": "fund", "prefunded": "prefunded"}
    more = (
        ("uncovered", "uncovered", "money"),
        ("cover_scenario", "scenario"),
        ("groups", "groups"),
        ("defaults", "defaults"),
    )
    figure = _over_time(run, "fund-over-time", "Cover against the fund, day by day", series, "amount", summary, more)
    stressed = days["cover_n"].count()
    words = f"Stress was run on {'all' if stressed == days.height else stressed} of {days.height} days."
    return Section("fund-over-time", "The fund over time", (words,), figures=(figure,))


def margin_over_time(run: Run, summary: dict[str, Any]) -> Section:
    """Margin, what is held, and what is called."""
    held = {"margin": "margin required", "held": "held after calls"}
    flows = {"variation": "variation margin", "called": "margin called", "largest_call": "largest call from one pool"}
    more = (
        ("observations", "liquidation periods ended, by pool", "count"),
        ("exceptions", "margin exceptions", "count"),
        ("largest_exception", "largest margin exception", "money"),
        ("breaches", "one-day exceptions", "count"),
        ("largest_breach", "largest one-day exception", "money"),
    )
    figures = (
        _over_time(run, "margin-over-time", "Margin required and held, all pools", held, "margin", summary, ()),
        _over_time(
            run, "calls-over-time", "Variation margin and calls, day by day", flows, "paid or called", summary, more
        ),
    )
    return Section("margin-over-time", "Margin and calls over time", figures=figures)


def _over_time(
    run: Run, key: str, title: str, series: dict[str, str], what: str, summary: dict[str, Any], more: tuple[Any, ...]
) -> Exhibit:
    days, currency = run.table("days"), summary["currency"]
    scale = scale_of(max((days[name].max() or 0.0) for name in series))  # type: ignore[type-var]
    drawn = days.select("date", *(pl.col(name) / scale.unit for name in series))
    defaults = days.filter(pl.col("defaults").is_not_null()).select(
        "date", event=pl.format("default of {}", "defaults")
    )
    columns = [
        TableColumn("date", "day", "date"),
        *(TableColumn(name, heading, "money") for name, heading in series.items()),
    ]
    columns += [TableColumn(*one) for one in more]
    names = [column.name for column in columns]
    reading = "Upright lines are days of default." if defaults.height else ""
    return Exhibit(
        key,
        title,
        (Provenance(DAYS, tuple(names)),),
        Table(days.select(names), tuple(columns)),
        partial(lines_over_time, drawn, series, what, scale.named(currency), events=defaults),
        reading,
    )


def defaults_section(run: Run, summary: dict[str, Any]) -> Section | None:
    """The default events of the span, and who paid."""
    events = run.table("events")
    if events.is_empty():
        return None
    keys = ["event", "tier_place", "tier", "stakeholder"]
    paid = run.table("waterfall").group_by(keys, maintain_order=True).agg(pl.col("amount").sum())
    number = pl.col("event").cast(pl.Int64)
    named = events.select("event", name=pl.format("{}. {}, {}", number, "defaulters", "default_date"))
    in_words = pl.col("tier").map_elements(label_of, return_dtype=pl.String)
    rows = paid.join(named, on="event").with_columns(tier=in_words).sort("event", "tier_place", maintain_order=True)
    scale = scale_of(events["loss"].max())
    colours = {name: colour for name, colour in WHOSE.items() if name in set(rows["stakeholder"])}
    drawn = rows.filter(pl.col("amount") > 0).select("name", part="stakeholder", amount=pl.col("amount") / scale.unit)
    columns = (TableColumn("name", "default"), TableColumn("tier", "tier"), TableColumn("amount", "pays", "money"))
    told = (
        TableColumn("defaulters", "groups"),
        TableColumn("default_date", "default", "date"),
        TableColumn("settled_date", "settled", "date"),
        TableColumn("cause", "cause"),
        TableColumn("loss", "loss", "money"),
        TableColumn("unpaid", "owed on the day and not paid", "money"),
        TableColumn("uncovered", "uncovered", "money"),
    )
    figures = (
        Exhibit(
            "defaults-paid",
            "Who paid for each default, tier by tier",
            (Provenance("waterfall.parquet", ("event", "tier", "amount")),),
            Table(rows.select("name", "tier", "amount"), columns),
            partial(stacked_bars, drawn, "default", f"pays ({scale.named(summary['currency'])})", colours)
            if drawn.height
            else None,
        ),
        Exhibit(
            "defaults",
            "The defaults, and what became of them",
            (Provenance("events.parquet", tuple(column.name for column in told)),),
            Table(events.select([column.name for column in told]), told),
        ),
    )
    return Section("defaults", "Defaults", figures=figures)


def members_section(run: Run) -> Section | None:
    """Every member's contribution on the first and the last day, and what changed."""
    if run.folder is None or not run.has("members"):
        return None
    days = sorted(path.stem for path in (run.folder / "members").glob("*.parquet"))
    first, last = (pl.read_parquet(run.folder / "members" / f"{day}.parquet") for day in (days[0], days[-1]))
    before = first.select("member_id", before="contribution")
    rows = last.join(before, on="member_id", how="full", coalesce=True)
    changed = rows.with_columns(change=pl.col("contribution").fill_null(0.0) - pl.col("before").fill_null(0.0))
    columns = (
        TableColumn("member_id", "member"),
        TableColumn("before", f"contribution {days[0]}", "money"),
        TableColumn("contribution", f"contribution {days[-1]}", "money"),
        TableColumn("change", "change", "money"),
        TableColumn("supplementary", "supplementary margin", "money"),
        TableColumn("in_default", "in default", "flag"),
    )
    ordered = changed.sort("contribution", "member_id", descending=[True, False], nulls_last=True)
    source = Provenance("members/*.parquet", ("contribution", "supplementary", "in_default"))
    table = Table(ordered.select([column.name for column in columns]), columns)
    figure = Exhibit("member-contributions", "Contributions on the first and the last day", (source,), table)
    return Section("members", "Contributions, and what changed", figures=(figure,))
