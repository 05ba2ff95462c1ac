"""Who hurts, and what moves: the heat map of groups by scenarios, the largest groups, the shocks."""

from functools import partial

import polars as pl

from ccp.report.charts.bars import Series, ranked_bars
from ccp.report.charts.heat_map import heat_map, signed_heat_map
from ccp.report.elements import Exhibit, Provenance, Section, Table, TableColumn
from ccp.report.words import scale_of
from ccp.runs.run import Run, collected

MOST_DOWN, MOST_ACROSS, MOST_GROUPS = 40, 40, 10
MOST_FACTORS, MOST_MOVED = 40, 12
LOSS = pl.col("loss_over_margin")
CHOSEN = Provenance("scenarios.parquet", ("sizes_fund", "cover_n"))
"""Which scenarios are shown."""


def groups_section(run: Run, currency: str) -> Section:
    """The heat map, and the ten largest groups with margin and contribution."""
    plausible = run.lazy("scenarios").filter("sizes_fund").select("scenario_id")
    losses = collected(run.lazy("losses").join(plausible, on="scenario_id", how="semi"), run.place("losses"))
    figures = [_heat(losses, currency)] if losses["loss_over_margin"].max() else []
    words = (
        "Stress loss over initial margin (SLOIM) is what closing a group's positions costs in a scenario beyond the "
        "margin that counts. Scenarios are those that"
    )
    figures.append(_largest(run, losses, currency))
    return Section("groups", "Groups by scenarios", (f"{words} size the fund.",), figures=tuple(figures))


def _heat(losses: pl.DataFrame, currency: str) -> Exhibit:
    groups = _ranked(losses.group_by("group_id").agg(LOSS.max()))
    scenarios = _ranked(losses.group_by("scenario_id").agg(LOSS.top_k(2).sum()))
    down = groups.filter(LOSS > 0)["group_id"].head(MOST_DOWN).to_list()
    across = scenarios.filter(LOSS > 0)["scenario_id"].head(MOST_ACROSS).to_list()
    kept = losses.filter(pl.col("group_id").is_in(down) & pl.col("scenario_id").is_in(across))
    scale = scale_of(kept["loss_over_margin"].max())
    cells = kept.select(column="scenario_id", row="group_id", amount=LOSS / scale.unit)
    wide = kept.pivot("scenario_id", index="group_id", values="loss_over_margin", aggregate_function="sum")
    columns = (TableColumn("group_id", "group"), *(TableColumn(name, name, "money") for name in across))
    note = f"The {len(down)} groups of {groups.height} and the {len(across)} scenarios of {scenarios.height} with the "
    note += "largest losses. The whole is in the workbook and in the file."
    names = ("scenario, the worst to the left", "group", "SLOIM")
    return Exhibit(
        "heat-map",
        f"Stress loss over initial margin of {len(down)} groups in {len(across)} scenarios that size the fund",
        (Provenance("losses.parquet", ("scenario_id", "group_id", "loss_over_margin")), CHOSEN),
        Table(wide.sort(_order("group_id", down)).select([column.name for column in columns]), columns, note),
        partial(heat_map, cells, across, down, names, scale.named(currency)),
        "Dark is a large loss, blank none. The largest groups stand at the top, the worst scenarios to the left.",
    )


def _largest(run: Run, losses: pl.DataFrame, currency: str) -> Exhibit:
    """The groups with the largest losses, with margin, contribution and how much of the fund a loss takes."""
    by_loss = losses.sort("loss_over_margin", "scenario_id", descending=[True, False])
    worst = by_loss.group_by("group_id", maintain_order=True).first()
    sums = [pl.col("margin").sum(), pl.col("contribution").sum(), pl.len().alias("members")]
    paid = run.table("contributions").group_by("group_id").agg(sums)
    fund = float(paid["contribution"].sum())
    ordered = worst.join(paid, on="group_id").sort("loss_over_margin", "group_id", descending=[True, False])
    rows = ordered.head(MOST_GROUPS).with_columns(
        of_fund=_over("contribution", fund), loss_of_fund=_over("loss_over_margin", fund)
    )
    columns = (
        TableColumn("group_id", "group"),
        TableColumn("members", "members", "count"),
        TableColumn("margin", "margin", "money"),
        TableColumn("loss_over_margin", "largest stress loss over initial margin", "money"),
        TableColumn("scenario_id", "in scenario"),
        TableColumn("contribution", "contribution required", "money"),
        TableColumn("of_fund", "its share of the fund", "share"),
        TableColumn("loss_of_fund", "its loss, of the fund", "share"),
    )
    scale = scale_of(rows["loss_over_margin"].max())
    drawn = rows.select(pl.col("group_id").alias("name"), pl.col("loss_over_margin", "contribution") / scale.unit)
    series = Series({"loss_over_margin": "largest SLOIM"}, {"contribution": "its own contribution"})
    return Exhibit(
        "largest-groups",
        f"The {rows.height} groups with the largest stress loss over initial margin",
        (
            Provenance("losses.parquet", ("loss_over_margin",)),
            Provenance("contributions.parquet", ("margin", "contribution")),
            CHOSEN,
        ),
        Table(rows.select([column.name for column in columns]), columns, f"{rows.height} of {paid.height} groups."),
        partial(ranked_bars, drawn, "group", series, f"amount ({scale.named(currency)})"),
        "The mark is what the group itself has to contribute: what the loss is beyond it, others pay.",
    )


def _ranked(losses: pl.DataFrame) -> pl.DataFrame:
    """Names and losses, the largest first."""
    name, loss = losses.columns
    return losses.sort(loss, name, descending=[True, False])


def _order(column: str, names: list[str]) -> pl.Expr:
    """A name's place in a list."""
    return pl.col(column).replace_strict({name: place for place, name in enumerate(names)}, return_dtype=pl.Int64)


def _over(column: str, whole: float) -> pl.Expr:
    """A share of the whole; of nothing at all there is none."""
    return pl.col(column) / whole if whole else pl.lit(None, dtype=pl.Float64)


def shocks_section(run: Run) -> Section:
    """What moves in the worst scenarios that size the fund, and by how much."""
    plausible = run.table("scenarios").filter("sizes_fund")
    across = (
        plausible.sort("cover_n", "scenario_id", descending=[True, False])["scenario_id"].head(MOST_MOVED).to_list()
    )
    shocks = collected(run.lazy("shocks").filter(pl.col("scenario_id").is_in(across)), run.place("shocks"))
    longest = pl.col("days") == pl.col("days").max()
    relative = shocks.filter(longest).filter(pl.col("relative") != 0)
    sizes = _ranked(relative.group_by("factor_id").agg(pl.col("relative").abs().max()))
    down = sizes["factor_id"].head(MOST_FACTORS).to_list()
    kept = relative.filter(pl.col("factor_id").is_in(down))
    moved = kept.pivot("scenario_id", index="factor_id", values="relative", aggregate_function="sum")
    shown = [name for name in across if name in moved.columns]
    columns = (TableColumn("factor_id", "factor"), *(TableColumn(name, name, "share") for name in shown))
    absolute = shocks.filter(longest).filter(pl.col("absolute") != 0).height
    note = f"The {len(down)} factors of {sizes.height} that move most, in the {len(across)} worst scenarios."
    note += f" {absolute} moves that are added to a level, not multiplied, are in the file alone." if absolute else ""
    note += _over_longest(shocks["days"].unique().sort().to_list())
    cells = kept.select(column="scenario_id", row="factor_id", amount=pl.col("relative") * 100)
    names = ("scenario, the worst to the left", "factor", "move")
    figure = Exhibit(
        "shocks",
        f"How far factors move in the {len(across)} worst scenarios that size the fund",
        (Provenance("shocks.parquet", ("scenario_id", "factor_id", "days", "relative")), CHOSEN),
        Table(moved.sort(_order("factor_id", down)).select([one.name for one in columns]), columns, note),
        partial(signed_heat_map, cells, shown, down, names) if down else None,
        "Where each scenario comes from stands in the table of scenarios.",
    )
    return Section("shocks", "What moves", figures=(figure,))


def _over_longest(periods: list[float]) -> str:
    """That moves over shorter periods are not shown, where there are any."""
    if len(periods) < 2:
        return ""
    days = [f"{one:g}" for one in periods]
    return (
        f" Moves are those over {days[-1]} days, the longest period; those over {', '.join(days[:-1])} are in the file."
    )
