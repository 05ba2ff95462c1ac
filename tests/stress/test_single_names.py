"""Single-name gaps: one pass over what is held against columns of the cube, and against hand computation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.case_files import write_case
from support.random_books import random_case

from ccp.api.inputs import open_inputs
from ccp.kernels.engine.numba_door import use_threads
from ccp.margin.collateral import holdings
from ccp.market.case import Case
from ccp.pricing.horizon import case_scenarios
from ccp.scenarios.kept import KeptScenarios
from ccp.scenarios.scenario_set import ScenarioSet, joined
from ccp.sizing.size import size_fund
from ccp.sizing.windows import measured_case, with_windows
from ccp.stress.measure import Measured, measure, measure_parts
from ccp.stress.parts import InTurn, PartTask, engine_model
from ccp.stress.windows import WindowModel, window_model

SEEDS = range(12)
NAMES = {"sizes": [0.3, 0.1], "multiples_of_own_worst": [1.0, 1.5], "volatility_per_rise": -0.5}


def random_case_of(seed: int, folder: Path) -> Case:
    """Every second book with windows beside, every third with collateral that moves, if it has any."""
    drawn = random_case(seed)
    stress = drawn.rules["stress"]
    stress["single_names"] = dict(NAMES)
    stress["historical"] = {"all": True} if seed % 2 else {"worst": 2}
    if seed % 3 == 0:
        drawn.rules.setdefault("collateral", {})["stress"] = "scenario"
    arguments = write_case(drawn._replace(given=None), seed, folder)
    return open_inputs(arguments["book"], arguments["rulebook"], arguments["market"], arguments.get("day"))


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"book{seed}")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return random_case_of(request.param, tmp_path_factory.mktemp("case"))


def model_of(case: Case) -> WindowModel:
    model = window_model(case)
    assert model is not None
    return model


def columns_of(case: Case, model: WindowModel) -> ScenarioSet:
    """The candidates as the scenarios that they would be if they were kept."""
    assert model.names is not None
    names, pairs = model.names.names, model.names.candidates
    every = case_scenarios(case, kept=KeptScenarios(single_names=frozenset(names.way(one) for one in pairs)))
    place = {name: number for number, name in enumerate(every.ids)}
    return every.only(np.array([place[names.label(*one).scenario_id] for one in pairs]))


def test_one_pass_finds_what_columns_of_the_cube_would(case: Case) -> None:
    """To the cent, by every way of counting margin and with collateral that moves."""
    model = model_of(case)
    once, columns = (
        measure(case, case_scenarios(case), None, one).found.windows
        for one in (model, replace(model, candidates=columns_of(case, model), names=None))
    )
    assert once.keys() == columns.keys()
    for way, sums in once.items():
        for one, other in zip(sums, columns[way], strict=True):
            assert np.array_equal(one[:, model.candidates.count :], other)
            assert other.shape[1] > 20


def in_all_names(case: Case) -> Measured:
    """The book measured as if every candidate were a scenario."""
    model = model_of(case)
    known = case_scenarios(case, kept=with_windows(measure(case, case_scenarios(case), None, model)).screened.kept)
    columns = columns_of(case, model)
    fresh = [place for place, name in enumerate(columns.ids) if name not in known.ids]
    return measure(case, joined([known, columns.only(np.array(fresh, dtype=np.int64))]))


def test_every_figure_that_sizes_is_that_of_all_candidates(case: Case) -> None:
    screened, whole = size_fund(measured_case(case)), size_fund(in_all_names(case))
    for number, cover in whole.covers.items():
        assert screened.covers[number].amount == cover.amount
    assert screened.emir.amount == whole.emir.amount
    assert screened.required == whole.required
    assert int(screened.coverage.uncovered[screened.counted].max()) == int(whole.coverage.uncovered[whole.counted].max())
    for name in ("over_margin", "group_over_margin"):
        few, every = getattr(screened.losses, name), getattr(whole.losses, name)
        assert few[:, screened.counted].max(axis=1).tolist() == every[:, whole.counted].max(axis=1).tolist()


def test_slices_threads_and_parts_change_nothing(case: Case) -> None:
    model = model_of(case)
    whole = with_windows(measure(case, case_scenarios(case), None, model))
    for width, threads in ((32, 1), (100, 2)):
        before = use_threads(None)
        use_threads(threads)
        parted = in_parts(case, replace(model, slice_=width))
        use_threads(before)
        for way, sums in whole.found.windows.items():
            for one, other in zip(sums, parted.found.windows[way], strict=True):
                assert np.array_equal(one, other)
        assert parted.scenarios.ids == whole.scenarios.ids
        assert np.array_equal(parted.losses.over_margin, whole.losses.over_margin)
        assert parted.screened is not None
        assert whole.screened is not None
        assert parted.screened.single_names == whole.screened.single_names


def in_parts(case: Case, model: WindowModel) -> Measured:
    """Every pool a part of its own."""
    engine, lines, portfolio = engine_model(case, case_scenarios(case), model), holdings(case), case.portfolio
    pools = [np.array([pool]) for pool in range(len(portfolio.pools))]
    tasks = [PartTask(portfolio.part(some), None if lines is None else lines.of_pools(some)) for some in pools]
    return with_windows(measure_parts(case, engine, tasks, InTurn()))
