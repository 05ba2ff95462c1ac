"""Writing a run: into a directory beside its destination, renamed when whole. A killed run leaves nothing."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ccp.errors import refuse
from ccp.runs.commands import COMMANDS
from ccp.runs.kind import UNFINISHED
from ccp.runs.parts import write_parts


def write_run(
    out: Path,
    command: str,
    tables: Mapping[str, pl.DataFrame | Iterator[pl.DataFrame]],
    documents: dict[str, Any],
    overwrite: bool,
    more: Callable[[Path], None] | None = None,
) -> Path:
    """Write tables as Parquet and documents as JSON into a new directory `out`.

    Tables are written in their order, and one may arrive in parts that are made meanwhile. A directory that exists and
    is not empty is left alone, unless `overwrite` is set and it holds an earlier run of the same command and nothing
    else. `more` writes further files into the folder it is given. Raises InputError.
    """

    def fill(folder: Path) -> None:
        for name, table in tables.items():
            if isinstance(table, pl.DataFrame):
                table.write_parquet(folder / f"{name}.parquet")
            else:
                write_parts(table, folder / f"{name}.parquet")
        for name, document in documents.items():
            text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
            (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        if more is not None:
            more(folder)

    undeclared = [name for name in tables if name not in COMMANDS[command].tables]
    undeclared += [name for name in documents if name not in COMMANDS[command].documents]
    if undeclared:
        raise ValueError(
            f"ccp {command} writes {', '.join(undeclared)}, of which its row in ccp.runs.commands is silent"
        )
    check_free(out, command, overwrite)
    return _write_directory(out.resolve(), fill)


def check_free(out: Path, command: str, overwrite: bool) -> None:
    """Refuse a destination that is in use, before any work is done for it. Raises InputError."""
    shown, out = str(out), out.resolve()
    if out.exists() and not out.is_dir():
        raise refuse(shown, "a directory was expected, this is a file")
    beside = next(folder for folder in out.parents if folder.exists())
    if not beside.is_dir() or not os.access(beside, os.W_OK):
        raise refuse(shown, f"cannot be written: {beside} is not a directory that may be written to")
    if out == Path.cwd():
        raise refuse(shown, "another directory than the one you are in was expected")
    found = {path.name for path in out.iterdir() if not _left_over(path.name)} if out.is_dir() else set()
    if found and not overwrite and (out / UNFINISHED / "request.json").is_file():
        raise refuse(shown, "an unfinished run stands here: go on with `resume`, or say `overwrite`")
    if found and not overwrite:
        raise refuse(shown, "the directory is not empty; choose another or say `overwrite`")
    kind = COMMANDS[command]
    unfinished = UNFINISHED in kind.outputs and (out / UNFINISHED).is_dir()
    ours = unfinished or _made_by(out / "manifest.json") == f"ccp {command}"
    if found and not (found <= kind.outputs and ours):
        raise refuse(shown, f"only a directory that an earlier ccp {command} has written may be overwritten")


def write_file(out: Path, content: bytes, overwrite: bool) -> Path:
    """Write one file, whole or not at all. Raises InputError."""
    check_file_free(out, overwrite)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        try:
            partial.write_bytes(content)
            os.replace(partial, out)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise refuse(str(out), f"cannot be written: {error.strerror}") from None
    return out


def check_file_free(out: Path, overwrite: bool) -> None:
    """Refuse a file that is there already, or could not be written, before any work is done for it.

    Raises InputError.
    """
    folder = out.resolve().parent
    if out.is_dir():
        raise refuse(str(out), "a file was expected, this is a directory")
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise refuse(str(out), f"cannot be written: {folder} is not a directory that may be written to")
    if (folder / "manifest.json").is_file():
        raise refuse(str(out), "a file beside the run was expected: a run's directory holds its own files only")
    if out.exists() and not overwrite:
        raise refuse(str(out), "the file is there already; choose another or say `overwrite`")


def _left_over(name: str) -> bool:
    """Whether a file is what a killed run had half written."""
    return name.startswith(".") and name.endswith(".partial")


def _made_by(manifest: Path) -> str | None:
    """The command that wrote a manifest, if it is one of ours."""
    try:
        stated = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stated.get("made_by") if isinstance(stated, dict) else None


def _write_directory(out: Path, fill: Callable[[Path], None]) -> Path:
    """Let `fill` write into a temporary directory beside `out`, then put it in `out`'s place."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
    except OSError as error:
        raise refuse(str(out), f"cannot be written: {error.strerror}") from None
    try:
        fill(partial)
        partial.chmod(0o777 & ~_umask())
        _put_in_place(partial, out)
    except OSError as error:
        raise refuse(str(out), f"cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _put_in_place(partial: Path, out: Path) -> None:
    """Rename a whole run to its destination; an earlier one stays until then, and comes back if that fails."""
    if not out.exists():
        os.rename(partial, out)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent))
    try:
        os.rename(out, aside / out.name)
        try:
            os.rename(partial, out)
        except BaseException:
            os.rename(aside / out.name, out)
            raise
    finally:
        if out.exists():
            shutil.rmtree(aside)
