"""Arrays of the waterfall over many paths: what happens on them, and what a thread works with."""

from typing import NamedTuple

import numpy as np

from ccp.kernels.engine.numba_door import kernel
from ccp.types import Cents, Flags, Index, Vector

CHUNK = 256
"""Paths whose defaulters are gathered at a time; a multiple of eight."""

TABLED = 4
"""Up to so many defaulting groups capacities are looked up, not added up anew."""
BYTE_KEY = 19
"""The first bits of the eight bytes of a word leave eight different remainders by this number."""


class PathArrays(NamedTuple):
    """What happens on the paths. `loss`, `margin` and `segment_loss` in units of the currency, the rest in cents.

    `loss` is path x group; `margin` likewise, or one row for all paths. `flags` says who is in default, path after
    path in one line, and `flag_words` is the same memory, eight flags a number. `claims` (path x member, or
    one row for all) is what haircuts may cut. `offered`, `unable` and `auction` are by member, as in an event.
    `segment_loss` is path x segment, or one row; `segment_weight` segment x member. No segments: no rows there.
    """

    loss: Vector
    margin: Vector
    flags: Flags
    flag_words: Index
    claims: Cents
    offered: Cents
    unable: Flags
    auction: Index
    segment_loss: Vector
    segment_weight: Vector


class Desk(NamedTuple):
    """One thread's working arrays. `byte_of`: see `byte_places`.

    Of a chunk of paths: where each path's defaulters begin, their groups and losses; what is owed by path, and which
    paths still owe; capacity by part and path; what haircuts took by path and member. Of one path, by member: the most
    each may pay, its weight, what it pays of a part, a sleeve.
    """

    byte_of: Index
    begin: Index
    defaulter: Index
    lost: Vector
    owed: Cents
    active: Index
    capacity: Cents
    cut: Cents
    limit: Cents
    weight: Vector
    paid: Cents
    sleeve: Cents


@kernel
def byte_places():
    """Which byte of a word a lone first bit stands in, by its remainder."""
    places, bit = np.zeros(BYTE_KEY, dtype=np.int64), 1
    for byte in range(8):
        places[bit % BYTE_KEY] = byte
        bit *= 256
    return places
