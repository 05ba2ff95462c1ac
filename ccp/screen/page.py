"""The page: controls on the left, the answer on the right."""

from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from ccp.api.explored import View
from ccp.api.settings import Settings
from ccp.errors import InputError
from ccp.report.charts.waterfall import waterfall_chart
from ccp.report.words import exact_amount, listed, scale_of
from ccp.rulebook.own_capital import tranches
from ccp.screen.answer import Key, amounts_scale, key_figures, verdict
from ccp.screen.choices import Choices, choices_of, known
from ccp.screen.controls import begin, controls
from ccp.screen.link import query_of, settings_of
from ccp.screen.opened import BOOK, Opened, opened
from ccp.screen.saving import FILE, same_command, saved_rulebook
from ccp.screen.style import STYLE
from ccp.screen.tables import bills_table, coverage_table, tiers_table

TITLE = "Who pays, and is it enough?"
ROW, ROOM = 28, (95, 125)
"""Pixels of a tier in the drawing, and of what stands above and below them on wide and on narrow pages."""

INK = ("#30343b", "#e6e6e6")
"""What figures in the drawing are written in, on a light and on a dark page."""


def draw() -> None:
    """Draw the page as the controls, or at first the link, have it."""
    st.set_page_config(page_title=f"ccp: {TITLE}", layout="wide", initial_sidebar_state="auto")
    st.html(STYLE)
    held = opened()
    choices = choices_of(held.explorer)
    settings = _asked(held, choices)
    st.query_params.from_dict(query_of(settings))
    st.title(TITLE)
    try:
        view = held.explorer.view(settings)
        before = held.explorer.before(view)
    except InputError as error:
        st.error(error.message)
        return
    _answer(held, view, before)


def _asked(held: Opened, choices: Choices) -> Settings:
    """What the controls ask for. At first they say what the link does."""
    rulebook = held.explorer.rulebook
    if "scenario" not in st.session_state:
        settings, unread = settings_of({name: st.query_params.get_all(name) for name in st.query_params})
        settings, unknown = known(settings, choices)
        begin(settings, rulebook, choices)
        st.session_state["left_out"] = [*unread, *unknown]
    with st.sidebar:
        if st.button("Back to the run as it is", width="stretch"):
            begin(Settings(), rulebook, choices)
            st.session_state["left_out"] = []
        settings = controls(rulebook, choices)
    if st.session_state["left_out"]:
        left_out = listed(st.session_state["left_out"])
        st.warning(f"The link asks for what cannot be read, or what this fund does not have; left out: {left_out}")
    return settings


def _answer(held: Opened, view: View, before: View) -> None:
    """Everything right of the controls."""
    case = view.sized.case
    about = f"{held.name}, {case.date.isoformat()}, under {view.rulebook.name}"
    st.caption(f"{about}. Before: the same event under the run's own rules.")
    _notices(view)
    for sentence in verdict(view):
        st.markdown(f"**{_plain(sentence)}**")
    _figures(key_figures(view, before))
    st.caption(f"Amounts in {amounts_scale(view, before).named(view.trace['currency'])}, and how they change.")
    st.header("Who pays, tier by tier")
    _waterfall(view)
    st.html(tiers_table(view))
    st.header("What each member pays")
    st.html(bills_table(view, before))
    st.header("Is the fund enough?")
    st.caption("The coverage test looks at every scenario that sizes the fund, not at the event above alone.")
    st.html(coverage_table(view, before))
    _take_away(held, view)


def _notices(view: View) -> None:
    """What moves with what was set, or does not: contributions posted, the smallest, capital as a share of the fund."""
    fund, digits = view.coverage["fund"], view.rulebook.currency_digits
    size = view.rulebook.fund.size
    if size is not None and fund["required"] > size:
        smallest = exact_amount(fund["required"], digits)
        st.info(f"The members' minimum contributions alone come to {smallest}, more than is set.")
    if any(getattr(part, "share_of_fund", None) for part in tranches(view.rulebook)):
        st.caption("Skin in the game is a share of the fund here and moves with it; setting its amount holds it.")
    if fund["in_force"] == "posted":
        amounts = [exact_amount(fund[name], digits) for name in ("posted", "required")]
        st.info(
            f"Members have posted {amounts[0]}, and that pays; the rules ask for {amounts[1]}. "
            "Set the fund's size to see who pays with another."
        )


def _plain(text: str) -> str:
    """Text with nothing in it that Markdown would take for more."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-.!|<>~$:" else sign for sign in text)


def _figures(keys: list[Key]) -> None:
    """The key figures, side by side where there is room."""
    colours: dict[bool | None, Any] = {None: "off", True: "normal", False: "inverse"}
    with st.container(horizontal=True, key="figures"):
        for one in keys:
            st.metric(one.name, one.value, one.change or None, delta_color=colours[one.better], width=140)


def _waterfall(view: View) -> None:
    """The drawing, for wide pages and for narrow ones: the page's style shows one of the two."""
    trace = view.trace
    if not trace["loss"]:
        st.write("Nothing is lost beyond what the defaulters' pools have: there is nothing to draw.")
        return
    for name, narrow in (("wide", False), ("narrow", True)):
        with st.container(key=f"drawing_{name}"):
            st.altair_chart(_drawing(view, narrow), width="stretch")
    st.caption(
        "Each bar begins where the one above has ended; in outline, what a tier had and did not need or may not give."
    )


def _drawing(view: View, narrow: bool) -> Any:
    """The waterfall as the library of the page draws it: the height is that of all of it, and the table below speaks
    for its marks."""
    trace = view.trace
    chart = waterfall_chart(trace["tiers"], trace["loss"], scale_of(trace["loss"]), trace["currency"], narrow)
    height = ROOM[narrow] + ROW * len(trace["tiers"])
    described = chart.properties(height=height, description="The waterfall; the table below has its figures.")
    dark = getattr(st.context.theme, "type", "light") == "dark"
    return described.configure_mark(aria=False).configure_text(color=INK[dark])


def _take_away(held: Opened, view: View) -> None:
    """The rulebook as a file, the command that gives the same, and the link."""
    st.header("Save and share")
    st.download_button("Save as a rulebook", saved_rulebook(view, held), FILE, "application/yaml", on_click="ignore")
    st.caption("With that file, this gives the same waterfall to the cent:")
    st.code(same_command(view, held), language=None, wrap_lines=True)
    if held.book[0] == BOOK:
        st.caption(f"{BOOK} is the book that the run was sized from, with --market beside it where it had its own.")
    st.caption("This link restores what you see, while the page is served:")
    st.code(_link(view.settings), language=None, wrap_lines=True)


def _link(settings: Settings) -> str:
    """The page's address with the settings."""
    place = urlsplit(st.context.url or "")
    query = urlencode(query_of(settings), doseq=True)
    return place._replace(query=query, fragment="").geturl() or f"?{query}"
