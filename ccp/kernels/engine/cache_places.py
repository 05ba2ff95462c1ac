"""Where compiled code may stand, whose code is trusted, and what may be removed.

Whoever can write a file that is loaded can run code as the user who loads it. So a file counts only if it belongs to
this user, to root or to the owner of this program, and if nobody else may write to it; wherever it stands.
"""

import os
import re
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import platformdirs

FOLDER = re.compile("kernels-[0-9a-f]{16}")
"""What the folder of a version is called."""
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
ABANDONED = 3600
"""Seconds after which nobody goes on writing a file."""


def chosen_places() -> list[Path]:
    """The directory that CCP_CACHE_DIR names, or the user's cache directory, where there is a home to have one in."""
    place = Path(os.environ.get("CCP_CACHE_DIR") or platformdirs.user_cache_dir("ccp", appauthor=False))
    return [] if place.parts[0] == "~" else [place.absolute()]


def private_places() -> list[Path]:
    """The directories that we have among the temporary files."""
    with suppress(OSError):
        place = _private_place()
        found = [place, *sorted(place.parent.glob(f"{place.name}-*"))]
        return [one for one in found if _is_private(one)]
    return []


def new_private_place() -> Path:
    """A directory among the temporary files, under another name if somebody has taken ours. Raises OSError."""
    place = _private_place()
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
    return place if _is_private(place) else Path(tempfile.mkdtemp(prefix=f"{place.name}-"))


def _private_place() -> Path:
    return Path(tempfile.gettempdir()) / f"ccp-{_user()}"


def _is_private(place: Path) -> bool:
    return _is_own_directory(place) and is_ours(place.lstat())


def _is_own_directory(place: Path) -> bool:
    """Whether a directory is ours, and not a link to one."""
    with suppress(OSError):
        found = place.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == _user()
    return False


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def is_ours(found: os.stat_result) -> bool:
    """Whether something belongs to this user and nobody else may write to it."""
    return _written_by({_user()}, found)


def is_trusted(found: os.stat_result) -> bool:
    """Whether code may be loaded from a file: those who could have written it run code in this process anyway."""
    return _written_by({_user(), 0, os.stat(__file__).st_uid}, found)


def _written_by(owners: set[int], found: os.stat_result) -> bool:
    if not hasattr(os, "getuid"):  # Windows: a user's directories are closed to others, and owners are not told
        return True
    return found.st_uid in owners and not found.st_mode & OTHERS_WRITE


def lock(folder: Path, alone: bool) -> int | None:
    """Hold a folder, with others or alone, until the handle is closed. None if it cannot be had."""
    with suppress(OSError, ImportError):
        import fcntl  # Unix only

        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise
        return handle
    return None


def remove_abandoned(folder: Path) -> None:
    """Remove what killed processes have left half written in a folder in use."""
    for path in folder.glob(".*.partial") if _is_own_directory(folder) else ():
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > ABANDONED:
                path.unlink()


def other_versions(place: Path, version: str) -> list[Path]:
    """The folders of other versions in a place, if they are ours."""
    return [
        path
        for path in sorted(place.glob("kernels-*"))
        if FOLDER.fullmatch(path.name) and path.name != version and _is_own_directory(path)
    ]


def remove_unused(folder: Path) -> bool:
    """Remove a folder, unless a process that is running holds it or nobody can tell. Whether it is gone."""
    held = lock(folder, alone=True)
    if held is None:
        return False
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)
    return not folder.exists()
