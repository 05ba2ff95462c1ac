"""The limit: how fast a core can read a tile of the cube, which every multiply-add must take its number from.

A tile stays in the second-level cache, so that is what is read here, again and again, by loads that wait for nothing.
In double precision a multiply-add reads eight bytes.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from ccp.exposure.tiles import aligned_zeros
from ccp.kernels.engine.numba_door import prange
from ccp.kernels.exposure.portfolio_losses import TILE

DOUBLE = 8
"""Bytes that a multiply-add in double precision reads."""


@dataclass(frozen=True)
class Probe:
    """Buffers, one a thread, and how often each is read."""

    buffers: np.ndarray
    times: int

    @property
    def bytes(self) -> int:
        """Read in one run."""
        return self.buffers.nbytes * self.times

    @property
    def multiply_adds(self) -> float:
        """What could be done in one run at the limit."""
        return self.bytes / DOUBLE

    def run(self) -> np.ndarray:
        """Read everything; the sum of every buffer, over all times."""
        sums = np.zeros(len(self.buffers))
        _read(self.buffers, self.times, sums)
        return sums


@numba.njit(parallel=True, error_model="numpy", fastmath={"reassoc"})
def _read(buffers: Any, times: Any, sums: Any) -> None:
    """Sum every buffer again and again. Sums may be taken in any order, so in as many registers as it takes."""
    for thread in prange(buffers.shape[0]):
        buffer, total = buffers[thread], 0.0
        for _ in range(times):
            part = 0.0
            for place in range(buffer.shape[0]):
                part += buffer[place]
            total += part
        sums[thread] = total


def tile_probe(threads: int, instruments: int, read: float = 4e9) -> Probe:
    """As large as a tile of so many instruments; each thread reads about so many bytes."""
    return _probe(threads, instruments * TILE, read)


def memory_probe(threads: int, held: float = 2**30) -> Probe:
    """Far larger than any cache, read twice."""
    return _probe(threads, int(held / DOUBLE / threads), 2 * held / threads)


def _probe(threads: int, numbers: int, read: float) -> Probe:
    buffers = aligned_zeros((threads, numbers))
    buffers[:] = 1.0
    return Probe(buffers, max(int(read / DOUBLE / numbers), 1))
