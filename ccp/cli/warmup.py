"""`ccp warmup`: compile everything ahead."""

from typing import TYPE_CHECKING, Annotated

import typer

from ccp.cli.options import AsJson, Quiet, Verbose
from ccp.cli.session import Session, session

if TYPE_CHECKING:
    from ccp.api.warmup import WarmUp


def warmup(
    clean: Annotated[
        bool, typer.Option("--clean", help="Also remove compiled code of other versions that is not in use.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compile all kernels and keep them on disk, so that no later start has to; say where, and how large that is.

    Example: ccp warmup --clean
    """
    with session(as_json, quiet, verbose) as current:
        with current.progress("compiling") as progress:
            from ccp.api.warmup import warmup as compile_all

            found = compile_all(progress, clean)
        current.answer(found.as_dict())
        _tell(current, found)


def _tell(current: Session, found: "WarmUp") -> None:
    what = f"Compiled {found.compiled} kernels." if found.compiled else "Everything was compiled already."
    places = " and ".join(str(folder) for folder in found.folders)
    current.tell(f"{what} {found.files} files, {found.bytes / 2**20:.1f} MiB, in {places}")
    for folder in found.removed:
        current.tell(f"Removed {folder}")
    for folder in found.in_use:
        current.say(f"note: {folder} is left: a process that is running may use it")
    if found.wanted not in found.folders:
        current.say(f"note: {found.wanted} cannot be written to; CCP_CACHE_DIR names another place")
