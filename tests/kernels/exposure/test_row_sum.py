"""Rows added up in registers: every addition fused, in order, whatever the registers."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError
from numba.extending import intrinsic
from support import reference

import ccp.kernels.exposure.row_sum as row_sum
from ccp.kernels.engine.numba_door import COMPILED

compiled = pytest.mark.skipif(not COMPILED, reason="what the compiler is told")


def compiled_sum(row_bytes: int, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`sum_rows` for rows of so many bytes: from one register to more than a processor has."""
    monkeypatch.setattr(row_sum, "ROW_BYTES", row_bytes)
    made: Any = intrinsic(row_sum._sum_rows)

    @numba.njit
    def call(tile, instrument, quantity, begin, end, loss):  # type: ignore[no-untyped-def]
        made(tile, instrument, quantity, begin, end, loss)

    return call


def rows_and_positions(
    kind: type, count: int, row_bytes: int = row_sum.ROW_BYTES
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    tile = random.normal(0.0, 3.0, (40, row_bytes // np.dtype(kind).itemsize)).astype(kind)
    instrument = np.sort(random.choice(40, count, replace=False)).astype(np.int32)
    return tile, instrument, random.normal(0.0, 100.0, count)


@compiled
@pytest.mark.parametrize("row_bytes", [64, 128, 256, 512])
@pytest.mark.parametrize("count", [0, 1, 7, 33])
def test_every_addition_is_fused_and_in_order(row_bytes: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tile, instrument, quantity = rows_and_positions(np.float64, count, row_bytes)
    loss = np.full(tile.shape[1], np.nan)
    compiled_sum(row_bytes, monkeypatch)(tile, instrument, quantity, 0, count, loss)
    twin = reference.sum_positions(tile, np.array([0, count]), instrument, quantity, 0)
    assert loss.tolist() == list(twin)


@compiled
@pytest.mark.parametrize("row_bytes", [128, 256, 512])
def test_only_the_entries_asked_for_are_added_in_single_precision_too(
    row_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tile, instrument, quantity = rows_and_positions(np.float32, 20, row_bytes)
    whole, quantity = np.rint(tile), np.rint(quantity)  # whole numbers: every sum is exact
    loss = np.full(tile.shape[1], np.nan, dtype=np.float32)
    compiled_sum(row_bytes, monkeypatch)(whole, instrument, quantity, 3, 17, loss)
    assert loss.tolist() == (quantity[3:17] @ whole[instrument[3:17]].astype(np.float64)).tolist()


def test_plain_python_adds_the_same_entries() -> None:
    tile, instrument, quantity = rows_and_positions(np.float64, 20)
    loss = np.full(tile.shape[1], np.nan)
    row_sum.in_python(np.rint(tile), instrument, np.rint(quantity), 3, 17, loss)
    assert loss.tolist() == (np.rint(quantity[3:17]) @ np.rint(tile)[instrument[3:17]]).tolist()


@compiled
def test_a_tile_with_gaps_is_refused_when_it_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    tile, instrument, quantity = rows_and_positions(np.float64, 5)
    with pytest.raises(TypingError, match="without gaps"):
        compiled_sum(512, monkeypatch)(tile.T, instrument, quantity, 0, 5, np.empty(5))
