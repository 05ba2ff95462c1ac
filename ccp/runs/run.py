"""A finished run, read back from its directory or handed over in memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from ccp.errors import refuse
from ccp.notes.kinds import KINDS
from ccp.notes.note import Note, notes_of
from ccp.runs.commands import COMMANDS, MANIFEST, called, commands_with, readable
from ccp.runs.kind import UNFINISHED, Document, RunKind


@dataclass(frozen=True)
class Run:
    """What a command found. `held` and `stated` are tables and documents in memory; others are read when asked for."""

    name: str
    command: str
    manifest: dict[str, Any]
    folder: Path | None = None
    held: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    stated: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> RunKind:
        """What a run of its command is."""
        return COMMANDS[self.command]

    @cached_property
    def notes(self) -> list[Note]:
        """What its reader must know beside its figures."""
        return notes_of(self.manifest["notes"])

    @property
    def called(self) -> str:
        """Its name without the way to it: what stands in documents that leave this machine."""
        return self.name if self.folder is None else self.folder.resolve().name

    @property
    def tables(self) -> list[str]:
        """The names of its tables, in order; those of the daily cycle that are kept a file a day as well."""
        found = set(self.held)
        if self.folder is not None:
            found |= {path.stem for path in self.folder.glob("*.parquet")}
            kept = (path for path in self.folder.iterdir() if path.name not in self.kind.folders)
            found |= {path.name for path in kept if any(path.glob("*.parquet"))}
        return sorted(found)

    def table(self, name: str) -> pl.DataFrame:
        """A table, whole. Raises InputError where it is missing or cannot be read."""
        return self.held[name] if name in self.held else collected(self.lazy(name), self.place(name))

    def lazy(self, name: str) -> pl.LazyFrame:
        """A table, read as far as it is needed; of one that is kept a file a day, all days. Raises InputError."""
        if name in self.held:
            return self.held[name].lazy()
        folder = self.folder
        if folder is not None and (folder / name).is_dir():
            return pl.scan_parquet(sorted((folder / name).glob("*.parquet")))
        if folder is None or not (folder / f"{name}.parquet").is_file():
            raise refuse(self.place(name), f"this table is missing from the run; it has {', '.join(self.tables)}")
        return pl.scan_parquet(folder / f"{name}.parquet")

    def document(self, name: str) -> Any:
        """A JSON document such as `coverage`. Raises InputError where it is missing or damaged."""
        if name in self.stated:
            return self.stated[name]
        if self.folder is None:
            raise refuse(f"{self._shown}/{name}.json", "this document is missing from the run")
        return _read(self.folder / f"{name}.json", f"{self._shown}/{name}.json", self.kind.documents.get(name))

    def has(self, name: str) -> bool:
        """Whether a table or a document of that name is there."""
        kept = self.folder is not None and (self.folder / f"{name}.json").is_file()
        return kept or name in self.stated or name in self.tables

    def place(self, name: str) -> str:
        """Where a table stands, as a message names it."""
        return f"{self._shown}/{name}.parquet"

    @property
    def _shown(self) -> str:
        """Where it is, as it was asked for."""
        return self.name if self.folder is None else str(self.folder)


def collected(frame: pl.LazyFrame, place: str) -> pl.DataFrame:
    """A table read from its file. Raises InputError where it cannot be."""
    try:
        return frame.collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise refuse(place, f"cannot be read as parquet: {first_line}") from None


def open_run(path: Path | str, commands: tuple[str, ...] | None = None) -> Run:
    """A finished run of one of some commands (default: any), all its files there. Raises InputError."""
    folder, shown, commands = Path(path), str(path), readable() if commands is None else commands
    if not folder.is_dir():
        raise refuse(shown, "a run's directory was expected, no such directory")
    if (folder / UNFINISHED).is_dir():
        raise refuse(shown, f"an unfinished run stands here: finish it with {called(_resumed())} `resume`")
    command, manifest = read_manifest(path, commands)
    _check_notes(manifest, f"{shown}/manifest.json")
    _check_whole(folder, shown, command)
    return Run(shown, command, manifest, folder)


def read_manifest(path: Path | str, commands: tuple[str, ...] | None = None) -> tuple[str, dict[str, Any]]:
    """The command that made a run, and its manifest, in the form that this program knows. Raises InputError."""
    folder, shown, commands = Path(path), str(path), readable() if commands is None else commands
    if not (folder / "manifest.json").is_file():
        raise refuse(shown, f"a run's directory was expected ({called(commands)}), there is no manifest.json in it")
    manifest = _read(folder / "manifest.json", f"{shown}/manifest.json", MANIFEST)
    command = str(manifest.get("made_by", "")).removeprefix("ccp ") if isinstance(manifest, dict) else ""
    if command not in readable():
        raise refuse(shown, f"a run's directory was expected ({called(commands)}), its manifest is not one of a run")
    if command not in commands:
        raise refuse(shown, f"a run of {called(commands)} was expected, this is one of ccp {command}")
    _check_form(shown, manifest, COMMANDS[command].form)
    return command, manifest


def _resumed() -> tuple[str, ...]:
    """The commands whose runs may be broken off and gone on with."""
    return commands_with(lambda row: UNFINISHED in row.outputs)


def _check_form(shown: str, manifest: dict[str, Any], known: int) -> None:
    """Refuse a run of another version of this program, when its files differ."""
    form = manifest.get("form", 1)
    if form != known:
        made = manifest.get("program", {}).get("ccp", "unknown")
        older = "an older" if isinstance(form, int) and form < known else "another"
        expected = f"this run is in {older} form ({form}, by ccp {made}); form {known} was expected: run it again"
        raise refuse(shown, expected)


def _check_notes(manifest: dict[str, Any], shown: str) -> None:
    """Refuse a run whose notes are not there, or are none that this program makes: silence is not "none"."""
    _check_fields(manifest, ("notes",), shown)
    try:
        known = all(one.id in KINDS for one in notes_of(manifest["notes"]))
    except (KeyError, TypeError):
        known = False
    if not known:
        raise refuse(shown, "notes of kinds that this version knows were expected: run it again", field="notes")


def _check_whole(folder: Path, shown: str, command: str) -> None:
    """Refuse a run of which a file is missing."""
    missing = [name for name in sorted(COMMANDS[command].needed) if not (folder / name).exists()]
    if missing:
        raise refuse(f"{shown}/{missing[0]}", f"missing; every run of ccp {command} has it: run it again")


def _read(path: Path, shown: str, document: Document | None) -> Any:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise refuse(shown, "this document is missing from the run") from None
    except (OSError, ValueError) as error:
        raise refuse(shown, f"cannot be read as JSON: {error}") from None
    _check_fields(found, () if document is None else document.fields, shown)
    return found


def _check_fields(document: Any, fields: tuple[str, ...], shown: str) -> None:
    """Refuse a document without some of its fields."""
    missing = [name for name in fields if not isinstance(document, dict) or name not in document]
    if missing:
        raise refuse(shown, f"its field {missing[0]} is missing: the document is damaged, run it again")
