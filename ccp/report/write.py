"""Writing a run: into a directory beside its destination, renamed when whole. A killed run leaves nothing."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from ccp.errors import refuse


def write_run(out: Path, tables: dict[str, pl.DataFrame], documents: dict[str, Any], overwrite: bool) -> Path:
    """Write tables as Parquet and documents as JSON into a new directory `out`.

    A directory that exists and is not empty is left alone unless `overwrite` is set. Raises InputError.
    """

    def fill(folder: Path) -> None:
        for name, table in tables.items():
            table.write_parquet(folder / f"{name}.parquet")
        for name, document in documents.items():
            text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
            (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")

    return write_directory(out, fill, overwrite)


def check_free(out: Path, overwrite: bool) -> None:
    """Refuse a destination that is in use, before any work is done for it. Raises InputError."""
    if out.exists() and not out.is_dir():
        raise refuse(str(out), "a directory was expected, this is a file")
    beside = next(folder for folder in out.absolute().parents if folder.exists())
    if not beside.is_dir() or not os.access(beside, os.W_OK):
        raise refuse(str(out), f"cannot be written: {beside} is not a directory that may be written to")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not overwrite:
        raise refuse(str(out), "the directory is not empty; choose another or say --overwrite")
    if not (out / "manifest.json").is_file() or any(path.is_dir() for path in out.iterdir()):
        raise refuse(str(out), "only a directory that an earlier run has written may be overwritten")


def write_directory(out: Path, fill: Callable[[Path], None], overwrite: bool) -> Path:
    """Let `fill` write into a temporary directory beside `out`, then put it in `out`'s place."""
    check_free(out, overwrite)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
    except OSError as error:
        raise refuse(str(out), f"cannot be written: {error.strerror}") from None
    try:
        fill(partial)
        partial.chmod(0o777 & ~_umask())
        if out.exists():
            _replace(out, partial)
        else:
            os.rename(partial, out)
    except OSError as error:
        raise refuse(str(out), f"cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _replace(out: Path, partial: Path) -> None:
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent))
    os.rename(out, old / out.name)
    os.rename(partial, out)
    shutil.rmtree(old)
