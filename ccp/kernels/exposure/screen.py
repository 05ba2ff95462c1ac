"""Margins decided in double precision, among scenarios that single precision could not rule out.

A margin needs an account's few largest losses only. Single precision reads half the bytes and says, with a bound on
its error, which scenarios cannot be among them; the others are added up again in double precision, in the same order as
ever. The margin is that of the plain way to the last bit: docs/explain/performance.md, decision 0012.
"""

from typing import NamedTuple

import numpy as np

from ccp.kernels.engine.numba_door import kernel, parallel_kernel, prange
from ccp.kernels.exposure.portfolio_losses import in_minor
from ccp.kernels.exposure.row_sum import ROW_BYTES
from ccp.kernels.exposure.sweep import sum_four, sum_positions
from ccp.kernels.exposure.tail import insert, weighted_sum
from ccp.types import Cents, Flags, Index, InstrumentByScenario, Vector

WIDTH = ROW_BYTES // 4
"""Scenarios in a tile of single precision."""
LANES = 128
"""Maxima among which a threshold is found."""
MOST_KEPT = LANES // 2
"""So many largest losses at most can be screened for: a threshold is found among as many maxima as lanes."""
MOST_LEFT = 64
"""An account for which more scenarios than these are left is added up in double precision throughout."""
HALVINGS = 12
"""Steps in search of the threshold; stopping early lets some scenarios more through, never one less."""
LINE = 8
"""Numbers in a cache line."""
ROUNDING = 2.0**-24
"""Half a unit in the last place of single precision, of one."""
SIZE_BITS = np.int64(2**63 - 1)
"""All bits of a number but its sign."""
LEAST, LARGEST = 1e-30, 1e37
"""Sizes are counted as no smaller than the first, so that underflow is inside the bound; beyond the second single
precision is not used."""


class ScreenArrays(NamedTuple):
    """The cube as the screen takes it: `tiles` in single precision (tile x instrument x WIDTH, zeros at the end),
    `largest` the size of each instrument's largest unit loss (no less than LEAST, infinite from LARGEST on),
    `columns` the cube itself, scenario x instrument."""

    tiles: np.ndarray
    largest: Vector
    columns: InstrumentByScenario


class Left(NamedTuple):
    """Scenarios that are left, chunk-wide: for account `a` entries `offset[a]` to `offset[a + 1]`, with losses."""

    offset: Index
    scenario: np.ndarray
    loss: Vector


@kernel
def largest_size(losses):
    """The largest size of some losses, no less than LEAST; infinite from LARGEST on, or if one is not a number.

    Sizes are compared by their bits, which are in the same order and which the processor takes several of at once.
    """
    highest = np.int64(0)
    bits = losses.view(np.int64)
    for s in range(bits.shape[0]):
        highest = max(highest, bits[s] & SIZE_BITS)
    size = np.int64(highest).view(np.float64)
    return max(size, LEAST) if size < LARGEST else np.inf


@parallel_kernel
def cut_for_screen(unit_loss: InstrumentByScenario, tiles, columns, largest: Vector):
    """Fill the fields of `ScreenArrays` from the cube, instrument x scenario; `tiles` stay zero at the end.

    Instruments that fill a cache line of a column go together.
    """
    instruments, scenarios = unit_loss.shape
    for line in prange(-(-instruments // LINE)):
        first, last = line * LINE, min((line + 1) * LINE, instruments)
        for i in range(first, last):
            largest[i] = largest_size(unit_loss[i])
            for t in range(tiles.shape[0]):
                for s in range(min(WIDTH, scenarios - t * WIDTH)):
                    tiles[t, i, s] = unit_loss[i, t * WIDTH + s]
        for s in range(scenarios):
            for i in range(first, last):
                columns[s, i] = unit_loss[i, s]


@kernel
def error_bound(positions, account, largest):
    """How far a loss in single precision may be from that in double.

    Each product is of two rounded numbers and each sum is rounded once, at most by half a unit of the sum of all
    sizes: (n + 2) roundings of n positions, and some more for those of double precision and of the bound itself.
    Source: N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition (2002), section 3.1.
    """
    begin, end = positions.offset[account], positions.offset[account + 1]
    sizes, highest = 0.0, 0.0
    for entry in range(begin, end):
        quantity = max(abs(positions.quantity[entry]), LEAST)
        sizes += quantity * largest[positions.instrument[entry]]
        highest = max(highest, quantity)
    roundings = (end - begin + 16) * ROUNDING
    if not (sizes < LARGEST and highest < LARGEST and roundings < 0.1):
        return np.inf
    return 1.2 * roundings * sizes + LEAST


@kernel
def lane_maxima(row, maxima):
    """Fill `maxima` (LANES) with the largest of the scenarios that share a lane."""
    for s in range(LANES):
        maxima[s] = row[s]
    for t in range(1, row.shape[0] // LANES):
        part = row[t * LANES : (t + 1) * LANES]
        for s in range(LANES):
            maxima[s] = max(maxima[s], part[s])


@kernel
def at_least(maxima, level):
    """How many maxima reach a level."""
    count = 0
    for s in range(LANES):
        count += maxima[s] >= level
    return count


@kernel
def threshold(maxima, kept):
    """A level that at least `kept` of the maxima reach, so at least as many scenarios; by halving."""
    low, high = maxima[0], maxima[0]
    for s in range(LANES):
        low, high = min(low, maxima[s]), max(high, maxima[s])
    for _ in range(HALVINGS):
        level = np.float32(0.5) * (low + high)
        count = at_least(maxima, level)
        if count >= kept:
            low = level
        else:
            high = level
        if count == kept:
            break
    return low


@kernel
def pick(row, maxima, level, lanes, scenario):
    """Fill `scenario` with the scenarios that reach a level, in order. Returns how many; they may be more than fit."""
    hot, count = 0, 0
    for s in range(LANES):
        lanes[hot] = s
        hot += maxima[s] >= level
    for begin in range(0, row.shape[0], LANES):
        for place in range(hot):
            s = begin + lanes[place]
            if row[s] >= level:
                if count < scenario.shape[0]:
                    scenario[count] = s
                count += 1
    return count


@kernel
def approximate(tiles, positions, first, last, scenarios, rows):
    """Fill `rows` (account x scenario) with losses in single precision; past the last scenario stands nothing."""
    for t in range(tiles.shape[0]):
        for account in range(first, last):
            sum_positions(tiles[t], positions, account, rows[account - first, t * WIDTH : (t + 1) * WIDTH])
    for place in range(last - first):
        rows[place, scenarios:] = -np.inf


@kernel
def rule_out(screen, positions, first, last, rows, kept, undecided, left):
    """Find the scenarios that are left of each account. Those of which too many are left are marked."""
    maxima, lanes = np.empty(LANES, dtype=np.float32), np.empty(LANES + 1, dtype=np.int64)
    total = 0
    for account in range(first, last):
        row, room = rows[account - first], left.scenario[total : total + MOST_LEFT]
        bound = error_bound(positions, account, screen.largest)
        count = MOST_LEFT + 1
        if bound < np.inf:
            lane_maxima(row, maxima)
            level = np.float32(threshold(maxima, kept) - 2.0 * bound)
            count = pick(row, maxima, level, lanes, room)
        undecided[account] = count > MOST_LEFT
        total += 0 if count > MOST_LEFT else count
        left.offset[account - first + 1] = total


@kernel
def by_scenario(positions, first, left, start):
    """Whose each scenario that is left is, and where it stands: scenario by scenario, smaller accounts first, so that
    four neighbours are about as long. Fills `start` with where each scenario's begin."""
    accounts, total = left.offset.shape[0] - 1, left.offset[left.offset.shape[0] - 1]
    for place in range(total):
        start[left.scenario[place] + 1] += 1
    for s in range(start.shape[0] - 1):
        start[s + 1] += start[s]
    following, owner, order = start.copy(), np.empty(total, dtype=np.int32), np.empty(total, dtype=np.int32)
    sizes = positions.offset[first + 1 : first + accounts + 1] - positions.offset[first : first + accounts]
    for account in np.argsort(sizes):
        for place in range(left.offset[account], left.offset[account + 1]):
            at = following[left.scenario[place]]
            following[left.scenario[place]] = at + 1
            owner[at], order[at] = first + account, place
    return owner, order


@kernel
def add_up_left(columns, positions, first, left):
    """Fill `left.loss`, scenario by scenario: a column of the cube stays in the first-level cache meanwhile."""
    start = np.zeros(columns.shape[0] + 1, dtype=np.int64)
    owner, order = by_scenario(positions, first, left, start)
    whose, four = np.empty(4, dtype=np.int64), np.empty(4)
    for s in range(columns.shape[0]):
        for at in range(start[s], start[s + 1], 4):
            count = min(start[s + 1] - at, 4)
            for k in range(4):  # fewer than four: the last one again
                whose[k] = owner[at + min(k, count - 1)]
            sum_four(columns[s], positions, whose, four)
            for k in range(count):
                left.loss[order[at + k]] = four[k]


@kernel
def tail_of_left(left, account, top, tail_weight):
    """The weighted tail of an account's losses that are left. `top` is scratch, as long as the weights."""
    top[:] = -np.inf
    last = top.shape[0] - 1
    for place in range(left.offset[account], left.offset[account + 1]):
        if left.loss[place] > top[last]:
            insert(left.loss[place], top)
    return weighted_sum(top, tail_weight)


@parallel_kernel
def screened_margin(screen, positions, chunk, tail_weight: Vector, minor, margin: Cents, undecided: Flags):
    """Fill `margin` (account), in minor units, as `tail_margin` does, but for accounts it marks as `undecided`.

    At least LANES scenarios, and at most MOST_KEPT tail weights. Accounts are counted from 0, `chunk` bounds those that
    one thread takes at a time.
    """
    kept, scenarios = tail_weight.shape[0], screen.columns.shape[0]
    for c in prange(chunk.shape[0] - 1):
        first, last = chunk[c], chunk[c + 1]
        rows = np.empty((last - first, -(-scenarios // LANES) * LANES), dtype=np.float32)
        approximate(screen.tiles, positions, first, last, scenarios, rows)
        most = (last - first + 1) * MOST_LEFT
        offset = np.zeros(last - first + 1, dtype=np.int64)
        left = Left(offset, np.empty(most, dtype=np.int32), np.empty(most))
        rule_out(screen, positions, first, last, rows, kept, undecided, left)
        add_up_left(screen.columns, positions, first, left)
        top = np.empty(kept)
        for account in range(first, last):
            if not undecided[account]:
                tail = tail_of_left(left, account - first, top, tail_weight)
                margin[account] = in_minor(max(tail, 0.0), minor)
