"""Reading what a sized run keeps for `ccp whatif` to start from: all of it, or one line that says what is wrong."""

import json
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ccp.api.base import FOLDER, FORM, TABLES
from ccp.book.book import Book
from ccp.book.kept import kept_positions
from ccp.book.portfolio import Portfolio, clients_of
from ccp.errors import refuse
from ccp.frames import Positions
from ccp.market.case import Case
from ccp.market.history import Market
from ccp.market.needs import needed_factors
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.run import read_manifest
from ccp.stress.kept import kept
from ccp.stress.parts import EngineModel, PartFound

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, pl.exceptions.PolarsError)


@dataclass(frozen=True)
class Base:
    """A sized run to start from: its case (positions read as they are needed), its model, and what was found.

    `scenarios` is the file that the stress scenarios came from, where there was one; `coverage` and `contributions` are
    the run's own.
    """

    folder: Path
    case: Case
    scenarios: Path | None
    model: EngineModel
    found: PartFound
    coverage: dict[str, Any]
    contributions: pl.DataFrame


def read_base(run: Path | str) -> Base:
    """What a run keeps to start from. Raises InputError."""
    run = Path(run)
    folder = run / FOLDER
    if not (folder / "base.json").is_file():
        known = (run / "manifest.json").is_file()
        expected = "this run keeps nothing to start from; size the book again with `base`" if known else ""
        raise refuse(str(run), expected or "a directory that ccp size --base has written was expected")
    read_manifest(run)
    try:
        stated = json.loads((folder / "base.json").read_text(encoding="utf-8"))
        wanted = {"form": FORM, "ccp": version("ccp-waterfall")}
        if any(stated[name] != value for name, value in wanted.items()):
            raise refuse(str(run), f"was written by another version (ccp {stated['ccp']}); size the book again")
        _check_whole(folder, stated["files"])
        return _read(run, folder, stated)
    except UNREADABLE as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise refuse(str(folder), f"is not whole: {first_line}; size the book again") from None


def _check_whole(folder: Path, sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        path = folder / name
        if not path.is_file():
            raise ValueError(f"{name} is missing")
        if path.stat().st_size != size:
            raise ValueError(f"{name} has {path.stat().st_size} bytes of {size}")


def _read(run: Path, folder: Path, stated: dict[str, Any]) -> Base:
    tables = {
        name: pl.read_parquet(folder / f"{name}.parquet") if f"{name}.parquet" in stated["files"] else None
        for name in TABLES
    }
    book = Book(positions=Positions.create_empty(), files={}, **tables)  # type: ignore[arg-type]
    rulebook = Rulebook.model_validate_json((folder / "rulebook.json").read_text(encoding="utf-8"))
    levels, factors = pl.read_parquet(folder / "levels.parquet"), pl.read_parquet(folder / "factors.parquet")
    market = Market(levels, factors, {}, tuple(stated["modelled"]))
    if levels["date"][-1] != date.fromisoformat(stated["date"]):
        raise ValueError("the market ends on another day")
    held = kept(stated["kept"], folder / "arrays")
    portfolio = _portfolio(book, held["tree"], folder)
    case = Case(book, market, rulebook, needed_factors(book, rulebook.currency), portfolio)
    file = folder / "scenarios" / stated["scenarios"] if stated["scenarios"] else None
    coverage = json.loads((run / "coverage.json").read_text(encoding="utf-8"))
    contributions = pl.read_parquet(run / "contributions.parquet", columns=["member_id", "contribution"])
    return Base(folder, case, file, held["model"], held["found"], coverage, contributions)


def _portfolio(book: Book, tree: dict[str, np.ndarray], folder: Path) -> Portfolio:
    """The portfolio of tables that are in its order."""
    firsts = np.flatnonzero(np.diff(tree["account_pool"], prepend=-1))
    clients, account_client = clients_of(book.accounts)
    return Portfolio(
        instruments=book.instrument_column("instrument_id").to_list(),
        accounts=book.accounts["account_id"].to_list(),
        pools=book.accounts["pool_id"].gather(firsts).to_list(),
        roster=book.roster,
        clients=clients,
        account_client=account_client,
        positions=kept_positions(folder),
        **{name: places for name, places in tree.items() if name != "member_group"},
    )
