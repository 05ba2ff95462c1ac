"""What a sized run keeps for `ccp whatif` to start from: book, market, rules, prices by scenario, what was found."""

import json
import shutil
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from ccp.book.book import Book
from ccp.book.kept import keep_positions
from ccp.margin.requirement import with_concentration
from ccp.stress.kept import keep
from ccp.stress.measure import Measured
from ccp.stress.parts import engine_model

FOLDER = "base"
FORM = 8
"""The form of what is kept; a run of another form, or of another version of the program, is sized anew."""
TABLES = ("members", "accounts", "instruments", "collateral")
TREE = ("account_pool", "pool_member", "pool_house", "member_group")


@dataclass(frozen=True)
class Keeper:
    """Writes a base. `scenarios` are the name and the bytes of the file they came from. `positions` is a folder that
    holds them already, where they were not in memory."""

    measured: Measured
    scenarios: tuple[str, bytes] | None
    positions: "TemporaryDirectory[str] | None"

    def write(self, run: Path) -> None:
        """Write into a run's directory."""
        folder, case = run / FOLDER, self.measured.case
        folder.mkdir()
        for name, table in _tables(case.book).items():
            if table is not None:
                table.write_parquet(folder / f"{name}.parquet")
        case.market.levels.write_parquet(folder / "levels.parquet")
        case.market.factors.write_parquet(folder / "factors.parquet")
        (folder / "rulebook.json").write_text(case.rulebook.model_dump_json(by_alias=True), encoding="utf-8")
        if self.scenarios is not None:
            (folder / "scenarios").mkdir()
            (folder / "scenarios" / self.scenarios[0]).write_bytes(self.scenarios[1])
        if self.positions is None:
            keep_positions(case.portfolio, folder)
        else:
            shutil.copytree(self.positions.name, folder, dirs_exist_ok=True)
        tree = {name: getattr(case.portfolio, name) for name in TREE}
        model = engine_model(case, self.measured.scenarios)
        model = replace(model, margin=with_concentration(model.margin, self.measured.concentration))
        kept = keep({"tree": tree, "model": model, "found": self.measured.found}, folder / "arrays")
        (folder / "base.json").write_text(json.dumps(self._stated(folder) | {"kept": kept}) + "\n", encoding="utf-8")

    def _stated(self, folder: Path) -> dict[str, Any]:
        """What the reader must know before it reads the files, the sizes of which tell whether they are whole."""
        case, files = self.measured.case, sorted(path for path in folder.rglob("*") if path.is_file())
        return {
            "form": FORM,
            "ccp": version("ccp-waterfall"),
            "date": case.date.isoformat(),
            "modelled": list(case.market.modelled),
            "scenarios": self.scenarios and self.scenarios[0],
            "files": {path.relative_to(folder).as_posix(): path.stat().st_size for path in files},
        }


def _tables(book: Book) -> dict[str, pl.DataFrame | None]:
    """What is kept of a book: members and accounts in the order of the portfolio, other tables as they were, for
    messages name their rows."""
    tables = (book.ordered_members, book.ordered_accounts, book.instruments, book.collateral)
    return dict(zip(TABLES, tables, strict=True))


def keeper(measured: Measured, scenarios: Path | None, folder: "TemporaryDirectory[str] | None") -> Keeper:
    """What keeps a measured book. With a `folder` its positions are copied there at once: they are on disk, and do not
    outlast the run."""
    if folder is not None:
        keep_positions(measured.portfolio, Path(folder.name))
    return Keeper(measured, None if scenarios is None else (scenarios.name, scenarios.read_bytes()), folder)
