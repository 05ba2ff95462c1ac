"""The screen in single precision changes no bit of any margin, whatever the losses look like."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import reference

from ccp.exposure.run import Blocks, MarginCube, RankWeights, run_margin
from ccp.exposure.tiles import screen_arrays
from ccp.kernels.engine.numba_door import COMPILED, use_threads
from ccp.kernels.exposure.screen import LANES, MOST_KEPT, MOST_LEFT, screened_margin
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.types import Cents, Flags

ACCOUNTS, INSTRUMENTS = 12, 24


class Unscreened(MarginCube):
    """The same cube, margined in double precision throughout."""

    @cached_property
    def screen(self) -> None:  # type: ignore[override]
        return None


def positions_of(
    random: np.random.Generator, accounts: int = ACCOUNTS, instruments: int = INSTRUMENTS
) -> PositionArrays:
    counts = random.integers(0, instruments, accounts)
    offset = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    held = [np.sort(random.choice(instruments, count, replace=False)) for count in counts]
    instrument = np.concatenate(held).astype(np.int32)
    quantity = random.choice([-3.0, -0.37, 1.0, 2.5, 1e6, 1e-6], instrument.size)
    return fixed(PositionArrays(offset, instrument, quantity))


def fixed(positions: PositionArrays) -> PositionArrays:
    for array in positions:
        array.flags.writeable = False
    return positions


def screened(positions: PositionArrays, loss: np.ndarray, weight: np.ndarray) -> tuple[Cents, Flags]:
    """The screen alone: margins, and which accounts it could not decide."""
    accounts = len(positions.offset) - 1
    margin, undecided = np.zeros(accounts, dtype=np.int64), np.zeros(accounts, dtype=bool)
    chunk = np.array([0, accounts // 3, accounts])
    with np.errstate(over="ignore", invalid="ignore"):
        screened_margin(screen_arrays(loss), positions, chunk, weight, 100.0, margin, undecided)
    return margin, undecided


def twin(positions: PositionArrays, loss: np.ndarray, weight: np.ndarray) -> list[int]:
    return reference.account_margins(loss, *positions, lambda losses: reference.weighted_tail(losses, weight), 100.0)


def normal(random: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return random.normal(0, 100, shape)


def fat_tailed(random: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return random.standard_t(2, shape) * 10.0 ** random.integers(-6, 6, (shape[0], 1))


def close_together(random: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Scenarios that single precision cannot tell apart."""
    return 1000.0 + random.normal(0, 1e-6, shape)


def few_values(random: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Most scenarios tie."""
    return random.integers(-1, 2, shape).astype(np.float64)


def all_gains(random: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Long accounts never lose: padding must not be taken for a scenario without loss."""
    return -100.0 - random.random(shape)


KINDS = [normal, fat_tailed, close_together, few_values, all_gains]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("scenarios", [LANES, LANES + 1, 3 * LANES - 1])
@pytest.mark.parametrize("kept", [1, 5, MOST_KEPT])
def test_what_the_screen_decides_is_the_twins_margin_to_the_bit(
    make: Callable[..., np.ndarray], scenarios: int, kept: int
) -> None:
    random = np.random.default_rng(scenarios + kept)
    positions, loss = positions_of(random), make(random, (INSTRUMENTS, scenarios))
    weight = random.random(kept)
    margin, undecided = screened(positions, loss, weight)
    expected = np.array(twin(positions, loss, weight))
    assert margin[~undecided].tolist() == expected[~undecided].tolist()
    if make in (normal, fat_tailed) and kept < MOST_KEPT:
        held = np.diff(positions.offset) > 0
        assert not undecided[held].any()  # it does decide, where losses can be told apart
    if make is close_together:
        assert undecided.any()


@pytest.mark.skipif(not COMPILED, reason="plain Python is not screened")
@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("kept", [1, 13, MOST_KEPT, MOST_KEPT + 1])
def test_margins_with_and_without_the_screen_are_equal(make: Callable[..., np.ndarray], kept: int) -> None:
    random = np.random.default_rng(kept)
    positions, loss = positions_of(random, 300, 200), make(random, (200, 700))
    tail = RankWeights(random.random(kept))
    plain = run_margin(positions, Unscreened(loss, tail), 100.0)
    assert (MarginCube(loss, tail).screen is None) == (kept > MOST_KEPT)
    for threads in (1, 2):
        use_threads(threads)
        for blocks in (None, Blocks(7, 3), Blocks(64, 50)):
            assert run_margin(positions, MarginCube(loss, tail), 100.0, blocks).tolist() == plain.tolist()
    use_threads(None)


HOSTILE = st.sampled_from([0.0, 1.0, -1.0, 1e-45, 1e-30, -1e-38, 3e38, 1e39, -1e300, 1e-300, 16777217.0, 0.1])


@settings(max_examples=60 if COMPILED else 8)
@given(st.integers(0, 2**32 - 1), st.lists(HOSTILE, min_size=1, max_size=6), st.lists(HOSTILE, min_size=1, max_size=6))
@example(0, [1e39], [0.0])
@example(0, [1e-45], [1e-300, 1.0])
def test_numbers_that_single_precision_cannot_hold_are_left_to_double(
    seed: int, quantities: list[float], losses: list[float]
) -> None:
    random = np.random.default_rng(seed)
    instruments = 4
    loss = random.choice(losses, (instruments, LANES + 2)) * random.choice([1.0, 0.5], (instruments, LANES + 2))
    positions = fixed(
        PositionArrays(
            np.array([0, 4, 6]),
            np.array([0, 1, 2, 3, 0, 2], dtype=np.int32),
            random.choice(quantities, 6),
        )
    )
    weight = np.array([0.5, 0.5])
    with np.errstate(over="ignore", invalid="ignore"):
        margin, undecided = screened(positions, loss, weight)
        decided = np.flatnonzero(~undecided).tolist()
        expected = twin(positions, loss, weight) if decided else []
    assert [int(margin[a]) for a in decided] == [expected[a] for a in decided]


def test_an_account_with_too_many_scenarios_left_is_marked() -> None:
    loss = np.zeros((1, LANES + MOST_LEFT))
    loss[0, : MOST_LEFT + 1] = 1.0
    positions = fixed(PositionArrays(np.array([0, 1]), np.array([0], dtype=np.int32), np.array([1.0])))
    assert screened(positions, loss, np.array([1.0]))[1].tolist() == [True]
    loss[0, MOST_LEFT] = 0.0
    margin, undecided = screened(positions, loss, np.array([1.0]))
    assert (margin.tolist(), undecided.tolist()) == ([100], [False])
