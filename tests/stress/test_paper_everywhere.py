"""What groups lose more for one another's paper in every window: against sets valued in every window one by one."""

from itertools import permutations

import numpy as np
import pytest
from support.case_files import write_case
from support.random_books import random_case

from ccp.api.inputs import open_inputs
from ccp.market.case import Case
from ccp.pricing.horizon import case_windows
from ccp.sizing.joint_windows import Everywhere
from ccp.sizing.windows import candidate_losses, counted_of
from ccp.stress.joint_losses import JointLosses
from ccp.stress.measure import Measured, measure
from ccp.stress.windows import window_model
from ccp.types import Cents


@pytest.fixture(scope="module", params=range(5), ids=lambda seed: f"book{seed}")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A random book of paper of its own groups, sold at once: sets lose more for that paper alone."""
    seed = request.param
    drawn = random_case(seed)
    drawn.rules["stress"] = drawn.rules["stress"] | {"historical": {"all": True}, "hypothetical": []}
    drawn.rules["stress"].pop("single_names", None)
    drawn.rules["stress"]["house_surplus_covers_clients"] = bool(seed % 2)
    drawn.rules["stress"]["own_paper"] = {"recovery": 0.2 * (seed % 3)}
    drawn.rules["close_out"] = {"method": "instant"}
    rng = np.random.default_rng(seed)
    for row in drawn.book["instruments"]:
        row["issuer_id"] = rng.choice([one.get("group_id") or one["member_id"] for one in drawn.book["members"]])
    arguments = write_case(drawn._replace(given=None), seed, tmp_path_factory.mktemp("case"))
    return open_inputs(arguments["book"], arguments["rulebook"], arguments["market"], arguments.get("day"))


@pytest.fixture(scope="module")
def known(case: Case) -> tuple[Measured, Measured]:
    """The book run through the windows, and with every window a scenario."""
    every = case_windows(case)
    assert every is not None
    first = measure(case, every.only(np.arange(1)), windows=window_model(case))
    return first, measure(case, every)


def bounds_of(first: Measured, whole: Measured, supplementary: Cents | None = None) -> tuple[Everywhere, JointLosses]:
    assert first.windows is not None
    losses = whole.losses
    assert isinstance(losses, JointLosses), "nobody holds paper of another group"
    everywhere = Everywhere(first.windows, first.model.rows, first.found.windows, counted_of(first))
    return everywhere, losses if supplementary is None else losses.less(supplementary, first.roster)


@pytest.mark.parametrize("supplementary", [None, 1_000_00])
def test_a_pair_loses_what_it_is_said_to_lose_more_in_every_window(
    known: tuple[Measured, Measured], supplementary: int | None
) -> None:
    first, whole = known
    spare = None if supplementary is None else np.full(len(first.roster.members), supplementary, dtype=np.int64)
    everywhere, losses = bounds_of(first, whole, spare)
    own = candidate_losses(first)[first.model.way]
    own = own if spare is None else own.less(spare, first.roster)
    bounds = everywhere.view(losses, own, first.model.way).bounds
    assert bounds is not None
    assert bounds.paper is not None
    pairs = bounds.paper(1)
    for group, issuer in permutations(range(len(first.portfolio.groups)), 2):
        column = np.flatnonzero(pairs.paper.issuers == issuer)
        holds = bool(column.size and pairs.paper.holds[group, column[0]])
        said = pairs.of_issuer(int(column[0]))[group] if holds else np.zeros(whole.scenarios.count, dtype=np.int64)
        rounding = int(pairs.paper.accounts[group]) + 1
        for scenario in range(whole.scenarios.count):
            together, _ = losses.of_groups(scenario, (group, issuer))
            more = int(together) - int(losses.group_over_margin[group, scenario])
            assert more <= said[scenario]
            assert said[scenario] <= max(more, 0) + 2 * rounding


def test_no_set_of_three_loses_more_than_its_pairs(known: tuple[Measured, Measured]) -> None:
    first, whole = known
    everywhere, losses = bounds_of(first, whole)
    own = candidate_losses(first)[first.model.way]
    bounds = everywhere.view(losses, own, first.model.way).bounds
    assert bounds is not None
    most = bounds.most_of_sets(own.group_over_margin, 3)
    rng = np.random.default_rng(0)
    for scenario in rng.choice(whole.scenarios.count, min(12, whole.scenarios.count), replace=False).tolist():
        at = bounds.at(scenario, 3)
        for groups in {tuple(sorted(some)) for some in permutations(range(len(first.portfolio.groups)), 3)}:
            found = int(losses.of_groups(scenario, groups).sum())
            alone = int(own.group_over_margin[list(groups), scenario].sum())
            assert found <= alone + at.more(groups)
            assert found <= most[scenario]
