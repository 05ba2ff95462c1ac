"""What the terminal shows after `ccp backtest`: the models side by side."""

from typing import Any

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.report.answer import without_words
from ccp.report.words import MoneyUnit, scale_of, share


def backtest_summary(
    tables: dict[str, pl.DataFrame], currency: str, confidence: float, run: dict[str, Any]
) -> RenderableType:
    """Exceptions and procyclicality of all models; `run` is what the manifest says of the run."""
    horizon, without = run["horizon"], without_words(run["days_without"])
    scale = scale_of(tables["procyclicality"]["mean_margin"].max())
    found = tables["backtest"]
    breach = scale_of(found.filter(level="book")["largest_breach"].max())
    pools = found.filter(level="pool")["id"].n_unique()
    note = f"Rejected (Kupiec test, 5 %), yellow and red: of {pools:,} pools."
    note += f"\nTested on one day in {horizon}, since windows of {horizon} days overlap." if horizon > 1 else ""
    note += f"\n{without}" if without else ""
    return Group(
        Text(f"Exceptions at a confidence of {confidence:.4g}: all accounts and days", style="bold"),
        exceptions_side_by_side(found, breach, currency),
        Text(note),
        Text(f"\nProcyclicality: how much total margin moves (mean in {scale.named(currency)})", style="bold"),
        procyclicality_side_by_side(tables["procyclicality"], scale),
        Text("Step: share of a year's rise 5 days after volatility doubled, and days until 90 % of it."),
    )


def exceptions_side_by_side(found: pl.DataFrame, breach: MoneyUnit, currency: str) -> Table:
    """One row a model: coverage of accounts, the largest exception, and how many pools are rejected or not green."""
    names = ("model", "coverage", "exceptions", f"largest, {breach.named(currency)}", "rejected", "yellow", "red")
    table = _table(names)
    for row in found.filter(level="book").iter_rows(named=True):
        pools = found.filter((pl.col("level") == "pool") & (pl.col("model") == row["model"]))
        rejected = pools.filter(pl.col("apart_kupiec_p") < 0.05).height
        lights = [pools.filter(pl.col("apart_light") == light).height for light in ("yellow", "red")]
        table.add_row(
            row["model"],
            f"{row['coverage']:.2%}",
            f"{int(row['exceptions']):,}",
            breach.amount(row["largest_breach"]),
            *(f"{count:,}" for count in (rejected, *lights)),
        )
    return table


def procyclicality_side_by_side(found: pl.DataFrame, scale: MoneyUnit) -> Table:
    """One row a model: cost, swing, largest calls, answer to a step."""
    table = _table(("model", "mean", "peak/trough", "1 day", "5 days", "20 days", "step", "90 %"))
    for row in found.sort("model").iter_rows(named=True):
        swing = "-" if row["peak_to_trough"] is None else f"{row['peak_to_trough']:.2f}"
        days = "-" if row["step_days"] is None else f"{int(row['step_days'])}"
        calls = [share(row[f"call_{span}_share"]) for span in (1, 5, 20)]
        table.add_row(row["model"], scale.amount(row["mean_margin"]), swing, *calls, share(row["step_5"]), days)
    return table


def _table(names: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    return table
