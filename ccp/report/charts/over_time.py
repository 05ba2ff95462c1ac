"""Lines over days."""

from typing import Any

import altair as alt
import polars as pl

from ccp.report.charts.theme import GREY, ORDER, dressed

DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 2], [10, 2], [1, 3])
"""Lines differ in dashes as well as in colour."""


def lines_over_time(
    rows: pl.DataFrame, series: dict[str, str], what: str, unit: str, narrow: bool, events: pl.DataFrame | None = None
) -> Any:
    """A line for each of some columns of `rows` (`date` and amounts), named by the values of `series`.

    `what` and `unit` name the vertical axis. `events` has `date` and `event`: each is a thin upright line.
    """
    names = list(series.values())
    columns = [pl.col(column).alias(name) for column, name in series.items()]
    long = rows.select("date", *columns).unpivot(names, index="date", variable_name="series", value_name="amount")
    colours = alt.Scale(domain=names, range=list(ORDER[: len(names)]))
    dashes = alt.Scale(domain=names, range=[list(dash) for dash in DASHES[: len(names)]])
    lines = (
        alt.Chart(long.drop_nulls("amount"))
        .mark_line(strokeWidth=1.8, interpolate="step-after")
        .encode(
            x=alt.X("date:T", title="day", axis=alt.Axis(tickCount=4 if narrow else 8, grid=False)),
            y=alt.Y("amount:Q", title=f"{what} ({unit})", scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=5)),
            color=alt.Color("series:N", title=None, scale=colours, sort=names),
            strokeDash=alt.StrokeDash("series:N", title=None, scale=dashes, sort=names),
            tooltip=["date:T", "series:N", alt.Tooltip("amount:Q", format=",.2f", title=unit)],
        )
    )
    layers: list[Any] = [lines]
    if events is not None and not events.is_empty():
        layers.insert(0, _marked_days(events))
    return dressed(alt.layer(*layers), narrow, 220 if narrow else 280)


def _marked_days(events: pl.DataFrame) -> Any:
    marked = alt.Chart(events).encode(x="date:T", tooltip=["date:T", "event:N"])
    return marked.mark_rule(color=GREY, strokeDash=[3, 3])
