"""Windows of the history where books of a set are sold together: against every window as a scenario of its own."""

from dataclasses import replace

import numpy as np
import pytest
from support.case_files import write_case
from support.random_books import random_case

import ccp.sizing.joint_windows as module
from ccp.api.inputs import open_inputs
from ccp.market.case import Case
from ccp.pricing.horizon import case_scenarios, case_windows
from ccp.scenarios.kept import KeptScenarios
from ccp.scenarios.scenario_set import joined
from ccp.sizing.cover import cover_numbers
from ccp.sizing.figures import coverage_figures
from ccp.sizing.joint_windows import Everywhere, with_joint_worst
from ccp.sizing.notes import search_notes
from ccp.sizing.size import Sized, size_fund
from ccp.sizing.windows import counted_of, measured_case, screen, views_of
from ccp.stress.measure import Measured, measure
from ccp.stress.more_scenarios import measure_in
from ccp.stress.windows import window_model

SEEDS = range(5)
CLOSE_OUT = {"method": "gradual", "participation": 0.25, "impact": 2.0, "holding": 3.0}


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
    said = list(search_notes(few))
    assert bool(said) == bool(few.measured.left)
