"""What sets of groups lose at most, sold together, in every window: against sets valued in every window one by one."""

from itertools import combinations

import numpy as np
import pytest
from support.case_files import write_case
from support.random_books import random_case

from ccp.api.inputs import open_inputs
from ccp.market.case import Case
from ccp.pricing.horizon import case_windows
from ccp.sizing.joint_windows import Everywhere, LossView
from ccp.sizing.windows import candidate_losses, counted_of
from ccp.sizing.worst_set import as_it_is
from ccp.stress.joint_losses import JointLosses
from ccp.stress.measure import Measured, measure
from ccp.stress.windows import window_model
from ccp.types import Cents

WINDOWS = 40


@pytest.fixture(scope="module", params=range(6), ids=lambda seed: f"book{seed}")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A random book that takes days to sell; every other one of paper of its own groups."""
    seed = request.param
    drawn = random_case(seed)
    drawn.rules["stress"] = drawn.rules["stress"] | {"historical": {"all": True}, "hypothetical": []}
    drawn.rules["stress"].pop("single_names", None)
    drawn.rules["stress"]["house_surplus_covers_clients"] = seed % 3 == 0
    drawn.rules["close_out"] = {"method": "gradual", "participation": 0.25, "impact": 2.0, "holding": 3.0}
    rng = np.random.default_rng(seed)
    issuers = [one.get("group_id") or one["member_id"] for one in drawn.book["members"]]
    for row in drawn.book["instruments"]:
        row["average_daily_volume"] = float(rng.choice([2.0, 20.0, 200.0]))
        row["issuer_id"] = rng.choice(issuers) if seed % 2 else None
    arguments = write_case(drawn._replace(given=None), seed, tmp_path_factory.mktemp("case"))
    return open_inputs(arguments["book"], arguments["rulebook"], arguments["market"], arguments.get("day"))


@pytest.fixture(scope="module")
def known(case: Case) -> tuple[Measured, Measured]:
    """The book run through the windows, and with every window a scenario."""
    every = case_windows(case)
    assert every is not None
    return measure(case, every.only(np.arange(1)), windows=window_model(case)), measure(case, every)


def seen(known: tuple[Measured, Measured], supplementary: Cents | None) -> tuple[LossView, JointLosses]:
    first, whole = known
    assert first.windows is not None
    losses = whole.losses
    assert isinstance(losses, JointLosses), "nothing is sold at a cost"
    own = candidate_losses(first)[first.model.way]
    if supplementary is not None:
        losses, own = losses.less(supplementary, first.roster), own.less(supplementary, first.roster)
    everywhere = Everywhere(first.windows, first.model.rows, first.found.windows, counted_of(first))
    return everywhere.view(losses, own, first.model.way), losses


@pytest.mark.parametrize("supplementary", [None, 1_000_00])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_set_loses_more_than_its_groups_at_their_dearest(
    known: tuple[Measured, Measured], count: int, supplementary: int | None
) -> None:
    first, whole = known
    spare = None if supplementary is None else np.full(len(first.roster.members), supplementary, dtype=np.int64)
    view, losses = seen(known, spare)
    counts = as_it_is(len(first.portfolio.groups))
    most = view.closer(count, counts)
    rng = np.random.default_rng(count)
    some = rng.choice(whole.scenarios.count, min(WINDOWS, whole.scenarios.count), replace=False).tolist()
    for groups in combinations(range(len(first.portfolio.groups)), count):
        for scenario in some:
            assert losses.of_groups(scenario, groups).sum() <= most[scenario]


def test_margin_pays_for_what_selling_costs_before_it_counts(known: tuple[Measured, Measured]) -> None:
    """Beside the bound that adds the whole cost of selling to what is over margin: never above it where nobody holds
    paper of others, and below it where margin is left."""
    view, _ = seen(known, None)
    assert view.bounds is not None
    if view.bounds.paper is not None:
        pytest.skip("beside paper of others neither bound is always the closer one")
    counts = as_it_is(len(view.every.group_over_margin))
    plain = view.bounds.most_of_sets(view.every.group_over_margin, 2, counts)
    closer = view.closer(2, counts)
    assert (closer <= plain).all()
    calm = view.every.group_over_margin.sum(axis=0) == 0
    assert not calm.any() or (closer[calm] < plain[calm]).any()
