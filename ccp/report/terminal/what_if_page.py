"""A what-if for a terminal: the figures before and after, and whose contribution moves most."""

from typing import Any

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.report.answer import compared_figures
from ccp.report.words import exact_amount

MOST_MEMBERS = 10


def what_if_tables(
    before: dict[str, Any], after: dict[str, Any], moved: pl.DataFrame, measured: int, accounts: int, digits: int
) -> RenderableType:
    """The figures side by side. `moved` has each member's contribution before and after."""
    head = f"{after['rulebook']}, {after['date']}: {measured:,} of {accounts:,} accounts were measured again"
    parts: list[RenderableType] = [Text(head, style="bold"), _figures(before, after, digits)]
    changed = moved.filter(pl.col("before").fill_null(0.0) != pl.col("after").fill_null(0.0))
    if changed.height and before["currency"] == after["currency"]:
        parts += [Text(f"\nContributions that change: {changed.height} of {moved.height}", style="bold")]
        parts.append(_members(changed, after["currency"], digits))
    return Group(*parts)


def _figures(before: dict[str, Any], after: dict[str, Any], digits: int) -> Table:
    currencies = list(dict.fromkeys([before["currency"], after["currency"]]))
    table = Table(box=None, pad_edge=False)
    table.add_column(" -> ".join(currencies))
    for name in ("before", "after", "change"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, then, now in compared_figures(before, after):
        amounts = _amounts(then, now, digits)
        table.add_row(name[:1].upper() + name[1:], *amounts[: len(amounts) - (len(currencies) > 1)])
    ratios = [figures["coverage_ratio"] for figures in (before, after)]
    table.add_row("Coverage ratio", *("-" if one is None else f"{one:.1%}" for one in ratios), "")
    cover = f"cover_{after['cover']}"
    worst = [figures.get(cover) or figures[f"cover_{figures['cover']}"] for figures in (before, after)]
    table.add_row("Worst scenario", *(one["scenario_id"] for one in worst), "")
    table.add_row("Its groups", *(" + ".join(one["groups"]) for one in worst), "")
    return table


def _amounts(before: float | None, after: float | None, digits: int) -> list[str]:
    """An amount before, after, and the change between them."""
    shown = ["-" if one is None else exact_amount(one, digits) for one in (before, after)]
    if before is None or after is None:
        return [*shown, ""]
    change = round(after - before, digits)
    return [*shown, "-" if change == 0 else f"{change:+,.{digits}f}"]


def _members(changed: pl.DataFrame, currency: str, digits: int) -> Table:
    change = (pl.col("after").fill_null(0.0) - pl.col("before").fill_null(0.0)).abs()
    table = Table(box=None, pad_edge=False)
    table.add_column(f"member ({currency})")
    for name in ("before", "after", "change"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in changed.sort(change, pl.col("member_id"), descending=[True, False]).head(MOST_MEMBERS).to_dicts():
        table.add_row(row["member_id"], *_amounts(row["before"], row["after"], digits))
    return table
