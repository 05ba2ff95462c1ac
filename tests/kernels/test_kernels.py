"""Kernels against their plain twins, over hostile inputs, threads and blocks."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support import reference

from ccp.book.portfolio import Portfolio
from ccp.book.roster import Roster, roster_of
from ccp.exposure.run import (
    Blocks,
    MarginCube,
    RankWeights,
    RootMeanSquare,
    account_values,
    chunks,
    run_margin,
    run_stress,
)
from ccp.exposure.tiles import tiled
from ccp.kernels.engine.numba_door import use_threads
from ccp.kernels.exposure.black import black_forward_value, option_values
from ccp.kernels.exposure.costs import SaleTerms, concentration_costs, own_paper, spread_costs, unit_sale_cost
from ccp.kernels.exposure.held_together import Together
from ccp.kernels.exposure.pools import PoolArrays, Shortfalls, fold_accounts
from ccp.kernels.exposure.portfolio_losses import TILE, account_losses
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.kernels.exposure.tail import keep_largest, weighted_sum
from ccp.kernels.exposure.tail import weighted_tail as tail_off_a_heap
from ccp.margin.collateral import counted_margin
from ccp.margin.measure import age_weights, weighted_tail
from ccp.rulebook.margin import MarginRules

WAYS = ("required", "held", "minimum")


def random_portfolio(random: np.random.Generator, accounts: int, instruments: int) -> Portfolio:
    """Accounts with nothing, one, eight, nine and many positions; pools of one and of several accounts."""
    counts = random.choice([0, 1, 2, 7, 8, 9, 16, 17, min(40, instruments)], accounts)
    counts = np.minimum(counts, instruments)
    offset = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    held = [np.sort(random.choice(instruments, count, replace=False)) for count in counts]
    instrument = np.concatenate([np.empty(0, dtype=np.int32), *held]).astype(np.int32)
    quantity = random.choice([-3.0, -0.37, 1.0, 2.5, 1e6, 1e-6], instrument.size)
    for array in (offset, instrument, quantity):
        array.flags.writeable = False
    account_pool = np.cumsum(random.random(accounts) < 0.6) - 0
    account_pool = (account_pool - account_pool.min()).astype(np.int64)
    pools = int(account_pool.max()) + 1
    pool_member = np.sort(random.integers(0, 4, pools)).astype(np.int64)
    return Portfolio(
        instruments=[f"I{i}" for i in range(instruments)],
        accounts=[f"A{i}" for i in range(accounts)],
        pools=[f"P{i}" for i in range(pools)],
        roster=Roster([f"M{i}" for i in range(4)], ["G0", "G1"], np.array([0, 1, 0, 1])),
        account_pool=account_pool,
        pool_member=pool_member,
        pool_house=random.random(pools) < 0.4,
        clients=[],
        account_client=np.full(accounts, -1),
        positions=PositionArrays(offset, instrument, quantity),
    )


@dataclass(frozen=True)
class Job:
    """A portfolio, unit losses in margin and in stress scenarios, rank weights, and what pools hold."""

    portfolio: Portfolio
    margin_loss: np.ndarray
    stress_loss: np.ndarray
    weights: np.ndarray
    held: np.ndarray


def make_job(seed: int, accounts: int = 23, margin: int = 37, stress: int = 5) -> Job:
    random = np.random.default_rng(seed)
    portfolio = random_portfolio(random, accounts, 50)
    loss = random.normal(0, 10, (50, margin + stress)) * random.choice([0.0, 1.0, 1e3], (50, 1))
    weights = np.array([0.25, 0.25, 0.25, 0.25 * random.random()])
    held = random.integers(0, 10_000_000, len(portfolio.pools))
    return Job(portfolio, loss[:, :margin], loss[:, margin:], weights, held)


def assert_shortfalls(found: Shortfalls, expected: dict[str, Any]) -> None:
    for name, values in expected.items():
        matrix = getattr(found, name)
        for (member, scenario), amount in values.items():
            assert matrix[member, scenario] == amount, (name, member, scenario)
        assert matrix.sum() == sum(values.values())


@pytest.mark.parametrize("seed", range(8))
def test_margin_and_stress_equal_their_twins_to_the_bit(seed: int) -> None:
    job = make_job(seed)
    portfolio, blocks = job.portfolio, Blocks(accounts=7, chunk_accounts=3)
    arrays, pools = portfolio.positions, len(portfolio.pools)
    margin = run_margin(arrays, MarginCube(job.margin_loss, RankWeights(job.weights)), 100.0, blocks)
    twin = reference.account_margins(
        job.margin_loss, *arrays, lambda losses: reference.weighted_tail(losses, job.weights), 100.0
    )
    assert margin.tolist() == twin
    required = reference.pool_sums(twin, portfolio.account_pool, pools)
    counted = {way: counted_margin(way, np.array(required), job.held, None) for way in WAYS}
    found = run_stress(portfolio.whole, job.stress_loss, None, counted, 100.0, blocks)
    stress = reference.account_losses(job.stress_loss, *arrays, 100.0)
    for way in WAYS:
        by_pool = reference.counted_by_way(way, required, job.held)
        assert counted[way].tolist() == by_pool
        expected = reference.pool_shortfalls(
            stress, portfolio.account_pool, portfolio.pool_member, portfolio.pool_house, by_pool
        )
        assert_shortfalls(found[way], expected)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("accounts", [1, 7, 1000])
def test_stress_with_costs_and_moving_margin_equals_its_twin(seed: int, accounts: int) -> None:
    """What counts differs from scenario to scenario, and every pool bears a cost of its own in all of them."""
    job, random = make_job(seed), np.random.default_rng(seed)
    portfolio, scenarios = job.portfolio, job.stress_loss.shape[1]
    cost = random.integers(0, 100_000, len(portfolio.pools))
    counted = random.integers(0, 10_000_000, (len(portfolio.pools), scenarios))
    found = run_stress(portfolio.whole, job.stress_loss, cost, {"held": counted}, 100.0, Blocks(accounts, 3))["held"]
    losses = reference.account_losses(job.stress_loss, *portfolio.positions, 100.0)
    expected = reference.pool_shortfalls(
        losses, portfolio.account_pool, portfolio.pool_member, portfolio.pool_house, counted.tolist(), cost
    )
    assert_shortfalls(found, expected)


amounts = st.integers(-(10**12), 10**12) | st.sampled_from([0, 1, -1])


@st.composite
def folds(draw: Any) -> tuple[list[list[int]], list[int], list[int], list[bool], list[list[int]]]:
    """Account losses, the pool of each account, the member and kind of each pool, and what counts of each pool."""
    pools, scenarios = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    sizes = draw(st.lists(st.integers(1, 4), min_size=pools, max_size=pools))
    account_pool = [pool for pool, size in enumerate(sizes) for _ in range(size)]
    columns = draw(st.sampled_from([1, scenarios]))
    rows = st.lists(amounts, min_size=scenarios, max_size=scenarios)
    stress = draw(st.lists(rows, min_size=len(account_pool), max_size=len(account_pool)))
    member = sorted(draw(st.lists(st.integers(0, 2), min_size=pools, max_size=pools)))
    house = draw(st.lists(st.booleans(), min_size=pools, max_size=pools))
    one = st.lists(st.integers(0, 10**12), min_size=columns, max_size=columns)
    return stress, account_pool, member, house, draw(st.lists(one, min_size=pools, max_size=pools))


@given(folds(), st.integers(1, 20))
def test_folding_accounts_equals_its_twin(case: Any, block: int) -> None:
    """Blocks of any length, pools that go on from one to the next, margin fixed or moving, a single scenario."""
    stress, account_pool, member, house, counted = case
    losses = np.array(stress, dtype=np.int64)
    short = Shortfalls(*[np.zeros((3, losses.shape[1]), dtype=np.int64) for _ in Shortfalls._fields])
    cost = np.array([17 * pool for pool in range(len(member))])
    places = (np.array(account_pool), np.array(member), np.array(house))
    pools = PoolArrays(*places, cost, np.array(counted, dtype=np.int64))
    running = np.zeros(losses.shape[1], dtype=np.int64)
    for first in range(0, len(stress), block):
        fold_accounts(first, losses[first : first + block], pools, running, short)
    assert not running.any()
    twin = reference.pool_shortfalls(stress, account_pool, member, house, counted, cost.tolist())
    assert_shortfalls(short, twin)


@pytest.mark.parametrize(
    "blocks",
    [Blocks(1, 1), Blocks(2, 1), Blocks(5, 2), Blocks(1000, 1000), Blocks(23, 128)],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_result_does_not_depend_on_blocks_or_threads(blocks: Blocks, threads: int) -> None:
    job = make_job(99, accounts=61, margin=150, stress=11)
    weight = np.array(reference.age_weights(0.97, 150))
    tails = [RankWeights(job.weights), RootMeanSquare(np.full(150, 1 / 150), 2.3)]
    tails += [weighted_tail(margin_rules(0.99, measure), weight) for measure in MEASURES]

    def run(cut: Blocks | None) -> tuple[list[np.ndarray], Shortfalls]:
        margins = [run_margin(job.portfolio.positions, MarginCube(job.margin_loss, tail), 100.0, cut) for tail in tails]
        counted = {"held": job.held[:, None]}
        return margins, run_stress(job.portfolio.whole, job.stress_loss, None, counted, 100.0, cut)["held"]

    before = use_threads(None)
    base, base_short = run(None)
    try:
        use_threads(threads)
        found, short = run(blocks)
    finally:
        use_threads(before)
    for one, other in zip(found, base, strict=True):
        assert np.array_equal(one, other)
        assert one.any()
    for name in Shortfalls._fields:
        assert np.array_equal(getattr(short, name), getattr(base_short, name))


def test_progress_counts_every_account_once() -> None:
    job, seen = make_job(2), []
    tail = RankWeights(job.weights)
    run_margin(
        job.portfolio.positions,
        MarginCube(job.margin_loss, tail),
        100.0,
        Blocks(10, 3),
        lambda *done: seen.append(done),
    )
    assert seen == [(10, 23), (20, 23), (23, 23)]


def test_some_columns_alone_equal_the_same_columns_of_the_whole_pass() -> None:
    job = make_job(5, margin=100)
    arrays = job.portfolio.positions
    accounts = np.arange(len(job.portfolio.accounts))[::-1]
    twin = np.array([reference.sum_positions(job.margin_loss, *arrays, account) for account in accounts])
    for scenarios in ([0], [7], [99], [3, 64, 63], list(range(100))):
        alone = account_values(arrays, job.margin_loss[:, scenarios], accounts)
        assert alone.tolist() == twin[:, scenarios].tolist()


@pytest.mark.parametrize("scenarios", [1, TILE, TILE + 1])
def test_account_losses_of_a_part_of_the_accounts_equal_the_twin(scenarios: int) -> None:
    """Accounts 5 to 17 in three chunks; nothing else is written to, and no column is left out."""
    job = make_job(4, stress=scenarios)
    found = np.full((12, scenarios), -1, dtype=np.int64)
    account_losses(tiled(job.stress_loss), job.portfolio.positions, np.array([5, 6, 10, 17]), 100.0, found)
    assert found.tolist() == reference.account_losses(job.stress_loss, *job.portfolio.positions, 100.0)[5:17]


def test_chunks_cover_every_account_once_and_in_order() -> None:
    portfolio = make_job(3, accounts=500).portfolio
    for first, last in ((0, 500), (100, 101), (7, 499)):
        bounds = chunks(portfolio.positions.offset, first, last, 16)
        assert bounds[0] == first
        assert bounds[-1] == last
        assert (np.diff(bounds) > 0).all()
        assert (np.diff(bounds) <= 16).all()


@pytest.mark.parametrize("scenarios", [1, TILE - 1, TILE, 2 * TILE + 2])
def test_tiles_hold_the_cube_and_zeros(scenarios: int) -> None:
    cube = np.random.default_rng(1).normal(size=(5, scenarios))
    tiles = tiled(cube)
    flat = tiles.transpose(1, 0, 2).reshape(5, -1)
    assert np.array_equal(flat[:, :scenarios], cube)
    assert not flat[:, scenarios:].any()
    assert flat.shape[1] - scenarios < TILE
    assert not tiles.flags.writeable


losses = hnp.arrays(
    np.float64,
    st.integers(0, 70),
    elements=st.floats(-1e12, 1e12) | st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-300, -1e300, 1e300]),
)


@given(losses, st.integers(1, 20))
def test_largest_losses_equal_a_full_sort(values: np.ndarray, count: int) -> None:
    values.flags.writeable = False
    top = np.full(count, -np.inf)
    half = values.size // 3
    keep_largest(values[half:], top, np.empty(values[half:].size))
    keep_largest(values[:half], top, np.empty(values[:half].size))
    assert top.tolist() == reference.largest_losses(values, count)


@given(losses, hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1)))
def test_weighted_tail_equals_its_twin(values: np.ndarray, weights: np.ndarray) -> None:
    top = np.full(weights.size, -np.inf)
    keep_largest(values, top, np.empty(values.size))
    assert weighted_sum(top, weights) == reference.weighted_tail(values, weights)


# --- scenarios that weigh differently, and fitted distributions -------------------------------------------------------

MEASURES = ("value_at_risk", "expected_shortfall")
CONFIDENCES = (0.0001, 0.01, 0.05, 0.5, 0.6, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.999999)


def margin_rules(confidence: float, measure: str, convention: str = "ceil") -> MarginRules:
    return MarginRules.model_validate(
        {
            "confidence": confidence,
            "measure": measure,
            "quantile": convention,
            "lookback_days": 2,
            "liquidation_days": 1,
        }
    )


def tail_of(losses: np.ndarray, weight: np.ndarray, rules: MarginRules) -> float:
    """The tail as the engine takes it."""
    tail = weighted_tail(rules, weight)
    order = np.empty(losses.size, dtype=np.int64)
    return tail_off_a_heap(losses, weight, order, tail.stop, tail.mass, tail.shortfall)


few_values = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5])


def losses_with_weights(values: Any, unique: bool = False) -> Any:
    """As many losses as weights."""
    weights = st.integers(1, 10**12) | st.sampled_from([1, 2, 10**12])
    return st.integers(1, 70).flatmap(
        lambda count: st.tuples(
            hnp.arrays(np.float64, count, elements=values, unique=unique, fill=st.nothing()),
            hnp.arrays(np.int64, count, elements=weights),
        )
    )


weighted_losses = losses_with_weights(st.floats(-1e12, 1e12) | few_values)


@given(weighted_losses, st.sampled_from(CONFIDENCES), st.sampled_from(["ceil", "floor_plus_one"]))
@example((np.array([3.0]), np.array([7])), 0.99, "ceil")
@example((np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 1, 1, 1])), 0.5, "ceil")
@example((np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 1, 1, 1])), 0.5, "floor_plus_one")
def test_weighted_value_at_risk_equals_its_twin_to_the_bit(case: Any, confidence: float, convention: str) -> None:
    values, weight = case
    found = tail_of(values, weight, margin_rules(confidence, "value_at_risk", convention))
    assert found == reference.weighted_value_at_risk(values, weight, confidence, convention)


def test_weighted_value_at_risk_by_hand() -> None:
    """Weights 1 to 4 on losses 40, 30, 20, 10; the tail at 70 % weighs 3: it is passed at 20, and reached at 30."""
    values, weight = np.array([40.0, 30.0, 20.0, 10.0]), np.array([1, 2, 3, 4])
    assert tail_of(values, weight, margin_rules(0.7, "value_at_risk", "ceil")) == 20
    assert tail_of(values, weight, margin_rules(0.7, "value_at_risk", "floor_plus_one")) == 30
    # at 55 % it weighs 4.5: 40 once, 30 twice, 20 one and a half times
    assert tail_of(values, weight, margin_rules(0.55, "expected_shortfall")) == (40 + 60 + 30) / 4.5


@given(weighted_losses, st.sampled_from(CONFIDENCES))
def test_weighted_expected_shortfall_equals_fractions(case: Any, confidence: float) -> None:
    """Exact arithmetic takes equal losses in another order, and ends the same."""
    values, weight = case
    found = tail_of(values, weight, margin_rules(confidence, "expected_shortfall"))
    expected = reference.exact_shortfall(values, weight, confidence)
    assert found == pytest.approx(float(expected), rel=1e-12, abs=1e-12 * float(np.abs(values).max()))


@given(losses_with_weights(st.floats(-1e12, 1e12), unique=True), st.sampled_from(CONFIDENCES))
def test_weighted_expected_shortfall_equals_its_twin_to_the_bit(case: Any, confidence: float) -> None:
    values, weight = case
    found = tail_of(values, weight, margin_rules(confidence, "expected_shortfall"))
    assert found == reference.weighted_shortfall(values, weight, confidence)


@pytest.mark.parametrize("measure", MEASURES)
@given(
    st.integers(2, 60).flatmap(lambda n: hnp.arrays(np.int64, n, elements=st.sampled_from([0, 1, 5]))).filter(any),
    st.sampled_from(CONFIDENCES),
    st.sampled_from(["ceil", "floor_plus_one"]),
)
def test_scenarios_too_old_to_weigh_anything_count_nothing(
    measure: str, weight: Any, confidence: float, convention: str
) -> None:
    """Weights are rounded down: with a decay of 0.9 a scenario 263 days old weighs nothing at all."""
    values = np.random.default_rng(weight.size).permutation(np.arange(float(weight.size)))
    heavy = weight > 0
    rules = margin_rules(confidence, measure, convention)
    assert tail_of(values, weight, rules) == tail_of(values[heavy], weight[heavy], rules)


@pytest.mark.parametrize("decay", [0.5, 0.94, 0.99, 0.999])
def test_weights_by_age_are_powers_rounded_down(decay: float) -> None:
    weight = age_weights(decay, 120)
    assert weight.tolist() == reference.age_weights(decay, 120)
    assert weight[-1] == 10**12
    assert (np.diff(weight) > 0)[-30:].all()


@pytest.mark.parametrize("convention", ["ceil", "floor_plus_one"])
@pytest.mark.parametrize("confidence", CONFIDENCES)
@pytest.mark.parametrize("count", [1, 7, 100])
def test_weights_that_are_all_alike_give_the_rank(count: int, confidence: float, convention: str) -> None:
    """`count` losses of 1, 2, ..., each of weight 3: the order statistic counted in whole numbers."""
    values = np.random.default_rng(count).permutation(np.arange(1.0, count + 1))
    share = round(confidence * 10**6)
    rank = -(-count * share // 10**6) if convention == "ceil" else count * share // 10**6 + 1
    found = tail_of(values, np.full(count, 3), margin_rules(confidence, "value_at_risk", convention))
    assert found == min(rank, count)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("scenarios", [1, 37, 2 * TILE + 3])
def test_weighted_margin_equals_its_twin_to_the_bit(confidence: float, scenarios: int) -> None:
    job = make_job(11, margin=scenarios)
    weight = np.array(reference.age_weights(0.97, scenarios))

    def value_at_risk(convention: str) -> Any:
        return lambda losses: reference.weighted_value_at_risk(losses, weight, confidence, convention)

    def shortfall(losses: list[float]) -> float:
        return reference.weighted_shortfall(losses, weight, confidence)

    twins = {
        ("value_at_risk", "ceil"): value_at_risk("ceil"),
        ("value_at_risk", "floor_plus_one"): value_at_risk("floor_plus_one"),
        ("expected_shortfall", "ceil"): shortfall,
    }
    for (measure, convention), twin in twins.items():
        tail = weighted_tail(margin_rules(confidence, measure, convention), weight)
        found = run_margin(job.portfolio.positions, MarginCube(job.margin_loss, tail), 100.0, Blocks(7, 3))
        assert found.tolist() == reference.account_margins(job.margin_loss, *job.portfolio.positions, twin, 100.0)
        assert found.any()


@pytest.mark.parametrize("factor", [2.326, 0.0, -0.25])
@pytest.mark.parametrize("scenarios", [1, 37, 2 * TILE + 3])
def test_parametric_margin_equals_its_twin_to_the_bit(factor: float, scenarios: int) -> None:
    """Floored at zero like every margin, though a confidence below one half makes the factor negative."""
    job = make_job(12, margin=scenarios)
    weight = np.random.default_rng(1).random(scenarios)
    weight /= weight.sum()
    found = run_margin(
        job.portfolio.positions, MarginCube(job.margin_loss, RootMeanSquare(weight, factor)), 100.0, Blocks(7, 3)
    )
    twin = reference.account_margins(
        job.margin_loss,
        *job.portfolio.positions,
        lambda losses: reference.root_mean_square(losses, weight, factor),
        100.0,
    )
    assert found.tolist() == twin


@given(
    hnp.arrays(np.float64, st.integers(1, 2 * TILE), elements=st.floats(-1e9, 1e9) | few_values),
    st.sampled_from([1.0, -1.0, 0.0, -3.7]),
    st.floats(0, 10),
)
def test_parametric_margin_of_one_position_equals_its_twin(values: Any, quantity: float, factor: float) -> None:
    """Either side of a position has the same margin: the mean is taken to be zero."""
    arrays = PositionArrays(np.array([0, 1]), np.array([0], dtype=np.int32), np.array([quantity]))
    weight = np.full(values.size, 1 / values.size)
    found = run_margin(arrays, MarginCube(values[None, :], RootMeanSquare(weight, factor)), 100.0)
    losses = [reference.multiply_add(quantity, float(value), 0.0) for value in values]
    assert found.tolist() == [reference.half_even(reference.root_mean_square(losses, weight, factor) * 100.0)]


# --- costs ------------------------------------------------------------------------------------------------------------

costs_of_one = st.floats(0, 1e6) | st.sampled_from([0.0, 1.0])


@st.composite
def priced_positions(draw: Any) -> tuple[PositionArrays, SaleTerms]:
    """A few accounts, some of them empty, in a few instruments, some of unknown volume."""
    count = draw(st.integers(1, 5))
    sizes = draw(st.lists(st.integers(0, count), min_size=1, max_size=4))
    offset = np.cumsum([0, *sizes])
    instrument = np.concatenate([np.empty(0, dtype=np.int32), *[np.arange(size) for size in sizes]]).astype(np.int32)
    quantities = st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 1.0, -1.0, 25.0, -100.0, 400.0])
    quantity = draw(hnp.arrays(np.float64, instrument.size, elements=quantities))
    volumes = st.floats(1e-3, 1e6) | st.sampled_from([math.nan, 1.0, 100.0])
    terms = SaleTerms(
        spread=draw(hnp.arrays(np.float64, count, elements=costs_of_one)),
        daily_risk=draw(hnp.arrays(np.float64, count, elements=costs_of_one)),
        days=draw(hnp.arrays(np.int64, count, elements=st.integers(1, 20))),
        volume=draw(hnp.arrays(np.float64, count, elements=volumes)),
        participation=draw(st.sampled_from([0.25, 1.0, 0.1, 1e-3])),
        impact=draw(st.sampled_from([1.0, 0.0, 0.3, 100.0])),
        holding=draw(st.sampled_from([1.0, 0.0, 0.5])),
        longest=draw(st.integers(20, 1000)),
    )
    return PositionArrays(offset, instrument, quantity), terms


@given(priced_positions())
def test_what_a_unit_costs_to_sell_equals_its_twin_to_the_bit(case: tuple[PositionArrays, SaleTerms]) -> None:
    positions, terms = case
    for instrument, quantity in zip(positions.instrument.tolist(), positions.quantity.tolist(), strict=True):
        spread, risk = float(terms.spread[instrument]), float(terms.daily_risk[instrument])
        days, volume = int(terms.days[instrument]), float(terms.volume[instrument])
        law = (spread, risk, days, volume, terms.participation, terms.impact, terms.holding, terms.longest)
        assert abs(quantity) * unit_sale_cost(quantity, instrument, terms) == reference.sale_cost(quantity, *law)


def test_sale_costs_by_hand() -> None:
    """100 units, 25 a day: 4 days, each a sixteenth of the day's 400; then with more days, fewer, and no volume."""
    terms = SaleTerms(
        np.array([0.5]), np.array([3.0]), np.array([2]), np.array([400.0]),
        participation=1 / 16, impact=2.0, holding=0.0, longest=60,
    )  # fmt: skip
    for changed, expected in (
        (terms, 100 * (0.5 + 2 * 3 * 1 / 4)),
        (terms._replace(days=np.array([16])), 100 * (0.5 + 2 * 3 * 1 / 8)),
        (terms._replace(longest=1, days=np.array([1])), 100 * (0.5 + 2 * 3 * 1 / 2)),
        (terms._replace(volume=np.array([math.nan])), 50),
        (terms._replace(days=np.array([1]), holding=4.0), 100 * (0.5 + 2 * 3 * 1 / 4 + 4 * 3 * (2 - 1))),
    ):
        assert 100 * unit_sale_cost(-100.0, 0, changed) == expected


@given(priced_positions())
def test_spread_costs_equal_their_twin_to_the_bit(case: tuple[PositionArrays, SaleTerms]) -> None:
    positions, terms = case
    cost = np.full(positions.offset.size - 1, math.nan)
    spread_costs(positions, terms.spread, cost)
    expected = reference.cost_of_positions(*positions, lambda place, held: abs(held) * float(terms.spread[place]))
    assert cost.tolist() == expected


@st.composite
def held_together(draw: Any, accounts: int, instruments: int) -> tuple[Together, list[dict[int, tuple[float, float]]]]:
    """Units of some accounts, and what each holds of some instruments, long and short."""
    sizes = st.floats(0, 1e9) | st.sampled_from([0.0, 25.0, 400.0])
    cells = st.dictionaries(st.integers(0, instruments - 1), st.tuples(sizes, sizes))
    units = draw(st.lists(cells, min_size=1, max_size=3))
    rows = [(place, *sides) for cell in units for place, sides in sorted(cell.items())]
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.empty(0)] * 3
    together = Together(
        draw(hnp.arrays(np.int64, accounts, elements=st.integers(-1, len(units) - 1))),
        np.cumsum([0, *(len(cell) for cell in units)]),
        columns[0].astype(np.int32),
        columns[1].astype(np.float64),
        columns[2].astype(np.float64),
    )
    return together, units


@given(priced_positions(), st.sampled_from([2.33, 0.0, 20.0]), st.data())
def test_concentration_costs_equal_their_twin_to_the_bit(
    case: tuple[PositionArrays, SaleTerms], quantile: float, data: st.DataObject
) -> None:
    """The position, its unit or its client: what is more sets the days."""
    positions, terms = case
    accounts, cost = positions.offset.size - 1, np.full(positions.offset.size - 1, math.nan)
    held = [data.draw(held_together(accounts, terms.spread.size)) for _ in range(2)]
    concentration_costs(positions, terms, quantile, held[0][0], held[1][0], cost)

    expected = []
    for account in range(accounts):

        def one(place: int, quantity: float, account: int = account) -> float:
            risk, days, volume = float(terms.daily_risk[place]), int(terms.days[place]), float(terms.volume[place])
            sold = abs(quantity)
            for together, units in held:
                unit = int(together.unit[account])
                if unit >= 0:
                    sold = max(sold, units[unit].get(place, (0.0, 0.0))[0 if quantity > 0 else 1])
            return reference.concentration_cost(quantity, sold, risk, days, volume, terms.participation, quantile)

        begin, end = positions.offset[account : account + 2]
        own = positions.instrument[begin:end], positions.quantity[begin:end]
        expected += reference.cost_of_positions([0, end - begin], *own, one)
    assert cost.tolist() == expected
    assert (cost >= 0).all()


@given(priced_positions(), st.data())
def test_own_paper_equals_its_twin_to_the_bit(case: tuple[PositionArrays, SaleTerms], data: st.DataObject) -> None:
    """Positions whose issuer is the account's group, net, where they lose; -1 is no issuer, and no account's group."""
    positions, terms = case
    count, accounts = terms.spread.size, positions.offset.size - 1
    loss = data.draw(hnp.arrays(np.float64, count, elements=st.floats(-1e6, 1e6)))
    issuer = data.draw(hnp.arrays(np.int64, count, elements=st.integers(-1, 2)))
    group = data.draw(hnp.arrays(np.int64, accounts, elements=st.integers(0, 2)))
    lost = np.full(accounts, math.nan)
    own_paper(positions, loss, issuer, group, lost)
    expected = []
    for account in range(accounts):
        total = 0.0
        for entry in range(positions.offset[account], positions.offset[account + 1]):
            place = positions.instrument[entry]
            if issuer[place] == group[account]:
                total += float(positions.quantity[entry]) * float(loss[place])
        expected.append(total if total > 0 else 0.0)
    assert lost.tolist() == expected


# --- options ----------------------------------------------------------------------------------------------------------


@given(st.floats(-50, 500), st.floats(1, 500), st.floats(0, 3), st.booleans())
def test_black_equals_its_twin(forward: float, strike: float, deviation: float, call: bool) -> None:
    found = black_forward_value(forward, strike, deviation, call)
    expected = reference.black_forward_value(forward, strike, deviation, call)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12 * strike)


def test_option_values_fill_every_place_like_the_scalar() -> None:
    random = np.random.default_rng(2)
    forward, volatility = random.uniform(50, 150, (9, 13)), random.uniform(0, 1, (9, 13))
    years, strike, call = random.uniform(-0.1, 2, 9), random.uniform(50, 150, 9), random.random(9) < 0.5
    for array in (forward, volatility, years, strike, call):
        array.flags.writeable = False
    value = np.full((9, 13), np.nan)
    option_values(forward, volatility, years, strike, call, value)
    for i in range(9):
        for s in range(13):
            deviation = volatility[i, s] * max(years[i], 0.0) ** 0.5
            expected = reference.black_forward_value(forward[i, s], strike[i], deviation, call[i])
            assert value[i, s] == pytest.approx(expected, rel=1e-12, abs=1e-11)


def test_an_account_with_more_than_a_chunk_of_positions_is_right() -> None:
    """A single account larger than the chunk limit of positions is one chunk of its own."""
    instruments = 20_000
    random = np.random.default_rng(7)
    quantity = random.normal(size=instruments + 3)
    positions = PositionArrays(
        np.array([0, 1, instruments + 1, instruments + 3]),
        np.concatenate([[5], np.arange(instruments), [1, 2]]).astype(np.int32),
        quantity,
    )
    loss = random.normal(size=(instruments, 3))
    portfolio = Portfolio(
        [f"I{i}" for i in range(instruments)], ["A", "B", "C"], ["P", "Q"], roster_of({"M": "G"}),
        np.array([0, 1, 1]), np.array([0, 0]), np.array([True, False]), [], np.full(3, -1), positions,
    )  # fmt: skip
    margin = run_margin(positions, MarginCube(loss[:, :2], RankWeights(np.array([1.0]))), 100.0)
    assert margin.tolist() == reference.account_margins(loss[:, :2], *positions, max, 100.0)
    nothing = {"required": np.zeros((2, 1), dtype=np.int64)}
    short = run_stress(portfolio.whole, loss[:, 2:], None, nothing, 100.0)["required"]
    stress = reference.account_losses(loss[:, 2:], *positions, 100.0)
    expected = reference.pool_shortfalls(stress, [0, 1, 1], [0, 0], [True, False], [[0], [0]])
    assert_shortfalls(short, expected)
