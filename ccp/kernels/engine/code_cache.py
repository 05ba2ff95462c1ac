"""Compiled code on disk: whole or not at all, and read only if nobody else can have written it.

Every piece of code is a file of its own, named by all that it was made from. So processes that compile at once cannot
mix their work up, one that is killed leaves nothing that is ever read, and a file that a full disk has cut off is found
out by its sum and made again. Where files may stand, and whose count, is said in `ccp.kernels.engine.cache_places`.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ccp.kernels.engine.cache_places import chosen_places, is_ours, is_trusted, lock, new_private_place, private_places


class CodeCache:
    """The code of one version of the kernels: in the user's cache directory or, where that cannot be, a private one.

    `loaded`, `saved` and `lost` count pieces of code in this process; lost is what could be kept nowhere.
    """

    def __init__(self, version: str):
        self.version = version
        self.places = [*chosen_places(), *private_places()]
        self.loaded = self.saved = self.lost = 0
        self._held: dict[Path, int] = {}
        for folder in self.folders:
            self._hold(folder)

    @property
    def folders(self) -> list[Path]:
        """Where code of this version is looked for, in this order, and kept: in the first that takes it."""
        return [place / self.version for place in self.places]

    def load(self, name: str) -> bytes | None:
        """A piece of code, if it is there and whole."""
        for folder in self.folders:
            content = _read(folder / name)
            if content is not None:
                self.loaded += 1
                return content
        return None

    def save(self, name: str, content: bytes) -> None:
        """Keep a piece of code. A full disk is no reason to stop: then it is lost."""
        for folder in self._takers():
            with suppress(OSError):
                _write(folder / name, content)
                self._hold(folder)
                self.saved += 1
                return
        self.lost += 1

    def _takers(self) -> Iterator[Path]:
        yield from self.folders
        with suppress(OSError):
            self.places.append(new_private_place())
            yield self.folders[-1]

    def _hold(self, folder: Path) -> None:
        """Let other processes see that this one uses a folder, as long as it lives."""
        if folder not in self._held and (held := lock(folder, alone=False)) is not None:
            self._held[folder] = held


def _sum(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + content).digest()


def _read(path: Path) -> bytes | None:
    """A file's content, if its sum says that it is whole and of that name."""
    with suppress(OSError), path.open("rb") as file:
        if is_trusted(os.fstat(file.fileno())):
            whole = file.read()
            if whole[:32] == _sum(path.name, whole[32:]):
                return whole[32:]
    return None


def _write(path: Path, content: bytes) -> None:
    """Write a file under another name and rename it when it is whole. Raises OSError."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if path.exists() and not is_ours(path.lstat()):
        raise PermissionError(f"{path} belongs to somebody else")
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with open(partial, "xb", opener=_create) as file:
            file.write(_sum(path.name, content) + content)
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _create(path: str, flags: int) -> int:
    """Open a file that nobody else may write to, whatever the user's mask says."""
    return os.open(path, flags, 0o644)
