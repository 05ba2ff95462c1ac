"""Lying bars: side by side or on one another, with marks and limits."""

from dataclasses import dataclass, field
from typing import Any

import altair as alt
import polars as pl

from ccp.report.charts.theme import GREY, ORDER, RED, ROW, amounts_axis, dressed, names_axis


@dataclass(frozen=True)
class Series:
    """What is drawn of each row: columns as `bars` and as upright `marks`, by heading; `limits` go through all rows."""

    bars: dict[str, str]
    marks: dict[str, str] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)

    @property
    def colours(self) -> dict[str, str]:
        """The colour of everything that is drawn, by its heading."""
        of_bars = zip(self.bars.values(), ORDER, strict=False)
        return dict(of_bars) | dict.fromkeys(self.marks.values(), GREY) | dict.fromkeys(self.limits, RED)


def ranked_bars(rows: pl.DataFrame, names: str, series: Series, unit: str, narrow: bool) -> Any:
    """A bar, or several, for each `name`, in the order of the rows; `names` is what they are."""
    order, colours = rows["name"].to_list(), series.colours
    place = alt.Y("name:N", title=names, sort=order, axis=names_axis(narrow))
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    common: dict[str, Any] = {
        "x": alt.X("amount:Q", title=unit, stack=None, axis=amounts_axis(narrow)),
        "color": alt.Color("series:N", title=None, scale=scale, sort=list(colours)),
    }
    told: list[Any] = ["series:N", alt.Tooltip("amount:Q", format=",.2f", title=unit)]
    several = len(series.bars) > 1
    beside: dict[str, Any] = {"yOffset": alt.YOffset("series:N", sort=list(series.bars.values()))} if several else {}
    bars = alt.Chart(_long(rows, series.bars)).mark_bar(cornerRadiusEnd=1)
    layers: list[Any] = [bars.encode(y=place, tooltip=["name:N", *told], **common, **beside)]
    if series.marks:
        marks = alt.Chart(_long(rows, series.marks)).mark_tick(thickness=3, size=14)
        layers.append(marks.encode(y=place, tooltip=["name:N", *told], **common))
    if series.limits:
        limits = pl.DataFrame({"series": list(series.limits), "amount": [float(one) for one in series.limits.values()]})
        drawn = alt.Chart(limits).mark_rule(strokeWidth=2, strokeDash=[5, 3])
        layers.append(drawn.encode(tooltip=told, **common))
    return dressed(alt.layer(*layers), narrow, len(order) * (ROW[narrow] + (4 if several else 0)))


def stacked_bars(rows: pl.DataFrame, names: str, unit: str, colours: dict[str, str], narrow: bool) -> Any:
    """Bars made of parts: `name`, `part` and `amount`; parts in the order and the colours of `colours`."""
    order, parts = rows["name"].unique(maintain_order=True).to_list(), list(colours)
    places = pl.col("part").replace_strict({part: place for place, part in enumerate(parts)}, return_dtype=pl.Int64)
    chart = (
        alt.Chart(rows.with_columns(place=places))
        .mark_bar()
        .encode(
            x=alt.X("sum(amount):Q", title=unit, axis=amounts_axis(narrow)),
            y=alt.Y("name:N", title=names, sort=order, axis=names_axis(narrow)),
            color=alt.Color("part:N", title=None, scale=alt.Scale(domain=parts, range=list(colours.values()))),
            order=alt.Order("place:Q"),
            tooltip=["name:N", "part:N", alt.Tooltip("sum(amount):Q", format=",.2f", title=unit)],
        )
    )
    return dressed(chart, narrow, len(order) * ROW[narrow])


def _long(rows: pl.DataFrame, series: dict[str, str]) -> pl.DataFrame:
    columns = [pl.col(column).cast(pl.Float64).alias(heading) for column, heading in series.items()]
    named = rows.select("name", *columns)
    return named.unpivot(list(series.values()), index="name", variable_name="series", value_name="amount").drop_nulls()
