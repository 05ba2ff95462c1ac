"""What the analyst sees in the terminal after `ccp size`."""

from typing import Any

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.report.answer import losing
from ccp.report.terminal.story import waterfall_bars
from ccp.report.terminal.verdict import verdict
from ccp.report.words import exact_amount, scale_of, share

SHOWN_SCENARIOS = 10
SHOWN_BEYOND = 5
SHOWN_GROUPS = 10


DESCRIPTION = 48
WIDE = 118
"""From this width on scenarios are described and not only named."""


def size_summary(
    coverage: dict[str, Any],
    tables: dict[str, pl.DataFrame],
    worst_event: dict[str, Any],
    digits: int,
    width: int,
) -> RenderableType:
    """The whole answer: verdict, fund, worst scenarios, largest groups, the worst default's waterfall.

    `width` is the terminal's, in columns.
    """
    wide = width >= WIDE
    return Group(
        verdict(coverage, digits),
        *_fund_table(coverage, digits),
        *_scenario_table(coverage, tables["scenarios"], True, wide),
        *_scenario_table(coverage, tables["scenarios"], False, wide),
        *_group_table(coverage, tables),
        waterfall_bars(worst_event, digits),
    )


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _fund_table(coverage: dict[str, Any], digits: int) -> list[RenderableType]:
    """The fund required against what is there; also without the groups that the coverage test lets default."""
    fund, count = coverage["fund"], coverage["cover"]
    test = coverage["coverage_test"]["sizing_scenarios"]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("", no_wrap=True)
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    rows: list[tuple[str, float | None, str]] = [
        ("Initial margin", coverage["margin"], "all pools"),
        ("Cover-1", coverage["cover_1"]["amount"], _of(coverage["cover_1"])),
        ("Cover-2", coverage["cover_2"]["amount"], _of(coverage["cover_2"])),
    ]
    if count > 2:
        rows.append((f"Cover-{count}", coverage[f"cover_{count}"]["amount"], _of(coverage[f"cover_{count}"])))
    rows += [
        ("EMIR 42(3)", coverage["emir_42_3"]["amount"], _of(coverage["emir_42_3"])),
        ("Fund required", fund["required"], _part(_ratio(fund["required"], coverage["margin"]), "of margin")),
        ("Fund posted", fund["posted"], _difference(fund, digits)),
        (f"  without {_joined(test['defaulters'])}", test["survivors_fund"], _defaulters_part(test)),
        ("Clearing house's capital", coverage["ccp_capital"], ""),
        *([("Insurance", coverage["insurance"], "")] if coverage["insurance"] else []),
        ("Prefunded", coverage["prefunded"], _part(coverage["coverage_ratio"], f"of cover-{count}")),
    ]
    for name, amount, note in rows:
        table.add_row(name, "not stated" if amount is None else exact_amount(amount, digits), note)
    return [_heading(f"The fund against what is there ({coverage['currency']})"), table]


def _joined(names: list[str]) -> str:
    return " + ".join(names)


def _defaulters_part(test: dict[str, Any]) -> str:
    if test["defaulters_share_of_fund"] is None:
        return ""
    return f"the survivors'; the defaulters paid in {share(test['defaulters_share_of_fund'])} of the fund"


def _of(cover: dict[str, Any]) -> str:
    groups = losing(cover)
    return f"{_joined(groups)}, {cover['scenario_id']}" if groups else "nobody loses more than margin"


def _part(value: float | None, of: str) -> str:
    return "" if value is None else f"{share(value)} {of}"


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _difference(fund: dict[str, Any], digits: int) -> str:
    if fund["posted"] is None:
        return "the required fund is taken as paid in"
    gap = fund["posted"] - fund["required"]
    return f"{exact_amount(abs(gap), digits)} {'more' if gap >= 0 else 'less'} than required"


def _scenario_table(
    coverage: dict[str, Any], scenarios: pl.DataFrame, sizing: bool, wide: bool
) -> list[RenderableType]:
    """The worst scenarios by cover-N: those that size the fund, or those beyond."""
    count, most = coverage["cover"], SHOWN_SCENARIOS if sizing else SHOWN_BEYOND
    chosen = scenarios.filter(pl.col("sizes_fund") == sizing).sort(
        "cover_n", "scenario_id", descending=[True, False], maintain_order=True
    )
    what = "Worst scenarios that size the fund" if sizing else "Beyond plausible, run but not sized on"
    shown = min(most, chosen.height)
    scale = scale_of(chosen["cover_n"].max())
    title = f"{what}: {shown} of {chosen.height} (loss over margin, {scale.named(coverage['currency'])})"
    if chosen.is_empty():
        return []
    rows = chosen.head(most)
    table = Table(box=None, pad_edge=False)
    names = ["cover_1", "cover_2"] + (["cover_n"] if count > 2 else [])
    table.add_column("scenario", min_width=_widest(rows["scenario_id"], 28), max_width=28, overflow="fold")
    for name in names:
        heading = name.replace("_", "-").replace("-n", f"-{count}")
        table.add_column(heading, justify="right", no_wrap=True, min_width=8)
    table.add_column("groups", min_width=_widest(rows["groups"], 20) + 2, overflow="fold")
    table.add_column("uncovered", justify="right", no_wrap=True, min_width=9)
    if wide:
        table.add_column("what happens", no_wrap=True, overflow="ellipsis", max_width=DESCRIPTION)
    for row in rows.iter_rows(named=True):
        style = "red" if row["uncovered"] else ""
        amounts = [scale.amount(row[name]) for name in names]
        groups = row["groups"].replace("+", " + ") or "-"
        described = [row["description"]] if wide else []
        table.add_row(row["scenario_id"], *amounts, groups, scale.amount(row["uncovered"]), *described, style=style)
    others = any(set(row["groups"].split("+")) != set(row["uncovered_groups"].split("+")) for row in rows.to_dicts())
    if others and rows["uncovered"].sum():
        note = "uncovered is by the worst set of as many groups, not always those shown (scenarios.parquet)"
        return [_heading(title), table, Text(note, style="italic")]
    return [_heading(title), table]


def _widest(values: pl.Series, most: int) -> int:
    """The room a column of text needs, within bounds."""
    lengths = values.str.len_chars().max()
    return min(most, int(lengths)) if isinstance(lengths, int) else 1


def _group_table(coverage: dict[str, Any], tables: dict[str, pl.DataFrame]) -> list[RenderableType]:
    """The largest groups by worst loss over margin."""
    groups = largest_groups(tables)
    shown = min(SHOWN_GROUPS, groups.height)
    title = f"Largest groups by worst loss in a scenario that sizes the fund: {shown} of {groups.height}"
    scale = scale_of(groups["margin"].max())
    table = Table(box=None, pad_edge=False)
    table.add_column("group", overflow="fold")
    for name in ("margin", "contribution", "of fund", "worst loss"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("in scenario", max_width=30, overflow="fold")
    for row in groups.head(SHOWN_GROUPS).iter_rows(named=True):
        table.add_row(
            row["group_id"],
            scale.amount(row["margin"]),
            scale.amount(row["contribution"]),
            share(row["fund_share"]),
            scale.amount(row["worst_loss"]),
            row["scenario_id"] if row["worst_loss"] else "-",
        )
    return [_heading(f"{title} ({scale.named(coverage['currency'])})"), table]


def _shares(amounts: pl.Expr) -> pl.Expr:
    """Each amount's share of the whole; none where the whole is nothing."""
    return pl.when(amounts.sum() > 0).then(amounts / amounts.sum())


def largest_groups(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Groups with margin, contribution to the required fund, its share, and their worst loss among the scenarios
    that size the fund, worst first."""
    plausible = tables["scenarios"].filter("sizes_fund").select("scenario_id")
    worst = (
        tables["losses"]
        .join(plausible, on="scenario_id", how="semi", maintain_order="left")
        .sort("loss_over_margin", descending=True, maintain_order=True)
        .group_by("group_id", maintain_order=True)
        .agg(pl.col("loss_over_margin").first().alias("worst_loss"), pl.col("scenario_id").first())
    )
    money = tables["contributions"].group_by("group_id").agg(pl.col("margin", "contribution").sum())
    return (
        worst.join(money, on="group_id")
        .with_columns(_shares(pl.col("contribution")).alias("fund_share"))
        .sort("worst_loss", "margin", "group_id", descending=[True, True, False])
    )
