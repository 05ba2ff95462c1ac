"""Windows of the history where books of a set are sold together: against every window as a scenario of its own."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support.case_files import write_case
from support.random_books import random_case

import ccp.sizing.joint_windows as module
from ccp.api.inputs import open_inputs
from ccp.api.run_manifest import windows_of_run
from ccp.market.case import Case
from ccp.pricing.horizon import case_scenarios, case_windows
from ccp.scenarios.kept import KeptScenarios
from ccp.scenarios.scenario_set import joined
from ccp.sizing.cover import cover_numbers
from ccp.sizing.figures import coverage_figures
from ccp.sizing.joint_windows import Everywhere, with_joint_worst
from ccp.sizing.notes import search_notes
from ccp.sizing.results import losses_table, scenarios_table
from ccp.sizing.size import Sized, size_fund
from ccp.sizing.windows import counted_of, measured_case, screen, views_of
from ccp.sizing.windows_table import windows_table
from ccp.stress.measure import Measured, measure
from ccp.stress.more_scenarios import measure_in
from ccp.stress.windows import window_model

SEEDS = range(5)
CLOSE_OUT = {"method": "gradual", "participation": 0.25, "impact": 2.0, "holding": 3.0}


@pytest.fixture(autouse=True)
def every_window_may_be_valued(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Books that take many days to sell leave hundreds of windows to look at: here to the end. In every other book they
    are bounded with margin counted, however few they are."""
    monkeypatch.setattr(module, "MOST_VALUED", 10_000)
    if request.node.callspec.params["case"] in (0, 3, 4):
        monkeypatch.setattr(module, "FEW", 0)


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"book{seed}")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A random book that takes days to sell, so that sets lose more, or less, than their groups one by one; every other
    one of paper of its own groups."""
    seed = request.param
    drawn = random_case(seed)
    drawn.rules["stress"] = drawn.rules["stress"] | {"historical": {"all": True}, "hypothetical": []}
    drawn.rules["stress"].pop("single_names", None)
    drawn.rules["close_out"] = CLOSE_OUT
    drawn.rules["fund"]["cover"] = 2 + seed % 2
    rng = np.random.default_rng(seed)
    for row in drawn.book["instruments"]:
        row["average_daily_volume"] = float(rng.choice([2.0, 20.0, 200.0]))
        row["issuer_id"] = (
            rng.choice([one.get("group_id") or one["member_id"] for one in drawn.book["members"]]) if seed % 2 else None
        )
    arguments = write_case(drawn._replace(given=None), seed, tmp_path_factory.mktemp("case"))
    return open_inputs(arguments["book"], arguments["rulebook"], arguments["market"], arguments.get("day"))


@pytest.fixture(scope="module")
def whole(case: Case) -> Sized:
    """The fund when every window is a scenario."""
    every = case_windows(case)
    assert every is not None
    return size_fund(measure(case, joined([every, case_scenarios(case)])))


def test_the_fund_is_that_of_all_windows(case: Case, whole: Sized) -> None:
    screened = size_fund(measured_case(case))
    for number, cover in whole.covers.items():
        assert screened.covers[number].amount == cover.amount
        assert screened.covers[number].proved
    assert screened.emir.amount == whole.emir.amount
    assert (screened.fund, screened.required) == (whole.fund, whole.required)
    assert worst_uncovered(screened) == worst_uncovered(whole)
    few, all_ = (coverage_figures(one) for one in (screened, whole))
    required = "sizing_scenarios_if_required_fund_is_posted"
    assert few["coverage_test"][required]["uncovered"] == all_["coverage_test"][required]["uncovered"]
    assert few["cover_n_by_margin_counted"] == all_["cover_n_by_margin_counted"]


def worst_uncovered(sized: Sized) -> int:
    return int(sized.coverage.uncovered[sized.counted].max())


def from_the_first_window(case: Case) -> Sized:
    """The fund when nothing but the first window is kept to begin with, whatever anybody loses in it."""
    measured = measure(case, case_scenarios(case), windows=window_model(case))
    assert measured.windows is not None
    everywhere = Everywhere(measured.windows, measured.model.rows, measured.found.windows, counted_of(measured))
    first = replace(screen(measured, measured.windows), why={0: [("first", "")]})

    def run(kept: KeptScenarios) -> Measured:
        return measure_in(measured, case, case_scenarios(case, kept=kept))

    found, screened = with_joint_worst(first, run, lambda kept: views_of(measured, kept, everywhere))
    return size_fund(replace(found, screened=screened))


def test_windows_that_may_be_worse_are_found_whatever_is_kept_before(case: Case, whole: Sized) -> None:
    few = from_the_first_window(case)
    assert few.measured.scenarios.count < whole.measured.scenarios.count
    for number in cover_numbers(whole.cover_count)[1:]:
        assert few.covers[number].amount == whole.covers[number].amount
        assert few.covers[number].proved
    assert few.emir.amount == whole.emir.amount
    if few.required == whole.required:
        assert worst_uncovered(few) == worst_uncovered(whole)


def test_what_was_not_looked_at_is_bounded(case: Case, whole: Sized, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no further window is measured the fund takes no less than it would with all, and says that it is not
    proved."""
    monkeypatch.setattr(module, "MOST_FURTHER", 0)
    few = from_the_first_window(case)
    for number in cover_numbers(whole.cover_count)[1:]:
        assert few.covers[number].found <= whole.covers[number].amount <= few.covers[number].amount
        assert few.covers[number].proved == (few.covers[number].found == few.covers[number].amount)
    assert few.emir.amount >= whole.emir.amount
    every = case_windows(case)
    assert every is not None
    figures = {name: one for name, one in few.figures.items() if one.open_windows and not one.proved}
    said = {one.sentence.split(" is not proved")[0]: one for one in search_notes(few) if one.id == "windows_not_proved"}
    assert sorted(said) == sorted(figures)
    for name, one in figures.items():
        assert 0 < said[name].have == one.open_windows <= said[name].of == every.count
        ends = (f"{abs(amount) / 10**few.digits:,.{few.digits}f}" for amount in (one.found, one.amount))
        assert all(end in said[name].sentence for end in ends)
    left = few.measured.left.values()
    told = windows_of_run(few.measured)["windows"]["not_proved"]
    assert told == max((one.windows for one in left), default=0)
    assert bool(told) == bool(left)


def test_a_bound_of_windows_left_out_stands_on_no_row(
    case: Case, whole: Sized, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are of scenarios, each searched to its end: what they say is what they say when every window is one."""
    monkeypatch.setattr(module, "MOST_FURTHER", 0)
    few = from_the_first_window(case)
    rows, right = (scenarios_table(one).drop("uncovered", "uncovered_groups") for one in (few, whole))
    assert rows["proved"].all()
    both = rows.join(right.select("scenario_id"), on="scenario_id", maintain_order="left")
    assert both.height
    assert_frame_equal(both, both.select("scenario_id").join(right, on="scenario_id", maintain_order="left"))
    for number, cover in few.covers.items():
        name = "cover_n" if number == few.cover_count else f"cover_{number}"
        row = rows.filter(pl.col("scenario_id") == few.scenarios.ids[cover.scenario])
        assert (
            round(row[name].item() * 10**few.digits)
            == cover.found
            == rows.filter("sizes_fund")[name].max() * 10**few.digits
        )


def test_windows_say_what_they_cost_as_scenarios_or_what_no_set_passes(case: Case, whole: Sized) -> None:
    """Every window is a scenario of `whole`, where each is searched for its worst set."""
    names = ["cover_1", "cover_2", "cover_n", "groups"]
    screened = size_fund(measured_case(case))
    windows = windows_table(screened)
    kept, left = windows.filter("kept"), windows.filter(~pl.col("kept"))
    of_scenarios = kept.select("scenario_id").join(
        scenarios_table(screened), on="scenario_id", how="left", maintain_order="left"
    )
    assert_frame_equal(kept.select(names), of_scenarios.select(names))
    assert kept["most_n"].to_list() == kept["cover_n"].to_list()
    right = left.join(scenarios_table(whole), on="scenario_id", suffix="_right", maintain_order="left")
    assert right.height == left.height
    assert (right["most_n"] >= right["cover_n_right"]).all()
    assert right["cover_1"].to_list() == right["cover_1_right"].to_list()
    single = (
        losses_table(whole).group_by("scenario_id").agg(pl.col("loss_over_margin").top_k(screened.cover_count).sum())
    )
    sums = left.join(single, on="scenario_id", maintain_order="left")
    assert np.allclose(sums["cover_n"], sums["loss_over_margin"], atol=0.001)
