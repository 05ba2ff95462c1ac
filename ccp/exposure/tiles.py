"""The cube cut into tiles of scenarios, so that a tile stays in the processor's second-level cache.

All of it read-only: numba would compile a kernel once more for arrays that may be written to.
"""

import numpy as np

from ccp.kernels.engine.numba_door import read_only
from ccp.kernels.exposure.portfolio_losses import TILE
from ccp.kernels.exposure.screen import WIDTH, ScreenArrays, cut_for_screen
from ccp.types import InstrumentByScenario

LINE = 64
"""Bytes in a cache line."""


def tiled(close_out_loss: InstrumentByScenario) -> np.ndarray:
    """Tile x instrument x scenario within the tile, the last tile padded with zeros. Read-only."""
    instruments, scenarios = close_out_loss.shape
    tiles = aligned_zeros((-(-scenarios // TILE), instruments, TILE))
    for number in range(tiles.shape[0]):
        part = close_out_loss[:, number * TILE : (number + 1) * TILE]
        tiles[number, :, : part.shape[1]] = part
    tiles.flags.writeable = False
    return tiles


def screen_arrays(close_out_loss: InstrumentByScenario) -> ScreenArrays:
    """The cube (instrument x scenario) as the screen in single precision takes it."""
    instruments, scenarios = close_out_loss.shape
    tiles = aligned_zeros((-(-scenarios // WIDTH), instruments, WIDTH), np.float32)
    arrays = ScreenArrays(tiles, np.empty(instruments), np.empty((scenarios, instruments)))
    cube = np.ascontiguousarray(close_out_loss).view()
    cube.flags.writeable = False
    with np.errstate(over="ignore"):  # what single precision cannot hold is not screened
        cut_for_screen(cube, arrays.tiles, arrays.columns, arrays.largest)
    return read_only(arrays)


def aligned_zeros(shape: tuple[int, ...], kind: type = np.float64) -> np.ndarray:
    """An array of zeros that starts on a cache line: otherwise every second wide load would touch two lines."""
    count, size = int(np.prod(shape)), np.dtype(kind).itemsize
    room = np.zeros(count + LINE // size, dtype=kind)
    start = -room.ctypes.data % LINE // size
    return room[start : start + count].reshape(shape)
