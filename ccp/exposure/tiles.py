"""The cube cut into tiles of scenarios, so that a tile stays in the processor's second-level cache.

All of it read-only: numba would compile a kernel once more for arrays that may be written to.
"""

import numpy as np

from ccp.kernels.exposure import TILE
from ccp.kernels.screen import LANES, LARGEST, LEAST, ScreenArrays
from ccp.types import InstrumentByScenario

LINE = 64
"""Bytes in a cache line."""


def tiled(close_out_loss: InstrumentByScenario) -> np.ndarray:
    """Tile x instrument x scenario within the tile, the last tile padded with zeros. Read-only."""
    return _cut(close_out_loss, TILE, np.float64)


def screen_arrays(close_out_loss: InstrumentByScenario) -> ScreenArrays:
    """The cube (instrument x scenario) as the screen in single precision takes it."""
    sizes = np.maximum(close_out_loss.max(axis=1), -close_out_loss.min(axis=1))
    largest = np.where(sizes < LARGEST, np.maximum(sizes, LEAST), np.inf)  # accounts that hold these are not screened
    columns = np.ascontiguousarray(close_out_loss.T)
    with np.errstate(over="ignore"):  # what single precision cannot hold is not screened
        tiles = _cut(close_out_loss, LANES, np.float32)
    for array in (largest, columns):
        array.flags.writeable = False
    return ScreenArrays(tiles, largest, columns)


def _cut(close_out_loss: InstrumentByScenario, width: int, kind: type) -> np.ndarray:
    instruments, scenarios = close_out_loss.shape
    tiles = aligned_zeros((-(-scenarios // width), instruments, width), kind)
    for number in range(tiles.shape[0]):
        part = close_out_loss[:, number * width : (number + 1) * width]
        tiles[number, :, : part.shape[1]] = part
    tiles.flags.writeable = False
    return tiles


def aligned_zeros(shape: tuple[int, ...], kind: type = np.float64) -> np.ndarray:
    """An array of zeros that starts on a cache line: otherwise every second wide load would touch two lines."""
    count, size = int(np.prod(shape)), np.dtype(kind).itemsize
    room = np.zeros(count + LINE // size, dtype=kind)
    start = -room.ctypes.data % LINE // size
    return room[start : start + count].reshape(shape)
