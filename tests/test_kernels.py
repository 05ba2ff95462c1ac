"""Kernels against their plain twins, over hostile inputs, threads and blocks."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ccp.book.portfolio import Portfolio
from ccp.exposure.run import Blocks, account_values, chunks, run_exposure
from ccp.exposure.tiles import tiled
from ccp.kernels.black import black_forward_value, option_values
from ccp.kernels.engine import use_threads
from ccp.kernels.exposure import TILE, Columns, PositionArrays
from ccp.kernels.pools import HELD, REQUIRED, SMALLER
from ccp.kernels.tail import keep_largest, weighted_sum

WAYS = {"required": REQUIRED, "held": HELD, "minimum": SMALLER}


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
        members=[f"M{i}" for i in range(4)],
        groups=["G0", "G1"],
        account_pool=account_pool,
        pool_member=pool_member,
        pool_house=random.random(pools) < 0.4,
        member_group=np.array([0, 1, 0, 1]),
        positions=PositionArrays(offset, instrument, quantity),
    )


def make_case(seed: int, accounts: int = 23, margin: int = 37, stress: int = 5):
    random = np.random.default_rng(seed)
    portfolio = random_portfolio(random, accounts, 50)
    loss = random.normal(0, 10, (50, margin + stress)) * random.choice([0.0, 1.0, 1e3], (50, 1))
    weights = np.array([0.25, 0.25, 0.25, 0.25 * random.random()])
    held = random.integers(0, 10_000_000, len(portfolio.pools))
    return portfolio, loss, Columns(margin, stress, weights, 100.0), held


@pytest.mark.parametrize("seed", range(8))
def test_exposure_equals_its_twin_to_the_bit(seed: int) -> None:
    portfolio, loss, columns, held = make_case(seed)
    found = run_exposure(portfolio, loss, columns, held, tuple(WAYS.values()), Blocks(accounts=7, chunk_accounts=3))
    offset, instrument, quantity = portfolio.positions
    margin, stress = reference.margin_and_stress(
        loss, offset, instrument, quantity, columns.margin, columns.tail_weight, columns.minor
    )
    assert found.account_margin.tolist() == margin
    for way, number in WAYS.items():
        required, expected = reference.pool_shortfalls(
            margin, stress, portfolio.account_pool, portfolio.pool_member, portfolio.pool_house, held, way
        )
        assert found.pool_margin.tolist() == [required[pool] for pool in range(len(portfolio.pools))]
        for name, values in expected.items():
            matrix = getattr(found.shortfalls[number], name)
            for (member, scenario), amount in values.items():
                assert matrix[member, scenario] == amount, (way, name, member, scenario)
            assert matrix.sum() == sum(values.values())


@pytest.mark.parametrize(
    "blocks",
    [Blocks(1, 1), Blocks(2, 1), Blocks(5, 2), Blocks(1000, 1000), Blocks(23, 128)],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_result_does_not_depend_on_blocks_or_threads(blocks: Blocks, threads: int) -> None:
    portfolio, loss, columns, held = make_case(99, accounts=61, margin=150, stress=11)
    before = use_threads(None)
    base = run_exposure(portfolio, loss, columns, held, (HELD,))
    try:
        use_threads(threads)
        found = run_exposure(portfolio, loss, columns, held, (HELD,), blocks)
    finally:
        use_threads(before)
    assert np.array_equal(found.account_margin, base.account_margin)
    assert np.array_equal(found.pool_margin, base.pool_margin)
    for name in ("loss", "house_short", "house_surplus", "client_short"):
        assert np.array_equal(getattr(found.shortfalls[HELD], name), getattr(base.shortfalls[HELD], name))


def test_one_column_alone_equals_the_same_column_of_the_whole_pass() -> None:
    portfolio, loss, _, _ = make_case(5)
    offset, instrument, quantity = portfolio.positions
    accounts = np.arange(len(portfolio.accounts))
    for scenario in (0, 7, 41):
        alone = account_values(portfolio.positions, loss[:, scenario], accounts)
        twin = [reference.sum_positions(loss, offset, instrument, quantity, a)[scenario] for a in accounts]
        assert alone.tolist() == twin


def test_chunks_cover_every_account_once_and_in_order() -> None:
    portfolio, _, _, _ = make_case(3, accounts=500)
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
        [f"I{i}" for i in range(instruments)], ["A", "B", "C"], ["P", "Q"], ["M"], ["G"],
        np.array([0, 1, 1]), np.array([0, 0]), np.array([True, False]), np.array([0]), positions,
    )  # fmt: skip
    columns = Columns(2, 1, np.array([1.0]), 100.0)
    found = run_exposure(portfolio, loss, columns, np.zeros(2, dtype=np.int64), (REQUIRED,))
    margin, _ = reference.margin_and_stress(loss, *positions, 2, [1.0], 100.0)
    assert found.account_margin.tolist() == margin
