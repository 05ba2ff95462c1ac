"""What the analyst sees in the terminal after `ccp size`."""

from typing import Any

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.report.answer import NOT_PROVED, losing, made_of, unproved
from ccp.report.terminal.story import waterfall_bars
from ccp.report.terminal.verdict import verdict
from ccp.report.together import cover_parts, cover_shares
from ccp.report.windows_kept import windows_sentence
from ccp.report.words import exact_amount, scale_of, share

SHOWN_SCENARIOS = 10
SHOWN_BEYOND = 5
SHOWN_GROUPS = 10
MOST_LABEL = 30
"""A longer label is folded."""


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
    """The whole answer: verdict, stress losses and resources, scenarios, largest groups, the worst default's waterfall.

    `width` is the terminal's, in columns.
    """
    wide = width >= WIDE
    return Group(
        verdict(coverage, digits),
        *_fund_table(coverage, digits),
        *_scenario_table(coverage, tables["scenarios"], True, wide),
        *_scenario_table(coverage, tables["scenarios"], False, wide),
        *(Text(line, style="italic") for line in [windows_sentence(tables["windows"])] if line),
        *_group_table(coverage, tables),
        waterfall_bars(worst_event, digits),
    )


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _fund_table(coverage: dict[str, Any], digits: int) -> list[RenderableType]:
    """What is required against what is there, block by block, all blocks with the same columns."""
    blocks = (
        ("", [("Initial margin (IM)", coverage["margin"], "required of all pools")]),
        ("Stress loss over initial margin (SLOIM): what closing out costs over margin", _cover_rows(coverage, digits)),
        ("Default fund (DF): what all members pay in", _fund_rows(coverage, digits)),
        ("", _prefunded_rows(coverage)),
    )
    written = [(head, [(name, _amount(amount, digits), note) for name, amount, note in rows]) for head, rows in blocks]
    longest = [max(len(row[place]) for _, rows in written for row in rows) for place in (0, 1)]
    widths = [min(longest[0], MOST_LABEL), longest[1]]
    parts: list[RenderableType] = [_heading(f"Stress losses and prefunded resources ({coverage['currency']})")]
    for head, rows in written:
        parts += [Text(head)] if head else []
        parts.append(_block(rows, widths))
    return [*parts, Text("ccp glossary explains a word: ccp glossary SLOIM, ccp glossary SITG", style="italic")]


Rows = list[tuple[str, float | None, str]]
"""What a figure is called, its amount, and what is said beside it."""


def _cover_rows(coverage: dict[str, Any], digits: int) -> Rows:
    """Cover-1, cover-2, the rulebook's cover-N and EMIR's."""
    names = [f"cover_{count}" for count in sorted({1, 2, coverage["cover"]})]
    rows = [(f"  {name.replace('_', '-')}", coverage[name]["amount"], _of(coverage[name], digits)) for name in names]
    rows += _open_rows(coverage)
    sale, count = coverage["sold_together"], coverage["cover"]
    for part, label, what in cover_parts(sale):
        said = f"{cover_shares(sale[part], count)}: {what}"
        rows.append((f"  {label}", sale[part]["more_over_margin"], said))
    return [*rows, ("  EMIR 42(3)", coverage["emir_42_3"]["amount"], _of(coverage["emir_42_3"], digits))]


def _open_rows(coverage: dict[str, Any]) -> Rows:
    """The part of cover-N that no set was found to lose; nothing where it is proved."""
    count = coverage["cover"]
    cover = coverage[f"cover_{count}"]
    left = cover["amount"] - cover["found"]
    part = _part(_ratio(left, cover["amount"]), f"of cover-{count}: no set that loses it was found")
    return [] if cover["proved"] else [(f"  of it, {NOT_PROVED}", left, part)]


def _fund_rows(coverage: dict[str, Any], digits: int) -> Rows:
    """The fund required and posted, and what is left of it without the groups that the coverage test lets default."""
    fund, test = coverage["fund"], coverage["coverage_test"]["sizing_scenarios"]
    of_margin = _part(_ratio(fund["required"], coverage["margin"]), "of initial margin")
    return [
        ("  required", fund["required"], of_margin),
        ("  posted", fund["posted"], _difference(fund, digits)),
        (f"  without {_joined(test['defaulters'])}", test["survivors_fund"], _defaulters_part(test)),
    ]


def _prefunded_rows(coverage: dict[str, Any]) -> Rows:
    """The clearing house's own money, insurance, and everything prefunded."""
    insurance: Rows = [("Insurance", coverage["insurance"], "")] if coverage["insurance"] else []
    parts = (_part(coverage["coverage_ratio"], f"of cover-{coverage['cover']}"), made_of(coverage))
    return [
        ("Skin in the game (SITG)", coverage["ccp_capital"], "the clearing house's own money"),
        *insurance,
        (
            "Prefunded resources",
            coverage["prefunded"],
            "; ".join(filter(None, parts)),
        ),
    ]


def _block(rows: list[tuple[str, str, str]], widths: list[int]) -> Table:
    """Rows with columns as wide as in the other blocks; what is said beside an amount is folded."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("", min_width=widths[0], max_width=widths[0], overflow="fold")
    table.add_column("amount", justify="right", no_wrap=True, min_width=widths[1])
    table.add_column("", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _amount(amount: float | None, digits: int) -> str:
    return "not stated" if amount is None else exact_amount(amount, digits)


def _joined(names: list[str]) -> str:
    return " + ".join(names)


def _defaulters_part(test: dict[str, Any]) -> str:
    if test["defaulters_share_of_fund"] is None:
        return ""
    return f"the survivors'; the defaulters paid in {share(test['defaulters_share_of_fund'])} of the fund"


def _of(cover: dict[str, Any], digits: int) -> str:
    groups = losing(cover)
    said = f"{_joined(groups)}, {cover['scenario_id']}" if groups else "no group has any"
    return "; ".join(filter(None, (unproved(cover, digits), said)))


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
    what = "Worst scenarios that size the fund" if sizing else "Beyond plausible, not used for sizing"
    shown = min(most, chosen.height)
    scale = scale_of(chosen["cover_n"].max())
    title = f"{what}: {shown} of {chosen.height} (SLOIM, {scale.named(coverage['currency'])})"
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
        groups = (row["groups"].replace("+", " + ") or "-") + ("" if row["proved"] else f" ({NOT_PROVED})")
        described = [row["description"]] if wide else []
        table.add_row(row["scenario_id"], *amounts, groups, scale.amount(row["uncovered"]), *described, style=style)
    others = any(set(row["groups"].split("+")) != set(row["uncovered_groups"].split("+")) for row in rows.to_dicts())
    notes = []
    if others and rows["uncovered"].sum():
        notes.append("uncovered: by the worst set of that many groups, not always those shown (scenarios.parquet)")
    if not rows["proved"].all():
        notes.append(
            f"{NOT_PROVED}: no set loses, or leaves uncovered, more than the amounts; those shown may lose less"
        )
    return [_heading(title), table, *(Text(note, style="italic") for note in notes)]


def _widest(values: pl.Series, most: int) -> int:
    """The room a column of text needs, within bounds."""
    lengths = values.str.len_chars().max()
    return min(most, int(lengths)) if isinstance(lengths, int) else 1


def _group_table(coverage: dict[str, Any], tables: dict[str, pl.DataFrame]) -> list[RenderableType]:
    """The largest groups by stress loss over initial margin."""
    groups = largest_groups(tables)
    shown = min(SHOWN_GROUPS, groups.height)
    title = f"Largest groups by SLOIM in a scenario that sizes the fund: {shown} of {groups.height}"
    scale = scale_of(groups["margin"].max())
    table = Table(box=None, pad_edge=False)
    table.add_column("group", overflow="fold")
    for name in ("margin", "contribution", "of fund", "largest SLOIM"):
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
