"""What a bound on memory leaves room for: how much is read at a time, and how large a part may be."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ccp.api.memory import MEBI, resident
from ccp.book.roster import each_alone
from ccp.book.row_groups import row_groups
from ccp.book.stored_portfolio import StoredPortfolio
from ccp.book.streaming import RANGES, READ_ROWS, WRITE_ROWS, BatchSizes
from ccp.errors import InputError, refuse, refuse_argument
from ccp.exposure.run import BLOCK_ACCOUNTS
from ccp.kernels.exposure.pools import Shortfalls
from ccp.kernels.exposure.windows import WindowSums
from ccp.margin.collateral import Holdings
from ccp.margin.concentration import client_units
from ccp.margin.requirement import knowing_all
from ccp.market.case import Case
from ccp.rulebook.tier_forms import all_parts
from ccp.rulebook.tier_kind import OFFERED
from ccp.rulebook.tier_table import kind_of
from ccp.sizing.circumstances import asks_for_sides
from ccp.stress.more_scenarios import MOST_FRESH
from ccp.stress.parts import EngineModel, PartTask, measure_task
from ccp.stress.windows import COUNTED_BYTES
from ccp.types import Index
from ccp.waterfall.plan import make_plan

READ_BYTES = 256
"""Memory that a row takes while it is read and checked."""
WRITE_BYTES = 64
"""Memory that a row takes while it is written apart."""
POSITION_BYTES = 96
"""Memory that a position takes while its part is read, put in order and measured."""
BOOK_BYTES = 2 * 4 * 8 + 3 * 8
"""Memory that what a group holds of an instrument takes: sums so far and a part's, and what is made of them."""
NOTE_BYTES = 40
"""Memory that an account takes in the parts' notes of what is to be read."""
ACCOUNT_BYTES = 64
"""Memory that an account takes in results, once ids are gathered."""
RESULT_BYTES = 150
"""Memory that a member takes in results, in each scenario and each tier."""
TOTAL_BYTES = 256
"""Memory that a sum of what is held together takes while parts are put together: key and amounts, several times."""
SIZE_BYTES = 32
"""Memory that it takes from then on."""
SIDES_BYTES = 32 * MEBI
"""Memory of the library that keeps members' long and short positions."""
READING_BYTES = 24 * MEBI
"""Memory that reading takes beside rows."""
SLACK_BYTES = 16 * MEBI
"""What is asked for beyond what is needed: more is read at a time where there is more, and not all of it comes back."""
FEWEST_ROWS = 2**15
FEWEST_POSITIONS = 2**16
"""Fewer rows at a time, and smaller parts, would cost more than they save."""
PARTS_A_RANGE = 1 / 8
"""So that parts can mostly be cut where ranges end."""


def bounded_sizes(path: Path, memory: int) -> BatchSizes:
    """How much to read at a time. Where memory is too little the least, so that all can be said of what is needed.

    Raises InputError where the file cannot be read within the bound.
    """
    groups = row_groups(path)
    rows, largest = sum(one.rows for one in groups), max((one.stored + one.plain for one in groups), default=0)
    left = memory - resident() - READING_BYTES - largest
    if left < 0 and largest > READING_BYTES:
        raise _too_large_groups(path, memory, largest, left)
    left = max(left, 0)
    read = min(max(left // 6 // READ_BYTES, FEWEST_ROWS), READ_ROWS)
    write = min(max(left // 6 // WRITE_BYTES, FEWEST_ROWS), WRITE_ROWS)
    parts = rows * POSITION_BYTES / max(left, MEBI)
    return BatchSizes(read, write, int(min(max(parts / PARTS_A_RANGE, 1), RANGES)))


def _too_large_groups(path: Path, memory: int, largest: int, left: int) -> InputError:
    needed, taken = -(-(memory - left) // MEBI) + 1, largest // MEBI
    expected = f"smaller row groups, or `memory` {needed}MiB, were expected: to read the largest takes {taken} MiB"
    return refuse(path.name, expected)


def bounded_portfolio(
    case: Case, portfolio: StoredPortfolio, model: EngineModel, lines: Holdings | None, memory: int, least: int
) -> StoredPortfolio:
    """The portfolio in parts that can be measured within the bound. Raises InputError where it is too little.

    `least` is what it took to come so far.
    """
    weighed = replace(portfolio, pool_weight=_pool_weight(model, lines))
    _load_kernels(weighed, model, lines)
    room, weights = memory - resident(), weighed.weights
    measuring, results = _measuring_bytes(case, portfolio, model, lines), _result_bytes(case, model)
    most, portion = ((room - taken) * 3 // 4 // POSITION_BYTES for taken in (measuring, results))
    needed = max(int(weights.max()), min(FEWEST_POSITIONS, int(weights.sum())))
    if min(most, portion) < needed or least > memory:
        wanted = (max(measuring, results) + needed * POSITION_BYTES * 4 // 3) * 5 // 4
        raise _too_little(memory, max(wanted - room, least - memory) + SLACK_BYTES)
    return replace(weighed, most=most, portion=portion)


def _pool_weight(model: EngineModel, lines: Holdings | None) -> Index | None:
    """What a pool takes beside its positions, in positions: collateral in every scenario, where that moves it."""
    if lines is None:
        return None
    if model.stress.collateral.stress != "scenario":
        return np.ones(lines.pools, dtype=np.int64)
    a_row = _scenarios(model) * 8
    return a_row * (6 + 6 * np.bincount(lines.pool, minlength=lines.pools)) // POSITION_BYTES


def _load_kernels(portfolio: StoredPortfolio, model: EngineModel, lines: Holdings | None) -> None:
    """Measure a pool as if it held nothing: compiled code is loaded, or made, before memory is measured."""
    pools = np.zeros(1, dtype=np.int64)
    part = portfolio.stored(pools)
    empty = replace(part, runs=part.runs[:0], held=np.zeros_like(part.held))
    model = replace(model, margin=knowing_all(model.margin, [empty.load()]))
    measure_task(model, PartTask(empty, None if lines is None else lines.of_pools(pools)))


def _measuring_bytes(case: Case, portfolio: StoredPortfolio, model: EngineModel, lines: Holdings | None) -> int:
    """Memory that measuring takes beside positions: a block's losses, the cube once more, sums by member, those so far
    and a part's, and what groups hold where selling it costs something; or, before that, sums of what is held together.
    """
    scenarios, stress = _scenarios(model), model.stress
    at_once = max(stress.scenarios.count, scenarios - stress.scenarios.count)
    block = min(BLOCK_ACCOUNTS, len(portfolio.accounts)) * at_once * 8
    sums = 2 * len(Shortfalls._fields) * len(portfolio.members) * scenarios * 8 * (1 if lines is None else 3)
    moves = lines is not None and stress.collateral.stress == "scenario"
    counted = 2 * len(portfolio.pools) * scenarios * 8 if moves else 0
    rows = len(stress.unit_loss) * 8
    pricing = max(block + rows * at_once, _slice_bytes(model, lines is not None)) + rows * scenarios
    held = len(portfolio.instruments) * stress.sells + 2 * len(stress.rows.paper)
    books = len(portfolio.groups) * held * BOOK_BYTES
    together, notes = sums_together(portfolio, model), len(portfolio.accounts) * NOTE_BYTES
    windows = _window_bytes(case, model, 1 if lines is None else 3)
    margined = pricing + sums + counted + books + together * SIZE_BYTES + windows
    return max(margined, together * TOTAL_BYTES) + notes


def sums_together(portfolio: StoredPortfolio, model: EngineModel) -> int:
    """How many sums of quantities there may be of what is held together beyond a part: where concentration asks."""
    terms = model.margin.add_ons.concentration
    if terms is None:
        return 0
    of_clients = int(portfolio.store.held[client_units(terms, portfolio) >= 0].sum())
    counted = int((terms.sale.volume > 0).sum())
    return min(terms.units * counted, portfolio.store.count) + min(int(terms.joint.sum()) * counted, of_clients)


def _scenarios(model: EngineModel) -> int:
    """How many stress scenarios there will be, about: those that are known, and windows that are yet to be kept."""
    known = model.stress.scenarios.count
    return known if model.windows is None else known + MOST_FRESH


def _window_bytes(case: Case, model: EngineModel, ways: int) -> int:
    """Memory that what is found of every window and name takes: sums by member, those so far, a part's, and what is
    made of them."""
    if model.windows is None:
        return 0
    windows, members = model.windows.count, len(case.portfolio.members)
    return (3 * len(WindowSums._fields) * ways + 4) * members * windows * 8


def _slice_bytes(model: EngineModel, held: bool) -> int:
    """Memory that looking at a slice of the windows takes, and at all names: their cubes, and what collateral that is
    `held` counts for."""
    if model.windows is None:
        return 0
    names = 0 if model.windows.names is None else 4 * model.windows.names.cube.change.nbytes
    return 4 * model.windows.pricer.rows * model.windows.slice_ * 8 + names + (2 * COUNTED_BYTES if held else 0)


def _result_bytes(case: Case, model: EngineModel) -> int:
    """Memory that results take until they are written, about."""
    portfolio = case.portfolio
    accounts, events = len(portfolio.accounts), len(portfolio.members) * _scenarios(model)
    longest = sum(max(map(len, ids), default=0) for ids in (portfolio.pools, portfolio.members))
    tables = max(accounts * 4 * longest, events * RESULT_BYTES * (1 + _paying_tiers(case)))
    return accounts * ACCOUNT_BYTES + tables + _sides_bytes(case, model.stress.rows.periods)


def _paying_tiers(case: Case) -> int:
    """In how many tiers a member may stand in the waterfall table, about: few events reach the last ones."""
    kinds = [kind_of(part.word) for part in all_parts(case.rulebook.tiers)]
    return min(sum(kind.of_survivors and kind.form != OFFERED for kind in kinds), 3)  # a book states no offers


def _sides_bytes(case: Case, periods: int) -> int:
    """Memory that members' long and short positions take over so many periods, for tiers that look at them."""
    portfolio, nobody = case.portfolio, np.zeros(0, dtype=np.int64)
    asked = asks_for_sides(make_plan(case.rulebook, each_alone([]), nobody))
    return SIDES_BYTES + len(portfolio.members) * len(portfolio.instruments) * periods * 8 * 5 if asked else 0


def _too_little(memory: int, missing: int) -> InputError:
    needed = -(-(memory + missing) // MEBI) + 1
    expected = f"at least {needed} MiB was expected for this book under this rulebook"
    return refuse_argument("memory", expected, value=f"{memory // MEBI} MiB")
