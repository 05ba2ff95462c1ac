"""A comparison of rulebooks for a terminal: who pays what share of each loss."""

from typing import Any

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.report.words import exact_amount
from ccp.rulebook.tier_kind import NOBODY
from ccp.rulebook.tier_table import UNCOVERED, label_of


def comparison_tables(ladder: pl.DataFrame, houses: list[dict[str, Any]], by_tier: bool) -> RenderableType:
    """By rulebook, a line for every stakeholder (or tier) and a column for every loss, in shares of the loss."""
    parts: list[RenderableType] = [
        Text(
            "Who pays what share of a loss over the defaulters' initial margin, in multiples of the fund", style="bold"
        )
    ]
    for house in houses:
        rows = ladder.filter(pl.col("rulebook") == house["rulebook"])
        heading = f"\n{house['title']}: fund {house['currency']} {exact_amount(house['fund'], 0)}"
        parts += [Text(f"{heading}, {house['fund_from']}", style="bold"), _shares(rows, by_tier)]
    parts.append(Text(f"\n{_assumptions(houses)}"))
    return Group(*parts)


def _shares(rows: pl.DataFrame, by_tier: bool) -> Table:
    keys = ["tier_place", "tier", "name"] if by_tier else ["stakeholder"]
    rungs = rows["loss_multiple"].unique().sort().to_list()
    table = Table(box=None, pad_edge=False)
    table.add_column("tier" if by_tier else "who", no_wrap=not by_tier, overflow="fold")
    for rung in rungs:
        table.add_column(f"{rung:g}x", justify="right", no_wrap=True)
    shares = rows.group_by([*keys, "loss_multiple"], maintain_order=True).agg(pl.col("loss_share").sum())
    for key, part in shares.group_by(keys, maintain_order=True):
        found = dict(part.select("loss_multiple", "loss_share").iter_rows())
        nobody = NOBODY.name in key or UNCOVERED in key
        cells = [_share(found.get(rung, 0.0)) for rung in rungs]
        name = _tier(*key) if by_tier else str(key[0])
        table.add_row(name, *cells, style="red" if nobody and any(cell != "-" for cell in cells) else "")
    return table


def _tier(place: object, word: object, name: object) -> str:
    called = f" ({name})" if name else ""
    return f"{int(str(place).split('.')[0])}. {label_of(str(word))}{called}"


def _share(value: float) -> str:
    """A share of the loss; what is more than nothing never shows as nothing."""
    if value == 0:
        return "-"
    return "<0.1%" if value < 0.0005 else f"{value:.1%}"


def _assumptions(houses: list[dict[str, Any]]) -> str:
    """What the comparison rests on, in words."""
    assumed = ", ".join(f"{house['assumed_figures']} of {house['figures']} in {house['rulebook']}" for house in houses)
    covers = " or ".join(str(count) for count in sorted({len(house["defaulters"]) for house in houses}))
    largest = f"the {covers} largest default (without --cover, as many as each rulebook covers)"
    missing = ", ".join(
        f"{house['rulebook']} ({house['sizes_not_found']})" for house in houses if house["sizes_not_found"]
    )
    not_found = f" Sizes that were not found count as nothing: {missing}." if missing else ""
    return (
        f"A stylised clearing house of {houses[0]['members']} members with contributions as 1, 1/2, 1/3, ...; "
        f"{largest}; the survivors have gained as much as is lost, in proportion to their contributions; "
        f"everybody answers calls. Figures of the rulebooks that are assumed: {assumed}; see ccp rulebook show."
        f"{not_found}"
    )
