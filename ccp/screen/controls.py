"""The controls beside the answer. Each is kept by the session under its own key, begun from the link."""

from typing import Any

import streamlit as st

from ccp.api.settings import Settings
from ccp.rulebook.rulebook import Rulebook
from ccp.screen.choices import MULTIPLES, CapitalAmounts, Choices

WORST = "the worst for the fund"
AS_IS = "as in the rulebook"


def begin(settings: Settings, rulebook: Rulebook, choices: Choices) -> None:
    """Set every control to what the settings say: once a session, and when it is put back to the run."""
    scenario, place = settings.scenario, settings.capital_place
    started = {
        "scenario": WORST if scenario is None else scenario,
        "defaulters": list(settings.defaulters or ()),
        "cover": settings.cover or settings.fund_cover or rulebook.fund.cover,
        "shock": settings.multiple is not None,
        "multiple": settings.multiple or 1.0,
        "fund_cover": settings.fund_cover or rulebook.fund.cover,
        "fund_buffer": round(100 * _first(settings.fund_buffer, rulebook.fund.buffer), 10),
        "fix_fund": settings.fund_size is not None,
        "fund_size": _first(settings.fund_size, _on_grid(choices.fund)),
        "fix_capital": settings.capital is not None,
        "capital": _first(settings.capital, _on_grid(choices.capital)),
        "place": AS_IS if place is None else place,
    }
    for key, value in started.items():
        st.session_state[key] = value


def _first(stated: float | None, other: float) -> float:
    return float(other if stated is None else stated)


def _on_grid(amounts: CapitalAmounts) -> float:
    """The amount there is, as near as the slider's steps come to it."""
    return round(amounts.held / amounts.step) * amounts.step


def _kept(*keys: str) -> None:
    """Keep what controls say that are not shown just now: else it would be forgotten."""
    for key in keys:
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def controls(rulebook: Rulebook, choices: Choices) -> Settings:
    """Draw the controls. Returns what they ask for."""
    _kept("multiple", "fund_size", "capital", "cover")
    stated = _event(choices) | _fund(rulebook, choices) | _capital(rulebook, choices)
    number = stated.pop("number")
    default = stated["fund_cover"] or rulebook.fund.cover
    return Settings(cover=None if stated["defaulters"] or number == default else number, **stated)


def _event(choices: Choices) -> dict[str, Any]:
    """Which scenario, how hard, and who defaults."""
    st.subheader("The event")
    scenario = st.selectbox(
        "Scenario", [WORST, *choices.scenarios], key="scenario", format_func=lambda one: _described(one, choices)
    )
    multiple = None
    if choices.multiples and st.toggle("Set the shock multiple", key="shock"):
        low, high, step = MULTIPLES
        high = max(high, st.session_state["multiple"])
        multiple = round(st.slider("Shock multiple", low, high, step=step, format="%.2f", key="multiple"), 6)
    groups = st.multiselect("Groups that default", choices.groups, key="defaulters", placeholder="the largest losses")
    number = None
    if not groups:
        number = st.number_input("How many default", 1, len(choices.groups), key="cover")
    return {
        "scenario": None if scenario == WORST else scenario,
        "multiple": multiple,
        "defaulters": tuple(groups) or None,
        "number": number,
    }


def _described(scenario: str, choices: Choices) -> str:
    words = choices.scenarios.get(scenario, "")
    return f"{scenario}: {words}" if words and words != scenario else scenario


def _fund(rulebook: Rulebook, choices: Choices) -> dict[str, Any]:
    """How large the fund is."""
    st.subheader("The fund")
    fixed = st.toggle("Set its size", key="fix_fund", help="Otherwise it is what the rules require, or what is posted.")
    size = _money(f"Size of the fund, {rulebook.currency}", "fund_size", choices.fund) if fixed else None
    most = len(choices.groups)
    cover = int(st.number_input("Cover: how many of the largest groups", 1, most, key="fund_cover"))
    buffer = st.slider(
        "Buffer on top, %", 0.0, max(100.0, st.session_state["fund_buffer"]), step=1.0, format="%g", key="fund_buffer"
    )
    share = round(buffer / 100, 12)
    return {
        "fund_size": size,
        "fund_cover": None if cover == rulebook.fund.cover else cover,
        "fund_buffer": None if abs(share - rulebook.fund.buffer) < 1e-9 else share,
    }


def _capital(rulebook: Rulebook, choices: Choices) -> dict[str, Any]:
    """How much of its own the clearing house puts in, and where it stands."""
    st.subheader("Skin in the game")
    fixed = st.toggle(
        "Set its amount",
        key="fix_capital",
        help="The clearing house's own money: one tranche in place of all that the rulebook has.",
    )
    amount = _money(f"Skin in the game, {rulebook.currency}", "capital", choices.capital) if fixed else None
    place = None
    if fixed or choices.place is not None:
        places: list[Any] = [AS_IS, *choices.places]
        chosen = st.selectbox("Its place", places, key="place", format_func=lambda one: _place_in_words(one, choices))
        place = None if chosen == AS_IS else chosen
    return {"capital": amount, "capital_place": place}


def _place_in_words(place: Any, choices: Choices) -> str:
    if place != AS_IS:
        return choices.places[place]
    return f"as it stands: {choices.places[choices.place]}" if choices.place in choices.places else AS_IS


def _money(label: str, key: str, amounts: CapitalAmounts) -> float:
    """A slider of money, in round steps."""
    most = max(amounts.most, st.session_state[key])
    return float(st.slider(label, 0.0, most, step=amounts.step, format="%,.0f", key=key))
