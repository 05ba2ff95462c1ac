"""The cube cut into tiles of scenarios, so that a tile stays in the processor's second-level cache."""

import numpy as np

from ccp.kernels.exposure import TILE
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


def aligned_zeros(shape: tuple[int, ...]) -> np.ndarray:
    """An array of zeros that starts on a cache line: otherwise every second wide load would touch two lines."""
    count = int(np.prod(shape))
    room = np.zeros(count + LINE // 8)
    start = -room.ctypes.data % LINE // 8
    return room[start : start + count].reshape(shape)
