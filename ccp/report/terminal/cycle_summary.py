"""What the terminal shows after `ccp simulate`."""

from typing import Any

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.report.answer import cycle_answer
from ccp.report.words import MoneyUnit, scale_of, share
from ccp.rulebook.tier_table import label_of

SHOWN_DAYS = 6
SHOWN_EVENTS = 12
WIDE = 100


def cycle_summary(summary: dict[str, Any], tables: dict[str, pl.DataFrame], width: int) -> RenderableType:
    """The run in a screen: verdict, the worst of its days, where the fund fell short, and its defaults."""
    days = tables["days"]
    scale = scale_of(days["margin"].max())
    return Group(
        Text(cycle_answer(summary), style="bold"),
        *_figures(summary, scale),
        *_call_days(days, scale, summary["currency"]),
        *_short_days(days, scale, summary, width),
        *_events(tables, summary),
    )


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _figures(summary: dict[str, Any], scale: MoneyUnit) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    margin, cover, breaches = summary["margin"], summary["cover_n"], summary["breaches"]
    rise = share(margin["largest"] / margin["first"] - 1) if margin["first"] else "-"
    rows = [
        ("Initial margin, highest", margin["largest"], f"{margin['date']}; {rise} above the first day"),
        ("Variation margin, largest day", summary["variation"]["largest"], summary["variation"]["date"]),
        ("Margin called, largest day", summary["called"]["largest"], summary["called"]["date"]),
        ("Largest call from one pool", summary["largest_call"]["largest"], summary["largest_call"]["date"]),
        (f"Cover-{summary['cover']}, highest", cover["largest"], f"{cover['date']}, {cover['scenario_id']}"),
        ("", None, cover["groups"] or ""),
        ("Default fund, highest", summary["fund"]["largest"], summary["fund"]["date"]),
        ("Default fund, last day", summary["fund"]["last"], ""),
    ]
    for name, amount, note in rows:
        table.add_row(name, "" if amount is None else scale.amount(amount), note)
    count = int(breaches["pools"] or 0)
    table.add_row(
        "Margin exceptions", f"{count:,}", f"a pool lost more in a day than it held; on {breaches['days']} days"
    )
    return [_heading(f"The run ({scale.named(summary['currency'])})"), table]


def _call_days(days: pl.DataFrame, scale: MoneyUnit, currency: str) -> list[RenderableType]:
    """The days on which most was called."""
    worst = days.sort("called", "date", descending=[True, False]).head(SHOWN_DAYS)
    table = Table(box=None, pad_edge=False)
    for name in ("day", "variation", "called", "margin", "fund", "exceptions"):
        table.add_column(name, justify="left" if name == "day" else "right", no_wrap=True)
    for row in worst.to_dicts():
        amounts = [scale.amount(row[name]) for name in ("variation", "called", "margin", "fund")]
        table.add_row(str(row["date"]), *amounts, f"{int(row['breaches']):,}")
    return [_heading(f"Days with the largest calls ({scale.named(currency)})"), table]


def _short_days(days: pl.DataFrame, scale: MoneyUnit, summary: dict[str, Any], width: int) -> list[RenderableType]:
    """The days on which the coverage test left something uncovered, with its scenario and groups.

    It need not be that of cover-N: who defaults takes its own contribution away from the others.
    """
    short = days.filter(pl.col("uncovered") > 0).sort("uncovered", "date", descending=[True, False]).head(SHOWN_DAYS)
    if short.is_empty():
        return []
    table = Table(box=None, pad_edge=False)
    for name in ("day", "uncovered", f"cover-{summary['cover']}", "prefunded"):
        table.add_column(name, justify="left" if name == "day" else "right", no_wrap=True)
    table.add_column("scenario", overflow="fold")
    if width >= WIDE:
        table.add_column("groups", overflow="fold")
    for row in short.to_dicts():
        amounts = [scale.amount(row[name]) for name in ("uncovered", "cover_n", "prefunded")]
        words = [row["uncovered_scenario"]] + ([row["uncovered_groups"]] if width >= WIDE else [])
        table.add_row(str(row["date"]), *amounts, *words)
    heading = f"Days with the largest uncovered loss in the coverage test ({scale.named(summary['currency'])})"
    return [_heading(heading), table]


def _events(tables: dict[str, pl.DataFrame], summary: dict[str, Any]) -> list[RenderableType]:
    """The default events, and what each tier paid."""
    events = tables["events"]
    if events.is_empty():
        return []
    paid = tables["waterfall"].group_by("event", "tier_place", "tier").agg(pl.col("amount").sum())
    scale = scale_of(events["loss"].max())
    table = Table(box=None, pad_edge=False)
    table.add_column("default", no_wrap=True)
    table.add_column("groups", overflow="fold")
    table.add_column("cause", overflow="fold")
    table.add_column("loss", justify="right", no_wrap=True)
    table.add_column("paid by", overflow="fold")
    for row in events.head(SHOWN_EVENTS).to_dicts():
        draws = paid.filter((pl.col("event") == row["event"]) & (pl.col("amount") > 0)).sort("tier_place")
        words = [
            f"{label_of(tier)} {scale.amount(amount)}" for tier, amount in draws.select("tier", "amount").iter_rows()
        ]
        first = (str(row["default_date"]), row["defaulters"], row["cause"])
        table.add_row(*first, scale.amount(row["loss"]), ", ".join(words) or "-")
    more = events.height - SHOWN_EVENTS
    rest = [Text(f"... and {more} more")] if more > 0 else []
    return [_heading(f"Defaults ({scale.named(summary['currency'])})"), table, *rest]
