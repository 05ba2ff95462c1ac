"""A what-if for a terminal: the figures before and after, and whose contribution moves most."""

from typing import Any

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

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
    cover = f"cover_{after['cover']}"
    for name, path in (
        ("Initial margin", ("margin",)),
        ("Cover-1", ("cover_1", "amount")),
        ("Cover-2", ("cover_2", "amount")),
        *([(f"Cover-{after['cover']}", (cover, "amount"))] if after["cover"] > 2 else []),
        ("EMIR 42(3)", ("emir_42_3", "amount")),
        ("Default fund required", ("fund", "required")),
        ("Default fund posted", ("fund", "posted")),
        ("Skin in the game", ("ccp_capital",)),
        ("Prefunded resources", ("prefunded",)),
        ("Coverage test: uncovered", ("coverage_test", "sizing_scenarios", "uncovered")),
        ("Coverage test: left over", ("coverage_test", "sizing_scenarios", "headroom")),
    ):
        amounts = _amounts(_at(before, path), _at(after, path), digits)
        table.add_row(name, *amounts[: len(amounts) - (len(currencies) > 1)])
    ratios = [figures["coverage_ratio"] for figures in (before, after)]
    table.add_row("Coverage ratio", *("-" if one is None else f"{one:.1%}" for one in ratios), "")
    worst = [figures.get(cover) or figures[f"cover_{figures['cover']}"] for figures in (before, after)]
    table.add_row("Worst scenario", *(one["scenario_id"] for one in worst), "")
    table.add_row("Its groups", *(" + ".join(one["groups"]) for one in worst), "")
    return table


def _at(figures: dict[str, Any], path: tuple[str, ...]) -> float | None:
    value: Any = figures
    for step in path:
        value = None if value is None else value.get(step)
    return value


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
