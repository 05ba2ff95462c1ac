"""What a sized run keeps for `ccp whatif` to start from: the book, the market, the rules, and what was found."""

import json
import shutil
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from ccp.book.book import Book
from ccp.book.kept import keep_positions, kept_positions
from ccp.book.portfolio import build_portfolio
from ccp.errors import refuse
from ccp.frames import BOOK_TABLES
from ccp.kernels.pools import Shortfalls
from ccp.market.case import Case
from ccp.market.history import Market
from ccp.market.needs import needed_factors
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.stress_set import stress_scenarios
from ccp.stress.measure import Measured
from ccp.stress.parts import PartFound

FOLDER = "base"
FORM = 1
"""The form of what is kept; a run of another form, or of another version of the program, is sized anew."""
TABLES = ("members", "accounts", "instruments", "collateral")
BY_ACCOUNT = ("account_margin", "net_option_value", "pool_margin", "pool_counted", "gross")


@dataclass(frozen=True)
class Base:
    """A sized run to start from: its case (positions read as they are needed), scenarios, and what was found."""

    case: Case
    stress: ScenarioSet
    scenarios: Path | None
    found: PartFound
    coverage: dict[str, Any]


@dataclass(frozen=True)
class Keeper:
    """Writes a base. `positions` is a folder that holds them already, where they were not in memory."""

    measured: Measured
    scenarios: Path | None
    positions: "TemporaryDirectory[str] | None"

    def write(self, run: Path) -> None:
        """Write into a run's directory."""
        folder, case = run / FOLDER, self.measured.case
        folder.mkdir()
        for name in TABLES:
            table: pl.DataFrame | None = getattr(case.book, name)
            if table is not None:
                table.write_parquet(folder / f"{name}.parquet")
        case.market.levels.write_parquet(folder / "levels.parquet")
        case.market.factors.write_parquet(folder / "factors.parquet")
        (folder / "rulebook.json").write_text(case.rulebook.model_dump_json(by_alias=True), encoding="utf-8")
        if self.scenarios is not None:
            shutil.copyfile(self.scenarios, folder / f"scenarios{self.scenarios.suffix}")
        if self.positions is None:
            keep_positions(case.portfolio, folder)
        else:
            shutil.copytree(self.positions.name, folder, dirs_exist_ok=True)
        np.savez(folder / "found.npz", **_arrays(self.measured.found))
        stated = {"form": FORM, "ccp": version("ccp-waterfall"), "date": case.date.isoformat()}
        stated |= {"modelled": list(case.market.modelled), "scenarios": self.scenarios and self.scenarios.suffix}
        (folder / "base.json").write_text(json.dumps(stated, indent=2) + "\n", encoding="utf-8")


def keeper(measured: Measured, scenarios: Path | None, folder: "TemporaryDirectory[str] | None") -> Keeper:
    """What keeps a measured book. With a `folder` its positions are copied there at once: they are on disk, and do not
    outlast the run."""
    if folder is not None:
        keep_positions(measured.case.portfolio, Path(folder.name))
    return Keeper(measured, scenarios, folder)


def _arrays(found: PartFound) -> dict[str, Any]:
    """Everything that was found, by name."""
    arrays: dict[str, Any] = {name: getattr(found, name) for name in BY_ACCOUNT}
    if found.account_cost is not None:
        arrays["account_cost"] = found.account_cost
    arrays |= {f"add_on/{name}": amounts for name, amounts in found.add_ons.items()}
    for way, shortfalls in found.shortfalls.items():
        arrays |= {f"shortfalls/{way}/{name}": amounts for name, amounts in shortfalls._asdict().items()}
    return arrays


def _found(arrays: dict[str, np.ndarray]) -> PartFound:
    ways = dict.fromkeys(name.split("/")[1] for name in arrays if name.startswith("shortfalls/"))
    return PartFound(
        account_cost=arrays.get("account_cost"),
        add_ons={name.split("/")[1]: amounts for name, amounts in arrays.items() if name.startswith("add_on/")},
        shortfalls={
            way: Shortfalls(*(arrays[f"shortfalls/{way}/{name}"] for name in Shortfalls._fields)) for way in ways
        },
        **{name: arrays[name] for name in BY_ACCOUNT},
    )


def read_base(run: Path | str) -> Base:
    """What a run keeps to start from. Raises InputError."""
    run = Path(run)
    folder = run / FOLDER
    if not (folder / "base.json").is_file():
        known = (run / "manifest.json").is_file()
        expected = "this run keeps nothing to start from; size the book again with --base" if known else ""
        raise refuse(str(run), expected or "a directory that ccp size --base has written was expected")
    try:
        stated = json.loads((folder / "base.json").read_text(encoding="utf-8"))
        if (stated["form"], stated["ccp"]) != (FORM, version("ccp-waterfall")):
            raise refuse(str(run), f"was written by ccp {stated['ccp']}; size the book again with this version")
        return _read(run, folder, stated)
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
        raise refuse(str(folder), f"is not whole: {str(error).splitlines()[0]}; size the book again") from None


def _read(run: Path, folder: Path, stated: dict[str, Any]) -> Base:
    paths = {name: folder / f"{name}.parquet" for name in TABLES}
    tables = {name: pl.read_parquet(path) if path.is_file() else None for name, path in paths.items()}
    book = Book(positions=BOOK_TABLES["positions"].create_empty(), files={}, **tables)  # type: ignore[arg-type]
    rulebook = Rulebook.model_validate_json((folder / "rulebook.json").read_text(encoding="utf-8"))
    levels, factors = pl.read_parquet(folder / "levels.parquet"), pl.read_parquet(folder / "factors.parquet")
    market = Market(levels, factors, {}, tuple(stated["modelled"]))
    if market.dates[-1] != date.fromisoformat(stated["date"]):
        raise ValueError("the market ends on another day")
    factor_ids = needed_factors(book, rulebook.currency)
    portfolio = build_portfolio(book, kept_positions(folder))
    case = Case(book, market, rulebook, factor_ids, portfolio)
    file = folder / f"scenarios{stated['scenarios']}" if stated["scenarios"] else None
    stress = stress_scenarios(rulebook, market, factor_ids, file)
    with np.load(folder / "found.npz") as arrays:
        found = _found(dict(arrays))
    coverage = json.loads((run / "coverage.json").read_text(encoding="utf-8"))
    return Base(case, stress, file, found, coverage)
