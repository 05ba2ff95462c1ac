"""The waterfall: tier after tier, the loss moves to the right until all of it is paid or known to be nobody's."""

from typing import Any

import altair as alt
import polars as pl

from ccp.report.charts.theme import GREY, WHOSE, dressed, names_axis
from ccp.report.words import MoneyUnit
from ccp.rulebook.tier_table import UNCOVERED, label_of

CUT = 1.2
"""What a tier has left is drawn up to so many times the loss, and said in figures."""
END = (1.7, 1.6)
"""Where the axis ends, in times of the loss, on wide and narrow pages: the figures need room."""


def waterfall_rows(tiers: list[dict[str, Any]], loss: float) -> pl.DataFrame:
    """Tiers of a trace as they are drawn: from where to where each pays, and how far what it has left reaches."""
    rows, before = [], 0.0
    for tier in tiers:
        after, left = before + tier["paid"], 0.0 if tier["tier"] == UNCOVERED else tier["available"] - tier["paid"]
        reach = max(after, min(after + left, CUT * loss))
        amounts = {"begin": before, "end": after, "reach": reach, "paid": tier["paid"], "left": left}
        rows.append({"tier": tier_name(tier), "whose": tier["whose"], **amounts})
        before = after
    return pl.DataFrame(rows)


def waterfall_chart(tiers: list[dict[str, Any]], loss: float, scale: MoneyUnit, currency: str, narrow: bool) -> Any:
    """Every tier as a bar that begins where the one before has ended: what it pays in the colour of whose money it is,
    what it has left in outline. The last tier ends at the loss."""
    amounts = pl.col("begin", "end", "reach", "paid", "left") / scale.unit
    rows, unit = waterfall_rows(tiers, loss).with_columns(amounts), scale.named(currency)
    axis = {
        "title": f"how much of the loss is paid ({unit})",
        "scale": alt.Scale(domain=[0, END[narrow] * loss / scale.unit or 1.0], nice=False),
        "axis": alt.Axis(tickCount=4 if narrow else 9),
    }
    whose = [name for name in WHOSE if name in set(rows["whose"])]
    colour = alt.Color("whose:N", title=None, scale=alt.Scale(domain=whose, range=[WHOSE[name] for name in whose]))
    base: Any = alt.Chart(rows).encode(
        y=alt.Y(
            "tier:N",
            title=None if narrow else "tier",
            scale=alt.Scale(domain=rows["tier"].to_list()),
            axis=names_axis(narrow),
        ),
        tooltip=[
            "tier:N",
            alt.Tooltip("whose:N", title="whose money"),
            alt.Tooltip("paid:Q", format=",.2f", title=f"pays, {unit}"),
            alt.Tooltip("left:Q", format=",.2f", title=f"left, {unit}"),
        ],
    )
    left = base.mark_bar(fill="transparent", stroke=GREY, strokeDash=[3, 2]).transform_filter("datum.left > 0")
    paid = base.mark_bar().transform_filter("datum.paid > 0")
    whole: Any = alt.Chart(pl.DataFrame({"loss": [loss / scale.unit]})).mark_rule(strokeDash=[5, 3], color=GREY)
    layers = [
        left.encode(x=alt.X("end:Q", **axis), x2="reach:Q"),
        paid.encode(x=alt.X("begin:Q", **axis), x2="end:Q", color=colour),
        whole.encode(x="loss:Q"),
    ]
    layers.append(_figures(base, CUT * loss / scale.unit, narrow))
    return dressed(alt.layer(*layers), narrow, rows.height * 26)


def _figures(base: Any, beside: float, narrow: bool) -> Any:
    """What each tier pays and, where there is room, has left, in a column beside the bars."""
    left = " + (datum.left > 0 ? ', left ' + format(datum.left, ',.2f') : '')"
    label = "format(datum.paid, ',.1f')" if narrow else f"format(datum.paid, ',.2f'){left}"
    written = base.transform_calculate(label=label)
    return written.mark_text(align="left", dx=5, fontSize=11).encode(x=alt.datum(beside), text="label:N")


def tier_name(tier: dict[str, Any]) -> str:
    """A tier's place and what it is called."""
    return f"{tier['place']}. {tier['name'] or label_of(tier['tier'])}"
