"""Compiling all kernels ahead, so that no later start has to."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ccp.api.default import default
from ccp.api.paths import draw_paths
from ccp.api.simulate import simulate
from ccp.api.size import size
from ccp.api.streamed import Streaming
from ccp.api.synthesize import synthesize
from ccp.backtesting.models import margin_models
from ccp.book.book import Book, read_book
from ccp.book.synthetic import BookSize
from ccp.errors import refuse
from ccp.exposure.run import Progress
from ccp.kernels.engine.cache_places import other_versions, remove_abandoned, remove_unused
from ccp.kernels.engine.numba_door import CODE, COMPILED
from ccp.market.case import open_case
from ccp.market.history import Market, read_market
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.margin import AddOns, Concentration
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.stress import StressRules
from ccp.scenarios.stress_set import stress_scenarios
from ccp.settlement.opening import RunRequest
from ccp.stress.measure import measure

TINY = BookSize(members=4, accounts=12, positions=240, instruments=80)
DAYS = 3
FEW = StressRules.model_validate(
    {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.1, 0.2]}], "single_names": {"sizes": [0.1]}}
)
"""Stress scenarios, few of them: every one is run down the waterfall."""
Step = Callable[[], object]


@dataclass(frozen=True)
class WarmUp:
    """What `warmup` did: how many kernels it `compiled`, and the `folders` that hold compiled code, with how many files
    and bytes in all. `wanted` is where it should be.

    `removed` are the folders of other versions that are gone, `in_use` those that may be in use and were left.
    """

    compiled: int
    wanted: Path
    folders: list[Path]
    files: int
    bytes: int
    removed: list[Path]
    in_use: list[Path]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""

        def plain(value: Any) -> Any:
            return [str(path) for path in value] if isinstance(value, list) else value

        return {name: plain(value) for name, value in vars(self).items() if name != "wanted"}


def warmup(progress: Progress | None = None, clean: bool = False) -> WarmUp:
    """Run a tiny case through everything that is compiled; what is compiled already is only read. Raises InputError.

    `clean` removes what other versions of the kernels have left. A folder that a running process holds is left alone.
    """
    if not COMPILED:
        raise refuse("NUMBA_DISABLE_JIT", "nothing is compiled while this is set; it was expected not to be")
    before, lost = CODE.saved, CODE.lost
    removed, in_use = _clean() if clean else ([], [])
    with TemporaryDirectory(prefix="ccp-warmup-") as folder:
        _run(_steps(Path(folder)), progress)
    if CODE.lost > lost:
        shown = ", ".join(str(folder) for folder in CODE.folders) or "the cache"
        raise refuse(shown, "a directory that compiled code can be written to was expected; CCP_CACHE_DIR names one")
    sizes = {folder: [path.stat().st_size for path in folder.glob("[!.]*")] for folder in CODE.folders}
    holding = [folder for folder in CODE.folders if sizes[folder]]
    every = [size for folder in holding for size in sizes[folder]]
    return WarmUp(CODE.saved - before, CODE.folders[0], holding, len(every), sum(every), removed, in_use)


def _run(steps: list[Step], progress: Progress | None) -> None:
    for done, step in enumerate(steps, start=1):
        step()
        if progress is not None:
            progress(done, len(steps))


def _clean() -> tuple[list[Path], list[Path]]:
    """Remove what is no longer used: the folders that are gone, and those left."""
    for folder in CODE.folders:
        remove_abandoned(folder)
    old = [folder for place in CODE.places for folder in other_versions(place, CODE.version)]
    gone = [folder for folder in old if remove_unused(folder)]
    return gone, [folder for folder in old if folder not in gone]


def _steps(folder: Path) -> list[Step]:
    """Every path through the program that leads to kernels of its own, on a book that takes no time."""
    market = read_market()
    book = read_book(directory := synthesize(folder / "book", TINY, seed=1))
    days = [market.dates[-DAYS], market.dates[-1]]
    request = RunRequest(days[0], days[1], book_date=days[1], defaults=(("M001", market.dates[1 - DAYS]),))
    full, cycle = load_rulebook("textbook/full-waterfall"), _with_add_ons(load_rulebook("textbook/daily-cycle"))
    short = cycle.margin.model_copy(update={"lookback_days": 60})
    margins = [short, *margin_models(cycle.margin, None).values()]
    models = [cycle.model_copy(update={"margin": margin, "stress": FEW}) for margin in margins]
    kinds = {(rules.margin.model, rules.margin.lookback_days): rules for rules in models}.values()
    return [
        lambda: _paths(full),
        *(partial(size, book, rules, market) for rules in models),
        *(partial(size, directory, rules, market, streaming=Streaming()) for rules in kinds),
        lambda: _search(book, cycle.model_copy(update={"stress": FEW}), market),
        lambda: default(book, full, market=market, contagion=True, fire_sale=True),
        lambda: simulate(book, folder / "run", request, cycle, market),
    ]


def _search(book: Book, rules: Rulebook, market: Market) -> None:
    """What a search of the worst set may ask of books that are sold together, and need not of a small one."""
    case = open_case(book, market, rules)
    losses = measure(case, stress_scenarios(rules, case.market, case.factor_ids)).losses
    if losses.bounds is not None:
        losses.bounds.more((0, 1))
        losses.bounds.most(2)
    losses.of_groups(0, (0, 1))


def _with_add_ons(rules: Rulebook) -> Rulebook:
    """A rulebook with every add-on."""
    every = AddOns(concentration=Concentration(), bid_ask=True, wrong_way=1.0)
    return rules.model_copy(update={"margin": rules.margin.model_copy(update={"add_ons": every})})


def _paths(rules: Rulebook) -> None:
    """Two paths of two members, one in default on each."""
    in_default = np.eye(2, dtype=np.bool_)
    draw_paths(rules, {"A": 1000.0, "B": 1000.0}, np.where(in_default, 1500.0, 0.0), in_default, bills=True)
