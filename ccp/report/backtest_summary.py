"""What the terminal shows after `ccp backtest`: the models side by side."""

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.report.words import Scale, scale_of, share


def backtest_summary(tables: dict[str, pl.DataFrame], currency: str, confidence: float, horizon: int) -> RenderableType:
    """Exceptions and procyclicality of all models."""
    scale = scale_of(tables["procyclicality"]["mean_margin"].max())
    parts: list[RenderableType] = [
        Text(f"Exceptions at {confidence:.4g} over all accounts and days, and of pools", style="bold"),
        exceptions_side_by_side(tables, currency),
    ]
    if horizon > 1:
        text = f"Windows of {horizon} days overlap: p-values and lights are of every {horizon}th day only."
        parts.append(Text(text))
    parts += [
        Text(f"\nHow much margin moves ({scale.named(currency)})", style="bold"),
        procyclicality_side_by_side(tables, scale),
    ]
    return Group(*parts)


def exceptions_side_by_side(tables: dict[str, pl.DataFrame], currency: str) -> Table:
    """One row a model: coverage of accounts, breaches, and how many pools are rejected or not green."""
    found = tables["backtest"]
    breach = scale_of(found.filter(level="book")["largest_breach"].max())
    table = Table(box=None, pad_edge=False)
    for name in ("model", "coverage", "exceptions", f"worst {breach.named(currency)}", "p<5%", "yellow", "red"):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    for row in found.filter(level="book").iter_rows(named=True):
        pools = found.filter((pl.col("level") == "pool") & (pl.col("model") == row["model"]))
        rejected = pools.filter(pl.col("apart_kupiec_p") < 0.05).height
        lights = [pools.filter(pl.col("apart_light") == light).height for light in ("yellow", "red")]
        table.add_row(
            row["model"],
            f"{row['coverage']:.2%}",
            f"{int(row['exceptions']):,}",
            breach.amount(row["largest_breach"]),
            *(f"{count} of {pools.height}" for count in (rejected, *lights)),
        )
    return table


def procyclicality_side_by_side(tables: dict[str, pl.DataFrame], scale: Scale) -> Table:
    """One row a model: cost, swing, largest calls, answer to a step."""
    table = Table(box=None, pad_edge=False)
    names = ("model", "mean", "peak/trough", "call 1d", "call 5d", "call 20d", "step 5d", "90% after")
    for name in names:
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    for row in tables["procyclicality"].sort("model").iter_rows(named=True):
        swing = "-" if row["peak_to_trough"] is None else f"{row['peak_to_trough']:.2f}"
        days = "-" if row["step_days"] is None else f"{int(row['step_days'])} days"
        calls = [share(row[f"call_{days}_share"]) for days in (1, 5, 20)]
        table.add_row(row["model"], scale.amount(row["mean_margin"]), swing, *calls, share(row["step_5"]), days)
    return table
