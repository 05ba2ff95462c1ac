"""Charts as drawings (SVG), for pages without script and for print."""

import re
from typing import Any

import vl_convert

from ccp.report.elements import Exhibit

WIDTHS = (760, 340)
"""Pixels that a drawing is made for, wide and narrow."""


def drawings(figure: Exhibit) -> list[str]:
    """A figure's chart as SVG, wide and narrow. Colours of text and lines are left to the page."""
    return [drawing(figure, narrow) for narrow in (False, True)]


def drawing(figure: Exhibit, narrow: bool) -> str:
    """A figure's chart as one SVG."""
    if figure.draw is None:
        raise ValueError(f"{figure.key} is a table alone")
    specification: dict[str, Any] = figure.draw(narrow).to_dict() | {"width": WIDTHS[narrow]}
    svg = vl_convert.vegalite_to_svg(specification)
    return re.sub(r"<svg ", '<svg aria-hidden="true" ', _own_names(svg, f"{figure.key}-{narrow:d}"), count=1)


def _own_names(svg: str, prefix: str) -> str:
    """The drawing with its own names of gradients and the like: they are counted on from drawing to drawing."""
    names = dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))
    for place, name in enumerate(names):
        svg = re.sub(rf'(?<=["#]){re.escape(name)}(?=[")])', f"{prefix}-{place}", svg)
    return svg
