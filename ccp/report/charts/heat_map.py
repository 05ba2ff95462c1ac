"""Heat maps: rows and columns by name, an amount in each cell."""

from typing import Any

import altair as alt
import polars as pl

from ccp.report.charts.theme import ROW, dressed, names_axis, upright_labels

Names = tuple[str, str, str]
"""What columns, rows and amounts are called."""


def heat_map(cells: pl.DataFrame, across: list[str], down: list[str], names: Names, unit: str, narrow: bool) -> Any:
    """Amounts (`amount`, never negative) by `column` and `row`. Nothing is left blank: what is there stands out."""
    scale = alt.Scale(scheme="viridis", type="sqrt", domainMin=0, reverse=True)
    title, told = f"{names[2]} ({unit})", alt.Tooltip("amount:Q", format=",.2f", title=unit)
    return _cells(cells.filter(pl.col("amount") > 0), across, down, names, (scale, title, told), narrow)


def signed_heat_map(cells: pl.DataFrame, across: list[str], down: list[str], names: Names, narrow: bool) -> Any:
    """Moves in per cent (`amount`, of either sign) by `column` and `row`: falls in one hue, rises in another."""
    far = float(cells.select(pl.col("amount").abs().max()).item() or 1.0)
    scale = alt.Scale(scheme="purpleorange", domain=[-far, far], domainMid=0)
    title, told = f"{names[2]} (per cent)", alt.Tooltip("amount:Q", format="+,.2f", title="per cent")
    return _cells(cells, across, down, names, (scale, title, told), narrow)


def _cells(
    cells: pl.DataFrame, across: list[str], down: list[str], names: Names, amounts: tuple[Any, ...], narrow: bool
) -> Any:
    scale, title, told = amounts
    legend = alt.Legend(gradientLength=160 if narrow else 240, tickCount=4)
    columns = upright_labels(len(across), narrow)
    chart = (
        alt.Chart(cells)
        .mark_rect()
        .encode(
            x=alt.X("column:N", title=names[0], scale=alt.Scale(domain=across), axis=columns),
            y=alt.Y("row:N", title=names[1], scale=alt.Scale(domain=down), axis=names_axis(narrow)),
            color=alt.Color("amount:Q", title=title, scale=scale, legend=legend),
            tooltip=["row:N", "column:N", told],
        )
    )
    dressed_chart = dressed(chart, narrow, max(1, len(down)) * (ROW[narrow] - 4))
    return dressed_chart.configure_view(fill="white", stroke=None)  # on dark pages too: dark cells must be seen
