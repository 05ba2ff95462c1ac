"""Rulebooks compared: who pays what share of each loss."""

from functools import partial
from typing import Any

import polars as pl

from ccp.report.charts.bars import stacked_bars
from ccp.report.charts.theme import WHOSE
from ccp.report.elements import Exhibit, Provenance, RunPart, Section, Table, TableColumn
from ccp.report.words import exact_amount
from ccp.rulebook.tier_table import label_of
from ccp.runs.run import Run


def ladder_part(run: Run, before: Run | None) -> RunPart:
    """Rulebooks compared, a section for each."""
    houses, ladder = run.document("houses"), run.table("ladder")
    sections = tuple(_house(place, house, ladder) for place, house in enumerate(houses, start=1))
    return RunPart(", ".join(house["title"] for house in houses), compared_words(houses), "plain", sections)


def compared_words(houses: list[dict[str, Any]]) -> tuple[str, ...]:
    """What is compared, and what that rests on."""
    assumed = ", ".join(f"{one['assumed_figures']} of {one['figures']} in {one['rulebook']}" for one in houses)
    return (
        f"One ladder of losses, in multiples of each fund, through {len(houses)} rulebooks, each with a stylised "
        f"clearing house of {houses[0]['members']} members with contributions as 1, 1/2, 1/3 and so on. Survivors have "
        "gained as much as is lost, and everybody answers calls.",
        f"Figures of the rulebooks that are assumed: {assumed}.",
    )


def _house(place: int, house: dict[str, Any], ladder: pl.DataFrame) -> Section:
    rows = ladder.filter(pl.col("rulebook") == house["rulebook"])
    rungs = rows["loss_multiple"].unique().sort().to_list()
    named = rows.with_columns(rung=pl.col("loss_multiple").map_elements(_rung, return_dtype=pl.String))
    shares = named.group_by("rung", "stakeholder", maintain_order=True).agg(pl.col("loss_share").sum() * 100)
    colours = {name: colour for name, colour in WHOSE.items() if name in set(rows["stakeholder"])}
    paid = named.pivot(
        "rung", index=["tier_place", "tier", "name", "stakeholder"], values="amount", aggregate_function="sum"
    )
    tier = pl.format(
        "{}. {}", pl.col("tier_place").cast(pl.Int64), pl.col("tier").map_elements(label_of, return_dtype=pl.String)
    )
    table = paid.sort("tier_place").with_columns(tier=tier)
    columns = [TableColumn("tier", "tier"), TableColumn("name", "called"), TableColumn("stakeholder", "whose money")]
    columns += [TableColumn(_rung(rung), f"pays of {_rung(rung)}", "money") for rung in rungs]
    drawn = shares.rename({"rung": "name", "stakeholder": "part", "loss_share": "amount"})
    figure = Exhibit(
        f"ladder-{place}",
        f"{house['title']}: who pays what share of each loss",
        (Provenance("ladder.parquet", ("rulebook", "loss_multiple", "tier", "amount", "loss_share")),),
        Table(table.select([column.name for column in columns]), tuple(columns), f"Amounts in {house['currency']}."),
        partial(stacked_bars, drawn, "loss over initial margin", "share of the loss (per cent)", colours),
    )
    fund = f"Fund {house['currency']} {exact_amount(house['fund'])}, {house['fund_from']}"
    words = f"{fund}; {len(house['defaulters'])} of its members default."
    return Section(f"house-{place}", house["title"], (words,), figures=(figure,))


def _rung(multiple: float) -> str:
    return f"{multiple:g} x fund"
