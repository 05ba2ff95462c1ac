"""A pack as one HTML file, with charts that answer to the pointer or, without any script, as drawings."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

from ccp.report.cells import RIGHT, written_rows
from ccp.report.charts.still import drawings
from ccp.report.elements import Exhibit, Pack, Table

OPEN_ROWS = 12
"""A table of up to so many rows stands open where no chart says the same."""


def page(pack: Pack, live: bool = True) -> str:
    """The whole page. `live`: charts are drawn by a script that is in the page once; else they are drawings."""
    folder = files("ccp.report.page")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures = [figure for section in pack.sections for figure in section.figures]
    return environment.get_template("page.html.j2").render(
        pack=pack,
        live=live,
        right=RIGHT,
        open_rows=OPEN_ROWS,
        style=(folder / "page.css").read_text(encoding="utf-8"),
        script=_script() if live else "",
        specifications=json.dumps(_specifications(figures)).replace("<", "\\u003c") if live else "",
        drawings={} if live else {figure.key: drawings(figure) for figure in figures if figure.draw},
        rows=lambda table: _rows(table, pack.digits),
    )


def _rows(table: Table, digits: int) -> list[list[str]]:
    return written_rows(table, digits)


def _specifications(figures: list[Exhibit]) -> dict[str, Any]:
    """Every chart's specification, wide and narrow, and the rows that they draw, each set of rows once."""
    charts: dict[str, list[dict[str, Any]]] = {}
    rows: dict[str, Any] = {}
    for figure in figures:
        if figure.draw is not None:
            drawn = [figure.draw(narrow).to_dict() for narrow in (False, True)]
            for one in drawn:
                rows |= one["datasets"]
                one["datasets"] = list(one["datasets"])
            charts[figure.key] = drawn
    return {"charts": charts, "rows": rows}


@cache
def _script() -> str:
    """Vega, Vega-Lite and their embedder as one script, and ours that draws every chart with it."""
    import vl_convert

    own = (files("ccp.report.page") / "page.js").read_text(encoding="utf-8")
    return vl_convert.javascript_bundle(own).replace("</script", "<\\/script").replace("<!--", "<\\!--")
