"""What all charts have in common: colours that survive colour blindness and a dark page, fonts, sizes.

Hues follow Okabe and Ito's set (jfly.uni-koeln.de/color, 2002), made darker or lighter until each has a contrast of
three to one against white and against the dark page. No chart says anything by colour alone.
"""

from typing import Any

import altair as alt

BLUE, SKY, GREEN, ORANGE = "#2878b5", "#3f97c6", "#12936c", "#c07a00"
RED, PURPLE, GREY, INDIGO, BROWN = "#d4521a", "#b0679a", "#7f858d", "#6d6ad2", "#9a7350"
ORDER = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY, GREY)
"""Colours of series that have no meaning of their own, in order."""
WHOSE = {
    "defaulter": BLUE,
    "clearing house": ORANGE,
    "insurer": PURPLE,
    "parent": INDIGO,
    "outside": BROWN,
    "survivors, funded": GREEN,
    "survivors, unfunded": SKY,
    "gainers": GREY,
    "nobody": RED,
}
"""Whose money it is, everywhere in the same colour."""
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
ROW = (20, 18)
"""The height of a row, in pixels, on wide and on narrow pages."""


def dressed(chart: Any, narrow: bool, height: Any) -> Any:
    """The chart with the pack's fonts, a height and a width that follows its place."""
    small: Any = 10 if narrow else 11
    letters: Any = {"labelFontSize": small, "titleFontSize": small, "titleFontWeight": "normal"}
    fitted = alt.AutoSizeParams(type="fit-x", contains="padding")
    return (
        chart.properties(width="container", height=height)
        .configure(font=FONT, background="transparent", autosize=fitted, aria=False)
        .configure_axis(**letters, labelLimit=140 if narrow else 220)
        .configure_legend(**letters, orient="top", columns=2 if narrow else 4, labelLimit=300, symbolLimit=0)
        .configure_view(stroke=None)
    )


def upright_labels(count: int, narrow: bool) -> alt.Axis:
    """An axis of names along the bottom; without them where they would lie on one another."""
    room = count <= (24 if narrow else 64)
    return alt.Axis(labels=room, ticks=room, labelAngle=-90, labelLimit=110 if narrow else 160)


def amounts_axis(narrow: bool) -> alt.Axis:
    """An axis of amounts with few enough labels."""
    return alt.Axis(tickCount=4 if narrow else 7)


def names_axis(narrow: bool) -> alt.Axis:
    """An axis of names down the side."""
    return alt.Axis(labelLimit=120 if narrow else 240)
