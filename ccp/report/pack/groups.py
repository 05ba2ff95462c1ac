"""Who hurts: the heat map of groups by scenarios, and the largest groups."""

from functools import partial
from typing import Any

import polars as pl

from ccp.report.charts.bars import Series, ranked_bars
from ccp.report.charts.heat_map import heat_map, signed_heat_map
from ccp.report.pack.model import Column, Figure, Section, Source, Table
from ccp.report.words import scale_of
from ccp.runs.run import Run

MOST_DOWN, MOST_ACROSS, MOST_GROUPS = 40, 40, 10
MOST_FACTORS, MOST_MOVED = 40, 12


def groups_section(run: Run, coverage: dict[str, Any], currency: str) -> Section:
    """The heat map, and the ten largest groups with margin and contribution."""
    plausible = run.lazy("scenarios").filter("sizes_fund").select("scenario_id")
    losses = run.lazy("losses").join(plausible, on="scenario_id", how="semi").collect()
    figures = [_largest(run, losses, currency)]
    if losses["loss_over_margin"].max():
        figures.insert(0, _heat(losses, currency))
    words = (
        "Loss over margin: what closing a group's positions costs beyond the margin held, in scenarios that size the fund.",
    )
    return Section("groups", "Groups by scenarios", words, figures=tuple(figures))


def _heat(losses: pl.DataFrame, currency: str) -> Figure:
    amount = pl.col("loss_over_margin")
    groups = (
        losses.group_by("group_id").agg(amount.max()).sort("loss_over_margin", "group_id", descending=[True, False])
    )
    two_largest = amount.top_k(2).sum()
    scenarios = (
        losses.group_by("scenario_id")
        .agg(two_largest)
        .sort("loss_over_margin", "scenario_id", descending=[True, False])
    )
    down = groups.filter(amount > 0)["group_id"].head(MOST_DOWN).to_list()
    across = scenarios.filter(amount > 0)["scenario_id"].head(MOST_ACROSS).to_list()
    kept = losses.filter(pl.col("group_id").is_in(down) & pl.col("scenario_id").is_in(across))
    scale = scale_of(kept["loss_over_margin"].max())
    cells = kept.select(column="scenario_id", row="group_id", amount=amount / scale.unit)
    wide = kept.pivot("scenario_id", index="group_id", values="loss_over_margin", aggregate_function="sum")
    table = wide.sort(
        pl.col("group_id").replace_strict({name: place for place, name in enumerate(down)}, return_dtype=pl.Int64)
    )
    columns = (Column("group_id", "group"), *(Column(name, name, "money") for name in across))
    note = f"The {len(down)} groups of {groups.height}, and the {len(across)} scenarios of {scenarios.height}, with the largest losses."
    return Figure(
        "heat-map",
        f"Loss over margin of {len(down)} groups in {len(across)} scenarios that size the fund",
        (Source("losses.parquet", ("scenario_id", "group_id", "loss_over_margin")),),
        Table(
            table.select([column.name for column in columns]),
            columns,
            note + " The whole is in the workbook and in the file.",
        ),
        partial(
            heat_map,
            cells,
            across,
            down,
            ("scenario, the worst to the left", "group", "loss over margin"),
            scale.named(currency),
        ),
        "Dark is a large loss, blank none. The largest groups stand at the top, the worst scenarios to the left.",
    )


def _largest(run: Run, losses: pl.DataFrame, currency: str) -> Figure:
    """The groups with the largest losses, with margin, contribution and how much of both a loss takes."""
    worst = (
        losses.sort("loss_over_margin", "scenario_id", descending=[True, False])
        .group_by("group_id", maintain_order=True)
        .first()
    )
    paid = (
        run.table("contributions")
        .group_by("group_id")
        .agg(pl.col("margin").sum(), pl.col("contribution").sum(), pl.col("posted").sum(), pl.len().alias("members"))
    )
    fund = paid["contribution"].sum()
    rows = (
        worst.join(paid, on="group_id")
        .sort("loss_over_margin", "group_id", descending=[True, False])
        .head(MOST_GROUPS)
        .with_columns(
            of_fund=pl.col("contribution") / fund if fund else None,
            loss_of_fund=pl.col("loss_over_margin") / fund if fund else None,
        )
    )
    columns = (
        Column("group_id", "group"),
        Column("members", "members", "count"),
        Column("margin", "margin", "money"),
        Column("loss_over_margin", "worst loss over margin", "money"),
        Column("scenario_id", "in scenario"),
        Column("contribution", "contribution required", "money"),
        Column("of_fund", "its share of the fund", "share"),
        Column("loss_of_fund", "its loss over the fund", "share"),
    )
    scale = scale_of(rows["loss_over_margin"].max())
    drawn = rows.select(pl.col("group_id").alias("name"), pl.col("loss_over_margin", "contribution") / scale.unit)
    series = Series({"loss_over_margin": "worst loss over margin"}, {"contribution": "its own contribution"})
    return Figure(
        "largest-groups",
        f"The {rows.height} groups with the largest losses over margin",
        (Source("losses.parquet", ("loss_over_margin",)), Source("contributions.parquet", ("margin", "contribution"))),
        Table(rows.select([column.name for column in columns]), columns, f"{rows.height} of {paid.height} groups."),
        partial(ranked_bars, drawn, "group", series, scale.named(currency)),
        "The mark is what the group itself has to contribute: what is beyond it, others pay.",
    )


def shocks_section(run: Run) -> Section:
    """What moves in the worst scenarios that size the fund, and by how much."""
    chosen = (
        run.table("scenarios")
        .filter("sizes_fund")
        .sort("cover_n", "scenario_id", descending=[True, False])
        .head(MOST_MOVED)
    )
    across = chosen["scenario_id"].to_list()
    shocks = run.lazy("shocks").filter(pl.col("scenario_id").is_in(across)).collect()
    relative = shocks.filter(pl.col("relative") != 0).with_columns(percent=pl.col("relative") * 100)
    sizes = (
        relative.group_by("factor_id")
        .agg(pl.col("percent").abs().max())
        .sort("percent", "factor_id", descending=[True, False])
    )
    down = sizes["factor_id"].head(MOST_FACTORS).to_list()
    kept = relative.filter(pl.col("factor_id").is_in(down))
    moved = kept.pivot("scenario_id", index="factor_id", values="relative", aggregate_function="sum")
    order = pl.col("factor_id").replace_strict({name: place for place, name in enumerate(down)}, return_dtype=pl.Int64)
    shown = [name for name in across if name in moved.columns]
    columns = (Column("factor_id", "factor"), *(Column(name, name, "share") for name in shown))
    absolute = shocks.filter(pl.col("absolute") != 0).height
    note = f"The {len(down)} factors of {sizes.height} that move most, in the {len(across)} worst scenarios."
    note += f" {absolute} moves that are added to a level, not multiplied, are in the file alone." if absolute else ""
    cells = kept.select(column="scenario_id", row="factor_id", amount="percent")
    figure = Figure(
        "shocks",
        f"How far factors move in the {len(across)} worst scenarios that size the fund",
        (Source("shocks.parquet", ("scenario_id", "factor_id", "relative")),),
        Table(moved.sort(order).select([column.name for column in columns]), columns, note),
        partial(signed_heat_map, cells, shown, down, ("scenario, the worst to the left", "factor", "move"))
        if down
        else None,
        "Where each scenario comes from stands in the table of scenarios.",
    )
    return Section("shocks", "What moves", figures=(figure,))
