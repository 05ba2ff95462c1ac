"""A run that is written day by day: each day whole or not at all, so that a killed run can go on.

While it lasts, `unfinished/` in the run's directory holds what was asked for (`request.json`), the days so far
(`days.jsonl`) and the state after the last of them (`state.npz`). The state is replaced last of all: its day is the
last whole day.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from ccp.errors import InputError, refuse
from ccp.runs.kind import UNFINISHED


class Journal:
    """The files of one run."""

    def __init__(self, out: Path, tables: tuple[str, ...]):
        self.out, self.work, self.tables = out.resolve(), out.resolve() / UNFINISHED, tables
        self.shown = str(out)

    @property
    def unfinished(self) -> bool:
        """Whether a run was broken off here."""
        return (self.work / "request.json").is_file()

    @property
    def _kept(self) -> str:
        """What a user should know when writing fails."""
        return "; whole days are kept, `resume` goes on after them" if self.unfinished else ""

    def start(self, request: dict[str, Any]) -> None:
        """Begin a run in an empty directory."""
        self._guarded(lambda: self.work.mkdir(parents=True, exist_ok=True))
        self._guarded(lambda: _write(self.work / "request.json", _json(request).encode()))

    def resume(self, request: dict[str, Any]) -> Path | None:
        """The state to go on from, or None to start anew. Raises InputError where that is not possible."""
        try:
            before = json.loads((self.work / "request.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise refuse(self.shown, "no unfinished run to resume was found here") from None
        changed = _differing(before, json.loads(_json(request)))
        if changed:
            raise refuse(self.shown, f"the unfinished run here was started with another {', '.join(changed)}")
        state = self.work / "state.npz"
        return state if state.is_file() else None

    def keep(self, days: list[str]) -> list[dict[str, Any]]:
        """Forget all but whole days, which a broken day may have left; the rows of those that stay.

        Raises InputError where files of those days are gone or damaged: then the run has to be started anew.
        """
        lines = self._rows(len(days)) if days else []
        missing = [
            path.name
            for table in self.tables
            for path in (self.out / table / f"{day}.parquet" for day in days)
            if not path.is_file() or path.stat().st_size == 0
        ]
        if len(lines) < len(days) or missing:
            raise self.damaged()

        def write() -> None:
            self._forget(set(days))
            _write(self.work / "days.jsonl", "".join(f"{line}\n" for line in lines).encode())

        self._guarded(write)
        return [json.loads(line) for line in lines]

    def _rows(self, count: int) -> list[str]:
        """The first lines of the days so far, as many as are whole."""
        try:
            lines = (self.work / "days.jsonl").read_text(encoding="utf-8").splitlines()[:count]
            for line in lines:
                json.loads(line)
        except (OSError, ValueError):
            return []
        return lines

    def damaged(self) -> InputError:
        """What to raise where the unfinished run cannot be gone on with."""
        return refuse(self.shown, "files of the unfinished run are missing or damaged; start it anew with `overwrite`")

    def of_another_form(self) -> InputError:
        """What to raise where the unfinished run keeps its state as this version does not read it."""
        expected = "the unfinished run here was begun by another version of ccp; start it anew with `overwrite`"
        return refuse(self.shown, expected)

    def _forget(self, days: set[str]) -> None:
        for table in self.tables:
            for path in (self.out / table).glob("*"):
                if path.name.split(".")[0] not in days:
                    path.unlink()

    def write_day(self, day: str, tables: dict[str, pl.DataFrame], row: dict[str, Any], state: bytes) -> None:
        """Write a day's tables, its row, and the state after it; then the day is whole."""

        def write() -> None:
            for name, table in tables.items():
                folder = self.out / name
                folder.mkdir(exist_ok=True)
                _replace(folder / f"{day}.parquet", table.write_parquet)
            with (self.work / "days.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(_json(row) + "\n")
            _write(self.work / "state.npz", state)

        self._guarded(write)

    def abandon(self) -> None:
        """Leave nothing of a run that has no whole day."""
        shutil.rmtree(self.work, ignore_errors=True)
        if self.out.is_dir() and not any(self.out.iterdir()):
            self.out.rmdir()

    def finish(self, tables: dict[str, pl.DataFrame], documents: dict[str, Any]) -> None:
        """Write the tables and documents of the whole run; then nothing unfinished is left."""

        def write() -> None:
            for name, table in tables.items():
                _replace(self.out / f"{name}.parquet", table.write_parquet)
            for name, document in documents.items():
                text = json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"
                _write(self.out / f"{name}.json", text.encode())
            shutil.rmtree(self.work)

        self._guarded(write)

    def _guarded(self, write: Callable[[], Any]) -> None:
        """Do some writing; a full disk ends the run with one line, and what is whole stays."""
        try:
            write()
        except OSError as error:
            raise refuse(self.shown, f"cannot be written: {error.strerror or error}{self._kept}") from None
        except pl.exceptions.PolarsError as error:
            raise refuse(self.shown, f"cannot be written: {str(error).splitlines()[0]}{self._kept}") from None


def _differing(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What two requests differ in, by name; of inputs, versions and the like, each by its own."""
    found = []
    for name in sorted({*before, *now}):
        one, other = before.get(name), now.get(name)
        if isinstance(one, dict) and isinstance(other, dict) and name in ("run", "inputs", "in_memory", "libraries"):
            found += _differing(one, other)
        elif one != other:
            found.append(name)
    return list(dict.fromkeys(found))


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, default=str)


def _write(path: Path, content: bytes) -> None:
    _replace(path, lambda partial: partial.write_bytes(content))


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    """Write beside the place, force it to the disk, and rename: whole or not at all, also when the power fails."""
    partial = path.with_name(f".{path.name}.partial")
    write(partial)
    with partial.open("rb+") as handle:
        os.fsync(handle.fileno())
    os.replace(partial, path)
