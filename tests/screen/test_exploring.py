"""The screen: every control asks the explorer what it says, links restore it, what is saved gives the same again."""

import shlex
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest
from support import small_books as small
from support.changed_runs import ACCOUNTS, GROUPS, POSITIONS
from typer.testing import CliRunner, Result

import ccp
import ccp.screen
from ccp.api.explore import Explorer, explore_book
from ccp.api.explored import View
from ccp.api.settings import Settings
from ccp.cli.main import app
from ccp.report.words import exact_amount
from ccp.screen.choices import choices_of, known
from ccp.screen.link import query_of, settings_of
from ccp.screen.opened import Opened, hold
from ccp.screen.saving import EVENT, FILE, same_command, saved_rulebook

SCRIPT = str(Path(ccp.screen.__file__).with_name("app.py"))


@pytest.fixture(scope="module")
def explorer(small_book: Path) -> Explorer:
    return explore_book(small_book)


@pytest.fixture
def screen(explorer: Explorer, small_book: Path) -> AppTest:
    hold(Opened(explorer, small_book.name, (str(small_book),)))
    return AppTest.from_file(SCRIPT, default_timeout=60)


def check(screen: AppTest, view: View, before: View) -> None:
    """The page says what the explorer does, to the cent."""
    assert not screen.exception
    tables = "".join(one.proto.body for one in screen.get("html"))
    for tier in view.trace["tiers"]:
        assert f">{exact_amount(tier['paid'])}<" in tables
    for row in view.bills.join(before.bills, on="member_id", suffix="_before").iter_rows(named=True):
        cells = [exact_amount(row[name]) for name in ("contribution_before", "contribution", "bill_before", "bill")]
        assert "".join(f'<td class="figure">{cell}</td>' for cell in cells) in tables
    fund = view.coverage["fund"]
    assert f">{exact_amount(fund['required'])}<" in tables
    assert view.scenario_id in "".join(str(one.value) for one in screen.markdown).replace("\\", "")


def moved(screen: AppTest, explorer: Explorer, **stated: Any) -> None:
    view = explorer.view(Settings(**stated))
    check(screen, view, explorer.before(view))
    query = {name: screen.query_params[name] for name in screen.query_params}
    texts = {name: [value] if isinstance(value, str) else list(value) for name, value in query.items()}
    assert settings_of(texts) == (Settings(**stated), [])


def test_each_control_shows_what_the_explorer_says(screen: AppTest, explorer: Explorer) -> None:
    screen.run()
    moved(screen, explorer)
    screen.toggle(key="fix_fund").set_value(True).run()
    slider = screen.slider(key="fund_size")
    slider.set_value(slider.step * 30).run()
    moved(screen, explorer, fund_size=slider.step * 30)
    screen.toggle(key="fix_fund").set_value(False).run()
    screen.slider(key="fund_buffer").set_value(35.0).run()
    moved(screen, explorer, fund_buffer=0.35)
    screen.button[0].click().run()
    screen.number_input(key="fund_cover").set_value(3).run()
    screen.number_input(key="cover").set_value(1).run()
    moved(screen, explorer, fund_cover=3, cover=1)
    screen.button[0].click().run()
    moved(screen, explorer)


def test_event_and_capital(screen: AppTest, explorer: Explorer) -> None:
    scenario, groups = explorer.base.measured.scenarios.ids[3], list(explorer.base.plan.groups[1:3])
    screen.run()
    screen.selectbox(key="scenario").set_value(scenario).run()
    screen.multiselect(key="defaulters").set_value(groups).run()
    moved(screen, explorer, scenario=scenario, defaulters=tuple(groups))
    screen.toggle(key="fix_capital").set_value(True).run()
    screen.slider(key="capital").set_value(screen.slider(key="capital").step * 7).run()
    capital = screen.slider(key="capital").value
    screen.selectbox(key="place").set_value(3).run()
    stated = {"scenario": scenario, "defaulters": tuple(groups), "capital": capital, "capital_place": 3}
    moved(screen, explorer, **stated)
    screen.toggle(key="shock").set_value(True).run()
    screen.slider(key="multiple").set_value(1.7).run()
    moved(screen, explorer, **stated, multiple=1.7)
    screen.toggle(key="shock").set_value(False).run()
    moved(screen, explorer, **stated)


def test_a_link_restores_the_view(screen: AppTest, explorer: Explorer) -> None:
    stated = Settings(fund_size=12_345_678.9, capital_place=3, cover=1, multiple=1.25)
    for name, value in query_of(stated).items():
        screen.query_params[name] = value
    screen.run()
    moved(screen, explorer, **stated.model_dump(exclude_none=True))
    assert not screen.warning


def test_a_link_that_asks_for_what_is_not_there_says_so(screen: AppTest, explorer: Explorer) -> None:
    asked = {"scenario": "no such", "fund_cover": "many", "capital_place": "77", "other": "1", "fund_buffer": "0.2"}
    for name, value in asked.items():
        screen.query_params[name] = value
    screen.run()
    moved(screen, explorer, fund_buffer=0.2)
    (warning,) = screen.warning
    assert all(name in warning.value for name in asked if name != "fund_buffer")


def test_what_is_saved_gives_the_same_again(
    screen: AppTest, explorer: Explorer, small_book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = explorer.view(Settings(fund_size=9_999_999.99, capital=1e6, capital_place=3, multiple=1.7))
    held = Opened(explorer, small_book.name, (str(small_book),))
    (tmp_path / FILE).write_text(saved_rulebook(view, held), encoding="utf-8")
    assert (tmp_path / FILE).read_text().startswith("# Saved from the screen of ccp ")
    monkeypatch.chdir(tmp_path)  # the command is run as it is shown
    command = shlex.split(same_command(view, held))
    assert command[0] == "ccp"
    assert asked(*command[1:]).exit_code == 0
    amounts = pl.read_parquet(tmp_path / EVENT / "waterfall.parquet")["amount"]
    assert sum(round(amount * 100) for amount in amounts) == round(view.trace["loss"] * 100)
    event = ccp.default(small_book, tmp_path / FILE, view.scenario_id, view.defaulters)
    assert event.trace == view.trace


SETTINGS = st.builds(
    Settings,
    scenario=st.none() | st.text(min_size=1, max_size=8),
    multiple=st.none() | st.floats(0.01, 100),
    defaulters=st.none() | st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=3).map(tuple),
    cover=st.none() | st.integers(1, 1000),
    fund_cover=st.none() | st.integers(1, 1000),
    fund_buffer=st.none() | st.floats(0, 10),
    fund_size=st.none() | st.floats(0, 1e12),
    capital=st.none() | st.floats(0, 1e12),
    capital_place=st.none() | st.integers(0, 1000),
)


@given(SETTINGS)
def test_links_lose_nothing(settings: Settings) -> None:
    texts = {name: [one] if isinstance(one, str) else one for name, one in query_of(settings).items()}
    assert settings_of(texts) == (settings, [])


def test_posted_contributions_are_said_to_be_in_force() -> None:
    posted = dict.fromkeys([*{member for member, _, _ in ACCOUNTS.values()}, "DEALER"], 50.0)
    explorer = explore_book(small.book(POSITIONS, ACCOUNTS, GROUPS, posted), small.rulebook(), small.market())
    hold(Opened(explorer, "book", ("book",)))
    screen = AppTest.from_file(SCRIPT, default_timeout=60).run()
    assert not screen.exception
    assert "Members have posted" in screen.info[0].value
    screen.toggle(key="fix_fund").set_value(True).run()
    assert not screen.info
    assert known(Settings(multiple=2, cover=99), choices_of(explorer))[1] == ["cover"]


# --- the command ------------------------------------------------------------------------------------------------------


def asked(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_wrong_calls_are_told_at_once(small_book: Path, tmp_path: Path) -> None:
    run = ccp.size(small_book).write(tmp_path / "run")
    cases = {
        (str(tmp_path / "none"),): "no such directory",
        (str(tmp_path),): "error:",
        (str(run),): "size the book again with --base",
        (str(run), "--rulebook", "textbook/cover-one"): "a book was expected beside it",
        (str(run), "--market", "somewhere"): "a book was expected beside it",
        (str(small_book), "--rulebook", "none.yaml"): "cannot be read",
        (str(small_book), "--host", "no such host"): "--host, value 'no such host': a free port of this machine",
    }
    for words, expected in cases.items():
        found = asked("serve", *words, "--no-browser")
        assert found.exit_code == 2, words
        assert expected in found.stderr, words
        assert found.stderr.count("\n") == 1


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, small_book: Path) -> None:
    monkeypatch.setattr("ccp.cli.serve.NEEDED", ("no_such_library",))
    found = asked("serve", str(small_book))
    assert found.exit_code == 2
    assert (
        found.stderr == "error: ccp serve: the page's library is not installed: pip install 'ccp-waterfall[screen]'\n"
    )


def test_a_port_that_is_taken_is_refused(small_book: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        found = asked("serve", str(small_book), "--port", port, "--no-browser")
    assert found.exit_code == 2
    assert f"--port, value {port}: a free port" in found.stderr
