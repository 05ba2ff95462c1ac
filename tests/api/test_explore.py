"""`Explorer` against `default` and `size` under the rulebook that it saves: the same to the cent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st
from support import changed_books as books
from support import small_books as small
from support.case_files import write_scenarios
from support.changed_runs import ACCOUNTS, GROUPS, POSITIONS, texts
from support.digests import digests
from support.modes import PLAIN
from support.random_books import Row

import ccp
from ccp.api.default import DefaultEvent
from ccp.api.explore import Explorer, explore_book, explore_run
from ccp.api.explored import View
from ccp.api.settings import Settings
from ccp.errors import InputError
from ccp.money import minor_units
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.own_capital import first_place, other_tiers
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.written import rulebook_text

SEEDS = range(3)


class Opened(NamedTuple):
    """A random case held ready for questions, and what `default` and `size` take for it."""

    explorer: Explorer
    book: Any
    arguments: Row
    folder: Path
    sized: dict[str, ccp.Sizing]

    def size(self, rulebook: Rulebook) -> ccp.Sizing:
        """The run under the rulebook as it is saved: one for all events under the same rules."""
        text = saved(rulebook, self.folder).read_text(encoding="utf-8")
        if text not in self.sized:
            self.sized[text] = ccp.size(self.book, self.folder / "saved.yaml", **self.arguments)
        return self.sized[text]

    def default(self, rules: Rulebook | Path, view: View) -> DefaultEvent:
        return ccp.default(self.book, rules, view.scenario_id, view.defaulters, **self.arguments)


def saved(rulebook: Rulebook, folder: Path) -> Path:
    path = folder / "saved.yaml"
    path.write_text(rulebook_text(rulebook, ["saved"]), encoding="utf-8")
    return path


def check(opened: Opened, settings: Settings) -> View:
    """The answer is that of the commands, given the saved file."""
    view = opened.explorer.view(settings)
    sizing = opened.size(view.rulebook)
    trace, waterfall = story(opened, settings, view)
    assert json.dumps(view.trace) == json.dumps(trace)
    by_name = view.scenario_id not in sizing.tables["scenarios"]["scenario_id"].to_list()
    beyond = {"scenarios", "coverage_of_scenarios", "all_scenarios"} if by_name else set[str]()  # it is one more there
    found, expected = ({key: one[key] for key in one.keys() - beyond} for one in (view.coverage, sizing.coverage))
    assert json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)
    assert view.contributions.equals(sizing.tables["contributions"])
    check_bills(view, waterfall)
    return view


def story(opened: Opened, settings: Settings, view: View) -> tuple[Row, pl.DataFrame]:
    """The event as the commands tell it: where none is asked for it is the one that sizes the fund, of which `size` has
    told already."""
    sizing = opened.size(view.rulebook)
    if settings.event == Settings():
        rows = (pl.col("scenario_id") == view.scenario_id) & (pl.col("defaulters") == "+".join(view.defaulters))
        return sizing.worst_event, sizing.tables["waterfall"].filter(rows)
    event = opened.default(saved(view.rulebook, opened.folder), view)
    return event.trace, event.waterfall


def check_bills(view: View, waterfall: pl.DataFrame) -> None:
    """Bills are what the waterfall's rows say of each member, and with those of others add up to the loss."""
    unit, tiers = minor_units(view.rulebook.currency_digits), waterfall.filter(pl.col("tier") != "uncovered")
    by_member = dict.fromkeys(view.bills["member_id"], 0)
    for row in tiers.iter_rows(named=True):
        if row["member_id"] is not None:
            by_member[row["member_id"]] += round(row["amount"] * unit)
    found = {row["member_id"]: row for row in view.bills.iter_rows(named=True)}
    assert {name: round(row["bill"] * unit) for name, row in found.items()} == by_member
    parts = ("margin", "fund", "assessments", "voluntary", "haircuts")
    assert all(sum(round(row[part] * unit) for part in parts) == by_member[name] for name, row in found.items())
    others = sum(round(row["amount"] * unit) for row in waterfall.filter(pl.col("member_id").is_null()).to_dicts())
    assert sum(by_member.values()) + others == round(view.trace["loss"] * unit)
    defaulting = {name for name, row in found.items() if row["group_id"] in view.defaulters}
    assert {name for name, row in found.items() if row["defaults"]} == defaulting


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"book{seed}")
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    case, folder = books.dressed_case(request.param), tmp_path_factory.mktemp("opened")
    given = None if case.given is None else write_scenarios(case.given, folder / "own scenarios", "csv")
    book, rules = books.book_of(case.book), books.rules_of(case.rules)
    arguments = {"market": books.market_of(case.market), "day": case.day, "scenarios": given}
    return Opened(explore_book(book, rules, **arguments), book, arguments, folder, {})


# --- the answer is that of the commands -------------------------------------------------------------------------------


def test_without_settings_it_is_the_run(opened: Opened) -> None:
    view = check(opened, Settings())
    assert view.rulebook is opened.explorer.rulebook
    event = opened.default(view.rulebook, view)
    assert json.dumps(view.trace) == json.dumps(event.trace)
    check_bills(view, event.waterfall)


@pytest.mark.parametrize(
    "settings",
    [
        {"cover": 1},
        {"fund_cover": 3, "fund_buffer": 0.25},
        {"fund_size": 123_456.78},
        {"fund_size": 0, "cover": 2},
        {"capital": 7777.77},
        {"capital": 0},
        {"fund_cover": 1, "fund_size": 1e6, "capital": 50_000},
    ],
    ids=str,
)
def test_rules_and_defaulters(opened: Opened, settings: Row) -> None:
    if settings.get("cover", 1) > len(opened.explorer.base.plan.groups):
        pytest.skip("fewer groups")
    view = check(opened, Settings(**settings))
    own = opened.explorer.rulebook
    same = view.rulebook.model_copy(update={"name": own.name}) == own
    assert view.rulebook.name == (own.name if same else "Random, changed")
    assert same or set(settings) != {"cover"}


def test_every_place_of_the_capital(opened: Opened) -> None:
    rules = opened.explorer.rulebook
    for place in range(first_place(rules), len(other_tiers(rules)) + 1):
        check(opened, Settings(capital=3210.99, capital_place=place))
    check(opened, Settings(capital_place=first_place(rules)))


def test_named_events(opened: Opened) -> None:
    ids, groups = opened.explorer.base.measured.scenarios.ids, opened.explorer.base.plan.groups
    for number, scenario in enumerate(ids[:: max(len(ids) // 3, 1)]):
        view = check(opened, Settings(scenario=scenario, defaulters=(groups[number % len(groups)],), fund_size=5e4))
        assert (view.scenario_id, view.defaulters) == (scenario, (groups[number % len(groups)],))


@pytest.mark.parametrize("multiple", [0.6, 2, 4.25])  # a smaller shock, one the rules may have, one they have not
def test_another_multiple_of_the_shock(opened: Opened, multiple: float) -> None:
    """Also of a scenario that has a multiple of its own, and beside a change of the rules."""
    if opened.explorer.given:
        with pytest.raises(InputError, match="run as they stand"):
            opened.explorer.view(Settings(multiple=multiple))
        return
    view = check(opened, Settings(multiple=multiple))
    assert view.scenario_id.endswith(f"@{multiple:g}x")
    scenario = opened.explorer.base.measured.scenarios.ids[-1]
    again = check(opened, Settings(scenario=scenario, multiple=multiple, fund_cover=1, capital=99.5))
    assert again.scenario_id == f"{scenario.split('@')[0]}@{multiple:g}x"


def test_what_is_measured_at_another_multiple_is_the_book_sized_anew(opened: Opened) -> None:
    """Not in the event alone: every figure of every scenario."""
    from ccp.api.size import sizing_of

    if opened.explorer.given:
        pytest.skip("scenarios of a file have no multiples")
    view = opened.explorer.view(Settings(multiple=1.25))
    expected = opened.size(view.rulebook)
    found = sizing_of(view.sized, expected.manifest, expected.notes)
    assert texts(found) == texts(expected)


def test_the_event_before_is_under_the_rules_of_the_run(opened: Opened) -> None:
    explorer, groups = opened.explorer, opened.explorer.base.plan.groups
    settings = Settings(defaulters=tuple(groups[-2:]), fund_size=1e5, capital=1.0, fund_cover=1)
    before = explorer.before(explorer.view(settings))
    event = opened.default(explorer.rulebook, before)
    assert json.dumps(before.trace) == json.dumps(event.trace)
    assert before.coverage == explorer.run.coverage
    check_bills(before, event.waterfall)


def test_an_event_at_another_multiple_meets_the_fund_of_the_run(opened: Opened) -> None:
    if opened.explorer.given:
        pytest.skip("scenarios of a file have no multiples")
    view = opened.explorer.view(Settings(multiple=3.3, fund_size=7e5))
    before = opened.explorer.before(view)
    assert before.trace["loss"] == view.trace["loss"]
    assert before.bills["contribution"].equals(opened.explorer.run.bills["contribution"])
    assert (before.scenario_id, before.defaulters) == (view.scenario_id, view.defaulters)


# --- a small book, any settings ---------------------------------------------------------------------------------------

STATED = {"A": 100.0, "B": 200.0, "D": 300.0, "DEALER": 400.0}


@pytest.fixture(scope="module", params=[None, STATED], ids=["required", "posted"])
def hand_made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """A book with and without stated contributions under the fullest rules."""
    folder = tmp_path_factory.mktemp("hand made")
    book = small.book(POSITIONS, ACCOUNTS, GROUPS, request.param)
    rules = small.rulebook(tiers=books.FULL_TIERS, stress={"multiples": [1, 2]})
    arguments: Row = {"market": small.market()}
    return Opened(explore_book(book, rules, **arguments), book, arguments, folder, {})


def amounts(most: int) -> st.SearchStrategy[float | None]:
    return st.none() | st.integers(0, most * 100).map(lambda cents: cents / 100)


SETTINGS = st.fixed_dictionaries(
    {
        "scenario": st.sampled_from([None, "market down 20%", "market up 50%", "market down 50%@2x"]),
        "multiple": st.none() | st.integers(1, 60).map(lambda tenths: tenths / 10),
        "fund_cover": st.none() | st.integers(1, 4),
        "fund_buffer": st.none() | st.integers(0, 100).map(lambda share: share / 100),
        "fund_size": amounts(20_000),
        "capital": amounts(5000),
        "capital_place": st.none() | st.integers(2, 10),
    }
)
SETS = st.one_of(
    st.just({}),
    st.integers(1, 3).map(lambda cover: {"cover": cover}),
    st.sets(st.sampled_from(sorted({*GROUPS.values(), "DEALER"})), min_size=1).map(lambda names: {"defaulters": names}),
)


@limited(max_examples=15 if PLAIN else 30)
@given(SETTINGS, SETS)
def test_any_settings(hand_made: Opened, settings: Row, who: Row) -> None:
    sets: Row = {name: tuple(sorted(value)) if name == "defaulters" else value for name, value in who.items()}
    check(hand_made, Settings(**settings, **sets))


def test_a_fixed_fund_is_in_force_in_place_of_what_is_posted(hand_made: Opened) -> None:
    view = hand_made.explorer.view(Settings(fund_size=12_345.67))
    assert sum(round(amount * 100) for amount in view.bills["contribution"]) == 1_234_567
    assert view.coverage["fund"]["in_force"] == "required"


# --- runs -------------------------------------------------------------------------------------------------------------


def test_a_run_answers_as_its_book_does_and_is_not_written_to(opened: Opened, tmp_path: Path) -> None:
    rules = opened.explorer.rulebook
    run = ccp.size(opened.book, rules, **opened.arguments, base=True).write(tmp_path / "run")
    before, explorer = digests(run), explore_run(run)
    assert explorer.given == opened.explorer.given
    multiples: list[Row] = [] if explorer.given else [{"multiple": 1.7}, {"multiple": 1.7, "fund_size": 1e5}]
    rules_alone: list[Row] = [{}, {"fund_cover": 1, "capital": 10.0}, {"cover": 1, "capital_place": 2}]
    for settings in rules_alone + multiples:
        one, other = explorer.view(Settings(**settings)), opened.explorer.view(Settings(**settings))
        assert json.dumps(one.trace) == json.dumps(other.trace)
        assert json.dumps(one.coverage) == json.dumps(other.coverage)
        assert one.bills.equals(other.bills)
    assert digests(run) == before


def test_runs_that_keep_nothing_and_what_is_no_run_are_refused(small_book: Path, tmp_path: Path) -> None:
    plain = ccp.size(small_book).write(tmp_path / "plain")
    for path, expected in ((plain, "`base`"), (small_book, "ccp size"), (tmp_path / "none", "no such directory")):
        with pytest.raises(InputError, match=expected):
            explore_run(path)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"scenario": "the end"}, "no such scenario"),
        ({"scenario": "the end", "multiple": 2.5}, "no such scenario"),
        ({"defaulters": ("nobody",)}, "no such group"),
        ({"cover": 99}, "as many as there are groups"),
        ({"cover": 1, "defaulters": ("G",)}, "not both"),
        ({"capital_place": 1}, "2 to 10 was expected"),
        ({"capital_place": 11, "capital": 5}, "2 to 10 was expected"),
    ],
    ids=str,
)
def test_settings_that_fit_no_event_are_refused(hand_made: Opened, settings: Row, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        hand_made.explorer.view(Settings(**settings))


def test_answers_are_kept_and_a_multiple_is_measured_once(hand_made: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    import ccp.api.explore as module

    explorer = Explorer(hand_made.explorer.base.measured)
    calls, real = [], module.measure_in
    monkeypatch.setattr(module, "measure_in", lambda *given: calls.append(1) or real(*given))
    first = explorer.view(Settings(multiple=1.3))
    assert explorer.view(Settings(multiple=1.3)) is first
    explorer.view(Settings(multiple=1.3, fund_size=5.0))
    explorer.view(Settings(multiple=2))  # among the run's own
    assert len(calls) == 1


def test_textbook_capital_last_is_cover_two_with_its_capital_moved(small_book: Path) -> None:
    explorer = explore_book(small_book, "textbook/cover-two")
    other = explore_book(small_book, "textbook/capital-last")
    found, expected = explorer.view(Settings(capital_place=3)), other.run
    assert found.rulebook.tiers == load_rulebook("textbook/capital-last").tiers
    assert found.bills.equals(expected.bills)
    assert found.trace["tiers"] == expected.trace["tiers"]
