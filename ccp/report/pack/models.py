"""Margin models side by side: back tests and procyclicality."""

from functools import partial
from typing import Any

import polars as pl

from ccp.report.answer import without_words
from ccp.report.charts.bars import Series, ranked_bars, stacked_bars
from ccp.report.charts.over_time import lines_over_time
from ccp.report.charts.theme import BLUE, ORANGE, RED
from ccp.report.elements import Exhibit, Provenance, RunPart, Section, Table, TableColumn
from ccp.report.words import scale_of, share
from ccp.runs.run import Run

LIGHTS = {"green": BLUE, "yellow": ORANGE, "red": RED}
"""Of the traffic light; not green beside red, which some cannot tell apart."""
REJECTED = 0.05


def models_part(run: Run, before: Run | None) -> RunPart:
    """Margin models, tested against the past."""
    sections = (backtest_section(run), procyclicality_section(run))
    return RunPart(run.manifest["rulebook"]["name"], model_words(run), "plain", sections)


def model_words(run: Run) -> tuple[str, ...]:
    """What was tested, in words."""
    about, found = run.manifest["run"], run.table("backtest").filter(level="book").sort("coverage", "model")
    margin = run.manifest["rulebook"]["margin"]
    worst, best = found.row(0, named=True), found.row(-1, named=True)
    tested = f"{about['days']} days from {about['from']} to {about['to']}, {found.height} margin models"
    said = f"{tested}, each meant to hold {share(margin['confidence'])} of the time over {about['horizon']} days. "
    said += f"{without_words(about['days_without'])} " if about["days_without"] else ""
    if found.height == 1:
        return (f"{said}{best['model']} held for {best['coverage']:.2%} of accounts and days.",)
    held = f"Over all accounts and days {best['model']} held most often ({best['coverage']:.2%})"
    return (f"{said}{held}, {worst['model']} least ({worst['coverage']:.2%}).",)


def backtest_section(run: Run) -> Section:
    """Exceptions of every model, in all and by pool."""
    found, currency = run.table("backtest"), run.manifest["rulebook"]["currency"]
    horizon = run.manifest["run"]["horizon"]
    by_pool = pl.col("rejected", *LIGHTS).fill_null(0)  # where no pool holds a position
    book = found.filter(level="book").join(_by_pool(found), on="model", how="left").with_columns(by_pool).sort("model")
    columns = (
        TableColumn("model", "model"),
        TableColumn("observations", "accounts and days", "count"),
        TableColumn("exceptions", "exceptions", "count"),
        TableColumn("coverage", "coverage", "share"),
        TableColumn("largest_breach", "largest exception", "money"),
        TableColumn("rejected", "pools rejected (Kupiec, 5 %)", "count"),
        TableColumn("green", "green", "count"),
        TableColumn("yellow", "yellow", "count"),
        TableColumn("red", "red", "count"),
    )
    names = [column.name for column in columns]
    lights = book.select("model", *LIGHTS).unpivot(
        list(LIGHTS), index="model", variable_name="part", value_name="amount"
    )
    words = "A day is an exception where the loss over the horizon is more than the margin of its beginning."
    if horizon > 1:
        words += f" Tests by pool count one day in {horizon}, since windows of {horizon} days overlap."
    source = Provenance(
        "backtest.parquet", ("model", "level", "exceptions", "coverage", "apart_kupiec_p", "apart_light")
    )
    figure = Exhibit(
        "backtest",
        "Pools by traffic light, for every margin model",
        (source,),
        Table(book.select(names), columns, f"Amounts in {currency}."),
        partial(stacked_bars, lights.rename({"model": "name"}), "model", "pools", LIGHTS),
    )
    return Section("backtest", "Margin back tests", (words,), figures=(figure, _worst_pools(found)))


def _by_pool(found: pl.DataFrame) -> pl.DataFrame:
    """By model, how many pools are rejected, and of each light."""
    lights = [(pl.col("apart_light") == light).sum().alias(light) for light in LIGHTS]
    rejected = (pl.col("apart_kupiec_p") < REJECTED).sum().alias("rejected")
    return found.filter(level="pool").group_by("model").agg(rejected, *lights)


def _worst_pools(found: pl.DataFrame) -> Exhibit:
    """The pools with the largest exception, of the rulebook's own model where it was tested."""
    models = found["model"].unique().sort().to_list()
    model = "rulebook" if "rulebook" in models else models[0]
    columns = (
        TableColumn("id", "pool"),
        TableColumn("observations", "days", "count"),
        TableColumn("exceptions", "exceptions", "count"),
        TableColumn("coverage", "coverage", "share"),
        TableColumn("kupiec_p", "Kupiec p", "number"),
        TableColumn("independence_p", "independence p", "number"),
        TableColumn("light", "light"),
        TableColumn("largest_breach", "largest exception", "money"),
    )
    pools = found.filter((pl.col("level") == "pool") & (pl.col("model") == model))
    worst = pools.sort("largest_breach", "id", descending=[True, False]).head(10)
    names = tuple(column.name for column in columns)
    table = Table(worst.select(names), columns, f"10 of {pools.height} pools.")
    title = f"The pools with the largest exceptions, model {model}"
    return Exhibit("worst-pools", title, (Provenance("backtest.parquet", names),), table)


def procyclicality_section(run: Run) -> Section:
    """How much every model's margin moves and asks for in a crisis."""
    found, currency = run.table("procyclicality").sort("model"), run.manifest["rulebook"]["currency"]
    columns = (
        TableColumn("model", "model"),
        TableColumn("mean_margin", "mean margin", "money"),
        TableColumn("peak_to_trough", "peak to trough", "number"),
        *(TableColumn(f"call_{span}_share", f"largest call in {span} days, of margin", "share") for span in (1, 5, 20)),
        TableColumn("deviation", "daily deviation", "share"),
        TableColumn("step_5", "response to a step, 5 days", "share"),
        TableColumn("step_days", "days to 90 % of it", "count"),
    )
    names = [column.name for column in columns]
    drawn = found.select(pl.col("model").alias("name"), "peak_to_trough")
    figure = Exhibit(
        "procyclicality",
        "How far total margin swings, for every margin model",
        (Provenance("procyclicality.parquet", tuple(names)),),
        Table(found.select(names), columns, f"Amounts in {currency}."),
        partial(ranked_bars, drawn, "model", Series({"peak_to_trough": "peak to trough"}), "times the lowest margin"),
        "1 would be a margin that never moves. The step is a doubling of volatility overnight.",
    )
    return Section("procyclicality", "Procyclicality", figures=(_margins(run, currency), figure))


def _margins(run: Run, currency: str) -> Exhibit:
    margins = run.table("margins")
    models = margins["model"].unique().sort().to_list()
    wide = margins.pivot("model", index="date", values="margin", aggregate_function="sum").sort("date")
    scale = scale_of(margins["margin"].max())
    drawn = wide.select("date", *(pl.col(name) / scale.unit for name in models))
    columns = (TableColumn("date", "day", "date"), *(TableColumn(name, name, "money") for name in models))
    series: dict[str, Any] = {name: name for name in models}
    return Exhibit(
        "margins",
        "Total margin day by day, for every margin model",
        (Provenance("margins.parquet", ("model", "date", "margin")),),
        Table(wide.select(["date", *models]), columns),
        partial(lines_over_time, drawn, series, "total margin", scale.named(currency)),
    )
