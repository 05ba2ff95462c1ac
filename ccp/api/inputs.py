"""What a run starts from, and what it says of that."""

import hashlib
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from ccp.book.book import Book
from ccp.frames import BOOK_TABLES
from ccp.market.case import Case, open_case
from ccp.market.history import Market, read_market
from ccp.rulebook.load import load_rulebook, rulebook_path
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.manifest import manifest
from ccp.scenarios.scenario_set import without_multiple
from ccp.scenarios.single_names import ALONE
from ccp.stress.measure import Measured

DEFAULT_RULEBOOK = "textbook/cover-two"
read_rulebook = load_rulebook


def example_book() -> Path:
    """The directory of the synthetic book that is shipped with the package."""
    return Path(str(files("ccp.book") / "example"))


def open_inputs(
    book: Path | str | Book,
    rulebook: str | Path | Rulebook,
    market: str | Path | Market | None,
    day: date | None,
) -> Case:
    """A book met with its market under a rulebook, each given as it is or by its path or name."""
    rules = rulebook if isinstance(rulebook, Rulebook) else load_rulebook(rulebook)
    prices = market if isinstance(market, Market) else read_market(market)
    return open_case(book, prices, rules, day)


def input_files(case: Case, rulebook: str | Path | Rulebook, **others: Path | None) -> dict[str, Path]:
    """Every file that a run reads, by role."""
    inputs = {f"book/{name}": path for name, path in case.book.files.items()}
    inputs |= {f"market/{name}": path for name, path in case.market.files.items()}
    if not isinstance(rulebook, Rulebook):
        inputs["rulebook"] = rulebook_path(rulebook)
    return inputs | {role: path for role, path in others.items() if path is not None}


def in_memory(case: Case) -> dict[str, str]:
    """Digests of a book and a market that were given as frames and not as files."""
    tables = {f"book/{name}": getattr(case.book, name) for name in BOOK_TABLES if name not in case.book.files}
    if not case.market.files:
        tables |= {"market/prices": case.market.levels, "market/factors": case.market.factors}
    given = {name: table for name, table in tables.items() if table is not None}
    return {
        name: hashlib.sha256(table.hash_rows(seed=0).to_numpy().tobytes()).hexdigest() for name, table in given.items()
    }


def run_manifest(
    case: Case, rulebook: str | Path | Rulebook, scenarios: Path | None, measured: Measured, command: str
) -> dict[str, Any]:
    """Inputs, versions and conventions of a run."""
    run = {"command": command, "date": case.date.isoformat(), "modelled_factors": list(case.market.modelled)}
    inputs = input_files(case, rulebook, scenarios=scenarios)
    counts = {"stress_scenarios": measured.scenarios.count} | windows_of_run(measured)
    return manifest(inputs, case.rulebook, run | counts)


def windows_of_run(measured: Measured) -> dict[str, Any]:
    """The windows of the history, and which of them are scenarios: nothing where none is."""
    kept = {label.window: without_multiple(label) for label in measured.scenarios.labels if label.window}
    case, looked_at = measured.case, measured.screened is not None and measured.screened.candidates.count > 0
    days = case.market.dates
    stated = {"count": len(days) - 1, "first_day": str(days[0]), "last_day": str(days[-1]), "every_one_run": looked_at}
    windows = {"windows": stated | {"kept": list(kept.values())}} if kept else {}
    return windows | _names_of_run(measured)


def _names_of_run(measured: Measured) -> dict[str, Any]:
    """How many single names and moves were looked at, and which names are kept, each with the way that it moves."""
    model, screened = measured.windows, measured.screened
    if model is None or model.names is None or screened is None:
        return {}
    kept = [f"{name}{ALONE}{way}" for name, way in sorted(screened.kept.single_names)]
    return {"single_names": {"count": model.names.count, "kept": kept}}
